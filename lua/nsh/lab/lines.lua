--- lines.lua - two texts compared line by line: what only one of them has, below the heads of the blocks that it is in.
local text = require "nsh.text"

local m = {}

local MOST = 250000 -- pairs of lines that are compared; beyond that all of one text goes, and all of the other comes

-- The lines of a text, and each with the heads of the blocks that it is in: else an end would be that of any block.
local function split(whole)
  local list, places, heads = {}, {}, {}
  for line in whole:gmatch "[^\n]+" do
    local level = #line:match "^\t*"
    for i = #heads, level + (line:find "^\t*}" and 2 or 1), -1 do heads[i] = nil end
    list[#list + 1] = line
    if line:find "{$" then heads[level + 1] = line end
    places[#list] = table.concat(heads, "\n") .. "\n" .. line
  end
  return list, places
end

-- How many lines the rests of both lists have in common, from each place on.
local function common(a, b)
  local rest = { [#a + 1] = {} }
  for i = #a, 1, -1 do
    local row, below = {}, rest[i + 1]
    for k = #b, 1, -1 do
      row[k] = a[i] == b[k] and (below[k + 1] or 0) + 1 or math.max(below[k] or 0, row[k + 1] or 0)
    end
    rest[i] = row
  end
  return rest
end

-- Lines in the order of both texts, each { sign, line }: "-" of the first alone, "+" of the second, " " of both.
local function merge(from, to)
  local first, a = split(from)
  local second, b = split(to)
  local rest = #a * #b <= MOST and common(a, b)
  local list, i, k = {}, 1, 1
  local function put(sign, line) list[#list + 1] = { sign, line } end
  while a[i] or b[k] do
    if rest and a[i] and a[i] == b[k] then
      put(" ", first[i])
      i, k = i + 1, k + 1
    elseif a[i] and (not rest or not b[k] or (rest[i + 1][k] or 0) >= (rest[i][k + 1] or 0)) then
      put("-", first[i])
      i = i + 1
    else
      put("+", second[k])
      k = k + 1
    end
  end
  return list
end

--- Lists the lines that two texts differ in, each behind its sign, - or +; tabs tell which block a line is in, and the
--- heads of blocks end with {.
---@private
---@param from string
---@param to string
---@return string[]
function m.differing(from, to)
  local list, heads, shown = {}, {}, {}
  local function put(sign, line) list[#list + 1] = text.escape(sign .. " " .. line:gsub("\t", "  ")) end
  for _, one in ipairs(merge(from, to)) do
    local sign, line = one[1], one[2]
    local level = #line:match "^\t*"
    if sign ~= " " then
      for i = 0, level - 1 do
        if heads[i] and not shown[i] then put(" ", heads[i]) end
        shown[i] = true
      end
      put(sign, line)
    end
    if line:find "{$" then heads[level], shown[level] = line, sign ~= " " end
    for i = level + 1, #heads do heads[i], shown[i] = nil, nil end
  end
  return list
end

return m
