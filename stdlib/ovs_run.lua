--- ovs_run.lua - how stdlib/ovs.lua talks to its switch: the programs, the database's tables, transactions.
local nsh = require "nsh"
local text = require "stdlib.ovs_text"

local m = {}

local TIMEOUT = 30 -- seconds that a change may take, on a busy machine
local OPENFLOW = "OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15"

--- Raises what a program said.
function m.fail(self, op, target, said)
  local words, code, errno = text.failure(said)
  nsh.raise { op = "ovs " .. op, target = target, netns = self.netns, code = code or "EXIT", errno = errno,
    message = words }
end

-- A daemon that died is told with its last lines.
local function check(self)
  self.server:check()
  self.vswitchd:check()
end

-- What the switch said last.
local function last_lines(self)
  local lines = {}
  for line in self.vswitchd:output():gmatch "[^\n]+" do lines[#lines + 1] = line end
  return table.concat(lines, "\n  ", math.max(1, #lines - 3))
end

--- Runs one of the programs. It is ended when the daemon dies, for whose answer it would wait.
function m.run(self, program, words, input)
  check(self)
  local task <close> = nsh.go(function()
    return self.netns:exec({ program, "--timeout=" .. TIMEOUT, table.unpack(words) },
      { env = self.env, input = input, check = false })
  end)
  local watcher <close> = nsh.go(function()
    self.vswitchd.process:wait { check = false }
    task:cancel()
  end)
  local ok, result = pcall(task.wait, task)
  watcher:cancel()
  if ok and result.signal ~= "ALRM" then return result end
  check(self)
  if not ok then error(result, 0) end
  nsh.raise { op = "ovs", target = program, netns = self.netns, code = "ETIMEDOUT", errno = 110,
    message = ("no answer in %d s; the switch said last:\n  %s"):format(TIMEOUT, last_lines(self)) }
end

--- Runs commands of ovs-vsctl as one transaction; they may read, too.
function m.vsctl(self, cmds, op, target)
  local words = { "--db=unix:" .. self.dir.path .. "/db.sock" }
  for _, cmd in ipairs(cmds) do
    words[#words + 1] = "--"
    table.move(cmd, 1, #cmd, #words + 1, words)
  end
  local result = m.run(self, "ovs-vsctl", words)
  if result.status ~= 0 then m.fail(self, op, target, result.err) end
  return result
end

--- Reads rows of several tables: list(self, { "port", "name", "tag" }, ...) -> rows of port, ...
function m.list(self, ...)
  local cmds, shapes = {}, {}
  for i, wanted in ipairs { ... } do
    shapes[i] = "_uuid," .. table.concat(wanted, ",", 2)
    cmds[i] = { "--columns=" .. shapes[i], "list", wanted[1] }
  end
  local tables, found = text.rows(m.vsctl(self, cmds, "list").out), {}
  for i, shape in ipairs(shapes) do found[i] = tables[shape] or {} end
  return table.unpack(found)
end

-- Takes away what a transaction added and the switch can't have.
local function roll_back(self, t)
  if #t.undo > 0 then m.vsctl(self, t.undo, t.op, t.target) end
end

--- Sends what was collected.
function m.commit(self, t)
  local said = m.vsctl(self, t.cmds, t.op, t.target).err
  if said:find "Error detected while setting up" then -- no failure to ovs-vsctl: the database has it
    if not said:find "': " then said = said .. "\n" .. last_lines(self) end
    roll_back(self, t)
    m.fail(self, t.op, t.target, said)
  end
  local value
  local ok, err = pcall(function()
    for _, after in ipairs(t.after) do value = after() end
  end)
  if ok then return value end
  roll_back(self, t)
  error(err, 0)
end

--- Returns the transaction that collects changes. Other tasks' changes are none of its business.
function m.collecting(self)
  local t = self.open
  return t and t.task == coroutine.running() and t or nil
end

--- Makes a change: a transaction of its own, or a part of the one that is open. `after` gives what the call returns.
function m.change(self, op, target, cmds, undo, after)
  local open = m.collecting(self)
  local t = open or { cmds = {}, undo = {}, after = {}, op = op, target = target }
  table.move(cmds, 1, #cmds, #t.cmds + 1, t.cmds)
  if undo then table.insert(t.undo, 1, undo) end
  t.after[#t.after + 1] = after
  if not open and #t.cmds > 0 then return m.commit(self, t) end
end

--- Raises when a link that isn't of Open vSwitch has a name already: its own words for that are hard to read.
function m.check_free(self, ns, name)
  local link = ns:find_link(name)
  if not link or ns == self.netns and (link.kind == "tap" or link.kind == "openvswitch") then return end
  nsh.raise { op = "ovs add", target = name, netns = ns, code = "EEXIST", errno = 17,
    message = "there is a link of that name" }
end

--- Runs ovs-ofctl on a bridge.
---@param words string[] the command and, behind the bridge, its arguments
---@param input? string what an argument "-" stands for
---@param option? string before the command
function m.ofctl(self, bridge, words, input, option)
  local argv = { "-O", OPENFLOW, words[1], ("unix:%s/%s.mgmt"):format(self.dir.path, bridge), table.unpack(words, 2) }
  if option then table.insert(argv, 1, option) end
  local result = m.run(self, "ovs-ofctl", argv, input)
  if result.status ~= 0 then m.fail(self, words[1], bridge, result.err) end
  return result.out
end

--- Runs ovs-appctl on the switch daemon.
function m.appctl(self, words)
  local result = m.run(self, "ovs-appctl", { "-t", self.dir.path .. "/switch.ctl", table.unpack(words) })
  if result.status ~= 0 then m.fail(self, tostring(words[1]), words[2], result.err) end
  return result.out
end

return m
