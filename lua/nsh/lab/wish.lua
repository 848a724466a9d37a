--- wish.lua - a lab as the state that it asks for: for each namespace the records that its nouns would tell.
local mark = require "nsh.lab.mark"
local nouns = require "nsh.lab.nouns"
local records = require "nsh.lab.records"

local m = {}

-- Lists that stand with a link and are nouns of their own, in an order in which one may need the one before.
local ON_LINK = {
  { "vlans", "bridge_vlan" }, { "fdb", "fdb" }, { "mdb", "mdb" }, { "qdiscs", "qdisc" }, { "classes", "class" },
  { "filters", "filter" },
}

local NOTHING = {}

local function add(list, record, where)
  if where then nouns.where(record, where) end
  list[#list + 1] = record
end

-- Which line declares a link.
local function lines_of(node)
  local lines = {}
  for _, device in ipairs(records.devices(node)) do lines[device.name] = device.where end
  return lines
end

local function add_links(state, node, lines)
  for _, record in ipairs(records.links(node)) do
    if record.name ~= "lo" or not records.is_root(node) or node.lo == false or next(node.lo) then
      add(state.links, record, lines[record.name] or node.where)
    end
  end
end

local function add_addrs(state, node, lines)
  local read = nouns.by_name.addr.read
  for _, record in ipairs(records.addrs(node)) do add(state.addrs, read(record), lines[record.dev] or node.where) end
end

-- Reads what could not be read before the rest of its node was there; a slip is told with the line that declares it.
local function read_late(row, spec, state, device)
  local ok, record = pcall(row.read, spec, state, device.name)
  if ok then return record end
  if type(record) == "string" and not record:find "^nsh/" then
    record = ("%s: node %s: %s: %s"):format(device.where, state.node, device.name, record:gsub("^%S+:%d+: ", ""))
  end
  error(record, 0)
end

local function add_lists(state, device)
  local where = device.where
  local impair = rawget(device, "impair")
  if impair then add(state.qdiscs, nouns.by_name.qdisc.read(impair, state, device.name), where) end
  for _, pair in ipairs(ON_LINK) do
    local field, row = pair[1], nouns.by_name[pair[2]]
    for _, spec in ipairs(rawget(device, field) or NOTHING) do
      local record = read_late(row, spec, state, device)
      for _, one in ipairs(record[1] and record or { record }) do add(state[field], one, where) end
    end
  end
end

-- Several routes of IPv6 to the same place are one with several hops.
local function join_routes(routes)
  local row, seen, list, joined = nouns.by_name.route, {}, {}, {}
  for _, route in ipairs(routes) do
    local key = row.key(route)
    local first = seen[key]
    if first and route.family == "inet6" and (first.via or first.nexthops) and route.via then
      if not joined[first] then -- the list of a route is that of its declaration
        local hops = first.nexthops or { { via = first.via, dev = first.dev, weight = first.weight or 1 } }
        first.nexthops, joined[first] = table.move(hops, 1, #hops, 1, {}), true
      end
      table.insert(first.nexthops, { via = route.via, dev = route.dev, weight = route.weight or 1 })
      first.via, first.dev = nil, nil
    else
      seen[key] = first or route
      list[#list + 1] = route
    end
  end
  return list
end

local function add_all(state, noun, list, node)
  local row = nouns.by_name[noun]
  for _, record in ipairs(list or {}) do
    add(state[row.field], row.read(record, state), node.lab.lines[record] or node.where)
  end
end

local function add_routes(state, node)
  local read, routes = nouns.by_name.route.read, records.routes(node)
  for i, record in ipairs(routes) do
    local declared = node.routes[i]
    add(state.routes, read(record), declared and node.lab.lines[declared] or node.where)
  end
  if #routes > 1 then state.routes = join_routes(state.routes) end
end

local function of_node(node)
  local state, lines = nouns.empty(node:netns_name()), lines_of(node)
  nouns.where(state, node.where)
  state.node, state.kind = node.name, node.kind
  state.adopted = node.space and true or nil
  state.sysctls = records.sysctls(node)
  add_links(state, node, lines)
  add_addrs(state, node, lines)
  for _, device in ipairs(records.devices(node)) do add_lists(state, device) end
  add_all(state, "nexthop", rawget(node, "nexthops"), node)
  add_routes(state, node)
  add_all(state, "rule", node.rules, node)
  add_all(state, "neigh", node.neighs, node)
  for _, row in ipairs(nouns.list) do
    for _, record in ipairs(row.wish and row.wish(node) or {}) do
      add(state[row.field], record, nouns.where(record) or node.where)
    end
  end
  mark.put(node.lab.name, state)
  return state
end

--- Returns the state that a lab asks for.
---@param lab nsh.Lab
---@return table state { nodes = list }
function m.of(lab)
  local state = { lab = lab.name, nodes = {} }
  for _, node in ipairs(lab.nodes) do
    if node.kind ~= "external" then state.nodes[#state.nodes + 1] = of_node(node) end
  end
  return state
end

return m
