-- 19-lab.lua - a lab: declared first, built after, changed in place, taken down
local net = lab("office", { addresses = "10.0.0.0/8, fd00::/48" })   -- who has which address is the plan's affair
local lan, r = net:switch "lan", net:router "r"
net:link { r, lan }
for i = 1, 3 do net:link { net:host("h" .. i), lan } end
net:link { r, net:host "web" }

net:up()
local h1, web = net:node "h1", net:node "web"
print("h1 reaches web", h1:reaches(web))
print("by name", h1:exec("getent ahostsv4 web | head -1 | grep -c " .. web:address()).out)

-- Somebody breaks it; the plan tells what differs, and up mends just that.
h1:link "eth0":set { mtu = 1400 }
print(net:plan())
net:up()
print(net:plan())

print(net:ping_all().lost, "pings lost")
net:down()
print(#netns.list(), "namespaces left")

-- Prints:
-- h1 reaches web	true
-- by name	1
--
--   h1
--     ~ link eth0: mtu 1400 → 1500
-- nothing to do
-- 0	pings lost
-- 0	namespaces left
