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
