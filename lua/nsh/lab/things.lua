--- things.lua - what nodes have beside their network: names, files, services, commands, a packet filter.
local m = {}

--- Reads these options of a node.
function m.read(_, spec) return spec end
function m.prepare() end

return m
