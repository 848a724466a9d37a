-- complete_spec.lua - what Tab offers
local attrs = require "nsh.attrs"
local complete = require("nsh.complete").complete

-- An object as lua/nsh/object.lua makes them.
local function object(name, class, data)
  return setmetatable(data or {}, { __name = name, class = class, __index = function() error "evaluated" end })
end

local function candidates(line)
  return (complete(line))
end

local function has(list, word)
  for _, candidate in ipairs(list) do
    if candidate == word then return true end
  end
  return false
end

describe("complete", function()
  local evaluated
  before_each(function()
    evaluated = 0
    local namespace = object("nsh.netns", {
      links = function() return { { name = "eth0" }, { name = "eth1" }, { name = "bad\27" } } end,
      link = function(_, name) return name == "eth0" and _G.zzt.eth0 or error "no such link" end,
      find_link = function() end, add_link = function() end, add_route = function() end,
      _hidden = function() end,
      get = { id = function() evaluated = evaluated + 1 end },
    }, { label = "red", core = true })
    local link = object("nsh.link", {
      set = function() end, del = function() end,
      get = { netns = function() return namespace end, state = function() evaluated = evaluated + 1 end },
    })
    _G.zzt = {
      ns = namespace, eth0 = link, list = { { deep = 1 } }, f = function() end, text = "abc",
      hostile = setmetatable({ own = 1 }, { __index = function() error "called" end }),
      child = setmetatable({ mine = 1 }, { __index = { parents = function() end } }),
      ["not a name"] = 1, _secret = 1,
    }
  end)
  after_each(function() _G.zzt = nil end)

  it("offers globals and keywords", function()
    local found, start = complete "x = zz"
    assert.same({ "zzt" }, found)
    assert.equal(5, start)
    assert.same({ "repeat", "require", "return" }, (complete "re"))
    assert.same({}, candidates "")
  end)

  it("offers the kinds and keys of queues and filters, and what can be waited for", function()
    assert.same({ "netem" }, candidates 'x:add_qdisc { "net')
    assert.same({ "cburst", "ceil" }, candidates 'x:add_class { "htb", classid = "1:1", c')
    assert.same({ "match" }, candidates 'x:add_filter { "u32", mat')
    assert.same({ "delay", "delay_correlation" }, candidates "x:impair { del")
    assert.is_true(has(candidates "x:wait { sta", "state"))
    assert.same({}, candidates 'x:add_link { "vxlan", dstp')
    assert.same({}, candidates 'x:add_link { "vxl')
  end)

  it("offers fields behind a dot, functions behind a colon", function()
    local found, start = complete "print(zzt.chi"
    assert.same({ "child" }, found)
    assert.equal(11, start)
    assert.same({ "mine", "parents" }, candidates "zzt.child.")
    assert.same({ "parents" }, candidates "zzt.child:")
    assert.same({ "deep" }, candidates "zzt.list[1].")
    assert.same({ "mine" }, candidates 'zzt["child"].m')
    assert.is_true(has(candidates "zzt.text:", "gsub"))
    assert.is_true(has(candidates "string.", "format"))
    assert.is_true(has(candidates "io.stdout:", "write"))
  end)

  it("hides private names until asked", function()
    assert.is_false(has(candidates "zzt.", "_secret"))
    assert.same({ "_secret" }, candidates "zzt._")
    assert.is_false(has(candidates "zzt.", "not a name"))
  end)

  it("offers an object's methods and live fields without asking for them", function()
    assert.same({ "add_link", "add_route", "find_link", "link", "links" }, candidates "zzt.ns:")
    assert.same({ "id", "label" }, candidates "zzt.ns.")
    local fields = candidates "zzt.eth0."
    assert.is_true(has(fields, "state") and has(fields, "netns"))
    for _, row in ipairs(attrs.rows "link") do
      if not row.writeonly then assert.is_true(has(fields, row.key), row.key) end
    end
    assert.same({ "links" }, candidates "zzt.eth0.netns:links")
    assert.same({ "del", "set" }, candidates 'zzt.ns:link "eth0":')
    assert.same({ "set" }, candidates 'zzt.ns:link("eth0"):s')
    assert.same({}, candidates 'zzt.ns:link "eth7":')
    assert.same({}, candidates 'zzt.ns:add_link "eth0":')
    assert.same({}, candidates "zzt.eth0.state.")
    assert.equal(0, evaluated)
  end)

  it("never calls a user's __index", function()
    assert.same({ "own" }, candidates "zzt.hostile.")
    assert.same({}, candidates "zzt.hostile.nothing.")
    assert.same({}, candidates "zzt.f().")
    assert.same({}, candidates "nothing.at.all.")
  end)

  it("offers links inside strings", function()
    local found, start = complete 'zzt.ns:link "et'
    assert.same({ "eth0", "eth1" }, found)
    assert.equal(14, start)
    assert.same({ "eth0", "eth1" }, candidates 'zzt.ns:find_link("')
    assert.same({ "eth1" }, candidates "zzt.ns:link 'eth1")
    assert.same({ "eth0", "eth1" }, candidates 'zzt.ns:add_route { "default", via = "10.0.0.1", dev = "')
    assert.same({ "eth0", "eth1" }, candidates 'zzt.eth0:set { master = "')
    assert.same({}, candidates 'zzt.ns:links "')
  end)

  it("offers names of namespaces", function()
    local before = package.loaded["nsh.netns"]
    package.loaded["nsh.netns"] = { names = function() return { "blue", "red" } end }
    finally(function() package.loaded["nsh.netns"] = before end)
    assert.same({ "red" }, candidates 'zzt.ns:add_link { "v0", kind = "veth", netns = "r')
  end)

  it("offers option keys that aren't given yet", function()
    assert.is_true(has(candidates 'zzt.ns:add_link { "br0", ', "mtu"))
    assert.same({ "mtu" }, candidates 'zzt.ns:add_link { "br0", kind = "bridge", mt')
    assert.same({ "mtu" }, candidates 'x.y:add_link({ "br0", mt')
    assert.same({ "mtu" }, candidates 'zzt.ns:add_link { "v0", peer = { "v1", mt')
    assert.is_false(has(candidates 'zzt.ns:add_link { mtu = 1, ', "mtu"))
    assert.is_true(has(candidates 'zzt.ns:add_route { "default", ', "via"))
    assert.is_false(has(candidates 'zzt.ns:add_route { "default", ', "mac"))
    assert.is_true(has(candidates 'zzt.eth0:set { ', "mtu"))
    assert.same({ "untagged" }, candidates 'x.p0:add_vlan { 10, unt')
    assert.same({ "msti" }, candidates 'x.br0:set_vlan_global { 10, ms')
  end)

  it("offers link kinds and a kind's own keys", function()
    assert.same({ "bridge" }, candidates 'zzt.ns:add_link { "br0", kind = "bri')
    assert.is_true(has(candidates 'zzt.ns:add_link { "br0", kind = "bridge", ', "stp"))
    assert.is_false(has(candidates 'zzt.ns:add_link { "br0", kind = "veth", ', "stp"))
    assert.is_true(has(candidates 'zzt.eth0:set { port = { ', "cost"))
  end)

  it("offers modules to require", function()
    package.preload["stdlib.zz"] = function() end
    finally(function() package.preload["stdlib.zz"] = nil end)
    assert.same({ "stdlib.zz" }, candidates 'local x = require "stdlib.z')
  end)

  it("is silent in commands, comments, numbers and plain strings", function()
    assert.same({}, candidates "!ip li")
    assert.same({}, candidates "  !zz")
    assert.same({}, candidates "-- zz")
    assert.same({}, candidates "--[[ zz")
    assert.same({}, candidates '"zz')
    assert.same({}, candidates "[[zz")
    assert.same({}, candidates "12e")
  end)

  it("survives any text", function()
    math.randomseed(42)
    local alphabet = { "zzt", ".", ":", "ns", "eth0", "{", "}", "(", ")", "[", "]", "=", '"', "'", ",", " ", "1", "\\",
      "set", "link", "add_link", "--", "[[", "]]", "\n", "\xff", "peer", "kind", "dev", "end" }
    for _ = 1, 3000 do
      local parts = {}
      for i = 1, math.random(12) do parts[i] = alphabet[math.random(#alphabet)] end
      local line = table.concat(parts)
      local found, start = complete(line)
      assert.is_table(found)
      assert.is_true(start >= 1 and start <= #line + 1, line)
    end
  end)
end)
