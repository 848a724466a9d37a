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

-- What may cut the machine off, or nil: with `force = true`, which is taken out, nothing may.
local function threat(spec, what)
  local force = spec.force
  spec.force = nil
  return world.is_host() and not force and danger(spec, what) or nil
end

local function refuse(link, what)
  local found = carrier(link, what == "delete" and link.peer or nil) -- a veth goes with its peer
  if found then
    fail.misuse("refusing to %s %s: %s carries the machine's default route; say force = true if you mean it",
      what, link.name, found == link and "it" or "its peer " .. found.name)
  end
end

--- Raises when the call would cut off the machine's default route and doesn't say `force = true`.
---@param link nsh.Link
---@param spec table the options; `force` is taken out
---@param what string "change", or what is done: "delete"
function m.check(link, spec, what)
  what = threat(spec, what)
  if what then refuse(link, what) end
end

--- The same for a call on all links of a group.
---@param ns nsh.Netns
---@param group integer
---@param spec table the options; `force` is taken out
---@param what string "change" or "delete"
function m.check_group(ns, group, spec, what)
  what = threat(spec, what)
  for _, record in ipairs(what and ns:links { group = group } or {}) do refuse(ns:link(record.name), what) end
end

return m
