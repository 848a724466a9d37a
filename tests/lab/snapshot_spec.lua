--- snapshot_spec.lua - what is there as a lab.
local h = require "tests.helper"

local root = netns.current()

describe("nsh.snapshot", function()
  after_each(function()
    for _, record in ipairs(netns.list()) do netns.del(record.name) end
  end)

  -- A bridge with two hosts.
  local function office()
    local net = lab "office"
    local sw = net:switch { "sw1", addr = "172.18.1.1/24" }
    for i = 1, 2 do
      local host = net:host { "h" .. i, routes = { { "default", via = "172.18.1.1" } } }
      net:link { { host, "eth0", addr = "172.18.1." .. i * 10 .. "/24" }, { sw, "port" .. i } }
    end
    return net
  end

  it("finds a lab again", function()
    local net = office()
    net:up()
    local found = nsh.snapshot()
    assert.equal("office", found.name)
    assert.equal(3, #found.nodes)
    assert.equal("switch", found:node "sw1".kind)
    assert.equal("host", found:node "h1".kind)
    assert.equal(2, #found.links)
    assert.equal("eth0", found:node "h1".ports[1].name)
    assert.equal("sw1", found:node "h1".ports[1].peer.node.name)
    assert.equal(0, #found:plan())
    assert.equal(0, #found.warnings)
    assert.equal("nothing to do", tostring(net:diff(found)))
    assert.equal("nothing to do", tostring(found:diff(nsh.snapshot())))
    assert.equal("nothing to do", tostring(found:diff(net)))
    assert.equal([[
local net = lab "office"

local h1 = net:host { "h1", routes = { { "default", via = "172.18.1.1" } } }
local h2 = net:host { "h2", routes = { { "default", via = "172.18.1.1" } } }
local sw1 = net:switch { "sw1", addr = "172.18.1.1/24" }

net:link { { h1, "eth0", addr = "172.18.1.10/24" }, { sw1, "port1" } }
net:link { { h2, "eth0", addr = "172.18.1.20/24" }, { sw1, "port2" } }

return net
]], found:script())
    net:down()
  end)

  it("tells what two snapshots differ in", function()
    local net = office()
    net:up()
    local before = nsh.snapshot()
    netns.get "office.h1":link "eth0":set { mtu = 1400 }
    netns.get "office.h2":del_route { "default", via = "172.18.1.1" }
    netns.add "other"
    local after = nsh.snapshot()
    local there, back = tostring(before:diff(after)), tostring(after:diff(before))
    assert.truthy(there:find("eth0: mtu 1500 → 1400", 1, true), there)
    assert.truthy(back:find("eth0: mtu 1400 → 1500", 1, true), back)
    assert.truthy(there:find("h2\n    - route default via 172.18.1.1 dev eth0", 1, true), there)
    assert.truthy(back:find("h2\n    + route default via 172.18.1.1 dev eth0", 1, true), back)
    assert.truthy(there:find("+ other", 1, true), there)
    assert.truthy(back:find("- other", 1, true), back)
    net:down()
  end)

  it("has rulesets of nft as they were declared", function()
    if not nsh.program "nft" then h.pending "nft is missing" end
    local net = lab "filter"
    net:host { "h1", nft = "table inet f {\n\tchain c {\n\t\taccept\n\t}\n}\n" }
    net:up()
    local found = nsh.snapshot()
    assert.equal("nothing to do", tostring(net:diff(found)))
    assert.equal("nothing to do", tostring(found:diff(net)))
    net:down()
  end)

  it("has the root when there is something in it", function()
    netns.add "red"
    assert.equal(1, #nsh.snapshot().nodes)
    local pair <close> = root:add_link { "s0", kind = "veth", peer = { "s1", netns = "red" } }
    local found = nsh.snapshot()
    assert.equal(2, #found.nodes)
    assert.equal(root, found:node "root".netns)
    assert.equal("red", found:node "root".ports[1].peer.node.name)
    assert.equal(pair.mac, found:node "root".ports[1].mac)
  end)

  it("leaves out what leads out of it, and says so", function()
    netns.add "red"
    netns.add "blue"
    netns.get "red":add_link { "s0", kind = "veth", peer = { "s1", netns = "blue" } }
    local found = nsh.snapshot { "red" }
    assert.equal(0, #found.links)
    local message = "link s0 is left out: its peer is in blue, which isn't in the snapshot"
    assert.same({ { where = "red", message = message } }, found.warnings)
    assert.truthy(found:script():find("-- red: link s0 is left out: its peer is in blue", 1, true))
    assert.equal(1, #nsh.snapshot().links)
  end)
end)
