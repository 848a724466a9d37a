--- link_local.lua - links that have their link-local address when they come up, and don't look for it elsewhere first.
local core = require "nsh.core"
local records = require "nsh.lab.records"

local m = {}

local function give(run, owners, step)
  local addr = step and records.link_local(step.to)
  if not addr then return end
  owners:ask(run, step, core.addr.replace, run.ns[step.netns].core,
    { addr = addr, dev = run.index[step.netns][step.name], nodad = true, proto = "kernel_ll" })
end

--- Gives both ends of a pair, or a single link, their addresses, and brings the other end up then.
---@private
---@param run nsh.LabRun
---@param owners table
---@param maker { step: nsh.PlanStep, other: nsh.PlanStep? }
---@param set_up? fun(run: nsh.LabRun, step: nsh.PlanStep): ... nil: the other end comes up later
function m.settle(run, owners, maker, set_up)
  give(run, owners, maker.step)
  give(run, owners, maker.other)
  local other = maker.other
  if set_up and other and records.link_local(other.to) then owners:ask(run, other, set_up, run, other) end
end

return m
