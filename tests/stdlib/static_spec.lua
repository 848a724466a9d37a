-- static_spec.lua - static routes of a ring, after a cut, undone and taken away, with ip(8) as the oracle.
local h = require "tests.helper"
local labs = require "tests.stdlib.ring"
local static = require "stdlib.static"

local join = labs.join

-- The ring without its loopbacks' addresses and its hosts' routes.
local function ring()
  local lab = labs.ring()
  for i = 1, 4 do lab.r[i]:link("lo"):flush_addrs { scope = "global" } end
  for i = 1, 2 do lab.h[i]:flush_routes { dst = "default" } end
  return lab
end

local function seen(ns, family) return labs.seen(ns, family, "static") end

describe("static routes", function()
  it("lead to all subnets of a ring by the shortest way, for both families", function()
    local lab = ring()
    local routing <close> = static.set { lab.r[1], lab.r[2], lab.r[3], lab.r[4], hosts = lab.h }
    assert.same({ ["10.0.23.0/24"] = "10.0.12.2", ["10.0.34.0/24"] = "10.0.41.4", ["10.0.102.0/24"] = "10.0.12.2" },
      seen(lab.r[1], "-4"))
    assert.same({ ["fd00:23::/64"] = "fd00:12::2", ["fd00:34::/64"] = "fd00:41::4", ["fd00:102::/64"] = "fd00:12::2" },
      seen(lab.r[1], "-6"))
    assert.same({ default = "10.0.101.1" }, seen(lab.h[1], "-4"))
    assert.is_true(lab.h[1]:reaches "10.0.102.10")
    assert.is_true(lab.h[1]:reaches "fd00:102::10")
    assert.equal(61, lab.h[1]:ping("10.0.102.10").replies[1].ttl)
    assert.equal(4 * 6 + 2 * 2 + 2 * 2, #routing:routes())
    assert.matches("^dst +via +dev +netns", tostring(routing:routes()))
  end)

  it("go the other way after a cut and back again", function()
    local lab = ring()
    local routing <close> = static.set { lab.r[1], lab.r[2], lab.r[3], lab.r[4], hosts = lab.h }
    lab.cut[1]:set { up = false }
    lab.r[2]:link("to" .. lab.r[1].name):wait { carrier = false } -- the kernel tells the other end a bit later
    routing:update()
    assert.same({ ["10.0.23.0/24"] = "10.0.41.4", ["10.0.34.0/24"] = "10.0.41.4", ["10.0.102.0/24"] = "10.0.41.4" },
      seen(lab.r[1], "-4"))
    assert.is_true(lab.h[1]:reaches "10.0.102.10")
    assert.is_true(lab.h[1]:reaches "fd00:102::10")
    lab.cut[1]:set { up = true }
    lab.cut[1]:add_addr { "fd00:12::1/64", nodad = true } -- went with the link
    lab.cut[1]:wait { carrier = true }
    routing:update()
    assert.equal("10.0.12.2", seen(lab.r[1], "-4")["10.0.102.0/24"])
    assert.equal("fd00:12::2", seen(lab.r[1], "-6")["fd00:102::/64"])
  end)

  it("avoid a subnet that costs more", function()
    local lab = ring()
    local routing <close> = static.set { lab.r[1], lab.r[2], lab.r[3], lab.r[4], cost = { ["10.0.12.0/24"] = 5 } }
    assert.equal("10.0.41.4", seen(lab.r[1], "-4")["10.0.102.0/24"])
    assert.equal("fd00:12::2", seen(lab.r[1], "-6")["fd00:102::/64"])
    routing:remove()
  end)

  it("take loopback addresses for subnets of one address", function()
    local a, b = h.netns(), h.netns()
    join(a, b, 1, 1, 2)
    for i, ns in ipairs { a, b } do
      ns:link("lo"):set { up = true }
      ns:link("lo"):add_addr("10.255.0." .. i .. "/32")
    end
    local routing <close> = static.set { a.name, b.name }
    assert.same({ ["10.255.0.2"] = "10.0.1.2" }, seen(a, "-4"))
    assert.is_true(a:reaches "10.255.0.2")
    assert.equal(2, #routing:routes())
  end)

  it("are gone after remove, and forwarding is what it was", function()
    local lab = ring()
    lab.r[2].sysctl["net.ipv4.ip_forward"] = 1
    local routing = static.set { lab.r[1], lab.r[2], lab.r[3], lab.r[4], hosts = lab.h }
    assert.equal("1", tostring(lab.r[1].sysctl["net.ipv6.conf.all.forwarding"]))
    routing:remove()
    routing:remove()
    for _, ns in ipairs { lab.r[1], lab.r[3], lab.h[1] } do
      assert.same({}, seen(ns, "-4"))
      assert.same({}, seen(ns, "-6"))
    end
    assert.equal("0", tostring(lab.r[1].sysctl["net.ipv4.ip_forward"]))
    assert.equal("1", tostring(lab.r[2].sysctl["net.ipv4.ip_forward"]))
    h.misuse("were removed", routing.update, routing)
  end)

  it("name what has no way to it and leave all as it was", function()
    local a, b, c, d = h.netns(), h.netns(), h.netns(), h.netns()
    join(a, b, 1, 1, 2)
    join(b, c, 2, 1, 2)
    join(d, c, 3, 1, 2)
    local routing <close> = static.set { a, b, c, d }
    local before = seen(a, "-4")
    assert.equal("10.0.1.2", before["10.0.3.0/24"])
    c:link("to" .. b.name):set { up = false }
    b:link("to" .. c.name):wait { carrier = false }
    local err = h.refused("ENETUNREACH", routing.update, routing)
    assert.matches(a.name .. " doesn't reach 10.0.3.0/24 (at " .. c.name .. ")", err.message, 1, true)
    assert.matches(d.name .. " doesn't reach fd00:1::/64 (at " .. a.name .. ")", err.message, 1, true)
    assert.matches("^tests/[%w_/]+%.lua:%d+: static routes: ", tostring(err))
    assert.same(before, seen(a, "-4"))
    routing:remove()

    local some <close> = static.set { a, b, c, d, check = false }
    assert.equal(8, #some:unreachable())
    assert.same({}, seen(a, "-4"))
    assert.same({}, seen(d, "-4"))
    err = h.refused("ENETUNREACH", static.set, { a, b, hosts = { d } })
    assert.matches(d.name .. " has no router in 10.0.3.0/24", err.message, 1, true)
  end)

  it("are undone as a whole when the kernel refuses one", function()
    local lab = ring()
    lab.r[3]:add_route { "10.0.41.0/24", via = "10.0.23.2" }
    h.refused("EEXIST", static.set, { lab.r[1], lab.r[2], lab.r[3], lab.r[4] })
    for i = 1, 4 do assert.same({}, seen(lab.r[i], "-4")) end
    assert.equal("0", tostring(lab.r[1].sysctl["net.ipv4.ip_forward"]))
  end)

  it("of a lab with an address plan lead to the loopbacks of all routers", function()
    local net = lab("planned", { addresses = "10.0.0.0/8, fd00::/48" })
    local last
    for i = 1, 3 do
      local r = net:router("r" .. i)
      if last then net:link { last, r } end
      last = r
    end
    static.declare(net)
    local _ <close> = setmetatable({}, { __close = function() net:down() end })
    net:up()
    assert.equal(0, net:ping_all().lost)
    local first = net:node "r1":address { family = "inet6" }
    assert.matches("^fd00:", first)
    assert.is_true(last:reaches(first))
    local lo = h.oracle(net:node "r1", "ip -j addr show dev lo scope global")[1].addr_info
    assert.equal(net:node "r1":address(), lo[1]["local"])
  end)

  it("tell what was called wrongly", function()
    local a, b = h.netns(), h.netns()
    join(a, b, 1, 1, 2)
    h.misuse("needs routers", static.set, {})
    h.misuse("unknown key 'host' of static.set; did you mean 'hosts'?", static.set, { a, host = { b } })
    h.misuse("named twice", static.set, { a, b, hosts = { a } })
    h.misuse("number 1 of routers is a namespace, its name or a node of a lab, not 7", static.set, { 7 })
    h.misuse("from 1 on", static.set, { a, b, cost = { ["10.0.1.0/24"] = 0 } })
    h.misuse("cost: no router stands in '10.0.9.0/24'", static.set, { a, b, cost = { ["10.0.9.0/24"] = 2 } })
    b:link("to" .. a.name):add_addr "10.0.1.1/24"
    h.misuse("10.0.1.1 is an address of " .. a.name .. " and of " .. b.name, static.set, { a, b })
  end)
end)
