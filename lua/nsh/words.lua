--- words.lua - what several nouns share: the words of ip(8) that nsh spells in another way, marks, and flushing.
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local fail = require "nsh.error"

local m = {}

--- Refuses keys that ip(8) calls so and nsh otherwise.
---@private
---@param spec table
---@param other table<string, string> nsh's word by that of ip(8)
---@param noun string
function m.refuse(spec, other, noun)
  for key in pairs(spec) do
    if other[key] then fail.misuse("unknown key '%s' of a %s; it is called '%s'", key, noun, other[key]) end
  end
end

--- Splits a firewall mark with its mask, as "0x1/0xff".
---@private
---@param spec table changed in place
---@param key string
---@param mask_key? string nil: a mask is not taken
function m.mark(spec, key, mask_key)
  local text = spec[key]
  if type(text) ~= "string" then return end
  local mark, mask = text:match "^(%w+)/?(%w*)$"
  mark = math.tointeger(tonumber(mark))
  local mask_number = mask ~= "" and math.tointeger(tonumber(mask)) or nil
  if not mark or (mask ~= "" and not (mask_number and mask_key)) then
    fail.misuse("%s must be a number, or text as %s, not '%s'", key, mask_key and "'0x1/0xff'" or "'0x1'", text)
  end
  spec[key] = mark
  if mask_number then spec[mask_key] = mask_number end
end

--- Returns the name of a link where an object is given.
---@private
function m.link_name(value)
  if type(value) == "table" and rawget(value, "last_name") then return value.name end
  return value
end

--- Lists the keys of a noun that can be written.
---@private
---@param noun string
---@return string[]
function m.writable(noun)
  local keys = {}
  for _, row in ipairs(attrs.rows(noun)) do
    if not row.readonly then keys[#keys + 1] = row.key end
  end
  return keys
end

--- Deletes the records of a list.
---@private
---@param ns nsh.Netns
---@param noun string
---@param list table[] records
---@param chosen? fun(record: table): boolean which of them
---@return integer count
function m.flush(ns, noun, list, chosen)
  local n = 0
  for _, record in ipairs(list) do
    if not chosen or chosen(record) then
      local ok, message, code, detail = core[noun].del(ns.core, record)
      -- another one may have been faster, or it went with one before it
      if ok then
        n = n + 1
      elseif code ~= "ENOENT" and code ~= "ESRCH" then
        fail.check_spec(record, noun .. " flush", nil, ns, ok, message, code, detail)
      end
    end
  end
  return n
end

return m
