-- 14-nat.lua - containers behind the address of their host: masquerade, a published port, drops and counters
local firewall, httpd = require "stdlib.firewall", require "stdlib.httpd"
local host, box, outside = netns.current(), netns.add "box", netns.add "outside"
local docker0, lan = host:add_link { "docker0", kind = "veth", up = true, peer = { "eth0", netns = box, up = true } }
docker0:add_addr "172.17.0.1/16"
lan:add_addr "172.17.0.2/16"
box:add_route { "default", via = "172.17.0.1" }
local wan, eth0 = host:add_link { "wan", kind = "veth", up = true, peer = { "eth0", netns = outside, up = true } }
wan:add_addr "203.0.113.2/24"
eth0:add_addr "203.0.113.1/24"
host.sysctl["net.ipv4.ip_forward"] = 1

-- Outside has no way back to 172.17.0.2, until all that leaves has the host's address.
print("without", box:reaches("203.0.113.1", { timeout = 0.3 }))
local nat = firewall.masquerade(host, { src = "172.17.0.0/16", oif = wan })
print("with", box:reaches "203.0.113.1", nat.packets >= 1)

-- A port of the host that is one of the box
local server <close> = httpd.start(box, { pages = { ["index.html"] = "hello from the box" } })
local web = firewall.forward_port(host, { port = 8080, to = "172.17.0.2:80" })
print(httpd.get(outside, "http://203.0.113.2:8080/"), web.packets)

-- What is dropped is counted, until the rule is taken away.
local no_ping = firewall.drop(host, { proto = "icmp", iif = wan, hook = "input" })
print("ping", outside:reaches("203.0.113.2", { timeout = 0.1 }), no_ping.packets >= 1)
no_ping:remove()
print("ping", outside:reaches "203.0.113.2")

-- Or in nft's own words; a mistake has its place, and nothing is applied.
local ok, err = pcall(host.nft, host, "table ip mine {\n  chain c { no such thing; }\n}")
print(ok, err.line, err.said)
print(#host:nft_ruleset().nftables > 5, server:running())
-- Prints:
-- without	false
-- with	true	true
-- hello from the box	1
-- ping	false	true
-- ping	true
-- false	2	syntax error, unexpected semicolon
-- true	true
