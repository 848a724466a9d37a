-- altname_spec.lua - names of links beside their own (ip link property), and what links are found by
local h = require "tests.helper"

local LONG = ("long-"):rep(25) .. "xy" -- 127 bytes

describe("altnames", function()
  local ns, link
  before_each(function()
    ns = h.netns()
    link = ns:add_link { "v0", kind = "veth", peer = "v1", altnames = { "front", LONG } }
  end)

  local function theirs() return h.oracle(ns, "ip -j link show dev v0")[1].altnames end

  it("are given when a link is made, and read as ip(8) reads them", function()
    assert.same({ "front", LONG }, link.altnames)
    assert.same({ "front", LONG }, theirs())
    assert.is_nil(ns:link("v1").altnames)
    ns:exec "ip link property add dev v1 altname back"
    assert.same({ "back" }, ns:link("v1").altnames)
    local record = link:record()
    link:del()
    assert.same({ "front", LONG }, ns:add_link(record).altnames)
  end)

  it("name a link wherever one is named", function()
    assert.equal(link, ns:link(LONG))
    assert.equal(link, ns:find_link "front")
    assert.is_nil(ns:find_link(LONG:sub(1, -2)))
    assert.equal("v0", ns:link(LONG).name)
    local bridge = ns:add_link { "br0", kind = "bridge", altnames = { "the-bridge-of-this-test" } }
    link:set { master = "the-bridge-of-this-test", up = true }
    assert.equal(bridge, link.master)
    ns:add_route { "10.0.0.0/8", dev = LONG }
    assert.equal("v0", ns:routes { dst = "10.0.0.0/8" }[1].dev)
    ns:batch(function()
      link:add_altname "ccc"
      ns:add_route { "10.9.0.0/16", dev = "ccc" }
    end)
    assert.equal("v0", ns:routes { dst = "10.9.0.0/16" }[1].dev)
  end)

  it("are set as a list, of which only the difference is told", function()
    link:set { altnames = { LONG, "new" } }
    assert.same({ LONG, "new" }, link.altnames)
    assert.same({ LONG, "new" }, theirs())
    link:add_altname "more"
    link:del_altname(LONG)
    assert.same({ "new", "more" }, link.altnames)
    ns:batch(function()
      link:set { mtu = 1400 }
      link:set { altnames = { "more", "batch" } }
      link:add_altname "again"
    end)
    assert.same({ "more", "batch", "again" }, link.altnames)
    link:set { altnames = false }
    assert.is_nil(link.altnames)
    assert.is_nil(theirs())
  end)

  it("go along to another namespace", function()
    local other = h.netns()
    link:set { netns = other, altnames = { "there" } }
    assert.equal(link, other:link "there")
  end)

  it("are all set or none, and the rest with them", function()
    local taken = h.refused("EEXIST", link.set, link, { altnames = { "a", "v1" }, mtu = 1400 })
    assert.is_truthy(taken.hint:find "another link")
    assert.same({ 1500, { "front", LONG } }, { link.mtu, link.altnames })
    h.refused("EEXIST", link.add_altname, link, "v1")
    h.refused("EEXIST", link.add_altname, link, "front")
    h.refused("EINVAL", link.del_altname, link, "v0")
    h.refused("ENOENT", link.del_altname, link, "nobody")
    h.refused("EEXIST", ns.add_link, ns, { "w0", kind = "veth", peer = "w1", altnames = { "front" } })
    assert.is_nil(ns:find_link "w0")
    for _, bad in ipairs { "", "a/b", "a b", "-x", ("x"):rep(128) } do
      h.misuse("name", link.add_altname, link, bad)
      h.misuse("name", link.set, link, { altnames = { bad } })
    end
    h.misuse("list of strings", link.set, link, { altnames = { 5 } })
    h.misuse("altnames must be", link.set, link, { altnames = "one" })
    h.misuse("127", ns.link, ns, ("x"):rep(128))
    assert.same({ "front", LONG }, link.altnames)
  end)
end)
