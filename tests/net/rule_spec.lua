-- rule_spec.lua - routing policy rules against ip(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local rows = oracle.table_of("rule").rows

local function pair(r, key, sep)
  local first, last = r[key .. "_start"], r[key .. "_end"]
  return r[key] or (first and (first == last and first or first .. (sep or "-") .. last))
end

local function prefix(r, key)
  local addr, len = r[key], r[key .. "len"]
  if addr == nil or addr == "all" then return nil end
  return len and addr .. "/" .. len or addr
end

-- ip(8)'s words for a rule's record
local function in_our_words(r, family)
  return {
    priority = r.priority, invert = r["not"], from = prefix(r, "src"), to = prefix(r, "dst"), tos = tonumber(r.tos),
    fwmark = tonumber(r.fwmark), fwmask = tonumber(r.fwmask) or (r.fwmark and 0xffffffff), iif = r.iif,
    iif_detached = r.iif_detached, oif = r.oif, oif_detached = r.oif_detached, uidrange = pair(r, "uid"),
    ipproto = r.ipproto and (tonumber(r.ipproto:match "^ipproto%-(%d+)$") or r.ipproto),
    sport = pair(r, "sport"), dport = pair(r, "dport"), tun_id = r.tun_id, l3mdev = r.l3mdev,
    type = r.action or (r["goto"] and "goto") or (r.nop and "nop") or "unicast", table = tonumber(r.table) or r.table,
    target = r["goto"], suppress_prefixlength = r.suppress_prefixlen,
    suppress_ifgroup = tonumber(r.suppress_ifgroup) or (r.suppress_ifgroup == "default" and 0) or nil,
    realms = r.flow_from and (r.flow_from .. "/" .. r.flow_to) or tonumber(r.flow_to), proto = tonumber(r.protocol)
      or r.protocol, family = family, unresolved = r.unresolved, permanent = r.permanent,
  }
end

local function theirs_of(ns)
  local list = {}
  for _, family in ipairs { "inet", "inet6" } do
    local option = family == "inet" and "-4" or "-6"
    for _, r in ipairs(h.oracle(ns, ("ip %s -j -d rule show"):format(option))) do
      list[#list + 1] = in_our_words(r, family)
    end
  end
  return list
end

local function compare(ns)
  local ours, theirs = ns:rules(), theirs_of(ns)
  assert.equal(#theirs, #ours)
  for i, mine in ipairs(ours) do
    for _, row in ipairs(rows) do
      local a, b = mine[row.key], theirs[i][row.key]
      if row.type == "boolean" then a, b = a or false, b or false end
      if row.key ~= "permanent" and tostring(a) ~= tostring(b) then
        error(("%s of rule %d (%s) is %s, ip says %s"):format(row.key, mine.priority, mine.family, tostring(a),
          tostring(b)), 2)
      end
    end
  end
end

-- What each key is tried with, once or several times.
local values = {
  priority = { 10, 30000 }, invert = { true }, from = { "10.0.0.0/8", "10.1.2.3", "fd00::/8", "fd00::1" },
  to = { "10.0.0.0/8", "10.1.2.3", "fd00::/8", "fd00::1" }, tos = { 16 }, fwmark = { 1, 0xffffffff },
  fwmask = { 0xff }, iif = { "eth9", "lo" }, oif = { "eth9", "lo" },
  uidrange = h.uid(2000) > 0 and { 0, 1000, "1000-2000" } or { 0 },
  ipproto = { "tcp", "udp", "ipv6-icmp", 200 }, sport = { 53, "1000-2000" }, dport = { 53, "1000-2000" },
  tun_id = { 7, 1 << 40 }, l3mdev = { true }, type = { "nop", "blackhole", "unreachable", "prohibit" },
  table = { 100, 100000, "main", "local" }, target = { 31000 }, suppress_prefixlength = { 0, 24 },
  suppress_ifgroup = { 0, 7 }, realms = { 3, "1/2" }, proto = { "static", 77 }, family = { "inet", "inet6" },
}
local with = { target = { priority = 30000 }, fwmask = { fwmark = 1 }, sport = { ipproto = "udp" },
  dport = { ipproto = "udp" } }

-- A rule for each value of a key.
local function rules_with(row)
  local list = {}
  for _, value in ipairs(values[row.key] or error("say which values " .. row.key .. " is tried with")) do
    local rule = { [row.key] = value }
    for key, more in pairs(with[row.key] or {}) do rule[key] = more end
    list[#list + 1] = rule
  end
  return list
end

describe("a rule", function()
  local ns

  before_each(function() ns = h.netns() end)

  for _, row in ipairs(h.settable(rows)) do
    it("has " .. row.key, function()
      local made = {}
      for _, rule in ipairs(rules_with(row)) do
        local ok, err = pcall(ns.add_rule, ns, rule)
        if not ok and type(err) == "table" and row.key == "l3mdev" and err.code == "EOPNOTSUPP" then
          h.pending("this kernel has no l3mdev (CONFIG_NET_L3_MASTER_DEV)")
        end
        if not ok then error(err, 0) end
        local record = h.find(ns:rules(), rule)
        assert(record, "there is no such rule: " .. tostring(rule[row.key]))
        made[#made + 1] = record
      end
      compare(ns)
      -- a record deletes its rule, and makes it again
      for _, record in ipairs(made) do
        local before = ns:rules()
        ns:del_rule(record)
        assert.equal(#before - 1, #ns:rules())
        assert.is_nil(h.find(ns:rules(), record))
        ns:add_rule(record)
        assert.same(before, ns:rules())
      end
    end)
  end

  it("is read as ip makes it", function()
    ns:exec { "sh", "-e", "-c", ([[
      ip rule add not from 10.0.0.0/8 to 10.1.0.0/16 fwmark 0x1/0xf iif eth0 oif eth1 table 100 priority 5
      ip rule add ipproto tcp sport 10-20 dport 443 uidrange UID-UID tun_id 8 tos 0x10 realms 4/5 table 7 priority 6
      ip rule add priority 7 goto 32766
      ip rule add priority 8 table main suppress_prefixlength 0 suppress_ifgroup 3 protocol static
      ip -6 rule add priority 9 from fd00::/64 unreachable]]):gsub("UID", h.uid(9)) }
    compare(ns)
    local first = h.find(ns:rules(), { priority = 5 })
    assert.same({ true, "10.0.0.0/8", 1, 15, "eth0", "eth1" },
      { first.invert, first.from, first.fwmark, first.fwmask, first.iif, first.oif })
    assert.same({ "goto", 32766 }, { ns:rules { priority = 7 }[1].type, ns:rules { priority = 7 }[1].target })
  end)

  it("is written in the ways that ip knows", function()
    local link = ns:add_link { "v0", kind = "veth" }
    ns:add_rule { from = "all", iif = link, fwmark = "0x10/0xf0", table = "local", priority = 9 }
    ns:add_rule { fwmark = "7", priority = 10 }
    ns:add_rule { uidrange = tostring(h.uid(5)), priority = 11 }
    if h.uid(5) == 0 then
      assert.matches("one user id", h.refused("EINVAL", ns.add_rule, ns, { uidrange = 5, priority = 12 }).hint)
    end
    compare(ns)
    local rule = ns:rules { priority = 9 }[1]
    assert.same({ "v0", 16, 240, "local", "boot" }, { rule.iif, rule.fwmark, rule.fwmask, rule.table, rule.proto })
    assert.is_nil(rule.iif_detached)
    assert.equal(7, ns:rules { priority = 10 }[1].fwmark)
    assert.equal("main", ns:rules { priority = 11 }[1].table)
    link:del()
    assert.is_true(ns:rules { iif = "v0" }[1].iif_detached)
    compare(ns)
  end)

  it("stands before the others when no priority is given", function()
    ns:add_rule { from = "10.0.0.0/8", table = 7 }
    ns:add_rule { from = "10.0.0.0/8", table = 8 }
    assert.equal(32765, ns:rules { table = 7 }[1].priority)
    assert.equal(32764, ns:rules { table = 8 }[1].priority)
    assert.equal("local", ns:rules()[1].table)
    assert.equal(0, ns:rules()[1].priority)
  end)

  it("chooses the route", function()
    ns:link("lo"):set { up = true }
    for i = 0, 1 do
      ns:add_link { "v" .. i, kind = "veth", up = true, peer = { "w" .. i, up = true } }
      ns:link("v" .. i):add_addr(("10.0.%d.1/24"):format(i))
    end
    ns:add_route { "default", via = "10.0.0.9" }
    ns:add_route { "default", via = "10.0.1.9", table = 100 }
    ns:add_rule { to = "192.0.2.0/24", table = 100 }
    assert.equal("v1", ns:route_to("192.0.2.1").dev)
    assert.equal("v0", ns:route_to("198.51.100.1").dev)
    ns:add_rule { to = "198.51.100.0/24", type = "prohibit" }
    h.refused("EACCES", ns.route_to, ns, "198.51.100.1")
  end)

  it("is deleted by what is given of it", function()
    for i = 1, 3 do ns:add_rule { from = "10.0.0.0/8", table = i, priority = i } end
    ns:del_rule { table = 2 }
    ns:del_rule { from = "10.0.0.0/8" }
    assert.same({ 3 }, { ns:rules { from = "10.0.0.0/8" }[1].table })
    assert.matches("rules", h.refused("ENOENT", ns.del_rule, ns, { table = 2 }).hint)
    h.refused("ENOENT", ns.del_rule, ns, { priority = 3, from = "10.0.0.0/9" })
    -- the kernel itself looks at neither of these
    h.refused("ENOENT", ns.del_rule, ns, { priority = 3, invert = true })
    ns:add_rule { priority = 4, target = 100 }
    h.refused("ENOENT", ns.del_rule, ns, { priority = 4, target = 99 })
    ns:del_rule { target = 100 }
    ns:add_rule { priority = 5, invert = true, from = "10.0.0.0/8" }
    ns:del_rule { invert = true }
    h.misuse("which rule", ns.del_rule, ns, {})
    h.misuse("table", ns.del_rule, ns, 7)
    compare(ns)
    assert.equal(3, ns:rules()[2].priority)
  end)

  it("is listed by what is asked for, and flushed", function()
    ns:add_rule { from = "10.0.0.0/8", table = 7, proto = "static" }
    ns:add_rule { from = "fd00::/8", table = 7, proto = "static" }
    ns:add_rule { from = "10.0.0.0/8", table = 8 }
    assert.equal(2, #ns:rules { table = 7 })
    assert.equal(1, #ns:rules { table = 7, family = "inet6" })
    assert.equal(2, #ns:rules { from = "10.0.0.0/8" })
    assert.equal(3, #ns:rules { family = "inet6" })
    assert.equal(2, ns:flush_rules { proto = "static" })
    assert.equal(0, #ns:rules { table = 7 })
    compare(ns)
    assert.equal(4, ns:flush_rules())
    local left = ns:rules()
    assert.same({ 2, "local", 0 }, { #left, left[1].table, left[1].priority })
    compare(ns)
    h.misuse("did you mean", ns.rules, ns, { tabel = 1 })
  end)

  it("of multicast routes is one of its own", function()
    local ok, list = pcall(ns.rules, ns, { family = "ipmr" })
    if not ok or #list == 0 then
      h.pending "this kernel has no rules for multicast (CONFIG_IP_MROUTE_MULTIPLE_TABLES)"
    end
    ns:add_rule { family = "ipmr", iif = "lo", table = 100, priority = 7 }
    local theirs = h.oracle(ns, "ip -j mrule show")
    assert.equal(#theirs, #ns:rules { family = "ipmr" })
    assert.same({ 7, "lo" }, { theirs[1].priority, theirs[1].iif })
    ns:del_rule(ns:rules { family = "ipmr", priority = 7 }[1])
    assert.equal(#list, #ns:rules { family = "ipmr" })
  end)

  it("is refused when it is none", function()
    local before = ns:rules()
    for _, case in ipairs {
      { { from = "10.0.0.0/33" }, "from" }, { { to = "x" }, "to" }, { { from = "10.0.0.0/8", to = "fd00::1" }, "IPv" },
      { { priority = -1 }, "priority" }, { { priority = "first" }, "priority" }, { { tos = 256 }, "tos" },
      { { fwmark = "one" }, "fwmark" }, { { fwmark = "1/x" }, "fwmark" }, { { fwmask = -1 }, "fwmask" },
      { { iif = "sixteen-and-more" }, "iif" }, { { iif = "" }, "iif" }, { { uidrange = "5-1" }, "uidrange" },
      { { uidrange = "1-" }, "uidrange" }, { { uidrange = 4294967295 }, "uidrange" }, { { sport = 0 }, "sport" },
      { { dport = "1-65536" }, "dport" }, { { dport = 1.5 }, "dport" }, { { ipproto = "fast" }, "ipproto" },
      { { l3mdev = 7 }, "l3mdev" }, { { l3mdev = true, table = 7 }, "l3mdev" }, { { type = "magic" }, "type" },
      { { table = {} }, "table" }, { { target = "x" }, "target" }, { { type = "goto" }, "target" },
      { { type = "nop", target = 7 }, "goto" }, { { suppress_prefixlength = 129 }, "suppress_prefixlength" },
      { { realms = "1/2/3" }, "realms" }, { { realms = 65536 }, "realms" }, { { proto = "nobody" }, "proto" },
      { { ["not"] = true }, "invert" }, { { lookup = 7 }, "'table'" }, { { pref = 7 }, "'priority'" },
      { { ["goto"] = 7 }, "'target'" }, { { prority = 7 }, "did you mean 'priority'" }, { { "x" }, "[1]" },
      { { family = "bridge" }, "family" },
    } do
      h.misuse(case[2], ns.add_rule, ns, case[1])
    end
    h.misuse("table", ns.add_rule, ns, "x")
    h.misuse("table", ns.add_rule, ns)
    h.refused("EINVAL", ns.add_rule, ns, { priority = 9, target = 8 })
    ns:add_rule { table = 7, priority = 9 }
    assert.matches("such a rule", h.refused("EEXIST", ns.add_rule, ns, { table = 7, priority = 9 }).hint)
    ns:del_rule { priority = 9 }
    assert.same(before, ns:rules())
  end)
end)
