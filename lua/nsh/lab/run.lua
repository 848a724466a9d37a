--- run.lua - what is known while steps are carried out: namespaces, numbers and kinds of links, whose failure it is.
local fail = require "nsh.error"
local nouns = require "nsh.lab.nouns"

local m = {}

local FIRST_INDEX = 100 -- of links that are made here: below are those that a kernel gives a namespace by itself

local VERB = { create = "add", change = "set", delete = "del" }

--- What is known while steps are carried out.
---@class nsh.LabRun
---@field label string the lab's name
---@field ns table<string, nsh.Netns> namespaces by name
---@field index table<string, table<string, integer>> numbers of links, by namespace and name
---@field next table<string, integer> the number that the next link gets, by namespace
---@field kind table<string, table<string, string>> their kinds
---@field wished table<string, table<string, table>> their records in the wish
---@field new table<string, nsh.PlanStep> namespaces that are still to be made, with their steps
---@field wanted string[] names of all that are to be made
---@field opening nsh.PlanStep[] sysctls without which links take no addresses of IPv6
---@field sysctls nsh.PlanStep[] that are set before anything is asked for in the namespaces, as far as that can wait
---@field defaults table<string, nsh.PlanStep[]> those that links are made from, by namespace
---@field made string[] names of the namespaces that were made
---@field homes? table<string, table> links of the machine as they were before they were borrowed
---@field late nsh.PlanStep[] steps of late nouns that were done
---@field naming { [1]: nsh.PlanStep, [2]: table }[] what links get that names others made after them
---@field step? nsh.PlanStep the one that is being asked for

local function note_links(run, name, links, wished)
  local numbers, kinds, last = run.index[name] or { lo = 1 }, run.kind[name] or {}, FIRST_INDEX - 1
  for _, link in ipairs(links) do
    if link.index then
      numbers[link.name] = link.index
      last = math.max(last, link.index)
    end
    kinds[link.name] = link.kind or kinds[link.name]
    if wished then run.wished[name][link.name] = link end
  end
  run.index[name], run.kind[name] = numbers, kinds
  if not wished then run.next[name] = math.max(last + 1, run.next[name] or 0) end
end

--- Begins a run.
---@param live table state that was read
---@param wish table state
---@return nsh.LabRun
function m.begin(live, wish)
  local run = { ns = {}, index = {}, next = {}, kind = {}, wished = {}, new = {}, wanted = {}, made = {}, late = {},
    naming = {}, label = wish.lab }
  for _, node in ipairs(wish.nodes) do
    run.wished[node.netns], run.index[node.netns], run.next[node.netns] = {}, { lo = 1 }, FIRST_INDEX
    note_links(run, node.netns, node.links, true)
  end
  m.note(run, live)
  return run
end

--- Notes what was read of namespaces: the numbers of their links.
---@param run nsh.LabRun
---@param live table state
function m.note(run, live)
  for _, node in ipairs(live.nodes) do
    run.ns[node.netns] = live.ns[node.netns]
    run.wished[node.netns] = run.wished[node.netns] or {}
    note_links(run, node.netns, node.links)
  end
end

--- Gives a link its number before it is made, so that nobody has to ask for it.
---@private
---@param run nsh.LabRun
---@param ns string name of its namespace
---@param name string
---@return integer
function m.number(run, ns, name)
  local index = run.next[ns]
  run.index[ns][name], run.next[ns] = index, index + 1
  return index
end

--- Returns a copy of a record with the numbers of the links that it names.
---@private
---@param run nsh.LabRun
---@param ns string name of its namespace
---@param record table
---@return table
function m.numbered(run, ns, record) return nouns.numbered(record, run.index[ns]) end

--- Raises the failure of a step.
---@private
---@param run nsh.LabRun
---@param step nsh.PlanStep
---@param message string what the core said: message, code and detail
---@param code string
---@param detail table
function m.refuse(run, step, message, code, detail)
  local ns = run.ns[step.netns]
  fail.raise {
    op = step.noun .. " " .. VERB[step.op], target = step.name, netns = ns and ns.label or step.netns,
    message = message, code = code, errno = detail.errno, extack = detail.extack, attr = detail.attr,
    hint = detail.hint, where = step.where, step = step,
  }
end

return m
