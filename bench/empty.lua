-- empty.lua - a script that needs no network: what starting and ending takes
local t = {}
for i = 1, 100 do t[i] = i * 2 end
io.write(t[101] or "")
