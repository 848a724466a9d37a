--- oracle.lua - attribute tables against iproute2: every row is set, read, compared with its JSON, and set back.
local assert = require "luassert"
local busted = require "busted"
local h = require "tests.helper"

local m = {}

-- What a value of ours is in the words of ip(8)'s JSON: flags are 0/1, true/false or "on"/"off", the bridge's timers
-- hundredths of a second, masks hexadecimal text.
local on = { [1] = true, [true] = true, on = true }
local function number_of(theirs)
  if type(theirs) ~= "string" then return theirs end
  return tonumber(theirs) or tonumber(theirs, 16)
end

--- Tells whether a value of ours and one of the oracle's mean the same.
---@param row nsh.Attribute
function m.same(row, ours, theirs)
  if row.type == "boolean" then return ours == (on[theirs] or false) end
  if row.type == "seconds" then
    return math.abs(ours * 100 - theirs) < 0.5 or (math.type(theirs) == "float" and math.abs(ours - theirs) < 0.15)
  end
  if type(ours) == "number" then
    return ours == number_of(theirs) or (type(theirs) == "string" and ours == tonumber(theirs, 16))
  end
  if row.key:find "_id$" or row.key == "designated_bridge" then -- ip(8) writes bytes without leading zeros
    ours = ours:gsub("([.:])0(%x)", "%1%2")
    theirs = theirs:gsub("([.:])0(%x)", "%1%2")
  end
  return tostring(ours):lower() == tostring(theirs):lower()
end

--- Chooses a legal value that a key doesn't have yet.
---@param row nsh.Attribute
---@param current any
function m.other(row, current)
  if row.type == "boolean" then return not current end
  if row.values then
    for _, value in ipairs(row.values) do
      if value ~= current and value ~= "disabled" then return value end
    end
    return 7
  end
  if row.type == "integer" or row.type == "seconds" then
    local value = (current or row.min or 0) + 1
    if row.max and row.max > (row.min or 0) and value > row.max then value = row.min end
    return value
  end
  if row.type == "mac" then return "02:00:00:00:00:77" end
  error(("say which value %s (%s) is tried with"):format(row.key, row.type))
end

--- Makes a test of each row: set, read back, compared with the oracle, set back.
---@param rows nsh.Attribute[]
---@param case table { values: table, names: table, silent: table, fixed: table, get: function, set: function,
--- theirs: function, values_of: table }
function m.each(rows, case)
  for _, row in ipairs(h.settable(rows)) do
    local key = row.key
    if not (case.skip and case.skip[key]) then
      busted.it("sets " .. key .. " and puts it back", function()
        local before = case.get()[key]
        local value = case.values[key]
        if value == nil then value = m.other(row, before) end
        h.supported(key, case.set, { [key] = value })
        if case.get()[key] == nil and before == nil and (not case.absent or case.newer and case.newer[key]) then
          h.pending(("this kernel takes %s and tells nothing of it"):format(key))
        end
        m.compare(row, case, case.fixed and case.fixed[key] or value)
        local old = before
        if old == nil then old = false end
        case.set { [key] = old }
        assert.equal(before, case.get()[key])
        if before ~= nil then m.compare(row, case, before) end
      end)
    end
  end
end

--- Compares one key, as nsh reads it, with what it must be and with the oracle.
function m.compare(row, case, want)
  local ours = case.get()[row.key]
  if row.type == "seconds" then
    assert.near(want, ours, 0.011, row.key) -- the kernel counts in ticks
  else
    assert.equal(want, ours, row.key)
  end
  if case.silent and case.silent[row.key] then return end
  local theirs = case.theirs(row.key)
  local name = (case.names[row.key] or row.key):gsub("_interval$", "_intvl"):gsub("_count$", "_cnt")
  if type(theirs) == "table" then theirs = theirs[name] end
  if theirs == nil then error(("the oracle says nothing of %s under the name %s"):format(row.key, name)) end
  local words = case.words and case.words[row.key]
  if words then theirs = words[theirs] end
  assert(m.same(row, ours, theirs), ("%s is %s, the oracle says %s"):format(row.key, tostring(ours), tostring(theirs)))
end

-- --- kinds ---

--- In an option's company: leave this key out.
m.without = {}

-- Two values that an option is tried with: when the link is made, and when it is changed.
local function two_values(row, case, begins)
  local given = case.values and case.values[row.key]
  if type(given) == "table" and given.make ~= nil then return given.make, given.set end
  if given ~= nil then return given, nil end
  local first = m.other(row, begins)
  return first, m.other(row, first)
end

-- Why this kernel has nothing of the kind; nil where it makes such links.
local function lack_of(kind, case)
  local ns = netns.add(h.name "kind")
  local spec = case.base and case.base(0, ns) or {}
  spec[1], spec.kind = "plain", kind.name
  local ok, err = pcall(ns.add_link, ns, spec)
  ns:del()
  if ok then return nil end
  if type(err) ~= "table" or err.code ~= "EOPNOTSUPP" then error(err, 0) end
  return ("this kernel has no %s (%s)"):format(kind.name, kind.config)
end

--- Says why bridges of this kernel have no VLANs; nil where they have. vlan_spec counts that as skipped.
---@return string?
function m.lack_of_vlans()
  local ns <close> = netns.add(h.name "vlans")
  local ok, err = pcall(ns.add_link, ns, { "br0", kind = "bridge", vlan_filtering = true })
  if ok then return nil end
  assert(err.code == "EOPNOTSUPP" and err.hint:find "CONFIG_BRIDGE_VLAN_FILTERING", tostring(err))
  return "this kernel's bridges know no VLANs (CONFIG_BRIDGE_VLAN_FILTERING)"
end

-- A link of its own for every option: what it was made with, and what came of it.
local function make(ns, case, name, row, i, begins)
  local try = { row = row, name = name .. i, spec = {} }
  try.value, try.next = two_values(row, case, begins)
  for key, value in pairs(case.base and case.base(i, ns) or {}) do try.spec[key] = value end
  for key, value in pairs(case.with and case.with[row.key] or {}) do
    try.spec[key] = value
    if value == m.without then try.spec[key] = nil end
  end
  try.spec[1], try.spec.kind, try.spec[row.key] = try.name, case.kind, try.value
  local ok, result = pcall(ns.add_link, ns, try.spec)
  if ok then try.link = result else try.refused = result end
  return try
end

-- What ip(8) says of all links, by name: a process costs more than a link.
local function look(ns)
  local links = {}
  for _, link in ipairs(h.oracle(ns, "ip -j -d link show")) do links[link.ifname] = link end
  return links
end

-- One option as nsh reads it, with what it must be and with what ip(8) says.
local function check(case, row, want, ours, link)
  local key, data = row.key, link.linkinfo.info_data or {}
  local newer = case.newer and case.newer[key]
  if newer and ours == nil then h.pending(("this kernel takes %s and tells nothing of it"):format(key)) end
  if row.type == "boolean" then ours = ours or false end -- some are told only while they are set
  if type(want) == "table" then assert.same(want, ours) else assert.equal(want, ours, key) end
  if newer or (case.silent and case.silent[key]) then return end
  local reader = case.read and case.read[key]
  if type(reader) == "function" then
    assert.same(want, reader(data, link))
    return
  end
  local theirs = data[reader or key]
  if row.type == "boolean" then theirs = theirs or false end
  if row.type == "seconds" and theirs then
    assert.near(want, theirs / (case.per and case.per[key] or case.per_second or 1), 1e-9)
    return
  end
  if type(want) == "table" then
    assert.same(want, theirs)
    return
  end
  assert(theirs ~= nil, ("the oracle says nothing of %s"):format(key))
  assert(m.same(row, ours, theirs), ("%s is %s, the oracle says %s"):format(key, tostring(ours), tostring(theirs)))
end

-- Ends the test as one that this kernel can't do, where it refused in such words; raises what else was refused.
local function done(refused, what)
  if not refused then return end
  if type(refused) == "table" and refused.code == "EOPNOTSUPP" then
    h.pending(("this kernel doesn't take %s: %s"):format(what, refused.extack or refused.message))
  end
  error(refused, 0)
end

-- Whether two values are the same: as assert.same, which takes a hundred times as long.
local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not equal(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function plain(record)
  local copy = {}
  for key, value in pairs(record) do copy[key] = value end
  -- the number, what the moment brings, an address that differs from the one it was born with, and a bound of the mtu
  -- that depends on what was before
  for _, key in ipairs { "index", "state", "carrier", "permaddr", "active_slave", "max_mtu",
    "carrier_changes", "carrier_up_count", "carrier_down_count" } do copy[key] = nil end
  return copy
end

-- Whether an option has a test here. A kind with the table of another is sampled, unless there is time.
local function tried(row, case)
  local sample = case.sample and not os.getenv "NSH_SOAK" and case.sample
  return not row.readonly and not (case.skip and case.skip[row.key]) and (not sample or sample[row.key] or false)
end

--- Makes the tests of a kind: every option set when a link is made, changed where that may be, compared with ip(8),
--- and each of these links made again from its record.
---@param name string
---@param case table { base: function(i, ns) -> keys that all have, with: keys by option, values: by option, one or
--- { make =, set = }, read: by option, ip(8)'s name or a function of its data, silent: options that ip(8) hides,
--- newer: options newer than this ip(8), sample: the only options that are tried,
--- skip: options with tests of their own, fixed: options that can be set but not changed, and why,
--- per_second, per: units of ip(8)'s times }
function m.kind(name, case)
  local kind = m.table_of(name)
  case.kind = name
  busted.describe("the kind " .. name, function()
    local lacks = lack_of(kind, case)
    if lacks then
      busted.it("has its options", function() h.pending(lacks) end)
      return
    end
    local ns
    local tries, made, changed = {}, {}, {}

    busted.setup(function()
      ns = netns.add(h.name "kind")
      local spec = case.base and case.base(0, ns) or {}
      spec[1], spec.kind = "plain", name
      local begins = ns:add_link(spec):record()
      for i, row in ipairs(kind.rows) do
        if tried(row, case) then
          tries[row.key] = make(ns, case, "x", row, i, begins[row.key])
        end
      end
      made = look(ns)
      for _, try in pairs(tries) do
        if try.link then
          try.made = try.link:record()
          if try.next ~= nil and not try.row.creation and not (case.fixed and case.fixed[try.row.key]) then
            local took, refused = pcall(try.link.set, try.link, { [try.row.key] = try.next })
            if not took then try.kept = refused end
            try.changed = try.link:record()
          end
        end
      end
      changed = look(ns)
    end)
    busted.teardown(function() ns:del() end)

    for _, row in ipairs(kind.rows) do
      local key = row.key
      if tried(row, case) then
        busted.it("has the option " .. key, function()
          local try = tries[key]
          done(try.refused, key)
          check(case, row, try.value, try.made[key], made[try.name])
          done(try.kept, "a change of " .. key)
          if try.changed then check(case, row, try.next, try.changed[key], changed[try.name]) end
          if row.creation then h.misuse(key, try.link.set, try.link, { [key] = try.value }) end
        end)
      end
    end

    busted.it("is made again from its record", function()
      tries.plain = { link = ns:link "plain" }
      for key, try in pairs(tries) do
        if try.link then
          local record = try.link:record()
          try.link:del()
          local ok, again = pcall(ns.add_link, ns, record)
          if not ok then error(("with %s: %s"):format(key, tostring(again)), 0) end
          local first, second = plain(record), plain(again:record())
          if not equal(first, second) then assert.same(first, second, "with " .. key) end
        end
      end
    end)
  end)
end

--- Finds a noun's or a kind's table of core.tables().
---@param name string
---@return table
function m.table_of(name)
  local tables = require("nsh.core").tables()
  return h.find(tables, { noun = name }) or h.find(tables[1].kinds, { name = name })
end

return m
