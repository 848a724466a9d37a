--- wish.lua - a lab as the state that it asks for: for each namespace the records that its nouns would tell.
local hosts = require "nsh.lab.hosts"
local mark = require "nsh.lab.mark"
local node_options = require "nsh.node"
local nouns = require "nsh.lab.nouns"
local records = require "nsh.lab.records"
local things = require "nsh.lab.things"

local m = {}

-- Lists that stand with a link and are nouns of their own, in an order in which one may need the one before.
local ON_LINK = {
  { "vlans", "bridge_vlan" }, { "fdb", "fdb" }, { "mdb", "mdb" }, { "qdiscs", "qdisc" }, { "classes", "class" },
  { "filters", "filter" },
}

local NOTHING = {}

local function add(state, field, record, where)
  if where then nouns.where(record, where) end
  nouns.add(state, field, record)
end

local function add_links(state, node)
  local list, lines = records.links(node)
  for i, record in ipairs(list) do
    if record.name ~= "lo" or not records.is_root(node) or node.lo == false or next(node.lo) then
      add(state, "links", record, lines[i])
    end
  end
end

local function add_addrs(state, node, device)
  if not device.addrs[1] then return end
  local read = nouns.by_name.addr.read
  for _, record in ipairs(records.addrs(device)) do add(state, "addrs", read(record), device.where or node.where) end
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

local function add_list(state, device, field, noun)
  local row = nouns.by_name[noun]
  for _, spec in ipairs(rawget(device, field)) do
    local record = read_late(row, spec, state, device)
    for _, one in ipairs(record[1] and record or { record }) do add(state, field, one, device.where) end
  end
end

local function add_lists(state, device)
  if not rawget(device, "listed") then return end
  local impair = rawget(device, "impair")
  if impair then
    add(state, "qdiscs", nouns.by_name.qdisc.read(impair, state, device.name), device.where)
  end
  for i = 1, #ON_LINK do
    local field, noun = ON_LINK[i][1], ON_LINK[i][2]
    local list = rawget(device, field)
    if list and list[1] then add_list(state, device, field, noun) end
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
  if not list or not list[1] then return end
  local row, lines = nouns.by_name[noun], node.lab.lines
  for _, record in ipairs(list) do
    add(state, row.field, row.read(record, state), lines[record] or node.where)
  end
end

local function add_routes(state, node)
  local read, routes, lines = nouns.by_name.route.read, records.routes(node), node.lab.lines
  for i, record in ipairs(routes) do
    local declared = node.routes[i]
    add(state, "routes", read(record), declared and lines[declared] or node.where)
  end
  if #routes > 1 then state.routes = join_routes(state.routes) end
end

-- What a node has beside its network; commands of its namespace know it from then on.
local function add_things(state, node)
  node_options.named(state.netns, hosts.prepare, node)
  if node.things == things.NOTHING then return end
  for _, row in ipairs(nouns.list) do
    local list = row.wish and row.wish(node)
    for _, record in ipairs(list or NOTHING) do
      add(state, row.field, record, nouns.where(record) or node.where)
    end
  end
end

local function of_node(node)
  local state = nouns.empty(node:netns_name())
  nouns.where(state, node.where)
  state.node, state.kind = node.name, node.kind
  state.adopted = node.space and true or nil
  state.sysctls = records.sysctls(node)
  add_links(state, node)
  local devices = records.devices(node)
  for _, device in ipairs(devices) do add_addrs(state, node, device) end
  for _, device in ipairs(devices) do add_lists(state, device) end
  add_all(state, "nexthop", rawget(node, "nexthops"), node)
  add_routes(state, node)
  add_all(state, "rule", node.rules, node)
  add_all(state, "neigh", node.neighs, node)
  add_things(state, node)
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
