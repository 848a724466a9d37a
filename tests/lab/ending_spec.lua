-- ending_spec.lua - a plan just after a namespace was deleted, which the kernel ends some time later
local h = require "tests.helper"

local TIMES = os.getenv "NSH_SOAK" and 20 or 2

-- Two stars joined by a router; on links of the first one stand others, and routes are shared out.
local function two(name)
  local net = lab(name)
  for i = 1, 2 do
    local sw = net:switch("sw" .. i)
    for k = 1, 2 do
      local tunnel = k == 1 and { { "vx", kind = "vxlan", dev = "eth0", id = 7, addr = ("10.9.%d.1/24"):format(i) } }
      net:link { { net:host { "h" .. i .. k, links = tunnel or nil }, "eth0", addr = ("10.0.%d.%d/24"):format(i, k) },
        { sw, "p" .. k } }
    end
  end
  local hops = { { via = "10.0.1.1", dev = "eth1" }, { via = "10.0.2.1", dev = "eth2" } }
  net:router { "r", routes = { { "10.9.0.0/16", nexthops = hops } } }
  for i = 1, 2 do net:link { { "r", "eth" .. i, addr = ("10.0.%d.254/24"):format(i) }, { "sw" .. i, "r1" } } end
  return net
end

-- Waits until the kernel is done: the other ends have gone.
local function settle(net)
  for _, end_of in ipairs { "h11 eth0", "h12 eth0", "r eth1" } do
    local node, link = end_of:match "(%S+) (%S+)"
    net:node(node).netns:wait(function(ns) return not ns:find_link(link) end)
  end
end

describe("Just after a namespace was deleted", function()
  local net, name

  before_each(function()
    name = h.name "ending"
    net = two(name)
    net:up()
  end)
  after_each(function() net:down() end)

  -- What is planned when the kernel is done.
  local function settled()
    netns.del(name .. ".sw1")
    settle(net)
    local text = tostring(net:plan())
    net:up()
    assert.equal("nothing to do", tostring(net:plan()))
    return text
  end

  it("a plan is what it is when the kernel is done with it", function()
    local text = settled()
    assert.is_nil(text:find("~", 1, true), text)
    assert.is_nil(text:find("h2", 1, true), text)
    for _ = 1, TIMES do
      local index = net:node "h21".netns:link("eth0").index
      netns.del(name .. ".sw1")
      for _ = 1, 5 do assert.equal(text, tostring(net:plan())) end
      assert.equal(text, tostring(net:up()))
      assert.equal("nothing to do", tostring(net:plan()))
      assert.equal(index, net:node "h21".netns:link("eth0").index) -- nobody touched the other star
      netns.del(name .. ".sw1")
      assert.equal(text, tostring(net:up()))
    end
    assert.is_true(net:node "h11".netns:reaches "10.0.1.2")
  end)

  it("so it is while a process is in there", function()
    local text = settled()
    local sleep = net:node "sw1".netns:spawn { "sleep", "100" }
    local old = net:node "h11".netns:link("eth0").index
    netns.del(name .. ".sw1")
    assert.equal(text, tostring(net:plan()))
    assert.equal(old, net:node "h11".netns:link("eth0").index) -- a plan only looks
    assert.equal(text, tostring(net:up()))
    assert.equal("nothing to do", tostring(net:plan()))
    sleep:kill "KILL"
    sleep:wait { check = false }
  end)

  it("its links are in no status, and no other namespace is said to have the other ends", function()
    local h11 = net:node "h11".netns
    for _ = 1, TIMES do
      netns.del(name .. ".sw1")
      repeat
        local status = net:status()
        assert.equal("missing", h.find(status.links, { node = "h11", link = "eth0" }).state)
        assert.equal("up", h.find(status.nodes, { node = "h21" }).state)
        local link = h.find(h11:links(), { name = "eth0" })
        assert.is_nil(link and link.peer.netns)
      until not link
      net:up()
    end
  end)
end)
