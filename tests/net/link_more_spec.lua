-- link_more_spec.lua - what links have beside ip(8)'s plain options: counters, tokens, reasons, flags sent together
local h = require "tests.helper"

describe("a link", function()
  local ns
  before_each(function()
    ns = h.netns()
    ns:add_link { "v0", kind = "veth", up = true, peer = { "v1", up = true } }
  end)

  it("has all the counters that ip(8) has", function()
    ns:link("v0"):add_addr "10.0.0.1/24"
    ns:ping("10.0.0.2", { count = 1, timeout = 0.1 })
    local ours, theirs
    h.settles(function()
      ours = ns:link("v0").stats
      theirs = h.oracle(ns, "ip -j -s -s link show dev v0")[1].stats64
      for _, way in ipairs { "rx", "tx" } do
        assert.equal(theirs[way].packets, ours[way .. "_packets"])
        assert.equal(theirs[way].bytes, ours[way .. "_bytes"])
      end
    end)
    assert.is_true(ours.tx_packets > 0)
    local n = 0
    for way, counters in pairs(theirs) do
      for name, value in pairs(counters) do
        local key = name == "multicast" and name or name == "collisions" and name or way .. "_" .. name
        local other = name == "carrier_changes" and ns:link("v0")[name]
        n = n + 1
        assert.equal(value, other or ours[key] or ours[key .. "_errors"], key)
      end
    end
    assert.is_true(n >= 20)
  end)

  it("has the counters of a bridge and of its ports", function()
    local bridge = ns:add_link { "br0", kind = "bridge", stp = true, mcast_stats_enabled = true, up = true }
    ns:link("v0"):set { master = bridge }
    assert.same({}, ns:link("v1"):xstats())
    local ours, theirs
    h.settles(function()
      ours = ns:link("v0"):xstats().port
      theirs = h.oracle(ns, "ip -j link xstats type bridge_slave dev v0")[1]
      assert.is_true(ours.stp.transition_blk > 0)
      assert.same(theirs.stp, ours.stp)
    end)
    assert.equal(theirs.multicast.mld_reports.rx_v2, ours.mcast.rx_mld_v2reports)
    theirs = h.oracle(ns, "ip -j link xstats type bridge dev br0")[1].multicast
    local n = 0
    for key, value in pairs(bridge:xstats().mcast) do
      local way, protocol, version, what = key:match "^(.x)_(%l+)_v(%d)(%l+)$"
      if way then
        assert.equal(theirs[protocol .. "_" .. what][("%s_v%s"):format(way, version)], value, key)
        n = n + 1
      end
    end
    assert.equal(20, n)
  end)

  it("has a token for its addresses", function()
    local link = ns:link "v0"
    ns.sysctl["net.ipv6.conf.v0.accept_ra"] = 1
    link:set { token = "::5" }
    assert.equal("::5", link.token)
    assert.equal("::5", h.oracle(ns, "ip -j token show dev v0")[1].token)
    link:set { token = false }
    assert.is_nil(link.token)
    h.misuse("IPv6", link.set, link, { token = "10.0.0.1" })
  end)

  it("is held down for reasons", function()
    local link = ns:add_link { "m0", kind = "macvlan", link = "v0", protodown = true, protodown_reason = 5 }
    assert.equal(5, link.protodown_reason)
    local theirs = h.oracle(ns, "ip -j -d link show dev m0")[1]
    assert.same({ true, { "0", "2" } }, { theirs.proto_down, theirs.proto_down_reason })
    assert.is_truthy(h.refused("EBUSY", link.set, link, { protodown = false }).hint:find "protodown_reason = false")
    link:set { protodown = false, protodown_reason = false }
    assert.same({ false, nil }, { link.protodown, link.protodown_reason })
  end)

  it("counts the comings and goings of its carrier", function()
    local a, b = ns:link "v0", ns:link "v1"
    local before = a.carrier_changes
    b:set { up = false }
    h.settles(function() assert.equal(before + 1, a.carrier_changes) end)
    assert.equal(a.carrier_changes, a.carrier_up_count + a.carrier_down_count)
  end)

  it("keeps a macvlan's other flag, and can forget whom it lets in", function()
    local link = ns:add_link { "m0", kind = "macvlan", link = "v0", mode = "source", nodst = true,
      macaddr = { "02:00:00:00:00:01", "02:00:00:00:00:02" } }
    assert.equal(2, link.macaddr_count)
    link:set { macaddr = false }
    assert.same({ 0, nil }, { link.macaddr_count, link.macaddr })
    link:del()
    link = ns:add_link { "m1", kind = "macvlan", link = "v0", mode = "passthru", nopromisc = true, nodst = true }
    assert.same({ true, true }, { link.nodst, link.nopromisc })
    link:set { nodst = false }
    assert.same({ nil, true }, { link.nodst, link.nopromisc })
  end)

  it("has a group, by number or name", function()
    local link = ns:link "v0"
    link:set { group = 77 }
    assert.same({ 77, "v0" }, { link.group, ns:links { group = 77 }[1].name })
    link:set { group = "default" }
    assert.equal("default", link.group)
    h.misuse("'default'", link.set, link, { group = "nobody's" })
  end)
end)

describe("a pair that is born up", function()
  it("carries the very first packet", function()
    local major, minor = netns.current():exec("uname -r").out:match "^(%d+)%.(%d+)"
    if tonumber(major) * 100 + tonumber(minor) < 608 then
      h.pending "Linux before 6.8 takes notice of a carrier when it likes, at most a second later"
      return
    end
    for i = 1, 20 do
      local a, b = h.netns(), h.netns()
      local one, two = a:add_link { "v0", kind = "veth", up = true, peer = { "v1", netns = b, up = true } }
      one:add_addr "10.0.0.1/24"
      two:add_addr "10.0.0.2/24"
      assert.equal(1, a:ping("10.0.0.2", { timeout = 5 }).received, i)
      assert.equal(0, one.stats.tx_dropped, i)
      assert.equal(0, two.stats.tx_dropped, i)
    end
  end)
end)
