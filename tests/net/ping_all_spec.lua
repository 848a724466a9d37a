-- ping_all_spec.lua - who reaches whom: against the topology, with more neighbours than the machine has places for

local h = require "tests.helper"

local hosts, switch

-- hosts on one bridge
local function lan(n)
  switch, hosts = netns.add(h.name "sw"), {}
  local br = switch:add_link { "br0", kind = "bridge", up = true }
  for i = 1, n do
    hosts[i] = netns.add(("h%d"):format(i))
    local link = hosts[i]:add_link { "eth0", kind = "veth", up = true, addrgenmode = "none",
      peer = { "p" .. i, netns = switch, up = true, master = br } }
    link:add_addr(("10.0.0.%d/24"):format(i))
    link:add_addr { ("fd00::%x/64"):format(i), nodad = true }
  end
  assert(hosts[1]:reaches("10.0.0." .. n) and hosts[1]:reaches(("fd00::%x"):format(n)))
end

local function fell()
  for _, ns in ipairs(hosts) do ns:del() end
  switch:del()
end

describe("of a few hosts", function()
  setup(function() lan(4) end)
  teardown(fell)

  it("all reach all others", function()
    for _, family in ipairs { "inet", "inet6" } do
      local r = nsh.ping_all { hosts[1], "h2", hosts[3], "h4", family = family }
      assert.same({ 12, 12, 0 }, { r.sent, r.received, r.loss })
      local seen = {}
      for _, pair in ipairs(r.pairs) do
        seen[pair.from .. pair.to] = true
        assert.equal((family == "inet" and "10.0.0." or "fd00::") .. pair.to:match "%d", pair.addr)
        assert.truthy(pair.rtt.min > 0 and pair.rtt.min <= pair.rtt.avg and pair.rtt.avg <= pair.rtt.max)
        assert.truthy(r.rtt.min <= pair.rtt.min and pair.rtt.max <= r.rtt.max)
      end
      for i = 1, 4 do
        for k = 1, 4 do assert.equal(i ~= k or nil, seen[("h%dh%d"):format(i, k)]) end
      end
      assert.truthy(r.seconds < 1 and not r.overflow)
      local text = tostring(r)
      assert.truthy(text:find("ms%s+h1%s+h2%s+h3%s+h4\n"))
      assert.truthy(text:find("h1%s+%-%s+[%d.]+%s"))
      assert.truthy(text:find("12 pairs, 12 of 12 pings answered, 0 % lost", 1, true))
    end
  end)

  it("says who misses whom", function()
    switch:link "p3":set { up = false }
    local r = nsh.ping_all { hosts[1], hosts[2], hosts[3], timeout = 0.1, count = 2, interval = 0.01 }
    switch:link "p3":set { up = true }
    assert(hosts[3]:reaches "10.0.0.1")
    assert.same({ 12, 4 }, { r.sent, r.received })
    assert.near(2 / 3, r.loss, 1e-9)
    for _, pair in ipairs(r.pairs) do
      assert.equal((pair.from == "h3" or pair.to == "h3") and 0 or 2, pair.received)
    end
    assert.truthy(tostring(r):find("h3 misses h1.*, h2"))
    assert.truthy(tostring(r):find("h1%s+%-%s+[%d.]+%s+X\n"))
  end)

  it("takes addresses, and tells errors of the path", function()
    hosts[1]:add_route { "10.9.0.0/24", via = "10.0.0.2" }
    hosts[2].sysctl["net.ipv4.ip_forward"] = 1
    hosts[2]:add_route { "10.9.0.0/24", type = "prohibit" }
    local r = nsh.ping_all { hosts[1], hosts[3], to = { "10.9.0.1", "10.0.0.1", hosts[4], "10.0.0.3" }, timeout = 0.2 }
    assert.equal(8, #r.pairs)
    local function of(from, to) return h.find(r.pairs, { from = from, to = to }) end
    assert.same({ "admin-prohibited", "10.0.0.2" }, { of("h1", "10.9.0.1").error, of("h1", "10.9.0.1").by })
    assert.equal("ENETUNREACH", of("h3", "10.9.0.1").error)
    assert.is_nil(of("h3", "10.9.0.1").by)
    assert.equal(1, of("h3", "h4").received)
    assert.equal("10.0.0.4", of("h3", "h4").addr)
    assert.truthy(tostring(r):find("h1 misses 10.9.0.1 (admin-prohibited from 10.0.0.2)", 1, true))
    assert.equal(4, r.received) -- nobody answers itself: lo is down
    hosts[1]:del_route "10.9.0.0/24"
  end)

  it("goes on beside other tasks, and ends on Ctrl-C", function()
    local both = nsh.all {
      function() return nsh.ping_all { hosts[1], hosts[2], count = 3, interval = 0.02 } end,
      function() return nsh.ping_all { hosts[1], hosts[2], hosts[3], family = "inet6" } end,
      function() return hosts[1]:ping "10.0.0.2" end,
    }
    assert.same({ 6, 6, 1 }, { both[1].received, both[2].received, both[3].received })
    h.interrupted [[
      local a = netns.add "a"
      a:link "lo":set { up = true }
      nsh.ping_all { a, to = { "127.0.0.1" }, count = 999 }
    ]]
    local before = h.descriptors()
    nsh.ping_all(hosts)
    h.refused("ETIMEDOUT", nsh.timeout, 0.05, nsh.ping_all, { hosts[1], to = { "10.0.0.99" } })
    assert.equal(before, (h.descriptors()))
  end)

  it("refuses misuse with a sentence", function()
    h.misuse("a list of namespaces", nsh.ping_all)
    h.misuse("as { a, b, c }", nsh.ping_all, {})
    h.misuse("did you mean 'count'", nsh.ping_all, { hosts[1], cuont = 2 })
    h.misuse("family", nsh.ping_all, { hosts[1], family = "ipv4" })
    h.misuse("to is a list", nsh.ping_all, { hosts[1], to = "10.0.0.1" })
    h.misuse("count", nsh.ping_all, { hosts[1], hosts[2], count = 0 })
    h.misuse("no address", nsh.ping_all, { hosts[1], h.netns() })
    h.refused("ENOENT", nsh.ping_all, { "nobody" })
    h.refused("EINVAL", nsh.ping_all, { hosts[1], to = { "fe80::1" } })
    assert.equal(0, #nsh.ping_all({ hosts[1] }).pairs)
  end)
end)

describe("of many hosts", function()
  local n = os.getenv "NSH_SOAK" and 100 or 40
  setup(function() lan(n) end)
  teardown(fell)

  it("neighbours take turns in a table that can't hold all", function()
    hosts[1]:flush_neighs()
    hosts[1]:add_neigh { "10.0.0.2", dev = "eth0", mac = hosts[2]:link("eth0").mac }
    assert(hosts[1]:reaches "10.0.0.3")
    local r = nsh.ping_all(hosts)
    assert.equal(n * (n - 1), #r.pairs)
    assert.equal(0, r.loss, tostring(r))
    if n == 100 then assert.truthy(r.seconds < 2, tostring(r)) end
    -- what was known before still is
    assert.truthy(h.find(hosts[1]:neighs(), { dst = "10.0.0.2", state = "permanent" }))
    assert.truthy(h.find(hosts[1]:neighs(), { dst = "10.0.0.3" }))
    assert.is_nil(tostring(r):find "ms  ")
  end)
end)
