-- watch_spec.lua - events of the kernel: what is told, of whom, and until when
local h = require "tests.helper"

-- Takes what there is: every event until nothing came for a while.
local function all(watch, seconds)
  local list = {}
  for event in watch:events { timeout = seconds or 0.1 } do list[#list + 1] = event end
  return list
end

local function has(list, want)
  local found = h.find(list, want)
  if not found then
    local words = {}
    for i, event in ipairs(list) do words[i] = tostring(event) end
    error(("no %s %s %s among:\n%s"):format(want.event, want.noun, want.name or want.addr or want.dst or "",
      table.concat(words, "\n")), 2)
  end
  return found
end

describe("a watch", function()
  it("hears all namespaces, and those that come later", function()
    local one = h.netns()
    assert.is_nil(one.id)
    local watch <close> = nsh.watch { "link", "addr", "route", "neigh", "netns" }
    assert.is_number(one.id)
    local two = h.netns()
    assert.is_number(two.id)
    local v0 = one:add_link { "v0", kind = "veth", up = true, peer = { "v1", netns = two, up = true } }
    v0:add_addr "10.0.0.1/24"
    one:add_route { "10.9.0.0/16", via = "10.0.0.2" }
    two:add_neigh { "10.0.0.9", dev = "v1", mac = "02:00:00:00:00:09" }
    v0:set { mtu = 1400 }
    netns.current():add_route { "10.7.0.0/16", type = "blackhole" }
    netns.current():del_route { "10.7.0.0/16", type = "blackhole" }
    local list = all(watch)
    has(list, { event = "add", noun = "netns", netns = two.name, name = two.name, id = two.id })
    has(list, { event = "add", noun = "link", netns = two.name, name = "lo" })
    has(list, { event = "add", noun = "link", netns = one.name, name = "v0", kind = "veth" })
    has(list, { event = "add", noun = "link", netns = two.name, name = "v1" })
    has(list, { event = "change", noun = "link", netns = one.name, name = "v0", mtu = 1400 })
    has(list, { event = "add", noun = "addr", netns = one.name, addr = "10.0.0.1/24", dev = "v0" })
    has(list, { event = "add", noun = "route", netns = one.name, dst = "10.9.0.0/16", via = "10.0.0.2", dev = "v0" })
    has(list, { event = "add", noun = "neigh", netns = two.name, dst = "10.0.0.9", state = "permanent" })
    has(list, { event = "add", noun = "route", netns = netns.current().label, dst = "10.7.0.0/16" })
    has(list, { event = "del", noun = "route", netns = netns.current().label, dst = "10.7.0.0/16" })
    v0:del()
    list = all(watch)
    has(list, { event = "del", noun = "link", netns = two.name, name = "v1" })
    has(list, { event = "del", noun = "addr", netns = one.name, addr = "10.0.0.1/24", dev = "v0" })
    has(list, { event = "del", noun = "route", netns = one.name, dst = "10.9.0.0/16" })
  end)

  it("hears the namespaces of a lab, which are made while a batch is open", function()
    local watch <close> = nsh.watch { "link", "netns" }
    local net = lab(h.name "heard")
    net:link { net:host "a", net:host "b" }
    net:up()
    net:link { net:host "c", "a" }
    net:up()
    assert.equal(0, #net:plan())
    local list = all(watch)
    for _, node in ipairs(net.nodes) do
      has(list, { event = "add", noun = "netns", name = node.netns.name })
      has(list, { event = "add", noun = "link", netns = node.netns.name, name = "eth0" })
    end
    net:down()
  end)

  it("hears one namespace, which gets no number", function()
    local one, two = h.netns(), h.netns()
    local watch <close> = nsh.watch { "link", netns = one }
    two:add_link { "b0", kind = "bridge" }
    one:add_link { "b1", kind = "bridge" }
    local list = all(watch)
    assert.equal(1, #list)
    has(list, { event = "add", noun = "link", netns = one.name, name = "b1" })
    assert.is_nil(one.id)
    assert.is_nil(two.id)
  end)

  it("hears names that other programs give and take", function()
    local root, name = netns.current(), h.name "made"
    local watch <close> = nsh.watch { "netns", "link" }
    root:exec("ip netns add " .. name .. " && ip -n " .. name .. " link add b0 type bridge")
    local list = all(watch)
    has(list, { event = "add", noun = "netns", name = name })
    has(list, { event = "add", noun = "link", netns = name, name = "b0" })
    root:exec("ip -n " .. name .. " link set b0 up")
    has(all(watch), { event = "change", noun = "link", netns = name, name = "b0", up = true })
    root:exec("ip netns del " .. name)
    list = all(watch)
    has(list, { event = "del", noun = "link", netns = name, name = "b0" })
    has(list, { event = "del", noun = "netns", name = name })
    -- a name alone is heard without giving numbers
    local names <close> = nsh.watch { "netns" }
    local ns = h.netns()
    root:exec("ip netns add " .. name)
    root:exec("ip netns del " .. name)
    ns:del()
    local words = {}
    for i, event in ipairs(all(names)) do words[i] = tostring(event) end
    assert.equal(("[%s] add netns %s\n"):rep(1):format(ns.label, ns.label), words[1] and words[1] .. "\n")
    assert.truthy(#words >= 2)
    assert.equal(("[%s] del netns %s"):format(ns.label, ns.label), words[#words])
  end)

  it("knows a namespace from another of the same number", function()
    local watch <close> = nsh.watch { "link", "netns" }
    for round = 1, 5 do
      local ns = netns.add(h.name "brief")
      ns:add_link { "b" .. round, kind = "bridge" }
      local list = all(watch, 0.02)
      has(list, { event = "add", noun = "link", netns = ns.name, name = "b" .. round })
      local name = ns.name
      ns:del()
      list = all(watch, 0.02)
      has(list, { event = "del", noun = "link", netns = name, name = "b" .. round })
      has(list, { event = "del", noun = "netns", name = name })
      assert.is_nil(h.find(list, { event = "add" }))
    end
  end)

  it("begins with what is there when it is asked to", function()
    local ns = h.netns()
    ns:add_link({ "b0", kind = "bridge", up = true }):add_addr "10.0.0.1/24"
    local watch <close> = nsh.watch { "link", "addr", "netns", initial = true }
    local list = {}
    for event in watch:events() do list[#list + 1] = event end
    has(list, { event = "add", noun = "netns", name = ns.name })
    has(list, { event = "add", noun = "link", netns = ns.name, name = "b0" })
    has(list, { event = "add", noun = "addr", netns = ns.name, addr = "10.0.0.1/24" })
    has(list, { event = "add", noun = "link", netns = netns.current().label, name = "lo" })
    for _, event in ipairs(list) do assert.equal("add", event.event) end
    local quiet <close> = nsh.watch { "link", "addr", "netns" }
    assert.is_nil(quiet:next(0))
  end)

  it("tells records as the lists have them", function()
    local ns = h.netns()
    local watch <close> = nsh.watch { "link", "addr", "neigh", netns = ns }
    local br = ns:add_link { "b0", kind = "bridge", up = true, addrgenmode = "none" }
    br:add_addr { "10.0.0.1/24", scope = "link", label = "b0:x" }
    ns:add_neigh { "10.0.0.2", dev = "b0", mac = "02:00:00:00:00:02" }
    local last = {}
    for _, event in ipairs(all(watch)) do last[event.noun] = event end
    local lists = { link = ns:links { kind = "bridge" }, addr = ns:addrs { family = "inet" },
      neigh = ns:neighs { state = "permanent" } }
    for noun, list in pairs(lists) do
      assert.equal(1, #list, noun)
      local count = 0
      for key, value in pairs(list[1]) do
        local timer = type(value) == "number" and (key:find "timer" or key:find "^used" or key:find "ed$")
        if not timer then
          assert.same(value, last[noun][key], noun .. "." .. key)
          count = count + 1
        end
      end
      assert.truthy(count > 4)
    end
  end)

  it("has words of its own for what happened, whatever the kernel calls it", function()
    local ns = h.netns()
    local v0, br = ns:add_link { "v0", kind = "veth" }, ns:add_link { "br0", kind = "bridge", up = true }
    local watch <close> = nsh.watch { "link" }
    v0:set { master = br } -- of which br0 tells as a change of its features
    br:del()
    local words = {}
    for _, event in ipairs(all(watch)) do words[event.event] = true end
    assert.same({ change = true, del = true }, words)
  end)

  it("tells of a port's options", function()
    local ns = h.netns()
    ns:add_link { "b0", kind = "bridge" }
    local port = ns:add_link { "v0", kind = "veth", peer = "v1", master = "b0" }
    local every <close> = nsh.watch { "link" }
    local one <close> = nsh.watch { "link", netns = ns }
    port:set { port = { cost = 77 } }
    for _, watch in ipairs { every, one } do
      local list = all(watch)
      local event = list[#list]
      assert.equal("change", event.event)
      assert.equal("v0", event.name)
      assert.equal("b0", event.master)
      assert.equal(77, event.port.cost)
    end
  end)

  it("tells of rules, nexthops, forwarding databases and multicast groups", function()
    local ns = h.netns()
    local watch <close> = nsh.watch { "rule", "nexthop", "route", "fdb", "mdb" }
    ns:exec [[ip rule add from 10.0.0.0/8 table 77 priority 5; ip rule del from 10.0.0.0/8 table 77 priority 5
      ip link add b0 type bridge; ip link add v0 up type veth peer name v1; ip link set v1 up; ip link set v0 master b0
      ip link set b0 up; ip addr add 10.0.0.1/24 dev v1
      ip nexthop add id 7 via 10.0.0.2 dev v1; ip route add 10.8.0.0/16 nhid 7; ip nexthop del id 7
      bridge fdb add 02:00:00:00:00:09 dev v0 master static
      bridge fdb replace 02:00:00:00:00:09 dev v0 master static sticky
      bridge fdb del 02:00:00:00:00:09 dev v0 master
      bridge mdb add dev b0 port v0 grp 239.1.1.1 permanent; bridge mdb del dev b0 port v0 grp 239.1.1.1]]
    local list = all(watch)
    for _, event in ipairs { "add", "del" } do
      has(list, { event = event, noun = "rule", priority = 5, from = "10.0.0.0/8" })
      has(list, { event = event, noun = "nexthop", id = 7, dev = "v1" })
      has(list, { event = event, noun = "route", dst = "10.8.0.0/16", nhid = 7 }) -- the kernel tells of no end
      has(list, { event = event, noun = "fdb", mac = "02:00:00:00:00:09", dev = "v0", master = "b0" })
      has(list, { event = event, noun = "mdb", grp = "239.1.1.1", dev = "b0", port = "v0" })
    end
    has(list, { event = "change", noun = "fdb", mac = "02:00:00:00:00:09", sticky = true })
    for _, event in ipairs(list) do assert.is_nil(math.tointeger(event.dev), tostring(event)) end
  end)

  it("tells of queueing disciplines, those that the kernel sets by itself among them", function()
    local ns = h.netns()
    local watch <close> = nsh.watch { "qdisc" }
    ns:add_link { "v0", kind = "veth", up = true, peer = { "v1", up = true } }
    has(all(watch), { event = "add", noun = "qdisc", dev = "v0", kind = "noqueue", parent = "root" })
    ns:exec "tc qdisc add dev v0 root handle 1: tbf rate 1mbit burst 10k latency 10ms"
    local list = all(watch)
    has(list, { event = "del", noun = "qdisc", dev = "v0", kind = "noqueue" })
    has(list, { event = "add", noun = "qdisc", dev = "v0", kind = "tbf", handle = "1:", rate = 1000000 })
    ns:exec "tc qdisc change dev v0 root handle 1: tbf rate 2mbit burst 10k latency 10ms"
    has(all(watch), { event = "change", noun = "qdisc", dev = "v0", kind = "tbf", rate = 2000000 })
    ns:exec "tc qdisc del dev v0 root"
    list = all(watch)
    has(list, { event = "del", noun = "qdisc", dev = "v0", kind = "tbf" })
    has(list, { event = "add", noun = "qdisc", dev = "v0", kind = "noqueue" })
  end)

  it("tells of what a link passes on", function()
    local ns = h.netns()
    local watch <close> = nsh.watch { "netconf" }
    ns:add_link { "b0", kind = "bridge" }
    ns.sysctl["net.ipv4.conf.b0.forwarding"] = 1
    local list, index = all(watch), ns:link "b0".index
    has(list, { event = "add", noun = "netconf", index = index, family = "inet" })
    has(list, { event = "change", noun = "netconf", index = index, family = "inet", forwarding = true })
    ns:link "b0":del()
    has(all(watch), { event = "del", noun = "netconf", index = index, family = "inet" })
  end)

  it("tells of VLANs one by one", function()
    local ns = h.netns()
    ns:add_link { "b0", kind = "bridge" }
    ns:add_link { "v0", kind = "veth", peer = "v1", master = "b0" }
    h.supported("vlan_filtering", ns:link "b0".set, ns:link "b0", { vlan_filtering = true })
    local watch <close> = nsh.watch { "bridge_vlan" }
    ns:exec "bridge vlan add dev v0 vid 10-12"
    local list = all(watch)
    for vid = 10, 12 do has(list, { event = "add", noun = "bridge_vlan", dev = "v0", vid = vid }) end
    ns:exec "bridge vlan del dev v0 vid 11; bridge vlan add dev v0 vid 12 untagged"
    list = all(watch)
    has(list, { event = "del", noun = "bridge_vlan", dev = "v0", vid = 11 })
    has(list, { event = "change", noun = "bridge_vlan", dev = "v0", vid = 12, untagged = true })
    assert.equal(2, #list)
  end)

  it("tells of VNIs one by one", function()
    local ns = h.netns()
    local ok, link = pcall(ns.add_link, ns, { "x0", kind = "vxlan", external = true, vnifilter = true,
      dstport = 4789 })
    if not ok then h.pending "this kernel's vxlan has no vnifilter" end
    local watch <close> = nsh.watch { "vni" }
    link:add_vni "10-12"
    local list = all(watch)
    for vni = 10, 12 do has(list, { event = "add", noun = "vni", dev = "x0", vni = vni }) end
    link:del_vni "10-11"
    list = all(watch)
    has(list, { event = "del", noun = "vni", dev = "x0", vni = 11 })
    assert.equal(2, #list)
  end)

  it("calls a link by the name that it has now", function()
    local ns = h.netns()
    local link = ns:add_link { "b0", kind = "bridge" }
    link:add_addr "10.0.0.1/24"
    local watch <close> = nsh.watch { "link", "addr" }
    link:set { name = "b1" }
    link:add_addr "10.0.0.2/24"
    link:del()
    local list = all(watch)
    has(list, { event = "change", noun = "link", name = "b1" })
    has(list, { event = "add", noun = "addr", addr = "10.0.0.2/24", dev = "b1" })
    has(list, { event = "del", noun = "addr", addr = "10.0.0.1/24", dev = "b1" })
    has(list, { event = "del", noun = "link", name = "b1" })
  end)

  it("tells of routes that go without a word of the kernel", function()
    local ns = h.netns()
    local link = ns:add_link { "b0", kind = "bridge", up = true }
    link:add_addr "10.0.0.1/24"
    ns:add_route { "10.9.0.0/16", via = "10.0.0.2" }
    ns:add_route { "10.8.0.0/16", via = "10.0.0.2" }
    ns:add_route { "10.8.0.0/16", via = "10.0.0.3", append = true }
    local watch <close> = nsh.watch { "route" }
    ns:replace_route { "10.9.0.0/16", via = "10.0.0.7" }
    local event = assert(watch:next(1))
    assert.same({ "change", "10.9.0.0/16", "10.0.0.7" }, { event.event, event.dst, event.via })
    link:set { up = false }
    local list = all(watch)
    has(list, { event = "del", noun = "route", netns = ns.name, dst = "10.9.0.0/16", via = "10.0.0.7" })
    has(list, { event = "del", noun = "route", netns = ns.name, dst = "10.8.0.0/16", via = "10.0.0.2" })
    has(list, { event = "del", noun = "route", netns = ns.name, dst = "10.8.0.0/16", via = "10.0.0.3" })
  end)

  it("prints an event as a line", function()
    local ns = h.netns()
    local watch <close> = nsh.watch { "link", "addr", netns = ns }
    ns:add_link({ "b0", kind = "bridge", mac = "02:00:00:00:00:01" }):add_addr "10.0.0.1/24"
    local first, second = watch:next(1), watch:next(1)
    assert.equal(("[%s] add link b0 kind bridge state down mtu 1500 mac 02:00:00:00:00:01"):format(ns.name),
      tostring(first))
    assert.equal(("[%s] add addr 10.0.0.1/24 dev b0"):format(ns.name), tostring(second))
  end)
end)

describe("a handler", function()
  it("runs while nsh waits", function()
    local ns, list = h.netns(), {}
    local watch <close> = nsh.watch { "link", netns = ns, handler = function(event) list[#list + 1] = event end }
    ns:add_link { "b0", kind = "bridge" }
    assert.same({}, list)
    nsh.sleep(0.01)
    has(list, { event = "add", noun = "link", name = "b0" })
    ns:add_link { "b1", kind = "bridge" }
    pcall(ns.wait, ns, function() return false end, 0.01)
    has(list, { event = "add", noun = "link", name = "b1" })
    ns:add_link { "b2", kind = "bridge" }
    assert.truthy(watch:run(0.01) >= 1)
    has(list, { event = "add", noun = "link", name = "b2" })
  end)

  it("may change what it watches, wait, and close its watch", function()
    local ns, names = h.netns(), {}
    local watch
    watch = nsh.watch { "link", netns = ns, handler = function(event)
      if event.event ~= "add" then return end
      names[#names + 1] = event.name
      if event.name == "b0" then
        ns:add_link { "b1", kind = "bridge" }
        nsh.sleep(0.01) -- not called within itself
        assert.equal(1, #names)
      else
        watch:close()
      end
    end }
    ns:add_link { "b0", kind = "bridge" }
    h.eventually(function() return #names == 2 end) -- which sleeps
    assert.same({ "b0", "b1" }, names)
    ns:add_link { "b2", kind = "bridge" }
    nsh.sleep(0.01)
    assert.same({ "b0", "b1" }, names)
  end)

  it("is told the beginning at the first wait, and of namespaces that another handler makes", function()
    local ns, names = h.netns(), {}
    local first <close> = nsh.watch { "link", netns = ns, handler = function(event)
      if event.name == "b0" then h.netns() end
    end }
    local second <close> = nsh.watch { "netns", "link", initial = true, handler = function(event)
      if event.noun == "netns" then names[#names + 1] = event.name end
    end }
    nsh.sleep(0)
    local before = #names
    assert.truthy(before >= 1)
    ns:add_link { "b0", kind = "bridge" }
    h.eventually(function() return #names > before end)
    assert.equal(before + 1, #names)
    assert.truthy(first and second)
  end)

  it("raises out of the wait", function()
    local ns = h.netns()
    local watch <close> = nsh.watch { "link", netns = ns, handler = function() error("no!", 0) end }
    ns:add_link { "b0", kind = "bridge" }
    assert.equal("no!", h.raised(nsh.sleep, 1))
    ns:add_link { "b1", kind = "bridge" }
    assert.equal("no!", h.raised(watch.run, watch, 1))
  end)
end)

describe("the end of a watch", function()
  it("comes with its block, with close and with the collector", function()
    local before = h.descriptors()
    do
      local watch <close> = nsh.watch { "link" }
      assert.truthy(h.descriptors() > before)
      assert.truthy(watch)
    end
    local watch = nsh.watch { "link" }
    watch:close()
    watch:close()
    h.misuse("closed", watch.next, watch)
    h.misuse("closed", watch.events, watch)
    assert.equal("watch of link (closed)", tostring(watch))
    watch = nsh.watch { "link", "netns" } -- luacheck: ignore 311
    watch = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.equal(before, (h.descriptors()))
  end)

  it("comes when its only namespace is deleted", function()
    local ns = netns.add(h.name "gone")
    local watch <close> = nsh.watch { "link", "netns", netns = ns }
    ns:add_link { "b0", kind = "bridge" }
    local name, words = ns.name, {}
    ns:del()
    for event in watch:events { follow = true } do words[#words + 1] = event.event .. " " .. event.name end
    assert.same({ "add b0", "del " .. name }, { words[1], words[#words] })
    assert.is_nil(watch:next())
  end)

  it("comes with Ctrl-C", function()
    h.interrupted 'nsh.watch { "link" }:next()'
  end)
end)

describe("a watch is refused", function()
  it("when it is none", function()
    h.misuse("table", nsh.watch, "link")
    h.misuse("say what", nsh.watch, {})
    h.misuse("did you mean 'link'", nsh.watch, { "links" })
    h.misuse("what can be watched: netns, link", nsh.watch, { "something" })
    h.misuse("string", nsh.watch, { 7 })
    h.misuse("did you mean 'handler'", nsh.watch, { "link", handlr = print })
    h.misuse("function", nsh.watch, { "link", handler = "x" })
    h.misuse("true or false", nsh.watch, { "link", initial = 1 })
    h.misuse("bytes", nsh.watch, { "link", buffer = "much" })
    h.misuse("buffer", nsh.watch, { "link", buffer = 1 })
    h.refused("ENOENT", nsh.watch, { "link", netns = "nobody" })
    local watch <close> = nsh.watch { "link" }
    h.misuse("seconds", watch.next, watch, "soon")
    h.misuse("seconds", watch.events, watch, { timeout = -1 })
    h.misuse("unknown key", watch.events, watch, { timeuot = 1 })
    h.misuse("no handler", watch.run, watch)
    h.misuse("no field", function() return watch.nxt end)
  end)
end)
