--- mac.lua - MAC addresses of a lab: derived from lab, node and port, so that runs, pictures and captures repeat.
local core = require "nsh.core"

local m = {}

--- Returns a MAC address for a link: locally administered, unicast, and none that the lab has already.
---@private
---@param lab string
---@param node string
---@param link string
---@param taken table<string, any> MAC addresses of the lab
---@return string
function m.of(lab, node, link, taken)
  local address, tries = core.hash_mac(lab, node, link), 0
  while taken[address] do
    tries = tries + 1
    address = core.hash_mac(lab, node, link, tostring(tries))
  end
  return address
end

return m
