--- nouns.lua - what a namespace of a lab has, a row a noun: how it is read, told apart, compared and changed.
local core = require "nsh.core"

local m = {}

--- One noun. `add`, `change` and `del` are called in an open batch, but for late ones; they raise, or return as the
--- functions of nsh.core do.
---@class nsh.LabNoun
---@field noun string "route"
---@field field string where its records stand in the state of a namespace
---@field key fun(record: table): string what tells one from another in its namespace
---@field loose? fun(record: table): string? key of a wish that leaves open what the kernel chooses; nil: it doesn't
---@field name fun(record: table): string what a person calls it
---@field list fun(ns: nsh.Netns, wanted: table[], last: table[], family: string?): table[] what is there, of one
---  family of addresses or of all
---@field along? string field of records beside which its own are read, whether one is wished or not
---@field mine? fun(record: table): boolean false: the kernel makes it by itself
---@field changes? fun(wish: table, live: table, last: table?): table? what differs, { key = { from, to } }
---@field other? fun(wish: table, live: table): table? the same, where it makes another thing of it, made anew
---@field add fun(ns: nsh.Netns, record: table, run: table): ...
---@field change fun(ns: nsh.Netns, record: table, old: table, run: table, step: nsh.PlanStep): ...
---@field del fun(ns: nsh.Netns, record: table, run: table): ...
---@field gone? table<string, boolean> errors of del that say that it went with something else
---@field late? boolean it is done after all else, one by one
---@field once? boolean it is done when it is new: what a killed run was about to do counts as not done
---@field prepare? fun(run: table, steps: nsh.PlanStep[]) is called before steps are carried out
---@field wish? fun(node: nsh.LabNode): table[]? its records of what a node has beside its network

--- The nouns in the order in which they are made; they are deleted in the other one.
---@type nsh.LabNoun[]
m.list = {}

---@type table<string, nsh.LabNoun>
m.by_name = {}

--- Makes a noun one of those that plans have steps for.
---@param row nsh.LabNoun
function m.register(row)
  m.list[#m.list + 1] = row
  row.order = #m.list
  row.name = row.name or row.key
  row.changes = row.changes or m.changes
  m.by_name[row.noun] = row
end

-- --- values compared ---

local PART = 1e-3 -- by which a number that isn't whole may differ: the kernel counts in ticks

local function same_number(a, b, part)
  if a == b then return true end
  if not part and math.type(a) == "integer" and math.type(b) == "integer" then return false end
  return math.abs(a - b) <= (part or PART) * math.max(math.abs(a), math.abs(b))
end

local function is_list(value) return rawlen(value) > 0 end

--- Tells whether what is wished is there: of tables the keys that are wished, lists as a whole.
---@param a any what is wished
---@param b any what is there
---@param part? number by which numbers may differ, as a part of them
---@return boolean
function m.same(a, b, part)
  if a == b or a == false and b == nil or a == nil and b == false then return true end
  if type(a) == "number" and type(b) == "number" then return same_number(a, b, part) end
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  if (is_list(a) or is_list(b)) and rawlen(a) ~= rawlen(b) then return false end
  for key, value in pairs(a) do
    if not m.same(value, b[key], part) then return false end
  end
  return true
end

--- Lists what of a wish is otherwise there; nil: nothing.
---@param wish table
---@param live table
---@param part? number as same takes it
---@return table<string, any[]>? changes { from, to } by key
function m.changes(wish, live, part)
  local found
  for key, value in pairs(wish) do
    local there = live[key]
    if value ~= there and not m.same(value, there, part) then
      found = found or {}
      found[key] = { there, value }
    end
  end
  return found
end

--- Adds to changes what is there and not wished, of a thing that is declared as a whole.
---@param found table? changes up to now
---@param wish table
---@param live table
---@param keys table<string, any> the keys that count, with the value that says nothing
---@return table? changes
function m.surplus(found, wish, live, keys)
  for key, nothing in pairs(keys) do
    local value = live[key]
    if wish[key] == nil and value ~= nil and value ~= false and value ~= nothing then
      found = found or {}
      found[key] = { value, nil }
    end
  end
  return found
end

-- --- states ---

-- What all states have the same of: a list is made when something is added.
local NONE = setmetatable({}, { __newindex = function() error "nouns.add adds to a state" end })
local nothing, MORE = {}, 8 -- keys beside these

--- Returns the state of a namespace that has nothing.
---@param name string
---@return table
function m.empty(name)
  local state = core.copy(nothing, MORE)
  state.netns, state.sysctls = name, {}
  return state
end

--- Adds a record to a state that empty() has made.
---@param state table
---@param field string of the noun
---@param record table
function m.add(state, field, record)
  local list = state[field]
  if list == NONE then
    list = {}
    state[field] = list
  end
  list[#list + 1] = record
end

local fresh

--- Returns the state of any namespace that was just made; it isn't to be changed.
---@return table
function m.fresh()
  if not fresh then
    fresh = m.empty "new"
    m.add(fresh, "links", { name = "lo", up = false, mtu = 65536, index = 1 })
    fresh.sysctls["net.ipv4.ip_forward"] = 0
  end
  return fresh
end

-- Which line of a script a record comes from; records are plain data, so that stands here.
local lines = setmetatable({}, { __mode = "k" })

--- Notes the line of the script that a record of a wish comes from, or tells it.
---@param record table
---@param line? string "file:line"
---@return string?
function m.where(record, line)
  if line then lines[record] = line end
  return lines[record]
end

for _, part in ipairs { "link", "ip", "bridge", "tc", "node" } do
  for _, row in ipairs(require("nsh.lab.nouns_" .. part)) do
    m.register(row)
    nothing[row.field] = NONE
  end
end

-- What a key names has the number, if it is the name of a link.
local function number(copy, key, index)
  local name = copy[key]
  if type(name) == "string" then copy[key] = index[name] or name end
end

--- Returns a copy of a record with numbers where it, or one of its next hops, names links of its namespace.
---@private
---@param record table
---@param index table<string, integer> the links' numbers by name
---@return table
function m.numbered(record, index)
  local copy = core.copy(record, 2)
  number(copy, "dev", index)
  number(copy, "master", index)
  number(copy, "link", index)
  number(copy, "port", index)
  if copy.nexthops then
    local hops = {}
    for i, hop in ipairs(copy.nexthops) do hops[i] = m.numbered(hop, index) end
    copy.nexthops = hops
  end
  return copy
end

return m
