-- 11-tunnel.lua - a namespace whose only link is a tunnel: it sends from where it was made, not from where it is
local ok, err = pcall(function()
  local here, far, inside = netns.add "here", netns.add "far", netns.add "inside"
  here:add_link { "eth0", kind = "veth", up = true, peer = { "eth0", netns = far, up = true } }
  here:link("eth0"):add_addr "192.0.2.1/24"
  far:link("eth0"):add_addr "192.0.2.2/24"

  -- Made here, between the addresses of here and far; then moved inside, where there is nothing else.
  local tunnel = here:add_link { "gre1", kind = "gre", ["local"] = "192.0.2.1", remote = "192.0.2.2", key = 7 }
  tunnel:set { netns = inside, up = true }
  tunnel:add_addr "10.0.0.1/30"
  local back = far:add_link { "gre1", kind = "gre", ["local"] = "192.0.2.2", remote = "192.0.2.1", key = 7, up = true }
  back:add_addr "10.0.0.2/30"
  assert(inside:reaches "10.0.0.2" and not inside:find_link "eth0")

  back:set { key = 8 } -- no longer the same tunnel; the rest of it stays as it is
  assert(not inside:reaches("10.0.0.2", { timeout = 0.5 }) and back.remote == "192.0.2.1")
end)
if not ok and err.code ~= "EOPNOTSUPP" then error(err, 0) end
print("through the tunnel:", ok or err.hint)

-- Prints:
-- through the tunnel:	...
