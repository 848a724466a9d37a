-- 40-snapshot.lua - what ip(8) has made by hand, as a lab: read, drawn up as a script, and made again
os.execute [[
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n red link set eth0 address 02:00:00:00:00:01 up
ip -n blue link set eth0 address 02:00:00:00:00:02 txqlen 500 up
ip -n red route add 10.9.0.0/16 via 10.0.0.2
]]
local before = nsh.snapshot()
print(before:script())

-- Someone changes a thing; two snapshots tell which.
netns.get "blue":link "eth0":set { mtu = 1400 }
print(before:diff(nsh.snapshot()))

-- The script makes it again, in a world where nothing is left of it.
for _, record in ipairs(netns.list()) do netns.del(record.name) end
load(before:script())():up()
print(before:diff(nsh.snapshot()), netns.get "red":reaches "10.0.0.2")

-- Prints:
-- local net = lab "snapshot"
--
-- local blue = net:host { "blue", netns = "blue", lo = false }
-- local red = net:host { "red", netns = "red", lo = false, routes = { { "10.9.0.0/16", via = "10.0.0.2" } } }
--
-- net:link {
--   { blue, "eth0", addr = "10.0.0.2/24", mac = "02:00:00:00:00:02", txqlen = 500 },
--   { red, "eth0", addr = "10.0.0.1/24", mac = "02:00:00:00:00:01" },
-- }
--
-- return net
--
--   blue
--     ~ link eth0: mtu 1500 → 1400
-- nothing to do	true
