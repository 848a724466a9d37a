--- mac.lua - MAC addresses of a lab: derived from lab, node and port, so that runs, pictures and captures repeat.
local m = {}

local FNV_OFFSET, FNV_PRIME = 0xcbf29ce484222325, 0x100000001b3

--- Returns a number of 64 bits that texts give, always the same: FNV-1a, and what the last bytes did is spread by
--- shifts, for who asks takes some of the bits.
---@private
---@param ... string
---@return integer
function m.hash(...)
  local text = table.concat({ ... }, "\0")
  local h = FNV_OFFSET
  for i = 1, #text do h = (h ~ text:byte(i)) * FNV_PRIME end
  h = (h ~ (h >> 33)) * 0xff51afd7ed558ccd
  return h ~ (h >> 29)
end

--- Returns a MAC address for a link: locally administered, unicast, and none that the lab has already.
---@private
---@param lab string
---@param node string
---@param link string
---@param taken table<string, any> MAC addresses of the lab
---@return string
function m.of(lab, node, link, taken)
  local tries = 0
  while true do
    local h = m.hash(lab, node, link, tries > 0 and tostring(tries) or nil)
    local mac = ("02:%02x:%02x:%02x:%02x:%02x"):format(h & 0xff, h >> 8 & 0xff, h >> 16 & 0xff, h >> 24 & 0xff,
      h >> 32 & 0xff)
    if not taken[mac] then return mac end
    tries = tries + 1
  end
end

return m
