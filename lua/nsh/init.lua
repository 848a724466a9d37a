--- init.lua - the module `nsh`, which is also the global of that name.
local core = require "nsh.core"
local fail = require "nsh.error"
local show = require "nsh.show"

core.record_types(show.Record, show.List)

local globals = package.loaded["nsh.globals"] or {}
local m = globals.nsh or {}
local netns = globals.netns or {}
setmetatable(m, nil)
setmetatable(netns, nil)

for name, fn in pairs(require "nsh.netns") do
  -- what only our own modules need stays theirs
  if name ~= "Netns" and name ~= "resolve" and name ~= "by_ids" and name ~= "names" then netns[name] = fn end
end

for _, noun in ipairs {
  "link", "addr", "route", "rule", "neigh", "bridge", "fdb", "mdb", "vlan", "ethtool",
  "nexthop",
  "sysctl", "process", "ping",
} do
  require("nsh." .. noun)
end

--- The functions on namespaces, also the global `netns`.
m.netns = netns

--- The version of nsh.
m.version = globals.version or "0.1.0"

--- Sleeps; Ctrl-C ends it.
---@param seconds number|string 1.5 or "200ms"
function m.sleep(seconds) fail.check("sleep", nil, nil, core.probe.sleep(seconds)) end

return m
