--- graph_box.lua - the boxes of a picture: what stands in them, and at which of their lines links leave them.
local text = require "nsh.text"

local m = {}

--- How much a picture tells: all; all in narrow boxes; links without their addresses; long names cut as well.
---@private
m.FULL, m.NARROW, m.NAMES, m.CUT = 1, 2, 3, 4

local MOST_ADDRS = 4  -- of one link; a box with more says how many there are
local SHARED = 26     -- as wide may a line get that has an end at either side
local CUT_NAME, CUT_TEXT = 16, 20

-- Characters that fill two columns, and those that fill none: first and last.
local WIDE = { { 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
  { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1faff }, { 0x20000, 0x3fffd } }
local NONE = { { 0x300, 0x36f }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f } }

local function within(ranges, code)
  for _, range in ipairs(ranges) do
    if code >= range[1] and code <= range[2] then return true end
  end
end

--- Counts the columns of one character.
---@private
function m.columns(code)
  if code < 0x300 then return 1 end
  return within(NONE, code) and 0 or within(WIDE, code) and 2 or 1
end

--- Counts the columns of a text.
---@private
function m.width(s)
  local n = 0
  for _, code in utf8.codes(s) do n = n + m.columns(code) end
  return n
end

-- Cuts the middle out of a text: names that count up differ at their ends.
local function shorten(s, most)
  s = text.escape(s)
  if m.width(s) <= most then return s end
  local chars = {}
  for _, code in utf8.codes(s) do chars[#chars + 1] = utf8.char(code) end
  local first, last, left, head = 1, #chars, most - 1, true
  local front, back = "", ""
  while true do
    local char = head and chars[first] or chars[last]
    left = left - m.width(char)
    if left < 0 then return front .. "…" .. back end
    if head then front, first = front .. char, first + 1 else back, last = char .. back, last - 1 end
    head = not head
  end
end

-- Cut names must still be told apart.
local function titles(model, detail)
  local list, seen = {}, {}
  for i, node in ipairs(model.nodes) do
    local name = text.escape(node.name)
    if detail == m.CUT then
      name = shorten(name, CUT_NAME)
      if seen[name] then name = shorten(name, CUT_NAME - 1 - #tostring(i)) .. "#" .. i end
      seen[name] = true
    end
    list[i] = node.kind ~= "host" and ("%s (%s)"):format(name, node.kind) or name
  end
  return list
end

--- Returns the lines of one end of a link: its name, its addresses, and what else is to be known.
---@private
function m.end_lines(edge, side, detail)
  local name = text.escape(edge[side .. "_name"] or "")
  if detail == m.CUT then name = shorten(name, CUT_TEXT) end
  local words = edge[side .. "_down"] and name .. " down" or name
  if detail > m.NARROW then return { words } end
  local lines, addrs = {}, edge[side .. "_addrs"] or {}
  for i, addr in ipairs(addrs) do
    if i == MOST_ADDRS and #addrs > MOST_ADDRS then
      lines[i] = ("… %d more"):format(#addrs - i + 1)
      break
    end
    lines[i] = text.escape(addr)
  end
  if detail == m.NARROW then
    for i, line in ipairs(lines) do lines[i] = " " .. line end
    table.insert(lines, 1, words)
    return lines
  end
  lines[1] = lines[1] and words .. " " .. lines[1] or words
  for i = 2, #lines do lines[i] = (" "):rep(m.width(words) + 1) .. lines[i] end
  return lines
end

local function sort_key(at, node, peer, edge)
  if at.as_declared then return 0, edge end
  local here, there = at[node], at[peer]
  if here.column ~= there.column then return there.order * 2, edge end
  -- lines to nodes of the same column lie in each other like brackets
  if there.order < here.order or (node == peer and at.second) then return -1e6 - there.order, -edge end
  return 1e6 - there.order, edge
end

-- At which side of a box a line to another node leaves it.
local function side_of(here, there, columns, count)
  if there.column > here.column then return "right" end
  if there.column < here.column then return "left" end
  if here.column == 1 and columns > 1 then return "left" end
  if here.column == columns then return "right" end
  return (count.left or 0) < (count.right or 0) and "left" or "right"
end

local function ends_by_node(model, at, columns)
  local ends, count = {}, {}
  for i = 1, #model.nodes do ends[i], count[i] = {}, {} end
  for i, edge in ipairs(model.edges) do
    local side = edge.a ~= edge.b and at[edge.a].column == at[edge.b].column
      and side_of(at[edge.a], at[edge.b], columns, count[edge.a])
    for _, which in ipairs { "a", "b" } do
      local node, peer = edge[which], edge[which == "a" and "b" or "a"]
      at.second = which == "b"
      local one = { edge = i, which = which, node = node, peer = peer,
        side = side or side_of(at[node], at[peer], columns, count[node]) }
      one.key, one.tie = sort_key(at, node, peer, i)
      count[node][one.side] = (count[node][one.side] or 0) + 1
      table.insert(ends[node], one)
    end
  end
  for _, list in ipairs(ends) do
    table.sort(list, function(a, b)
      if a.key ~= b.key then return a.key < b.key end
      return a.tie < b.tie
    end)
  end
  return ends
end

local function widest(lines, least)
  for _, line in ipairs(lines) do least = math.max(least, m.width(line)) end
  return least
end

-- Gives the ends of a box their lines. Boxes beside it that hang on one end alone get the room they need.
local function fill(box, ends, room)
  local widths = { left = 0, right = 0 }
  for _, one in ipairs(ends) do widths[one.side] = widest(one.lines, widths[one.side]) end
  local both = widths.left > 0 and widths.right > 0
  local shared = both and widths.left + widths.right + 2 <= math.max(SHARED, m.width(box.title))
  local order = ends
  if both and not shared then -- columns take turns in what comes first, so that most lines are straight
    order = {}
    for _, side in ipairs(box.column % 2 == 1 and { "left", "right" } or { "right", "left" }) do
      for _, one in ipairs(ends) do
        if one.side == side then order[#order + 1] = one end
      end
    end
  end
  local next_row, rows = 1, 0
  local free, free_of_boxes = { left = 1, right = 1 }, { left = 1, right = 1 }
  for _, one in ipairs(order) do
    local needs = room(one)
    one.row = math.max(shared and 1 or next_row, free[one.side], needs and free_of_boxes[one.side] or 1)
    next_row = one.row + #one.lines
    rows, free[one.side] = math.max(rows, next_row - 1), next_row
    if needs then free_of_boxes[one.side] = one.row + needs end
  end
  box.inner = math.max(m.width(box.title) + 2, shared and widths.left + widths.right + 2
    or math.max(widths.left, widths.right))
  box.texts = {}
  for _, one in ipairs(order) do
    local width = widest(one.lines, 0)
    local x = shared and one.side == "right" and box.inner - width or 0
    for i, line in ipairs(one.lines) do
      if line ~= "" then box.texts[#box.texts + 1] = { row = one.row + i - 1, x = x, text = line } end
    end
  end
  for _, line in ipairs(box.lines) do
    rows = rows + 1
    box.texts[#box.texts + 1] = { row = rows, x = 0, text = line }
  end
  box.inner = widest(box.lines, box.inner)
  box.h, box.w = rows + 2, box.inner + 4
  box.below = math.max(0, free_of_boxes.left - 1 - box.h, free_of_boxes.right - 1 - box.h)
end

--- Makes the boxes of a picture.
---@private
---@param model table
---@param place table of graph_place; as_declared: lines leave in the order of their declaration
---@param detail integer
---@return table[] boxes by node: { w, h, below = lines that what hangs on it needs, title,
---   texts = { { row, x, text } }, ends, band, column, order }
function m.boxes(model, place, detail)
  local at = { as_declared = place.as_declared }
  for b, band in ipairs(place.bands) do
    for column = 1, place.columns do
      for i, node in ipairs(band[column] or {}) do
        at[node] = { band = b, column = column, order = b * 1000 + i }
      end
    end
  end
  local ends, names, boxes = ends_by_node(model, at, place.columns), titles(model, detail), {}
  for i, node in ipairs(model.nodes) do
    local box = { node = i, title = names[i], ends = ends[i], band = at[i].band, column = at[i].column,
      order = at[i].order, lines = {} }
    if detail <= m.NARROW then
      for _, line in ipairs(node.lines or {}) do table.insert(box.lines, text.escape(line)) end
    end
    for _, one in ipairs(ends[i]) do one.lines = m.end_lines(model.edges[one.edge], one.which, detail) end
    if not ends[i][1] and not box.lines[1] then box.lines[1] = "no links" end
    boxes[i] = box
  end
  local function room(one)
    local here, there = at[one.node], at[one.peer]
    if #ends[one.peer] > 1 or here.band ~= there.band or math.abs(here.column - there.column) ~= 1 then return end
    return #ends[one.peer][1].lines + #boxes[one.peer].lines + 2
  end
  for i, box in ipairs(boxes) do fill(box, ends[i], room) end
  return boxes
end

return m
