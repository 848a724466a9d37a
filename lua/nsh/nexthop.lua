--- nexthop.lua - nexthop objects: gateways that many routes share, and groups of them.
local core = require "nsh.core"
local fail = require "nsh.error"
local Netns = require("nsh.netns").Netns
local show = require "nsh.show"
local words = require "nsh.words"

local m = {}

local OTHER = { nhid = "id", protocol = "proto", oif = "dev", gateway = "via", encap_type = "encap" }

-- A copy in the core's words: a number alone is an id, a member of a group may be one.
local function in_core_words(nexthop, what)
  if math.type(nexthop) == "integer" then nexthop = { id = nexthop } end
  local spec = fail.options(nexthop, what)
  words.refuse(spec, OTHER, "nexthop")
  if spec[1] then
    if spec.id then fail.misuse("id is given twice: as [1] and as id") end
    spec.id, spec[1] = spec[1], nil
  end
  if type(spec.group) == "table" then
    local group = {}
    for i, member in ipairs(spec.group) do
      group[i] = math.type(member) == "integer" and { id = member } or member
    end
    spec.group = group
  end
  return spec
end

--- Returns a nexthop object in the core's words.
---@private
---@param nexthop table
---@return table spec
function m.complete(nexthop) return in_core_words(nexthop, "add_nexthop") end

local function change(self, op, how, nexthop)
  if type(nexthop) ~= "table" then
    fail.misuse('a nexthop is a table as { id = 1, via = "10.0.0.1", dev = "eth0" }, not a %s', type(nexthop))
  end
  local spec = in_core_words(nexthop, how .. "_nexthop")
  local target = spec.id and "id " .. tostring(spec.id) or nil
  fail.check_spec(spec, op, target, self, core.nexthop[how](self.core, spec))
end

--- Adds a nexthop object, or a group of them; routes use it by its number: ns:add_route { "default", nhid = 1 }.
--- Twin: `ip nexthop add id NUMBER via GATEWAY dev NAME`
---@param nexthop table { id = , via = , dev = }, { id = , blackhole = true } or { id = , group = { { id = 1 }, 2 } }
---@error EEXIST when there is one of that number
function Netns:add_nexthop(nexthop) change(self, "nexthop add", "add", nexthop) end

--- Adds a nexthop object or changes the one of that number; the routes that use it follow at once.
--- Twin: `ip nexthop replace id NUMBER ...`
---@param nexthop table
function Netns:replace_nexthop(nexthop) change(self, "nexthop replace", "replace", nexthop) end

-- The records that have what is given; a list of members must be the same.
local function matching(self, op, spec)
  local filter, group, master = {}, spec.group, spec.master
  local ports
  for key, value in pairs(spec) do
    if key ~= "group" and key ~= "groups" and key ~= "master" then filter[key] = value end
  end
  if master then
    ports = {}
    for _, link in ipairs(self:links { master = master }) do ports[link.name] = true end
  end
  local function fits(record)
    if spec.groups ~= nil and (record.group ~= nil) ~= spec.groups then return false end
    if ports and not ports[record.dev] then return false end
    if not group then return true end
    if #group ~= #(record.group or {}) then return false end
    for i, member in ipairs(group) do
      local other = record.group[i]
      if (member.id or member[1]) ~= other.id or (member.weight or 1) ~= other.weight then return false end
    end
    return true
  end
  local list = setmetatable({}, show.List)
  for _, record in ipairs(fail.check_spec(spec, op, nil, self, core.nexthop.list(self.core, filter))) do
    if fits(record) then list[#list + 1] = record end
  end
  return list
end

--- Deletes a nexthop object, and with it the routes that use it; a group loses it as a member and goes with its last.
--- Twin: `ip nexthop del id NUMBER`
---@param nexthop integer|table its number, or a table of which the first that has all of it goes; a record is taken too
---@error ENOENT when there is none
function Netns:del_nexthop(nexthop)
  local spec = in_core_words(nexthop, "del_nexthop")
  local more = next(spec, next(spec))
  local id = spec.id
  if next(spec) == nil then fail.misuse("say which nexthop: del_nexthop(1), or { via = \"10.0.0.1\" }") end
  if more or not id then
    local wanted = { group = spec.group }
    for _, key in ipairs(words.writable "nexthop") do wanted[key] = spec[key] end
    local found = matching(self, "nexthop del", wanted)[1]
    if not found then
      fail.check_spec(spec, "nexthop del", nil, self, nil, "No such file or directory", "ENOENT", { errno = 2 })
    end
    id = found.id
  end
  fail.check_spec(spec, "nexthop del", "id " .. tostring(id), self, core.nexthop.del(self.core, { id = id }))
end

--- Lists nexthop objects.
--- Twin: `ip nexthop show`
---@param filter? table keys that the records must have, as { dev = "eth0" }; groups = true: only groups; master = link:
--- those by its ports
---@return table[] records
function Netns:nexthops(filter) return matching(self, "nexthop list", in_core_words(filter or {}, "nexthops")) end

--- Returns the nexthop object of a number.
--- Twin: `ip nexthop get id NUMBER`
---@param id integer
---@return table record
---@error ENOENT when there is none
function Netns:nexthop(id)
  local spec = in_core_words(id, "nexthop")
  return (fail.check("nexthop get", "id " .. tostring(spec.id), self, core.nexthop.get(self.core, { id = spec.id })))
end

--- Returns the nexthop object of a number, or nil when there is none.
---@param id integer
---@return table? record
function Netns:find_nexthop(id)
  local spec = in_core_words(id, "find_nexthop")
  local record, message, code, detail = core.nexthop.get(self.core, { id = spec.id })
  if not record and code == "ENOENT" then return nil end
  return (fail.check("nexthop get", "id " .. tostring(spec.id), self, record, message, code, detail))
end

--- Deletes all nexthop objects, or those that match, and the routes that use them.
--- Twin: `ip nexthop flush`
---@param filter? table as nexthops takes it
---@return integer count
function Netns:flush_nexthops(filter)
  local list = matching(self, "nexthop flush", in_core_words(filter or {}, "flush_nexthops"))
  for i, record in ipairs(list) do list[i] = { id = record.id } end
  return words.flush(self, "nexthop", list)
end

--- Lists the buckets of resilient groups: which nexthop the flows in each one take.
--- Twin: `ip nexthop bucket show`
---@param filter? table { id = NUMBER of the group, nhid = , ... }
---@return table[] records
function Netns:nexthop_buckets(filter)
  return fail.check("bucket list", nil, self, core.bucket.list(self.core, fail.options(filter, "nexthop_buckets")))
end

return m
