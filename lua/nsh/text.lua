--- text.lua - text for people: escapes, widths, colour, wrapping.
local core = require "nsh.core"

local m = {}

--- Keys whose values are secrets: they are in records, and are not printed with them.
m.secret = { private_key = true, preshared_key = true }
m.HIDDEN = "(hidden)"

local forced_colour, forced_width

--- Tells how wide the terminal is that standard output goes to.
---@return integer? columns nil: standard output is no terminal, and nothing is to be cut
function m.width()
  if forced_width ~= nil then return forced_width or nil end
  local columns = core.terminal_width and core.terminal_width()
  if not columns then return nil end
  if columns > 0 then return columns end
  return tonumber(os.getenv "COLUMNS") or 80
end

--- Pretends that the terminal has a width, for tests.
---@param columns integer|false|nil false: no terminal; nil: ask again
function m.set_width(columns)
  forced_width = columns
end

--- Switches colour on or off, whatever the terminal is.
---@param on boolean? nil: decide by the terminal, NO_COLOR and TERM again
function m.set_colour(on)
  forced_colour = on
end

--- Tells whether output may carry colour.
---@return boolean
function m.coloured()
  if forced_colour ~= nil then return forced_colour end
  local no_color = os.getenv "NO_COLOR"
  return m.width() ~= nil and (no_color == nil or no_color == "") and (os.getenv "TERM" or "dumb") ~= "dumb"
end

local codes = { bold = "1", dim = "2", red = "31", green = "32", yellow = "33" }

--- Paints a text, unless colour is off.
---@param text string
---@param colour? "bold"|"dim"|"red"|"green"|"yellow"
---@param on boolean whether colour is on
---@return string
function m.paint(text, colour, on)
  if not on or not colour then return text end
  return "\27[" .. codes[colour] .. "m" .. text .. "\27[0m"
end

local function hex(byte)
  return ("\\x%02x"):format(byte:byte())
end

local function code_point(char)
  return ("\\u{%x}"):format(utf8.codepoint(char))
end

local function escape_valid(s, keep)
  s = s:gsub("[\0-\31\127]", function(c)
    if keep and keep:find(c, 1, true) then return c end
    return hex(c)
  end)
  -- C1 controls, line separators and the marks that turn the direction of writing
  s = s:gsub("\xc2[\x80-\x9f]", code_point)
  s = s:gsub("\xe2\x80[\x8e\x8f\xa8-\xae]", code_point)
  s = s:gsub("\xe2\x81[\xa6-\xa9]", code_point)
  return s
end

--- Makes a text from outside harmless: control characters and invalid UTF-8 are spelled out.
---@param s string
---@param keep? string control characters that may stay, "\n\t"
---@return string
function m.escape(s, keep)
  if not s:find "[\0-\31\127-\255]" then return s end
  local out, at = {}, 1
  while at <= #s do
    local _, bad = utf8.len(s, at)
    out[#out + 1] = escape_valid(s:sub(at, (bad or #s + 1) - 1), keep)
    if bad then out[#out + 1] = hex(s:sub(bad, bad)) end
    at = (bad or #s) + 1
  end
  return table.concat(out)
end

--- Counts the columns that an escaped text fills; a wide character counts as one.
---@param s string
---@return integer
function m.len(s)
  return utf8.len(s) or #s
end

--- Cuts an escaped text to a number of columns.
---@param s string
---@param columns integer
---@return string
function m.cut(s, columns)
  if m.len(s) <= columns then return s end
  if columns < 1 then return "" end
  return s:sub(1, (utf8.offset(s, columns) or #s + 1) - 1) .. "…"
end

--- Fills a text with spaces to a number of columns.
---@param s string
---@param columns integer
---@param right? boolean the text stands at the right
---@return string
function m.pad(s, columns, right)
  local fill = (" "):rep(columns - m.len(s))
  return right and fill .. s or s .. fill
end

--- Wraps a paragraph at spaces.
---@param s string
---@param columns? integer nil: one line
---@param indent? string what every line begins with
---@return string
function m.wrap(s, columns, indent)
  indent = indent or ""
  local lines, line = {}, nil
  for word in s:gmatch "%S+" do
    if line and columns and m.len(indent) + m.len(line) + 1 + m.len(word) > columns then
      lines[#lines + 1] = indent .. line
      line = word
    else
      line = line and line .. " " .. word or word
    end
  end
  lines[#lines + 1] = line and indent .. line
  return table.concat(lines, "\n")
end

return m
