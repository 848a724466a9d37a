--- seen.lua - what a watch has told of one namespace so far: it makes news into add, change and del without twins.
-- An object is the same when what names it is the same: the index of a link, address and link of an address.
local core = require "nsh.core"
local fail = require "nsh.error"
local neigh = require "nsh.neigh"

local m = {}

-- What names an object of a noun, beside its link. Of other nouns every key does.
local IDENTITY = {
  addr = { "addr", "peer" },
  neigh = { "dst", "proxy" },
  fdb = { "mac", "vlan", "dst", "vni", "port", "src_vni", "via", "nhid", "self" },
  mdb = { "grp", "port", "vid", "src" },
  nexthop = { "id" },
  netconf = { "index", "family" },
}

-- Keys that change without a word of the kernel, and name nothing.
local VOLATILE = {
  unresolved = true, iif_detached = true, oif_detached = true, stats = true, refcnt = true, direct_packets = true,
}

-- Told in part: VLANs in ranges, of which a part may go, queueing disciplines without those that the kernel sets by
-- itself. What is left is seen in the list.
local BY_LIST = { bridge_vlan = { "vid" }, vni = { "vni" }, qdisc = { "parent", "handle" } }

-- Routes to the same place; which of them it is tells the rest.
local PLACE = { "family", "table", "dst", "from", "tos", "metric" }
local WAY = { "type", "via", "nhid", "scope", "src", "proto" }

--- Begins with nothing.
---@param label string what events call the namespace
---@return table self
function m.new(label)
  return { label = label, names = core.watch.names(), index = {}, known = { link = {} }, through = {}, doubt = {} }
end

-- The values of these keys as one text, and as a record.
local function name_of(record, keys, id)
  local words = {}
  for i, key in ipairs(keys) do
    local value = record[key]
    words[i] = value == nil and "" or tostring(value)
    id[key] = value
  end
  return table.concat(words, "\0")
end

local function all_keys(record)
  local keys = {}
  for key in pairs(record) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function flat(value)
  if type(value) ~= "table" then return tostring(value) end
  local words = {}
  for _, key in ipairs(all_keys(value)) do words[#words + 1] = key .. "=" .. flat(value[key]) end
  return table.concat(words, " ")
end

-- A link by its index, which a new name doesn't change.
local function link_of(self, name)
  return self.index[name] or name or ""
end

-- The group that an object is in, its name there, and the keys that name it.
local function identify(self, noun, record)
  local id = {}
  if noun == "route" then
    local place, way = name_of(record, PLACE, id), name_of(record, WAY, id)
    if record.dev then
      way = way .. "\0" .. link_of(self, record.dev)
      id.dev = record.dev
    end
    if record.nexthops then
      way = way .. "\0" .. flat(record.nexthops)
      id.nexthops = record.nexthops
    end
    -- IPv6 has routes through links side by side, where those through gateways become one
    if record.family == "inet6" and record.dev and not record.via then
      place = place .. "\0" .. link_of(self, record.dev)
    end
    return place, way, id
  end
  if IDENTITY[noun] then
    id.dev = record.dev
    return link_of(self, record.dev), name_of(record, IDENTITY[noun], id), id
  end
  for key, value in pairs(record) do
    if not VOLATILE[key] then id[key] = value end
  end
  if BY_LIST[noun] then return link_of(self, record.dev), name_of(record, BY_LIST[noun], {}), id end
  return "", flat(id), id
end

local function group_of(self, noun, key)
  local groups = self.known[noun]
  if not groups then
    groups = {}
    self.known[noun] = groups
  end
  local group = groups[key]
  if not group then
    group = {}
    groups[key] = group
  end
  return group
end

-- Remembers an object.
local function keep(self, noun, key, name, id)
  group_of(self, noun, key)[name] = id
  local index = noun == "route" and math.tointeger(name:match "%z(%d+)$")
  if not index then return end
  self.through[index] = self.through[index] or {}
  self.through[index][key] = true
end

-- Tells that an object is gone which the kernel doesn't name: by its link's name of today.
local function tell_gone(self, noun, key, name, id, tell)
  local index = noun == "route" and math.tointeger(name:match "%z(%d+)$") or key
  id.dev = self.known.link[index] or id.dev
  tell("del", noun, id)
end

-- What was on a link that is gone, where the kernel doesn't say so.
local function drop_from(self, index, tell)
  for place in pairs(self.through[index] or {}) do
    local group = self.known.route[place] or {}
    for way, id in pairs(group) do
      if math.tointeger(way:match "%z(%d+)$") == index then
        group[way] = nil
        tell_gone(self, "route", place, way, id, tell)
      end
    end
  end
  self.through[index] = nil
  for noun, groups in pairs(self.known) do
    local group = (IDENTITY[noun] or BY_LIST[noun]) and groups[index]
    for name, id in pairs(group or {}) do tell_gone(self, noun, index, name, id, tell) end
    if group then groups[index] = nil end
  end
end

-- --- links ---

--- Learns the name of a link that wasn't told of yet.
---@param self table of new()
---@param index integer
---@param name string
function m.learn(self, index, name)
  self.index[name] = index
  fail.check("watch", nil, self.label, core.watch.name(self.names, index, name))
end

local function take_link(self, there, record, tell)
  local index, before = record.index, self.known.link[record.index]
  if not there and not before then return end
  if not there then drop_from(self, index, tell) end
  if before and self.index[before] == index then self.index[before] = nil end
  self.known.link[index] = there and record.name or nil
  if there then
    m.learn(self, index, record.name)
  else
    fail.check("watch", nil, self.label, core.watch.name(self.names, index, nil))
  end
  self.doubt.qdisc = true
  -- IPv4 routes and nexthops go with their link, or when it goes down, without a word
  if before and not (there and record.up) then self.doubt.route, self.doubt.nexthop = true, true end
  tell(not there and "del" or before and "change" or "add", "link", record)
end

-- --- all else ---

-- A route that takes the place of another, which isn't named.
local function replace_route(self, place, way, id, record, tell)
  local group = self.known.route and self.known.route[place] or {}
  local old = next(group)
  if not old or next(group, old) then
    self.doubt.route = true
    return
  end
  group[old] = nil
  keep(self, "route", place, way, id)
  tell("change", "route", record)
end

--- Takes one piece of news.
---@param self table of new()
---@param there boolean whether the object is there now
---@param noun string
---@param record table
---@param replaces boolean it takes the place of another
---@param tell fun(event: string, noun: string, record: table)
function m.take(self, there, noun, record, replaces, tell)
  if noun == "link" then return take_link(self, there, record, tell) end
  if BY_LIST[noun] then
    self.doubt[noun] = true
    return
  end
  there = there and not (noun == "neigh" and neigh.is_hidden(record))
  local key, name, id = identify(self, noun, record)
  local group = self.known[noun] and self.known[noun][key] or {}
  if noun == "addr" and not there or noun == "nexthop" then self.doubt.route = true end
  if there and replaces and noun == "route" then return replace_route(self, key, name, id, record, tell) end
  if group[name] then
    group[name] = there and id or nil
    if not next(group) then self.known[noun][key] = nil end
    return tell(there and "change" or "del", noun, record)
  end
  if noun == "route" and (next(group) or not there) then
    self.doubt.route = true -- one of several ways, or a part of one: the whole list tells
  elseif there then
    keep(self, noun, key, name, id)
    tell("add", noun, record)
  end
end

-- What of a list is new, and what is there.
local function sort_out(self, noun, list, tell)
  local there, fresh = {}, {}
  for _, record in ipairs(list) do
    local key, name, id = identify(self, noun, record)
    local before = self.known[noun] and self.known[noun][key] and self.known[noun][key][name]
    there[key] = there[key] or {}
    there[key][name] = true
    if not before then
      fresh[#fresh + 1] = { key, name, id, record }
    elseif BY_LIST[noun] and flat(before) ~= flat(id) then
      self.known[noun][key][name] = id
      tell("change", noun, record)
    end
  end
  return there, fresh
end

--- Compares what was told of a noun with all that is there.
---@param self table of new()
---@param noun string
---@param list table[]
---@param tell fun(event: string, noun: string, record: table)
function m.compare(self, noun, list, tell)
  local there, fresh = sort_out(self, noun, list, tell)
  for key, group in pairs(self.known[noun] or {}) do
    for name, id in pairs(group) do
      if not (there[key] and there[key][name]) then
        group[name] = nil
        tell_gone(self, noun, key, name, id, tell)
      end
    end
    if not next(group) then self.known[noun][key] = nil end
  end
  for _, new in ipairs(fresh) do
    keep(self, noun, new[1], new[2], new[3])
    tell("add", noun, new[4])
  end
end

--- Tells the end of all that was told.
---@param self table of new()
---@param tell fun(event: string, noun: string, record: table)
function m.finish(self, tell)
  for noun, groups in pairs(self.known) do
    if noun ~= "link" then
      for key, group in pairs(groups) do
        for name, id in pairs(group) do tell_gone(self, noun, key, name, id, tell) end
      end
    end
  end
  for index, name in pairs(self.known.link) do tell("del", "link", { index = index, name = name }) end
  self.known = { link = {} }
end

return m
