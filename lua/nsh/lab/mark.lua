--- mark.lua - what a lab puts into a namespace of the machine that isn't its own is marked, where it can carry that: a
-- link has an alternative name, addresses, routes and rules a protocol. What a killed run left is known by it.
local nouns = require "nsh.lab.nouns"
local world = require "nsh.world"

local m = {}

--- The protocol of addresses, routes and rules: a number that no daemon has.
m.PROTO = 78

local PROTO = { "addr", "route", "rule" }
local BY_DEV = { "neigh", "fdb", "bridge_vlan", "mdb", "qdisc", "class", "filter" }

local function name_of(lab, link) return ("nsh.%s.%s"):format(lab, link) end

local function has(list, value)
  for _, one in ipairs(list or {}) do
    if one == value then return true end
  end
  return false
end

--- Marks the records of a namespace that a lab asks for.
---@private
---@param lab string its name
---@param state table of the namespace
function m.put(lab, state)
  if not state.adopted or not world.is_host() then return end
  for _, link in ipairs(state.links) do
    local name = name_of(lab, link.name)
    if link.name ~= "lo" and not has(link.altnames, name) then
      link.altnames = table.move(link.altnames or {}, 1, #(link.altnames or {}), 1, {})
      table.insert(link.altnames, name)
      table.sort(link.altnames)
    end
  end
  for _, noun in ipairs(PROTO) do
    for _, record in ipairs(state[nouns.by_name[noun].field]) do
      if record.proto == nil or record.proto == "boot" then record.proto = m.PROTO end
    end
  end
end

-- What tells a record from others. A rule that was declared without a priority has one that the kernel chose.
local function key_of(noun, record)
  if noun ~= "rule" then return nouns.by_name[noun].key(record) end
  return table.concat({ record.family or "", record.from or "", record.to or "", tostring(record.table or "") }, " ")
end

-- The keys of the records in a live list that have the mark.
local function marked(noun, list, is_marked)
  local keys = {}
  for _, record in ipairs(list) do
    if is_marked(record) then keys[key_of(noun, record)] = true end
  end
  return keys
end

local function keep(state, noun, wanted)
  local row, list = nouns.by_name[noun], {}
  if not row then return end
  for _, record in ipairs(state[row.field] or {}) do
    if wanted(record) then list[#list + 1] = record end
  end
  state[row.field] = list
end

--- Strikes what isn't marked from what was noted of a namespace, so that nothing touches it.
---@private
---@param lab string its name
---@param state table of the namespace
---@param ns nsh.Netns
function m.strike(lab, state, ns)
  if not world.is_host() then return end
  local function by_proto(record) return record.proto == m.PROTO end
  local links = marked("link", ns:links(), function(link) return has(link.altnames, name_of(lab, link.name)) end)
  local live = { addr = marked("addr", ns:addrs(), by_proto),
    route = marked("route", ns:routes { table = "all" }, by_proto), rule = marked("rule", ns:rules(), by_proto) }
  keep(state, "link", function(record) return links[key_of("link", record)] end)
  for _, noun in ipairs(PROTO) do keep(state, noun, function(record) return live[noun][key_of(noun, record)] end) end
  for _, noun in ipairs(BY_DEV) do keep(state, noun, function(record) return links[record.dev] end) end
end

return m
