--- neigh.lua - neighbours: which link-layer address an address has.
local core = require "nsh.core"
local fail = require "nsh.error"
local Netns = require("nsh.netns").Netns
local show = require "nsh.show"

local m = {}

local function change(self, op, how, neigh)
  if type(neigh) ~= "table" then
    fail.misuse("a neighbour is a table as { \"10.0.0.2\", dev = \"eth0\", mac = \"02:00:00:00:00:01\" }, not a %s",
      type(neigh))
  end
  fail.check_spec(neigh, op, tostring(neigh[1] or neigh.dst), self, core.neigh[how](self.core, neigh))
end

--- Adds a neighbour, permanent unless a state is given.
--- Twin: `ip neighbour add ADDR lladdr MAC dev NAME`
---@param neigh table { dst, dev = , mac = , state = }; a record is taken too
---@error EEXIST when the address is known already
function Netns:add_neigh(neigh) change(self, "neigh add", "add", neigh) end

--- Adds a neighbour, or changes the one that is known.
--- Twin: `ip neighbour replace ADDR lladdr MAC dev NAME`
---@param neigh table
function Netns:replace_neigh(neigh) change(self, "neigh replace", "replace", neigh) end

--- Deletes a neighbour.
--- Twin: `ip neighbour del ADDR dev NAME`
---@param neigh table { dst, dev = }; a record is taken too
---@error ENOENT when it is not known
function Netns:del_neigh(neigh) change(self, "neigh del", "del", neigh) end

-- What the kernel keeps for its own use (multicast, loopback) ip(8) leaves out as well.
local hidden = { noarp = true, none = true }

--- Tells whether a neighbour is one of the kernel's own.
---@private
---@param record table
---@return boolean
function m.is_hidden(record) return hidden[record.state] and not record.proxy or false end

--- Returns those that are not the kernel's own.
---@private
---@param list table[]
---@return table[]
function m.visible(list)
  local seen = setmetatable({}, show.List)
  for _, record in ipairs(list) do
    if not m.is_hidden(record) then seen[#seen + 1] = record end
  end
  return seen
end

--- Lists neighbours; those in state noarp or none only when asked for.
--- Twin: `ip neighbour show`
---@param filter? table keys that the records must have, as { dev = "eth0", state = "reachable" }
---@return table[] records
function Netns:neighs(filter)
  filter = fail.options(filter, "neighs")
  local list = fail.check("neigh list", nil, self, core.neigh.list(self.core, filter))
  return filter.state and list or m.visible(list)
end

return m
