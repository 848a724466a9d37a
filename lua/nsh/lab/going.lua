--- going.lua - links whose other end's namespace is ending: they count as gone with it.
-- The kernel ends a namespace some time after its last user has left: first nobody finds it any more, then its numbers
-- in other namespaces are free, and its links go last, with their other ends. Until then these are listed as if nothing
-- were, with a number that means nothing.
local core = require "nsh.core"
local fail = require "nsh.error"
local named = require "nsh.lab.named"

local m = {}

local NONE = -1 -- the number of a namespace that is ending

-- What asking for the other end fails with when nobody has its number any more, or it has gone meanwhile.
local GONE = { EINVAL = true, ENODEV = true }

--- Tells whether the number that the kernel gives for the namespace of a link's other end says that it is ending.
---@private
---@param link table record
---@return boolean
function m.is_ending(link) return link.link_netnsid == NONE end

-- Kinds whose links the kernel takes away with the one that they stand on, a moment after it.
local ALONG = { vlan = true, macvlan = true, macvtap = true, ipvlan = true, ipvtap = true, vxlan = true, macsec = true }

--- Tells whether what a link stands on has gone already: only its number is left.
---@private
---@param link table record
---@return boolean
function m.is_stranded(link)
  return ALONG[link.kind] ~= nil and not link.link_netnsid and math.type(link.link or link.dev) == "integer"
end

--- Takes routes out of a list that go with a link that has gone already: of one hop only its number is left.
---@private
---@param routes table[] records
---@return table[]
function m.without_stranded(routes)
  local list = {}
  for _, route in ipairs(routes) do
    local stays = true
    for _, hop in ipairs(route.nexthops or {}) do stays = stays and math.type(hop.dev) ~= "integer" end
    if stays then list[#list + 1] = route end
  end
  return list
end

--- Asks for the other end of a link.
---@private
---@param ns nsh.Netns of the link
---@param link table record
---@return table? record nil: it can't be seen
---@return boolean? gone it is no more
function m.other_end(ns, link)
  local found, _, code = core.link.get(ns.core, link.link, link.link_netnsid)
  return found, not found and GONE[code] or nil
end

-- What stands on links that go goes along.
local function spread(links, gone)
  repeat
    local news = false
    for _, link in ipairs(links) do
      for _, below in named.below(link) do
        if gone[below] and not gone[link.name] then gone[link.name], news = true, true end
      end
    end
  until not news
end

-- Whether a record goes with links. A route that is shared out among some goes with the first of them.
local function is_on(record, gone)
  if gone[record.dev] or gone[record.port] then return true end
  for _, hop in ipairs(record.nexthops or {}) do
    if gone[hop.dev] then return true end
  end
  return false
end

--- Takes links out of the state of a namespace, and what is on them.
---@private
---@param state table of the namespace
---@param gone table<string, boolean> names; those that stand on them are added
function m.strike(state, gone)
  spread(state.links, gone)
  for _, row in ipairs(require("nsh.lab.nouns").list) do
    local list = {}
    for _, record in ipairs(state[row.field]) do
      if not (row.noun == "link" and gone[record.name] or row.noun ~= "link" and is_on(record, gone)) then
        list[#list + 1] = record
      end
    end
    if #list < #state[row.field] then state[row.field] = list end
  end
  for key in pairs(state.sysctls) do
    local _, dev = require("nsh.sysctl").parts(key)
    if dev and gone[dev:gsub("/", ".")] then state.sysctls[key] = nil end
  end
end

--- Takes what is going out of the way of what is wished, before the kernel does.
---@private
---@param state table that was read
---@return boolean any there was such: what was read is to be read again
function m.hasten(state)
  local any = false
  for _, link in ipairs(state.going) do
    local ok, message, code, detail = core.link.del(link.ns.core, link.index)
    if not ok and code ~= "ENODEV" then fail.check("link del", link.name, link.ns, ok, message, code, detail) end
    any = true
  end
  return any
end

return m
