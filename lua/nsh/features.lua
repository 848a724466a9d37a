--- features.lua - what a kernel or a machine may lack, and what brings it: the words of errors and of the doctor.
local attrs = require "nsh.attrs"

local m = {}

--- Says which kernel option brings a thing.
---@param what string "the link kind vlan"
---@param config string "CONFIG_VLAN_8021Q"
---@return string
function m.lacks(what, config)
  return ("this kernel lacks %s; %s=y or =m brings it"):format(what, config)
end

--- Says what brings a kind of link, qdisc or the like.
---@param noun string "link"
---@param name? string the kind
---@return string
function m.kind(noun, name)
  local kind = name and attrs.kind(noun, name)
  if kind and kind.config then return m.lacks(("the %s kind %s"):format(noun, name), kind.config) end
  local called = name and "'" .. tostring(name) .. "'" or "of that name"
  return ("this kernel has no %s kind %s; help %q lists the known ones"):format(noun, called, noun)
end

local TUN_RIGHT = "only its owner may open the device: chmod 666 /dev/net/tun as root, which is safe and usual"
local TUN_DRIVER = "the driver is not there: modprobe tun as root; CONFIG_TUN=y or =m brings it"
local tun = {
  EACCES = TUN_RIGHT,
  EPERM = TUN_RIGHT .. "; a container must let the device in: --device /dev/net/tun",
  ENOENT = "no /dev/net/tun: modprobe tun as root makes it (CONFIG_TUN); a container gets it by --device /dev/net/tun",
  ENODEV = TUN_DRIVER,
  ENXIO = TUN_DRIVER,
}

--- Says what to do about a /dev/net/tun that can't be opened.
---@param code string errno name
---@return string? remedy
function m.tun(code) return tun[code] end

return m
