--- guard.lua - with --host, the link that carries the machine's default route is not cut off by accident.
local core = require "nsh.core"
local fail = require "nsh.error"
local world = require "nsh.world"

local m = {}

local function carries_default(link)
  local name = link.name
  for _, family in ipairs { "inet", "inet6" } do
    local routes = core.route.list(link.netns.core, { dst = "default", family = family, table = "main" })
    for _, route in ipairs(routes or {}) do
      if route.dev == name then return true end
      for _, hop in ipairs(route.nexthops or {}) do
        if hop.dev == name then return true end
      end
    end
  end
  return false
end

-- The one of the links that the machine's default route goes through, or nil.
local function carrier(...)
  for _, link in pairs { ... } do
    if link.netns.label == "host" and carries_default(link) then return link end
  end
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
  if not what then return end
  local found = carrier(link, what == "delete" and link.peer or nil) -- a veth goes with its peer
  if found then
    fail.misuse("refusing to %s %s: %s carries the machine's default route; say force = true if you mean it",
      what, link.name, found == link and "it" or "its peer " .. found.name)
  end
end

return m
