-- 15-ospf.lua - three routers learn their ways by OSPF, and another way when a link is cut
local frr = require "stdlib.frr"
local works, why = frr.available()
if not works then return print("skipped: " .. why) end

-- A triangle; each router has an address of its own on its loopback, 10.255.0.N.
local r = {}
for i = 1, 3 do
  r[i] = netns.add("r" .. i)
  r[i]:link "lo":set { up = true }
  r[i]:link "lo":add_addr("10.255.0." .. i .. "/32")
end
for i, j in ipairs { 2, 3, 1 } do
  local near, far = r[i]:add_link { "to" .. r[j].name, kind = "veth", up = true,
    peer = { "to" .. r[i].name, netns = r[j], up = true } }
  near:add_addr(("10.0.%d.1/24"):format(i))
  far:add_addr(("10.0.%d.2/24"):format(i))
end

-- FRRouting runs in each; the straight way from r1 to r3 costs more than that by r2.
local f = nsh.all {
  function() return frr.start(r[1], { ospf = { "lo", "tor2", { "tor3", cost = 50 }, type = "ptp" } }) end,
  function() return frr.start(r[2], { ospf = { "lo", "tor1", "tor3", type = "ptp" } }) end,
  function() return frr.start(r[3], { ospf = { "lo", "tor2", { "tor1", cost = 50 }, type = "ptp" } }) end,
}
for _, router in ipairs(f) do router:wait_ospf() end  -- two full neighbours each
print(r[1]:wait_route { "10.255.0.3", via = "10.0.1.2" }.dev, r[1]:reaches "10.255.0.3")

-- Both ends notice the cut at once, tell the others, and everybody computes the ways anew.
r[2]:link "tor3":set { up = false }
print(r[1]:wait_route { "10.255.0.3", via = "10.0.3.1" }.dev, r[1]:reaches "10.255.0.3")
print(#f[2]:wait_ospf(1), f[2]:neighbors()[1].addr)

-- Prints:
-- tor2	true
-- tor3	true
-- 1	10.0.1.1
