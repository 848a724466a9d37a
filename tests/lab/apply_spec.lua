--- apply_spec.lua - whatever is declared is there after up(), and the plan is empty: random labs, and what ip(8) says.
local compare = require "tests.net.compare"
local core = require "nsh.core"
local h = require "tests.helper"
local random = require "tests.lab.random"

local ROUNDS = tonumber(os.getenv "NSH_ROUNDS") or os.getenv "NSH_SOAK" and 200 or 2

local kinds

local function check(net, seed, what)
  local plan = net:plan()
  assert(#plan == 0, ("NSH_SEED=%d: %s\n%s"):format(seed, what, tostring(plan)))
  for _, node in ipairs(net.nodes) do
    local ns = node.netns
    local ready, why
    h.eventually(function()
      ready, why = pcall(compare.ready, ns)
      return ready
    end, 5)
    assert(ready, ("NSH_SEED=%d: %s"):format(seed, tostring(why)))
    h.settles(compare.with_oracle, ns)
  end
end

-- What the kernel chooses where nothing is said: priorities of rules, handles of qdiscs, MAC addresses.
local function is_chance(step)
  if step.noun == "rule" then return true end
  if step.op ~= "change" then return false end
  for key in pairs(step.changes) do
    local inherited = key == "mtu" and step.name:find "^own" -- from the link below, when it was made
    local of_mtu = key == "burst" or key == "limit" -- of an impairment by tbf, when it was made
    local of_router = key:find "%.accept_dad$" -- a node that became one: its links have their addresses already
    if key ~= "mac" and key ~= "handle" and not inherited and not of_mtu and not of_router then return false end
  end
  return true
end

describe("A lab", function()
  setup(function() kinds = random.kinds() end)

  after_each(function()
    lab "random":down()
    for _, record in ipairs(netns.list()) do netns.del(record.name) end
  end)

  it("is as declared after up(), and nothing is left to do", function()
    local first = tonumber(os.getenv "NSH_SEED") or os.time() % 1000000
    for seed = first, first + ROUNDS - 1 do
      local net = random.declare("random", seed, kinds)
      local ok, err = pcall(net.up, net)
      assert(ok, ("NSH_SEED=%d: %s"):format(seed, tostring(err)))
      check(net, seed, "after up")
      local before = core.sent()
      net:up()
      assert.equal(before, core.sent())
      net:down()
    end
  end)

  it("changes into another one in place, and is then as if it had been made so", function()
    local first = tonumber(os.getenv "NSH_SEED") or os.time() % 1000000
    for seed = first, first + ROUNDS - 1 do
      random.declare("random", seed, kinds):up()
      local net = random.declare("random", seed + 1000000, kinds)
      local ok, err = pcall(net.up, net)
      assert(ok, ("NSH_SEED=%d: %s"):format(seed, tostring(err)))
      check(net, seed, "after the change")
      local changed = nsh.snapshot()
      net:down()
      net:up()
      local fresh = nsh.snapshot()
      local differs = {}
      for _, step in ipairs(changed:diff(fresh)) do
        if not is_chance(step) then
          differs[#differs + 1] = ("%s %s %s %s"):format(step.op, step.node, step.noun, step.name)
        end
      end
      assert(#differs == 0, ("NSH_SEED=%d: changed otherwise than made\n%s"):format(seed, table.concat(differs, "\n")))
      net:down()
    end
  end)
end)
