-- 08-overlay.lua - three hosts on one Ethernet that is not there: vxlan over routed networks, without multicast
local core = netns.add "core" -- the routers in between, as one
local hosts, tunnels = {}, {}

for i = 1, 3 do
  hosts[i] = netns.add("h" .. i)
  local port, eth0 = core:add_link { "p" .. i, kind = "veth", up = true,
    peer = { "eth0", netns = hosts[i], up = true } }
  port:add_addr(("10.0.%d.1/24"):format(i))
  eth0:add_addr(("10.0.%d.2/24"):format(i))
  hosts[i]:add_route { "default", via = ("10.0.%d.1"):format(i) }
  tunnels[i] = hosts[i]:add_link { "vx0", kind = "vxlan", id = 7, dstport = 4789, up = true }
  tunnels[i]:add_addr(("192.168.7.%d/24"):format(i))
end
core.sysctl["net.ipv4.ip_forward"] = 1

-- Who is at the other ends? Frames for everybody (and for the unknown) go to each of them.
for i, tunnel in ipairs(tunnels) do
  for j = 1, 3 do
    if i ~= j then tunnel:add_fdb { "00:00:00:00:00:00", dst = ("10.0.%d.2"):format(j), append = true } end
  end
end
print(hosts[1]:reaches "192.168.7.2", hosts[1]:reaches "192.168.7.3")

-- It has learned where they are: what is for one of them goes to that one only.
for j = 2, 3 do
  local entry = tunnels[1]:fdb(hosts[j]:link "vx0".mac)[1]
  print(j, entry.state, entry.dst)
end

-- Prints:
-- true	true
-- 2	dynamic	10.0.2.2
-- 3	dynamic	10.0.3.2
