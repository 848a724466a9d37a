--- ntable.lua - how neighbours are found, and what links do of IP.
local core = require "nsh.core"
local fail = require "nsh.error"
local Netns = require("nsh.netns").Netns
local show = require "nsh.show"

local m = {}

--- Lists the tables of neighbours: what holds for all links, and the times and counts of each link.
--- Twin: `ip ntable show`
---@param filter? table keys that the records must have, as { name = "arp_cache", dev = "eth0" }
---@return table[] records
function Netns:ntables(filter)
  return fail.check("ntable list", nil, self, core.ntable.list(self.core, fail.options(filter, "ntables")))
end

--- Changes a table of neighbours, that of one link where dev is given.
--- Twin: `ip ntable change name NAME dev NAME ...`
---@param spec table { "arp_cache", dev = "eth0", base_reachable = "10s", ... }; a record is taken too
---@error ENOENT when there is no such table, or it can only be changed in the machine's own namespace
function Netns:set_ntable(spec)
  if type(spec) ~= "table" then
    fail.misuse('set_ntable takes a table as { "arp_cache", dev = "eth0", retrans = 2 }, not a %s', type(spec))
  end
  local name = spec[1] or spec.name
  if not name then fail.misuse("name is needed: arp_cache or ndisc_cache") end
  fail.check_spec(spec, "ntable set", tostring(name), self, core.ntable.change(self.core, spec))
end

local ALL = { [-1] = "all", [-2] = "default" }

--- Lists what links do of IP: forwarding, filters of source addresses, answers for others.
--- Twin: `ip netconf show`
---@param filter? table keys that the records must have, as { family = "inet", dev = "eth0" }
---@return table[] records dev is a link's name, "all", or "default", which new links begin with
function Netns:netconfs(filter)
  local copy = fail.options(filter, "netconfs")
  local wanted = copy.dev
  if type(wanted) == "table" and rawget(wanted, "last_name") then wanted = wanted.name end
  copy.dev = nil
  local names = {}
  for _, link in ipairs(self:links()) do names[link.index] = link.name end
  local list = setmetatable({}, show.List)
  for _, family in ipairs(copy.family and { copy.family } or { "inet", "inet6", "mpls" }) do
    copy.family = family
    for _, record in ipairs(fail.check("netconf list", nil, self, core.netconf.list(self.core, copy))) do
      record.dev = ALL[record.index] or names[record.index] or record.index
      record.index = nil
      if wanted == nil or record.dev == wanted then list[#list + 1] = record end
    end
  end
  return list
end

return m
