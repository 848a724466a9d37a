-- iperf3_spec.lua - iperf3 as a recipe, and what it thinks of our own measurement
local h = require "tests.helper"
local iperf3 = require "stdlib.iperf3"

local function pair()
  local a, b = h.netns(), h.netns()
  local x, y = a:add_link { "x", kind = "veth", up = true, peer = { "y", netns = b, up = true } }
  x:add_addr "10.0.0.1/24"
  y:add_addr "10.0.0.2/24"
  return a, b, x
end

describe("iperf3", function()
  it("and nsh agree on a link with a rate", function()
    local a, b, x = pair()
    x:set_qdisc { "tbf", rate = "20mbit", burst = "32kb", latency = "50ms" }
    local theirs, ours = iperf3.throughput { from = a, to = b }, nsh.throughput { from = a, to = b, seconds = 0.5 }
    assert.is_true(theirs.rate > 5e6 and theirs.rate < 22e6, tostring(theirs))
    local ratio = ours.rate / theirs.rate
    assert.is_true(ratio > 0.6 and ratio < 1.7, tostring(theirs) .. "\n" .. tostring(ours))
    assert.is_true(theirs.sent.bytes >= theirs.received.bytes and theirs.cpu > 0)
  end)

  it("sends datagrams at the rate that is asked for", function()
    local a, b = pair()
    local record = iperf3.throughput { from = a, to = b, proto = "udp", rate = 20e6, streams = 2, size = 1000 }
    assert.is_true(record.sent.rate > 15e6 and record.sent.rate < 25e6, tostring(record))
    assert.is_true(record.rate > 1e6 and record.loss >= 0 and record.loss < 1, tostring(record))
    assert.equal(0, record.sent.bytes % 1000)
  end)

  it("says in its own words what it can't do", function()
    local a, b = pair()
    a:link("lo"):set { up = true }
    local err = h.refused("EXIT", iperf3.throughput, { from = a, to = b, addr = "10.0.0.1" })
    assert.is_truthy(err.message:find "unable to connect", err.message)
    h.misuse("seconds is a whole number", iperf3.throughput, { from = a, to = b, seconds = 0.5 })
    h.misuse("to is a namespace", iperf3.throughput, { from = a })
    h.misuse("did you mean 'streams'", iperf3.throughput, { from = a, to = b, stream = 1 })
    h.misuse("has no address", iperf3.throughput, { from = a, to = h.netns() })
  end)
end)
