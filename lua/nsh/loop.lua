--- loop.lua - the event loop: the one place where nsh waits, and the turns of those who wait.
-- All that takes time is an op of the core: it is stepped, and waited for between its steps. Inside of a task a wait
-- yields, and the task goes on when its op can. Outside of tasks a wait blocks, and the tasks go on meanwhile.
local core = require "nsh.core"
local fail = require "nsh.error"

local m = {}

--- Calls a function that Ctrl-C doesn't cut in two: it makes something and notes that it did. It must not wait.
---@private
---@param fn function
---@param ... any its arguments
---@return any ... what it returns
m.whole = (package.loaded["nsh.globals"] or {}).whole or function(fn, ...) return fn(...) end

-- A wait is a table { ops, deadline, task }. It is parked until it is fired: with the number of the op that can go on,
-- or false when it is late.
local parked = {}
local runnable, first, last = {}, 1, 0 -- tasks that can go on, in turn
local task_of = setmetatable({}, { __mode = "k" }) -- by coroutine
local resumed -- the last one
local pins = 0
local chore -- what is done once, at the next wait
local PAUSE = {} -- what a task yields when it waits; anything else lets the others go first

-- Memory may fail at either line: a wait that knows no place would stay there, with all that it holds.
local function park(wait)
  wait.at = #parked + 1
  parked[wait.at] = wait
end

local function unpark(wait)
  local at = wait.at
  if not at then return end
  if parked[at] ~= wait then
    wait.at = nil
    return
  end
  local moved = parked[#parked]
  parked[at], moved.at = moved, at
  parked[#parked], wait.at = nil, nil
end

local function ready(task)
  last = last + 1
  runnable[last] = task
end

local function fire(wait, how)
  unpark(wait)
  wait.fired = how
  if wait.task then ready(wait.task) end
end

-- --- turns: a task is { co, state, waits, ended }; tasks.lua has what scripts see of it ---

local function finish(task, state, ...)
  task.state, task.results, task.on = state, table.pack(...), nil
  task_of[task.co] = nil
  if resumed == task then resumed = nil end -- nor are its results held any longer
  for _, wait in ipairs(task.waits) do
    if wait.at then fire(wait, 1) end
  end
  task.waits = {}
  if task.ended then task.ended(task) end
end

local function after(task, ok, what, ...)
  if not ok then
    finish(task, "failed", select(2, coroutine.close(task.co))) -- its to-be-closed variables are closed only by that
  elseif coroutine.status(task.co) == "dead" then
    finish(task, "done", what, ...)
  elseif what ~= PAUSE then
    ready(task)
  end
end

local function resume(task, ...)
  resumed = task
  after(task, coroutine.resume(task.co, ...))
end

-- Ctrl-C ended the task that ran, and went on to whoever resumed it.
local function bury_interrupted()
  if resumed and resumed.state == "running" and coroutine.status(resumed.co) == "dead" then
    finish(resumed, "cancelled")
  end
end

--- Makes a task that is to go on at the next wait.
---@private
---@param fn function
---@param ended? fun(task: table) is called at its end
---@return table task
function m.task(fn, ended)
  local task = { co = coroutine.create(fn), state = "running", waits = {}, ended = ended }
  task_of[task.co] = task
  ready(task)
  return task
end

--- Returns the task that runs.
---@private
---@return table? task
function m.running() return task_of[coroutine.running()] end

--- Ends a task where it waits: its to-be-closed variables are closed.
---@private
---@param task table
function m.cancel(task)
  if task.state ~= "running" then return end
  local status = coroutine.status(task.co) -- "dead": Ctrl-C ended it
  if status == "running" or status == "normal" then
    fail.misuse "a task can't cancel itself, nor one that waits for it"
  end
  if task.on then unpark(task.on) end
  finish(task, "cancelled")
  local ok, problem = coroutine.close(task.co)
  if not ok then error(problem, 0) end
end

--- Ends all tasks.
---@private
---@return any[] problems what their ends raised
function m.cancel_all()
  local all, problems = {}, {}
  for _, task in pairs(task_of) do all[#all + 1] = task end
  for _, task in ipairs(all) do
    local ok, problem = true, nil
    if coroutine.status(task.co) ~= "normal" then ok, problem = pcall(m.cancel, task) end
    if not ok then problems[#problems + 1] = problem end
  end
  return problems
end

-- --- waiting ---

-- All ops that are waited for, whose they are, and the earliest deadline.
local function gather()
  local ops, owners, numbers, deadline = {}, {}, {}, nil
  for _, wait in ipairs(parked) do
    for k, op in ipairs(wait.ops) do
      ops[#ops + 1] = op
      owners[#ops], numbers[#ops] = wait, k
    end
    if wait.deadline and (not deadline or wait.deadline < deadline) then deadline = wait.deadline end
  end
  return ops, owners, numbers, deadline
end

-- Waits once for all that is parked, and fires what can go on.
local function poll()
  if chore then
    local fn = chore
    chore = nil
    fn()
  end
  local ops, owners, numbers, deadline = gather()
  if #ops == 0 and not deadline then
    fail.misuse "nothing can end this wait: every task waits for another one"
  end
  for _, i in ipairs(fail.check("wait", nil, nil, core.loop.poll(ops, deadline))) do
    if owners[i].at then fire(owners[i], numbers[i]) end
  end
  local now = core.loop.now()
  for i = #parked, 1, -1 do
    local wait = parked[i]
    if wait and wait.deadline and wait.deadline <= now then fire(wait, false) end
  end
end

-- Lets each task go on that can at this moment.
local function run_ready()
  local until_here = last
  bury_interrupted()
  while first <= until_here do
    local task = runnable[first]
    runnable[first] = nil
    first = first + 1
    if task.state == "running" and coroutine.status(task.co) == "suspended" then resume(task) end
    if task.raises then error(table.remove(task.raises, 1), 0) end
  end
end

-- Goes on with all else until the wait is over.
local function block(wait)
  local _ <close> = setmetatable({}, { __close = function() unpark(wait) end })
  park(wait)
  while wait.fired == nil do
    if first <= last then run_ready() else poll() end
  end
  run_ready() -- those that this poll found have their turn before the script goes on
  return wait.fired
end

-- Only this wait, nothing else goes on.
local function block_alone(wait)
  if #wait.ops == 0 and not wait.deadline then
    fail.misuse "a task can't be waited for in here: nothing else goes on during ns:call and ns:batch"
  end
  while true do
    local got = fail.check("wait", nil, nil, core.loop.poll(wait.ops, wait.deadline))
    if got[1] then return got[1] end
    if wait.deadline and core.loop.now() >= wait.deadline then return false end
  end
end

local function pass(wait)
  local task = m.running()
  if pins > 0 then return block_alone(wait) end
  if not task or not coroutine.isyieldable() then return block(wait) end
  wait.task, task.on = task, wait
  park(wait)
  coroutine.yield(PAUSE)
  task.on = nil
  return wait.fired
end

--- Waits until an op can go on.
---@private
---@param op? userdata of the core; nil: only the deadline ends it
---@param deadline? number by core.loop.now()
---@return boolean in_time false: the deadline is over
function m.wait(op, deadline) return pass { ops = { op }, deadline = deadline } ~= false end

--- Waits until one of several ops can go on.
---@private
---@param ops userdata[]
---@param deadline? number by core.loop.now()
---@return integer|false which
function m.any(ops, deadline) return pass { ops = ops, deadline = deadline } end

--- Waits until one of several tasks has ended.
---@private
---@param tasks table[] that run
---@param deadline? number
---@return boolean in_time
function m.join(tasks, deadline)
  local wait = { ops = {}, deadline = deadline }
  for _, task in ipairs(tasks) do task.waits[#task.waits + 1] = wait end
  return pass(wait) ~= false
end

--- Steps an op until it is done.
---@private
---@param op userdata
---@return boolean? done, string? message, string? code, table? detail as of the core's functions
function m.run(op)
  if pins > 0 or #parked == 0 and first > last and not m.running() then return core.loop.run(op) end
  while true do
    local done, message, code, detail = core.loop.step(op)
    if done or done == nil then return done, message, code, detail end
    m.wait(op)
  end
end

--- Ends the waits for an op, which was closed or has something new by other means.
---@private
---@param op userdata
function m.wake(op)
  for i = #parked, 1, -1 do
    local wait = parked[i]
    for k, one in ipairs(wait and wait.ops or {}) do
      if one == op and wait.at then fire(wait, k) end
    end
  end
end

--- Sleeps while tasks go on.
---@private
---@param seconds number|string
function m.sleep(seconds)
  if seconds == nil then fail.misuse "sleep wants seconds like 0.5 or \"10ms\"" end
  m.wait(nil, core.loop.deadline(seconds, "sleep"))
end

--- Calls a function once, when nsh waits the next time and nothing else can go on.
---@private
---@param fn fun()
function m.later(fn) chore = fn end

--- Calls a function during which only what it waits for itself goes on: nsh stands in another namespace, or a batch is
--- open.
---@private
function m.pinned(fn, ...)
  pins = pins + 1
  local _ <close> = setmetatable({}, { __close = function() pins = pins - 1 end })
  return fn(...)
end

--- Goes on with the tasks until one of the ops can: for the prompt.
---@private
---@param ops userdata[]
---@param before fun() is called before tasks take their turns
---@param behind fun() is called after that
---@param check fun() is called then, and may raise
function m.attend(ops, before, behind, check)
  local wait = { ops = ops }
  local _ <close> = setmetatable({}, { __close = function() unpark(wait) end })
  park(wait)
  while wait.fired == nil do
    if first <= last then
      local _ <close> = setmetatable({}, { __close = behind })
      before()
      run_ready()
      check()
    else
      poll()
    end
  end
end

-- --- services: a function for each time that an op can go on, while nsh waits for anything ---

local Service = {}
Service.__index = Service

-- Waits for the op, not while somebody else looks after it.
local function idle(service)
  local wait = { ops = { service.op }, task = service.task }
  service.wait = wait
  if service.pauses == 0 then park(wait) end
  coroutine.yield(PAUSE)
  service.wait = nil
end

local function begin(service)
  service.task = m.task(function()
    while not service.over do
      if service.pauses > 0 or not service.pending() then idle(service) end
      if not service.over then service.fn() end
    end
  end, function(task)
    if task.state ~= "failed" then return end
    task.raises = { task.results[1] } -- whoever waits gets it, and the next time is another try
    begin(service)
  end)
end

--- Calls `fn` in a task whenever the op can go on, or `pending` is true when it returns.
---@private
---@param op userdata
---@param pending fun(): boolean
---@param fn fun()
---@return table service with :stop(), :pause(), :resume()
function m.serve(op, pending, fn)
  local service = setmetatable({ op = op, pending = pending, fn = fn, pauses = 0 }, Service)
  begin(service)
  return service
end

--- Leaves the op to somebody else until it is resumed.
---@private
function Service:pause()
  self.pauses = self.pauses + 1
  if self.wait then unpark(self.wait) end
end

--- Looks after the op again.
---@private
function Service:resume()
  self.pauses = self.pauses - 1
  local wait = self.wait
  if self.over or self.pauses > 0 or not wait or wait.at or wait.fired ~= nil then return end
  park(wait)
  if self.pending() then fire(wait, 1) end
end

--- Ends it; when its function runs at the moment, after that.
---@private
function Service:stop()
  self.over = true
  if self.wait then m.cancel(self.task) end
end

return m
