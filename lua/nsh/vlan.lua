--- vlan.lua - VLANs of bridges and their ports, and VNIs of vxlan links.
local core = require "nsh.core"
local fail = require "nsh.error"
local Link = require("nsh.link").Link
local Netns = require("nsh.netns").Netns
local show = require "nsh.show"

local m = {}

-- The option table of a VLAN or VNI on this link: a number, a range as text, or a table.
local function on_link(self, what, arg)
  if type(arg) ~= "table" and type(arg) ~= "string" and math.type(arg) ~= "integer" then
    fail.misuse("a %s is a number, several as \"10-20\", or a table, not a %s", what, type(arg))
  end
  local spec = type(arg) == "table" and fail.options(arg) or { arg }
  spec.dev = self.index
  return spec
end

local function change(self, noun, op, how, spec, key)
  local target = ("%s dev %s"):format(tostring(spec[1] or spec[key]), self.last_name)
  local ok, message, code, detail = core[noun][how](self.netns.core, spec)
  spec.dev = nil
  fail.check_spec(spec, op, target, self.netns, ok, message, code, detail)
end

-- The records of a noun on a link, or in a namespace; counters only where they are wanted.
local function list(self, ns, noun, what, filter)
  if type(filter) == "string" or type(filter) == "number" then filter = { filter } end
  local copy = fail.options(filter, what)
  local stats = copy.stats
  copy.stats = nil
  if self then copy.dev = self.index end
  local records = fail.check(what .. " list", self and self.last_name, ns, core[noun].list(ns.core, copy))
  for _, record in ipairs(records) do record.stats = stats and record.stats or nil end
  return records
end

-- --- VLANs ---

-- What a record tells and every VLAN begins with; the kernel refuses some of it where it has no say.
local begins = { state = "forwarding", mcast_router = "query", neigh_suppress = false }

local function vlan_of(self, vlan) return m.complete(on_link(self, "VLAN", vlan), vlan) end

--- Fills the option table of a VLAN up.
---@private
---@param spec table changed in place
---@param vlan any what it was made from
---@return table spec
function m.complete(spec, vlan)
  for key, value in pairs(getmetatable(vlan) == show.Record and begins or {}) do
    if spec[key] == value then spec[key] = nil end
  end
  if spec.tunnel_id ~= nil and spec.tunnel_cmd == nil then spec.tunnel_cmd = spec.tunnel_id and "set" or "del" end
  return spec
end

--- Adds a VLAN, or several, to a port of a bridge, or to the bridge itself (for its own host); one that is there gets
--- these flags. It counts where the bridge has vlan_filtering.
--- Twin: `bridge vlan add vid 10 dev PORT pvid untagged`, for a bridge with `self`
---@param vlan integer|string|table 10, "10-20", or { 10, pvid = true, untagged = true, tunnel_id = 1000, state = ... };
--- a record is taken too
---@error EOPNOTSUPP when the kernel has no VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)
---@error EINVAL when the link is neither a bridge nor a port of one
function Link:add_vlan(vlan) change(self, "bridge_vlan", "vlan add", "add", vlan_of(self, vlan), "vid") end

--- Changes options of a VLAN, or several, that are there: state, mcast_router, tunnel_id (false takes it away), ...
--- Twin: `bridge vlan set vid 10 dev PORT state blocking`
---@param vlan table { 10, state = "blocking" }, { "10-20", tunnel_id = 1000 }
---@error ENOENT when there is no such VLAN
function Link:set_vlan(vlan)
  local spec = vlan_of(self, vlan)
  if spec.pvid ~= nil or spec.untagged ~= nil then
    fail.misuse("pvid and untagged belong to add_vlan, which changes those of a VLAN that is there, too")
  end
  spec.only_opts = true
  change(self, "bridge_vlan", "vlan set", "add", spec, "vid")
end

--- Takes a VLAN away, or several.
--- Twin: `bridge vlan del vid 10 dev PORT`
---@param vlan integer|string|table
function Link:del_vlan(vlan)
  local spec = on_link(self, "VLAN", vlan)
  change(self, "bridge_vlan", "vlan del", "del", { spec[1] or spec.vid, dev = self.index }, "vid")
end

--- Lists the VLANs of a port or a bridge, one record each.
--- Twin: `bridge vlan show dev PORT`, `bridge vlan tunnelshow dev PORT`, with stats `bridge -s vlan show dev PORT`
---@param filter? integer|string|table 10, "10-20", or keys that the records must have; stats = true adds counters
---@return table[] records
function Link:vlans(filter) return list(self, self.netns, "bridge_vlan", "vlans", filter) end

--- Takes all VLANs away, or those that match.
--- Twin: `bridge vlan flush dev PORT`
---@param filter? integer|string|table keys that the records must have, as { untagged = true }
---@return integer count
function Link:flush_vlans(filter)
  local records, first = self:vlans(filter), nil
  for i, record in ipairs(records) do -- what follows one another goes in one request
    first = first or record.vid
    if not records[i + 1] or records[i + 1].vid ~= record.vid + 1 then
      self:del_vlan(first .. "-" .. record.vid)
      first = nil
    end
  end
  return #records
end

--- Lists the VLANs of all bridges and ports.
--- Twin: `bridge vlan show`
---@param filter? integer|string|table
---@return table[] records
function Netns:vlans(filter) return list(nil, self, "bridge_vlan", "vlans", filter) end

-- --- options of a bridge's VLANs ---

--- Lists the options that a bridge has for each of its VLANs as a whole; VLANs that are alike and follow one another
--- are one record, with a vid as "10-20".
--- Twin: `bridge vlan global show dev BRIDGE`
---@param filter? integer|string|table
---@return table[] records
function Link:vlan_globals(filter) return list(self, self.netns, "bridge_vlan_global", "vlan_globals", filter) end

--- Changes the options that a bridge has for a VLAN, or several, as a whole.
--- Twin: `bridge vlan global set vid 10 dev BRIDGE mcast_querier 1`
---@param options table { 10, mcast_querier = true }; a record is taken too
---@error ENOENT when the bridge has no such VLAN
function Link:set_vlan_global(options)
  change(self, "bridge_vlan_global", "vlan global set", "add", on_link(self, "VLAN", options), "vid")
end

-- --- spanning trees of VLANs ---

--- Lists the states that a port has in the spanning trees of VLANs, of a bridge with mst_enabled.
--- Twin: `bridge mst show dev PORT`
---@param filter? integer|table a number, or keys that the records must have
---@return table[] records { dev, msti, state }
function Link:msts(filter) return list(self, self.netns, "mst", "msts", filter) end

--- Sets the state of a port in a spanning tree of VLANs; set_vlan_global puts VLANs into one. The kernel takes a tree
--- that has none, too, and does nothing. Tree 0 is that of all others: its state is the port's own.
--- Twin: `bridge mst set dev PORT msti 1 state blocking`
---@param mst table { 1, state = "blocking" }; a record is taken too
---@error EINVAL when the bridge doesn't have mst_enabled
function Link:set_mst(mst)
  local spec = on_link(self, "spanning tree", mst)
  if (spec[1] or spec.msti) == nil or spec.state == nil then
    fail.misuse("set_mst takes a number and a state, as { 1, state = \"blocking\" }")
  end
  change(self, "mst", "mst set", "add", spec, "msti")
end

-- --- VNIs ---

--- Adds a VNI, or several, to a vxlan with vnifilter; one that is there gets this remote.
--- Twin: `bridge vni add vni 100 remote ADDR dev NAME`
---@param vni integer|string|table 100, "100-200", or { 100, remote = "10.0.0.1" }; a record is taken too
---@error EINVAL when the link is no vxlan with vnifilter
function Link:add_vni(vni) change(self, "vni", "vni add", "add", on_link(self, "VNI", vni), "vni") end

--- Takes a VNI away, or several.
--- Twin: `bridge vni del vni 100 dev NAME`
---@param vni integer|string|table
---@error ENOENT when there is none
function Link:del_vni(vni) change(self, "vni", "vni del", "del", on_link(self, "VNI", vni), "vni") end

--- Lists the VNIs of a vxlan with vnifilter, one record each.
--- Twin: `bridge vni show dev NAME`, with stats `bridge -s vni show dev NAME`
---@param filter? integer|string|table 100, "100-200", or keys that the records must have; stats = true adds counters
---@return table[] records
function Link:vnis(filter) return list(self, self.netns, "vni", "vnis", filter) end

return m
