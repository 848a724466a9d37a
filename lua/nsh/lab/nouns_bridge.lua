--- nouns_bridge.lua - what bridges and tunnels know, as nouns of a lab: forwarding entries, VLANs, multicast groups.
local core = require "nsh.core"
local fail = require "nsh.error"

local m = {}

local function values() return require "nsh.lab.nouns" end

local function lister(noun)
  return function(ns) return fail.check(noun .. " list", nil, ns, core[noun].list(ns.core, {})) end
end

local function link_of(node, name)
  for _, link in ipairs(node.links) do
    if link.name == name then return link end
  end
end

local function options(spec, main)
  local copy = {}
  for key, value in pairs(type(spec) == "table" and spec or { spec }) do copy[key] = value end
  if copy[1] ~= nil then copy[main], copy[1] = copy[1], nil end
  return copy
end

local function kind_of(node, name)
  local link = link_of(node, name)
  return link and link.kind
end

-- --- forwarding entries ---

-- Keys of what only a tunnel's own database has.
local TUNNEL = { "dst", "vni", "src_vni", "via", "nhid", "port" }

local STATES = { ["local"] = "permanent", temp = "dynamic" }

-- Who keeps the entry where nothing is said: the bridge of a port, else the link itself.
local function fdb_read(spec, node, dev)
  local entry = options(spec, "mac")
  local link = link_of(node, entry.dev or dev)
  entry.dev = entry.dev or dev
  entry.state = STATES[entry.state] or entry.state
  local own = entry.self or not link or kind_of(node, link.master) ~= "bridge"
  for _, key in ipairs(TUNNEL) do own = own or entry[key] ~= nil end
  if entry.master == true or not own and entry.master == nil then entry.master = link and link.master end
  local record = core.fdb.read(entry)
  if not record.master then record.self = true end
  record.state = record.state or (record.master and "static" or "permanent")
  record.family = nil
  return record
end

local function fdb_key(record)
  local words = { record.mac }
  if record.master then
    words[2] = "master " .. tostring(record.master)
  else
    words[2] = "dev " .. tostring(record.dev)
  end
  for _, key in ipairs { "vlan", "dst", "vni", "src_vni" } do
    if record[key] then words[#words + 1] = key .. " " .. tostring(record[key]) end
  end
  return table.concat(words, " ")
end

local LEARNED = { reachable = true, stale = true, dynamic = true, noarp = false }

-- A MAC that several ends of a tunnel have: one more of them.
local function fdb_add(ns, record)
  local how = record.dst and "append" or "replace"
  local first = tonumber(record.mac:sub(1, 2), 16)
  if how == "append" and record.mac ~= "00:00:00:00:00:00" and first & 1 == 0 then how = "replace" end
  return core.fdb[how](ns.core, record)
end

m[1] = {
  noun = "fdb", field = "fdb", read = fdb_read, key = fdb_key, list = lister "fdb",
  name = function(record)
    return ("%s dev %s"):format(fdb_key(record):gsub(" master .*", ""):gsub(" dev .*", ""), tostring(record.dev))
  end,
  mine = function(record)
    if record.extern_learn or LEARNED[record.state or ""] then return false end
    if record.master then
      return record.master ~= record.dev and (record.state == "static" or record.sticky or false)
    end
    return (record.dst or record.vni or record.nhid) ~= nil and record.mac ~= "00:00:00:00:00:00"
  end,
  changes = function(wish, live)
    local found = values().changes(wish, live)
    if found and found.state and wish.state == "dynamic" and LEARNED[live.state] then found.state = nil end
    return found and next(found) and found or nil
  end,
  add = fdb_add,
  change = function(ns, record, old)
    if record.master == nil and old.dev ~= record.dev then core.fdb.del(ns.core, old) end
    return core.fdb.replace(ns.core, record)
  end,
  del = function(ns, record) return core.fdb.del(ns.core, record) end,
  gone = { ENOENT = true, ENODEV = true },
}

-- --- VLANs ---

--- Returns VLANs of a port as one record each.
---@private
---@param spec integer|string|table
---@param dev string
---@return table[]
local function vlan_read(spec, _, dev)
  local vlan = require("nsh.vlan").complete(options(spec, "vid"), spec)
  vlan.dev = dev
  local record = core.bridge_vlan.read(vlan)
  local first, last = tostring(record.vid):match "^(%d+)%-?(%d*)$"
  local list, tunnel = {}, record.tunnel_id
  for vid = math.tointeger(first), math.tointeger(last ~= "" and last or first) do
    local one = {}
    for key, value in pairs(record) do one[key] = value end
    one.vid = vid
    one.tunnel_id = tunnel and tunnel + vid - math.tointeger(first)
    one.pvid, one.untagged = one.pvid or false, one.untagged or false
    list[#list + 1] = one
  end
  return list
end

local function change_vlan(ns, record)
  local spec = {}
  for key, value in pairs(record) do spec[key] = value end
  if spec.state == "forwarding" then spec.state = nil end
  if spec.tunnel_id and not spec.tunnel_cmd then spec.tunnel_cmd = "set" end
  return core.bridge_vlan.add(ns.core, spec)
end

-- A bridge's own VLAN is read with an option that only those of ports take.
local function add_vlan(ns, record)
  if record.neigh_suppress ~= false then return change_vlan(ns, record) end
  local spec = {}
  for key, value in pairs(record) do spec[key] = value end
  spec.neigh_suppress = nil -- which it has not, when it is new
  return change_vlan(ns, spec)
end

m[2] = {
  noun = "bridge_vlan", field = "vlans", read = vlan_read, list = lister "bridge_vlan",
  key = function(record) return ("%s dev %s"):format(tostring(record.vid), tostring(record.dev)) end,
  changes = function(wish, live)
    local found = values().changes(wish, live)
    if found then found.tunnel_cmd = nil end
    return found and next(found) and found or nil
  end,
  add = add_vlan, change = change_vlan,
  del = function(ns, record) return core.bridge_vlan.del(ns.core, { vid = record.vid, dev = record.dev }) end,
  gone = { ENOENT = true, ENODEV = true, EINVAL = true },
}

-- --- multicast groups ---

local function mdb_read(spec, node, dev)
  local entry = options(spec, "grp")
  entry.dev = entry.dev or dev
  if entry.port == nil and kind_of(node, entry.dev) == "vxlan" then entry.port = entry.dev end
  local record = core.mdb.read(entry)
  record.state = record.state or "temp"
  return record
end

-- What doesn't tell one entry from another.
local function mdb_place(record)
  return { grp = record.grp, dev = record.dev, port = record.port, vid = record.vid, src = record.src,
    dst = record.dst, vni = record.vni }
end

m[3] = {
  noun = "mdb", field = "mdb", read = mdb_read, list = lister "mdb",
  key = function(record)
    local words = { record.grp, "dev", tostring(record.dev), "port", tostring(record.port) }
    for _, key in ipairs { "vid", "src", "dst", "vni" } do
      if record[key] and record[key] ~= 0 then words[#words + 1] = key .. " " .. tostring(record[key]) end
    end
    return table.concat(words, " ")
  end,
  mine = function(record) return record.state == "permanent" and record.proto ~= "kernel" end,
  add = function(ns, record) return core.mdb.add(ns.core, record) end,
  change = function(ns, record)
    local ok, message, code, detail = core.mdb.del(ns.core, mdb_place(record))
    if not ok then return ok, message, code, detail end
    return core.mdb.add(ns.core, record)
  end,
  del = function(ns, record) return core.mdb.del(ns.core, mdb_place(record)) end,
  gone = { ENOENT = true, ENODEV = true, EINVAL = true },
}

return m
