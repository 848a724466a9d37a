-- doctor_spec.lua - nsh --doctor: what it says works can be made, what it says is missing can't, in the same words
local doctor = require "nsh.doctor"
local features = require "nsh.features"
local h = require "tests.helper"

local NSH = os.getenv "NSH" or "./nsh"

local function run(words)
  local pipe = assert(io.popen(("%s %s 2>&1 </dev/null"):format(NSH, words)))
  local out = pipe:read "a"
  local _, _, status = pipe:close()
  return out, status
end

-- What ip(8) and tc(8) need to be told beside the kind, where they ask for more.
local ARGS = {
  bareudp = "dstport 1 ethertype ipv4", geneve = "id 1 remote 192.0.2.1", ipvlan = "mode l2", ipvtap = "mode l2",
  vlan = "id 1", vrf = "table 1", vxlan = "id 1 dstport 4789", xfrm = "if_id 1", ip6tnl = "remote 2001:db8::1",
  hsr = "slave1 lo slave2 lo", amt = "mode gateway local 192.0.2.1 discovery 192.0.2.2 dev lo", rmnet = "mux_id 1",
  tbf = "rate 1mbit burst 2000 limit 10000", ets = "bands 2", etf = "clockid CLOCK_TAI delta 1000000",
  red = "limit 100000 avpkt 1000 bandwidth 10mbit",
  cbs = "idleslope 1 sendslope -1 hicredit 1 locredit -1", clsact = "",
}
local ON_LINK = { vlan = true, macvlan = true, macvtap = true, ipvlan = true, ipvtap = true, macsec = true,
  rmnet = true, virt_wifi = true }

-- The kinds of a noun that are no kinds to the kernel, as iproute2 is told, with one shell for all of them.
local function unknown_to_kernel(ns, records, noun)
  local lines, list = {}, {}
  for _, r in ipairs(records) do
    if r.what == noun then
      local args = ARGS[r.name] or ""
      lines[#lines + 1] = noun == "link"
        and ("echo @%s; ip link add x %s type %s %s; ip link del x 2>/dev/null"):format(r.name,
          ON_LINK[r.name] and "link below" or "", r.name, args)
        or ("echo @%s; tc qdisc replace dev below %s %s"):format(r.name,
          r.name == "clsact" and r.name or r.name == "ingress" and r.name or "root " .. r.name, args)
    end
  end
  local out = ns:exec("exec 2>&1\n" .. table.concat(lines, "\n"), { check = false }).out
  for name, said in out:gmatch "@(%S+)\n([^@]*)" do
    assert(noun == "link" or not said:find "Usage" and not said:find "Required parameter", said) -- it asked the kernel
    list[name] = (said:find "Unknown device type" or said:find "qdisc kind is unknown"
      or said:find "qdisc not found") ~= nil
  end
  return list
end

describe("the doctor", function()
  local records, left

  setup(function()
    local root = netns.current()
    local before = #root:links()
    records = nsh.doctor()
    left = #root:links() - before
  end)

  it("leaves nothing behind", function()
    assert.equal(0, left)
    assert.equal(0, #netns.list())
  end)

  it("tells what works and what doesn't, each with its reason and its remedy", function()
    assert.same({ "world", true }, { records[1].what, records[1].works })
    local seen = {}
    for _, r in ipairs(records) do
      assert.is_boolean(r.works)
      assert.is_string(r.name)
      assert.is_nil(seen[r.what .. r.name], r.name)
      seen[r.what .. r.name] = true
      if r.works then assert.is_nil(r.remedy) else assert.is_string(r.why) end
    end
    for _, name in ipairs { "linkveth", "linkbridge", "linktap", "featureipv6", "programnft" } do
      assert.is_true(seen[name], name)
    end
    assert.is_true(h.find(records, { what = "link", name = "veth" }).works)
    assert.matches("veth", tostring(records))
  end)

  it("tells of link kinds what the kernel says", function()
    local ns = h.netns()
    ns:add_link { "below", kind = "veth", up = true }
    local unknown = unknown_to_kernel(ns, records, "link")
    local count = 0
    for _, r in ipairs(records) do
      if r.what == "link" and r.name ~= "tun" and r.name ~= "tap" then
        assert.equal(r.works, not unknown[r.name], r.name)
        count = count + 1
      end
    end
    assert.is_true(count > 10)
  end)

  it("tells of qdiscs what the kernel says", function()
    local ns = h.netns()
    ns:add_link { "below", kind = "veth", up = true, numtxqueues = 2 }
    local unknown = unknown_to_kernel(ns, records, "qdisc")
    for _, r in ipairs(records) do
      if r.what == "qdisc" then assert.equal(r.works, not unknown[r.name], r.name) end
    end
  end)

  it("has the words of the errors", function()
    local ns = h.netns()
    local link = ns:add_link { "below", kind = "veth", up = true }
    for _, r in ipairs(records) do
      if r.what == "link" and not r.works and r.remedy then
        local ok, err = pcall(ns.add_link, ns, { "x", kind = r.name })
        if not ok and type(err) == "table" and err.extack == r.why then assert.equal(r.remedy, err.hint) end
      elseif r.what == "qdisc" and not r.works then
        local err = h.raised(link.add_qdisc, link, r.name)
        if type(err) == "table" and err.extack == r.why then assert.equal(r.remedy, err.hint) end
      elseif r.what == "encap" and not r.works then
        local encap = r.name == "mpls" and { type = "mpls", labels = "7" } or { type = "xfrm", if_id = 7 }
        local err = h.raised(ns.add_route, ns, { "10.9.0.0/16", dev = link, encap = encap })
        assert.equal(r.remedy, err.hint)
      elseif r.what == "program" and not r.works then
        assert.equal(r.remedy, h.refused("ENOENT", ns.exec, ns, { r.name }).hint)
      end
    end
    local filtering = h.find(records, { name = "vlan_filtering" })
    local ok, err = pcall(ns.add_link, ns, { "br0", kind = "bridge", vlan_filtering = true })
    assert.equal(filtering.works, ok)
    if not ok then assert.equal(filtering.remedy, err.hint) end
  end)

  it("prints a page of it and leaves with 0", function()
    local out, status = run "--doctor"
    assert.equal(0, status, out)
    assert.matches("^nsh on Linux %d+%.%d+[^\n]*, as user %d+\n", out)
    local works, missing = out:find("\n\nworks\n", 1, true), out:find("\n\ndoes not work here\n", 1, true)
    assert.is_true(works ~= nil and (missing == nil or works < missing), out)
    for _, r in ipairs(records) do
      local at = out:find("%f[%w_-]" .. r.name:gsub("%p", "%%%0") .. "%f[^%w_-]", r.works and works or missing)
      assert.is_truthy(at, r.name)
      assert.is_true(not r.works or not missing or at < missing, r.name)
    end
    for line in out:gmatch "[^\n]+" do assert.is_nil(line:find " $") end
  end)

  it("says why there can be no world", function()
    local page = doctor.page { { what = "world", name = "private", works = false, why = "cannot", remedy = "do this" } }
    assert.matches("does not work here\n  world     private  cannot: do this\n$", page)
    assert.is_nil(page:find("\nworks", 1, true))
  end)

  it("knows a remedy for everything", function()
    for _, row in ipairs(features.rows) do
      assert.is_string(row.doc)
      assert.is_string(features.remedy(row.name))
    end
    for _, row in ipairs(features.programs) do assert.matches(row.package, features.program(row.name), 1, true) end
    assert.is_nil(features.program "no-such-program")
    assert.matches("help \"link\"", features.kind("link", "no-such-kind"))
  end)
end)
