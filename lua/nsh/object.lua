--- object.lua - live objects: methods, fields that ask the kernel when they are read, and no silent nil.
local core = require "nsh.core"
local fail = require "nsh.error"

local m = {}

local originals = setmetatable({}, { __mode = "k" }) -- what a method is, by what scripts get of it

--- Returns the function that a method of an object stands for; any other, as it is.
---@private
---@param f function
---@return function
function m.original(f) return originals[f] or f end

--- Raises what a method that was called with a dot has to say.
---@private
---@param mt table metatable of its objects
---@param key string its name
function m.dotted(mt, key)
  local name = require("nsh.doc").groups[mt.__name] or mt.__name:match "[^.]+$"
  fail.misuse("%s is a method: with a colon, as %s:%s(...), not %s.%s(...)", key, name, key, name, key)
end

-- A method that was called with a dot has something else in its object's place.
local function guard(method, mt, key)
  local function checked(self, ...)
    if getmetatable(self) ~= mt then m.dotted(mt, key) end
    return method(self, ...)
  end
  originals[checked] = method
  return checked
end

--- Makes a class. Methods are set on it; `class.get.field = function(self)` is a live field.
---@param name string the type's name in messages: "nsh.netns"
---@return table class, table metatable
function m.class(name)
  local class = { get = {} }
  local mt = { __name = name, class = class }
  local methods, made_of = {}, {} -- those that were asked for, and what they stand for: a script may replace that

  function mt.__index(self, key)
    local method = methods[key]
    if method ~= nil and made_of[key] == class[key] then return method end
    method = class[key]
    if method ~= nil and key ~= "get" then
      made_of[key] = method
      methods[key] = type(method) == "function" and guard(method, mt, key) or method
      return methods[key]
    end
    local get = class.get[key]
    if get then return get(self) end
    if class.missing then return class.missing(self, key) end
    m.unknown(self, class, key)
  end

  function mt.__newindex(self, key)
    fail.misuse("%s: field '%s' can't be assigned; use set { %s = ... }", tostring(self), tostring(key), tostring(key))
  end

  return class, mt
end

--- Lets modules that define methods of a class be loaded when one of these is used first.
---@private
---@param class table
---@param modules table<string, string> their methods and live fields: { ["nsh.tcp"] = "connect listen" }
function m.later(class, modules)
  local home = {}
  for module, names in pairs(modules) do
    for name in names:gmatch "%S+" do home[name] = module end
  end
  setmetatable(class, { modules = modules, __index = function(_, key)
    local module = home[key]
    if not module then return nil end
    home[key] = nil
    require(module)
    return rawget(class, key)
  end })
end

--- Loads all that defines methods of a class, for those who want to list them.
---@private
---@param class table
function m.whole(class)
  local mt = getmetatable(class)
  for module in pairs(mt and mt.modules or {}) do require(module) end
end

--- Tells whether a value is an object of a class, whose file needn't be loaded for that.
---@private
---@param value any
---@param name string the class's: "nsh.netns"
---@return boolean
function m.is(value, name)
  local mt = type(value) == "table" and getmetatable(value)
  return type(mt) == "table" and rawget(mt, "__name") == name
end

--- Raises "has no field", naming the nearest one.
function m.unknown(self, class, key, more)
  local known = {}
  m.whole(class)
  for _, list in ipairs { class, class.get, more } do
    for k in pairs(list) do
      if type(k) == "string" and k ~= "get" and k ~= "missing" then known[#known + 1] = k end
    end
  end
  table.sort(known)
  local nearest = core.nearest(tostring(key), known)
  fail.misuse("%s has no field '%s'%s", tostring(self), tostring(key),
    nearest and ("; did you mean '" .. nearest .. "'?") or "")
end

return m
