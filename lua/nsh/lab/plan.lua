--- plan.lua - what up() would do: a list of steps that prints as one line each.
local columns = require "nsh.columns"
local diff = require "nsh.lab.diff"
local live = require "nsh.lab.live"
local store = require "nsh.lab.store"
local wish = require "nsh.lab.wish"

local m = {}

--- What up() does: a list of steps. Printed, each is a line: + what is made, ~ what changes, - what goes.
---@class nsh.Plan
local Plan = { __name = "nsh.plan", __jsontype = "array" }

--- One step of a plan.
---@class nsh.PlanStep
---@field op "create"|"change"|"delete"
---@field noun string "netns", "link", "addr", "route", ...
---@field node string
---@field netns string
---@field name string what it is about: "eth1", "10.0.0.1/24 dev eth1"
---@field from? table what is there
---@field to? table what shall be there
---@field changes? table<string, any[]> of "change": { from, to } by key

local SIGN = { create = "+", change = "~", delete = "-" }

local function text_of(step)
  local line = ("%s %s %s %s"):format(SIGN[step.op], step.node, step.noun, step.name)
  if not step.changes then return line end
  local words = {}
  for key, pair in pairs(step.changes) do
    words[#words + 1] = ("%s %s → %s"):format(key, columns.inline(pair[1]), columns.inline(pair[2]))
  end
  table.sort(words)
  return line .. ": " .. table.concat(words, ", ")
end

function Plan:__tostring()
  if not self[1] then return "nothing to do" end
  local lines = {}
  for i, step in ipairs(self) do lines[i] = text_of(step) end
  return table.concat(lines, "\n")
end

--- Makes a plan of steps.
---@param steps table[]
---@return nsh.Plan
function m.new(steps) return setmetatable(steps, Plan) end

--- Compares a lab with what is there.
---@param lab nsh.Lab
---@return nsh.Plan plan, table live the state that was read, table wish
function m.of(lab)
  local wanted = wish.of(lab)
  local there = live.read(wanted)
  return m.new(diff.steps(wanted, there, store.owned(lab.name))), there, wanted
end

return m
