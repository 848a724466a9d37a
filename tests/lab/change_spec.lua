--- change_spec.lua - a lab that stands is changed in place: by hand, which up() mends, and by another declaration.
local core = require "nsh.core"
local h = require "tests.helper"

-- A switch with two hosts and a router of another net. `change` may do something to the parts before up().
local function office(change)
  local net = lab "office"
  local parts = { h1 = { "h1", routes = { { "default", via = "10.0.0.254" } } },
    h2 = { "h2", sysctls = { ["net.ipv4.tcp_syncookies"] = 0, ["net.ipv4.conf.eth0.proxy_arp"] = 1 } },
    r = { "r" }, sw = { "sw", addr = "10.0.0.1/24" },
    e1 = { "eth0", addrs = { "10.0.0.11/24", "fd00::11/64" } }, e2 = { "eth0", addr = "10.0.0.12/24" },
    er = { "eth0", addr = "10.0.0.254/24" }, p1 = { "p1", fdb = { { "02:00:00:00:00:99" } } },
    p2 = { "p2", port = { cost = 7 } } }
  if change then change(parts) end
  local sw, h1, h2, r = net:switch(parts.sw), net:host(parts.h1), net:host(parts.h2), net:router(parts.r)
  local function wire(node, one, name)
    table.insert(one, 1, node)
    table.insert(name, 1, sw)
    net:link { one, name }
  end
  wire(h1, parts.e1, parts.p1)
  wire(h2, parts.e2, parts.p2)
  wire(r, parts.er, { "p3" })
  return net
end

-- What a plan does, one line a step.
local function steps(plan)
  local lines = {}
  for i, step in ipairs(plan) do
    local keys = {}
    for key in pairs(step.changes or {}) do keys[#keys + 1] = key end
    table.sort(keys)
    lines[i] = ("%s %s %s %s"):format(step.op, step.node, step.noun, step.name)
      .. (keys[1] and ": " .. table.concat(keys, ",") or "")
  end
  return table.concat(lines, "\n")
end

describe("A lab that stands", function()
  it("is asked for alike each time, whatever is joined or shared in its declaration", function()
    local hops = { { via = "fd00::2" }, { via = "fd00::3" } }
    local net = lab "alike"
    local h1 = net:host { "h1", routes = { { "fd01::/64", nexthops = hops }, { "fd01::/64", via = "fd00::4" } } }
    net:link { { h1, addr = "fd00::1/64" }, net:switch "sw" }
    local first = tostring(net:plan())
    assert.equal(first, tostring(net:plan()))
    assert.equal(2, #hops)
    net:up()
    assert.equal(0, #net:plan())
    net:down()
  end)

  it("is changed by one task at a time", function()
    local net = lab "twice"
    local ready = { "sh", "-c", "sleep 0.05; echo ready; exec sleep 100", ready = "ready" }
    net:host { "h1", services = { ready } }
    local first, second = nsh.go(net.up, net), nsh.go(net.up, net)
    local ok, err = pcall(second.wait, second)
    assert.is_false(ok)
    assert.matches("lab twice is being changed", tostring(err))
    first:wait()
    assert.equal(0, #net:up())
    net:down()
  end)

  after_each(function()
    lab "office":down()
    for _, record in ipairs(netns.list()) do netns.del(record.name) end
  end)

  local by_hand = {
    { "an mtu", "change h1 link eth0: mtu", function(n) n.h1:link "eth0":set { mtu = 1400 } end },
    { "a link that is down", "change h2 link eth0: up", function(n) n.h2:link "eth0":set { up = false } end },
    { "a port's cost", "change sw link p2: port", function(n) n.sw:link "p2":set { port = { cost = 9 } } end },
    { "a port that is none", "change sw link p3: master", function(n) n.sw:link "p3":set { master = false } end },
    { "an address", "create h2 addr 10.0.0.12/24 dev eth0",
      function(n) n.h2:link "eth0":del_addr "10.0.0.12/24" end },
    { "an address of IPv6", "create h1 addr fd00::11/64 dev eth0",
      function(n) n.h1:link "eth0":del_addr "fd00::11/64" end },
    { "a route that is gone", "create h1 route default via 10.0.0.254",
      function(n) n.h1:del_route { "default" } end },
    { "a route that goes elsewhere", "change h1 route default via 10.0.0.254: via",
      function(n) n.h1:replace_route { "default", via = "10.0.0.12" } end },
    { "a route with more to it", "change h1 route default via 10.0.0.254: mtu",
      function(n) n.h1:replace_route { "default", via = "10.0.0.254", mtu = 1300 } end },
    { "a forwarding entry", "create sw fdb 02:00:00:00:00:99 dev p1",
      function(n) n.sw:link "p1":del_fdb "02:00:00:00:00:99" end },
    { "a forwarding entry of another port", "change sw fdb 02:00:00:00:00:99 dev p1: dev",
      function(n) n.sw:link "p2":replace_fdb "02:00:00:00:00:99" end },
    { "a sysctl", "change h2 sysctl net.ipv4.tcp_syncookies: net.ipv4.tcp_syncookies",
      function(n) n.h2.sysctl["net.ipv4.tcp_syncookies"] = 1 end },
    { "a sysctl of a link", "change h2 sysctl net.ipv4.conf.eth0.proxy_arp: net.ipv4.conf.eth0.proxy_arp",
      function(n) n.h2.sysctl["net.ipv4.conf.eth0.proxy_arp"] = 0 end },
    { "forwarding", "change r sysctl net.ipv4.ip_forward: net.ipv4.ip_forward",
      function(n) n.r.sysctl["net.ipv4.ip_forward"] = 0 end },
  }

  it("is mended where somebody changed it by hand, there alone", function()
    local net = office()
    net:up()
    local n = {}
    for _, node in ipairs(net.nodes) do n[node.name] = node.netns end
    for _, case in ipairs(by_hand) do
      local what, expected, change = table.unpack(case)
      change(n)
      local plan = net:plan()
      assert.equal(expected, steps(plan), what)
      net:up()
      assert.equal("", steps(net:plan()), what)
    end
  end)

  it("needs no message when nothing differs", function()
    local net = office()
    net:up()
    local before = core.sent()
    assert.equal(0, #net:up())
    assert.equal(before, core.sent())
    net:plan()
    assert.equal(before, core.sent())
  end)

  it("gets what is declared now, and loses what was and isn't any more", function()
    office():up()
    local net = office(function(p)
      p.h1.routes = { { "172.16.0.0/12", via = "10.0.0.254" } }
      p.e1 = { "eth0", addr = "10.0.0.13/24", mtu = 1400, txqlen = 77 }
      p.p2 = { "p2" }
      p.p1 = { "p1", fdb = { "02:00:00:00:00:98" } }
      p.h2 = { "h2" }
    end)
    local h1 = netns.get "office.h1"
    h1:add_route { "192.168.0.0/16", via = "10.0.0.254" } -- which nobody declared
    h1:link "eth0":add_addr "10.0.0.99/24"
    net:up()
    assert.equal("", steps(net:plan()))
    assert.equal(1, #h1:routes { dst = "192.168.0.0/16" })
    assert.equal(0, #h1:routes { dst = "default" })
    local addrs = {}
    for _, record in ipairs(h1:link "eth0":addrs { family = "inet" }) do addrs[#addrs + 1] = record.addr end
    table.sort(addrs)
    assert.same({ "10.0.0.13/24", "10.0.0.99/24" }, addrs)
    local sw, h2 = netns.get "office.sw", netns.get "office.h2"
    assert.equal(2, sw:link "p2".port.cost) -- as it was before somebody said 7
    assert.equal(0, #sw:link "p1":fdb "02:00:00:00:00:99")
    assert.equal(1, h2.sysctl["net.ipv4.tcp_syncookies"])
    assert.equal(0, h2.sysctl["net.ipv4.conf.eth0.proxy_arp"])
    office():up()
    assert.equal(1000, h1:link "eth0".txqlen)
    assert.equal("", steps(office():plan()))
  end)

  it("loses nothing between those whom a change doesn't touch", function()
    office():up()
    local h2 = netns.get "office.h2"
    assert(h2:reaches "10.0.0.254")
    local ping = nsh.go(function() return h2:ping("10.0.0.254", { count = 150, interval = 0.005 }) end)
    nsh.sleep(0.05)
    local net = office(function(p)
      p.h1.routes = { { "default", via = "10.0.0.12" } }
      p.e1 = { "eth0", addrs = { "10.0.0.14/24", "fd00::14/64" }, mtu = 1300 }
      p.p1 = { "p1", port = { cost = 55 } }
      p.sw.ageing_time = 20
    end)
    local extra = net:host { "h3" }
    net:link { { extra, "eth0", addr = "10.0.0.33/24" }, { "sw", "p4" } }
    net:up()
    office():up() -- and back
    local result = ping:wait()
    assert.equal(result.sent, result.received)
    assert.equal(150, result.sent)
  end)

  it("is mended where namespaces and links are gone", function()
    local net = office()
    net:up()
    netns.del "office.h1"
    netns.get "office.sw":link "p2":del()
    local link = netns.get "office.r":link "eth0"
    link:set { up = false }
    link:set { name = "other" }
    net:up()
    assert.equal("", steps(net:plan()))
    assert(netns.get "office.h1":reaches "10.0.0.12" and netns.get "office.h2":reaches "10.0.0.254")
  end)

  it("gives a link its link-local address when it is a port no more", function()
    local function of(master, dad)
      local net = lab "port"
      local host = net:host { "h1", dad = dad, links = { { "br0", kind = "bridge" } } }
      net:link { { host, "eth0", master = master }, net:host "h2" }
      return net
    end
    for _, dad in ipairs { false, true } do
      of("br0", dad):up()
      local net = of(nil, dad)
      local function found() return h.oracle(netns.get "port.h1", "ip -j -6 addr show scope link dev eth0") end
      assert.equal(0, #found())
      net:up()
      assert.equal(1, #found()[1].addr_info)
      assert.equal(0, #net:plan())
      net:down()
    end
  end)

  it("doesn't take what is another's", function()
    local net = office()
    netns.add "office.h2":add_link { "mine", kind = "veth", peer = "mine2" }
    for _, verb in ipairs { "plan", "up" } do
      local err = h.refused("EEXIST", net[verb], net)
      assert.equal("office.h2", err.netns)
      assert.truthy(tostring(err):find("office.h2", 1, true), tostring(err))
    end
    net:down()
    assert.truthy(netns.get "office.h2":find_link "mine")
    netns.del "office.h2"
    net:up()
    netns.del "office.r"
    netns.add "office.r":add_link { "mine", kind = "veth", peer = "mine2" }
    h.refused("EEXIST", net.up, net)
    assert.equal(3, #net:down())
    assert.truthy(netns.get "office.r":find_link "mine")
    assert.equal(0, #net:down())
  end)

  it("has the metric that an address of IPv6 is to have, and the routes of the others of its network", function()
    local function up(...)
      local net, addrs = lab "office", {}
      for i, metric in ipairs { ... } do addrs[i] = { "fd00:5::" .. i .. "/64", metric = metric or nil } end
      net:link { { net:host { "h1" }, "eth0", addrs = addrs }, { net:host { "h2" }, "eth0" } }
      net:up()
      assert.equal("", steps(net:plan()))
      local h1, found = netns.get "office.h1", {}
      for _, addr in ipairs(h1:link("eth0"):addrs { family = "inet6" }) do
        local i = math.tointeger(tonumber(addr.addr:match "^fd00:5::(%d)/"))
        if i then found[i] = addr.metric or false end
      end
      assert.same({ ... }, found)
      local routes = h1:exec("ip -6 route show fd00:5::/64").out
      for _, metric in ipairs(found) do assert.matches("metric " .. (metric or 256) .. " ", routes, nil, true) end
    end
    up(954, false, 77)
    up(false, false, 77)
    up(300, 400, false)
    up(300, 30)
    up(false)
  end)

  it("loses a node that isn't declared any more, with its wire", function()
    office():up()
    local net = lab "office"
    local sw = net:switch { "sw", addr = "10.0.0.1/24" }
    net:link { { net:host { "h1" }, "eth0", addr = "10.0.0.11/24" }, { sw, "p1" } }
    local plan = net:up()
    assert.truthy(tostring(plan):find("- h2", 1, true) and tostring(plan):find("- link p2", 1, true), tostring(plan))
    assert.equal("", steps(net:plan()))
    assert.is_nil(netns.find "office.h2")
    assert.is_nil(netns.get "office.sw":find_link "p3")
  end)

  it("borrows a link of the machine, and gives it back", function()
    local root = netns.current()
    local function borrowing(more)
      local net = lab "office"
      net:link { { net:host { "h1" }, "up0", addr = "10.9.0.1/24", mtu = 1400 }, net:external { "ext0" } }
      if more then net:host { "bad", routes = { { "10.0.0.0/8", via = "192.0.2.1", onlink = false } } } end
      return net
    end
    -- else the kernel looks for a second or two whether others have the link-local address, and routes to it after that
    local key = "net.ipv6.conf.default.accept_dad"
    local dad <const> = root.sysctl[key]
    local _ <close> = setmetatable({}, { __close = function() root.sysctl[key] = dad end })
    root.sysctl[key] = 0
    local _ <close> = root:add_link { "ext0", kind = "veth", peer = "ext1" }
    local _ <close> = root:add_link { "br9", kind = "bridge" }
    root:exec [[ip link set ext1 up; ip link set ext0 up mtu 1450 txqueuelen 77 master br9
      ip addr add 192.0.2.1/24 dev ext0; ip addr add fd00:9::1/64 dev ext0
      ip route add 198.51.100.0/24 via 192.0.2.7 dev ext0; ip route add 203.0.113.0/24 dev ext0 table 77]]
    local function look()
      local said = root:exec("ip link show ext0; ip addr show ext0; ip route show table all dev ext0").out
      return (said:gsub("qdisc %S+ ", ""):gsub("%d+: ext0", "ext0"):gsub(" state %S+", ""):gsub("LOWER_UP", "")
        :gsub(" +\n", "\n"))
    end
    -- the kernel routes to an address of IPv6 a moment after it is there
    local function home()
      h.eventually(function() return select(2, look():gsub("local %x+:%S* table local", "")) == 2 end)
      return look()
    end
    local before = home()
    assert.matches("local fe80:", before)
    local net = borrowing()
    net:up()
    assert.is_nil(root:find_link "ext0")
    assert.equal(1400, netns.get "office.h1":link "up0".mtu)
    assert.equal("", steps(net:plan()))
    lab "office":up() -- of which h1 is no node any more
    assert.equal(before, home())
    net:up()
    net:up()
    net:down()
    assert.equal(before, home())
    h.refused("ENETUNREACH", function() borrowing(true):up() end)
    assert.equal(before, home())
  end)

  it("is as it was when Ctrl-C comes while it changes", function()
    local code = [[
      local function net(mtu, n)
        local net = lab "x"
        local sw = net:switch { "sw" }
        for i = 1, n do net:link { { net:host { "h" .. i }, "eth0", mtu = mtu }, { sw, "p" .. i } } end
        return net
      end
      net(1500, 3):up()
      local done <close> = setmetatable({}, { __close = function()
        io.stdout:write(#netns.list(), " ", #net(1500, 3):plan(), "\n")
      end })
      local core = require "nsh.core"
      local set, count = core.link.set, 0
      core.link.set = function(...)
        count = count + 1
        if count == 3 then
          io.open(arg[1], "w"):close()
          for _ = 1, 1e10 do end
        end
        return set(...)
      end
      net(1400, 5):up()
    ]]
    local path, ready = os.tmpname(), os.tmpname()
    os.remove(ready)
    local f = assert(io.open(path, "w"))
    f:write(code)
    f:close()
    local p = io.popen(("%s %s %s 2>/dev/null & while ! test -e %s; do sleep 0.01; done; kill -INT $!; wait"):format(
      os.getenv "NSH" or "./nsh", path, ready, ready))
    local out = p:read "a"
    p:close()
    os.remove(path)
    os.remove(ready)
    assert.equal("4 0\n", out)
  end)

  it("leaves nothing when Ctrl-C comes while a namespace is made, or a service", function()
    if not nsh.program "strace" then return pending "strace is not installed" end
    local path = os.tmpname()
    local f = assert(io.open(path, "w"))
    f:write [[
      local net = lab "x"
      for i = 1, 3 do net:host { "h" .. i, services = i == 3 and { "sleep " .. arg[1] } or nil } end
      local done <close> = setmetatable({}, { __close = function()
        local left = 0
        for pid in require("lfs").dir "/proc" do
          local f = pid:find "^%d" and io.open(("/proc/%s/cmdline"):format(pid))
          if f and f:read "a" == "sleep\0" .. arg[1] .. "\0" then left = left + 1 end
          if f then f:close() end
        end
        io.stdout:write(#netns.list(), " namespaces, ", left, " services\n")
      end })
      net:up()
      io.stdout:write "up, "]]
    f:close()
    local function out_of(options)
      local p = io.popen(("strace -f -o /dev/null %s %s %s 1000.%d 2>/dev/null"):format(options,
        os.getenv "NSH_PLAIN" or "./nsh", path, (core.world.self())))
      local out = p:read "a"
      p:close()
      return out
    end
    assert.truthy(out_of("-e trace=mount"):find "^up, 3 namespaces")
    assert.equal("0 namespaces, 0 services\n",
      out_of "-P /run/netns/x.h2 -e trace=mount -e inject=mount:signal=SIGINT")
    local undone = 0
    for i = 2, 5 do -- processes that are started: which is the service's depends on the world
      local out = out_of("-e trace=clone -e inject=clone:signal=SIGINT:when=" .. i)
      assert.truthy(out:find "^up, " or out == "0 namespaces, 0 services\n", i .. ": " .. out)
      undone = undone + (out:find "^up, " and 0 or 1)
    end
    assert.is_true(undone > 0)
    os.remove(path)
  end)
end)
