--- store.lua - what was applied last, lab by lab: only that may be deleted.
local core = require "nsh.core"
local shelf = require "nsh.lab.shelf"

local m = {}

local applied = {} -- of a private world; of others there are files, for the next nsh
local globals = package.loaded["nsh.globals"] or {}
local held = 0     -- locks that this nsh has: its tasks share one
local lock

--- Returns the state that was applied last.
---@param name string of the lab
---@return table? state
---@return string? stamp changes whenever another nsh changes the lab
function m.load(name)
  if not shelf.is_needed() then return applied[name] end
  local record, stamp = shelf.read(name)
  return record and record.state, stamp
end

--- Tells whether anything is noted of a lab, without reading it.
---@param name string of the lab
---@return boolean
function m.has(name)
  if not shelf.is_needed() then return applied[name] ~= nil end
  return shelf.has(name)
end

-- What marks the namespaces that are made meanwhile on the machine itself: nobody else's have it.
local function mark_of(record) return ("nsh.%s.%d.%d"):format(record.lab, record.owner.pid, record.owner.start) end

local function note(name, state, phase, undone)
  local pid, start = core.world.self()
  local before = shelf.read(name) or {}
  local script = globals.script or before.script
  if undone then script = before.was end
  local record = { lab = name, script = script, since = before.since or os.time(),
    owner = { pid = pid, start = start }, phase = phase, state = state }
  record.was = phase == "begun" and before.script or nil
  record.mark = before.mark or require("nsh.world").is_host() and mark_of(record) or nil
  shelf.write(record)
  core.world.mark(phase == "begun" and record.mark or nil)
end

--- Notes what is about to be done, before anything is.
---@param name string
---@param state table what was applied last, and what is wished
function m.begin(name, state)
  if shelf.is_needed() then return note(name, state, "begun") end
  applied[name] = state
end

--- Notes what was done.
---@param name string
---@param state table
function m.save(name, state)
  if shelf.is_needed() then return note(name, state, "done") end
  applied[name] = state
end

--- Notes that what was begun is undone: the lab is what it was, and its script's that it was.
---@param name string
---@param state table what was applied before
function m.restore(name, state)
  if shelf.is_needed() then return note(name, state, "done", true) end
  applied[name] = state
end

--- Forgets a lab: it is down.
---@param name string
function m.drop(name)
  if not shelf.is_needed() then
    applied[name] = nil
    return
  end
  core.world.mark(nil)
  shelf.remove(name)
end

-- Lets go of the lock when the last one does that has it.
local Lock = { __close = function()
  held = held - 1
  if held > 0 then return end
  getmetatable(lock).__close(lock)
  lock = nil
end }

--- Keeps another nsh from changing labs of this world until the variable is closed.
---@return table
function m.lock()
  if not shelf.is_needed() then return setmetatable({}, { __close = function() end }) end
  if held == 0 then lock = shelf.lock() end
  held = held + 1
  return setmetatable({}, Lock)
end

-- Whether the nsh that noted this ended before it had done what it began.
local function is_broken(record)
  return record.phase ~= "done" and not core.process.stayed(record.owner.pid, record.owner.start)
end

local function state_of(record)
  if record.phase == "done" then return "up" end
  return is_broken(record) and "broken" or "changing"
end

--- Tells how a lab was left by who changed it last.
---@param name string of the lab
---@return string? state "up", "changing", or "broken": the nsh that did was killed meanwhile; nil: it isn't up
function m.state(name)
  if not m.has(name) then return nil end
  if not shelf.is_needed() then return "up" end
  local record = shelf.read(name)
  return record and state_of(record)
end

--- Lists the labs that are up, or were when the nsh that changed them was killed.
---@return table[] records { name, script, since, state = "up", "changing" or "broken" }
function m.list()
  local list = {}
  if not shelf.is_needed() then
    for name in pairs(applied) do list[#list + 1] = { name = name, state = "up" } end
    table.sort(list, function(a, b) return a.name < b.name end)
    return list
  end
  for _, name in ipairs(shelf.names()) do
    local record = shelf.read(name)
    if record then
      list[#list + 1] = { name = name, script = record.script, since = os.date("%Y-%m-%dT%H:%M:%S%z", record.since),
        state = state_of(record) }
    end
  end
  return list
end

return m
