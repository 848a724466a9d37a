--- error.lua - the error object, and how the objects raise it.
-- The kernel saying no raises one object; misuse raises a string at the script's own line.
local core = require "nsh.core"
local texts = require "nsh.text"
local printable = texts.escape

local m = {}

--- One failure of the outside world. Scripts test `code`, never text.
---@class nsh.Error
---@field code string errno name: "EEXIST", or "EXIT", "SIGNAL", "TIMEOUT" of a command
---@field errno? integer
---@field op string what was tried: "link set"
---@field target? string the object's name
---@field netns? string the namespace
---@field message string what the C library calls the errno
---@field extack? string the kernel's own words
---@field attr? string key of the attribute that the kernel refused
---@field entry? integer which of a list it was, the first one 1: of add_routes
---@field request? string the options of the call in one line
---@field where string "file:line" of the script
---@field hint? string the remedy, where it is known
local Error = { __name = "nsh.error" }
Error.__index = Error
m.Error = Error

function Error:__tostring()
  local what = self.op
  if self.target then what = what .. " " .. self.target end
  if self.entry then what = what .. " (entry " .. self.entry .. ")" end
  if self.netns then what = what .. " in " .. self.netns end
  local text = self.message
  if self.summary then
    text = self.summary .. ": " .. text
  elseif self.request then
    what = what .. " (" .. self.request .. ")"
  end
  if self.code and not text:find(self.code, 1, true) then text = text .. " (" .. self.code .. ")" end
  if self.extack then text = text .. ": " .. self.extack end
  if self.attr then text = text .. " [" .. self.attr .. "]" end
  local line = (self.where ~= "" and self.where .. ": " or "") .. what .. ": " .. text
  if self.hint then line = line .. "\n  hint: " .. self.hint end
  return printable(line, "\n\t")
end

-- The request in one line: "kind=veth peer=eth1@ns1".
local function request_of(spec, target)
  local words = {}
  for key, value in pairs(spec) do
    if type(key) == "string" and value ~= target then
      if type(value) == "table" then
        value = rawget(value, "name") or rawget(value, "label") or rawget(value, "last_name") or rawget(value, 1)
        if value == nil or type(value) == "table" then value = "{...}" end
      end
      words[#words + 1] = key .. "=" .. (texts.secret[key] and texts.HIDDEN or tostring(value))
    end
  end
  table.sort(words)
  return #words > 0 and table.concat(words, " ") or nil
end

--- Raises the error object of a failed call.
---@param e table its fields; `where`, `hint` and `request` are filled in, `spec` becomes the request
function m.raise(e)
  e.where = e.where or core.where()
  e.hint = e.hint or require("nsh.hints").find(e)
  if e.spec then
    e.request, e.spec = request_of(e.spec, e.target), nil
  end
  error(setmetatable(e, Error), 0)
end

--- Passes the results of a core function on, or raises what it failed with.
---@param op string what is tried: "link set"
---@param target? string the object's name
---@param netns? nsh.Netns|string where
---@param ... any the results; a first nil means failure, then message, code and detail follow
---@return any ...
function m.check(op, target, netns, ...) return m.check_spec(nil, op, target, netns, ...) end

--- As check, of a call that has an option table.
---@param spec? table the options, for the hint and the request line
---@return any ...
function m.check_spec(spec, op, target, netns, ...)
  local first, message, code, detail = ...
  if first ~= nil then return ... end
  detail = detail or {}
  m.raise {
    op = op, target = target, netns = type(netns) == "table" and netns.label or netns,
    message = message, code = code, errno = detail.errno, extack = detail.extack, attr = detail.attr,
    hint = detail.hint, entry = detail.entry, spec = type(spec) == "table" and spec or nil,
    summary = op == "link set" and type(spec) == "table" and spec.netns
      and "cannot move it to " .. spec.netns.label or nil,
  }
end

--- Returns a copy of an option table or filter, an empty one for nil; anything else is misuse.
---@param arg? table
---@param what string who takes it: "routes"
---@return table
function m.options(arg, what)
  if arg ~= nil and type(arg) ~= "table" then m.misuse("%s takes a table of keys, not a %s", what, type(arg)) end
  return arg and core.copy(arg) or {}
end

local sets = setmetatable({}, { __mode = "k" }) -- of known keys, by their lists

local function set_of(list)
  local set = sets[list]
  if not set then
    set = {}
    for _, key in ipairs(list) do set[key] = true end
    sets[list] = set
  end
  return set
end

--- Raises misuse for a key that isn't known, naming the nearest.
---@param spec table
---@param what string who takes it: "routes"
---@param known string[] its keys
function m.only(spec, what, known)
  local is_known = set_of(known)
  for key in pairs(spec) do
    if not is_known[key] then
      local nearest = core.nearest(tostring(key), known)
      m.misuse("unknown key '%s' of %s%s", tostring(key), what,
        nearest and "; did you mean '" .. nearest .. "'?" or "; it takes " .. table.concat(known, ", "))
    end
  end
end

--- Returns a copy of an option table, an empty one for nil; a key that isn't known is misuse, which names the nearest.
---@param arg? table
---@param what string who takes it: "routes"
---@param known string[] its keys
---@return table
function m.known(arg, what, known)
  local copy = m.options(arg, what)
  m.only(copy, what, known)
  return copy
end

--- Raises a string with the position of the script's own line.
---@param fmt string as string.format
function m.misuse(fmt, ...)
  local where = core.where()
  error((where ~= "" and where .. ": " or "") .. fmt:format(...), 0)
end

return m
