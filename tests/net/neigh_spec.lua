-- neigh_spec.lua - neighbours against ip(8)
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local rows = oracle.table_of("neigh").rows

local function theirs_of(ns, what)
  local list = {}
  for _, n in ipairs(h.oracle(ns, "ip -j -d -s neighbour show " .. (what or ""))) do
    list[#list + 1] = {
      dst = n.dst, dev = n.dev, mac = n.lladdr, state = n.state[1]:lower(),
      family = n.dst:find ":" and "inet6" or "inet",
      router = n.router, proxy = n.proxy, extern_learn = n.extern_learn, probes = n.probes, used = n.used,
      confirmed = n.confirmed, updated = n.updated, proto = n.protocol and (tonumber(n.protocol) or n.protocol),
    }
  end
  return h.sorted(list, "dst")
end

local function compare(ns)
  local ours, theirs = h.sorted(ns:neighs(), "dst"), theirs_of(ns)
  assert.equal(#theirs, #ours)
  for i, mine in ipairs(ours) do
    for _, row in ipairs(rows) do
      local a, b = mine[row.key], theirs[i][row.key]
      -- ip(8) prints whole seconds, and comes later
      local near = row.type == "seconds" and a and b and a - b <= 1.1 and b - a <= 10
      if not near and a ~= b then
        error(("%s of %s is %s, ip says %s"):format(row.key, mine.dst, tostring(a), tostring(b)), 2)
      end
    end
  end
end

describe("a neighbour", function()
  local ns, link

  before_each(function()
    ns = h.netns()
    link = ns:add_link { "v0", kind = "veth", up = true, addrgenmode = "none",
      peer = { "v1", up = true, addrgenmode = "none", mac = "02:00:00:00:00:01" } }
    link:add_addr "10.0.0.1/24"
    link:add_addr { "fd00::1/64", nodad = true }
    link:wait { state = "up" }
  end)

  for what, spec in pairs {
    ["a mac"] = { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02" },
    ["a mac for IPv6"] = { "fd00::2", dev = "v0", mac = "02:00:00:00:00:02" },
    ["state stale"] = { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02", state = "stale" },
    ["state reachable"] = { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02", state = "reachable" },
    ["the router flag"] = { "fd00::2", dev = "v0", mac = "02:00:00:00:00:02", router = true },
    ["extern_learn"] = { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02", extern_learn = true },
    ["a protocol"] = { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02", proto = "static" },
  } do
    it("has " .. what, function()
      ns:add_neigh(spec)
      compare(ns)
      local record = ns:neighs { dst = spec[1] }[1]
      for key, value in pairs(spec) do
        if type(key) == "string" then assert.equal(value, record[key], key) end
      end
      assert.equal(spec.state or "permanent", record.state)
      ns:del_neigh(record)
      assert.is_nil(h.find(ns:neighs(), { dst = spec[1], state = record.state }))
      ns:replace_neigh(record)
      compare(ns)
    end)
  end

  it("is replaced", function()
    ns:add_neigh { "10.0.0.2", dev = link, mac = "02:00:00:00:00:02" }
    h.refused("EEXIST", ns.add_neigh, ns, { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:03" })
    ns:replace_neigh { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:03" }
    assert.equal("02:00:00:00:00:03", ns:neighs { dst = "10.0.0.2" }[1].mac)
    ns:replace_neigh { "10.0.0.3", dev = "v0", mac = "02:00:00:00:00:04" }
    compare(ns)
  end)

  it("is learned from traffic", function()
    local other = h.netns()
    ns:link("v1"):set { netns = other }
    other:link("v1"):set { up = true }
    other:link("v1"):add_addr "10.0.0.2/24"
    assert.is_true(ns:reaches "10.0.0.2")
    assert.is_false(ns:reaches("10.0.0.77", { timeout = 0.1 }))
    local list = ns:neighs { dev = "v0", family = "inet" }
    assert.equal("02:00:00:00:00:01", h.find(list, { dst = "10.0.0.2" }).mac)
    assert.equal("reachable", h.find(list, { dst = "10.0.0.2" }).state)
    local missing = h.find(list, { dst = "10.0.0.77" })
    assert.is_true(missing.state == "incomplete" or missing.state == "failed")
    assert.is_nil(missing.mac)
  end)

  it("may be answered for", function()
    ns:add_neigh { "10.0.0.8", dev = "v0", proxy = true }
    assert.same({ { dst = "10.0.0.8", dev = "v0", proxy = true } }, h.oracle(ns, "ip -j neighbour show proxy"))
    ns:del_neigh { "10.0.0.8", dev = "v0", proxy = true }
    assert.same({}, h.oracle(ns, "ip -j neighbour show proxy"))
  end)

  it("is got by its address and link", function()
    ns:add_neigh { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02" }
    ns:add_neigh { "fd00::2", dev = "v0", mac = "02:00:00:00:00:03" }
    ns:add_neigh { "10.0.0.8", dev = "v0", proxy = true }
    assert.equal("02:00:00:00:00:02", ns:neigh({ "10.0.0.2", dev = "v0" }).mac)
    assert.equal("02:00:00:00:00:03", ns:neigh({ "fd00::2", dev = link }).mac)
    assert.is_true(ns:neigh({ "10.0.0.8", dev = "v0", proxy = true }).proxy)
    assert.is_nil(ns:find_neigh { "10.0.0.3", dev = "v0" })
    assert.equal("permanent", ns:find_neigh({ "10.0.0.2", dev = "v0" }).state)
    h.refused("ENOENT", ns.neigh, ns, { "10.0.0.3", dev = "v0" })
    h.refused("ENODEV", ns.neigh, ns, { "10.0.0.2", dev = "nobody" })
    h.misuse("dst and dev", ns.neigh, ns, { "10.0.0.2" })
    h.misuse("table", ns.neigh, ns, "10.0.0.2")
  end)

  it("is found by the kernel when that is asked for", function()
    ns:add_neigh { "10.0.0.5", dev = "v0", use = true }
    local ok, err = pcall(ns.add_neigh, ns, { "10.0.0.6", dev = "v0", managed = true })
    if not ok then error(err, 0) end
    assert(ns:find_neigh { "10.0.0.5", dev = "v0" })
    local record = ns:neigh { "10.0.0.6", dev = "v0" }
    assert.is_true(record.managed)
    assert.is_true(h.find(h.oracle(ns, "ip -j neighbour show"), { dst = "10.0.0.6" }).managed)
    ns:del_neigh(record)
    ns:add_neigh(record)
    assert.is_true(ns:neigh({ "10.0.0.6", dev = "v0" }).managed)
  end)

  it("goes when all are flushed, or those that match", function()
    ns:add_neigh { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02" }
    ns:add_neigh { "10.0.0.3", dev = "v0", mac = "02:00:00:00:00:03", state = "stale" }
    ns:add_neigh { "10.0.0.4", dev = "v1", mac = "02:00:00:00:00:04", state = "reachable" }
    ns:add_neigh { "fd00::4", dev = "v0", mac = "02:00:00:00:00:04", state = "reachable" }
    ns:add_neigh { "10.0.0.8", dev = "v0", proxy = true }
    assert.equal(1, ns:flush_neighs { dev = "v1" })
    assert.equal(1, ns:flush_neighs { proxy = true })
    assert.equal(0, #ns:neighs { proxy = true })
    assert.equal(2, ns:flush_neighs())
    assert.equal("10.0.0.2", ns:neighs { state = "permanent" }[1].dst)
    assert.equal(1, ns:flush_neighs { state = "permanent" })
    assert.equal(0, #ns:neighs { state = "permanent" })
  end)

  it("is listed by what is asked for", function()
    ns:add_neigh { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02" }
    ns:add_neigh { "10.0.0.3", dev = "v1", mac = "02:00:00:00:00:03" }
    ns:add_neigh { "fd00::2", dev = "v0", mac = "02:00:00:00:00:02" }
    assert.equal(3, #ns:neighs { state = "permanent" })
    assert.equal(2, #ns:neighs { mac = "02:00:00:00:00:02" })
    assert.equal("10.0.0.3", ns:neighs { dev = "v1", family = "inet" }[1].dst)
    assert.equal(1, #ns:neighs { family = "inet6", state = "permanent" })
    ns:add_link { "vb", kind = "bridge" }
    link:set { master = "vb" }
    assert.equal(2, #ns:neighs { master = "vb" })
    assert.equal(1, #ns:neighs { master = false, state = "permanent" })
    assert.equal(2, #ns:neighs { to = "10.0.0.0/24" })
    assert.equal(1, #ns:neighs { to = "10.0.0.2/31", dev = "v0" })
    assert.equal(1, #ns:neighs { to = "fd00::/8", state = "permanent" })
    h.misuse("to must be", ns.neighs, ns, { to = "x" })
    assert.equal(2, #ns:neighs { vrf = "vb", state = "permanent" })
    assert.equal(1, #ns:neighs { up = true, dev = "v1" })
    h.refused("ENODEV", ns.neighs, ns, { dev = "nobody" })
    h.misuse("did you mean", ns.neighs, ns, { macc = "x" })
  end)

  it("is refused when it is none", function()
    h.misuse("dev", ns.add_neigh, ns, { "10.0.0.2", mac = "02:00:00:00:00:02" })
    h.misuse("dst", ns.add_neigh, ns, { dev = "v0", mac = "02:00:00:00:00:02" })
    h.misuse("dst", ns.add_neigh, ns, { "10.0.0.2/24", dev = "v0", mac = "02:00:00:00:00:02" })
    h.misuse("mac", ns.add_neigh, ns, { "10.0.0.2", dev = "v0", mac = "02" })
    h.misuse("state", ns.add_neigh, ns, { "10.0.0.2", dev = "v0", mac = "02:00:00:00:00:02", state = "happy" })
    h.misuse("did you mean 'mac'", ns.add_neigh, ns, { "10.0.0.2", dev = "v0", lladdr = "02:00:00:00:00:02" })
    h.misuse("table", ns.add_neigh, ns, "10.0.0.2")
    h.refused("ENODEV", ns.add_neigh, ns, { "10.0.0.2", dev = "nobody", mac = "02:00:00:00:00:02" })
    h.misuse("mac", ns.add_neigh, ns, { "10.0.0.2", dev = "v0", mac = "02:00" .. (":00"):rep(6) })
    h.refused("ENOENT", ns.del_neigh, ns, { "10.0.0.9", dev = "v0" })
    assert.equal(0, #ns:neighs { state = "permanent" })
  end)
end)
