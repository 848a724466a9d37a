--- process.lua - commands in a namespace: run to their end, or started and looked after.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local object = require "nsh.object"
local show = require "nsh.show"
local text = require "nsh.text"
local Netns = require "nsh.netns".Netns

local m = {}

local TARGET_MAX, TAIL_LINES, TAIL_BYTES = 60, 5, 4096
local stdout = io.stdout

-- A string is for the shell, a table is words.
local function words_of(cmd)
  if type(cmd) ~= "string" then return cmd end
  if cmd:find "^%s*$" then fail.misuse "the command is empty" end
  if cmd:find("\0", 1, true) then fail.misuse "the command contains a NUL byte" end
  return { "/bin/sh", "-c", cmd }
end

local function quoted(word)
  word = tostring(word)
  if word:find "^[%w@%%+=:,./_-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- The command as one short line, for messages.
local function line_of(cmd)
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
    if line:find "%S" then lines[#lines + 1] = text.escape(line, "\t") end
  end
  if #lines == 0 then return "" end
  if #lines == 1 then return ": " .. lines[1] end
  return ":\n  " .. table.concat(lines, "\n  ", math.max(1, #lines - TAIL_LINES + 1))
end

local function verdict(result)
  if result.timed_out then return "TIMEOUT", ("stopped after %.3g s"):format(result.seconds) end
  if result.signal then return "SIGNAL", "killed by SIG" .. result.signal end
  if result.status ~= 0 then return "EXIT", "exit status " .. result.status end
end

-- Returns the result of a command that succeeded or may fail; raises for any other.
local function judge(op, target, ns, result, opts)
  local code, message = verdict(result)
  if not code or (opts and opts.check == false) then return setmetatable(result, show.Record) end
  local said = result.err
  if not said or not said:find "%S" then said = result.out end
  fail.raise {
    op = op, target = target, netns = ns.label, code = code,
    message = ("%s (%s)%s"):format(message, code, tail(said or "")),
    status = result.status, signal = result.signal, out = result.out, err = result.err, seconds = result.seconds,
  }
end

--- What came of a command.
---@class nsh.Result
---@field status? integer exit status; nil when a signal killed it
---@field signal? string "TERM"
---@field out string what it wrote to standard output; the first 64 MiB
---@field err string the same of standard error
---@field out_lost? integer bytes of output beyond that, dropped
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
  local words, target = words_of(cmd), line_of(cmd)
  local op <close> = fail.check("exec", target, self, core.process.exec(self, words, opts))
  fail.check("exec", target, self, loop.run(op))
  return judge("exec", target, self, core.process.result(op), opts)
end

--- A program that was started in a namespace.
---@class nsh.Process
local Process, process_mt = object.class "nsh.process"
m.Process = Process

--- Starts a command in the namespace and returns once it runs there.
--- It reads nothing and writes where nsh writes. It lives as long as the world does, whatever becomes of its variable,
--- except one declared `<close>`, which is stopped at the end of its block: TERM, a second later KILL, to its group.
--- Twin: `ip netns exec NAME COMMAND &`
---@param cmd string|string[] as for exec
---@param opts? nsh.ExecOptions only env and cwd
---@return nsh.Process
---@error ENOENT there is no such program or cwd
---@error EACCES the program may not be run
function Netns:spawn(cmd, opts)
  local words, target = words_of(cmd), line_of(cmd)
  stdout:flush()
  local process = fail.check("spawn", target, self, core.process.spawn(self, words, opts))
  return setmetatable({ core = process, ns = self, line = target }, process_mt)
end

--- Its number outside the world, as nsh and the machine see it.
---@return integer
function Process.get:pid()
  return self.core:pid()
end

--- The namespace where it was started.
---@return nsh.Netns
function Process.get:netns()
  return self.ns
end

--- What was started, as one short line.
---@return string
function Process.get:command()
  return self.line
end

--- Tells whether the process still runs.
---@return boolean
function Process:running()
  return self.core:running()
end

--- Waits until the process has ended.
---@param opts? { timeout?: number|string, check?: boolean } timeout in seconds; check: false returns a failure
---@return { status?: integer, signal?: string, seconds: number }
---@error EXIT it ended with a status other than 0
---@error SIGNAL a signal killed it
---@error TIMEOUT it still runs
function Process:wait(opts)
  local deadline = core.loop.deadline(type(opts) == "table" and opts.timeout or nil)
  while self.core:running() and loop.wait(self.core, deadline) do end -- luacheck: ignore 542
  local result = fail.check("wait", self.line, self.ns, self.core:wait(opts))
  return judge("wait", self.line, self.ns, result, opts)
end

--- Sends a signal to the process and all of its group.
--- Twin: `kill -s SIGNAL -- -PID`
---@param signal? string|integer "TERM" (the default), "SIGTERM" or 15
---@return boolean sent false: it had ended already
function Process:kill(signal)
  return (fail.check("kill", self.line, self.ns, self.core:kill(signal)))
end

function process_mt:__close()
  self.core:stop()
  self.core:close()
end

function process_mt:__tostring()
  return ("process %d (%s) in %s"):format(self.core:pid(), self.line, self.ns.label)
end

return m
