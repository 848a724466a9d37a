--- maddr.lua - multicast addresses of links: groups that were joined, and link-layer addresses that are received.
local core = require "nsh.core"
local fail = require "nsh.error"
local Link = require("nsh.link").Link
local Netns = require("nsh.netns").Netns
local show = require "nsh.show"

local m = {}

local function with_colons(hex) return (hex:lower():gsub("%x%x", "%0:"):gsub(":$", "")) end

-- An IPv6 address as it is written, with its longest run of zero groups left out.
local function ipv6_of(hex)
  local groups, best, length, run = {}, nil, 1, 0
  for group in hex:gmatch "%x%x%x%x" do groups[#groups + 1] = ("%x"):format(tonumber(group, 16)) end
  for i, group in ipairs(groups) do
    run = group == "0" and run + 1 or 0
    if run > length then best, length = i - run + 1, run end
  end
  if not best then return table.concat(groups, ":") end
  return table.concat(groups, ":", 1, best - 1) .. "::" .. table.concat(groups, ":", best + length)
end

-- How each list of the kernel is written: a function that takes a line and the link of the lines before.
local READ = {
  -- index, link, users, whether a program asked for it, address
  link = function(line)
    local dev, users, asked, hex = line:match "^%d+%s+(%S+)%s+(%d+)%s+(%d+)%s+(%x+)"
    return dev, hex and { addr = with_colons(hex), users = math.tointeger(users), static = asked ~= "0" or nil }
  end,
  -- a line for the link, then one for each group, whose bytes are those of a number
  inet = function(line, before)
    local dev = line:match "^%d+%s+(%S+)%s*:"
    if dev then return dev end
    local hex, users = line:match "^%s+(%x+)%s+(%d+)%s"
    if not hex then return before end
    local addr = table.concat({ ("BBBB"):unpack(("=I4"):pack(tonumber(hex, 16))) }, ".", 1, 4)
    return before, { addr = addr, users = math.tointeger(users) }
  end,
  -- index, link, group, users
  inet6 = function(line)
    local dev, hex, users = line:match "^%d+%s+(%S+)%s+(%x+)%s+(%d+)"
    return dev, hex and { addr = ipv6_of(hex), users = math.tointeger(users) }
  end,
}

local KEYS = { dev = true, family = true, addr = true, users = true, static = true }

local function list_maddrs(self, filter, what)
  filter = fail.options(filter, what)
  if type(filter.dev) == "table" and rawget(filter.dev, "last_name") then filter.dev = filter.dev.name end
  local known = {}
  for key in pairs(KEYS) do known[#known + 1] = key end
  table.sort(known)
  for key in pairs(filter) do
    if not KEYS[key] then
      local nearest = core.nearest(tostring(key), known)
      fail.misuse("unknown key '%s' of a maddr%s", tostring(key),
        nearest and "; did you mean '" .. nearest .. "'?" or "")
    end
  end
  if filter.family ~= nil and not READ[filter.family] then
    fail.misuse("family must be one of 'link', 'inet', 'inet6', not '%s'", tostring(filter.family))
  end
  local list = setmetatable({}, show.List)
  for _, family in ipairs { "link", "inet", "inet6" } do
    local text, message, code, detail = core.maddr.list(self.core, family)
    if not text and code ~= "ENOENT" then fail.check("maddr list", nil, self, text, message, code, detail) end
    local dev, record
    for line in (text or ""):gmatch "[^\n]+" do
      dev, record = READ[family](line, dev)
      if record then
        record.dev, record.family = dev, family
        local fits = true
        for key, value in pairs(filter) do fits = fits and (record[key] or false) == value end
        if fits then list[#list + 1] = setmetatable(record, show.Record) end
      end
    end
  end
  return list
end

--- Lists the multicast addresses of all links: those of the link layer and the groups of IPv4 and IPv6.
--- Twin: `ip maddress show`
---@param filter? table keys that the records must have, as { dev = "eth0", family = "link" or "inet" or "inet6" }
---@return table[] records { addr, dev, family, users = how often it was asked for, static = by add_maddr }
function Netns:maddrs(filter) return list_maddrs(self, filter, "maddrs") end

--- Lists the multicast addresses of the link.
--- Twin: `ip maddress show dev NAME`
---@param filter? table keys that the records must have, as { family = "inet6" }
---@return table[] records
function Link:maddrs(filter)
  local copy = fail.options(filter, "maddrs")
  copy.dev = self.name
  return list_maddrs(self.netns, copy, "maddrs")
end

local function change(self, how, addr)
  if type(addr) == "table" then
    if addr.family ~= nil and addr.family ~= "link" then
      fail.misuse("only link-layer addresses are set; groups of %s are joined by sockets", tostring(addr.family))
    end
    addr = addr[1] or addr.addr
  end
  if type(addr) ~= "string" then
    fail.misuse('a multicast address is text as "33:33:00:00:00:05", not a %s', type(addr))
  end
  fail.check("maddr " .. how, addr .. " dev " .. self.last_name, self.netns,
    core.maddr[how](self.netns.core, self.index, addr))
end

--- Lets the link receive frames to a link-layer multicast address.
--- Twin: `ip maddress add MAC dev NAME`
---@param addr string|table "33:33:00:00:00:05"; a record is taken too
---@error ENODEV when the link is gone
function Link:add_maddr(addr) change(self, "add", addr) end

--- Takes a link-layer multicast address away that was added.
--- Twin: `ip maddress del MAC dev NAME`
---@param addr string|table
---@error ENOENT when it was not added
function Link:del_maddr(addr) change(self, "del", addr) end

return m
