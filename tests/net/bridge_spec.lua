-- bridge_spec.lua - bridges: every option of them and of their ports, ports and fdb, against ip(8) and bridge(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local bridge = oracle.table_of "bridge"
-- Those of VLANs, where this kernel has none; vlan_spec tells so.
local function vlan_keys()
  local lacks, skip = oracle.lack_of_vlans(), {}
  for _, row in ipairs(bridge.rows) do
    if lacks and (row.key:find "vlan" or row.key == "mst_enabled") then skip[row.key] = true end
  end
  return skip
end

-- Newer than this iproute2.
local newer = {
  mst_enabled = true, mdb_offload_fail_notification = true, fdb_local_vlan_0 = true, fdb_max_learned = true,
  fdb_n_learned = true, mcast_n_groups = true, mcast_max_groups = true, neigh_vlan_suppress = true,
  backup_nhid = true, mab = true, stp_mode = true,
}

local routers = { [0] = "off", "query", "on", "temp" }

describe("a bridge", function()
  local ns, br

  setup(function()
    ns = netns.add(h.name "br")
    br = ns:add_link { "br0", kind = "bridge" }
  end)
  teardown(function() ns:del() end)

  local function info(dev) return h.oracle(ns, "ip -j -d link show dev " .. dev)[1].linkinfo end

  oracle.each(bridge.rows, {
    get = function() return br:record() end,
    set = function(spec)
      if spec.mcast_vlan_snooping then spec.vlan_filtering = true end -- the one needs the other
      br:set(spec)
    end,
    theirs = function() return info("br0").info_data end,
    values = { group_fwd_mask = 8, group_address = "01:80:c2:00:00:04", mcast_hash_max = 8192, hello_time = 3.5,
      mcast_query_interval = 60.25, vlan_protocol = "802.1ad" },
    names = { stp = "stp_state", group_address = "group_addr" },
    silent = newer,
    skip = vlan_keys(),
    fixed = { mcast_hash_elasticity = 16 }, -- the kernel takes it and does nothing
    words = { mcast_router = routers },
  })

  it("reads the rest as ip(8) does", function()
    local data, record = info("br0").info_data, br:record()
    for _, row in ipairs(bridge.rows) do
      if row.readonly and record[row.key] ~= nil and not newer[row.key] and row.key ~= "mcast_querier_state" then
        assert(oracle.same(row, record[row.key], data[row.key]), row.key)
      end
    end
  end)

  it("is read as ip(8) sets it", function()
    ns:exec("ip link add br3 type bridge forward_delay 400 hello_time 100 max_age 600 ageing_time 6000 stp_state 1 "
      .. "priority 4096 group_fwd_mask 8 group_address 01:80:c2:00:00:04 no_linklocal_learn 1 mcast_snooping 0 "
      .. "mcast_router 2 mcast_query_use_ifaddr 1 mcast_querier 1 mcast_hash_max 512 mcast_last_member_count 3 "
      .. "mcast_startup_query_count 4 mcast_last_member_interval 200 mcast_membership_interval 300 "
      .. "mcast_querier_interval 400 mcast_query_interval 500 mcast_query_response_interval 600 "
      .. "mcast_startup_query_interval 700 mcast_stats_enabled 1 mcast_igmp_version 3 mcast_mld_version 2")
    local record = ns:link("br3"):record()
    for key, want in pairs { forward_delay = 4, hello_time = 1, max_age = 6, ageing_time = 60, stp = true,
      priority = 4096, group_fwd_mask = 8, group_address = "01:80:c2:00:00:04", no_linklocal_learn = true,
      mcast_snooping = false, mcast_router = "on", mcast_query_use_ifaddr = true, mcast_querier = true,
      mcast_hash_max = 512, mcast_last_member_count = 3, mcast_startup_query_count = 4, mcast_last_member_interval = 2,
      mcast_membership_interval = 3, mcast_querier_interval = 4, mcast_query_interval = 5,
      mcast_query_response_interval = 6, mcast_startup_query_interval = 7, mcast_stats_enabled = true,
      mcast_igmp_version = 3, mcast_mld_version = 2 } do
      assert.equal(want, record[key], key)
    end
    ns:link("br3"):del()
  end)

  it("is made with all its options at once", function()
    local spec = { "br1", kind = "bridge", stp = true, priority = 4096, forward_delay = 4, hello_time = 1, max_age = 6,
      ageing_time = 60, mcast_snooping = false, mcast_router = "off", group_fwd_mask = 8, mac = "02:00:00:00:00:b1",
      mtu = 1400, up = true, alias = "all of it", txqlen = 7, mcast_last_member_interval = 0.5 }
    local link = ns:add_link(spec)
    local record, theirs = link:record(), info("br1").info_data
    for key, value in pairs(spec) do
      if type(key) == "string" then assert.equal(value, record[key], key) end
    end
    assert.same({ 1, 4096, 400, 100, 600, 6000, 0, 50 }, { theirs.stp_state, theirs.priority, theirs.forward_delay,
      theirs.hello_time, theirs.max_age, theirs.ageing_time, theirs.mcast_snooping, theirs.mcast_last_member_intvl })
    link:del()
  end)

  it("is made again from its record", function()
    local link = ns:add_link { "br2", kind = "bridge", priority = 8192, ageing_time = 10, mcast_querier = true }
    local record = link:record()
    link:del()
    local again = ns:add_link(record):record()
    for _, row in ipairs(h.settable(bridge.rows)) do assert.equal(record[row.key], again[row.key], row.key) end
    assert.same({ record.mac, record.mtu, record.txqlen }, { again.mac, again.mtu, again.txqlen })
    ns:link("br2"):del()
  end)

  it("refuses what the kernel or the table does not allow", function()
    h.misuse("priority", br.set, br, { priority = 65536 })
    h.misuse("stp", br.set, br, { stp = "yes" })
    h.misuse("did you mean 'ageing_time'", br.set, br, { ageing_tiem = 3 })
    h.misuse("bridge_id", br.set, br, { bridge_id = "8000.02:00:00:00:00:01" })
    h.refused("EINVAL", br.set, br, { group_fwd_mask = 1 })
    h.refused("EINVAL", br.set, br, { group_address = "02:00:00:00:00:01" })
    local before = br:record()
    br:set { stp = true }
    h.refused("ERANGE", br.set, br, { max_age = 7, hello_time = 100 })
    br:set { stp = false, max_age = before.max_age, hello_time = before.hello_time }
    assert.equal(before.hello_time, br.hello_time)
  end)

  it("puts back what a half-failed change has changed", function()
    br:set { stp = true }
    local before = br:record()
    h.refused("ERANGE", br.set, br, { mtu = 1300, alias = "half", hello_time = 100 })
    local after = br:record()
    for _, key in ipairs { "mtu", "alias", "hello_time" } do assert.equal(before[key], after[key], key) end
    br:set { stp = false }
  end)
end)

describe("a spanning tree", function()
  it("has one root, and one port less where two bridges have two links", function()
    local ns = h.netns()
    for i = 0, 1 do
      ns:add_link { "br" .. i, kind = "bridge", stp = true, priority = 4096 * (i + 1), forward_delay = 2,
        hello_time = 1, max_age = 6, mac = ("02:00:00:00:00:b%d"):format(i) }
    end
    for i = 0, 1 do
      ns:add_link { "a" .. i, kind = "veth", master = "br0", up = true,
        peer = { "b" .. i, up = true, master = "br1" } }
    end
    for i = 0, 1 do ns:link("br" .. i):set { up = true } end
    local root, other = ns:link "br0", ns:link "br1"
    assert(h.eventually(function() return ns:link("b1").port.state == "blocking" end, 6))
    assert.same({ "1000.02:00:00:00:00:b0", "1000.02:00:00:00:00:b0", "2000.02:00:00:00:00:b1" },
      { root.root_id, other.root_id, other.bridge_id })
    assert.same({ 0, 1, 2 }, { root.root_port, other.root_port, other.root_path_cost })
    local port = ns:link("b0").port
    assert.same({ "1000.02:00:00:00:00:b0", "1000.02:00:00:00:00:b0", 0, 1, 0x8001 }, { port.root_id,
      port.designated_bridge, port.designated_cost, port.no, port.id })
    local says = h.oracle(ns, "ip -j -d link show type bridge_slave")
    for _, link in ipairs(says) do
      local theirs, ours = link.linkinfo.info_slave_data, ns:link(link.ifname).port
      assert.same({ theirs.state, theirs.cost, theirs.designated_cost, tonumber(theirs.id), tonumber(theirs.no) },
        { ours.state, ours.cost, ours.designated_cost, ours.id, ours.no })
    end
    for _, name in ipairs { "br0", "br1" } do
      local theirs = h.oracle(ns, "ip -j -d link show dev " .. name)[1].linkinfo.info_data
      local ours = ns:link(name):record()
      assert.same({ theirs.root_port, theirs.root_path_cost }, { ours.root_port, ours.root_path_cost })
    end
  end)
end)

describe("a bridge's port", function()
  local ns, br, port

  setup(function()
    ns = netns.add(h.name "port")
    br = ns:add_link { "br0", kind = "bridge", up = true }
    port = ns:add_link { "p0", kind = "veth", master = br, up = true, peer = { "e0", up = true } }
    ns:add_link { "p1", kind = "veth", master = br, up = true, peer = { "e1", up = true } }
    -- the carrier's coming sets the state
    assert(h.eventually(function()
      return port.port.state == "forwarding" and ns:link "p1".port.state == "forwarding"
    end))
  end)
  teardown(function() ns:del() end)

  local function theirs(dev) return h.oracle(ns, "bridge -j -d link show dev " .. dev)[1] end

  -- bridge(8) leaves some out that ip(8) has
  local by_ip = { proxy_arp = true, proxy_arp_wifi = true, group_fwd_mask = true }

  oracle.each(bridge.port_rows, {
    get = function() return port.port end,
    set = function(spec)
      if spec.mab ~= nil then spec.locked = spec.mab end -- the one needs the other
      port:set { port = spec }
    end,
    theirs = function(key)
      if by_ip[key] then return h.oracle(ns, "ip -j -d link show dev p0")[1].linkinfo.info_slave_data end
      return theirs "p0"
    end,
    values = { group_fwd_mask = 8, state = "disabled", backup_port = "p1" },
    names = {},
    silent = setmetatable({ mcast_eht_hosts_limit = true }, { __index = newer }), -- not told by bridge(8)
    words = { mcast_router = routers },
    absent = true,
    newer = newer,
  })

  it("reads the rest as ip(8) does", function()
    local data, record = h.oracle(ns, "ip -j -d link show dev p0")[1].linkinfo.info_slave_data, port.port
    local names = { designated_bridge = "bridge_id" }
    for _, row in ipairs(bridge.port_rows) do
      local value = data[names[row.key] or row.key]
      if row.readonly and value ~= nil then
        if type(value) == "string" and value:find "^0x" then value = math.tointeger(tonumber(value)) end
        assert(oracle.same(row, record[row.key], value), row.key)
      end
    end
  end)

  it("is read as bridge(8) and ip(8) set it", function()
    local link = ns:add_link { "p8", kind = "veth", master = br, peer = "e8" }
    ns:exec("bridge link set dev p8 cost 9 priority 5 guard on hairpin on fastleave on root_block on learning off "
      .. "flood off mcast_router 2 mcast_flood off bcast_flood off mcast_to_unicast on neigh_suppress on "
      .. "vlan_tunnel on isolated on locked on backup_port p1 && "
      .. "ip link set dev p8 type bridge_slave group_fwd_mask 8 proxy_arp on proxy_arp_wifi on")
    local options = link.port
    for key, want in pairs { cost = 9, priority = 5, guard = true, hairpin = true, fastleave = true, root_block = true,
      learning = false, flood = false, mcast_router = "on", mcast_flood = false, bcast_flood = false,
      mcast_to_unicast = true, neigh_suppress = true, vlan_tunnel = true, isolated = true, locked = true,
      backup_port = "p1", group_fwd_mask = 8, proxy_arp = true, proxy_arp_wifi = true } do
      assert.equal(want, options[key], key)
    end
    local record = link:record()
    link:del()
    local again = ns:add_link(record)
    for _, row in ipairs(h.settable(bridge.port_rows)) do
      if row.key ~= "state" then assert.equal(options[row.key], again.port[row.key], row.key) end
    end
    again:del()
  end)

  it("is listed with its state and options", function()
    local ports = br:ports()
    assert.same({ "p0", "p1" }, { ports[1].name, ports[2].name })
    for i, name in ipairs { "p0", "p1" } do
      assert.equal("br0", ports[i].master)
      local say = theirs(name)
      for key, value in pairs(say) do
        if type(value) == "boolean" or key == "state" or key == "cost" or key == "priority" then
          assert.equal(value, ports[i].port[key], key)
        end
      end
    end
  end)

  it("is born with its options, and leaves", function()
    local link = ns:add_link { "p2", kind = "veth", master = "br0", peer = "e2", port = { cost = 77, isolated = true } }
    assert.same({ 77, true }, { theirs("p2").cost, theirs("p2").isolated })
    assert.equal(br, link.master)
    assert.equal("bridge", link.port_kind)
    link:set { master = false }
    assert.is_nil(link.master)
    assert.is_nil(link.port)
    assert.is_nil(h.oracle(ns, "ip -j link show dev p2")[1].master)
    link:set { master = br, port = { cost = 5 } }
    assert.equal(5, theirs("p2").cost)
    link:del()
  end)

  it("refuses what it can't have", function()
    h.misuse("cost", port.set, port, { port = { cost = 0 } })
    h.misuse("did you mean 'isolated'", port.set, port, { port = { isolatd = true } })
    local free = ns:link "e0"
    h.misuse("master", free.set, free, { port = { cost = 3 } })
    h.refused("ELOOP", br.set, br, { master = br })
    local other = ns:add_link { "br9", kind = "bridge" }
    h.refused("ELOOP", other.set, other, { master = br })
    h.refused("ENODEV", free.set, free, { master = "nobody" })
    other:del()
  end)

  it("leaves nothing when its options fail at birth", function()
    h.raised(ns.add_link, ns, { "p3", kind = "veth", master = "br0", peer = "e3", port = { backup_port = "p3" } })
    assert.is_nil(ns:find_link "p3")
    assert.is_nil(ns:find_link "e3")
  end)
end)
