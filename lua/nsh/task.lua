--- task.lua - tasks: functions that run beside each other, each until it has to wait.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local object = require "nsh.object"

local m = {}

-- Loaded at the first use: most scripts print no table.
local function columns() return require "nsh.columns" end

--- A function that runs beside others; see nsh.go.
---@class nsh.Task
local Task, mt = object.class "nsh.task"

local unheard = {} -- of tasks that failed before anybody waited for them

function mt:__tostring() return ("task of %s (%s)"):format(self.from, self.inner.state) end

function mt:__close() self:cancel() end

--- "running", "done", "failed" or "cancelled".
---@return string
function Task.get:state() return self.inner.state end

--- Tells whether the task still runs.
---@return boolean
function Task:running() return self.inner.state == "running" end

--- Waits until the task has ended, and returns what its function returned, or raises what that raised.
---@param timeout? number|string seconds; without it for as long as it takes
---@return any ...
---@error ETIMEDOUT when it still runs
---@error ECANCELED when it was cancelled
function Task:wait(timeout)
  local inner, deadline = self.inner, core.loop.deadline(timeout)
  if inner == loop.running() then fail.misuse "a task can't wait for itself" end
  unheard[self] = nil
  rawset(self, "heard", true)
  while inner.state == "running" do
    if not loop.join({ inner }, deadline) and inner.state == "running" then
      fail.raise { op = "task wait", target = self.from, code = "ETIMEDOUT", errno = 110,
        message = ("it still runs after %s s"):format(timeout) }
    end
  end
  if inner.state == "failed" then error(inner.results[1], 0) end
  if inner.state == "cancelled" then
    fail.raise { op = "task wait", target = self.from, code = "ECANCELED", errno = 125, message = "it was cancelled" }
  end
  return table.unpack(inner.results, 1, inner.results.n)
end

--- Ends the task where it waits: its to-be-closed variables are closed, commands that it waits for are killed.
--- Nothing happens to one that has ended.
function Task:cancel() loop.cancel(self.inner) end

local function start(fn, ...)
  local args = table.pack(...)
  if type(fn) ~= "function" then fail.misuse("a task is a function, not a %s", type(fn)) end
  local where = core.where()
  local task = setmetatable({ from = where ~= "" and where or "the prompt", heard = false }, mt)
  rawset(task, "inner", loop.task(function() return fn(table.unpack(args, 1, args.n)) end, function(inner)
    if inner.state == "failed" and not task.heard then unheard[task] = true end
  end))
  return task
end

--- See nsh.go.
---@private
function m.go(fn, ...) return start(fn, ...) end

local function cancel_all(tasks)
  for _, task in pairs(tasks) do
    if task:running() then task:cancel() end
  end
end

-- Raises the first failure among the tasks; returns those that still run.
local function look(tasks, keys)
  local running = {}
  for _, key in ipairs(keys) do
    local task = tasks[key]
    if task:running() then
      running[#running + 1] = task.inner
    elseif task.state ~= "done" then
      task:wait()
    end
  end
  return running
end

--- See nsh.all.
---@private
function m.all(list)
  if type(list) ~= "table" then fail.misuse("all takes a table of functions, not a %s", type(list)) end
  local tasks, keys = {}, columns().keys(list)
  local _ <close> = setmetatable({}, { __close = function() cancel_all(tasks) end })
  for _, key in ipairs(keys) do
    local one = list[key]
    tasks[key] = getmetatable(one) == mt and one or start(one)
    tasks[key].heard = true
  end
  local running = look(tasks, keys)
  while #running > 0 do
    loop.join(running)
    running = look(tasks, keys)
  end
  local results = {}
  for _, key in ipairs(keys) do results[key] = (tasks[key]:wait()) end
  return results
end

--- See nsh.timeout.
---@private
function m.timeout(seconds, fn, ...)
  if seconds == nil then fail.misuse "timeout wants seconds like 0.5 or \"10ms\"" end
  local deadline = core.loop.deadline(seconds, "timeout")
  local task <close> = start(fn, ...)
  rawset(task, "heard", true)
  while task:running() do
    if not loop.join({ task.inner }, deadline) and task:running() then
      task:cancel()
      fail.raise { op = "timeout", code = "ETIMEDOUT", errno = 110,
        message = ("not done within %s%s"):format(seconds, type(seconds) == "number" and " s" or "") }
    end
  end
  return task:wait()
end

--- Takes the error of a task that failed and that nobody has waited for.
---@private
---@return table? box with the error at [1]
function m.failure()
  local task = next(unheard)
  if not task then return nil end
  unheard[task] = nil
  return { task.inner.results[1] }
end

--- Lets tasks go on until one of two descriptors can be read, and raises the errors that nobody waits for.
---@private
---@param a integer
---@param b integer
---@param before fun() as of loop.attend
---@param behind fun()
function m.attend(a, b, before, behind)
  loop.attend({ core.loop.fd(a), core.loop.fd(b) }, before, behind, function()
    local box = m.failure()
    if box then error(box[1], 0) end
  end)
end

--- Cancels all tasks, at the end of a script.
---@private
---@return any[] errors of tasks that nobody has waited for
function m.finish()
  local errors = loop.cancel_all()
  for box in m.failure do errors[#errors + 1] = box[1] end
  return errors
end

return m
