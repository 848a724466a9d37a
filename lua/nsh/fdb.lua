--- fdb.lua - forwarding databases: which link-layer address is behind which port.
local core = require "nsh.core"
local fail = require "nsh.error"
local Link = require("nsh.link").Link
local Netns = require("nsh.netns").Netns
local words = require "nsh.words"

local m = {}

-- bridge(8)'s words for states.
local states = {}
for _, word in ipairs { "permanent", "static", "dynamic" } do states[word] = ('state = "%s"'):format(word) end
states["local"], states.temp = states.permanent, states.dynamic

-- Keys of what only a tunnel's own database has.
local tunnel = { "dst", "vni", "src_vni", "via", "nhid", "port" }

-- Who keeps an entry where it is not said: the bridge of a port; else the link itself, so a tunnel's other ends too.
local function keeper(spec, link)
  if spec.self then return nil end
  for _, key in ipairs(tunnel) do
    if spec[key] ~= nil then return nil end
  end
  return link.port_kind == "bridge" and link.master or nil
end

-- The entry as the core takes it. One given to a bridge may name the port that it is behind.
local function place(self, entry)
  if type(entry) ~= "table" and type(entry) ~= "string" then
    fail.misuse("an entry is text as \"02:00:00:00:00:01\" or a table, not a %s", type(entry))
  end
  local spec = type(entry) == "table" and fail.options(entry) or { entry }
  words.refuse(spec, states, "fdb entry")
  local link = fail.check("link get", self.last_name, self.netns, core.link.get(self.netns.core, self.index))
  local behind = type(spec.dev) == "table" and rawget(spec.dev, "last_name") or spec.dev
  if link.kind == "bridge" and behind and behind ~= link.name then
    spec.master = self.index
    return spec
  end
  spec.dev = self.index
  if link.kind == "bridge" then
    spec.self, spec.master = true, nil
  elseif spec.master == true and link.port_kind ~= "bridge" then
    fail.misuse("master: %s is no port of a bridge", self.last_name)
  elseif spec.master == nil or spec.master == true then
    spec.master = spec.master and link.master or keeper(spec, link)
  end
  return spec
end

local function change(self, op, how, entry)
  local spec = place(self, entry)
  if how == "add" and spec.append then how = "append" end
  spec.append = nil
  local ok, message, code, detail = core.fdb[how](self.netns.core, spec)
  if spec.dev == self.index then spec.dev = nil end
  if spec.master == self.index then spec.master = nil end
  local target = tostring(spec[1] or spec.mac) .. " dev " .. tostring(spec.dev or self.last_name)
  spec.dev = nil
  fail.check_spec(spec, op, target, self.netns, ok, message, code, detail)
end

--- Adds an entry. On a port of a bridge it tells the bridge that the address is behind this port, for good
--- (`master`, state "static"; bridge(8) itself would take `self permanent`); on another link it is the link's own
--- (`self`, state "permanent"), as is that of a vxlan with a dst. A bridge takes one with `dev`, the port.
--- Without a vlan it is for frames of no VLAN and for each VLAN that the port has now.
--- Twin: `bridge fdb add MAC dev PORT master static` (with append = true: `bridge fdb append`)
---@param entry string|table a MAC, or { mac, state = "dynamic", vlan = 10, sticky = true, self = true, dst = ADDR };
--- append = true: one more dst; a record is taken too
---@error EEXIST when there is such an entry
---@error EOPNOTSUPP when the link has no forwarding database
function Link:add_fdb(entry) change(self, "fdb add", "add", entry) end

--- Adds an entry, or changes the one of this address.
--- Twin: `bridge fdb replace MAC dev PORT master static`
---@param entry string|table
function Link:replace_fdb(entry) change(self, "fdb replace", "replace", entry) end

--- Deletes an entry.
--- Twin: `bridge fdb del MAC dev PORT master`
---@param entry string|table a MAC, or { mac, vlan = , dst = , self = true }; a record is taken too
---@error ENOENT when there is none
function Link:del_fdb(entry) change(self, "fdb del", "del", entry) end

--- Lists the forwarding database: of a bridge, all it knows; of another link, what is known behind it.
--- Twin: `bridge fdb show br BRIDGE`, `bridge fdb show dev NAME`, `bridge fdb get MAC dev NAME`, `brctl showmacs`
---@param filter? string|table a MAC, or keys that the records must have, as { state = "permanent" }
---@return table[] records
function Link:fdb(filter)
  if type(filter) == "string" then filter = { filter } end
  local copy, key = fail.options(filter, "fdb"), self.kind == "bridge" and "master" or "dev"
  copy[key] = copy[key] or self
  return fail.check("fdb list", self.last_name, self.netns, core.fdb.list(self.netns.core, copy))
end

--- Deletes the entries that match; without a filter, what was learned.
--- Twin: `bridge fdb flush dev NAME ...`, `ip link set NAME type bridge fdb_flush`
---@param filter? table keys that the records must have, as { vlan = 10, state = "static" }
---@return integer count
function Link:flush_fdb(filter)
  local count = 0
  for _, entry in ipairs(self:fdb(filter)) do
    if filter or (entry.state ~= "permanent" and entry.state ~= "static") then
      if entry.master == entry.dev then entry.self, entry.master = true, nil end -- the bridge's own
      local ok, message, code, detail = core.fdb.del(self.netns.core, entry)
      if ok then
        count = count + 1
      elseif code ~= "ENOENT" then -- it may have aged meanwhile
        fail.check("fdb flush", entry.mac .. " dev " .. self.last_name, self.netns, ok, message, code, detail)
      end
    end
  end
  return count
end

--- Lists the forwarding databases of all links.
--- Twin: `bridge fdb show`
---@param filter? table keys that the records must have, as { dev = "p0" }
---@return table[] records
function Netns:fdb(filter)
  return fail.check("fdb list", nil, self, core.fdb.list(self.core, fail.options(filter, "fdb")))
end

return m
