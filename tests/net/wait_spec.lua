-- wait_spec.lua - waits for a state: they end when it comes, without polling, and tell what was there when it didn't
local h = require "tests.helper"

-- Runs a command in the namespace that goes on while we wait; it is waited for at the end of the block.
local function meanwhile(ns, command)
  local process = ns:spawn(command)
  return setmetatable({}, { __close = function() process:wait {} end })
end

local function pair(ns, other, spec)
  spec = spec or {}
  return ns:add_link { "v0", kind = "veth", up = spec.up, addrgenmode = "none",
    peer = { "v1", netns = other, up = spec.up, addrgenmode = "none" } }
end

describe("a namespace", function()
  it("waits for a condition, which it asks only when something changes", function()
    local ns, asked = h.netns(), 0
    local _ <close> = meanwhile(ns, "sleep 0.2; ip link add b0 type bridge")
    local link = ns:wait(function(it)
      asked = asked + 1
      return it:find_link "b0"
    end)
    assert.equal("b0", link.name)
    assert.truthy(asked >= 2 and asked <= 8, asked)
    assert.equal(7, ns:wait(function() return 7 end, 0))
  end)

  it("tells what it waited for, and what it saw last", function()
    local ns, asked = h.netns(), 0
    local err = h.refused("ETIMEDOUT", ns.wait, ns, function()
      asked = asked + 1
      return nil, "nothing at all"
    end, 0.1)
    assert.equal(2, asked) -- at once, and at the end
    assert.truthy(tostring(err):find("the condition of tests/net/wait_spec.lua:%d+ did not come in 0.1 s; "
      .. "seen last: nothing at all"), tostring(err))
    assert.equal("nothing at all", err.seen)
    assert.equal(ns.name, err.netns)
    assert.equal(110, err.errno)
    err = h.refused("ETIMEDOUT", ns.wait, ns, function() return false end, "10ms")
    assert.equal("false", err.seen)
  end)

  it("passes on what a condition raises", function()
    local ns = h.netns()
    assert.equal("so!", h.raised(ns.wait, ns, function() error("so!", 0) end))
    h.refused("ENODEV", ns.wait, ns, function() return ns:link "nobody" end)
  end)

  it("hears sysctls, rules and all else that the kernel announces", function()
    local ns = h.netns()
    local _ <close> = meanwhile(ns, "sleep 0.1; ip rule add from 10.0.0.0/8 table 77; " ..
      "echo 1 >/proc/sys/net/ipv4/ip_forward")
    ns:wait(function() return ns:exec("ip rule").out:find "lookup 77" end, 5)
    ns:wait(function() return ns.sysctl["net.ipv4.ip_forward"] == 1 end, 5)
  end)

  it("loses no change between the look and the wait", function()
    local ns = h.netns()
    for i = 1, 20 do
      local _ <close> = meanwhile(ns, { "ip", "link", "add", "b" .. i, "type", "bridge" })
      assert.equal("b" .. i, ns:wait_link("b" .. i, 5).name)
    end
  end)

  it("ends at once when it is deleted meanwhile", function()
    local root, ns = netns.current(), netns.add(h.name "gone")
    local _ <close> = meanwhile(root, "sleep 0.1; ip netns del " .. ns.name)
    local err = h.refused("ENOENT", ns.wait, ns, function() return false end, 5)
    assert.truthy(tostring(err):find "the namespace was deleted meanwhile")
    local other = netns.add(h.name "gone")
    local watch <close> = nsh.watch { "link", netns = root, handler = function(event)
      if event.name == "b9" and not other.deleted then other:del() end
    end }
    root:add_link { "b9", kind = "bridge" }
    h.refused("ENOENT", other.wait, other, function() return false end, 5)
    root:link "b9":del()
    assert.truthy(watch)
  end)

  it("gets no number for it", function()
    local ns = h.netns()
    pcall(ns.wait, ns, function() return false end, 0)
    assert.is_nil(ns.id)
  end)

  it("waits for a link, an address and a route", function()
    local ns, other = h.netns(), h.netns()
    local _ <close> = meanwhile(ns, ([[sleep 0.1; ip link add v0 type veth peer name v1 netns %s
      ip link set v0 up; ip -n %s link set v1 up; ip addr add 10.0.0.1/24 dev v0
      ip addr add fd00::1/64 dev v0; ip route add 10.9.0.0/16 via 10.0.0.2]]):format(other.name, other.name))
    assert.equal("veth", ns:wait_link("v0", 5).kind)
    assert.equal("v0", ns:wait_addr("10.0.0.1", 5).dev)
    assert.equal("v0", ns:wait_addr("10.0.0.1/24", 5).dev)
    assert.equal("10.0.0.2", ns:wait_route("10.9.1.1", 5).via)
    assert.equal("10.0.0.2", ns:wait_route("10.9.0.0/16", 5).via)
    assert.equal("v0", ns:wait_route({ "10.0.0.0/24", proto = "kernel" }, 5).dev)
    assert.is_nil(ns:wait_addr("fd00::1", 5).tentative)
    local err = h.refused("ETIMEDOUT", ns.wait_route, ns, "default", 0.01)
    assert.truthy(tostring(err):find "route wait default in")
    assert.truthy(tostring(err):find "no such route")
    assert.equal("ENETUNREACH", h.refused("ETIMEDOUT", ns.wait_route, ns, "192.0.2.1", 0.01).seen)
    assert.equal("lo, v0", h.refused("ETIMEDOUT", ns.wait_link, ns, "nobody", 0.01).seen)
    assert.equal("no link has it", h.refused("ETIMEDOUT", ns.wait_addr, ns, "10.0.0.77", 0.01).seen)
  end)
end)

describe("a link", function()
  it("waits until it is as described", function()
    local ns, other = h.netns(), h.netns()
    local link = pair(ns, other, { up = true })
    assert.equal(link, link:wait { up = true, carrier = true, state = "up" })
    local _ <close> = meanwhile(other, "sleep 0.1; ip link set v1 down")
    link:wait { carrier = false, timeout = 5 }
    local br = ns:add_link { "b0", kind = "bridge" }
    link:set { master = br }
    link:wait { master = br, port = { state = "disabled" }, mtu = function(mtu) return mtu > 1000 end, timeout = 5 }
    link:wait { master = "b0", timeout = 0 }
    link:set { master = false }
    link:wait { master = false, alias = false, timeout = 0 }
    link:wait { peer = { name = "v1", netns = other.name }, timeout = 0 }
  end)

  it("hears of its port's options", function()
    local ns, other = h.netns(), h.netns()
    ns:add_link { "b0", kind = "bridge", up = true }
    local link = pair(ns, other, { up = true })
    link:set { master = "b0" }
    local _ <close> = meanwhile(ns, "sleep 0.1; bridge link set dev v0 cost 44")
    link:wait { port = { cost = 44 }, timeout = 5 }
  end)

  it("tells what it was last", function()
    local ns, other = h.netns(), h.netns()
    local link = pair(ns, other, { up = true })
    link:wait { state = "up" }
    local err = h.refused("ETIMEDOUT", link.wait, link, { carrier = false, mtu = 9000, timeout = 0.05 })
    assert.equal("carrier=false mtu=9000", (err.wanted:gsub("mtu=9000 carrier=false", "carrier=false mtu=9000")))
    assert.truthy(tostring(err):find("link wait v0 in " .. ns.name .. ": ", 1, true))
    assert.equal("port=none", h.refused("ETIMEDOUT", link.wait, link, { port = { cost = 3 }, timeout = 0 }).seen)
    assert.truthy(err.seen:find "mtu=1500" and err.seen:find "carrier=true", err.seen)
  end)

  it("raises at once when it goes", function()
    local ns, other = h.netns(), h.netns()
    local link = pair(ns, other, { up = true })
    local _ <close> = meanwhile(other, "sleep 0.1; ip link del v1")
    h.refused("ENODEV", link.wait, link, { mtu = 9000, timeout = 5 })
    h.refused("ENODEV", link.wait, link, { up = true })
    h.refused("ENODEV", link.wait_dad, link)
  end)

  it("refuses what is no description", function()
    local ns, other = h.netns(), h.netns()
    local link = pair(ns, other)
    h.misuse("did you mean 'carrier'", link.wait, link, { carier = true })
    h.misuse("say what to wait for", link.wait, link, {})
    h.misuse("say what to wait for", link.wait, link, { timeout = 1 })
    h.misuse("table", link.wait, link, "up")
    h.misuse("seconds", link.wait, link, { up = true, timeout = "soon" })
    h.misuse("function", ns.wait, ns, true)
    h.misuse("seconds", ns.wait, ns, print, -1)
    h.misuse("text", ns.wait_addr, ns, 7)
    h.misuse("text", ns.wait_route, ns, 7)
    h.misuse("string", ns.wait_link, ns, 7)
    h.misuse("addr", ns.wait_addr, ns, "10.0.0")
  end)
end)

describe("address detection", function()
  it("is waited for", function()
    local ns, other = h.netns(), h.netns()
    local link = pair(ns, other, { up = true })
    link:add_addr "fd00::1/64"
    assert.is_true(ns:addrs { addr = "fd00::1" }[1].tentative)
    assert.equal(link, link:wait_dad(5))
    assert.is_nil(ns:addrs { addr = "fd00::1" }[1].tentative)
    assert.is_nil(h.find(h.oracle(ns, "ip -j -6 addr show dev v0 tentative"), { ifname = "v0" }))
  end)

  it("waits for the address that the kernel is about to make", function()
    local ns = h.netns()
    local link = ns:add_link { "v0", kind = "veth", up = true, peer = { "v1", up = true } }
    link:wait_dad(5)
    local list = link:addrs { family = "inet6" }
    assert.equal(1, #list)
    assert.is_nil(list[1].tentative)
  end)

  it("names the address that another host has", function()
    local ns, other = h.netns(), h.netns()
    local link = pair(ns, other, { up = true })
    link:wait { state = "up" }
    other:link "v1":add_addr { "fd00::1/64", nodad = true }
    link:add_addr "fd00::1/64"
    local err = h.refused("EADDRINUSE", link.wait_dad, link, 5)
    assert.truthy(tostring(err):find("another host has fd00::1/64", 1, true))
    h.refused("EADDRINUSE", ns.wait_addr, ns, "fd00::1", 5)
  end)

  it("tells which address is tentative still", function()
    local ns, other = h.netns(), h.netns()
    local link = pair(ns, other)
    link:set { up = true }
    link:add_addr "fd00::1/64"
    local err = h.refused("ETIMEDOUT", link.wait_dad, link, 0.1)
    assert.equal("tentative: fd00::1/64; up=true carrier=false", err.seen)
    assert.truthy(err.hint:find "is the other end up")
    err = h.refused("ETIMEDOUT", link.wait, link, { carrier = true, timeout = 0 })
    assert.truthy(err.hint:find "when the other end is up")
  end)
end)

describe("a wait", function()
  it("ends with Ctrl-C", function()
    h.interrupted "netns.current():wait(function() return false end, 60)"
  end)

  it("leaves no descriptor open", function()
    local ns = h.netns()
    ns:links()
    local before = h.descriptors()
    for _ = 1, 10 do
      pcall(ns.wait, ns, function() return false end, 0)
      pcall(ns.wait, ns, function() error "no" end, 0)
    end
    assert.equal(before, (h.descriptors()))
  end)
end)
