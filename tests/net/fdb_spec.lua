-- fdb_spec.lua - forwarding databases of bridges, ports and vxlan links, against bridge(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local rows = oracle.table_of("fdb").rows

-- What bridge(8) says, in our words.
local function theirs(ns, what)
  local list = {}
  for _, e in ipairs(h.oracle(ns, "bridge -j -d -s fdb show " .. (what or ""))) do
    local dev = what and what:match "^dev (%S+)"
    local entry = { mac = e.mac, dev = e.ifname or dev, state = e.state == "" and "dynamic" or e.state,
      master = e.master, vlan = e.vlan, dst = e.dst, port = e.port, vni = e.vni, src_vni = e.src_vni, via = e.viaIf,
      nhid = e.nhid, used = e.used, updated = e.updated }
    for _, flag in ipairs(e.flags or {}) do entry[flag] = true end
    list[#list + 1] = entry
  end
  return list
end

local function lines(list)
  local out = {}
  for _, entry in ipairs(list) do
    local words = {}
    for _, row in ipairs(rows) do
      if not row.readonly then words[#words + 1] = row.key .. "=" .. tostring(entry[row.key]) end
    end
    out[#out + 1] = table.concat(words, " ")
  end
  table.sort(out)
  return out
end

local function same(ns, what, list) assert.same(lines(theirs(ns, what)), lines(list())) end

local mac = "02:00:00:00:00:01"

describe("the forwarding database", function()
  local ns, br, port, tunnel

  setup(function()
    ns = netns.add(h.name "fdb")
    -- with VLANs an entry would be made for each of them, too
    br = ns:add_link { "br0", kind = "bridge", up = true, vlan_default_pvid = 0 }
    for i = 0, 1 do
      ns:add_link { "p" .. i, kind = "veth", master = br, up = true,
        peer = { "e" .. i, up = true, mac = ("02:00:00:00:00:e%d"):format(i) } }
    end
    port = ns:link "p0"
    tunnel = ns:add_link { "x0", kind = "vxlan", id = 7, dstport = 4789 }
    ns:add_link { "x1", kind = "vxlan", external = true, dstport = 4790 }
  end)
  teardown(function() ns:del() end)

  -- Where each key is tried, and in what company; what stands by itself is tried on a bridge's port.
  local tries = {
    mac = { "p0", mac },
    state = { "p0", "dynamic" }, sticky = { "p0", true }, extern_learn = { "p0", true }, use = { "p0", true },
    dev = { "br0", "p1" }, master = { "p0", "br0" }, self = { "p0", true }, vlan = { "p0", 10 },
    dst = { "x0", "10.0.0.9" }, port = { "x0", 4791, { dst = "10.0.0.9" } }, vni = { "x0", 8, { dst = "10.0.0.9" } },
    via = { "x0", "p1", { dst = "10.0.0.9" } }, router = { "x0", true, { dst = "10.0.0.9" } },
    src_vni = { "x1", 9, { dst = "10.0.0.9", vni = 9 } }, nhid = { "x0", 40 },
  }

  local no_vlans = oracle.lack_of_vlans()

  for _, row in ipairs(rows) do
    if not row.readonly and not (row.key == "vlan" and no_vlans) then
      it("takes " .. row.key .. ", tells it, and takes its record back", function()
        local try = assert(tries[row.key], "say how this key is tried")
        local link = ns:link(try[1])
        local entry = { mac = mac }
        for key, value in pairs(try[3] or {}) do entry[key] = value end
        entry[row.key] = try[2]
        if row.key == "nhid" then
          ns:exec "ip nexthop add id 4 via 10.0.0.9 fdb && ip nexthop add id 40 group 4 fdb"
        elseif row.key == "vlan" then
          br:set { vlan_filtering = true }
          port:add_vlan(10)
        end
        link:add_fdb(entry)
        local record = assert(h.find(link:fdb { mac = mac }, { vlan = row.key == "vlan" and 10 or nil }))
        if not row.writeonly then assert.equal(try[2], record[row.key]) end
        h.settles(same, ns, "dev " .. record.dev, function() return ns:fdb { dev = record.dev } end)
        -- what another program learned may be told again
        if row.key ~= "extern_learn" and row.key ~= "use" then h.refused("EEXIST", link.add_fdb, link, record) end
        link:replace_fdb(record)
        link:del_fdb(record)
        assert.equal(0, #link:fdb(mac))
        h.refused("ENOENT", link.del_fdb, link, record)
        link:add_fdb(record)
        assert.same(lines { record }, lines(link:fdb(mac)))
        assert.equal(1, link:flush_fdb { mac = mac })
        if row.key == "vlan" then
          port:del_vlan(10)
          br:set { vlan_filtering = false }
        end
      end)
    end
  end

  it("of a port means its bridge, of the bridge itself and of a tunnel their own", function()
    port:add_fdb(mac)
    assert.same({ "br0", "static" }, { port:fdb(mac)[1].master, port:fdb(mac)[1].state })
    port:add_fdb { mac, self = true }
    assert.equal(2, #port:fdb(mac))
    port:del_fdb { mac, self = true }
    port:del_fdb { mac, master = true }
    br:add_fdb(mac)
    assert.same({ "br0", "br0", "permanent" }, { br:fdb(mac)[1].dev, br:fdb(mac)[1].master, br:fdb(mac)[1].state })
    br:del_fdb(br:fdb(mac)[1])
    ns:link("e0"):add_fdb(mac)
    assert.is_true(ns:link("e0"):fdb(mac)[1].self)
    ns:link("e0"):del_fdb(mac)
    tunnel:set { master = br }
    tunnel:add_fdb { mac, dst = "10.0.0.9" }
    tunnel:add_fdb(mac)
    same(ns, "dev x0", function() return tunnel:fdb() end)
    assert.is_nil(h.find(tunnel:fdb(mac), { dst = "10.0.0.9" }).master)
    assert.equal("static", h.find(tunnel:fdb(mac), { master = "br0" }).state)
    assert.equal(2, tunnel:flush_fdb { mac = mac })
    tunnel:set { master = false }
  end)

  it("has several ends of a tunnel for one address", function()
    tunnel:add_fdb { "00:00:00:00:00:00", dst = "10.0.0.1" }
    tunnel:add_fdb { "00:00:00:00:00:00", dst = "10.0.0.2", append = true }
    tunnel:add_fdb { "00:00:00:00:00:00", dst = "10.0.0.3", append = true, vni = 3 }
    same(ns, "dev x0", function() return tunnel:fdb() end)
    tunnel:del_fdb { "00:00:00:00:00:00", dst = "10.0.0.2" }
    assert.equal(2, #tunnel:fdb "00:00:00:00:00:00")
    assert.equal(1, tunnel:flush_fdb { dst = "10.0.0.1" })
    assert.equal("10.0.0.3", tunnel:fdb()[1].dst)
    tunnel:flush_fdb {}
    assert.equal(0, #tunnel:fdb())
  end)

  it("is read as bridge(8) fills it, and flushed", function()
    ns:exec("bridge fdb add 02:00:00:00:00:01 dev p0 master static; bridge fdb add 02:00:00:00:00:02 dev p1 master; "
      .. "bridge fdb add 02:00:00:00:00:03 dev p1 master dynamic sticky; bridge fdb add 02:00:00:00:00:04 dev e1; "
      .. "bridge fdb add 02:00:00:00:00:05 dev x0 dst 10.0.0.1 port 1 vni 2 via e0 dynamic")
    h.settles(same, ns, "", function() return ns:fdb() end) -- it learns meanwhile
    assert.equal("p0", br:fdb "02:00:00:00:00:01"[1].dev)
    assert.is_nil(h.find(port:fdb(), { mac = "02:00:00:00:00:02" }))
    assert.equal(1, br:flush_fdb { state = "static" })
    assert.is_true(br:flush_fdb() >= 1)
    assert.is_nil(br:fdb "02:00:00:00:00:03"[1])
    assert.equal("permanent", br:fdb "02:00:00:00:00:02"[1].state)
    assert.equal(1, tunnel:flush_fdb())
    br:flush_fdb { mac = "02:00:00:00:00:02" }
    ns:link("e1"):del_fdb "02:00:00:00:00:04"
  end)

  it("learns from traffic, and forgets at once when told", function()
    ns:link("e0"):add_addr "10.9.0.1/24"
    local function learned() return h.find(br:fdb(), { mac = "02:00:00:00:00:e0" }) end
    ns:reaches("10.9.0.2", { timeout = 0.1 }) -- asks by ARP
    local entry = h.eventually(learned)
    assert.equal("p0", entry.dev)
    assert.is_true(entry.updated >= 0 and entry.updated < 60)
    br:add_fdb { mac, dev = "p0" }
    br:set { fdb_flush = true }
    port:set { port = { fdb_flush = true } }
    assert.is_truthy(br:fdb(mac)[1]) -- what was set stays
    port:del_fdb(mac)
  end)

  it("is refused when it is none", function()
    h.misuse("MAC", port.add_fdb, port, "02:00")
    h.misuse("number", port.add_fdb, port, 7)
    h.misuse("mac is needed", port.add_fdb, port, { state = "static" })
    h.misuse("'permanent', 'static', 'dynamic'", port.add_fdb, port, { mac, state = "reachable" })
    h.misuse("1 to 4094", port.add_fdb, port, { mac, vlan = 4095 })
    h.misuse("16777215", tunnel.add_fdb, tunnel, { mac, vni = 1 << 24 })
    h.misuse("in place of dst", tunnel.add_fdb, tunnel, { mac, dst = "10.0.0.1", nhid = 1 })
    h.misuse("did you mean 'state'", port.add_fdb, port, { mac, sate = "static" })
    h.misuse("state = \"static\"", port.add_fdb, port, { mac, static = true })
    h.misuse("no port of a bridge", tunnel.add_fdb, tunnel, { mac, master = true })
    h.misuse("did you mean", port.fdb, port, { max = mac })
    h.refused("ENOENT", port.del_fdb, port, mac)
    h.refused("EINVAL", tunnel.add_fdb, tunnel, mac)
    h.refused("ENODEV", br.add_fdb, br, { mac, dev = "nobody" })
    assert.equal(0, #br:fdb(mac))
  end)
end)
