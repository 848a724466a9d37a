-- sysctl_spec.lua - ns.sysctl: keys, values, errors, and the defaults that new namespaces start from

local raised = require("tests.helper").raised

describe("ns.sysctl", function()
  local ns, other

  local function get(key) return ns.sysctl[key] end
  local function set(key, value) ns.sysctl[key] = value end

  setup(function()
    ns, other = netns.add "sysctl-a", netns.add "sysctl-b"
    ns:add_link { "eth0.7", kind = "veth", peer = "peer" }
  end)
  teardown(function()
    ns:del()
    other:del()
  end)

  it("reads what the namespace has", function()
    for _, key in ipairs { "net.ipv4.ip_forward", "net.ipv4.tcp_rmem", "net.ipv4.ip_local_port_range",
      "net.ipv6.conf.all.router_solicitations", "net.ipv4.conf.lo.disable_policy" } do
      local text = ns:exec("cat /proc/sys/" .. key:gsub("%.", "/")).out:gsub("\n$", "")
      assert.equal(text, tostring(ns.sysctl[key]))
    end
    assert.equal("integer", math.type(ns.sysctl["net.ipv4.ip_default_ttl"]))
    assert.equal(-1, ns.sysctl["net.ipv6.conf.all.router_solicitations"])
    assert.equal("32768\t60999", ns.sysctl["net.ipv4.ip_local_port_range"])
  end)

  it("writes integers, booleans and strings, here and nowhere else", function()
    ns.sysctl["net.ipv4.ip_forward"] = 1
    assert.equal(1, ns.sysctl["net.ipv4.ip_forward"])
    assert.equal("1\n", ns:exec("cat /proc/sys/net/ipv4/ip_forward").out)
    assert.equal(0, other.sysctl["net.ipv4.ip_forward"])
    ns.sysctl["net.ipv4.ip_forward"] = false
    assert.equal(0, ns.sysctl["net.ipv4.ip_forward"])
    ns.sysctl["net.ipv4.ip_local_port_range"] = "2000 3000"
    assert.equal("2000\t3000", ns.sysctl["net.ipv4.ip_local_port_range"])
    ns.sysctl["net.ipv4.ip_default_ttl"] = 77.0
    assert.equal(77, ns.sysctl["net.ipv4.ip_default_ttl"])
    ns.sysctl["net.ipv4.ip_local_reserved_ports"] = "8080,9000-9010"
    assert.equal("8080,9000-9010", ns.sysctl["net.ipv4.ip_local_reserved_ports"])
    ns.sysctl["net.ipv4.ip_local_reserved_ports"] = ""
    assert.equal("", ns.sysctl["net.ipv4.ip_local_reserved_ports"])
  end)

  it("takes keys as sysctl(8) does, dots in names included", function()
    ns.sysctl["net.ipv4.conf.eth0/7.rp_filter"] = 2
    assert.equal(2, ns.sysctl["net/ipv4/conf/eth0.7/rp_filter"])
    assert.equal(2, ns.sysctl["net.ipv4.conf.eth0/7.rp_filter"])
    assert.equal(0, ns.sysctl["net.ipv4.conf.peer.rp_filter"])
  end)

  it("names what is missing and what stands near", function()
    for key, near in pairs {
      ["net.ipv4.ip_forwad"] = "ip_forward", ["net.ipv4.conf.per.rp_filter"] = "peer",
      ["net/ipv4/conf/eth0.8/rp_filter"] = "eth0/7", ["net.ipv5.ip_forward"] = "ipv4",
    } do
      local err = raised(get, key)
      assert.equal("ENOENT", err.code)
      assert.equal(key, err.target)
      assert.equal("sysctl get", err.op)
      assert.truthy(err.hint:find(near, 1, true))
      assert.equal("sysctl set", raised(set, key, 1).op)
    end
  end)

  it("refuses what is not below net, and what could lead elsewhere", function()
    for _, key in ipairs { "kernel.hostname", "", "net/../kernel/hostname", "net.ipv4..ip_forward", "/net/ipv4/x",
      "net.ipv4.ip_forward.", "net/./ipv4/ip_forward", "network.x", "/proc/sys/net/ipv4/ip_forward",
      "net." .. ("x"):rep(300) } do
      local err = raised(get, key)
      assert.truthy(err.code == "EINVAL" or err.code == "ENAMETOOLONG")
    end
    assert.truthy(raised(get, "kernel.hostname").hint:find "net")
    for _, key in ipairs { "net", "net.ipv4", "net.ipv4.conf.all" } do
      assert.equal("EISDIR", raised(get, key).code)
      assert.equal("EISDIR", raised(set, key, 1).code)
    end
  end)

  it("tells read-only and write-only keys and refused values", function()
    assert.equal("EACCES", raised(set, "net.ipv4.conf.all.mc_forwarding", 1).code)
    assert.equal("EACCES", raised(get, "net.ipv4.route.flush").code)
    ns.sysctl["net.ipv4.route.flush"] = 1
    assert.equal("EINVAL", raised(set, "net.ipv4.ip_forward", "yes").code)
    assert.equal("EINVAL", raised(set, "net.ipv4.ip_default_ttl", 256).code)
    assert.equal("EINVAL", raised(set, "net.ipv4.ip_forward", "1\n2").code)
  end)

  it("refuses misuse at the script's line", function()
    for _, value in ipairs { 1.5, {}, print } do
      local err = raised(set, "net.ipv4.ip_forward", value)
      assert.truthy(err:find "sysctl_spec.lua:%d+:" and err:find "ip_forward")
    end
    assert.is_string(raised(set, "net.ipv4.ip_forward", nil))
    assert.is_string(raised(set, "net.ipv4.ip_forward", "1\0"))
    assert.is_string(raised(get, "net.ipv4.ip_forward\0"))
    assert.is_string(raised(get, 1))
  end)

  it("walks all keys", function()
    local seen = {}
    for key, value in pairs(ns.sysctl) do seen[key] = value end
    assert.equal(ns.sysctl["net.ipv4.ip_forward"], seen["net.ipv4.ip_forward"])
    assert.equal(2, seen["net.ipv4.conf.eth0/7.rp_filter"])
    assert.is_nil(seen["net.ipv4.route.flush"])
    assert.truthy(tostring(ns.sysctl):find "sysctl%-a")
  end)

  it("starts from the kernel's defaults", function()
    local fresh <const> = netns.add "sysctl-new"
    for key, value in pairs {
      ip_forward = 0, ["conf.all.rp_filter"] = 0, ["conf.default.rp_filter"] = 0, ["conf.lo.rp_filter"] = 0,
      ["conf.all.accept_redirects"] = 1, ["conf.default.accept_redirects"] = 1, ["conf.all.accept_source_route"] = 0,
      ["conf.default.accept_source_route"] = 1, ["conf.default.send_redirects"] = 1, ["conf.all.secure_redirects"] = 1,
      ["conf.all.log_martians"] = 0, ["conf.default.promote_secondaries"] = 0, ["conf.all.arp_ignore"] = 0,
      ["conf.lo.disable_policy"] = 1, ["conf.default.disable_policy"] = 0,
    } do
      assert.equal(value, fresh.sysctl["net.ipv4." .. key], key)
    end
    for key, value in pairs { disable_ipv6 = 0, accept_ra = 1, autoconf = 1, forwarding = 0, hop_limit = 64 } do
      assert.equal(value, fresh.sysctl["net.ipv6.conf.default." .. key], key)
    end
    fresh:del()
    assert.is_truthy(raised(function() return fresh.sysctl["net.ipv4.ip_forward"] end))
  end)
end)
