-- ovs_spec.lua - Open vSwitch as a recipe: its own daemons, bridges, ports, VLANs, flows, trees; nothing stays
local daemon = require "stdlib.daemon"
local h = require "tests.helper"
local ovs = require "stdlib.ovs"

local root = netns.current()
local able, why_not = ovs.available()

-- A test that needs the switch; it is skipped where there can be none.
local function with(name, fn)
  it(name, function()
    if not able then h.pending(why_not) end
    local switch <close> = ovs.start()
    fn(switch)
  end)
end

-- A namespace whose veth is a port of the bridge; returns it and the name of the port.
local function host(sw, address, spec)
  local ns, name = h.netns(), h.name "p"
  local port, eth0 = root:add_link { name, kind = "veth", up = true, peer = { "eth0", netns = ns, up = true } }
  eth0:add_addr(address)
  spec = spec or {}
  spec[1] = port
  assert.equal(port, sw:add_port(spec))
  return ns, name
end

local function reaches(ns, address) return ns:reaches(address, { timeout = 10 }) end

-- A change reaches what is under way a moment later.
local function cut_off(ns, address)
  return h.eventually(function() return not ns:reaches(address, { timeout = 0.3 }) end)
end

local function names(records)
  local list = {}
  for i, record in ipairs(records) do list[i] = record.name end
  table.sort(list)
  return list
end

local NSH = os.getenv "NSH" or "./nsh"

-- How many programs of Open vSwitch run in the world, those of worlds inside of it among them.
local function daemons()
  local n = 0
  for line in root:exec("ps -eo args").out:gmatch "[^\n]+" do
    if line:find "^ovs%-vswitchd" or line:find "^ovsdb%-server" then n = n + 1 end
  end
  return n
end

describe("Open vSwitch", function()
  it("is there, or the reason names a remedy", function()
    if able then
      assert.is_nil(why_not)
    else
      assert.is_truthy(why_not:find "openvswitch%-switch" or why_not:find "chmod 666 /dev/net/tun")
    end
    local said = root:exec { "env", "PATH=/nowhere", NSH, "-e",
      "nsh.program = function() end; print(require 'stdlib.ovs'.available())" }
    assert.is_truthy(said.out:find "^false\tovs%-vsctl is missing: apt%-get install openvswitch%-switch brings it")
  end)

  with("joins namespaces by veth pairs and by internal ports", function(switch)
    local sw = switch:add_bridge "br0"
    local a = host(sw, "10.0.0.1/24")
    host(sw, "10.0.0.2/24")
    assert.is_true(reaches(a, "10.0.0.2"))
    local c = h.netns()
    local tap = sw:add_port { "tap0", type = "internal", netns = c, mac = "02:00:00:00:00:03" }
    assert.equal(c, tap.netns)
    assert.equal("02:00:00:00:00:03", tap.mac)
    tap:add_addr "10.0.0.3/24"
    tap:set { up = true }
    assert.is_true(reaches(a, "10.0.0.3"))
    local own = sw:link()
    own:add_addr "10.0.0.4/24"
    own:set { up = true }
    assert.is_true(reaches(c, "10.0.0.4"))
    -- the switch goes on with a link that it can't see any more
    sw:add_port { "tap1", type = "internal" }
    sw:set_port { "tap0", tag = 5 }
    assert.is_true(cut_off(a, "10.0.0.3"))
    sw:set_port { "tap0", tag = false }
    assert.is_true(reaches(a, "10.0.0.3"))

    local ports = sw:ports()
    assert.same({ "br0", "tap0", "tap1" }, names { h.find(ports, { name = "br0" }), h.find(ports, { name = "tap0",
      type = "internal", netns = c.name }), h.find(ports, { name = "tap1", type = "internal" }) })
    local said = {}
    for name in switch:vsctl({ "list-ports", "br0" }):gmatch "%S+" do said[#said + 1] = name end
    said[#said + 1] = "br0"
    table.sort(said)
    assert.same(said, names(ports))
    assert.is_truthy(tostring(ports):find "^name")
    local learned = h.eventually(function() return h.find(sw:fdb(), { mac = "02:00:00:00:00:03", port = "tap0" }) end)
    assert.is_table(learned)
    assert.is_true(h.eventually(function() -- a packet may come in between
      sw:flush_fdb()
      return #sw:fdb() == 0
    end))
    assert.is_true(h.find(sw:stats(), { name = "tap0" }).rx_packets > 0)
  end)

  with("carries TCP, whose checksums the kernel had left open", function(switch)
    local sw = switch:add_bridge "br0"
    local a, b = host(sw, "10.0.0.1/24"), host(sw, "10.0.0.2/24")
    local _ <close> = daemon.start { "httpd", netns = b, ready = { tcp = 80 }, files = { ["index.html"] = "page\n" },
      command = { "busybox", "httpd", "-f", "-p", "80", "-h", "$DIR" } }
    assert.equal("page\n", a:exec({ "busybox", "wget", "-qO-", "http://10.0.0.2/" }, { timeout = 5 }).out)
  end)

  with("keeps VLANs apart, and carries them on a trunk", function(switch)
    local one = switch:add_bridge "br0"
    local two = switch:add_bridge "br1"
    local a = host(one, "10.0.0.1/24", { tag = 10 })
    local b, port = host(two, "10.0.0.2/24", { tag = 10 })
    local left, right = ovs.patch(one, two, { trunks = { 10, 30 } })
    assert.same({ "br0-br1", "br1-br0" }, { left, right })
    -- a third port that is no access port sees the tags
    local tap = two:add_port { "mirror0", type = "internal", trunks = { 10 } }
    tap:set { up = true }
    local capture <close> = root:capture { "mirror0" }
    assert.is_true(reaches(a, "10.0.0.2"))
    local seen
    for packet in capture:packets { timeout = 0.2 } do seen = seen or packet.arp and packet.vlan end
    assert.equal(10, seen.id)
    two:set_port { port, tag = 20 }
    assert.is_true(cut_off(a, "10.0.0.2"))
    two:set_port { port, tag = 10 }
    assert.is_true(reaches(a, "10.0.0.2"))
    one:set_port { left, trunks = { 30 } }
    assert.is_true(cut_off(a, "10.0.0.2"))
    one:set_port { left, trunks = false }
    assert.is_true(reaches(b, "10.0.0.1"))
    local record = h.find(two:ports(), { name = right })
    assert.same({ "patch", left, { 10, 30 } }, { record.type, record.peer, record.trunks })
    assert.equal(10, h.find(two:ports(), { name = port }).tag)
    -- what was read can be added again
    two:del_port(right)
    assert.is_true(cut_off(a, "10.0.0.2"))
    two:add_port(record)
    assert.is_true(reaches(a, "10.0.0.2"))
  end)

  with("does what its flows say", function(switch)
    local sw = switch:add_bridge "br0"
    local a, port = host(sw, "10.0.0.1/24")
    host(sw, "10.0.0.2/24")
    assert.is_true(reaches(a, "10.0.0.2"))
    sw:add_flow "priority=10,icmp,nw_dst=10.0.0.2,actions=drop"
    assert.is_true(cut_off(a, "10.0.0.2"))
    local flow = sw:flows "icmp"[1]
    assert.same({ 10, 0, "icmp,nw_dst=10.0.0.2", "drop" }, { flow.priority, flow.table, flow.match, flow.actions })
    assert.is_truthy(h.eventually(function() return sw:flows "icmp"[1].packets > 0 end))
    sw:del_flows(flow)
    assert.is_true(reaches(a, "10.0.0.2"))
    sw:add_flow(flow)
    assert.is_true(cut_off(a, "10.0.0.2"))
    -- all or none
    h.refused("EXIT", sw.replace_flows, sw, { "actions=normal", "nonsense" })
    assert.equal(2, #sw:flows())
    sw:replace_flows { { priority = 0, actions = "normal" },
      { match = "in_port=" .. port, actions = "normal", cookie = 7 } }
    assert.is_true(reaches(a, "10.0.0.2"))
    assert.equal(7, h.find(sw:flows(), { priority = 32768 }).cookie)
    sw:del_flows()
    assert.same({}, sw:flows())
    local err = h.refused("EXIT", function() sw:add_flow "garbage=1,actions=drop" end)
    assert.is_truthy(err.message:find "unknown keyword garbage")
    assert.is_truthy(err.where:find "ovs_spec.lua")
  end)

  with("cuts a loop by RSTP", function(switch)
    local one = switch:add_bridge { "br0", rstp = true, priority = 4096 }
    local two = switch:add_bridge { "br1", rstp = true }
    for i = 0, 1 do
      local x, y = root:add_link { "x" .. i, kind = "veth", up = true, peer = { "y" .. i, up = true } }
      one:add_port(x)
      two:add_port(y)
    end
    local a = host(one, "10.0.0.1/24")
    host(two, "10.0.0.2/24")
    local state = h.eventually(function()
      local now = two:rstp()
      return h.find(now.ports, { state = "discarding", role = "alternate" }) and
        h.find(now.ports, { state = "forwarding", role = "root" }) and now
    end, 5)
    assert.is_table(state)
    assert.is_nil(state.root)
    assert.equal(4096, state.root_id.priority)
    assert.is_true(one:rstp().root)
    assert.is_nil(one:stp())
    assert.is_true(a:reaches("10.0.0.2", { timeout = 10 })) -- three seconds: no switch is behind these ports
    for i = 0, 1 do root:link("x" .. i):del() end
  end)

  with("cuts a loop by STP, of patch ports too", function(switch)
    local one = switch:add_bridge { "br0", stp = true, hello_time = 1, max_age = 6, forward_delay = 4 }
    local two = switch:add_bridge { "br1", stp = true, hello_time = 1, max_age = 6, forward_delay = 4,
      priority = 61440 }
    ovs.patch(one, two)
    ovs.patch(one, two, { names = { "l1", "r1" } })
    assert.is_table(h.eventually(function() return h.find(two:stp().ports, { state = "blocking" }) end, 6))
    local state = one:stp()
    assert.same({ true, 4, 2 }, { state.root, state.root_id.forward_delay, #state.ports })
    -- RSTP can't do that, and would end the switch
    one:set { stp = false, rstp = true }
    h.misuse("can't both run rstp", two.set, two, { stp = false, rstp = true })
    assert.is_table(two:stp())
  end)

  with("asks a controller, and tells whether it is there", function(switch)
    local ns = switch.netns
    ns:link("lo"):set { up = true }
    local _ <close> = daemon.start { "nc", ready = { tcp = 6653 },
      command = { "sh", "-c", [[(printf '\001\000\000\010\000\000\000\001'; sleep 20) | busybox nc -l -p 6653]] } }
    local sw = switch:add_bridge { "br0", controller = "tcp:127.0.0.1:6653", fail_mode = "secure",
      protocols = { "OpenFlow10", "OpenFlow14" } }
    switch:vsctl { "wait-until", "controller", "br0", "is_connected=true" }
    local record = sw:controllers()[1]
    assert.same({ "tcp:127.0.0.1:6653", true }, { record.target, record.connected })
    assert.same({}, sw:flows()) -- it doesn't forward before it is told to
    assert.same({ "tcp:127.0.0.1:6653" }, sw:get().controller)
    sw:set { controller = false, fail_mode = false }
    assert.same({}, sw:controllers())
    assert.is_nil(sw:get().fail_mode)
    ns:link("lo"):set { up = false }
  end)

  with("lists and deletes, and adds again what was read", function(switch)
    local sw = switch:add_bridge { "br0", dpid = "00000000000000aa", ageing_time = 20, mcast_snooping = true,
      other_config = { ["mac-table-size"] = 100 } }
    switch:add_bridge "br1"
    assert.same({ "br0", "br1" }, names(switch:bridges()))
    local record = sw:get()
    assert.same({ "00000000000000aa", switch.datapath, true }, { record.dpid, record.datapath, record.mcast_snooping })
    assert.equal('"100"\n', switch:vsctl { "get", "bridge", "br0", "other_config:mac-table-size" })
    assert.equal(sw, switch:bridge "br0")
    local tap = sw:add_port { "tap0", type = "internal", netns = h.netns() }
    local ns = tap.netns
    sw:del_port "tap0"
    assert.is_nil(ns:find_link "tap0")
    switch:del_bridge(sw)
    assert.is_nil(root:find_link "br0")
    assert.is_truthy(h.refused("ENODEV", switch.bridge, switch, "br0").message:find "there are: br1")
    sw = switch:add_bridge(record)
    record.ports, record.datapath = nil, nil
    assert.is_truthy(h.find({ sw:get() }, { dpid = record.dpid, mcast_snooping = true }))
  end)

  with("makes several changes in one transaction, or none", function(switch)
    local function count() return tonumber((switch:vsctl { "get", "open_vswitch", ".", "next_cfg" })) end
    count() -- the first one makes the root of the database
    local before = count()
    switch:transaction(function()
      for i = 1, 3 do
        local sw = switch:add_bridge("br" .. i)
        assert.is_nil(sw:add_port { "tap" .. i, type = "internal", tag = i })
      end
    end)
    assert.equal(before + 1, count())
    assert.equal(3, #switch:bridges())
    assert.equal(2, switch:bridge "br2":ports()[1].tag)
    h.refused("EEXIST", switch.transaction, switch, function()
      switch:del_bridge "br1"
      switch:add_bridge "br2"
    end)
    h.refused("ENODEV", switch.transaction, switch, function()
      switch:add_bridge "br4"
      switch:bridge "br1":add_port { "nothing" }
    end)
    assert.is_truthy(h.raised(switch.transaction, switch, function()
      switch:add_bridge "br4"
      error "no"
    end):find "no$")
    h.refused("ENODEV", switch.transaction, switch, { { "add-br", "br4" }, { "del-port", "br4", "nothing" } })
    assert.same({ "br1", "br2", "br3" }, names(switch:bridges()))
    switch:transaction { { "del-br", "br1" }, { "del-br", "br2" } }
    assert.same({ "br3" }, names(switch:bridges()))
  end)

  with("says what is wrong, and changes nothing", function(switch)
    local sw = switch:add_bridge "br0"
    h.misuse("takes a VLAN, 0 to 4095", sw.add_port, sw, { "tap0", type = "internal", tag = 5000 })
    h.misuse("takes a list of VLANs", sw.add_port, sw, { "tap0", type = "internal", trunks = 5 })
    h.misuse("dot1q-tunnel", sw.add_port, sw, { "tap0", type = "internal", vlan_mode = "both" })
    h.misuse("did you mean 'trunks'", sw.add_port, sw, { "tap0", type = "internal", trunk = { 1 } })
    h.misuse("1 to 15 bytes", sw.add_port, sw, { "tap that is long", type = "internal" })
    h.misuse("needs peer", sw.add_port, sw, { "p0", type = "patch" })
    h.misuse("of type internal", sw.add_port, sw, { "p0", netns = h.netns() })
    h.misuse("1 to 15 bytes", switch.add_bridge, switch, "-br")
    h.misuse("not both", switch.add_bridge, switch, { "br1", stp = true, rstp = true })
    h.misuse("seconds, 4 to 30", sw.set, sw, { forward_delay = 2 })
    h.misuse("two bridges of one switch", ovs.patch, sw, sw)
    h.misuse("there is one already", ovs.start)
    h.misuse('"system" or "netdev"', ovs.start, { datapath = "kernel" })
    local ns = h.netns()
    local veth = ns:add_link { "v0", kind = "veth", peer = "v1" }
    h.misuse("the switch is in root", sw.add_port, sw, veth)
    h.refused("EEXIST", sw.add_port, sw, { "v0", type = "internal", netns = ns })
    h.refused("EEXIST", switch.add_bridge, switch, "lo")
    h.refused("EEXIST", switch.add_bridge, switch, "br0")
    h.refused("ENODEV", sw.add_port, sw, "nothing")
    h.refused("ENODEV", sw.del_port, sw, "nothing")
    h.refused("ENODEV", sw.set_port, sw, { "nothing", tag = 1 })
    h.refused("EXIT", sw.add_port, sw, { "p0", type = "no such type" })
    assert.same({ "br0" }, names(sw:ports()))
  end)

  it("runs in any namespace, beside another", function()
    if not able then h.pending(why_not) end
    local a, b = h.netns(), h.netns()
    local one <close> = ovs.start { netns = a }
    local two <close> = ovs.start { netns = b.name }
    one:add_bridge "br0"
    local br1 = one:add_bridge "br1"
    two:add_bridge "br0"
    br1:del()
    assert.same({ "br0" }, names(one:bridges()))
    assert.is_nil(a:find_link "br1")
    h.refused("ENODEV", br1.del, br1)
    assert.matches("%), running$", tostring(one))
    assert.is_truthy(a:find_link "br0" and b:find_link "br0")
    assert.is_nil(root:find_link "br0")
    one:stop()
    assert.is_nil(a:find_link "br0")
    assert.matches("%), ended$", tostring(one))
    assert.equal(1, #two:bridges())
    h.refused("ENOENT", one.bridges, one)
  end)

  it("tells how a daemon died, and takes away what that left", function()
    if not able then h.pending(why_not) end
    local switch <close> = ovs.start()
    local sw = switch:add_bridge "br0"
    sw:add_port { "tap0", type = "internal", netns = h.netns() }
    local tasks = { nsh.go(function() switch:vsctl { "wait-until", "bridge", "never" } end), nsh.go(function()
      nsh.sleep(0.05)
      switch.vswitchd.process:kill "KILL"
    end) }
    local err = h.refused("SIGNAL", tasks[1].wait, tasks[1])
    assert.is_truthy(err.message:find "SIGKILL" and err.message:find "added interface tap0")
    h.refused("SIGNAL", sw.ports, sw)
  end)

  it("tells what a daemon said that doesn't start", function()
    if not able then h.pending(why_not) end
    local dir = os.tmpname()
    os.remove(dir)
    root:exec({ "sh", "-c", 'mkdir "$0"; cat > "$0/ovs-vswitchd"; chmod 755 "$0/ovs-vswitchd"', dir },
      { input = "#!/bin/sh\necho no switch today >&2\nexit 3\n" })
    local said = root:exec { "env", "PATH=" .. dir .. ":" .. os.getenv "PATH", NSH, "-e", [[
      local ok, err = pcall(require "stdlib.ovs".start)
      print(ok, err.code, err.status, err.message)
      print(#netns.current():links(), #netns.current():exec("ls /run/nsh").out)
    ]] }
    root:exec { "rm", "-r", dir }
    assert.is_truthy(said.out:find "^false\tEXIT\t3\texit status 3.*\n +no switch today\n1\t0\n$", said.out)
  end)

  it("leaves nothing, however often it runs, and beside another world", function()
    if not able then h.pending(why_not) end
    local process <close> = root:spawn { NSH, "-e", [[
      local sw = require "stdlib.ovs".start():add_bridge "br0"
      sw:add_port { "tap0", type = "internal", netns = netns.add "a" }
      nsh.sleep(60)
    ]] }
    assert.is_true(h.eventually(function() return daemons() == 2 end, 10))
    for _ = 1, os.getenv "NSH_SOAK" and 20 or 3 do
      local switch <close> = ovs.start()
      switch:add_bridge "br0":add_port { "tap0", type = "internal" }
      assert.equal(1, #switch:bridges())
    end
    assert.same({ "lo" }, names(root:links()))
    assert.equal(2, daemons(), tostring(process.err))
    process:kill "KILL"
    assert.is_true(h.eventually(function() return daemons() == 0 end))
  end)
end)
