-- 12-bad-network.lua - a slow link, a full queue, and a copy of what goes by
local a, b = netns.add "a", netns.add "b"
local eth0, peer = a:add_link { "eth0", kind = "veth", up = true, peer = { "eth0", netns = b, up = true } }
eth0:add_addr "10.0.0.1/24"
peer:add_addr "10.0.0.2/24"
a:reaches "10.0.0.2"

-- What the link sends becomes slow: 20,000 bytes a second. The packets that are waiting stay when it changes.
eth0:impair { rate = "160kbit" }
a:ping("10.0.0.2", { count = 30, interval = 0.001, size = 1000, timeout = 0.01 })
local waiting = eth0:qdiscs({ parent = "root", stats = true })[1].stats.qlen
print("packets wait", waiting > 5)
print("rate", eth0:impair { rate = "100mbit" }.rate)
eth0:impair(false)
print("left", eth0:impair(), eth0:qdiscs()[1].kind)

-- A tree of classes: a filter sends what goes to port 80 to the slow one.
eth0:add_qdisc { "htb", handle = "1:", default = "1:20" }
eth0:add_class { "htb", parent = "1:", classid = "1:10", rate = "1mbit", ceil = "2mbit" }
eth0:add_class { "htb", parent = "1:", classid = "1:20", rate = "100mbit" }
eth0:add_filter { "u32", protocol = "ip", prio = 1, ip_proto = "tcp", dport = 80, classid = "1:10" }
for _, class in ipairs(eth0:classes()) do print(class.classid, class.rate, class.ceil) end

-- A copy of all that arrives at the other side goes to a link where one may look at it.
local tap = b:add_link { "tap0", kind = "veth", peer = "tap1", up = true }
b:link("tap1"):set { up = true }
peer:add_qdisc "clsact"
peer:add_filter { "u32", parent = "ingress", prio = 1, protocol = "ip",
  actions = { { "mirred", egress = "mirror", dev = tap } } }
a:ping("10.0.0.2", { count = 3, interval = 0.01 })
print("copies", peer:filters({ stats = true })[1].actions[1].stats.packets)

-- Prints:
-- packets wait	true
-- rate	100000000
-- left	nil	noqueue
-- 1:10	1000000	2000000
-- 1:20	100000000	100000000
-- copies	3
