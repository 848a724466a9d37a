--- everywhere.lua - one command in many namespaces at once, each with its own result.
local fail = require "nsh.error"
local netns = require "nsh.netns"
local process = require "nsh.process"
local show = require "nsh.show"
local task = require "nsh.task"

local m = {}

local JOBS, JOBS_MAX = 16, 1000
local KEYS = { "check", "cwd", "env", "input", "jobs", "timeout" }

--- Results, one a namespace, in order; they print as `ip -all netns exec` does.
local Results = { __name = "nsh.results" }

local function text_of(result)
  local _, how = process.verdict(result)
  local lines = { ("netns: %s%s"):format(result.netns, how and " (" .. how .. ")" or "") }
  for _, said in ipairs { result.out, result.err } do
    if said ~= "" then lines[#lines + 1] = (said:gsub("\n$", "")) end
  end
  return table.concat(lines, "\n")
end

function Results:__tostring()
  local parts = {}
  for i, result in ipairs(self) do parts[i] = text_of(result) end
  return table.concat(parts, "\n")
end

-- Which namespaces are meant: all that have a name, or those of the list, each once.
local function spaces_of(where)
  local list = {}
  if where == nil then
    for _, record in ipairs(netns.list()) do
      if not record.stale then list[#list + 1] = netns.get(record.name) end
    end
    return list
  end
  if type(where) ~= "table" or where.core then
    fail.misuse("the namespaces must be a list as { ns1, \"ns2\" }, or nil for all, not %s", tostring(where))
  end
  for i, ns in ipairs(where) do list[i] = netns.resolve(ns) end
  for key in pairs(where) do
    if not list[key] then fail.misuse("the list of namespaces has a key '%s'", tostring(key)) end
  end
  return list
end

local function jobs_of(opts)
  local jobs = opts.jobs or JOBS
  opts.jobs = nil
  if math.type(jobs) ~= "integer" or jobs < 1 or jobs > JOBS_MAX then
    fail.misuse("jobs must be a whole number from 1 to %d, not %s", JOBS_MAX, tostring(jobs))
  end
  return jobs
end

-- Runs the command in one namespace after the other; several of these go on at once.
local function worker(spaces, cmd, opts, state)
  while state.next <= #spaces do
    local i = state.next
    state.next = i + 1
    local ok, result = pcall(spaces[i].exec, spaces[i], cmd, opts)
    if ok then
      result.netns = spaces[i].label
      state.results[i] = result
    elseif type(result) == "string" then
      state.slip, state.next = result, math.huge
    else
      state.errors[i] = result
    end
  end
end

-- Raises all failures as one.
local function judge(cmd, spaces, state, check)
  local lines, first = {}, nil
  for i, ns in ipairs(spaces) do
    local result, err = state.results[i], state.errors[i]
    local code, how
    if err then
      code, how = err.code, err.message
    elseif check ~= false then
      code, how = process.verdict(result)
      how = how and how .. process.last_words(result.out, result.err)
    end
    if code then
      first = first or { code = code, hint = err and err.hint }
      lines[#lines + 1] = ("%s: %s"):format(ns.label, (how:gsub("\n", "\n  ")))
    end
  end
  if not first then return end
  fail.raise { op = "exec", target = process.line_of(cmd), code = first.code, hint = first.hint,
    results = state.results, message = ("failed in %d of %d namespaces (%s):\n  %s"):format(#lines, #spaces, first.code,
      table.concat(lines, "\n  ")) }
end

--- See netns.exec.
---@private
function m.exec(where, cmd, opts)
  opts = fail.known(opts, "netns.exec", KEYS)
  local check, jobs, spaces = opts.check, jobs_of(opts), spaces_of(where)
  if check ~= nil and type(check) ~= "boolean" then
    fail.misuse("check must be true or false, not a %s", type(check))
  end
  opts.check = false
  local state = { next = 1, results = setmetatable({}, Results), errors = {} }
  local workers = {}
  for i = 1, math.min(jobs, #spaces) do workers[i] = function() worker(spaces, cmd, opts, state) end end
  task.all(workers)
  if state.slip then fail.misuse("%s", state.slip) end
  judge(cmd, spaces, state, check)
  for _, result in ipairs(state.results) do setmetatable(result, show.Record) end
  return state.results
end

return m
