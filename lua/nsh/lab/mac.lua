--- mac.lua - MAC addresses of a lab: derived from lab, node and port, so that runs, pictures and captures repeat.
local core = require "nsh.core"
local fail = require "nsh.error"

local m = {}

--- Checks a MAC address that a link is to have: the kernel gives no link one of a group, nor none.
---@private
---@param mac string
function m.check(mac)
  local odd = tonumber(mac:sub(1, 2), 16)
  if odd and odd & 1 == 1 then
    fail.misuse("mac: %s is an address of a group; that of a link has an even first byte, as 02:00:00:00:00:01", mac)
  end
  if mac == "00:00:00:00:00:00" then fail.misuse("mac: %s is no link's; false leaves it to the kernel", mac) end
end

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
