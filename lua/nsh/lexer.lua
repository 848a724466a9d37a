--- lexer.lua - cuts an unfinished line of Lua into tokens, as completion needs them.
local m = {}

---@class nsh.Token
---@field kind "name"|"string"|"number"|"op"|"comment"
---@field text string of a string: what stands between its quotes, escapes as written
---@field at integer first byte; of a string: first byte behind its opening quote
---@field open? boolean it reaches the end of the line unfinished

-- A long bracket that opens at `at`: the byte behind it, and where it closes.
local function long_bracket(s, at)
  local equals = s:match("^%[(=*)%[", at)
  if not equals then return nil end
  local first = at + #equals + 2
  local close, last = s:find("]" .. equals .. "]", first, true)
  return first, close, last
end

local function long_token(s, at, kind)
  local first, close, last = long_bracket(s, at)
  if not first then return nil end
  return { kind = kind, text = s:sub(first, (close or #s + 1) - 1), at = first, open = not close }, (last or #s) + 1
end

local function quoted_token(s, at)
  local quote, i = s:sub(at, at), at + 1
  while i <= #s do
    local c = s:sub(i, i)
    if c == quote or c == "\n" then break end
    i = i + (c == "\\" and 2 or 1)
  end
  return { kind = "string", text = s:sub(at + 1, i - 1), at = at + 1, open = i > #s }, i + 1
end

local function comment_token(s, at)
  local token, behind = long_token(s, at + 2, "comment")
  if token then return token, behind end
  local newline = s:find("\n", at, true)
  return { kind = "comment", text = "", at = at, open = not newline }, (newline or #s) + 1
end

local function next_token(s, at)
  local c = s:sub(at, at)
  if s:find("^%-%-", at) then return comment_token(s, at) end
  if c == '"' or c == "'" then return quoted_token(s, at) end
  if c == "[" then
    local token, behind = long_token(s, at, "string")
    if token then return token, behind end
  end
  local word = s:match("^[%a_][%w_]*", at)
  if word then return { kind = "name", text = word, at = at }, at + #word end
  local number = s:match("^%d[%w%.]*", at)
  if number then return { kind = "number", text = number, at = at }, at + #number end
  local op = s:match("^%.%.%.?", at) or s:match("^[=~<>]=", at) or c
  return { kind = "op", text = op, at = at }, at + #op
end

--- Cuts a text into tokens.
---@param s string
---@return nsh.Token[]
function m.tokens(s)
  local tokens, at = {}, 1
  while true do
    at = s:find("%S", at)
    if not at then return tokens end
    tokens[#tokens + 1], at = next_token(s, at)
  end
end

return m
