--- process.lua - commands in a namespace: run to their end, or started and looked after.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local node = require "nsh.node"
local object = require "nsh.object"
local show = require "nsh.show"
local text = require "nsh.text"
local Netns = require "nsh.netns".Netns

local m = {}

local TARGET_MAX, TAIL_LINES, TAIL_BYTES, LINE_MAX = 60, 5, 4096, 200
local PATIENCE, STOP_GRACE = 10, 1
local stdout = io.stdout
local relay = (package.loaded["nsh.globals"] or {}).relay or function() end

-- A string is for the shell, a table is words.
local function words_of(cmd)
  if type(cmd) ~= "string" then return cmd end
  if cmd:find "^%s*$" then fail.misuse "the command is empty" end
  if cmd:find("\0", 1, true) then fail.misuse "the command contains a NUL byte" end
  return { "/bin/sh", "-c", cmd }
end

m.words_of = words_of

-- What only a shell can do anything with, as its first word.
local BUILTIN = {}
for word in (". : alias bg break case cd command continue eval exec exit export fg for if jobs let local read readonly "
  .. "return set shift source times trap type typeset ulimit umask unalias unset until wait while"):gmatch "%S+" do
  BUILTIN[word] = true
end

--- Returns the words of a command for which a shell would do no more than start a program, so that its start can be
--- told from its failure; those of words_of for all others.
---@private
---@param cmd string|string[]
---@return string[]
function m.started_words(cmd)
  if type(cmd) ~= "string" or cmd:find "[^%w@%%+:=,./_ \t-]" then return words_of(cmd) end
  local words = {}
  for word in cmd:gsub("^%s*exec%s+%f[%w./]", ""):gmatch "%S+" do words[#words + 1] = word end
  if not words[1] or BUILTIN[words[1]] or words[1]:find "=" then return words_of(cmd) end
  return words
end

local function quoted(word)
  word = tostring(word)
  if word:find "^[%w@%%+=:,./_-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- Returns the command as one short line, for messages.
---@private
function m.line_of(cmd)
  if type(cmd) == "table" then
    local words = {}
    for i, word in ipairs(cmd) do words[i] = quoted(word) end
    cmd = table.concat(words, " ")
  end
  cmd = tostring(cmd):gsub("^%s+", ""):gsub("%s+$", ""):gsub("%s*\n%s*", "; ")
  return text.cut(text.escape(cmd), TARGET_MAX)
end

-- The last lines of what a command said, harmless to print.
local function tail(said)
  local lines = {}
  for line in said:sub(-TAIL_BYTES):gmatch "[^\r\n]+" do
    if line:find "%S" then lines[#lines + 1] = text.cut(text.escape(line, "\t"), LINE_MAX) end
  end
  if #lines == 0 then return "" end
  if #lines == 1 then return ": " .. lines[1] end
  return ":\n  " .. table.concat(lines, "\n  ", math.max(1, #lines - TAIL_LINES + 1))
end

--- Returns the code of a failure, and how the command ended; nil where it succeeded.
---@private
function m.verdict(result)
  if result.timed_out then return "TIMEOUT", ("stopped after %.3g s"):format(result.seconds) end
  if result.signal then return "SIGNAL", "killed by SIG" .. result.signal end
  if result.status ~= 0 then return "EXIT", "exit status " .. result.status end
end

--- Returns what tells best why it failed.
---@private
function m.last_words(out, err)
  return tail(err and err:find "%S" and err or out or "")
end

-- Returns the result of a command that succeeded or may fail; raises for any other.
local function judge(op, target, ns, result, check, out, err)
  local code, message = m.verdict(result)
  if not code or check == false then return setmetatable(result, show.Record) end
  if result.signal == "KILL" then fail.check(op, target, ns.label, core.world.lasts(true)) end
  fail.raise {
    op = op, target = target, netns = ns.label, code = code,
    message = ("%s (%s)%s"):format(message, code, m.last_words(out, err)),
    status = result.status, signal = result.signal, out = out, err = err, seconds = result.seconds,
  }
end

--- What came of a command.
---@class nsh.Result
---@field status? integer exit status; nil when a signal killed it
---@field signal? string "TERM"
---@field out string what it wrote to standard output; the last 64 MiB
---@field err string the same of standard error
---@field out_lost? integer bytes of output before that, dropped
---@field err_lost? integer the same of standard error
---@field seconds number from its start to its end
---@field timed_out? boolean its time was out and nsh stopped it

--- How a command is run.
---@class nsh.ExecOptions
---@field check? boolean false: a failure is returned, not raised
---@field input? string what it reads
---@field timeout? number|string seconds, or "500ms", until it is stopped
---@field env? table<string,string|number|false> added to nsh's own environment; false unsets
---@field cwd? string the folder where it starts

--- Runs a command in the namespace to its end, and keeps what it writes.
--- A string is run by `sh -c`, a table of words without a shell. It reads `input`, or nothing. It has ended when its
--- first process has: what that left in the background goes on, with its output closed. When time is out, or on
--- Ctrl-C, its whole process group gets TERM and soon KILL.
--- Twin: `ip netns exec NAME COMMAND`
---@param cmd string|string[]
---@param opts? nsh.ExecOptions
---@return nsh.Result
---@error EXIT it ended with a status other than 0
---@error SIGNAL a signal killed it
---@error TIMEOUT its time was out
---@error ENOENT there is no such program or cwd
function Netns:exec(cmd, opts)
  local words, target = words_of(cmd), m.line_of(cmd)
  node.ready(self)
  local op <close> = fail.check("exec", target, self, core.process.exec(self, words, opts))
  fail.check("exec", target, self, loop.run(op))
  local result = core.process.result(op)
  return judge("exec", target, self, result, opts and opts.check, result.out, result.err)
end

--- A program that was started in a namespace.
---@class nsh.Process
local Process, process_mt = object.class "nsh.process"
m.Process = Process

local function object_of(ns, line, process)
  return setmetatable({ core = process, ns = ns, line = line, read = { out = 0, err = 0 },
    seen = { out = 0, err = 0 } }, process_mt)
end

--- How a program is started.
---@class nsh.SpawnOptions
---@field out? string|table|false "keep" (the default): the last bytes are kept; "inherit": it goes where nsh writes;
---  { file = "log", append = true }; false: /dev/null
---@field err? string|table|false the same of standard error; "out": where out goes
---@field keep? integer|string how many bytes of each are kept (1 MiB), as 65536 or "64kb"
---@field input? string|boolean|table what it reads: text; true: what write() gives; { file = "data" }
---@field env? table<string,string|number|false> added to nsh's own environment; false unsets
---@field cwd? string the folder where it starts

--- Starts a command in the namespace and returns once it runs there.
--- What it writes is taken in during every wait of nsh, so it never stands still for want of a reader. It lives as
--- long as the world does, whatever becomes of its variable, except one declared `<close>`, which is stopped at the end
--- of its block.
--- Twin: `ip netns exec NAME COMMAND &`
---@param cmd string|string[] as for exec
---@param opts? nsh.SpawnOptions
---@return nsh.Process
---@error ENOENT there is no such program, file or cwd
---@error EACCES the program may not be run
function Netns:spawn(cmd, opts)
  local words, target = words_of(cmd), m.line_of(cmd)
  node.ready(self)
  stdout:flush()
  return object_of(self, target, fail.check("spawn", target, self, core.process.spawn(self, words, opts)))
end

--- Its number outside the world, as nsh and the machine see it.
---@return integer
function Process.get:pid() return self.core:pid() end

--- The namespace where it was started.
---@return nsh.Netns
function Process.get:netns() return self.ns end

--- What was started, as one short line.
---@return string
function Process.get:command() return self.line end

--- What is kept of its standard output; nil where it isn't kept.
---@return string?
function Process.get:out() return (self.core:kept "out") end

--- What is kept of its standard error; nil where it isn't kept.
---@return string?
function Process.get:err() return (self.core:kept "err") end

local function lost(self, stream)
  local _, bytes = self.core:kept(stream)
  return bytes > 0 and bytes or nil
end

--- How many bytes of its standard output came before what is kept, and are lost; nil: none.
---@return integer?
function Process.get:out_lost() return lost(self, "out") end

--- How many bytes of its standard error came before what is kept, and are lost; nil: none.
---@return integer?
function Process.get:err_lost() return lost(self, "err") end

--- Its exit status; nil while it runs, and when a signal killed it.
---@return integer?
function Process.get:status() return (self.core:result() or {}).status end

--- What killed it, as "TERM"; nil for one that runs or ended by itself.
---@return string?
function Process.get:signal() return (self.core:result() or {}).signal end

--- Tells whether the process still runs.
---@return boolean
function Process:running() return self.core:running() end

-- Waits for its end.  Returns what came of it; nil: it still runs.
local function wait(self, deadline)
  while self.core:running() and loop.wait(self.core, deadline) do end -- luacheck: ignore 542
  return self.core:result()
end

--- Waits until the process has ended.
---@param opts? { timeout?: number|string, check?: boolean } timeout in seconds; check: false returns a failure
---@return { status?: integer, signal?: string, seconds: number }
---@error EXIT it ended with a status other than 0; the error has its last lines
---@error SIGNAL a signal killed it
---@error TIMEOUT it still runs
function Process:wait(opts)
  opts = fail.known(opts, "wait", { "check", "timeout" })
  if opts.check ~= nil and type(opts.check) ~= "boolean" then
    fail.misuse("check must be true or false, not a %s", type(opts.check))
  end
  local result = wait(self, core.loop.deadline(opts.timeout))
  if not result then
    fail.raise { op = "wait", target = self.line, netns = self.ns.label, code = "TIMEOUT", errno = 62,
      message = ("process %d still runs after %s s"):format(self.pid, opts.timeout) }
  end
  return judge("wait", self.line, self.ns, result, opts.check, self.out, self.err)
end

--- Sends a signal to the process and all of its group.
--- Twin: `kill -s SIGNAL -- -PID`
---@param signal? string|integer "TERM" (the default), "SIGTERM" or 15
---@return boolean sent false: it had ended already
function Process:kill(signal)
  return (fail.check("kill", self.line, self.ns, self.core:kill(signal)))
end

--- Ends the process and all of its group: TERM, a second later KILL. Nothing happens to one that has ended.
function Process:stop() self.core:stop(STOP_GRACE) end

-- --- what it writes ---

local function check_kept(self, from)
  if from ~= "out" and from ~= "err" then fail.misuse("from must be \"out\" or \"err\", not %s", tostring(from)) end
  if not self.core:written(from) then
    fail.misuse("%s of this process isn't kept: spawn it with %s = \"keep\"", from, from)
  end
end

-- The next line, when it begins before `limit`.
local function next_line(self, from, limit, rest)
  local line, start, after = self.core:line(from, self.read[from], rest)
  if not line or start >= limit then return nil end
  self.read[from] = after
  return line
end

--- Returns an iterator over the lines of its output that no earlier loop had: those written until now; with `timeout`
--- until none came for so many seconds; with `follow` until the process has ended. Lines that aren't kept any more are
--- passed over.
---@param opts? { timeout?: number|string, follow?: boolean, from?: "out"|"err" } from: "out" is the default
---@return fun(): string? line without its newline
function Process:lines(opts)
  opts = fail.known(opts, "lines", { "timeout", "follow", "from" })
  local from, timeout = opts.from or "out", opts.timeout
  check_kept(self, from)
  core.loop.deadline(timeout) -- a wrong one is told here
  if not timeout and not opts.follow then
    local rest, limit = not self.core:running(), self.core:written(from)
    return function() return next_line(self, from, limit, rest) end
  end
  local news = self.core:news()
  return function()
    local deadline = core.loop.deadline(timeout)
    while true do
      local running = self.core:running()
      local line = next_line(self, from, math.huge, not running)
      if line or not running then return line end
      if not core.loop.step(news) and not loop.wait(news, deadline) then return nil end
    end
  end, nil, nil, news
end

-- Looks for a pattern in the lines from `at` on, which goes to the first one that isn't whole or not there yet.
local function find(self, pattern, at)
  for stream in pairs(at) do
    local line, start, after = self.core:line(stream, at[stream], true)
    while line do
      local found = table.pack(line:find(pattern))
      if found[1] then
        self.seen[stream] = after
        return line, table.unpack(found, 3, found.n)
      end
      if after == start + #line then break end
      at[stream] = after
      line, start, after = self.core:line(stream, after, true)
    end
  end
end

local function never_said(self, code, pattern, message, result)
  result = result or {}
  fail.raise { op = "expect", target = self.line, netns = self.ns.label, code = code, wanted = pattern,
    errno = code == "ETIMEDOUT" and 110 or nil, status = result.status, signal = result.signal, out = self.out,
    err = self.err, message = ("%s%s"):format(message, m.last_words(self.out, self.err)) }
end

--- Waits until a line that it writes, to either output, matches a Lua pattern: so one knows that a daemon is ready. The
--- next expect goes on behind that line. The last line need not be whole: a prompt is one.
---@param pattern string
---@param timeout? number|string seconds (10)
---@return string line
---@return string ... captures of the pattern
---@error ETIMEDOUT when it didn't write that; the error has its last lines
---@error EXIT when it ended first, with whatever status
---@error SIGNAL when a signal killed it first
function Process:expect(pattern, timeout)
  if type(pattern) ~= "string" then fail.misuse("expect takes a pattern, not a %s", type(pattern)) end
  local ok, slip = pcall(string.find, "", pattern)
  if not ok then fail.misuse("%s", slip) end
  if not self.core:written "out" and not self.core:written "err" then
    fail.misuse "no output of this process is kept: spawn it with out = \"keep\""
  end
  timeout = timeout or PATIENCE
  local deadline, in_time = core.loop.deadline(timeout), true
  local news <close> = self.core:news()
  local at = { out = self.seen.out, err = self.seen.err }
  while true do
    local running = self.core:running()
    local found = table.pack(find(self, pattern, at))
    if found[1] then return table.unpack(found, 1, found.n) end
    if not running then
      local result = self.core:result()
      local code, how = m.verdict(result)
      never_said(self, code or "EXIT", pattern, ("it ended (%s) and never wrote '%s'"):format(how or "exit status 0",
        pattern), result)
    end
    if not in_time then
      never_said(self, "ETIMEDOUT", pattern, ("it didn't write '%s' in %s s"):format(pattern, timeout))
    end
    if not core.loop.step(news) then in_time = loop.wait(news, deadline) end
  end
end

-- --- what it reads ---

--- Gives the process something to read; it was spawned with input = true. Returns when all of it is in the pipe.
---@param data string
---@error EPIPE it reads no more
function Process:write(data)
  if type(data) ~= "string" then fail.misuse("write takes text, not a %s", type(data)) end
  fail.check("write", self.line, self.ns, self.core:put(data))
  local fed <close> = self.core:fed()
  fail.check("write", self.line, self.ns, loop.run(fed))
end

--- Closes its input: the process reads the end when it has read all.
function Process:close_input() self.core:finish() end

-- --- an interactive one ---

-- The prompt names the namespace, whatever the shell's own files make of it.
local function prompt_of(shell, label)
  local name, mark = shell:match "[^/]*$", "($NSH_NETNS) "
  if name == "bash" then
    return { PROMPT_COMMAND = ("case $PS1 in '%s'*) ;; *) PS1='%s'$PS1 ;; esac"):format(mark, mark) }
  elseif name == "zsh" then
    return { PS1 = ("(%s) %%# "):format(label:gsub("%%", "%%%%")) }
  end
  return { PS1 = mark .. "# " }
end

--- Runs an interactive shell ($SHELL, or sh) in the namespace until it ends. It has the terminal: Ctrl-C and Ctrl-Z are
--- its commands' own, and its prompt begins with the namespace's name, which is in NSH_NETNS. Without a terminal it
--- reads commands from standard input.
--- Twin: `ip netns exec NAME $SHELL`
---@param opts? { env?: table<string,string|number|false>, cwd?: string } as for exec
---@return { status?: integer, signal?: string, seconds: number } result how it ended, which is no error
---@error ENOENT there is no such shell
function Netns:shell(opts)
  opts = fail.known(opts, "shell", { "env", "cwd" })
  local shell = os.getenv "SHELL" or ""
  if not shell:find "^/" then shell = "/bin/sh" end
  if opts.env == nil then opts.env = {} end
  if type(opts.env) == "table" then
    local env = prompt_of(shell, self.label)
    env.NSH_NETNS = self.label
    for name, value in pairs(opts.env) do env[name] = value end
    opts.env = env
  end
  stdout:flush()
  node.ready(self)
  local terminal <close> = core.process.terminal()
  local process <close> = object_of(self, shell,
    fail.check("shell", shell, self, core.process.shell(self, { shell }, opts, terminal ~= nil)))
  return process:wait { check = false }
end

--- Runs a command in the namespace in nsh's place: it has nsh's standard input and outputs, the terminal with them, and
--- the signals that nsh gets.
---@private
---@param ns nsh.Netns
---@param words string[]
---@return { status?: integer, signal?: string, seconds: number } result how it ended
function m.passed(ns, words)
  local target = m.line_of(words)
  stdout:flush()
  node.ready(ns)
  local _ <close> = setmetatable({}, { __close = function() relay(false) end })
  relay(true)
  local process <close> = object_of(ns, target, fail.check("exec", target, ns, core.process.pass(ns, words)))
  relay(process.core)
  return process:wait { check = false }
end

function process_mt:__close()
  self:stop()
  self.core:close()
end

function process_mt:__tostring()
  local line = ("process %d (%s) in %s"):format(self.core:pid(), self.line, self.ns.label)
  if self.core:running() then return line end
  local result = self.core:result()
  if not result then return line end
  return line .. (result.signal and ", killed by SIG" .. result.signal or ", exit status " .. result.status)
end

return m
