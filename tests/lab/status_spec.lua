-- status_spec.lua - net:status(): nodes, links, addresses, states and counters as they are, and what is amiss
local h = require "tests.helper"
local json = require "dkjson"

describe("net:status()", function()
  local net

  before_each(function()
    net = lab(h.name "stand")
    local sw = net:switch { "sw", stp = false }
    for i = 1, 2 do
      net:link { { net:host { "h" .. i }, "eth0", addrs = { ("10.0.0.%d/24"):format(i), ("fd00::%d/64"):format(i) } },
        { sw, "p" .. i } }
    end
  end)

  after_each(function() net:down() end)

  it("tells of one that isn't up what is declared, as missing", function()
    local status = net:status()
    assert.is_false(status.up)
    assert.equal(#net:plan(), status.differs)
    for i, node in ipairs(status.nodes) do
      assert.same({ net.nodes[i].name, net.nodes[i].kind, "missing" }, { node.node, node.kind, node.state })
    end
    local names = {}
    for i, link in ipairs(status.links) do names[i] = link.node .. ":" .. link.link .. " " .. link.state end
    assert.same({ "sw:sw missing", "sw:p1 missing", "sw:p2 missing", "h1:eth0 missing", "h2:eth0 missing" }, names)
    assert.equal("sw:p1", status.links[4].peer)
    assert.truthy(tostring(status):find("not up, 3 nodes", 1, true))
  end)

  it("tells what is there, as ip(8) does", function()
    net:up()
    net:ping_all()
    local status = net:status()
    assert.is_true(status.up)
    assert.equal(0, status.differs)
    assert.same({ "up", "up", "up" }, { status.nodes[1].state, status.nodes[2].state, status.nodes[3].state })
    local link = h.find(status.links, { node = "h1", link = "eth0" })
    assert.same({ "10.0.0.1/24", "fd00::1/64" }, { table.unpack(link.addrs) })
    assert.same({ "sw:p1", "up", 1500 }, { link.peer, link.state, link.mtu })
    local theirs = h.oracle(net:node "h1".netns, "ip -j -s link show eth0")[1].stats64
    assert.is_true(link.rx_packets >= 2 and link.rx_packets <= theirs.rx.packets)
    assert.is_true(link.tx_bytes > 100 and link.tx_bytes <= theirs.tx.bytes)
    assert.equal(theirs.rx.dropped + theirs.tx.dropped, link.dropped)
  end)

  it("marks what isn't as declared, and shows what nobody declared", function()
    net:up()
    net:node "h1".netns:link "eth0":set { mtu = 1400 }
    net:node "h2".netns:add_link { "extra", kind = "veth", peer = { "other" } }
    local status = net:status()
    assert.equal(1, status.differs)
    assert.same({ "up", "differs", "up" }, { status.nodes[1].state, status.nodes[2].state, status.nodes[3].state })
    assert.is_true(h.find(status.links, { node = "h1", link = "eth0" }).differs)
    assert.is_nil(h.find(status.links, { node = "h2", link = "eth0" }).differs)
    assert.equal("down", h.find(status.links, { node = "h2", link = "extra" }).state)
    local text = tostring(status)
    assert.truthy(text:find("~ 1 step from what is declared: plan tells, up mends", 1, true))
    assert.truthy(text:find("h1    host    ~ differs", 1, true), text)
    netns.del(net:node "h2".netns.name)
    status = net:status()
    assert.is_false(status.up)
    assert.equal("missing", h.find(status.links, { node = "h2" }).state)
    assert.truthy(tostring(status):find("2 of 3 nodes up", 1, true))
  end)

  it("counts no lo, up or not, and shows its addresses", function()
    local r = net:router { "r", addr = "10.255.0.1/32" }
    net:link { { r, "eth0", addr = "10.1.0.1/24" }, net:host "other" }
    local function counted()
      local node = h.find(net:status().nodes, { node = "r" })
      return node.links, table.concat(node.addrs, " ")
    end
    assert.same({ 1, "" }, { counted() })
    net:up()
    assert.same({ 1, "10.255.0.1/32 10.1.0.1/24" }, { counted() })
    assert.is_nil(h.find(net:status().links, { link = "lo" }))
  end)

  it("has numbers to the right", function()
    net:up()
    net:ping_all()
    local status = net:status()
    h.find(status.links, { node = "h1", link = "eth0" }).rx_bytes = 1234567
    local head = tostring(status):match "[^\n]*rx_bytes[^\n]*"
    local big = tostring(status):match "\n(h1 [^\n]*1%.23M[^\n]*)"
    assert.equal(select(2, head:find "rx_bytes"), select(2, big:find "1%.23M"))
  end)

  it("prints in 100 columns, and is data", function()
    net:up()
    local status = net:status()
    for line in tostring(status):gmatch "[^\n]+" do assert.is_true(utf8.len(line) <= 100, line) end
    local told = json.decode((require "nsh.json".encode(status)))
    assert.same({ net.name, true, 3, 5 }, { told.lab, told.up, #told.nodes, #told.links })
    assert.same({ "10.0.0.2/24", "fd00::2/64" }, told.nodes[3].addrs)
  end)
end)

describe("net:ping_all()", function()
  it("asks for the address that a node was declared with first, whichever of its links was made first", function()
    local net = lab(h.name "all", { addresses = "10.0.0.0/8" })
    local a, b, s = net:host "a", net:host "b", net:router "s"
    for _, ends in ipairs { { a, s }, { b, s }, { a, b } } do net:link(ends) end
    net:up()
    assert.equal(0, net:ping_all().lost) -- s knows no way to the link of a and b, which don't forward
    net:down()
  end)

  it("calls nodes by their names in print, and by those of their namespaces in its data", function()
    local labs = {}
    for i, names in ipairs { { "a", "b" }, { "c", "a" } } do
      local net = lab(h.name "called")
      local prefix = "10.0.0." -- of each lab, for they don't meet
      net:link { { net:host(names[1]), addr = prefix .. "1/24" }, { net:host(names[2]), addr = prefix .. "2/24" } }
      net:up()
      labs[i] = net
    end
    local result = labs[1]:ping_all()
    assert.equal(labs[1].name .. ".a", result.pairs[1].from)
    assert.truthy(tostring(result):find "^ms +a +b\na +%- +%d.-\nb +%d")
    labs[1]:node "b".netns:link "eth0":set { up = false }
    assert.truthy(tostring(labs[1]:ping_all { timeout = 0.1 }):find "\na misses b")
    -- two that are called alike are told apart
    local a, b, c, other = labs[1]:node "a", labs[1]:node "b", labs[2]:node "c", labs[2]:node "a"
    local said = tostring(nsh.ping_all { a, b, c, other, timeout = 0.1 })
    assert.truthy(said:find(("^ms +%s +b +c +%s\n"):format((a:netns_name():gsub("%p", "%%%0")),
      (other:netns_name():gsub("%p", "%%%0")))), said)
    for _, net in ipairs(labs) do net:down() end
  end)
end)
