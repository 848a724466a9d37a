-- 07-events.lua - what changes is told: events of all namespaces, and waits that end when the state has come
local watch <close> = nsh.watch { "link", "addr", "netns" }

local red = netns.add "red"
local eth0, eth1 = red:add_link { "eth0", kind = "veth", mac = "02:00:00:00:00:01",
  peer = { "eth1", mac = "02:00:00:00:00:02" } }
eth0:add_addr "10.0.0.1/24"
for event in watch:events() do
  if event.name ~= "lo" then print(event) end
end

-- A link's carrier comes when the other end is up: no sleep, no loop.
eth0:set { up = true }
eth1:set { up = true }
print(eth0:wait { carrier = true }, eth0.carrier)

-- What doesn't come is an error that tells what was there instead.
print(select(2, pcall(eth0.wait, eth0, { mtu = 9000, timeout = 0.1 })))

-- A handler is called while nsh waits; here another program makes a link.
local handled = nsh.watch { "link", netns = red, handler = function(event)
  if event.event == "add" then print("new:", event.name, event.kind) end
end }
red:spawn "sleep 0.1; ip link add br0 type bridge"
print(red:wait_link "br0")
handled:close()

-- Prints:
-- [red] add netns red id 0
-- [red] add link eth1 kind veth state down mtu 1500 mac 02:00:00:00:00:02
-- [red] add link eth0 kind veth state down mtu 1500 mac 02:00:00:00:00:01 peer eth1
-- [red] add addr 10.0.0.1/24 dev eth0
-- link eth0 in red	true
-- ...link wait eth0 in red: mtu=9000 did not come in 0.1 s; seen last: mtu=1500 (ETIMEDOUT)
-- new:	br0	bridge
-- link br0 in red
