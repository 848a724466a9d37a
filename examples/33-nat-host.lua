-- 33-nat-host.lua - containers as Docker joins them: a bridge, NAT, and a published port, as a lab
local httpd = require "stdlib.httpd"
local topology = require "stdlib.topology"

local net = topology.nat_host { containers = 2, publish = { [8080] = "c1:80" }, ipv6 = false }
net:up()
local host, c1, outside = net:node "host".netns, net:node "c1".netns, net:node "outside".netns

-- Outside has no way to the containers, but sees what they send: with the host's address.
print("containers from outside", outside:reaches("172.17.0.2", { timeout = 0.1 }))
local seen = outside:capture { "eth0", filter = "icmp[0] == 8" }
print("outside from c1, c2", c1:reaches "203.0.113.1", net:node "c2".netns:reaches "203.0.113.1")
for packet in seen:packets() do print("seen from", packet.ip.src) end

-- The host's port 8080 is port 80 of c1.
local server = httpd.start(c1, { pages = { ["index.html"] = "hello from c1" } })
print(httpd.get(outside, "http://203.0.113.2:8080/"))
for _, rule in ipairs(host:nft_counters { table = "nat" }) do print(rule.chain, rule.packets > 0) end
server:stop()
net:down()

-- Prints:
-- containers from outside	false
-- outside from c1, c2	true	true
-- seen from	203.0.113.2
-- seen from	203.0.113.2
-- hello from c1
-- postrouting	true
-- prerouting	true
