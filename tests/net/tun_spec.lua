-- tun_spec.lua - tun and tap links: their options against ip(8), held open and let go, moved, refused
local h = require "tests.helper"
local lfs = require "lfs"
local oracle = require "tests.net.oracle"

-- Why no such link can be made here; nil where it can.
local function lack()
  local ns = netns.add(h.name "tun")
  local ok, err = pcall(ns.add_link, ns, { "t0", kind = "tap" })
  ns:del()
  return not ok and tostring(err):match "/dev/net/tun[^\n]*" or nil
end

local lacks = lack()
local userns = lfs.attributes("/dev/net/tun", "uid") ~= 0 -- the machine's root is nobody here

describe("/dev/net/tun", function()
  it("is told of with its remedy where it can't be opened", function()
    local features = require "nsh.features"
    for _, code in ipairs { "EACCES", "EPERM", "ENOENT", "ENODEV", "ENXIO" } do assert.is_string(features.tun(code)) end
    if not lacks then
      assert.is_nil(lack())
      return
    end
    local ns = h.netns()
    local err = h.raised(ns.add_link, ns, { "t0", kind = "tap" })
    assert.is_truthy(tostring(err):find("/dev/net/tun", 1, true))
    assert.equal(features.tun(err.code), err.hint)
    assert.equal(1, #ns:links())
  end)
end)

if lacks then
  describe("tun and tap links", function()
    it("are made", function() h.pending(lacks) end)
  end)
  return
end

-- ip(8) tells users and groups by their names.
local function id_of(name)
  return function(data) return data[name] == "root" and 0 or data[name] end
end

for _, kind in ipairs { "tun", "tap" } do
  oracle.kind(kind, {
    values = { owner = 0, owner_group = 0, multi_queue = true, pi = true, vnet_hdr = true, persist = true },
    read = { owner = id_of "user", owner_group = id_of "group" },
    skip = { hold = true, queues = true },
  })
end

local function data_of(ns, name)
  return h.oracle(ns, "ip -j -d link show dev " .. name)[1].linkinfo.info_data
end

describe("a tap", function()
  it("is a kind of its own, told apart from a tun everywhere", function()
    local ns = h.netns()
    local tap, tun = ns:add_link { "tap0", kind = "tap" }, ns:add_link { kind = "tun" }
    assert.same({ "tap", "tun", "tun0" }, { tap.kind, tun.kind, tun.name })
    assert.same({ "tap", "tun" }, { data_of(ns, "tap0").type, data_of(ns, "tun0").type })
    assert.same({ "tap0" }, { ns:links({ kind = "tap" })[1].name, ns:links({ kind = "tap" })[2] })
    assert.same({ "tun0" }, { ns:links({ kind = "tun" })[1].name, ns:links({ kind = "tun" })[2] })
    assert.same({ "ether", "none" }, { tap.link_type, tun.link_type })
    ns:exec "ip tuntap add t1 mode tap multi_queue; ip tuntap add t2 mode tun pi"
    assert.same({ "tap", true, true, 0 }, { ns:link("t1").kind, ns:link("t1").persist, ns:link("t1").multi_queue,
      ns:link("t1").num_queues })
    assert.same({ "tun", true, false }, { ns:link("t2").kind, ns:link("t2").pi, ns:link("t2").hold })
    local listed = {}
    for _, t in ipairs(h.oracle(ns, "ip -j tuntap")) do
      listed[t.ifname] = table.concat(t.flags, " "):gsub(" filter", "")
    end
    assert.same({ tap0 = "tap persist", tun0 = "tun persist", t1 = "tap multi_queue persist",
      t2 = "tun pi persist" }, listed)
    ns:exec "ip tuntap del tap0 mode tap"
    assert.is_nil(ns:find_link "tap0")
    tun:del()
    assert.is_nil(ns:find_link "tun0")
  end)

  it("is made with all that links have, or not at all", function()
    local ns = h.netns()
    local bridge = ns:add_link { "br0", kind = "bridge" }
    local tap = ns:add_link { "t0", kind = "tap", mtu = 1400, mac = "02:00:00:00:00:01", up = true, master = bridge,
      port = { cost = 9, isolated = true }, index = 77, alias = "a guest", txqlen = 7, group = 5, hold = true }
    assert.same({ 77, 1400, "02:00:00:00:00:01", true, bridge, 9, true, "a guest", 7, 5, true },
      { tap.index, tap.mtu, tap.mac, tap.up, tap.master, tap.port.cost, tap.port.isolated, tap.alias, tap.txqlen,
        tap.group, tap.carrier })
    for _, spec in ipairs { { mtu = 10 }, { master = "lo" }, { mac = "01:00:00:00:00:01" }, { mtu = 10, hold = true },
      { master = "lo", hold = true, persist = false } } do
      spec[1], spec.kind = "t1", "tap"
      assert.is_table(h.raised(ns.add_link, ns, spec))
      assert.is_nil(ns:find_link "t1")
    end
    assert.equal("ENODEV", h.raised(ns.add_link, ns, { "t1", kind = "tap", master = "br1" }).code)
    assert.equal(3, #ns:links())
  end)

  it("is made where it is to be, and a batch goes first", function()
    local ns, other = h.netns(), h.netns()
    local tap = ns:add_link { "t0", kind = "tap", netns = other, hold = true }
    assert.same({ other, true }, { tap.netns, tap.carrier ~= nil })
    assert.is_nil(ns:find_link "t0")
    ns:add_link { "t0", kind = "tap" }
    ns:batch(function()
      ns:link("t0"):del()
      ns:add_link { "t0", kind = "tun" }
    end)
    assert.equal("tun", ns:link("t0").kind)
  end)

  it("takes users and groups by name", function()
    local ns = h.netns()
    local tap = ns:add_link { "t0", kind = "tap", owner = "root", owner_group = "root" }
    assert.same({ 0, 0 }, { tap.owner, tap.owner_group })
    h.misuse("owner must be a name or a number", ns.add_link, ns, { "t1", kind = "tap", owner = "no such one" })
    h.misuse("owner must be a name or a number", tap.set, tap, { owner = -1 })
    h.misuse("owner", tap.set, tap, { owner = 0xffffffff })
    if userns then
      assert.matches("private world", h.refused("EINVAL", tap.set, tap, { owner = 1000 }).hint)
    else
      tap:set { owner = 1000, owner_group = 5 }
      assert.same({ 1000, 5 }, { tap.owner, tap.owner_group })
    end
    assert.equal(2, #ns:links())
  end)

  it("belongs to nobody again only when it is made anew", function()
    local ns = h.netns()
    local tap = ns:add_link { "t0", kind = "tap", owner = false }
    assert.is_nil(tap.owner)
    tap:set { owner = 0 }
    h.misuse("can't be taken away", tap.set, tap, { owner = false })
    assert.equal(0, tap.owner)
  end)

  it("refuses what can't be, before anything is made", function()
    local ns = h.netns()
    for words, spec in pairs {
      ["say hold = true"] = { queues = 2 }, ["multi_queue = true"] = { queues = 2, hold = true },
      ["deletes a link"] = { persist = false }, ["from 1 to 256"] = { queues = 0, hold = true },
      ["numtxqueues"] = { numtxqueues = 3 }, ["stands on no other link"] = { link = "lo" },
      ["did you mean 'multi_queue'"] = { multi_que = true }, ["true or false"] = { hold = 1 },
      ["num_queues"] = { num_quees = 1 },
    } do
      spec[1], spec.kind = "t0", "tap"
      h.misuse(words, ns.add_link, ns, spec)
    end
    h.refused("EEXIST", ns.add_link, ns, { "lo", kind = "tap" })
    h.refused("EEXIST", ns.add_link, ns, { "t0", kind = "tap", index = 1 })
    local tap = ns:add_link { "t0", kind = "tap" }
    h.misuse("when the link is made", tap.set, tap, { multi_queue = true })
    h.misuse("say hold = true", tap.set, tap, { queues = 2 })
    h.misuse("multi_queue = true", tap.set, tap, { queues = 2, hold = true })
    h.misuse("deletes a link", tap.set, tap, { persist = false })
    assert.same({ false, false }, { tap.hold, tap.carrier })
  end)
end)

describe("a tap that nsh holds", function()
  it("has a carrier until it is let go", function()
    local ns = h.netns()
    local tap = ns:add_link { "t0", kind = "tap", up = true }
    h.settles(function() assert.same({ false, false, "down" }, { tap.carrier, tap.hold, tap.state }) end)
    local before = h.descriptors()
    tap:set { hold = true }
    h.settles(function() assert.same({ true, true, true }, { tap.carrier, tap.hold, tap:record().hold }) end)
    assert.equal(before + 1, (h.descriptors()))
    tap:set { hold = true }
    assert.equal(before + 1, (h.descriptors()))
    assert.is_true(ns:links({ kind = "tap" })[1].hold)
    tap:set { hold = false }
    h.settles(function() assert.same({ false, false }, { tap.carrier, tap.hold }) end)
    assert.equal(before, (h.descriptors()))
  end)

  it("is let go when it is deleted, by whomever, and when its namespace is", function()
    local ns = netns.add(h.name "t")
    ns:exec "true"
    ns:links()
    local before = h.descriptors()
    ns:add_link({ "t0", kind = "tap", hold = true }):del()
    assert.equal(before, (h.descriptors()))
    local tap = ns:add_link { "t1", kind = "tap", hold = true }
    local number = tap.index
    ns:exec "ip link del t1"
    tap = ns:add_link { "t1", kind = "tap", index = number }
    assert.is_false(tap.hold)
    assert.equal(before, (h.descriptors()))
    ns:add_link { "t2", kind = "tap", hold = true }
    local identity = ns:exec("readlink /proc/self/ns/net").out
    ns:del()
    for name in lfs.dir "/proc/self/fd" do
      local target = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
      assert.is_not_true(target == "/dev/net/tun" or target == identity:gsub("\n", ""), target)
    end
  end)

  it("keeps its carrier when it moves, and keeps no namespace alive behind it", function()
    local ns, other = netns.add(h.name "t"), h.netns()
    local tap = ns:add_link { "t0", kind = "tap", hold = true, persist = false }
    tap:set { netns = other, up = true, name = "t9" }
    h.settles(function() assert.same({ true, true, false, "t9" }, { tap.carrier, tap.hold, tap.persist, tap.name }) end)
    ns:del()
    assert.is_true(other:link("t9").hold)
    -- one whose move fails half-way is held at home again
    local third = h.netns()
    assert.is_table(h.raised(tap.set, tap, { netns = third, master = "lo" }))
    assert.same({ other, true, false }, { tap.netns, tap.hold, tap.persist })
    tap:set { hold = false }
    assert.is_nil(other:find_link "t9") -- it was not to last
  end)

  it("has as many queues as are asked for", function()
    local ns = h.netns()
    local tap = ns:add_link { "t0", kind = "tap", multi_queue = true, hold = true, queues = 3, up = true }
    assert.same({ 3, 3, 3 }, { tap.num_queues, tap.queues, data_of(ns, "t0").numqueues })
    tap:set { queues = 5 }
    assert.same({ 5, 5 }, { tap.num_queues, tap.queues })
    tap:set { queues = 1 }
    assert.same({ 1, 1, true }, { tap.num_queues, tap.queues, tap.carrier })
    local record = tap:record()
    tap:del()
    tap = ns:add_link(record)
    assert.same({ 1, true }, { tap.queues, tap.hold })
    tap:set { hold = false }
    assert.same({ 0, nil }, { tap.num_queues, tap.queues })
    tap:set { hold = true, queues = 2 }
    assert.equal(2, tap.num_queues)
  end)

  it("does not fill memory with what is sent to it", function()
    local ns = h.netns()
    local tap = ns:add_link { "t0", kind = "tap", hold = true, up = true, txqlen = 10 }
    tap:add_addr "10.0.0.1/24"
    ns:add_neigh { "10.0.0.2", dev = "t0", mac = "02:00:00:00:00:02", state = "permanent" }
    ns:ping("10.0.0.2", { count = 300, interval = 0.001, timeout = 0.01 })
    local dropped = ns:links({ stats = true, kind = "tap" })[1].stats.tx_dropped
    assert.is_true(dropped >= 290, tostring(dropped)) -- txqlen of them wait for a reader
  end)

  it("is busy for a program, and one held by a program is for nsh", function()
    local ns = h.netns()
    ns:add_link { "t0", kind = "tap", hold = true }
    local result = ns:exec("ip tuntap del t0 mode tap", { check = false })
    assert.is_true(result.status ~= 0 and result.err:find "busy" ~= nil, result.err)
    assert.is_true(ns:link("t0").hold)
  end)
end)
