-- declare_spec.lua - labs as they are declared: names, nodes, links, their options, and what is refused
local h = require "tests.helper"

-- Builds a lab for one test and takes it down after it, whatever comes of it.
local function with(net, check)
  local ok, err = pcall(function()
    net:up()
    check(net)
    assert.equal("nothing to do", tostring(net:plan()))
  end)
  net:down()
  if not ok then error(err, 0) end
end

-- The line that calls this.
local function here(n) return "declare_spec.lua:" .. debug.getinfo(2, "l").currentline + (n or 0) end

describe("a lab", function()
  it("tells that methods are called with a colon", function()
    local net = lab "x"
    local a, ns = net:host "a", netns.current()
    local task = nsh.go(function() end)
    for words, slip in pairs {
      ["up is a method: with a colon, as net:up(...), not net.up(...)"] = function() net.up() end,
      ["as net:host(...)"] = function() net.host "h1" end,
      ["as net:link(...)"] = function() net.link { "a", "b" } end,
      ["as node:route(...)"] = function() a.route { "default", via = "10.0.0.1" } end,
      ["as node:routes(...)"] = function() a.routes() end,
      ["as node:ping(...)"] = function() a.ping "10.0.0.1" end,
      ["as ns:links(...)"] = function() ns.links() end,
      ["as ns:batch(...)"] = function() ns.batch(function() end) end,
      ["as ns:exec(...)"] = function() ns.exec(net, "true") end,
      ["as link:set(...)"] = function() ns:link "lo".set { up = true } end,
      ["as task:wait(...)"] = function() task.wait() end,
    } do
      h.misuse(words, slip)
    end
    task:wait()
    assert.equal("a", net.node(net, "a").name)
    assert.equal(net.up, lab "y".up)
  end)

  it("takes names and options that are checked", function()
    assert.equal("o-1_x.y", lab "o-1_x.y".name)
    h.misuse("at most 32 bytes", lab, ("x"):rep(33))
    for _, name in ipairs { "", "-a", "a b", "a/b", "ä" } do h.misuse("the name of a lab begins with", lab, name) end
    h.misuse("is text, not a nil", lab)
    h.misuse("unknown key 'adresses' of a lab; did you mean 'addresses'?", lab, "x", { adresses = "10.0.0.0/8" })
    h.misuse("ipv6 is true or false", lab, "x", { ipv6 = 1 })
    h.misuse("mtu is a whole number from 68 to 65535", lab, "x", { mtu = 1 })
    assert.truthy(require("nsh.help").text(lab):find("lab(name, options)", 1, true))
  end)

  it("tells which nodes there are, where one is asked for that isn't", function()
    local net = lab "some"
    h.misuse("lab some has no node 'web'; it has no nodes", net.node, net, "web")
    for i = 1, 14 do net:host("h" .. i) end
    h.misuse("lab some has no node 'h144'; did you mean 'h14'?", net.node, net, "h144")
    local said = h.raised(net.node, net, "web")
    assert.matches("no node 'web'; it has h1, h2, .*, h12, ... %(14%)$", said)
    h.misuse("h12, ... (14); a node is declared before its links", net.link, net, { "web", "h1" })
  end)

  it("has nodes with names of their own", function()
    local net = lab "x"
    local a, b = net:host { "a", "b" }
    assert.same({ "a", "b", "host", "x.a" }, { a.name, b.name, b.kind, a:netns_name() })
    assert.equal(a, net:node "a")
    assert.truthy(a.where:find(here(-3), 1, true))
    h.misuse("lab x has a node a already, of tests/lab/" .. here(-4), net.router, net, "a")
    h.misuse("at most 63 bytes", net.host, net, ("n"):rep(64))
    h.misuse("a host needs a name", net.host, net, {})
    h.misuse("no node 'aa'; did you mean", net.node, net, "aa")
    h.misuse("node c: unknown key 'adr' of a host; did you mean 'addr'?", net.host, net, { "c", adr = "10.0.0.1/24" })
    h.misuse("node s: unknown key 'ageing_tim' of a switch; did you mean 'ageing_time'?", net.switch, net,
      { "s", ageing_tim = 3 })
    h.misuse("node a is one of lab x, not of y", function() lab "y":node(a) end)
    assert.equal(2, #net.nodes) -- what was refused left nothing
    assert.same({}, { next(net.macs) })
  end)

  it("refuses what a node can't have", function()
    local net = lab "x"
    local function refused(words, spec) h.misuse(words, net.host, net, spec) end
    refused("node h: unknown key 'gatway'; did you mean 'via'?", { "h", routes = { { "default", gatway = "::1" } } })
    refused("a route needs a destination", { "h", routes = { { via = "10.0.0.1" } } })
    refused("routes takes a list", { "h", routes = { "default", via = "10.0.0.1" } })
    refused("a neighbour needs dev", { "h", neighs = { { "10.0.0.9", mac = "02:00:00:00:00:09" } } })
    refused("did you mean 'priority'?", { "h", rules = { { pref = 10 } } })
    refused("sysctls are values by their dotted names", { "h", sysctls = { 1 } })
    refused("unknown kind 'vxlann' of a link; did you mean 'vxlan'?", { "h", links = { { "v", kind = "vxlann" } } })
    refused("unknown key 'idd' of a link of kind vxlan; did you mean 'id'?",
      { "h", links = { { "v", kind = "vxlan", idd = 1 } } })
    refused("a veth has two ends", { "h", links = { { "v", kind = "veth" } } })
    refused("kind is needed", { "h", links = { { "v" } } })
    refused("node h: via, dev or nexthops is needed", { "h", routes = { "default" } })
    refused("node h: nexthops[1] needs via or dev", { "h", routes = { { "default", nexthops = { {} } } } })
    refused("node h: nexthops is empty", { "h", routes = { { "default", nexthops = {} } } })
    refused("node h: via, dev, blackhole or group is needed", { "h", nexthops = { { id = 1 } } })
    refused("10.0.0.255/24 is the network's broadcast address", { "h", addr = "10.0.0.255/24" })
    refused("10.0.0.0/24 is the network itself, which no host can have; 10.0.0.1/24", { "h", addr = "10.0.0.0/24" })
    refused("the prefix length is at most 32", { "h", addr = "10.0.0.1/33" })
    refused("fd00::1/64 can't be given: ipv6 = false", { "h", ipv6 = false, links = {
      { "d", kind = "dummy", addr = "fd00::1/64" } } })
    assert.equal(0, #net.nodes)
  end)
end)

describe("links", function()
  it("have names that are given, or come from the nodes", function()
    local net = lab "x"
    local sw, r = net:switch "sw", net:router "r"
    local long = net:host "a-host-with-a-long-name"
    local function names(wire) return { wire.ends[1].name, wire.ends[2].name } end
    assert.same({ "eth0", "r" }, names(net:link { r, sw }))
    assert.same({ "eth1", "port2" }, names(net:link { "r", "sw" }))
    assert.same({ "up", "x" }, names(net:link { { r, "up" }, { sw, "x" } }))
    local wire = net:link { long, sw }
    assert.same({ "eth0", wire.ends[2].name }, names(wire))
    assert.truthy(wire.ends[2].name:find "^a%-host%-wit%-%x%x%x%x$")
    assert.equal("a-host-with-a-long-name", wire.ends[2].altname)
    assert.same({ "eth3", "eth4" }, names(net:link { r, r })) -- both in one node
  end)

  it("are refused with the line, and leave nothing", function()
    local net = lab "x"
    local a, b = net:host { "a", "b" }
    local sw = net:switch "sw"
    net:link { { a, "eth0" }, { b, "eth0" } }
    local function refused(words, spec) h.misuse(words, net.link, net, spec) end
    refused("node b has a link eth0 already, of tests/lab/" .. here(-2), { { a, "eth1" }, { b, "eth0" } })
    refused("a switch joins more", { a, b, sw })
    refused("a link has two ends", { a })
    refused("no node 'bb'; did you mean", { a, "bb" })
    refused("unknown key 'adr' of an end of a link; did you mean 'addr'?", { { a, adr = "10.0.0.1/24" }, b })
    refused("node b: mtu must be a whole number", { a, { b, mtu = "x" } })
    refused("node b: mtu is a whole number from 68 to 65535, not 67", { a, { b, mtu = 67 } })
    refused("node sw: mac is needed", { a, { sw, fdb = { {} } } })
    refused("node b: tbf needs rate and burst", { a, { b, qdisc = "tbf" } })
    refused("addr is of one end", { a, b, addr = "10.0.0.1/24" })
    refused("port is for ports of a bridge, and a is no switch", { { a, port = { cost = 3 } }, b })
    refused("port is for ports of a switch, and neither end is on one", { a, b, port = { cost = 3 } })
    refused("node sw: unknown key 'cst'; did you mean 'cost'?", { a, { sw, port = { cst = 3 } } })
    refused("a port of a switch has no address; its bridge has: net:switch { \"sw\", addr", { a, { sw, addr = "::1" } })
    refused("vlans count where the bridge has vlan_filtering = true", { a, { sw, vlans = { 10 } } })
    refused("a link of a lab is a veth pair", { a, b, kind = "dummy" })
    refused("can't be called 'all'", { { a, "all" }, b })
    refused("has 17 bytes; 15 are allowed", { { a, "an-interface-name" }, b })
    refused("mac: 02:00:00:00:00:01 is that of", { { a, mac = "02:00:00:00:00:01" }, { b, mac = "02:00:00:00:00:01" } })
    refused("addr and addrs can't both", { { a, addr = "10.0.0.1/24", addrs = {} }, b })
    refused("unknown key 'dely' of impair; did you mean 'delay'?", { a, b, impair = { dely = 1 } })
    assert.same({ 1, 1, 0, 1 }, { #a.ports, #b.ports, #sw.ports, #net.links })
    net:link { { a, "eth1" }, { b, "eth1" } } -- the names are free
  end)

  it("of a switch are at most 1,023", function()
    local net = lab "x"
    local sw = net:switch "sw"
    for i = 1, 1023 do net:link { net:host("h" .. i), sw } end
    h.misuse("switch sw has 1023 ports", net.link, net, { net:host "h1024", sw })
  end)

  it("have MAC addresses that repeat and are one's own", function()
    local function macs(name)
      local net, list, seen = lab(name), {}, {}
      local sw = net:switch "sw"
      for i = 1, 300 do
        for _, port in ipairs(net:link { net:host("h" .. i), sw }.ends) do
          list[#list + 1] = port.mac
          assert.is_nil(seen[port.mac])
          seen[port.mac] = true
          assert.equal(2, tonumber(port.mac:sub(1, 2), 16) & 3) -- locally administered, unicast
        end
      end
      return list
    end
    local first = macs "x"
    assert.same(first, macs "x")
    assert.is_not.equal(first[1], macs "y"[1])
    local mac = require "nsh.lab.mac"
    local one = mac.of("x", "h", "eth0", {})
    assert.is_not.equal(one, mac.of("x", "h", "eth0", { [one] = true }))
  end)
end)

describe("what is declared", function()
  it("is there: nodes with long names, links of their own, keys of bridges and ports", function()
    local net = lab("decl", { mtu = 1400, stp = true })
    local long = "a-switch-with-a-name-of-many-more-than-15-bytes-up-to-the-63rd."
    assert.equal(63, #long)
    local sw = net:switch { long, addr = "10.0.0.1/24", ageing_time = 100, priority = 4096 }
    local r = net:router { "r", addrs = { "192.0.2.1/32", "2001:db8::1/128" }, lo = { mtu = 1500 },
      routes = { { "198.51.100.0/24", type = "blackhole" } },
      neighs = { { "10.0.0.77", mac = "02:00:00:00:00:77", dev = "eth0" } },
      sysctls = { ["net.ipv4.ip_default_ttl"] = 77 } }
    r:link { "br1", kind = "bridge", addr = "10.9.0.1/24" }:route { "default", via = "10.0.0.9" }
    net:link { { r, addr = "10.0.0.2/24", alias = "uplink" }, { sw, port = { cost = 10 } } }
    net:link { { r, "v1", master = "br1", mtu = 1300 }, { net:host "h", addrs = { "10.9.0.2/24", "fd00::2/64" } } }
    with(net, function()
      local ns = sw.netns
      assert.equal("decl." .. long, ns.name)
      local links = h.oracle(ns, "ip -j -d link")
      local bridge = h.find(links, { ifname = sw.bridge })
      assert.same({ { long }, 100 * 100, 1, 1400 }, { bridge.altnames, bridge.linkinfo.info_data.ageing_time,
        bridge.linkinfo.info_data.stp_state, bridge.mtu })
      assert.equal(long, ns:link(long).altnames[1])
      assert.equal(10, h.find(links, { ifname = "r" }).linkinfo.info_slave_data.cost)
      assert.equal("UNKNOWN", h.find(links, { ifname = "lo" }).operstate) -- up
      local mine = h.oracle(r, "ip -j -d link")
      assert.equal("uplink", h.find(mine, { ifname = "eth0" }).ifalias)
      assert.equal("br1", h.find(mine, { ifname = "v1" }).master)
      assert.equal(1300, h.find(mine, { ifname = "br1" }).mtu)
      assert.equal(1500, h.find(mine, { ifname = "lo" }).mtu)
      assert.equal(1, #h.oracle(r, "ip -j route show table all type blackhole"))
      assert.equal("02:00:00:00:00:77", h.oracle(r, "ip -j neigh show nud permanent")[1].lladdr)
      assert.equal(77, r.sysctl["net.ipv4.ip_default_ttl"])
      assert.is_true(net:node "h":reaches "10.9.0.1")
    end)
  end)

  it("forwards where it is a router, whatever was so before", function()
    local net = lab "fwd"
    local r, a = net:router "r", net:host "a"
    net:link { { r, addrs = { "10.0.0.1/24", "fd00::1/64" } }, { a, addrs = { "10.0.0.2/24", "fd00::2/64" } } }
    with(net, function()
      assert.same({ 1, 1, 0, 0 }, { r.sysctl["net.ipv4.ip_forward"], r.sysctl["net.ipv6.conf.all.forwarding"],
        a.sysctl["net.ipv4.ip_forward"], a.sysctl["net.ipv6.conf.all.forwarding"] })
      a.sysctl["net.ipv4.ip_forward"] = 1
      assert.equal(1, #net:plan())
      net:up()
      assert.equal(0, a.sysctl["net.ipv4.ip_forward"])
    end)
  end)

  it("may stand where a namespace or a target is asked for", function()
    local net = lab "target"
    local a, b = net:host { "a", "b" }
    net:link { { a, addr = "10.0.0.1/24" }, { b, addr = "10.0.0.2/24" } }
    h.refused("ENOENT", function() return a.netns end)
    with(net, function()
      assert.is_true(a:reaches(b))
      assert.equal(0, a:ping(b).loss)
      assert.is_true(a.netns:reaches(b.netns))
      assert.equal("10.0.0.2", a:route_to(b).dst)
      assert.equal(0, nsh.ping_all { a, b }.lost)
      assert.equal(a.netns, netns.enter(a))
      assert.equal(2, #netns.exec({ a, b }, "true"))
      assert.equal(2, #a:links())
      assert.equal("10.0.0.1", a:address())
      assert.equal(b.netns, b:link "eth0".netns)
    end)
  end)

  it("comes behind the links that it names, whichever of its keys does", function()
    local kinds = { { "x1", kind = "vxlan", id = 7, dev = "u", dstport = 4789, remote = "10.0.0.2" },
      { "x2", kind = "vxlan", id = 8, link = "u", dstport = 4789, remote = "239.1.1.1" },
      { "x3", kind = "gretap", dev = "u", remote = "10.0.0.2", ["local"] = "10.0.0.1" },
      { "x4", kind = "sit", dev = "u", remote = "10.0.0.2", ["local"] = "10.0.0.1" },
      { "x5", kind = "vlan", link = "u", id = 5 }, { "x6", kind = "xfrm", dev = "u", if_id = 4 },
      { "x7", kind = "hsr", slave1 = "w1", slave2 = "w2" }, { "x8", kind = "macsec", link = "u" },
      { "x9", kind = "bond", mode = "active-backup", primary = "w3" } }
    local net, probe = lab "decl", netns.add "probe"
    for _, name in ipairs { "u", "w1", "w2", "w3" } do probe:add_link { name, kind = "veth", peer = name .. "p" } end
    local a, b, there = net:host "a", net:host "b", {}
    a:link { "br", kind = "bridge" }
    for _, spec in ipairs(kinds) do
      if pcall(probe.add_link, probe, spec) then there[spec[1]] = a:link(spec) end
    end
    probe:del()
    net:link { { a, "u", addr = "10.0.0.1/24" }, { b, "u", addr = "10.0.0.2/24" } }
    for i = 1, 3 do
      net:link { { a, "w" .. i, master = i == 3 and there.x9 and "x9" or nil }, { b, "w" .. i } }
    end
    for i, other in ipairs { "p2", "p1" } do -- each stands in for the other one
      net:link { { a, "p" .. i, master = "br", port = { backup_port = other, cost = 9 } }, { b, "p" .. i } }
    end
    with(net, function()
      local links = h.oracle(a, "ip -j -d link")
      local function data(name, part) return h.find(links, { ifname = name }).linkinfo[part or "info_data"] end
      assert.same({ "u", "u" }, { data "x1".link, data "x2".link })
      assert.same({ "p2", "p1", 9 }, { data("p1", "info_slave_data").backup_port,
        data("p2", "info_slave_data").backup_port, data("p1", "info_slave_data").cost })
      if there.x3 then assert.same({ "u", "u" }, { data "x3".link, h.find(links, { ifname = "x5" }).link }) end
      if there.x7 then assert.same({ "w1", "w2" }, { data "x7".slave1, data "x7".slave2 }) end
      if there.x9 then assert.equal("w3", data "x9".primary) end
      a.netns:link "u":del() -- and what sends on it goes with it
      assert.truthy(tostring(net:plan()):find("x1", 1, true))
      net:up()
      assert.equal("u", a.netns:link "x1".dev)
      local script = net:script()
      net:down()
      net = load(script)()
      net:up()
    end)
    net:down()
  end)

  it("has link-local addresses that are used at once, unless they shall be looked for elsewhere", function()
    local function tentative(options)
      local net = lab("dad", options)
      local sw, a = net:switch "sw", net:host "a"
      net:link { a, sw }
      net:link { { net:host "b", addr = "fd00::1/64" }, { a, addr = "fd00::2/64" } }
      local found, count
      with(net, function()
        found, count = 0, 0
        for _, node in ipairs(net.nodes) do
          count = count + #h.oracle(node, "ip -j -6 addr show scope link")
          found = found + #h.oracle(node, "ip -j -6 addr show tentative")
        end
        local addr = h.oracle(a, "ip -j -6 addr show dev eth0 scope link")[1].addr_info[1]["local"]
        local mac = a.ports[1].mac
        assert.truthy(addr:find(("%x"):format(tonumber(mac:sub(-2), 16)) .. "$"), addr .. " of " .. mac)
      end)
      return found, count
    end
    local found, count = tentative {}
    assert.same({ 0, 4 }, { found, count })
    assert.is_true(tentative { dad = true } > 0)
  end)

  it("has link-local addresses at ports of bridges where it is told so", function()
    local net = lab "ports"
    local sw = net:switch "sw"
    local h1 = net:host { "h1", links = { { "br0", kind = "bridge" } } }
    net:link { { sw, "quiet" }, { h1, "eth0", master = "br0" } }
    net:link { { sw, "loud", addrgenmode = "eui64" }, { net:host "h2", "eth0" } }
    with(net, function()
      local function count(node, dev) return #h.oracle(node, "ip -j -6 addr show scope link dev " .. dev) end
      assert.same({ 0, 0, 1, 1, 1 },
        { count(sw, "quiet"), count(h1, "eth0"), count(sw, "loud"), count(h1, "br0"), count(sw, "sw") })
      local text = nsh.snapshot():script()
      assert.same({ 1, 1 }, { select(2, text:gsub("addrgenmode", "")), select(2, text:gsub('"eui64"', "")) })
    end)
  end)

  it("has none at ports of bridges whose other ends were declared before", function()
    local net, hosts = lab "last", {}
    for i = 1, 80 do hosts[i] = net:host("h" .. i) end
    local sw = net:switch "sw"
    for _, host in ipairs(hosts) do net:link { host, sw } end
    with(net, function()
      for _, link in ipairs(h.oracle(sw, "ip -j -6 addr show scope link")) do assert.equal("sw", link.ifname) end
    end)
  end)

  it("has no IPv6 where none is wanted", function()
    local net = lab("four", { ipv6 = false })
    local sw, a, b = net:switch "sw", net:host "a", net:host { "b", ipv6 = true }
    net:link { { a, addr = "10.0.0.1/24" }, sw }
    net:link { { b, addrs = { "10.0.0.2/24", "fd00::2/64" } }, sw }
    with(net, function()
      assert.equal(0, #h.oracle(a, "ip -j -6 addr show dev eth0"))
      assert.equal(0, #h.oracle(sw, "ip -j -6 addr show dev sw"))
      assert.equal(1, #h.oracle(b, "ip -j -6 addr show dev eth0"))
    end)
  end)

  it("has links that are made from the sysctls of its nodes, of any kind and order", function()
    local net = lab "defaults"
    local base = "net.ipv6.conf.default."
    local sysctls = { [base .. "hop_limit"] = 61, [base .. "forwarding"] = 1, ["net.ipv6.conf.all.forwarding"] = 0 }
    local a, b = net:host { "a", sysctls = sysctls }, net:host { "b", sysctls = sysctls }
    local c = net:host { "c", sysctls = { ["net.ipv6.conf.all.disable_ipv6"] = 1 } }
    net:link { a, b }
    net:link { a, c }
    local links, tun = { { a, "eth0" }, { b, "eth0" } }, io.open("/dev/net/tun", "r+")
    if tun then
      tun:close()
      b:link { "tap0", kind = "tap" } -- which nobody makes in a batch
      links[3] = { b, "tap0" }
    end
    with(net, function()
      for _, link in ipairs(links) do
        assert.equal(61, link[1].netns.sysctl[("net.ipv6.conf.%s.hop_limit"):format(link[2])])
      end
      assert.equal(1, a.netns.sysctl[base .. "forwarding"])
      assert.equal(0, #h.oracle(c, "ip -j -6 addr show"))
    end)
  end)

  it("takes a link of the machine to where its wire leads, and sends it home", function()
    local net = lab "private"
    net:link { net:external "eth0", net:host "a" }
    assert.truthy(h.raised(net.plan, net):find("eth0 stands for link eth0 of the machine", 1, true))
    h.misuse("stands for one link of the machine", net.link, net, { "eth0", net:host "b" })
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write [[
      local root = netns.current()
      local ext = root:add_link { "ext0", kind = "veth", up = true, peer = { "far0", up = true } }
      ext.peer:add_addr "10.0.0.1/24"
      local net = lab "ext"
      local sw, host = net:switch "sw", net:host "h"
      net:link { { host, addr = "10.0.0.2/24" }, sw }
      net:link { net:external { "world", dev = "ext0" }, { sw, "uplink" } }
      net:up()
      print(net:plan(), host:reaches "10.0.0.1", root:find_link "ext0", sw:link "uplink".master.name)
      net:down()
      print(root:find_link "ext0", #netns.list())
      local bad = lab "bad"
      bad:link { bad:external "ext0", { bad:host { "h", commands = { "false" } }, "up0" } }
      print(pcall(bad.up, bad), root:find_link "ext0", #netns.list())]]
    file:close()
    local pipe = io.popen(("unshare -nm sh -c 'mount -t tmpfs run /run && mkdir /run/netns && %s --host %s' 2>&1")
      :format(os.getenv "NSH" or "./nsh", path))
    local said = pipe:read "a"
    pipe:close()
    os.remove(path)
    assert.equal("nothing to do\ttrue\tnil\tsw\nlink ext0 in host\t0\nfalse\tlink ext0 in host\t0\n",
      (said:gsub("\t[^\t]*exec false[^\t]*", "")))
  end)
end)
