-- soak.lua SECONDS - a lab that is used for a while: what is held after each round must not grow.
-- Twenty hosts on a switch. In each round they ping each other, run commands, ask daemons, capture, come and go.
local dnsmasq = require "stdlib.dnsmasq"
local nsh = require "nsh"
local SECONDS, HOSTS = tonumber(arg[1]), 20

local root = netns.current()
local br0 = root:add_link { "br0", kind = "bridge", up = true }
br0:add_addr "10.0.0.254/24"
local hosts, did = {}, {}

local function count(what, n) did[what] = (did[what] or 0) + (n or 1) end

local function add_host(i)
  local host = netns.add("h" .. i)
  host:link("lo"):set { up = true }
  local _, eth0 = root:add_link { "port" .. i, kind = "veth", master = br0, up = true,
    peer = { "eth0", netns = host, up = true, mac = ("02:00:00:00:00:%02x"):format(i) } } -- who comes again is known
  eth0:wait { state = "up" }
  eth0:add_addr(("10.0.0.%d/24"):format(i))
  hosts[i] = host
end

for i = 1, HOSTS do add_host(i) end

-- --- daemons, which run all the time ---

local watch = nsh.watch { "link", "addr", "netns", handler = function() count "events" end }
local busybox = nsh.program "busybox"
local web = busybox and hosts[1]:spawn { busybox, "httpd", "-f", "-p", "80", "-h", "examples" }
local echo = busybox and hosts[2]:spawn { busybox, "nc", "-ll", "-p", "7", "-e", "cat" }
local names = nsh.program "dnsmasq" and dnsmasq.start(hosts[3], { dev = "eth0", domain = "lab",
  hosts = { ["web.lab"] = "10.0.0.1" } })
local all = root:capture { "br0", "port1", snaplen = 96 }
local reader = nsh.go(function()
  for packet in all:packets { follow = true } do
    count "packets"
    count("bytes of lines", #tostring(packet))
  end
end)

-- --- what a round does ---

local works = {}

function works.ping()
  local pings = {}
  for i, host in ipairs(hosts) do
    pings[i] = function()
      return host:ping(("10.0.0.%d"):format(i % HOSTS + 1), { count = 3, interval = 0.01 }).received
    end
  end
  for _, received in ipairs(nsh.all(pings)) do
    assert(received > 0, "a ping without an answer")
    count("pings", received)
  end
end

function works.commands()
  for i = 3, 6 do
    assert(hosts[i]:exec { "cat", "/sys/class/net/eth0/mtu" }.out == "1500\n")
    count "commands"
  end
  pcall(hosts[3].exec, hosts[3], "exit 3")
  pcall(hosts[3].exec, hosts[3], { "no-such-program" })
  pcall(hosts[3].exec, hosts[3], "sleep 60", { timeout = 0.01 })
  local sleeper <close> = hosts[4]:spawn "sleep 60 & sleep 60"
  assert(sleeper:running())
end

function works.daemons()
  if not busybox then return end
  assert(web:running() and echo:running(), "a daemon has ended")
  local page = hosts[7]:exec { busybox, "wget", "-q", "-O", "-", "http://10.0.0.1/03-router.lua" }.out
  assert(#page > 100)
  assert(hosts[8]:exec({ busybox, "nc", "-w", "2", "10.0.0.2", "7" }, { input = "hello\n" }).out == "hello\n")
  count("pages", 2)
  if names then assert(dnsmasq.lookup(hosts[9], "web.lab", "10.0.0.3")[1] == "10.0.0.1") end
end

function works.captures()
  local path = os.tmpname()
  do
    local seen <close> = nsh.capture { { hosts[11], "eth0" }, { hosts[12], "eth0" }, filter = "icmp", file = path }
    hosts[11]:ping("10.0.0.12", { count = 2, interval = 0.01 })
    local n = 0
    for _ in seen:packets() do n = n + 1 end
    assert(n >= 8, "captured " .. n)
    pcall(seen.set, seen, { filter = "icmp and" })
    pcall(hosts[11].capture, hosts[11], "none")
  end
  for _ in nsh.read_pcap(path) do count "packets read" end
  os.remove(path)
end

function works.sockets()
  local listener <close> = hosts[13]:listen(80)
  local server = nsh.go(function()
    local c <close> = listener:accept()
    c:send(c:receive "line")
  end)
  do
    local c <close> = hosts[14]:connect "10.0.0.13:80"
    c:send "hello\n"
    assert(c:receive "all" == "hello")
  end
  server:wait()
  local u <close> = hosts[13]:udp(7)
  local v <close> = hosts[14]:udp { to = "10.0.0.13:7" }
  v:send "one"
  assert(u:receive() == "one")
  pcall(hosts[14].connect, hosts[14], "10.0.0.13:81")
  count("connections", 2)
end

function works.changes()
  local one <close> = nsh.watch { "link", netns = hosts[9] }
  local eth0 = hosts[9]:link "eth0"
  eth0:set { mtu = 1400 }
  eth0:set { mtu = 1500 }
  for _ in one:events() do count "changes" end
  pcall(eth0.wait, eth0, { mtu = 9000, timeout = 0.01 })
end

function works.hosts()
  local _ <close> = hosts[HOSTS]:spawn { "sleep", "60" } -- whose namespace goes when it does
  root:link("port" .. HOSTS):del()
  hosts[HOSTS]:del()
  add_host(HOSTS)
  count "hosts"
end

function works.tasks()
  local task = nsh.go(function() hosts[10]:ping("10.0.0.11", { count = 1000, interval = 0.5 }) end)
  nsh.go(function() hosts[10]:exec "sleep 60" end):cancel()
  pcall(nsh.timeout, 0.02, function() hosts[10]:wait(function() end, 60) end)
  task:cancel()
  count("tasks", 3)
end

-- --- what is held ---

local function lines(command) return tonumber(root:exec(command).out) end

-- Zombies among our own children, which are outside of the world, and those that its init has to reap.
local function zombies()
  local found = root:exec("cat /proc/[0-9]*/stat 2>/dev/null | grep ') Z 1 ' || true").out
  for pid in io.open("/proc/thread-self/children"):read("a"):gmatch "%d+" do
    local stat = io.open(("/proc/%s/stat"):format(pid))
    local line = stat and stat:read "a" or ""
    if line:find "%) Z" then found = found .. line end
    if stat then stat:close() end
  end
  return found
end

-- What has just ended may be there for a moment more.
local function settled(fn, level)
  local least = fn()
  for _ = 1, 100 do
    if least <= (level or 0) then break end
    nsh.sleep(0.03)
    least = math.min(least, fn())
  end
  return least
end

-- A shell that needs no other process to tell.
local function processes() return select(2, root:exec("echo /proc/[0-9]*").out:gsub("%d+", "")) end

local function held(level)
  level = level or {}
  collectgarbage()
  collectgarbage()
  local function files()
    collectgarbage() -- what a finalizer let go may have one, too
    local n = 0
    for _ in require("lfs").dir "/proc/self/fd" do n = n + 1 end
    return n
  end
  return {
    processes = settled(processes, level.processes),
    zombies = settled(function() return #zombies() end),
    files = settled(files, level.files),
    links = lines "ip -o link | wc -l",
    mounts = lines "grep -c net: /proc/self/mountinfo || true",
    namespaces = lines "readlink /proc/[0-9]*/ns/* | sort -u | wc -l",
    memory = tonumber(io.open("/proc/self/statm"):read("a"):match "^%d+ (%d+)") * 4096,
  }
end

local function round()
  local jobs = {}
  for name, work in pairs(works) do
    if name ~= "hosts" then jobs[name] = function() work() return true end end
  end
  nsh.all(jobs)
  works.hosts() -- by itself: the others ping them all
end

-- --- the first third is a warm-up; what is held then must be what is held in the end ---

local clock = function()
  local up <close> = io.open "/proc/uptime"
  return up:read "n"
end
local start, rounds, level, now, low, high = clock(), 0, nil, nil, nil, nil
repeat
  round()
  rounds = rounds + 1
  local part = (clock() - start) / SECONDS
  if part > 1 / 3 and rounds >= 5 then
    now = held(level)
    level = level or now
    for key, value in pairs(now) do
      if key ~= "memory" then
        assert(value <= level[key], ("%s grow in round %d: %d -> %d\n%s"):format(key, rounds, level[key], value,
          key == "processes" and root:exec("ps -ef").out or ""))
      end
    end
    assert(now.zombies == 0, "zombies: " .. zombies())
    -- the least of the second and of the last third
    if part <= 2 / 3 then low = math.min(low or math.huge, now.memory) end
    if part > 2 / 3 then high = math.min(high or math.huge, now.memory) end
  end
until part >= 1 and high and rounds >= 8
low = low or level.memory
assert(high - low <= 1 << 18, ("memory grows: %d -> %d"):format(low, high))
watch:close()
all:close()
reader:wait()

local words = { ("%d rounds: memory %d -> %d"):format(rounds, low, high) }
for _, list in ipairs { now, did } do
  local some = {}
  for key, value in pairs(list) do
    if key ~= "memory" then some[#some + 1] = ("%s %d"):format(key, value) end
  end
  table.sort(some)
  words[#words + 1] = table.concat(some, ", ")
end
print(table.concat(words, "; "))
