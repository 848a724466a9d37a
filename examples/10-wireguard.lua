-- 10-wireguard.lua - two sites behind routers, joined over the Internet by an encrypted tunnel
local internet = netns.add "internet"

-- A site: a router with an address on the Internet, and a machine on the LAN behind it.
local function site(name, public, lan)
  local router, machine = netns.add(name), netns.add(name .. "-machine")
  router.sysctl["net.ipv4.ip_forward"] = 1
  local wan = router:add_link { "wan", kind = "veth", up = true, peer = { name, netns = internet, up = true } }
  wan:add_addr(public .. "/24")
  router:add_link { "lan", kind = "veth", up = true, peer = { "eth0", netns = machine, up = true } }
  router:link("lan"):add_addr(lan .. ".1/24")
  machine:link("eth0"):add_addr(lan .. ".2/24")
  machine:add_route { "default", via = lan .. ".1" }
  return router, machine
end

local ok, err = pcall(function()
  internet:add_link { "br0", kind = "bridge", up = true }
  local a, a_machine = site("a", "192.0.2.1", "10.1.0")
  local b, b_machine = site("b", "192.0.2.2", "10.2.0")
  for _, name in ipairs { "a", "b" } do internet:link(name):set { master = "br0" } end

  -- The kernel makes the public keys of the private ones; each side is told the other's.
  local wa = a:add_link { "wg0", kind = "wireguard", private_key = nsh.wireguard_key(), listen_port = 51820, up = true }
  local wb = b:add_link { "wg0", kind = "wireguard", private_key = nsh.wireguard_key(), listen_port = 51820, up = true }
  wa:add_peer { wb.public_key, endpoint = "192.0.2.2:51820", allowed_ips = { "10.2.0.0/24" } }
  wb:add_peer { wa.public_key, endpoint = "192.0.2.1:51820", allowed_ips = { "10.1.0.0/24" } }
  a:add_route { "10.2.0.0/24", dev = wa }
  b:add_route { "10.1.0.0/24", dev = wb }
  assert(a_machine:reaches "10.2.0.2" and b_machine:reaches "10.1.0.2")
  assert(wa:peers()[1].rx_bytes > 0)
end)
if not ok and err.code ~= "EOPNOTSUPP" then error(err, 0) end
print("joined:", ok or err.hint)

-- Prints:
-- joined:	...
