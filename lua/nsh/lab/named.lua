--- named.lua - which other links of its namespace a link names, by the attribute tables: its master, what it stands on
-- or sends on, its sides, ports of its own.
local core = require "nsh.core"

local m = {}

--- The keys of links of a kind that name others.
---@class nsh.LabNamed
---@field first string[] what has to be there when the link is made; the master stands first
---@field below string[] the same without the master
---@field after string[] what is set when it is there, as that may name a port of it
---@field port string[] of the options of its ports

local known = {} -- by kind

local function sorted(keys, how)
  local list = {}
  for key, when in pairs(keys) do
    if when == how then list[#list + 1] = key end
  end
  table.sort(list, function(a, b)
    if (a == "master") ~= (b == "master") then return a == "master" end
    return a < b
  end)
  return list
end

--- Returns the keys of links of a kind that name others.
---@private
---@param kind? string
---@return nsh.LabNamed
function m.keys(kind)
  kind = kind or ""
  local found = known[kind]
  if found then return found end
  local own, port = core.link_named(kind)
  found = { first = sorted(own, "with"), after = sorted(own, "after"), port = sorted(port, "with") }
  found.below = table.move(found.first, 2, #found.first, 1, {})
  known[kind] = found
  return found
end

--- Iterates over the names of the links that a link stands on, by the keys that say so; what is in another namespace
--- isn't named.
---@private
---@param link table record
---@return fun(): string?, string? key, name
function m.below(link)
  local keys, i = m.keys(link.kind).below, 0
  local none = link.peer ~= nil or link.link_netnsid ~= nil
  return function()
    while not none and keys[i + 1] do
      i = i + 1
      local name = link[keys[i]]
      if type(name) == "string" then return keys[i], name end
    end
  end
end

--- Tells whether a step changes what names other links.
---@private
---@param step nsh.PlanStep
---@return boolean
function m.changes(step)
  local keys, changes = m.keys(step.to.kind or step.from.kind), step.changes
  for _, list in ipairs { keys.first, keys.after } do
    for _, key in ipairs(list) do
      if changes[key] then return true end
    end
  end
  return changes.port ~= nil
end

local function number(spec, keys, index)
  for i = 1, #keys do
    local name = spec[keys[i]]
    if type(name) == "string" then spec[keys[i]] = index[name] or name end
  end
end

--- Writes numbers where a link names others, in its options and in those that it has as a port.
---@private
---@param spec table changed in place, but for the table of the port
---@param index table<string, integer> the links' numbers by name
---@param kind? string
---@param master_kind? string
function m.number(spec, index, kind, master_kind)
  local keys = m.keys(kind)
  number(spec, keys.first, index)
  number(spec, keys.after, index)
  local named = type(spec.port) == "table" and m.keys(master_kind).port
  if not named or not named[1] then return end
  spec.port = core.copy(spec.port, 0)
  number(spec.port, named, index)
end

local function take(spec, keys)
  local left
  for _, key in ipairs(keys) do
    if type(spec[key]) == "string" then
      left = left or {}
      left[key], spec[key] = spec[key], nil
    end
  end
  return left
end

--- Takes out of what a link is made with what names links that aren't there yet: a port of its own, or another port
--- that it stands in for, which may do the same for it.
---@private
---@param spec table as number() has left it, changed in place
---@param kind? string
---@param master_kind? string
---@return table? left the same, as it is set later; nil: nothing is left
function m.take_later(spec, kind, master_kind)
  local left = take(spec, m.keys(kind).after)
  local port = type(spec.port) == "table" and take(spec.port, m.keys(master_kind).port)
  if port then
    left = left or {}
    left.port = port
  end
  return left
end

return m
