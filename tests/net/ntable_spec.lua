-- ntable_spec.lua - the tables of neighbours, and what links do of IP, against ip(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local rows = oracle.table_of("ntable").rows
local untold = { queue_bytes = true } -- ip(8) has no word for it

local function compare(ns)
  local ours, theirs = ns:ntables(), h.oracle(ns, "ip -j -s ntable show")
  assert.equal(#theirs, #ours)
  for i, mine in ipairs(ours) do
    for _, row in ipairs(rows) do
      local a, b = mine[row.key], theirs[i][row.key]
      if row.type == "seconds" and b then b = b / 1000 end
      if not untold[row.key] then assert.equal(b, a, ("%s of %s %s"):format(row.key, mine.name, mine.dev)) end
    end
  end
end

describe("a table of neighbours", function()
  local ns

  before_each(function()
    ns = h.netns()
    ns:link("lo"):set { up = true }
    ns:add_link { "v0", kind = "veth", up = true }
  end)

  it("is listed and changed as ip does it", function()
    compare(ns)
    for _, row in ipairs(h.settable(rows)) do
      local key = row.key
      if key ~= "name" and key ~= "dev" and key ~= "family" and not key:find "^thresh" and key ~= "gc_interval" then
        local value = row.type == "seconds" and 3 or key == "queue_bytes" and 65536 or 5
        ns:set_ntable { "arp_cache", dev = "v0", [key] = value }
        assert.equal(value, ns:ntables { name = "arp_cache", dev = "v0" }[1][key], key)
        compare(ns)
      end
    end
    ns:exec "ip ntable change name ndisc_cache dev v0 retrans 7000"
    assert.equal(7, ns:ntables { name = "ndisc_cache", dev = "v0" }[1].retrans)
    local record = ns:ntables { name = "ndisc_cache", dev = "v0" }[1]
    ns:set_ntable { "ndisc_cache", dev = "v0", retrans = 1, app_probes = 3 }
    ns:set_ntable(record)
    local again = ns:ntables { name = "ndisc_cache", dev = "v0" }[1]
    again.reachable = record.reachable -- drawn by lot
    assert.same(record, again)
  end)

  it("is refused when it is none", function()
    h.misuse("name", ns.set_ntable, ns, { dev = "v0" })
    h.misuse("retrans", ns.set_ntable, ns, { "arp_cache", dev = "v0", retrans = "soon" })
    h.misuse("did you mean 'retrans'", ns.set_ntable, ns, { "arp_cache", retrasn = 1 })
    h.misuse("table", ns.set_ntable, ns, "arp_cache")
    h.refused("ENOENT", ns.set_ntable, ns, { "no_cache", dev = "v0", retrans = 1 })
    h.refused("ENODEV", ns.set_ntable, ns, { "arp_cache", dev = "nobody", retrans = 1 })
    assert.equal(1, ns:ntables { name = "arp_cache", dev = "v0" }[1].retrans)
  end)
end)

describe("what a link does of IP", function()
  it("is told as ip does it", function()
    local ns = h.netns()
    ns:add_link { "v0", kind = "veth", up = true }
    ns.sysctl["net.ipv4.conf.v0.forwarding"] = 1
    ns.sysctl["net.ipv4.conf.v0.rp_filter"] = 2
    ns.sysctl["net.ipv6.conf.v0.forwarding"] = 1
    local seen = 0
    for _, theirs in ipairs(h.oracle(ns, "ip -j netconf show")) do
      local ours = ns:netconfs { family = theirs.family, dev = theirs.interface }[1]
      for key, value in pairs(theirs) do
        if key ~= "interface" then
          assert.equal(value, ours[key], key .. " of " .. theirs.interface)
          seen = seen + 1
        end
      end
    end
    assert.is_true(seen > 20)
    assert.is_true(ns:netconfs { family = "inet", dev = "v0" }[1].forwarding)
    assert.equal("loose", ns:netconfs { family = "inet", dev = ns:link "v0" }[1].rp_filter)
    assert.equal(2, #ns:netconfs { dev = "all" })
    h.misuse("did you mean", ns.netconfs, ns, { forwardng = true })
  end)
end)
