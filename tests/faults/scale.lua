-- scale.lua LINKS ROUTES [still] - long lists: complete, no entry twice, none lost while others change them.
-- Prints what a list takes in bytes for each of its records; `still` is without the changes.
local LINKS, ROUTES, still = tonumber(arg[1]), tonumber(arg[2]), arg[3] == "still"
local ns = netns.add "lab"

-- The most that this process has held so far.
local function peak()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmHWM:%s*(%d+)"
    if kilobytes then return tonumber(kilobytes) * 1024 end
  end
end

-- Many objects by one ip(8), which is not what is tested here.
local function batch(options, from, to, format)
  ns:exec(([[awk 'BEGIN { for (i = %d; i <= %d; i++) printf "%s\n", i / 62500 + 1, i / 250 %% 250, i %% 250 + 1 }' |
    ip %s -batch -]]):format(from, to, format, options), { timeout = 300 })
end

local d0 = ns:add_link { "d0", kind = "ifb", up = true }
d0:add_addr "10.0.0.1/24"
d0:add_addr { "fd00::1/64" }
batch("", 1, LINKS, "link add l%d-%d-%d type ifb")
batch("", 1, ROUTES, "route add 11.%d.%d.%d via 10.0.0.2 dev d0 table 77")
batch("", 1, ROUTES, "route append 11.%d.%d.%d via 10.0.0.3 dev d0 table 78 metric 7")
batch("-6", 1, ROUTES // 4, "route add fd11::%d:%d:%d dev d0 table 77")

-- What is listed, how many there are, which of the records are ours, and the line of ip(8) that disturbs.
local lists = {
  { "links", LINKS, function() return ns:links() end, function(r) return r.name:match "^l%d+%-%d+%-%d+$" end,
    "link VERB chK-%d type ifb" },
  { "IPv4 routes", ROUTES * 2, function() return ns:routes { table = "all", family = "inet" } end,
    function(r) return r.dst:find "^11%." and ("%s %s"):format(r.dst, r.table) end,
    "route VERB 12.K.0.%d dev d0 table 77" },
  { "IPv6 routes", ROUTES // 4, function() return ns:routes { table = 77, family = "inet6" } end,
    function(r) return r.dst:match "^fd11:.*" end, "route VERB fc00:K::%d dev d0 table 77" },
}

-- Two others add and delete such objects as fast as they can.
local function disturb(options, line)
  local processes = {}
  for k = 1, 2 do
    local lines = line:gsub("K", k)
    processes[k] = ns:spawn { "sh", "-c", ([[awk 'BEGIN { while (1) {
      for (i = 1; i < 200; i++) printf "%s\n", i
      for (i = 1; i < 200; i++) printf "%s\n", i } }' | ip %s -force -batch - >/dev/null 2>&1]]):format(
      (lines:gsub("VERB", "add")), (lines:gsub("VERB", "del")), options) }
  end
  return processes
end

local function check(what, count, list, key)
  local records = list()
  local seen, n = {}, 0
  for _, record in ipairs(records) do
    local k = key(record)
    if k then
      assert(not seen[k], what .. ": twice: " .. k)
      seen[k], n = true, n + 1
    end
  end
  assert(n == count, ("%s: %d of %d are told"):format(what, n, count))
  return #records
end

for _, row in ipairs(lists) do
  local what, count, list, key, line = table.unpack(row)
  local before = peak()
  local n = check(what, count, list, key)
  print(("%s: %d bytes each"):format(what, (peak() - before) // n))
  local processes = still and {} or disturb(what:find "IPv6" and "-6" or "", line)
  local others = {}
  for i = 1, #processes > 0 and 5 or 0 do
    nsh.sleep(0.05)
    others[i] = check(what, count, list, key) - count
  end
  for _, process in ipairs(processes) do
    assert(process:running(), "the disturbance ended")
    process:kill "KILL"
    process:wait { check = false }
  end
  if not still then print(("%s: all %d, with %s others"):format(what, count, table.concat(others, ", "))) end
end
