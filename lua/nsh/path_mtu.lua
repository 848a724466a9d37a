--- path_mtu.lua - how large packets may be on the way to an address, and who says so.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local show = require "nsh.show"
local target = require "nsh.target"
local Netns = require "nsh.netns".Netns

local m = {}

--- What the way to an address takes. Plain data.
---@class nsh.PathMtu
---@field dst string
---@field netns string where it was asked from
---@field mtu? integer bytes of the largest packet that gets there, with its headers; absent when nothing was answered
---@field link_mtu integer of the link by which packets leave
---@field reached boolean whether dst answered at all
---@field blackhole boolean whether larger packets are lost without a word
---@field limits { from: string, mtu: integer }[] who said that larger ones don't get on, in the order of the way
---@field rtt? number seconds until the first answer
local PathMtu = { __name = "nsh.path_mtu" }

--- The options of path_mtu.
---@class nsh.PathMtuOptions
---@field timeout? number|string seconds to wait for an answer where none came yet (1)
---@field src? string the address to send from
---@field dev? string|nsh.Link the link to send through

function PathMtu:__tostring()
  local line = ("path to %s from %s: %s"):format(self.dst, self.netns,
    self.mtu and ("mtu %d"):format(self.mtu) or "nobody answers")
  if self.mtu and not self.reached then line = line .. " at most, nobody answers" end
  local lines = { line .. (", the link has %d"):format(self.link_mtu) }
  for _, limit in ipairs(self.limits) do lines[#lines + 1] = ("%s passes on %d"):format(limit.from, limit.mtu) end
  if self.blackhole then lines[#lines + 1] = "larger packets are lost, and nobody says so (a black hole)" end
  return table.concat(lines, "\n")
end

-- The link that packets leave by.
local function first_link(self, dst, options)
  if options.dev then return self:link(options.dev) end
  local addr, dev = dst:match "^([^%%/]+)%%(.+)$"
  if addr then return self:link(dev) end
  return self:link(self:route_to(dst:match "^[^/]+").dev)
end

--- Finds how large packets may be on the way to an address, by packets that no router may cut: the path MTU. Routers
--- say what they can pass on; where larger packets are lost without a word the size is searched for.
--
-- Twin: `tracepath DST`
---@param dst string an IPv4 or IPv6 address that answers pings
---@param options? nsh.PathMtuOptions
---@return nsh.PathMtu
---@error ENETUNREACH no route to dst
---@error EADDRNOTAVAIL the namespace has no such src
---@error EINVAL dst or src is no address
---@error ENODEV there is no such dev
function Netns:path_mtu(dst, options)
  dst = target.dst(self, dst)
  if type(dst) ~= "string" then
    fail.misuse("path_mtu wants an address like \"10.0.0.1\", got %s", type(dst))
  end
  options = target.plain(fail.known(options, "path_mtu", { "dev", "src", "timeout" }))
  if not core.address_bytes(dst:match "^[^%%/]*") then
    fail.raise { op = "path_mtu", target = dst, netns = self.label, code = "EINVAL", errno = 22,
      message = ("'%s' is not an IPv4 or IPv6 address"):format(dst) }
  end
  options.link_mtu = first_link(self, dst, options).mtu
  local op <close> = fail.check("path_mtu", dst, self, core.pmtu.start(self.core, dst, options))
  fail.check("path_mtu", dst, self, loop.run(op))
  local result = core.pmtu.result(op)
  for _, limit in ipairs(result.limits) do setmetatable(limit, show.Record) end
  setmetatable(result.limits, show.List)
  result.dst, result.netns, result.link_mtu = dst, self.label, options.link_mtu
  return setmetatable(result, PathMtu)
end

return m
