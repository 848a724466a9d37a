-- route_spec.lua - routes and the way to a destination, against ip(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local rows = oracle.table_of("route").rows

local locks = { "mtu", "rtt", "rttvar", "ssthresh", "cwnd", "rto_min", "reordering", "window", "advmss", "hoplimit",
  "congctl" }

-- ip(8)'s words for a route's record. Its metrics are one table in a list, its flags a list.
local function in_our_words(r, family)
  local flags, m = {}, r.metrics and r.metrics[1] or {}
  for _, flag in ipairs(r.flags or {}) do flags[flag] = true end
  local route = {
    dst = r.dst, via = r.gateway or (r.via and r.via.host), dev = r.dev, type = r.type or "unicast", src = r.prefsrc,
    metric = r.metric ~= 0 and r.metric or nil, table = r.table or "main", scope = r.scope, proto = r.protocol,
    family = family, onlink = flags.onlink, pervasive = flags.pervasive, dead = flags.dead, linkdown = flags.linkdown,
    from = r.from, tos = r.tos and tonumber(r.tos), pref = r.pref, mtu = m.mtu, window = m.window, rtt = m.rtt,
    rttvar = m.rttvar, ssthresh = m.ssthresh, cwnd = m.cwnd, advmss = m.advmss, reordering = m.reordering,
    hoplimit = m.hoplimit, initcwnd = m.initcwnd, initrwnd = m.initrwnd, rto_min = m.rto_min, quickack = m.quickack,
    congctl = m.congestion, ecn = m.ecn, fastopen_no_cookie = m.fastopen_no_cookie, realm = r.flow,
    expires = r.expires,
  }
  for i, hop in ipairs(r.nexthops or {}) do
    local of_hop = {}
    for _, flag in ipairs(hop.flags) do of_hop[flag] = true end
    route.nexthops = route.nexthops or {}
    route.nexthops[i] = { via = hop.gateway or (hop.via and hop.via.host), dev = hop.dev, weight = hop.weight,
      onlink = of_hop.onlink, dead = of_hop.dead, linkdown = of_hop.linkdown }
  end
  return route
end

local function theirs_of(ns, what)
  local list = {}
  for _, family in ipairs { "inet", "inet6" } do
    local option = family == "inet" and "-4" or "-6"
    for _, r in ipairs(h.oracle(ns, ("ip %s -j -d route show %s"):format(option, what or "table all"))) do
      list[#list + 1] = in_our_words(r, family)
    end
  end
  return list
end

local near = { rtt = 0.001, rttvar = 0.001, rto_min = 0.001, expires = 1.1 } -- ip(8) prints whole (milli)seconds
local in_ms = { rtt = true, rttvar = true, rto_min = true }
local untold = { nhid = true, ttl_propagate = true, mark = true, uid = true, offload = true, cloned = true }
for _, key in ipairs(locks) do untold[key .. "_lock"] = true end -- its JSON says nothing of them
local function same(key, mine, other)
  if mine == nil or other == nil then return mine == other end
  if in_ms[key] then return math.abs(mine - other / 1000) <= near[key] end
  if near[key] then return math.abs(mine - other) <= near[key] end
  if type(mine) == "table" then
    for i = 1, math.max(#mine, #other) do
      for _, k in ipairs { "via", "dev", "weight", "onlink", "dead", "linkdown" } do
        if (mine[i] or {})[k] ~= (other[i] or {})[k] then return false end
      end
    end
    return true
  end
  return tostring(mine) == tostring(other)
end

local function compare_one(mine, other)
  for _, row in ipairs(rows) do
    local key = row.key
    if not untold[key] and not same(key, mine[key], other[key]) then
      error(("%s of %s is %s, ip says %s"):format(key, mine.dst, tostring(mine[key]), tostring(other[key])), 3)
    end
  end
end

-- Lists of both, paired by what tells routes apart.
local function compare_once(ns)
  local function key_of(r)
    return ("%s %s %s %s %s %s"):format(r.family, r.dst, r.table, r.metric or 0, r.tos or 0,
      r.dev or "-")
  end
  local ours, theirs = ns:routes { table = "all" }, theirs_of(ns)
  local by_key = {}
  for _, r in ipairs(theirs) do
    by_key[key_of(r)] = by_key[key_of(r)] or {}
    table.insert(by_key[key_of(r)], r)
  end
  for _, r in ipairs(ours) do
    local list = by_key[key_of(r)]
    assert(list and #list > 0, "nsh has " .. key_of(r) .. " and ip hasn't")
    compare_one(r, table.remove(list, 1))
  end
  assert.equal(#theirs, #ours)
end

-- IPv6 adds and drops routes of its own a little later.
local function compare(ns) h.settles(compare_once, ns) end

describe("a route", function()
  local ns

  before_each(function()
    ns = h.netns()
    ns:link("lo"):set { up = true }
    for i = 0, 1 do
      local link = ns:add_link { "v" .. i, kind = "veth", up = true, addrgenmode = "none",
        peer = { "w" .. i, up = true, addrgenmode = "none" } }
      link:add_addr(("10.0.%d.1/24"):format(i))
      link:add_addr { ("fd0%d::1/64"):format(i), nodad = true }
      link:wait { state = "up" }
    end
  end)

  local function added(route)
    ns:add_route(route)
    compare(ns)
    local filter = { dst = route[1] or route.dst, table = route.table or "all" }
    if filter.dst == "default" and route.via then filter.family = route.via:find ":" and "inet6" or "inet" end
    return ns:routes(filter)[1]
  end

  for what, spec in pairs {
    ["via"] = { "10.5.0.0/16", via = "10.0.0.9" }, ["via of IPv6"] = { "fd05::/64", via = "fd00::9" },
    ["via IPv6 for IPv4"] = { "10.5.0.0/16", via = "fd00::9", dev = "v0" },
    ["dev"] = { "10.5.0.0/16", dev = "v1" }, ["dev of IPv6"] = { "fd05::/64", dev = "v1" },
    ["a host"] = { "10.5.0.1", via = "10.0.0.9" }, ["a host of IPv6"] = { "fd05::1", via = "fd00::9" },
    ["default"] = { "default", via = "10.0.0.9" }, ["default of IPv6"] = { "default", via = "fd00::9" },
    ["src"] = { "10.5.0.0/16", dev = "v0", src = "10.0.1.1" },
    ["src of IPv6"] = { "fd05::/64", dev = "v0", src = "fd01::1" },
    ["metric"] = { "10.5.0.0/16", via = "10.0.0.9", metric = 7 },
    ["metric of IPv6"] = { "fd05::/64", dev = "v0", metric = 7 },
    ["table by number"] = { "10.5.0.0/16", via = "10.0.0.9", table = 100 },
    ["large table"] = { "10.5.0.0/16", via = "10.0.0.9", table = 100000 },
    ["table by name"] = { "10.5.0.0/16", via = "10.0.0.9", table = "default" },
    ["table of IPv6"] = { "fd05::/64", via = "fd00::9", table = 1000 },
    ["scope"] = { "10.5.0.0/16", dev = "v0", scope = "host" },
    ["proto"] = { "10.5.0.0/16", dev = "v0", proto = "static" },
    ["proto by number"] = { "10.5.0.0/16", dev = "v0", proto = 77 },
    ["onlink"] = { "10.5.0.0/16", via = "192.0.2.1", dev = "v0", onlink = true },
    ["onlink of IPv6"] = { "fd05::/64", via = "2001:db8::1", dev = "v0", onlink = true },
    ["tos"] = { "10.5.0.0/16", dev = "v0", tos = 16 },
    ["pref"] = { "fd05::/64", via = "fd00::9", pref = "high" },
    ["from"] = { "fd05::/64", via = "fd00::9", from = "fd77::/64" },
    ["blackhole"] = { "10.5.0.0/16", type = "blackhole" }, ["unreachable"] = { "10.5.0.0/16", type = "unreachable" },
    ["prohibit"] = { "10.5.0.0/16", type = "prohibit" }, ["throw"] = { "10.5.0.0/16", type = "throw", table = 100 },
    ["blackhole of IPv6"] = { "fd05::/64", type = "blackhole" },
    ["unreachable of IPv6"] = { "fd05::/64", type = "unreachable" },
    ["prohibit of IPv6"] = { "fd05::/64", type = "prohibit" },
    ["throw of IPv6"] = { "fd05::/64", type = "throw", table = 100 },
    ["local"] = { "10.5.0.0/16", type = "local", dev = "lo" },
    ["local of IPv6"] = { "fd05::/64", type = "local", dev = "lo" },
    ["broadcast"] = { "10.5.0.255", type = "broadcast", dev = "v0" },
    ["multicast"] = { "224.5.0.0/16", type = "multicast", dev = "v0" },
    ["mtu"] = { "10.5.0.0/16", via = "10.0.0.9", mtu = 1400 },
    ["mtu of IPv6"] = { "fd05::/64", via = "fd00::9", mtu = 1400 },
    ["locks"] = { "10.5.0.0/16", via = "10.0.0.9", mtu = 1400, mtu_lock = true, window = 9000, window_lock = true },
    ["all metrics"] = { "10.5.0.0/16", via = "10.0.0.9", mtu = 1400, window = 9000, rtt = 0.3, rttvar = 0.1,
      ssthresh = 5,
      cwnd = 6, cwnd_lock = true, advmss = 1300, reordering = 4, hoplimit = 9, initcwnd = 10, initrwnd = 11,
      rto_min = 0.25, rto_min_lock = true, quickack = 1, congctl = "reno", ecn = true, fastopen_no_cookie = 1 },
    ["all metrics of IPv6"] = { "fd05::/64", via = "fd00::9", mtu = 1400, window = 9000, rtt = 0.3, hoplimit = 9,
      initcwnd = 10, rto_min = 0.25, quickack = 1, congctl = "reno" },
  } do
    it("has " .. what, function()
      if spec.congctl then
        local known = ns:exec "cat /proc/sys/net/ipv4/tcp_available_congestion_control".out
        if not known:find "reno" then pending "this kernel has no congestion control reno" end
      end
      local record
      local ok, err = pcall(function() record = added(spec) end)
      if not ok then
        if type(err) == "table" and spec.from and err.extack and err.extack:find "CONFIG" then pending(err.extack) end
        error(err, 0)
      end
      for key, value in pairs(spec) do
        if type(key) == "string" then assert.equal(value, record[key], key) end
      end
      -- a record is taken back, and deletes its route
      ns:del_route(record)
      assert.equal(0, #ns:routes { dst = spec[1], table = "all", family = record.family, metric = spec.metric })
      ns:add_route(record)
      compare(ns)
      local again = ns:routes { dst = spec[1], table = "all", family = record.family }[1]
      for _, row in ipairs(h.settable(rows)) do assert.equal(record[row.key], again[row.key], row.key) end
      ns:del_route { spec[1], table = spec.table, type = spec.type, family = record.family, tos = spec.tos,
        from = spec.from }
    end)
  end

  it("has several hops with their weights", function()
    for _, spec in ipairs {
      { "10.5.0.0/16", nexthops = { { via = "10.0.0.9", weight = 3 }, { via = "10.0.1.9" },
        { via = "192.0.2.1", dev = "v1", onlink = true, weight = 256 } } },
      { "10.6.0.0/16", nexthops = { { dev = "v0" }, { dev = "v1", weight = 2 } } },
      { "10.7.0.0/16", nexthops = { { via = "10.0.0.9" }, { via = "fd01::9", dev = "v1" } } },
      { "fd05::/64", nexthops = { { via = "fd00::9" }, { via = "fd01::9", weight = 5 } } },
      { "default", nexthops = { { via = "10.0.0.9" }, { via = "10.0.1.9" } } },
    } do
      local record = added(spec)
      assert.equal(#spec.nexthops, #record.nexthops)
      for i, hop in ipairs(spec.nexthops) do
        assert.equal(hop.via, record.nexthops[i].via)
        assert.equal(hop.weight or 1, record.nexthops[i].weight)
      end
      ns:del_route(record)
      assert.equal(0, #ns:routes { dst = spec[1] })
      ns:add_route(record)
      compare(ns)
    end
  end)

  it("ends when its time is over", function()
    ns:add_route { "fd05::/64", dev = "v0", expires = 100 }
    local record = ns:routes { dst = "fd05::/64" }[1]
    assert.is_true(record.expires > 98 and record.expires <= 100)
    compare(ns)
  end)

  it("is appended and replaced", function()
    ns:add_route { "10.5.0.0/16", via = "10.0.0.9" }
    h.refused("EEXIST", ns.add_route, ns, { "10.5.0.0/16", via = "10.0.1.9" })
    ns:add_route { "10.5.0.0/16", via = "10.0.1.9", append = true }
    local list = ns:routes { dst = "10.5.0.0/16" }
    assert.same({ "10.0.0.9", "10.0.1.9" }, { list[1].via, list[2].via })
    ns:add_route { "10.5.0.0/16", via = "10.0.0.7", prepend = true }
    assert.equal("10.0.0.7", ns:routes({ dst = "10.5.0.0/16" })[1].via)
    compare(ns)
    ns:del_route { "10.5.0.0/16", via = "10.0.0.7" }
    h.misuse("both", ns.add_route, ns, { "10.5.0.0/16", via = "10.0.0.7", prepend = true, append = true })
    ns:replace_route { "10.5.0.0/16", via = "10.0.0.8" }
    list = ns:routes { dst = "10.5.0.0/16" }
    assert.same({ "10.0.0.8", "10.0.1.9" }, { list[1].via, list[2].via })
    ns:add_route { "fd05::/64", via = "fd00::9" }
    ns:add_route { "fd05::/64", via = "fd01::9", append = true }
    compare(ns)
    ns:replace_route { "fd06::/64", via = "fd01::9" }
    compare(ns)
  end)

  it("is deleted by what is given of it", function()
    for i = 1, 3 do ns:add_route { "10.5.0.0/16", via = "10.0.0.9", metric = i } end
    ns:del_route { "10.5.0.0/16", metric = 2 }
    local list = ns:routes { dst = "10.5.0.0/16" }
    assert.same({ 1, 3 }, { list[1].metric, list[2].metric })
    ns:del_route "10.5.0.0/16"
    assert.equal(3, ns:routes { dst = "10.5.0.0/16" }[1].metric)
    h.refused("ESRCH", ns.del_route, ns, { "10.5.0.0/16", via = "10.0.0.8" })
    h.refused("ESRCH", ns.del_route, ns, "10.99.0.0/16")
    ns:add_route { "default", via = "10.0.0.9" }
    ns:add_route { "default", via = "fd00::9" }
    ns:del_route { "default", family = "inet6" }
    assert.equal("inet", ns:routes { dst = "default" }[1].family)
    assert.equal(1, #ns:routes { dst = "default" })
    ns:del_route "default"
    compare(ns)
  end)

  it("is listed by what is asked for", function()
    ns:add_route { "10.5.0.0/16", via = "10.0.0.9", table = 77 }
    ns:add_route { "10.6.0.0/16", type = "blackhole", proto = "static" }
    ns:add_route { "default", via = "fd00::9" }
    assert.equal(#theirs_of(ns, "table main"), #ns:routes())
    assert.equal(#theirs_of(ns, "table all"), #ns:routes { table = "all" })
    assert.equal(#theirs_of(ns, "table local"), #ns:routes { table = "local" })
    assert.equal(1, #ns:routes { table = 77 })
    assert.equal(0, #ns:routes { table = 78 })
    assert.equal(1, #ns:routes { type = "blackhole" })
    assert.equal(1, #ns:routes { proto = "static" })
    assert.equal(#theirs_of(ns, "table main dev v1"), #ns:routes { dev = "v1" })
    assert.equal(1, #ns:routes { dst = "default" })
    assert.equal(0, #ns:routes { dst = "default", family = "inet" })
    assert.equal(1, #ns:routes { via = "fd00::9" })
    for what, filter in pairs {
      ["root 10.0.0.0/8"] = { root = "10.0.0.0/8" }, ["match 10.6.1.1"] = { match = "10.6.1.1" },
      ["exact 10.6.0.0/16"] = { exact = "10.6.0.0/16" }, ["root fd00::/15"] = { root = "fd00::/15", family = "inet6" },
      ["match fd00::1"] = { match = "fd00::1", family = "inet6" }, ["table cache"] = { table = "cache" },
      ["exact default"] = { exact = "default", family = "inet6" },
    } do
      assert.equal(#h.oracle(ns, ("ip %s -j route show %s"):format(filter.family and "-6" or "-4", what)),
        #ns:routes(filter), what)
    end
    h.misuse("root", ns.routes, ns, { root = "10.0.0.0/33" })
    h.refused("ENODEV", ns.routes, ns, { dev = "nobody" })
    h.misuse("did you mean", ns.routes, ns, { tabel = 1 })
  end)

  it("goes when those that match are flushed", function()
    ns:add_route { "10.5.0.0/16", via = "10.0.0.9", proto = "static" }
    ns:add_route { "10.5.1.0/24", via = "10.0.1.9" }
    ns:add_route { "10.5.0.0/16", via = "10.0.0.9", table = 77 }
    ns:add_route { "fd05::/64", nexthops = { { via = "fd00::9" }, { via = "fd01::9" } }, proto = "static" }
    assert.equal(2, ns:flush_routes { proto = "static" })
    assert.equal(1, ns:flush_routes { root = "10.5.0.0/16" })
    assert.equal(0, #ns:routes { root = "10.5.0.0/16" })
    assert.equal(1, ns:flush_routes { table = 77 })
    assert.equal(2, ns:flush_routes { dev = "v1", proto = "kernel" })
    ns:flush_routes()
    assert.equal(0, #ns:routes())
    assert.is_true(#ns:routes { table = "local" } > 0)
    compare(ns)
  end)

  it("leads somewhere", function()
    ns:add_route { "10.5.0.0/16", via = "10.0.0.9", mtu = 1400 }
    ns:add_route { "default", via = "10.0.1.9", src = "10.0.0.1" }
    ns:add_route { "fd05::/64", via = "fd00::9" }
    for _, dst in ipairs { "10.5.1.1", "10.0.0.7", "192.0.2.1", "10.0.0.1", "127.0.0.1", "fd05::1", "fd01::7",
      "::1" } do
      local ours, theirs = ns:route_to(dst), in_our_words(h.oracle(ns, "ip -j -d route get " .. dst)[1])
      for _, key in ipairs { "dst", "via", "dev", "type", "src", "mtu" } do
        assert.equal(theirs[key], ours[key], dst .. " " .. key)
      end
    end
    assert.equal("v1", ns:route_to({ "10.5.1.1", dev = "v1" }).dev)
    assert.equal("v1", ns:route_to({ "10.5.1.1", vrf = "v1" }).dev)
    ns:add_rule { fwmark = 7, table = 100 }
    ns:add_rule { ipproto = "udp", dport = 53, table = 100 }
    if h.uid(1000) > 0 then ns:add_rule { uidrange = 1000, table = 100 } end
    ns:add_rule { iif = "v0", table = 100 }
    ns:add_route { "default", via = "10.0.1.7", table = 100 }
    ns.sysctl["net.ipv4.ip_forward"] = 1
    for what, question in pairs {
      ["mark 7"] = { mark = "0x7" }, ["ipproto udp dport 53"] = { ipproto = "udp", dport = 53 },
      ["uid " .. h.uid(1000)] = { uid = h.uid(1000) }, ["from 10.0.0.5 iif v0"] = { from = "10.0.0.5", iif = "v0" },
      ["mark 8"] = { mark = 8 }, ["ipproto udp sport 53"] = { ipproto = "udp", sport = 53 },
      ["from 10.0.0.1"] = { from = "10.0.0.1" }, ["fibmatch"] = { fibmatch = true }, ["tos 0x10"] = { tos = 16 },
    } do
      question[1] = "10.5.1.1"
      local ours = ns:route_to(question)
      local theirs = in_our_words(h.oracle(ns, "ip -j -d route get 10.5.1.1 " .. what)[1])
      for _, key in ipairs { "dst", "via", "dev", "type", "table", "from", "src" } do
        if key ~= "table" or theirs.table ~= "main" then -- which ip(8) leaves out, as table 100's when it asked not
          assert.equal(tostring(theirs[key]), tostring(ours[key]), what .. ": " .. key)
        end
      end
    end
    assert.equal("10.0.1.7", ns:route_to({ "10.5.1.1", mark = 7 }).via)
    assert.equal("10.5.0.0/16", ns:route_to({ "10.5.1.1", fibmatch = true }).dst)
    ns:flush_rules()
    ns:add_rule { table = "main" }
    h.misuse("mark", ns.route_to, ns, { "10.5.1.1", mark = "x" })
    h.misuse("sport", ns.route_to, ns, { "10.5.1.1", sport = 0 })
    h.misuse("did you mean 'dev'", ns.route_to, ns, { "10.5.1.1", oif = "v0" })
    h.misuse("vrf", ns.route_to, ns, { "10.5.1.1", vrf = "v0", dev = "v0" })
    for kind, code in pairs { unreachable = "EHOSTUNREACH", prohibit = "EACCES", blackhole = "EINVAL" } do
      ns:add_route { "10.66.0.0/16", type = kind }
      local err = h.refused(code, ns.route_to, ns, "10.66.0.1")
      assert.matches(kind, err.hint)
      ns:del_route "10.66.0.0/16"
    end
    ns:del_route "default"
    assert.matches("default", h.refused("ENETUNREACH", ns.route_to, ns, "192.0.2.1").hint)
    h.misuse("address", ns.route_to, ns, "default")
    h.raised(ns.route_to, ns, "nowhere")
    h.raised(ns.route_to, ns)
  end)

  it("is one of 2,000, sent in one batch and listed back", function()
    local sent = ns:batch(function()
      for i = 0, 1999 do
        ns:add_route { ("10.%d.%d.0/24"):format(100 + i // 250, i % 250), via = "10.0.0.9", proto = 99 }
      end
    end)
    assert.equal(2000, sent)
    local list = ns:routes { proto = 99 }
    assert.equal(2000, #list)
    local seen = {}
    for _, r in ipairs(list) do seen[r.dst] = r.via end
    for i = 0, 1999 do assert.equal("10.0.0.9", seen[("10.%d.%d.0/24"):format(100 + i // 250, i % 250)]) end
    assert.equal(2000, #h.oracle(ns, "ip -j route show proto 99"))
    ns:batch(function()
      for _, r in ipairs(list) do ns:del_route(r) end
    end)
    assert.equal(0, #ns:routes { proto = 99 })
  end)

  it("is refused when it is none", function()
    for _, case in ipairs {
      { { "10.0.0.0/33", dev = "v0" }, "dst" }, { { "x", dev = "v0" }, "dst" }, { { via = "10.0.0.9" }, "destination" },
      { { "10.5.0.0/16", via = "10.0.0.0/24" }, "via" }, { { "10.5.0.0/16", via = "x" }, "via" },
      { { "10.5.0.0/16", gateway = "10.0.0.9" }, "did you mean 'via'" }, { { "10.5.0.0/16", type = "magic" }, "type" },
      { { "10.5.0.0/16", metric = -1 }, "metric" }, { { "10.5.0.0/16", table = {} }, "table" },
      { { "10.5.0.0/16", nexthops = {} }, "nexthops" }, { { "10.5.0.0/16", nexthops = { 1 } }, "nexthops" },
      { { "10.5.0.0/16", via = "10.0.0.9", nexthops = { { dev = "v0" } } }, "nexthops" },
      { { "10.5.0.0/16", nexthops = { { via = "10.0.0.9", weight = 0 } } }, "weight" },
      { { "10.5.0.0/16", nexthops = { { via = "10.0.0.9", weight = 257 } } }, "weight" },
      { { "10.5.0.0/16", nexthops = { { vai = "10.0.0.9" } } }, "did you mean 'via'" },
      { { "10.5.0.0/16", dev = "v0", rto_min = "fast" }, "rto_min" },
      { { "10.5.0.0/16", dst = "10.6.0.0/16" }, "twice" },
    } do
      h.misuse(case[2], ns.add_route, ns, case[1])
    end
    h.misuse("table", ns.add_route, ns, 7)
    h.misuse("table", ns.add_route, ns)
    h.misuse("table", ns.del_route, ns)
    assert.matches("gateway", h.refused("ENETUNREACH", ns.add_route, ns, { "10.5.0.0/16", via = "192.0.2.1" }).hint)
    h.refused("EINVAL", ns.add_route, ns, { "10.5.0.1/16", dev = "v0" })
    h.refused("ENODEV", ns.add_route, ns, { "10.5.0.0/16", dev = "nobody" })
    h.refused("EINVAL", ns.add_route, ns, { "fd05::/64", via = "fd00::1" })
    h.misuse("via, dev or nexthops", ns.add_route, ns, { "10.5.0.0/16" })
    h.refused("EINVAL", ns.add_route, ns, { "10.5.0.0/16", dev = "v0", src = "192.0.2.9" })
    ns:link("v1"):set { up = false }
    h.refused("ENETDOWN", ns.add_route, ns, { "10.5.0.0/16", dev = "v1" })
    assert.equal(0, #ns:routes { dst = "10.5.0.0/16" })
  end)
end)
