--- tc_oracle.lua - the kinds of traffic control against tc(8): every option is set, compared with its JSON, changed in
-- place, and every object made again from its record.
local assert = require "luassert"
local busted = require "busted"
local json = require "dkjson"
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

-- Whether two numbers are the same but for rounding.
local function close(a, b, per) return math.abs(a - b) <= 1e-6 * math.max(math.abs(a), math.abs(b)) + per end

-- Whether two tables of numbers are alike.
local function alike(ours, theirs)
  if type(theirs) ~= "table" then return false end
  for key, value in pairs(ours) do
    local other = theirs[key]
    if type(value) == "table" then
      if not alike(value, other) then return false end
    elseif type(value) == "number" and type(other) == "number" then
      if not close(value, other, 1e-6) then return false end
    elseif value ~= other then
      return false
    end
  end
  return true
end

-- Whether ours and what tc(8) says mean the same. Times are microseconds in whole numbers, or seconds with a fraction.
local function same(row, ours, theirs)
  if row.type == "boolean" then return (ours or false) == (theirs == true or theirs == 1 or theirs == "on") end
  if type(ours) == "table" then return alike(ours, theirs) end
  if row.type == "rate" then return close(ours, (tonumber(theirs) or 0) * 8, 0) end
  if row.type == "seconds" then return close(ours, theirs or -1, 0) or close(ours, (theirs or -1) / 1e6, 0) end
  if row.type == "fraction" then return close(ours, theirs, 1e-6) end
  if type(ours) == "number" then return type(theirs) ~= "table" and close(ours, tonumber(theirs) or -1, 0) end
  return tostring(ours) == tostring(theirs)
end

-- --- objects ---

local function plain(record)
  local copy = {}
  for key, value in pairs(record) do copy[key] = value end
  local passing = { "refcnt", "direct_packets", "dev", "level", "stats", "in_hw_count", "index" }
  for _, key in ipairs(passing) do copy[key] = nil end
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

-- All options of a kind, each in an object of its own: made with one value, changed to another.
local function try_all(ns, rows, case)
  local tries = {}
  local function attempt(i, key, value)
    local ok, place = pcall(case.place, ns, i, case)
    if not ok then return nil, place end
    local made, err = pcall(case.add, place, spec_of(case, key, value, i))
    return made and place or nil, err
  end
  local first, err = attempt(0)
  if not first then
    if type(err) ~= "table" or not lacking(err) then error(err, 0) end
    case.lacks = ("this kernel has no %s (%s)"):format(case.kind, case.config)
    return tries
  end
  local begins = case.get(first)
  tries[0] = { place = first, key = "nothing" }
  for i, row in ipairs(rows) do
    if not row.readonly and not (case.skip and case.skip[row.key]) then
      local try = { row = row, key = row.key }
      try.value, try.next = two_values(row, case.values and case.values[row.key], begins[row.key])
      try.place, try.refused = attempt(i, row.key, try.value)
      if try.place then try.made = case.get(try.place) end
      tries[#tries + 1] = try
    end
  end
  return tries
end

local function change_all(tries, case)
  for _, try in ipairs(tries) do
    if try.place and try.next ~= nil and case.set and not try.row.creation then
      local ok, err = pcall(case.set, try.place, { [try.key] = try.next })
      if not ok then try.refused = ("%s: %s"):format(try.key, tostring(err)) end
      try.changed = case.get(try.place)
    end
  end
end

-- What one key's change may not touch.
local function check_rest(case, try)
  local before, after = plain(try.made), plain(try.changed)
  for key, value in pairs(before) do
    if key ~= try.key and not (case.moves and case.moves[try.key]) then
      assert.same(value, after[key], key .. " after a change of " .. try.key)
    end
  end
end

-- What tc(8) says to some commands; one process runs all, for it takes a while to start. It doesn't say again which
-- link was asked for.
local function look(ns, asked)
  local input, all, at = {}, {}, 1
  for i, entry in ipairs(asked) do input[i] = entry.command .. "\n" end
  local out = ns:exec("tc -j -d -b -", { input = table.concat(input) }).out
  for _, entry in ipairs(asked) do
    local list, behind, message = json.decode(out, at, true)
    if not list then error(("tc(8) writes no JSON: %s"):format(message)) end
    at = behind
    for _, record in ipairs(list) do
      record.dev = record.dev or entry.dev
      all[#all + 1] = record
    end
  end
  return all
end

local function compare(case, made, changed)
  for _, try in ipairs(case.tries) do
    local refused = try.refused
    local unknown = refused and type(refused) == "table" and lacking(refused) or try.made and try.made[try.key] == nil
    if not (unknown and case.newer and case.newer[try.key]) then
      if refused then error(refused, 0) end
      check(case, try.row, try.value, try.made[try.key], case.theirs(made, try.place))
      if try.changed then
        check(case, try.row, try.next, try.changed[try.key], case.theirs(changed, try.place))
        check_rest(case, try)
      end
    end
  end
end

local function make_again(case)
  for i = 0, #case.tries do
    local place = case.tries[i].place
    local record = place and case.get(place)
    if record then
      local before = plain(record)
      case.del(place, record)
      case.add(place, record)
      assert.same(before, plain(case.get(place)), "with " .. case.tries[i].key)
    end
  end
end

--- Makes a test of each kind: every option set when an object is made, changed in place, and compared with tc(8), and
--- each object made again from its record.
---@param noun string "qdisc", "class", "filter"
---@param cases table[] { kind, place: function(ns, i, case) -> where the object of an option goes, add, set, get, del:
--- functions of a place and of a spec or record, theirs: function(tc(8)'s list, place) -> options, base: function(i)
--- -> keys that all have, with: keys by option, values: by option, one or { make =, set = }, read:
--- tc(8)'s path by option, or a function of its options,
--- silent: options that tc(8) hides or
--- garbles, skip: options that are not tried, and why, newer: options that this kernel may not know, moves: those that
--- others follow }
---@param ask? fun(ns: nsh.Netns): table[] commands of tc(8) that tell of all, as { command = "filter show dev x",
--- dev = "x" }
---@param tell? fun(ns: nsh.Netns): table[] what they tell, where it is no JSON
function m.kinds(noun, cases, ask, tell)
  tell = tell or function(ns) return look(ns, ask(ns)) end
  busted.describe("the kinds of " .. noun .. ":", function()
    local ns, made, changed

    busted.setup(function()
      ns = netns.add(h.name "tc")
      ns:add_link { "v0", kind = "veth", peer = "v1", up = true }
      for i, case in ipairs(cases) do
        local found = case.found or attrs.kind(noun, case.kind)
        case.config, case.name = found.config, "k" .. i
        ns:add_link { case.name, kind = "veth", peer = "p" .. i, up = true }
        case.tries = try_all(ns, found.rows or {}, case)
      end
      made = tell(ns)
      for _, case in ipairs(cases) do change_all(case.tries, case) end
      changed = tell(ns)
    end)
    busted.teardown(function() ns:del() end)

    for _, case in ipairs(cases) do
      busted.it(case.kind .. " has its options", function()
        if case.lacks then h.pending(case.lacks) end
        compare(case, made, changed)
        make_again(case)
      end)
    end
  end)
end

return m
