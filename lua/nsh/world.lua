--- world.lua - the world that this process works in: made at the first operation that needs it.
local core = require "nsh.core"
local fail = require "nsh.error"

local m = {}

local globals = package.loaded["nsh.globals"] or {}
--- Is called when nsh gets to know a namespace, or takes its name away; watches set it.
---@private
---@param ns nsh.Netns
---@param gone boolean
m.on_namespace = function(ns, gone) end -- luacheck: ignore 212

local current -- what netns.enter() chose; nil: the world's root

--- Tells whether this is the machine's own network (`nsh --host`).
---@return boolean
function m.is_host() return globals.host == true end

--- Makes the world unless it is made.
---@error EPERM where user namespaces are forbidden; the hint names the sysctl or policy
function m.ensure()
  if not core.world.made() then fail.check("world make", nil, nil, core.world.make(m.is_host())) end
end

--- Makes ns what netns.current() means.
---@param ns? nsh.Netns nil: the world's root namespace
function m.enter(ns) current = ns end

--- Returns the namespace that was entered, or nil for the root.
---@return nsh.Netns?
function m.entered() return current end

--- Returns the core handle of the current namespace, for commands run in it.
---@return userdata
function m.current_core() return require("nsh.netns").current().core end

--- Returns where the prompt says we are, nil while there is no world.
---@return string?
function m.prompt()
  if current then return current.label end
  if m.is_host() then return "host" end
  return core.world.made() and "root" or nil
end

return m
