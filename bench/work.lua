-- work.lua - the works of limit.c that are no networks, by nsh; writes "WHAT SECONDS"
--   nsh bench/work.lua routes N | list N ROUNDS | exec N | node N      node: in a namespace with a host name of its own
local clock = require "nsh.core".loop.now
local what, n, rounds = arg[1], tonumber(arg[2]), tonumber(arg[3])

local function timed(name, fn)
  local start = clock()
  fn()
  print(("%s %.6f"):format(name, clock() - start))
end

local function dst(i) return ("20.%d.%d.%d"):format(i >> 16, i >> 8 & 255, i & 255) end

if what == "routes" then
  local ns = netns.add "routes"
  local link, peer = ns:add_link { "eth0", kind = "veth", up = true, peer = "eth1" }
  peer:set { up = true }
  link:add_addr "10.0.0.1/24"
  local routes = {} -- as the peers have theirs: made before
  for i = 0, n - 1 do routes[i + 1] = { dst(i), via = "10.0.0.2", dev = "eth0" } end
  timed("add", function() ns:add_routes(routes) end)
  timed("dump", function() assert(#ns:routes { family = "inet" } == n + 1) end)
  timed("del", function() ns:del_routes(routes) end)
elseif what == "list" then
  local ns, least = netns.add "list", math.huge
  for i = 0, n // 2 - 1 do
    local a, b = ns:add_link { "a" .. i, kind = "veth", up = true, peer = { "b" .. i, up = true } }
    a:add_addr(("10.2.%d.%d/30"):format(4 * i // 256, 4 * i % 256 + 1))
    b:add_addr(("10.3.%d.%d/30"):format(4 * i // 256, 4 * i % 256 + 1))
  end
  for _ = 1, rounds do
    local start = clock()
    assert(#ns:links() >= n and #ns:addrs() >= n)
    least = math.min(least, clock() - start)
  end
  print(("list %.6f"):format(least))
else
  local ns = netns.add(what == "node" and { "x", hostname = "x", private = { "/run" }, pids = true } or "x")
  local start = clock()
  for _ = 1, n do ns:exec { "/bin/true" } end
  print(("run %.6f"):format((clock() - start) / n))
end
