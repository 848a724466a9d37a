--- iperf3.lua - throughput between two namespaces as iperf3(1) measures it: a second opinion on nsh.throughput.
--
--     print(iperf3.throughput { from = a, to = b, streams = 4 }.rate)
local daemon = require "stdlib.daemon"
local nsh = require "nsh"

local m = {}

local KEYS = { "from", "to", "addr", "proto", "seconds", "streams", "rate", "size", "port" }

-- iperf3's JSON is always of the same form: a few numbers of it are found without a reader.
local function section(json, name)
  return json:match('"' .. name .. '":%s*(%b{})') or "{}"
end

local function number(text, name)
  return tonumber(text:match('"' .. name .. '":%s*(%-?[%d.eE+-]+)'))
end

local function integer(text, name)
  local value = number(text, name)
  return value and math.tointeger(value)
end

local function check(spec, key, what, fits)
  if spec[key] ~= nil and not fits(spec[key]) then
    nsh.misuse(("%s is %s, not %s"):format(key, what, tostring(spec[key])))
  end
end

local function whole(value) return math.type(value) == "integer" and value >= 1 end

local function checked(spec)
  spec = nsh.options(spec, "iperf3.throughput", KEYS)
  for _, key in ipairs { "from", "to" } do
    spec[key] = daemon.netns(spec[key], key)
  end
  check(spec, "proto", "\"tcp\" or \"udp\"", function(v) return v == "tcp" or v == "udp" end)
  check(spec, "seconds", "a whole number, at least 1", whole)
  check(spec, "streams", "a number from 1 to 128", function(v) return whole(v) and v <= 128 end)
  check(spec, "size", "bytes", whole)
  check(spec, "port", "a number from 1 to 65535", function(v) return whole(v) and v <= 65535 end)
  check(spec, "rate", "bit/s as a number", function(v) return type(v) == "number" and v >= 0 end)
  check(spec, "addr", "an address", function(v) return type(v) == "string" and v:find "^[%x:.]+$" ~= nil end)
  return spec
end

-- The first address of a namespace that the other has a way to.
local function reachable(from, to)
  for _, a in ipairs(to:addrs { scope = "global" }) do
    local addr = a.addr:match "^[^/]+"
    if pcall(from.route_to, from, addr) then return addr end
  end
  nsh.misuse(("%s has no address that %s has a route to; say addr"):format(tostring(to), tostring(from)))
end

local function words_of(spec, addr, port)
  local words = { "iperf3", "--client", addr, "--json", "--connect-timeout", "3000", "--port", tostring(port),
    "--time", tostring(spec.seconds or 1), "--parallel", tostring(spec.streams or 1) }
  if spec.proto == "udp" then words[#words + 1] = "--udp" end
  -- of all streams in nsh, of each in iperf3, which sends 1 Mbit/s of UDP where nothing is said
  if spec.rate or spec.proto == "udp" then
    table.move({ "--bitrate", ("%.0f"):format((spec.rate or 0) / (spec.streams or 1)) }, 1, 2, #words + 1, words)
  end
  if spec.size then table.move({ "--length", tostring(spec.size) }, 1, 2, #words + 1, words) end
  return words
end

--- What is measured.
---@class iperf3.Spec
---@field from nsh.Netns|nsh.LabNode|string who sends
---@field to nsh.Netns|nsh.LabNode|string who receives
---@field addr? string an address of `to`; the first that `from` has a route to
---@field proto? string "tcp" (the default) or "udp"
---@field seconds? integer whole ones (1)
---@field streams? integer how many at once (1)
---@field rate? number bit/s of all streams; as fast as it goes
---@field size? integer bytes of a write or datagram
---@field port? integer of the server (5201)

--- Measures the throughput between two namespaces. The record has the keys that nsh.throughput's has, as far as iperf3
--- tells them.
---@param spec iperf3.Spec
---@return table record { from, to, addr, proto, seconds, rate, sent = { bytes, rate }, received = { bytes, rate },
---  retransmits, loss, jitter, cpu }; rate: bit/s that arrived; cpu: seconds that both programs used
---@error ENOENT iperf3 is missing; the hint names the package
---@error EXIT it can't measure: with its own words
function m.throughput(spec)
  spec = checked(spec)
  local addr, port = spec.addr or reachable(spec.from, spec.to), spec.port or 5201
  local server <close> = daemon.start { "iperf3", netns = spec.to, ready = { tcp = port },
    command = { "iperf3", "--server", "--one-off", "--port", tostring(port) } }
  local result = spec.from:exec(words_of(spec, addr, port), { check = false, timeout = (spec.seconds or 1) + 10 })
  local refused = result.out:match '"error":%s*"([^"]*)"'
  if refused or result.status ~= 0 then
    nsh.raise { op = "iperf3", target = addr, netns = spec.from, status = result.status,
      code = result.timed_out and "TIMEOUT" or "EXIT", message = refused or result.err,
      hint = not server:running() and "the server said: " .. server:output() or nil }
  end
  local last = result.out:match '\n\t"end":.*' or result.out
  local sent, received, used = section(last, "sum_sent"), section(last, "sum_received"),
    section(last, "cpu_utilization_percent")
  local seconds, percent = number(sent, "seconds"), number(received, "lost_percent")
  local jitter = number(received, "jitter_ms")
  return nsh.records({ {
    from = spec.from.name or "root", to = spec.to.name or "root", addr = addr, proto = spec.proto or "tcp",
    seconds = seconds, rate = number(received, "bits_per_second"),
    sent = { bytes = integer(sent, "bytes"), rate = number(sent, "bits_per_second") },
    received = { bytes = integer(received, "bytes"), rate = number(received, "bits_per_second") },
    retransmits = integer(sent, "retransmits"), loss = percent and percent / 100, jitter = jitter and jitter / 1000,
    cpu = (number(used, "host_total") + number(used, "remote_total")) / 100 * seconds,
  } })[1]
end

--- Tells whether its program is there.
---@return boolean
---@return string? why it isn't, and the package that brings it
function m.available() return daemon.available "iperf3" end

return m
