-- vlan_spec.lua - VLANs of bridges and ports, their options and spanning trees, and VNIs, against bridge(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local routers = { [0] = "off", "query", "on", "temp" }

-- A range of the oracle's as one entry each.
local function each(list, fn)
  for _, link in ipairs(list) do
    for _, e in ipairs(link.vlans or link.tunnels or link.vnis) do
      local first = e.vlan or e.vni
      for i = first, e.vlanEnd or e.vniEnd or first do fn(link.ifname, i, e, i - first) end
    end
  end
end

-- All VLANs as bridge(8) tells them, in our words: what two commands say in one.
local function theirs(ns)
  local out = ns:exec("bridge -j -d vlan show; bridge -j vlan tunnelshow").out
  local json = require "dkjson"
  local vlans, at = json.decode(out)
  local tunnels = json.decode(out, at)
  local all, n = {}, 0
  each(vlans, function(dev, vid, e)
    local record = { dev = dev, vid = vid, state = e.state, mcast_router = routers[e.mcast_router] }
    for _, flag in ipairs(e.flags or {}) do
      record[flag == "PVID" and "pvid" or "untagged"] = true
    end
    all[dev .. "/" .. vid] = record
    n = n + 1
  end)
  each(tunnels or {}, function(dev, vid, e, i) all[dev .. "/" .. vid].tunnel_id = e.tunid + i end)
  return all, n
end

-- What this bridge(8) doesn't know yet.
local newer = { neigh_suppress = true, mcast_max_groups = true, mcast_n_groups = true, msti = true,
  mcast_querier_state = true }

local function same(ns)
  local all, n = theirs(ns)
  local ours = ns:vlans()
  assert.equal(n, #ours)
  for _, record in ipairs(ours) do
    local say = assert(all[record.dev .. "/" .. record.vid])
    for _, row in ipairs(oracle.table_of("bridge_vlan").rows) do
      if not newer[row.key] then assert.equal(say[row.key], record[row.key], record.dev .. " " .. row.key) end
    end
  end
end

local lacks = oracle.lack_of_vlans()

if lacks then
  describe("the VLANs of bridges", function()
    it("are there", function()
      local ns = h.netns()
      local br = ns:add_link { "br0", kind = "bridge" }
      local err = h.refused("EOPNOTSUPP", br.add_vlan, br, 10)
      assert.is_truthy(err.hint:find "CONFIG_BRIDGE_VLAN_FILTERING")
      assert.same({}, { table.unpack(br:vlans()) })
      h.pending(lacks)
    end)
  end)
end

local described = lacks and function() end or describe

described("the VLANs of bridges", function()
  local ns, br, port
  local made, refused = {}, {}

  -- A value of each key; every one gets a VLAN of its own.
  local values = {
    vid = 100, pvid = true, untagged = true, only_opts = true, state = "blocking", tunnel_id = 1000,
    tunnel_cmd = "del", mcast_router = "on", mcast_max_groups = 7, neigh_suppress = true,
  }
  local rows = {}
  for _, row in ipairs(oracle.table_of("bridge_vlan").rows) do
    if not row.readonly and row.key ~= "dev" then rows[#rows + 1] = row end
  end

  setup(function()
    ns = netns.add(h.name "vlan")
    br = ns:add_link { "br0", kind = "bridge", vlan_filtering = true, mcast_vlan_snooping = true,
      vlan_stats_enabled = true, up = true }
    for i = 0, 1 do
      ns:add_link { "p" .. i, kind = "veth", master = br, up = true, port = { vlan_tunnel = true },
        peer = { "e" .. i, up = true } }
    end
    port = ns:link "p0"
    pcall(port.set, port, { port = { neigh_vlan_suppress = true } })
    for i, row in ipairs(rows) do
      local value = assert(values[row.key] ~= nil and values[row.key], "say how this key is tried: " .. row.key)
      local spec = { vid = 100 + i, [row.key] = value }
      if row.key == "vid" or row.key == "only_opts" then port:add_vlan(spec.vid) end
      local ok, err = pcall(port.add_vlan, port, spec)
      if ok then
        made[row.key] = port:vlans(spec.vid)[1]
      else
        refused[row.key] = err
      end
    end
  end)
  teardown(function() ns:del() end)

  it("have all their options, as bridge(8) says", function()
    same(ns)
    local newest = {}
    for _, row in ipairs(rows) do
      local err = refused[row.key]
      if err then
        assert(err.extack and err.extack:find "^Unknown attribute", tostring(err))
        newest[#newest + 1] = row.key
      elseif not row.writeonly then
        assert.equal(values[row.key], made[row.key][row.key], row.key)
      end
    end
    if #newest > 0 then h.pending("this kernel doesn't know " .. table.concat(newest, ", ")) end
  end)

  it("are read as bridge(8) sets them, in ranges too", function()
    ns:exec("set -e; bridge vlan add vid 200-203 dev p0 untagged; bridge vlan add vid 204 dev p1 pvid untagged; "
      .. "bridge vlan add vid 205 dev br0 self; bridge vlan set vid 200-201 dev p0 state learning; "
      .. "bridge vlan add vid 206-208 dev p0; "
      .. "bridge vlan add vid 206-208 dev p0 tunnel_info id 5000-5002; bridge vlan del vid 203 dev p0")
    same(ns)
    assert.same({ "learning", "learning", "forwarding" }, { port:vlans(200)[1].state, port:vlans(201)[1].state,
      port:vlans(202)[1].state })
    assert.equal(5002, port:vlans(208)[1].tunnel_id)
    assert.equal(2, #port:vlans "206-207")
    assert.equal(1, #br:vlans(205))
    assert.is_true(ns:link("p1"):vlans { pvid = true }[1].untagged)
  end)

  it("change, come from their records and go", function()
    port:add_vlan { "300-305", untagged = true, tunnel_id = 3000 }
    port:set_vlan { "301-302", state = "blocking" }
    port:set_vlan { 303, tunnel_id = false }
    port:add_vlan(305)
    local seen = {}
    for i, record in ipairs(port:vlans "300-305") do
      seen[i] = ("%d %s %s %s"):format(record.vid, record.untagged, record.state, record.tunnel_id)
    end
    assert.same({ "300 true forwarding 3000", "301 true blocking 3001", "302 true blocking 3002",
      "303 true forwarding nil", "304 true forwarding 3004", "305 nil forwarding 3005" }, seen)
    h.refused("ENOENT", port.set_vlan, port, { 999, state = "blocking" })
    br:add_vlan { "300-301" }
    local function settable(link)
      local records = link:vlans()
      for _, record in ipairs(records) do record.mcast_n_groups = nil end
      return records
    end
    local before = { settable(port), settable(br) }
    assert.equal(#before[1], port:flush_vlans())
    assert.equal(#before[2], br:flush_vlans())
    assert.equal(0, #port:vlans() + #br:vlans())
    for i, link in ipairs { port, br } do
      for _, record in ipairs(before[i]) do link:add_vlan(record) end
    end
    assert.same(before, { settable(port), settable(br) })
    same(ns)
    port:del_vlan "300-304"
    port:del_vlan(port:vlans(305)[1])
    assert.equal(0, #port:vlans "300-305")
  end)

  it("keep frames apart, and are counted", function()
    local left, right = ns:link "p0", ns:link "p1"
    local a, b = h.netns(), h.netns()
    for i, host in ipairs { a, b } do
      local e = ns:link("e" .. i - 1)
      e:set { netns = host, up = true }
      host:link("e" .. i - 1):add_addr("10.3.0." .. i .. "/24")
    end
    left:add_vlan { 10, pvid = true, untagged = true }
    right:add_vlan { 20, pvid = true, untagged = true }
    assert.is_false(a:reaches("10.3.0.2", { timeout = 0.3 }))
    right:add_vlan { 10, pvid = true, untagged = true }
    assert.is_true(a:reaches "10.3.0.2")
    assert.is_true(left:vlans { 10, stats = true }[1].stats.rx_packets > 0)
    assert.is_nil(left:vlans(10)[1].stats)
    left:add_fdb { "02:00:00:00:00:99", vlan = 10 }
    assert.equal(10, left:fdb "02:00:00:00:00:99"[1].vlan)
  end)

  it("have options of the bridge as a whole", function()
    local other = ns:add_link { "br1", kind = "bridge", vlan_filtering = true, vlan_default_pvid = 0,
      mst_enabled = true, mcast_vlan_snooping = true }
    other:add_vlan "10-14"
    other:add_vlan "20-25"
    local want = { "10-12", mcast_snooping = false, mcast_querier = true, mcast_igmp_version = 3,
      mcast_mld_version = 2, msti = 3 }
    local begins = other:vlan_globals "10-14"[1]
    assert.equal("10-14", begins.vid)
    local global = oracle.table_of "bridge_vlan_global"
    for _, row in ipairs(h.settable(global.rows)) do
      if want[row.key] == nil and row.key ~= "vid" and row.key ~= "dev" then
        want[row.key] = oracle.other(row, begins[row.key])
      end
    end
    other:set_vlan_global(want)
    local record = other:vlan_globals "10-12"[1]
    local all = {}
    each(h.oracle(ns, "bridge -j vlan global show dev br1"), function(_, vid, e) all[vid] = e end)
    for _, row in ipairs(h.settable(global.rows)) do
      if row.key ~= "vid" and row.key ~= "dev" then
        if row.type == "seconds" then
          assert.near(want[row.key], record[row.key], 1e-9, row.key)
        else
          assert.equal(want[row.key], record[row.key] or false, row.key)
        end
        if not newer[row.key] then assert(oracle.same(row, want[row.key], all[11][row.key]), row.key) end
      end
    end
    record.vid = "20-25"
    other:set_vlan_global(record)
    assert.equal(2, other:vlan_globals "20-25"[1].mcast_mld_version)
    h.refused("ENOENT", other.set_vlan_global, other, { 99, mcast_querier = true })

    local p = ns:add_link { "p9", kind = "veth", peer = "e9", master = other }
    p:add_vlan "10-14"
    p:set_mst { 3, state = "blocking" }
    assert.equal("blocking", p:msts(3)[1].state)
    assert.not_equal("blocking", p:vlans(13)[1].state)
    assert.equal("blocking", p:vlans(11)[1].state)
    p:set_mst(p:msts(3)[1])
    h.misuse("state", p.set_mst, p, 3)
    h.misuse("1 to 4094", p.set_mst, p, { 0, state = "blocking" })
  end)

  it("are options of a bridge", function()
    local link = ns:add_link { "br2", kind = "bridge", vlan_filtering = true, vlan_protocol = "802.1ad",
      vlan_default_pvid = 7, vlan_stats_enabled = true, vlan_stats_per_port = true, mcast_vlan_snooping = true }
    local data = h.oracle(ns, "ip -j -d link show dev br2")[1].linkinfo.info_data
    assert.same({ 1, "802.1ad", 7, 1, 1, 1 }, { data.vlan_filtering, data.vlan_protocol, data.vlan_default_pvid,
      data.vlan_stats_enabled, data.vlan_stats_per_port, data.mcast_vlan_snooping })
    local record = link:record()
    link:del()
    local again = ns:add_link(record)
    for _, row in ipairs(h.settable(oracle.table_of("bridge").rows)) do
      assert.equal(record[row.key], again[row.key], row.key)
    end
    assert.equal(7, again:vlans()[1].vid)
    again:set { mcast_vlan_snooping = false, vlan_filtering = false, vlan_protocol = "802.1Q" }
    assert.same({ false, "802.1Q" }, { again.vlan_filtering, again.vlan_protocol })
  end)

  it("belong to bridges and their ports only", function()
    local free = ns:add_link { "v0", kind = "veth", peer = "v1" }
    local err = h.refused("EINVAL", free.add_vlan, free, 10)
    assert.is_truthy(err.hint:find "master")
    assert.equal("vlan add", err.op)
  end)
end)

describe("a VLAN", function()
  it("is refused when it is none, before the kernel is asked", function()
    local ns = h.netns()
    local br = ns:add_link { "br0", kind = "bridge" }
    for _, bad in ipairs { 0, 4095, -1, "20-10", "1-4095", "10-", "-10", "10-20-30", "ten", "10,20", "", " 10",
      "1e1" } do
      h.misuse("1 to 4094", br.add_vlan, br, bad)
      h.misuse("1 to 4094", br.del_vlan, br, { bad })
    end
    h.misuse("a VLAN is a number", br.add_vlan, br, true)
    h.misuse("a VLAN is a number", br.add_vlan, br, 1.5)
    h.misuse("number is needed", br.add_vlan, br, { pvid = true })
    h.misuse("only [1]", br.add_vlan, br, { 10, 20 })
    h.misuse("true or false", br.add_vlan, br, { 10, pvid = 1 })
    h.misuse("'disabled', 'listening'", br.add_vlan, br, { 10, state = "on" })
    h.misuse("16777215", br.add_vlan, br, { 10, tunnel_id = 1 << 24 })
    h.misuse("did you mean 'untagged'", br.add_vlan, br, { 10, untaged = true })
    h.misuse("add_vlan", br.set_vlan, br, { 10, pvid = true })
    h.misuse("2 to 3", br.set_vlan_global, br, { 10, mcast_igmp_version = 1 })
    h.misuse("did you mean 'mcast_querier'", br.set_vlan_global, br, { 10, mcast_queryer = true })
    h.misuse("vlans takes", br.vlans, br, true)
  end)
end)

describe("the VNIs of a vxlan", function()
  local ns, link

  setup(function()
    ns = netns.add(h.name "vni")
    local ok, err = pcall(ns.add_link, ns, { "x0", kind = "vxlan", external = true, vnifilter = true, dstport = 4789 })
    if ok then link = err end
  end)
  teardown(function() ns:del() end)

  local function compare()
    local n = 0
    each(h.oracle(ns, "bridge -j vni show"), function(dev, vni, e)
      local record = assert(h.find(link:vnis(), { dev = dev, vni = vni }))
      assert.equal(e.remote or e.group, record.remote)
      n = n + 1
    end)
    assert.equal(n, #link:vnis())
  end

  it("are what bridge(8) shows", function()
    if not link then h.pending "this kernel's vxlan has no vnifilter" end
    link:add_vni(100)
    link:add_vni "200-210"
    link:add_vni { 300, remote = "10.0.0.1" }
    compare()
    ns:exec "bridge vni add vni 400-402 dev x0; bridge vni add vni 500 remote 10.0.0.2 dev x0"
    compare()
    link:del_vni "203-205"
    compare()
    assert.same({ "10.0.0.2", 3 }, { link:vnis(500)[1].remote, #link:vnis "206-208" })
    assert.equal(0, link:vnis({ 500, stats = true })[1].stats.rx_packets)
    local before = link:vnis()
    for _, record in ipairs(before) do link:del_vni(record) end
    assert.equal(0, #link:vnis())
    for _, record in ipairs(before) do link:add_vni(record) end
    assert.same(before, link:vnis())
  end)

  it("are refused when they are none", function()
    if not link then h.pending "this kernel's vxlan has no vnifilter" end
    h.refused("ENOENT", link.del_vni, link, 7)
    h.misuse("0 to 16777215", link.add_vni, link, 1 << 24)
    h.misuse("0 to 16777215", link.add_vni, link, "9-8")
    h.misuse("remote", link.add_vni, link, { 9, remote = "here" })
    local lo = ns:link "lo"
    assert.is_truthy(h.refused("EINVAL", lo.add_vni, lo, 7).hint:find "vnifilter")
  end)
end)
