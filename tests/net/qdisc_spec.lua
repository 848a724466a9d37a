-- qdisc_spec.lua - queueing disciplines and what they do, against tc(8)
local h = require "tests.helper"
local tc = require "tests.net.tc_oracle"

local function at(link, parent)
  for _, record in ipairs(link:qdiscs()) do
    if record.handle and record.parent == parent then return record end
  end
end

local function root(link) return at(link, "root") end

-- Each stands below a class of its own.
local function below_class(ns, i, case)
  local link = ns:link(case.name)
  if i == 0 then link:add_qdisc { "htb", handle = "f:" } end
  local class = ("f:%x"):format(i + 1)
  link:add_class { "htb", parent = "f:", classid = class, rate = "1gbit" }
  return { link = link, parent = class, theirs = class, dev = case.name }
end

-- Each stands at the root of a link of its own.
local function on_link(where, theirs)
  return function(ns, i, case)
    local name = case.name .. "x" .. i
    local link = ns:add_link { name, kind = "veth", peer = case.name .. "y" .. i, numtxqueues = 4, up = true }
    return { link = link, parent = where, theirs = theirs, dev = name }
  end
end

local function options_of(list, place)
  for _, qdisc in ipairs(list) do
    if qdisc.dev == place.dev and qdisc.handle ~= "0:" and
      (qdisc.parent == place.theirs or qdisc.root and not place.theirs) then
      return qdisc.options
    end
  end
end

local cases = {}

local function kind(name, case)
  case.kind, case.theirs = name, options_of
  case.place = case.place or below_class
  case.get = function(place) return at(place.link, place.parent) end
  case.add = function(place, spec)
    spec.parent = place.parent
    place.link:add_qdisc(spec)
  end
  case.del = function(place, record) place.link:del_qdisc(record) end
  if not case.fixed then
    case.set = function(place, spec)
      spec.parent = place.parent
      place.link:set_qdisc(spec)
    end
  end
  cases[#cases + 1] = case
end

for _, name in ipairs { "pfifo", "bfifo", "pfifo_head_drop", "skbprio" } do kind(name, {}) end
for _, name in ipairs { "clsact", "ingress" } do
  kind(name, { place = on_link("ingress", "ffff:fff1"), fixed = true })
end
for _, name in ipairs { "pfifo_fast", "drr", "qfq" } do kind(name, { fixed = true }) end
for _, name in ipairs { "mq", "noqueue" } do kind(name, { place = on_link "root", fixed = true }) end

-- A priority map is a list of 16; ets leaves out what is the last band.
local map = { 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2, 0, 0, 1, 1 }
local other_map = { 1, 1, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2, 0, 0, 1, 1 }

kind("prio", { values = { bands = { make = 4, set = 5 }, priomap = { make = map, set = other_map } } })
kind("ets", {
  base = function() return { bands = 4, strict = 4 } end,
  with = { quanta = { strict = 2 } },
  values = { bands = { make = 5, set = 6 }, strict = { make = 2, set = 3 }, quanta = { make = { 3000, 4000 } },
    priomap = { make = map, set = other_map } },
  moves = { bands = true, strict = true },
  fixed = true,
})

kind("tbf", {
  base = function() return { rate = 1000000, burst = 10000, limit = 20000 } end,
  with = { peakrate = { mtu = 2000 }, mtu = { peakrate = 5000000 } },
  values = { rate = { make = 4000000, set = 80000000000 }, burst = { make = 20000, set = 30000 },
    limit = { make = 30000, set = 40000 }, mtu = { make = 3000, set = 4000 }, overhead = { make = 4, set = 8 },
    mpu = { make = 64, set = 68 }, linklayer = "atm", peakrate = { make = 5000000, set = 90000000000 } },
  -- tc(8) writes sizes as "10Kb", and in place of the limit the time
  silent = { burst = true, limit = true, mtu = true, overhead = true, peakrate = true },
  skip = { latency = "has a test of its own" },
  moves = { rate = true, peakrate = true },
})

kind("htb", {
  fixed = true,
  values = { default = { make = ":10" }, r2q = 20, direct_qlen = 5 },
  read = { default = function(data) return (":%x"):format(tonumber(data.default)) end },
  skip = { offload = "needs hardware" },
})
kind("hfsc", { fixed = true, skip = { default = "tc(8) garbles its own JSON then" } })

local micro = {
  target = { make = 0.006, set = 0.0071 }, interval = { make = 0.05, set = 0.0333 },
  ce_threshold = { make = 0.001, set = 0.002 }, tupdate = { make = 0.02, set = 0.04 },
}
local function with_values(more)
  for key, value in pairs(micro) do more[key] = more[key] == nil and value or more[key] end
  return more
end

kind("codel", { values = with_values {} })
kind("fq_codel", {
  values = with_values { flows = 512, quantum = { make = 2000, set = 3000 },
    memory_limit = { make = 1 << 20, set = 2 << 20 }, ce_threshold_mask = { make = 3, set = 7 },
    ce_threshold_selector = { make = 1, set = 2 } },
  with = { ce_threshold_selector = { ce_threshold = 0.001, ce_threshold_mask = 3 },
    ce_threshold_mask = { ce_threshold = 0.001 } },
  silent = { ce_threshold_selector = true, ce_threshold_mask = true },
})
kind("fq", {
  values = { buckets = { make = 512, set = 2048 }, ce_threshold = { make = 0.001, set = 0.002 },
    refill_delay = { make = 0.08, set = 0.12 }, timer_slack = { make = 0.00002, set = 0.00003 },
    horizon = { make = 5, set = 6 }, pacing = { make = false, set = true },
    horizon_drop = { make = false, set = true } },
  -- the 6.1 of tc(8) tells of pacing only that it is off, and timer_slack in ns
  read = { pacing = function(data) return data.pacing == nil end, horizon_drop = "horizon_drop",
    timer_slack = function(data) return data.timer_slack / 1e9 end },
})
kind("red", {
  base = function() return { limit = 400000, min = 30000, max = 90000 } end,
  values = { limit = { make = 500000, set = 300000 }, min = { make = 20000, set = 10000 },
    max = { make = 80000, set = 70000 }, ewma = { make = 7, set = 8 }, scell_log = { make = 10, set = 11 },
    adaptive = { make = true } },
  read = { scell_log = "Scell_log" },
})
kind("sfq", {
  fixed = true,
  base = function() return { limit = 120 } end,
  values = { perturb = { make = 10, set = 20 }, divisor = { make = 512, set = 256 },
    quantum = { make = 2000, set = 3000 }, limit = { make = 100, set = 90 }, flows = { make = 100, set = 110 },
    depth = { make = 60, set = 50 } },
  read = { perturb = function(data) return data.perturb end },
})
kind("pie", { values = with_values {}, silent = { dq_rate_estimator = true } })
kind("fq_pie", { values = with_values { flows = 512 }, silent = { dq_rate_estimator = true } })
kind("hhf", {
  values = { reset_timeout = { make = 0.08, set = 0.12 }, evict_timeout = { make = 2, set = 3 },
    hh_limit = { make = 1000, set = 900 } },
})
kind("etf", {
  base = function() return { delta = 0.0003 } end,
  values = { delta = { make = 0.0002 }, clockid = "CLOCK_TAI", deadline_mode = true, skip_sock_check = true },
  read = { clockid = function(data) return "CLOCK_" .. data.clockid end,
    delta = function(data) return data.delta / 1e9 end },
  skip = { offload = "needs hardware" },
  fixed = true,
})
kind("cbs", {
  base = function() return { idleslope = 98688, sendslope = -901312, hicredit = 153, locredit = -1389 } end,
  skip = { offload = "needs hardware" },
  values = { idleslope = { make = 90000, set = 80000 }, sendslope = { make = -900000, set = -800000 },
    locredit = { make = -1000, set = -900 } },
})

kind("cake", {
  values = { rtt = { make = 0.05, set = 0.2 }, overhead = { make = -4, set = 18 }, mpu = { make = 64, set = 84 },
    memlimit = { make = 1 << 20, set = 2 << 20 }, target = { make = 0.01 }, fwmark = { make = 0xff, set = 0xf0 } },
  with = { raw = { overhead = tc.without } },
  read = { ack_filter = "ack-filter",
    autorate_ingress = function(data) return data.autorate ~= nil and data.autorate ~= false end,
    atm = function(data) return data.atm or "noatm" end,
    fwmark = function(data) return tonumber(data.fwmark) end },
  silent = { target = true },
  skip = { raw = "is what overhead, atm and mpu say together", target = "the kernel tells it with its counters only" },
})

local ranges = { delay = { make = 0.02, set = 0.3 }, jitter = { make = 0.002, set = 0.003 } }
local later = { delay = 0.02, jitter = 0.01 }
kind("netem", {
  place = on_link "root",
  values = { delay = ranges.delay, jitter = ranges.jitter, gap = { make = 5, set = 6 }, limit = { make = 10, set = 20 },
    rate = { make = 10000000, set = 50000000000 }, packet_overhead = { make = -10, set = 20 },
    cell_size = { make = 53, set = 64 }, cell_overhead = { make = -5, set = 5 },
    loss_state = { make = { p13 = 0.01, p31 = 0.5, p32 = 0.25, p23 = 0.75, p14 = 0 },
      set = { p13 = 0.02, p31 = 0.5, p32 = 0.25, p23 = 0.75, p14 = 0.125 } },
    loss_gemodel = { make = { p = 0.01, r = 0.1, h = 0.2, k = 0.999 }, set = { p = 0.02, r = 0.1, h = 0.25, k = 1 } },
    slot = { make = { min_delay = 0.0008, max_delay = 0.001, packets = 3 },
      set = { min_delay = 0.0008, max_delay = 0.002, packets = 3, bytes = 7000 } },
    seed = { make = 7, set = 8 } },
  with = { jitter = { delay = 0.02 }, delay_correlation = later, loss_correlation = { loss = 0.1 },
    duplicate_correlation = { duplicate = 0.1 }, corrupt_correlation = { corrupt = 0.1 },
    reorder = { delay = 0.02 }, reorder_correlation = { delay = 0.02, reorder = 0.1 },
    gap = { delay = 0.02, reorder = 0.1 },
    packet_overhead = { rate = 10000000 }, cell_size = { rate = 10000000 },
    cell_overhead = { rate = 10000000, cell_size = 53 }, ecn = { loss = 0.1 } },
  read = { delay = "delay.delay", jitter = "delay.jitter", delay_correlation = "delay.correlation",
    loss = "loss-random.loss", loss_correlation = "loss-random.correlation", duplicate = "duplicate.duplicate",
    duplicate_correlation = "duplicate.correlation", corrupt = "corrupt.corrupt",
    corrupt_correlation = "corrupt.correlation", reorder = "reorder.reorder",
    reorder_correlation = "reorder.correlation",
    rate = "rate.rate", packet_overhead = "rate.packetoverhead", cell_size = "rate.cellsize",
    cell_overhead = "rate.celloverhead",
    loss_state = function(data) return data["loss-state"] end,
    loss_gemodel = function(data)
      local model = data["loss-gemodel"]
      return { p = model.p, r = model.r, h = 1 - model["1-h"], k = 1 - model["1-k"] }
    end,
    slot = function(data)
      local slot = data.slot
      return { min_delay = slot["min-delay"], max_delay = slot["max-delay"], packets = slot.packets,
        bytes = slot.bytes ~= 0 and slot.bytes or nil }
    end },
  newer = { seed = true },
  silent = { seed = true },
  skip = { distribution = "the kernel doesn't tell", slot_distribution = "the kernel doesn't tell" },
})

tc.kinds("qdisc", cases, function() return { { command = "qdisc show" } } end)

describe("a qdisc", function()
  local ns, link

  before_each(function()
    ns = h.netns()
    link = ns:add_link { "v0", kind = "veth", peer = "v1", up = true }
    ns:link("v1"):set { up = true }
  end)

  it("of tbf takes a latency in place of the limit, and changes in place", function()
    link:add_qdisc { "tbf", rate = "8mbit", burst = "10kb", latency = "20ms" }
    local before = root(link)
    assert.same({ 8000000, 10240, 30240 }, { before.rate, before.burst, before.limit })
    link:set_qdisc { "tbf", rate = "16mbit" }
    local after = root(link)
    assert.same({ 16000000, before.burst, 30240, before.handle },
      { after.rate, after.burst, after.limit, after.handle })
    link:set_qdisc { latency = "10ms" }
    assert.equal(10240 + 20000, root(link).limit)
    local theirs = h.oracle(ns, "tc -j -d qdisc show dev v0")[1].options
    assert.same({ 2000000, 10000 }, { theirs.rate, theirs.lat })
  end)

  it("of tbf with a peakrate holds as much for a latency as tc(8) says", function()
    for _, peak in ipairs { "2mbit", "100mbit" } do
      ns:exec("tc qdisc replace dev v0 root tbf rate 1mbit burst 10kb latency 50ms mtu 1600 peakrate " .. peak)
      local limit = link:qdiscs()[1].limit
      link:replace_qdisc { "tbf", rate = "1mbit", burst = "10kb", latency = "50ms", mtu = 1600, peakrate = peak }
      assert.equal(limit, link:qdiscs()[1].limit)
    end
  end)

  it("made by tc(8) is read", function()
    ns:exec "tc qdisc add dev v0 root handle 7: tbf rate 8mbit burst 10kb latency 20ms"
    ns:exec "tc qdisc add dev v1 clsact"
    local tbf, clsact = root(link), at(ns:link "v1", "ingress")
    assert.same({ "tbf", "7:", "root", 8000000, 10240, 30240 },
      { tbf.kind, tbf.handle, tbf.parent, tbf.rate, tbf.burst, tbf.limit })
    assert.same({ "clsact", "ffff:" }, { clsact.kind, clsact.handle })
    assert.equal(1, #ns:qdiscs { kind = "tbf" })
    assert.equal("v0", ns:qdiscs({ kind = "tbf" })[1].dev)
    assert.is_nil(tbf.stats)
  end)

  it("of clsact may share its filters as blocks", function()
    link:add_qdisc { "clsact", ingress_block = 22, egress_block = 23 }
    local record = at(link, "ingress")
    assert.same({ 22, 23 }, { record.ingress_block, record.egress_block })
    local theirs = h.find(h.oracle(ns, "tc -j qdisc show dev v0"), { kind = "clsact" })
    assert.same({ 22, 23 }, { theirs.ingress_block, theirs.egress_block })
    link:del_qdisc(record)
    link:add_qdisc(record)
    assert.same(record, at(link, "ingress"))
  end)

  it("counts what is sent", function()
    link:add_qdisc { "pfifo", limit = 100 }
    link:add_addr "10.0.0.1/24"
    ns:add_neigh { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02" }
    ns:ping("10.0.0.2", { count = 3, interval = 0.01, timeout = 0.05 })
    local stats = link:qdiscs({ kind = "pfifo", stats = true })[1].stats
    assert.is_true(stats.packets >= 3)
    assert.equal(0, stats.drops)
    local theirs = h.oracle(ns, "tc -j -s qdisc show dev v0")[1]
    -- what IPv6 says by itself may come between
    assert.is_true(theirs.bytes >= stats.bytes and theirs.packets >= stats.packets)
    assert.same({ theirs.drops, theirs.qlen }, { stats.drops, stats.qlen })
  end)

  it("of hfsc and multiq is what tc(8) says in words, for its JSON is none", function()
    local many = ns:add_link { "m0", kind = "veth", peer = "m1", numtxqueues = 4 }
    local ok, err = pcall(many.add_qdisc, many, "multiq")
    if not ok then h.pending(("%s (%s)"):format(err.extack, err.hint)) end
    link:add_qdisc { "hfsc", default = "1:10", handle = "1:" }
    local out = ns:exec("tc -d qdisc show").out
    assert.is_truthy(out:find "hfsc 1: dev v0 root refcnt %d default 10")
    assert.is_truthy(out:find "multiq %x+: dev m0 root refcnt %d bands 4/4")
    local multiq = root(many)
    assert.same({ ":10", 4, 4 }, { root(link).default, multiq.bands, multiq.max_bands })
    many:del_qdisc(multiq)
    many:add_qdisc(multiq)
    assert.same(multiq, root(many))
  end)

  it("that is the kernel's own has no handle, and stays", function()
    assert.equal("noqueue", link:qdiscs()[1].kind)
    assert.is_nil(link:qdiscs()[1].handle)
    assert.is_truthy(h.refused("ENOENT", link.del_qdisc, link).hint:find "kernel's own")
    link:add_qdisc "pfifo"
    link:del_qdisc()
    assert.equal("noqueue", link:qdiscs()[1].kind)
  end)

  it("is refused with a remedy", function()
    link:add_qdisc { "pfifo", handle = "1:" }
    assert.is_truthy(h.refused("EEXIST", link.add_qdisc, link, { "pfifo" }).hint:find "set_qdisc")
    assert.is_truthy(h.refused("ENOENT", link.replace_qdisc, link, { "nosuch", handle = "2:" }).hint:find "nosuch")
    h.misuse("tbf needs rate and burst", link.replace_qdisc, link, { "tbf", rate = 1 })
    h.misuse("limit or latency", link.replace_qdisc, link, { "tbf", rate = "1mbit", burst = 5000 })
    h.misuse("give one of them", link.replace_qdisc, link,
      { "tbf", rate = "1mbit", burst = 5000, limit = 5000, latency = 1 })
    h.misuse("bits per second", link.replace_qdisc, link, { "tbf", rate = "fast" })
    h.misuse("at most", link.replace_qdisc, link, { "tbf", rate = "1kbit", burst = "1gb", limit = 5000 })
    h.misuse("did you mean 'burst'", link.replace_qdisc, link, { "tbf", bursts = 1 })
    h.misuse("handle as '1:'", link.replace_qdisc, link, { "pfifo", handle = "1:2:3" })
    h.misuse("kind is needed", link.add_qdisc, link, { parent = "1:1" })
    h.misuse("table", link.add_qdisc, link, 7)
    h.misuse("table of keys", link.qdiscs, link, "root")
    assert.equal("1:", root(link).handle)
  end)
end)
