-- tunnel_spec.lua - tunnels: every option of every one, against ip(8), changed without loss of the others, and in use
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

-- --- ip(8)'s words ---

local function quad(name)
  return function(data)
    if not data[name] then return nil end
    local number = 0
    for byte in data[name]:gmatch "%d+" do number = number << 8 | tonumber(byte) end
    return number
  end
end

local function inherit(name, of)
  return function(data)
    local number = math.tointeger(tonumber(data[name] or 0))
    return number == of and "inherit" or number
  end
end

-- A number, or the word that a flag says.
local function unless(flag, word, name)
  return function(data)
    if data[flag] then return word end
    return math.tointeger(tonumber(data[name]))
  end
end

local function encap(name)
  return function(data) return data.encap and data.encap[name] or false end
end

local function any(name)
  return function(data) return data[name] ~= "any" and data[name] or nil end
end

local function merged(a, b)
  local all = {}
  for key, value in pairs(a) do all[key] = value end
  for key, value in pairs(b or {}) do all[key] = value end
  return all
end

netns.current():exec("modprobe -a fou fou6", { check = false })

local apart = { remote = oracle.without, ["local"] = oracle.without }
local fou = { encap = "fou", encap_dport = 5555 }

local function options(extra)
  return {
    base = function(i, ns)
      if i == 0 then
        ns:add_link { "v0", kind = "veth", peer = "v1" }
      end
      return merged(extra.common or {}, extra.base(i))
    end,
    with = merged({
      external = merged(apart, extra.external), encap_sport = fou, encap_dport = { encap = "fou" }, encap_csum = fou,
      encap_csum6 = fou, encap_remcsum = { encap = "gue", encap_dport = 5556 }, encap = { encap_dport = 5555 },
      ignore_df = { pmtudisc = false },
    }, extra.with),
    values = merged({
      dev = { make = "v0", set = "v1" }, ikey = { make = 7, set = 0x0a000001 }, okey = { make = 0, set = 9 },
      pmtudisc = { make = false, set = true }, fwmark = { make = 5, set = 0x10 },
      encap = { make = "fou", set = "none" }, encap_sport = { make = 5000, set = 5001 },
      encap_dport = { make = 5557, set = 5558 }, encap_remcsum = { make = true, set = false },
      ttl = { make = 64, set = "inherit" }, tos = { make = "inherit", set = 0x10 },
      hoplimit = { make = 9, set = "inherit" }, encaplimit = { make = "none", set = 2 },
      tclass = { make = "inherit", set = 0x20 }, flowlabel = { make = 0x12345, set = "inherit" },
    }, extra.values),
    read = merged({
      dev = "link", mode = "proto", ikey = quad "ikey", okey = quad "okey", remote = any "remote",
      ["local"] = any "local", ttl = inherit("ttl", 0), tos = inherit("tos", 1),
      hoplimit = inherit("ttl", 0), encaplimit = unless("ip6_tnl_f_ign_encap_limit", "none", "encap_limit"),
      tclass = unless("ip6_tnl_f_use_orig_tclass", "inherit", "tclass"),
      flowlabel = unless("ip6_tnl_f_use_orig_flowlabel", "inherit", "flowlabel"),
      fwmark = unless("ip6_tnl_f_use_orig_fwmark", "inherit", "fwmark"),
      dscp = function(data) return data.ip6_tnl_f_rcv_dscp_copy and "inherit" or nil end,
      allow_localremote = "ip6_tnl_f_allow_local_remote",
      encap = function(data) return data.encap and data.encap.type or "none" end,
      encap_sport = encap "sport", encap_dport = encap "dport", encap_csum = encap "csum",
      encap_csum6 = encap "csum6", encap_remcsum = encap "remcsum", erspan = "erspan_index",
    }, extra.read),
    skip = extra.skip, fixed = extra.fixed, sample = extra.sample,
  }
end

local function ends4(i) return { remote = "10.0.0." .. i + 1, ["local"] = "10.9.9.9" } end
local function ends6(i) return { remote = ("fd00::%x"):format(i + 1), ["local"] = "fd00:9::9" } end
local others4 = { remote = { make = "10.0.1.1", set = "10.0.1.2" },
  ["local"] = { make = "10.0.2.1", set = "10.0.2.2" } }
local others6 = { remote = { make = "fd01::1", set = "fd01::2" },
  ["local"] = { make = "fd02::1", set = "fd02::2" } }
local inherited = { fwmark = { make = "inherit", set = 0x10 }, dscp = "inherit" }

-- --- the kinds ---

local some = { remote = true, okey = true, iseq = true, external = true } -- of a kind with the rows of another

for _, kind in ipairs { "gre", "gretap" } do
  oracle.kind(kind, options { base = ends4, values = others4, sample = kind == "gretap" and some })
end
for _, kind in ipairs { "ip6gre", "ip6gretap" } do
  oracle.kind(kind, options { base = ends6, values = merged(others6, inherited),
    external = { hoplimit = 64, encaplimit = 4 }, sample = kind == "ip6gretap" and some })
end

-- The kernel wants keys up to 1023 of both directions, numbers, and no checksums.
local function mirror(ends)
  return function(i) return merged(ends(i), { ikey = i + 1, okey = i + 1, iseq = true, oseq = true }) end
end
local second = { erspan_ver = 2 }
local mirrored = { ikey = true, okey = true, iseq = true, oseq = true, external = true, erspan = true,
  erspan_ver = true, erspan_dir = true, erspan_hwid = true }
local function erspan(ends, others)
  return options { sample = mirrored, base = mirror(ends), skip = { icsum = true, ocsum = true },
    values = merged(others, { ikey = { make = 700, set = 701 }, okey = { make = 700, set = 701 },
      iseq = { make = true, set = false }, oseq = { make = true, set = false }, erspan_ver = { make = 1, set = 2 },
      erspan = { make = 7, set = 0xfffff }, erspan_dir = { make = "egress", set = "ingress" },
      erspan_hwid = { make = 5, set = 63 } }),
    with = { erspan = { erspan_ver = 1 }, erspan_dir = second, erspan_hwid = second },
    external = { ikey = oracle.without, okey = oracle.without, iseq = oracle.without, oseq = oracle.without } }
end
oracle.kind("erspan", erspan(ends4, others4))
oracle.kind("ip6erspan", erspan(ends6, merged(others6, inherited)))

oracle.kind("ipip", options { base = ends4, values = merged(others4, { mode = "mplsip" }) })
oracle.kind("sit", options { base = ends4,
  values = merged(others4, { mode = "any",
    sixrd_prefix = { make = "2001:db8::/32", set = "2001:db9::/32" },
    sixrd_relay_prefix = { make = "10.0.0.0/8", set = "192.168.0.0/16" } }),
  with = { isatap = { remote = oracle.without }, sixrd_relay_prefix = { sixrd_prefix = "2001:db8::/32" } },
  read = {
    sixrd_prefix = function(data) return ("%s/%d"):format(data.prefix, data.prefixlen) end,
    sixrd_relay_prefix = function(data) return ("%s/%d"):format(data.relay_prefix, data.relay_prefixlen) end,
  } })
oracle.kind("ip6tnl", options { base = ends6,
  values = merged(merged(others6, inherited), { mode = { make = "ip6ip6", set = "ipip6" } }) })

local marks = { ikey = { make = 7, set = 8 }, okey = { make = 7, set = 8 } }
oracle.kind("vti", options { base = ends4, values = merged(others4, marks) })
oracle.kind("vti6", options { base = ends6, values = merged(others6, marks), sample = { remote = true, okey = true } })

oracle.kind("xfrm", {
  base = function(i, ns)
    if i == 0 then ns:add_link { "v0", kind = "veth", peer = "v1" } end
    return { if_id = i + 1, dev = "v0" }
  end,
  with = { external = { if_id = oracle.without, dev = oracle.without } },
  values = { if_id = { make = 4711, set = 4712 }, dev = "v1" },
  read = { dev = function(_, link) return link.link end,
    if_id = function(data) return math.tointeger(tonumber(data.if_id)) end },
})

-- --- what the tables don't say ---

local function needs(kind)
  local ns = h.netns()
  local address = kind:find "6" and "fd00:ff::1" or "10.255.0.1"
  local ok, link = pcall(ns.add_link, ns, { "probe", kind = kind, ["local"] = address })
  if not ok then
    if type(link) ~= "table" or link.code ~= "EOPNOTSUPP" then error(link, 0) end
    h.pending(("this kernel has no %s (%s)"):format(kind, oracle.table_of(kind).config))
  end
  link:del()
  return ns
end

describe("a tunnel", function()
  it("keeps what a change doesn't name, in a batch too", function()
    local ns = needs "gre"
    local link = ns:add_link { "g0", kind = "gre", ["local"] = "10.0.0.1", remote = "10.0.0.2", key = "1.2.3.4",
      seq = true, ocsum = true, ttl = 9, tos = "inherit", fwmark = 3 }
    local before = link:record()
    assert.same({ 0x01020304, true, true, true, nil, 9 },
      { link.key, link.iseq, link.oseq, link.ocsum, link.icsum, link.ttl })
    link:set { ttl = 5 }
    before.ttl = 5
    assert.same(before, link:record())
    link:set { key = false, seq = false, mtu = 1300 }
    assert.same({ nil, nil, nil, "10.0.0.1", 1300, 5 },
      { link.ikey, link.okey, link.iseq, link["local"], link.mtu, link.ttl })
    assert.is_truthy(h.refused("EINVAL", link.set, link, { remote = false }).hint:find "made anew")
    assert.equal("10.0.0.2", link.remote)
    ns:batch(function()
      link:set { okey = 7 }
      link:set { ttl = 6 }
      link:set { tos = false }
    end)
    assert.same({ 7, 6, nil }, { link.okey, link.ttl, link.ikey })
    assert.equal(0, link.tos)
    local tap = ns:add_link { "t0", kind = "gretap", remote = "10.0.0.2", ["local"] = "10.0.0.1" }
    tap:set { remote = false, ["local"] = "10.0.0.3" }
    assert.same({ nil, "10.0.0.3" }, { tap.remote, tap["local"] })
    local data = h.oracle(ns, "ip -j -d link show dev g0")[1].linkinfo.info_data
    assert.same({ "0.0.0.7", 6, "10.0.0.1" }, { data.okey, data.ttl, data["local"] })
  end)

  it("is read as ip(8) made it", function()
    local ns = needs "gre"
    ns:exec "ip link add g0 type gre remote 10.0.0.9 local 10.0.0.1 ttl 64 key 77 icsum nopmtudisc tos inherit"
    local link = ns:link "g0"
    assert.same({ "10.0.0.9", "10.0.0.1", 64, 77, 77, true, nil, false, "inherit" },
      { link.remote, link["local"], link.ttl, link.ikey, link.okey, link.icsum, link.ocsum, link.pmtudisc, link.tos })
  end)

  it("that ip(8) makes over IPv6 is the same as ours", function()
    local ns = needs "ip6tnl"
    ns:exec "ip link add a0 type ip6tnl remote fd00::2 local fd00::1"
    local theirs = ns:link("a0"):record()
    ns:link("a0"):del()
    local ours = ns:add_link({ "a0", kind = "ip6tnl", remote = "fd00::2", ["local"] = "fd00::1" }):record()
    for _, key in ipairs { "hoplimit", "encaplimit", "mode", "tclass", "mtu" } do
      assert.equal(theirs[key], ours[key], key)
    end
  end)

  it("sends from the namespace it was made in, wherever it is moved to", function()
    local outside = needs "gre"
    local inside, far = h.netns(), h.netns()
    outside:add_link { "u0", kind = "veth", up = true, peer = { "u1", netns = far, up = true } }
    outside:link("u0"):add_addr "192.0.2.1/24"
    far:link("u1"):add_addr "192.0.2.2/24"
    local near = outside:add_link { "g0", kind = "gre", ["local"] = "192.0.2.1", remote = "192.0.2.2", dev = "u0" }
    near:set { netns = inside, up = true }
    near:add_addr "10.1.0.1/24"
    local back = far:add_link { "g0", kind = "gre", ["local"] = "192.0.2.2", remote = "192.0.2.1", up = true }
    back:add_addr "10.1.0.2/24"
    assert.is_true(inside:reaches "10.1.0.2")
    local record = near:record()
    assert.is_number(record.link_netnsid)
    near:set { ttl = 17 } -- sent again, in its new place
    assert.same({ 17, "192.0.2.2" }, { near.ttl, near.remote })
    near:del()
    local born = inside:add_link { "g0", kind = "gre", ["local"] = "192.0.2.1", remote = "192.0.2.2", up = true,
      dev = outside:link "u0" }
    born:add_addr "10.1.0.1/24"
    assert.is_true(inside:reaches "10.1.0.2")
    assert.equal(outside:link("u0").index, born.dev)
    born:del()
    inside:add_link(record):set { up = true }
    inside:link("g0"):add_addr "10.1.0.1/24"
    assert.is_true(inside:reaches "10.1.0.2")
  end)

  it("is not taken for the kernel's own", function()
    local ns = needs "ipip"
    local err = h.refused("EEXIST", ns.add_link, ns, { "mine", kind = "ipip" })
    assert.is_truthy(err.hint:find "tunl0")
    local link = ns:add_link { kind = "ipip", remote = "10.0.0.1" }
    assert.equal("ipip1", link.name)
  end)

  it("refuses what can't be, and names what can", function()
    local ns = h.netns()
    local before = #ns:links()
    for _, case in ipairs {
      { "gre", "remote", "fd00::1", "IPv4" }, { "ip6gre", "remote", "10.0.0.1", "IPv6" },
      { "gre", "ttl", 256, "255" }, { "gre", "ttl", "auto", "'inherit'" }, { "gre", "ikey", -1, "4294967295" },
      { "gre", "key", "1.2.3.256", "key must be" }, { "gre", "encap", "udp", "'gue'" },
      { "gre", "remote", true, "address" },
      { "ip6tnl", "encaplimit", "all", "'none' or" }, { "ip6tnl", "flowlabel", 1 << 20, "1048575" },
      { "ip6tnl", "mode", "sit", "'ip6ip6'" }, { "ipip", "key", 5, "unknown key" },
      { "sit", "sixrd_prefix", "10.0.0.0/8", "sixrd_prefix" }, { "erspan", "erspan_hwid", 64, "63" },
      { "erspan", "erspan_dir", "up", "'egress'" }, { "vti", "okey", "x", "okey" },
      { "xfrm", "if_id", 1 << 32, "if_id" },
    } do
      h.misuse(case[4], ns.add_link, ns, { "x0", kind = case[1], [case[2]] = case[3] })
    end
    assert.equal(before, #ns:links())
  end)
end)

describe("a vxlan", function()
  it("takes ip(8)'s words for its ttl", function()
    local ns = h.netns()
    local link = ns:add_link { "x0", kind = "vxlan", id = 7, dstport = 4789, ttl = "inherit" }
    assert.is_true(link.ttl_inherit)
    link:set { ttl = 9 }
    link:set { ttl = "auto" }
    assert.equal(0, link.ttl)
    h.misuse("ttl", link.set, link, { ttl = "eternal" })
  end)
end)

describe("the other end of vxlan and geneve", function()
  it("is taken away by false", function()
    local ns = h.netns()
    for _, remote in ipairs { "10.0.0.9", "fd00::9" } do
      local link = ns:add_link { "x0", kind = "vxlan", id = 7, dstport = 4789, remote = remote }
      link:set { remote = false }
      assert.is_nil(link.remote)
      assert.is_nil(h.oracle(ns, "ip -j -d link show dev x0")[1].linkinfo.info_data.remote)
      link:set { remote = false }
      link:del()
    end
  end)
end)
