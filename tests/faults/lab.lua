-- lab.lua - the script that the fault runs kill, starve and check: three hosts on a bridge, one a node, an exec,
-- a daemon.
-- arg[1], if given and not 0: a process in whose namespace each host gets a witness: a veth end that goes with it.
local root = netns.current()
local outside = tonumber(arg[1] or "0") > 0 and netns.of(tonumber(arg[1])) or nil
local br0 = root:add_link { "br0", kind = "bridge", up = true }
br0:add_addr "10.9.0.254/24"
local hosts = {}
for i = 1, 3 do
  local host = netns.add(i == 3 and { "h3", hostname = "h3", private = { "/run" }, pids = true } or "h" .. i)
  local _, eth0 = root:add_link {
    "veth" .. i, kind = "veth", master = br0, up = true, peer = { "eth0", netns = host, up = true } }
  eth0:add_addr(("10.9.0.%d/24"):format(i))
  host:add_route { "default", via = "10.9.0.254" }
  if outside then host:add_link { "up0", kind = "veth", peer = { "witness" .. i, netns = outside } } end
  hosts[i] = host
end

-- What stands is what was asked for: a success that is none would end here.
local answer = hosts[2]:exec("cat; exit 3", { input = "hello", check = false })
assert(answer.out == "hello" and answer.status == 3, "the command's answer is wrong")
local sleep = hosts[3]:spawn { "sleep", "1000" }
assert(sleep:running(), "the daemon does not run")
assert(#br0:ports() == 3, "the bridge lacks ports")
assert(#netns.list() == 3, "there are not three namespaces")
for i, host in ipairs(hosts) do
  assert(host:link("eth0"):addrs()[1].addr == ("10.9.0.%d/24"):format(i), "an address is wrong")
  assert(host:route_to("192.0.2.1").via == "10.9.0.254", "a route is wrong")
end
hosts[1]:link("eth0"):del()
hosts[1]:del()
assert(#br0:ports() == 2, "a port outlived its link")
print "the lab stood"
