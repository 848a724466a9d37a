-- frr_spec.lua - routers with FRRouting: records, changed configurations, mistakes, death; routing_spec has the rest
local bird = require "stdlib.bird"
local frr = require "stdlib.frr"
local h = require "tests.helper"
local ring = require "tests.stdlib.ring"
local text = require "stdlib.frr_text"

local works, why = frr.available()
if not works then
  describe("frr", function() pending(why) end)
  return
end

-- Two routers; the other one is bird where that is there, which starts in no time.
local function pair(spec)
  local a, b = ring.node(), ring.node()
  ring.join(a, b, 1, 1, 2)
  spec.ospf = { "to" .. b.name, type = "ptp" }
  local other = bird.available() and bird or frr
  return frr.start(a, spec), other.start(b, { ospf = { "to" .. a.name, type = "ptp" } }), a, b
end

describe("frr", function()
  it("answers with records; takes another configuration while its sessions go on, or none with a mistake", function()
    local one, two, a, b = pair { static = { { "10.9.0.0/16", type = "blackhole" } } }
    local _ <close> = one
    local _ <close> = two
    local neighbor = one:wait_ospf(1)[1]
    assert.same({ "10.0.1.2", "10.0.1.2", "to" .. b.name, "full", "ospf" },
      { neighbor.id, neighbor.addr, neighbor.dev, neighbor.state, neighbor.instance })
    local route = h.find(one:routes(), { dst = "10.0.1.0/24", best = true })
    assert.same({ "connected", "to" .. b.name }, { route.proto, route.dev })
    assert.equal("10.0.1.1", one:json("show ip ospf json").routerId)
    assert.matches("Unknown command: show bogus", h.refused("EINVAL", one.vtysh, one, "show bogus").message)
    assert.equal("frr in " .. a.name .. ", running", tostring(one))
    local err = h.refused("ETIMEDOUT", two.wait_ospf, two, 3, 0.2)
    assert.matches("3 full neighbors did not come in 0.2 s; seen last: ", err.message)
    local before = one:config()
    local link = { "to" .. b.name, type = "ptp", cost = 77 }
    err = h.refused("EINVAL", one.reload, one,
      { ospf = { link }, config = "router ospf\n ospf ruter-id 1.1.1.1\n" })
    assert.matches("line 2: %% Unknown command", err.message)
    assert.equal(2, err.line)
    assert.matches("ospf ruter-id 1.1.1.1", err.message, 1, true)
    assert.matches("^tests/[%w_/]+%.lua:%d+: frr configuration in ", tostring(err))
    err = h.refused("EINVAL", one.reload, one, { ospf = { link }, -- what only ospfd itself finds
      config = "ip route 10.6.0.0/16 blackhole\ninterface lo\n ip ospf network point-to-point\n" })
    assert.matches("loopback interface", err.message)
    assert.equal(before, one:config())
    local running = one:vtysh "show running-config"
    assert.is_nil(running:find("10.6.0.0", 1, true))
    assert.is_nil(running:find("cost 77", 1, true))
    assert.equal("blackhole", ring.seen(a, "-4", "196")["10.9.0.0/16"])
    one:reload { ospf = { link }, static = { { "10.8.0.0/16", type = "blackhole" } } }
    a:wait_route { dst = "10.8.0.0/16" }
    a:wait(function() return not h.find(a:routes(), { dst = "10.9.0.0/16" }) end)
    assert.is_truthy(one:vtysh "show running-config":find("ip ospf cost 77", 1, true))
    assert.equal("full", one:neighbors()[1].state)
    assert.equal(1, select(2, one:output():gsub("Loading %-> Full %(LoadingDone", "")))
  end)

  it("starts with a configuration as it is, and tells the line of a mistake", function()
    local ns = ring.node()
    local f <close> = frr.start(ns, "ip route 10.7.0.0/16 blackhole\n")
    ns:wait_route { dst = "10.7.0.0/16" }
    assert.is_true(f:running())
    local err = h.refused("EINVAL", frr.start, ring.node(), "hostname x\nip rute 10.7.0.0/16 blackhole\n")
    assert.matches("line 2: %% Unknown command", err.message)
    assert.equal(2, err.line)
  end)

  it("takes all options; when it was killed it tells so, and leaves nothing", function()
    ring.check_death(frr.start)
  end)

  it("says only what changes between two configurations", function()
    local function bgp(asn, peer)
      return ("router bgp %d\n neighbor 10.0.0.2 remote-as %d\n neighbor 10.0.0.2 passive\n"
        .. " address-family ipv4 unicast\n  network 10.1.0.0/16\n exit-address-family\nexit\n"):format(asn, peer)
    end
    local link = "interface eth0\n ip ospf cost 5\nexit\n"
    assert.equal("\n", text.change(bgp(1, 2) .. link, link .. bgp(1, 2)))
    assert.equal("interface eth0\nno ip ospf cost 5\nexit\ninterface eth0\nip ospf area 0\nexit\n",
      text.change(link, "interface eth0\nip ospf area 0\nexit\n"))
    assert.equal("router bgp 1\nno neighbor 10.0.0.2 remote-as 2\nexit\n" .. -- with it goes all that was said of it
      "router bgp 1\nneighbor 10.0.0.2 remote-as 3\nexit\nrouter bgp 1\nneighbor 10.0.0.2 passive\nexit\n",
      text.change(bgp(1, 2), bgp(1, 3)))
    assert.equal("no router bgp 1\n", text.change(bgp(1, 2), "! nothing\n"))
    assert.equal("router bgp 1\naddress-family ipv4 unicast\nno network 10.1.0.0/16\nexit-address-family\nexit\n",
      text.change(bgp(1, 2), (bgp(1, 2):gsub("  network[^\n]*\n", ""))))
    local changed = text.change(bgp(1, 2), bgp(7, 2))
    assert.matches("^no router bgp 1\nrouter bgp 7\nexit\n", changed)
    assert.matches("router bgp 7\naddress%-family ipv4 unicast\nnetwork 10.1.0.0/16\n", changed)
  end)

  it("refuses wrong options", function() ring.check_misuse("frr", frr.start) end)
end)
