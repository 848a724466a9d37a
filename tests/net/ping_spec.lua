-- ping_spec.lua - ping and reaches: what is counted, what is an error, how long it takes

local h = require "tests.helper"

local raised = h.raised

local function seconds(fn, ...)
  local f = assert(io.open "/proc/uptime")
  local from = f:read "n"
  f:close()
  local result = fn(...)
  f = assert(io.open "/proc/uptime")
  local to = f:read "n"
  f:close()
  return to - from, result
end

-- The kernel's own counters of a namespace: protocol, counter
local function counter(ns, file, name)
  local text = ns:exec("cat /proc/net/" .. file).out
  local v6 = text:match(name .. "%s+(%d+)")
  if v6 then return tonumber(v6) end
  for names, values in text:gmatch "(%w+:[^\n]*)\n(%w+:[^\n]*)\n" do
    local at = {}
    for word in names:gmatch "%S+" do at[#at + 1] = word end
    local i = 0
    for word in values:gmatch "%S+" do
      i = i + 1
      if at[i] == name then return tonumber(word) end
    end
  end
end

describe("in a namespace whose loopback is down", function()
  local ns
  setup(function() ns = netns.add "ping-down" end)
  teardown(function() ns:del() end)

  it("ping raises what sending failed with, and reaches is false", function()
    local err = raised(ns.ping, ns, "127.0.0.1")
    assert.equal("ENETUNREACH", err.code)
    assert.equal("ping", err.op)
    assert.equal("127.0.0.1", err.target)
    assert.truthy(err.hint:find "no route")
    assert.is_false(ns:reaches("127.0.0.1", { timeout = 0.05 }))
    assert.is_false(ns:reaches("fd00::1", { timeout = 0.05 }))
  end)

  it("reaches waits for a path that comes up", function()
    local p = ns:spawn "sleep 0.2; ip link set lo up; sleep 5"
    assert.is_true(ns:reaches("127.0.0.1", { timeout = 3 }))
    p:kill()
    ns:link "lo":set { up = false }
  end)
end)

describe("ping", function()
  local a, b, c, link

  setup(function()
    a, b, c = netns.add "ping-a", netns.add "ping-b", netns.add "ping-c"
    for _, ns in ipairs { a, b, c } do ns:link "lo":set { up = true } end
    local peer
    link, peer = a:add_link { "a0", kind = "veth", up = true, peer = { "b0", netns = b, up = true } }
    local b1, c0 = b:add_link { "b1", kind = "veth", up = true, peer = { "c0", netns = c, up = true } }
    link:add_addr "10.0.0.1/24"
    peer:add_addr "10.0.0.2/24"
    b1:add_addr "10.1.0.1/24"
    c0:add_addr "10.1.0.2/24"
    link:add_addr { "fd00::1/64", nodad = true }
    peer:add_addr { "fd00::2/64", nodad = true }
    b.sysctl["net.ipv4.ip_forward"] = 1
    a:add_route { "10.1.0.0/16", via = "10.0.0.2" }
    c:add_route { "default", via = "10.1.0.1" }
    assert(a:reaches "10.1.0.2" and a:reaches "fd00::2")
  end)
  teardown(function()
    for _, ns in ipairs { a, b, c } do ns:del() end
  end)

  it("sends one request unless told otherwise", function()
    local r = a:ping "10.0.0.2"
    assert.same({ 1, 1, 0 }, { r.sent, r.received, r.loss })
    assert.equal(1, #r.replies)
    local reply = r.replies[1]
    assert.same({ 1, "10.0.0.2", 64, 64 }, { reply.seq, reply.from, reply.ttl, reply.bytes })
    assert.truthy(reply.rtt > 0 and reply.rtt < 1)
    assert.equal(reply.rtt, r.rtt.avg)
    assert.equal(0, r.rtt.mdev)
    assert.truthy(r.id >= 0 and r.id <= 65535)
  end)

  it("prints the summary of ping(8)", function()
    local text = tostring(a:ping("10.0.0.2", { count = 3, interval = 0.01 }))
    assert.truthy(text:find("3 packets to 10.0.0.2 from ping-a: 3 answered, 0 % lost", 1, true))
    assert.truthy(text:find "rtt min/avg/max/mdev [%d.]+/[%d.]+/[%d.]+/[%d.]+ ms")
  end)

  it("sends exactly what it says, by the other end's counters", function()
    for _, case in ipairs { { "10.0.0.2", "snmp", "InEchos" }, { "fd00::2", "snmp6", "Icmp6InEchos" } } do
      local before = counter(b, case[2], case[3])
      local r = a:ping(case[1], { count = 200, interval = 0 })
      assert.same({ 200, 200, 0 }, { r.sent, r.received, r.loss })
      assert.equal(before + 200, counter(b, case[2], case[3]))
      local min, max, sum, seen = math.huge, 0, 0, {}
      for _, reply in ipairs(r.replies) do
        min, max, sum = math.min(min, reply.rtt), math.max(max, reply.rtt), sum + reply.rtt
        seen[reply.seq] = true
      end
      assert.equal(200, #seen)
      assert.same({ min, max }, { r.rtt.min, r.rtt.max })
      assert.near(sum / 200, r.rtt.avg, 1e-9)
    end
  end)

  it("does not take its own requests for answers", function()
    a.sysctl["net.ipv4.icmp_echo_ignore_all"] = 1
    local r = a:ping("127.0.0.1", { count = 3, interval = 0.01, timeout = 0.1 })
    assert.same({ 3, 0, 1 }, { r.sent, r.received, r.loss })
    assert.is_nil(r.rtt)
    assert.is_false(a:reaches("127.0.0.1", { timeout = 0.1 }))
    a.sysctl["net.ipv4.icmp_echo_ignore_all"] = 0
  end)

  it("takes every size", function()
    for _, dst in ipairs { "10.0.0.2", "fd00::2" } do
      for _, size in ipairs { 0, 1, 56, 1472, 1473, 9000, 65507 } do
        local r = a:ping(dst, { size = size })
        assert.equal(1, r.received)
        assert.equal(size + 8, r.replies[1].bytes)
      end
    end
  end)

  it("sends through the link and from the address asked for", function()
    assert.equal(1, a:ping("10.0.0.2", { dev = "a0", src = "10.0.0.1" }).received)
    assert.equal(1, a:ping("10.0.0.2", { dev = link }).received)
    assert.equal(1, a:ping("fd00::2", { dev = "a0", src = "fd00::1/64" }).received)
    assert.is_false(a:reaches("10.0.0.2", { dev = "lo", timeout = 0.1 }))
    assert.equal("EADDRNOTAVAIL", raised(a.ping, a, "10.0.0.2", { src = "10.0.0.99" }).code)
    assert.is_false(a:reaches("10.0.0.2", { src = "10.0.0.99", timeout = 0.1 }))
    assert.equal("ENODEV", raised(a.ping, a, "10.0.0.2", { dev = "nolink" }).code)
    assert.equal("ENODEV", raised(a.reaches, a, "10.0.0.2", { dev = "nolink" }).code)
  end)

  it("wants a link for a link-local address", function()
    local lladdr
    for _, addr in ipairs(b:addrs { dev = "b0", family = "inet6" }) do
      lladdr = lladdr or addr.addr:match "^(fe80:[^/]*)"
    end
    assert.is_true(a:reaches(lladdr .. "%a0", { timeout = 4 }))
    assert.equal(1, a:ping(lladdr, { dev = "a0" }).received)
    local err = raised(a.ping, a, lladdr)
    assert.equal("EINVAL", err.code)
    assert.truthy(err.hint:find("%a0", 1, true) or err.hint:find("%eth0", 1, true))
  end)

  it("takes an address as records give it, and no names", function()
    assert.equal(1, a:ping(b:addrs { dev = "b0", family = "inet" }[1].addr).received)
    for _, bad in ipairs { "", "10.0.0", "10.0.0.256", "::g", "10.0.0.1/33", "fe80::1%", "example.com" } do
      assert.equal("EINVAL", raised(a.ping, a, bad).code)
      assert.equal("EINVAL", raised(a.reaches, a, bad).code)
    end
    assert.truthy(raised(a.ping, a, "localhost").hint:find "resolves no names")
  end)

  it("tells errors of the path as replies", function()
    local r = a:ping("10.1.0.2", { ttl = 1, count = 2, interval = 0.01 })
    assert.same({ 2, 0, 1 }, { r.sent, r.received, r.loss })
    assert.same({ seq = 1, from = "10.0.0.2", error = "time-exceeded" }, r.replies[1])
    assert.truthy(tostring(r):find("time-exceeded from 10.0.0.2 (2)", 1, true))
    assert.equal(63, a:ping("10.1.0.2").replies[1].ttl)
    b:add_route { "10.1.1.0/24", type = "prohibit" }
    b:add_route { "10.1.2.0/24", type = "unreachable" }
    assert.equal("admin-prohibited", a:ping "10.1.1.1".replies[1].error)
    assert.equal("host-unreachable", a:ping "10.1.2.1".replies[1].error)
    assert.is_false(a:reaches("10.1.2.1", { timeout = 0.1 }))
  end)

  it("raises what the routes here say", function()
    for kind, code in pairs { unreachable = "EHOSTUNREACH", prohibit = "EACCES", blackhole = "EINVAL" } do
      a:add_route { "10.7.0.0/16", type = kind }
      local err = raised(a.ping, a, "10.7.0.1")
      assert.equal(code, err.code)
      assert.is_string(err.hint)
      assert.is_false(a:reaches("10.7.0.1", { timeout = 0.05 }))
      a:del_route { "10.7.0.0/16", type = kind }
    end
    assert.equal("EACCES", raised(a.ping, a, "10.0.0.255").code)
  end)

  it("ends with the last answer, or timeout after the last request", function()
    assert.truthy(seconds(a.ping, a, "10.0.0.2", { count = 2, interval = "100ms" }) < 0.5)
    local took, r = seconds(a.ping, a, "10.0.0.99", { count = 2, interval = 0.1, timeout = 0.2 })
    assert.truthy(took >= 0.28 and took < 0.8)
    assert.equal(0, r.received)
    took = seconds(a.reaches, a, "10.0.0.99", { timeout = 0.3 })
    assert.truthy(took >= 0.28 and took < 0.8)
  end)

  it("goes on when requests can't leave any more", function()
    local p = a:spawn "sleep 0.1; ip link set a0 down; sleep 5"
    local r = a:ping("10.0.0.2", { count = 10, interval = 0.05, timeout = 0.1 })
    p:kill()
    link:set { up = true }
    a:add_route { "10.1.0.0/16", via = "10.0.0.2" }
    assert.equal(10, r.sent)
    assert.truthy(r.received > 0 and r.received < 10)
    assert.equal("ENETUNREACH", r.replies[10].error)
    assert.is_nil(r.replies[10].from)
  end)

  it("refuses misuse with a sentence", function()
    for _, case in ipairs {
      { { cuont = 3 }, "count" }, { { count = 0 }, "count" }, { { count = 65536 }, "count" },
      { { count = "many" }, "count" }, { { interval = -1 }, "interval" }, { { timeout = "soon" }, "timeout" },
      { { size = 65508 }, "size" }, { { size = 1.5 }, "size" }, { { ttl = 0 }, "ttl" }, { { ttl = 256 }, "ttl" },
      { { dev = 7 }, "dev" }, { { src = true }, "src" }, { "fast", "table" },
    } do
      local err = raised(a.ping, a, "10.0.0.2", case[1])
      assert.is_string(err)
      assert.truthy(err:find "%.lua:%d+:")
      assert.truthy(err:find(case[2], 1, true))
    end
    assert.is_string(raised(a.ping, a))
    assert.is_string(raised(a.ping, a, 10))
    assert.is_string(raised(a.ping, a, "10.0.0.2\0x"))
    assert.truthy(raised(a.reaches, a, "10.0.0.2", { count = 3 }):find "count")
  end)

  it("keeps no descriptor, whatever happens", function()
    local before = h.descriptors()
    for _ = 1, 20 do
      a:ping "10.0.0.2"
      a:reaches("10.0.0.99", { timeout = 0 })
      pcall(a.ping, a, "10.9.9.9")
      pcall(a.ping, a, "10.0.0.2", { dev = "nolink" })
    end
    collectgarbage()
    assert.equal(before, h.descriptors())
  end)
end)
