--- plan.lua - what up() would do: a list of steps that prints node by node.
local check = require "nsh.lab.check"
local diff = require "nsh.lab.diff"
local live = require "nsh.lab.live"
local store = require "nsh.lab.store"
local wish = require "nsh.lab.wish"

local m = {}

--- What up() does: a list of steps. Printed, each is a line: + what is made, ~ what changes, - what goes.
---@class nsh.Plan
---@field lost? { step: nsh.PlanStep, why: string }[] of up(): what nobody declared and went along with a change, for it
---  has no place any more
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
---@field anew? boolean of "change": the kernel can't change that, so it goes and is made again
---@field where? string line of the script that declares it

function Plan:__tostring() return require("nsh.lab.plan_text").of(self) end

--- Makes a plan of steps.
---@param steps table[]
---@return nsh.Plan
function m.new(steps) return setmetatable(steps, Plan) end

local PASSING = { EEXIST = true, EINVAL = true, ENODEV = true, ENOENT = true }

-- Reads what is there and what was applied last. Another nsh may change the lab meanwhile: then what was found is
-- neither before nor after.
local function read(lab, wanted)
  while true do
    local last, stamp = store.load(lab.name)
    local ok, there = pcall(live.read, wanted, last)
    if ok then return there, last end
    local _, now = store.load(lab.name)
    if now == stamp or type(there) ~= "table" or not PASSING[there.code] then error(there, 0) end
  end
end

--- Compares a lab with what is there.
---@param lab nsh.Lab
---@return nsh.Plan plan, table live the state that was read, table wish, table? last what was applied last
function m.of(lab)
  check.told(lab)
  local wanted = wish.of(lab)
  local there, last = read(lab, wanted)
  return m.new(diff.steps(wanted, there, last)), there, wanted, last
end

return m
