-- filter_spec.lua - filters and actions, against tc(8), and what they do to packets
local attrs = require "nsh.attrs"
local h = require "tests.helper"
local tc = require "tests.net.tc_oracle"

local find = h.find

-- --- the kinds of filters: each option in a filter of its own prio ---

local cases = {}

local function kind(name, case)
  case.kind = name
  case.place = function(ns, i, self)
    local link = ns:link(self.name)
    if i == 0 then link:add_qdisc "clsact" end
    return { link = link, prio = i + 1, dev = self.name }
  end
  case.add = function(place, spec)
    spec.prio, spec.parent = place.prio, "ingress"
    place.link:add_filter(spec)
  end
  case.get = function(place) return find(place.link:filters { parent = "ingress" }, { prio = place.prio }) end
  case.del = function(place, record) place.link:del_filter(record) end
  case.theirs = function(list, place)
    for _, filter in ipairs(list) do
      local options, here = filter.options, filter.dev == place.dev and filter.pref == place.prio
      if here and options and not options.ht_divisor then return options end
    end
  end
  cases[#cases + 1] = case
end

local function each_of(list)
  return function()
    local asked = {}
    for _, case in ipairs(list) do
      if not case.lacks and not case.no_json then
        asked[#asked + 1] = { command = ("filter show dev %s ingress"):format(case.name), dev = case.name }
      end
    end
    return asked
  end
end


local by_text = "actions have tests of their own"
local table_test = "hash tables have a test of their own"

kind("matchall", { read = { classid = "flowid" }, values = { classid = "1:10", skip_hw = true },
  skip = { actions = by_text, skip_sw = "needs hardware" } })
kind("basic", { read = { classid = "flowid" }, values = { classid = "1:10" }, skip = { actions = by_text } })
kind("cgroup", { no_json = true, skip = { actions = by_text } })

local function word(name) -- u32 tells marks as "0x5"
  return function(data) return { value = tonumber(data.fwmark_value), mask = tonumber(data[name]) } end
end
kind("u32", {
  base = function() return { protocol = "ip" } end,
  values = { classid = "1:10", indev = "v0", skip_hw = true, mark = { make = { value = 5, mask = 255 } },
    match = { make = { { value = 0x0a000000, mask = 0xff000000, at = 12 } } } },
  read = { classid = "flowid", indev = "input_dev", mark = word "fwmark_mask",
    match = function(data)
      local match = data.match
      return { { value = tonumber(match.value, 16), mask = tonumber(match.mask, 16), at = match.off } }
    end },
  newer = { mark = true }, -- CONFIG_CLS_U32_MARK
  skip = { actions = by_text, skip_sw = "needs hardware", divisor = table_test, ht = table_test, link = table_test,
    offset_mask = table_test, offset_at = table_test, offset_shift = table_test, offset_plus = table_test,
    eat = table_test, hashkey_mask = table_test, hashkey_at = table_test },
})

local function key(name) return "keys." .. name end
local flower_read = { classid = "classid", indev = "indev", skip_hw = "skip_hw",
  src_port_min = "keys.src_port.start", src_port_max = "keys.src_port.end",
  dst_port_min = "keys.dst_port.start", dst_port_max = "keys.dst_port.end",
  icmp_type = "keys.icmp_type", icmp_code = "keys.icmp_code",
  tcp_flags = function(data) return tonumber((data.keys.tcp_flags:gsub("/.*", ""))) end,
  arp_op = function(data) return ({ request = 1, reply = 2 })[data.keys.arp_op] end,
  mpls_ttl = function(data) return tonumber(data.keys.mpls_ttl) end,
  mpls_tc = function(data) return tonumber(data.keys.mpls_tc) end,
  mpls_bos = function(data) return tonumber(data.keys.mpls_bos) end,
}
for _, row in ipairs(attrs.kind("filter", "flower").rows) do
  flower_read[row.key] = flower_read[row.key] or key(row.key)
end

local ip, tcp, vlan = { protocol = "ip" }, { protocol = "ip", ip_proto = "tcp" }, { protocol = "802.1q" }
local arp, mpls = { protocol = "arp" }, { protocol = "mpls_uc" }
local qinq = { protocol = "802.1ad", vlan_ethtype = "802.1q" }
local function range(name, first, last) return { protocol = "ip", ip_proto = "udp", [name .. "_min"] = first,
  [name .. "_max"] = last } end
local trk = { protocol = "ip", ct_state = "8/8" }
local outer = { protocol = "ip", enc_key_id = 5 }

kind("flower", {
  read = flower_read,
  with = {
    ip_proto = ip, dst_ip = ip, src_ip = ip, ip_tos = ip, ip_ttl = ip, ip_flags = ip,
    dst_port = tcp, src_port = tcp, tcp_flags = tcp, vlan_id = vlan, vlan_prio = vlan, vlan_ethtype = vlan,
    cvlan_id = qinq, cvlan_prio = qinq, cvlan_ethtype = qinq, num_of_vlans = vlan,
    dst_port_min = range("dst_port", nil, 2000), dst_port_max = range("dst_port", 1000),
    src_port_min = range("src_port", nil, 2000), src_port_max = range("src_port", 1000),
    icmp_type = { protocol = "ip", ip_proto = "icmp" }, icmp_code = { protocol = "ipv6", ip_proto = "icmpv6" },
    arp_tip = arp, arp_sip = arp, arp_op = arp, arp_tha = arp, arp_sha = arp,
    mpls = mpls, mpls_label = mpls, mpls_tc = mpls, mpls_bos = mpls, mpls_ttl = mpls,
    pppoe_sid = { protocol = "ppp_ses" }, ppp_proto = { protocol = "ppp_ses" },
    enc_dst_ip = outer, enc_src_ip = outer, enc_dst_port = outer, enc_src_port = outer, enc_tos = outer,
    enc_ttl = outer,
    ct_state = ip, ct_zone = trk, ct_mark = trk,
    l2tpv3_sid = { protocol = "ip", ip_proto = "l2tp" },
  },
  values = {
    classid = "1:10", indev = "v0", dst_mac = "02:00:00:00:00:01", src_mac = "02:00:00:00:00:02/ff:ff:00:00:00:00",
    eth_type = "ipv6", num_of_vlans = 1, vlan_id = 4095, vlan_prio = 7, vlan_ethtype = "ip", cvlan_id = 9,
    cvlan_prio = 2, cvlan_ethtype = "ipv6", pppoe_sid = 5, ppp_proto = "ip", ip_proto = "sctp", dst_ip = "10.0.0.0/8",
    src_ip = "10.1.2.3", ip_tos = "0x10/0xfc", ip_ttl = 64, ip_flags = "0x1/0x1", dst_port = 80,
    src_port = "0x50/0xfff0",
    dst_port_min = 1000, dst_port_max = 2000, src_port_min = 1000, src_port_max = 2000, tcp_flags = "0x2/0x12",
    icmp_type = 8, icmp_code = 3, arp_tip = "10.0.0.1", arp_sip = "10.0.0.0/24", arp_op = 2,
    arp_tha = "02:00:00:00:00:03", arp_sha = "02:00:00:00:00:04", mpls_label = 77, mpls_tc = 3, mpls_bos = 1,
    mpls_ttl = 64, enc_key_id = 0xffffff, enc_dst_ip = "fd00::/64", enc_src_ip = "10.0.0.1", enc_dst_port = 4789,
    enc_src_port = 4000, enc_tos = 4, enc_ttl = "0x5/0xf", l2tpv3_sid = 5, ct_state = "0xa/0xa", ct_zone = 4,
    ct_mark = "0x5/0x7", hash = 7, skip_hw = true,
    mpls = { { depth = 1, label = 7, tc = 2 }, { depth = 2, label = 8, bos = 1, ttl = 64 } },
  },
  -- words, masks and hexadecimal numbers of tc(8)'s own; l2tpv3_sid it doesn't know
  silent = { ip_tos = true, ip_flags = true, src_port = true, enc_tos = true, enc_ttl = true, ct_state = true,
    ct_mark = true, hash = true, eth_type = true, ppp_proto = true, enc_dst_ip = true, enc_src_ip = true,
    src_mac = true, enc_src_port = true, l2tpv3_sid = true, vlan_ethtype = true, cvlan_ethtype = true,
    tcp_flags = true, mpls = true },
  newer = { mpls = true, num_of_vlans = true, pppoe_sid = true, ppp_proto = true, l2tpv3_sid = true },
  skip = { actions = by_text, skip_sw = "needs hardware" },
})

tc.kinds("filter", cases, each_of(cases))

-- --- the kinds of actions, each option in the action of a u32 filter that takes all ---

local actions = {}

local function action(name, case)
  case.kind = name
  case.found = attrs.find_kind(attrs.find(attrs.kind("filter", "u32").rows, "actions").kinds, name)
  case.place = function(ns, i, self)
    local link = ns:link(self.name)
    if i == 0 then link:add_qdisc "clsact" end
    return { link = link, prio = i + 1, dev = self.name }
  end
  case.add = function(place, spec)
    place.link:add_filter { "u32", parent = "ingress", prio = place.prio, actions = { spec } }
  end
  case.get = function(place)
    return find(place.link:filters { parent = "ingress" }, { prio = place.prio }).actions[1]
  end
  case.del = function(place) place.link:del_filter { parent = "ingress", prio = place.prio } end
  case.theirs = function(list, place)
    for _, filter in ipairs(list) do
      if filter.dev == place.dev and filter.pref == place.prio and filter.options and filter.options.actions then
        return filter.options.actions[1]
      end
    end
  end
  case.read = case.read or {}
  case.read.action = case.read.action or "control_action.type"
  case.values = case.values or {}
  case.values.action = case.values.action or "continue"
  actions[#actions + 1] = case
end

action("gact", {
  base = function() return { action = "drop" } end,
  with = { random = { random_value = 5, random_action = "pass" },
    random_action = { random = "determ", random_value = 5 },
    random_value = { random = "netrand", random_action = "drop" } },
  values = { random = "netrand", random_action = "pipe", random_value = 7 },
  read = { random = "prob.random_type", random_action = "prob.control_action.type", random_value = "prob.val" },
})
action("mirred", {
  base = function() return { egress = "redirect", dev = "v0" } end,
  with = { ingress = { egress = tc.without } },
  values = { egress = "mirror", ingress = "redirect", dev = "v1", action = "pipe" },
  read = { egress = "mirred_action", ingress = "mirred_action", dev = "to_dev" },
})
action("police", {
  base = function() return { rate = 1000000, burst = 10240 } end,
  with = { peakrate = { mtu = 1500 }, pkts_rate = { rate = tc.without, burst = tc.without, pkts_burst = 50 },
    pkts_burst = { rate = tc.without, burst = tc.without, pkts_rate = 1000 } },
  values = { rate = 80000000000, burst = 20480, mtu = 1500, peakrate = 2000000, exceed = "drop", conform = "pipe",
    overhead = 4, mpu = 64, linklayer = "atm", pkts_rate = 1000, pkts_burst = 100 },
  -- tc(8) writes these as text only
  silent = { rate = true, burst = true, mtu = true, peakrate = true, exceed = true, conform = true, mpu = true,
    pkts_burst = true },
  skip = { avrate = "needs an estimator" },
})
action("skbedit", {
  base = function() return { priority = "1:1" } end,
  values = { priority = "1:10", queue_mapping = 3, mark = 5, mask = 15, ptype = "otherhost", inheritdsfield = true },
  with = { mask = { mark = 2 } },
  newer = { queue_mapping = true }, -- since Linux 6.2 only cards take it for what arrives
  read = { mask = function(data) return tonumber(data.mask, 16) end },
})
action("vlan", {
  base = function() return { mode = "push", id = 5 } end,
  with = { dst_mac = { mode = "push_eth", id = tc.without, src_mac = "02:00:00:00:00:09" },
    src_mac = { mode = "push_eth", id = tc.without, dst_mac = "02:00:00:00:00:09" } },
  values = { mode = "modify", id = 7, protocol = "802.1ad", priority = 3 },
  read = { mode = "vlan_action" },
})
action("csum", {
  base = function() return { iph = true } end,
  values = { iph = true, icmp = true, igmp = true, tcp = true, udp = true, udplite = true, sctp = true },
  silent = { iph = true, icmp = true, igmp = true, tcp = true, udp = true, udplite = true, sctp = true }, -- one text
})
action("tunnel_key", {
  base = function() return { mode = "set", id = 7, src_ip = "10.0.0.1", dst_ip = "10.0.0.2" } end,
  values = { mode = "unset", src_ip = "10.0.0.3", dst_ip = "10.0.0.4", id = 9, dst_port = 4789, tos = 4, ttl = 6,
    nocsum = true },
  with = { mode = { id = tc.without, src_ip = tc.without, dst_ip = tc.without } },
  read = { id = "key_id", nocsum = function(data) return data.flag == "nocsum" end },
})
action("connmark", { values = { zone = 5 } })
action("ct", {
  with = { force = { commit = true }, mark = { commit = true } },
  values = { commit = true, force = true, clear = true, nat = true, zone = 5, mark = "0x1/0x3" },
  silent = { commit = true, force = true, clear = true, nat = true, mark = true },
})
action("sample", { base = function() return { rate = 100, group = 5 } end,
  values = { rate = 50, trunc = 60, group = 6 }, read = { trunc = "trunc_size" } })
action("mpls", {
  base = function() return { mode = "push", protocol = "mpls_uc", label = 5 } end,
  values = { mode = "mac_push", protocol = "mpls_mc", label = 7, tc = 3, ttl = 6, bos = 1, action = "drop" },
  read = { mode = "mpls_action" },
})

tc.kinds("action", actions, each_of(actions))

-- --- what filters do ---

describe("a filter", function()
  local ns, link, peer

  before_each(function()
    ns = h.netns()
    link = ns:add_link { "v0", kind = "veth", peer = "v1", up = true, mac = "02:00:00:00:00:01" }
    peer = ns:link "v1"
    peer:set { up = true }
    link:add_addr "10.0.0.1/24"
    ns:add_neigh { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02" }
  end)

  local function send(count) ns:ping("10.0.0.2", { count = count, interval = 0.005, timeout = 0.01 }) end

  -- Adds a filter, or ends the test where the kernel lacks what it needs.
  local function add(on, spec)
    local ok, err = pcall(on.add_filter, on, spec)
    if ok then return end
    if type(err) == "table" and err.code == "ENOENT" then h.pending(err.hint) end
    error(err, 0)
  end

  local function hits(on, want)
    return find(on:filters { stats = true }, want).actions[1].stats.packets
  end

  it("of u32 takes the words of tc(8) for bytes", function()
    link:add_qdisc { "htb", handle = "1:" }
    link:add_class { "htb", parent = "1:", classid = "1:10", rate = "1mbit" }
    link:add_filter { "u32", prio = 1, protocol = "ip", src = "10.0.0.0/8", dst = "10.1.2.3", dport = 80,
      ip_proto = "tcp", tos = "0x10/0xfc", classid = "1:10" }
    link:add_filter { "u32", prio = 2, protocol = "ipv6", src = "fd00::/17", dport = "80/0xfff0", classid = "1:10" }
    ns:exec("tc filter add dev v0 parent 1: prio 3 protocol ip u32 match ip src 10.0.0.0/8 match ip dst 10.1.2.3 "
      .. "match ip dport 80 0xffff match ip protocol 6 0xff match ip tos 0x10 0xfc flowid 1:10")
    ns:exec("tc filter add dev v0 parent 1: prio 4 protocol ipv6 u32 match ip6 src fd00::/17 match ip6 dport 80 0xfff0 "
      .. "flowid 1:10")
    local function match(prio)
      local list = {}
      for i, entry in ipairs(find(link:filters(), { prio = prio }).match) do list[i] = entry end
      table.sort(list, function(a, b) return a.at < b.at end)
      return list
    end
    assert.same(match(3), match(1))
    assert.same(match(4), match(2))
    assert.equal("800::800", find(link:filters(), { prio = 1 }).handle)
    for _, record in ipairs(link:filters { prio = 1 }) do
      link:del_filter(record)
      link:add_filter(record)
    end
    assert.same(match(3), match(1))
    h.misuse("protocol", link.add_filter, link, { "u32", dport = 80, classid = "1:10" })
    h.misuse("from 0 to 65535", link.add_filter, link, { "u32", protocol = "ip", dport = 65536, classid = "1:10" })
    h.misuse("address or prefix", link.add_filter, link, { "u32", protocol = "ip", src = "fd00::1", classid = "1:10" })
  end)

  it("of u32 may go on in a hash table", function()
    link:add_qdisc { "htb", handle = "1:" }
    link:add_class { "htb", parent = "1:", classid = "1:10", rate = "1mbit" }
    local function fill(prio, table, more)
      link:add_filter { "u32", protocol = "ip", prio = prio, handle = table, divisor = 256 }
      link:add_filter { "u32", protocol = "ip", prio = prio, ht = table .. "6:", src = "10.0.0.6", classid = "1:10" }
      link:add_filter(more)
    end
    fill(1, "1:", { "u32", protocol = "ip", prio = 1, link = "1:", src = "10.0.0.0/24", hashkey_mask = 0xff,
      hashkey_at = 12, offset_mask = 0x0f00, offset_at = 0, offset_shift = 6, offset_plus = 4, eat = true })
    ns:exec("tc -b -", { input = [[
filter add dev v0 parent 1: prio 2 protocol ip handle 2: u32 divisor 256
filter add dev v0 parent 1: prio 2 protocol ip u32 ht 2:6: match ip src 10.0.0.6 flowid 1:10
filter add dev v0 parent 1: prio 2 protocol ip u32 link 2: hashkey mask 0xff at 12 match ip src 10.0.0.0/24 ]] ..
      "offset mask 0x0f00 at 0 shift 6 plus 4 eat\n" })
    local ours, theirs = link:filters { prio = 1 }, link:filters { prio = 2 }
    assert.same({ 3, "1:", "1:6:800" }, { #ours, ours[1].handle, ours[2].handle })
    assert.same({ 3, "2:", "2:6:800" }, { #theirs, theirs[1].handle, theirs[2].handle })
    for _, name in ipairs { "offset_mask", "offset_at", "offset_shift", "offset_plus", "eat", "hashkey_mask",
      "hashkey_at", "match" } do
      assert.is_true(ours[3][name] ~= nil or name == "offset_at", name) -- it is 0
      assert.same(theirs[3][name], ours[3][name], name)
    end
    assert.equal(3, link:flush_filters { prio = 1 })
    for _, record in ipairs(ours) do link:add_filter(record) end
    assert.same({ table.unpack(ours) }, { table.unpack(link:filters { prio = 1 }) })
    assert.equal(6, link:flush_filters())
  end)

  it("mirrors and redirects to another link", function()
    local other = ns:add_link { "b0", kind = "veth", peer = "b1", up = true }
    ns:link("b1"):set { up = true }
    local away = ns:add_link { "c0", kind = "veth", peer = "c1", up = true }
    ns:link("c1"):set { up = true }
    link:add_qdisc "clsact"
    add(link, { "u32", parent = "egress", prio = 1, protocol = "ip", dst = "10.0.0.2",
      actions = { { "mirred", egress = "mirror", dev = other }, { "mirred", egress = "redirect", dev = "c0" } } })
    local before = ns:links { name = "v1", stats = true }[1].stats.rx_packets
    send(5)
    local function seen(name) return ns:links({ name = name, stats = true })[1].stats.rx_packets end
    assert.is_true(seen "b1" >= 5)
    assert.is_true(seen "c1" >= 5)
    assert.is_true(seen "v1" - before < 5)
    assert.equal(5, hits(link, { prio = 1 }))
    local record = link:filters()[1]
    assert.same({ "egress", "mirror", "b0", "redirect", "c0" }, { record.parent, record.actions[1].egress,
      record.actions[1].dev, record.actions[2].egress, record.actions[2].dev })
    assert.is_nil(record.actions[1].stats)
    assert.equal("c0", away.name)
  end)

  it("drops what arrives, by fields and ranges", function()
    peer:add_qdisc "clsact"
    add(peer, { "flower", parent = "ingress", prio = 1, protocol = "ip", ip_proto = "udp", dst_port = "1000-2000",
      action = "drop" })
    add(peer, { "flower", parent = "ingress", prio = 2, protocol = "ip", ip_proto = "icmp", src_ip = "10.0.0.0/30",
      src_mac = "02:00:00:00:00:01", action = "drop" })
    local ports = find(peer:filters(), { prio = 1 })
    assert.same({ 1000, 2000, "ip", "udp" }, { ports.dst_port_min, ports.dst_port_max, ports.eth_type, ports.ip_proto })
    send(4)
    assert.equal(4, find(peer:filters { stats = true }, { prio = 2 }).actions[1].stats.drops)
    assert.equal(0, hits(peer, { prio = 1 }))
    local theirs = h.oracle(ns, "tc -j filter show dev v1 ingress")
    assert.same({ start = 1000, ["end"] = 2000 }, theirs[2].options.keys.dst_port)
  end)

  it("polices a rate", function()
    link:add_qdisc "clsact"
    add(link, { "matchall", parent = "egress",
      actions = { { "police", rate = "8kbit", burst = 2000, exceed = "drop" } } })
    ns:ping("10.0.0.2", { count = 10, interval = 0.001, size = 900, timeout = 0.01 })
    local stats = link:filters({ stats = true })[1].actions[1].stats
    assert.is_true(stats.drops >= 5 and stats.overlimits >= 5)
    assert.is_truthy(ns:exec("tc -s filter show dev v0 egress").out:find "police 0x%x+ rate 8Kbit burst 2000b")
  end)

  it("of fw, route and cgroup is what tc(8) says in words, for its JSON is none", function()
    link:add_qdisc { "htb", handle = "1:" }
    link:add_class { "htb", parent = "1:", classid = "1:10", rate = "1mbit" }
    add(link, { "fw", handle = 5, mask = 0xff, classid = "1:10", indev = "v1", prio = 1 })
    add(link, { "route", to = 5, from = 7, classid = "1:10", prio = 2 })
    add(link, { "route", to = 6, fromif = "v1", classid = "1:10", prio = 3 })
    local out = ns:exec("tc filter show dev v0").out
    assert.is_truthy(out:find "handle 0x5/0xff classid 1:10 input dev v1")
    assert.is_truthy(out:find "flowid 1:10 to 5 from 7")
    local list = {}
    for i, record in ipairs(link:filters()) do list[i] = record end
    assert.same({ 5, 255, "v1", "1:10" }, { list[1].handle, list[1].mask, list[1].indev, list[1].classid })
    assert.same({ 5, 7, 6, "v1" }, { list[2].to, list[2].from, list[3].to, list[3].fromif })
    for _, record in ipairs(list) do
      link:del_filter(record)
      link:add_filter(record)
    end
    assert.same(list, { table.unpack(link:filters()) })
  end)

  it("made by tc(8) is read, replaced and flushed", function()
    link:add_qdisc "clsact"
    ns:exec("tc filter add dev v0 ingress prio 7 protocol ip u32 match ip dst 10.0.0.0/24 "
      .. "action mirred ingress redirect dev v1")
    local record = link:filters()[1]
    assert.same({ "u32", 7, "ip", "ingress", "redirect", "v1", "stolen" }, { record.kind, record.prio, record.protocol,
      record.parent, record.actions[1].ingress, record.actions[1].dev, record.actions[1].action })
    assert.same({ { value = 0x0a000000, mask = 0xffffff00, at = 16 } }, record.match)
    record.actions[1].dev = "v0"
    link:replace_filter(record)
    assert.equal("v0", link:filters()[1].actions[1].dev)
    link:add_filter { "u32", parent = "egress", chain = 5, actions = { { "mirred", egress = "mirror", dev = "v1" } } }
    assert.equal(2, #link:filters())
    assert.equal(1, #link:filters { parent = "egress", chain = 5 })
    assert.equal(2, link:flush_filters())
    assert.equal(0, #link:filters())
  end)

  it("is refused with a remedy", function()
    assert.is_truthy(h.raised(link.add_filter, link,
      { "u32", parent = "ingress", actions = { { "mirred", egress = "redirect", dev = "v1" } } }).hint:find "clsact")
    link:add_qdisc "clsact"
    assert.is_truthy(h.refused("ENOENT", link.add_filter, link, { "nosuch", parent = "ingress" }).hint:find "nosuch")
    assert.is_truthy(h.refused("ENOENT", link.add_filter, link,
      { "u32", parent = "ingress", actions = { { "nosuch" } } }).hint:find "nosuch")
    assert.is_truthy(h.refused("ENOENT", link.del_filter, link, { parent = "ingress", prio = 9 }).hint:find "filters")
    h.misuse("prio is needed", link.del_filter, link, { parent = "ingress" })
    h.misuse("give one of them", link.add_filter, link, { "u32", action = "drop", actions = {} })
    h.misuse("action must be one of", link.add_filter, link, { "u32", parent = "ingress", action = "destroy" })
    h.misuse("did you mean 'egress'", link.add_filter, link,
      { "u32", parent = "ingress", actions = { { "mirred", egres = "mirror", dev = "v1" } } })
    h.misuse("a filter is a table", link.add_filter, link, "drop")
    h.misuse("an action is a table", link.add_filter, link, { "u32", actions = { 7 } })
    h.misuse("src_mac must be a MAC address", link.add_filter, link, { "flower", src_mac = "02:00" })
    h.misuse("ip_tos must be", link.add_filter, link, { "flower", ip_tos = "0x100/0xff" })
    h.misuse("dst_ip", link.add_filter, link, { "flower", protocol = "ip", dst_ip = "10.0.0.0/33" })
    assert.equal(0, #link:filters())
  end)
end)
