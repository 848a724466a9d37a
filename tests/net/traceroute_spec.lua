-- traceroute_spec.lua - traceroute and path_mtu on a line of routers: against it, traceroute(8), ip route, and ping

local h = require "tests.helper"

local N = 5

describe("on a line of routers", function()
  local r = {}

  setup(function()
    for i = 1, N do
      r[i] = netns.add("trace-" .. i)
      r[i]:link "lo":set { up = true }
      for key, value in pairs { ["net.ipv4.ip_forward"] = 1, ["net.ipv6.conf.all.forwarding"] = 1,
        ["net.ipv4.icmp_ratelimit"] = 0, ["net.ipv6.icmp.ratelimit"] = 0 } do
        r[i].sysctl[key] = value
      end
    end
    for i = 1, N - 1 do
      local right, left = r[i]:add_link { "right", kind = "veth", up = true, addrgenmode = "none",
        peer = { "left", netns = r[i + 1], up = true, addrgenmode = "none" } }
      for k, link in ipairs { right, left } do
        link:add_addr(("10.0.%d.%d/24"):format(i, k))
        link:add_addr { ("fd00:%d::%d/64"):format(i, k), nodad = true }
        link:add_addr { ("fe80::%d/64"):format(k), nodad = true } -- routers ask for neighbours from it
      end
    end
    for i = 1, N do
      for k = 1, N - 1 do
        local via = k < i - 1 and { i - 1, 1 } or k > i and { i, 2 } or nil
        if via then
          r[i]:add_route { ("10.0.%d.0/24"):format(k), via = ("10.0.%d.%d"):format(via[1], via[2]) }
          r[i]:add_route { ("fd00:%d::/64"):format(k), via = ("fd00:%d::%d"):format(via[1], via[2]) }
        end
      end
    end
    assert(r[1]:reaches "10.0.4.2" and r[1]:reaches("fd00:4::2", { timeout = 5 }))
  end)
  teardown(function()
    for i = 1, N do r[i]:del() end
  end)

  local function hops_of(trace)
    local list = {}
    for i, hop in ipairs(trace.hops) do list[i] = hop.addr or "*" end
    return list
  end

  it("every method finds every hop", function()
    for family, dst in pairs { [4] = "10.0.4.2", [6] = "fd00:4::2" } do
      local want = {}
      for i = 1, N - 1 do want[i] = (family == 4 and "10.0.%d.2" or "fd00:%d::2"):format(i) end
      for _, method in ipairs { "udp", "icmp", "tcp" } do
        local t = r[1]:traceroute(dst, { method = method })
        assert.same(want, hops_of(t))
        assert.is_true(t.reached)
        assert.same({ dst, "trace-1", method }, { t.dst, t.netns, t.method })
        for i, hop in ipairs(t.hops) do
          assert.equal(i, hop.hop)
          assert.equal(3, #hop.probes)
          for _, probe in ipairs(hop.probes) do
            assert.truthy(probe.from == want[i] and probe.rtt > 0 and probe.rtt < 1 and not probe.error)
          end
        end
      end
    end
  end)

  it("says what traceroute(8) says", function()
    local theirs = {}
    for line in r[1]:exec("traceroute -n -q 1 10.0.4.2").out:gmatch "\n%s*(%d+%s+[%d.]+)" do
      theirs[#theirs + 1] = line:gsub("%s+", " ")
    end
    local ours = {}
    for line in tostring(r[1]:traceroute("10.0.4.2", { probes = 1 })):gmatch "\n%s*(%d+%s+[%d.]+)" do
      ours[#ours + 1] = line:gsub("%s+", " ")
    end
    assert.equal(4, #ours)
    assert.same(theirs, ours)
  end)

  it("takes an open port, a source, a link, few hops and probes", function()
    local listener <close> = r[5]:listen(8080)
    local t = r[1]:traceroute("10.0.4.2", { method = "tcp", port = listener.port, probes = 1 })
    assert.truthy(t.reached and #t.hops == 4 and #t.hops[1].probes == 1)
    t = r[1]:traceroute("10.0.4.2", { max_hops = 2, src = "10.0.1.1", dev = "right" })
    assert.same({ "10.0.1.2", "10.0.2.2" }, hops_of(t))
    assert.is_false(t.reached)
    assert.truthy(tostring(t):find("2 hops, not reached", 1, true))
    t = r[2]:traceroute("10.0.1.1")
    assert.same({ "10.0.1.1" }, hops_of(t))
    assert.same({ "127.0.0.1" }, hops_of(r[1]:traceroute "127.0.0.1"))
  end)

  it("marks what ends the way, and silence", function()
    r[3]:add_route { "10.9.1.0/24", type = "prohibit" }
    r[3]:add_route { "10.9.2.0/24", type = "unreachable" }
    r[3]:add_route { "10.9.3.0/24", type = "blackhole" }
    for i = 1, 2 do r[i]:add_route { "10.9.0.0/16", via = ("10.0.%d.2"):format(i) } end
    local t = r[1]:traceroute("10.9.1.1", { probes = 1 })
    assert.same({ "10.0.1.2", "10.0.2.2" }, hops_of(t))
    assert.equal("admin-prohibited", t.hops[2].probes[1].error)
    assert.truthy(tostring(t):find " 2  10.0.2.2  %d+%.%d+ ms !X$")
    assert.is_false(t.reached)
    assert.truthy(tostring(r[1]:traceroute("10.9.2.1", { probes = 1 })):find "!H$")
    t = r[1]:traceroute("10.9.3.1", { timeout = 0.1, max_hops = 6 })
    assert.same({ "10.0.1.2", "*", "*", "*", "*", "*" }, hops_of(t))
    assert.truthy(tostring(t):find "\n 2%-6  %* %* %*$")
    for i = 1, 2 do r[i]:del_route "10.9.0.0/16" end
  end)

  it("asks once more where a router may not answer at once", function()
    r[2].sysctl["net.ipv4.icmp_ratelimit"] = 1000
    for _ = 1, 4 do r[1]:ping("10.0.4.2", { ttl = 1, count = 3, interval = 0, timeout = 0.01 }) end
    local t = r[1]:traceroute("10.0.4.2")
    r[2].sysctl["net.ipv4.icmp_ratelimit"] = 0
    assert.same({ "10.0.1.2", "10.0.2.2", "10.0.3.2", "10.0.4.2" }, hops_of(t))
  end)

  it("path_mtu finds the narrowest link, and who says so", function()
    r[2]:link "right":set { mtu = 1400 }
    r[4]:link "right":set { mtu = 1300 }
    for _, case in ipairs { { "10.0.4.2", "10.0.1.2", "10.0.3.2" }, { "fd00:4::2", "fd00:1::2", "fd00:3::2" } } do
      local p = r[1]:path_mtu(case[1])
      assert.same({ 1300, 1500, true, false }, { p.mtu, p.link_mtu, p.reached, p.blackhole })
      assert.same({ { from = case[2], mtu = 1400 }, { from = case[3], mtu = 1300 } },
        h.only(p.limits, { from = "from", mtu = "mtu" }))
      assert.truthy(p.rtt > 0)
      assert.truthy(tostring(p):find("mtu 1300, the link has 1500", 1, true))
      assert.truthy(r[1]:exec("ip route get " .. case[1]).out:find "mtu 1300") -- what the kernel learnt meanwhile
    end
    assert.equal(1400, r[1]:path_mtu "10.0.3.1".mtu)
    assert.equal(1500, r[1]:path_mtu("10.0.1.2", { dev = "right", src = "10.0.1.1" }).mtu)
    assert.equal(65535, r[1]:path_mtu "127.0.0.1".mtu)
    r[2]:link "right":set { mtu = 1500 }
    r[4]:link "right":set { mtu = 1500 }
  end)

  it("path_mtu searches where nobody says anything", function()
    r[4]:link "left":set { mtu = 1301 } -- its peer doesn't know: what is longer is lost
    local p = r[2]:path_mtu "10.0.3.2"
    assert.truthy(p.reached and p.blackhole and #p.limits == 0)
    assert.truthy(p.mtu >= 1301 and p.mtu < 1320)
    assert.equal(1, r[2]:ping("10.0.3.2", { size = p.mtu - 28, timeout = 0.5 }).received)
    assert.equal(0, r[2]:ping("10.0.3.2", { size = p.mtu - 27, timeout = 0.1 }).received)
    assert.truthy(tostring(p):find("black hole", 1, true))
    assert.equal(p.mtu, r[2]:path_mtu "fd00:3::2".mtu)
    r[4]:link "left":set { mtu = 1500 }
    local nobody = r[1]:path_mtu("10.0.1.77", { timeout = 0.05 })
    assert.same({ false, false }, { nobody.reached, nobody.blackhole })
    assert.is_nil(nobody.mtu)
    assert.truthy(tostring(nobody):find "nobody answers")
  end)

  it("many go on at once, and Ctrl-C ends them", function()
    local got = nsh.all {
      function() return r[1]:traceroute "10.0.4.2" end,
      function() return r[1]:traceroute("10.0.4.2", { method = "icmp" }) end,
      function() return r[1]:traceroute("fd00:4::2", { method = "tcp" }) end,
      function() return r[1]:path_mtu "10.0.4.2" end,
    }
    for i = 1, 3 do assert.equal(4, #got[i].hops) end
    assert.equal(1500, got[4].mtu)
    local before = h.descriptors()
    for _, fn in ipairs { r[1].traceroute, r[1].path_mtu } do
      h.refused("ETIMEDOUT", nsh.timeout, 0.02, fn, r[1], "10.0.1.99", { timeout = 60 })
    end
    assert.equal(before, (h.descriptors()))
    h.interrupted [[
      local a = netns.add "a"
      a:add_link { "x", kind = "veth", up = true, peer = { "y", up = true } }:add_addr "10.0.0.1/24"
      a:traceroute("10.0.0.9", { timeout = 60 })
    ]]
  end)

  it("measures on while the link itself gets smaller", function()
    local a = h.netns()
    local link = a:add_link { "x", kind = "veth", up = true, peer = { "y", up = true } }
    link:add_addr "10.0.0.1/24"
    local task = nsh.go(a.path_mtu, a, "10.0.0.9", { timeout = 0.5 })
    nsh.sleep(0.1)
    link:set { mtu = 500 }
    assert.is_nil(task:wait(10).mtu)
  end)

  it("says what can't be", function()
    for _, name in ipairs { "traceroute", "path_mtu" } do
      local fn = r[1][name]
      h.refused("ENETUNREACH", fn, r[1], "10.8.8.8")
      h.refused("EINVAL", fn, r[1], "nowhere")
      h.refused("EADDRNOTAVAIL", fn, r[1], "10.0.1.2", { src = "10.7.7.7" })
      assert.truthy(h.raised(fn, r[1], "10.0.1.2", { dev = "nolink" }))
      h.misuse("an address", fn, r[1])
      h.misuse("timeout", fn, r[1], "10.0.1.2", { timeout = -1 })
      h.misuse("did you mean 'timeout'", fn, r[1], "10.0.1.2", { timeuot = 1 })
    end
    h.misuse("method is", r[1].traceroute, r[1], "10.0.1.2", { method = "sctp" })
    h.misuse("max_hops", r[1].traceroute, r[1], "10.0.1.2", { max_hops = 0 })
    h.misuse("probes", r[1].traceroute, r[1], "10.0.1.2", { probes = 11 })
  end)
end)
