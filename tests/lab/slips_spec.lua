-- slips_spec.lua - slips in a lab's declaration are told before anything is made, and the kernel is asked whether it
-- takes them: what it takes is warned of, what it refuses is refused, by a lab that looks (strict) and one that doesn't
local h = require "tests.helper"
local check = require "nsh.lab.check"

-- Two hosts on a wire.
local function two(net, first, second)
  local a, b = net:host "a", net:host "b"
  first, second = first or {}, second or {}
  first[1], second[1] = a, b
  net:link { first, second }
  return a, b
end

local function four(net) return two(net, { addr = "10.0.0.1/24" }, { addr = "10.0.0.2/24" }) end
local function six(net) return two(net, { addr = "fd00::1/64" }, { addr = "fd00::2/64" }) end
local function links(...)
  local list = { ... }
  return function(net)
    local a = four(net)
    for _, link in ipairs(list) do a:link(link) end
  end
end
local function routes(base, ...)
  local list = { ... }
  return function(net)
    local a = base(net)
    for _, route in ipairs(list) do a:route(route) end
  end
end
local function host(spec)
  return function(net)
    local copy = { "h1" }
    for key, value in pairs(spec) do copy[key] = value end
    net:host(copy)
  end
end
local function port(spec)
  return function(net)
    local copy = {}
    for key, value in pairs(spec) do copy[key] = value end
    two(net, copy)
  end
end

-- What is told, and the slip. The kernel refuses these, or never has them as they are declared.
local REFUSED = {
  { "mac: 03:00:00:00:00:01 is an address of a group", port { mac = "03:00:00:00:00:01" } },
  { "mac: 00:00:00:00:00:00 is no link's", port { mac = "00:00:00:00:00:00" } },
  { "mac: 01:00:5e:00:00:01 is an address of a group", links { "br0", kind = "bridge", mac = "01:00:5e:00:00:01" } },
  { "a vxlan needs id = 10", links { "vx0", kind = "vxlan" } },
  { "both are of one family", links { "vx0", kind = "vxlan", id = 1, remote = "10.0.0.2", ["local"] = "fd00::1" } },
  { 'the group 239.0.0.1 needs dev = "eth0"', links { "vx0", kind = "vxlan", id = 1, remote = "239.0.0.1" } },
  { "vx0 and vx1 of a are the same vxlan", links({ "vx0", kind = "vxlan", id = 1, dstport = 4789 },
    { "vx1", kind = "vxlan", id = 1, dstport = 4789 }) },
  { "a vlan needs id = 10", links { "v", kind = "vlan", link = "eth0" } },
  { 'a vlan needs link = "eth0"', links { "v", kind = "vlan", id = 5 } },
  { "v1 and v2 of a are the same vlan", links({ "v1", kind = "vlan", link = "eth0", id = 5 },
    { "v2", kind = "vlan", link = "eth0", id = 5 }) },
  { "link m of a can't stand on itself", links { "m", kind = "macvlan", link = "m" } },
  { 'a macvlan needs link = "eth0"', links { "m", kind = "macvlan" } },
  { "a vrf needs table = 10", links { "m", kind = "vrf" } },
  { "a has two routes to 10.9.0.0/16, the other of tests/", routes(four, { "10.9.0.0/16", type = "blackhole" },
    { "10.9.0.0/16", type = "blackhole" }) },
  { "a has two routes to default", routes(four, { "default", via = "10.0.0.2" }, { "0.0.0.0/0", via = "10.0.0.3" }) },
  { "a has two routes to default", routes(six, { "default", via = "fd00::2" }, { "::/0", via = "fd00::2" }) },
  { "a has two routes to 10.0.0.9", routes(four, { "10.0.0.9", via = "10.0.0.2" }, { "10.0.0.9/32", dev = "eth0" }) },
  { "the gateway fd00::1 is a's own address", routes(six, { "default", via = "fd00::1" }) },
  { "10.0.0.255 is the broadcast address of its network", routes(four, { "default", via = "10.0.0.255" }) },
  { "is one of IPv6, and its gateway 10.0.0.2", routes(four, { "fd01::/64", via = "10.0.0.2" }) },
  { "10.8.0.5/16 of a has bits behind its prefix; 10.8.0.0/16", routes(four, { "10.8.0.5/16", via = "10.0.0.2" }) },
  { "the kernel makes it, for the address of eth0", routes(four, { "10.0.0.0/24", dev = "eth0" }) },
  { "src 10.0.0.99 is none of its addresses", routes(four, { "10.9.0.0/16", via = "10.0.0.2", src = "10.0.0.99" }) },
  { "the gateway fe80::1 is one of a link, and dev =", routes(six, { "default", via = "fe80::1" }) },
  { "there is no nexthop 7", routes(four, { "10.9.0.0/16", nhid = 7 }) },
  { "h1 has two nexthops with id 1", host { nexthops = { { id = 1, blackhole = true },
    { id = 1, blackhole = true } } } },
  { "the group of nexthop 1 has 2", host { nexthops = { { id = 1, group = { 2, 3 } } } } },
  { "a rule of h1 says nothing", host { rules = { { from = "all" } } } },
  { "h1 has the same rule twice", host { routes = { { "10.0.0.0/8", type = "blackhole", table = 100 } },
    rules = { { from = "10.0.0.0/8", table = 100, priority = 9 },
      { from = "10.0.0.0/8", table = 100, priority = 9 } } } },
  { "a multicast address", port { addr = "ff02::5/64" } },
  { "is no address", port { addr = "::/64" } },
  { "belongs to lo", port { addr = "::1/128" } },
  { "h1 lo is given 10.0.0.1/32 twice", host { addrs = { "10.0.0.1", "10.0.0.1/32" } } },
  { "a eth0 is given 10.0.0.1/24 twice", port { addrs = { "10.0.0.1/24", "10.0.0.1/24" } } },
  { "forward_delay of bridge s, of s, is from 2 to 30 seconds where it runs STP, not 1",
    function(net) net:switch { "s", stp = true, forward_delay = 1 } end },
  { "hello_time of bridge s, of s, is from 1 to 10 seconds", function(net) net:switch { "s", hello_time = 0 } end },
  { "max_age of bridge s, of s, is from 6 to 40 seconds", function(net) net:switch { "s", max_age = "5ms" } end },
  { "needs mac", function(net) four(net):neigh { "10.0.0.2", dev = "eth0" } end },
  { "lo has none of IPv4", host { neighs = { { "10.8.0.3", dev = "lo" } } } },
  { "a has two neighbours 10.0.0.2 on eth0", function(net)
    four(net):neigh({ "10.0.0.2", dev = "eth0", mac = "02:00:00:00:00:09" }):neigh { "10.0.0.2", dev = "eth0",
      mac = "02:00:00:00:00:0a" }
  end },
  { "there is no link eth9", host { sysctls = { ["net.ipv4.conf.eth9.forwarding"] = 1 } } },
  { "only those below net belong to a node", host { sysctls = { ["kernel.hostname"] = "x" } } },
  { "/proc/x is the kernel's", host { files = { ["/proc/x"] = "1" } } },
  { "services has a command that is empty", host { services = { "  " } } },
  { "commands has a command that is empty", host { commands = { {} } } },
}

-- The kernel takes these.
local WARNED = {
  { "the gateway 10.0.0.1 is a's own address", routes(four, { "default", via = "10.0.0.1" }) },
  { "the gateway 10.0.0.0 is the network itself", routes(four, { "default", via = "10.0.0.0" }) },
  { "h1 has no table, and main", host { rules = { { from = "10.0.0.0/8" } } } },
  { "to table 100, in which it has no route", host { rules = { { from = "10.0.0.0/8", table = 100 } } } },
  { "h1 has the same rule twice", host { rules = { { from = "10.0.0.0/8", table = "local" },
    { from = "10.0.0.0/8", table = "local" } } } },
  { 'about iif = "eth9", and it has no such link', host { rules = { { iif = "eth9", table = "local" } } } },
  { "is a multicast address", port { addr = "224.0.0.5/24" } },
  { "belongs to lo", port { addr = "127.0.0.5/8" } },
  { "a eth0 has 10.0.0.1, without the length of a network", port { addr = "10.0.0.1" } },
  { "a has the network 10.0.0.0/24 on eth0 and on eth1", function(net)
    local a = four(net)
    net:link { { a, addr = "10.0.0.3/24" }, { net:host "c", addr = "10.0.0.4/24" } }
  end },
  { "a eth0 has mtu 9000, and b eth0", port { mtu = 9000 } },
  { "a delay of 10 seconds; text as \"10ms\"", port { impair = { delay = 10 } }, "netem" },
  { "it loses all packets; text as \"1%\"", port { impair = { loss = 1 } }, "netem" },
  { "a rate of 8 bits per second; text as \"8mbit\"", port { impair = { rate = 10 } }, "netem" },
}

-- Nothing is said of these, which look alike.
local FINE = {
  routes(four, { "default", via = "10.0.0.2" }, { "default", via = "10.0.0.2", metric = 5 },
    { "default", via = "10.0.0.2", table = 100 }, { "10.8.0.0/16", via = "10.0.0.2" }, { "10.0.0.0/24", dev = "eth0",
      metric = 9 }),
  routes(six, { "default", via = "fd00::2" }, { "default", via = "fe80::1", dev = "eth0" }),
  routes(four, { "10.9.0.0/16", via = "10.0.0.2", src = "10.0.0.1" }, { "10.10.0.0/16", via = "10.0.0.2",
    src = "127.0.0.1" }),
  links({ "vx0", kind = "vxlan", id = 1, dstport = 4789 }, { "vx1", kind = "vxlan", id = 2, dstport = 4789 },
    { "vx2", kind = "vxlan", external = true, dstport = 4790 }),
  host { nexthops = { { id = 1, blackhole = true }, { id = 2, blackhole = true } } },
  host { rules = { { from = "10.0.0.0/8", table = 100 } }, routes = { { "10.9.0.0/16", type = "blackhole",
    table = 100 } } },
  host { addrs = { "127.0.0.5/8", "10.0.0.1", "10.0.0.2" } },
  host { sysctls = { ["net/ipv4/ip_forward"] = 1, ["net.ipv4.conf.lo.forwarding"] = 0 } },
  function(net) net:switch { "s", forward_delay = 0 } end,
  function(net) -- without numbers: a route over the link tells who is there
    local a, b = two(net, { addr = "10.0.0.1" }, { addr = "10.0.0.2" })
    a:route { "10.0.0.2", dev = "eth0" }
    b:route { "10.0.0.1", dev = "eth0" }
  end,
  function(net) -- what is one link's own may be behind another
    local a = two(net, { addr = "fe80::1/64" })
    net:link { { a }, { net:host "c" } }
    a:route { "default", via = "fe80::1", dev = "eth1" }
  end,
  routes(four, { "10.0.0.0/24", dev = "eth0", tos = 4 }),
  routes(function(net) return two(net, { addrs = { { "10.0.0.1/24", metric = 100 } } }) end,
    { "10.0.0.0/24", dev = "eth0" }),
  routes(four, { "10.50.0.0/24", type = "local", dev = "lo" }, { "10.9.0.0/16", via = "10.0.0.2", src = "10.50.0.7" }),
  host { neighs = { { "fd00::3", dev = "lo", state = "permanent" } } },
  function(net) -- nobody is asked there
    two(net, { arp = false }):neigh { "10.8.0.3", dev = "eth0" }
  end,
  links({ "vx0", kind = "vxlan", id = 1, dstport = 4789, remote = "fd00::2", up = false },
    { "vx1", kind = "vxlan", id = 1, dstport = 4789, remote = "fd00::2", udp6zerocsumrx = true, up = false }),
}

-- Kinds that this kernel lacks say nothing of the slip.
local function lacks(err)
  if tostring(err):find("burst is too much", 1, true) then return true end -- what stands for netem has no rate so small
  return type(err) == "table" and (err.code == "EOPNOTSUPP"
    or err.code == "ENOENT" and tostring(err):find "kernel lacks")
end

-- Whether the kernel has the lab as it is declared.
local function kernel_takes(declare)
  local net = lab(h.name "slip", { strict = false })
  local ok, err = pcall(declare, net)
  if not ok then return false, err end
  ok, err = pcall(net.up, net)
  local differs = ok and #net:plan() or 0
  net:down()
  return ok and differs == 0, err
end

describe("slips in a lab", function()
  local function told(row)
    local net = lab(h.name "slip")
    local ok, err = pcall(row[2], net)
    if ok then ok, err = pcall(check.lab, net) end
    return ok, err, net.warnings
  end

  it("that the kernel refuses are told with the line, the node and a remedy, before it is asked", function()
    for _, row in ipairs(REFUSED) do
      local ok, err = told(row)
      assert.is_false(ok, row[1])
      assert.is_string(err)
      assert.truthy(err:find(row[1], 1, true), ("%s is not in: %s"):format(row[1], err))
      assert.truthy(err:find "^tests/lab/slips_spec%.lua:%d+: ", err)
    end
  end)

  it("that it takes are warned of", function()
    for _, row in ipairs(WARNED) do
      local ok, err, warnings = told(row)
      assert.is_true(ok, tostring(err))
      assert.truthy(warnings[1], row[1])
      local said = {}
      for i, warning in ipairs(warnings) do said[i] = warning.message end
      local all = table.concat(said, "\n")
      assert.truthy(all:find(row[1], 1, true), ("%s is not in: %s"):format(row[1], all))
      assert.truthy(warnings[1].where:find "^tests/lab/slips_spec%.lua:%d+$")
    end
  end)

  it("are not seen where there are none", function()
    for i, declare in ipairs(FINE) do
      local ok, err, warnings = told { "", declare }
      assert.is_true(ok, tostring(err))
      assert.same({}, warnings, i)
      local takes, problem = kernel_takes(declare)
      assert.truthy(takes or lacks(problem), ("%d: %s"):format(i, tostring(problem)))
    end
  end)

  it("are not looked for in a namespace of somebody else, which has more than is declared", function()
    local mine <close> = netns.add(h.name "mine")
    mine:add_link { "x0", kind = "bridge", up = true }:add_addr "10.7.0.1/24"
    local net = lab(h.name "slip")
    net:host { "n", netns = mine.name, routes = { { "10.9.0.0/16", via = "10.7.0.2", src = "10.7.0.1" } },
      sysctls = { ["net.ipv4.conf.x0.forwarding"] = 1 } }
    net:up()
    assert.same({ "10.7.0.1", 1 }, { mine:routes({ dst = "10.9.0.0/16" })[1].src,
      mine.sysctl["net.ipv4.conf.x0.forwarding"] })
    net:down()
  end)

  it("are what the kernel takes for such", function()
    for _, row in ipairs(REFUSED) do
      assert.is_false((kernel_takes(row[2])), row[1])
    end
    for _, row in ipairs(WARNED) do
      local takes, err = kernel_takes(row[2])
      assert.truthy(takes or lacks(err), ("%s: %s"):format(row[1], tostring(err)))
    end
  end)
end)
