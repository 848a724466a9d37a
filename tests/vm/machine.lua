-- machine.lua - what the specs of the virtual machine share; they run in `nsh --host`, on the machine's own network
local m = {}

--- The path of nsh.
local first = 0
while arg[first - 1] do first = first - 1 end
m.program = arg[first]

--- Reads a file whole.
---@param path string
---@return string? nil when it can't be read
function m.read(path)
  local file <close> = io.open(path)
  return file and file:read "a"
end

--- Writes a file, a sysctl for instance.
---@param path string
---@param value string|integer
---@return boolean written
function m.write(path, value)
  local file = io.open(path, "w")
  if not file then return false end
  local done = file:write(value)
  return file:close() and done ~= nil
end

--- Runs a command on the machine.
---@param command string|string[]
---@return table result as of exec
function m.run(command) return netns.current():exec(command, { check = false }) end

--- Runs nsh in a private world of its own.
---@param chunk string Lua
---@param as? string "user": as an ordinary user
---@return table result as of exec
function m.nsh(chunk, as)
  return m.run(m.as(as, { m.program, "-e", chunk }))
end

--- Puts the words before a command that make it another user's.
---@param as? string "user": an ordinary user
---@param argv string[]
---@return string[]
function m.as(as, argv)
  if as ~= "user" then return argv end
  local words = { "setpriv", "--reuid=4321", "--regid=4321", "--clear-groups" }
  return table.move(argv, 1, #argv, #words + 1, words)
end

--- Turns what `grep -r` says about /proc/sys into a table.
---@param text string
---@return table<string, string>
function m.sysctls(text)
  local all = {}
  for key, value in text:gmatch "/proc/sys/net/([^\n:]*):([^\n]*)" do all[key] = value end
  return all
end

return m
