--- stay.lua - programs that go on when nsh leaves, in a named world or on the machine: services of labs.
-- What tells one is plain data, so that the next nsh can find it again: { pid, start, command }.
local core = require "nsh.core"
local fail = require "nsh.error"
local process = require "nsh.process"

local m = {}

local GRACE = 1 -- seconds between TERM and KILL

--- Starts a command in a namespace, in a session of its own. It runs until it is ended or the world is; a private
--- world ends with nsh. Its input is /dev/null unless said else, and so is what it writes unless it goes to a file.
---@private
---@param ns nsh.Netns
---@param cmd string|string[] as for ns:exec
---@param opts? table as for ns:spawn: out and err as { file = "log", append = true }, env, cwd, input = { file = }
---@return { pid: integer, start: integer, command: string }
function m.start(ns, cmd, opts)
  local words, line = process.started_words(cmd), process.line_of(cmd)
  opts = fail.options(opts, "start")
  if opts.out == nil then opts.out = false end
  if opts.err == nil then opts.err = opts.out and "out" or false end
  local pid, start = fail.check("start", line, ns, core.process.stay(ns, words, opts))
  return { pid = pid, start = start, command = line }
end

--- Finds a command that was started with a variable in its environment, by an nsh that could not note it any more.
---@private
---@param ns nsh.Netns where it was started
---@param variable string "NAME=value"
---@return { pid: integer, start: integer }?
function m.find(ns, variable)
  for _, pid in ipairs(fail.check("netns pids", ns.label, nil, core.netns.pids(ns.core))) do
    local environ <close> = io.open(("/proc/%d/environ"):format(pid))
    local stat <close> = io.open(("/proc/%d/stat"):format(pid))
    local text = environ and stat and "\0" .. (environ:read "a" or "")
    if text and text:find("\0" .. variable .. "\0", 1, true) then
      local words = {}
      for word in (stat:read "a" or ""):gsub("^.*%) ", ""):gmatch "%S+" do words[#words + 1] = word end
      local session, start = tonumber(words[4]), tonumber(words[20])
      if session == pid then return { pid = pid, start = start } end -- what it has started has the variable, too
    end
  end
end

--- Tells whether it still runs.
---@private
---@param service { pid: integer, start: integer }
---@return boolean
function m.running(service) return core.process.stayed(service.pid, service.start) end

--- Ends it and all that it has started: TERM, and KILL for those that are still there after a while; waits until they
--- are gone. What has left both its session and its parents, as daemons do, isn't known to be its.
---@private
---@param service { pid: integer, start: integer, command?: string }
---@param grace? number seconds between the two (1)
---@return boolean ended false: it had ended before
function m.stop(service, grace)
  return (fail.check("stop", service.command, nil, core.process.end_stayed(service.pid, service.start, grace or GRACE)))
end

return m
