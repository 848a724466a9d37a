-- addr_spec.lua - addresses against ip(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local FOREVER = 4294967295

-- All addresses as ip(8) has them, in the words of our records.
local function theirs_of(ns, command)
  local list = {}
  for _, link in ipairs(h.oracle(ns, command or "ip -j -d address show")) do
    for _, a in ipairs(link.addr_info) do
      local function life(value) return value ~= FOREVER and value or nil end
      list[#list + 1] = {
        dev = link.ifname, family = a.family, addr = a["local"] .. "/" .. a.prefixlen, scope = a.scope,
        peer = a.address and a.address .. "/" .. a.prefixlen, broadcast = a.broadcast, label = a.label,
        metric = a.metric, valid_lft = life(a.valid_life_time), preferred_lft = life(a.preferred_life_time),
        nodad = a.nodad, home = a.home, mngtmpaddr = a.mngtmpaddr, noprefixroute = a.noprefixroute,
        autojoin = a.autojoin, optimistic = a.optimistic, tentative = a.tentative, deprecated = a.deprecated,
        dadfailed = a.dadfailed, secondary = a.secondary or a.temporary, permanent = not a.dynamic or nil,
        stable_privacy = a["stable-privacy"], anycast = a.anycast,
      }
    end
  end
  return list
end

local rows = oracle.table_of("addr").rows
local newer = { proto = true } -- than this ip(8)

local function compare_once(ns)
  local function key_of(a) return a.dev .. " " .. a.addr end
  local ours, theirs = {}, {}
  for _, a in ipairs(ns:addrs()) do ours[key_of(a)] = a end
  for _, a in ipairs(theirs_of(ns)) do theirs[key_of(a)] = a end
  for key, a in pairs(theirs) do
    assert(ours[key], "ip has " .. key .. " and nsh hasn't")
    for _, row in ipairs(rows) do
      local mine, other = ours[key][row.key], a[row.key]
      local near = row.type == "seconds" and mine and other and math.abs(mine - other) <= 1
      if not newer[row.key] and not near and mine ~= other then
        error(("%s of %s is %s, ip says %s"):format(row.key, key, tostring(mine), tostring(other)))
      end
    end
  end
  for key in pairs(ours) do assert(theirs[key], "nsh has " .. key .. " and ip hasn't") end
end

-- Duplicate address detection may end between the two readings.
local function compare(ns) h.settles(compare_once, ns) end

describe("an address", function()
  local ns, link

  before_each(function()
    ns = h.netns()
    link = ns:add_link { "v0", kind = "veth", up = true, peer = { "v1", up = true } }
    link:wait { state = "up" }
  end)

  local function added(addr)
    link:add_addr(addr)
    compare(ns)
    local text = type(addr) == "table" and (addr[1] or addr.addr) or addr
    return h.find(link:addrs(), { addr = text })
  end

  it("is given as text", function()
    local record = added "10.0.0.1/24"
    assert.same({ "inet", "global", "v0", true }, { record.family, record.scope, record.label, record.permanent })
    assert.equal("inet6", added "fd00::1/64".family)
    link:add_addr "10.0.0.9"
    assert.truthy(h.find(link:addrs(), { addr = "10.0.0.9/32" }))
    link:add_addr "FD00:0:0::0009"
    assert.truthy(h.find(link:addrs(), { addr = "fd00::9/128" }))
    compare(ns)
  end)

  for what, spec in pairs {
    peer = { "10.1.0.1/32", peer = "10.1.0.2/32" }, ["peer of a wider net"] = { "10.1.0.1/24", peer = "10.2.0.1/24" },
    ["peer of IPv6"] = { "fd00::1/128", peer = "fd00::2/128" },
    broadcast = { "10.0.0.1/24", broadcast = "10.0.0.255" },
    ["other broadcast"] = { "10.0.0.1/24", broadcast = "10.0.0.77" },
    ["scope link"] = { "10.0.0.1/24", scope = "link" }, ["scope host"] = { "10.0.0.1/24", scope = "host" },
    label = { "10.0.0.1/24", label = "v0:one" }, metric = { "10.0.0.1/24", metric = 77 },
    ["metric of IPv6"] = { "fd00::1/64", metric = 77 },
    nodad = { "fd00::1/64", nodad = true }, home = { "fd00::1/64", home = true },
    mngtmpaddr = { "fd00::1/64", mngtmpaddr = true }, noprefixroute = { "10.0.0.1/24", noprefixroute = true },
    ["noprefixroute of IPv6"] = { "fd00::1/64", noprefixroute = true },
    ["several flags"] = { "fd00::1/64", nodad = true, noprefixroute = true, home = true },
    autojoin = { "224.5.6.7/32", autojoin = true },
    ["loopback's scope"] = { "127.0.0.9/8", scope = "host" },
    ["key of its own name"] = { addr = "10.0.0.1/24" },
  } do
    it("has " .. what, function()
      local record = added(spec)
      for key, value in pairs(spec) do
        if type(key) == "string" then assert.equal(value, record[key], key) end
      end
    end)
  end

  it("has lifetimes in seconds", function()
    local record = added { "10.0.0.1/24", valid_lft = 100, preferred_lft = 50 }
    assert.is_true(record.valid_lft > 97 and record.valid_lft <= 100)
    assert.is_true(record.preferred_lft > 47 and record.preferred_lft <= 50)
    assert.is_nil(record.permanent)
    added { "fd00::1/64", valid_lft = 60, preferred_lft = 0, nodad = true }
    assert.is_true(h.find(link:addrs(), { addr = "fd00::1/64" }).deprecated)
    h.refused("EINVAL", link.add_addr, link, { "10.0.0.2/24", valid_lft = 5, preferred_lft = 6 })
    h.misuse("valid_lft", link.add_addr, link, { "10.0.0.2/24", valid_lft = -1 })
  end)

  it("is preferred as long as it is valid unless that is said", function()
    local record = added { "10.0.0.1/24", valid_lft = "100s" }
    assert.equal(record.valid_lft, record.preferred_lft)
    record = added { "fd00::1/64", valid_lft = 60, nodad = true }
    assert.equal(record.valid_lft, record.preferred_lft)
    link:replace_addr { "10.0.0.1/24", valid_lft = 50 }
    compare(ns)
  end)

  it("has a broadcast address that is the last or the first of its network", function()
    for addr, brd in pairs {
      ["10.0.0.1/24"] = "+", ["10.1.2.3/9"] = "+", ["10.2.0.1/30"] = "-", ["10.3.0.1/8"] = "-", ["10.4.0.1/31"] = "+",
    } do
      link:add_addr { addr, broadcast = brd }
      local record = link:addrs { addr = addr }[1]
      link:del_addr(addr)
      ns:exec(("ip address add %s broadcast %s dev v0"):format(addr, brd))
      assert.equal(record.broadcast, link:addrs({ addr = addr })[1].broadcast, addr)
      link:del_addr(addr)
    end
    h.misuse("IPv4", link.add_addr, link, { "fd00::1/64", broadcast = "+" })
    h.misuse("broadcast", link.add_addr, link, { "10.0.0.1/24", broadcast = "*" })
  end)

  it("is told who set it", function()
    link:add_addr { "10.0.0.1/24", proto = 99 }
    assert.equal(99, link:addrs { family = "inet" }[1].proto)
    ns:link("lo"):set { up = true }
    assert.equal("kernel_lo", ns:link("lo"):addrs { family = "inet6" }[1].proto)
  end)

  it("is secondary in a subnet that has one", function()
    link:add_addr "10.0.0.1/24"
    assert.is_true(added "10.0.0.2/24".secondary)
  end)

  it("is replaced", function()
    link:add_addr "10.0.0.1/24"
    h.refused("EEXIST", link.add_addr, link, "10.0.0.1/24")
    link:replace_addr { "10.0.0.1/24", valid_lft = 99, preferred_lft = 99 }
    link:replace_addr "10.0.0.5/24"
    compare(ns)
    local list = link:addrs { family = "inet" }
    assert.equal(2, #list)
    assert.is_true(list[1].valid_lft <= 99)
  end)

  it("is deleted", function()
    link:add_addr "10.0.0.1/24"
    link:add_addr { "10.0.1.1/32", peer = "10.0.1.2/32" }
    link:add_addr { "fd00::1/64", nodad = true }
    h.refused("EADDRNOTAVAIL", link.del_addr, link, "10.0.0.1/25")
    link:del_addr "10.0.0.1/24"
    link:del_addr(link:addrs { family = "inet" }[1])
    link:del_addr "fd00::1/64"
    compare(ns)
    assert.equal(0, #link:addrs { family = "inet" })
    h.refused("EADDRNOTAVAIL", link.del_addr, link, "10.0.0.1/24")
    h.refused("EADDRNOTAVAIL", link.del_addr, link, "fd00::1/64")
  end)

  it("is flushed, all or some", function()
    for i = 1, 9 do link:add_addr("10.0.0." .. i .. "/24") end
    link:add_addr "10.1.0.1/16"
    link:add_addr { "fd00::1/64", nodad = true }
    assert.equal(10, link:flush_addrs { family = "inet" })
    assert.equal(0, #link:addrs { family = "inet" })
    assert.truthy(h.find(link:addrs(), { addr = "fd00::1/64" }))
    link:flush_addrs()
    assert.same({}, theirs_of(ns, "ip -j -d address show dev v0"))
  end)

  it("is listed by what is asked for", function()
    link:add_addr "10.0.0.1/24"
    ns:link("v1"):add_addr { "10.9.0.1/24", label = "v1:x" }
    assert.equal("v1", ns:addrs { label = "v1:x" }[1].dev)
    assert.equal(1, #ns:addrs { dev = "v0", family = "inet" })
    assert.equal(1, #ns:addrs { dev = link, family = "inet" })
    assert.equal(2, #ns:addrs { family = "inet", scope = "global" })
    assert.equal(1, #ns:addrs { addr = "10.9.0.1/24" })
    assert.equal(0, #ns:addrs { addr = "10.9.0.2/24" })
    h.refused("ENODEV", ns.addrs, ns, { dev = "nobody" })
    h.misuse("did you mean 'family'", ns.addrs, ns, { famly = "inet" })
  end)

  it("is listed by its network, its time and its link as ip does it", function()
    ns:add_link { "vb", kind = "bridge", up = true }
    ns:link("v1"):set { master = "vb" }
    link:add_addr { "10.0.0.1/24", valid_lft = 100 }
    link:add_addr { "10.0.0.2/24", label = "v0:1" }
    link:add_addr { "10.5.0.1/16", scope = "host" }
    ns:link("v1"):add_addr "10.7.0.1/24"
    link:add_addr { "fd00:1::1/64", nodad = true }
    link:add_addr { "fd00:2::1/64", nodad = true, valid_lft = 100, preferred_lft = 0 }
    for what, filter in pairs {
      ["to 10.0.0.0/16"] = { to = "10.0.0.0/16" }, ["to 10.5.0.1"] = { to = "10.5.0.1" },
      ["to fd00::/16"] = { to = "fd00::/16" }, ["dynamic"] = { dynamic = true }, ["permanent"] = { permanent = true },
      ["primary"] = { primary = true, family = "inet" }, ["secondary"] = { secondary = true },
      ["deprecated"] = { deprecated = true }, ["scope host"] = { scope = "host" }, ["label v0:1"] = { label = "v0:1" },
      ["label 'v?:*'"] = { label = "v?:*" },
      ["master vb"] = { master = "vb" }, ["type bridge"] = { kind = "bridge" }, ["up"] = { up = true },
      ["dev v0"] = { dev = "v0" },
    } do
      h.settles(function()
        local family = filter.family and "-4" or ""
        assert.equal(#theirs_of(ns, ("ip %s -j -d address show %s"):format(family, what)), #ns:addrs(filter), what)
      end)
    end
    assert.equal(0, #ns:addrs { temporary = true })
    assert.equal(2, #link:addrs { dynamic = true })
    h.misuse("to must be", ns.addrs, ns, { to = "10.0.0.0/99" })
    h.misuse("did you mean 'broadcast'", ns.addrs, ns, { brd = "10.0.0.255" })
  end)

  it("is given back from its record", function()
    for _, spec in ipairs {
      { "10.0.0.1/24", broadcast = "10.0.0.255", label = "v0:a", metric = 5 }, { "10.0.0.2/24" },
      { "10.1.0.1/32", peer = "10.1.0.2/32" }, { "10.2.0.1/24", scope = "link", noprefixroute = true },
      { "fd00::1/64", nodad = true, noprefixroute = true, metric = 9 },
      { "fd01::1/128", peer = "fd01::2/128", nodad = true },
      { "10.3.0.1/24", valid_lft = 1000, preferred_lft = 500 },
    } do link:add_addr(spec) end
    local before = link:addrs()
    local count = #theirs_of(ns)
    link:flush_addrs()
    for _, record in ipairs(before) do link:add_addr(record) end
    compare(ns)
    assert.equal(count, #theirs_of(ns))
    for _, record in ipairs(before) do
      local again = h.find(link:addrs(), { addr = record.addr })
      for _, row in ipairs(h.settable(rows)) do
        if row.type == "seconds" and record[row.key] then
          assert.near(record[row.key], again[row.key], 2)
        else
          assert.equal(record[row.key], again[row.key], record.addr .. " " .. row.key)
        end
      end
    end
  end)

  it("may be one of many", function()
    for i = 1, 500 do link:add_addr(("10.%d.%d.1/24"):format(i // 250, i % 250)) end
    assert.equal(500, #link:addrs { family = "inet" })
    compare(ns)
  end)

  it("is refused when it is none", function()
    for _, bad in ipairs { "", "10", "10.0.0", "10.0.0.256/24", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/x", "10.0.0.1/-1",
      "10.0.0.1/24/3", "fd00::g/64", "fd00::1/129", ":::1", "1.2.3.4.5/8", "default", "10.0.0.1 /24", "10.0.0.1\0/24",
      "010.0.0.1/24", "example.com" } do
      local err = h.raised(link.add_addr, link, bad)
      assert.is_string(err, bad)
    end
    h.misuse("address", link.add_addr, link, 7)
    h.misuse("address", link.add_addr, link)
    h.misuse("given twice", link.add_addr, link, { "10.0.0.1/24", addr = "10.0.0.2/24" })
    h.misuse("did you mean 'broadcast'", link.add_addr, link, { "10.0.0.1/24", brodcast = "10.0.0.255" })
    h.misuse("one for both", link.add_addr, link, { "10.0.0.1/24", peer = "10.0.0.2/30" })
    h.misuse("broadcast", link.add_addr, link, { "10.0.0.1/24", broadcast = "fd00::1/64" })
    h.misuse("scope", link.add_addr, link, { "10.0.0.1/24", scope = "galaxy" })
    h.misuse("label", link.add_addr, link, { "10.0.0.1/24", label = ("x"):rep(16) })
    assert.equal(0, #link:addrs { family = "inet" })
  end)

  it("is refused with a hint where IPv6 is off", function()
    ns.sysctl["net.ipv6.conf.v0.disable_ipv6"] = 1
    local err = h.refused("EACCES", link.add_addr, link, "fd00::1/64")
    assert.matches("disable_ipv6", err.hint)
  end)

  it("can't be given to a link that is gone", function()
    link:del()
    h.refused("ENODEV", link.add_addr, link, "10.0.0.1/24")
    h.raised(link.del_addr, link, "10.0.0.1/24")
  end)
end)
