--- test_run.lua - `nsh --test`: specs run by busted, each file in an nsh, and so a world, of its own.
-- This nsh has busted's command line and its output handlers, and makes no world. For each file it starts an nsh that
-- runs the file and writes what happens, an event a line, to descriptor 3; here the events are published anew, so that
-- every output handler works, and one report has all files.
local fail = require "nsh.error"
local json = require "nsh.json"
local text = require "nsh.text"

local m = {}

local globals = package.loaded["nsh.globals"] or {}
local stderr, stdout = io.stderr, io.stdout

local TELL, CHILD = "/proc/self/fd/3", "@"
local LIMIT, LIMIT_MAX = 60, 86400 -- seconds for a test

--- The script of `nsh lab.lua test`, for nsh.test; nil where there is none.
---@private
---@type string?
m.script = nil

--- The folder of `--keep`, and the file that runs, for nsh.test_keep.
---@private
---@type string?
m.keep, m.file = nil, nil

local function missing(what)
  fail.raise { op = "test", code = "ENOPKG", where = "", lacks = true,
    message = ("busted is missing, or a part of it: %s (ENOPKG)"):format(what:match "^[^\n]*"),
    hint = "apt-get install lua-busted brings it" }
end

-- Modules of busted, and what it is made of; they are Lua files of the machine's.
local function library(name)
  local ok, module = pcall(require, name)
  if not ok then
    if type(module) == "string" and module:find("module '[^']+' not found") then missing(module) end
    error(module, 0)
  end
  return module
end

-- Has busted use another module in the place of one of its own; `make` is given the one that it replaces.
local function replace(name, make) package.loaded[name] = make(library(name)) end

local EXIT = {} -- what ends busted's runner

local function run_busted(words)
  _G.arg = table.move(words, 1, #words, 1, { [0] = "nsh --test" })
  local runner = library "busted.runner"
  local done, problem = pcall(runner, { standalone = false })
  if done then return 0 end
  if problem ~= EXIT then error(problem, 0) end
  return EXIT.code
end

local function replace_exit()
  library("busted.compatibility").exit = function(code)
    EXIT.code = code == 0 and 0 or 1
    error(EXIT, 0)
  end
end

-- --- the nsh of a file ---

local PLAIN = { "name", "descriptor", "starttick", "endtick", "starttime", "endtime", "duration", "randomseed" }

local function plain_trace(trace)
  if type(trace) ~= "table" then return nil end
  return { short_src = trace.short_src, source = trace.source, currentline = trace.currentline, what = trace.what,
    traceback = trace.traceback }
end

-- Writes what happens for the nsh that started this one.
local function teller(busted)
  local out = assert(io.open(TELL, "w"))
  out:setvbuf "line"
  local function tell(channel, element, parent, message, trace)
    local copy = { id = tostring(element), trace = plain_trace(element.trace) }
    for _, key in ipairs(PLAIN) do copy[key] = element[key] end
    if message ~= nil and type(message) ~= "string" then message = tostring(message) end
    out:write(json.encode { channel = channel, element = copy, message = message, trace = plain_trace(trace),
      randomseed = parent and parent.randomseed }, "\n")
    return nil, true
  end
  for _, channel in ipairs { { "describe", "start" }, { "describe", "end" }, { "test", "start" }, { "test", "end" },
    { "pending" }, { "failure" }, { "error" } } do
    busted.subscribe(channel, function(element, ...) return tell(channel, element, ...) end)
  end
  busted.subscribe({ "exit" }, function() return tell({ "exit" }, {}) end)
end

-- What belongs to a spec may take `seconds`, and os.exit in it is its error.
local function guard(busted, seconds)
  local safe, inside, exit = busted.safe, 0, os.exit
  function os.exit(code, ...) -- luacheck: ignore 122
    if inside == 0 then exit(code, ...) end
    error(("os.exit(%s) inside of a test"):format(code == nil and "" or tostring(code)), 2)
  end
  function busted.safe(descriptor, run, element)
    if run ~= element.run and descriptor ~= "finally" then return safe(descriptor, run, element) end
    inside = inside + 1
    local _ <close> = setmetatable({}, { __close = function() inside = inside - 1 end })
    local f = run
    if type(f) ~= "function" then f = function(...) return run(...) end end -- a file is something to be called
    globals.limit(f, seconds)
    return safe(descriptor, f, element)
  end
end

-- What is told to the nsh of a file, in this order; "" where there is nothing.
local TOLD = { "folder", "file", "seconds", "script", "keep" }

local function child(told, words)
  local folder, file, seconds = told.folder, told.file, tonumber(told.seconds)
  stdout:setvbuf "line"
  m.script, m.keep, m.file = told.script, told.keep, file
  assert(library("lfs").chdir(folder))
  replace_exit()
  replace("busted.core", function(core)
    return function()
      local busted = core()
      guard(busted, seconds)
      require("nsh.test_keep").on_failure(busted)
      return busted
    end
  end)
  replace("busted.modules.output_handler_loader", function() return function() return teller end end)
  replace("busted.modules.test_file_loader", function(loader)
    return function(...)
      local load = loader(...)
      return function(_, ...) return load({ file }, ...) end
    end
  end)
  replace("busted.execute", function(execute)
    return function(...)
      local run = execute(...)
      return function(_, ...) return run(1, ...) end
    end
  end)
  return run_busted(words)
end

-- --- this nsh: busted's command line and outputs ---

-- Where an element stands of which nothing else is known.
local function trace_of(file) return { short_src = file.name, currentline = 0, what = "main", traceback = "" } end

-- Publishes what the nsh of a file tells. Elements are attached where the file's own were.
local function replay(busted, file, run)
  local elements, known, testing = {}, {}, nil
  local function element_of(copy)
    if copy.descriptor == "file" or copy.descriptor == "suite" then return file end
    local element = elements[copy.id]
    if not element then
      element = { attributes = {} }
      elements[copy.id] = element
    end
    for key, value in pairs(copy) do element[key] = value end
    if not known[element] then
      known[element] = true
      busted.context.attach(element)
    end
    return element
  end
  local function publish(channel, element, message, trace)
    local parent = busted.context.parent(element)
    busted.publish(channel, element, parent, message, trace)
  end
  for line in run:lines() do
    local event = library("dkjson").decode(line)
    local what, how = event.channel[1], event.channel[2]
    if what == "exit" then return true end
    local element = element_of(event.element)
    if what == "describe" and how == "start" then busted.context.push(element) end
    if what == "describe" and how == "end" then busted.context.pop() end
    local parent = busted.context.parent(element)
    if parent then parent.randomseed = event.randomseed end
    if what == "test" then testing = how == "start" and element or nil end
    if not how then
      publish({ what, element.descriptor }, element, event.message, event.trace or element.trace or trace_of(file))
    else
      publish(event.channel, element, event.message)
    end
  end
  return false, testing, publish
end

local function ending(how, code)
  if how == "signal" then return "was killed by signal " .. code end
  return "ended with exit status " .. code
end

-- The executor of files: another nsh does it.
local function in_another(busted, options)
  local here = assert(library("lfs").currentdir())
  return function(file)
    if not busted.safe_publish("file", { "file", "start" }, file) then return end
    stdout:flush()
    local words = table.move(options.before, 1, #options.before, 1, {})
    table.move({ "--test", CHILD }, 1, 2, #words + 1, words)
    for _, key in ipairs(TOLD) do words[#words + 1] = key == "file" and file.name or tostring(options[key] or "") end
    table.move(options.words, 1, #options.words, #words + 1, words)
    local run <close> = assert(globals.child(words))
    local depth = busted.context.get()
    local whole, testing, publish = replay(busted, file, run)
    local _, how, code = run:close()
    if not whole then
      local message = ("the nsh of this file %s%s"):format(ending(how, code), testing and " during a test" or "")
      local trace = trace_of(file)
      if testing then
        testing.trace = testing.trace or trace
        publish({ "error", "it" }, testing, message, testing.trace)
        publish({ "test", "end" }, testing, "error")
      end
      while busted.context.get() ~= depth do busted.context.pop() end
      if not testing then publish({ "error", "file" }, file, message, trace) end
    end
    busted.safe_publish("file", { "file", "end" }, file)
    if here ~= library("lfs").currentdir() then library("lfs").chdir(here) end
  end
end

-- The closing line, on standard error: what the output handler writes may be for programs.
local function count(busted)
  local n = { success = 0, failure = 0, error = 0, pending = 0 }
  busted.subscribe({ "test", "end" }, function(_, _, status)
    n[status] = (n[status] or 0) + 1
    return nil, true
  end)
  busted.subscribe({ "error" }, function(element)
    if element.descriptor ~= "it" then n.error = n.error + 1 end
    return nil, true
  end)
  busted.subscribe({ "exit" }, function()
    stdout:flush()
    if n.success + n.failure + n.error + n.pending == 0 then return nil, true end -- their names were listed
    stderr:write(("%d passed, %d failed, %d skipped\n"):format(n.success, n.failure + n.error, n.pending))
    return nil, true
  end)
end

-- Options of busted whose value is a word of its own.
local VALUED = {}
for name in ([[-p --pattern --exclude-pattern -e -o --output -C --directory -f --config-file --coverage-config-file
  -t --tags --exclude-tags --filter --filter-out -m --lpath --cpath -r --run --repeat --seed --lang --loaders --helper
  --lua -Xoutput -Xhelper]]):gmatch "%S+" do
  VALUED[name] = true
end

local function names_spec(words)
  for i, word in ipairs(words) do
    if not word:find "^%-" and not VALUED[words[i - 1]] then return true end
  end
  return false
end

-- Adds the spec of a lab where none is named: lab_spec.lua beside lab.lua.
local function add_own_spec(script, words)
  if names_spec(words) then return end
  local spec = script:gsub("%.lua$", "") .. "_spec.lua"
  if not library("lfs").attributes(spec) then
    fail.raise { op = "test", target = script, code = "ENOENT", errno = 2, where = "",
      message = ("there is no %s (ENOENT)"):format(spec),
      hint = ("nsh %s test SPEC... names the specs"):format(script) }
  end
  words[#words + 1] = spec
end

local function parent(options)
  replace_exit()
  replace("busted.modules.helper_loader", function() return function() return function() return true end end end)
  replace("busted.modules.test_file_loader", function(loader)
    return function(busted, ...)
      busted.register("file", in_another(busted, options), { envmode = "insulate" })
      busted.hide "file"
      count(busted)
      return loader(busted, ...)
    end
  end)
  return run_busted(options.words)
end

local function seconds_of(value)
  local seconds = tonumber(value)
  if seconds and seconds > 0 and seconds <= LIMIT_MAX then return seconds end
  return nil, ("--timeout wants seconds like 60, not '%s'"):format(text.escape(value))
end

-- Takes our own options out of busted's.
local function own_options(words)
  local options, own, at = { words = {}, seconds = LIMIT }, { timeout = true, keep = true }, 1
  while words[at] do
    local name, value = words[at]:match "^%-%-(%w+)=?(.*)$"
    if own[name] then
      if not words[at]:find("=", 1, true) then
        at = at + 1
        value = words[at] or ""
      end
      options[name] = value
    else
      table.insert(options.words, words[at])
    end
    at = at + 1
  end
  local problem
  if options.timeout then options.seconds, problem = seconds_of(options.timeout) end
  if options.keep == "" then problem = "--keep wants a folder" end
  return options, problem
end

local function start(words, before, script)
  local options, problem = own_options(words)
  if problem then
    stderr:write("nsh: ", problem, "\n")
    return 2
  end
  library "busted.core"
  options.folder = assert(library("lfs").currentdir())
  if options.keep and not options.keep:find "^/" then options.keep = options.folder .. "/" .. options.keep end
  if script then
    add_own_spec(script, options.words)
    if not script:find "^/" then script = options.folder .. "/" .. script end
  end
  options.before, options.script = before, script
  return parent(options)
end

--- Runs specs: `nsh --test ...`.
---@private
---@param options { words: string[], before: string[] }
---@return integer code
function m.main(options)
  local words = options.words
  if words[1] == CHILD then
    local told = {}
    for n, key in ipairs(TOLD) do told[key] = words[n + 1] ~= "" and words[n + 1] or nil end
    return child(told, table.move(words, #TOLD + 2, #words, 1, {}))
  end
  return start(words, options.before)
end

--- Runs the specs of a lab: `nsh lab.lua test ...`.
---@private
---@param script string
---@param words string[]
---@param before string[] nsh's own options
---@return integer code
function m.of_lab(script, words, before)
  if require("nsh.core").world.made() then
    fail.misuse("%s has worked in its world before it returned the lab, and tests run in worlds of their own: leave "
      .. "that to up(), or run the specs by nsh --test", script)
  end
  return start(words, before, script)
end

return m
