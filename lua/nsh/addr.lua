--- addr.lua - addresses of links.
local core = require "nsh.core"
local fail = require "nsh.error"
local guard = require "nsh.guard"
local Link = require("nsh.link").Link
local Netns = require("nsh.netns").Netns
local prefixes = require "nsh.prefix"
local words = require "nsh.words"

local m = {}

-- Words of ip(8) that nsh has others for.
local OTHER = { ["local"] = "addr", brd = "broadcast", protocol = "proto" }

--- Returns an address as the option table that it stands for: text becomes one, and what ip(8) adds is added.
---@private
---@param addr string|table
---@return table
function m.complete(addr)
  if type(addr) == "string" then return { addr } end
  if type(addr) ~= "table" then
    fail.misuse("an address is text as \"10.0.0.1/24\" or a table, not a %s", type(addr))
  end
  local spec = core.copy(addr)
  words.refuse(spec, OTHER, "address")
  if spec.broadcast == "+" or spec.broadcast == "-" then
    spec.broadcast = prefixes.edge(spec[1] or spec.addr, spec.broadcast == "-")
  end
  -- the kernel refuses an address that is preferred longer than it is valid
  local valid = spec.valid_lft
  if spec.preferred_lft == nil and (type(valid) ~= "number" or valid >= 0) then spec.preferred_lft = valid end
  return spec
end

-- The address as an option table on this link.
local function on_link(self, addr)
  local spec = m.complete(addr)
  spec.dev = self.index
  return spec
end

local function change(self, verb, how, addr)
  local spec = on_link(self, addr)
  local text = spec[1] or spec.addr
  local target = tostring(text) .. " dev " .. self.last_name
  -- the kernel compares the prefix length with that of the second address only: without a peer the same
  local both = how == "del" and not spec.peer and type(text) == "string" and text:find("/", 1, true)
  if both then spec.peer = text end
  local ok, message, code, detail = core.addr[how](self.netns.core, spec)
  spec.dev = nil
  if both then spec.peer = nil end
  fail.check_spec(spec, verb, target, self.netns, ok, message, code, detail)
end

--- Gives the link an address.
--- Twin: `ip address add ADDR dev NAME`
---@param addr string|table "10.0.0.1/24", or { "10.0.0.1/24", scope = "link", ... }; a record is taken too
---@error EEXIST when the link has it already
function Link:add_addr(addr) change(self, "addr add", "add", addr) end

--- Gives the link an address, or changes the one that it has.
--- Twin: `ip address replace ADDR dev NAME`
---@param addr string|table
function Link:replace_addr(addr) change(self, "addr replace", "replace", addr) end

--- Takes an address away.
--- Twin: `ip address del ADDR dev NAME`
---@param addr string|table
---@error EADDRNOTAVAIL when the link doesn't have it
function Link:del_addr(addr)
  local spec = on_link(self, addr)
  guard.check(self, spec, "strip")
  change(self, "addr del", "del", spec)
end

-- "v0:*" as a pattern of Lua.
local function pattern_of(glob)
  local pattern = glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".")
  return "^" .. pattern .. "$"
end

-- Lists addresses; some keys of a filter are no keys of the records.
local function list_addrs(ns, filter)
  local to, dynamic, primary, temporary = filter.to, filter.dynamic, filter.primary, filter.temporary
  words.refuse(filter, OTHER, "address")
  if to then to = prefixes.parse(to, "to") end
  local label = type(filter.label) == "string" and filter.label:find "[*?]" and pattern_of(filter.label)
  if label then filter.label = nil end
  filter.to, filter.dynamic, filter.primary, filter.temporary = nil, nil, nil, nil
  local of_link = words.by_link(ns, filter)
  local list = fail.check("addr list", nil, ns, core.addr.list(ns.core, filter))
  if not (to or of_link or label) and dynamic == nil and primary == nil and temporary == nil then return list end
  return words.choose(list, of_link,
    label and function(record) return (record.label or ""):find(label) ~= nil end,
    to and function(record) return prefixes.within(prefixes.parse(record.addr:match "^[^/]+", "addr"), to) end,
    dynamic ~= nil and function(record) return (not record.permanent) == dynamic end,
    primary ~= nil and function(record) return (not record.secondary) == primary end,
    temporary ~= nil and function(record)
      return (record.family == "inet6" and record.secondary or false) == temporary
    end)
end

--- Lists the link's addresses.
--- Twin: `ip address show dev NAME`
---@param filter? table keys that the records must have, as { family = "inet" }; to = PREFIX: those within it; label may
--- have * and ?; dynamic, primary, temporary = true or false
---@return table[] records
function Link:addrs(filter)
  local copy = fail.options(filter, "addrs")
  copy.dev = self.index
  return list_addrs(self.netns, copy)
end

--- Takes all addresses of the link away, or those that match.
--- Twin: `ip address flush dev NAME`
---@param filter? table keys that the records must have, as { family = "inet6" }; force: on the default route's link too
---@return integer count
function Link:flush_addrs(filter)
  local copy = fail.options(filter, "flush_addrs")
  guard.check(self, copy, "strip")
  local list = self:addrs(copy)
  for _, record in ipairs(list) do
    -- a secondary address of IPv4 goes with its primary
    local ok, message, code, detail = core.addr.del(self.netns.core, {
      record.addr, peer = record.peer, dev = self.index })
    if not ok and code ~= "EADDRNOTAVAIL" then
      fail.check("addr flush", record.addr .. " dev " .. self.last_name, self.netns, ok, message, code, detail)
    end
  end
  return #list
end

--- Lists the addresses of all links.
--- Twin: `ip address show`
---@param filter? table as Link:addrs takes it, and up, master (or vrf), group, kind of the links: { up = true }
---@return table[] records
function Netns:addrs(filter) return list_addrs(self, fail.options(filter, "addrs")) end

return m
