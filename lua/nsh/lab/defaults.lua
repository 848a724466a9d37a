--- defaults.lua - what the kernel gives a link or a sysctl where nothing is said, found by trying it elsewhere.
local core = require "nsh.core"
local json = require "nsh.json"
local netns = require "nsh.netns"
local sysctls = require "nsh.sysctl"

local m = {}

-- What says nothing of what the kernel gives a link by itself.
local APART = { "altnames", "index", "mac", "master", "peer", "port", "up" }

-- How a link like the one that is wished is made, and whether it is a port.
local function recipe(wish)
  local spec = {}
  for key, value in pairs(wish) do spec[key] = value end
  for _, key in ipairs(APART) do spec[key] = nil end
  spec.name, spec.link = "x", spec.link and "below"
  return spec, wish.port ~= nil or wish.master ~= nil and wish.master ~= false
end

-- Makes the link where it hurts nobody, without what was taken back, and reads it.
local function try(spec, is_port)
  local ns <close> = netns.scratch()
  local function add(link) return core.link.add(ns.core, link) end
  add { name = "below", kind = "veth", peer = { name = "below1" } }
  add { name = "over", kind = "bridge" }
  local index = add(spec)
  if not index then return nil end
  if is_port then core.link.set(ns.core, index, { master = "over" }) end
  return (core.link.get(ns.core, index))
end

-- The same for all links that are made alike, for there may be a thousand; but each has a MAC address of its own.
local function usual_of(wish, known)
  local spec, is_port = recipe(wish)
  local key = wish.mac and json.encode { spec, is_port } or wish
  if known[key] == nil then known[key] = try(spec, is_port) or false end
  return known[key] or {}
end

-- Of a table of options those that were set.
local function part_of(default, old)
  if type(default) ~= "table" or type(old) ~= "table" then return default end
  local part = {}
  for key in pairs(old) do part[key] = default[key] end
  return part
end

--- Says of keys that were taken back what they shall be; those that have no known default stay as they are.
---@param found table<string, any[]> changes { from, to } by key, completed in place
---@param wish table the link
---@param known table what was found out before
---@return table<string, any[]>? found nil: nothing is left
function m.fill(found, wish, known)
  local function usual() return usual_of(wish, known) end
  for key, pair in pairs(found) do
    if pair.unset then
      for _, sub in ipairs(pair.unset) do pair[2][sub] = (usual().port or {})[sub] end
      pair.unset = nil
    elseif pair[2] == nil then
      local default = usual()[key]
      if key == "alias" or key == "master" then default = false end
      if default == nil then found[key] = nil else pair[2] = part_of(default, pair[1]) end
      if default == pair[1] then found[key] = nil end
    end
  end
  return next(found) and found or nil
end

--- Returns the value that a sysctl has in a new namespace; nil: not known.
---@param key string
---@param known table what was found out before
---@return integer|string|nil
function m.sysctl(key, known)
  local head, dev, name = key:match "^(net%.ipv[46]%.%l+)%.([^.]+)(%..*)"
  if dev and dev ~= "all" and (head:find "conf$" or head:find "neigh$") then key = head .. ".default" .. name end
  if known[key] == nil then
    local ns <close> = netns.scratch()
    known[key] = { value = sysctls.value(core.sysctl.get(ns.core, key)) }
  end
  return known[key].value
end

return m
