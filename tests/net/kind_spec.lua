-- kind_spec.lua - the kinds of links: every option of every one, against ip(8), and back from their records
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

-- Each link has a parent of its own: what stands on one link shares its mode.
local function on_parent(i, ns)
  ns:add_link { "p" .. i, kind = "veth", peer = "q" .. i }
  return { link = "p" .. i }
end

local function hex(name)
  return function(data) return math.tointeger(tonumber(data[name])) or data[name] end
end

local function tos(data)
  local number = math.tointeger(tonumber(data.tos))
  return number == 1 and "inherit" or number
end

local function either(...)
  local names = { ... }
  return function(data)
    for _, name in ipairs(names) do
      if data[name] then return data[name] end
    end
  end
end

for _, name in ipairs { "dummy", "ifb", "nlmon", "vcan" } do oracle.kind(name, {}) end

-- --- vlan ---

local function vlan_flag(flag)
  return function(data)
    for _, word in ipairs(data.flags or {}) do
      if word == flag then return true end
    end
    return false
  end
end

local function qos_map(name)
  return function(data)
    local map = {}
    for _, pair in ipairs(data[name] or {}) do map[pair.from] = pair.to end
    return map
  end
end

oracle.kind("vlan", {
  base = function(i, ns)
    local spec = on_parent(i, ns)
    spec.id = 10 + i
    return spec
  end,
  values = {
    id = 4094, protocol = "802.1ad",
    reorder_hdr = { make = true, set = false },
    ingress_qos_map = { make = { [1] = 7, [5] = 2 }, set = { [1] = 3, [5] = 2 } },
    egress_qos_map = { make = { [0] = 1, [70000] = 5 }, set = { [0] = 2, [70000] = 5 } },
  },
  read = {
    reorder_hdr = vlan_flag "REORDER_HDR", gvrp = vlan_flag "GVRP", mvrp = vlan_flag "MVRP",
    loose_binding = vlan_flag "LOOSE_BINDING", bridge_binding = vlan_flag "BRIDGE_BINDING",
    ingress_qos_map = qos_map "ingress_qos", egress_qos_map = qos_map "egress_qos",
  },
})

-- --- macvlan, macvtap, ipvlan, ipvtap ---

for _, name in ipairs { "macvlan", "macvtap" } do
  oracle.kind(name, {
    sample = name == "macvtap" and { mode = true, macaddr = true },
    base = on_parent,
    with = { nopromisc = { mode = "passthru" }, nodst = { mode = "source" }, macaddr = { mode = "source" } },
    newer = { bclim = true },
    values = { mode = { make = "private", set = "bridge" }, bcqueuelen = { make = 2000, set = 3000 },
      bclim = { make = 3, set = 5 },
      macaddr = { make = { "02:00:00:00:00:01" }, set = { "02:00:00:00:00:02" } } },
    read = { macaddr = "macaddr_data" },
  })
end

for _, name in ipairs { "ipvlan", "ipvtap" } do
  oracle.kind(name, {
    sample = name == "ipvtap" and { mode = true },
    base = on_parent,
    values = { mode = { make = "l2", set = "l3s" } },
  })
end

-- --- vrf ---

oracle.kind("vrf", {
  base = function(i) return { table = 100 + i } end,
  values = { table = 4711 },
})

-- --- vxlan and geneve ---

local no_learning = { id = oracle.without, external = true, dstport = 5001, learning = false }

oracle.kind("vxlan", {
  base = function(i, ns)
    if i == 0 then ns:add_link { "v0", kind = "veth", peer = "v1" } end
    return { id = 100 + i, dstport = 4789 }
  end,
  with = {
    flowlabel = { remote = "fd00::7", ["local"] = "fd00::1" },
    srcport_min = { srcport_max = 60000 }, srcport_max = { srcport_min = 32768 },
    external = { id = oracle.without, dstport = 5000 }, gpe = no_learning,
    vnifilter = { id = oracle.without, external = true, dstport = 5002 },
    label_policy = { remote = "fd00::7", ["local"] = "fd00::1" },
    mcroute = { remote = "239.1.1.1", dev = "v0" },
  },
  newer = { localbypass = true, label_policy = true, mcroute = true },
  values = {
    localbypass = { make = false, set = true },
    id = 0xffffff, remote = { make = "10.0.0.9", set = "10.0.0.8" },
    ["local"] = { make = "10.0.0.1", set = "10.0.0.2" },
    dev = { make = "v0", set = "v1" }, tos = { make = "inherit", set = 0x10 }, df = { make = "set", set = "inherit" },
    dstport = 5003, srcport_min = 32000, srcport_max = 61000, ttl = { make = 7, set = 64 },
    flowlabel = { make = 0x12345, set = 0x54321 }, ageing = { make = 60, set = 90 },
  },
  read = {
    remote = either("remote", "remote6", "group", "group6"), ["local"] = either("local", "local6"), dev = "link",
    tos = tos, flowlabel = hex "label", dstport = "port", maxaddress = "limit",
    srcport_min = function(data) return data.port_range.low end,
    srcport_max = function(data) return data.port_range.high end,
    udpcsum = "udp_csum", udp6zerocsumtx = "udp_zero_csum6_tx", udp6zerocsumrx = "udp_zero_csum6_rx",
    remcsumtx = "remcsum_tx", remcsumrx = "remcsum_rx",
  },
  silent = { ttl_inherit = true }, -- ip(8) writes it as text only
})

oracle.kind("geneve", {
  base = function(i) return { id = 100 + i, remote = "10.0.0.9", dstport = 6081 } end,
  with = {
    flowlabel = { remote = "fd00::7" },
    external = { id = oracle.without, remote = oracle.without, dstport = 6082 },
    innerprotoinherit = { id = oracle.without, remote = oracle.without, external = true, dstport = 6083 },
    udp6zerocsumtx = { remote = "fd00::7" }, udp6zerocsumrx = { remote = "fd00::7" },
    srcport_min = { srcport_max = 60000 }, srcport_max = { srcport_min = 32768 },
  },
  newer = { srcport_min = true, srcport_max = true },
  values = {
    id = 0xffffff, remote = { make = "10.0.0.8", set = "10.0.0.7" }, dstport = 6084, ttl = { make = 7, set = 64 },
    tos = { make = "inherit", set = 0x10 }, df = { make = "set", set = "inherit" },
    flowlabel = { make = 0x12345, set = 0x54321 }, srcport_min = 32000, srcport_max = 61000,
  },
  read = {
    remote = either("remote", "remote6"), tos = tos, flowlabel = hex "label", dstport = "port",
    udpcsum = "udp_csum", udp6zerocsumtx = "udp_zero_csum6_tx", udp6zerocsumrx = "udp_zero_csum6_rx",
    innerprotoinherit = "inner_proto_inherit",
  },
  silent = { ttl_inherit = true }, -- ip(8) writes it as text only
})

-- --- bond ---

local lacp, backup = { mode = "802.3ad" }, { mode = "active-backup" }

oracle.kind("bond", {
  per_second = 1000,
  per = { lp_interval = 1 },
  with = {
    updelay = { miimon = 0.1 }, downdelay = { miimon = 0.1 }, peer_notify_delay = { miimon = 0.1 },
    arp_ip_target = { mode = "active-backup" }, arp_validate = backup, arp_all_targets = backup,
    primary_reselect = backup, fail_over_mac = backup, arp_missed_max = backup, ns_ip6_target = backup,
    tlb_dynamic_lb = { mode = "balance-tlb" },
    lacp_rate = lacp, lacp_active = lacp, ad_select = lacp, ad_actor_sys_prio = lacp, ad_user_port_key = lacp,
    ad_actor_system = lacp, coupled_control = lacp, broadcast_neighbor = lacp, lacp_strict = lacp,
  },
  newer = { coupled_control = true, broadcast_neighbor = true, lacp_strict = true },
  values = {
    mode = { make = "active-backup", set = "802.3ad" }, miimon = { make = 0.1, set = 0.25 },
    updelay = { make = 0.2, set = 0.1 }, downdelay = { make = 0.2, set = 0.1 },
    peer_notify_delay = { make = 0.2, set = 0.1 }, arp_interval = { make = 1, set = 0.5 },
    arp_ip_target = { make = { "10.0.0.1", "10.0.0.2" }, set = { "10.0.0.3" } },
    ns_ip6_target = { make = { "fd00::1", "fd00::2" }, set = { "fd00::3" } },
    ad_actor_sys_prio = { make = 7, set = 9 }, ad_user_port_key = { make = 7, set = 9 },
    lp_interval = { make = 5, set = 7 }, use_carrier = { make = false, set = true },
  },
  read = {
    lacp_rate = "ad_lacp_rate", lacp_active = "ad_lacp_active",
    arp_validate = function(data) return data.arp_validate == true and "none" or data.arp_validate end, -- null
  },
  skip = { active_slave = true, primary = true },
})

-- Whether this kernel has a kind; else the test ends here.
local function needs(ns, kind)
  local ok, link = pcall(ns.add_link, ns, { "probe", kind = kind })
  if not ok then
    if type(link) ~= "table" or link.code ~= "EOPNOTSUPP" then error(link, 0) end
    h.pending(("this kernel has no %s (%s)"):format(kind, oracle.table_of(kind).config))
  end
  link:del()
end

describe("a geneve", function()
  it("takes a ttl of its own instead of the inner packet's", function()
    local ns = h.netns()
    local ok, link = pcall(ns.add_link, ns, { "g0", kind = "geneve", id = 1, remote = "10.0.0.1", ttl_inherit = true })
    if not ok then h.pending "this kernel has no geneve (CONFIG_GENEVE)" end
    link:set { ttl_inherit = false, ttl = 9 }
    assert.same({ 9, false }, { link.ttl, link.ttl_inherit })
    link:set { ttl_inherit = false }
    assert.is_false(link.ttl_inherit)
  end)
end)

describe("a bond's ports", function()
  it("have options, one of them is preferred and one is in use", function()
    local ns = h.netns()
    needs(ns, "bond")
    for i = 0, 1 do ns:add_link { "p" .. i, kind = "veth", peer = { "q" .. i, up = true } } end
    local bond = ns:add_link { "b0", kind = "bond", mode = "active-backup", miimon = 0.1 }
    ns:link("p0"):set { master = bond, port = { queue_id = 3 } }
    ns:link("p1"):set { master = "b0" }
    bond:set { up = true, primary = "p1" }
    local function data() return h.oracle(ns, "ip -j -d link show dev b0")[1].linkinfo.info_data end
    assert.same({ "p1", "p1" }, { bond:record().primary, data().primary })
    assert(h.eventually(function() return bond:record().active_slave == "p1" end))
    assert.equal("p1", data().active_slave)
    local p2 = ns:add_link { "p2", kind = "veth", peer = "q2", master = bond, up = true }
    local p3 = ns:add_link { "p3", kind = "veth", peer = "q3" }
    p3:set { master = bond, up = true }
    assert.same({ bond, true, bond, true }, { p2.master, p2.up, p3.master, p3.up })
    p2:del()
    p3:del()
    bond:set { num_grat_arp = 3 }
    assert.same({ 3, 3, 3 }, { bond.num_peer_notif, bond.num_unsol_na, data().num_peer_notif })
    bond:set { primary = false, active_slave = "p0" }
    assert.same({ "p0", "p0" }, { bond:record().active_slave, data().active_slave })
    assert.is_nil(bond:record().primary)

    local theirs = h.oracle(ns, "ip -j -d link show dev p0")[1].linkinfo.info_slave_data
    local port = ns:link("p0").port
    for _, row in ipairs(oracle.table_of("bond").port_rows) do
      local value = theirs[row.key]
      if value ~= nil then assert(oracle.same(row, port[row.key], value), row.key) end
    end
    assert.same({ "bond", 3, "active", "backup" },
      { ns:link("p0").port_kind, port.queue_id, port.state, ns:link("p1").port.state })
    if port.prio then
      ns:link("p0"):set { port = { prio = -7, queue_id = 4 } }
      assert.same({ -7, 4 }, { ns:link("p0").port.prio, ns:link("p0").port.queue_id })
    end

    local record = bond:record()
    bond:del()
    local again = ns:add_link(record)
    assert.same({ "active-backup", 0.1 }, { again.mode, again.miimon })
    assert.is_nil(again:record().active_slave)
  end)
end)

describe("a link that ip(8) made", function()
  -- kind, what ip(8) is told, what nsh reads
  local made = {
    { "macvlan", "link v0 type macvlan mode vepa", { link = "v0", mode = "vepa" } },
    { "vxlan", "type vxlan id 7 remote 10.0.0.9 local 10.0.0.1 dev v0 dstport 4789 ttl 9 ageing 30 nolearning",
      { id = 7, remote = "10.0.0.9", ["local"] = "10.0.0.1", dev = "v0", dstport = 4789, ttl = 9, ageing = 30,
        learning = false } },
    { "vlan", "link v0 type vlan id 7 protocol 802.1ad gvrp on ingress-qos-map 1:2 3:4",
      { link = "v0", id = 7, protocol = "802.1ad", gvrp = true, ingress_qos_map = { [1] = 2, [3] = 4 } } },
    { "ipvlan", "link v0 type ipvlan mode l3 private", { link = "v0", mode = "l3", private = true } },
    { "vrf", "type vrf table 42", { table = 42 } },
    { "geneve", "type geneve id 7 remote fd00::9 ttl inherit df set",
      { id = 7, remote = "fd00::9", ttl_inherit = true, df = "set" } },
    { "bond", "type bond mode active-backup arp_interval 200 arp_ip_target 10.0.0.1,10.0.0.2 arp_validate active",
      { mode = "active-backup", arp_interval = 0.2, arp_ip_target = { "10.0.0.1", "10.0.0.2" },
        arp_validate = "active" } },
  }
  for _, case in ipairs(made) do
    it("is read: " .. case[1], function()
      local ns = h.netns()
      ns:add_link { "v0", kind = "veth", peer = "v1" }
      local result = ns:exec("ip link add x0 " .. case[2], { check = false })
      if result.status ~= 0 and result.err:find "Unknown device type" then
        h.pending(("this kernel has no %s (%s)"):format(case[1], oracle.table_of(case[1]).config))
      end
      assert.equal("", result.err)
      local record = ns:link("x0"):record()
      assert.equal(case[1], record.kind)
      for key, value in pairs(case[3]) do assert.same(value, record[key], key) end
      if record.link then assert.is_truthy(tostring(ns:links()):find "link") end
    end)
  end
end)

describe("the kinds' tables", function()
  it("have no key that all links have", function()
    local general = {}
    for _, row in ipairs(oracle.table_of("link").rows) do general[row.key] = true end
    for _, kind in ipairs(require("nsh.core").tables()[1].kinds) do
      for _, row in ipairs(kind.rows) do assert.is_nil(general[row.key], kind.name .. " " .. row.key) end
    end
  end)

  it("refuse values that can't be one, and name what can", function()
    local ns = h.netns()
    local before = #ns:links()
    for _, case in ipairs {
      { "vlan", "id", 4095, "0 to 4094" }, { "vlan", "protocol", "802.1x", "802.1ad" },
      { "vlan", "ingress_qos_map", { a = 1 }, "{ [5] = 2 }" }, { "vlan", "egress_qos_map", "1:2", "table" },
      { "macvlan", "mode", "loud", "passthru" }, { "macvlan", "macaddr", { "10.0.0.1" }, "MAC" },
      { "ipvlan", "private", 1, "true or false" }, { "vrf", "table", -1, "table" },
      { "vxlan", "id", 1 << 24, "16777215" }, { "vxlan", "remote", "here", "remote" },
      { "vxlan", "gbp", "yes", "true or false" }, { "vxlan", "flowlabel", 1 << 20, "1048575" },
      { "geneve", "df", "maybe", "inherit" }, { "bond", "mode", "fast", "802.3ad" },
      { "bond", "arp_ip_target", { "fd00::1" }, "IPv4" }, { "bond", "ns_ip6_target", { "10.0.0.1" }, "IPv6" },
      { "bond", "miimon", "soon", "seconds" }, { "bond", "miimom", 1, "miimon" },
    } do
      h.misuse(case[4], ns.add_link, ns, { "x0", kind = case[1], [case[2]] = case[3] })
    end
    assert.equal(before, #ns:links())
  end)
end)

describe("a link on another", function()
  it("may have it in another namespace", function()
    local ns, other = h.netns(), h.netns()
    ns:add_link { "v0", kind = "veth", peer = "v1" }
    local link = ns:add_link { "m0", kind = "macvlan", link = "v0", mode = "bridge" }
    link:set { netns = other }
    assert.equal(ns:link "v0", link.link)
    assert.equal("macvlan", other:link("m0").kind)
    local record = link:record()
    link:del()
    assert.equal(ns:link "v0", other:add_link(record).link)
    assert.equal(ns:link "v1", other:add_link({ "m1", kind = "macvlan", link = ns:link "v1" }).link)
    local third = h.netns()
    local far = ns:add_link { "far0", kind = "macvlan", link = "v0", netns = third, up = true }
    assert.same({ ns:link "v0", third, true }, { far.link, far.netns, far.up })
    local tunnel = ns:add_link { "x0", kind = "vxlan", id = 7, dstport = 4789, dev = "v0", netns = third }
    assert.same({ ns:link("v0").index, third }, { tunnel:record().dev, tunnel.netns })
    for _, name in ipairs { "m0", "m1", "far0", "x0" } do assert.is_nil(ns:find_link(name)) end
  end)
end)
