-- topology_spec.lua - the topologies: built, compared, pinged, with ip(8) as the oracle; what they take and refuse
local firewall = require "stdlib.firewall"
local h = require "tests.helper"
local static = require "stdlib.static"
local topology = require "stdlib.topology"

-- Builds a lab; nothing is left to do then, nothing is odd, and it goes with the test.
local function up(net)
  finally(function() net:down() end)
  assert.same({}, net.warnings)
  assert.is_true(#net:plan() > 0)
  net:up()
  local left = net:plan()
  assert.equal(0, #left, tostring(left))
  assert.equal(#net.nodes, #netns.list())
  for _, format in ipairs { "text", "mermaid" } do
    local picture = net:graph(format)
    for _, node in ipairs(net.nodes) do assert.truthy(picture:find(node.name, 1, true), node.name) end
  end
  return net
end

-- An address of IPv6 is one when it has its route in the table local: the kernel's work queue does that, and on a
-- machine with much to do it comes late. Before, nobody answers for it, and who asked asks again after a second.
local function has_local_routes(net)
  for _, node in ipairs(net.nodes) do
    local there = {}
    for _, route in ipairs(node.netns:routes { table = "local", family = "inet6" }) do there[route.dst] = true end
    for _, addr in ipairs(node.netns:addrs { family = "inet6", scope = "global" }) do
      if not there[addr.addr:match "^[^/]+"] then return false end
    end
  end
  return true
end

-- Everybody reaches everybody, by both families.
local function all_reach_all(net)
  assert.is_true(h.eventually(function() return has_local_routes(net) end))
  for _, family in ipairs { "inet", "inet6" } do
    local matrix = net:ping_all { family = family }
    assert.equal(0, matrix.lost, tostring(matrix))
    assert.is_true(matrix.sent >= 2)
  end
end

local SOAK = os.getenv "NSH_SOAK"

local function names(net, kind)
  local list = {}
  for _, node in ipairs(net.nodes) do
    if node.kind == kind then list[#list + 1] = node.name end
  end
  return table.concat(list, " ")
end

-- What ip(8) says of a node's routes to others' subnets: dst -> gateways.
local function routes(net, name, family)
  local out = net:node(name).netns:exec({ "ip", family, "-j", "route" }).out
  local map = {}
  for _, route in ipairs(require("dkjson").decode(out)) do
    local hops = {}
    for i, hop in ipairs(route.nexthops or { route }) do hops[i] = hop.gateway end
    if hops[1] then map[route.dst] = table.concat(hops, " ") end
  end
  return map
end

describe("a pair", function()
  it("is two hosts that reach each other", function()
    local net = up(topology.pair())
    assert.equal("pair", net.name)
    assert.equal("h1 h2", names(net, "host"))
    assert.is_true(net:node "h1".netns:reaches "10.0.0.2")
    assert.is_true(net:node "h2".netns:reaches "fd00::1")
  end)

  it("has the name, the addresses and the links that are asked for", function()
    local net = up(topology.pair { name = "two", prefix = "x", addresses = "192.0.2.64/30", link = { mtu = 1400 } })
    local h2 = net:node "xh2".netns
    assert.equal("two.xh2", h2.name)
    assert.equal("192.0.2.66/30", h2:link("eth0"):addrs({ family = "inet" })[1].addr)
    assert.equal(0, #h2:addrs { family = "inet6", scope = "global" })
    assert.equal(1400, h2:link("eth0").mtu)
  end)
end)

describe("a star", function()
  it("is hosts on a switch", function()
    local net = up(topology.star { hosts = 4 })
    assert.equal("h1 h2 h3 h4", names(net, "host"))
    assert.equal(4, #net:node "sw1".netns:link("sw1"):ports())
    all_reach_all(net)
  end)

  it("lives without IPv6", function()
    local net = up(topology.star { ipv6 = false })
    assert.equal(0, net:ping_all().lost)
    assert.equal(0, #net:node "h1".netns:addrs { family = "inet6", scope = "global" })
  end)

  it("is told when a bridge hasn't so many ports, and how many switches are enough", function()
    local most = topology.star { hosts = 1023 }
    assert.equal(1023, #most:node "sw1".ports)
    assert.equal("10.0.3.255/16", most:node "h1023".ports[1].addrs[1].addr)
    h.misuse("a bridge holds 1023 ports, and 1024 hosts on 1 switch need 1024 of one; switches = 2 is enough",
      topology.star, { hosts = 1024 })
    h.misuse("4000 hosts on 3 switches need 1335 of one; switches = 4 is enough", topology.star,
      { hosts = 4000, switches = 3 })
    h.misuse("10.0.0.0/24 has no room for 255 hosts", topology.star, { hosts = 255, addresses = "10.0.0.0/24" })
  end)

  it("of many hosts has several switches", function()
    local hosts = SOAK and 4000 or 40
    local net = up(topology.star { hosts = hosts, switches = 4, ipv6 = false })
    assert.equal(hosts // 4 + 3, #net:node "sw1".ports)
    assert.equal(hosts // 4 + 1, #net:node "sw4".ports)
    assert.is_true(net:node "h1".netns:reaches(net:node("h" .. hosts):address()))
    assert.is_true(net:node("h" .. hosts // 2).netns:reaches(net:node("h" .. hosts - 1):address()))
  end)

  it("joins others by a router in one lab", function()
    local net = nsh.lab "campus"
    local core = net:router "core"
    topology.star { lab = net, prefix = "a-", addresses = "10.1.0.0/24, fd00:1::/64", router = core, hosts = 2 }
    topology.star { lab = net, prefix = "b-", addresses = "10.2.0.0/24, fd00:2::/64", router = "core", hosts = 2 }
    up(net)
    assert.equal("a-h1 a-h2 b-h1 b-h2", names(net, "host"))
    assert.equal("10.1.0.254", routes(net, "a-h1", "-4").default)
    assert.equal("fd00:1::fffe", routes(net, "a-h1", "-6").default)
    all_reach_all(net)
  end)
end)

describe("routed topologies", function()
  for _, case in ipairs {
    { "chain", { routers = 3 }, routers = "r1 r2 r3", hosts = "h1 h2", links = 4 },
    { "chain", { routers = 1, hosts = 2 }, routers = "r1", hosts = "h1 h2 h3 h4", links = 4 },
    { "ring", { routers = 5 }, routers = "r1 r2 r3 r4 r5", hosts = "h1 h2 h3 h4 h5", links = 10 },
    { "tree", {}, routers = "r1 r2 r3 r4 r5 r6 r7", hosts = "h1 h2 h3 h4", links = 10 },
    { "grid", { rows = 2, hosts = 1 }, routers = "r1-1 r1-2 r1-3 r2-1 r2-2 r2-3", hosts = "h1 h2 h3 h4 h5 h6",
      links = 13 },
    { "grid", { torus = true }, routers = "r1-1 r1-2 r1-3 r2-1 r2-2 r2-3 r3-1 r3-2 r3-3", hosts = "", links = 18 },
    { "leaf_spine", { leaves = 3 }, routers = "spine1 spine2 leaf1 leaf2 leaf3", hosts = "h1 h2 h3", links = 9 },
  } do
    it(case[1] .. ": all reach all" .. (case[2].torus and ", as a torus" or ""), function()
      local net = up(topology[case[1]](case[2]))
      assert.equal(case.routers, names(net, "router"))
      assert.equal(case.hosts, names(net, "host"))
      assert.equal(case.links, #net.links)
      all_reach_all(net)
    end)
  end

  it("take the shortest way", function()
    local net = up(topology.ring { routers = 5 })
    local there = routes(net, "r1", "-4")
    assert.equal("10.0.1.2", there["10.1.3.0/24"])
    assert.equal("10.0.5.1", there["10.1.4.0/24"])
    assert.equal("fd00:0:0:5::1", routes(net, "r1", "-6")["fd00:0:0:104::/64"])
    local hops = net:node "h1".netns:traceroute "10.1.4.2".hops
    assert.equal(4, #hops)
  end)

  it("spread what goes over a fabric", function()
    local net = up(topology.leaf_spine { leaves = 2, spines = 3 })
    assert.equal("10.0.1.1 10.0.2.1 10.0.3.1", routes(net, "leaf1", "-4")["10.1.2.0/24"])
    assert.equal("fd00:0:0:1::1 fd00:0:0:2::1 fd00:0:0:3::1", routes(net, "leaf1", "-6")["fd00:0:0:102::/64"])
    assert.equal("10.0.4.2", routes(net, "spine1", "-4")["10.1.2.0/24"])
    local single = topology.leaf_spine { leaves = 2, spines = 3, ecmp = false }
    assert.same({ dst = "10.1.2.0/24", via = "10.0.1.1" }, h.find(single:node "leaf1".routes, { dst = "10.1.2.0/24" }))
  end)

  if SOAK then
    it("learn their routes from a daemon instead", function()
      local bird = require "stdlib.bird"
      local net, running = up(topology.ring { routers = 3, routing = false, ipv6 = false }), {}
      finally(function()
        for i, router in ipairs(running) do
          router:stop()
          running[i] = nil
        end
        net:down()
      end)
      for _, node in ipairs(net.nodes) do
        local links = { type = "ptp" }
        for i, port in ipairs(node.ports) do links[i] = port.name end
        if node.kind == "router" then running[#running + 1] = bird.start(node.netns, { ospf = links }) end
      end
      assert.equal("10.0.3.1", net:node "r1".netns:wait_route("10.1.3.0/24", 30).via)
      assert.is_true(net:node "h1".netns:reaches("10.1.3.2", { timeout = 30 }))
    end)
  end

  it("are joined in one lab, whose routes come last", function()
    local net = topology.ring { routers = 3, hosts = 0, prefix = "a-", routing = false }
    topology.chain { routers = 2, lab = net, prefix = "b-", addresses = "10.64.0.0/15, fd01::/48", routing = false }
    net:link { { "a-r1", "b", addrs = { "10.128.0.1/30", "fd02::1/64" } },
      { "b-r1", "a", addrs = { "10.128.0.2/30", "fd02::2/64" } } }
    assert.equal(0, #net:node "a-r2".routes)
    assert.equal(net, static.declare(net))
    local count = #net:node "a-r2".routes
    assert.is_true(count > 0)
    static.declare(net) -- what is declared already stays
    assert.equal(count, #net:node "a-r2".routes)
    all_reach_all(up(net))
  end)

  it("have no more links than addresses", function()
    local net = topology.grid { rows = 20, columns = 20, routing = false }
    assert.equal(760, #net.links)
    assert.equal("10.2.248.1/24", net.links[760].ends[1].addrs[1].addr)
    h.misuse("10.0.0.0/24 has no room for 200 links and 0 hosts; addresses = gives a larger one", topology.chain,
      { routers = 201, hosts = 0, addresses = "10.0.0.0/24" })
    assert.equal("10.0.0.4/30", nsh.subnet(topology.chain({ routers = 30, addresses = "10.0.0.0/24" })
      .links[1].ends[1].addrs[1].addr, 30, 0))
  end)
end)

describe("bridges", function()
  it("of layer 2 join hosts, and have no address", function()
    local net = up(topology.l2_bridge { hosts = 3 })
    assert.equal("ns1 ns2 ns3", names(net, "host"))
    local bridge = net:node "br0".netns
    assert.equal(0, #bridge:addrs { scope = "global" })
    all_reach_all(net)
    bridge:link("ns3"):set { master = false }
    assert.is_false(net:node "ns1".netns:reaches("172.18.1.4", { timeout = 0.05 }))
    local plan = net:plan()
    assert.same({ 1, "change", "link", "br0", "ns3" }, { #plan, plan[1].op, plan[1].noun, plan[1].node, plan[1].name })
    net:up()
    assert.is_true(net:node "ns1".netns:reaches "172.18.1.4")
  end)

  it("of layer 3 are gateways, and forward", function()
    local net = up(topology.l3_bridge())
    assert.equal("172.18.1.1", routes(net, "ns1", "-4").default)
    assert.equal("192.168.2.2", routes(net, "lan", "-4")["172.18.1.0/24"])
    all_reach_all(net)
    assert.equal(2, #net:node "ns1".netns:traceroute("192.168.2.1").hops)
  end)
end)

describe("two sites", function()
  it("are one Ethernet by vxlan", function()
    local net = up(topology.sites { hosts = 2 })
    local h1, gw1 = net:node "h1".netns, net:node "gw1".netns
    assert.is_true(h1:reaches "10.0.0.4" and h1:reaches "fd00::3")
    assert.equal(1, #h1:traceroute("10.0.0.3").hops)
    assert.equal(1450, h1:path_mtu("10.0.0.3").mtu)
    local learned = h.find(gw1:link("br0"):fdb(), { mac = net:node "h3".ports[1].mac, dev = "vx0" })
    assert.is_table(learned)
    net:node "internet".netns:link("gw2"):set { up = false }
    assert.is_false(h1:reaches("10.0.0.3", { timeout = 0.05 }))
    assert.is_true(h1:reaches "10.0.0.2")
  end)
end)

describe("a host of containers", function()
  it("gives them its address outside, and publishes a port", function()
    if not firewall.available() then return h.pending(select(2, firewall.available())) end
    local net = up(topology.nat_host { publish = { [8080] = "c2:80" } })
    local outside, c2 = net:node "outside".netns, net:node "c2".netns
    local seen <close> = outside:capture { "eth0", filter = "icmp[0] == 8 or (icmp6 and ip6[40] == 128)" }
    for _, name in ipairs { "c1", "c2" } do
      assert.is_true(net:node(name).netns:reaches "203.0.113.1")
      assert.is_true(net:node(name).netns:reaches "2001:db8:113::1")
    end
    local sources = {}
    for packet in seen:packets() do sources[(packet.ip or packet.ip6).src] = true end
    assert.same({ ["203.0.113.2"] = true, ["2001:db8:113::2"] = true }, sources)
    assert.is_false(outside:reaches("172.17.0.3", { timeout = 0.05 }))

    for _, url in ipairs { "203.0.113.2:8080", "[2001:db8:113::2]:8080" } do
      local listener <close> = c2:listen(80)
      local client <close> = outside:connect(url)
      local server <close> = listener:accept()
      client:send "hello\n"
      assert.equal("hello", server:receive "line")
      assert.equal(url:find "%[" and "[2001:db8:113::1]" or "203.0.113.1", tostring(server.peer):match "^(.*):%d+$")
    end
  end)
end)

describe("a site with two providers", function()
  it("leaves by the one of its source, and by the other when that is gone", function()
    if not firewall.available() then return h.pending(select(2, firewall.available())) end
    local net = up(topology.dual_homed())
    local edge, h1, h2 = net:node "edge".netns, net:node "h1".netns, net:node "h2".netns
    local function way(ns, dst) return ns:traceroute(dst, { probes = 1 }).hops[2].addr end
    assert.equal("192.0.2.1", way(h1, "203.0.113.1"))
    assert.equal("198.51.100.1", way(h2, "203.0.113.1"))
    assert.equal("2001:db8:1:1::1", way(h1, "2001:db8:113::1"))
    assert.equal("2001:db8:2:1::1", way(h2, "2001:db8:113::1"))
    assert.is_true(h1:reaches "10.1.2.2" and h2:reaches "fd00:0:0:101::2")
    assert.equal("isp2", edge:route_to({ "203.0.113.1", from = "198.51.100.2" }).dev)
    assert.equal("isp1", edge:route_to("203.0.113.1").dev)

    edge:link "isp1":set { up = false }
    assert.equal("198.51.100.1", way(h1, "203.0.113.1"))
    assert.equal("198.51.100.1", way(h2, "203.0.113.1"))
    net:up() -- mends it
    assert.equal("192.0.2.1", way(h1, "203.0.113.1"))
    assert.equal(0, #net:plan())
  end)
end)

describe("a triangle of switches", function()
  -- The states of the ports between the switches, and where one of them is blocking.
  local function states(net)
    local all, blocking = {}, nil
    for _, node in ipairs(net.nodes) do
      for _, port in ipairs(node.kind == "switch" and node.netns:link(node.bridge):ports() or {}) do
        if port.name:find "^sw" then
          all[#all + 1] = port.port.state
          if port.port.state == "blocking" then blocking = node.name .. " " .. port.name end
        end
      end
    end
    table.sort(all)
    return table.concat(all, " "), blocking
  end

  it("has one port that blocks, which opens after a cut", function()
    local net = up(topology.stp_triangle())
    local settled = h.eventually(function()
      local all, where = states(net)
      return all:find "^blocking [^b]*$" and where
    end, 8)
    assert.equal("sw3 sw2", settled) -- the farthest from the root, by the cost of the way
    net:node "sw1".netns:link "sw3":set { up = false }
    assert.is_truthy(h.eventually(function() return net:node "sw3".netns:link "sw2".port.state ~= "blocking" end))
    if SOAK then assert.is_true(net:node "h3".netns:reaches("10.0.0.1", { timeout = 12 })) end
  end)
end)

describe("topologies", function()
  it("tell slips at the script's line, with what is meant", function()
    h.misuse("unknown key 'host' of star; did you mean 'hosts'?", topology.star, { host = 3 })
    h.misuse("unknown key 'leafs' of leaf_spine; did you mean 'leaves'?", topology.leaf_spine, { leafs = 3 })
    h.misuse("hosts is a number from 0 to 65532, not many", topology.star, { hosts = "many" })
    h.misuse("rows is a number from 3 to 100, not 2", topology.grid, { rows = 2, torus = true })
    h.misuse("torus is true or false, not 1", topology.grid, { torus = 1 })
    h.misuse('routing is "static", or false for none, not ospf', topology.ring, { routing = "ospf" })
    h.misuse("addresses: 10.0.0.0 needs a length", topology.pair, { addresses = "10.0.0.0" })
    h.misuse("two prefixes of one family: 10.0.0.0/8 and 11.0.0.0/8", topology.pair,
      { addresses = "10.0.0.0/8,11.0.0.0/8" })
    h.misuse("lab is the lab that the pair is added to, not x", topology.pair, { lab = "x" })
    h.misuse("with lab = it has none", topology.pair, { lab = nsh.lab "x", name = "y" })
    h.misuse("router is a router of the same lab or its name", topology.star, { router = 1 })
    h.misuse('tunnel is "vxlan" or "wireguard", not gre', topology.sites, { tunnel = "gre" })
    h.misuse("different numbers from 1 to 4094, not 10", topology.router_on_a_stick, { vlans = { 10, 10 } })
    h.misuse("vlans is a list of numbers", topology.router_on_a_stick, { vlans = 10 })
    h.misuse("not [8080] = c3:80", topology.nat_host, { publish = { [8080] = "c3:80" } })
    h.misuse("not [x] = c1:80", topology.nat_host, { publish = { x = "c1:80" } })
    h.misuse("unknown key 'mtuu'", topology.ring, { link = { mtuu = 1400 } })
    h.misuse("link is a table of keys", topology.pair, { link = 1400 })
    h.misuse("too many routers", topology.tree, { depth = 12, fanout = 10 })
    h.misuse("unknown key 'host' of static.declare", static.declare, nsh.lab "z", { host = 1 })
    h.misuse("static.declare takes a lab", static.declare, "z")
    local net = topology.pair()
    h.misuse("lab pair has a node h1 already", topology.pair, { lab = net })
  end)

  it("say the same of all their links", function()
    local net = topology.ring { link = { mtu = 1400, impair = { delay = "10ms" } } }
    for _, wire in ipairs(net.links) do
      for _, port in ipairs(wire.ends) do
        assert.equal(1400, port.link.mtu)
        assert.is_table(port.impair)
      end
    end
  end)

  it("of several sorts fit into one lab", function()
    local net = topology.l3_bridge { name = "all" }
    for i, recipe in ipairs { "pair", "star", "chain", "leaf_spine", "l2_bridge", "sites", "router_on_a_stick",
      "nat_host", "stp_triangle" } do
      topology[recipe] { lab = net, prefix = recipe .. "-", addresses = ("10.%d.0.0/16, fd00:%d::/48"):format(i, i) }
    end
    assert.same({}, net.warnings)
    assert.is_true(#net.nodes > 40)
    assert.equal("10.4.129.1/24", net:node "leaf_spine-leaf1":address { link = "h1", prefix = true })
  end)

  it("are found by help", function()
    local pipe = io.popen((os.getenv "NSH" or "./nsh") .. " -e 'print(help \"leaf_spine\")' 2>&1")
    local out = pipe:read "a"
    pipe:close()
    assert.truthy(out:find("topology.leaf_spine(options)", 1, true), out)
    assert.truthy(out:find('require "stdlib.topology"', 1, true), out)
  end)
end)
