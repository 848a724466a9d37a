-- demo.lua - run an example aloud: its comments, each line before it is run, and what that prints
--     ./nsh examples/demo.lua examples/03-router.lua
local path = assert(arg[1], "which example?")
local lines, shown = {}, 0
for line in io.lines(path) do
  if line == "-- Prints:" then break end
  lines[#lines + 1] = line
end

local bold, dim, plain = "\27[1m", "\27[36m", "\27[0m"
if os.getenv "NO_COLOR" or not os.execute "test -t 1" then bold, dim, plain = "", "", "" end

-- Shows the lines up to that which runs next; those of a loop are shown once.
local function show(upto)
  for i = shown + 1, math.min(upto, #lines) do
    local line = lines[i]
    if line:find "^%-%-" then
      print(bold .. line:sub(4) .. plain)
    else
      print(line == "" and "" or "  " .. dim .. line .. plain)
    end
    shown = i
  end
end

local chunk = assert(loadfile(path, "t"))
local source = debug.getinfo(chunk, "S").source
debug.sethook(function(_, line)
  if debug.getinfo(2, "S").source == source then show(line) end
end, "l")
chunk()
debug.sethook()
show(#lines)
