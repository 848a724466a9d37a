--- rollback_spec.lua - up() is done as a whole or not at all: a failure at each step leaves the state before it.
local core = require "nsh.core"
local h = require "tests.helper"

-- --- what is there, as lines ---

-- Counters, timers, numbers that the kernel gives.
local PASSING = {}
for key in ([[index stats carrier_changes carrier_up_count carrier_down_count used updated confirmed probes refcnt state
  carrier qdisc link_netnsid fdb_n_learned tentative gc_timer promiscuity allmulti_count hello_timer tcn_timer port
  topology_change_timer linkmode linkdown]]):gmatch "%S+" do
  PASSING[key] = true
end

local function text(value)
  if type(value) ~= "table" then return tostring(value) end
  local words = {}
  for key, v in pairs(value) do
    if not PASSING[key] then words[#words + 1] = tostring(key) .. "=" .. text(v) end
  end
  table.sort(words)
  return "{" .. table.concat(words, " ") .. "}"
end

-- What the kernel learns and makes by itself comes when it likes.
local function is_lasting(noun, record)
  if (record.mac or ""):find "^33:33" then return false end
  if noun == "neighs" or noun == "fdb" then return record.state == "permanent" or record.state == "static" end
  if noun == "routes" and record.proto == "kernel" and record.family == "inet6" then return false end
  return record.proto ~= "kernel_ll" and not (record.mac or ""):find "^33:33"
end

local function lines(all, ns, noun)
  for _, record in ipairs(ns[noun](ns, noun == "routes" and { table = "all" } or nil)) do
    if is_lasting(noun, record) then all[#all + 1] = ("%s %s %s"):format(ns.name, noun, text(record)) end
  end
end

local function fingerprint()
  local all = {}
  for _, entry in ipairs(netns.list()) do
    local ns = netns.get(entry.name)
    all[#all + 1] = entry.name
    for _, noun in ipairs { "links", "addrs", "routes", "rules", "neighs", "fdb", "nexthops" } do
      lines(all, ns, noun)
    end
    for _, qdisc in ipairs(ns:qdiscs()) do
      if qdisc.handle then all[#all + 1] = ("%s %s %s"):format(entry.name, qdisc.dev, qdisc.kind) end
    end
    for _, key in ipairs { "net.ipv4.ip_forward", "net.ipv4.tcp_syncookies", "net.ipv6.conf.all.forwarding" } do
      all[#all + 1] = ("%s %s %s"):format(entry.name, key, ns.sysctl[key])
    end
  end
  table.sort(all)
  return all
end

-- --- the labs ---

local function first()
  local net = lab "site"
  local sw = net:switch { "sw", addr = "10.0.0.1/24" }
  local h1 = net:host { "h1", routes = { { "default", via = "10.0.0.254" }, { "172.16.0.0/16", via = "10.0.0.7" } },
    rules = { { priority = 50, from = "10.1.0.0/16", table = 100 } },
    neighs = { { "10.0.0.77", dev = "eth0", mac = "02:00:00:00:00:77" } },
    nexthops = { { id = 5, via = "10.0.0.9", dev = "eth0" } } }
  local h2 = net:host { "h2", sysctls = { ["net.ipv4.tcp_syncookies"] = 0 } }
  h1:link { "br7", kind = "bridge", addr = "10.7.0.1/24" }
  net:link { { h1, "eth0", addrs = { "10.0.0.11/24", "10.0.0.12/24", "fd00::11/64" } },
    { sw, "p1", fdb = { "02:00:00:00:00:99" } } }
  net:link { { h2, "eth0", addr = "10.0.0.20/24", impair = { rate = "10mbit" } }, { sw, "p2" } }
  net:link { { net:host { "h3" }, "eth0", addr = "10.0.0.30/24" }, { sw, "p3" } }
  return net
end

-- The same site with something else of each sort: a mixed plan. `more` may add to it.
local function second(more)
  local net = lab("site", { strict = false }) -- it is the kernel that shall refuse what is more
  local parts = { sw = { "sw", addr = "10.0.0.2/24" }, h1 = { "h1", routes = { { "default", via = "10.0.0.253" },
    { "172.17.0.0/16", via = "10.0.0.7" } }, rules = { { priority = 60, from = "10.1.0.0/16", table = 101 } },
    neighs = { { "10.0.0.77", dev = "eth0", mac = "02:00:00:00:00:78" } },
    nexthops = { { id = 5, via = "10.0.0.8", dev = "eth0" } }, sysctls = { ["net.ipv4.tcp_syncookies"] = 0 } },
    r1 = { "r1" }, eth0 = { "eth0", mtu = 1400, addrs = { "10.0.0.12/24", "fd00::12/64" } } }
  if more then more(parts) end
  local sw, h1, r1 = net:switch(parts.sw), net:host(parts.h1), net:router(parts.r1)
  h1:link(parts.own or { "br7", kind = "vxlan", id = 7, dstport = 4789, addr = "10.7.0.2/24" })
  table.insert(parts.eth0, 1, h1)
  net:link { parts.eth0, { sw, "p1", port = { cost = 9 }, fdb = { "02:00:00:00:00:98" } } }
  net:link { { net:host { "h2" }, "eth0", addr = "10.0.0.21/24" }, { sw, "p2" } }
  net:link { { r1, "eth0", addr = "10.0.0.254/24" }, { sw, "p4" } }
  return net
end

-- What nobody declared, and what must be there afterwards as well.
local function by_hand()
  local ns = netns.get "site.h1"
  ns:add_route { "172.30.0.0/16", via = "10.0.0.99" }
  ns:link "eth0":add_addr "10.0.0.13/24"
  ns:add_route { "10.30.0.0/16", dev = "br7" }
  netns.get "site.sw":link "p1":add_fdb "02:00:00:00:00:55"
end

-- --- failures ---

local CALLS = { addr = { "add", "replace", "del" }, link = { "add", "set", "del" }, route = { "add", "replace", "del" },
  rule = { "add", "del" }, neigh = { "replace", "del" }, fdb = { "replace", "append", "del" }, netns = { "add" },
  nexthop = { "add", "replace", "del" }, qdisc = { "replace", "del" }, sysctl = { "set" } }

-- What fails in place of a call: the kernel's own refusal where requests wait in a batch.
local function failure(noun, ns)
  if noun == "netns" or noun == "sysctl" then return nil, "Input/output error", "EIO", { errno = 5 } end
  return core.route.stock.add(ns, { "192.0.2.0/24", via = "203.0.113.9" })
end

-- Runs a function whose n-th change of anything fails; returns how many there were, which one that was, and what came.
local function with_failure(n, fn, ...)
  local count, failed, stock = 0, nil, {}
  for noun, names in pairs(CALLS) do
    stock[noun] = {}
    for _, name in ipairs(names) do stock[noun][name] = core[noun][name] end
  end
  core.route.stock = stock.route
  for noun, names in pairs(CALLS) do
    for _, name in ipairs(names) do
      core[noun][name] = function(ns, ...)
        -- what only helps for a while may be refused
        if not tostring((...)):find "promote_secondaries" then count = count + 1 end
        if count == n then
          failed = noun .. " " .. name
          return failure(noun, ns)
        end
        return stock[noun][name](ns, ...)
      end
    end
  end
  local result = table.pack(pcall(fn, ...))
  for noun, names in pairs(CALLS) do
    for _, name in ipairs(names) do core[noun][name] = stock[noun][name] end
  end
  core.route.stock = nil
  return count, failed, result[1], result[2]
end

describe("A failing up()", function()
  after_each(function()
    lab "site":down()
    for _, record in ipairs(netns.list()) do netns.del(record.name) end
  end)

  it("leaves the state before it, whichever step fails", function()
    first():up()
    by_hand()
    local stride = os.getenv "NSH_SOAK" and 1 or 8
    local before, n = fingerprint(), 1 - os.time() % stride
    local count
    repeat
      n = n + stride
      local failed, ok, err
      count, failed, ok, err = with_failure(n, function() second():up() end)
      if ok and failed == "route add" then -- the one that nobody declared, for which there may be no place any more
        first():up()
        netns.get "site.h1":add_route { "10.30.0.0/16", dev = "br7" }
        before = fingerprint()
      elseif count >= n then
        assert(not ok, ("call %d, %s, should have failed"):format(n, failed))
        assert(type(err) == "table" and err.code, tostring(err))
        assert(err.step and err.where:find "rollback_spec.lua:%d+", tostring(err))
        assert(not err.left, tostring(err))
        assert.equal("", h.differences(before, fingerprint()), ("after failure %d: %s"):format(n, tostring(err)))
        assert.equal(0, #first():plan(), tostring(err))
      end
    until count < n
    assert(count > 25, "so few calls: " .. count)
    assert.equal(0, #second():plan())
  end)

  local refused = {
    { "an mtu", "EINVAL", "link set",
      function(p) p.own = { "br7", kind = "vxlan", id = 7, dstport = 4789, addr = "10.7.0.2/24", mtu = 100000 } end },
    { "a route", "ENETUNREACH", "route add", function(p) p.h1.routes[3] = { "10.99.0.0/16", via = "192.0.2.9" } end },
    { "a link", "EEXIST", "link add",
      function(p) p.own = { "vx1", kind = "ifb", altnames = { "eth0" } } end },
    { "a sysctl", "EINVAL", "sysctl set", function(p) p.h1.sysctls["net.ipv4.tcp_syncookies"] = "many" end },
    { "no such sysctl", "ENOENT", "sysctl set", function(p) p.r1.sysctls = { ["net.ipv4.nonsense"] = 1 } end },
    { "a rule", "EINVAL", "rule add",
      function(p) p.h1.rules[2] = { priority = 70, type = "goto", target = 60, from = "10.0.0.0/8" } end },
    { "a nexthop", "EINVAL", "nexthop add", function(p) p.h1.nexthops[2] = { id = 7, group = { 99 } } end },
    -- there is none of that name, or it wants to know more
    { "a qdisc", "ENOENT or EINVAL", "qdisc add", function(p) p.eth0.qdisc = { "cbs" } end },
  }

  it("says what the kernel said, of which step and line", function()
    first():up()
    by_hand()
    local before = fingerprint()
    for _, case in ipairs(refused) do
      local what, code, op, change = table.unpack(case)
      local net = second(change)
      local err = h.raised(net.up, net)
      assert(type(err) == "table", tostring(err))
      assert.truthy(code:find(err.code, 1, true), what .. ": " .. tostring(err))
      assert.equal(op, err.op, tostring(err))
      assert.truthy(err.netns:find "^site%.", tostring(err))
      assert.truthy(err.where:find "rollback_spec.lua:%d+", tostring(err))
      assert.equal("", h.differences(before, fingerprint()), what .. ": " .. tostring(err))
    end
  end)

  it("puts back all that it can, and tells the rest with the reason", function()
    first():up()
    by_hand()
    local before, add = fingerprint(), core.route.add
    core.route.add = function(ns, record, ...) -- nobody gets this one any more
      if record.dst == "10.30.0.0/16" then return add(ns, { "192.0.2.0/24", via = "203.0.113.9" }) end
      return add(ns, record, ...)
    end
    local ok, err = pcall(function()
      second(function(p) p.h1.routes[3] = { "10.99.0.0/16", via = "192.0.2.9" } end):up()
    end)
    core.route.add = add
    assert(not ok and err.code == "ENETUNREACH", tostring(err))
    assert.equal(1, #err.left, tostring(err))
    assert.matches("10.30.0.0/16", err.left[1].name)
    assert.matches("route 10.30.0.0/16 dev br7 in site.h1: Nexthop has", tostring(err))
    netns.get "site.h1":add_route { "10.30.0.0/16", dev = "br7" }
    assert.equal("", h.differences(before, fingerprint()))
  end)

  it("tells what went along with a change and has no place any more", function()
    first():up()
    by_hand()
    local plan = second(function(p) p.own = { "br7", kind = "vxlan", id = 7, dstport = 4789, up = false } end):up()
    assert.equal(1, #plan.lost)
    assert.matches("10.30.0.0/16", plan.lost[1].step.name)
    assert.matches("not up", plan.lost[1].why)
  end)

  it("has what the way back needs when no more files can be opened", function()
    local script = [[
      local function net(n, mtu)
        local net = lab "s"
        local sw = net:switch "sw"
        for i = 1, n do net:link { { net:host { "h" .. i }, "eth0", mtu = mtu }, { sw, "p" .. i } } end
        return net
      end
      net(3):up()
      local ok, err = pcall(function() net(25, 1400):up() end)
      print(ok or err.code, err.left, #netns.list(), #net(3):plan())]]
    for n = 44, os.getenv "NSH_SOAK" and 60 or 45 do -- each namespace takes two
      local out = netns.current():exec { "sh", "-c", "ulimit -n " .. n .. "; exec \"$0\" -e \"$1\"",
        os.getenv "NSH" or "./nsh", script }.out
      assert.equal("EMFILE\tnil\t4\t0\n", out, n .. " files")
    end
  end)
end)
