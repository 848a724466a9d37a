-- 04-card.lua - a namespace on the LAN: its cable and the machine's card are ports of one bridge
local root = netns.current()

-- The LAN is played by one machine behind the card eth1.
local lan = netns.add "lan"
local eth1, machine = root:add_link { "eth1", kind = "veth", up = true, peer = { "eth0", netns = lan, up = true } }
machine:add_addr "192.168.10.29/24"

-- A pair may also be made in one place, and one end moved afterwards.
local blue = netns.add "blue"
local veth0, veth1 = root:add_link { "veth0", kind = "veth", up = true, peer = "veth1" }
veth1:set { netns = blue, up = true }
veth1:add_addr "192.168.10.21/24"

local br0 = root:add_link { "br0", kind = "bridge" }
eth1:set { master = br0 }
veth0:set { master = br0 }
print("bridge down:", blue:reaches("192.168.10.29", { timeout = 0.3 }))
br0:set { up = true }
print("bridge up:", blue:reaches "192.168.10.29")

-- The machine has an address on the bridge, not on the card; each namespace sees only its own.
br0:add_addr "192.168.10.1/24"
print(blue:reaches "192.168.10.1", lan:reaches "192.168.10.21")
for _, addr in ipairs(root:addrs { family = "inet" }) do print(addr.dev, addr.addr) end
for _, route in ipairs(blue:routes { family = "inet" }) do print(route.dst, route.dev) end

-- Prints:
-- bridge down:	false
-- bridge up:	true
-- true	true
-- br0	192.168.10.1/24
-- 192.168.10.0/24	veth1
