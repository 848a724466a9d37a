-- dnsmasq_spec.lua - a host gets its address by DHCP and resolves names, its own among them
local dnsmasq = require "stdlib.dnsmasq"
local h = require "tests.helper"
local udhcpc = require "stdlib.udhcpc"

-- A router with two hosts on its bridge; nobody but the router has an address.
local function network()
  local router = h.netns()
  router:link("lo"):set { up = true }
  local lan = router:add_link { "lan", kind = "bridge", up = true }
  lan:add_addr "10.0.0.1/24"
  local hosts = {}
  for i = 1, 2 do
    hosts[i] = h.netns()
    router:add_link { "host" .. i, kind = "veth", up = true, master = lan, peer = { "eth0", netns = hosts[i] } }
  end
  return router, hosts[1], hosts[2]
end

describe("dnsmasq", function()
  it("lends addresses to hosts, which resolve names and reach the router", function()
    local router, bob, eve = network()
    local server <close> = dnsmasq.start(router, { dev = "lan", domain = "lab", dhcp = { "10.0.0.100", "10.0.0.200" },
      hosts = { ["web.lab"] = { "10.0.0.7", "fd00::7" } }, reserve = { [eve:link("eth0").mac] = "10.0.0.50" } })
    local lease = udhcpc.lease(bob:link "eth0", { hostname = "bob" })
    assert.same({ "10.0.0.1", "10.0.0.1", "lab", 3600 }, { lease.via, lease.dns[1], lease.domain, lease.seconds })
    local addr = lease.addr:match "^(10%.0%.0%.1%d%d)/24$" or lease.addr:match "^(10%.0%.0%.200)/24$"
    assert.is_string(addr, lease.addr)
    assert.is_true(bob:reaches "10.0.0.1")
    assert.equal("10.0.0.1", bob:wait_route("default").via)
    assert.equal("10.0.0.50/24", udhcpc.lease(eve:link "eth0").addr)
    assert.is_true(eve:reaches(addr))

    assert.same({ "10.0.0.7", "fd00::7" }, dnsmasq.lookup(bob, "web.lab", "10.0.0.1"))
    assert.same({ addr }, dnsmasq.lookup(eve, "bob.lab", lease.dns[1]))
    assert.same({}, dnsmasq.lookup(bob, "nobody.lab", "10.0.0.1"))
    local of_bob = h.find(server:leases(), { name = "bob" })
    assert.same({ addr, bob:link("eth0").mac }, { of_bob.addr, of_bob.mac })
    assert.is_true(of_bob.expires > os.time() + 3500)
    assert.equal(2, #server:leases())
    server:stop()
    h.refused("TIMEOUT", dnsmasq.lookup, bob, "web.lab", "10.0.0.1", 0.3)
  end)

  it("is what programs of a host resolve names with", function()
    local router = network()
    local bob <close> = netns.add { h.name "bob", resolv = { "10.0.0.1", search = "lab" } }
    router:add_link { "bob", kind = "veth", up = true, master = "lan", peer = { "eth0", netns = bob } }
    local server <close> = dnsmasq.start(router, { dev = "lan", domain = "lab", dhcp = { "10.0.0.100", "10.0.0.200" },
      hosts = { ["web.lab"] = "10.0.0.7" } })
    assert.is_true(server:running())
    udhcpc.lease(bob:link "eth0")
    assert.is_truthy(bob:exec({ "getent", "hosts", "web" }).out:find "^10%.0%.0%.7%s+web%.lab")
  end)

  it("says nothing of routers and servers where it shall not", function()
    local router, bob = network()
    local server <close> = dnsmasq.start(router, { dev = router:link "lan",
      dhcp = { "10.0.0.100", "10.0.0.200", lease = "2h", router = false, dns = "10.0.0.9" } })
    assert.is_true(server:running())
    local lease = udhcpc.lease(bob:link "eth0")
    assert.is_nil(lease.via)
    assert.same({ "10.0.0.9" }, lease.dns)
    assert.equal(7200, lease.seconds)
    assert.same({}, bob:routes { dst = "default" })
  end)

  it("is missed by a host that asks in vain", function()
    local _, bob = network()
    local err = h.refused("ETIMEDOUT", udhcpc.lease, bob:link "eth0", { timeout = 0.5 })
    assert.is_truthy(tostring(err):find "discover", tostring(err))
  end)

  it("refuses what it can't do, and tells dnsmasq's own words", function()
    local router = network()
    h.misuse("needs dev", dnsmasq.start, router, {})
    h.misuse("did you mean 'dhcp'", dnsmasq.start, router, { dev = "lan", dhpc = {} })
    h.misuse("dhcp[2] is an address", dnsmasq.start, router, { dev = "lan", dhcp = { "10.0.0.1" } })
    h.misuse("10.0.1.200 is in no subnet of the links in dev (10.0.0.1/24 at lan)", dnsmasq.start, router,
      { dev = "lan", dhcp = { "10.0.1.100", "10.0.1.200" } })
    h.misuse("is in no subnet", dnsmasq.start, router, { dev = "lan", dhcp = { "10.0.0.100", "10.0.1.1" } })
    h.misuse("no address of that family", dnsmasq.start, router, { dev = "lan", dhcp = { "fd00::5", "fd00::9" } })
    h.misuse("the first argument of dnsmasq.start is a namespace", dnsmasq.start, { dev = "lan" })
    h.misuse("the first argument of dnsmasq.lookup is a namespace", dnsmasq.lookup, nil, "a", "10.0.0.1")
    h.misuse("the first argument of udhcpc.lease is a link, as ns:link", udhcpc.lease, "eth0")
    local relayed <close> = dnsmasq.start(router.name,
      { dev = "lan", dhcp = { "10.0.1.100", "10.0.1.200", netmask = "255.255.255.0" } })
    relayed:stop()
    h.misuse("hosts is an address", dnsmasq.start, router, { dev = "lan", hosts = { a = "b" } })
    assert.has_error(function() dnsmasq.start(router, { dev = "eth9" }) end)
    local err = h.refused("EXIT", dnsmasq.start, router, { dev = "lan", config = "no-such-option" })
    assert.is_truthy(tostring(err):find "bad option", tostring(err))
  end)
end)
