--- topology_routed.lua - topologies of routers: each link and each host has a subnet of its own, all reach all.
local kit = require "stdlib.topology_kit"
local static = require "stdlib.static"

local m = {}

local KEYS = { "routing", "ecmp", "hosts" }

local function open(options, recipe, keys)
  local all = table.move(KEYS, 1, #KEYS, #keys + 1, table.move(keys, 1, #keys, 1, {}))
  local t, spec = kit.open(options, recipe, all)
  local routing = spec.routing
  if routing ~= nil and routing ~= "static" and routing ~= false then
    kit.misuse('routing is "static", or false for none, not %s', tostring(routing))
  end
  return t, spec
end

local function routers(t, count, name)
  local list = {}
  for i = 1, count do list[i] = t:router(name(i)) end
  return list
end

-- Hosts, so many behind each of some routers, numbered through.
local function add_hosts(t, list, each)
  local n = 0
  for _, router in ipairs(list) do
    for _ = 1, each do
      n = n + 1
      t:behind(router, "h" .. n)
    end
  end
end

-- Makes what was counted: links are pairs of routers.
local function finish(t, spec, links, edge, each, ecmp)
  t:subnets(#links, #edge * each)
  for _, link in ipairs(links) do t:join(link[1], link[2]) end
  add_hosts(t, edge, each)
  ecmp = kit.flag(spec, "ecmp", ecmp or false)
  if spec.routing ~= false then static.declare(t.lab, { nodes = t.nodes, ecmp = ecmp }) end
  return t.lab
end

local function numbered(i) return "r" .. i end

--- Declares a chain.
---@param options? table
---@return nsh.Lab
function m.chain(options)
  local t, spec = open(options, "chain", { "routers" })
  local count, each = kit.count(spec, "routers", 3, 1, 5000), kit.count(spec, "hosts", 1, 0, 1000)
  local list, links = routers(t, count, numbered), {}
  for i = 2, count do links[i - 1] = { list[i - 1], list[i] } end
  return finish(t, spec, links, { list[1], list[count] }, each)
end

--- Declares a ring.
---@param options? table
---@return nsh.Lab
function m.ring(options)
  local t, spec = open(options, "ring", { "routers" })
  local count, each = kit.count(spec, "routers", 4, 3, 5000), kit.count(spec, "hosts", 1, 0, 1000)
  local list, links = routers(t, count, numbered), {}
  for i = 1, count do links[i] = { list[i], list[i % count + 1] } end
  return finish(t, spec, links, list, each)
end

--- Declares a tree.
---@param options? table
---@return nsh.Lab
function m.tree(options)
  local t, spec = open(options, "tree", { "depth", "fanout" })
  local depth, fanout = kit.count(spec, "depth", 2, 1, 12), kit.count(spec, "fanout", 2, 1, 1000)
  local each = kit.count(spec, "hosts", 1, 0, 1000)
  local count, row = 1, 1
  for _ = 1, depth do
    row = row * fanout
    count = count + row
    if count > 20000 then kit.misuse("a tree of depth %d with fanout %d has too many routers", depth, fanout) end
  end
  local list, links = routers(t, count, numbered), {}
  for i = 2, count do links[i - 1] = { list[(i - 2) // fanout + 1], list[i] } end
  return finish(t, spec, links, table.move(list, count - row + 1, count, 1, {}), each)
end

--- Declares a grid or a torus.
---@param options? table
---@return nsh.Lab
function m.grid(options)
  local t, spec = open(options, "grid", { "rows", "columns", "torus" })
  local torus = kit.flag(spec, "torus", false)
  local low = torus and 3 or 1
  local rows, columns = kit.count(spec, "rows", 3, low, 100), kit.count(spec, "columns", 3, low, 100)
  local each = kit.count(spec, "hosts", 0, 0, 1000)
  local function at(row, column) return (row - 1) * columns + column end
  local list, links = routers(t, rows * columns, function(i)
    return ("r%d-%d"):format((i - 1) // columns + 1, (i - 1) % columns + 1)
  end), {}
  for row = 1, rows do
    for column = 1, columns do
      local right, below = column < columns and column + 1 or torus and 1, row < rows and row + 1 or torus and 1
      if right then links[#links + 1] = { list[at(row, column)], list[at(row, right)] } end
      if below then links[#links + 1] = { list[at(row, column)], list[at(below, column)] } end
    end
  end
  return finish(t, spec, links, list, each)
end

--- Declares a leaf-spine fabric.
---@param options? table
---@return nsh.Lab
function m.leaf_spine(options)
  local t, spec = open(options, "leaf_spine", { "leaves", "spines" })
  local leaves, spines = kit.count(spec, "leaves", 4, 1, 1000), kit.count(spec, "spines", 2, 1, 1000)
  local each = kit.count(spec, "hosts", 1, 0, 1000)
  local above = routers(t, spines, function(i) return "spine" .. i end)
  local below, links = routers(t, leaves, function(i) return "leaf" .. i end), {}
  for _, leaf in ipairs(below) do
    for _, spine in ipairs(above) do links[#links + 1] = { spine, leaf } end
  end
  return finish(t, spec, links, below, each, true)
end

return m
