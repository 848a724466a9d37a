--- mdb.lua - multicast databases of bridges: which port wants which group.
local core = require "nsh.core"
local fail = require "nsh.error"
local Link = require("nsh.link").Link
local Netns = require("nsh.netns").Netns
local show = require "nsh.show"
local words = require "nsh.words"

local m = {}

-- bridge(8)'s words for states.
local states = { permanent = 'state = "permanent"', temp = 'state = "temp"' }

-- What a record tells and the kernel takes not: itself as who set it, a mode where there is one source only, and, one
-- before Linux 6.3, what an entry is anyhow.
local function from_record(spec)
  if spec.proto == "kernel" or spec.proto == "static" then spec.proto = nil end
  if spec.src then spec.source_list = nil end
  if spec.src or not spec.source_list then spec.filter_mode = nil end
end

-- What doesn't tell one entry from another.
local function to_delete(entry)
  local spec = fail.options(entry)
  spec.state, spec.proto, spec.filter_mode, spec.source_list = nil, nil, nil, nil
  return spec
end

local function change(self, op, how, entry)
  if type(entry) ~= "table" then
    fail.misuse("an entry is a table as { \"239.1.1.1\", port = \"p0\" }, not a %s", type(entry))
  end
  words.refuse(entry, states, "mdb entry")
  local spec = how == "del" and to_delete(entry) or fail.options(entry)
  spec.dev = self.index
  if spec.port == nil and self.kind == "vxlan" then
    spec.port = self.index
    if how ~= "del" then spec.state = spec.state or "permanent" end
  end
  if getmetatable(entry) == show.Record then from_record(spec) end
  local ok, message, code, detail = core.mdb[how](self.netns.core, spec)
  spec.dev = nil
  local target = ("%s in %s"):format(tostring(spec[1] or spec.grp), self.last_name)
  fail.check_spec(spec, op, target, self.netns, ok, message, code, detail)
end

local function list(self, ns, noun, filter)
  if type(filter) == "string" then filter = { filter } end
  local copy = fail.options(filter, noun)
  if self then copy.dev = self.index end
  return fail.check(noun .. " list", self and self.last_name, ns, core[noun].list(ns.core, copy))
end

--- Adds an entry to a bridge's multicast database: a port that wants a group; of the bridge itself, its own host. A
--- vxlan has such a database too, of permanent entries with the dst that wants the group.
--- Twin: `bridge mdb add dev BRIDGE port PORT grp GROUP permanent`
---@param entry table { group, port = , state = "permanent", vid = 10, src = ADDR, source_list = { ADDR, ... }, ... };
--- a record is taken too
---@error EEXIST when there is such an entry
---@error EINVAL when the bridge does no multicast snooping, or is down
function Link:add_mdb(entry) change(self, "mdb add", "add", entry) end

--- Adds an entry, or changes the one of this group and port.
--- Twin: `bridge mdb replace dev BRIDGE port PORT grp GROUP ...`
---@param entry table
---@error EEXIST on kernels before 6.3, which can't change one
function Link:replace_mdb(entry) change(self, "mdb replace", "replace", entry) end

--- Deletes an entry.
--- Twin: `bridge mdb del dev BRIDGE port PORT grp GROUP`
---@param entry table { group, port = , vid = , src = }; a record is taken too
---@error ENOENT when there is none
function Link:del_mdb(entry) change(self, "mdb del", "del", entry) end

--- Lists a bridge's multicast database.
--- Twin: `bridge mdb show dev BRIDGE`, `bridge mdb get dev BRIDGE grp GROUP`
---@param filter? string|table a group, or keys that the records must have, as { port = "p0" }
---@return table[] records
function Link:mdb(filter) return list(self, self.netns, "mdb", filter) end

--- Deletes all entries, or those that match.
--- Twin: `bridge mdb flush dev BRIDGE`
---@param filter? string|table keys that the records must have, as { state = "permanent" }
---@return integer count
function Link:flush_mdb(filter)
  local count = 0
  for _, entry in ipairs(self:mdb(filter)) do
    local spec = to_delete(entry)
    spec.dev = self.index
    local ok, message, code, detail = core.mdb.del(self.netns.core, spec)
    if ok then
      count = count + 1
    elseif code ~= "ENOENT" and code ~= "EINVAL" then -- it went meanwhile, or with another
      fail.check("mdb flush", entry.grp .. " in " .. self.last_name, self.netns, ok, message, code, detail)
    end
  end
  return count
end

--- Lists the ports of a bridge that multicast routers are behind.
--- Twin: `bridge -d mdb show dev BRIDGE`
---@param filter? table keys that the records must have
---@return table[] records { dev, port, type, timer, vid }
function Link:mdb_routers(filter) return list(self, self.netns, "mdb_router", filter) end

--- Lists the multicast databases of all bridges.
--- Twin: `bridge mdb show`
---@param filter? string|table
---@return table[] records
function Netns:mdb(filter) return list(nil, self, "mdb", filter) end

return m
