--- store.lua - what was applied last, lab by lab: only that may be deleted.
local nouns = require "nsh.lab.nouns"

local m = {}

local applied = {} -- of a private world

--- Returns the state that was applied last.
---@param name string of the lab
---@return table?
function m.load(name) return applied[name] end

--- Notes what is about to be done, before anything is.
---@param name string
---@param state table
function m.begin(name, state) applied[name] = applied[name] or state end

--- Notes what was done.
---@param name string
---@param state table
function m.save(name, state) applied[name] = state end

--- Forgets a lab: it is down.
---@param name string
function m.drop(name) applied[name] = nil end

--- Returns what tells whether something was in what was applied last.
---@param name string
---@return fun(noun: string, record: table, netns: string): boolean
function m.owned(name)
  local known = {}
  for _, node in ipairs((m.load(name) or { nodes = {} }).nodes) do
    for _, row in ipairs(nouns.list) do
      for _, record in ipairs(node[row.field]) do
        known[node.netns .. " " .. row.noun .. " " .. row.key(record)] = true
      end
    end
  end
  return function(noun, record, netns)
    return known[netns .. " " .. noun .. " " .. nouns.by_name[noun].key(record)] or false
  end
end

return m
