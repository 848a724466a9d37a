-- world.lua - the script that the runs of worlds_spec kill: a lab goes up, is changed, and comes down.
-- arg[1], if given: a link of the machine, which it borrows.
local mtu = 1500

local function declare()
  local net = lab "killed"
  local sw = net:switch { "sw", addr = "10.0.0.254/24" }
  for i = 1, 2 do
    local host = net:host { "h" .. i, routes = { { "default", via = "10.0.0.254" } } }
    net:link { { host, "eth0", addr = ("10.0.0.%d/24"):format(i) }, { sw, "p" .. i }, mtu = mtu }
  end
  if arg[1] then
    net:link { { net:host "h3", "up0", addr = "10.1.0.1/24", mtu = mtu - 10, mac = "02:00:00:00:00:99" },
      net:external { "world", dev = arg[1] } }
  end
  return net
end

declare():up()
assert(declare():node "h1".netns:exec({ "true" }).status == 0)
mtu = 1400
local net = declare()
assert(#net:up() > 0 and #net:plan() == 0)
net:down()
assert(#netns.list() == 0)
print "it stood"
