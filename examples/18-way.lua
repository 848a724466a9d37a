-- 18-way.lua - which way packets go, how large they may be, who reaches whom, and how much goes through
local a, r, b = netns.add "a", netns.add "r", netns.add "b"
r.sysctl["net.ipv4.ip_forward"] = 1
local left = a:add_link { "eth0", kind = "veth", up = true, peer = { "left", netns = r, up = true } }
local right = b:add_link { "eth0", kind = "veth", up = true, peer = { "right", netns = r, up = true } }
left:add_addr "10.0.1.2/24"
right:add_addr "10.0.2.2/24"
r:link "left":add_addr "10.0.1.1/24"
r:link "right":add_addr "10.0.2.1/24"
a:add_route { "default", via = "10.0.1.1" }
b:add_route { "default", via = "10.0.2.1" }
a:reaches "10.0.2.2"

for _, hop in ipairs(a:traceroute "10.0.2.2".hops) do print(hop.hop, hop.addr) end

r:link "right":set { mtu = 1400 }
print(a:path_mtu "10.0.2.2")

print("lost", nsh.ping_all { a, r, b }.loss)

local test = nsh.throughput { from = a, to = b, proto = "udp", rate = "10mbit", seconds = 0.2 }
print("Mbit/s", math.floor(test.rate / 1e6 + 0.5), "datagrams of", test.size)

local listener <close> = b:listen(80)
local client <close> = a:connect "10.0.2.2:80"
local server <close> = listener:accept()
client:send "hello\n"
print(server:receive "line")

-- Prints:
-- 1	10.0.1.1
-- 2	10.0.2.2
-- path to 10.0.2.2 from a: mtu 1400, the link has 1500
-- 10.0.1.1 passes on 1400
-- lost	0.0
-- Mbit/s	10	datagrams of	1372
-- hello
