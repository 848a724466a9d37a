--- prefix.lua - prefixes as bytes: which one holds which, and the broadcast address of a network.
local fail = require "nsh.error"

local m = {}

local function bytes_of_ipv4(text)
  local a, b, c, d = text:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  if not a then return nil end
  local bytes = { tonumber(a), tonumber(b), tonumber(c), tonumber(d) }
  for _, byte in ipairs(bytes) do
    if byte > 255 then return nil end
  end
  return string.char(table.unpack(bytes))
end

-- The groups of one side of "::"; an IPv4 address may be the last one.
local function groups_of(text)
  local out = {}
  if text == "" then return "" end
  for group in (text .. ":"):gmatch "([^:]*):" do
    if group:find("^%x%x?%x?%x?$") then
      out[#out + 1] = (">I2"):pack(tonumber(group, 16))
    else
      out[#out + 1] = bytes_of_ipv4(group)
      if not out[#out] then return nil end
    end
  end
  return table.concat(out)
end

local function bytes_of_ipv6(text)
  local head, tail = text:match "^(.-)::(.*)$"
  local left, right = groups_of(head or text), groups_of(tail or "")
  if not left or not right then return nil end
  local gap = 16 - #left - #right
  if (head and gap < 2) or (not head and gap ~= 0) then return nil end
  return left .. ("\0"):rep(gap) .. right
end

--- Takes "10.0.0.0/8", "fd00::1" or "default" apart.
---@private
---@param text string
---@param key string for the message of what is none
---@param family? string of "default"
---@return { bytes: string, length: integer }
function m.parse(text, key, family)
  if text == "default" then text = family == "inet6" and "::/0" or "0.0.0.0/0" end
  local addr, length = tostring(text):match "^([%x.:]+)/?(%d*)$"
  local bytes = addr and (addr:find(":", 1, true) and bytes_of_ipv6(addr) or bytes_of_ipv4(addr))
  length = length ~= "" and math.tointeger(tonumber(length)) or (bytes and #bytes * 8)
  if not bytes or length > #bytes * 8 then
    fail.misuse("%s must be a prefix as '10.0.0.0/8' or 'fd00::/8', not '%s'", key, tostring(text))
  end
  return { bytes = bytes, length = length }
end

local function bit(bytes, i)
  return bytes:byte(i // 8 + 1) >> (7 - i % 8) & 1
end

--- Tells whether a prefix lies within another, or is the same.
---@private
function m.within(inner, outer)
  if #inner.bytes ~= #outer.bytes or inner.length < outer.length then return false end
  local whole = outer.length // 8
  if inner.bytes:sub(1, whole) ~= outer.bytes:sub(1, whole) then return false end
  for i = whole * 8, outer.length - 1 do
    if bit(inner.bytes, i) ~= bit(outer.bytes, i) then return false end
  end
  return true
end

--- Returns the last address (or with low, the first one) of the network of an IPv4 address.
---@private
---@param text string "10.0.0.1/24"
---@param low? boolean
---@return string? address nil for a network that is too small to have one
function m.edge(text, low)
  local prefix = m.parse(text, "addr")
  if #prefix.bytes ~= 4 then fail.misuse("broadcast addresses are for IPv4, and %s is none", tostring(text)) end
  if prefix.length > 30 then return nil end
  local value = (">I4"):unpack(prefix.bytes)
  local host = (1 << (32 - prefix.length)) - 1
  value = low and value & ~host or value | host
  return ("%d.%d.%d.%d"):format(value >> 24 & 255, value >> 16 & 255, value >> 8 & 255, value & 255)
end

return m
