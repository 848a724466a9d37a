-- physical.vm.lua - a network card, moved into namespaces and brought home again; groups of the machine's links
local machine = require "tests.vm.machine"

local host = netns.current()

local function cards(ns)
  local names = {}
  for _, link in ipairs(ns:links()) do
    if not link.kind and link.link_type == "ether" then names[#names + 1] = link.name end
  end
  return names
end

describe("a network card", function()
  local name

  setup(function()
    local result = machine.run "modprobe virtio_net"
    assert.equal(0, result.status, result.err)
    name = cards(host)[1]
    assert.is_string(name)
  end)
  teardown(function() machine.run "modprobe -r virtio_net" end)

  it("has no kind, and can't be deleted", function()
    local ok, err = pcall(function() host:link(name):del() end)
    assert.is_false(ok)
    assert.equal("EOPNOTSUPP", err.code)
    assert.matches("hardware", err.hint)
  end)

  it("is moved, and comes home when the namespace is deleted", function()
    local ns = netns.add "elsewhere"
    local card = host:link(name)
    local mac = card.mac
    card:set { netns = ns, up = true }
    assert.same({}, cards(host))
    assert.same({ name }, cards(ns))
    assert.is_true(card.up)
    card:add_addr "10.0.0.1/24"
    ns:del()
    assert.same({ name }, cards(host))
    assert.equal(mac, host:link(name).mac)
  end)

  it("has rings, a speed and a bus, as ethtool(8) says", function()
    local card = host:link(name)
    local before = card:ethtool()
    local bus = machine.run("ethtool -i " .. name).out:match "bus%-info: (%S+)"
    assert.same({ "virtio_net", bus }, { before.driver, before.bus })
    local old = { rings = { rx = before.rings.rx, tx = before.rings.tx } }
    card:set { rings = { rx = 128, tx = 64 }, speed = "1gbit", duplex = "half" }
    local rx, tx = machine.run("ethtool -g " .. name).out:match "Current.-RX:%s+(%d+).-TX:%s+(%d+)"
    assert.same({ "128", "64" }, { rx, tx })
    assert.same({ 128, 64, 1000000000, "half" }, { card.rings.rx, card.rings.tx, card.speed, card.duplex })
    local text = machine.run("ethtool " .. name).out
    assert.matches("Speed: 1000Mb/s", text)
    assert.matches("Duplex: Half", text)
    local ok, err = pcall(card.set, card, { rings = { rx = before.rings.rx_max + 1 } })
    assert.is_false(ok)
    assert.matches("maximum", err.extack)
    ok = pcall(card.set, card, { rings = { rx = 256 }, offload = { lro = true } })
    assert.is_false(ok)
    assert.equal(128, card.rings.rx)
    card:set(old)
    assert.same(old.rings, { rx = card.rings.rx, tx = card.rings.tx })
  end)

  it("comes home under the name that it had there", function()
    do
      local first <close> = netns.add "first"
      local second = netns.add "second"
      host:link(name):set { netns = first, name = "wan0" }
      first:link("wan0"):set { netns = second, name = "lan0" } -- by another object
      assert.same({ "lan0" }, cards(second))
      netns.del "second"
      assert.same({ name }, cards(host))
      host:link(name):set { netns = first, name = "wan0" }
    end
    assert.same({ name }, cards(host))
  end)

  it("comes home under the name that it has where its own is taken, and else by the kernel", function()
    local ns = netns.add "elsewhere"
    host:link(name):set { netns = ns, name = "wan0" }
    host:add_link { name, kind = "dummy" }
    ns:del()
    assert.same({ "wan0" }, cards(host))
    host:link(name):del()
    host:link("wan0"):set { name = name }

    ns = netns.add "elsewhere"
    host:link(name):set { netns = ns }
    host:add_link { name, kind = "dummy" }
    ns:del()
    local found
    for _ = 1, 100 do
      found = cards(host)[1]
      if found then break end
      nsh.sleep(0.05)
    end
    assert.matches("^dev%d+$", found)
    host:link(name):del()
    host:link(found):set { name = name }
  end)

  it("is not fetched when it has gone home, or on, by itself", function()
    local ns = netns.add "elsewhere"
    local card = host:link(name)
    card:set { netns = ns }
    card:set { netns = host }
    card:set { mtu = 1400 }
    ns:del()
    assert.equal(1400, card.mtu)
    ns = netns.add "elsewhere"
    card:set { netns = ns }
    assert.equal(0, machine.run("ip netns add other; ip -n elsewhere link set " .. name .. " netns other").status)
    ns:del()
    assert.same({ name }, cards(netns.get "other"))
    netns.get("other"):link(name):set { netns = host }
    netns.del "other"
  end)

  it("is borrowed by a lab, and comes home as it was, from a run that was killed, too", function()
    local function nsh_host(chunk) return machine.run { machine.program, "--host", "-e", chunk } end
    local function look()
      local out = machine.run(([[ip link show NAME; ip -4 addr show NAME; ip route show dev NAME; ip -br link
        ip netns list]]):gsub("NAME", name)).out
      return (out:gsub("state %S+", ""):gsub("qdisc %S+", ""):gsub(",?LOWER_UP", ""):gsub(",?NO%-CARRIER,?", ""))
    end
    local lab = ([[
      local net = lab "borrow"
      net:link { { net:host "h1", "wan0", addr = "10.6.0.1/24", mtu = 1300, mac = "02:00:00:00:00:99" },
        net:external { "world", dev = "%s" } }]]):format(name)
    local card = host:link(name)
    card:set { up = true, mtu = 1400 }
    card:add_addr "10.5.0.1/24"
    host:add_route { "10.55.0.0/16", via = "10.5.0.2" }
    local before = look()

    local made = nsh_host(lab .. " net:up() print(#net:plan())")
    assert.equal("0\n", made.out, made.err)
    assert.same({}, cards(host))
    assert.same({ "wan0" }, cards(netns.get "borrow.h1"))
    assert.equal(0, nsh_host('nsh.down "borrow"').status)
    assert.equal(before, look())

    local link = host:add_link { "other", kind = "veth", peer = "other2" }
    nsh_host(lab .. ' require "nsh.lab.store".save = function() os.exit(true) end net:up()')
    assert.same({ "wan0" }, cards(netns.get "borrow.h1"))
    assert.matches("^name +what +lab%s+borrow%.h1 +namespace +borrow%s*$", machine.run { machine.program, "--gc" }.out)
    assert.equal("", machine.run { machine.program, "--gc" }.out)
    link:del()
    assert.equal(before, look())
    card:del_addr "10.5.0.1/24"
    card:set { up = false, mtu = 1500 }
  end)

  it("stays in a named namespace when nsh ends, as namespaces do", function()
    local made = machine.run { machine.program, "--host", "-e",
      ('netns.current():link(%q):set { netns = netns.add "stays" }'):format(name) }
    assert.equal(0, made.status, made.err)
    assert.same({ name }, cards(netns.get "stays"))
    netns.get("stays"):link(name):set { netns = host, name = name }
    netns.del "stays"
  end)
end)

describe("the machine's links of a group", function()
  it("are left alone when one of them carries the default route", function()
    local link = host:add_link { "up0", kind = "veth", peer = "up1", up = true, group = 7 }
    host:link("up1"):set { up = true, group = 7 }
    link:add_addr "10.9.0.2/24"
    host:add_route { "default", via = "10.9.0.1", dev = "up0" }
    for _, fn in ipairs {
      function() host:flush_links { group = 7 } end, function() host:set_links { group = 7, up = false } end,
    } do
      local ok, err = pcall(fn)
      assert.is_false(ok)
      assert.matches("refusing to [^\n]*force = true", tostring(err))
    end
    assert.is_true(link.up)
    host:set_links { group = 7, mtu = 1400 }
    host:set_links { group = 7, up = false, force = true }
    host:flush_links { group = 7, force = true }
    assert.is_nil(host:find_link "up0")
  end)
end)
