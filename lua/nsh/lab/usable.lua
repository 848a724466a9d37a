--- usable.lua - waits for addresses of IPv6 that were added: nobody is answered at one before the kernel is done.
-- That happens in a work queue, after the kernel has acknowledged the address, which doesn't show it; its local route
-- does.
local core = require "nsh.core"

local m = {}

-- A courtesy: an address that doesn't come to use, as on a link that somebody takes down, holds nothing up.
local PATIENCE = 1 -- s

local function usable(ns, addr)
  local route = core.route.to(ns.core, { addr })
  return route ~= nil and route.type == "local"
end

local function is_awaited(run, step)
  local addr = step.noun == "addr" and step.op ~= "delete" and step.to.addr
  if not addr or not step.to.nodad or not addr:find(":", 1, true) or step.to.proto == "kernel_ll" then return false end
  local link = run.wished[step.netns][step.to.dev]
  return link ~= nil and link.up == true
end

--- Waits until an address can be used, a second at most.
---@private
---@param ns nsh.Netns
---@param addr string without a length
---@return boolean
function m.settled(ns, addr)
  if usable(ns, addr) then return true end
  local ok, err = pcall(ns.wait, ns, function() return usable(ns, addr) end, PATIENCE)
  if not ok and not (type(err) == "table" and err.code == "ETIMEDOUT") then error(err, 0) end
  return ok
end

--- Waits until the addresses that steps have added can be used, a second for each namespace at most.
---@param run nsh.LabRun
---@param steps nsh.PlanStep[]
function m.wait(run, steps)
  for _, step in ipairs(steps) do
    local ns = is_awaited(run, step) and run.ns[step.netns]
    local addr = ns and step.to.addr:match "^[^/]+"
    if ns then m.settled(ns, addr) end
  end
end

return m
