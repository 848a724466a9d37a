-- common.lua - what the fault runs share: a world that plays the machine, the points of a run, what a run left behind.
local lfs = require "lfs"

local m = {}

m.soak = os.getenv "NSH_SOAK" == "1"
m.seed = tonumber(os.getenv "NSH_SEED") or os.time()
m.nsh = os.getenv "NSH_PLAIN" or "./nsh" -- under strace and valgrind, never the sanitized one
m.sanitized = lfs.attributes("build/san/nsh") and "build/san/nsh" or nil
math.randomseed(m.seed)

--- Says a figure of this run, with the seed that repeats it.
function m.say(fmt, ...)
  io.write(("\n  [seed %d%s] "):format(m.seed, m.soak and ", soak" or ""), fmt:format(...), "\n")
end

--- Tells whether a program is there.
function m.has(program)
  return netns.current():exec("command -v " .. program, { check = false }).status == 0
end

--- The two ways to start nsh: with all rights, and without any, where it makes a user namespace first.
m.ways = {
  { name = "as root", prefix = {} },
  { name = "without rights", prefix = { "setpriv", "--bounding-set=-all,+setfcap", "--inh-caps=-all" } },
}

--- The environment that carries a marker, which no run beside this one has.
function m.env(marker)
  return { NSH_FAULT = ("%s.%s"):format(lfs.symlinkattributes("/proc/self", "target"), marker), LUA_PATH = false }
end

local LIMIT, MOST = 20, 120 -- seconds after which a run that stands still hangs, and after which any does
local serial = 0

--- Makes a namespace that plays the machine: nsh runs in it as it would on a machine that has nothing.
function m.machine()
  serial = serial + 1
  return netns.add(("machine%d"):format(serial))
end

local function contents(path)
  local file = io.open(path, "rb")
  local all = file and file:read "a" or ""
  if file then file:close() end
  return all
end

local function pids_of(marker)
  local pids, text = {}, "NSH_FAULT=" .. m.env(marker).NSH_FAULT .. "\0"
  for pid in lfs.dir "/proc" do
    if pid:find "^%d" and contents(("/proc/%s/environ"):format(pid)):find(text, 1, true) then pids[#pids + 1] = pid end
  end
  table.sort(pids)
  return pids
end

-- How often the processes of a run have gone to sleep; nil while one works, or waits for a lock of the kernel: that has
-- one for all network namespaces, which the end of thousands of links elsewhere holds for many seconds.
local function asleep(marker)
  local all = {}
  for i, pid in ipairs(pids_of(marker)) do
    local status = contents(("/proc/%s/status"):format(pid))
    if status:find "State:%s+[RD]" then return nil end
    all[i] = pid .. " " .. (status:match "voluntary_ctxt_switches:%s*(%d+)" or "")
  end
  return table.concat(all, ", ")
end

--- Tells of each process of a run where it waits, for whom and with what: for one that hangs.
---@return string
function m.explain(marker)
  local lines = {}
  for _, pid in ipairs(pids_of(marker)) do
    local at = "/proc/" .. pid
    lines[#lines + 1] = ("--- %s: %s"):format(pid, contents(at .. "/cmdline"):gsub("%z", " "):sub(1, 200))
    for line in contents(at .. "/status"):gmatch "[^\n]+" do
      if line:find "^State" or line:find "^PPid" or line:find "^TracerPid" or line:find "^S[ih][gd]" then
        lines[#lines + 1] = "  " .. line:gsub("\t", " ")
      end
    end
    for _, file in ipairs { "wchan", "syscall", "stack" } do
      lines[#lines + 1] = ("  %s: %s"):format(file, contents(("%s/%s"):format(at, file)):gsub("\n", " "))
    end
    for fd = 0, 63 do
      local target = lfs.symlinkattributes(("%s/fd/%d"):format(at, fd), "target")
      local whose = target and target:find "pidfd" and contents(("%s/fdinfo/%d"):format(at, fd)):match "Pid:%s*(%S+)"
      if target then lines[#lines + 1] = ("  fd %d -> %s%s"):format(fd, target, whose and " of " .. whose or "") end
    end
  end
  return table.concat(lines, "\n")
end

--- Runs a command in the machine to its end. One whose processes all sleep, and go on sleeping, after some time hangs.
---@param marker string
---@param env? table more of its environment
---@return table result of exec(); timed_out: it was stopped; hung: what m.explain() said before that
function m.exec(machine, words, marker, env)
  local hung
  local watcher = nsh.go(function()
    nsh.sleep(LIMIT)
    local before
    repeat
      before = asleep(marker)
      nsh.sleep(2)
    until before and before == asleep(marker)
    hung = m.explain(marker)
    machine:exec({ "kill", "-KILL", table.unpack(pids_of(marker)) }, { check = false })
  end)
  env = env or {}
  for key, value in pairs(m.env(marker)) do env[key] = value end
  local result = machine:exec(words, { check = false, timeout = MOST, env = env })
  watcher:cancel()
  if hung or result.timed_out then result.timed_out, result.hung = true, hung or "at work all the time" end
  return result
end

--- Runs the lab under strace in the machine. Its first argument is a process outside of it, for the witnesses.
---@param options string[] of strace
---@param marker string in the environment of all that the run starts
---@param script? string|string[] the lab ("tests/faults/lab.lua"), with more arguments
---@return table result of m.exec()
function m.run(machine, way, options, marker, script)
  script = type(script) == "table" and script or { script or "tests/faults/lab.lua" }
  local more = table.concat(script, " ", 2)
  local words = { "sh", "-c", 'strace "$@" $$ ' .. more, "sh" }
  if way.prefix[1] then words = { table.unpack(way.prefix) } end
  if way.prefix[1] then words[#words + 1] = "strace" end
  for _, option in ipairs(options) do words[#words + 1] = option end
  words[#words + 1] = m.nsh
  words[#words + 1] = script[1]
  if way.prefix[1] then table.move({ "0", table.unpack(script, 2) }, 1, #script, #words + 1, words) end
  return m.exec(machine, words, marker)
end

-- Calls by which something is made, changed, taken away, or told to others.
local CHANGING = {}
for name in ([[chdir chmod chown clone clone3 fchdir fchmod fchown fork ftruncate ioctl kill link mkdir mkdirat mknod
  mount move_mount open_tree pidfd_send_signal pivot_root pwrite64 rename renameat renameat2 rmdir sendmsg sethostname
  setns setsid symlink umount2 unlink unlinkat unshare vfork write]]):gmatch "%S+" do CHANGING[name] = true end

-- The kinds of requests of rtnetlink come by four: new, delete, get, set.
local KINDS, GET = 4, 2

-- Whether a call, as strace writes it, is one of these. A request to read isn't.
local function is_changing(name, line)
  if name == "openat" then return line:find "O_WRONLY" or line:find "O_RDWR" or line:find "O_CREAT" end
  if name == "fcntl" then return line:find "SETLK" end
  if name ~= "sendto" then return CHANGING[name] end
  local only_reads = line:find("nlmsg_type", 1, true) ~= nil
  for kind in line:gmatch "nlmsg_type=([%w_]+)" do
    local number = math.tointeger(tonumber(kind))
    only_reads = only_reads and (number and number % KINDS == GET or kind:find "^RTM_GET" ~= nil)
  end
  return not only_reads
end

--- Goes through the system calls of a trace.
---@param trace string
---@return fun(): string, integer, string name, how many of that name there were with it, line
function m.each_call(trace)
  local counts, lines = {}, trace:gmatch "[^\n]+"
  return function()
    for line in lines do
      local name = line:match "^%d*%s*(%l[%l%d_]*)%("
      -- the kernel itself has a read of some sysctls made again as long as it is busy: no call of ours
      if name and not line:find("= ? ERESTART", 1, true) then
        counts[name] = (counts[name] or 0) + 1
        return name, counts[name], line
      end
    end
  end
end

--- Counts the system calls of a trace by their names.
---@return table<string, integer>
function m.count(trace)
  local counts = {}
  for name, k in m.each_call(trace) do counts[name] = k end
  counts.execve, counts.exit_group, counts.exit = nil, nil, nil -- what comes before and after is nothing
  return counts
end

--- Counts the system calls of a run that nothing disturbs, of nsh itself, by their names.
---@param script? string|string[] the lab
---@return table<string, integer> counts, string trace, table<string, table<string, integer>> until_mark what the counts
--- were when the script opened a file "/nsh-mark-NAME"
function m.calls(machine, way, script)
  local result = m.run(machine, way, { "-s", "200" }, "count", script)
  assert(result.status == 0, "the lab fails when nothing disturbs it: " .. result.err:sub(-2000))
  local counts, until_mark = {}, {}
  for name, k, line in m.each_call(result.err) do
    counts[name] = k
    local mark = line:match '^openat%([^"]*"/nsh%-mark%-(%l+)"'
    if mark then
      until_mark[mark] = {}
      for key, count in pairs(counts) do until_mark[mark][key] = count end
    end
  end
  return m.count(result.err), result.err, until_mark
end

local function names_of(counts)
  local names = {}
  for name in pairs(counts) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function insert_anywhere(list, value) table.insert(list, math.random(#list + 1), value) end

-- Of the calls of one name that change nothing the long run has one in so many.
local SPARSE = 16

local function is_due(point, phase) return point.changes or (point.k + phase) % SPARSE == 0 end

--- A sample of the points of a run that has each call by name at least once, in random order. In the long run it has
--- all by which something changes.
---@param counts table<string, integer> of the run, or the part of it that is meant
---@param trace string its trace
---@param wanted integer how many, unless this is the long run
---@param from? table<string, integer> what the counts were where the part begins that is meant
---@param names? string[] those that a sample has, where not all of them are meant
---@return { name: string, k: integer, changes: boolean }[] points
---@return integer all how many there are
function m.points(counts, trace, wanted, from, names)
  local changing, sample, rest, all = {}, {}, {}, 0
  for name, k, line in m.each_call(trace) do
    if is_changing(name, line) then changing[name .. k] = true end
  end
  for _, name in ipairs(not m.soak and names or names_of(counts)) do
    local first, last = (from and from[name] or 0) + 1, counts[name] or 0
    local lucky, phase = first <= last and math.random(first, last), math.random(SPARSE)
    all = all + math.max(last - first + 1, 0)
    for k = first, last do
      local point = { name = name, k = k, changes = changing[name .. k] or false }
      insert_anywhere((k == lucky or m.soak and is_due(point, phase)) and sample or rest, point)
    end
  end
  while not m.soak and #sample > wanted do table.remove(sample) end
  while not m.soak and #sample < wanted and #rest > 0 do sample[#sample + 1] = table.remove(rest) end
  return sample, all
end

--- Processes that carry the marker, whatever became of their parents, zombies aside.
---@return string[]
function m.processes(marker)
  local found = {}
  for i, pid in ipairs(pids_of(marker)) do
    found[i] = ("process %s %s"):format(pid, contents(("/proc/%s/comm"):format(pid)):match "[^\n]*")
  end
  return found
end

--- What stands in the machine: links, names of namespaces, mounts that could be ours.
---@return table<string, true>
function m.look(machine)
  local said = machine:exec([[ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/link \1/'
    ls /run/netns | sed 's/^/name /'
    grep -E ' /run|net:\[| /sys | /proc ' /proc/self/mountinfo | sed 's/^/mount /']]).out
  local set = {}
  for line in said:gmatch "[^\n]+" do set[line] = true end
  return set
end

--- Waits until nothing of a run is left, 5 s at most.
---@param before table<string, true> what m.look() said before the run
---@return string? left what is still there
---@return number seconds how long it took
function m.clean(machine, before, marker, limit)
  local start = os.clock()
  local deadline, seconds, left = (limit or 5), 0
  repeat
    left = m.processes(marker)
    for line in pairs(m.look(machine)) do
      if not before[line] then left[#left + 1] = line end
    end
    if #left == 0 then return nil, seconds end
    nsh.sleep(0.02)
    seconds = seconds + 0.02 + (os.clock() - start)
    start = os.clock()
  until seconds > deadline
  return table.concat(left, "; "), seconds
end

--- Kills nsh at its system calls, and checks after each that nothing is left and that most of the points were hit.
---@param before table<string, true> what m.look() said before
---@param wanted integer how many points, unless this is the long run
---@param script? string|string[] the lab
---@param names? string[] of calls, for a sample
function m.kill_everywhere(machine, before, way, wanted, script, names)
  local counts, trace = m.calls(machine, way, script)
  assert(not m.clean(machine, before, "count"))
  local points, all = m.points(counts, trace, wanted, nil, names)
  local hit, by_name, slowest = 0, {}, 0
  for i, point in ipairs(points) do
    local marker = ("%d.%d"):format(m.seed, i)
    local what = ("killed at %s number %d (%s, seed %d)"):format(point.name, point.k, way.name, m.seed)
    local result = m.run(machine, way,
      { "-o", "/dev/null", "-e", "trace=" .. point.name,
        "-e", ("inject=%s:signal=KILL:when=%d"):format(point.name, point.k) }, marker, script)
    if result.signal == "KILL" or result.status == 137 then
      hit = hit + 1
      by_name[point.name] = (by_name[point.name] or 0) + 1
    else
      assert(result.out == "the lab stood\n", what .. " did not come to that and failed: " .. result.err)
    end
    local left, seconds = m.clean(machine, before, marker)
    assert(not result.hung, what .. " hangs: " .. tostring(result.hung))
    assert(not left, what .. " leaves: " .. tostring(left))
    slowest = math.max(slowest, seconds)
  end
  local each = {}
  for _, name in ipairs(names or names_of(counts)) do
    each[#each + 1] = ("%s %d/%d"):format(name, by_name[name] or 0, counts[name])
  end
  m.say("kill %s: %d system calls, %d tried, %d hit, clean within %.2f s; hit of each: %s",
    way.name, all, #points, hit, slowest, table.concat(each, ", "))
  -- runs differ by some calls, so the last ones of a name may not be reached; of a small sample that can be one
  assert(hit >= math.min(0.9 * #points, #points - 1), "most points must be hit")
end

return m
