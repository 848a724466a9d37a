--- guard.lua - with --host, the link that carries the machine's default route is not cut off by accident.
local core = require "nsh.core"
local fail = require "nsh.error"
local world = require "nsh.world"

local m = {}

local function carries_default(link)
  for _, family in ipairs { "inet", "inet6" } do
    local routes = core.route.list(link.netns.core, { dst = "default", family = family, table = "main" })
    for _, route in ipairs(routes or {}) do
      if route.dev == link.name then return true end
    end
  end
  return false
end

-- What of a change would cut the link off, or nil.
local function danger(spec, what)
  if what ~= "change" then return what end
  if spec.up == false then return "take down" end
  if spec.netns then return "move" end
  if spec.master then return "enslave" end
end

--- Raises when the call would cut off the machine's default route and doesn't say `force = true`.
---@param link nsh.Link
---@param spec table the options; `force` is taken out
---@param what string "change", or what is done: "delete"
function m.check(link, spec, what)
  local force = spec.force
  spec.force = nil
  if not world.is_host() or force then return end
  what = danger(spec, what)
  if what and link.netns.label == "host" and carries_default(link) then
    fail.misuse("refusing to %s %s: it carries the machine's default route; say force = true if you mean it",
      what, link.name)
  end
end

return m
