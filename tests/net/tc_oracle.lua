--- tc_oracle.lua - the kinds of traffic control against tc(8): every option is set, compared with its JSON, changed in
-- place, and every object made again from its record.
local assert = require "luassert"
local busted = require "busted"
local attrs = require "nsh.attrs"
local h = require "tests.helper"

local m = {}

--- In an option's company: leave this key out.
m.without = {}

-- --- values ---

local samples = {
  boolean = { false, true }, rate = { 2000000, 3000000 }, fraction = { 0.25, 0.5 }, seconds = { 0.02, 0.03 },
  mac = { "02:00:00:00:00:01", "02:00:00:00:00:02" }, handle = { "1:10", "1:11" }, link = { "v1", "v0" },
  prefix = { "10.0.0.0/8", "10.1.2.3" }, address = { "10.0.0.1", "10.0.0.2" }, string = { "v1", "v0" },
}

-- Two values that an option is tried with.
local function two_values(row, given, begins)
  if type(given) == "table" and given.make ~= nil then return given.make, given.set end
  if given ~= nil then return given, nil end
  if row.type == "integer" then
    local first = (math.tointeger(begins) or row.min or 0) + 1
    if row.max and row.max > 0 and first >= row.max then first = row.max - 1 end
    return first, first + 1
  end
  local list = row.values or samples[row.type]
  if not list then error(("say which values %s (%s) is tried with"):format(row.key, row.type)) end
  local first = list[1] == begins and list[2] or list[1]
  for _, value in ipairs(list) do
    if value ~= first then return first, value end
  end
  return first, nil
end

--- Finds a value by its path in a table: "delay.jitter".
function m.at(data, path)
  for key in path:gmatch "[^.]+" do data = type(data) == "table" and data[key] or nil end
  return data
end

local function close(a, b, per) return math.abs(a - b) <= 1e-6 * math.max(math.abs(a), math.abs(b)) + per end

-- Whether ours and what tc(8) says mean the same. Times are microseconds in whole numbers, or seconds with a fraction.
local function same(row, ours, theirs)
  if row.type == "boolean" then return (ours or false) == (theirs == true or theirs == 1 or theirs == "on") end
  if type(ours) == "table" then return pcall(assert.same, ours, theirs) end
  if row.type == "rate" then return close(ours, (tonumber(theirs) or 0) * 8, 0) end
  if row.type == "seconds" and type(theirs) == "number" then return close(ours, theirs, 0) or close(ours, theirs / 1e6, 0) end
  if row.type == "fraction" then return close(ours, theirs, 1e-6) end
  if type(ours) == "number" then return type(theirs) ~= "table" and close(ours, tonumber(theirs) or -1, 0) end
  return tostring(ours) == tostring(theirs)
end

-- --- objects ---

-- All that one kind's tests make stands in one namespace, a link each; a process of tc(8) tells of all.
local function links(ns, count)
  for i = 0, count do ns:add_link { "x" .. i, kind = "veth", peer = "y" .. i, up = true } end
  ns:add_link { "v0", kind = "veth", peer = "v1", up = true }
end

local function plain(record)
  local copy = {}
  for key, value in pairs(record) do copy[key] = value end
  for _, key in ipairs { "refcnt", "direct_packets", "dev", "level", "stats", "in_hw_count" } do copy[key] = nil end
  local actions = {}
  for i, action in ipairs(copy.actions or {}) do
    actions[i] = {}
    for key, value in pairs(action) do actions[i][key] = key ~= "index" and key ~= "stats" and value or nil end
  end
  copy.actions = copy.actions and actions or nil
  return copy
end

local function spec_of(case, key, value, i)
  local spec = { case.kind }
  for name, given in pairs(case.base and case.base(i) or {}) do spec[name] = given end
  for name, given in pairs(case.with and case.with[key] or {}) do
    spec[name] = given
    if given == m.without then spec[name] = nil end
  end
  if key then spec[key] = value end
  return spec
end

local function lacking(err)
  local words = type(err) == "table" and (err.extack or err.message) or ""
  return err.code == "EOPNOTSUPP" or words:find "unknown" or words:find "not found" or words:find "load TC action"
end

-- One option as nsh reads it, with what it must be and with what tc(8) says.
local function check(case, row, want, ours, theirs)
  local key = row.key
  if row.type == "boolean" then ours = ours or false end
  if type(want) == "number" and type(ours) == "number" then
    assert(close(want, ours, 1e-9), ("%s is %s, not %s"):format(key, ours, want))
  else
    assert.same(want, ours, key)
  end
  if case.silent and case.silent[key] then return end
  local reader = case.read and case.read[key]
  local value
  if type(reader) == "function" then value = reader(theirs) else value = m.at(theirs, reader or key) end
  assert(same(row, ours, value), ("%s is %s, tc says %s"):format(key, tostring(ours), tostring(value)))
end

--- Makes the tests of a kind.
---@param noun string "qdisc", "class", "filter"
---@param rows nsh.Attribute[] the options
---@param case table { kind, config, lab: function(ns, link) what all need first, base: function(i) -> keys that all
--- have, with: keys by option, values: by option, one or { make =, set = }, read: tc(8)'s path by option, or a function of
--- its options, silent: options that tc(8) hides or garbles, skip: options that are not tried, and why,
--- add, set, get: functions of link, look: command of tc(8), theirs: function(its list, name of the link) -> options }
function m.kind(noun, rows, case)
  local function attempt(ns, i, key, value)
    local link = ns:link("x" .. i)
    if case.lab then case.lab(ns, link) end
    local spec = spec_of(case, key, value, i)
    local ok, err = pcall(case.add, link, spec)
    return ok and link or nil, err
  end

  local function lack()
    local ns = netns.add(h.name "tc")
    links(ns, 0)
    local _, err = attempt(ns, 0)
    ns:del()
    if err == nil then return nil end
    if type(err) ~= "table" or not lacking(err) then error(err, 0) end
    return ("this kernel has no %s %s (%s)"):format(noun, case.kind, case.config)
  end

  busted.describe(("the %s %s"):format(noun, case.kind), function()
    local lacks = lack()
    if lacks then
      busted.it("has its options", function() h.pending(lacks) end)
      return
    end
    local ns
    local tries, made, changed = {}, {}, {}

    busted.setup(function()
      ns = netns.add(h.name "tc")
      links(ns, #rows)
      local link = attempt(ns, 0)
      local begins = case.get(link)
      for i, row in ipairs(rows) do
        if not row.readonly and not (case.skip and case.skip[row.key]) then
          local try = {}
          try.value, try.next = two_values(row, case.values and case.values[row.key], begins[row.key])
          try.link, try.refused = attempt(ns, i, row.key, try.value)
          if try.link then try.made = case.get(try.link) end
          tries[row.key] = try
        end
      end
      made = h.oracle(ns, case.look)
      for _, row in ipairs(rows) do
        local try = tries[row.key]
        if try and try.link and try.next ~= nil and case.set and not row.creation then
          try.kept = select(2, pcall(case.set, try.link, { [row.key] = try.next }, try.made))
          try.changed = case.get(try.link)
        end
      end
      changed = h.oracle(ns, case.look)
    end)
    busted.teardown(function() ns:del() end)

    for i, row in ipairs(rows) do
      local key = row.key
      if not row.readonly and not (case.skip and case.skip[key]) then
        busted.it("has the option " .. key, function()
          local try, name = tries[key], "x" .. i
          if try.refused and lacking(try.refused) or try.link and try.made[key] == nil and case.newer and case.newer[key] then
            h.pending(("this kernel doesn't take %s"):format(key))
          end
          if try.refused then error(try.refused, 0) end
          check(case, row, try.value, try.made[key], case.theirs(made, name))
          if try.kept then error(try.kept, 0) end
          if try.changed then
            check(case, row, try.next, try.changed[key], case.theirs(changed, name))
            for other, value in pairs(plain(try.made)) do
              if other ~= key and not (case.moves and case.moves[key]) then
                assert.same(value, plain(try.changed)[other], other .. " after a change of " .. key)
              end
            end
          end
        end)
      end
    end

    busted.it("is made again from its record", function()
      for i = 0, #rows do
        local link = ns:link("x" .. i)
        local record = case.get(link)
        if record then
          case.del(link, record)
          case.add(link, record)
          assert.same(plain(record), plain(case.get(link)), "with " .. (i > 0 and rows[i].key or "nothing"))
        end
      end
    end)
  end)
end

--- Finds the kind of a noun in the core's tables.
function m.rows(noun, kind)
  local found = attrs.kind(noun, kind)
  return found.rows or {}, found
end

return m
