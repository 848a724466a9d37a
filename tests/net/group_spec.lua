-- group_spec.lua - links of a group: changed together, deleted together, refused
local h = require "tests.helper"

local function groups(ns)
  local list = {}
  for _, link in ipairs(h.oracle(ns, "ip -j link show")) do
    list[link.ifname] = { link.group, link.mtu }
  end
  return list
end

local function make(ns)
  for i = 1, 4 do ns:add_link { "br" .. i, kind = "bridge", group = i <= 2 and 7 or i == 3 and 8 or nil } end
end

describe("links of a group", function()
  it("are changed together", function()
    local ns = h.netns()
    make(ns)
    ns:set_links { group = 7, mtu = 1400, up = true }
    local now = groups(ns)
    for _, name in ipairs { "br1", "br2" } do
      assert.same({ "7", 1400 }, { now[name][1], now[name][2] })
      assert.is_true(ns:link(name).up)
    end
    assert.same({ 1500, 1500 }, { now.br3[2], now.br4[2] })
    assert.is_false(ns:link("br3").up)
    ns:set_links { group = 8, up = true }
    ns:set_links { group = 4711, up = true } -- of no link
    assert.is_false(ns:link("br4").up)
    local bridge = ns:add_link { "hub", kind = "bridge" }
    for i = 1, 3 do ns:add_link { "v" .. i, kind = "veth", peer = "w" .. i, group = 9 } end
    ns:set_links { group = 9, master = "hub" }
    assert.equal(3, #bridge:ports())
    ns:set_links { group = 9, master = false }
    assert.equal(0, #bridge:ports())
  end)

  it("are deleted together", function()
    local ns = h.netns()
    make(ns)
    ns:flush_links { group = 7 }
    assert.same({ "lo", "br3", "br4" }, { ns:links()[1].name, ns:links()[2].name, ns:links()[3].name })
    assert.equal(3, #ns:links())
    assert.equal("group 7", h.refused("ENODEV", ns.flush_links, ns, { group = 7 }).target)
    ns:link("lo"):set { group = 8 }
    h.refused("EOPNOTSUPP", ns.flush_links, ns, { group = 8 })
    assert.is_truthy(ns:find_link "br3")
  end)

  it("are named by a number", function()
    local ns = h.netns()
    make(ns)
    for _, group in ipairs { -1, 1.5, "x", 0x100000000, {} } do
      h.misuse("group must be", ns.flush_links, ns, { group = group })
      h.misuse("group must be", ns.set_links, ns, { group = group, up = true })
    end
    for _, fn in ipairs { ns.flush_links, ns.set_links } do
      h.misuse("takes a table", fn, ns, 7)
      h.misuse("takes a table", fn, ns)
      h.misuse("left out", fn, ns, {})
    end
    h.misuse("can't be deleted", ns.flush_links, ns, { group = 0 })
    h.misuse("can't be deleted", ns.flush_links, ns, { group = "default" })
    h.misuse("unknown key 'up'", ns.flush_links, ns, { group = 7, up = true })
    h.misuse("say what to set", ns.set_links, ns, { group = 7 })
    h.misuse("name is for a link alone", ns.set_links, ns, { group = 7, name = "x" })
    h.misuse("kind is for a link alone", ns.set_links, ns, { group = 7, kind = "bridge" })
    h.misuse("unknown key 'stp'", ns.set_links, ns, { group = 7, stp = true })
    h.misuse("mtu must be", ns.set_links, ns, { group = 7, mtu = -1 })
    assert.equal(5, #ns:links())
  end)
end)
