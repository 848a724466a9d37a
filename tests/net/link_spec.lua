-- link_spec.lua - links: made, read, changed, moved and deleted, against ip(8)
local h = require "tests.helper"
local core = require "nsh.core"
local oracle = require "tests.net.oracle"

local general = oracle.table_of "link"

-- ip(8)'s words for a link's record
local function theirs_of(ns, name)
  local link = h.oracle(ns, "ip -j -d link show dev " .. name)[1]
  local flags = {}
  for _, flag in ipairs(link.flags) do flags[flag] = true end
  return {
    name = link.ifname, index = link.ifindex, kind = link.linkinfo and link.linkinfo.info_kind, mtu = link.mtu,
    mac = link.address, up = flags.UP or false, carrier = flags.LOWER_UP or false, state = link.operstate:lower(),
    master = link.master, link = link.link, alias = link.ifalias, txqlen = link.txqlen, group = link.group,
    promisc = flags.PROMISC or false, allmulti = flags.ALLMULTI or false, multicast = flags.MULTICAST or false,
    arp = not flags.NOARP, dynamic = flags.DYNAMIC or false, broadcast = link.broadcast,
    linkmode = link.linkmode:lower(),
    protodown = link.protodown or false, min_mtu = link.min_mtu, max_mtu = link.max_mtu,
    numtxqueues = link.num_tx_queues, numrxqueues = link.num_rx_queues, gso_max_size = link.gso_max_size,
    gso_max_segs = link.gso_max_segs, gro_max_size = link.gro_max_size, promiscuity = link.promiscuity,
    qdisc = link.qdisc, link_type = link.link_type, addrgenmode = link.inet6_addr_gen_mode,
    link_netnsid = link.link_netnsid, permaddr = link.permaddr, netns = link.link_netnsid,
    port_kind = link.linkinfo and link.linkinfo.info_slave_kind, trailers = not flags.NOTRAILERS,
    allmulti_count = link.allmulti, tso_max_size = link.tso_max_size, tso_max_segs = link.tso_max_segs,
    parentbus = link.parentbus, parentdev = link.parentdev, xdp = link.xdp,
    protodown_reason = link.protodown_reason,
  }
end

-- Every key of the table, as the record has it and as ip(8) says it; nested ones have their own tests.
local own_tests = { port = true, stats = true, link = true, link_netnsid = true, netns = true, altnames = true }
-- ip(8) doesn't say these, or does since a later version
local silent = { gso_ipv4_max_size = true, gro_ipv4_max_size = true, needed_headroom = true, needed_tailroom = true,
  netns_immutable = true, carrier_changes = true, carrier_up_count = true, carrier_down_count = true, token = true }
local function compare(ns, name)
  local record, theirs = ns:link(name):record(), theirs_of(ns, name)
  for _, row in ipairs(general.rows) do
    local key = row.key
    if not own_tests[key] and not silent[key] and not row.asked then
      local ours = record[key]
      if key == "carrier" and not record.up then ours = false end -- ip(8) tells it of links that are up
      if ours == nil and row.type == "boolean" then ours = false end
      local same = ours == theirs[key] or (ours ~= nil and tostring(ours) == tostring(theirs[key]))
      assert(same, ("%s of %s is %s, ip says %s"):format(key, name, tostring(ours), tostring(theirs[key])))
    end
  end
end

describe("every key of a link", function()
  local ns, veth, bridge

  setup(function()
    ns = netns.add(h.name "link")
    veth = ns:add_link { "v0", kind = "veth", peer = "v1" }
    bridge = ns:add_link { "br0", kind = "bridge" }
    ns:add_link { "ifb7", kind = "ifb" }
  end)
  teardown(function() ns:del() end)

  oracle.each(general.rows, {
    get = function() return veth:record() end,
    set = function(spec) veth:set(spec) end,
    theirs = function() return theirs_of(ns, veth.name) end,
    values = { alias = "the one & only 'ä'", mtu = 1400, name = "other", broadcast = "ff:ff:ff:ff:ff:fe",
      gso_max_segs = 1000 },
    names = {},
    absent = true,
    silent = silent,
    newer = { gso_ipv4_max_size = true, gro_ipv4_max_size = true },
    skip = { altnames = true, token = true,
      kind = true, link = true, netns = true, master = true, port = true, carrier = true },
  })

  it("is read as ip(8) reads it", function()
    for _, up in ipairs { false, true } do
      for _, name in ipairs { "lo", "v0", "v1", "br0", "ifb7" } do
        ns:link(name):set { up = up }
        h.eventually(function() return ns:link(name).state == theirs_of(ns, name).state end)
        compare(ns, name)
      end
    end
  end)

  it("can be read alone, live", function()
    local record = veth:record()
    for _, row in ipairs(general.rows) do
      local value = veth[row.key]
      local told = row.key ~= "link" and not row.asked
      if type(value) ~= "table" and told then assert.equal(record[row.key], value, row.key) end
    end
    ns:exec "ip link set v0 mtu 1234"
    assert.equal(1234, veth.mtu)
    ns:exec "ip link set v0 mtu 1500"
    h.misuse("did you mean 'mtu'", function() return veth.mut end)
    h.misuse("set { mtu", function() veth.mtu = 3 end)
  end)

  it("has no carrier of its own to set", function()
    h.refused("EOPNOTSUPP", veth.set, veth, { carrier = false })
  end)

  it("has the master's link, its name in a record", function()
    veth:set { master = bridge }
    assert.equal(bridge, veth.master)
    assert.equal("br0", veth:record().master)
    assert.equal("br0", theirs_of(ns, "v0").master)
    assert.same({ "v0" }, { ns:links { master = bridge }[1].name })
    assert.same({ "v0" }, { ns:links { master = "br0" }[1].name })
    veth:set { master = ns:add_link { "br1", kind = "bridge" } }
    assert.equal("br1", theirs_of(ns, "v0").master)
    veth:set { master = false }
    ns:link("br1"):del()
    assert.is_nil(veth.master)
  end)

  it("counts what passes", function()
    local a, b = ns:add_link { "s0", kind = "veth", up = true, peer = { "s1", up = true } }
    a:add_addr "10.8.0.1/24"
    ns:reaches("10.8.0.2", { timeout = 0.1 })
    local say, ours
    h.eventually(function() -- packets may pass between the two readings
      local link = h.oracle(ns, "ip -j -s link show dev s1")[1].stats64
      local stats = ns:links { stats = true, name = "s1" }[1].stats
      say = { link.rx.bytes, link.rx.packets, link.rx.errors, link.rx.dropped, link.tx.bytes, link.tx.packets }
      ours = { stats.rx_bytes, stats.rx_packets, stats.rx_errors, stats.rx_dropped, stats.tx_bytes, stats.tx_packets }
      return ours[2] > 0 and table.concat(say, " ") == table.concat(ours, " ")
    end)
    assert.is_true(ours[2] > 0)
    assert.same(say, ours)
    assert.is_true(b.stats.rx_packets >= ours[2])
    assert.is_nil(ns:links { name = "s1" }[1].stats)
    a:del()
  end)
end)

describe("a veth", function()
  it("is a pair, named or not", function()
    local ns = h.netns()
    local a, b = ns:add_link { "a0", kind = "veth", peer = "b0" }
    assert.same({ "a0", "b0" }, { a.name, b.name })
    assert.equal(b, a.peer)
    assert.equal(a, b.peer)
    assert.equal("b0", theirs_of(ns, "a0").link)
    local c, d = ns:add_link { "c0", kind = "veth" }
    assert.matches("^veth%d+$", d.name)
    assert.equal(d, c.peer)
    local e, f = ns:add_link { kind = "veth" }
    assert.equal(f, e.peer)
    assert.matches("^veth%d+$", e.name)
    assert.equal(7, #ns:links())
    a:del()
    assert.is_nil(ns:find_link "b0")
  end)

  it("has both ends born with all that is asked", function()
    local ns, other = h.netns(), h.netns()
    local br = other:add_link { "br0", kind = "bridge", up = true }
    local a, b = ns:add_link { "a0", kind = "veth", mtu = 1400, mac = "02:00:00:00:00:0a", alias = "left", up = true,
      txqlen = 5, peer = { "b0", netns = other, mtu = 1300, mac = "02:00:00:00:00:0b", alias = "right", up = true,
        master = br, txqlen = 6, group = 3 } }
    assert.same({ 1400, "02:00:00:00:00:0a", "left", true, 5 }, { a.mtu, a.mac, a.alias, a.up, a.txqlen })
    assert.same({ 1300, "02:00:00:00:00:0b", "right", true, 6, 3 }, { b.mtu, b.mac, b.alias, b.up, b.txqlen, b.group })
    assert.equal(br, b.master)
    assert.equal(b, a.peer)
    assert.equal(a, b.peer)
    assert.equal(other, a.peer.netns)
    a:wait { state = "up" }
    compare(ns, "a0")
    compare(other, "b0")
    local record = ns:links { name = "a0" }[1]
    assert.equal("b0", record.peer.name)
    assert.equal(other.name, record.peer.netns)
    assert.is_nil(record.link)
  end)

  it("is born elsewhere with netns beside it", function()
    local ns, x, y = h.netns(), h.netns(), h.netns()
    local a, b = ns:add_link { "a0", kind = "veth", netns = x, peer = { "b0", netns = y.name } }
    assert.same({ x, y }, { a.netns, b.netns })
    assert.equal(a, x:link "a0")
    assert.equal(b, y:link "b0")
    assert.is_nil(ns:find_link "a0")
    local c, d = ns:add_link { "c0", kind = "veth", netns = x, peer = "d0" }
    assert.same({ x, ns }, { c.netns, d.netns })
  end)

  it("may have the same name on both sides", function()
    local x, y = h.netns(), h.netns()
    local a, b = x:add_link { "eth0", kind = "veth", peer = { "eth0", netns = y } }
    assert.equal(y:link "eth0", b)
    assert.equal(b, a.peer)
    assert.not_equal(a, b)
  end)

  it("moves, and its peer still finds it", function()
    local x, y = h.netns(), h.netns()
    local a, b = x:add_link { "a0", kind = "veth", peer = "b0" }
    a:set { netns = y, name = "moved" }
    assert.equal(y, a.netns)
    assert.equal("moved", a.name)
    assert.equal("moved", theirs_of(y, "moved").name)
    assert.is_nil(x:find_link "a0")
    assert.equal(a, b.peer)
    a:set { netns = x.name }
    assert.equal(x, a.netns)
    assert.equal(a, x:link "moved")
  end)

  it("that can't move stays as it was", function()
    local x, y = h.netns(), h.netns()
    local a = x:add_link { "a0", kind = "veth", peer = "b0" }
    y:add_link { "a0", kind = "bridge" }
    local err = h.refused("EEXIST", a.set, a, { netns = y, mtu = 1300 })
    assert.equal(y.name .. ' already has a link named a0; rename one: set { netns = ..., name = "..." }', err.hint)
    assert.same({ x, 1500 }, { a.netns, a.mtu })
    h.refused("EINVAL", x:link("lo").set, x:link "lo", { netns = y })
  end)

  it("leaves nothing when a late part fails", function()
    local ns, other = h.netns(), h.netns()
    for _, spec in ipairs {
      { "a0", kind = "veth", peer = { "b0", netns = other, master = "nobody" } },
      { "a0", kind = "veth", peer = { "b0", netns = other }, master = "nobody" },
      { "a0", kind = "veth", peer = { "b0", netns = other, mtu = 60 } },
      { "a0", kind = "veth", peer = "b0", carrier = false, protodown = true },
      { "a0", kind = "veth", peer = { "a0" } },
    } do
      local err = h.raised(ns.add_link, ns, spec)
      assert.is_table(err, err)
      assert.same({ 1, 1 }, { #ns:links(), #other:links() })
    end
  end)
end)

describe("with --host a link", function()
  it("that carries the default route, as one of many or by its peer, is not cut off by accident", function()
    local result = netns.current():exec({ "unshare", "-Urnm", "sh", "-ec",
      'mount -t tmpfs none /run; exec "$NSH" --host -e "$SCRIPT"' }, { env = { NSH = os.getenv "NSH" or "./nsh",
      SCRIPT = [[
      local host, other = netns.current(), netns.add "other"
      local links, peers = {}, {}
      for i = 1, 2 do
        links[i], peers[i] = host:add_link { "up" .. i, kind = "veth", up = true,
          peer = { "eth" .. i, netns = other, up = true } }
        links[i]:add_addr(("10.%d.0.2/24"):format(i))
      end
      local function try(fn, ...) print(select(2, pcall(fn, ...))) end
      host:add_route { "default", nexthops = { { via = "10.1.0.1" }, { via = "10.2.0.1" } } }
      try(links[2].set, links[2], { up = false })
      host:del_route "default"
      host:add_route { "default", via = "10.1.0.1" }
      try(peers[1].del, peers[1])
      peers[2]:del()
      peers[1]:del { force = true }
      print(#host:links())
    ]] } })
    assert.equal([[
refusing to take down up2: it carries the machine's default route; say force = true if you mean it
refusing to delete eth1: its peer up1 carries the machine's default route; say force = true if you mean it
1
]], (result.out:gsub("[^\n]-:%d+: ", "")))
  end)
end)

describe("records of links", function()
  it("make the link again", function()
    local ns, other = h.netns(), h.netns()
    local specs = {
      { "br0", kind = "bridge", mtu = 1400, alias = "x", up = true },
      { "ifb3", kind = "ifb", txqlen = 9, up = true },
      { "a0", kind = "veth", up = true, mtu = 1300, mac = "02:00:00:00:00:0a", peer = "b0", master = "br0" },
      { "c0", kind = "veth", peer = { "d0", netns = other }, group = 9 },
    }
    for _, spec in ipairs(specs) do ns:add_link(spec) end
    local before = ns:links { stats = false }
    for i = #specs, 1, -1 do ns:link(specs[i][1]):del() end
    assert.equal(1, #ns:links())
    for _, spec in ipairs(specs) do ns:add_link(h.find(before, { name = spec[1] })) end
    for _, record in ipairs(before) do
      local again = h.find(ns:links(), { name = record.name })
      for _, key in ipairs { "kind", "mtu", "alias", "up", "txqlen", "group", "master", "promisc", "arp" } do
        assert.equal(record[key], again[key], record.name .. "." .. key)
      end
    end
    assert.equal("b0", ns:link "a0".peer.name)
    assert.equal(other, ns:link "c0".peer.netns)
  end)

  it("make the pair again whose other end is in the root or in a namespace without a name", function()
    local ns, root = h.netns(), netns.current()
    local p <close> = root:spawn { "unshare", "-n", "sleep", "30" }
    local unnamed = h.eventually(function()
      local there = netns.of(p.pid)
      return there ~= root and there
    end)
    for label, home in pairs { root = root, ["of pid " .. p.pid] = unnamed } do
      local link = ns:add_link { "a0", kind = "veth", peer = { "rt0", netns = home } }
      local record = link:record()
      assert.same({ name = "rt0", netns = label }, record.peer)
      link:del()
      local _, peer = ns:add_link(record)
      assert.equal(home, peer.netns)
      assert.equal(peer, home:link "rt0")
      peer:del()
    end
    h.misuse("'root', not 'host'", ns.add_link, ns, { "a0", kind = "veth", peer = { "b0", netns = "host" } })
    h.refused("ESRCH", ns.add_link, ns, { "a0", kind = "veth", peer = { "b0", netns = "of pid 4194305" } })
    assert.equal(root, netns.enter "root")
  end)

  it("name the peers of many in time that grows with their number", function()
    local ns, many = h.netns(), 100
    local names = {}
    for i = 1, many do names[i] = ("%s-%d"):format(ns.name, i) end
    for i, name in ipairs(names) do
      ns:add_link { "p" .. i, kind = "veth", peer = { "eth0", netns = netns.add(name) } }
    end
    -- nobody holds the namespaces, so they are found by name
    collectgarbage()
    collectgarbage()
    local opens, open = 0, core.netns.open
    core.netns.open = function(...)
      opens = opens + 1
      return open(...)
    end
    local list = ns:links { kind = "veth" }
    core.netns.open = open
    for _, record in ipairs(list) do
      assert.same({ name = "eth0", netns = names[tonumber(record.name:sub(2))] }, record.peer)
    end
    for _, name in ipairs(names) do netns.del(name) end
    assert.equal(many, #list)
    assert.is_true(opens <= many + 1, opens .. " namespaces were opened")
  end)

  it("are filtered by their keys", function()
    local ns = h.netns()
    ns:add_link { "a0", kind = "veth", peer = "b0", up = true }
    ns:add_link { "br0", kind = "bridge", stp = true }
    assert.equal(2, #ns:links { kind = "veth" })
    assert.equal("a0", ns:links { kind = "veth", up = true }[1].name)
    assert.equal(1, #ns:links { kind = "bridge", stp = true })
    assert.equal(0, #ns:links { kind = "bridge", stp = false })
    assert.equal(0, #ns:links { kind = "ifb" })
    assert.equal(0, #ns:links { name = "nobody" })
    assert.equal(1, #ns:links { index = 1 })
    h.misuse("did you mean 'kind'", ns.links, ns, { kidn = "veth" })
  end)

  it("are complete when there are many", function()
    local ns = h.netns()
    for i = 1, 100 do ns:add_link { "br" .. i, kind = "bridge" } end
    local theirs = h.oracle(ns, "ip -j link show")
    assert.equal(101, #theirs)
    assert.same(h.only(theirs, { name = "ifname", index = "ifindex" }, true),
      h.only(ns:links(), { name = "name", index = "index" }))
  end)
end)

describe("lists of many links", function()
  local SCRIPT = [[
    local core, ns = require "nsh.core", netns.add "many"
    for i = 1, 60 do
      ns:add_link { "a" .. i, kind = "veth", peer = "b" .. i, up = true, addrgenmode = "none" }
      ns:link("a" .. i):add_addr("10.0." .. i .. ".1/24")
      ns:link("a" .. i):add_addr { "fd00:" .. i .. "::1/64", nodad = true }
    end
    io.stderr:write "MARK\n"
    local links = core.link.list(ns.core, {})
    io.stderr:write "MARK\n"
    local addrs = core.addr.list(ns.core, {})
    io.stderr:write "MARK\n"
    for _, link in ipairs(links) do
      local kind, number = link.name:match "^([ab])(%d+)$"
      assert(not kind or link.link == (kind == "a" and "b" or "a") .. number, link.name)
    end
    for _, addr in ipairs(addrs) do
      local i = addr.addr:match "^10%.0%.(%d+)%." or addr.addr:match "^fd00:(%d+):"
      assert(not i or addr.dev == "a" .. i, addr.addr)
    end
    print(#links, #addrs)]]

  it("ask for few names: those of the list are known by it, others are asked for once", function()
    local result = netns.current():exec { "strace", "-q", "-e", "trace=write,ioctl", os.getenv "NSH_PLAIN" or "./nsh",
      "-e", SCRIPT }
    assert.equal("121\t120\n", result.out)
    local asked = {}
    for part in result.err:gmatch '"MARK\\n"(.-)write%(2' do
      local _, count = part:gsub("SIOCGIFNAME", "")
      asked[#asked + 1] = count
    end
    assert.equal(2, #asked)
    assert.is_true(asked[1] <= 16, asked[1] .. " names of links")
    assert.equal(60, asked[2])
  end)
end)

describe("bad input to links", function()
  local ns

  setup(function()
    ns = netns.add(h.name "bad")
    ns:add_link { "v0", kind = "veth", peer = "v1" }
  end)
  teardown(function() ns:del() end)

  it("is a name that can't be one", function()
    for _, name in ipairs { "", ".", "..", "a/b", "a b", "a\tb", "-x", "a\0b", ("x"):rep(16), "\27[31m" } do
      h.misuse("name", ns.add_link, ns, { name, kind = "bridge" })
      h.misuse("name", ns.add_link, ns, { "fine", kind = "veth", peer = name })
      h.misuse("name", ns:link("v0").set, ns:link "v0", { name = name })
    end
    assert.equal(3, #ns:links())
    ns:add_link({ ("x"):rep(15), kind = "bridge" }):del()
  end)

  it("is a value that can't be one", function()
    local v0 = ns:link "v0"
    for _, case in ipairs {
      { { mtu = -1 }, "mtu" }, { { mtu = "big" }, "mtu" }, { { mtu = 1.5 }, "mtu" }, { { mtu = {} }, "mtu" },
      { { up = 1 }, "up" }, { { up = "yes" }, "up" }, { { mac = "02:00" }, "mac" },
      { { mac = "zz:00:00:00:00:00" }, "mac" }, { { mac = 7 }, "mac" }, { { alias = ("x"):rep(256) }, "alias" },
      { { alias = "a\0b" }, "alias" },
      { { txqlen = 1 << 32 }, "txqlen" }, { { group = "nosuch" }, "group" }, { { linkmode = "loud" }, "dormant" },
      { { addrgenmode = "x" }, "eui64" }, { { master = 0 }, "master" }, { { master = true }, "master" },
      { { netns = 7 }, "namespace" }, { { index = 9 }, "index" }, { { state = "up" }, "state" },
      { { stats = {} }, "stats" }, { { kind = "veth" }, "kind" }, { { peer = "x" }, "peer" },
      { { mtuu = 3 }, "did you mean 'mtu'" }, { { "name" }, "name =" }, { { [2] = 1 }, "unknown key" },
    } do
      h.misuse(case[2], v0.set, v0, case[1])
    end
    h.misuse("table", v0.set, v0, 3)
    h.misuse("table", v0.set, v0)
    h.misuse("kind", ns.add_link, ns, { "x0" })
    h.misuse("table", ns.add_link, ns, "x0")
    h.misuse("string", ns.link, ns, 7)
    h.misuse("stp", ns.add_link, ns, { "x0", kind = "veth", stp = true })
  end)

  it("is what the kernel refuses", function()
    local v0 = ns:link "v0"
    assert.matches("mtu", h.refused("EINVAL", v0.set, v0, { mtu = 65536 }).extack)
    h.refused("EADDRNOTAVAIL", v0.set, v0, { mac = "01:00:00:00:00:01" })
    h.refused("EEXIST", v0.set, v0, { name = "v1" })
    h.refused("EEXIST", ns.add_link, ns, { "v0", kind = "bridge" })
    h.refused("EOPNOTSUPP", ns.add_link, ns, { "x0", kind = "nosuchkind" })
    h.refused("EOPNOTSUPP", ns:link("lo").del, ns:link "lo")
    h.refused("ENODEV", ns.link, ns, "nobody")
    assert.matches("there are: lo, v1, v0", h.raised(ns.link, ns, "nobody").hint)
    assert.is_nil(ns:find_link "nobody")
    h.refused("EEXIST", ns.add_link, ns, { "x0", kind = "bridge", index = 1 })
  end)

  it("is a link that is gone", function()
    local link = ns:add_link { "g0", kind = "bridge" }
    link:del()
    h.refused("ENODEV", link.del, link)
    h.refused("ENODEV", link.set, link, { up = true })
    h.refused("ENODEV", function() return link.mtu end)
    assert.equal("link g0 in " .. ns.name, tostring(link))
    do local _ <close> = ns:add_link { "g0", kind = "bridge" } end
    do
      local other = h.netns()
      local a, b = other:add_link { "g0", kind = "veth", peer = "g1" }
      local _ <close> = a
      local _ <close> = b
      other:del()
    end
    do
      local a, b = ns:add_link { "g0", kind = "veth", peer = "g1" }
      local _ <close> = a
      local _ <close> = b
    end
    assert.is_nil(ns:find_link "g0")
  end)

  it("puts back a change that fails half-way", function()
    local v0 = ns:link "v0"
    local before = v0:record()
    for _, spec in ipairs {
      { mtu = 1300, alias = "half", txqlen = 3, mac = "01:00:00:00:00:01" },
      { mtu = 1300, alias = "half", up = true, carrier = false },
      { alias = "half", up = true, protodown = true },
      { name = "v1", mtu = 1200, up = true },
    } do
      local err = h.raised(v0.set, v0, spec)
      assert.is_table(err, err)
      local after = v0:record()
      for _, key in ipairs { "mtu", "alias", "txqlen", "mac", "up", "name" } do
        assert.equal(before[key], after[key], key .. " after " .. tostring(err))
      end
    end
  end)
end)
