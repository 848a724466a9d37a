-- addrlabel_spec.lua - labels of IPv6 prefixes against ip(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local rows = oracle.table_of("addrlabel").rows

local function in_order(list)
  table.sort(list, function(a, b) return a.prefix .. (a.dev or "") < b.prefix .. (b.dev or "") end)
  return list
end

local function compare(ns)
  local ours, theirs = {}, {}
  for i, label in ipairs(ns:addrlabels()) do
    ours[i] = {}
    for _, row in ipairs(rows) do ours[i][row.key] = label[row.key] end
  end
  for i, label in ipairs(h.oracle(ns, "ip -j addrlabel list")) do
    theirs[i] = { prefix = label.address .. "/" .. label.prefixlen, label = label.label, dev = label.ifname }
  end
  assert.same(in_order(theirs), in_order(ours))
end

describe("an address label", function()
  local ns

  before_each(function()
    ns = h.netns()
    ns:add_link { "v0", kind = "veth" }
  end)

  it("is there from the start, is set, and comes back from its record", function()
    assert.is_true(#ns:addrlabels() > 5)
    compare(ns)
    for _, spec in ipairs {
      { "fd00::/8", label = 7 }, { "fd01:2::/32", label = 4294967294 }, { "fd02::1/128", label = 0, dev = "v0" },
    } do
      ns:add_addrlabel(spec)
      compare(ns)
      local record = ns:addrlabels { prefix = spec[1] }[1]
      assert.same({ spec.label, spec.dev }, { record.label, record.dev })
      ns:del_addrlabel(record)
      assert.equal(0, #ns:addrlabels { prefix = spec[1] })
      ns:add_addrlabel(record)
      assert.same(record, ns:addrlabels { prefix = spec[1] }[1])
    end
    ns:exec "ip addrlabel add prefix fd09::/16 dev v0 label 99"
    compare(ns)
  end)

  it("is deleted by what is given of it, and flushed", function()
    ns:add_addrlabel { "fd00::/8", label = 7 }
    ns:add_addrlabel { "fd00::/8", label = 8, dev = "v0" }
    h.refused("ESRCH", ns.del_addrlabel, ns, { "fd00::/8", label = 9 })
    ns:del_addrlabel { "fd00::/8", label = 7 }
    assert.equal("v0", ns:addrlabels { prefix = "fd00::/8" }[1].dev)
    ns:del_addrlabel "fd00::/8"
    assert.matches("addrlabels", h.refused("ESRCH", ns.del_addrlabel, ns, "fd00::/8").hint)
    assert.equal(1, ns:flush_addrlabels { label = 0 })
    assert.is_true(ns:flush_addrlabels() > 3)
    assert.same({}, h.oracle(ns, "ip -j addrlabel list"))
  end)

  it("is refused when it is none", function()
    local before = #ns:addrlabels()
    for _, case in ipairs {
      { { label = 7 }, "prefix" }, { { "10.0.0.0/8", label = 7 }, "prefix" }, { { "fd00::/8" }, "label" },
      { { "x", label = 7 }, "prefix" }, { { "fd00::/8", label = -1 }, "label" }, { { "default", label = 1 }, "prefix" },
      { { "fd00::/8", label = 4294967295 }, "label" }, { { "fd00::/8", label = 7, dve = "v0" }, "did you mean 'dev'" },
    } do
      h.misuse(case[2], ns.add_addrlabel, ns, case[1])
    end
    h.misuse("table", ns.add_addrlabel, ns, "fd00::/8")
    h.misuse("prefix", ns.del_addrlabel, ns, {})
    h.refused("ENODEV", ns.add_addrlabel, ns, { "fd00::/8", label = 7, dev = "nobody" })
    assert.matches("already", h.refused("EEXIST", ns.add_addrlabel, ns, { "::1/128", label = 7 }).hint)
    assert.equal(before, #ns:addrlabels())
  end)
end)
