-- 13-tasks.lua - several things at once: tasks take turns wherever they wait; no threads, no sleeps
local hosts = {}
for i = 1, 3 do
  hosts[i] = netns.add("h" .. i)
  hosts[i]:link "lo":set { up = true }
end

-- All at once, and the results under the same keys. The first error would end the others and be raised here.
local results = nsh.all {
  ping = function() return hosts[1]:ping("127.0.0.1", { count = 3, interval = 0.1 }).received end,
  exec = function() return hosts[2]:exec("sleep 0.3; echo done").out end,
  link = function() return hosts[3]:wait_link("eth0") end,
  add = function()
    nsh.sleep(0.1)
    return hosts[3]:add_link { "eth0", kind = "veth", peer = { "eth1" } }
  end,
}
print(results.ping, results.link, (results.exec:gsub("\n", "")))

-- A task in the background; at the prompt it goes on while you type.
local ticks = 0
local clock = nsh.go(function()
  while true do
    ticks = ticks + 1
    nsh.sleep(0.05)
  end
end)
nsh.sleep(0.2)
clock:cancel()
print(ticks > 2, clock.state)

-- Nothing takes longer than it may: what the function waits for is ended, a command with its children.
print(select(2, pcall(nsh.timeout, "200ms", function() hosts[1]:exec "sleep 60" end)))

-- Prints:
-- 3	link eth0 in h3	done
-- true	cancelled
-- ...timeout: not done within 200ms (ETIMEDOUT)
