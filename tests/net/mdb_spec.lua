-- mdb_spec.lua - multicast databases of bridges and vxlan links, and router ports, against bridge(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local rows = oracle.table_of("mdb").rows

-- What bridge(8) says, by group, source and port, in our words.
local function theirs(ns)
  local all, n = {}, 0
  for _, e in ipairs(h.oracle(ns, "bridge -j -d -s mdb show")[1].mdb) do
    local record = { dev = e.dev, port = e.port, grp = e.grp, src = e.src, vid = e.vid, state = e.state,
      filter_mode = e.filter_mode, proto = e.protocol, sources = #(e.source_list or {}), timer = tonumber(e.timer) }
    for _, flag in ipairs(e.flags) do record[flag] = true end
    all[("%s %s %s %s"):format(e.dev, e.port, e.grp, e.src)] = record
    n = n + 1
  end
  return all, n
end

local function same(ns)
  local all, n = theirs(ns)
  local ours = ns:mdb()
  assert.equal(n, #ours)
  for _, record in ipairs(ours) do
    local say = assert(all[("%s %s %s %s"):format(record.dev, record.port, record.grp, record.src)], tostring(record))
    for _, key in ipairs { "state", "vid", "filter_mode", "proto", "blocked", "added_by_star_ex" } do
      assert.equal(say[key], record[key], key)
    end
    assert.equal(say.sources, #(record.source_list or {}))
    assert.near(say.timer, record.timer or 0, 1)
  end
end

describe("a multicast database", function()
  local ns, br

  -- Entries that together have each key that can be set.
  local entries = {
    { "239.1.1.1", port = "p0" },
    { "239.1.1.1", port = "p1", state = "permanent" },
    { "239.1.1.1", port = "br0" },
    { "ff0e::1", port = "p0", state = "permanent", proto = "bgp" },
    { "01:00:5e:01:02:03", port = "p1", state = "permanent" },
    { "239.1.1.2", port = "p0", src = "10.0.0.9" },
    { "239.1.1.3", port = "p0", state = "permanent", filter_mode = "include",
      source_list = { "10.0.0.1", { addr = "10.0.0.2" } } },
    { "239.1.1.4", port = "p0", state = "permanent", filter_mode = "exclude", source_list = { "10.0.0.1" } },
    { "ff0e::2", port = "p1", src = "fd00::9" },
  }

  setup(function()
    ns = netns.add(h.name "mdb")
    -- without IPv6 of its own on the links nothing joins by itself
    br = ns:add_link { "br0", kind = "bridge", up = true, mcast_igmp_version = 3, mcast_mld_version = 2,
      addrgenmode = "none" }
    for i = 0, 1 do
      ns:add_link { "p" .. i, kind = "veth", master = br, up = true, addrgenmode = "none",
        peer = { "e" .. i, up = true, addrgenmode = "none" } }
    end
  end)
  teardown(function() ns:del() end)

  it("is what bridge(8) shows, and takes its records back", function()
    local given = { dev = true, vid = true }
    local all = true
    for _, entry in ipairs(entries) do
      local ok, err = pcall(br.add_mdb, br, entry)
      all = all and ok
      assert(ok or (err.extack or ""):find "^Unknown attribute", tostring(err)) -- before Linux 6.3
      for key in pairs(entry) do given[key == 1 and "grp" or key] = true end
    end
    for _, row in ipairs(rows) do
      local of_vxlan = row.doc:find "^vxlan"
      assert(given[row.key] or row.readonly or of_vxlan, "no entry has the key " .. row.key)
    end
    h.settles(same, ns)
    local entry = br:mdb { "239.1.1.3", filter_mode = "include", port = "p0", state = "permanent" }
    if all then assert.equal(3, #entry) end -- two for its sources
    local before = br:mdb { state = "permanent" }
    for _, record in ipairs(all and before or {}) do br:replace_mdb(record) end
    assert.equal(#before, #br:mdb { state = "permanent" })
    for i = #before, 1, -1 do
      local ok, err = pcall(br.del_mdb, br, before[i])
      assert(ok or err.code == "ENOENT" or err.code == "EINVAL", tostring(err)) -- a source's goes with its group's
    end
    assert.equal(0, #br:mdb { state = "permanent" })
    for _, record in ipairs(before) do
      if not record.src then br:add_mdb(record) end
    end
    h.settles(same, ns)
    local function texts(list)
      local out = {}
      for i, record in ipairs(list) do -- the kernel turns a list of sources around
        if record.source_list then record.source_list = h.sorted(record.source_list, "addr") end
        out[i] = tostring(record)
      end
      table.sort(out)
      return out
    end
    assert.same(texts(before), texts(br:mdb { state = "permanent" }))
    br:flush_mdb()
    h.settles(function() assert.equal(0, #br:mdb()) end)
  end)

  it("is read as bridge(8) fills it", function()
    ns:exec("bridge mdb add dev br0 port p0 grp 239.2.2.2 permanent; bridge mdb add dev br0 port p1 grp ff0e::22; "
      .. "bridge mdb add dev br0 port p1 grp 239.2.2.2 src 10.0.0.7; bridge mdb del dev br0 port p1 grp ff0e::22")
    h.settles(same, ns)
    assert.equal("p0", br:mdb { "239.2.2.2", state = "permanent" }[1].port)
    assert.equal("10.0.0.7", br:mdb { src = "10.0.0.7" }[1].src)
    assert.is_true(br:flush_mdb { port = "p1" } >= 1)
    br:del_mdb { "239.2.2.2", port = "p0" }
    assert.is_nil(h.find(br:mdb(), { state = "permanent", port = "p0" }))
    br:flush_mdb()
    assert.equal(0, #ns:mdb())
  end)

  it("changes by replace, where the kernel can", function()
    br:add_mdb { "239.3.3.3", port = "p0" }
    h.refused("EEXIST", br.add_mdb, br, { "239.3.3.3", port = "p0" })
    local ok, err = pcall(br.replace_mdb, br, { "239.3.3.3", port = "p0", state = "permanent" })
    if not ok and err.code == "EEXIST" then h.pending "this kernel can't replace an entry (Linux 6.3)" end
    assert(ok, tostring(err))
    assert.equal("permanent", br:mdb("239.3.3.3")[1].state)
    br:del_mdb { "239.3.3.3", port = "p0" }
  end)

  it("knows the ports of routers", function()
    ns:link("p1"):set { port = { mcast_router = "on" } }
    local router = br:mdb_routers()[1]
    assert.same({ "br0", "p1", "perm" }, { router.dev, router.port, router.type })
    assert.equal("p1", h.oracle(ns, "bridge -j -d mdb show")[1].router.br0[1].port)
    ns:link("p1"):set { port = { mcast_router = "query" } }
    assert.equal(0, #br:mdb_routers())
  end)

  it("of a vxlan tells where groups are sent", function()
    local x = ns:add_link { "x0", kind = "vxlan", id = 7, dstport = 4789, up = true, addrgenmode = "none" }
    local ok, err = pcall(x.add_mdb, x, { "239.1.1.1", dst = "10.0.0.1", dst_port = 4790, vni = 9, via = "p0" })
    if not ok and err.code == "EOPNOTSUPP" or not ok and err.code == "EINVAL" then
      x:del()
      h.pending "this kernel's vxlan has no multicast database (Linux 6.4)"
    end
    assert(ok, tostring(err))
    x:add_mdb { "239.1.1.1", dst = "10.0.0.2" }
    local record = h.find(x:mdb(), { dst = "10.0.0.1" })
    assert.same({ "239.1.1.1", 4790, 9, "p0", "permanent" },
      { record.grp, record.dst_port, record.vni, record.via, record.state })
    assert.equal("239.1.1.1", h.oracle(ns, "bridge -j mdb show dev x0")[1].mdb[1].grp)
    x:del_mdb(record)
    assert.equal(1, #x:mdb())
    x:add_mdb(record)
    assert.equal(4790, h.find(x:mdb(), { dst = "10.0.0.1" }).dst_port)
    assert.equal(2, x:flush_mdb())
    x:del()
    local y = ns:add_link { "y0", kind = "vxlan", external = true, dstport = 4791, up = true, addrgenmode = "none" }
    y:add_mdb { "ff0e::1", dst = "fd00::1", src_vni = 5, vni = 6 }
    assert.same({ 5, 6 }, { y:mdb()[1].src_vni, y:mdb()[1].vni })
    y:del()
  end)

  it("is refused an entry that is none", function()
    h.misuse("grp is needed", br.add_mdb, br, { port = "p0" })
    h.misuse("port is needed", br.add_mdb, br, { "239.1.1.1" })
    h.misuse("group", br.add_mdb, br, { "239.1.1", port = "p0" })
    h.misuse("a table as", br.add_mdb, br, "239.1.1.1")
    h.misuse("'temp', 'permanent'", br.add_mdb, br, { "239.1.1.1", port = "p0", state = "static" })
    h.misuse("'include', 'exclude'", br.add_mdb, br, { "239.1.1.1", port = "p0", filter_mode = "in" })
    h.misuse("state = \"permanent\"", br.add_mdb, br, { "239.1.1.1", port = "p0", permanent = true })
    h.misuse("4094", br.add_mdb, br, { "239.1.1.1", port = "p0", vid = 4095 })
    h.misuse("source_list", br.add_mdb, br, { "239.1.1.1", port = "p0", source_list = "10.0.0.1" })
    h.misuse("did you mean 'port'", br.add_mdb, br, { "239.1.1.1", prot = "p0" })
    h.refused("ENODEV", br.add_mdb, br, { "239.1.1.1", port = "nobody" })
    h.refused("EINVAL", br.add_mdb, br, { "239.1.1.1", port = "e0" })
    h.refused("EINVAL", br.add_mdb, br, { "10.0.0.1", port = "p0" })
    assert(h.raised(br.del_mdb, br, { "239.9.9.9", port = "p0" }).code)
    local lo = ns:link "lo"
    h.refused("EOPNOTSUPP", lo.add_mdb, lo, { "239.1.1.1", port = "p0" })
    assert.equal(0, #br:mdb { state = "permanent" })
  end)
end)
