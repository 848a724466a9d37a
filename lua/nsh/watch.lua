--- watch.lua - events: what changes in the namespaces, as the kernel announces it.
local columns = require "nsh.columns"
local core = require "nsh.core"
local fail = require "nsh.error"
local neigh = require "nsh.neigh"
local netns = require "nsh.netns"
local object = require "nsh.object"
local seen = require "nsh.seen"
local text = require "nsh.text"
local world = require "nsh.world"

local m = {}

--- Something that changed: a record of the noun, and these keys. It prints as one line.
---@class nsh.Event
---@field event string "add", "change" or "del"; "resync": forget what was told, all that there is follows as "add"
---@field noun? string what it is about: "link", "addr", "route", "neigh", "netns", ...
---@field netns? string the name of the namespace, "root", or what else nsh calls it
local Event = { __name = "nsh.event" }

local MAIN = { link = "name", addr = "addr", route = "dst", neigh = "dst", fdb = "mac", netns = "name" }

function Event:__tostring()
  if not self.noun then return self.event end
  local main = MAIN[self.noun]
  local record, words = {}, { ("[%s] %s %s"):format(self.netns, self.event, self.noun) }
  for key, value in pairs(self) do record[key] = value end
  record.event, record.noun, record.netns = nil, nil, nil
  if main then words[2] = columns.inline(record[main]) end
  for _, key in ipairs(next(record) and columns.choose { record } or {}) do
    local value = record[key]
    if key ~= main and value then
      if type(value) == "table" then value = "{" .. columns.inline(value) .. "}" end
      words[#words + 1] = value == true and key or key .. " " .. columns.inline(value)
    end
  end
  return text.escape(table.concat(words, " "))
end

--- A stream of events: `for event in watch:events { timeout = 1 } do`. It ends with its block, `<close>`, or close().
---@class nsh.Watch
local Watch, mt = object.class "nsh.watch"

-- What a watch knows is in a table of its own. Those with a handler live until they are closed.
local live, handled = setmetatable({}, { __mode = "k" }), {}

function mt.__tostring(self)
  local w = self.inner
  return ("watch of %s%s"):format(table.concat(w.words, ", "), w.core and "" or " (closed)")
end

-- --- events into the queue ---

local function push(w, label, event, noun, record)
  if not w.wanted[noun] or (w.silent and event == "add") then return end
  local copy = { event = event, noun = noun, netns = label }
  for key, value in pairs(record) do copy[key] = value end
  w.last = w.last + 1
  w.queue[w.last] = setmetatable(copy, Event)
end

local function pop(w)
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
  local one = { seen = seen.new(label), name = name, object = setmetatable({ ns = ns }, { __mode = "v" }) }
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

-- Looks what a name stands for now.
local function look(w, name)
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
    look(w, name)
  end
  for _, name in ipairs(columns.keys(w.names)) do
    if not there[name] then look(w, name) end
  end
end

local function adopt_unnamed(w, ns)
  local id = number(w, ns.label, ns.core)
  if not w.spaces[id] then adopt(w, id, ns.label, ns.core, ns) end
end

-- Takes in the whole state.
local function begin(w)
  local viewer = w.viewer
  if #w.nouns > 0 then
    adopt(w, -1, viewer.label, viewer.core, viewer)
    local id = fail.check("netns id", viewer.label, nil, core.netns.id(viewer.core, viewer.core))
    if id >= 0 then w.spaces[id], w.maps[id] = w.spaces[-1], w.maps[-1] end -- somebody numbered it for itself
  end
  look_at_all(w)
  if not w.all then return end
  for _, ns in ipairs(netns.unnamed()) do adopt_unnamed(w, ns) end
end

-- --- reading ---

local function resync(w)
  w.lost = false
  -- the kernel drops all else until everything was read
  fail.check("watch", nil, nil, core.watch.drain(w.core))
  w.spaces, w.maps, w.names = {}, {}, {}
  w.last = w.last + 1
  w.queue[w.last] = setmetatable({ event = "resync" }, Event)
  begin(w)
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
  record.stats = nil
  seen.take(one.seen, true, "link", record, false, teller(w, one.seen.label))
end

-- A number is free again; it may be another's by now.
local function number_gone(w, id)
  local one = w.spaces[id]
  if not one then return end
  local now = with_handle(one, function(handle) return core.netns.id(w.viewer.core, handle) end)
  if now ~= id then leave(w, id) end
end

local function drain(w)
  while w.core do
    local id, word, what, noun, replaces = core.watch.read(w.core, w.maps)
    if id == false then
      resync(w)
    elseif id == nil then
      if word then fail.check("watch", nil, nil, id, word, what, noun) end
      return
    elseif word == "port" then
      port_changed(w, id, what)
    elseif word == "no id" then
      number_gone(w, what)
    elseif noun and w.has[noun] then
      local one = w.spaces[id].seen
      seen.take(one, word == "set", noun, what, replaces, teller(w, one.label))
    end
  end
end

-- A list that is read after a change which the kernel may be carrying out still: who asks for a link waits for that.
local function list_after(handle, noun, label)
  core.link.get(handle, 1)
  return list(handle, noun, label)
end

-- What changed without a word is found by comparing.
local function settle_doubts(w)
  for _, one in pairs(w.spaces) do
    for noun in pairs(one.seen.doubt) do
      one.seen.doubt[noun] = nil
      local now = w.has[noun] and with_handle(one, function(handle) return list_after(handle, noun, one.seen.label) end)
      if now then seen.compare(one.seen, noun, now, teller(w, one.seen.label)) end
    end
  end
end

local function close(w)
  if not w.core then return end
  core.watch.close(w.core)
  w.core, live[w] = nil, nil
  for i = #handled, 1, -1 do
    if handled[i] == w then table.remove(handled, i) end
  end
end

-- Brings the queue up to date.
local function sync(w)
  if w.lost then resync(w) end
  drain(w)
  if w.core and core.watch.moved(w.core) then
    drain(w) -- what was before a name went
    look_at_all(w)
  end
  settle_doubts(w)
  if w.over then close(w) end
end

-- --- waiting ---

-- Calls the handler for all events that there are.
local function dispatch(w)
  w.busy = true
  local _ <close> = setmetatable({}, { __close = function() w.busy = false end })
  if w.core then sync(w) end
  local count, event = 0, pop(w)
  while event do
    w.handler(event)
    count, event = count + 1, pop(w)
  end
  return count
end

-- The watches whose handlers may run now; those that were told something before are served at once.
local function attended(own)
  local cores, owners, served = { own }, {}, false
  for _, w in ipairs { table.unpack(handled) } do
    if not w.busy and w.core ~= own then
      if w.queue[w.first] then
        dispatch(w)
        served = true
      end
      if w.core then
        cores[#cores + 1] = w.core
        owners[#cores] = w
      end
    end
  end
  return cores, owners, served
end

--- Waits until there may be something new: the handlers of all other watches run meanwhile.
---@private
---@param deadline? number by core.watch.deadline()
---@param own? userdata a core watch; nil: only handlers and the deadline end it
---@return boolean false: the deadline is over
function m.wait(deadline, own)
  local cores, owners, served = attended(own)
  if not served then
    for _, i in ipairs(fail.check("wait", nil, nil, core.watch.poll(cores, deadline))) do
      if owners[i] and owners[i].core then dispatch(owners[i]) end
    end
  end
  return not deadline or core.watch.deadline(0) < deadline
end

--- Sleeps while handlers run.
---@private
---@param seconds number|string
function m.sleep(seconds)
  if #handled == 0 then
    fail.check("sleep", nil, nil, core.probe.sleep(seconds))
  else
    local deadline = core.watch.deadline(seconds)
    while m.wait(deadline) do end -- luacheck: ignore 542
  end
end

local function next_event(w, deadline)
  local late = false
  while true do
    local event = pop(w)
    if event or late or not w.core then return event end
    sync(w)
    late = not w.queue[w.first] and w.core and not m.wait(deadline, w.core)
  end
end

local function inner_of(self)
  local w = self.inner
  if not w.core and not w.over then fail.misuse("the watch is closed") end
  return w
end

--- Returns the next event; nil when none came in time.
---@param timeout? number|string seconds; without it waits for as long as it takes
---@return nsh.Event?
function Watch:next(timeout)
  return next_event(inner_of(self), core.watch.deadline(timeout))
end

--- Returns an iterator over events: those that came until now; with `timeout` until none came for so many seconds; with
--- `follow` until the watch is closed.
--- Twin: `ip monitor`
---@param options? { timeout: number|string, follow: boolean }
---@return fun(): nsh.Event?
function Watch:events(options)
  options = fail.options(options, "events")
  local w, timeout, follow = inner_of(self), options.timeout, options.follow
  options.timeout, options.follow = nil, nil
  local slip = next(options)
  if slip ~= nil then fail.misuse("unknown key '%s' of events; timeout and follow are known", tostring(slip)) end
  core.watch.deadline(timeout) -- a wrong one is told here
  if timeout or follow then
    return function() return next_event(w, core.watch.deadline(timeout)) end
  end
  sync(w)
  local last = w.last
  return function()
    if w.first <= last then return pop(w) end
  end
end

--- Calls the handler for each event until the time is over or the watch is closed; without a timeout, until it is
--- closed.
---@param timeout? number|string seconds
---@return integer events how many there were
function Watch:run(timeout)
  local w = inner_of(self)
  if not w.handler then fail.misuse "the watch has no handler: nsh.watch { ..., handler = function(event) ... end }" end
  if w.busy then fail.misuse "the handler can't run its own watch" end
  local deadline, count = core.watch.deadline(timeout), 0
  repeat count = count + dispatch(w) until not w.core or not m.wait(deadline, w.core)
  return w.core and count + dispatch(w) or count
end

--- Stops watching. What is in the queue is forgotten. Closing twice is harmless.
function Watch:close()
  local w = self.inner
  close(w)
  w.queue, w.first, w.last, w.over = {}, 1, 0, false
end

function mt.__close(self) self:close() end

-- --- opening ---

local KEYS = { "netns", "handler", "initial", "buffer" }

-- The nouns by themselves, and the options.
local function read_spec(spec)
  if type(spec) ~= "table" then
    fail.misuse("watch takes a table as { \"link\", \"addr\" }, not a %s", type(spec))
  end
  local words, options = {}, {}
  for key, value in pairs(spec) do
    if math.type(key) ~= "integer" then options[key] = value end
  end
  for i, word in ipairs(spec) do
    if type(word) ~= "string" then fail.misuse("a noun is a string as \"link\", not a %s", type(word)) end
    words[i] = word
  end
  if #words == 0 then fail.misuse "say what to watch, as nsh.watch { \"link\", \"addr\", \"route\" }" end
  for key in pairs(options) do
    local known = false
    for _, word in ipairs(KEYS) do known = known or key == word end
    if not known then
      local nearest = core.nearest(tostring(key), KEYS)
      fail.misuse("unknown key '%s' of watch%s", tostring(key), nearest and "; did you mean '" .. nearest .. "'?" or "")
    end
  end
  if options.handler ~= nil and type(options.handler) ~= "function" then
    fail.misuse("handler must be a function, not a %s", type(options.handler))
  end
  if options.initial ~= nil and type(options.initial) ~= "boolean" then
    fail.misuse("initial must be true or false, not a %s", type(options.initial))
  end
  return words, options
end

-- Which nouns are heard, those that others depend on among them; links come first.
local function heard(wanted)
  local has, nouns = {}, {}
  for word in pairs(wanted) do has[word] = true end
  if has.route then has.addr, has.nexthop = true, true end
  has.netns = nil
  if next(has) then has.link = true end
  for _, noun in ipairs(columns.keys(has)) do
    if noun ~= "link" then nouns[#nouns + 1] = noun end
  end
  if has.link then table.insert(nouns, 1, "link") end
  return has, nouns
end

--- Opens a watch.
---@private
---@param spec table
---@return nsh.Watch
function m.open(spec)
  local words, options = read_spec(spec)
  local wanted = {}
  for _, word in ipairs(words) do wanted[word] = true end
  local has, nouns = heard(wanted)
  local only = options.netns and netns.resolve(options.netns) or nil
  local w = {
    words = words, wanted = wanted, has = has, nouns = nouns, only = only, viewer = only or netns.root(),
    all = not only and #nouns > 0, handler = options.handler, spaces = {}, maps = {}, names = {},
    queue = {}, first = 1, last = 0,
  }
  w.core = fail.check("watch", nil, only, core.watch.open(w.viewer.core, nouns,
    { all = w.all, buffer = options.buffer }))
  w.silent = not options.initial
  begin(w)
  w.silent = false
  live[w] = true
  if w.handler then handled[#handled + 1] = w end
  return setmetatable({ inner = w }, mt)
end

-- A namespace that nsh makes or gets to know is heard from its start, and one that it deletes to its end.
function world.on_namespace(ns, gone)
  for w in pairs(live) do
    local ok = pcall(function()
      if w.only and not (gone and w.only == ns) then return end
      drain(w)
      if gone and w.only then
        look(w, ns.name)
        w.over = true
        close(w) -- a socket would keep the namespace
      elseif not gone and ns.name then
        look(w, ns.name)
      elseif not gone and w.all then
        adopt_unnamed(w, ns)
      end
    end)
    w.lost = w.lost or not ok -- and is told at the next reading
  end
end

return m
