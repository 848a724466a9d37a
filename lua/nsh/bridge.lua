--- bridge.lua - bridges: their ports, and what they have learned.
local core = require "nsh.core"
local fail = require "nsh.error"
local Link = require("nsh.link").Link

local m = {}

--- Lists the links that have this one as their master, by index. Their options and state are under `port`.
--- Twin: `bridge link show`, `brctl show BRIDGE`
---@return table[] records
function Link:ports()
  local list = self.netns:links { master = self }
  table.sort(list, function(a, b) return a.index < b.index end)
  return list
end

--- Lists the forwarding database: of a bridge, all it knows; of another link, what is known behind it.
--- Twin: `bridge fdb show br BRIDGE`, `bridge fdb show dev NAME`
---@param filter? table keys that the records must have, as { state = "permanent" }
---@return table[] records
function Link:fdb(filter)
  local copy, key = fail.options(filter, "fdb"), self.kind == "bridge" and "master" or "dev"
  copy[key] = copy[key] or self
  return fail.check("fdb list", self.last_name, self.netns, core.fdb.list(self.netns.core, copy))
end

return m
