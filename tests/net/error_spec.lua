-- error_spec.lua - the error object: what it holds, and how it reads
local h = require "tests.helper"

describe("an error of the kernel", function()
  local ns, link

  before_each(function()
    ns = h.netns()
    link = ns:add_link { "v0", kind = "veth", peer = "v1" }
  end)

  it("holds everything that is known of it", function()
    local err = h.raised(function() link:set { mtu = 70000, alias = "x" } end)
    assert.equal("EINVAL", err.code)
    assert.equal(22, err.errno)
    assert.equal("link set", err.op)
    assert.equal("v0", err.target)
    assert.equal(ns.name, err.netns)
    assert.equal("Invalid argument", err.message)
    assert.equal("mtu greater than device maximum", err.extack)
    assert.equal("alias=x mtu=70000", err.request)
    assert.matches("^[%w/_.]*error_spec%.lua:%d+$", err.where)
    assert.equal("the link's kind bounds its mtu", err.hint)
    assert.equal(err.where .. ": link set v0 in " .. ns.name .. " (alias=x mtu=70000): Invalid argument (EINVAL): "
      .. "mtu greater than device maximum\n  hint: the link's kind bounds its mtu", tostring(err))
  end)

  it("says where in the script, not in nsh or a method of it", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local err = h.raised(function() ns:link "nobody" end)
    assert.matches("error_spec%.lua:" .. line .. "$", err.where)
    local function helper() link:add_addr "10.0.0.1/33" end
    local misuse = h.raised(helper)
    assert.matches("^[%w/_.]*error_spec%.lua:" .. line + 2 .. ": ", misuse)
  end)

  it("names the attribute that was refused", function()
    local br = ns:add_link { "br0", kind = "bridge" }
    local err = h.raised(br.set, br, { group_fwd_mask = 1 })
    assert.equal("EINVAL", err.code)
    assert.is_true(err.attr == nil or err.attr == "group_fwd_mask")
    err = h.raised(ns.add_route, ns, { "10.5.0.1/16", dev = "lo", metric = 3 })
    assert.equal("dev=lo metric=3", err.request:gsub("^10%S+ ", ""))
  end)

  it("has a list in its request as one", function()
    local err = h.raised(ns.add_route, ns, { "10.5.0.0/16", nexthops = { { via = "10.9.9.9" }, { via = "10.9.9.8" } } })
    assert.equal("nexthops={...}", err.request)
  end)

  it("blames the value of a sysctl only for the value", function()
    local sysctl = ns.sysctl
    assert.is_nil(h.refused("EINVAL", function() return sysctl["net.ipv4."] end).hint)
    assert.is_nil(h.refused("EINVAL", function() sysctl["net.ipv4."] = 1 end).hint)
    assert.matches("take 'x'", h.refused("EINVAL", function() sysctl["net.ipv4.ip_forward"] = "x" end).hint)
  end)

  it("has no field that isn't known", function()
    ns:link("lo"):set { up = true }
    local err = h.raised(ns.route_to, ns, "192.0.2.1")
    assert.equal("ENETUNREACH", err.code)
    assert.is_nil(err.extack)
    assert.is_nil(err.attr)
    assert.is_nil(rawget(err, "spec"))
  end)

  it("reads as the design has it when a name is taken", function()
    local other = h.netns()
    other:add_link { "v0", kind = "bridge" }
    local err = h.raised(function() link:set { netns = other } end)
    assert.equal(("%s: link set v0 in %s: cannot move it to %s: File exists (EEXIST)\n  hint: %s already has a link "
      .. 'named v0; rename one: set { netns = ..., name = "..." }'):format(err.where, ns.name, other.name, other.name),
      (tostring(err):gsub(": [^:\n]*\n", "\n", err.extack and 1 or 0)))
  end)

  it("of a command has what the command gave", function()
    local err = h.raised(ns.exec, ns, "echo out; echo err >&2; exit 3")
    assert.same({ "EXIT", 3, "out\n", "err\n" }, { err.code, err.status, err.out, err.err })
    assert.equal("exec", err.op)
    err = h.raised(ns.exec, ns, "kill -TERM $$")
    assert.same({ "SIGNAL", "TERM" }, { err.code, err.signal })
    err = h.raised(ns.exec, ns, { "no-such-program" })
    assert.equal("ENOENT", err.code)
    assert.equal(2, err.errno)
    assert.matches("no such program", err.hint)
  end)

  it("is misuse, at the script's line, where a table is wanted", function()
    local br = ns:add_link { "br0", kind = "bridge" }
    for _, bad in ipairs { 5, "x", true, print } do
      for _, case in ipairs {
        { ns.routes, ns }, { ns.addrs, ns }, { ns.links, ns }, { ns.neighs, ns }, { ns.set, ns },
        { br.addrs, br }, { br.flush_addrs, br }, { br.del, br },
      } do
        h.misuse("takes a table of keys, not a " .. type(bad), case[1], case[2], bad)
      end
    end
    h.misuse("takes a table of keys, not a number", br.fdb, br, 5)
    h.misuse("'x' is no MAC address", br.fdb, br, "x")
    h.misuse("id", ns.set, ns)
    h.misuse("unknown key 'froce'", br.del, br, { froce = true })
    assert.equal(br, ns:link "br0")
    assert.equal(0, br:flush_addrs())
    br:del { force = true }
  end)

  it("goes through pcall, coroutines and error handlers whole", function()
    local seen
    xpcall(function() ns:link "nobody" end, function(e) seen = e end)
    assert.equal("ENODEV", seen.code)
    local ok, err = coroutine.resume(coroutine.create(function() ns:link "nobody" end))
    assert.is_false(ok)
    assert.equal("ENODEV", err.code)
    assert.matches("error_spec", err.where)
    ok, err = pcall(error, err)
    assert.is_false(ok)
    assert.equal("nobody", err.target)
  end)

  it("shows what came from outside with its control characters escaped", function()
    local err = h.raised(ns.link, ns, "\27[31m")
    assert.is_nil((tostring(err):find "\27"))
  end)
end)
