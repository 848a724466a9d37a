-- address_spec.lua - address plans: who gets what, that it stays when others come and go, and what is refused
local h = require "tests.helper"

local PLAN = "10.0.0.0/8, fd00::/48"

-- What each end has: "node link" -> "10.0.0.1/24 fd00::1/64".
local function plan_of(net)
  local map = {}
  for _, node in ipairs(net.nodes) do
    for _, port in ipairs(node.ports) do
      local texts = {}
      for i, record in ipairs(port.addrs) do texts[i] = record.addr end
      if texts[1] then map[node.name .. " to " .. port.peer.node.name] = table.concat(texts, " ") end
    end
    local texts = {}
    for i, record in ipairs(node.addrs) do texts[i] = record.addr end
    if texts[1] then map[node.name .. " lo"] = table.concat(texts, " ") end
  end
  return map
end

-- Two sites with hosts on a switch each, their routers joined; `without` leaves some of it out, `more` adds.
local function sites(options, without, more)
  local net = lab("sites", options)
  for site = 1, 2 do
    local sw, r = net:switch("sw" .. site), net:router("r" .. site)
    net:link { r, sw }
    for i = 1, 6 do
      local name = ("h%d%d"):format(site, i)
      if not (without or {})[name] then net:link { net:host(name), sw } end
    end
  end
  if not (without or {}).wire then net:link { "r1", "r2" } end
  for name, at in pairs(more or {}) do net:link { net:host(name), at } end
  return net
end

local function network_of(text) return nsh.subnet(text, math.tointeger(tonumber(text:match "/(%d+)$")), 0) end

describe("an address plan", function()
  it("gives each link a network of each pool, and each end an address in it", function()
    local net = sites { addresses = PLAN }
    local map, seen, networks = plan_of(net), {}, {}
    for _, texts in pairs(map) do
      local count = 0
      for text in texts:gmatch "%S+" do
        assert.is_nil(seen[text], text)
        seen[text], count = true, count + 1
      end
      assert.equal(2, count)
    end
    for _, node in ipairs(net.nodes) do
      if node.kind == "host" then
        local sw = node.ports[1].peer.node.name
        local found = network_of(node:address { prefix = true })
        networks[sw] = networks[sw] or found
        assert.equal(networks[sw], found)
      end
      if node.kind == "switch" then assert.is_nil(node:address { required = false }) end
    end
    assert.is_not.equal(networks.sw1, networks.sw2)
    assert.truthy(map["r1 to r2"]:find "^10%.%S+/30 fd00:%S+/64$")
    assert.truthy(map["r1 lo"]:find "^10%.%S+/32 fd00:%S+/128$")
    assert.equal(network_of(map["r1 to r2"]:match "%S+"), network_of(map["r2 to r1"]:match "%S+"))
  end)

  it("leaves all others where they are when nodes and links come and go", function()
    local first = plan_of(sites { addresses = PLAN })
    local function same(other)
      for key, value in pairs(other) do
        if first[key] then assert.equal(first[key], value, key) end
      end
    end
    same(plan_of(sites({ addresses = PLAN }, { h11 = true })))
    same(plan_of(sites({ addresses = PLAN }, { h16 = true, h21 = true })))
    same(plan_of(sites({ addresses = PLAN }, { wire = true })))
    same(plan_of(sites({ addresses = PLAN }, {}, { x1 = "sw1", x2 = "sw2" })))
    assert.same(first, plan_of(sites { addresses = { "10.0.0.0/8", "fd00::/48" } }))
  end)

  it("goes along with what is declared by hand", function()
    local net = lab("mixed", { addresses = "10.0.0.0/16" })
    local sw, r = net:switch "sw", net:router { "r", addr = "192.0.2.1/32" }
    net:link { { r, addr = "172.16.5.1/24" }, sw }
    for i = 1, 20 do net:link { net:host("h" .. i), sw } end
    net:link { { net:host "silent", addr = false }, sw }
    local seen = {}
    for i = 1, 20 do
      local text = net:node("h" .. i):address { prefix = true }
      assert.equal("172.16.5.0/24", network_of(text))
      assert.is_nil(seen[text])
      assert.is_not.equal("172.16.5.1/24", text)
      seen[text] = true
    end
    assert.is_nil(net:node "silent":address { required = false })
    assert.equal("192.0.2.1", r:address())
    h.misuse("silent has no address; give it one", net:node "silent".address, net:node "silent")
  end)

  it("may be read while the lab is declared, and what was read stays", function()
    local net = lab("early", { addresses = PLAN })
    local sw, a = net:switch "sw", net:host "a"
    net:link { a, sw }
    local four, six = a:address { family = "inet" }, a:address { family = "inet6", link = "eth0" }
    for i = 1, 50 do net:link { net:host("h" .. i), sw } end
    net:plan()
    assert.same({ four, six }, { a:address { family = "inet" }, a:address { family = "inet6" } })
    assert.equal(four, a.ports[1].addrs[1].addr:match "^[^/]+")
  end)

  it("is read with what it gives to a node itself, whatever was asked before", function()
    local function pair()
      local net = lab("pair", { addresses = PLAN })
      local r1, r2 = net:router "r1", net:router "r2"
      net:link { r1, r2 }
      return net, r1, r2
    end
    local _, a1, a2 = pair()
    local net, b1, b2 = pair()
    assert.matches("^10%.%S+/32 fd00:%S+/128$", ("%s %s"):format(a1.addrs[1].addr, a1.addrs[2].addr))
    local first, second = b1:address(), b2:address()
    assert.same({ a1.addrs[1].addr, a2.addrs[1].addr }, { first .. "/32", second .. "/32" })
    assert.equal(first, b1:address())
    local host = net:host { "h", links = { { "br0", kind = "bridge" } } }
    net:link { { host, master = "br0" }, b1 }
    assert.matches("^10%.%S+/24$", host.links[1].addrs[1].addr)
    assert.equal(0, #net:host "lone".addrs)
  end)

  it("is the same when it is read after each link, and that takes no longer the more there are", function()
    local function declare(n, look)
      local net, sw = lab("grown", { addresses = PLAN }), nil
      for i = 1, n do
        if i % 40 == 1 then sw = net:switch("sw" .. i) end
        local host = net:host { "h" .. i, links = { { "br0", kind = "bridge", addr = i % 7 == 0 and "10.9.0.7/24" } } }
        net:link { host, sw }
        local router = net:router("r" .. i)
        net:link { router, { host, master = i % 3 == 0 and "br0" or nil }, mtu = 1400 }
        if look then look(host, router) end
      end
      return net
    end
    local function look(host, router) return #host.ports[1].addrs + #router.ports[1].addrs + #router:address() end
    assert.same(plan_of(declare(80)), plan_of(declare(80, look)))
    local began = os.clock()
    declare(200, look)
    assert.is_true(os.clock() - began < 1, os.clock() - began)
  end)

  it("goes along with switches that are joined later", function()
    local net = lab("joined", { addresses = "10.0.0.0/8" })
    local one, two, seen = net:switch "one", net:switch "two", {}
    local function add(name, switch)
      local host = net:host(name)
      net:link { host, switch }
      local text = host:address { prefix = true }
      assert.is_nil(seen[text])
      seen[text] = true
      return network_of(text)
    end
    local first, second = add("a1", one), add("b1", two)
    assert.equal(second, add("b2", two))
    assert.is_not.equal(first, second)
    net:link { one, two }
    assert.equal(first, add("a2", one))
    for i = 1, 20 do assert.equal(first, add("late" .. i, two)) end
    local gate = net:router "gate"
    net:link { gate, two }
    assert.equal(first, network_of(gate:address { link = "eth0", prefix = true }))
  end)

  it("is refused where its pool is too small, and says how large it must be", function()
    h.misuse("10.0.0.0/29 is too small; an address plan needs at least a /28", lab, "x", { addresses = "10.0.0.0/29" })
    h.misuse("10.0.0.1/8 isn't the beginning of a network; 10.0.0.0/8 is", lab, "x", { addresses = "10.0.0.1/8" })
    h.misuse("must be a prefix", lab, "x", { addresses = "ten" })
    h.misuse("addresses takes prefixes", lab, "x", { addresses = "" })
    local function star(n, pool)
      local net = lab("small", { addresses = pool })
      local sw = net:switch "sw"
      for i = 1, n do net:link { net:host("h" .. i), sw } end
      return net
    end
    local err = h.raised(function() star(40, "10.0.0.0/26"):plan() end)
    local length = err:match "/26 is too small for lab small: no place for the network of sw; a /(%d+) would do"
    assert.truthy(length, err)
    star(40, "10.0.0.0/" .. length):plan()
    assert.is_false(pcall(function() star(40, "10.0.0.0/" .. length + 1):plan() end))
  end)

  it("makes a lab that talks: hosts have a default route by their one router", function()
    local net = sites { addresses = PLAN }
    for _, way in ipairs { { "r1", "r2", "h21" }, { "r2", "r1", "h11" } } do
      net:node(way[1]):route { network_of(net:node(way[3]):address { prefix = true }),
        via = net:node(way[2]):address { link = "eth1" } }
    end
    net:up()
    local ok, err = pcall(function()
      assert.is_true(net:node "h11":reaches(net:node "h26":address()))
      assert.is_true(net:node "h11":reaches(net:node "h12":address { family = "inet6" }))
      assert.equal(1, #h.oracle(net:node "h11", "ip -j route show default"))
      assert.equal(1, #h.oracle(net:node "h11", "ip -j -6 route show default"))
      assert.equal("nothing to do", tostring(net:plan()))
    end)
    net:down()
    if not ok then error(err, 0) end
  end)

  it("is quick for a thousand hosts, and finds place for all of them", function()
    local net = lab("large", { addresses = PLAN })
    local sw, seen = net:switch "sw", {}
    for i = 1, 1000 do net:link { net:host("h" .. i), sw } end
    local began = os.clock()
    for i = 1, 1000 do
      for _, family in ipairs { "inet", "inet6" } do
        local text = net:node("h" .. i):address { family = family }
        assert.is_nil(seen[text])
        seen[text] = true
      end
    end
    assert.is_true(os.clock() - began < 3, os.clock() - began)
  end)
end)
