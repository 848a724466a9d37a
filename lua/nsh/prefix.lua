--- prefix.lua - prefixes as bytes: which one holds which, and the broadcast address of a network.
local core = require "nsh.core"
local fail = require "nsh.error"

local m = {}

--- Tells whether an address or prefix is one of IPv6.
---@private
---@param text string
---@return boolean
function m.is_six(text) return text:find(":", 1, true) ~= nil end

--- Returns the family of an address or prefix.
---@private
---@param text string
---@return "inet"|"inet6"
function m.family(text) return m.is_six(text) and "inet6" or "inet" end

--- Takes "10.0.0.0/8", "fd00::1" or "default" apart.
---@private
---@param text string
---@param key string for the message of what is none
---@param family? string of "default"
---@return { bytes: string, length: integer, network: string } network: the same for all addresses of a network
function m.parse(text, key, family)
  if text == "default" then text = family == "inet6" and "::/0" or "0.0.0.0/0" end
  local bytes, length, network = core.prefix(tostring(text))
  if not bytes then
    fail.misuse("%s must be a prefix as '10.0.0.0/8' or 'fd00::/8', not '%s'", key, tostring(text))
  end
  return { bytes = bytes, length = length, network = network }
end

--- Returns the first bits of an address, which are the same for all addresses of a network.
---@private
---@param bytes string
---@param length integer how many bits
---@return string
function m.head(bytes, length)
  local whole, rest = length // 8, length % 8
  if rest == 0 then return bytes:sub(1, whole) end
  return bytes:sub(1, whole) .. string.char(bytes:byte(whole + 1) & 0xff00 >> rest & 0xff)
end

--- Tells whether a prefix lies within another, or is the same.
---@private
function m.within(inner, outer)
  if #inner.bytes ~= #outer.bytes or inner.length < outer.length then return false end
  return m.head(inner.bytes, outer.length) == m.head(outer.bytes, outer.length)
end

--- Returns the text of an IPv4 address.
---@private
---@param value integer
---@return string
function m.text4(value)
  return ("%d.%d.%d.%d"):format(value >> 24 & 255, value >> 16 & 255, value >> 8 & 255, value & 255)
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
  return m.text4(value)
end

-- The longest row of zero groups is written "::", the first of equal ones.
local function ipv6_text(high, low)
  local groups = { (">I2I2I2I2I2I2I2I2"):unpack((">i8i8"):pack(high, low)) }
  local best, length, run = 0, 1, 0
  for i = 1, 8 do
    run = groups[i] == 0 and run + 1 or 0
    if run > length then best, length = i - run + 1, run end
    groups[i] = ("%x"):format(groups[i])
  end
  if best == 0 then return table.concat(groups, ":", 1, 8) end
  return table.concat(groups, ":", 1, best - 1) .. "::" .. table.concat(groups, ":", best + length, 8)
end

local numbered, other = { text = false }, { text = false } -- the prefixes that were counted in last, one of each family

-- A prefix as two numbers, all bits behind it zero: { high, low, bits, length }.
local function counted(text)
  if other.text == text then numbered, other = other, numbered end
  if numbered.text == text then return numbered end
  local prefix = m.parse(text, "prefix")
  local bits = #prefix.bytes * 8
  local high, low = (">i8i8"):unpack(bits == 32 and ("\0"):rep(12) .. prefix.bytes or prefix.bytes)
  local room = bits - prefix.length
  if room >= 64 then high, low = high >> room - 64 << room - 64, 0 else low = low >> room << room end
  other, numbered = numbered, { text = text, high = high, low = low, bits = bits, length = prefix.length }
  return numbered
end

-- The address that is n * 2^shift behind the first of a prefix.
local function text_behind(prefix, n, shift)
  if prefix.bits == 32 then return m.text4(prefix.low + (n << shift)) end
  local low = prefix.low + (n << shift)
  local high = prefix.high + (shift < 64 and n >> 64 - shift or n << shift - 64)
  if math.ult(low, prefix.low) then high = high + 1 end
  return ipv6_text(high, low)
end

-- A prefix has 2^room of them; of more than 2^48 nobody asks for the last.
local function check_number(what, n, room, text)
  if math.type(n) == "integer" and n < 0 and room <= 48 then n = n + (1 << room) end
  if math.type(n) ~= "integer" or n < 0 or n >> math.min(room, 48) > 0 then
    fail.misuse("%s has no %s number %s; it has %s", text, what, tostring(n), room <= 48 and 1 << room or "2^" .. room)
  end
  return n
end

--- Returns a subnet of a prefix.
---@private
function m.subnet(text, length, n)
  local prefix = counted(text)
  local bits = prefix.bits
  if math.type(length) ~= "integer" or length < prefix.length or length > bits then
    fail.misuse("the length of a subnet of %s is a number from %d to %d, not %s", text, prefix.length, bits,
      tostring(length))
  end
  n = check_number("subnet", n, length - prefix.length, text)
  return text_behind(prefix, n, bits - length) .. "/" .. length
end

--- Returns an address of a prefix.
---@private
function m.address(text, n)
  local prefix = counted(text)
  n = check_number("address", n, prefix.bits - prefix.length, text)
  return text_behind(prefix, n, 0) .. "/" .. prefix.length
end

return m
