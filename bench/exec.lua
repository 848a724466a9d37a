-- exec.lua - how long a command in a namespace takes, against C that gives the child the same view
--   nsh bench/exec.lua PROGRAM   rounds of each in turn in one run: medians, and their ratio
local raw, rounds, runs = arg[1], tonumber(os.getenv "ROUNDS") or 61, tonumber(os.getenv "RUNS") or 20
local clock = require "nsh.core".loop.now
local TRUE = "/bin/true"

local root = netns.current()

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- The number that a process has inside the world, where the C program runs.
local function inner_pid(process)
  local f = assert(io.open(("/proc/%d/status"):format(process.pid)))
  local pid = f:read("a"):match "NSpid:\t%d+\t(%d+)"
  f:close()
  return pid
end

local function measure(what, ns)
  local stand <close> = ns:spawn { "sleep", "1000" }
  local command, pid = { TRUE }, inner_pid(stand)
  local ours, theirs = {}, {}
  for _ = 1, rounds do
    theirs[#theirs + 1] = tonumber(root:exec({ raw, pid, tostring(runs), TRUE }).out)
    local start = clock()
    for _ = 1, runs do ns:exec(command) end
    ours[#ours + 1] = (clock() - start) / runs * 1e6
  end
  local a, b = median(ours), median(theirs)
  local text = "exec in %s: nsh %.0f us, vfork + setns + execve %.0f us: ratio %.2f, of the least %.2f (%d x %d)"
  print(text:format(what, a, b, a / b, ours[1] / theirs[1], rounds, runs))
end

measure("a namespace", netns.add "bench")
measure("a node", netns.add { "node", hostname = "node", private = { "/run" }, pids = true })
