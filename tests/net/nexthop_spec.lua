-- nexthop_spec.lua - nexthop objects, groups and buckets, and routes by them, against ip(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local rows = oracle.table_of("nexthop").rows

-- ip(8)'s words for a nexthop's record
local function in_our_words(n)
  local flags, res = {}, n.resilient_args or {}
  for _, flag in ipairs(n.flags) do flags[flag] = true end
  local group
  for i, member in ipairs(n.group or {}) do
    group = group or {}
    group[i] = { id = member.id, weight = member.weight or 1 }
  end
  return {
    id = n.id, via = n.gateway, dev = n.dev, blackhole = n.blackhole, fdb = n.fdb, group = group,
    type = n.group and (n.type or "mpath"), buckets = res.buckets, idle_timer = res.idle_timer,
    unbalanced_timer = res.unbalanced_timer, unbalanced_time = res.unbalanced_time, scope = n.scope,
    proto = tonumber(n.protocol) or n.protocol, onlink = flags.onlink, dead = flags.dead, linkdown = flags.linkdown,
    encap = n.encap,
  }
end

local untold = { family = true, offload = true, trap = true }
local function compare(ns)
  local ours, theirs = ns:nexthops(), h.oracle(ns, "ip -j -d nexthop show")
  assert.equal(#theirs, #ours)
  for i, mine in ipairs(ours) do
    local other = in_our_words(theirs[i])
    for _, row in ipairs(rows) do
      local key, value = row.key, mine[row.key]
      if key == "encap" then value = value and value.type end
      if not untold[key] then assert.same(other[key], value, ("%s of nexthop %d"):format(key, mine.id)) end
    end
  end
end

-- One of each sort; every row that can be set stands in one at least.
local specs = {
  { id = 1, via = "10.0.0.9", dev = "v0" },
  { id = 2, via = "10.0.0.8", dev = "v0" },
  { id = 3, via = "fd00::9", dev = "v0", proto = "static" },
  { id = 4, blackhole = true },
  { id = 5, blackhole = true, family = "inet6", proto = 77 },
  { id = 6, dev = "v0" },
  { id = 7, dev = "v0", family = "inet6" },
  { id = 8, via = "192.0.2.1", dev = "v0", onlink = true },
  { id = 9, via = "10.0.0.7", fdb = true },
  { id = 10, group = { { id = 1, weight = 3 }, { id = 2 } } },
  { id = 11, group = { 1, 2 }, type = "mpath" },
  { id = 12, group = { { id = 1 }, { id = 2, weight = 254 } }, type = "resilient", buckets = 8, idle_timer = 60,
    unbalanced_timer = 300 },
  { id = 13, group = { { 9 } }, fdb = true },
  { id = 14, via = "fd00::9", dev = "v0", encap = { type = "seg6", mode = "encap", segs = { "fc00::1", "fc00::2" } } },
}

describe("a nexthop", function()
  local ns

  before_each(function() ns = h.wired() end)

  local function add_all()
    for _, spec in ipairs(specs) do ns:add_nexthop(spec) end
  end

  it("has all that can be set", function()
    local tried = {}
    add_all()
    compare(ns)
    for _, spec in ipairs(specs) do
      local record = ns:nexthop(spec.id)
      for key, value in pairs(spec) do
        tried[key] = true
        if type(value) ~= "table" then assert.equal(value, record[key], key .. " of " .. spec.id) end
      end
    end
    for _, row in ipairs(h.settable(rows)) do assert(tried[row.key], "no nexthop has " .. row.key) end
    assert.same({ { id = 1, weight = 3 }, { id = 2, weight = 1 } }, ns:nexthop(10).group)
    assert.same({ type = "seg6", mode = "encap", segs = { "fc00::1", "fc00::2" } }, ns:nexthop(14).encap)
  end)

  it("is made again from its record", function()
    add_all()
    for _, before in ipairs(ns:nexthops()) do
      ns:del_nexthop(before)
      assert.is_nil(ns:find_nexthop(before.id))
      if not before.group then break end -- what groups have can't be taken away without them
    end
    ns:flush_nexthops()
    assert.equal(0, #ns:nexthops())
    add_all()
    local before = ns:nexthops()
    assert.equal(#specs, #before)
    ns:flush_nexthops()
    for _, record in ipairs(before) do ns:add_nexthop(record) end
    compare(ns)
    local after = ns:nexthops()
    for i, record in ipairs(before) do assert.same(record, after[i]) end
  end)

  it("is read as ip makes it", function()
    ns:exec { "sh", "-e", "-c", [[
      ip nexthop add id 1 via 10.0.0.9 dev v0 protocol static
      ip nexthop add id 2 via fd00::9 dev v0 onlink
      ip nexthop add id 3 blackhole
      ip nexthop add dev v0
      ip nexthop add id 5 via 10.0.0.8 dev v0
      ip nexthop add id 6 group 1,5/5 type resilient buckets 4 idle_timer 7 unbalanced_timer 9]] }
    compare(ns)
    assert.same({ { id = 1, weight = 5 }, { id = 5, weight = 1 } }, ns:nexthop(6).group)
  end)

  it("carries routes, and takes them along", function()
    ns:add_nexthop { id = 1, via = "10.0.0.9", dev = "v0" }
    ns:add_nexthop { id = 2, via = "10.0.0.8", dev = "v0" }
    ns:add_nexthop { id = 3, group = { { id = 1, weight = 2 }, 2 } }
    ns:add_nexthop { id = 4, via = "fd00::9", dev = "v0" }
    ns:add_route { "10.5.0.0/16", nhid = 1 }
    ns:add_route { "10.6.0.0/16", nhid = 3, proto = "static" }
    ns:add_route { "10.7.0.0/16", nhid = 4 }
    ns:add_route { "fd05::/64", nhid = 4 }
    for _, r in ipairs(h.oracle(ns, "ip -j route show")) do
      if r.nhid then assert.equal(r.nhid, ns:routes { dst = r.dst }[1].nhid) end
    end
    local route = ns:routes { dst = "10.6.0.0/16" }[1]
    assert.same({ 3, "10.0.0.9", 2 }, { route.nhid, route.nexthops[1].via, route.nexthops[1].weight })
    for _, dst in ipairs { "10.5.0.0/16", "10.6.0.0/16", "10.7.0.0/16", "fd05::/64" } do
      local before = ns:routes { dst = dst }[1]
      ns:del_route(before)
      assert.equal(0, #ns:routes { dst = dst })
      ns:add_route(before)
      assert.same(before, ns:routes { dst = dst }[1])
    end
    assert.equal("10.0.0.9", ns:route_to("10.5.0.1").via)
    ns:replace_nexthop { id = 1, via = "10.0.0.7", dev = "v0" }
    assert.equal("10.0.0.7", ns:route_to("10.5.0.1").via)
    ns:del_nexthop(1)
    assert.equal(0, #ns:routes { dst = "10.5.0.0/16" })
    assert.same({ { id = 2, weight = 1 } }, ns:nexthop(3).group)
    h.misuse("nhid", ns.add_route, ns, { "10.5.0.0/16", nhid = 2, via = "10.0.0.8" })
    h.misuse("nhid", ns.add_route, ns, { "10.5.0.0/16", nhid = 2, nexthops = { { via = "10.0.0.8" } } })
    assert.matches("nexthops", h.refused("EINVAL", ns.add_route, ns, { "10.5.0.0/16", nhid = 99 }).hint)
  end)

  it("has buckets when it is resilient", function()
    add_all()
    local list, theirs = ns:nexthop_buckets { id = 12 }, h.oracle(ns, "ip -j nexthop bucket show id 12")
    assert.equal(8, #list)
    for i, bucket in ipairs(list) do
      assert.same({ theirs[i].id, theirs[i].bucket.index, theirs[i].bucket.nhid },
        { bucket.id, bucket.index, bucket.nhid })
      assert.is_true(bucket.idle_time >= 0)
    end
    assert.equal(8, #ns:nexthop_buckets())
    assert.equal(0, #ns:nexthop_buckets { id = 99 })
  end)

  it("is listed, found and deleted by what is asked for", function()
    add_all()
    ns:add_link { "vb", kind = "bridge" }
    assert.equal(4, #ns:nexthops { groups = true })
    assert.equal(#specs - 4, #ns:nexthops { groups = false })
    assert.equal(2, #ns:nexthops { blackhole = true })
    assert.equal(2, #ns:nexthops { via = "fd00::9" })
    assert.equal(7, #ns:nexthops { dev = "v0" })
    assert.equal(1, #ns:nexthops { group = { 1, 2 } })
    assert.equal(0, #ns:nexthops { master = "vb" })
    ns:link("v0"):set { master = "vb" }
    assert.equal(7, #ns:nexthops { master = "vb" })
    ns:del_nexthop { via = "192.0.2.1" }
    assert.is_nil(ns:find_nexthop(8))
    ns:del_nexthop { group = { { id = 1, weight = 3 }, 2 } }
    assert.is_nil(ns:find_nexthop(10))
    h.refused("ENOENT", ns.del_nexthop, ns, { id = 1, via = "10.0.0.8" })
    h.refused("ENOENT", ns.del_nexthop, ns, 99)
    assert.matches("nexthops", h.refused("ENOENT", ns.nexthop, ns, 99).hint)
    assert.equal("10.0.0.9", ns:find_nexthop(1).via)
    assert.equal(2, ns:flush_nexthops { blackhole = true })
    assert.is_nil(ns:find_nexthop(4))
    compare(ns)
  end)

  it("and a route are found by what stands in a table of theirs", function()
    local its = h.netns()
    local link = its:add_link { "e0", kind = "veth", peer = { "e1", up = true }, up = true }
    link:add_addr "10.0.0.1/24"
    its:add_nexthop { id = 1, via = "10.0.0.2", dev = "e0", encap = { type = "ip", id = 5, dst = "192.0.2.1" } }
    assert.equal(1, #its:nexthops { encap = { type = "ip", id = 5 } })
    assert.equal(0, #its:nexthops { encap = { type = "ip", id = 6 } })
    assert.equal(0, #its:nexthops { encap = { type = "ip6" } })
    its:del_nexthop(its:nexthop(1))
    its:add_route { "10.1.0.0/16", nexthops = { { via = "10.0.0.2", weight = 2 }, { via = "10.0.0.3" } } }
    assert.equal(1, #its:routes { nexthops = { { via = "10.0.0.2", weight = 2 }, { dev = "e0" } } })
    assert.equal(0, #its:routes { nexthops = { { via = "10.0.0.2" } } })
    assert.equal(0, #its:routes { nexthops = { { via = "10.0.0.3" }, { via = "10.0.0.2" } } })
    link:set { altnames = { "one", "two" } }
    assert.equal(1, #its:links { kind = "veth", altnames = { "one", "two" } })
    assert.equal(0, #its:links { altnames = { "one" } })
  end)

  it("is refused when it is none", function()
    for _, case in ipairs {
      { { id = 1 }, "via, dev, blackhole or group" }, { { id = 1, via = "10.0.0.9" }, "dev is needed" },
      { { id = 0, dev = "v0" }, "id" }, { { id = "x", dev = "v0" }, "id" },
      { { id = 1, via = "x", dev = "v0" }, "via" },
      { { id = 1, group = { 1 }, dev = "v0" }, "a group has" }, { { id = 1, group = 7 }, "group" },
      { { id = 1, group = { { id = 1, weight = 0 } } }, "weight" }, { { id = 1, group = { "x" } }, "id" },
      { { id = 1, group = { { id = 1, weight = 255 } } }, "weight" }, { { id = 1, group = { { idd = 1 } } }, "'id'" },
      { { id = 1, group = { 1 }, type = "magic" }, "type" },
      { { id = 1, group = { 1 }, buckets = 65536 }, "buckets" }, { { id = 1, oif = "v0" }, "'dev'" },
      { { id = 1, group = { 1 }, idle_timer = "long" }, "idle_timer" }, { { 1, id = 2, dev = "v0" }, "twice" },
      { { id = 1, dev = "v0", encap = { type = "magic" } }, "encap.type" },
      { { id = 1, via = "10.0.0.9", dev = "v0", family = "inet6" }, "IPv" },
      { { id = 1, blackhole = 7 }, "blackhole" }, { { id = 1, group = {} }, "group" },
    } do
      h.misuse(case[2], ns.add_nexthop, ns, case[1])
    end
    h.misuse("table", ns.add_nexthop, ns, 7)
    h.misuse("which nexthop", ns.del_nexthop, ns, {})
    h.refused("EINVAL", ns.add_nexthop, ns, { id = 1, group = { 99 } })
    h.refused("ENODEV", ns.add_nexthop, ns, { id = 1, dev = "nobody" })
    ns:link("lo"):set { up = false }
    assert.matches("lo", h.refused("ENETDOWN", ns.add_nexthop, ns, { id = 1, blackhole = true }).hint)
    h.refused("ENETUNREACH", ns.add_nexthop, ns, { id = 1, via = "192.0.2.1", dev = "v0" })
    ns:add_nexthop { id = 1, dev = "v0" }
    assert.matches("replace_nexthop", h.refused("EEXIST", ns.add_nexthop, ns, { id = 1, dev = "v0" }).hint)
    assert.equal(1, #ns:nexthops())
  end)
end)
