-- impair_spec.lua - bad networks: set, changed in place, read back and taken away
local h = require "tests.helper"
local clock = require "nsh.core".loop.now

describe("impair", function()
  local ns, other, link, peer

  before_each(function()
    ns, other = h.netns(), h.netns()
    link, peer = ns:add_link { "v0", kind = "veth", up = true, peer = { "v1", netns = other, up = true } }
    link:add_addr "10.0.0.1/24"
    peer:add_addr "10.0.0.2/24"
    -- no resolution of addresses on the way
    ns:add_neigh { "10.0.0.2", dev = "v0", mac = peer.mac }
    other:add_neigh { "10.0.0.1", dev = "v1", mac = link.mac }
    link:wait { state = "up" } -- until then the qdisc drops all
  end)

  local function root() return link:qdiscs({ parent = "root", stats = true })[1] end

  -- Impairs, or ends the test where the kernel lacks netem.
  local function impair(spec)
    local ok, result = pcall(link.impair, link, spec)
    if ok then return result end
    if type(result) == "table" and result.code == "ENOENT" then h.pending(result.hint) end
    error(result, 0)
  end

  it("slows down to a rate, with netem or without", function()
    assert.is_nil(link:impair())
    assert.is_nil(link.impairment)
    assert.equal(10000000, link:impair { rate = "10mbit" }.rate)
    local first = root()
    assert.equal(20000000, link:impair { rate = "20mbit" }.rate)
    assert.same({ first.kind, first.handle, 20000000 }, { root().kind, root().handle, root().rate })
    assert.equal(20000000, link.impairment.rate)
    assert.equal(1, #h.oracle(ns, "tc -j qdisc show dev v0"))
    link:impair { rate = "160kbit" }
    -- 20,000 bytes a second: 8 packets of 1042 bytes take 0.4 s, but for the 3028 bytes that a bucket holds
    local before = clock()
    assert.equal(8, ns:ping("10.0.0.2", { count = 8, interval = 0.001, size = 1000, timeout = 5 }).received)
    assert.is_true(clock() - before > 0.2, "nothing waits")
    link:impair(false)
    assert.is_nil(link:impair())
    assert.equal("noqueue", root().kind)
    link:impair(false)
    assert.equal(0, ns:ping("10.0.0.2", { count = 2, interval = 0.01 }).loss)
  end)

  it("delays", function()
    impair { delay = "20ms" }
    local ping = ns:ping("10.0.0.2", { count = 3, interval = 0.01 })
    assert.equal(3, ping.received)
    assert.is_true(ping.rtt.min >= 0.02)
    assert.is_true(other:ping("10.0.0.1", { count = 1 }).rtt.min >= 0.02) -- the answers take the same way
    local theirs = h.oracle(ns, "tc -j qdisc show dev v0")[1].options
    assert.near(0.02, theirs.delay.delay, 1e-9)
  end)

  it("changes in place: what waits stays", function()
    impair { delay = "30s", limit = 500 }
    local before = root()
    ns:ping("10.0.0.2", { count = 20, interval = 0.001, timeout = 0.01 })
    local waiting = root().stats.qlen
    assert.is_true(waiting >= 20)
    local now = impair { loss = "50%", delay = "10ms", jitter = "1ms" }
    assert.same({ 0.01, 0.001, 0.5, 500 }, { now.delay, now.jitter, now.loss, now.limit })
    assert.equal(before.handle, root().handle)
    assert.is_true(root().stats.qlen >= waiting) -- IPv6 may send one of its own meanwhile
    now = impair { loss = false, rate = "1gbit" }
    assert.same({ 0.01, 0.001, 500, 1000000000 }, { now.delay, now.jitter, now.limit, now.rate })
    assert.is_nil(now.loss)
    assert.is_true(root().stats.qlen >= waiting)
  end)

  it("loses, doubles, damages and says so", function()
    impair { loss = "100%" }
    assert.equal(0, ns:ping("10.0.0.2", { count = 5, interval = 0.005, timeout = 0.05 }).received)
    assert.is_true(root().stats.drops >= 5)
    impair { loss = false, duplicate = 1 }
    local before = other:links({ name = "v1", stats = true })[1].stats.rx_packets
    ns:ping("10.0.0.2", { count = 5, interval = 0.005, timeout = 0.05 })
    assert.is_true(other:links({ name = "v1", stats = true })[1].stats.rx_packets - before >= 10)
    local all = impair { delay = "20ms", jitter = "5ms", delay_correlation = "25%", distribution = "normal",
      duplicate = "2%", corrupt = "0.5%", reorder = "25%", reorder_correlation = "50%",
      loss_gemodel = { p = "1%", r = "10%" } }
    assert.same({ 0.02, 0.005, 0.25, 0.02, 0.005, 0.25, 0.5, 1 }, { all.delay, all.jitter, all.delay_correlation,
      all.duplicate, all.corrupt, all.reorder, all.reorder_correlation, all.gap })
    assert.same({ p = 0.01, r = 0.1, h = 0, k = 1 }, all.loss_gemodel)
    link:impair(false)
    assert.same(all, link:impair(all))
  end)

  it("has the distributions of tc(8)", function()
    impair { delay = "100us" }
    -- the kernel doesn't tell the tables; what it draws from them is chance
    for _, name in ipairs { "uniform", "normal", "pareto", "paretonormal" } do
      impair { delay = "10ms", jitter = "2ms", distribution = name }
      local ping = ns:ping("10.0.0.2", { count = 5, interval = 0.002 })
      assert.equal(5, ping.received, name)
      assert.is_true(ping.rtt.min > 0.0005, name)
    end
  end)

  it("leaves alone what somebody else made", function()
    link:add_qdisc { "htb", handle = "1:" }
    for _, spec in ipairs { { rate = "1mbit" }, false } do
      local err = h.refused("EBUSY", link.impair, link, spec)
      assert.is_truthy(err.message:find "htb 1:")
      assert.is_truthy(err.hint:find "del_qdisc")
    end
    assert.is_nil(link:impair())
    assert.equal("htb", root().kind)
  end)

  it("names what the kernel lacks", function()
    local ok, err = pcall(link.impair, link, { delay = "1ms", rate = "1mbit" })
    if ok then return link:impair(false) end
    assert.equal("ENOENT", err.code)
    assert.is_truthy(err.hint:find "CONFIG_NET_SCH_NETEM")
    assert.is_nil(link:impair())
    assert.equal("noqueue", root().kind)
  end)

  it("refuses what it can't know, and leaves what is there", function()
    link:impair { rate = "10mbit" }
    h.misuse("did you mean 'delay'", link.impair, link, { delai = 1 })
    h.misuse("impair takes a table", link.impair, link, "20ms")
    h.misuse("bits per second", link.impair, link, { rate = "fast" })
    assert.equal(10000000, link:impair().rate)
    link:impair(false)
  end)
end)
