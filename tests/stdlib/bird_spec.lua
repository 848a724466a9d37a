-- bird_spec.lua - routers with BIRD: records, changes of the configuration, mistakes, death; routing_spec has the rest
local bird = require "stdlib.bird"
local h = require "tests.helper"
local ring = require "tests.stdlib.ring"

local works, why = bird.available()
if not works then
  describe("bird", function() pending(why) end)
  return
end

-- Two routers that see each other by OSPF.
local function pair(spec)
  local a, b = ring.node(), ring.node()
  ring.join(a, b, 1, 1, 2)
  local links = { { "to" .. b.name, type = "ptp" } }
  local one = bird.start(a, { ospf = links, config = spec and spec.config, static = spec and spec.static })
  local two = bird.start(b, { ospf = { "to" .. a.name, type = "ptp" } })
  return one, two, links, a, b
end

describe("bird", function()
  it("answers with records; takes another configuration while its sessions go on, or none with a mistake", function()
    local one, two, links, a, b = pair { static = { { "10.9.0.0/16", type = "blackhole" } } }
    local _ <close> = one
    local _ <close> = two
    local neighbor = one:wait_ospf(1)[1]
    assert.same({ "10.0.1.2", "10.0.1.2", "to" .. b.name, "full", "ptp", "ospf4" },
      { neighbor.id, neighbor.addr, neighbor.dev, neighbor.state, neighbor.role, neighbor.instance })
    assert.equal("up", h.find(one:protocols(), { type = "OSPF" }).state)
    assert.same({ "connected", true, "to" .. b.name }, { (function()
      local route = h.find(one:routes(), { dst = "10.0.1.0/24", best = true })
      return route.proto, route.best, route.dev
    end)() })
    assert.matches("Router ID is 10.0.1.1", one:birdc "show status")
    assert.matches("No such command", h.refused("EINVAL", one.birdc, one, "show bogus").message)
    assert.equal("bird in " .. a.name .. ", running", tostring(one))
    local err = h.refused("ETIMEDOUT", two.wait_ospf, two, 3, 0.05)
    assert.matches("3 full neighbors did not come in 0.05 s; seen last: ", err.message)
    h.misuse("wait_bgp: bird in " .. b.name .. " has no neighbors of BGP", two.wait_bgp, two)
    local before = one:config()
    err = h.refused("EINVAL", one.reload, one, { ospf = links, config = "protocol statik {}\n" })
    assert.matches("line 1, column 10: syntax error", err.message)
    assert.equal(1, err.line)
    assert.matches("protocol statik {}", err.message, 1, true)
    assert.matches("^tests/[%w_/]+%.lua:%d+: bird configuration in ", tostring(err))
    assert.equal(before, one:config())
    assert.equal("blackhole", ring.seen(a, "-4", "bird")["10.9.0.0/16"])
    one:reload { ospf = links, static = { { "10.8.0.0/16", type = "unreachable" } } }
    a:wait_route { dst = "10.8.0.0/16", proto = "bird" }
    a:wait(function() return not h.find(a:routes(), { dst = "10.9.0.0/16" }) end)
    assert.equal("full", one:neighbors()[1].state)
    assert.equal(1, select(2, one:output():gsub("changed state from Loading to Full", "")))
  end)

  it("starts with a configuration as it is, and tells the line of a mistake", function()
    local ns = ring.node()
    local b <close> = bird.start(ns, "router id 1.1.1.1; protocol static mine { ipv4; route 10.7.0.0/16 blackhole; }\n")
    ns:wait_route { dst = "10.7.0.0/16", proto = "bird" }
    h.misuse("wait_ospf needs the number of neighbors", b.wait_ospf, b)
    assert.equal("mine", h.find(b:protocols(), { type = "Static" }).name)
    local err = h.refused("EINVAL", bird.start, ring.node(),
      "router id 1.1.1.1; protocol static { ipv4; rute 10.7.0.0/16 blackhole; }")
    assert.matches("syntax error", err.message)
    assert.matches("rute 10.7.0.0/16 blackhole", err.message, 1, true)
  end)

  it("takes all options; when it was killed it tells so, and leaves nothing", function()
    ring.check_death(bird.start)
  end)

  it("refuses wrong options", function()
    ring.check_misuse("bird", bird.start)
    local ns = h.netns()
    h.misuse("router_id = \"10.0.0.1\" gives one", bird.start, ns, { static = { { "fd01::/64", type = "blackhole" } } })
    local b <close> = bird.start(ns.name, { router_id = "10.0.0.1" })
    assert.matches("Router ID is 10.0.0.1", b:birdc "show status")
  end)
end)
