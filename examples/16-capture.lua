-- 16-capture.lua - seeing packets: both sides of a router at once, in the order of time, and the same from a file
local hosts, lan = {}, netns.add "router"
lan:link("lo"):set { up = true }
lan.sysctl["net.ipv4.ip_forward"] = 1
for i, name in ipairs { "red", "blue" } do
  hosts[i] = netns.add(name)
  local link = hosts[i]:add_link { "eth0", kind = "veth", up = true, peer = { name, netns = lan, up = true } }
  link:add_addr(("10.0.%d.2/24"):format(i))
  lan:link(name):add_addr(("10.0.%d.1/24"):format(i))
  hosts[i]:add_route { "default", via = ("10.0.%d.1"):format(i) }
end
local red, blue = table.unpack(hosts)
assert(red:reaches "10.0.2.2") -- the neighbours know each other now

-- It returns when the kernel captures: nothing that follows is missed.
local file = os.tmpname()
local capture = nsh.capture { { red, "eth0" }, { blue, "eth0" }, filter = "icmp", file = file, format = "pcapng" }
red:ping("10.0.2.2", { ttl = 1 })
red:ping("10.0.2.2")
for packet in capture:packets() do
  print(packet.netns, packet.direction, packet.icmp.type, "ttl " .. packet.ip.ttl, packet.ip.src)
end
capture:close()
print(capture.stats.received, capture.stats.dropped)

-- The file has the same, for tcpdump and Wireshark too.
local count = 0
for _ in nsh.read_pcap(file) do count = count + 1 end
print(count)
os.remove(file)

-- Prints:
-- red	out	echo-request	ttl 1	10.0.1.2
-- red	in	time-exceeded	ttl 64	10.0.1.1
-- red	out	echo-request	ttl 64	10.0.1.2
-- blue	in	echo-request	ttl 63	10.0.1.2
-- blue	out	echo-reply	ttl 64	10.0.2.2
-- red	in	echo-reply	ttl 63	10.0.2.2
-- 6	0
-- 6
