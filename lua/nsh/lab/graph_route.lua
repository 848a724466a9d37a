--- graph_route.lua - lines between boxes, on a grid of cells: for each the cheapest way that is left.
-- Lines cross at right angles only, never run upon each other, and have their corners apart: each can be followed.
local m = {}

local EAST, SOUTH, WEST, NORTH = 0, 1, 2, 3
m.EAST, m.SOUTH, m.WEST, m.NORTH = EAST, SOUTH, WEST, NORTH

local STEP = { [0] = 1, 2, 1, 2 } -- a cell is twice as high as it is wide
local BEND, CROSSING, BESIDE = 5, 9, 2
local RESTARTS, POLISH = 4, 3

--- Makes a grid of cells; cell (x, y) has the number y * width + x.
---@private
function m.grid(width, height)
  return { width = width, height = height, blocked = {}, side = {}, h = {}, v = {}, corner = {} }
end

--- Puts a box there: no line enters it, and beside it lines run towards it or away from it only.
---@private
function m.block(grid, x, y, w, h)
  for row = y, y + h - 1 do
    local at = row * grid.width
    for column = x, x + w - 1 do grid.blocked[at + column] = true end
    grid.side[at + x - 1] = true
    grid.side[at + x + w] = true
  end
end

-- What it costs to go into a cell; nil where that can't be.
local function entry(grid, cell, x, y, dir)
  if x < 0 or y < 0 or x >= grid.width or y >= grid.height or grid.blocked[cell] then return nil end
  if dir == EAST or dir == WEST then
    if grid.h[cell] then return nil end
    return STEP[dir] + (grid.v[cell] and CROSSING or 0)
  end
  if grid.v[cell] or grid.side[cell] then return nil end
  return STEP[dir] + (grid.h[cell] and CROSSING or 0) + ((grid.v[cell - 1] or grid.v[cell + 1]) and BESIDE or 0)
end

local function may_turn(grid, cell)
  return not (grid.h[cell] or grid.v[cell] or grid.side[cell] or grid.corner[cell - 1] or grid.corner[cell + 1])
end

-- The states that were gone through, from the last one back to the first.
local function trace(prev, state)
  local path = {}
  while state do
    table.insert(path, 1, state)
    state = prev[state]
  end
  return path
end

-- Costs are small whole numbers, so a list for each cost does for a queue.
local function search(grid, from, to)
  local width = grid.width
  local move = { [0] = 1, width, -1, -width }
  local best, prev, done, queue = {}, {}, {}, {}
  local function push(state, cost, before, x, y)
    if best[state] and best[state] <= cost then return end
    best[state], prev[state] = cost, before
    local total = cost + math.abs(x - to.x) + 2 * math.abs(y - to.y)
    local list = queue[total]
    if not list then
      list = {}
      queue[total] = list
      queue.last = math.max(queue.last or total, total)
    end
    list[#list + 1] = state
  end
  local goal = (to.y * width + to.x) * 4 + to.dir
  push((from.y * width + from.x) * 4 + from.dir, 0, nil, from.x, from.y)
  local total = queue.last
  while total <= queue.last do
    local list = queue[total]
    local state = list and table.remove(list)
    if not state then
      total = total + 1
    elseif state == goal then
      return trace(prev, state), best[state]
    elseif not done[state] then
      done[state] = true
      local cell, dir = state // 4, state % 4
      local turn = may_turn(grid, cell)
      for _, way in ipairs(turn and { dir, (dir + 1) % 4, (dir + 3) % 4 } or { dir }) do
        local next_cell = cell + move[way]
        local x, y = cell % width, cell // width
        x = x + (way == EAST and 1 or way == WEST and -1 or 0)
        y = y + (way == SOUTH and 1 or way == NORTH and -1 or 0)
        local cost = entry(grid, next_cell, x, y, way)
        if cost then push(next_cell * 4 + way, best[state] + cost + (way == dir and 0 or BEND), state, x, y) end
      end
    end
  end
end

-- Takes the cells of a way, and returns them as { x, y, from, to }: the sides at which the line enters and leaves.
local function take(grid, states, id, crossed)
  local cells = {}
  for i, state in ipairs(states) do
    local cell, into = state // 4, state % 4
    local out = states[i + 1] and states[i + 1] % 4 or into
    local other = grid.h[cell] or grid.v[cell]
    if other then
      crossed[id], crossed[other] = (crossed[id] or 0) + 1, (crossed[other] or 0) + 1
    end
    if into % 2 == 0 or out % 2 == 0 then grid.h[cell] = id end
    if into % 2 == 1 or out % 2 == 1 then grid.v[cell] = id end
    if into ~= out then grid.corner[cell] = id end
    cells[i] = { x = cell % grid.width, y = cell // grid.width, from = (into + 2) % 4, to = out }
  end
  return cells
end

-- Finds ways for lines in this order. The one that finds none goes first at the next try.
local function in_order(new_grid, lines, order)
  for _ = 1, RESTARTS do
    local grid, ways, sum, crossed, stuck = new_grid(), {}, 0, {}, nil
    for place, i in ipairs(order) do
      local states, cost = search(grid, lines[i].from, lines[i].to)
      if not states then
        stuck = place
        break
      end
      ways[i], sum = take(grid, states, i, crossed), sum + cost
    end
    if not stuck then return ways, sum, crossed end
    table.insert(order, 1, table.remove(order, stuck))
  end
end

-- The numbers of a list in the order of their keys.
local function sorted(n, key)
  local order, keys = {}, {}
  for i = 1, n do order[i], keys[i] = i, key(i) end
  table.sort(order, function(a, b)
    if keys[a] ~= keys[b] then return keys[a] < keys[b] end
    return a < b
  end)
  return order
end

-- What a line costs at least, but for its bends.
local function distance(line)
  return math.abs(line.from.x - line.to.x) + 2 * math.abs(line.from.y - line.to.y)
end

--- Tells what the lines cost at least.
---@private
---@param lines table[]
---@return integer
function m.least(lines)
  local sum = 0
  for _, line in ipairs(lines) do sum = sum + distance(line) + (line.from.y ~= line.to.y and 2 * BEND or 0) end
  return sum
end

--- Finds ways for all lines.
---@private
---@param new_grid fun(): table a grid with the boxes
---@param lines { from: table, to: table }[] each end { x, y, dir }: the cell beside the box, and where to the line goes
---@return table[]? ways by line: lists of cells { x, y, from, to }; nil where there isn't room for all
---@return integer? cost
---@return table<integer, integer>? crossed how often each line is crossed
function m.all(new_grid, lines)
  return in_order(new_grid, lines, sorted(#lines, function(i) return distance(lines[i]) end))
end

--- Looks for better ways: those that are crossed most often, or the long ones, go first.
---@private
---@return table[] ways
function m.better(new_grid, lines, ways, cost, crossed)
  for try = 1, POLISH do
    if not next(crossed) then break end
    local order = sorted(#lines, function(i)
      if try == 2 then return -distance(lines[i]) end
      return -(crossed[i] or 0) * 1000 + distance(lines[i])
    end)
    local new_ways, new_cost, new_crossed = in_order(new_grid, lines, order)
    if new_ways and new_cost < cost then ways, cost, crossed = new_ways, new_cost, new_crossed end
  end
  return ways
end

return m
