-- ring.lua - the labs of the routing specs: namespaces that are joined by links with the addresses of a plan.
local assert = require "luassert"
local h = require "tests.helper"

local soak = os.getenv "NSH_SOAK" == "1"

local m = {}

--- A namespace whose links have their link-local addresses at once: with them a router asks for neighbours.
---@return nsh.Netns
function m.node()
  local ns = h.netns()
  ns.sysctl["net.ipv6.conf.default.accept_dad"] = 0
  ns:link("lo"):set { up = true }
  return ns
end

--- Joins two namespaces by a link with the subnets 10.0.N.0/24 and fd00:N::/64; each end is named by the other.
---@return nsh.Link, nsh.Link
function m.join(a, b, subnet, host_a, host_b)
  local near, far = a:add_link { "to" .. b.name, kind = "veth", up = true,
    peer = { "to" .. a.name, netns = b, up = true } }
  for link, host in pairs { [near] = host_a, [far] = host_b } do
    link:add_addr(("10.0.%d.%d/24"):format(subnet, host))
    link:add_addr { ("fd00:%d::%d/64"):format(subnet, host), nodad = true }
  end
  near:wait { carrier = true }
  return near, far
end

--- Four routers in a ring, r[1] to r[4], with 10.255.0.N on their loopbacks; cut[i] is the link of r[i] to the next; a
--- host h[1] behind the first (10.0.101.10) and h[2] behind the third (10.0.102.10), which have their default routes.
function m.ring()
  local lab = { r = {}, h = {}, cut = {} }
  for i = 1, 4 do
    lab.r[i] = m.node()
    lab.r[i]:link("lo"):add_addr("10.255.0." .. i .. "/32")
  end
  for i = 1, 4 do
    local j = i % 4 + 1
    lab.cut[i] = m.join(lab.r[i], lab.r[j], i * 10 + j, i, j)
  end
  for i = 1, 2 do
    lab.h[i] = m.node()
    m.join(lab.r[i * 2 - 1], lab.h[i], 100 + i, 1, 10)
    lab.h[i]:add_route { "default", via = ("10.0.%d.1"):format(100 + i) }
    lab.h[i]:add_route { "default", via = ("fd00:%d::1"):format(100 + i) }
  end
  return lab
end

--- dst -> via of the routes that a protocol put into the kernel, as ip(8) tells them.
---@param ns nsh.Netns
---@param family string "-4"
---@param proto string "bird"
---@return table<string, string>
function m.seen(ns, family, proto)
  local routes = {}
  for _, route in ipairs(h.oracle(ns, ("ip -j %s route show proto %s"):format(family, proto))) do
    local vias = { route.gateway }
    for i, hop in ipairs(route.nexthops or {}) do vias[i] = hop.gateway end
    table.sort(vias)
    routes[route.dst] = #vias > 0 and table.concat(vias, " ") or route.type or route.dev
  end
  return routes
end

-- --- what both daemons must do; `start` is that of the recipe, `proto` what ip(8) calls its routes ---

-- The links of a router of the ring for OSPF: the loopback, its neighbours', its host's. The way over the fourth router
-- costs more.
local function links(lab, i)
  local left, right = (i + 2) % 4 + 1, i % 4 + 1
  local list = { "lo", type = "ptp" }
  for _, j in ipairs { left, right } do
    table.insert(list, { "to" .. lab.r[j].name, cost = (i == 4 or j == 4) and 100 or 10 })
  end
  local host = i == 1 and lab.h[1] or i == 3 and lab.h[2]
  if host then table.insert(list, { "to" .. host.name, passive = true }) end
  return list
end

--- Four routers in a ring find their ways with OSPF, of both versions; a link is cut, and they find the other way.
---@param starts function[] the recipe's start for each router
---@param protos string[] of its routes
function m.check_ospf(starts, protos)
  local lab = m.ring()
  local routers = {}
  local _ <close> = setmetatable({}, { __close = function()
    for _, router in pairs(routers) do router:stop() end
  end })
  local jobs = {}
  for i = 1, 4 do
    jobs[i] = function() routers[i] = starts[i](lab.r[i], { ospf = links(lab, i), ospf6 = links(lab, i) }) end
  end
  nsh.all(jobs)
  for i = 1, 4 do assert.equal(4, #routers[i]:wait_ospf()) end
  local r1, r3 = lab.r[1], lab.r[3]
  for _, ways in ipairs { { "10.0.12.2", "10.0.23.2", 2 }, { "10.0.41.4", "10.0.34.4", 4 } } do
    local dev = "to" .. lab.r[ways[3]].name
    r1:wait_route { "10.0.102.0/24", via = ways[1] }
    r3:wait_route { "10.0.101.0/24", via = ways[2] }
    r1:wait_route { "fd00:102::/64", dev = dev }
    r3:wait_route { "fd00:101::/64", dev = dev }
    local routes = m.seen(r1, "-4", protos[1])
    assert.equal(ways[1], routes["10.0.102.0/24"])
    assert.equal(ways[1], routes["10.255.0.3"])
    assert.matches("^fe80::", m.seen(r1, "-6", protos[1])["fd00:102::/64"])
    assert.is_true(lab.h[1]:reaches "10.0.102.10")
    assert.is_true(lab.h[1]:reaches "fd00:102::10")
    local best
    for _, route in ipairs(routers[1]:routes()) do
      if route.dst == "10.0.102.0/24" and route.best then best = route end
    end
    assert.same({ "ospf", ways[1] }, { best.proto, best.via })
    if ways[1] == "10.0.12.2" then
      lab.cut[1]:set { up = false }
      routers[1]:wait_ospf(2)
      routers[2]:wait_ospf(2)
    end
  end
  for i = 1, 4 do
    routers[i]:stop()
    assert.same({}, m.seen(lab.r[i], "-4", protos[i]))
    assert.same({}, m.seen(lab.r[i], "-6", protos[i]))
  end
end

--- Two routers exchange routes by BGP, of both families; the link is cut, the sessions and the routes go. In a soak it
--- comes back, and so do they.
---@param starts function[] the recipe's start for each router
---@param protos string[] of its routes
function m.check_bgp(starts, protos)
  local r, routers = { m.node(), m.node() }, {}
  local _ <close> = setmetatable({}, { __close = function()
    for _, router in pairs(routers) do router:stop() end
  end })
  for i = 1, 2 do
    r[i].sysctl["net.ipv6.conf.all.keep_addr_on_down"] = 1
    r[i]:link("lo"):add_addr("10.255.0." .. i .. "/32")
  end
  local cut = m.join(r[1], r[2], 1, 1, 2)
  local function bgp(i)
    local peer = 3 - i
    return { asn = 65000 + i, hold = 3, redistribute = { "connected", "static" }, neighbors = {
      { "10.0.1." .. peer, asn = 65000 + peer, password = "s3cret" }, { "fd00:1::" .. peer, asn = 65000 + peer } },
      networks = { ("10.%d.0.0/16"):format(i), ("fd0%d::/32"):format(i) } }
  end
  nsh.all {
    function() routers[1] = starts[1](r[1], { bgp = bgp(1) }) end,
    function() routers[2] = starts[2](r[2], { bgp = bgp(2), static = { { "10.9.0.0/16", type = "blackhole" } } }) end,
  }
  for _ = 1, soak and 3 or 1 do
    assert.equal("established", routers[1]:wait_bgp("10.0.1.2").state)
    assert.equal(2, #routers[1]:wait_bgp())
    assert.equal(65001, routers[2]:wait_bgp("fd00:1::1").asn)
    for _, dst in ipairs { "10.255.0.2", "10.2.0.0/16", "10.9.0.0/16", "fd02::/32" } do
      r[1]:wait_route { dst, proto = protos[1] }
    end
    r[2]:wait_route { "10.255.0.1", proto = protos[2] }
    assert.same({ ["10.255.0.2"] = "10.0.1.2", ["10.2.0.0/16"] = "10.0.1.2", ["10.9.0.0/16"] = "10.0.1.2" },
      m.seen(r[1], "-4", protos[1]))
    assert.is_true(r[1]:reaches "10.255.0.2")
    cut:set { up = false }
    for i = 1, 2 do
      routers[i]:wait_bgp { up = false }
      r[i]:wait(function()
        local routes = h.oracle(r[i], "ip -j route show to 10.0.0.0/8")
        return not h.find(routes, { dst = "10.255.0." .. 3 - i }), #routes .. " routes"
      end)
      assert.same({}, m.seen(r[i], "-6", protos[i]))
    end
    cut:set { up = true }
  end
end

--- A router of another AS tells a border router, which tells one inside, over loopbacks that OSPF made known.
---@param starts function[]
function m.check_ibgp(starts)
  local r, routers = {}, {}
  local _ <close> = setmetatable({}, { __close = function()
    for _, router in pairs(routers) do router:stop() end
  end })
  for i = 1, 3 do
    r[i] = m.node()
    r[i]:link("lo"):add_addr("10.255.0." .. i .. "/32")
  end
  m.join(r[1], r[2], 1, 1, 2)
  m.join(r[2], r[3], 2, 2, 3)
  nsh.all {
    function()
      routers[1] = starts[1](r[1], { bgp = { asn = 65001, networks = { "10.1.0.0/16" },
        neighbors = { { "10.0.1.2", asn = 65002 } } } })
    end,
    function()
      routers[2] = starts[2](r[2], {
        ospf = { "lo", { "to" .. r[3].name, type = "ptp" }, redistribute = { "connected" } },
        bgp = { asn = 65002, redistribute = { "ospf" }, neighbors = { { "10.0.1.1", asn = 65001 },
          { "10.255.0.3", asn = 65002, source = "10.255.0.2", next_hop_self = true } } } })
    end,
    function()
      routers[3] = starts[3](r[3], { ospf = { "lo", { "to" .. r[2].name, type = "ptp" } },
        bgp = { asn = 65002, neighbors = { { "10.255.0.2", asn = 65002, source = "10.255.0.3" } } } })
    end,
  }
  for i = 1, 3 do routers[i]:wait_bgp() end
  r[3]:wait_route { "10.1.0.0/16", via = "10.0.2.2" } -- of 10.255.0.2, by OSPF
  r[1]:wait_route { "10.255.0.3", via = "10.0.1.2" }
  assert.is_true(r[1]:reaches "10.255.0.3")
end

--- What both daemons say to wrong options, before anything is started.
---@param name string "bird"
---@param start function
function m.check_misuse(name, start)
  local ns = m.node()
  ns:add_link { "eth0", kind = "veth", peer = "peer0" }
  local function wrong(words, spec) h.misuse(words, start, ns, spec) end
  h.misuse("the first argument of " .. name .. ".start is a namespace, its name or a node of a lab, not a table", start,
    { ospf = { "eth0" } })
  wrong("unknown key 'opsf' of " .. name .. "; did you mean 'ospf'?", { opsf = { "eth0" } })
  wrong("ospf: no link 'eth1' in " .. ns.name .. "; there are lo, ", { ospf = { "eth1" } })
  wrong("router_id: " .. ns.name .. " has no IPv4 address to take it from", { ospf = { "eth0" } })
  wrong("ospf needs links", { router_id = "1.1.1.1", ospf = {} })
  wrong("unknown key 'costs' of ospf link; did you mean 'cost'?", { ospf = { { "eth0", costs = 1 } } })
  wrong("ospf link: cost must be a number from 1 to 65535, not '0'", { ospf = { { "eth0", cost = 0 } } })
  wrong("dead (3 s) of eth0 must be more than hello (5 s)", { ospf = { { "eth0", hello = 5, dead = 3 } } })
  wrong('ospf: redistribute takes "connected"', { ospf = { "eth0", redistribute = { "all" } } })
  wrong("bgp needs asn", { bgp = { neighbors = {} } })
  wrong("bgp needs neighbors", { bgp = { asn = 1 } })
  wrong("the neighbor 10.0.0.2 needs asn", { bgp = { asn = 1, neighbors = { { "10.0.0.2" } } } })
  wrong("a neighbor needs its address, not 'r2'", { bgp = { asn = 1, neighbors = { { "r2", asn = 2 } } } })
  wrong("unknown key 'as' of neighbor", { bgp = { asn = 1, neighbors = { { "10.0.0.2", as = 2 } } } })
  wrong("a static route needs a prefix", { static = { { "10.0.0.1", via = "10.0.0.2" } } })
  wrong("the static route to 10.1.0.0/16 needs via, dev or type", { static = { { "10.1.0.0/16" } } })
  wrong("bgp: nobody is told of fd00::/32: no neighbor has an address of that family",
    { router_id = "1.1.1.1", bgp = { asn = 1, neighbors = { { "10.0.0.2", asn = 2 } }, networks = { "fd00::/32" } } })
  wrong(name .. ": config must be text", { config = 7 })
  local program = nsh.program
  local _ <close> = setmetatable({}, { __close = function() rawset(nsh, "program", program) end })
  rawset(nsh, "program", function(what) return nil, "apt-get install " .. what .. " brings it" end)
  assert.matches("brings it", h.refused("ENOENT", start, ns, { router_id = "1.1.1.1", ospf = { "eth0" } }).hint)
end

--- A router takes all options. When it was killed it tells so at the next question; its routes and its folder go at the
--- end, and the namespace forwards no more.
---@param start function
function m.check_death(start)
  local ns, other = m.node(), m.node()
  local near = m.join(ns, other, 1, 1, 2)
  local all = { "connected", "static", "kernel" }
  local router = start(ns, { router_id = "1.2.3.4",
    ospf = { "lo", { near, area = "0.0.0.1", cost = 7, hello = 2, dead = 9, type = "broadcast", priority = 0 },
      redistribute = { "connected", "static", "kernel", "bgp" } },
    ospf6 = { near, area = 2, type = "ptp", redistribute = all },
    bgp = { asn = 65000, hold = 9, networks = { "10.1.0.0/16", "fd01::/32" },
      redistribute = { "connected", "static", "kernel", "ospf" }, neighbors = {
        { "10.0.1.2", asn = 65001, source = "10.0.1.1", hold = 6, passive = true },
        { "10.255.0.9", asn = 65000, next_hop_self = true }, { "fd00:1::2", asn = 65002, multihop = 3 } } },
    static = { { "10.9.0.0/16", via = "10.0.1.2" }, { "10.7.0.0/16", dev = near }, { "default", via = "fd00:1::2" },
      { "10.8.0.0/16", type = "blackhole" }, { "fd08::/32", type = "unreachable" } } })
  assert.is_true(router:running())
  ns:wait_route { "10.9.0.0/16", via = "10.0.1.2" }
  ns:wait_route { "10.7.0.0/16", dev = near.name }
  ns:wait_route { "default", via = "fd00:1::2" }
  assert.equal(3, #router:sessions())
  h.misuse("wait_bgp: no neighbor 10.0.1.22; there are: 10.", router.wait_bgp, router, "10.0.1.22")
  h.misuse(router.name .. " runs in " .. ns.name .. " already", start, ns, { ospf = { near } })
  assert.equal("1", tostring(ns.sysctl["net.ipv4.ip_forward"]))
  for _, daemon in ipairs(router.daemons) do daemon.process:kill "KILL" end
  for _, daemon in ipairs(router.daemons) do daemon.process:wait { check = false } end
  assert.is_false(router:running())
  assert.equal("SIGNAL", h.raised(router.neighbors, router).code)
  local err = h.refused("SIGNAL", router.wait_ospf, router, 1)
  assert.matches("killed by SIGKILL", err.message)
  assert.matches("^tests/[%w_/]+%.lua:%d+: ", tostring(err))
  assert.is_truthy(ns:routes({ dst = "10.9.0.0/16" })[1])
  router:stop()
  router:stop()
  for _, family in ipairs { "-4", "-6" } do
    for _, route in ipairs(h.oracle(ns, "ip -j " .. family .. " route")) do assert.equal("kernel", route.protocol) end
  end
  assert.equal("0", tostring(ns.sysctl["net.ipv4.ip_forward"]))
  assert.is_nil(io.open(router.dir.path .. "/" .. router.name .. ".conf"))
  assert.equal("ENOENT", h.raised(router.neighbors, router).code)
end

return m
