--- attrs.lua - what the core's attribute tables say about nouns and link kinds, for help, completion and the pages.
local core = require "nsh.core"

local m = {}

---@class nsh.Attribute
---@field key string
---@field type string "integer", "boolean", "seconds", "string", "mac", "address", "prefix", "link", "list", ...
---@field doc? string
---@field readonly? boolean
---@field writeonly? boolean
---@field asked? boolean no record has it: it is read when the live object is asked for it
---@field main? boolean it may stand at [1]
---@field min? integer
---@field max? integer
---@field values? string[]
---@field rows? nsh.Attribute[] of a nested table
---@field kinds? nsh.Kind[] of a list whose elements have kinds of their own

local tables

local function all()
  if not tables then tables = core.tables and core.tables() or {} end
  return tables
end

-- One noun, without the others where nobody has asked for those.
local one = {}
local function entry_of(noun)
  if tables or not core.tables then
    for _, entry in ipairs(all()) do
      if entry.noun == noun then return entry end
    end
    return nil
  end
  if one[noun] == nil then one[noun] = core.tables(noun) or false end
  return one[noun] or nil
end

--- Lists the nouns.
---@return { noun: string, rows: nsh.Attribute[], kinds: nsh.Kind[]? }[]
function m.nouns()
  return all()
end

--- Lists the attributes of a noun.
---@param noun string "link"
---@return nsh.Attribute[] rows empty: there is no such noun
function m.rows(noun)
  local entry = entry_of(noun)
  return entry and entry.rows or {}
end

---@class nsh.Kind
---@field name string
---@field doc? string
---@field config? string the kernel option that brings it
---@field pair? boolean of a link: it is made with a peer
---@field rows? nsh.Attribute[] keys of its own
---@field port_rows? nsh.Attribute[] of a link: keys of its ports

--- Lists the kinds of a noun.
---@param noun string "link"
---@return nsh.Kind[] empty: it has none
function m.kinds(noun)
  local entry = entry_of(noun)
  return entry and entry.kinds or {}
end

--- Finds a kind of a noun.
---@param noun string
---@param name string
---@return nsh.Kind?
function m.kind(noun, name) return m.find_kind(m.kinds(noun), name) end

local by_name = setmetatable({}, { __mode = "k" }) -- kinds of a list by their names

--- Finds a kind in a list of them.
---@param kinds nsh.Kind[]
---@param name string
---@return nsh.Kind?
function m.find_kind(kinds, name)
  local map = by_name[kinds]
  if not map then
    map = {}
    for _, kind in ipairs(kinds) do map[kind.name] = map[kind.name] or kind end
    by_name[kinds] = map
  end
  return map[name]
end

-- "add_route", "routes" and "flush_routes" are about routes.
local verbs = { add = true, del = true, set = true, get = true, find = true, replace = true, flush = true }

--- Tells which noun's keys the option table of a method has.
---@param method string "add_route"
---@return string? noun
function m.noun_of(method)
  local verb, rest = method:match "^(%l+)_([%l_]+)$"
  local word = verbs[verb] and rest or method
  for _, entry in ipairs(all()) do
    local noun = entry.noun:gsub("^bridge_", "") -- its own methods leave that word out
    if word == noun or word == noun .. "s" or word == noun .. "es" then
      return (verb or word ~= "link") and entry.noun or nil -- ns:link takes a name
    end
  end
end

--- Finds the attribute of a key.
---@param rows nsh.Attribute[]
---@param key string
---@return nsh.Attribute?
function m.find(rows, key)
  for _, row in ipairs(rows) do
    if row.key == key then return row end
  end
end

local type_text = { list = "list of tables", toggles = "table of true and false", table = "table name or number" }

--- Says what an attribute takes: "integer 68..65535", "on or off", one of some words.
---@param row nsh.Attribute
---@return string
function m.takes(row)
  if row.values and #row.values > 0 then
    local words = {}
    for i, value in ipairs(row.values) do words[i] = ("%q"):format(value) end
    if row.min and row.max > row.min then words[#words + 1] = ("or integer %d..%d"):format(row.min, row.max) end
    return table.concat(words, " ")
  end
  local s = type_text[row.type] or row.type
  if row.rows and #row.rows > 0 and row.type ~= "list" then s = "table" end
  if row.min and row.max and row.max > row.min then
    s = ("%s %s..%s"):format(s, row.min, row.max)
  end
  return s
end

--- Says who may use an attribute.
---@param row nsh.Attribute
---@return string? "read only", "write only" or "not in records"
function m.access(row)
  return row.readonly and "read only" or row.writeonly and "write only" or row.asked and "not in records" or nil
end

return m
