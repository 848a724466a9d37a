-- 02-bridge.lua - three hosts on one bridge: layer 2
local root = netns.current()
local br0 = root:add_link { "br0", kind = "bridge", up = true }

-- Every host may call its end eth0; the other end is born as a port of the bridge.
local hosts = {}
for i = 1, 3 do
  hosts[i] = netns.add("h" .. i)
  local _, eth0 = root:add_link { "p" .. i, kind = "veth", master = br0, up = true,
    peer = { "eth0", netns = hosts[i], up = true } }
  eth0:add_addr("10.1.0." .. i .. "/24")
end
for i = 1, 3 do print(hosts[i]:reaches("10.1.0." .. i % 3 + 1)) end

-- The bridge has learned who is behind which port.
local mac = hosts[2]:link "eth0".mac
for _, entry in ipairs(br0:fdb()) do
  if entry.mac == mac then print("h2 is behind " .. entry.dev) end
end

-- An isolated port talks to none that is isolated, too.
root:link "p1":set { port = { isolated = true } }
root:link "p2":set { port = { isolated = true } }
print(hosts[1]:reaches("10.1.0.2", { timeout = 0.3 }), hosts[1]:reaches "10.1.0.3")
for _, port in ipairs(br0:ports()) do print(port.name, port.port.state, port.port.isolated) end

-- Prints:
-- true
-- true
-- true
-- h2 is behind p2
-- false	true
-- p1	forwarding	true
-- p2	forwarding	true
-- p3	forwarding	false
