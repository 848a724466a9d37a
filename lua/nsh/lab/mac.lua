--- mac.lua - MAC addresses of a lab: derived from lab, node and port, so that runs, pictures and captures repeat.
local m = {}

local FNV_OFFSET, FNV_PRIME = 0xcbf29ce484222325, 0x100000001b3

-- FNV-1a with 64 bits; what the last bytes did is spread by shifts, for addresses take 40 of them.
local function hash(text)
  local h = FNV_OFFSET
  for i = 1, #text do h = (h ~ text:byte(i)) * FNV_PRIME end
  h = (h ~ (h >> 33)) * 0xff51afd7ed558ccd
  return h ~ (h >> 29)
end

--- Returns the MAC address of a port: locally administered, unicast.
---@param lab string
---@param node string
---@param port string
---@return string
function m.of(lab, node, port)
  local h = hash(lab .. "\0" .. node .. "\0" .. port)
  return ("02:%02x:%02x:%02x:%02x:%02x"):format(h & 0xff, h >> 8 & 0xff, h >> 16 & 0xff, h >> 24 & 0xff, h >> 32 & 0xff)
end

return m
