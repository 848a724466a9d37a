-- move_spec.lua - links between namespaces: all of a move or nothing of it, and never somebody else's link
local h = require "tests.helper"

describe("a link that is moved", function()
  local a, b
  before_each(function() a, b = h.netns(), h.netns() end)

  it("takes its keys along, and its port options where its index is another link's", function()
    local br9 = b:add_link { "br9", kind = "bridge" }
    local victim = b:add_link { "victim", kind = "veth", index = 77, master = br9, peer = "vp" }
    local link = a:add_link { "w0", kind = "veth", index = 77, peer = "w1" }
    link:set { netns = b, master = "br9", up = true, mtu = 1400, port = { cost = 77 } }
    assert.equal(b, link.netns)
    assert.equal(2, victim.port.cost)
    assert.equal(77, link.port.cost)
    assert.equal(1400, link.mtu)
    assert.equal(br9, link.master)
    assert.is_true(link.up)
  end)

  it("stays as it was when a key is refused", function()
    local br0 = a:add_link { "br0", kind = "bridge" }
    b:add_link { "taken", kind = "bridge" }
    local link = a:add_link { "v", kind = "veth", peer = "w", up = true, master = br0 }
    for _, case in ipairs {
      { "EINVAL", { netns = b, mtu = 99999999 } }, { "ENODEV", { netns = b, master = "nowhere" } },
      { "EEXIST", { netns = b, name = "taken" } }, { "EOPNOTSUPP", { netns = b, name = "x", master = "lo" } },
    } do
      h.refused(case[1], link.set, link, case[2])
      assert.equal(a, link.netns)
      assert.equal("v", link.name)
      assert.equal(1500, link.mtu)
      assert.is_true(link.up)
      assert.equal(br0, link.master)
      assert.is_nil(b:find_link "v")
      assert.is_nil(b:find_link "x")
    end
  end)

  it("moves inside a batch too", function()
    local link = a:add_link { "v", kind = "veth", peer = "w" }
    a:batch(function() link:set { netns = b, name = "n" } end)
    assert.equal(b, link.netns)
    assert.equal("n", link.name)
  end)
end)

describe("a link of another namespace", function()
  it("is refused where a link of the same namespace is meant", function()
    local a, b = h.netns(), h.netns()
    local brb = b:add_link { "brb", kind = "bridge", index = 50 }
    local v = a:add_link { "v", kind = "veth", peer = "w", up = true }
    a:add_link { "xa", kind = "bridge", index = 50 }
    h.misuse(b.name, v.set, v, { master = brb })
    h.misuse(b.name, a.add_route, a, { "10.0.0.0/24", dev = brb })
    h.misuse(b.name, a.addrs, a, { dev = brb })
    assert.is_nil(v.master)
  end)
end)

describe("links without a name", function()
  it("are called by their kind and a number, and are those that were made", function()
    local a, b = h.netns(), h.netns()
    a:add_link { "hi", kind = "bridge", index = 1000 }
    local one, two = a:add_link { kind = "bridge" }, a:add_link { kind = "bridge" }
    assert.same({ "bridge0", "bridge1" }, { one.name, two.name })
    local v, w = a:add_link { kind = "veth" }
    assert.equal(w, v.peer)
    assert.not_equal(v.name, w.name)
    local x, y = a:add_link { "veth9", kind = "veth", peer = { netns = b, up = true } }
    assert.equal(y, x.peer)
    assert.equal(b, y.netns)
    assert.is_true(y.up)
  end)
end)

describe("call", function()
  it("comes back to where it was after whatever is done in it", function()
    local a, b = h.netns(), h.netns()
    a:add_link { "ina", kind = "bridge" }
    b:add_link { "inb", kind = "bridge" }
    local function here() return io.open("/proc/thread-self/net/dev"):read("a"):match "in[ab]" end
    a:call(function()
      b:links()
      h.netns()
      b.sysctl["net.ipv4.ip_forward"] = 1
      assert.equal("ina", here())
      assert.equal("inb", b:call(here))
      assert.equal("ina", here())
      pcall(b.call, b, error)
      assert.equal("ina", here())
    end)
    assert.is_nil(here())
  end)
end)

describe("values", function()
  it("of sizes are bytes or text", function()
    local v = h.netns():add_link { "v", kind = "veth", peer = "w", mtu = "4kb" }
    assert.equal(4096, v.mtu)
    h.misuse("mtu must be a whole number", v.set, v, { mtu = "4 kb" })
    h.misuse("mtu must be a whole number", v.set, v, { mtu = "0.3" })
  end)

  it("that can't be off refuse false", function()
    local v = h.netns():add_link { "v", kind = "veth", peer = "w" }
    h.misuse("mtu must be", v.set, v, { mtu = false })
    h.misuse("name must be", v.set, v, { name = false })
    assert.equal(1500, v.mtu)
  end)

  it("of a route's expiry go round", function()
    local ns = h.netns()
    ns:add_link { "v", kind = "veth", up = true, peer = { "w", up = true } }:add_addr { "fd00::1/64", nodad = true }
    ns:add_route { "fd22::/64", dev = "v", expires = 100 }
    local route = ns:routes { dst = "fd22::/64" }[1]
    assert.near(100, route.expires, 2)
    ns:del_route(route)
    ns:add_route(route)
    assert.near(100, ns:routes { dst = "fd22::/64" }[1].expires, 3)
  end)

  it("behind a metamethod are not asked for", function()
    local sneaky = setmetatable({}, { __index = function(_, key) return key == "cwd" and "/nowhere" or nil end })
    assert.equal("here\n", h.netns():exec("echo here", sneaky).out)
  end)

  it("of proxies are listed when asked for", function()
    local ns = h.netns()
    ns:add_link { "v", kind = "veth", up = true, peer = "w" }
    ns:add_neigh { "10.0.0.8", dev = "v", proxy = true }
    assert.equal(0, #ns:neighs())
    assert.equal("10.0.0.8", ns:neighs { proxy = true }[1].dst)
  end)
end)
