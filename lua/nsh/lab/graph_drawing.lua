--- graph_drawing.lua - where the boxes and lines of a drawing are, in pixels; by graphviz or by ourselves.
local boxes_of = require "nsh.lab.graph_box"
local layouts = require "nsh.lab.graph_layout"
local places = require "nsh.lab.graph_place"
local text = require "nsh.text"
local world = require "nsh.world"

local m = {}

--- How wide a character is, and how high a line of text.
---@private
m.CW, m.CH = 8, 18
local CW, CH = m.CW, m.CH

local WIDTH, COLUMNS = 220, 8         -- of a drawing of ours, in characters and boxes
local NODES, EDGES = 80, 120          -- with more, only a star or a chain has its lines led around the boxes
local DOT_NODES, DOT_EDGES = 200, 400 -- with more, dot takes too long
local DOT_SECONDS = 10
local STRAIGHT_GAP = 480              -- between two columns that straight lines join
local RADIUS = 6

-- A box as high as its lines; half a line is left below it.
local function size(box) return box.w * CW, (box.h - 0.5) * CH end

-- What a line of text begins with isn't drawn.
local function texts_of(box)
  local list = {}
  for i, one in ipairs(box.texts) do
    local blank, words = one.text:match "^( *)(.*)$"
    list[i] = { x = (2 + one.x + #blank) * CW, y = (one.row + 0.5) * CH, text = words }
  end
  return list
end

local function row_y(one) return (one.row + 0.5) * CH end

local function drawn_box(box, x, y)
  local w, h = size(box)
  return { node = box.node, title = box.title, x = x, y = y, w = w, h = h, texts = texts_of(box) }
end

local function num(n) return ("%.1f"):format(n):gsub("%.0$", "") end

-- A way through points, with round corners.
local function round_path(points)
  local parts = { ("M%s %s"):format(num(points[1].x), num(points[1].y)) }
  for i = 2, #points - 1 do
    local before, at, after = points[i - 1], points[i], points[i + 1]
    local into = math.abs(at.x - before.x) + math.abs(at.y - before.y)
    local out = math.abs(at.x - after.x) + math.abs(at.y - after.y)
    local r, q = math.min(RADIUS, into / 2), math.min(RADIUS, out / 2)
    parts[#parts + 1] = ("L%s %sQ%s %s %s %s"):format(num(at.x + (before.x - at.x) / into * r),
      num(at.y + (before.y - at.y) / into * r), num(at.x), num(at.y), num(at.x + (after.x - at.x) / out * q),
      num(at.y + (after.y - at.y) / out * q))
  end
  parts[#parts + 1] = ("L%s %s"):format(num(points[#points].x), num(points[#points].y))
  return table.concat(parts)
end

-- A label stands above the longest level part if that is long enough, else beside the longest upright one.
local function label_place(points, label)
  local best, long = { { x = 0, y = 0 }, { x = 0, y = 0 } }, { -1, -1 }
  for i = 2, #points do
    local a, b = points[i - 1], points[i]
    local kind, length = a.y == b.y and 1 or 2, math.abs(a.x - b.x) + math.abs(a.y - b.y)
    if length > long[kind] then best[kind], long[kind] = { x = (a.x + b.x) / 2, y = (a.y + b.y) / 2 }, length end
  end
  if long[2] < 0 or not label or long[1] >= boxes_of.width(label) * CW then return best[1] end
  return { x = best[2].x + 6, y = best[2].y + 10, anchor = "start" }
end

-- --- by ourselves, with lines led around the boxes ---

local function from_layout(model, layout)
  local out = { width = layout.width * CW, height = layout.height * CH, boxes = {}, lines = {} }
  local ends = {}
  for i, box in ipairs(layout.boxes) do
    out.boxes[i] = drawn_box(box, box.x * CW, box.y * CH)
    for _, one in ipairs(box.ends) do
      ends[one.edge] = ends[one.edge] or {}
      ends[one.edge][one.which] = { x = (one.side == "right" and box.x + box.w or box.x) * CW,
        y = box.y * CH + row_y(one) }
    end
  end
  for i, edge in ipairs(model.edges) do
    local points = { ends[i].a }
    for _, cell in ipairs(layout.ways[i]) do
      if (cell.from + cell.to) % 2 == 1 then
        points[#points + 1] = { x = (cell.x + 0.5) * CW, y = (cell.y + 0.5) * CH }
      end
    end
    points[#points + 1] = ends[i].b
    out.lines[i] = { path = round_path(points), label = label_place(points, edge.label or edge.kind) }
  end
  return out
end

-- --- by ourselves, in two columns joined by curves: right for any lab, and all that is done for very large ones ---

local function in_two_columns(model)
  local half = (#model.nodes + 1) // 2
  local band = { {}, {} }
  for i in ipairs(model.nodes) do table.insert(band[i <= half and 1 or 2], i) end
  local boxes = boxes_of.boxes(model, { columns = 2, bands = { band } }, boxes_of.FULL)
  local widest, out, ends = { 0, 0 }, { boxes = {}, lines = {}, width = 0, height = 0 }, {}
  for _, box in ipairs(boxes) do widest[box.column] = math.max(widest[box.column], box.w) end
  local gap = STRAIGHT_GAP + math.min(2000, 2 * #model.edges)
  local y = { 0, 0 }
  for i, box in ipairs(boxes) do
    local c = box.column
    box.w = widest[c]
    out.boxes[i] = drawn_box(box, c == 1 and 0 or widest[1] * CW + gap, y[c])
    for _, one in ipairs(box.ends) do
      ends[one.edge] = ends[one.edge] or {}
      ends[one.edge][one.which] = { x = c == 1 and widest[1] * CW or widest[1] * CW + gap, y = y[c] + row_y(one) }
    end
    y[c] = y[c] + box.h * CH
  end
  out.width, out.height = (widest[1] + widest[2]) * CW + (half < #model.nodes and gap or 0), math.max(y[1], y[2])
  for i in ipairs(model.edges) do
    local a, b = ends[i].a, ends[i].b
    local bow = (a.x == b.x and 0.8 or 0.4) * gap
    local ax, bx = a.x + (a.x == widest[1] * CW and bow or -bow), b.x + (b.x == widest[1] * CW and bow or -bow)
    out.lines[i] = { path = ("M%s %sC%s %s %s %s %s %s"):format(num(a.x), num(a.y), num(ax), num(a.y), num(bx),
      num(b.y), num(b.x), num(b.y)), label = { x = (a.x + 3 * ax + 3 * bx + b.x) / 8, y = (a.y + b.y) / 2 } }
  end
  return out
end

-- --- by graphviz ---

-- A table with a cell for each line, so that edges end at the line of their link.
local function dot_node(box)
  local w = box.w * CW
  local at = {}
  for _, one in ipairs(box.ends) do at[one.row] = ("p%d%s"):format(one.edge, one.which) end
  local rows = { ('<TR><TD FIXEDSIZE="TRUE" WIDTH="%d" HEIGHT="%d"></TD></TR>'):format(w, CH) }
  for row = 1, box.h - 2 do
    rows[#rows + 1] = ('<TR><TD%s FIXEDSIZE="TRUE" WIDTH="%d" HEIGHT="%d"></TD></TR>'):format(
      at[row] and (' PORT="%s"'):format(at[row]) or "", w, CH)
  end
  rows[#rows + 1] = ('<TR><TD FIXEDSIZE="TRUE" WIDTH="%d" HEIGHT="%d"></TD></TR>'):format(w, CH // 2)
  return ('n%d [label=<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">%s</TABLE>>]'):format(box.node,
    table.concat(rows))
end

local function dot_source(model, boxes)
  local out = { "graph {", "rankdir=LR; nodesep=0.3; ranksep=0.9; node [shape=plain]",
    'edge [fontsize=11, fontname="Courier"]' }
  for _, box in ipairs(boxes) do out[#out + 1] = dot_node(box) end
  local ends = places.left_to_right(model)
  for i, edge in ipairs(model.edges) do
    local label = edge.label and (' [label="%s"]'):format(("x"):rep(boxes_of.width(text.escape(edge.label)))) or ""
    local tail, head = ends[i].left, ends[i].right
    out[#out + 1] = ("n%d:p%d%s -- n%d:p%d%s%s"):format(edge[tail], i, tail, edge[head], i, head, label)
  end
  out[#out + 1] = "}\n"
  return table.concat(out, "\n")
end

local function run_dot(source)
  local path = not world.is_dry() and require("nsh.features").path "dot"
  if not path then return nil end
  require "nsh.process" -- which gives namespaces exec
  local ok, result = pcall(function()
    return require("nsh.netns").current():exec({ path, "-Tplain-ext" }, { input = source, timeout = DOT_SECONDS })
  end)
  return ok and result.out or nil
end

-- The points that follow a count: graphviz tells inches, from the bottom.
local function points_of(words, at, height)
  local points = {}
  for i = 1, tonumber(words[at]) do
    points[i] = { x = tonumber(words[at + 2 * i - 1]) * 72, y = height - tonumber(words[at + 2 * i]) * 72 }
  end
  return points, at + 2 * #points + 1
end

local function read_dot(model, boxes, plain)
  local out = { boxes = {}, lines = {} }
  for line in plain:gmatch "[^\n]+" do
    local words = {}
    for word in line:gmatch "%S+" do words[#words + 1] = word end
    if words[1] == "graph" then
      out.width, out.height = tonumber(words[3]) * 72, tonumber(words[4]) * 72
    elseif words[1] == "node" then
      local box = boxes[tonumber(words[2]:match "%d+")]
      local w, h = size(box)
      local x, y = tonumber(words[3]) * 72, out.height - tonumber(words[4]) * 72
      out.boxes[box.node] = drawn_box(box, x - w / 2, y - h / 2)
    elseif words[1] == "edge" then
      local i = tonumber(words[2]:match ":p(%d+)")
      local points, after = points_of(words, 4, out.height)
      local parts = { ("M%s %s"):format(num(points[1].x), num(points[1].y)) }
      for k = 2, #points, 3 do
        parts[#parts + 1] = ("C%s %s %s %s %s %s"):format(num(points[k].x), num(points[k].y), num(points[k + 1].x),
          num(points[k + 1].y), num(points[k + 2].x), num(points[k + 2].y))
      end
      local label = model.edges[i].label
        and { x = tonumber(words[after + 1]) * 72, y = out.height - tonumber(words[after + 2]) * 72 }
      out.lines[i] = { path = table.concat(parts), label = label or points[(#points + 1) // 2] }
    end
  end
  return #out.boxes == #model.nodes and #out.lines == #model.edges and out or nil
end

local function by_dot(model)
  if #model.nodes > DOT_NODES or #model.edges > DOT_EDGES then return nil end
  local all = {}
  for i in ipairs(model.nodes) do all[i] = i end
  local boxes = boxes_of.boxes(model, { columns = 1, bands = { { all } }, as_declared = true }, boxes_of.FULL)
  local plain = run_dot(dot_source(model, boxes))
  return plain and read_dot(model, boxes, plain)
end

--- Tells where all is.
---@private
---@param model nsh.GraphModel
---@param by? "dot"|"own" nil: dot where it is installed
---@return table drawing { width, height, boxes = { { node, title, x, y, w, h, texts } }, lines = { { path, label } } }
function m.of(model, by)
  local drawing = by ~= "own" and by_dot(model)
  if drawing then return drawing end
  local few = #model.nodes <= NODES and #model.edges <= EDGES
  local layout = (few or places.is_simple(model))
    and layouts.lay(model, WIDTH, COLUMNS, { boxes_of.FULL, boxes_of.NARROW })
  return layout and from_layout(model, layout) or in_two_columns(model)
end

return m
