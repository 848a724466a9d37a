-- ethtool_spec.lua - what drivers know of a link, against ethtool(8)
local core = require "nsh.core"
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

-- What `ethtool -k` calls the groups of features, and the only feature of some.
local legacy = {
  ["rx-checksumming"] = "rx", ["tx-checksumming"] = "tx", ["scatter-gather"] = "sg",
  ["tcp-segmentation-offload"] = "tso", ["generic-segmentation-offload"] = "gso", ["generic-receive-offload"] = "gro",
  ["large-receive-offload"] = "lro", ["rx-vlan-offload"] = "rxvlan", ["tx-vlan-offload"] = "txvlan",
  ["ntuple-filters"] = "ntuple", ["receive-hashing"] = "rxhash", ["udp-fragmentation-offload"] = "ufo",
}
local single = {
  rx = "rx-checksum", gso = "tx-generic-segmentation", gro = "rx-gro", lro = "rx-lro", rxvlan = "rx-vlan-hw-parse",
  txvlan = "tx-vlan-hw-insert", ntuple = "rx-ntuple-filter", rxhash = "rx-hashing", ufo = "tx-udp-fragmentation",
}

-- `ethtool -k`: the features by their names, and the groups by their short ones.
local function theirs(ns, name)
  local features, groups = {}, {}
  for key, value, rest in ns:exec("ethtool -k " .. name).out:gmatch "\n\t?([%w_-]+): (%l+)([^\n]*)" do
    local feature = { on = value == "on", fixed = rest:find "fixed" ~= nil }
    local short = legacy[key]
    if short then groups[short] = feature.on end
    key = short and single[short] or not short and key or nil
    if key then features[key] = feature end
  end
  return features, groups
end

local function ours(link)
  local features = {}
  for _, f in ipairs(link:ethtool().features) do features[f.name] = { on = f.on, fixed = f.fixed } end
  return features
end

-- Lines `key: value` of ethtool's text, with keys as ours; "n/a" and unknown ones left out.
local function lines(text)
  local record = {}
  for key, value in text:gmatch "([%w-]+):[ \t]+([^\n]*)" do
    value = value:match "^%s*(.-)%s*$"
    if value ~= "n/a" and value ~= "" then
      record[key:lower():gsub("-", "_")] = value:find "^%d+$" and math.tointeger(value) or value
    end
  end
  return record
end

describe("features", function()
  it("are those that ethtool shows, for each kind of link", function()
    local ns = h.netns()
    ns:add_link { "v0", kind = "veth", peer = "v1" }
    ns:add_link { "br0", kind = "bridge" }
    ns:add_link { "i0", kind = "ifb" }
    pcall(ns.add_link, ns, { "tap0", kind = "tap" })
    for _, record in ipairs(ns:links()) do
      local link = ns:link(record.name)
      local features, groups = theirs(ns, record.name)
      assert.same(features, ours(link), record.name)
      assert.same(groups, link.offload, record.name)
      assert.same(link.offload, link:ethtool().offload)
    end
  end)

  it("are switched one by one by the kernel's names, and back", function()
    local ns = h.netns()
    local link = ns:add_link { "v0", kind = "veth", peer = "v1" }
    local tried = 0
    for name, feature in pairs(ours(link)) do
      if not feature.fixed then
        local before = ours(link)
        link:set { offload = { [name] = not feature.on } }
        local after = ours(link)
        assert.equal(not feature.on, after[name].on, name)
        assert.same(theirs(ns, "v0"), after, name)
        link:set { offload = { [name:gsub("-", "_")] = feature.on } }
        assert.same(before, ours(link), name)
        tried = tried + 1
      end
    end
    assert.is_true(tried > 15)
  end)

  it("are switched by short names, and what ethtool sets is read", function()
    local ns = h.netns()
    local link = ns:add_link { "v0", kind = "veth", peer = "v1" }
    for _, short in ipairs { "rx", "sg", "tso", "gso", "gro", "rxvlan", "txvlan", "tx" } do
      local value = not link.offload[short]
      link:set { offload = { [short] = value } }
      local _, groups = theirs(ns, "v0")
      assert.equal(value, link.offload[short], short)
      if short ~= "tx" then assert.equal(value, groups[short], short) end
      ns:exec(("ethtool -K v0 %s %s"):format(short, value and "off" or "on"))
      assert.equal(not value, link.offload[short], short)
    end
    link:set { offload = { tx = false, tso = false, gso = false, sg = false } }
    assert.same(theirs(ns, "v0"), ours(link))
    link:set { offload = link.offload }
    assert.same(theirs(ns, "v0"), ours(link))
  end)

  it("are set when a link is made, and for the peer, or nothing is made", function()
    local ns, other = h.netns(), h.netns()
    ns:add_link { "v0", kind = "veth", offload = { tx = false, tso = false },
      peer = { "v1", netns = other, offload = { gro = true } } }
    assert.same({ false, false, true, false, true },
      { ns:link("v0").offload.tx, ns:link("v0").offload.tso, other:link("v1").offload.gro, ns:link("v0").offload.gro,
        other:link("v1").offload.tx })
    ns:link("v0"):del()
    local err = h.refused("EOPNOTSUPP", ns.add_link, ns,
      { "x0", kind = "veth", offload = { gro = true, ntuple = true } })
    assert.is_truthy(tostring(err):find("ntuple is always off", 1, true))
    h.misuse("unknown feature 'tsoo'", ns.add_link, ns, { "x0", kind = "veth", offload = { tsoo = true } })
    h.misuse("true and false", ns.add_link, ns, { "x0", kind = "veth", offload = { tso = 1 } })
    h.misuse("true and false", ns.add_link, ns, { "x0", kind = "veth", offload = { "tso" } })
    h.misuse("table", ns.add_link, ns, { "x0", kind = "veth", offload = false })
    assert.equal(1, #ns:links())
  end)

  it("are set all or not at all, and what stays off is told", function()
    local ns = h.netns()
    local link = ns:add_link { "v0", kind = "veth", peer = "v1" }
    local before = ours(link)
    h.refused("EOPNOTSUPP", link.set, link, { mtu = 1400, offload = { gro = true, ntuple = true } })
    assert.same(before, ours(link))
    assert.equal(1500, link.mtu)
    link:set { offload = { tx = false } }
    before = ours(link)
    local err = h.refused("EOPNOTSUPP", link.set, link, { offload = { gro = true, tso = true } })
    assert.is_truthy(tostring(err):find("tso stays off", 1, true))
    assert.is_truthy(err.hint:find("checksums", 1, true))
    before["tx-tcp-segmentation"] = nil
    local after = ours(link)
    after["tx-tcp-segmentation"] = nil
    assert.same(before, after)
  end)
end)

describe("channels", function()
  it("are read and set as ethtool -l has them", function()
    local ns = h.netns()
    local link = ns:add_link { "v0", kind = "veth", peer = "v1", numtxqueues = 4, numrxqueues = 3 }
    local function check(rx, tx)
      local max, now = ns:exec("ethtool -l v0").out:match "maximums:(.*)Current(.*)"
      max, now = lines(max), lines(now)
      assert.same({ rx = now.rx, tx = now.tx, rx_max = max.rx, tx_max = max.tx }, link.channels)
      assert.same({ rx, tx, 3, 4 }, { now.rx, now.tx, max.rx, max.tx })
    end
    check(3, 4)
    link:set { channels = { rx = 3, tx = 2 } }
    check(3, 2)
    ns:exec "ethtool -L v0 rx 2 tx 4"
    check(2, 4)
    assert.same(link.channels, link:ethtool().channels)
    local err = h.refused("EINVAL", link.set, link, { channels = { rx = 4 } })
    assert.is_string(err.extack)
    h.refused("EOPNOTSUPP", link.set, link, { mtu = 1400, channels = { tx = 1 }, rings = { rx = 64 } })
    assert.equal(1500, link.mtu)
    check(2, 4)
    h.misuse("rx_max can't be set", link.set, link, { channels = { rx_max = 1 } })
    h.misuse("unknown key 'rxx'", link.set, link, { channels = { rxx = 1 } })
    assert.equal(2, ns:add_link({ "w0", kind = "veth", numrxqueues = 2, channels = { rx = 2 } }).channels.rx)
  end)
end)

describe("speed and duplex", function()
  it("are those that ethtool shows", function()
    local ns = h.netns()
    local link = ns:add_link { "v0", kind = "veth", peer = "v1" }
    assert.same({ 10000000000, "full", false }, { link.speed, link.duplex, link.autoneg })
    assert.is_nil(ns:add_link({ "br0", kind = "bridge" }).speed)
    assert.is_nil(ns:link("lo").speed)
    h.refused("EOPNOTSUPP", link.set, link, { speed = "1gbit" })
    h.misuse("bits per second", link.set, link, { speed = -1 })
    h.misuse("'half', 'full'", link.set, link, { duplex = "both" })
  end)

  it("are set where the driver takes them, and back", function()
    local ns = h.netns()
    local ok, link = pcall(ns.add_link, ns, { "tap0", kind = "tap" })
    if not ok then h.pending "taps can't be made here" end
    local function check(speed, duplex, autoneg)
      local record = lines(ns:exec("ethtool tap0 2>/dev/null").out)
      assert.same({ ("%dMb/s"):format(speed // 1000000), duplex:gsub("^%l", string.upper), autoneg and "on" or "off" },
        { record.speed, record.duplex, record.auto_negotiation })
      assert.same({ speed, duplex, autoneg }, { link.speed, link.duplex, link.autoneg })
    end
    check(link.speed, "full", false)
    link:set { speed = "1gbit", duplex = "half" }
    check(1000000000, "half", false)
    ns:exec "ethtool -s tap0 speed 100 duplex full"
    check(100000000, "full", false)
    h.refused("EOPNOTSUPP", link.set, link, { advertise = { "11baseT" } })
    link:set { coalesce = { rx_frames = 12 } }
    local coalesce = lines(ns:exec("ethtool -c tap0").out)
    assert.same({ 12, coalesce.rx_frames }, { link.coalesce.rx_frames, 12 })
    for key, value in pairs(link.coalesce) do assert.equal(coalesce[key], value, key) end
    ns:exec "ethtool -C tap0 rx-frames 5"
    assert.same({ rx_frames = 5 }, link.coalesce)
    h.refused("EINVAL", link.set, link, { coalesce = { tx_frames = 12 } })
  end)
end)

describe("link:ethtool()", function()
  it("tells driver, counters and timestamps as ethtool -i, -S, -T", function()
    local ns = h.netns()
    local link = ns:add_link { "v0", kind = "veth", peer = "v1" }
    local record = link:ethtool()
    local info = lines(ns:exec("ethtool -i v0").out)
    assert.same({ "veth", info.version }, { record.driver, record.version })
    assert.equal(info.driver, record.driver)
    local stats = {}
    for key, value in ns:exec("ethtool -S v0").out:gmatch "\n%s+([%w_]+): (%d+)" do
      stats[key] = math.tointeger(value)
    end
    assert.same(stats, record.counters)
    local stamps = {}
    for word in ns:exec("ethtool -T v0").out:match("Capabilities:\n(.-)\n%u"):gmatch "\t([%w-]+)" do
      stamps[#stamps + 1] = word
    end
    assert.same(h.sorted(stamps), h.sorted(record.timestamping))
    assert.same({ "tp", "internal", false }, { record.connector, record.transceiver, record.detected })
    assert.is_nil(ns:link("lo"):ethtool().driver)
    link:del()
    h.refused("ENODEV", link.ethtool, link)
  end)

  it("leaves out what the driver doesn't tell, and fields of it are nil", function()
    local ns = h.netns()
    local link = ns:add_link { "br0", kind = "bridge" }
    local record = link:ethtool()
    for _, key in ipairs { "rings", "channels", "coalesce", "pause", "eee", "wol", "fec" } do
      assert.is_nil(record[key], key)
      assert.is_nil(link[key], key)
    end
  end)
end)

describe("every key of ethtool", function()
  it("refuses a value of another type, and is refused by a driver that has it not", function()
    local ns = h.netns()
    local link = ns:add_link { "br0", kind = "bridge" }
    local right = { integer = 1, boolean = true, strings = {}, name = 1 }
    for _, part in ipairs(oracle.table_of("link").rows) do
      for _, row in ipairs(part.asked and part.rows or {}) do
        if not row.readonly then
          h.misuse(row.key .. " must be", link.set, link, { [part.key] = { [row.key] = function() end } })
          local err = h.raised(link.set, link, { [part.key] = { [row.key] = right[row.type] } })
          if err.extack ~= "Unsupported attribute" then assert.equal("EOPNOTSUPP", err.code) end
        end
      end
    end
  end)

  it("is for one link, and in no list", function()
    local ns = h.netns()
    ns:add_link { "v0", kind = "veth", group = 7, peer = { "v1", group = 7 } }
    for key, value in pairs { offload = { tso = false }, speed = 1000000, channels = { rx = 1 } } do
      h.misuse("for a link alone", ns.set_links, ns, { group = 7, [key] = value })
      h.misuse("no list of links has " .. key, ns.links, ns, { [key] = value })
    end
    h.misuse("no list of links has listen_port", ns.links, ns, { kind = "wireguard", listen_port = 1 })
    assert.is_true(ns:link("v0").offload.tso)
  end)

  it("belongs to a part that can be read", function()
    h.misuse("no part 'x'", core.ethtool.get, netns.current().core, 1, "x")
  end)
end)
