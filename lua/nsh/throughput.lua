--- throughput.lua - how much goes through between two namespaces, and how long an answer takes.
-- The load is made by processes of nsh's own, forked for it; no program is run.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local netns = require "nsh.netns"
local target = require "nsh.target"

local m = {}

--- What a throughput test brought. Plain data. Bytes are those that the programs see, without any header.
---@class nsh.Throughput
---@field from string
---@field to string
---@field addr string
---@field proto string "tcp" or "udp"
---@field seconds number how long was sent
---@field rate number bit/s that arrived: the sum of all streams
---@field sent { bytes: integer, rate: number, packets?: integer } packets with UDP
---@field received { bytes: integer, rate: number, packets?: integer }
---@field size integer bytes of one write, or of one datagram
---@field retransmits? integer TCP segments that were sent again
---@field loss? number UDP: 0 (all arrived) to 1 (none)
---@field reordered? integer UDP: datagrams that came after a later one
---@field jitter? number UDP: seconds by which the time on the way changes, smoothed (RFC 3550); of the worst stream
---@field cpu { user: number, system: number, total: number } seconds that the processes of both sides used
---@field busy number seconds of one processor that the whole machine was busy: the kernel's work for packets is in it
---@field streams { sent: integer, received: integer, rate: number }[] each stream's bytes and bit/s
local Throughput = { __name = "nsh.throughput" }

--- What a latency test brought. Plain data.
---@class nsh.Latency
---@field from string
---@field to string
---@field addr string
---@field proto string "tcp" or "udp"
---@field seconds number
---@field size integer bytes of a request, and of its answer
---@field rate number answers a second
---@field sent integer requests
---@field received integer answers
---@field loss number 0 to 1
---@field rtt { min: number, avg: number, max: number, p50: number, p90: number, p99: number } seconds
---@field cpu { user: number, system: number, total: number } seconds that the processes of both sides used
---@field busy number seconds of one processor that the whole machine was busy
local Latency = { __name = "nsh.latency" }

--- The options of a throughput or latency test.
---@class nsh.ThroughputOptions
---@field from nsh.Netns|string who sends
---@field to nsh.Netns|string who receives
---@field addr? string an address of `to`; the first that `from` has a route to
---@field proto? "tcp"|"udp" ("tcp")
---@field seconds? number|string (1)
---@field streams? integer how many at once, 1 to 128 (1)
---@field size? integer|string bytes of a write or datagram (TCP 128kb, UDP what fits a packet); of a request (64)
---@field rate? number|string throughput: bit/s of all streams, as "10mbit"; as fast as it goes
---@field port? integer that the receiver has; with UDP the streams have one each, from there on; the kernel chooses
---@field src? string the address to send from
---@field dev? string|nsh.Link the link to send through

local UNITS = { { 1e9, "Gbit/s" }, { 1e6, "Mbit/s" }, { 1e3, "kbit/s" }, { 0, "bit/s" } }

local function rate_text(rate)
  for _, unit in ipairs(UNITS) do
    if rate >= unit[1] then return ("%.4g %s"):format(rate / math.max(unit[1], 1), unit[2]) end
  end
end

local function cpu_text(test)
  return ("cpu %.2f s (user %.2f, system %.2f), machine busy %.2f s"):format(
    test.cpu.total, test.cpu.user, test.cpu.system, test.busy)
end

function Throughput:__tostring()
  local n = #self.streams
  local lines = {
    ("%s %s to %s (%s), %d stream%s, %.2f s: %s received, %s sent"):format(self.proto, self.from, self.to, self.addr,
      n, n == 1 and "" or "s", self.seconds, rate_text(self.rate), rate_text(self.sent.rate)),
  }
  if self.proto == "udp" then
    lines[2] = ("%d of %d datagrams of %d bytes received, %.4g %% lost, jitter %.3f ms"):format(self.received.packets,
      self.sent.packets, self.size, self.loss * 100, self.jitter * 1000)
  else
    lines[2] = ("%d retransmits"):format(self.retransmits)
  end
  lines[3] = cpu_text(self)
  return table.concat(lines, "\n")
end

function Latency:__tostring()
  local rtt = self.rtt
  local lines = { ("%s %s to %s (%s), %d bytes, %.2f s: %.6g answers/s, %.4g %% lost"):format(self.proto, self.from,
    self.to, self.addr, self.size, self.seconds, self.rate, self.loss * 100) }
  if rtt then
    lines[2] = ("rtt min/avg/max %.1f/%.1f/%.1f us, 50 %% below %.1f, 90 %% below %.1f, 99 %% below %.1f us"):format(
      rtt.min * 1e6, rtt.avg * 1e6, rtt.max * 1e6, rtt.p50 * 1e6, rtt.p90 * 1e6, rtt.p99 * 1e6)
  end
  lines[#lines + 1] = cpu_text(self)
  return table.concat(lines, "\n")
end

local KEYS = { "addr", "dev", "from", "port", "proto", "rate", "seconds", "size", "src", "streams", "to" }
local LATENCY_KEYS = { "addr", "dev", "from", "port", "proto", "seconds", "size", "src", "to" }

-- Returns the options as the core takes them, and both namespaces.
local function read(spec, what, known)
  if type(spec) ~= "table" then fail.misuse("%s takes a table as { from = a, to = b }, not a %s", what, type(spec)) end
  local options = target.plain(fail.known(spec, what, known))
  if options.from == nil or options.to == nil then fail.misuse("%s needs from and to: two namespaces", what) end
  local from, to = netns.resolve(options.from), netns.resolve(options.to)
  if options.proto ~= nil and options.proto ~= "tcp" and options.proto ~= "udp" then
    fail.misuse("proto is \"tcp\" or \"udp\", not %s", tostring(options.proto))
  end
  options.udp = options.proto == "udp"
  options.from, options.to, options.proto = nil, nil, nil
  options.latency = what == "latency"
  options.addr = options.addr or target.addr(from, to, what)
  return from, to, options
end

-- Runs the test; returns the core's result with the fields that all tests have, and another table for the rest.
local function run(spec, what, known)
  local from, to, options = read(spec, what, known)
  local op <close> = fail.check(what, options.addr, from, core.throughput.start(from.core, to.core, options))
  fail.check(what, options.addr, from, loop.run(op))
  local flows = core.throughput.result(op)
  local result = {
    from = from.label, to = to.label, addr = options.addr, proto = options.udp and "udp" or "tcp",
    seconds = 0, size = flows[1].size, busy = flows.busy, cpu = { user = 0, system = 0 },
  }
  for _, flow in ipairs(flows) do
    result.seconds = math.max(result.seconds, flow.send_seconds)
    result.cpu.user = result.cpu.user + flow.user
    result.cpu.system = result.cpu.system + flow.system
  end
  result.cpu.total = result.cpu.user + result.cpu.system
  return result, flows
end

local function per_second(bytes, seconds)
  return seconds > 0 and bytes * 8 / seconds or 0
end

local function sum(flows, key)
  local n = 0
  for _, flow in ipairs(flows) do n = n + flow[key] end
  return n
end

local function add_udp(result, flows)
  local sent, received = sum(flows, "sent_packets"), sum(flows, "received_packets")
  result.sent.packets, result.received.packets = sent, received
  result.loss = sent > 0 and math.max(0, 1 - received / sent) or 0
  result.reordered = sum(flows, "reordered")
  result.jitter = 0
  for _, flow in ipairs(flows) do result.jitter = math.max(result.jitter, flow.jitter) end
end

--- Runs a throughput test.
---@private
---@param spec nsh.ThroughputOptions
---@return nsh.Throughput
function m.throughput(spec)
  local result, flows = run(spec, "throughput", KEYS)
  local receive_seconds = 0
  result.streams = {}
  for i, flow in ipairs(flows) do
    receive_seconds = math.max(receive_seconds, flow.receive_seconds)
    result.streams[i] = { sent = flow.sent, received = flow.received,
      rate = per_second(flow.received, flow.receive_seconds) }
  end
  local sent, received = sum(flows, "sent"), sum(flows, "received")
  result.sent = { bytes = sent, rate = per_second(sent, result.seconds) }
  -- a queue on the way may go on for a while
  result.received = { bytes = received, rate = per_second(received, math.max(receive_seconds, result.seconds)) }
  result.rate = result.received.rate
  if result.proto == "udp" then add_udp(result, flows) else result.retransmits = sum(flows, "retransmits") end
  return setmetatable(result, Throughput)
end

--- Runs a latency test.
---@private
---@param spec nsh.ThroughputOptions
---@return nsh.Latency
function m.latency(spec)
  local result, flows = run(spec, "latency", LATENCY_KEYS)
  local flow = flows[1]
  result.sent, result.received = flow.sent_packets, flow.answered
  result.rate = result.seconds > 0 and flow.answered / result.seconds or 0
  result.loss = flow.sent_packets > 0 and 1 - flow.answered / flow.sent_packets or 0
  if flow.answered > 0 then
    result.rtt = { min = flow.rtt_min, avg = flow.rtt_sum / flow.answered, max = flow.rtt_max,
      p50 = flows.p50, p90 = flows.p90, p99 = flows.p99 }
  end
  return setmetatable(result, Latency)
end

return m
