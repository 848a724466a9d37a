-- 03-router.lua - layer 3: a bridge with an address is the router of its hosts
-- The root namespace plays the machine; two hosts hang on its bridge.
local root = netns.current()
local br0 = root:add_link { "br0", kind = "bridge", up = true }
for i = 1, 2 do
  local _, eth0 = root:add_link { "p" .. i, kind = "veth", master = br0, up = true,
    peer = { "eth0", netns = netns.add("h" .. i), up = true } }
  eth0:add_addr("172.18.1." .. i * 10 .. "/24")
end

-- Behind the machine's card lies another network, with a server that knows only its own.
local server = netns.add "server"
local card, far = root:add_link { "card", kind = "veth", up = true, peer = { "eth0", netns = server, up = true } }
card:add_addr "192.168.2.118/24"
far:add_addr "192.168.2.1/24"

-- With an address on the bridge the machine itself stands in the hosts' network.
br0:add_addr "172.18.1.1/24"
print(root:reaches "172.18.1.10")  -- true: a host answers it

-- The host knows no way out until it has a default route by the bridge.
local h1 = netns.get "h1"
print(h1:reaches("192.168.2.118", { timeout = 0.3 }))  -- false: no route
h1:add_route { "default", via = "172.18.1.1" }
print(h1:routes { family = "inet" })  -- what we added, and the kernel's own to the hosts' network

-- Its packets reach the machine, but go no farther: it must forward, and the server must know the way back.
print(h1:reaches "192.168.2.118", h1:reaches("192.168.2.1", { timeout = 0.3 }))  -- the machine: yes; the server: no
root.sysctl["net.ipv4.ip_forward"] = 1
server:add_route { "172.18.1.0/24", via = "192.168.2.118" }
print(h1:ping "192.168.2.1".replies[1].ttl)  -- 63 of 64 hops are left: it came through the router

-- Prints:
-- true
-- false
-- dst            via         dev   src          scope   proto
-- default        172.18.1.1  eth0  -            global  boot
-- 172.18.1.0/24  -           eth0  172.18.1.10  link    kernel
-- true	false
-- 63
