-- alloc.lua - what alloc.c runs while memory fails: each section uses some of the bindings and undoes what it did.
-- Returns the sections, and the function that puts everything back after one that broke off.
local nsh = require "nsh"
local netns = nsh.netns

local a, b = netns.add "a", netns.add "b"
local function fixture()
  a:add_link { "eth0", kind = "veth", up = true, peer = { "eth0", netns = b, up = true } }
  a:link("lo"):set { up = true }
  a:link("eth0"):add_addr "10.1.0.1/24"
  b:link("eth0"):add_addr "10.1.0.2/24"
end
fixture()
assert(a:reaches "10.1.0.2")

local stat <close> = assert(io.open "/proc/self/stat")
local self = tonumber(stat:read("a"):match "%d+")

local sections, id = {}, 100
local function section(name, fn) sections[#sections + 1] = { name = name, run = fn } end

section("netns", function()
  local t = netns.add "t"
  assert(netns.get "t" == t and netns.find "none" == nil)
  tostring(netns.list())
  id = id + 1 -- a namespace that was deleted may keep its number for a moment
  t:set { id = id }
  assert(t.id == id and netns.current() and netns.of(self) and netns.identify(self) == nil)
  netns.enter(t)
  netns.enter()
  t:del()
  netns.attach("u", self)
  netns.del "u"
end)

section("links", function()
  local one, two = a:add_link { "v1", kind = "veth", mtu = 1400, peer = { "v2", netns = b, mac = "02:00:00:00:00:07" } }
  assert(one.mtu == 1400 and two.mac == "02:00:00:00:00:07" and one.peer.name == "v2" and not one.up)
  one:set { up = true, alias = "an alias", txqlen = 17 }
  one:set { name = "v3", up = false }
  assert(a:find_link "none" == nil and a:link("v3"):record().alias == "an alias")
  tostring(a:links { kind = "veth" })
  one:set { netns = b }
  one:del()
end)

section("bridge", function()
  local br = a:add_link { "br0", kind = "bridge", up = true, ageing_time = 20, stp = false }
  local port = a:add_link { "p0", kind = "veth", master = br, peer = { "p1" } }
  port:set { port = { cost = 10, isolated = true } }
  assert(#br:ports() == 1 and port.master.name == "br0" and br.ageing_time == 20)
  tostring(br:fdb())
  port:set { master = false }
  br:del()
  port:del()
end)

section("addrs", function()
  local eth0 = a:link "eth0"
  eth0:add_addr { "10.2.0.1/24", label = "eth0:x", valid_lft = 1000, preferred_lft = 500 }
  eth0:replace_addr "10.2.0.1/24"
  eth0:add_addr { "fd00::1/64", nodad = true }
  tostring(eth0:addrs())
  assert(#a:addrs { family = "inet" } >= 2)
  eth0:del_addr "10.2.0.1/24"
  eth0:del_addr "fd00::1/64"
end)

section("routes", function()
  a:add_route { "10.3.0.0/16", via = "10.1.0.2", metric = 7, mtu = 1300 }
  a:replace_route { "10.3.0.0/16", dev = "eth0", metric = 7 }
  a:add_route { "10.4.0.0/16", type = "blackhole" }
  a:add_route { "10.5.0.0/16", nexthops = { { via = "10.1.0.2", weight = 2 }, { dev = "eth0" } } }
  tostring(a:routes { table = "all" })
  assert(a:route_to("10.3.1.1").dev == "eth0")
  for _, dst in ipairs { "10.3.0.0/16", "10.4.0.0/16", "10.5.0.0/16" } do a:del_route { dst } end
end)

section("neighbours", function()
  a:add_neigh { "10.1.0.9", dev = "eth0", mac = "02:00:00:00:00:09" }
  a:replace_neigh { "10.1.0.9", dev = "eth0", mac = "02:00:00:00:00:0a" }
  tostring(a:neighs())
  a:del_neigh { "10.1.0.9", dev = "eth0" }
end)

section("sysctl", function()
  local sysctl = a.sysctl
  sysctl["net.ipv4.ip_forward"] = 1
  assert(sysctl["net.ipv4.ip_forward"] == 1)
  sysctl["net.ipv4.ip_forward"] = 0
  assert(not pcall(function() return sysctl["net.ipv4.ip_forwarding"] end))
end)

section("exec", function()
  local done = a:exec("cat; echo two >&2; exit 3",
    { input = ("x"):rep(20000), check = false, env = { A = "1", B = false }, cwd = "/", timeout = 10 })
  assert(#done.out == 20000 and done.err == "two\n" and done.status == 3)
  local program = a:spawn { "true" }
  tostring(program)
  program:wait { timeout = 10 }
  assert(not program:running())
  program:kill()
end)

section("ping", function()
  local result = a:ping("10.1.0.2", { count = 2, interval = 0.01, size = 100, dev = "eth0" })
  assert(result.received == 2)
  tostring(result)
  assert(a:reaches("10.1.0.2", { timeout = 5 }))
  nsh.sleep "1ms"
end)

section("call and batch", function()
  assert(a:call(function(x) return x end, 5) == 5)
  a:batch(function()
    for i = 1, 40 do a:add_route { ("10.6.%d.0/24"):format(i), dev = "eth0" } end
  end)
  a:batch(function()
    for i = 1, 40 do a:del_route { ("10.6.%d.0/24"):format(i), dev = "eth0" } end
  end)
end)

section("batch of all", function()
  assert(6 == netns.batch(function()
    b:add_route { "10.7.0.0/16", type = "blackhole" }
    a:add_link { "v8", kind = "veth", index = 80, up = true, alias = "x",
      peer = { "v9", netns = b, index = 90, up = true } }
    b:del_route "10.7.0.0/16"
    a:link("lo"):set { up = true }
  end))
  assert(b:link("v9").up)
  a:link("v8"):del()
end)

section("watch and wait", function()
  local watch <close> = nsh.watch { "link", "addr", "route", "neigh", "netns", initial = true }
  local t = netns.add "t"
  local link = t:add_link { "v1", kind = "veth", up = true, peer = { "v2", up = true } }
  link:add_addr "10.8.0.1/24"
  t:add_route { "10.9.0.0/16", via = "10.8.0.2" }
  link:wait { up = true, carrier = true }
  assert(t:wait_route("10.9.0.1").dev == "v1")
  link:set { up = false }
  local count = 0
  for event in watch:events() do
    tostring(event)
    count = count + 1
  end
  assert(count > 10)
  t:del()
end)

-- A failure builds an error object, with its hint; what fails for want of memory must come through as that.
local function refused(fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok)
  if tostring(err):find "not enough memory" or tostring(err):find "ENOMEM" then error(err, 0) end
end

section("errors", function()
  refused(netns.add, "a")
  refused(a.add_link, a, { "eth0", kind = "bridge" })
  refused(a.add_link, a, { "this-name-is-too-long", kind = "bridge" })
  refused(a.add_link, a, { "x", kidn = "bridge" })
  refused(a.link, a, "eth9")
  refused(a.add_route, a, { "10.7.0.0/16", via = "192.0.2.1" })
  refused(a.exec, a, "exit 1")
  refused(a.exec, a, { "no such program" })
  refused(function() return a.nmae end)
end)

local function put_back()
  netns.enter()
  for _, record in ipairs(netns.list()) do
    if record.name ~= "a" and record.name ~= "b" then netns.del(record.name) end
  end
  for _, ns in ipairs { netns.current(), a, b } do
    for _, link in ipairs(ns:links()) do
      -- one goes by itself when the kernel gets to ending the namespace of its peer
      local live = link.name ~= "lo" and ns:find_link(link.name)
      local ok, err = pcall(function() return live and live:del() end)
      if not ok and err.code ~= "ENODEV" then error(err, 0) end
    end
    ns.sysctl["net.ipv4.ip_forward"] = 0
  end
  for _, route in ipairs(a:routes { type = "blackhole" }) do a:del_route(route) end
  fixture()
end

return sections, put_back
