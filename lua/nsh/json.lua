--- json.lua - values as JSON text, for programs that read what the verbs of a lab tell.
local m = {}

local stdout, printed = io.stdout, false

local SHORT = { ["\""] = "\\\"", ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
local REPLACEMENT = "\u{fffd}" -- what stands for bytes that are no text

local function escape(char) return SHORT[char] or ("\\u%04x"):format(char:byte()) end

local function valid(s)
  local _, bad = utf8.len(s)
  while bad do
    s = s:sub(1, bad - 1) .. REPLACEMENT .. s:sub(bad + 1)
    _, bad = utf8.len(s, bad)
  end
  return s
end

local function text(s) return "\"" .. valid(s):gsub("[%c\"\\\127]", escape) .. "\"" end

-- The shortest form that reads back as the same number.
local function number(n)
  if math.type(n) == "integer" then return ("%d"):format(n) end
  if n ~= n or n == math.huge or n == -math.huge then return "null" end
  for digits = 15, 17 do
    local s = ("%%.%dg"):format(digits):format(n)
    if tonumber(s) == n then return s end
  end
end

-- A table is a list when its metatable says so, or when it has something at 1; or at 2 alone, as { from, to } of a plan
-- where there was nothing.
local function is_list(t, mt)
  local kind = mt and mt.__jsontype
  if kind then return kind == "array" end
  return rawget(t, 1) ~= nil or next(t) == 2 and next(t, 2) == nil
end

local encode -- forward: tables hold values

local function list(t)
  local parts = {}
  for i = 1, rawlen(t) do parts[i] = encode(rawget(t, i)) end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function object(t)
  local parts = {}
  for key, value in next, t do parts[#parts + 1] = text(tostring(key)) .. ":" .. encode(value) end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Writes a value as JSON on one line, keys in their order. Live objects and functions are what tostring makes of them.
---@param value any
---@return string
function encode(value)
  local kind, mt = type(value), debug.getmetatable(value)
  if value == nil then return "null" end
  if kind == "boolean" then return tostring(value) end
  if kind == "number" then return number(value) end
  if kind ~= "table" or mt and mt.class then return text(tostring(value)) end
  return is_list(value, mt) and list(value) or object(value)
end
m.encode = encode

-- What is told of the step of a plan that failed: what it shall be may be secret.
local STEP = { "op", "noun", "node", "netns", "name", "where" }

local FIELDS = { "attr", "code", "errno", "extack", "hint", "message", "netns", "op", "request", "status", "signal",
  "target", "where" }

--- Writes an error as JSON: { "error": { "text", "message", "where", "code", "hint", ... }, "exit" }. Of one that is a
--- string, as misuse is, there are the text, the message and the script's line.
---@param err any what was raised
---@param exit integer the exit status that it leads to
---@return string
function m.of_error(err, exit)
  local told = { text = tostring(err) }
  local where, message = told.text:match "^([^\n]-:%d+): (.*)$"
  told.where, told.message = where, message or told.text
  local of_ours = require("nsh.object").is(err, "nsh.error")
  for _, key in ipairs(of_ours and FIELDS or {}) do
    if err[key] ~= nil and err[key] ~= "" then told[key] = err[key] end
  end
  if of_ours and err.step then
    told.step = {}
    for _, key in ipairs(STEP) do told.step[key] = err.step[key] end
  end
  return encode { error = told, exit = exit }
end

--- Prints what --json asks for. That is one value: what comes later, as errors of tasks do, is for people alone.
---@private
---@param json string
function m.tell(json)
  if printed then return end
  printed = true
  stdout:write(json, "\n")
end

return m
