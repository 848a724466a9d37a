--- graph_place.lua - where the nodes of a picture go: in which column, in which band, and in which order there.
-- A band is a strip across the picture; those of a chain are read like the lines of a page that turns at each end.
local m = {}

--- Lists the neighbours of each node, in the order of the declaration, each once.
---@private
---@param model table
---@return integer[][]
function m.neighbours(model)
  local near, seen = {}, {}
  for i = 1, #model.nodes do near[i], seen[i] = {}, { [i] = true } end
  for _, edge in ipairs(model.edges) do
    for _, pair in ipairs { { edge.a, edge.b }, { edge.b, edge.a } } do
      local from, to = pair[1], pair[2]
      if not seen[from][to] then
        seen[from][to] = true
        table.insert(near[from], to)
      end
    end
  end
  return near
end

-- The nodes that can be reached, in the order of their distance, and that distance.
local function reach(near, starts)
  local order, far = {}, {}
  for _, start in ipairs(starts) do
    order[#order + 1], far[start] = start, 0
  end
  local i = 1
  while order[i] do
    for _, other in ipairs(near[order[i]]) do
      if not far[other] then
        far[other] = far[order[i]] + 1
        order[#order + 1] = other
      end
    end
    i = i + 1
  end
  return order, far
end

-- The parts that nothing joins, each in the order of the declaration.
local function parts_of(near)
  local parts, seen = {}, {}
  for i = 1, #near do
    if not seen[i] then
      local part = reach(near, { i })
      for _, node in ipairs(part) do seen[node] = true end
      table.sort(part)
      parts[#parts + 1] = part
    end
  end
  return parts
end

local function ends_of(near, part)
  local ends, links, most = {}, 0, 0
  for _, node in ipairs(part) do
    links, most = links + #near[node], math.max(most, #near[node])
    if #near[node] == 1 then ends[#ends + 1] = node end
  end
  return ends, links // 2, most
end

-- The nodes of a chain or ring one after the other.
local function along(near, start)
  local order, seen, node = {}, {}, start
  while node do
    order[#order + 1], seen[node] = node, true
    local next_node
    for _, other in ipairs(near[node]) do
      if not seen[other] then
        next_node = other
        break
      end
    end
    node = next_node
  end
  return order
end

-- A list in bands of so many columns; with turns, each second one goes from right to left.
local function in_bands(list, columns, turns)
  local bands = {}
  for i, item in ipairs(list) do
    local band, at = (i - 1) // columns + 1, (i - 1) % columns + 1
    bands[band] = bands[band] or {}
    bands[band][turns and band % 2 == 0 and columns + 1 - at or at] = type(item) == "table" and item or { item }
  end
  return bands
end

local function ring(order)
  local bands, half = {}, (#order + 1) // 2
  for i = 1, half do
    bands[i] = { { order[i == 1 and 1 or #order + 2 - i] } }
    if i < #order + 1 - i then bands[i][2] = { order[i + 1] } end
  end
  return bands
end

local function star(near, part, split)
  local hub, leaves = nil, {}
  for _, node in ipairs(part) do
    if #near[node] > 1 then hub = node else leaves[#leaves + 1] = node end
  end
  if not split then return { { { hub }, leaves } } end
  local half = (#leaves + 1) // 2
  return { { table.move(leaves, 1, half, 1, {}), { hub }, table.move(leaves, half + 1, #leaves, 1, {}) } }
end

-- Puts each column in the order of what its nodes are joined to in the columns beside it.
local function untangle(near, columns)
  local at, column_of = {}, {}
  local function number(c)
    for i, node in ipairs(columns[c]) do
      at[node] = (i - 0.5) / #columns[c]
      column_of[node] = c
    end
  end
  for c = 1, #columns do number(c) end
  local function sort(c, beside)
    local wish = {}
    for i, node in ipairs(columns[c]) do
      local sum, n = 0, 0
      for _, other in ipairs(near[node]) do
        if column_of[other] == beside then sum, n = sum + at[other], n + 1 end
      end
      wish[node] = { n > 0 and sum / n or at[node], i }
    end
    table.sort(columns[c], function(a, b)
      if wish[a][1] ~= wish[b][1] then return wish[a][1] < wish[b][1] end
      return wish[a][2] < wish[b][2]
    end)
    number(c)
  end
  for _ = 1, 4 do
    for c = 2, #columns do sort(c, c - 1) end
    for c = #columns - 1, 1, -1 do sort(c, c + 1) end
  end
  return columns
end

local function layers(near, part, starts, backwards)
  local _, far = reach(near, starts)
  local columns, last = {}, 0
  for _, node in ipairs(part) do last = math.max(last, far[node]) end
  for i = 1, last + 1 do columns[i] = {} end
  for _, node in ipairs(part) do
    table.insert(columns[backwards and last + 1 - far[node] or far[node] + 1], node)
  end
  return untangle(near, columns)
end

-- The node whose farthest one is nearest.
local function centre(near, part)
  local best, least
  for _, node in ipairs(part) do
    local order, far = reach(near, { node })
    local most = far[order[#order]]
    if not least or most < least then best, least = node, most end
  end
  return best
end

-- The ways to place one part that has more than one node, by name.
local function place_part(near, part, way, columns)
  local ends, links, most = ends_of(near, part)
  if links == #part - 1 and most <= 2 then return in_bands(along(near, ends[1]), columns, true) end
  if links == #part and most == 2 then return ring(along(near, part[1])) end
  if #ends == #part - 1 then return star(near, part, columns > 2 and #ends > 4) end
  if way == "leaves" and #ends > 0 then return in_bands(layers(near, part, ends, true), columns, true) end
  if way == "centre" then return in_bands(layers(near, part, { centre(near, part) }), columns, true) end
  if way == "layers" then
    local order = reach(near, { part[1] })
    return in_bands(layers(near, part, { order[#order] }), columns, true)
  end
  return in_bands(part, columns)
end

--- Tells whether a model is a star, a chain or a ring, whose lines are easy to draw however many they are.
---@private
---@param model nsh.GraphModel
---@return boolean
function m.is_simple(model)
  local hubs, most = 0, 0
  for _, list in ipairs(m.neighbours(model)) do
    hubs, most = hubs + (#list > 1 and 1 or 0), math.max(most, #list)
  end
  return #model.edges <= #model.nodes and (most <= 2 or hubs == 1)
end

--- Tells which end of each edge stands at the left where hosts stand at the right, as in drawings of others.
---@private
---@param model nsh.GraphModel
---@return table[] edges { left = "a" or "b", right = the other }
function m.left_to_right(model)
  local near, column = m.neighbours(model), {}
  for _, part in ipairs(parts_of(near)) do
    local ends = ends_of(near, part)
    local columns = layers(near, part, ends[1] and ends or { part[1] }, ends[1] ~= nil)
    for c, nodes in ipairs(columns) do
      for _, node in ipairs(nodes) do column[node] = c end
    end
  end
  local edges = {}
  for i, edge in ipairs(model.edges) do
    local turned = column[edge.a] > column[edge.b]
    edges[i] = turned and { left = "b", right = "a" } or { left = "a", right = "b" }
  end
  return edges
end

--- Tells where the nodes go.
---@private
---@param model table
---@param way "leaves"|"centre"|"layers"|"rows" how parts are placed that are neither chain, ring nor star
---@param columns integer how many there may be
---@return table place { columns = n, bands = { { [column] = { nodes from top to bottom } } } }
function m.place(model, way, columns)
  local near = m.neighbours(model)
  local bands, alone, used = {}, {}, 1
  for _, part in ipairs(parts_of(near)) do
    if #part == 1 then
      alone[#alone + 1] = part[1]
    else
      for _, band in ipairs(place_part(near, part, way, columns)) do bands[#bands + 1] = band end
    end
  end
  for _, band in ipairs(in_bands(alone, columns)) do bands[#bands + 1] = band end
  for _, band in ipairs(bands) do
    for column, nodes in pairs(band) do
      if #nodes > 0 then used = math.max(used, column) end
    end
  end
  return { columns = used, bands = bands }
end

return m
