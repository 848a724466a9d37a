-- check_spec.lua - what is said of a lab as a whole, with the lines that declare it, before anything is made
local h = require "tests.helper"

local function line(n) return "tests/lab/check_spec.lua:" .. debug.getinfo(2, "l").currentline + n end

-- Checks that planning raises a text that begins with this line and has these words; nothing was made.
local function refused(where, words, net)
  local err = h.raised(net.plan, net)
  assert.equal("string", type(err))
  assert.equal(where .. ": ", err:sub(1, #where + 2), err)
  assert.truthy(err:find(words, 1, true), err)
  assert.equal(err, h.raised(net.up, net))
  assert.equal(0, #netns.list())
end

-- Warnings go to standard error, once; these tests look at the list.
local function warnings(net)
  require("nsh.lab.check").lab(net)
  return net.warnings
end

describe("a lab as a whole", function()
  it("has no address twice where two would hear each other", function()
    local net = lab "twice"
    local a, b, sw = net:host "a", net:host "b", net:switch "sw"
    net:link { { a, addr = "10.0.0.1/24" }, sw }
    net:link { { b, addr = "10.0.0.1/24" }, sw }
    refused(line(-1), "10.0.0.1 is the address of b eth0, and of a eth0 already, of " .. line(-2), net)
    net = lab "apart" -- two sites that don't
    a, b = net:host { "a", "b" }
    net:link { { a, addr = "10.0.0.1/24" }, { net:host "c", addr = "10.0.0.2/24" } }
    net:link { { b, addr = "10.0.0.1/24" }, { net:host "d", addr = "10.0.0.2/24" } }
    assert.same({}, warnings(net))
  end)

  it("has ends of a link in the same network", function()
    local net = lab "nets"
    net:link { { net:host "a", addr = "10.0.0.1/24" }, { net:host "b", addr = "10.0.1.2/24" } }
    refused(line(-1), "10.0.1.2/24 of b eth0 is in no network of another end of its link: a eth0 has 10.0.0.1/24", net)
    net = lab "six"
    local sw = net:switch { "sw", addr = "fd00::1/64" }
    net:link { { net:host "a", addr = "fd00::2/64" }, sw }
    net:link { { net:host "b", addr = "fd00:0:0:1::3/64" }, sw }
    refused(line(-1), "fd00:0:0:1::3/64 of b eth0 is in no network", net)
  end)

  it("has one length of a prefix at both ends of a link", function()
    local net = lab "lengths"
    net:link { { net:host "a", addr = "10.0.0.1/24" }, { net:host "b", addr = "10.0.0.2/16" } }
    local where = line(-1)
    net:link { { net:host "c", addr = "10.1.0.1/24" }, net:host "d" }
    net:link { { net:host "e", addrs = { "10.2.0.1/24", "10.2.0.2/16" } }, { net:host "f", addr = "10.2.0.3/24" } }
    net:link { { net:host "g", addr = "fd00::1/64" }, { net:host "h", addr = "fd00::2/64" } }
    assert.equal(1, #warnings(net))
    assert.equal(where, net.warnings[1].where)
    assert.equal("b eth0 has 10.0.0.2/16, and a eth0 at the other end 10.0.0.1/24: prefixes of one network have one "
      .. "length", net.warnings[1].message)
  end)

  it("has files in folders that there are", function()
    local function files(path)
      local net = lab "files"
      net:host { "a", files = { [path] = "" } }
      return net, line(-1)
    end
    local net, where = files "/nonesuch/a/x"
    refused(where, "files of a: there is no folder /nonesuch, and the root folder can't be a node's own", net)
    net, where = files "/nonesuch"
    refused(where, "files of a: there is no folder for /nonesuch, and", net)
    files("/etc/nonesuch/a/x"):plan()
  end)

  it("may have several networks on a link, lengths that fit, own ways, peers and VLANs", function()
    local net = lab "fine"
    local sw, r = net:switch "sw", net:router "r"
    net:link { { r, addrs = { "10.0.0.1/24", "10.0.1.1/24" } }, sw }
    net:link { { net:host "a", addr = "10.0.0.2/24" }, sw }
    net:link { { net:host "b", addr = "10.0.1.2/24" }, sw }
    net:link { { net:host "c", addr = "10.0.0.3/16" }, sw }
    net:link { { net:host { "d", routes = { { "10.0.0.0/24", dev = "eth0" } } }, addr = "10.9.0.3/24" }, sw }
    net:link { { net:host "e", addr = "192.0.2.1/32" }, sw }
    local trunk = net:switch { "trunk", vlan_filtering = true }
    net:link { { net:host "f", addr = "10.5.0.1/24" }, { trunk, vlans = { { 10, pvid = true, untagged = true } } } }
    net:link { { net:host "g", addr = "10.6.0.1/24" }, { trunk, vlans = { { 20, pvid = true, untagged = true } } } }
    assert.same({}, warnings(net))
    net = lab("loose", { strict = false })
    net:link { { net:host "a", addr = "10.0.0.1/24" }, { net:host "b", addr = "10.0.1.2/24" } }
    assert.same({}, warnings(net))
  end)

  it("names links that are there", function()
    local net = lab "names"
    net:host { "a", links = { { "v10", kind = "vlan", id = 10, link = "eth7" } } }
    refused(line(-1), "link v10 of a stands on eth7, and the node has no such link", net)
    net = lab "routes"
    local a = net:host "a"
    a:route { "10.0.0.0/8", dev = "eth3" }
    refused(line(-1), "there is no link eth3", net)
    h.misuse("master: node b has no link br9 of its own", net.link, net, { a, { net:host "b", master = "br9" } })
  end)

  it("warns of a gateway that no link reaches", function()
    local net = lab "gateway"
    local a = net:host "a"
    net:link { { a, addr = "10.0.0.1/24" }, net:host { "b", commands = { "true" } } }
    a:route { "default", via = "10.0.1.254" }
    assert.same({ { where = line(-1), message = "no link of a reaches the gateway 10.0.1.254 of its route to default, "
      .. "unless a command adds the way" } }, warnings(net))
    a:route { "10.0.1.0/24", dev = "eth0" }
    assert.same({}, warnings(net))
    for _, route in ipairs { { "10.1.0.0/16", via = "10.0.0.77" }, { "10.2.0.0/16", via = "10.7.0.1", onlink = true,
      dev = "eth0" }, { "fd01::/64", via = "fe80::1", dev = "eth0" } } do a:route(route) end
    assert.same({}, warnings(net))
  end)

  it("warns of a gateway that nobody has, where all are declared who may", function()
    local function of(change)
      local net = lab "nobody"
      local a, b = { "a", routes = { { "default", via = "10.0.0.77" }, { "fd01::/64", via = "fd00::7" } } }, { "b" }
      if change then change(a, b) end
      net:link { { net:host(a), addrs = { "10.0.0.1/24", "fd00::1/64" } }, { net:host(b), addr = "10.0.0.2/24" } }
      return warnings(net)
    end
    local found = of()
    assert.equal(2, #found)
    assert.equal("nobody has 10.0.0.77, the gateway of a's route to default, unless a program brings it",
      found[1].message)
    assert.truthy(found[2].message:find("nobody has fd00::7", 1, true), found[2].message)
    assert.equal(1, #of(function(a) a.routes[1].via = "10.0.0.2" end))
    assert.same({}, of(function(_, b) b.commands = { "true" } end))
    assert.same({}, of(function(_, b) b.sysctls = { ["net.ipv4.conf.all.proxy_arp"] = 1 } end))
    assert.same({}, of(function(a) a.neighs = { { "10.0.0.77", mac = "02:00:00:00:00:01", dev = "eth0" } } end))
    assert.same({}, of(function(_, b) b.routes = { { "10.0.0.77", type = "local", dev = "lo" } } end))
  end)

  it("warns of a loop of bridges, unless one of them runs STP", function()
    local function triangle(stp)
      local net = lab "loop"
      local s1, s2, s3 = net:switch { "s1", stp = stp }, net:switch "s2", net:switch "s3"
      net:link { s1, s2 }
      net:link { s2, s3 }
      net:link { s3, s1 }
      return net
    end
    local found = warnings(triangle(false))
    assert.equal(1, #found)
    assert.truthy(found[1].message:find("the link of s3 and s1 closes a loop of bridges", 1, true))
    assert.same({}, warnings(triangle(true)))
    local net = lab "down"
    local s1, s2 = net:switch { "s1", "s2" }
    net:link { s1, s2 }
    net:link { s1, s2, up = false }
    assert.same({}, warnings(net))
    net:link { { s1, "own" }, { s1, "own2" } }
    assert.equal(1, #warnings(net))
  end)

  it("is told of once", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write [[
      local net = lab "told"
      net:host { "a", routes = { { "default", via = "10.0.0.1" } } }
      net:plan() net:plan()
      return net]]
    file:close()
    local pipe = io.popen(("%s --check %s 2>&1"):format(os.getenv "NSH" or "./nsh", path))
    local out = pipe:read "a"
    pipe:close()
    os.remove(path)
    assert.equal(1, select(2, out:gsub("warning: no link of a reaches", "")), out)
  end)
end)
