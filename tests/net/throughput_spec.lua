-- throughput_spec.lua - throughput and latency: against the links' counters, a limited link, and their own end
-- lanes: alone
local h = require "tests.helper"

describe("between two namespaces", function()
  local a, b, link, peer

  setup(function()
    a, b = netns.add "throughput-a", netns.add "throughput-b"
    link, peer = h.join(a, b)
    assert(a:reaches "10.0.0.2" and a:reaches "fd00::2")
  end)
  teardown(function()
    a:del()
    b:del()
  end)

  -- what a test brought, and how much the receiver's link got meanwhile
  local function counted(spec)
    spec.from, spec.to, spec.seconds = a, b, spec.seconds or 0.1
    local before = peer.stats
    local result = nsh.throughput(spec)
    local after = peer.stats
    return result, after.rx_bytes - before.rx_bytes, after.rx_packets - before.rx_packets
  end

  it("TCP carries what the link counts", function()
    for _, case in ipairs { { addr = "10.0.0.2" }, { addr = "fd00::2" }, { streams = 3 }, { size = 1000 },
      { addr = "fe80::2%a0" }, { addr = "fe80::2", dev = link } } do
      local r, bytes = counted(case)
      assert.equal("tcp", r.proto)
      assert.equal(case.streams or 1, #r.streams)
      assert.truthy(r.received.bytes > 1e6, tostring(r))
      assert.truthy(r.received.bytes <= r.sent.bytes)
      assert.truthy(bytes >= r.received.bytes, tostring(r))
      assert.equal(r.rate, r.received.rate)
      assert.near(r.received.bytes * 8 / r.seconds, r.rate, r.rate * 0.1)
      local sum = 0
      for _, stream in ipairs(r.streams) do
        assert.truthy(stream.received > 0)
        sum = sum + stream.received
      end
      assert.equal(r.received.bytes, sum)
      assert.truthy(r.cpu.total > 0 and math.abs(r.cpu.user + r.cpu.system - r.cpu.total) < 1e-9)
      assert.truthy(tostring(r):find("retransmits", 1, true))
    end
    assert.equal("10.0.0.2", counted({}).addr)
  end)

  it("UDP keeps to its rate, and counts each datagram", function()
    local r, bytes, packets = counted { proto = "udp", rate = "20mbit", seconds = 0.3 }
    assert.near(20e6, r.sent.rate, 1e6)
    assert.near(20e6, r.rate, 2e6)
    assert.equal(1472, r.size)
    assert.equal(r.sent.packets * 1472, r.sent.bytes)
    assert.truthy(packets >= r.sent.packets and packets <= r.sent.packets + 8) -- the last one is empty
    assert.truthy(bytes >= r.received.bytes + 28 * r.received.packets)
    assert.equal(0, r.loss)
    assert.truthy(r.jitter >= 0 and r.jitter < 0.1)
    assert.equal(1452, counted({ proto = "udp", addr = "fd00::2", rate = "1mbit" }).size)
    r = counted { proto = "udp", size = 100, streams = 2, port = 5000 }
    assert.truthy(r.sent.packets > 100 and r.received.packets <= r.sent.packets)
    assert.near(1 - r.received.packets / r.sent.packets, r.loss, 1e-9)
    assert.truthy(tostring(r):find("datagrams of 100 bytes", 1, true))
  end)

  it("finds what a slow link lets through", function()
    link:set_qdisc { "tbf", rate = "10mbit", burst = "5kb", limit = "100kb" }
    local tcp = counted { seconds = 0.5 }
    link:set_qdisc { "tbf", limit = "30kb" } -- so that datagrams are dropped, not held back
    local udp = counted { proto = "udp", rate = "20mbit", seconds = 0.5 }
    link:del_qdisc()
    assert.truthy(tcp.rate > 4e6 and tcp.rate < 11e6, tostring(tcp))
    assert.near(10e6, udp.rate, 1.5e6)
    assert.near(0.5, udp.loss, 0.1)
  end)

  it("latency counts requests and their answers", function()
    for _, proto in ipairs { "tcp", "udp" } do
      local r = nsh.latency { from = a, to = b, proto = proto, seconds = 0.1, size = 100 }
      assert.equal(proto, r.proto)
      assert.truthy(r.received > 100 and r.received >= r.sent - 1)
      assert.near(r.received / r.seconds, r.rate, 1e-6)
      local rtt = r.rtt
      assert.truthy(rtt.min > 1e-6 and rtt.min <= rtt.avg and rtt.avg <= rtt.max)
      assert.truthy(rtt.p50 <= rtt.p90 and rtt.p90 <= rtt.p99 and rtt.p99 <= rtt.max * 1.02)
      assert.near(1 / r.rate, rtt.avg, 1 / r.rate / 4)
      assert.truthy(tostring(r):find "answers/s")
    end
  end)

  local function workers()
    return a:exec("ps -o pid= -C nsh-sender,nsh-receiver", { check = false }).out
  end

  it("goes on beside other tasks, and ends with its own", function()
    local r = nsh.all {
      function() return nsh.throughput { from = a, to = b, seconds = 0.3, streams = 2 } end,
      function() return nsh.latency { from = b, to = a, seconds = 0.3 } end,
    }
    assert.truthy(r[1].rate > 0 and r[2].rate > 0)
    assert.equal("", workers())
    local one = nsh.go(nsh.throughput, { from = a, to = b, seconds = 60, streams = 2 })
    local two = nsh.go(nsh.latency, { from = b, to = a, seconds = 60 })
    assert.truthy(h.eventually(function() return select(2, workers():gsub("%d+", "")) == 6 end))
    one:cancel()
    two:cancel()
    assert.equal("", workers())
    local took = h.raised(nsh.timeout, 0.1, nsh.throughput, { from = a, to = b, seconds = 60 })
    assert.equal("ETIMEDOUT", took.code)
    assert.equal("", workers())
  end)

  it("tells when a process of its was killed", function()
    local task = nsh.go(nsh.throughput, { from = a, to = b, seconds = 60 })
    local pids = h.eventually(function() return workers():match "%d+%s+%d+" end)
    a:exec("kill -KILL " .. pids:gsub("%s+", " "))
    local err = h.refused("ECANCELED", task.wait, task)
    assert.truthy(err.message:find "killed by SIGKILL")
  end)

  it("tells what stood in its way", function()
    local taken = { from = a, to = b, port = 7000, seconds = 60 }
    local task = nsh.go(nsh.throughput, taken)
    assert(h.eventually(function() return workers() ~= "" end))
    local server = b:spawn "exec iperf3 -s -p 7001 >/dev/null 2>&1"
    assert(h.eventually(function() return b:exec("ss -tln").out:find ":7001" end))
    local err = h.refused("EADDRINUSE", nsh.throughput, { from = a, to = b, port = 7001 })
    assert.truthy(err.hint:find "ss -")
    server:kill()
    server:wait { check = false }
    task:cancel()
    assert.truthy(h.refused("EADDRNOTAVAIL", nsh.throughput, { from = a, to = b, addr = "10.0.0.9" }).hint)
    h.refused("EINVAL", nsh.throughput, { from = a, to = b, addr = "nowhere" })
    h.refused("ENODEV", nsh.throughput, { from = a, to = b, dev = "nolink" })
    local bare = h.netns()
    h.misuse("no address", nsh.throughput, { from = a, to = bare })
    bare:add_link { "x0", kind = "veth", up = true, peer = "x1" }:add_addr "192.168.1.1/24"
    assert.equal("ENETUNREACH", h.raised(nsh.throughput, { from = a, to = bare }).code)
  end)

  it("refuses misuse with a sentence", function()
    for _, case in ipairs {
      { "a table", "fast" }, { "from and to", { from = a } },
      { "did you mean 'streams'", { from = a, to = b, steams = 2 } },
      { "proto", { from = a, to = b, proto = "sctp" } }, { "streams", { from = a, to = b, streams = 0 } },
      { "rate", { from = a, to = b, rate = "fast" } }, { "rate", { from = a, to = b, rate = 0 } },
      { "size", { from = a, to = b, proto = "udp", size = 8 } }, { "seconds", { from = a, to = b, seconds = -1 } },
      { "port 65535 is too high", { from = a, to = b, proto = "udp", port = 65535, streams = 2 } },
      { "a namespace", { from = a, to = 7 } }, { "port", { from = a, to = b, port = 0 } },
    } do
      h.misuse(case[1], nsh.throughput, case[2])
    end
    h.misuse("unknown key 'rate'", nsh.latency, { from = a, to = b, rate = 1 })
  end)

  it("ends on Ctrl-C with all its processes", function()
    h.interrupted [[
      local a = netns.add "a"
      a:link "lo":set { up = true }
      nsh.throughput { from = a, to = a, addr = "127.0.0.1", seconds = 60 }
    ]]
  end)
end)
