--- mroute.lua - multicast routes, which a routing daemon sets.
local core = require "nsh.core"
local fail = require "nsh.error"
local Netns = require("nsh.netns").Netns
local words = require "nsh.words"

local m = {}

local FAMILIES = { ipmr = { "ipmr" }, ip6mr = { "ip6mr" }, inet = { "ipmr" }, inet6 = { "ip6mr" } }

--- Lists the multicast routes of IPv4 and IPv6.
--- Twin: `ip mroute show`
---@param filter? table keys that the records must have, as { dst = "239.0.0.1", iif = "eth0", family = "inet" }
---@return table[] records { dst = group, src, iif, oifs = { { dev, ttl } }, packets, bytes, wrong_if, ... }
function Netns:mroutes(filter)
  filter = fail.options(filter, "mroutes")
  local families = FAMILIES[filter.family or ""] or { "ipmr", "ip6mr" }
  if filter.family ~= nil and not FAMILIES[filter.family] then
    fail.misuse("family must be one of 'inet', 'inet6', not '%s'", tostring(filter.family))
  end
  local all = {}
  for _, family in ipairs(families) do
    filter.family = family
    for _, record in ipairs(fail.check("mroute list", nil, self, core.mroute.list(self.core, filter))) do
      all[#all + 1] = record
    end
  end
  return words.choose(all)
end

return m
