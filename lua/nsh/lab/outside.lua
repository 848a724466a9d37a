--- outside.lua - links of the machine that a lab borrows: they are moved into its namespaces, and home again.
local core = require "nsh.core"
local netns = require "nsh.netns"

local m = {}

local APART = { external = true, name = true, peer = true, kind = true, port = true }

--- Moves a link of the machine to where a wire ends.
---@private
---@param run nsh.LabRun
---@param step nsh.PlanStep
---@return any ok, string? message, string? code, table? detail
function m.fetch(run, step)
  local ns, link = run.ns[step.netns], netns.root():link(step.to.external)
  link:set { netns = ns, name = step.name }
  run.index[step.netns][step.name] = link.index
  local spec = {}
  for key, value in pairs(step.to) do
    if not APART[key] then spec[key] = value end
  end
  if type(spec.master) == "string" then spec.master = run.index[step.netns][spec.master] or spec.master end
  return core.link.set(ns.core, link.index, spec)
end

--- Moves a link home, under the name that it had there.
---@private
---@param ns nsh.Netns
---@param name string
---@param home string
function m.send(ns, name, home)
  local link = ns:find_link(name)
  if link then link:set { netns = netns.root(), name = home } end
end

--- Moves all links home that a namespace has from the machine.
---@private
---@param ns nsh.Netns
---@param links table[] records of a wish
function m.send_all(ns, links)
  for _, record in ipairs(links or {}) do
    if record.external then m.send(ns, record.name, record.external) end
  end
end

return m
