-- badinput_spec.lua - wrong values for every key of every table: misuse that names the key and what is legal, no trace.
local core = require "nsh.core"
local h = require "tests.helper"

local nan, huge = 0 / 0, 1 / 0
local long = ("x"):rep(70000)

-- Wrong for each type, beside what is wrong for all of them.
local wrong = {
  integer = { nan, huge, -huge, 1e300, 0.5, "", "many", "1\0", true },
  seconds = { nan, -1, "", "soon", "5 weeks", "1\0s", true },
  rate = { nan, -1, "", "fast", "1mbitt", true },
  fraction = { nan, -0.1, 1.5, "", "some", "101%", true },
  boolean = { 7, "maybe", "", nan },
  name = { "no such name", "", "a\0b", nan, -huge },
  string = { "a\0b" },
  mac = { "", "02:00", "02:00:00:00:00:0g", "02:00:00:00:00:01:", 7, true },
  address = { "", "10.0.0.300", "10.0.0.1.", "fd00::1::", "10.0.0.1\0", 7, true },
  prefix = { "", "/24", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1", "10.0.0.0/", 7, true },
  link = { "", "a/b", "a\0b", -1, 0.5, nan },
  range = { "", "20-10", "1-", "a-b", nan, true },
  table = { 7, true, nested = true }, list = { 7, true, "x", nested = true }, strings = { 7, true, nested = true },
  netns = { 7, true, "" }, key = { "", 7, true, nan, ("A"):rep(44), ("A"):rep(43) .. "\0" },
  endpoint = { "", 7, true, ":1", "10.0.0.1", "10.0.0.1:65536", "fd00::1:9", "[fd00::1]:", "10.0.0.1:9\0" },
  prefixes = { 7, true, "10.0.0.0/8", nested = true }, toggles = { 7, true, false, "tso", nested = true },
}
local for_all = { print, coroutine.create(print) }

-- What a row is tried with: wrong values, and whether the message must tell the range.
local function tries(row)
  local list = {}
  for _, value in ipairs(for_all) do list[#list + 1] = { value } end
  for _, value in ipairs(wrong[row.type] or {}) do list[#list + 1] = { value } end
  if wrong[row.type] and not wrong[row.type].nested and not row.rows then list[#list + 1] = { {} } end
  if row.type == "integer" and row.max and not row.values then
    list[#list + 1] = { row.max + 1, true }
    if row.min > math.mininteger then list[#list + 1] = { row.min - 1, true } end
  end
  if row.type == "string" and row.max then list[#list + 1] = { long } end
  return list
end

local function shown(value) return type(value) == "string" and ("%q"):format(value:sub(1, 30)) or tostring(value) end

-- Why a call that should be misuse isn't; nil where it is.
local function fault(row, value, ok, err, ranged)
  if ok then return ("takes %s"):format(shown(value)) end
  local text = tostring(err)
  if type(err) ~= "string" then return ("%s reaches the kernel: %s"):format(shown(value), text:sub(1, 100)) end
  if not text:find "^%S*badinput_spec%.lua:%d+: " then return "no position of the script: " .. text:sub(1, 100) end
  -- one that stands for another too, unless that is given, may be told under that name
  local stands_for = { rate = "ceil", valid_lft = "preferred_lft", netns = "namespace" }
  local named = text:find(row.key, 1, true) or (stands_for[row.key] and text:find(stands_for[row.key], 1, true))
  if not named then return ("%s: the key isn't named: %s"):format(shown(value), text) end
  if text:find("%c") then return "a control character in: " .. text end
  if ranged and not text:find "%d" then return "the range isn't named: " .. text end
  if row.values and row.type == "name" and not text:find(row.values[1], 1, true) and value ~= nil and #text < 250 then
    return ("%s: no legal value is named: %s"):format(shown(value), text)
  end
end

-- Keys that the calls themselves take, or that one of these names.
local other = { kind = true, dev = true, peer = true }

-- Tries all rows by a call that takes an option table.
local function check(found, where, rows, call, skip)
  for _, row in ipairs(rows or {}) do
    if not row.readonly and not other[row.key] and not (skip and skip[row.key]) then
      for _, try in ipairs(tries(row)) do
        local ok, err = pcall(call, row.key, try[1])
        local why = fault(row, try[1], ok, err, try[2])
        if why then found[#found + 1] = ("%s.%s %s"):format(where, row.key, why) end
      end
    end
  end
end

local function none(found)
  if #found > 0 then error(("%d slips\n%s"):format(#found, table.concat(found, "\n", 1, math.min(#found, 60))), 0) end
end

describe("a wrong value", function()
  local ns, before

  local function state()
    local out = {}
    for _, list in ipairs { ns:links(), ns:addrs(), ns:routes { table = "all" }, ns:rules(), ns:neighs(), ns:fdb(),
      ns:qdiscs() } do
      out[#out + 1] = #list
    end
    return table.concat(out, " ")
  end

  setup(function()
    ns = netns.add(h.name "bad")
    ns:add_link { "br0", kind = "bridge" }
    ns:add_link { "p0", kind = "veth", master = "br0", peer = "p1" }
    before = state()
  end)
  teardown(function() ns:del() end)
  after_each(function() assert.equal(before, state()) end)

  -- A call with the main value and one more key.
  local main_keys = { name = true, addr = true, dst = true, mac = true, vid = true, grp = true,
    vni = true, msti = true }
  local function by(fn, self, main, more)
    return function(key, value)
      local spec = { main }
      for k, v in pairs(more or {}) do spec[k] = v end
      if main_keys[key] then spec[1] = nil end
      spec[key] = value
      fn(self, spec)
    end
  end

  local tables = {}
  for _, noun in ipairs(core.tables()) do tables[noun.noun] = noun end

  it("of a link is misuse", function()
    local found = {}
    check(found, "link", tables.link.rows, by(ns.add_link, ns, "x0", { kind = "veth" }), { carrier = true })
    none(found)
  end)

  it("of a live link is misuse", function()
    local found, link = {}, ns:link "p1"
    check(found, "link", tables.link.rows, function(key, value) link:set { [key] = value } end)
    none(found)
  end)

  for _, kind in ipairs(tables.link.kinds) do
    if #(kind.rows or {}) > 0 then
      it("of the kind " .. kind.name .. " is misuse", function()
        local found = {}
        check(found, kind.name, kind.rows, by(ns.add_link, ns, "x0", { kind = kind.name }))
        none(found)
      end)
    end
  end

  it("of a bridge's port is misuse", function()
    local found = {}
    local link = ns:link "p0"
    check(found, "port", h.find(tables.link.kinds, { name = "bridge" }).port_rows,
      function(key, value) link:set { port = { [key] = value } } end)
    none(found)
  end)

  local doors = {
    addr = function() return by(ns:link("p0").add_addr, ns:link "p0", "10.9.0.1/24") end,
    route = function() return by(ns.add_route, ns, "10.8.0.0/16", { dev = "p0" }) end,
    rule = function() return by(ns.add_rule, ns, nil, {}) end,
    neigh = function() return by(ns.add_neigh, ns, "10.0.0.9", { dev = "p0", mac = "02:00:00:00:00:09" }) end,
    fdb = function() return by(ns:link("p0").add_fdb, ns:link "p0", "02:00:00:00:00:09") end,
    bridge_vlan = function() return by(ns:link("p0").add_vlan, ns:link "p0", 7) end,
    bridge_vlan_global = function() return by(ns:link("br0").set_vlan_global, ns:link "br0", 7) end,
    mst = function() return by(ns:link("p0").set_mst, ns:link "p0", 7, { state = "blocking" }) end,
    vni = function() return by(ns:link("p0").add_vni, ns:link "p0", 7) end,
    mdb = function() return by(ns:link("br0").add_mdb, ns:link "br0", "239.1.1.1", { port = "p0" }) end,
    nexthop = function() return by(ns.add_nexthop, ns, nil, { id = 7, dev = "p0" }) end,
  }
  for noun, door in pairs(doors) do
    it("of a " .. noun .. " is misuse", function()
      local found = {}
      check(found, noun, tables[noun].rows, door())
      none(found)
    end)
  end

  for noun, method in pairs { qdisc = "add_qdisc", class = "add_class", filter = "add_filter" } do
    for _, kind in ipairs(tables[noun].kinds) do
      if #kind.rows > 0 then
        it(("of the %s %s is misuse"):format(noun, kind.name), function()
          local found, link = {}, ns:link "p0"
          check(found, kind.name, kind.rows, by(link[method], link, kind.name))
          none(found)
        end)
      end
    end
  end
end)
