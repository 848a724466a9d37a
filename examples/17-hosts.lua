-- 17-hosts.lua - nodes: namespaces that are hosts, with a name, files, folders and processes of their own
local hosts = { h1 = "10.0.0.1", h2 = "10.0.0.2" }
local h1 = netns.add { "h1", hostname = "h1", hosts = hosts, private = { "/run" }, pids = true }
local h2 = netns.add { "h2", hostname = "h2", hosts = hosts, private = { "/run" }, pids = true }
local eth0 = h1:add_link { "eth0", kind = "veth", up = true, peer = { "eth0", netns = h2, up = true } }
eth0:add_addr "10.0.0.1/24"
eth0.peer:add_addr "10.0.0.2/24"

-- The same daemon on both, with the same fixed path: each has a /run of its own.
for _, host in ipairs { h1, h2 } do
  local daemon = host:spawn "echo $$ >/run/daemon.pid; echo ready on $(hostname); exec sleep 1000"
  print(daemon:expect "ready on (%w+)")
end

-- The same command in both, at once; ps sees the processes of its own host.
print(netns.exec({ h1, h2 }, "getent hosts h2; cat /run/daemon.pid; ps -C sleep -o args="))

-- A host's processes end with it.
print(#h1:pids())
h1:del()
print(netns.list())

-- Prints:
-- ready on h1	h1
-- ready on h2	h2
-- netns: h1
-- 10.0.0.2        h2
-- 2
-- sleep 1000
-- netns: h2
-- 10.0.0.2        h2
-- 2
-- sleep 1000
-- 1
-- name
-- h2
