-- radvd_spec.lua - a host makes its address of what its router advertises, and finds it
local h = require "tests.helper"
local radvd = require "stdlib.radvd"

local function network()
  local router, host = h.netns(), h.netns()
  for _, ns in ipairs { router, host } do ns.sysctl["net.ipv6.conf.default.accept_dad"] = 0 end
  router.sysctl["net.ipv6.conf.all.forwarding"] = 1
  local lan, eth0 = router:add_link { "lan", kind = "veth", up = true, peer = { "eth0", netns = host, up = true } }
  lan:add_addr "fd00:1::1/64"
  return router, host, eth0
end

describe("radvd", function()
  it("gives a host an address and a router, and takes the router away at its end", function()
    local router, host, eth0 = network()
    local server <close> = radvd.start(router, { dev = "lan", prefix = "fd00:1::/64", mtu = 1400 })
    local route = host:wait_route { "default", dev = "eth0" }
    assert.equal("ra", route.proto)
    local own = host:wait(function(ns)
      return h.find(ns:addrs { dev = "eth0", scope = "global" }, { proto = "kernel_ra" })
    end)
    assert.is_truthy(own.addr:find "^fd00:1::.*/64$", own.addr)
    assert.is_true(host:reaches "fd00:1::1")
    assert.equal(1400, host.sysctl["net.ipv6.conf.eth0.mtu"])
    assert.equal(route.via, h.oracle(host, "ip -6 -j route show default")[1].gateway)
    assert.is_true(eth0.up)
    server:stop()
    host:wait(function(ns) return #ns:routes { dst = "default", family = "inet6" } == 0 end)
  end)

  it("advertises prefixes alone where it is no router", function()
    local router, host = network()
    router.sysctl["net.ipv6.conf.all.forwarding"] = 0
    h.misuse("doesn't forward", radvd.start, router, { dev = "lan", prefix = "fd00:1::/64" })
    local server <close> = radvd.start(router, { dev = router:link "lan", prefix = "fd00:2::/64", lifetime = 0 })
    host:wait(function(ns) return #ns:addrs { dev = "eth0", scope = "global" } == 1 end)
    assert.is_true(server:running())
    assert.same({}, host:routes { dst = "default", family = "inet6" })
  end)

  it("refuses what can't be advertised", function()
    local router = network()
    h.misuse("the first argument of radvd.start is a namespace", radvd.start, { dev = "lan" })
    h.misuse("needs dev", radvd.start, router, { prefix = "fd00:1::/64" })
    h.misuse("prefix is as", radvd.start, router, { dev = "lan", prefix = "10.0.0.0/24" })
    h.misuse("interval is a number from 4", radvd.start, router, { dev = "lan", interval = 1 })
    h.misuse("did you mean 'prefix'", radvd.start, router, { dev = "lan", prefx = "fd00:1::/64" })
    local err = h.refused("EXIT", radvd.start, router, { dev = "lan", config = "NoSuchWord on;" })
    assert.is_truthy(tostring(err):find "syntax error", tostring(err))
    assert.has_error(function() radvd.start(router, { dev = "eth9" }) end)
  end)
end)
