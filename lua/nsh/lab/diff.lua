--- diff.lua - two states compared: the steps that lead from what is there to what is wished.
local nouns = require "nsh.lab.nouns"

local m = {}

local function index(list, key)
  local map = {}
  for _, record in ipairs(list) do map[key(record)] = record end
  return map
end

-- What of a wish is otherwise there: { key = { from, to } }; nil: nothing.
local function changes(wish, live)
  local found
  for key, value in pairs(wish) do
    if not nouns.same(value, live[key]) then
      found = found or {}
      found[key] = { live[key], value }
    end
  end
  return found
end

local function step(op, row, node, record, more)
  local new = { op = op, noun = row.noun, node = node.node, netns = node.netns, name = row.name(record) }
  for key, value in pairs(more) do new[key] = value end
  return new
end

-- What is to be made or changed in a namespace.
local function wanted(steps, row, wish, live)
  local there = index(live[row.field], row.key)
  for _, record in ipairs(wish[row.field]) do
    local old = there[row.key(record)]
    local differs = old and changes(record, old)
    if not old then
      steps[#steps + 1] = step("create", row, wish, record, { to = record })
    elseif differs then
      steps[#steps + 1] = step("change", row, wish, record, { from = old, to = record, changes = differs })
    end
  end
end

-- What is there, was wished once and isn't any more.
local function unwanted(steps, row, wish, live, owned)
  local kept = index(wish[row.field], row.key)
  for _, record in ipairs(live[row.field]) do
    if not kept[row.key(record)] and owned(row.noun, record, wish.netns) then
      steps[#steps + 1] = step("delete", row, wish, record, { from = record })
    end
  end
end

local SYSCTL = { noun = "sysctl", name = function(record) return record.key end }

local function sysctls(steps, wish, live)
  local keys = {}
  for key in pairs(wish.sysctls) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local value, old = wish.sysctls[key], live.sysctls[key] or 0
    if value ~= old then
      steps[#steps + 1] = step("change", SYSCTL, wish, { key = key },
        { from = { [key] = old }, to = { [key] = value }, changes = { [key] = { old, value } } })
    end
  end
end

local NETNS = { noun = "netns", name = function(record) return record.netns end }

--- Lists the steps from one state to another: namespaces, what goes, what comes and changes.
---@param wish table state
---@param live table state
---@param owned fun(noun: string, record: table, netns: string): boolean may it be deleted?
---@return table[] steps
function m.steps(wish, live, owned)
  local steps, there = {}, index(live.nodes, NETNS.name)
  for _, node in ipairs(wish.nodes) do
    if not there[node.netns] then
      steps[#steps + 1] = step("create", NETNS, node, node, { to = { name = node.netns } })
      there[node.netns] = nouns.fresh(node.netns)
    end
  end
  for i = #nouns.list, 1, -1 do
    for _, node in ipairs(wish.nodes) do unwanted(steps, nouns.list[i], node, there[node.netns], owned) end
  end
  for _, row in ipairs(nouns.list) do
    for _, node in ipairs(wish.nodes) do wanted(steps, row, node, there[node.netns]) end
  end
  for _, node in ipairs(wish.nodes) do sysctls(steps, node, there[node.netns]) end
  return steps
end

return m
