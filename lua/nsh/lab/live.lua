--- live.lua - reads what is there: the state of namespaces, in the same form as what a lab asks for.
local netns = require "nsh.netns"
local nouns = require "nsh.lab.nouns"
local world = require "nsh.world"

local m = {}

-- The state of one namespace; of sysctls those keys that somebody asks for.
local function of(ns, name, sysctls)
  local state = nouns.empty(name)
  for _, row in ipairs(nouns.list) do
    for _, record in ipairs(row.list(ns)) do
      if row.mine(record) then table.insert(state[row.field], record) end
    end
  end
  for key in pairs(sysctls or {}) do state.sysctls[key] = ns.sysctl[key] end
  return state
end

--- Reads the namespaces that a state names, once each; what isn't there isn't in the result.
---@param wish table state
---@return table state
function m.read(wish)
  if world.is_dry() then return require("nsh.lab.dry").state(wish) end
  local state = { nodes = {} }
  if world.is_empty() then return state end
  for _, node in ipairs(wish.nodes) do
    local ns = netns.lookup(node.netns)
    if ns then state.nodes[#state.nodes + 1] = of(ns, node.netns, node.sysctls) end
  end
  return state
end

return m
