--- words.lua - what several nouns share: the words of ip(8) that nsh spells in another way, marks, and flushing.
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local fail = require "nsh.error"
local show = require "nsh.show"

local m = {}

--- Refuses keys that ip(8) calls so and nsh otherwise.
---@private
---@param spec table
---@param other table<string, string> nsh's word by that of ip(8)
---@param noun string
function m.refuse(spec, other, noun)
  for key in pairs(spec) do
    if other[key] then fail.misuse("unknown key '%s' of a %s; did you mean '%s'?", key, noun, other[key]) end
  end
end

--- Splits a firewall mark with its mask, as "0x1/0xff".
---@private
---@param spec table changed in place
---@param key string
---@param mask_key? string nil: a mask is not taken
function m.mark(spec, key, mask_key)
  local text = spec[key]
  if type(text) ~= "string" then return end
  local mark, mask = text:match "^(%w+)/?(%w*)$"
  mark = math.tointeger(tonumber(mark))
  local mask_number = mask ~= "" and math.tointeger(tonumber(mask)) or nil
  if not mark or (mask ~= "" and not (mask_number and mask_key)) then
    fail.misuse("%s must be a number, or text as %s, not '%s'", key, mask_key and "'0x1/0xff'" or "'0x1'",
      (text:gsub("%c", "?")))
  end
  spec[key] = mark
  if mask_number then spec[mask_key] = mask_number end
end

--- Returns the name of a link where an object is given.
---@private
function m.link_name(value)
  if type(value) == "table" and rawget(value, "last_name") then return value.name end
  return value
end

--- Returns what deletes a record: a route with a nexthop object tells that object's gateways as well.
---@private
---@param record table
---@return table
function m.own(record)
  if not record.nhid then return record end
  local copy = {}
  for key, value in pairs(record) do copy[key] = value end
  copy.via, copy.dev, copy.nexthops, copy.encap, copy.onlink = nil, nil, nil, nil, nil
  return copy
end

--- Lists the keys of a noun that can be written.
---@private
---@param noun string
---@return string[]
function m.writable(noun)
  local keys = {}
  for _, row in ipairs(attrs.rows(noun)) do
    if not row.readonly then keys[#keys + 1] = row.key end
  end
  return keys
end

-- Keys of a link that choose records by the link they are on.
local OF_LINK = { "up", "master", "group", "kind" }

--- Takes what chooses by the link out of a filter: up, master (or vrf), group and kind.
---@private
---@param ns nsh.Netns
---@param filter table changed in place
---@return (fun(record: table): boolean)? chosen nil: the filter says nothing of links
function m.by_link(ns, filter)
  local links
  if filter.vrf ~= nil then
    if filter.master ~= nil then fail.misuse("vrf is the same as master; give one of them") end
    filter.master, filter.vrf = filter.vrf, nil
  end
  for _, key in ipairs(OF_LINK) do
    if filter[key] ~= nil then
      links = links or {}
      links[key], filter[key] = filter[key], nil
    end
  end
  if not links then return nil end
  local names = {}
  for _, link in ipairs(ns:links(links)) do names[link.name] = true end
  return function(record) return names[record.dev] or false end
end

--- Returns those records of a list that all tests choose, as a list that prints as the other one does.
---@private
---@param list table[]
---@param ... (fun(record: table): boolean)? tests; nil ones choose all
function m.choose(list, ...)
  local tests = table.pack(...)
  local chosen = setmetatable({}, show.List)
  for _, record in ipairs(list) do
    local fits = true
    for i = 1, tests.n do fits = fits and (not tests[i] or tests[i](record)) end
    if fits then chosen[#chosen + 1] = record end
  end
  return chosen
end

--- Deletes the records of a list.
---@private
---@param ns nsh.Netns
---@param noun string
---@param list table[] records
---@param chosen? fun(record: table): boolean which of them
---@return integer count
function m.flush(ns, noun, list, chosen)
  local n = 0
  for _, record in ipairs(list) do
    if not chosen or chosen(record) then
      local ok, message, code, detail = core[noun].del(ns.core, m.own(record))
      -- another one may have been faster, or it went with one before it
      if ok then
        n = n + 1
      elseif code ~= "ENOENT" and code ~= "ESRCH" then
        fail.check_spec(record, noun .. " flush", nil, ns, ok, message, code, detail)
      end
    end
  end
  return n
end

return m
