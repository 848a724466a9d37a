--- defaults.lua - what the kernel gives a link or a sysctl where nothing is said, found by trying it elsewhere.
local core = require "nsh.core"
local netns = require "nsh.netns"
local sysctls = require "nsh.sysctl"

local m = {}

-- Makes the link again where it hurts nobody, without what was taken back, and reads it.
local function try(ns, wish)
  local function add(spec) return core.link.add(ns.core, spec) end
  add { name = "below", kind = "veth", peer = { name = "below1" } }
  add { name = "over", kind = "bridge" }
  local spec, port = {}, wish.port
  for key, value in pairs(wish) do spec[key] = value end
  spec.name, spec.peer, spec.master, spec.port, spec.up, spec.index = "x", nil, nil, nil, nil, nil
  spec.link = spec.link and "below"
  local index = add(spec)
  if not index then return nil end
  if port ~= nil or wish.master then core.link.set(ns.core, index, { master = "over" }) end
  return (core.link.get(ns.core, index))
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
---@param known table what was found out before, by name
---@return table<string, any[]>? found nil: nothing is left
function m.fill(found, wish, known)
  local function usual()
    if known[wish.name] == nil then
      local ns <close> = netns.scratch()
      known[wish.name] = try(ns, wish) or false
    end
    return known[wish.name] or {}
  end
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
---@return integer|string|nil
function m.sysctl(key)
  local ns <close> = netns.scratch()
  local head, dev, name = key:match "^(net%.ipv[46]%.%l+)%.([^.]+)(%..*)"
  if dev and dev ~= "all" and (head:find "conf$" or head:find "neigh$") then key = head .. ".default" .. name end
  return sysctls.value(core.sysctl.get(ns.core, key))
end

return m
