--- show.lua - how values print: records, lists of records, and whatever the REPL got.
local text = require "nsh.text"

local m = {}

-- Loaded at the first use: most scripts print no table.
local function columns() return require "nsh.columns" end

-- Scripts may replace the globals; what prints their values must not depend on it.
local tostring, type, next, pcall, rawget, rawlen = tostring, type, next, pcall, rawget, rawlen
local getmetatable, getinfo = debug.getmetatable, debug.getinfo

local MAX_DEPTH, MAX_ROWS, MAX_NESTED_ROWS = 4, 200, 20

--- Metatable of a record: plain data that prints as lines of key and value. dkjson knows one without keys by it.
m.Record = { __name = "nsh.record", __jsontype = "object" }

--- Metatable of a list of records, which prints as aligned columns.
m.List = { __name = "nsh.list", __jsontype = "array" }

local function is_record(value)
  if type(value) ~= "table" then return false end
  local mt = getmetatable(value)
  return mt == nil or mt == m.Record
end

local function raw_items(list)
  local items, all_records = {}, true
  for i = 1, rawlen(list) do
    items[i] = rawget(list, i)
    all_records = all_records and is_record(items[i])
  end
  return items, all_records
end

-- A list prints as columns; one that holds objects or scalars has one of them a line.
local function list_text(list, coloured)
  local items, all_records = raw_items(list)
  if all_records then return columns().list(items, text.width(), coloured) end
  for i, item in ipairs(items) do items[i] = columns().inline(item) end
  return table.concat(items, "\n")
end

-- tostring() carries no colour: nobody knows where the string goes.
function m.Record.__tostring(record)
  return columns().record(record, text.width(), false)
end

function m.List.__tostring(list)
  return list_text(list, false)
end

--- Switches colour on or off, whatever the terminal is.
---@param on boolean? nil: decide by the terminal, NO_COLOR and TERM again
function m.colour(on)
  text.set_colour(on)
end

local function failed(what, err)
  local ok, message = pcall(tostring, err)
  return "<error in " .. what .. ": " .. text.escape(ok and type(message) == "string" and message or "?") .. ">"
end

local function function_text(f)
  local ok, help = pcall(require, "nsh.help")
  local entry
  if ok then
    ok, entry = pcall(help.entry_of, f)
    entry = ok and entry or nil
  end
  if entry then return "function: " .. entry.title .. (entry.summary and " - " .. entry.summary or "") end
  local info = getinfo(f, "S")
  if info.what == "C" then return text.escape(tostring(f)) end
  return ("function: %s:%d"):format(text.escape(info.short_src), info.linedefined)
end

-- What a value with a __tostring of its own says; nil for all others.
local function own_text(value)
  local mt = getmetatable(value)
  if type(value) == "string" or type(mt) ~= "table" or rawget(mt, "__tostring") == nil then return nil end
  local ok, s = pcall(tostring, value)
  if not ok then return failed("__tostring", s) end
  return text.escape(s, "\n\t")
end

local function quoted(s)
  return '"' .. text.escape((s:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\t", "\\t"))) .. '"'
end

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch "%a+" do
  keywords[word] = true
end

local inspect -- forward: tables hold values

local function key_text(key, state)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" and not keywords[key] then return key end
  return "[" .. inspect(key, state, MAX_DEPTH) .. "]"
end

-- The parts between a table's braces.
local function parts_of(t, state, depth)
  local parts, size = {}, rawlen(t)
  local limit = depth == 0 and MAX_ROWS or MAX_NESTED_ROWS
  for i = 1, math.min(size, limit) do parts[i] = inspect(rawget(t, i), state, depth + 1) end
  local left, named = size - #parts, false
  for _, key in ipairs(columns().keys(t)) do
    if not (math.type(key) == "integer" and key >= 1 and key <= size) then
      if #parts < limit then
        named = true
        local value = text.secret[key] and text.HIDDEN or inspect(rawget(t, key), state, depth + 1)
        parts[#parts + 1] = key_text(key, state) .. " = " .. value
      else
        left = left + 1
      end
    end
  end
  if left > 0 then parts[#parts + 1] = ("… %d more"):format(left) end
  return parts, named
end

-- As many parts on a line as there is room for.
local function fill(parts, columns_left)
  local lines, line = {}, nil
  for _, part in ipairs(parts) do
    if line and text.len(line) + text.len(part) + 3 <= columns_left then
      line = line .. ", " .. part
    else
      lines[#lines + 1] = line
      line = part
    end
  end
  lines[#lines + 1] = line
  return lines
end

local function table_text(t, state, depth)
  if state.open[t] then return "{…}" end -- it holds itself
  if next(t) == nil then return "{}" end
  if depth >= MAX_DEPTH then return "{…}" end
  state.open[t] = true
  local parts, named = parts_of(t, state, depth)
  state.open[t] = nil
  local length, broken = 4 + 2 * depth, false
  for _, part in ipairs(parts) do
    length = length + text.len(part) + 2
    broken = broken or part:find("\n", 1, true) ~= nil
  end
  local width = text.width() or 80
  if not broken and length <= width then return "{ " .. table.concat(parts, ", ") .. " }" end
  if not broken and not named then parts = fill(parts, width - 2 * depth - 2) end
  local indent = ("  "):rep(depth + 1)
  return "{\n" .. indent .. table.concat(parts, ",\n" .. indent) .. "\n" .. ("  "):rep(depth) .. "}"
end

function inspect(value, state, depth)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "function" then return function_text(value) end
  if kind == "table" then
    local mt = getmetatable(value)
    if mt == m.Record or mt == m.List then return table_text(value, state, depth) end
    return own_text(value) or table_text(value, state, depth)
  end
  if kind == "userdata" then
    local ok, s = pcall(tostring, value)
    return ok and text.escape(s) or failed("__tostring", s)
  end
  return tostring(value)
end

--- Writes any value as text a person can read: sorted keys, no endless cycles, limits on depth and length.
---@param value any
---@return string
function m.inspect(value)
  return inspect(value, { open = {} }, 0)
end

local function list_of_records(value)
  if type(value) ~= "table" or getmetatable(value) ~= nil or rawlen(value) == 0 then return false end
  for i = 1, rawlen(value) do
    local item = rawget(value, i)
    if type(item) ~= "table" or getmetatable(item) ~= m.Record then return false end
  end
  for key in next, value do
    if math.type(key) ~= "integer" then return false end
  end
  return true
end

local function result_text(value, coloured)
  if type(value) == "string" then return text.escape(value, "\n\t") end
  if type(value) == "table" then
    local mt = getmetatable(value)
    if mt == m.Record then return columns().record(value, text.width(), coloured) end
    if mt == m.List or list_of_records(value) then return list_text(value, coloured) end
  end
  return m.inspect(value)
end

--- Writes the results of an expression as the REPL prints them.
---@param ... any
---@return string? text without a newline at its end; nil when there is nothing to print
function m.repl(...)
  local n = select("#", ...)
  if n == 0 then return nil end
  local coloured, parts, lines = text.coloured(), {}, false
  for i = 1, n do
    local ok, s = pcall(result_text, (select(i, ...)), coloured)
    parts[i] = ok and s or failed("printing", s)
    lines = lines or parts[i]:find("\n", 1, true) ~= nil
  end
  return table.concat(parts, lines and "\n" or "\t")
end

return m
