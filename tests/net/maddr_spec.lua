-- maddr_spec.lua - multicast addresses of links against ip(8)
local h = require "tests.helper"

local function compare_once(ns)
  local ours, theirs = {}, {}
  for i, m in ipairs(ns:maddrs()) do
    ours[i] = ("%s %s %s %d %s"):format(m.dev, m.family, m.addr, m.users, m.static or false)
  end
  for _, link in ipairs(h.oracle(ns, "ip -j maddr show")) do
    for _, m in ipairs(link.maddr) do
      theirs[#theirs + 1] = ("%s %s %s %d %s"):format(link.ifname, m.family or "link", m.address or m.link,
        m.users or 1, m.features == "static")
    end
  end
  assert.same(h.sorted(theirs), h.sorted(ours))
end

-- Groups are joined and left a little later.
local function compare(ns) h.settles(compare_once, ns) end

describe("a multicast address", function()
  local ns, link

  before_each(function()
    ns = h.netns()
    ns:link("lo"):set { up = true }
    link = ns:add_link { "v0", kind = "veth", up = true, addrgenmode = "none",
      peer = { "w0", up = true, addrgenmode = "none" } }
    link:add_addr "10.0.0.1/24"
    link:add_addr { "fd00:1:2::abcd:1/64", nodad = true }
  end)

  it("is listed as ip does it", function()
    compare(ns)
    assert.equal("link", h.find(link:maddrs(), { addr = "01:00:5e:00:00:01" }).family)
    assert.equal("v0", h.find(ns:maddrs { family = "inet", dev = link }, { addr = "224.0.0.1" }).dev)
    assert(h.find(link:maddrs { family = "inet6" }, { addr = "ff02::1" }))
    assert.equal(#ns:maddrs { dev = "v0" }, #link:maddrs())
    assert.equal(0, #ns:maddrs { dev = "nobody" })
  end)

  it("of the link layer is added and taken away", function()
    link:add_maddr "33:33:00:00:00:05"
    ns:exec "ip maddr add 01:00:5e:01:02:03 dev v0"
    compare(ns)
    local record = link:maddrs { addr = "33:33:00:00:00:05" }[1]
    assert.same({ "link", "v0", 1, true }, { record.family, record.dev, record.users, record.static })
    link:del_maddr(record)
    assert.equal(0, #link:maddrs { addr = "33:33:00:00:00:05" })
    link:add_maddr(record)
    assert.same(record, link:maddrs { addr = "33:33:00:00:00:05" }[1])
    link:del_maddr "01:00:5e:01:02:03"
    compare(ns)
    assert.matches("add_maddr", h.refused("ENOENT", link.del_maddr, link, "01:00:5e:01:02:03").hint)
  end)

  it("is refused when it is none", function()
    h.misuse("odd", link.add_maddr, link, "02:00:00:00:00:01")
    h.misuse("MAC", link.add_maddr, link, "x")
    h.misuse("text", link.add_maddr, link, 7)
    h.misuse("joined", link.add_maddr, link, link:maddrs { family = "inet6" }[1])
    h.misuse("did you mean 'family'", ns.maddrs, ns, { familiy = "inet" })
    h.misuse("family", ns.maddrs, ns, { family = "bridge" })
    assert.is_nil(h.find(link:maddrs(), { static = true })) -- as those are that were added
    link:del()
    h.refused("ENODEV", link.add_maddr, link, "33:33:00:00:00:05")
  end)
end)
