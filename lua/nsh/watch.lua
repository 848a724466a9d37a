--- watch.lua - events: what changes in the namespaces, as the kernel announces it.
local columns = require "nsh.columns"
local core = require "nsh.core"
local ear = require "nsh.ear"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local netns = require "nsh.netns"
local object = require "nsh.object"
local world = require "nsh.world"

local m = {}

--- A stream of events: `for event in watch:events { timeout = 1 } do`. It ends with its block, `<close>`, or close().
---@class nsh.Watch
local Watch, mt = object.class "nsh.watch"

-- What a watch knows is in a table of its own. The services of those with a handler keep them until they are closed.
local live = setmetatable({}, { __mode = "k" })

function mt.__tostring(self)
  local w = self.inner
  return ("watch of %s%s"):format(table.concat(w.words, ", "), w.core and "" or " (closed)")
end

local function close(w)
  if not w.core then return end
  local was = w.core
  core.watch.close(was)
  w.core, live[w] = nil, nil
  if w.service then w.service:stop() end
  loop.wake(was)
end

local function sync(w)
  ear.sync(w)
  if w.over then close(w) end
end

-- Calls the handler for all events that there are.
local function dispatch(w)
  w.busy = true
  local _ <close> = setmetatable({}, { __close = function() w.busy = false end })
  if w.core then sync(w) end
  local count, event = 0, ear.pop(w)
  while event do
    w.handler(event)
    count, event = count + 1, ear.pop(w)
  end
  return count
end

-- Its handler is called whenever nsh waits for anything.
local function attend(w)
  w.service = loop.serve(w.core, function() return w.queue[w.first] ~= nil or w.lost == true end, function()
    if w.core then dispatch(w) end
  end)
end

-- While somebody takes the events himself the handler is not called by the loop.
local function take_over(w)
  local service = w.service
  if not service then return nil end
  service:pause()
  return setmetatable({}, { __close = function() service:resume() end })
end

local function in_time(deadline)
  return not deadline or core.loop.now() < deadline
end

local function next_event(w, deadline)
  local _ <close> = take_over(w)
  local late = false
  while true do
    local event = ear.pop(w)
    if event or late or not w.core then return event end
    sync(w)
    late = not w.queue[w.first] and w.core and not loop.wait(w.core, deadline)
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
  return next_event(inner_of(self), core.loop.deadline(timeout))
end

--- Returns an iterator over events: those that came until now; with `timeout` until none came for so many seconds; with
--- `follow` until the watch is closed.
--- Twin: `ip monitor`
---@param options? { timeout: number|string, follow: boolean }
---@return fun(): nsh.Event?
function Watch:events(options)
  options = fail.known(options, "events", { "timeout", "follow" })
  local w, timeout, follow = inner_of(self), options.timeout, options.follow
  core.loop.deadline(timeout) -- a wrong one is told here
  if timeout or follow then
    return function() return next_event(w, core.loop.deadline(timeout)) end
  end
  sync(w)
  local last = w.last
  return function()
    if w.first <= last then return ear.pop(w) end
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
  local deadline, count = core.loop.deadline(timeout), 0
  local _ <close> = take_over(w)
  repeat
    count = count + dispatch(w)
    local more = w.core and (w.lost and in_time(deadline) or not w.lost and loop.wait(w.core, deadline))
  until not more
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
  ear.begin(w)
  w.silent = false
  live[w] = true
  if w.handler then attend(w) end
  return setmetatable({ inner = w }, mt)
end

-- A namespace that nsh makes or gets to know is heard from its start, and one that it deletes to its end.
function world.on_namespace(ns, gone)
  for w in pairs(live) do
    local ok = pcall(function()
      if w.only and not (gone and w.only == ns) then return end
      ear.drain(w)
      if gone and w.only then
        ear.look(w, ns.name)
        w.over = true
        close(w) -- a socket would keep the namespace
      elseif not gone and ns.name then
        ear.look(w, ns.name)
      elseif not gone and w.all then
        ear.adopt(w, ns)
      end
    end)
    w.lost = w.lost or not ok -- and is told at the next reading
    if w.core and (w.queue[w.first] or w.lost) then loop.wake(w.core) end
  end
end

return m
