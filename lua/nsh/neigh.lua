--- neigh.lua - neighbours: which link-layer address an address has.
local core = require "nsh.core"
local fail = require "nsh.error"
local Netns = require("nsh.netns").Netns
local prefixes = require "nsh.prefix"
local words = require "nsh.words"

local m = {}

-- Words of ip(8) that nsh has others for.
m.OTHER = { lladdr = "mac", nud = "state", protocol = "proto", externally_learned = "extern_learn" }

--- Returns a neighbour in the core's words: what the kernel shall find out by itself has no state yet.
---@private
---@param neigh table
---@return table
function m.complete(neigh)
  if not (neigh.use or neigh.managed) or neigh.mac then return neigh end
  local copy = fail.options(neigh, "neigh")
  copy.state = "none"
  return copy
end

local function change(self, op, how, neigh)
  if type(neigh) ~= "table" then
    fail.misuse("a neighbour is a table as { \"10.0.0.2\", dev = \"eth0\", mac = \"02:00:00:00:00:01\" }, not a %s",
      type(neigh))
  end
  words.refuse(neigh, m.OTHER, "neighbour")
  neigh = m.complete(neigh)
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
function m.is_hidden(record)
  return hidden[record.state] and not record.proxy and not record.managed or false
end

--- Returns those that are not the kernel's own.
---@private
---@param list table[]
---@return table[]
function m.visible(list)
  return words.choose(list, function(record) return not m.is_hidden(record) end)
end

local function list_neighs(self, filter, what)
  filter = fail.options(filter, what)
  words.refuse(filter, m.OTHER, "neighbour")
  local of_link, to = words.by_link(self, filter), filter.to
  if to then to, filter.to = prefixes.parse(to, "to"), nil end
  local list = fail.check("neigh list", nil, self, core.neigh.list(self.core, filter))
  if filter.state and not of_link and not to then return list end
  local function within(record) return prefixes.within(prefixes.parse(record.dst, "dst"), to) end
  return words.choose(list, of_link, to and within,
    not filter.state and function(record) return not m.is_hidden(record) end)
end

--- Lists neighbours; those in state noarp or none, and those that the links answer for (proxy), only when asked for.
--- Twin: `ip neighbour show`
---@param filter? table keys that the records must have, as { dev = "eth0", state = "reachable" }; to = PREFIX: those
--- within it; up, master (or vrf) of the links
---@return table[] records
function Netns:neighs(filter) return list_neighs(self, filter, "neighs") end

--- Deletes all neighbours but the permanent ones, or those that match.
--- Twin: `ip neighbour flush ...`
---@param filter? table as neighs takes it; state = "permanent": those too
---@return integer count
function Netns:flush_neighs(filter)
  local list = list_neighs(self, filter, "flush_neighs")
  return words.flush(self, "neigh", list, function(record)
    return (filter and filter.state ~= nil) or record.proxy or record.state ~= "permanent"
  end)
end

local function get_neigh(self, neigh, what)
  if type(neigh) ~= "table" then
    fail.misuse('%s takes a table as { "10.0.0.2", dev = "eth0" }, not a %s', what, type(neigh))
  end
  if not (neigh[1] or neigh.dst) or not neigh.dev then
    fail.misuse("%s needs dst and dev, as { \"10.0.0.2\", dev = \"eth0\" }", what)
  end
  return tostring(neigh[1] or neigh.dst), core.neigh.get(self.core, neigh)
end

--- Returns what is known of one neighbour.
--- Twin: `ip neighbour get ADDR dev NAME`
---@param neigh table { dst, dev = }; proxy = true: one that the link answers for
---@return table record
---@error ENOENT when it is not known
function Netns:neigh(neigh)
  local target, record, message, code, detail = get_neigh(self, neigh, "neigh")
  return (fail.check("neigh get", target, self, record, message, code, detail))
end

--- Returns what is known of one neighbour, or nil.
---@param neigh table { dst, dev = }
---@return table? record
function Netns:find_neigh(neigh)
  local target, record, message, code, detail = get_neigh(self, neigh, "find_neigh")
  if not record and code == "ENOENT" then return nil end
  return (fail.check("neigh get", target, self, record, message, code, detail))
end

return m
