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

--- Tells whether the world is one of its own that ends with nsh.
---@return boolean
function m.is_private() return not m.is_host() and globals.world == nil end

--- Returns the options by which nsh comes into this world, for commands that are told: "-w office ", "--host " or "".
---@return string
function m.options()
  if m.is_host() then return "--host " end
  return globals.world and "-w " .. globals.world .. " " or ""
end

--- Tells whether there is nothing yet: the world is one of its own, and not made.
---@return boolean
function m.is_empty() return m.is_private() and not core.world.made() end

--- Tells whether nothing is to be done, only looked at: `nsh --check`.
---@return boolean
function m.is_dry() return globals.check == true end

--- Tells whether the named world that `nsh -w` asks for is still to be made.
---@return boolean
function m.is_absent()
  return globals.world ~= nil and not core.world.made() and not core.world.known(globals.world)
end

--- Lets a script that only looks do without a named world that isn't there: what it finds is nothing, and none is made.
function m.forgo() globals.world = nil end

--- Returns the name of the world that `nsh -w` asks for; nil for a private one.
---@return string?
function m.name() return globals.world end

-- Records that can't be believed are told of, once.
local function tell()
  local notice = core.world.notice()
  if notice then io.stderr:write("nsh: ", notice, "\n") end
end
m.tell = tell

--- Makes the world unless it is made; a named one is joined when there is one.
---@error EPERM where user namespaces are forbidden; the hint names the sysctl or policy
---@error EOWNERDEAD the named world that we are in was ended
function m.ensure()
  if m.is_dry() then require("nsh.lab.dry").leave() end
  if not core.world.made() then
    local made = table.pack(core.world.make(m.is_host(), m.name(), globals.script))
    tell()
    fail.check(m.name() and "world join" or "world make", m.name(), nil, table.unpack(made, 1, made.n))
  elseif m.name() then
    fail.check("nsh", nil, nil, core.world.lasts())
  end
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
  local world = m.name()
  if current then return (world and world .. ":" or "") .. current.label end
  if m.is_host() then return "host" end
  return world or core.world.made() and "root" or nil
end

return m
