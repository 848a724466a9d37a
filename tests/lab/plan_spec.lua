--- plan_spec.lua - a plan as text and as data: its signs, its words, and its counts where it is long.
local h = require "tests.helper"
local dkjson = require "dkjson"

-- A lab with a host and a switch, of a name of its own.
local function office(name)
  local net = lab(name)
  local h1 = net:host { "h1", routes = { { "default", via = "10.0.0.254" } } }
  net:link { { h1, "eth0", addr = "10.0.0.1/24" }, { net:switch { "sw" }, "p1" } }
  return net, h1
end

local function lines_of(plan)
  local lines = {}
  for line in tostring(plan):gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

describe("a plan", function()
  local net, h1, name
  before_each(function()
    name = h.name "plan"
    net, h1 = office(name)
  end)
  after_each(function() nsh.down(name) end)

  it("prints what is made, node by node, without what every node has", function()
    assert.same({
      "+ h1",
      ("    + link eth0 veth to %s.sw.p1"):format(name),
      "    + addr 10.0.0.1/24 dev eth0",
      "    + route default via 10.0.0.254",
      "+ sw",
      "    + link sw bridge",
      ("    + link p1 veth to %s.h1.eth0 in sw"):format(name),
    }, lines_of(net:plan()))
  end)

  it("prints what changes with both values, and what goes", function()
    net:up()
    assert.equal("nothing to do", tostring(net:plan()))
    h1.netns:link("eth0"):set { mtu = 1400 }
    h1.netns:del_route { "default", via = "10.0.0.254" }
    h1.netns.sysctl["net.ipv4.ip_forward"] = 1
    assert.same({ "  h1", "    ~ link eth0: mtu 1400 → 1500", "    + route default via 10.0.0.254",
      "    ~ sysctl net.ipv4.ip_forward: 1 → 0" }, lines_of(net:plan()))
    local less = lab(name)
    less:host "h1"
    assert.same({ "  h1", "    - link eth0", "    ~ sysctl net.ipv4.ip_forward: 1 → 0", "- sw" }, lines_of(less:plan()))
  end)

  it("says of packet filters and services what was declared, and nothing of how they run", function()
    local function declare(text, cmd)
      local again = lab(name)
      again:host { "h1", nft = nsh.program "nft" and text, services = { { name = "log", cmd = cmd } } }
      return again
    end
    declare("table ip t { }", "sleep 1000"):up()
    local lines = lines_of(declare("table ip t { chain c { } }", "sleep 2000"):plan())
    local service = table.remove(lines)
    assert.equal("    ~ service log: cmd sleep 1000 → sleep 2000", service)
    assert.same({ "  h1", nsh.program "nft" and "    ~ nft ruleset: text 14 bytes → 26 bytes" }, lines)
  end)

  it("says of other ends and of texts of the same length what is other", function()
    local function declare(text, port)
      local again = lab(name)
      again:link { { again:host { "h1", files = { ["/etc/motd"] = text } }, "eth0" }, { again:switch { "sw" }, port } }
      return again
    end
    declare("abc", "p1"):up()
    assert.same({ "  h1", "    ~ file /etc/motd: another text, 3 bytes" }, lines_of(declare("xyz", "p1"):plan()))
    assert.same({ "  h1", ("    ~ link eth0: peer p1@%s.sw → p2@%s.sw (made anew)"):format(name, name), "  sw",
      ("    + link p2 veth to %s.h1.eth0 in sw"):format(name), "    - link p1" },
      lines_of(declare("abc", "p2"):plan()))
  end)

  it("is a list of steps, which JSON takes as it is", function()
    net:up()
    h1.netns:link("eth0"):set { mtu = 1400 }
    local plan = net:plan()
    assert.equal(1, #plan)
    local step = plan[1]
    assert.same({ "change", "link", "h1", name .. ".h1", "eth0" },
      { step.op, step.noun, step.node, step.netns, step.name })
    assert.same({ mtu = { 1400, 1500 } }, step.changes)
    assert.truthy(step.where:find "plan_spec.lua:%d+$")
    local again = dkjson.decode(dkjson.encode(plan))
    assert.same({ "change", 1400, 1500 }, { again[1].op, again[1].changes.mtu[1], again[1].changes.mtu[2] })
    assert.equal("[]", dkjson.encode(lab(h.name "none"):plan()))
  end)

  it("counts what is new where that is much", function()
    for i = 2, 60 do
      net:link { { net:host("h" .. i), "eth0", addr = ("10.0.0.%d/24"):format(i) }, { "sw", "p" .. i } }
    end
    local plan = net:plan()
    local made, changed = 0, 0
    for _, step in ipairs(plan) do
      made = made + (step.op == "create" and 1 or 0)
      changed = changed + (step.op == "change" and 1 or 0)
    end
    assert.same({ "+ h1: 1 link, 1 address, 1 route", "+ sw: 61 links",
      "+ h2 ... h60, 59 nodes: each 1 link, 1 address",
      ("%d to make, %d to change, 0 to delete"):format(made, changed) }, lines_of(plan))
  end)
end)
