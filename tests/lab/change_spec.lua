--- change_spec.lua - a lab that stands is changed in place: by hand, which up() mends, and by another declaration.
local core = require "nsh.core"
require "tests.helper"

-- A switch with two hosts and a router of another net. `change` may do something to the parts before up().
local function office(change)
  local net = lab "office"
  local parts = { h1 = { "h1", routes = { { "default", via = "10.0.0.254" } } },
    h2 = { "h2", sysctls = { ["net.ipv4.tcp_syncookies"] = 0, ["net.ipv4.conf.eth0.proxy_arp"] = 1 } },
    r = { "r" }, sw = { "sw", addr = "10.0.0.1/24" },
    e1 = { "eth0", addrs = { "10.0.0.11/24", "fd00::11/64" } }, e2 = { "eth0", addr = "10.0.0.12/24" },
    er = { "eth0", addr = "10.0.0.254/24" }, p1 = { "p1", fdb = { { "02:00:00:00:00:99" } } },
    p2 = { "p2", port = { cost = 7 } } }
  if change then change(parts) end
  local sw, h1, h2, r = net:switch(parts.sw), net:host(parts.h1), net:host(parts.h2), net:router(parts.r)
  local function wire(node, one, name)
    table.insert(one, 1, node)
    table.insert(name, 1, sw)
    net:link { one, name }
  end
  wire(h1, parts.e1, parts.p1)
  wire(h2, parts.e2, parts.p2)
  wire(r, parts.er, { "p3" })
  return net
end

-- What a plan does, one line a step.
local function steps(plan)
  local lines = {}
  for i, step in ipairs(plan) do
    local keys = {}
    for key in pairs(step.changes or {}) do keys[#keys + 1] = key end
    table.sort(keys)
    lines[i] = ("%s %s %s %s"):format(step.op, step.node, step.noun, step.name)
      .. (keys[1] and ": " .. table.concat(keys, ",") or "")
  end
  return table.concat(lines, "\n")
end

describe("A lab that stands", function()
  after_each(function()
    lab "office":down()
    for _, record in ipairs(netns.list()) do netns.del(record.name) end
  end)

  local by_hand = {
    { "an mtu", "change h1 link eth0: mtu", function(n) n.h1:link "eth0":set { mtu = 1400 } end },
    { "a link that is down", "change h2 link eth0: up", function(n) n.h2:link "eth0":set { up = false } end },
    { "a port's cost", "change sw link p2: port", function(n) n.sw:link "p2":set { port = { cost = 9 } } end },
    { "a port that is none", "change sw link p3: master", function(n) n.sw:link "p3":set { master = false } end },
    { "an address", "create h2 addr 10.0.0.12/24 dev eth0",
      function(n) n.h2:link "eth0":del_addr "10.0.0.12/24" end },
    { "an address of IPv6", "create h1 addr fd00::11/64 dev eth0",
      function(n) n.h1:link "eth0":del_addr "fd00::11/64" end },
    { "a route that is gone", "create h1 route default via 10.0.0.254",
      function(n) n.h1:del_route { "default" } end },
    { "a route that goes elsewhere", "change h1 route default via 10.0.0.254: via",
      function(n) n.h1:replace_route { "default", via = "10.0.0.12" } end },
    { "a route with more to it", "change h1 route default via 10.0.0.254: mtu",
      function(n) n.h1:replace_route { "default", via = "10.0.0.254", mtu = 1300 } end },
    { "a forwarding entry", "create sw fdb 02:00:00:00:00:99 dev p1",
      function(n) n.sw:link "p1":del_fdb "02:00:00:00:00:99" end },
    { "a forwarding entry of another port", "change sw fdb 02:00:00:00:00:99 dev p1: dev",
      function(n) n.sw:link "p2":replace_fdb "02:00:00:00:00:99" end },
    { "a sysctl", "change h2 sysctl net.ipv4.tcp_syncookies: net.ipv4.tcp_syncookies",
      function(n) n.h2.sysctl["net.ipv4.tcp_syncookies"] = 1 end },
    { "a sysctl of a link", "change h2 sysctl net.ipv4.conf.eth0.proxy_arp: net.ipv4.conf.eth0.proxy_arp",
      function(n) n.h2.sysctl["net.ipv4.conf.eth0.proxy_arp"] = 0 end },
    { "forwarding", "change r sysctl net.ipv4.ip_forward: net.ipv4.ip_forward",
      function(n) n.r.sysctl["net.ipv4.ip_forward"] = 0 end },
  }

  it("is mended where somebody changed it by hand, there alone", function()
    local net = office()
    net:up()
    local n = {}
    for _, node in ipairs(net.nodes) do n[node.name] = node.netns end
    for _, case in ipairs(by_hand) do
      local what, expected, change = table.unpack(case)
      change(n)
      local plan = net:plan()
      assert.equal(expected, steps(plan), what)
      net:up()
      assert.equal("", steps(net:plan()), what)
    end
  end)

  it("needs no message when nothing differs", function()
    local net = office()
    net:up()
    local before = core.sent()
    assert.equal(0, #net:up())
    assert.equal(before, core.sent())
    net:plan()
    assert.equal(before, core.sent())
  end)
end)
