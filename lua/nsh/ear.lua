--- ear.lua - a watch from within: which namespaces it hears, what they tell, and the queue of events made of it.
local columns = require "nsh.columns"
local core = require "nsh.core"
local fail = require "nsh.error"
local neigh = require "nsh.neigh"
local netns = require "nsh.netns"
local seen = require "nsh.seen"
local text = require "nsh.text"

local m = {}

--- Something that changed: a record of the noun, and these keys. It prints as one line.
---@class nsh.Event
---@field event string "add", "change" or "del"; "resync": forget what was told, all that there is follows as "add"
---@field noun? string what it is about: "link", "addr", "route", "neigh", "netns", ...
---@field netns? string the name of the namespace, "root", or what else nsh calls it
local Event = { __name = "nsh.event" }

local MAIN = {
  link = "name", addr = "addr", route = "dst", neigh = "dst", fdb = "mac", netns = "name", mdb = "grp", nexthop = "id",
  bridge_vlan = "vid", vni = "vni", qdisc = "kind",
}

-- A link has some fifty keys; these are what is told of it in a line.
local LINK = { "kind", "up", "state", "mtu", "mac", "master", "peer", "link" }

function Event:__tostring()
  if not self.noun then return self.event end
  local main = MAIN[self.noun]
  local record, words = {}, { ("[%s] %s %s"):format(self.netns, self.event, self.noun) }
  for key, value in pairs(self) do record[key] = value end
  record.event, record.noun, record.netns = nil, nil, nil
  if main then words[2] = columns.inline(record[main]) end
  local keys = self.noun == "link" and LINK or next(record) and columns.choose { record }
  for _, key in ipairs(keys or {}) do
    local value = record[key]
    if key ~= main and value then
      if type(value) == "table" then value = "{" .. columns.inline(value) .. "}" end
      words[#words + 1] = value == true and key or key .. " " .. columns.inline(value)
    end
  end
  return text.escape(table.concat(words, " "))
end

-- --- events into the queue ---

local function push(w, label, event, noun, record)
  if not w.wanted[noun] or (w.silent and event == "add") then return end
  local copy = {}
  for key, value in pairs(record) do copy[key] = value end
  copy.event, copy.noun, copy.netns = event, noun, label -- a link's record has an `event` of the kernel's own
  copy.stats = nil -- which are old when they are read
  if copy.kind == "veth" and copy.link and not copy.link_netnsid then
    copy.peer, copy.link = copy.link, nil -- as the lists have it
  end
  w.last = w.last + 1
  w.queue[w.last] = setmetatable(copy, Event)
end

--- Takes the next event out of the queue.
---@param w table
---@return nsh.Event?
function m.pop(w)
  local event = w.queue[w.first]
  if not event then return nil end
  w.queue[w.first] = nil
  w.first = w.first + 1
  return event
end

local function teller(w, label)
  return function(event, noun, record) push(w, label, event, noun, record) end
end

local function list(handle, noun, label)
  local found, message, code, detail = core[noun].list(handle, {})
  if noun ~= "link" and code == "EOPNOTSUPP" then return {} end
  fail.check("watch " .. noun, nil, label, found, message, code, detail)
  return noun == "neigh" and neigh.visible(found) or found
end

-- --- namespaces: each with its number for us, and what was told of it ---

-- What opening a name fails with that is no namespace, or none any more.
local no_namespace = { ENOENT = true, EINVAL = true, EACCES = true, ENXIO = true, ELOOP = true }

local function open_name(name)
  local handle, message, code, detail = core.netns.open(name)
  if handle or no_namespace[code] then return handle end
  return fail.check("watch netns", name, nil, handle, message, code, detail)
end

-- Calls a function with a handle of the namespace; returns nil where it is gone.
local function with_handle(one, fn)
  local ns = one.object.ns
  if ns and not ns.deleted then return fn(ns.core) end
  local handle = one.name and open_name(one.name)
  if not handle then return nil end
  local _ <close> = setmetatable({}, { __close = function() core.netns.close(handle) end })
  return fn(handle)
end

-- The number that we have for a namespace: it is heard from then on.
local function number(w, label, handle)
  local viewer = w.viewer.core
  local id = fail.check("netns id", label, nil, core.netns.id(viewer, handle))
  if id >= 0 then return id end
  local ok, message, code, detail = core.netns.set_id(viewer, handle)
  if not ok and code ~= "EEXIST" then fail.check("netns set", label, nil, ok, message, code, detail) end
  return (fail.check("netns id", label, nil, core.netns.id(viewer, handle)))
end

-- Hears of a namespace from now on: what is in it already is told as new.
local function adopt(w, id, label, handle, ns, name)
  local one = { seen = seen.new(label), name = name, news = 0, object = setmetatable({ ns = ns }, { __mode = "v" }) }
  w.spaces[id], w.maps[id] = one, one.seen.names
  local tell = teller(w, label)
  for _, noun in ipairs(w.nouns) do
    local records = list(handle, noun, label)
    if noun == "link" then
      for _, record in ipairs(records) do seen.take(one.seen, true, noun, record, false, tell) end
    else
      seen.compare(one.seen, noun, records, tell)
    end
  end
  one.seen.doubt = {}
end

local function leave(w, id)
  local one = w.spaces[id]
  if not one then return end
  w.spaces[id], w.maps[id] = nil, nil
  seen.finish(one.seen, teller(w, one.seen.label))
end

-- A name is gone, or another namespace has it.
local function name_gone(w, name)
  local before = w.names[name]
  w.names[name] = nil
  local one = w.spaces[before.id]
  if one and one.name == name then leave(w, before.id) end
  push(w, name, "del", "netns", { name = name, id = before.id })
  if w.only and w.only.name == name then w.over = true end
end

local function name_come(w, name, handle, identity)
  local at = { identity = identity }
  w.names[name] = at
  local is_viewer = identity == core.netns.identity(w.viewer.core)
  if w.all and not is_viewer then at.id = number(w, name, handle) end
  push(w, name, "add", "netns", { name = name, id = at.id })
  if at.id and not w.spaces[at.id] then adopt(w, at.id, name, handle, nil, name) end
end

--- Looks what a name stands for now.
---@param w table
---@param name string
function m.look(w, name)
  if w.only and name ~= w.only.name then return end
  local handle <const> = open_name(name)
  local _ <close> = handle and setmetatable({}, { __close = function() core.netns.close(handle) end }) or nil
  local identity = handle and core.netns.identity(handle)
  if w.names[name] and w.names[name].identity ~= identity then name_gone(w, name) end
  if identity and not w.names[name] then name_come(w, name, handle, identity) end
end

local function look_at_all(w)
  local there = {}
  for _, name in ipairs(netns.names()) do
    there[name] = true
    m.look(w, name)
  end
  for _, name in ipairs(columns.keys(w.names)) do
    if not there[name] then m.look(w, name) end
  end
end

--- Hears a namespace without a name from now on.
---@param w table
---@param ns nsh.Netns
function m.adopt(w, ns)
  local id = number(w, ns.label, ns.core)
  if not w.spaces[id] then adopt(w, id, ns.label, ns.core, ns) end
end

--- Takes in the whole state.
---@param w table
function m.begin(w)
  local viewer = w.viewer
  if #w.nouns > 0 then
    adopt(w, -1, viewer.label, viewer.core, viewer)
    local id = fail.check("netns id", viewer.label, nil, core.netns.id(viewer.core, viewer.core))
    if id >= 0 then w.spaces[id], w.maps[id] = w.spaces[-1], w.maps[-1] end -- somebody numbered it for itself
  end
  look_at_all(w)
  if not w.all then return end
  for _, ns in ipairs(netns.unnamed()) do m.adopt(w, ns) end
end

-- --- reading ---

local function resync(w)
  w.lost = false
  -- the kernel drops all else until everything was read
  fail.check("watch", nil, nil, core.watch.drain(w.core))
  w.spaces, w.maps, w.names = {}, {}, {}
  w.last = w.last + 1
  w.queue[w.last] = setmetatable({ event = "resync" }, Event)
  m.begin(w)
end

-- A bridge tells the options of its port in a way of its own: the link is asked instead.
local function port_changed(w, id, index)
  local one = w.spaces[id]
  if not one or not w.wanted.link then return end
  local record, message, code, detail = core.link.get(w.viewer.core, index, id >= 0 and id or nil)
  if not record and code == "ENODEV" then return end
  fail.check("watch link", "#" .. index, one.seen.label, record, message, code, detail)
  if id >= 0 then -- where links are numbers
    for _, key in ipairs { "master", "link" } do
      if key == "master" or not record.link_netnsid then
        record[key] = one.seen.known.link[record[key]] or record[key]
      end
    end
  end
  seen.take(one.seen, true, "link", record, false, teller(w, one.seen.label))
end

-- A bridge speaks of its own entries before it is told of itself: its name is asked for.
local function name_links(w, id, record)
  for _, key in ipairs { "dev", "master" } do
    local index = math.tointeger(record[key])
    local link = index and core.link.get(w.viewer.core, index, id >= 0 and id or nil)
    if link then
      seen.learn(w.spaces[id].seen, index, link.name)
      record[key] = link.name
    end
  end
end

-- A number is free again; it may be another's by now.
local function number_gone(w, id)
  local one = w.spaces[id]
  if not one then return end
  local now = with_handle(one, function(handle) return core.netns.id(w.viewer.core, handle) end)
  if now ~= id then leave(w, id) end
end

--- Reads all that was announced until now, or until some of it is lost.
---@param w table
function m.drain(w)
  while w.core do
    local id, word, what, noun, replaces = core.watch.read(w.core, w.maps)
    if id == false then
      w.lost = true
      return
    elseif id == nil then
      if word then fail.check("watch", nil, nil, id, word, what, noun) end
      return
    elseif word == "port" then
      port_changed(w, id, what)
    elseif word == "no id" then
      number_gone(w, what)
    elseif noun and w.has[noun] then
      local one = w.spaces[id]
      name_links(w, id, what)
      one.news = one.news + 1
      seen.take(one.seen, word == "set", noun, what, replaces, teller(w, one.seen.label))
    end
  end
end

-- A list that is read after a change which the kernel may be carrying out still: who asks for a link waits for that.
local function list_after(handle, noun, label)
  core.link.get(handle, 1)
  return list(handle, noun, label)
end

local MAX_TRIES = 10

-- Compares what was told of a noun with its list, one that was read while nothing was announced: what is announced
-- later than the list was read makes it wrong.
local function settle(w, id, one, noun)
  for try = 1, MAX_TRIES do
    local before = one.news
    local now = with_handle(one, function(handle) return list_after(handle, noun, one.seen.label) end)
    m.drain(w)
    if not now or w.lost or w.spaces[id] ~= one then return end
    if one.news == before or try == MAX_TRIES then
      one.seen.doubt[noun] = one.news ~= before or nil
      return seen.compare(one.seen, noun, now, teller(w, one.seen.label))
    end
  end
end

-- What changed without a word is found by comparing.
local function settle_doubts(w)
  for _, id in ipairs(columns.keys(w.spaces)) do
    local one = w.spaces[id]
    for _, noun in ipairs(one and columns.keys(one.seen.doubt) or {}) do
      if w.has[noun] then settle(w, id, one, noun) end
    end
  end
end

--- Brings the queue up to date.
---@param w table
function m.sync(w)
  m.drain(w)
  if w.lost then
    resync(w)
    m.drain(w) -- what is lost again is for the next time: a kernel that goes on like that must not hold us here
  end
  if w.core and core.watch.moved(w.core) then
    m.drain(w) -- what was before a name went
    look_at_all(w)
  end
  settle_doubts(w)
end

return m
