-- routes_spec.lua - lists of routes in one call, and how addresses are written, against ip(8)
local h = require "tests.helper"

local function here_of(ns)
  local list = {}
  for _, r in ipairs(h.oracle(ns, "ip -4 -j route show")) do
    if r.gateway then list[#list + 1] = ("%s %s %s"):format(r.dst, r.gateway, r.metric or 0) end
  end
  table.sort(list)
  return list
end

describe("a list of routes", function()
  local ns

  before_each(function()
    ns = h.netns()
    local near, far = ns:add_link { "v0", kind = "veth", up = true, peer = "v1" }
    far:set { up = true }
    near:add_addr "10.0.0.1/24"
    near:add_addr { "fd00::1/64", nodad = true }
  end)

  -- n routes, and the lines that ip(8) then shows
  local function some(n, metric)
    local list, lines = {}, {}
    for i = 1, n do
      local dst = ("20.0.%d.%d"):format(i >> 8, i & 255)
      list[i] = { dst, via = "10.0.0.2", dev = "v0", metric = metric }
      lines[i] = ("%s 10.0.0.2 %d"):format(dst, metric or 0)
    end
    table.sort(lines)
    return list, lines
  end

  it("is added, replaced and deleted", function()
    local list, lines = some(1000)
    ns:add_routes(list)
    assert.same(lines, here_of(ns))
    for _, route in ipairs(list) do route.via = "10.0.0.3" end
    ns:replace_routes(list)
    for i, line in ipairs(lines) do lines[i] = line:gsub("10%.0%.0%.2", "10.0.0.3") end
    assert.same(lines, here_of(ns))
    ns:del_routes(list)
    assert.same({}, here_of(ns))
    ns:add_routes {}
    ns:add_routes { { dst = "20.1.0.0/16", dev = ns:link "v0" }, { "fd20::/64", via = "fd00::2" } }
    ns:del_routes { "20.1.0.0/16", "fd20::/64" }
    assert.equal(0, #ns:routes { proto = "boot" })
  end)

  it("may be records, of another namespace too", function()
    ns:add_routes((some(50, 7)))
    ns:add_routes { { "21.0.0.0/8", via = "10.0.0.2", table = 77 } }
    local records, other = ns:routes { proto = "boot", table = "all" }, h.netns()
    assert.equal(51, #records)
    ns:del_routes(records)
    assert.equal(0, #ns:routes { proto = "boot", table = "all" })
    other:add_link { "v0", kind = "veth", up = true, peer = { "v1", up = true } }
    other:link("v0"):add_addr "10.0.0.1/24"
    other:add_routes(records)
    assert.same(select(2, some(50, 7)), here_of(other))
    assert.equal(1, #other:routes { table = 77, type = "unicast" })
  end)

  it("says which entry is wrong, and then nothing is sent", function()
    local good = { "20.0.0.1", via = "10.0.0.2" }
    for _, case in ipairs {
      { { "20.0.0.2", gatway = "10.0.0.2" }, "entry 2: unknown key 'gatway'; did you mean 'via'" },
      { { "20.0.0.2" }, "entry 2: via, dev or nexthops" }, { 7, "entry 2: a route is a table, not a number" },
      { { "20.0.0.2", via = "x" }, "entry 2: via" }, { { "20.0.0.2", append = true }, "entry 2: append" },
      { { "16", family = "mpls" }, "entry 2: a route of MPLS" },
    } do
      h.misuse(case[2], ns.add_routes, ns, { good, case[1], good })
    end
    assert.equal(2, h.refused("ENODEV", ns.add_routes, ns, { good, { "20.0.0.2", dev = "nobody" } }).entry)
    h.misuse("takes a list of routes", ns.add_routes, ns, good)
    h.misuse("takes a list of routes", ns.add_routes, ns, { dst = "20.0.0.1", via = "10.0.0.2" })
    h.misuse("takes a list of routes", ns.del_routes, ns, "20.0.0.1")
    h.misuse("takes a list of routes", ns.replace_routes, ns)
    assert.same({}, here_of(ns))
  end)

  it("carries out the others when the kernel refuses some, and tells the first", function()
    local list, lines = some(600)
    ns:add_route(list[300])
    ns:add_route(list[301])
    local why = h.refused("EEXIST", ns.add_routes, ns, list)
    assert.same({ 300, list[300][1] }, { why.entry, why.target })
    assert.matches("entry 300", tostring(why), 1, true)
    assert.same(lines, here_of(ns))
    ns:del_route(list[600])
    assert.equal(600, h.refused("ESRCH", ns.del_routes, ns, list).entry)
    assert.same({}, here_of(ns))
  end)

  it("waits with the rest of an open batch, and a refused one leaves nothing there", function()
    local list, lines = some(3)
    assert.equal(3, ns:batch(function()
      ns:add_route(list[1])
      h.misuse("entry 2", ns.add_routes, ns, { { "30.0.0.0/8", via = "10.0.0.2" }, { "31.0.0.0/8", vai = 1 } })
      assert.equal(2, h.refused("ENODEV", ns.add_routes, ns, { list[2], { "31.0.0.0/8", dev = "nobody" } }).entry)
      ns:add_routes { list[2], list[3] }
      assert.same({}, here_of(ns))
    end))
    assert.same(lines, here_of(ns))
  end)

  it("has addresses written as ip(8) writes them", function()
    local list = { { "::/96", dev = "v0" }, { "::7", dev = "v0" }, { "::1.2.3.4", dev = "v0" },
      { "::ffff:1.2.3.4", dev = "v0" }, { "::ffff:0:102:304", dev = "v0" }, { "0:0:0:1::/64", dev = "v0" } }
    for zeros = 1, 254 do -- which of the eight words are zero, the others of different lengths
      local words = {}
      for i = 1, 8 do words[i] = zeros >> (i - 1) & 1 == 1 and "0" or ("%x"):format(0x2abc >> i % 4 * 4) end
      list[#list + 1] = { table.concat(words, ":"), dev = "v0" }
    end
    ns:add_routes(list)
    local theirs, mine = {}, {}
    for i, r in ipairs(h.oracle(ns, "ip -6 -j route show")) do theirs[i] = r.dst end
    for i, r in ipairs(ns:routes { family = "inet6" }) do mine[i] = r.dst end
    assert.is_true(#list < #mine)
    assert.same(theirs, mine)
  end)
end)
