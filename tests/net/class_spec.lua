-- class_spec.lua - classes of queueing disciplines, against tc(8), which writes them in words only
local h = require "tests.helper"
local tc = require "tests.net.tc_oracle"

local sizes = { b = 1, Kb = 1024, Mb = 1024 * 1024 }
local rates = { bit = 0.125, Kbit = 125, Mbit = 125000, Gbit = 125000000 }

-- "1600b/1" in bytes, "2Mbit" in bytes per second, as tc(8)'s JSON has them.
local function value_of(word)
  local number, unit = word:match "^([%d.]+)(%a*)/?%d*$"
  if not number then return word end
  return tonumber(number) * (sizes[unit] or rates[unit] or 1)
end

-- "class htb 1:10 root prio 3 rate 2Mbit ..." as tables.
local function read(ns, names)
  local input = {}
  for i, name in ipairs(names) do input[i] = ("class show dev %s\n"):format(name) end
  local list = {}
  local out = ns:exec("tc -d -b -", { input = table.concat(input) }).out
  for line in out:gmatch "class ([^\n]+)" do
    local words, class = {}, { options = {} }
    for word in line:gmatch "%S+" do words[#words + 1] = word end
    class.kind, class.classid = words[1], words[2]
    for i = 3, #words do class.options[words[i]] = words[i + 1] and value_of(words[i + 1]) end
    list[#list + 1] = class
  end
  return list
end

local cases = {}

local function kind(name, case)
  case.kind = name
  local major = ("%x:"):format(16 + #cases)
  case.place = function(ns, i, self)
    local link = ns:link(self.name)
    if i == 0 then
      link:add_qdisc { name, handle = major, bands = name == "ets" and 16 or nil }
    end
    return { link = link, classid = ("%s%x"):format(major, i + 1), parent = major }
  end
  case.add = function(place, spec)
    spec.parent, spec.classid = place.parent, place.classid
    place.link[name == "ets" and "replace_class" or "add_class"](place.link, spec)
  end
  case.get = function(place) return place.link:classes({ classid = place.classid })[1] end
  case.del = function(place, record)
    if name ~= "ets" then place.link:del_class(record) end
  end
  case.theirs = function(list, place)
    return (h.find(list, { kind = name, classid = place.classid }) or {}).options
  end
  cases[#cases + 1] = case
end

kind("htb", {
  base = function() return { rate = 1000000 } end,
  values = { rate = { make = 2000000 }, ceil = { make = 80000000000 }, burst = { make = 20480 },
    cburst = { make = 10240 },
    quantum = { make = 3000 }, prio = { make = 5 }, overhead = { make = 8 }, mpu = { make = 64 }, linklayer = "atm" },
})
kind("drr", { values = { quantum = { make = 2048 } } })
kind("qfq", {
  base = function() return { weight = 2, maxpkt = 2048 } end,
  values = { weight = { make = 5 }, maxpkt = { make = 1024 } },
})
kind("ets", { base = function() return { quantum = 1000 } end, values = { quantum = { make = 2048 } } })
kind("hfsc", {
  base = function() return { ls = { m2 = 1000000, m1 = 0, d = 0 } } end,
  values = { rt = { make = { m1 = 2000000, d = 0.01, m2 = 1000000 } }, ls = { make = { m1 = 0, d = 0, m2 = 3000000 } },
    ul = { make = { m1 = 8000000, d = 0.02, m2 = 4000000 } } },
  with = { ul = { ls = { m1 = 0, d = 0, m2 = 1000000 } } },
  silent = { rt = true, ls = true, ul = true }, -- three words each; they have a test of their own
})

tc.kinds("class", cases, nil, function(ns)
  local names = {}
  for _, case in ipairs(cases) do names[#names + 1] = case.tries[0] and case.name or nil end
  return read(ns, names)
end)

describe("a class", function()
  local ns, link

  before_each(function()
    ns = h.netns()
    link = ns:add_link { "v0", kind = "veth", peer = "v1", up = true }
    ns:link("v1"):set { up = true }
    link:add_qdisc { "htb", handle = "1:", default = "1:10" }
  end)

  it("of htb has defaults, is changed by replace_class, and deleted", function()
    link:add_class { "htb", parent = "1:", classid = "1:1", rate = "10mbit" }
    link:add_class { "htb", parent = "1:1", classid = "1:10", rate = "1mbit", ceil = "2mbit" }
    local class = link:classes({ classid = "1:10" })[1]
    assert.same({ "htb", "1:1", 1000000, 2000000, 1600, 1600 },
      { class.kind, class.parent, class.rate, class.ceil, class.burst, class.cburst })
    link:replace_class { "htb", parent = "1:1", classid = "1:10", rate = "3mbit" }
    assert.equal(3000000, link:classes({ classid = "1:10" })[1].ceil)
    assert.equal("EBUSY", h.raised(link.del_class, link, { classid = "1:1" }).code)
    link:del_class(class)
    link:del_class { classid = "1:1" }
    assert.same({}, link:classes())
  end)

  it("has a number whose digits are hex", function()
    h.misuse("default is in hex, as tc(8) has it, and a number doesn't tell how it was written: say '10' for 0x10, or "
      .. "'a' for 0xa, not 10", link.replace_qdisc, link, { "htb", handle = "1:", default = 10 })
    link:replace_qdisc { "htb", handle = 2, default = "10" }
    assert.same({ "2:", ":10" }, { link:qdiscs()[1].handle, link:qdiscs()[1].default })
  end)

  it("made by tc(8) is read", function()
    ns:exec "tc class add dev v0 parent 1: classid 1:10 htb rate 2mbit ceil 50gbit burst 20kb prio 3"
    local class = link:classes()[1]
    assert.same({ "1:10", "root", 2000000, 50000000000, 20480, 3 },
      { class.classid, class.parent, class.rate, class.ceil, class.burst, class.prio })
  end)

  it("holds packets back to its rate, and counts them", function()
    link:add_class { "htb", parent = "1:", classid = "1:10", rate = "80kbit", burst = 2000, cburst = 2000 }
    link:add_addr "10.0.0.1/24"
    ns:link("v1"):set { up = true }
    ns:add_neigh { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02" }
    -- 8 packets of 1042 bytes: 2000 at once, then 10,000 bytes a second
    ns:ping("10.0.0.2", { count = 8, interval = 0.001, size = 1000, timeout = 0.01 })
    local class = link:classes({ stats = true })[1]
    assert.is_true(class.stats.qlen > 0, "nothing waits")
    assert.is_true(class.stats.packets < 8)
    assert.is_true(h.eventually(function() return link:classes({ stats = true })[1].stats.packets >= 8 end) ~= nil)
  end)

  it("has its rate worked out by an estimator", function()
    local spec = { "htb", parent = "1:", classid = "1:10", rate = "1mbit" }
    spec.estimator_interval, spec.estimator_ewma_log = -2, 1
    link:add_class(spec)
    link:add_class { "htb", parent = "1:", classid = "1:11", rate = "1mbit" }
    local function rate(id) return link:classes({ classid = id, stats = true })[1].stats.rate end
    assert.same({ 0 }, { rate "1:10", (rate "1:11") })
    spec.classid, spec.estimator_interval = "1:12", 4
    h.misuse("estimator_interval must be", link.add_class, link, spec)
  end)

  it("is refused with a remedy", function()
    link:add_class { "htb", parent = "1:", classid = "1:10", rate = "1mbit" }
    assert.is_truthy(h.refused("EEXIST", link.add_class, link,
      { "htb", parent = "1:", classid = "1:10", rate = "1mbit" }).hint:find "replace_class")
    h.misuse("classid is needed", link.del_class, link, { parent = "1:" })
    h.misuse("bits per second", link.add_class, link, { "htb", parent = "1:", classid = "1:11", rate = {} })
    h.misuse("did you mean", link.add_class, link, { "htb", parent = "1:", classid = "1:11", rates = 1 })
    assert.is_truthy(h.raised(link.add_class, link, { "htb", parent = "7:", classid = "7:1", rate = 1e6 }).hint)
    assert.equal(1, #link:classes())
  end)
end)
