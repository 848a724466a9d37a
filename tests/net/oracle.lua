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
        if case.get()[key] == nil and before == nil and not case.absent then
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

--- Finds a noun's or a kind's table of core.tables().
---@param name string
---@return table
function m.table_of(name)
  local tables = require("nsh.core").tables()
  return h.find(tables, { noun = name }) or h.find(tables.kinds, { name = name })
end

return m
