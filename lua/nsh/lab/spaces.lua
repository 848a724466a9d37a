--- spaces.lua - namespaces of a plan, each made when a step needs it, and the sysctls of what is in them.
-- A process beside nsh makes them ahead, one after the other; links of those that are there are made meanwhile.
local core = require "nsh.core"
local loop = require "nsh.loop"
local netns = require "nsh.netns"
local progress = require "nsh.lab.progress"
local runs = require "nsh.lab.run"
local sysctls = require "nsh.sysctl"

local m = {}

--- Sets sysctls, in an order in which none changes what another one has set.
---@param run nsh.LabRun
---@param steps nsh.PlanStep[]
function m.set(run, steps)
  local list = {}
  for i, step in ipairs(steps) do list[i] = { step, sysctls.rank(step.name), i } end
  table.sort(list, function(a, b)
    if a[2] ~= b[2] then return a[2] < b[2] end
    return a[3] < b[3]
  end)
  for _, entry in ipairs(list) do
    local step = entry[1]
    local value = step.to[step.name]
    run.step = step
    if value ~= nil then
      local ok, message, code, detail = core.sysctl.set(run.ns[step.netns].core, step.name,
        sysctls.text(step.name, value))
      if not ok then runs.refuse(run, step, message, code, detail) end
    end
  end
end

local function make(run, name)
  run.ns[name] = netns.add(name)
  run.made[#run.made + 1] = name
end

--- Makes a namespace, unless it is there, and sets what links are made from: some kinds of links can't wait for the
--- others.
---@param run nsh.LabRun
---@param name string
function m.need(run, name)
  local step = run.new[name]
  if not step then return end
  run.new[name], run.step = nil, step
  loop.whole(make, run, name)
  progress.tell(run.label, "namespaces", #run.made, #run.wanted)
  if run.defaults[name] then
    m.set(run, run.defaults[name])
    run.step = step
  end
end

--- Makes what no step has needed yet, and sets the sysctls that aren't of links: once more those that links are made
--- from, which others change.
-- No namespace is made when the first is set: who writes one for which the kernel locks all networks, as ip_forward, is
-- sent around in circles as long as somebody else makes one.
---@param run nsh.LabRun
function m.need_all(run)
  for _, name in ipairs(run.wanted) do m.need(run, name) end
  m.set(run, run.sysctls)
end

--- Begins: notes the namespaces that are to be made, and the sysctls that are to be set.
---@param run nsh.LabRun
---@param steps nsh.PlanStep[]
---@return nsh.PlanStep[] sysctls of links, for when these are there
function m.begin(run, steps)
  local now, later = {}, {}
  run.new, run.wanted, run.opening, run.sysctls, run.defaults = {}, {}, {}, now, {}
  for _, step in ipairs(steps) do
    if step.noun == "netns" and step.op == "create" then
      run.new[step.netns] = step
      table.insert(run.wanted, step.netns)
    elseif step.noun == "sysctl" then
      local _, of_link = sysctls.rank(step.name)
      local _, dev = sysctls.parts(step.name)
      if dev == "default" then
        run.defaults[step.netns] = run.defaults[step.netns] or {}
        table.insert(run.defaults[step.netns], step)
      end
      local opens = of_link and step.name:find "%.disable_ipv6$" and tostring(step.to[step.name]) == "0"
      table.insert(opens and run.opening or of_link and later or now, step)
    end
  end
  for name, list in pairs(run.defaults) do
    if not run.new[name] then m.set(run, list) end
  end
  return later
end

return m
