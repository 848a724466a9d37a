--- graph_layout.lua - where the boxes and lines of a picture are, in cells: the best of several ways to lay it out.
local boxes_of = require "nsh.lab.graph_box"
local places = require "nsh.lab.graph_place"
local route = require "nsh.lab.graph_route"

local m = {}

local SWEEPS = 6
local BAND_GAP = 1
local STRAIGHT = 6      -- as wide is a channel at least
local LABEL_MOST = 48   -- wider channels are not made for the sake of a label
local HEIGHT_COST = 4   -- what a line of the picture costs, in the units of graph_route
local TRIES = 4
local MOST_DRAWN = 6   -- of the ways that may be better than the one that was found

-- --- rows ---

-- Moves boxes so that they are near where they want to be, in their order and without touching: neighbours that want
-- the same place share what they lack.
local function settle(column, gap)
  local blocks, above = {}, 0
  for i, box in ipairs(column) do
    local block = { first = i, n = 1, sum = (box.wish or box.y) - above }
    above = above + box.h + box.below + gap
    while blocks[1] and blocks[#blocks].sum / blocks[#blocks].n >= block.sum / block.n do
      local last = table.remove(blocks)
      block = { first = last.first, n = last.n + block.n, sum = last.sum + block.sum }
    end
    blocks[#blocks + 1] = block
  end
  above = 0
  local b = 1
  for i, box in ipairs(column) do
    if blocks[b + 1] and blocks[b + 1].first == i then b = b + 1 end
    box.y = math.floor(blocks[b].sum / blocks[b].n + 0.5) + above
    above = above + box.h + box.below + gap
  end
end

-- Where a box wants to be: its lines level. One that hangs on it alone counts for much.
local function wish(box, boxes, beside)
  local sum, weight = 0, 0
  for _, one in ipairs(box.ends) do
    local peer = boxes[one.peer]
    if peer.band == box.band and peer.column == beside then
      for _, other in ipairs(peer.ends) do
        if other.edge == one.edge then
          local w = (#peer.ends == 1 or #box.ends == 1) and 8 or 1
          sum, weight = sum + w * (peer.y + other.row - one.row), weight + w
        end
      end
    end
  end
  box.wish = weight > 0 and sum / weight or box.y
end

local function rows_of_band(band, boxes, columns, gap)
  local list = {}
  for c = 1, columns do
    list[c] = {}
    local y = 0
    for i, node in ipairs(band[c] or {}) do
      list[c][i] = boxes[node]
      boxes[node].y = y
      y = y + boxes[node].h + boxes[node].below + gap
    end
  end
  for sweep = 1, SWEEPS do
    local first, last, step = 1, columns, 1
    if sweep % 2 == 1 then first, last, step = columns, 1, -1 end
    for c = first + step, last, step do
      for _, box in ipairs(list[c]) do wish(box, boxes, c - step) end
      settle(list[c], gap)
    end
  end
  local top, bottom = math.huge, 0
  for _, column in ipairs(list) do
    for _, box in ipairs(column) do top = math.min(top, box.y) end
  end
  for _, column in ipairs(list) do
    for _, box in ipairs(column) do
      box.y = box.y - top
      bottom = math.max(bottom, box.y + box.h)
    end
  end
  return bottom
end

-- --- columns ---

-- The most lines that run beside each other in each channel; channel c is that right of column c.
local function density(model, boxes, columns)
  local spans = {}
  for c = 0, columns do spans[c] = {} end
  for i, edge in ipairs(model.edges) do
    local ys, channels = {}, {}
    for k, which in ipairs { "a", "b" } do
      local box = boxes[edge[which]]
      for _, one in ipairs(box.ends) do
        if one.edge == i and one.which == which then
          ys[k], channels[k] = box.y + one.row, one.side == "right" and box.column or box.column - 1
        end
      end
    end
    if ys[1] ~= ys[2] or channels[1] ~= channels[2] then
      for c = math.min(channels[1], channels[2]), math.max(channels[1], channels[2]) do
        table.insert(spans[c], { math.min(ys[1], ys[2]), math.max(ys[1], ys[2]) })
      end
    end
  end
  local most = {}
  for c, list in pairs(spans) do
    most[c] = 0
    for _, span in ipairs(list) do
      local n = 0
      for _, other in ipairs(list) do
        if other[1] <= span[1] and other[2] >= span[1] then n = n + 1 end
      end
      most[c] = math.max(most[c], n)
    end
  end
  return most
end

-- Gives columns and channels their width; false where the picture gets too wide.
local function across(model, boxes, columns, limit, extra)
  local most, widths, total = density(model, boxes, columns), {}, 0
  for c = 1, columns do widths[c] = 0 end
  for _, box in ipairs(boxes) do widths[box.column] = math.max(widths[box.column], box.w) end
  local channel, spare = {}, {}
  for c = 0, columns do
    local inner = c > 0 and c < columns
    local need = most[c] > 0 and most[c] + 2 + extra or 0
    channel[c] = inner and math.max(STRAIGHT, need) or need
    spare[c] = most[c]
    total = total + channel[c] + (widths[c] or 0)
  end
  if total > limit then return nil end
  local function widen(c, by)
    by = math.max(0, math.min(by, limit - total))
    channel[c], total = channel[c] + by, total + by
  end
  for _, edge in ipairs(model.edges) do
    local c = math.min(boxes[edge.a].column, boxes[edge.b].column)
    local label = edge.label and boxes_of.width(edge.label) + 4 or 0
    if boxes[edge.a].column ~= boxes[edge.b].column and label <= LABEL_MOST then widen(c, label - channel[c]) end
  end
  for c = 0, columns do widen(c, spare[c]) end -- lines that don't touch are easier to follow
  local x, left = channel[0], {}
  for c = 1, columns do
    left[c] = x
    x = x + widths[c] + channel[c]
  end
  for _, box in ipairs(boxes) do
    box.x = left[box.column]
    local more = widths[box.column] - box.w -- boxes of a column are as wide as the widest
    box.w = widths[box.column]
    for _, text in ipairs(box.texts) do
      if text.x > 0 then text.x = text.x + more end
    end
  end
  return x
end

-- --- the whole ---

local function port(box, one)
  local right = one.side == "right"
  return { x = right and box.x + box.w or box.x - 1, y = box.y + one.row, dir = right and route.EAST or route.WEST }
end

local function lines_of(model, boxes)
  local lines = {}
  for i = 1, #model.edges do lines[i] = {} end
  for _, box in ipairs(boxes) do
    for _, one in ipairs(box.ends) do
      local at = port(box, one)
      if one.which == "a" then
        lines[one.edge].from = at
      else
        at.dir = (at.dir + 2) % 4
        lines[one.edge].to = at
      end
    end
  end
  return lines
end

-- Places boxes; false where they get too wide. What it costs is at least `bound`.
local function prepare(model, options, try)
  local place = options.place
  local boxes = boxes_of.boxes(model, place, options.detail)
  local gap, y = try - 1, 0
  for i, band in ipairs(place.bands) do
    local height = rows_of_band(band, boxes, place.columns, gap)
    for _, nodes in pairs(band) do
      for _, node in ipairs(nodes) do boxes[node].y = boxes[node].y + y end
    end
    y = y + height + (i < #place.bands and BAND_GAP + gap or 0)
  end
  local width = across(model, boxes, place.columns, options.width, 2 * (try - 1))
  if not width then return nil end
  local lines = lines_of(model, boxes)
  return { width = width, height = y, boxes = boxes, lines = lines, options = options, try = try,
    detail = options.detail, bound = options.factor * (route.least(lines) + HEIGHT_COST * y) }
end

local function grid_of(layout)
  return function()
    local grid = route.grid(layout.width, layout.height)
    for _, box in ipairs(layout.boxes) do route.block(grid, box.x, box.y, box.w, box.h) end
    return grid
  end
end

-- Draws the lines; false where there isn't room for all.
local function draw(layout)
  local ways, cost, crossed = route.all(grid_of(layout), layout.lines)
  if not ways then return false end
  layout.ways, layout.crossed = ways, crossed
  layout.line_cost, layout.cost = cost, layout.options.factor * (cost + HEIGHT_COST * layout.height)
  return true
end

-- A picture that tells less must be much better; and one with the hosts at one side is what people draw.
local DETAIL_FACTOR = { 1, 1.05, 3, 8 }
local WAYS = { { "leaves", 0.7 }, { "centre", 1 }, { "layers", 1 }, { "rows", 1 } }

-- What a way places as another one did needn't be tried.
local function fingerprint(place)
  local words = {}
  for _, band in ipairs(place.bands) do
    for c = 1, place.columns do words[#words + 1] = table.concat(band[c] or {}, ",") end
    words[#words + 1] = "/"
  end
  return table.concat(words, " ")
end

local function candidates(model, width, columns, details)
  local list, seen = {}, {}
  for _, way in ipairs(WAYS) do
    for n = columns, 1, -1 do
      local place = places.place(model, way[1], n)
      local print_of = fingerprint(place)
      for _, detail in ipairs(seen[print_of] and {} or details) do
        list[#list + 1] = prepare(model,
          { place = place, detail = detail, width = width, factor = way[2] * DETAIL_FACTOR[detail] }, 1)
      end
      seen[print_of] = true
    end
  end
  for i, one in ipairs(list) do one.number = i end
  table.sort(list, function(a, b)
    if a.bound ~= b.bound then return a.bound < b.bound end
    return a.number < b.number
  end)
  return list
end

--- Lays a model out: all boxes, and a line for each edge, no two of which touch.
---@private
---@param model table
---@param width integer most columns
---@param columns? integer most boxes beside each other (5)
---@param details? integer[] of graph_box (all)
---@return table? layout { width, height, boxes, ways, detail }; nil where it doesn't fit
function m.lay(model, width, columns, details)
  local best, drawn = nil, 0
  local list = candidates(model, width, columns or 5, details or { 1, 2, 3, 4 })
  while list[1] and not (best and (list[1].bound >= best.cost or drawn >= MOST_DRAWN)) do
    local layout = table.remove(list, 1)
    drawn = drawn + 1
    if draw(layout) then
      if not best or layout.cost < best.cost then best = layout end
    elseif not best and layout.try < TRIES then
      -- with more room, when the others have been tried
      list[#list + 1] = prepare(model, layout.options, layout.try + 1)
    end
  end
  if best then best.ways = route.better(grid_of(best), best.lines, best.ways, best.line_cost, best.crossed) end
  return best
end

return m
