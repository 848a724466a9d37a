-- kind_more_spec.lua - the rarer kinds of links, and kinds that nsh knows nothing of
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local function on_parent(i, ns)
  ns:add_link { "p" .. i, kind = "veth", peer = "q" .. i }
  return { link = "p" .. i }
end

for _, name in ipairs { "team", "netdevsim", "virt_wifi" } do
  oracle.kind(name, { base = name == "virt_wifi" and on_parent or nil })
end

oracle.kind("batadv", {
  skip = { ra = true }, -- which the kernel doesn't tell
})

oracle.kind("macsec", {
  base = on_parent,
  with = { replay = { window = 5 }, window = { replay = true } },
  values = {
    sci = "02:00:00:00:00:01:00:07", cipher = "gcm-aes-256", icvlen = 12, encodingsa = { make = 2, set = 3 },
    window = { make = 5, set = 6 }, replay = true, macsec_offload = "off", end_station = { make = true, set = false },
  },
  newer = { macsec_offload = true },
  skip = { sci_port = true },
  read = {
    sci = function(data) return (("%016x"):format(tonumber(data.sci, 16)):gsub("..", "%0:"):sub(1, -2)) end,
    cipher = function(data) return data.cipher_suite:lower() end, icvlen = "icv_len",
    encodingsa = "encoding_sa", send_sci = "inc_sci", end_station = "es", replay = "replay_protect",
    validate = "validation", macsec_offload = "offload",
  },
  fixed = { send_sci = true, end_station = true, scb = true },
})

oracle.kind("bareudp", {
  base = function(i) return { dstport = 6000 + i, ethertype = "ipv4" } end,
  values = { ethertype = "mpls_uc", srcportmin = 4000 },
  read = { srcportmin = "srcportmin" },
})

oracle.kind("amt", {
  base = function(i, ns)
    if i == 0 then ns:add_link { "v0", kind = "veth", peer = "v1" } end
    return { mode = "relay", ["local"] = "10.0.0.1", dev = "v0", max_tunnels = 5, relay_port = 2000 + i }
  end,
  with = { discovery = { mode = "gateway" } },
  values = { mode = "gateway", ["local"] = "10.0.0.2", discovery = "10.0.0.9", dev = "v1" },
  read = { dev = "link" },
})

oracle.kind("hsr", {
  base = function(i, ns)
    ns:add_link { "p" .. i, kind = "veth", peer = "q" .. i }
    ns:add_link { "r" .. i, kind = "veth", peer = "s" .. i }
    return { slave1 = "p" .. i, slave2 = "r" .. i }
  end,
  skip = { slave1 = true, slave2 = true, interlink = true, supervision = true, version = true },
  values = { proto = "prp" },
  read = { proto = function(data) return data.proto == 1 and "prp" or "hsr" end },
})

oracle.kind("gtp", {
  base = function() return { role = "ggsn" } end,
  skip = { role = true, hsize = true, restart_count = true, create_sockets = true, fd0 = true, fd1 = true },
})

describe("a gtp", function()
  it("has a role, and sockets of the kernel unless it is told others", function()
    local ns = h.netns()
    local ok, link = pcall(ns.add_link, ns, { "g0", kind = "gtp", role = "sgsn", hsize = 128, restart_count = 7 })
    if not ok then h.pending "this kernel has no gtp (CONFIG_GTP)" end
    local data = h.oracle(ns, "ip -j -d link show dev g0")[1].linkinfo.info_data
    assert.same({ "sgsn", "sgsn", data.restart_count }, { link.role, data.role, link.restart_count })
    h.misuse("'ggsn'", ns.add_link, ns, { "g1", kind = "gtp", role = "ugsn" })
  end)
end)

for _, case in ipairs {
  { "lowpan", "an IEEE 802.15.4 link" }, { "ipoib", "an InfiniBand link" }, { "rmnet", "a modem" },
  { "wwan", "a modem" }, { "dsa", "a switch chip" }, { "can", "a CAN controller" },
} do
  describe("the kind " .. case[1], function()
    it("has its options", function() h.pending(("%s needs %s below it"):format(case[1], case[2])) end)
  end)
end

-- --- pairs ---

for _, name in ipairs { "netkit", "vxcan" } do
  describe("the pair kind " .. name, function()
    it("has both ends born in their place, and made again from a record", function()
      local a, b = h.netns(), h.netns()
      local ok, link, peer = pcall(a.add_link, a, { "n0", kind = name, up = true,
        peer = { "n1", netns = b, up = true } })
      if not ok then
        if type(link) ~= "table" or link.code ~= "EOPNOTSUPP" then error(link, 0) end
        h.pending(("this kernel has no %s (%s)"):format(name, oracle.table_of(name).config))
      end
      assert.same({ "n0", a, "n1", b, true, true },
        { link.name, link.netns, peer.name, peer.netns, link.up, peer.up })
      assert.equal(peer, link.peer)
      assert.equal(link, peer.peer)
      local record = link:record()
      assert.same({ name = "n1", netns = b.name }, record.peer)
      link:del()
      assert.is_nil(b:find_link "n1")
      a:add_link(record)
      assert.equal(name, b:link("n1").kind)
      local far = h.netns()
      local one, two = a:add_link { "far0", kind = name, netns = far }
      assert.same({ far, a }, { one.netns, two.netns })
    end)
  end)
end

describe("a netkit", function()
  it("has modes, policies and scrubs", function()
    local ns = h.netns()
    local ok, link, peer = pcall(ns.add_link, ns,
      { "n0", kind = "netkit", mode = "l2", policy = "blackhole", peer = "n1", peer_scrub = "none" })
    if not ok then h.pending "this kernel has no netkit (CONFIG_NETKIT)" end
    assert.same({ "l2", "blackhole", "forward", true, false },
      { link.mode, link.policy, link.peer_policy, link.primary, peer.primary })
    link:set { policy = "forward", peer_policy = "blackhole" }
    assert.same({ "forward", "blackhole", "blackhole" }, { link.policy, link.peer_policy, peer.policy })
    h.misuse("mode", link.set, link, { mode = "l3" })
    h.misuse("'blackhole'", link.set, link, { policy = "drop" })
  end)
end)

-- --- what nsh has no table for ---

describe("a kind without a table", function()
  it("is made by its name, and read back", function()
    local ns = h.netns()
    local ok, link = pcall(ns.add_link, ns, { "mon0", kind = "vsockmon", mtu = 9000 })
    if not ok then h.pending "this kernel has no vsockmon (CONFIG_VSOCKMON)" end
    assert.same({ "vsockmon", 9000 }, { link.kind, link.mtu })
    assert.equal("vsockmon", h.oracle(ns, "ip -j -d link show dev mon0")[1].linkinfo.info_kind)
    local record = link:record()
    link:del()
    assert.equal("vsockmon", ns:add_link(record).kind)
    h.misuse("unknown key", ns.add_link, ns, { "mon1", kind = "vsockmon", colour = "red" })
  end)

  it("that nobody has is said so", function()
    local ns = h.netns()
    local err = h.refused("EOPNOTSUPP", ns.add_link, ns, { "x0", kind = "warpdrive" })
    assert.is_truthy(err.hint:find "no link kind 'warpdrive'")
    for _, kind in ipairs { "rmnet", "dsa", "batadv" } do
      local ok, refused = pcall(ns.add_link, ns, { "x0", kind = kind })
      if ok then
        refused:del()
      elseif refused.extack and refused.extack:find "nknown device" then
        assert.is_truthy(refused.hint:find(oracle.table_of(kind).config, 1, true), kind)
      end
    end
    assert.is_nil(ns:find_link "x0")
  end)
end)
