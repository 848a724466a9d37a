-- pictures.lua - reads a picture made of characters as a person does: boxes, and lines followed from box to box
local m = {}

-- What a character joins: east, south, west, north.
local UNICODE = {
  joins = { ["─"] = "EW", ["╌"] = "EW", ["│"] = "NS", ["╎"] = "NS", ["┌"] = "ES", ["┐"] = "SW", ["└"] = "NE",
    ["┘"] = "NW", ["┼"] = "NESW" },
  top_left = "┌", top_right = "┐", bottom_left = "└", bottom_right = "┘", level = "─", upright = "│",
  left = "┤", right = "├",
}
local ASCII = {
  joins = { ["-"] = "EW", ["="] = "EW", ["|"] = "NS", [":"] = "NS", ["."] = "SH", ["'"] = "NH", ["+"] = "NESW" },
  top_left = "+", top_right = "+", bottom_left = "+", bottom_right = "+", level = "-", upright = "|",
  left = "o", right = "o",
}
local MOVE = { E = { 1, 0 }, S = { 0, 1 }, W = { -1, 0 }, N = { 0, -1 } }
local BACK = { E = "W", W = "E", N = "S", S = "N" }

-- The characters of a picture by line and column; only what is above the first empty line of a list below counts.
local function cells_of(text)
  local rows = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local row = {}
    for _, code in utf8.codes(line) do row[#row + 1] = utf8.char(code) end
    rows[#rows + 1] = row
  end
  return rows
end

local function at(rows, x, y) return rows[y] and rows[y][x] or " " end

-- The box whose upper left corner is here, or nil: its border must be whole, and its title is in the upper one.
local function box_at(rows, x, y, signs)
  if at(rows, x, y) ~= signs.top_left or at(rows, x + 1, y) ~= signs.level then return nil end
  if at(rows, x + 2, y) ~= " " then return nil end
  local right = x + 3
  while rows[y][right] and not (rows[y][right] == signs.top_right and rows[y][right - 1] == signs.level) do
    right = right + 1
  end
  local title = table.concat(rows[y], "", x + 3, right - 1):match("^(.-) [" .. signs.level .. "]+$")
  local bottom = y + 1
  while true do
    local left_sign, right_sign = at(rows, x, bottom), at(rows, right, bottom)
    if left_sign == signs.bottom_left then break end
    assert(left_sign == signs.upright or left_sign == signs.left, "the left border has a hole at " .. bottom)
    assert(right_sign == signs.upright or right_sign == signs.right, "the right border has a hole at " .. bottom)
    bottom = bottom + 1
  end
  for column = x + 1, right - 1 do assert(at(rows, column, bottom) == signs.level, "the lower border has a hole") end
  assert(at(rows, right, bottom) == signs.bottom_right, "a box has no lower right corner")
  return { title = title, x = x, y = y, right = right, bottom = bottom }
end

-- The side that a line leaves a character by which it entered from the other.
local function way_out(rows, x, y, into, signs)
  local joins = signs.joins[at(rows, x, y)]
  assert(joins, ("a line ends at column %d of line %d in '%s'"):format(x, y, at(rows, x, y)))
  local from = BACK[into]
  if joins == "NESW" then return into end
  if joins:find "H" then -- a corner of ASCII goes to that side where a level line goes on
    if into == "N" or into == "S" then
      assert(joins:sub(1, 1) == from, "a corner that points away")
      local east, west = at(rows, x + 1, y), at(rows, x - 1, y)
      local is_east = (signs.joins[east] or ""):find "[EH]" ~= nil or east == "o"
      local is_west = (signs.joins[west] or ""):find "[EH]" ~= nil or west == "o"
      assert(is_east ~= is_west, ("a corner of two meanings at column %d of line %d"):format(x, y))
      return is_east and "E" or "W"
    end
    return joins:sub(1, 1)
  end
  assert(joins:find(from), ("a line runs against '%s' at column %d of line %d"):format(at(rows, x, y), x, y))
  return joins:gsub(from, "")
end

local function follow(rows, x, y, dir, boxes, signs)
  for _ = 1, 20000 do
    x, y = x + MOVE[dir][1], y + MOVE[dir][2]
    for _, box in ipairs(boxes) do
      if x >= box.x and x <= box.right and y >= box.y and y <= box.bottom then
        local sign = at(rows, x, y)
        assert(sign == (dir == "E" and signs.left or signs.right) and (dir == "E" or dir == "W"),
          "a line runs into the border of " .. box.title)
        return box, x, y
      end
    end
    dir = way_out(rows, x, y, dir, signs)
  end
  error "a line without an end"
end

--- Reads a picture.
---@param text string
---@param ascii? boolean
---@return table picture { boxes = { { title, rows = { texts } } },
---  links = { { a, b: boxes by number, a_row, b_row: texts } }, width }
function m.read(text, ascii)
  local signs = ascii and ASCII or UNICODE
  local rows, boxes, links, width = cells_of(text), {}, {}, 0
  for y, row in ipairs(rows) do
    width = math.max(width, #row)
    for x in ipairs(row) do
      local inside = false
      for _, box in ipairs(boxes) do
        inside = inside or (y <= box.bottom and x >= box.x and x <= box.right and y >= box.y)
      end
      local box = not inside and box_at(rows, x, y, signs)
      if box then boxes[#boxes + 1] = box end
    end
  end
  local covered = {}
  local seen = {}
  for i, box in ipairs(boxes) do
    box.rows = {}
    for y = box.y, box.bottom do
      for x = box.x, box.right do
        assert(not covered[y * 1000 + x], "boxes overlap at line " .. y)
        covered[y * 1000 + x] = i
      end
      box.rows[y - box.y] = table.concat(rows[y], "", box.x + 1, box.right - 1):match "^%s*(.-)%s*$"
    end
  end
  for i, box in ipairs(boxes) do
    for y = box.y + 1, box.bottom - 1 do
      for _, side in ipairs { "left", "right" } do
        local x = side == "left" and box.x or box.right
        if at(rows, x, y) == signs[side] and not seen[y * 1000 + x] then
          local other, ex, ey = follow(rows, x, y, side == "left" and "W" or "E", boxes, signs)
          assert(not (ex == x and ey == y), "a line comes back")
          seen[y * 1000 + x], seen[ey * 1000 + ex] = true, true
          links[#links + 1] = { a = i, b = covered[other.y * 1000 + other.x], a_row = box.rows[y - box.y],
            b_row = other.rows[ey - other.y] }
        end
      end
    end
  end
  return { boxes = boxes, links = links, width = width }
end

return m
