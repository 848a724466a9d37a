-- mpls_spec.lua - routes of MPLS labels, and encapsulation in them, against ip(8)
local h = require "tests.helper"

local function compare(ns)
  local ours, theirs = ns:routes { family = "mpls" }, h.oracle(ns, "ip -j -f mpls route show")
  assert.equal(#theirs, #ours)
  for _, mine in ipairs(ours) do
    local other = h.find(theirs, { dst = math.tointeger(mine.dst) or mine.dst }) or h.find(theirs, { dst = mine.dst })
    assert(other, "ip has no route of label " .. mine.dst)
    assert.equal(other.to and tostring(other.to), mine.as)
    assert.equal(other.via and other.via.host or other.gateway, mine.via)
    assert.equal(other.dev, mine.dev)
    assert.equal(#(other.nexthops or {}), #(mine.nexthops or {}))
    for i, hop in ipairs(mine.nexthops or {}) do
      assert.equal(tostring(other.nexthops[i].to), tostring(hop.as))
      assert.equal(other.nexthops[i].via.host, hop.via)
    end
  end
end

local file = io.open "/proc/sys/net/mpls/platform_labels"
if not file then
  describe("a route of an MPLS label", function()
    it("needs a kernel", function()
      local ns = h.netns()
      local err = h.refused("EOPNOTSUPP", ns.add_route, ns, { 100, family = "mpls", dev = "lo" })
      assert.matches("mpls_router", err.hint)
      assert.equal(0, #ns:routes { family = "mpls" })
      h.pending "this kernel has no MPLS (CONFIG_MPLS_ROUTING, mpls_router)"
    end)
  end)
  return
end
file:close()

describe("a route of an MPLS label", function()
  local ns

  before_each(function()
    ns = h.netns()
    ns.sysctl["net.mpls.platform_labels"] = 1000
    ns:link("lo"):set { up = true }
    for i = 0, 1 do
      local link = ns:add_link { "v" .. i, kind = "veth", up = true, peer = { "w" .. i, up = true } }
      link:add_addr(("10.0.%d.1/24"):format(i))
      link:add_addr { ("fd0%d::1/64"):format(i), nodad = true }
    end
  end)

  it("is set, read, deleted and made again from its record", function()
    for _, spec in ipairs {
      { 100, via = "10.0.0.9", dev = "v0" }, { "101", as = "200/300", via = "10.0.0.9", dev = "v0" },
      { 102, as = 200, via = "fd00::9", dev = "v0", proto = "static" }, { 103, dev = "lo" },
      { 104, via = "10.0.0.9", dev = "v0", ttl_propagate = false },
      { 105, nexthops = { { as = "500", via = "10.0.0.9", dev = "v0" },
        { as = "501/502", via = "10.0.1.9", dev = "v1" } } },
    } do
      spec.family = "mpls"
      ns:add_route(spec)
      compare(ns)
      local record = ns:routes { family = "mpls", dst = spec[1] }[1]
      for key, value in pairs(spec) do
        if type(key) == "string" and type(value) ~= "table" then
          assert.equal(tostring(value), tostring(record[key]), key)
        end
      end
      assert.equal(tostring(spec[1]), record.dst)
      ns:del_route(record)
      assert.equal(0, #ns:routes { family = "mpls", dst = spec[1] })
      ns:add_route(record)
      assert.same(record, ns:routes { family = "mpls", dst = spec[1] }[1])
    end
    ns:replace_route { 100, family = "mpls", as = 7, via = "10.0.1.9", dev = "v1" }
    compare(ns)
    ns:exec "ip -f mpls route add 200 as 201 via inet 10.0.0.9 dev v0"
    compare(ns)
    assert.equal(7, ns:flush_routes { family = "mpls" })
    assert.equal(0, #ns:routes { family = "mpls" })
  end)

  it("is reached by packets that are wrapped in one", function()
    local ok, err = pcall(ns.add_route, ns, { "10.5.0.0/16", via = "10.0.0.9",
      encap = { type = "mpls", labels = "100/200", ttl = 9 } })
    if not ok and err.code == "EOPNOTSUPP" then h.pending(err.hint) end
    if not ok then error(err, 0) end
    local theirs = h.oracle(ns, "ip -j route show 10.5.0.0/16")[1]
    assert.equal("mpls", theirs.encap)
    local record = ns:routes { dst = "10.5.0.0/16" }[1]
    assert.same({ type = "mpls", labels = "100/200", ttl = 9 }, record.encap)
    ns:del_route(record)
    ns:add_route(record)
    assert.same(record, ns:routes { dst = "10.5.0.0/16" }[1])
  end)

  it("is refused when it is none", function()
    for _, case in ipairs {
      { { via = "10.0.0.9", dev = "v0" }, "dst" }, { { "x", dev = "v0" }, "dst" }, { { "1/2", dev = "v0" }, "dst" },
      { { 1 << 20, dev = "v0" }, "dst" }, { { 7, as = "a/b", dev = "v0" }, "as" }, { { 7, metric = 7 }, "metric" },
      { { 7, via = "x", dev = "v0" }, "via" },
    } do
      case[1].family = "mpls"
      h.misuse(case[2], ns.add_route, ns, case[1])
    end
    local err = h.refused("EINVAL", ns.add_route, ns, { 5000, family = "mpls", via = "10.0.0.9", dev = "v0" })
    assert.matches("platform_labels", err.hint)
    h.refused("ESRCH", ns.del_route, ns, { 300, family = "mpls" })
    h.refused("ENODEV", ns.add_route, ns, { 7, family = "mpls", via = "10.0.0.9", dev = "nobody" })
    assert.equal(0, #ns:routes { family = "mpls" })
  end)
end)
