-- firewall_spec.lua - translation, published ports, drops and counters, with traffic through a router
local firewall = require "stdlib.firewall"
local h = require "tests.helper"
local httpd = require "stdlib.httpd"

-- lan 10.0.0.2, fd00:1::2 -- router -- wan 203.0.113.2, fd00:2::2, which has no way back to the lan.
local function network()
  local lan, router, wan = h.netns(), h.netns(), h.netns()
  -- a router finds no neighbours before its link-local addresses are checked, which takes a second or two
  for _, ns in ipairs { lan, router, wan } do ns.sysctl["net.ipv6.conf.default.accept_dad"] = 0 end
  for i, at in ipairs {
    { ns = lan, link = "lan", mine = { "10.0.0.1/24", "fd00:1::1/64" }, its = { "10.0.0.2/24", "fd00:1::2/64" } },
    { ns = wan, link = "wan", mine = { "203.0.113.1/24", "fd00:2::1/64" }, its = { "203.0.113.2/24", "fd00:2::2/64" } },
  } do
    local link, eth0 = router:add_link {
      at.link, kind = "veth", up = true, peer = { "eth0", netns = at.ns, up = true } }
    for family = 1, 2 do
      link:add_addr { at.mine[family], nodad = family == 2 or nil }
      eth0:add_addr { at.its[family], nodad = family == 2 or nil }
    end
    if i == 1 then
      lan:add_route { "default", via = "10.0.0.1" }
      lan:add_route { "default", via = "fd00:1::1" }
    end
  end
  router:link("lo"):set { up = true }
  router.sysctl["net.ipv4.ip_forward"] = 1
  router.sysctl["net.ipv6.conf.all.forwarding"] = 1
  return lan, router, wan
end

local function web(ns, page) return httpd.start(ns, { pages = { ["index.html"] = page } }) end

local get = httpd.get

-- Whether the page can't be had: refused, or no answer.
local function no_page(ns, url) return not pcall(get, ns, url, 0.2) end

local function ruleset(ns) return ns:exec({ "nft", "list", "ruleset" }).out end

describe("firewall", function()
  it("masquerades both families, and counts connections", function()
    local lan, router = network()
    assert.is_false(lan:reaches("203.0.113.2", { timeout = 0.1 }))
    assert.is_false(lan:reaches("fd00:2::2", { timeout = 0.1 }))
    local rule = firewall.masquerade(router, { src = { "10.0.0.0/24", "fd00:1::/64" }, oif = "wan" })
    assert.is_true(lan:reaches "203.0.113.2")
    assert.is_true(lan:reaches "fd00:2::2")
    assert.is_true(rule.packets >= 2 and rule.bytes >= 28 + 48)
    rule:remove()
    assert.equal("", ruleset(router))
    assert.is_false(lan:reaches("203.0.113.2", { timeout = 0.1 }))
  end)

  it("publishes a port to the outside and to the router itself, in both families", function()
    local lan, router, wan = network()
    local server <close> = web(lan, "hello\n")
    assert.is_true(server:running())
    assert.is_true(no_page(wan, "http://203.0.113.1:8080/"))
    local v4 = firewall.forward_port(router, { port = 8080, to = "10.0.0.2:80" })
    assert.equal("hello\n", get(wan, "http://203.0.113.1:8080/"))
    assert.equal("hello\n", get(router, "http://203.0.113.1:8080/"))
    assert.equal(2, v4.packets)
    assert.is_true(no_page(wan, "http://[fd00:2::1]:8080/"))
    local v6 <close> = firewall.forward_port(router, { port = 8080, to = "[fd00:1::2]:80", iif = router:link "wan" })
    assert.equal("hello\n", get(wan, "http://[fd00:2::1]:8080/"))
    assert.equal(1, v6.packets)
    v4:remove()
    assert.is_true(no_page(wan, "http://203.0.113.1:8080/"))
    assert.equal("hello\n", get(wan, "http://[fd00:2::1]:8080/"))
  end)

  it("leaves connections through the router to a published port alone", function()
    local lan, router, wan = network()
    local inside <close> = web(lan, "inside\n")
    local outside <close> = web(wan, "outside\n")
    assert.is_true(inside:running() and outside:running())
    firewall.masquerade(router, { oif = "wan" })
    firewall.forward_port(router, { port = 80, to = "10.0.0.2" })
    assert.equal("outside\n", get(lan, "http://203.0.113.2/"))
    assert.equal("inside\n", get(wan, "http://203.0.113.1/"))
  end)

  it("drops what is described, and nothing else, until the end of a block", function()
    local lan, router, wan = network()
    local server <close> = web(router, "router\n")
    assert.is_true(server:running())
    do
      local drop <close> = firewall.drop(router, { proto = "tcp", port = { 80, "8000-8010" }, iif = "wan" })
      local ping <close> = firewall.drop(router, { src = "203.0.113.0/24", proto = "icmp" })
      local seen = firewall.count(router, { proto = "tcp", iif = "wan", hook = "input" })
      assert.is_true(no_page(wan, "http://203.0.113.1/"))
      assert.equal("router\n", get(lan, "http://10.0.0.1/"))
      assert.is_false(wan:reaches("203.0.113.1", { timeout = 0.05 }))
      assert.is_true(wan:reaches "fd00:2::1")
      assert.is_true(lan:reaches "10.0.0.1")
      assert.is_true(drop.packets >= 1 and ping.packets >= 1)
      assert.equal(drop.packets, seen.packets)
    end
    assert.equal("router\n", get(wan, "http://203.0.113.1/"))
    assert.is_true(wan:reaches "203.0.113.1")
  end)

  it("rejects with an error where it shall", function()
    local lan, router = network()
    local rule = firewall.drop(router, { dst = "203.0.113.0/24", proto = "tcp", reject = true, hook = "forward" })
    local err = h.refused("EXIT", get, lan, "http://203.0.113.2/")
    assert.is_truthy(err.err:find "refused", tostring(err))
    assert.equal(1, rule.packets) -- its first word was heard
    local ping = firewall.drop(router, { proto = "icmp", reject = true })
    assert.is_false(lan:reaches("203.0.113.2", { timeout = 0.05 }))
    assert.is_true(ping.packets >= 1)
  end)

  it("counts as the sender does, packets and bytes, and reads anew each time", function()
    local lan, router = network()
    local all = firewall.count(router, { proto = "icmp", dst = "10.0.0.1" })
    assert.same({ 0, 0 }, { all.packets, all.bytes })
    lan:ping("10.0.0.1", { count = 4, interval = 0.01, size = 100 })
    assert.same({ 4, 4 * 128 }, { all.packets, all.bytes })
    lan:ping("10.0.0.1", { count = 1 })
    assert.equal(5, all.packets)
    assert.is_truthy(tostring(all):find("5 packets, 596 bytes", 1, true))
  end)

  it("has one rule of a name, beside those of others", function()
    local ns = h.netns()
    ns:nft "table ip other {\n chain c { }\n}"
    local before = ruleset(ns)
    firewall.drop(ns, { port = 80 })
    local once = ruleset(ns)
    local again = firewall.drop(ns, { port = 80 })
    assert.equal(once, ruleset(ns))
    firewall.drop(ns, { port = 81, name = "mine" })
    local mine = firewall.drop(ns, { port = 82, hook = "input", name = "mine" })
    assert.is_nil(ruleset(ns):find("dport 81", 1, true))
    again:remove()
    again:remove()
    assert.is_truthy(ruleset(ns):find("dport 82", 1, true))
    assert.is_nil(ruleset(ns):find("dport 80", 1, true))
    h.refused("ENOENT", function() return again.packets end)
    assert.matches(ns.name .. ", removed$", tostring(again))
    assert.matches(ns.name .. ": 0 packets, 0 bytes$", tostring(mine))
    mine:remove()
    assert.equal(before, ruleset(ns))
    firewall.count(ns)
    firewall.flush(ns)
    firewall.flush(ns)
    assert.equal(before, ruleset(ns))
  end)

  it("prints a rule whose namespace is gone", function()
    local ns = h.netns()
    local rule = firewall.drop(ns.name, { port = 80 })
    ns:del()
    assert.matches(rule.name .. " in .*, which was deleted$", tostring(rule))
  end)

  it("refuses what it can't mean, before anything is done", function()
    local ns = h.netns()
    h.misuse("did you mean 'port'", firewall.drop, ns, { prt = 80 })
    h.misuse("src is an address or prefix", firewall.drop, ns, { src = "example.org" })
    h.misuse("different families", firewall.drop, ns, { src = "10.0.0.1", dst = "fd00::1" })
    h.misuse("from 0 to 65535", firewall.drop, ns, { port = 65536 })
    h.misuse("from 0 to 65535", firewall.drop, ns, { port = "90-80" })
    h.misuse("icmp has no ports", firewall.drop, ns, { proto = "icmp", port = 1 })
    h.misuse("proto is one of", firewall.drop, ns, { proto = "tpc" })
    h.misuse("hook is input", firewall.drop, ns, { hook = "ingress" })
    h.misuse("no oif at input", firewall.drop, ns, { oif = "eth0", hook = "input" })
    h.misuse("without quotes", firewall.drop, ns, { name = 'a"b' })
    h.misuse("to is where it goes", firewall.forward_port, ns, { port = 80, to = "web" })
    h.misuse("needs port", firewall.forward_port, ns, { to = "10.0.0.1" })
    h.misuse("of another family", firewall.forward_port, ns, { port = 80, to = "fd00::1", dst = "10.0.0.1" })
    h.misuse("the first argument of firewall.masquerade is a namespace", firewall.masquerade, { oif = "eth0" })
    h.misuse("the first argument of firewall.flush is a namespace", firewall.flush)
    assert.equal("", ruleset(ns))
  end)
end)
