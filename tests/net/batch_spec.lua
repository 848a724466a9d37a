-- batch_spec.lua - many changes at once: what is asked meanwhile disturbs nothing, and no batch outlives its function.
local helper = require "tests.helper"

describe("ns:batch", function()
  local ns

  before_each(function()
    ns = helper.netns()
    ns:link("lo"):set { up = true }
  end)

  it("sends routes whose link is looked up in between", function()
    local sent = ns:batch(function()
      for i = 1, 100 do ns:add_route { ("10.6.%d.0/24"):format(i), dev = "lo" } end
    end)
    assert.equal(100, sent)
    assert.equal(100, #helper.oracle(ns, "ip -j route show"))
  end)

  it("carries out what comes after a failure, and raises it", function()
    ns:add_route { "10.6.2.0/24", dev = "lo" }
    helper.refused("EEXIST", ns.batch, ns, function()
      for i = 1, 3 do ns:add_route { ("10.6.%d.0/24"):format(i), dev = "lo" } end
    end)
    assert.equal(3, #ns:routes())
  end)

  it("drops what is queued when the function raises", function()
    local ok, err = pcall(ns.batch, ns, function()
      ns:add_route { "10.6.1.0/24", dev = "lo" }
      error("enough", 0)
    end)
    assert.is_false(ok)
    assert.equal("enough", err)
    assert.equal(0, #ns:routes())
    ns:add_route { "10.6.3.0/24", dev = "lo" } -- at once again
    assert.equal(1, #ns:routes())
  end)

  it("says that a namespace deleted in it takes the requests along", function()
    local gone = netns.add(helper.name "gone")
    helper.misuse("was deleted in its own batch", gone.batch, gone, function()
      gone:add_link { "br0", kind = "bridge" }
      gone:del()
    end)
  end)

  it("is sent before what needs its answer", function()
    local link = ns:add_link { "batch0", kind = "veth", peer = "batch1" }
    assert.is_true(4 <= ns:batch(function()
      link:set { mtu = 1400 }
      link:wait { mtu = 1400, timeout = 1 }
      link:set { mtu = 1300 }
      link:impair { rate = "1mbit" }
      link:set { mtu = 1200 }
    end))
    assert.same({ 1200, 1000000 }, { link.mtu, link:impair().rate })
    link:del()
  end)

  it("takes a function, and no second batch in it", function()
    helper.misuse("batch takes a function", ns.batch, ns, 3)
    helper.refused("EBUSY", ns.batch, ns, function() ns:batch(function() end) end)
  end)
end)

describe("a batch", function()
  local core = require "nsh.core"

  local function ends(n)
    local list = {}
    for i = 1, n do list[i] = helper.netns() end
    return list
  end

  -- The system calls that send, of a function.
  local function changes(fn)
    local before = core.sent()
    fn()
    return core.sent() - before
  end

  it("holds links whose numbers are given, with all that follows them", function()
    local sw, host = table.unpack(ends(2))
    local asked
    assert.equal(10, changes(function()
      assert(core.netns.batch_all(false, function()
        core.link.add(sw.core, { "br0", kind = "bridge", index = 100 })
        assert.same({ 101, 2 }, { core.link.add(sw.core, { "p1", kind = "veth", index = 101, master = 100, up = true,
          altnames = { "port-of-the-host" }, port = { cost = 7 }, peer = { "eth0", netns = host.core, index = 2,
          up = true, alias = "x" } }, "bridge") })
        core.addr.add(host.core, { "10.0.0.1/24", dev = "eth0" })
        core.route.add(host.core, { "default", via = "10.0.0.254", dev = 2 })
        core.addr.add(sw.core, { "10.0.0.254/24", dev = "br0" })
        core.addr.add(sw.core, { "10.0.1.254/24", dev = 100 })
        core.link.set(sw.core, 100, { up = true })
        assert.equal(0, #host:addrs())
        asked = core.netns.asked()
      end))
    end))
    assert.equal(10, asked)
    assert.is_true(host:reaches "10.0.0.254")
    local port = helper.oracle(sw, "ip -j -d link show port-of-the-host")[1]
    assert.same({ "p1", 101, "br0", 7 }, { port.ifname, port.ifindex, port.master, port.linkinfo.info_slave_data.cost })
    assert.equal("x", helper.oracle(host, "ip -j link show eth0")[1].ifalias)
  end)

  it("sends what is asked of a peer behind its maker, in a ring too", function()
    local ring = ends(5)
    assert(core.netns.batch_all(true, function()
      for i = 5, 1, -1 do
        local next_one = ring[i % 5 + 1]
        core.link.add(ring[i].core, { "right", kind = "veth", index = 10, up = true,
          peer = { "left", netns = next_one.core, index = 11, up = true } })
        core.addr.add(next_one.core, { ("10.1.%d.2/24"):format(i), dev = "left" })
        core.addr.add(ring[i].core, { ("10.1.%d.1/24"):format(i), dev = "right" })
      end
    end))
    for i = 1, 5 do assert.is_true(ring[i]:reaches(("10.1.%d.2"):format(i))) end
  end)

  it("of all namespaces is for scripts too", function()
    local a, b = table.unpack(ends(2))
    assert.equal(4, netns.batch(function()
      a:add_link { "x", kind = "veth", index = 50, up = true, peer = { "x", netns = b, index = 50 } }
      b:add_route { "10.0.0.0/8", type = "blackhole", table = 7 }
      b:link("lo"):set { alias = "it is" }
      a:link("lo"):set { up = true }
    end))
    helper.misuse("batch takes a function", netns.batch, a)
    helper.refused("EBUSY", netns.batch, function() a:batch(function() end) end)
    assert.equal("it is", b:link("lo").alias)
  end)

  it("of one namespace takes what follows in the peer's", function()
    local a, b = table.unpack(ends(2))
    local link, peer
    a:batch(function()
      link, peer = a:add_link { "x", kind = "veth", index = 50, up = true,
        peer = { "y", netns = b, index = 51, up = true, mtu = 1400 } }
    end)
    assert.same({ 50, 51, true, 1400 }, { link.index, peer.index, peer.up, peer.mtu })
    a:batch(function()
      a:add_link { "z", kind = "veth", index = 60, peer = { "zz", index = 61 } }:set { alias = "read first" }
    end)
    assert.equal("read first", a:link("z").alias)
  end)

  it("tells of each request that failed, and goes no further where that was asked", function()
    local a, b = table.unpack(ends(2))
    local function fill()
      core.link.set(a.core, 1, { up = true })
      core.link.set(a.core, 77, { mtu = 1300 })
      core.route.add(b.core, { "10.0.0.0/8", via = "192.0.2.1" })
      core.link.set(b.core, 1, { up = true })
    end
    local ok, message, code, detail = core.netns.batch_all(false, fill)
    assert.is_nil(ok)
    assert.same({ "ENODEV", 2, 2 }, { code, detail.request, #detail.failed })
    assert.truthy(message:find("request 2 of 4", 1, true))
    local second = detail.failed[2]
    assert.same({ 3, "ENETUNREACH", b.label, "Nexthop has invalid gateway" },
      { second.request, second.code, second.netns, second.extack })
    assert.is_true(b:link("lo").up)
    b:link("lo"):set { up = false }
    detail = select(4, core.netns.batch_all(true, fill))
    assert.equal(1, #detail.failed)
    assert.is_false(b:link("lo").up)
  end)

  it("asks for the name of a link once", function()
    local script = [[
      local ns = netns.add "n"
      ns:link("lo"):set { up = true }
      ns:batch(function()
        for i = 1, 200 do ns:add_route { ("10.6.%d.0/24"):format(i), dev = "lo" } end
      end)
      io.stderr:write(#ns:routes(), " routes\n")]]
    local traced = netns.current():exec({ "strace", "-f", "-e", "trace=sendto", os.getenv "NSH_PLAIN" or "./nsh", "-e",
      script }).err
    local _, sends = traced:gsub("sendto%(", "")
    assert.truthy(traced:find "200 routes")
    assert.is_true(sends > 3 and sends < 20, sends .. " messages were sent")
  end)
end)

describe("the world's root", function()
  it("outlives a name that it is given", function()
    local stat <close> = assert(io.open "/proc/self/stat")
    local root = netns.current()
    assert.equal(root, netns.attach("itself", tonumber(stat:read("a"):match "%d+")))
    assert.is_nil(root.name)
    netns.del "itself"
    assert.equal(root, netns.current())
    assert.is_true(#root:links() > 0)
  end)
end)
