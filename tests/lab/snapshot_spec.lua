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

  it("asks for what is there: rulesets, links without a carrier, routers with links of their own", function()
    root:exec { "sh", "-ec", [[
      ip netns add a; ip netns add b; ip link add u netns a type veth peer name u netns b
      ip -n a addr add fd00::1/64 dev u; ip -n a link set u up
      ip -n a link add name br0 type bridge; ip -n a link set br0 up; ip -n a addr add 10.0.0.1/24 dev br0
      ip netns exec a sysctl -qw net.ipv4.ip_forward=1]] }
    if nsh.program "nft" then
      netns.get "a":nft [[table inet f {
        chain c {
          type filter hook input priority 0;
          tcp dport 22 accept
        }
      }]]
    end
    local found = nsh.snapshot()
    assert.equal("nothing to do", tostring(found:plan()))
    netns.get "a":exec { "sysctl", "-qw", "net.ipv4.ip_forward=0" }
    netns.get "a":link "br0":set { mtu = 1400 }
    local steps = { "~ link br0: mtu 1400 → 1500", "~ sysctl net.ipv4.ip_forward: 0 → 1" }
    if nsh.program "nft" then
      netns.get "a":nft "add rule inet f c accept"
      table.insert(steps, 2, "+ nft ruleset")
    end
    assert.equal("  a\n    " .. table.concat(steps, "\n    "), tostring(found:plan()))
  end)

  it("names the sysctl of a router that looks for its addresses, where others with links of their own don't", function()
    local net = lab "look"
    net:router { "r", dad = true }:link { "br", kind = "bridge", mtu = 1500 }
    net:up()
    local found = nsh.snapshot()
    assert.equal("nothing to do", tostring(found:plan()))
    assert.equal("nothing to do", tostring(net:diff(found)))
    assert.equal("nothing to do", tostring(found:diff(net)))
    for _, one in ipairs { net, found } do
      assert.truthy(one:script():find('["net.ipv6.conf.default.accept_dad"] = 1', 1, true))
    end
    net:down()
    net = lab "look"
    net:router "r":link { "br", kind = "bridge", mtu = 1500 }
    net:up()
    found = nsh.snapshot()
    for _, one in ipairs { net, found } do assert.falsy(one:script():find("accept_dad", 1, true)) end
    net:down()
  end)

  it("differs from what was declared in nothing but what differs", function()
    local net = lab "tell"
    local r, sw = net:router "r", net:switch "sw"
    net:link { { r, "eth0", addr = "10.0.0.1/24" }, { net:host "h", "eth0", addr = "10.0.0.2/24" } }
    net:link { { r, "eth1", addr = "10.1.0.1/24" }, { net:host "k", "eth0", addr = "10.1.0.2/24" } }
    r:route { "10.9.0.0/16", nexthops = { { via = "10.0.0.2" }, { via = "10.1.0.2", dev = "eth1" } } }
    r:link { "br", kind = "bridge" }
    r:link { "vx", kind = "vxlan", id = 5, dstport = 4789, master = "br", port = { learning = false, cost = 7 } }
    net:link { { r, "eth2", mtu = 1500 }, { sw, "p", port = { isolated = true } } }
    net:up()
    local found = nsh.snapshot()
    assert.equal("nothing to do", tostring(net:diff(found)))
    assert.equal("nothing to do", tostring(found:diff(net)))
    r.netns:link "vx":set { port = { cost = 8 } }
    assert.equal("  r\n    ~ link vx: port.cost 7 → 8", tostring(net:diff(nsh.snapshot())))
    net:down()
  end)

  it("compares rulesets by what they make, and tells lines that differ", function()
    if not nsh.program "nft" then h.pending "nft is missing" end
    local net = lab "tell"
    local r = net:router { "r", nft = [[table inet f {
        chain c { type filter hook input priority 0;
          tcp dport {22,80} accept
          accept
        }
      }
      table ip6 g { chain d { drop; }
      }]] }
    net:up()
    local found = nsh.snapshot()
    assert.equal("nothing to do", tostring(net:diff(found)))
    assert.equal("nothing to do", tostring(found:diff(net)))
    assert.equal("nothing to do", tostring(found:plan()))
    r.netns:nft [[delete table ip6 g
      flush chain inet f c
      add rule inet f c accept
      add rule inet f c drop
      add chain inet f e]]
    assert.equal([[
  r
    ~ nft ruleset
          table inet f {
            chain c {
        -     tcp dport { 22, 80 } accept
        +     drop
        +   chain e {
        +   }
        - table ip6 g {
        -   chain d {
        -     drop
        -   }
        - }]], tostring(net:diff(nsh.snapshot())))
    assert.truthy(tostring(net:plan()):find("table ip6 g nothing → as declared", 1, true))
    net:up()
    assert.equal("nothing to do", tostring(found:diff(nsh.snapshot())))
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
