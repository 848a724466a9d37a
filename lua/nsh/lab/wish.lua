--- wish.lua - a lab as the state that it asks for: for each namespace the records that its nouns would tell.
local nouns = require "nsh.lab.nouns"
local records = require "nsh.lab.records"

local m = {}

local function add_routes(state, node)
  for _, record in ipairs(records.routes(node)) do
    record.family = (record.dst .. (record.via or "")):find(":", 1, true) and "inet6" or "inet"
    record.table = record.table or "main"
    if record.family == "inet6" then record.metric = record.metric or 1024 end
    state.routes[#state.routes + 1] = record
  end
end

local function of_node(node)
  local state = nouns.empty(node:netns_name())
  state.node, state.kind = node.name, node.kind
  state.links, state.addrs, state.sysctls = records.links(node), records.addrs(node), records.sysctls(node)
  add_routes(state, node)
  table.move(node.rules, 1, #node.rules, 1, state.rules)
  table.move(node.neighs, 1, #node.neighs, 1, state.neighs)
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
