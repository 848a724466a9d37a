--- ethtool.lua - what drivers know of a link: its features, speed, queues and counters.
local core = require "nsh.core"
local fail = require "nsh.error"
local link = require "nsh.link"
local show = require "nsh.show"

local Link = link.Link
local m = {}

-- The parts whose keys stand beside the link's own, and those that are tables.
local FLAT = { "modes", "info", "state", "tsinfo" }
local TABLES = { "channels", "rings", "coalesce", "pause", "eee", "wol", "fec" }

-- One part, or nil where the driver tells nothing of it.
local function part(self, name)
  local record, message, code, detail = core.ethtool.get(self.netns.core, self.index, name)
  if not record and (code == "EOPNOTSUPP" or code == "ENODATA") then return nil end
  return fail.check("ethtool get", self.last_name, self.netns, record, message, code, detail)
end

local function features(self)
  return fail.check("ethtool get", self.last_name, self.netns, core.ethtool.features(self.netns.core, self.index))
end

for _, name in ipairs(TABLES) do
  link.asked[name] = true
  Link.get[name] = function(self) return part(self, name) end
end

for _, key in ipairs { "speed", "duplex", "autoneg", "advertise", "lanes", "master_slave" } do
  link.asked[key] = true
  Link.get[key] = function(self) return (part(self, "modes") or {})[key] end
end

link.asked.offload = true

--- The features of its driver by the short names of `ethtool -K`: whether one of those that a name means is on.
--- Twin: `ethtool -k NAME`
---@return table<string, boolean>
function Link.get.offload(self)
  local _, groups = features(self)
  return setmetatable(groups, show.Record)
end

-- Which driver it is, and its counters.
local function driver(self, record)
  local found, counters, code, detail = core.ethtool.driver(self.netns.core, self.index)
  if not found then
    if code == "EOPNOTSUPP" then return end
    fail.check("ethtool get", self.last_name, self.netns, nil, counters, code, detail)
  end
  for key, value in pairs(found) do record[key] = value end
  if counters > 0 then
    record.counters = fail.check("ethtool get", self.last_name, self.netns,
      core.ethtool.counters(self.netns.core, self.index, counters))
  end
end

--- Returns all that the link's driver tells: driver, speed, duplex, connector, detected, offload, features (each with
--- name, on, wanted and fixed), channels, rings, coalesce, pause, eee, wol, fec, timestamping, counters. What it
--- doesn't tell is left out; `set` takes what can be changed under the same keys.
--- Twin: `ethtool NAME`, and with `-i`, `-k`, `-l`, `-g`, `-c`, `-a`, `-T`, `-S`
---@return table record
function Link:ethtool()
  local record = {}
  driver(self, record)
  for _, name in ipairs(FLAT) do
    for key, value in pairs(part(self, name) or {}) do
      if type(value) ~= "table" or next(value) then record[key] = value end
    end
  end
  for _, name in ipairs(TABLES) do record[name] = part(self, name) end
  record.features, record.offload = features(self)
  setmetatable(record.features, show.List)
  return setmetatable(record, show.Record)
end

return m
