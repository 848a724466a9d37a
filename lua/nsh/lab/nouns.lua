--- nouns.lua - what a namespace of a lab has, a row a noun: how it is read, told apart, compared and changed.
local core = require "nsh.core"

local m = {}

local function dev_key(key)
  return function(record) return record[key] .. " dev " .. tostring(record.dev) end
end

local function route_key(record)
  return table.concat({ record.family, record.dst, record.table, record.metric or 0, record.tos or 0 }, " ")
end

local function route_name(record)
  local words = { record.dst }
  for _, key in ipairs { "via", "dev" } do
    if record[key] then words[#words + 1] = key .. " " .. tostring(record[key]) end
  end
  return table.concat(words, " ")
end

local function rule_key(record)
  local words = {}
  for _, key in ipairs { "priority", "family", "from", "to", "iif", "oif", "fwmark", "table", "type" } do
    if record[key] ~= nil then words[#words + 1] = key .. " " .. tostring(record[key]) end
  end
  return table.concat(words, " ")
end

--- The nouns in the order in which they are made; they are deleted in the other one.
--- field: where they stand in the state of a namespace; key: what tells two of them apart; name: what a person calls
--- one; list: what is there; mine: false for what the kernel makes by itself
m.list = {
  { noun = "link", field = "links",
    key = function(record) return record.name end,
    list = function(ns) return ns:links() end,
    mine = function() return true end },
  { noun = "addr", field = "addrs", key = dev_key "addr",
    list = function(ns) return ns:addrs() end,
    mine = function(record) return record.scope ~= "host" and record.proto ~= "kernel_ll" end },
  { noun = "neigh", field = "neighs", key = dev_key "dst",
    list = function(ns) return ns:neighs() end,
    mine = function(record) return record.state == "permanent" end },
  { noun = "route", field = "routes", key = route_key, name = route_name,
    list = function(ns) return ns:routes { table = "all" } end,
    mine = function(record) return record.proto ~= "kernel" and record.table ~= "local" end },
  { noun = "rule", field = "rules", key = rule_key,
    list = function(ns) return ns:rules() end,
    mine = function(record) return record.proto ~= "kernel" end },
}

m.by_name = {}
for i, row in ipairs(m.list) do
  row.order = i
  row.name = row.name or row.key
  m.by_name[row.noun] = row
end

--- Returns the state of a namespace that has nothing.
---@param name string
---@return table
function m.empty(name)
  local state = { netns = name, sysctls = {} }
  for _, row in ipairs(m.list) do state[row.field] = {} end
  return state
end

--- Returns the state of a namespace that was just made.
---@param name string
---@return table
function m.fresh(name)
  local state = m.empty(name)
  state.links[1] = { name = "lo", up = false, mtu = 65536 }
  state.sysctls["net.ipv6.conf.default.accept_dad"] = 1 -- of others that labs set the default is 0
  return state
end

--- Tells whether two values of records are the same.
---@param a any
---@param b any
---@return boolean
function m.same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not m.same(value, b[key]) then return false end
  end
  return true
end

--- Carries a change out.
---@param ns nsh.Netns
---@param how "add"|"change"|"del"
---@param noun string
---@param record table with numbers for links
---@return any ok, string? message, string? code, table? detail
function m.change(ns, how, noun, record)
  if how == "change" then how = "replace" end
  return core[noun][how](ns.core, record)
end

return m
