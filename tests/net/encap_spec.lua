-- encap_spec.lua - routes that wrap packets in something, against ip(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local rows = h.find(oracle.table_of("route").rows, { key = "encap" }).rows

-- One of each type, and more where a key needs another company.
local specs = {
  { "10.1.0.0/16", { type = "ip", id = 5, dst = "10.9.9.9", src = "10.8.8.8", ttl = 9, tos = 4, key = true } },
  { "10.2.0.0/16", { type = "ip", id = 1 << 40, dst = "10.9.9.9", csum = true, seq = true } },
  { "10.3.0.0/16", { type = "ip6", id = 5, dst = "fd09::9", src = "fd08::1", hoplimit = 9, tc = 4 } },
  { "fd01::/64", { type = "ip", id = 7, dst = "10.9.9.9" } },
  { "fd02::/64", { type = "seg6", mode = "encap", segs = { "fc00::1", "fc00::2", "fc00::3" } } },
  { "fd03::/64", { type = "seg6", mode = "inline", segs = { "fc00::1", "fc00::2" } } },
  { "fd04::/64", { type = "seg6", mode = "l2encap", segs = { "fc00::1" } } },
  { "fd05::/64", { type = "seg6local", action = "End.X", nh6 = "fd00::8" } },
  { "fd06::/64", { type = "seg6local", action = "End.T", table = 100 } },
  { "fd07::/64", { type = "seg6local", action = "End.B6.Encaps", srh = { "fc00::1", "fc00::2" } } },
  { "fd08::/64", { type = "seg6local", action = "End.DX4", nh4 = "10.0.0.8" } },
  { "fd09::/64", { type = "seg6local", action = "End.DX2", oif = "v0" } },
  { "fd0c::/64", { type = "seg6local", action = "End", next_csid = true, lblen = 24, nflen = 8 }, since = "6.6" },
  { "fd0e::/64", { type = "seg6local", action = "End", psp = true }, since = "6.3" },
  { "fd0d::/64", { type = "seg6local", action = "End.X", nh6 = "fd00::8",
    count = { packets = 0, bytes = 0, errors = 0 } } },
  { "10.4.0.0/16", { type = "mpls", labels = "100/200", ttl = 9 } },
  { "fd0a::/64", { type = "mpls", labels = "1048575" } },
  { "10.5.0.0/16", { type = "xfrm", if_id = 7 } },
}

-- This ip(8) doesn't tell them.
local untold = { next_csid = true, lblen = true, nflen = true, psp = true, count = true }

-- Keys that no route here has, and why.
local untried = {
  iif = "no action of this kernel takes it", vrftable = "it needs a VRF: below", link_dev = "it needs an xfrm link",
  usp = "no kernel takes it", usd = "no kernel takes it",
}

-- ip(8) writes the keys of an encapsulation beside those of the route
local function in_our_words(r)
  local flags = {}
  for _, key in ipairs { "key", "csum", "seq" } do flags[key] = r[key] end
  local segs = r.segs
  if r.mode == "inline" then table.remove(segs) end -- the place of the packet's own destination
  return {
    type = r.encap, id = tonumber(r.id), src = r.src,
    dst = r.encap ~= "mpls" and r.tunnel_dst or nil, ttl = r.ttl, tos = r.tos,
    hoplimit = r.hoplimit, tc = r.tc, mode = r.mode, segs = segs, action = r.action, nh6 = r.nh6, nh4 = r.nh4,
    oif = r.oif, iif = r.iif, srh = r.srh and r.srh.segs, table = tonumber(r.table), labels = r.labels,
    key = flags.key, csum = flags.csum, seq = flags.seq, if_id = r.if_id,
  }
end

-- Its JSON has two keys of one name where an encapsulation has a destination too: the second counts for us.
local function theirs_of(ns)
  local list = {}
  for _, option in ipairs { "-4", "-6" } do
    local out = ns:exec(("ip %s -j -d route show"):format(option)).out
    out = out:gsub('("encap":"ip6?","id":%d+,"src":"[^"]*",)"dst"', '%1"tunnel_dst"')
      :gsub('("encap":"mpls",)"dst"', '%1"labels"')
    for _, r in ipairs(require("dkjson").decode(out, 1, true) or {}) do
      if r.encap then list[r.dst] = in_our_words(r) end
    end
  end
  return list
end

describe("an encapsulation", function()
  local ns

  before_each(function() ns = h.wired() end)

  local function add(spec)
    local via = spec[1]:find ":" and "fd00::9" or "10.0.0.9"
    local dev = spec[2].type == "seg6local" and "v0" or nil
    ns:add_route { spec[1], via = not dev and via or nil, dev = dev, encap = spec[2] }
  end

  it("has all that can be set, and is made again from its record", function()
    local lacks, tried, made = {}, {}, 0
    for _, spec in ipairs(specs) do
      local ok, err = pcall(add, spec)
      if not ok and type(err) == "table" and err.code == "EOPNOTSUPP" then
        lacks[spec[2].type] = true
        assert.matches("CONFIG_", err.hint)
      elseif not ok and spec.since then
        lacks[spec] = true
      elseif not ok then
        error(err, 0)
      else
        made = made + 1
      end
      for key in pairs(spec[2]) do tried[key] = true end
    end
    assert(made >= 8, "few of them were taken")
    local theirs = theirs_of(ns)
    for _, spec in ipairs(specs) do
      local dst, want = spec[1], spec[2]
      if not lacks[want.type] and not lacks[spec] then
        local route = ns:routes { dst = dst }[1]
        for key, value in pairs(want) do
          assert.same(value, route.encap[key], key .. " of " .. dst)
          if not untold[key] then
            assert.same(value, theirs[dst][key], ("what ip says of %s of %s"):format(key, dst))
          end
        end
        ns:del_route(route)
        assert.equal(0, #ns:routes { dst = dst })
        ns:add_route(route)
        assert.same(route, ns:routes { dst = dst }[1])
      end
    end
    for _, row in ipairs(h.settable(rows)) do
      assert(tried[row.key] or untried[row.key], "no route has encap." .. row.key)
    end
  end)

  it("may lead into a VRF", function()
    local ok, vrf = pcall(ns.add_link, ns, { "vrf0", kind = "vrf", table = 77, up = true })
    if not ok and vrf.code == "EOPNOTSUPP" then h.pending "this kernel has no VRFs (CONFIG_NET_VRF)" end
    assert(ok, vrf)
    ns.sysctl["net.vrf.strict_mode"] = 1
    ns:add_route { "fd0b::/64", dev = "vrf0", encap = { type = "seg6local", action = "End.DT4", vrftable = 77 } }
    local route = ns:routes { dst = "fd0b::/64" }[1]
    assert.same({ type = "seg6local", action = "End.DT4", vrftable = 77 }, route.encap)
    assert.equal("77", tostring(h.oracle(ns, "ip -6 -j route show fd0b::/64")[1].vrftable))
    ns:del_route(route)
    ns:add_route(route)
    assert.same(route, ns:routes { dst = "fd0b::/64" }[1])
    ns:add_rule { l3mdev = true, priority = 1000 }
    ns:link("v0"):set { master = "vrf0" }
    ns:add_route { "default", via = "10.0.0.9", vrf = "vrf0" }
    ns:add_route { "10.9.0.0/16", type = "unreachable", vrf = vrf }
    local theirs = h.oracle(ns, "ip -4 -j route show vrf vrf0")
    assert.equal(#theirs, #ns:routes { vrf = "vrf0", family = "inet" })
    assert.equal(77, ns:routes({ dst = "default", vrf = "vrf0" })[1].table)
    ns:del_route { "10.9.0.0/16", vrf = "vrf0" }
    h.misuse("leave one", ns.routes, ns, { vrf = "vrf0", table = 77 })
    h.misuse("no vrf", ns.routes, ns, { vrf = "v0" })
    assert.equal("10.0.0.9", ns:route_to({ "192.0.2.1", vrf = "vrf0" }).via)
    assert.equal(#ns:addrs { dev = "v0" }, #ns:addrs { vrf = "vrf0" })
  end)

  it("may stand in a hop", function()
    ns:add_route { "10.1.0.0/16", nexthops = {
      { via = "10.0.0.9", encap = { type = "ip", id = 5, dst = "10.9.9.9" } }, { via = "10.0.0.8" } } }
    local route = ns:routes { dst = "10.1.0.0/16" }[1]
    assert.same({ "ip", "10.9.9.9" }, { route.nexthops[1].encap.type, route.nexthops[1].encap.dst })
    assert.is_nil(route.nexthops[2].encap)
    ns:del_route(route)
    ns:add_route(route)
    assert.same(route, ns:routes { dst = "10.1.0.0/16" }[1])
    assert.equal("ip", h.oracle(ns, "ip -j route show 10.1.0.0/16")[1].nexthops[1].encap)
  end)

  it("is refused when it is none", function()
    for _, case in ipairs {
      { { type = "magic" }, "encap.type" }, { {}, "needs a type" }, { "mpls", "a table with a type" },
      { { type = "mpls", labels = "x" }, "labels" }, { { type = "mpls", labels = 1 << 20 }, "labels" },
      { { type = "mpls", labels = "1/2/3/4/5/6/7/8/9" }, "labels" }, { { type = "mpls", dst = "10.0.0.1" }, "dst" },
      { { type = "mpls", labels = "1/" }, "labels" }, { { type = "ip", ttl = 256 }, "ttl" },
      { { type = "ip", dst = "x" }, "dst" }, { { type = "ip", labels = 1 }, "labels" },
      { { type = "ip", id = -1 }, "id" },
      { { type = "seg6", segs = "fc00::1" }, "segs" }, { { type = "seg6", segs = { "10.0.0.1" } }, "segs" },
      { { type = "seg6", mode = "magic", segs = { "fc00::1" } }, "mode" },
      { { type = "seg6", mode = "encap", segs = {} }, "segs" }, { { type = "seg6", mode = "encap" }, "segs" },
      { { type = "seg6local", action = "Start" }, "action" },
    } do
      h.misuse(case[2], ns.add_route, ns, { "10.1.0.0/16", via = "10.0.0.9", encap = case[1] })
    end
    assert.equal(0, #ns:routes { dst = "10.1.0.0/16" })
  end)
end)
