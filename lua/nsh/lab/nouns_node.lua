--- nouns_node.lua - what nodes have beside their network, as nouns of a lab: files, packet filters, services, commands.
-- The kernel can't be asked for most of these: what was applied last counts, of files what is in them, of services
-- whether they still run.
local core = require "nsh.core"
local fail = require "nsh.error"
local hosts = require "nsh.lab.hosts"
local loop = require "nsh.loop"
local node_options = require "nsh.node"
local things = require "nsh.lab.things"
local world = require "nsh.world"

local m = {}

local READY, PAUSE, PAUSE_MAX, TAIL = 10, 0.005, 0.1, 5 -- seconds; lines that a service said last

local function values() return require "nsh.lab.nouns" end

local function stay() return require "nsh.stay" end

local function applied(_, _, last) return last or {} end

-- What is told of a wish by one field of the node's things.
local function wish_of(field)
  return function(node) return node.things[field] end
end

-- --- files ---

local function put(ns, record)
  node_options.ready(ns, true)
  hosts.put(ns, record)
  return true
end

-- What reading says where somebody has put what can't be compared in the place of a file: that counts as none.
local NO_FILE = { ENOENT = true, ENOTDIR = true, EISDIR = true, ELOOP = true, EFBIG = true, EACCES = true,
  ENXIO = true }

-- What stands in the place of a file, as it was applied last or as somebody has left it.
local function file_in(ns, record)
  local text, mode, code, detail = core.node.read(ns.core, record.path)
  if text == record.text and mode == record.mode then return record end
  if text then return { path = record.path, text = text, mode = mode } end
  if not NO_FILE[code] then fail.check("file", record.path, ns, nil, mode, code, detail) end
end

local function files(ns, _, last)
  local list = {}
  for _, record in ipairs(last or {}) do list[#list + 1] = file_in(ns, record) end
  return list
end

m[1] = {
  noun = "file", field = "files", late = true, wish = wish_of "files", list = files,
  key = function(record) return record.path end,
  changes = function(wish, live)
    local found
    if wish.text ~= live.text then found = { text = { #live.text .. " bytes", #wish.text .. " bytes" } } end
    if wish.mode ~= live.mode then
      found = found or {}
      found.mode = { ("%o"):format(live.mode), ("%o"):format(wish.mode) }
    end
    return found
  end,
  add = put, change = put,
  del = function(ns, record)
    hosts.put(ns, { path = record.path })
    return true
  end,
}

-- --- packet filters ---

-- Loaded at the first use: most nodes have none.
local function ruleset() return require "nsh.lab.ruleset" end

m[2] = {
  noun = "nft", field = "rulesets", late = true,
  list = function(ns, wanted, last)
    local wish, before = wanted and wanted[1], last and last[1]
    local as_wished = wish and not (before and before.text == wish.text) and ruleset().find(ns, wish)
    return { as_wished or before and ruleset().look(ns, before) or nil }
  end,
  wish = function(node) return { node.things.nft and { text = node.things.nft } or nil } end,
  key = function() return "ruleset" end,
  changes = function(wish, live) return ruleset().changes(wish, live) end,
  add = function(ns, record)
    ns:nft(record.text)
    return true
  end,
  change = function(ns, record, old) return ruleset().change(ns, record, old) end,
  del = function(ns, record)
    ns:nft(ruleset().without(record.text))
    return true
  end,
}

-- --- services ---

local objects = setmetatable({}, { __mode = "k" }) -- what functions of services returned, by their records

-- What a service has in its environment, from its first moment on.
local function variable_of(record) return "NSH_SERVICE=" .. record.mark end

local function log_of(ns, record) return ("%s/%s.%s.log"):format(core.world.run(), ns.label, record.name) end

local function read_log(record)
  local file = record.log and io.open(record.log)
  if not file then return "" end
  local text = file:read "a"
  file:close()
  return text
end

local function last_words(record)
  local lines = {}
  for line in read_log(record):gmatch "[^\r\n]+" do lines[#lines + 1] = line end
  if not lines[1] then return "" end
  return ", said last:\n  " .. table.concat(lines, "\n  ", math.max(1, #lines - TAIL + 1))
end

local function runs(record)
  local object = objects[record]
  if object then return type(object.running) ~= "function" or object:running() end
  return record.pid ~= nil and stay().running(record)
end

-- One that was started by an nsh that was killed before it could note so.
local function recall(ns, record)
  if record.pid or record.source or not record.mark then return end
  local found = stay().find(ns, variable_of(record))
  if found then record.pid, record.start, record.log = found.pid, found.start, log_of(ns, record) end
end

local function stop(_, record)
  local object = objects[record]
  if object then
    objects[record] = nil
    if type(object.stop) == "function" then object:stop() end
  elseif record.pid then
    stay().stop(record)
    if record.log then os.remove(record.log) end
  end
  return true
end

local function ended(ns, record)
  fail.check("service start", record.name, ns.label, core.world.lasts(true))
  fail.raise { op = "service start", target = record.name, netns = ns.label, code = "EXIT",
    message = "it has ended (EXIT)" .. last_words(record) }
end

-- What the start of a program failed with, as the service's own failure.
local function refused(ns, record, err)
  if type(err) ~= "table" then error(err, 0) end
  fail.raise { op = "service start", target = record.name, netns = ns.label, code = err.code, errno = err.errno,
    message = err.message, hint = err.hint, path = (record.env or {}).PATH or os.getenv "PATH" }
end

local function is_ready(ns, record, ready)
  if ready then return ready(ns) end
  return read_log(record):find(record.ready) ~= nil
end

-- Nobody announces that a program is ready, so it is asked, more and more seldom.
local function await(ns, record)
  local ready = things.functions(record).ready
  if not record.ready then return end
  local waited, pause = 0, PAUSE
  while not is_ready(ns, record, ready) do
    if not runs(record) then ended(ns, record) end
    if waited >= (record.timeout or READY) then
      local said = last_words(record)
      fail.raise { op = "service start", target = record.name, netns = ns.label, code = "ETIMEDOUT", errno = 110,
        message = ("it runs, but isn't ready after %g s (ETIMEDOUT)%s"):format(waited, said) }
    end
    loop.sleep(pause)
    waited, pause = waited + pause, math.min(pause * 1.5, PAUSE_MAX)
  end
end

local function call(ns, record, start)
  if not start then return true end
  local object = start(ns)
  objects[record] = type(object) == "table" and object or {}
  return true
end

-- Before anything is made.
local function refuse_functions(_, steps)
  if not world.name() then return end
  for _, step in ipairs(steps) do
    if step.noun == "service" and step.op ~= "delete" and step.to.source then
      fail.misuse("service %s of %s is a function (%s): what that starts ends with this nsh, and world %s goes on; "
        .. "say a command, as \"dnsmasq -k\" or { \"nsh\", \"serve.lua\" }", step.to.name, step.netns, step.to.source,
        world.name())
    end
  end
end

-- A service that didn't come up leaves nothing, Ctrl-C included.
local function undoing(ns, record)
  return setmetatable({}, { __close = function(self)
    if self.done then return end
    if record.pid then stop(ns, record) end
    os.remove(record.log)
  end })
end

local function launch(ns, record)
  local env = { NSH_SERVICE = record.mark }
  for key, value in pairs(record.env or {}) do env[key] = value end
  local ok, service = pcall(stay().start, ns, record.cmd, { out = { file = record.log }, err = "out", env = env,
    cwd = record.cwd })
  if not ok then refused(ns, record, service) end
  record.pid, record.start = service.pid, service.start
end

local function start(ns, record)
  node_options.ready(ns)
  if record.source then return call(ns, record, things.functions(record).start) end
  record.log = log_of(ns, record)
  local undo <close> = undoing(ns, record)
  loop.whole(launch, ns, record)
  await(ns, record)
  undo.done = true
  return true
end

-- What runs goes on under the new record.
local function take_over(wish, live)
  wish.pid, wish.start, wish.log = live.pid, live.start, live.log
  objects[wish] = objects[live]
end

m[3] = {
  noun = "service", field = "services", late = true,
  wish = function(node)
    for _, record in ipairs(node.things.services) do
      record.mark = ("%s/%s/%s"):format(node.lab.name, node:netns_name(), record.name)
    end
    return node.things.services
  end,
  list = function(ns, _, last)
    local list = {}
    for _, record in ipairs(last or {}) do
      recall(ns, record)
      if runs(record) then list[#list + 1] = record end
    end
    return list
  end,
  key = function(record) return record.name end, prepare = refuse_functions,
  changes = function(wish, live)
    if wish == live then return nil end
    local plain, before = {}, {}
    for _, key in ipairs { "cmd", "cwd", "env", "ready", "source" } do
      plain[key], before[key] = wish[key], live[key]
    end
    local found = values().changes(plain, before) or values().changes(before, plain)
    if not found then take_over(wish, live) end
    return found
  end,
  add = start,
  change = function(ns, record, old)
    stop(ns, old)
    local ok, err = pcall(start, ns, record)
    if ok then return true end
    pcall(start, ns, old)
    error(err, 0)
  end,
  del = stop,
  check = function(ns, record)
    if not runs(record) then ended(ns, record) end
  end,
}

--- Notes how what was done of a node stands, to know later whether somebody has changed it.
---@private
---@param ns nsh.Netns
---@param state table of it, as it is applied
function m.note(ns, state)
  local record = state.rulesets[1]
  if record then ruleset().note(ns, record, state.services[1] ~= nil or state.commands[1] ~= nil) end
end

--- Stops the services of a node.
---@private
---@param state table of it, as it was applied last
---@param ns? nsh.Netns nil: it has lost its name
function m.stop_services(state, ns)
  for _, record in ipairs(state.services or {}) do
    if ns then recall(ns, record) end
    if runs(record) then stop(nil, record) end
  end
end

--- Stops what was started for a namespace that goes.
---@private
---@param state table of it, as it was applied last
---@param ns nsh.Netns
function m.stop(state, ns)
  m.stop_services(state, ns)
  node_options.named(state.netns, nil)
end

-- --- commands ---

m[4] = {
  noun = "command", field = "commands", late = true, once = true, wish = wish_of "commands", list = applied,
  key = function(record) return record.line end,
  changes = function(wish, live)
    local plain, before = {}, {}
    for _, key in ipairs { "cmd", "cwd", "env", "input" } do plain[key], before[key] = wish[key], live[key] end
    return values().changes(plain, before) or values().changes(before, plain)
  end,
  add = function(ns, record)
    ns:exec(record.cmd, { cwd = record.cwd, env = record.env, input = record.input, timeout = record.timeout })
    return true
  end,
}
m[4].change = m[4].add

return m
