--- script_spec.lua - random topologies as labs: their scripts, and their commands for sh(1), make the same again.
require "tests.helper"
local random = require "tests.net.random"
local tutorials = require "tests.lab.tutorials"

-- Deletes what is there, runs the script, and takes a snapshot of what it has made.
local function again(snapshot)
  tutorials.clear()
  local net = assert(load(snapshot:script(), "=script"))()
  net:up()
  return nsh.snapshot(), net
end

-- Lines that only one of two texts has, or the first that stands elsewhere.
local function differing(a, b)
  a, b = a:gsub("\n%-%-[^\n]*", ""), b:gsub("\n%-%-[^\n]*", "") -- what is left out may be another
  if a == b then return {} end
  local count, found = {}, {}
  for line in a:gmatch "[^\n]+" do count[line] = (count[line] or 0) + 1 end
  for line in b:gmatch "[^\n]+" do count[line] = (count[line] or 0) - 1 end
  for line, n in pairs(count) do
    if n ~= 0 then found[#found + 1] = (n > 0 and "- " or "+ ") .. line end
  end
  return found[1] and found or { "another order", a, b }
end

local function same(snapshot)
  assert.equal("nothing to do", tostring(snapshot:plan()))
  local other, net = again(snapshot)
  assert.equal("nothing to do", tostring(snapshot:diff(other)))
  assert.equal("nothing to do", tostring(other:diff(snapshot)))
  assert.equal("nothing to do", tostring(net:plan()))
  assert.same({}, differing(snapshot:script(), other:script()))
  net:down()
  tutorials.clear()
  netns.current():exec({ "sh" }, { input = snapshot:shell() })
  other = nsh.snapshot()
  assert.equal("nothing to do", tostring(snapshot:diff(other)))
  assert.equal("nothing to do", tostring(other:diff(snapshot)))
end

describe("a snapshot's script and commands", function()
  after_each(tutorials.clear)

  local kinds
  for i = 1, (tonumber(os.getenv "NSH_RUNS") or os.getenv "NSH_SOAK" and 300 or 4) do
    it("make again random topology " .. i, function()
      local seed = tonumber(os.getenv "NSH_SEED") or os.time() * 1000 + i
      kinds = kinds or random.kinds()
      local n = {}
      for j = 1, 3 do n[j] = netns.add("n" .. j) end
      random.apply(random.steps(seed, kinds), n)
      local ok, err = pcall(same, nsh.snapshot())
      if not ok then error(("NSH_SEED=%d: %s"):format(seed, tostring(err)), 0) end
    end)
  end

  it("are written of a declared lab with bridges and ports of a node's own", function()
    local net = lab "own"
    local a, b = net:host "a", net:router "b"
    a:link { "br", kind = "bridge" }
    a:link { "v", kind = "vxlan", id = 4, dstport = 4789, master = "br", port = { cost = 2 } }
    b:link { "br1", kind = "bridge" }
    net:link { { a, "eth0", master = "br", port = { cost = 4, learning = true } }, { b, "eth0" } }
    assert.equal([[
local net = lab "own"

local a = net:host { "a" }
local b = net:router { "b" }

a:link { "br", kind = "bridge" }
a:link { "v", kind = "vxlan", id = 4, master = "br", dstport = 4789, port = { cost = 2 } }
b:link { "br1", kind = "bridge" }

net:link { { a, "eth0", master = "br", port = { cost = 4 } }, { b, "eth0" } }

return net
]], net:script())
    net:up()
    assert.equal(net:script(), nsh.snapshot():script())
    net:down()
  end)

  it("is written in a time that grows as the links of a node do", function()
    local function instructions(n)
      local net = lab("many" .. n)
      local node = net:host "a"
      for i = 1, n do
        node:link { "b" .. i, kind = "bridge", addr = ("10.%d.%d.1/24"):format(i >> 8, i & 255) }
      end
      local state, count = require("nsh.lab.wish").of(net), 0
      debug.sethook(function() count = count + 1 end, "", 1000)
      local _ <close> = setmetatable({}, { __close = function() debug.sethook() end })
      require("nsh.lab.describe").of(state)
      return count
    end
    instructions(10) -- what the kernel gives a bridge is found out
    local few, many = instructions(100), instructions(800)
    assert.is_true(many < 12 * few, ("%d and %d"):format(few, many))
  end)
end)
