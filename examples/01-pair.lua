-- 01-pair.lua - two namespaces joined by one cable, a veth pair
local red, blue = netns.add "red", netns.add "blue"

-- One request makes both ends, each in its namespace, up and named.
local r, b = red:add_link { "eth0", kind = "veth", up = true, peer = { "eth0", netns = blue, up = true } }
r:add_addr "10.0.0.1/24"
b:add_addr "10.0.0.2/24"

print(red:reaches "10.0.0.2", blue:reaches "10.0.0.1")
print(r.peer, r.peer.peer == r)

-- A namespace of its own has nothing but what was put there, and its own loopback, which is down.
for _, link in ipairs(red:links()) do print(link.name, link.kind, link.up) end

-- Take one end and the other is gone too.
r:del()
print(blue:find_link "eth0")

-- Prints:
-- true	true
-- link eth0 in blue	true
-- lo	nil	false
-- eth0	veth	true
-- nil
