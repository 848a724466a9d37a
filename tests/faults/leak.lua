-- leak.lua CYCLES - makes and deletes namespaces with veths and runs commands; prints what is held before and after.
local cycles = tonumber(arg[1])

local function count(command) return tonumber(netns.current():exec(command).out) end

local function files()
  local n = 0
  for _ in require("lfs").dir "/proc/self/fd" do n = n + 1 end
  return n
end

-- A process that has just ended may be there for a moment more, and its descriptor until nsh has waited for something.
local function least(fn, ...)
  local lowest = fn(...)
  for _ = 1, 10 do
    nsh.sleep(0.02)
    lowest = math.min(lowest, fn(...))
  end
  return lowest
end

-- Descriptors, bytes of memory, links, mounted namespaces and processes, when all that can be collected is.
local function held()
  collectgarbage()
  collectgarbage()
  local pages = tonumber(io.open("/proc/self/statm"):read("a"):match "^%d+ (%d+)")
  return { files = least(files), memory = pages * 4096, links = count "ip -o link | wc -l",
    mounts = count "grep -c net: /proc/self/mountinfo || true",
    processes = least(count, "set -- /proc/[0-9]*; echo $#") }
end

local function cycle()
  local a, b = netns.add "a", netns.add "b"
  local eth0 = a:add_link { "eth0", kind = "veth", up = true, peer = { "eth0", netns = b, up = true } }
  eth0:add_addr "10.0.0.1/24"
  assert(#a:links() >= 2 and #a:routes { table = "all" } >= 1)
  a:exec "true"
  a:spawn({ "cat" }, { input = "read by nobody" }):wait()
  b:spawn { "echo", "held by nobody" }
  local uplink = netns.current():add_link { "up0", kind = "veth", peer = { "eth1", netns = b } }
  pcall(a.link, a, "none")
  uplink:del()
  a:del()
  b:del()
end

for _ = 1, 100 do cycle() end -- until memory that is freed is used again
held() -- opens what is kept for commands in the root
local before = held()
for _ = 1, cycles do cycle() end
local after = held()
for _, key in ipairs { "files", "memory", "links", "mounts", "processes" } do
  print(("%s %d -> %d"):format(key, before[key], after[key]))
  local grown = after[key] - before[key]
  assert(grown <= (key == "memory" and 1 << 18 or 0), key .. " grow")
end
