--- traceroute.lua - which way packets go: the routers on it, one after the other.
-- nsh sends the probes itself; no traceroute program is run.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local show = require "nsh.show"
local target = require "nsh.target"
local Netns = require "nsh.netns".Netns

local m = {}

--- The way to an address. Plain data; printed, it is as traceroute(8) prints it.
---@class nsh.Traceroute
---@field dst string whom it asked
---@field netns string where it was sent from
---@field method string "udp", "icmp" or "tcp"
---@field reached boolean whether the address itself answered
---@field hops nsh.Hop[]
local Traceroute = { __name = "nsh.traceroute" }

--- One hop of it.
---@class nsh.Hop
---@field hop integer 1 for the first
---@field addr? string who answered, first; absent when nobody did
---@field probes { from: string, rtt: number, error: string }[] rtt in seconds; error where it is another than that the
---  hops were used up: "host-unreachable", "admin-prohibited", ... (nft's words); an empty one was not answered

--- The options of traceroute.
---@class nsh.TracerouteOptions
---@field method? "udp"|"icmp"|"tcp" what is sent: datagrams to ports where nobody listens, echo requests, or the begin
---  of connections ("udp")
---@field max_hops? integer 1 to 255 (30)
---@field probes? integer for each hop, 1 to 10 (3)
---@field timeout? number|string seconds to wait for the answer to a probe (1)
---@field port? integer of tcp (80); of the first probe of udp, each has the next one (33434)
---@field src? string the address to send from
---@field dev? string|nsh.Link the link to send through

-- The marks of traceroute(8).
local MARKS = {
  ["host-unreachable"] = "!H", ["addr-unreachable"] = "!H", ["host-unknown"] = "!H",
  ["net-unreachable"] = "!N", ["no-route"] = "!N", ["net-unknown"] = "!N",
  ["prot-unreachable"] = "!P", ["frag-needed"] = "!F", ["packet-too-big"] = "!F", ["source-route"] = "!S",
  ["admin-prohibited"] = "!X", ["net-prohibited"] = "!X", ["host-prohibited"] = "!X", ["policy-fail"] = "!X",
  ["reject-route"] = "!X", ["beyond-scope"] = "!S", ["host-precedence"] = "!V", ["precedence-cutoff"] = "!C",
}

local function hop_text(hop)
  local words, from = { ("%2d "):format(hop.hop) }, nil
  for _, probe in ipairs(hop.probes) do
    if not probe.rtt then
      words[#words + 1] = "*"
    else
      if probe.from ~= from then words[#words + 1] = probe.from .. " " end
      from = probe.from
      words[#words + 1] = ("%.3f ms"):format(probe.rtt * 1000)
      if probe.error then words[#words + 1] = MARKS[probe.error] or "!" .. probe.error end
    end
  end
  return table.concat(words, " ")
end

function Traceroute:__tostring()
  local lines = { ("traceroute to %s from %s, %d hop%s%s"):format(self.dst, self.netns, #self.hops,
    #self.hops == 1 and "" or "s", self.reached and "" or ", not reached") }
  local silent
  for i, hop in ipairs(self.hops) do
    if hop.addr or not silent then
      lines[#lines + 1] = hop_text(hop)
    else -- one line for all of them
      lines[#lines] = ("%2d-%d  * * *"):format(silent, i)
    end
    silent = not hop.addr and (silent or i) or nil
  end
  return table.concat(lines, "\n")
end

-- The end of the way answers so, by itself.
local REACHED = { ["echo-reply"] = true, ["port-unreachable"] = true, reply = true, open = true, closed = true }

-- Hops behind the last one that answered say no more than one does.
local function read(answers)
  local hops, reached = setmetatable({}, show.List), false
  for i, probes in ipairs(answers) do
    local hop = setmetatable({ hop = i, probes = probes }, show.Record)
    for _, probe in ipairs(probes) do
      hop.addr = hop.addr or probe.from
      reached = reached or probe.last and REACHED[probe.what]
      if probe.last and not REACHED[probe.what] then probe.error = probe.what end
      probe.what, probe.last = nil, nil
    end
    hops[i] = hop
  end
  return hops, reached or false
end

--- Finds the way to an address: each router on it tells that a packet may go no further. All hops are asked at about
--- the same time.
-- A router may keep silent, or send few such errors: Linux sends 6 at once to one asker and then one a second
-- (net.ipv4.icmp_ratelimit). So a hop that nobody answers for is asked once more when time is out; then its probes are
-- empty.
--
-- Twin: `traceroute -m MAX_HOPS -q PROBES -w TIMEOUT DST`
---@param dst string an IPv4 or IPv6 address
---@param options? nsh.TracerouteOptions
---@return nsh.Traceroute
---@error ENETUNREACH no route to dst
---@error EADDRNOTAVAIL the namespace has no such src
---@error EINVAL dst or src is no address
---@error ENODEV there is no such dev
function Netns:traceroute(dst, options)
  options = target.plain(fail.options(options, "traceroute"))
  dst = target.dst(self, dst)
  local op <close> = fail.check("traceroute", dst, self, core.trace.start(self.core, dst, options))
  fail.check("traceroute", dst, self, loop.run(op))
  local hops, reached = read(core.trace.result(op))
  return setmetatable({ dst = dst, netns = self.label, method = options.method or "udp", reached = reached,
    hops = hops }, Traceroute)
end

return m
