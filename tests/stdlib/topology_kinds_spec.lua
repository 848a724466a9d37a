-- topology_kinds_spec.lua - the topologies whose kinds of links many kernels lack: VLANs, wireguard
local h = require "tests.helper"
local topology = require "stdlib.topology"

-- Builds a lab; where this kernel lacks a kind, the test is skipped with what it says.
local function up(net)
  finally(function() net:down() end)
  assert.same({}, net.warnings)
  h.supported("what lab " .. net.name .. " is made of", net.up, net)
  local left = net:plan()
  assert.equal(0, #left, tostring(left))
  return net
end

describe("a router on a stick", function()
  it("joins VLANs over one cable, and those of one VLAN reach each other without it", function()
    local net = up(topology.router_on_a_stick { hosts = 2 })
    local h1 = net:node "h1".netns
    for _, node in ipairs(net.nodes) do
      if node.kind == "host" then
        assert.is_true(h1:reaches(node:address { family = "inet" }), node.name)
        assert.is_true(h1:reaches(node:address { family = "inet6" }), node.name)
      end
    end
    assert.equal(1, #h1:traceroute("10.1.1.3").hops)
    assert.equal(2, #h1:traceroute("10.1.2.3").hops)
    local trunk <close> = net:node "r1".netns:capture { "trunk", filter = "vlan and icmp" }
    assert.is_true(h1:reaches "10.1.2.2")
    local tags = {}
    for packet in trunk:packets() do tags[packet.vlan and packet.vlan.id or 0] = true end
    assert.same({ [10] = true, [20] = true }, tags)
    net:node "r1".netns:link "trunk":set { up = false }
    assert.is_true(h1:reaches "10.1.1.3")
    assert.is_false(h1:reaches("10.1.2.2", { timeout = 0.05 }))
  end)
end)

describe("two sites", function()
  it("are joined by wireguard", function()
    local net = up(topology.sites { tunnel = "wireguard" })
    local h1 = net:node "h1".netns
    local between <close> = net:node "internet".netns:capture { "gw1",
      filter = "udp or icmp or (icmp6 and ip6[40] == 128)" }
    assert.is_true(h1:reaches("10.1.2.2", { timeout = 5 }))
    assert.is_true(h1:reaches "fd00:0:0:102::2")
    assert.is_true(net:node "gw1".netns:reaches "10.1.2.2")
    for packet in between:packets() do assert.equal(51820, packet.udp and packet.udp.dport, tostring(packet)) end
    assert.is_true(net:node "gw1".netns:link("wg0"):peers()[1].rx_bytes > 0)
  end)
end)
