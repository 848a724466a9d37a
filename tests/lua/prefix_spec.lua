-- prefix_spec.lua - subnets and addresses by number, of both families
local h = require "tests.helper"

describe("nsh.subnet", function()
  it("counts subnets from either end", function()
    assert.equal("10.0.0.0/24", nsh.subnet("10.0.0.0/8", 24, 0))
    assert.equal("10.1.44.0/24", nsh.subnet("10.0.0.0/8", 24, 300))
    assert.equal("10.255.255.0/24", nsh.subnet("10.0.0.0/8", 24, -1))
    assert.equal("fd00:0:0:1::/64", nsh.subnet("fd00::/48", 64, 1))
    assert.equal("128.0.0.0/1", nsh.subnet("0.0.0.0/0", 1, 1))
    assert.equal("8000::/1", nsh.subnet("::/0", 1, 1))
    assert.equal("fd00:0:0:ffff:ff00::/72", nsh.subnet("fd00::/48", 72, 0xffffff))
    assert.equal("fd00::ffff/128", nsh.subnet("fd00::/112", 128, 0xffff))
  end)

  it("gives the network of an address as its own subnet", function()
    assert.equal("10.1.2.0/23", nsh.subnet("10.1.3.4/23", 23, 0))
    assert.equal("fd00:1::/64", nsh.subnet("fd00:1::7/64", 64, 0))
    assert.equal("10.1.2.3/32", nsh.subnet("10.1.2.3", 32, 0))
  end)

  it("tells what there isn't", function()
    h.misuse("10.0.0.0/30 has no subnet number 4; it has 4", nsh.subnet, "10.0.0.0/30", 32, 4)
    h.misuse("a number from 8 to 32, not 4", nsh.subnet, "10.0.0.0/8", 4, 0)
    h.misuse("not '10.0.0.300/8'", nsh.subnet, "10.0.0.300/8", 8, 0)
    h.misuse("not '1:2::3::4/64'", nsh.subnet, "1:2::3::4/64", 64, 0)
  end)
end)

describe("nsh.address", function()
  it("counts addresses from either end, and writes them as the kernel does", function()
    assert.equal("10.0.3.5/24", nsh.address("10.0.3.0/24", 5))
    assert.equal("10.0.3.254/24", nsh.address("10.0.3.99/24", -2))
    assert.equal("10.1.0.0/15", nsh.address("10.0.0.0/15", 65536))
    assert.equal("fd00::1:0/64", nsh.address("fd00::/64", 65536))
    for text, canonical in pairs { ["::"] = "::", ["1:0:0:0:0:0:0:0"] = "1::", ["1:0:3:0:0:6:7:8"] = "1:0:3::6:7:8",
      ["1:2:3:4:5:6:0:8"] = "1:2:3:4:5:6:0:8", ["fe80:0:0:1::1"] = "fe80:0:0:1::1" } do
      assert.equal(canonical .. "/128", nsh.address(text, 0))
    end
    local link = h.wired():link "v0"
    for _, n in ipairs { 2, 0x10000, 0x123456789abc } do
      local addr = nsh.address("fd00:0:5::/64", n)
      link:add_addr { addr, nodad = true }
      assert.truthy(h.find(link:addrs(), { addr = addr }), addr)
    end
  end)

  it("tells what there isn't", function()
    h.misuse("10.0.0.0/30 has no address number 4; it has 4", nsh.address, "10.0.0.0/30", 4)
    h.misuse("fd00::/64 has no address number -1; it has 2^64", nsh.address, "fd00::/64", -1)
    h.misuse("no address number 1.5", nsh.address, "10.0.0.0/24", 1.5)
  end)
end)

describe("core.network", function()
  it("is what nsh.subnet and the broadcast address say, as the kernel's routes name it", function()
    local network, edge = require "nsh.core".network, require "nsh.prefix".edge
    for _, text in ipairs { "10.77.203.99", "192.168.0.1", "255.255.255.255", "0.0.0.1" } do
      for length = 0, 31 do
        local addr = text .. "/" .. length
        assert.same({ nsh.subnet(addr, length, 0), edge(addr) }, { network(addr) })
      end
      assert.same({ text }, { network(text .. "/32") })
    end
    for length = 1, 127 do
      local addr = "fd9a:ffff:1:2:8003:4:5:f/" .. length
      assert.same({ nsh.subnet(addr, length, 0) }, { network(addr) })
    end
    assert.same({ "fd00::1" }, { network "fd00::1" })
    assert.same({}, { network "10.0.0.300/8" })
  end)

  it("names the routes that come with an address", function()
    local ns = h.wired()
    for _, addr in ipairs { "10.1.2.3/20", "10.9.0.6/31", "fd00:5:6:7::1/56" } do
      ns:link "v0":add_addr { addr, nodad = addr:find ":" and true or nil }
      local found, last = require "nsh.core".network(addr)
      assert.truthy(h.find(ns:routes(), { dst = found, proto = "kernel", dev = "v0" }), addr)
      if last then assert.truthy(h.find(ns:routes { table = "local" }, { dst = last, type = "broadcast" }), addr) end
    end
  end)
end)
