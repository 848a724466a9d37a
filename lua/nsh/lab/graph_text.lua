--- graph_text.lua - a lab drawn with characters, or told link by link where that can't be drawn.
local boxes = require "nsh.lab.graph_box"
local layouts = require "nsh.lab.graph_layout"
local text = require "nsh.text"

local m = {}

local WIDTH = 100             -- columns of a picture
local NODES, EDGES = 40, 100  -- more aren't drawn

-- By the sides that a line's cell touches: east 1, south 2, west 4, north 8.
local UNICODE = { lines = { [5] = "─", [10] = "│", [3] = "┌", [6] = "┐", [9] = "└", [12] = "┘", [15] = "┼" },
  tunnel = { [5] = "╌", [10] = "╎" }, h = "─", v = "│",
  tl = "┌", tr = "┐", bl = "└", br = "┘", left = "┤", right = "├" }
local ASCII = { lines = { [5] = "-", [10] = "|", [3] = ".", [6] = ".", [9] = "'", [12] = "'", [15] = "+" },
  tunnel = { [5] = "=", [10] = ":" }, h = "-", v = "|",
  tl = "+", tr = "+", bl = "+", br = "+", left = "o", right = "o" }

-- Tells whether the terminal shows UTF-8: an environment that names another character set says that it doesn't.
local function is_utf8()
  for _, name in ipairs { "LC_ALL", "LC_CTYPE", "LANG" } do
    local value = os.getenv(name)
    if value and value ~= "" then return value:upper():find "UTF%-?8" ~= nil end
  end
  return true
end

local function plain(s) return (s:gsub("[\xc2-\xf4][\x80-\xbf]*", function(c) return c == "…" and "~" or "?" end)) end

-- --- the picture ---

local function put(canvas, x, y, s)
  for _, code in utf8.codes(s) do
    local columns = boxes.columns(code)
    if columns == 0 then
      canvas[y][x - 1] = canvas[y][x - 1] .. utf8.char(code)
    else
      canvas[y][x] = utf8.char(code)
      if columns == 2 then canvas[y][x + 1] = "" end
      x = x + columns
    end
  end
end

local function draw_box(canvas, box, signs)
  local right, bottom = box.x + box.w - 1, box.y + box.h - 1
  put(canvas, box.x, box.y, signs.tl .. signs.h:rep(box.w - 2) .. signs.tr)
  put(canvas, box.x, bottom, signs.bl .. signs.h:rep(box.w - 2) .. signs.br)
  put(canvas, box.x + 2, box.y, " " .. box.title .. " ")
  for y = box.y + 1, bottom - 1 do
    put(canvas, box.x, y, signs.v)
    put(canvas, right, y, signs.v)
  end
  for _, one in ipairs(box.texts) do put(canvas, box.x + 2 + one.x, box.y + one.row, one.text) end
  for _, one in ipairs(box.ends) do
    put(canvas, one.side == "right" and right or box.x, box.y + one.row, signs[one.side])
  end
end

local BIT = { [0] = 1, 2, 4, 8 }

local function draw_line(sides, tunnels, way, edge)
  for _, cell in ipairs(way) do
    local key = cell.y << 16 | cell.x
    sides[key] = (sides[key] or 0) | BIT[cell.from] | BIT[cell.to]
    tunnels[key] = edge.kind ~= nil
  end
end

local function is_free(canvas, x, y, width)
  if not canvas[y] then return false end
  for column = x - 1, x + width do
    if (canvas[y][column] or " ") ~= " " then return false end
  end
  return x >= 0 and canvas[y][x + width - 1] ~= nil
end

-- A label stands above or below the longest level part of its line, else beside it, where nothing else is.
local function label_places(way, width)
  local list, best, start = {}, nil, nil
  for i, cell in ipairs(way) do
    local level = cell.from % 2 == 0 and cell.to % 2 == 0
    if level and not start then start = i end
    if level and (not way[i + 1] or way[i + 1].y ~= cell.y or way[i + 1].to % 2 == 1) then
      if not best or i - start > best[2] - best[1] then best = { start, i } end
      start = nil
    end
  end
  if best and best[2] - best[1] + 1 >= width + 2 then
    local x = math.min(way[best[1]].x, way[best[2]].x) + (best[2] - best[1] + 1 - width) // 2
    list = { { x, way[best[1]].y - 1 }, { x, way[best[1]].y + 1 } }
  end
  for i = 1, #way do -- from the middle on to both ends
    local cell = way[#way // 2 + (i % 2 == 0 and i // 2 or -(i // 2))]
    if cell and cell.from % 2 == 1 and cell.to % 2 == 1 then
      list[#list + 1] = { cell.x + 2, cell.y }
      list[#list + 1] = { cell.x - width - 1, cell.y }
    end
  end
  return list
end

local function draw_label(canvas, way, label)
  local width = boxes.width(label)
  for _, place in ipairs(label_places(way, width)) do
    if is_free(canvas, place[1], place[2], width) then
      put(canvas, place[1], place[2], label)
      return true
    end
  end
  return false
end

-- Returns the picture, and the edges whose labels found no place.
local function draw(model, layout, signs)
  local canvas = {}
  for y = 0, layout.height - 1 do
    canvas[y] = {}
    for x = 0, layout.width - 1 do canvas[y][x] = " " end
  end
  for _, box in ipairs(layout.boxes) do draw_box(canvas, box, signs) end
  local sides, tunnels, unlabelled = {}, {}, {}
  for i, way in ipairs(layout.ways) do draw_line(sides, tunnels, way, model.edges[i]) end
  for key, bits in pairs(sides) do
    put(canvas, key & 0xffff, key >> 16, tunnels[key] and signs.tunnel[bits] or signs.lines[bits])
  end
  for i, edge in ipairs(model.edges) do
    if edge.label and not draw_label(canvas, layout.ways[i], text.escape(edge.label)) then
      unlabelled[#unlabelled + 1] = edge
    end
  end
  local lines = {}
  for y = 0, layout.height - 1 do
    lines[y + 1] = table.concat(canvas[y], "", 0, layout.width - 1):gsub(" +$", "")
  end
  return table.concat(lines, "\n"), unlabelled
end

-- --- the list ---

local function end_text(edge, which)
  local words = { text.escape(edge[which .. "_name"] or "") }
  for _, addr in ipairs(edge[which .. "_addrs"] or {}) do words[#words + 1] = text.escape(addr) end
  if edge[which .. "_down"] then words[#words + 1] = "down" end
  return table.concat(words, " ")
end

--- Tells a model node by node and link by link; each link stands with both of its nodes.
---@private
---@param model table
---@return string
function m.listing(model)
  local ends, lines = {}, {}
  for i = 1, #model.nodes do ends[i] = {} end
  local widest = 0
  for _, edge in ipairs(model.edges) do
    for _, which in ipairs { "a", "b" } do
      local other = which == "a" and "b" or "a"
      local one = { end_text(edge, which), text.escape(model.nodes[edge[other]].name) .. " " .. end_text(edge, other) }
      if edge.kind then one[2] = one[2] .. ", " .. edge.kind end
      if edge.label then one[2] = one[2] .. ", " .. text.escape(edge.label) end
      widest = math.max(widest, text.len(one[1]))
      table.insert(ends[edge[which]], one)
    end
  end
  for i, node in ipairs(model.nodes) do
    lines[#lines + 1] = ("%s (%s)"):format(text.escape(node.name), node.kind)
    for _, line in ipairs(node.lines or {}) do lines[#lines + 1] = "  " .. text.escape(line) end
    for _, one in ipairs(ends[i]) do
      lines[#lines + 1] = ("  %s -- %s"):format(text.pad(one[1], math.min(widest, 40)), one[2])
    end
  end
  return table.concat(lines, "\n")
end

local function labels(model, edges)
  local lines = {}
  for i, edge in ipairs(edges) do
    lines[i] = text.escape(("%s %s -- %s %s: %s"):format(model.nodes[edge.a].name, edge.a_name or "",
      model.nodes[edge.b].name, edge.b_name or "", edge.label))
  end
  return table.concat(lines, "\n")
end

--- Draws a model with characters: boxes, and lines between them. What is too much for a picture is told as a list, and
--- what a picture had to leave out stands in one below it.
---@private
---@param model table
---@param ascii? boolean nil: as the environment's character set is
---@return string
function m.draw(model, ascii)
  if ascii == nil then ascii = not is_utf8() end
  local layout = #model.nodes <= NODES and #model.edges <= EDGES and layouts.lay(model, WIDTH)
  local picture
  if layout then
    local unlabelled
    picture, unlabelled = draw(model, layout, ascii and ASCII or UNICODE)
    if layout.detail > boxes.NARROW then
      picture = picture .. "\n\n" .. m.listing(model)
    elseif unlabelled[1] then
      picture = picture .. "\n\n" .. labels(model, unlabelled)
    end
  else
    picture = m.listing(model)
  end
  return ascii and plain(picture) or picture
end

return m
