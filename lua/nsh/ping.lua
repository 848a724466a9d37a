--- ping.lua - ping and reaches: does the other end answer, and how fast.
-- nsh speaks ICMP and ICMPv6 itself; no ping program is run.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local Netns = require "nsh.netns".Netns
local target = require "nsh.target"

local m = {}

--- What a ping brought. Plain data; printed, it is the summary that ping(8) ends with.
---@class nsh.Ping
---@field dst string whom it asked
---@field netns string where it was sent from
---@field id integer the ICMP identifier of its requests, to find them in a capture
---@field sent integer
---@field received integer requests that were answered; duplicates don't count
---@field loss number 0 (all answered) to 1 (none)
---@field rtt? { min: number, avg: number, max: number, mdev: number } seconds; absent when nothing was answered
---@field replies nsh.PingReply[] in the order in which they came
local Ping = { __name = "nsh.ping" }

--- One answer: `rtt`, `ttl` and `bytes` of an echo reply, or `error` alone.
---@class nsh.PingReply
---@field seq integer 1 for the first request
---@field from? string the address that answered; absent when the request could not even be sent
---@field rtt? number seconds
---@field ttl? integer hops that were left
---@field bytes? integer of the ICMP message: the payload and 8 more
---@field error? string "host-unreachable", "time-exceeded", ... (nft's words), or the errno name of a failed send

--- The options of ping and reaches.
---@class nsh.PingOptions
---@field count? integer how many requests, 1 to 65535 (1)
---@field interval? number|string seconds between them; 0: as fast as they go (0.2)
---@field timeout? number|string seconds: of ping after the last request, of reaches in all (2)
---@field size? integer bytes of payload, 0 to 65507 (56)
---@field ttl? integer hops that a request may make
---@field dev? string|nsh.Link the link to send through
---@field src? string the address to send from

local function percent(fraction)
  return ("%.4g %%"):format(fraction * 100)
end

-- "host-unreachable from 10.0.0.1 (3), time-exceeded from 10.0.0.9 (1)"
local function errors_of(ping)
  local count, order = {}, {}
  for _, reply in ipairs(ping.replies) do
    if reply.error then
      local text = reply.error .. (reply.from and " from " .. reply.from or "")
      if not count[text] then order[#order + 1] = text end
      count[text] = (count[text] or 0) + 1
    end
  end
  for i, text in ipairs(order) do order[i] = ("%s (%d)"):format(text, count[text]) end
  return table.concat(order, ", ")
end

function Ping:__tostring()
  local lines = { ("%d packet%s to %s from %s: %d answered, %s lost"):format(
    self.sent, self.sent == 1 and "" or "s", self.dst, self.netns, self.received, percent(self.loss)) }
  if self.rtt then
    local rtt = self.rtt
    lines[#lines + 1] = ("rtt min/avg/max/mdev %.3f/%.3f/%.3f/%.3f ms"):format(
      rtt.min * 1000, rtt.avg * 1000, rtt.max * 1000, rtt.mdev * 1000)
  end
  local errors = errors_of(self)
  if errors ~= "" then lines[#lines + 1] = errors end
  return table.concat(lines, "\n")
end

-- A link may be given as the object or record itself.
local function plain(options)
  if type(options) ~= "table" or type(options.dev) ~= "table" then return options end
  local copy = {}
  for key, value in pairs(options) do copy[key] = value end
  copy.dev = options.dev.name
  return copy
end

-- Runs the op to its end, or passes on why there is none.
local function run(ns, dst, ...)
  local op <close> = fail.check("ping", dst, ns, ...)
  fail.check("ping", dst, ns, loop.run(op))
  return core.probe.result(op)
end

--- Sends ICMP echo requests and waits for the answers.
-- It returns when all are answered, or `timeout` after the last request. Nobody answering is no error: the
-- result says so. An address given as "10.0.0.1/24" means 10.0.0.1; of a link-local one say the link by `dev` or
-- as "fe80::1%eth0". Names are not resolved.
--
-- Twin: `ping -c COUNT -i INTERVAL -s SIZE -t TTL -I DEV DST`
---@param dst string|nsh.Netns an IPv4 or IPv6 address, or a namespace or node of a lab that has one
---@param options? nsh.PingOptions
---@return nsh.Ping
---@error ENETUNREACH no route to dst
---@error EHOSTUNREACH an unreachable route covers dst
---@error EADDRNOTAVAIL the namespace has no such src, or it is still tentative
---@error EINVAL dst or src is no address
---@error ENODEV there is no such dev
function Netns:ping(dst, options)
  dst = target.dst(self, dst)
  local result = run(self, dst, core.probe.ping(self.core, dst, plain(options)))
  result.dst, result.netns = dst, self.label
  return setmetatable(result, Ping)
end

--- Tells whether an address answers: true at its first answer, false when there was none within `timeout`.
-- It keeps asking, so it also waits for a path that is still coming up. Whatever the path does, "no route"
-- included, is no error.
---@param dst string|nsh.Netns an IPv4 or IPv6 address, or a namespace or node of a lab that has one
---@param options? nsh.PingOptions all but count and interval
---@return boolean
---@error EINVAL dst or src is no address
---@error ENODEV there is no such dev
function Netns:reaches(dst, options)
  dst = target.dst(self, dst)
  return run(self, dst, core.probe.reaches(self.core, dst, plain(options))).received > 0
end

return m
