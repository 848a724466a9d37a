-- mroute_spec.lua - multicast routes, which only a routing daemon can set, against ip(8)
local h = require "tests.helper"

-- A daemon of a few lines: two links, one route.
local DAEMON = [[
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
s.setsockopt(socket.IPPROTO_IP, 200, 1)
for vif, name in enumerate(("v0", "v1")):
    s.setsockopt(socket.IPPROTO_IP, 202, struct.pack("HBBIi4s", vif, 8, 1, 0, socket.if_nametoindex(name), b"\0" * 4))
s.setsockopt(socket.IPPROTO_IP, 204, struct.pack("4s4sH32sIIIi", socket.inet_aton("10.0.0.7"),
    socket.inet_aton("239.1.2.3"), 0, b"\0\5" + b"\0" * 30, 0, 0, 0, 0))
time.sleep(60)
]]

describe("a multicast route", function()
  it("is listed as ip does it", function()
    local ns = h.netns()
    for i = 0, 1 do
      local link = ns:add_link { "v" .. i, kind = "veth", up = true, peer = { "w" .. i, up = true } }
      link:add_addr(("10.0.%d.1/24"):format(i))
    end
    assert.equal(0, #ns:mroutes())
    if not pcall(ns.exec, ns, { "python3", "-c", "import socket" }) then
      h.pending "there is no python3 to play the routing daemon"
    end
    local daemon = ns:spawn { "python3", "-c", DAEMON }
    local route = h.eventually(function() return ns:mroutes()[1] end)
    assert(route, "the daemon set no route")
    assert.same({ "239.1.2.3", "10.0.0.7", "v0", "ipmr" }, { route.dst, route.src, route.iif, route.family })
    assert.same({ { dev = "v1", ttl = 5 } }, route.oifs)
    local theirs = h.oracle(ns, "ip -j -s mroute show")[1]
    assert.same({ theirs.dst, theirs.src, theirs.iif, theirs.packets, theirs.bytes },
      { route.dst, route.src, route.iif, route.packets, route.bytes })
    assert.equal(1, #ns:mroutes { dst = "239.1.2.3", family = "inet" })
    assert.equal(0, #ns:mroutes { family = "inet6" })
    assert.equal(0, #ns:mroutes { dst = "239.1.2.4" })
    daemon:kill()
    daemon:wait { check = false }
  end)

  it("is asked for by keys that it has", function()
    local ns = h.netns()
    h.misuse("did you mean 'dst'", ns.mroutes, ns, { dts = "239.1.2.3" })
    h.misuse("family", ns.mroutes, ns, { family = "bridge" })
  end)
end)
