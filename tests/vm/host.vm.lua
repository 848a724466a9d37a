-- host.vm.lua - `nsh --host`: the machine's own network and /run/netns, as ip(8) has them
local machine = require "tests.vm.machine"

local function refused(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return tostring(err)
end

describe("--host", function()
  local host = netns.current()

  it("is the machine's own network", function()
    assert.equal("host", host.label)
    assert.equal(machine.run("readlink /proc/1/ns/net").out, host:exec("readlink /proc/self/ns/net").out)
    assert.is_true(machine.nsh("print(#netns.current():links())").out:find "^%d+\n$" == 1)
  end)

  it("makes namespaces as ip netns does, and shares them with it", function()
    machine.run "umount -l /run/netns/*; umount -l /run/netns; rm -rf /run/netns"
    local ours = netns.add "ours"
    local mounts = machine.read("/proc/self/mountinfo")
    assert.truthy(mounts:find " /run/netns [^\n]* shared:")
    assert.truthy(mounts:find " /run/netns/ours [^\n]* nsfs ")
    assert.truthy(machine.run("ip netns list").out:find "ours")
    assert.equal(0, machine.run("ip -n ours link set lo up").status)
    assert.is_true(ours:link("lo").up)

    assert.equal(0, machine.run("ip netns add theirs").status)
    local theirs = netns.get "theirs"
    assert.equal("theirs", theirs.name)
    theirs:add_link { "eth0", kind = "veth", peer = { name = "eth1", netns = ours } }
    assert.equal(0, machine.run("ip -n ours link show eth1").status)
    assert.equal(0, machine.run("ip netns del ours").status)
    assert.is_nil(netns.find "ours")
    theirs:del()
    assert.equal("", machine.run("ip netns list").out)
  end)

  it("leaves namespaces in place when it ends, and private worlds see none of them", function()
    local made = machine.run { machine.program, "--host", "-e", 'netns.add "stays"' }
    assert.equal(0, made.status, made.err)
    assert.truthy(machine.run("ip netns list").out:find "stays")
    assert.equal("0\n", machine.nsh('netns.current() print(#netns.list())').out)
    netns.del "stays"
  end)

  it("is for root", function()
    local result = machine.run(machine.as("user", { machine.program, "--host", "-e", 'netns.add "no"' }))
    assert.equal(4, result.status)
    assert.truthy(result.err:find "netns add no" and result.err:find "root")
    local doctor = machine.run(machine.as("user", { machine.program, "--host", "--doctor" }))
    assert.equal(4, doctor.status)
    assert.matches("world +host .*root", doctor.out)
  end)

  describe("keeps the link of the default route", function()
    local link, elsewhere

    before_each(function()
      link = host:add_link { "up0", kind = "veth", peer = "up1", up = true }
      link:add_addr "10.9.0.2/24"
      host:link("up1"):set { up = true }
      host:add_route { "default", via = "10.9.0.1", dev = "up0" }
      host:add_link { "br9", kind = "bridge" }
      elsewhere = netns.add "elsewhere"
    end)
    after_each(function()
      netns.del "elsewhere"
      machine.run "ip link del up0; ip link del br9"
    end)

    it("from being taken down, moved, enslaved, stripped and deleted", function()
      for what, fn in pairs {
        ["take down"] = function() link:set { up = false } end,
        move = function() link:set { netns = elsewhere } end,
        enslave = function() link:set { master = "br9" } end,
        strip = function() link:flush_addrs() end,
        delete = function() link:del() end,
      } do
        local text = refused(fn)
        assert.truthy(text:find "host.vm.lua:%d+: refusing" and text:find(what, 1, true), text)
        assert.truthy(text:find "force = true")
      end
      assert.truthy(refused(function() link:del_addr "10.9.0.2/24" end):find "strip up0")
      assert.is_true(link.up)
      assert.equal("up0", host:routes({ dst = "default" })[1].dev)
    end)

    it("but not from other changes, nor other links from any", function()
      link:set { mtu = 1400 }
      host:link("br9"):set { up = true }
      host:link("br9"):set { up = false }
      host:link("br9"):del()
      assert.equal(1400, link.mtu)
    end)

    it("unless force = true is said", function()
      link:del_addr { "10.9.0.2/24", force = true }
      link:set { up = false, force = true }
      assert.is_false(link.up)
      link:add_addr "10.9.0.2/24"
      link:set { up = true }
      host:add_route { "default", via = "10.9.0.1", dev = "up0" }
      link:set { netns = elsewhere, force = true }
      assert.equal("up0", elsewhere:link("up0").name)
      elsewhere:link("up0"):set { netns = host }
    end)
  end)
end)
