--- daemon.lua - real programs for recipes: found, given a private folder, started, waited for, stopped with the world.
--
--     local d <close> = daemon.start { "dnsmasq", netns = ns,
--       command = { "dnsmasq", "--keep-in-foreground", "--conf-file=$DIR/dnsmasq.conf" },
--       files = { ["dnsmasq.conf"] = "listen-address=10.0.0.1\n" }, ready = { udp = 53 } }
--     print(d:output())
local nsh = require "nsh"

local m = {}

local START, PAUSE, PAUSE_MAX, TAIL = 10, 0.001, 0.05, 10

-- Folders and programs that are still there: at the end of nsh they go, the last one first.
local live = {}

--- A private folder of this world (mode 0700), which is removed at the end.
---@class daemon.Dir
---@field path string
local Dir = {}
local dir_mt = { __index = Dir, __name = "daemon.dir" }

--- Makes a folder for files and sockets of programs.
---@param name string what it is for, as a part of its name
---@return daemon.Dir
function m.dir(name)
  local out = netns.current():exec({ "mktemp", "-d", ("%s/%s.XXXXXX"):format(nsh.run_dir(), name) }).out
  local dir = setmetatable({ path = out:match "[^\n]+" }, dir_mt)
  live[dir] = true
  return dir
end

--- Writes a file there.
---@param name string "web/index.html": folders before it are made
---@param text string
---@param opts? { mode?: string } "755": it may be executed
---@return string path
function Dir:write(name, text, opts)
  opts = nsh.options(opts, "write", { "mode" })
  local path, folder = self.path .. "/" .. name, name:match "^(.*)/"
  if folder then netns.current():exec { "mkdir", "-p", self.path .. "/" .. folder } end
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
  if opts.mode then netns.current():exec { "chmod", opts.mode, path } end
  return path
end

--- Reads a file there.
---@param name string
---@return string? text nil where there is none
function Dir:read(name)
  local file = io.open(self.path .. "/" .. name)
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

--- Removes it with all that is in it.
function Dir:remove()
  if not live[self] then return end
  live[self] = nil
  netns.current():exec({ "rm", "-rf", self.path }, { check = false })
end

function dir_mt.__close(self) self:remove() end
function dir_mt.__gc(self) pcall(self.remove, self) end
function dir_mt.__tostring(self) return "folder " .. self.path end

--- Tells whether programs are there.
---@param ... string their names
---@return boolean
---@return string? why which one is missing, and the package that brings it
function m.available(...)
  for _, name in ipairs { ... } do
    local path, remedy = nsh.program(name)
    if not path then return false, ("%s is missing: %s"):format(name, remedy) end
  end
  return true
end

--- Returns the path of a program.
---@param name string
---@return string path
---@error ENOENT it is missing; the hint names the package
function m.find(name)
  local path, remedy = nsh.program(name)
  if path then return path end
  nsh.raise { op = "start", target = name, code = "ENOENT", errno = 2, message = "no program '" .. name .. "'",
    hint = remedy }
end

-- Whether a value is a live object of nsh.
local function is_a(value, class)
  local metatable = getmetatable(value)
  return type(metatable) == "table" and metatable.__name == class
end

local function refuse(what, kind, value)
  local plain = type(value) == "table" and getmetatable(value) == nil
  nsh.misuse(("%s is %s, not %s"):format(what, kind, plain and "a table" or tostring(value)))
end

--- Returns the namespace that a recipe was given: itself, by its name, or the node of a lab that is up. Anything else
--- is misuse.
---@param value any
---@param what string for the message: "the first argument of httpd.start"
---@return nsh.Netns
---@error ENOENT there is none of that name, or the node's lab isn't up
function m.netns(value, what)
  if type(value) == "string" then return netns.get(value) end
  if is_a(value, "nsh.lab.node") then return value.netns end
  if not is_a(value, "nsh.netns") then refuse(what, "a namespace, its name or a node of a lab", value) end
  return value
end

--- Tells whether a value is a link.
---@param value any
---@return boolean
function m.is_link(value) return is_a(value, "nsh.link") end

--- Returns the link that a recipe was given. Anything else is misuse.
---@param value any
---@param what string for the message
---@return nsh.Link
function m.link(value, what)
  if not m.is_link(value) then refuse(what, 'a link, as ns:link "eth0"', value) end
  return value
end

--- A program that was started and is ready.
---@class daemon.Daemon
---@field name string
---@field netns nsh.Netns
---@field dir daemon.Dir
---@field process nsh.Process
---@field ready? boolean it was, once
local Daemon = {}
local mt = { __index = Daemon, __name = "daemon" }

--- Returns what it wrote to standard output and standard error.
---@return string text the last MiB of it
function Daemon:output() return self.process.out end

--- Tells whether it still runs.
---@return boolean
function Daemon:running() return not self.stopped and self.process:running() end

-- Its last lines.
local function last_words(self)
  local lines = {}
  for line in self:output():gmatch "[^\r\n]+" do lines[#lines + 1] = line end
  return table.concat(lines, "\n  ", math.max(1, #lines - TAIL + 1))
end

--- Raises how it ended, with its last lines, unless it runs.
---@error EXIT it ended by itself
---@error SIGNAL a signal killed it
---@error ENOENT it was stopped
function Daemon:check()
  if self:running() then return end
  if self.stopped then
    nsh.raise { op = "check", target = self.name, netns = self.netns, code = "ENOENT", message = "it was stopped" }
  end
  local result, said = self.process:wait { check = false }, last_words(self)
  local how = result.signal and "killed by SIG" .. result.signal or "exit status " .. result.status
  local code = result.signal and "SIGNAL" or "EXIT"
  nsh.raise { op = self.ready and "run" or "start", target = self.name, netns = self.netns, code = code,
    status = result.status, signal = result.signal, out = self:output(),
    message = ("%s (%s)%s"):format(how, code, said ~= "" and ":\n  " .. said or ", without a word") }
end

--- Stops it: TERM, a second later KILL, to its whole group. Its folder goes too, unless start was given one.
function Daemon:stop()
  if self.stopped then return end
  self.process:stop()
  self.stopped = true
  live[self] = nil
  if self.own_dir then self.dir:remove() end
end

function mt.__close(self) self:stop() end
function mt.__gc(self) pcall(self.stop, self) end
function mt.__tostring(self)
  return ("%s in %s, %s"):format(self.name, self.netns.name or "root", self:running() and "running" or "ended")
end

-- The lines of a table of /proc/net as the namespace has it.
local function proc_net(ns, name)
  return ns:call(function()
    local file = io.open("/proc/thread-self/net/" .. name)
    if not file then return "" end
    local text = file:read "a"
    file:close()
    return text
  end)
end

-- Whether a socket of a protocol waits at a port: TCP's state 0A is LISTEN, UDP's 07 is open.
local function has_port(ns, protocol, port)
  local pattern = (":%04X %%x+:0000 %s "):format(port, protocol == "tcp" and "0A" or "07")
  return (proc_net(ns, protocol) .. proc_net(ns, protocol .. "6")):find(pattern) ~= nil
end

-- Each tells whether what is waited for is there.
local conditions = {
  tcp = function(self, port) return has_port(self.netns, "tcp", port) end,
  udp = function(self, port) return has_port(self.netns, "udp", port) end,
  file = function(_, path)
    local file = io.open(path)
    if file then file:close() end
    return file ~= nil
  end,
  unix = function(self, path) -- the flag is what listen(2) sets
    for line in proc_net(self.netns, "unix"):gmatch "[^\n]+" do
      local flags, where = line:match "^%x+: %x+ %x+ (%x+) %x+ %x+ +%d+ (.*)$"
      if where == path and flags == "00010000" then return true end
    end
    return false
  end,
  test = function(self, fn) return fn(self) end,
}

local function describe(ready)
  local words = {}
  for key, value in pairs(ready) do words[#words + 1] = ("%s %s"):format(key, tostring(value)) end
  table.sort(words)
  return table.concat(words, ", ")
end

local function is_ready(self, ready)
  for key, value in pairs(ready) do
    if not conditions[key](self, value) then return false end
  end
  return true
end

local function too_late(self, what, timeout)
  nsh.raise { op = "start", target = self.name, netns = self.netns, code = "ETIMEDOUT", errno = 110,
    message = ("it runs, but isn't ready (%s) after %g s; said last:\n  %s"):format(what, timeout, last_words(self)) }
end

-- The kernel announces no socket that begins to listen, so it is asked, more and more seldom.
local function await(self, ready, timeout)
  local what, waited, pause = describe(ready), 0, PAUSE
  if ready.output then
    local ok, err = pcall(self.process.expect, self.process, ready.output, timeout)
    ready.output = nil
    if not ok and type(err) ~= "table" then error(err, 0) end
    if not ok then
      self:check()
      too_late(self, what, timeout)
    end
  end
  while not is_ready(self, ready) do
    self:check()
    if waited >= timeout then too_late(self, what, timeout) end
    nsh.sleep(pause)
    waited = waited + pause
    pause = math.min(pause * 1.5, PAUSE_MAX)
  end
end

-- What listens there already would be taken for the program.
local function check_ports(name, ns, ready)
  for _, protocol in ipairs { "tcp", "udp" } do
    if ready[protocol] and has_port(ns, protocol, ready[protocol]) then
      nsh.raise { op = "start", target = name, netns = ns, code = "EADDRINUSE", errno = 98,
        message = ("%s port %d is taken"):format(protocol:upper(), ready[protocol]) }
    end
  end
end

local KEYS = { 1, "netns", "command", "dir", "files", "data", "ready", "timeout", "env", "cwd" }
local READY = { "tcp", "udp", "unix", "file", "output", "test" }

local function in_dir(dir, word)
  return type(word) == "string" and (word:gsub("%$DIR", (dir.path:gsub("%%", "%%%%")))) or word
end

--- How a program is started. `$DIR` stands for its folder, in words, files and what is waited for.
---@class daemon.Spec
---@field [1] string its name: the program
---@field netns? nsh.Netns|nsh.LabNode|string where (the current one)
---@field command string[] its words; the first one is looked for in PATH. It must stay in the foreground
---@field dir? daemon.Dir a folder that several programs share; its owner removes it
---@field files? table<string, string> name and text of files that are written first
---@field data? table<string, string> the same, but as they are: `$DIR` means nothing there
---@field ready table what tells that it is ready, all of these: tcp, udp: a port is open; unix: a socket listens at
---   a path; file: a path exists; output: a line that it writes matches a pattern; test: a function of the daemon
---   gives true
---@field timeout? number seconds until it must be ready (10)
---@field env? table<string, string|number|false>
---@field cwd? string

--- Starts a program and returns when it is ready.
---@param spec daemon.Spec
---@return daemon.Daemon
---@error ENOENT the program is missing; the hint names the package
---@error EADDRINUSE the port where it shall listen is taken
---@error EXIT it ended: with its last lines
---@error ETIMEDOUT it isn't ready in time: with its last lines
function m.start(spec)
  spec = nsh.options(spec, "daemon.start", KEYS)
  if type(spec[1]) ~= "string" or type(spec.command) ~= "table" then
    nsh.misuse "daemon.start needs a name and a command, a table of words"
  end
  if spec.ready == nil then nsh.misuse "daemon.start needs ready: what tells that it is, as { tcp = 80 }" end
  local ready = nsh.options(spec.ready, "ready", READY)
  m.find(spec.command[1])
  local ns = m.netns(spec.netns or netns.current(), "netns")
  check_ports(spec[1], ns, ready)
  local dir = spec.dir or m.dir(spec[1])
  for name, text in pairs(spec.files or {}) do dir:write(name, in_dir(dir, text)) end
  for name, text in pairs(spec.data or {}) do dir:write(name, text) end
  local words = {}
  for i, word in ipairs(spec.command) do words[i] = in_dir(dir, word) end
  for key, value in pairs(ready) do ready[key] = in_dir(dir, value) end
  local self = setmetatable({ name = spec[1], netns = ns, dir = dir, own_dir = not spec.dir,
    process = ns:spawn(words, { env = spec.env, cwd = spec.cwd, err = "out" }) }, mt)
  live[self] = true
  local ok, err = pcall(await, self, ready, spec.timeout or START)
  if not ok then
    self:stop()
    error(err, 0)
  end
  self.ready = true
  return self
end

--- Makes a class for what a recipe returns, whose `daemon` is the program: with output, running, stop,
--- `<close>` and tostring.
---@param name string of the type
---@return table class
---@return table metatable
function m.class(name)
  local Class = {}
  local metatable = { __index = Class, __name = name }
  function Class:output() return self.daemon:output() end
  function Class:running() return self.daemon:running() end
  function Class:stop() self.daemon:stop() end
  function metatable:__close() self:stop() end
  function metatable:__tostring() return tostring(self.daemon) end
  return Class, metatable
end

return m
