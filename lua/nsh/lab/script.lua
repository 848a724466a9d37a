--- script.lua - a lab as the script that declares it.
local defaults = require "nsh.lab.defaults"
local describe = require "nsh.lab.describe"
local records = require "nsh.lab.records"
local wish = require "nsh.lab.wish"

local m = {}

local WIDTH = 120

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
  while]]):gmatch "%l+" do
  KEYWORDS[word] = true
end

-- Names that a script has already.
local TAKEN = { net = true, lab = true, nsh = true, netns = true, help = true, arg = true }

--- Writes text as Lua does, on one line.
---@param text string
---@return string
function m.quote(text)
  return '"' .. text:gsub('[%c"\\\127-\255]', function(c)
    if c == '"' or c == "\\" then return "\\" .. c end
    if c == "\n" then return "\\n" end
    if c == "\t" then return "\\t" end
    return ("\\x%02x"):format(c:byte())
  end) .. '"'
end

local function key_text(key)
  if type(key) ~= "string" then return ("[%s]"):format(m.value(key)) end
  return key:find "^[%a_][%w_]*$" and not KEYWORDS[key] and key or "[" .. m.quote(key) .. "]"
end

-- The place of the list that a key's value is in: text of several lines.
local function long(text)
  local level = ""
  while text:find("]" .. level .. "]", 1, true) or text:sub(-1 - #level) == "]" .. level do level = level .. "=" end
  return ("[%s[\n%s]%s]"):format(level, text, level)
end

--- Writes a value; tables on one line where they fit.
---@param value any
---@param indent? string
---@return string
function m.value(value, indent)
  indent = indent or ""
  if type(value) == "string" then
    if value:find "\n." and not value:find "[%z\1-\8\11-\31\127-\255]" then return long(value) end
    return m.quote(value)
  end
  if math.type(value) == "float" then
    return value == math.floor(value) and math.abs(value) < 2 ^ 53 and ("%.0f"):format(value) or ("%.14g"):format(value)
  end
  if type(value) ~= "table" then return tostring(value) end
  return m.table(m.parts(value, indent .. "  "), indent)
end

-- What a reader looks for first; the rest follows in alphabetical order.
local ORDER = { "name", "netns", "bridge", "kind", "lo", "link", "id", "master", "addr", "addrs", "priority", "from",
  "to", "via", "dev", "mac", "mtu", "up" }
local LAST = { "nexthops", "addrlabels", "routes", "rules", "neighs", "fdb", "sysctls", "nft" }
local rank = {}
for i, key in ipairs(ORDER) do rank[key] = i end
for i, key in ipairs(LAST) do rank[key] = 1000 + i end

-- The keys of a table that no list has, in this order.
local function keys_of(value)
  local keys = {}
  for key in pairs(value) do
    if not (math.type(key) == "integer" and key >= 1 and key <= #value) then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b)
    local x, y = rank[a] or 500, rank[b] or 500
    if x ~= y then return x < y end
    if type(a) ~= type(b) then return type(a) == "number" end
    return a < b
  end)
  return keys
end

-- The first of what is listed where a noun's main value may stand.
local MAIN = { "addr", "dst", "mac", "vid", "kind" }

local function main_of(value)
  if value[1] ~= nil then return nil end
  for _, key in ipairs(MAIN) do
    if type(value[key]) ~= "table" and value[key] ~= nil then return key end
  end
end

--- Writes the elements of a table, each with its key.
---@param value table
---@param indent string
---@param main? boolean may the main value stand without its key?
---@return string[]
function m.parts(value, indent, main)
  local parts = {}
  local first = main and main_of(value)
  if first then parts[1] = m.value(value[first], indent) end
  for _, element in ipairs(value) do
    parts[#parts + 1] = type(element) == "table" and m.table(m.parts(element, indent .. "  ", true), indent)
      or m.value(element, indent)
  end
  for _, key in ipairs(keys_of(value)) do
    if key ~= first then parts[#parts + 1] = ("%s = %s"):format(key_text(key), m.value(value[key], indent)) end
  end
  return parts
end

--- Puts elements into braces: on one line where they fit, else one a line.
---@param parts string[]
---@param indent string
---@return string
function m.table(parts, indent)
  if #parts == 0 then return "{}" end
  local line = "{ " .. table.concat(parts, ", ") .. " }"
  if #line + #indent < WIDTH - 20 and not line:find("\n", 1, true) then return line end
  return ("{\n%s  %s,\n%s}"):format(indent, table.concat(parts, ",\n" .. indent .. "  "), indent)
end

-- --- names of variables ---

-- A node's name as that of a variable, where it can be one and is free.
local function variables(list)
  local names, used = {}, {}
  for word in pairs(TAKEN) do used[word] = true end
  for _, one in ipairs(list) do
    if one.node and one.verb ~= "link" then
      local name = one.node:gsub("[^%w_]", "_")
      if not name:find "^[%a_]" or KEYWORDS[name] then name = "n_" .. name end
      while used[name] do name = name .. "_" end
      names[one.node], used[name] = name, true
    end
  end
  return names
end

-- Lua takes 200 local variables; where there are more nodes they are called by their names.
local MOST = 150

local function node_of(self, name) return self.names and self.names[name] or m.quote(name) end

local WRITE = {}

local function node(self, one)
  local call = ("net:%s %s"):format(one.verb, m.table(m.parts(one.spec, "  "), ""))
  local used = self.names and self.used[one.node]
  return used and ("local %s = %s"):format(self.names[one.node], call) or call
end
WRITE.host, WRITE.switch, WRITE.router = node, node, node

---@private
function WRITE.wire(self, one)
  local ends = {}
  for i, spec in ipairs(one) do
    local parts = m.parts(spec.spec, "    ")
    table.insert(parts, 1, node_of(self, spec.node))
    table.insert(parts, 2, m.quote(spec.name))
    ends[i] = m.table(parts, "  ")
  end
  return "net:link " .. m.table(ends, "")
end

---@private
function WRITE.link(self, one)
  local spec = { one.spec.name }
  for key, value in pairs(one.spec) do
    if key ~= "name" then spec[key] = value end
  end
  local on = self.names and self.names[one.node] or ("net:node(%s)"):format(m.quote(one.node))
  return ("%s:link %s"):format(on, m.table(m.parts(spec, "  "), ""))
end

--- Writes declarations as a script that returns the lab.
---@param name string of the lab
---@param list table[] as describe.of returns them
---@param options table of the lab
---@param warnings table[] what isn't in it
---@return string
function m.write(name, list, options, warnings)
  local self, nodes = { used = {} }, 0
  for _, one in ipairs(list) do
    if one.verb == "link" then self.used[one.node] = true end
    if one.verb == "wire" then self.used[one[1].node], self.used[one[2].node] = true, true end
    if one.verb ~= "link" and one.verb ~= "wire" then nodes = nodes + 1 end
  end
  if nodes <= MOST then self.names = variables(list) end
  local head = next(options) and ("(%s, %s)"):format(m.quote(name), m.value(options)) or " " .. m.quote(name)
  local lines, last = { "local net = lab" .. head }, nil
  for _, warning in ipairs(warnings) do
    lines[#lines + 1] = ("-- %s: %s"):format(warning.where, (warning.message:gsub("%c", "?")))
  end
  for _, one in ipairs(list) do
    local group = WRITE[one.verb] == node and "node" or one.verb
    if group ~= last then lines[#lines + 1], last = "", group end
    lines[#lines + 1] = WRITE[one.verb](self, one)
  end
  lines[#lines + 1] = "\nreturn net\n"
  return table.concat(lines, "\n")
end

-- The sysctls of a node that others of its kind don't have. What others have and it hasn't is as the kernel gives it.
local function own_sysctls(one, asked, known)
  local usual = records.usual_sysctls(one.kind, one.links[1] ~= nil and not records.is_root(one))
  local own = {}
  for key, value in pairs(asked) do
    if usual[key] ~= value then own[key] = value end
  end
  for key in pairs(not one.space and usual or {}) do
    if asked[key] == nil then own[key] = defaults.sysctl(key, known) end
  end
  return own
end

--- Returns the state that a lab asks for, without the sysctls that each of its nodes has, and with its rulesets.
---@private
---@param lab nsh.Lab
---@return table state
function m.asked(lab)
  local state, known = wish.of(lab), {}
  for _, one in ipairs(state.nodes) do
    local declared = lab:node(one.node)
    one.sysctls, one.nft, one.rulesets = own_sysctls(declared, one.sysctls, known), declared.spec.nft, {}
  end
  return state
end

--- Writes a lab as a script.
---@private
---@param lab nsh.Lab
---@return string
function m.of(lab)
  local taken = rawget(lab, "taken")
  if taken then return m.write(lab.name, taken.list, taken.options, describe.left_out(lab)) end
  return m.write(lab.name, (describe.of(m.asked(lab), lab.name)), {}, describe.left_out(lab))
end

return m
