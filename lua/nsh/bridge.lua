--- bridge.lua - bridges: their ports.
local Link = require("nsh.link").Link

local m = {}

--- Lists the links that have this one as their master, by index. Their options and state are under `port`.
--- Twin: `bridge -d link show`, `brctl show BRIDGE`, `brctl showstp BRIDGE`
---@return table[] records
function Link:ports()
  local list = self.netns:links { master = self }
  table.sort(list, function(a, b) return a.index < b.index end)
  return list
end

return m
