--- qdisc.lua - queueing disciplines and their classes: what a link does with packets before it sends them.
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local fail = require "nsh.error"
local Link = require("nsh.link").Link
local Netns = require("nsh.netns").Netns

local m = {}

local PRIOMAP = { 1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1 }

-- What tc(8) takes where nothing is said and the kernel has no default of its own.
local defaults = {
  qdisc = {
    netem = { limit = 1000 }, prio = { bands = 3, priomap = PRIOMAP }, htb = { r2q = 10 }, hfsc = { default = false },
    multiq = { bands = 0 }, red = { ewma = 9, scell_log = 9, probability = 0.02 }, etf = { clockid = "CLOCK_TAI" },
    ingress = { parent = "ingress" }, clsact = { parent = "clsact" },
  },
  class = {
    htb = { burst = 1600, cburst = 1600 },
  },
}

-- An option that stands for another, or does nothing without it.
local function complete(noun, spec)
  for key, value in pairs(defaults[noun][spec.kind] or {}) do
    if spec[key] == nil then spec[key] = value end
  end
  if noun == "class" and spec.kind == "htb" and spec.ceil == nil then spec.ceil = spec.rate end
  if noun == "qdisc" and spec.kind == "netem" and spec.reorder and spec.gap == nil then spec.gap = 1 end
  if noun == "qdisc" and spec.parent == nil then spec.parent = "root" end
end

-- What only shapes another option goes off with it.
local part_of = {
  loss_correlation = "loss", duplicate_correlation = "duplicate", corrupt_correlation = "corrupt",
  reorder_correlation = "reorder", gap = "reorder",
  packet_overhead = "rate", cell_size = "rate", cell_overhead = "rate",
}

-- What is no longer so when an option is given, and what off means for a table of options.
local function settle(spec, given)
  if given.latency and given.limit == nil then spec.limit = nil end
  if spec.kind ~= "netem" then return end
  for key, whole in pairs(part_of) do
    if given[whole] == false and not given[key] and spec[key] then spec[key] = false end
  end
  local models = { loss = "loss", loss_correlation = "loss", loss_state = "loss_state", loss_gemodel = "loss_gemodel" }
  for key, model in pairs(models) do
    for _, other in ipairs { "loss", "loss_state", "loss_gemodel" } do
      if other ~= model and given[other] and not given[key] then spec[key] = nil end
    end
  end
  if given.loss == false then spec.loss_state, spec.loss_gemodel = nil, nil end
  for _, key in ipairs { "loss_state", "loss_gemodel" } do
    if spec[key] == false then spec[key] = nil end
  end
  if spec.slot == false then spec.slot = {} end
end

-- The option table on this link; text is the kind.
local function on_link(self, noun, arg)
  if type(arg) ~= "table" and type(arg) ~= "string" then
    fail.misuse("a %s is a table as { \"%s\", rate = \"10mbit\", ... }, not a %s", noun,
      noun == "class" and "htb" or "tbf", type(arg))
  end
  local spec = fail.options(type(arg) == "string" and { arg } or arg, noun)
  if spec[1] ~= nil and spec.kind == nil then spec.kind, spec[1] = spec[1], nil end
  spec.dev = self.index
  return spec
end

local function target(self, spec)
  local which = spec.classid or spec.handle or spec.parent or spec.kind or "root"
  return ("%s dev %s"):format(tostring(which), self.last_name)
end

local function change(self, noun, verb, how, spec)
  local ok, message, code, detail = core[noun][how](self.netns.core, spec)
  spec.dev = nil
  fail.check_spec(spec, noun .. " " .. verb, target(self, spec), self.netns, ok, message, code, detail)
end

--- Fills the option table of a new qdisc or class up.
---@private
---@param noun "qdisc"|"class"
---@param spec table changed in place
---@return table spec
function m.complete(noun, spec)
  complete(noun, spec)
  settle(spec, spec)
  return spec
end

local function make(self, noun, how, arg)
  local spec = m.complete(noun, on_link(self, noun, arg))
  change(self, noun, how, how, spec)
end

local function list(ns, noun, filter)
  local stats = filter.stats
  filter.stats = nil
  local records = fail.check(noun .. " list", nil, ns, core[noun].list(ns.core, filter))
  if not stats then
    for _, record in ipairs(records) do record.stats = nil end
  end
  return records
end

--- Lists the queueing disciplines of all links.
--- Twin: `tc qdisc show`
---@param filter? table keys that the records must have, as { kind = "htb", dev = "eth0" }; stats = true adds counters
---@return table[] records
function Netns:qdiscs(filter) return list(self, "qdisc", fail.options(filter, "qdiscs")) end

--- Lists the link's queueing disciplines.
--- Twin: `tc qdisc show dev NAME`
---@param filter? table keys that the records must have, as { parent = "root" }; stats = true adds counters
---@return table[] records
function Link:qdiscs(filter)
  local copy = fail.options(filter, "qdiscs")
  copy.dev = self.index
  return list(self.netns, "qdisc", copy)
end

--- Gives the link a queueing discipline: at the root unless a parent is given.
--- Twin: `tc qdisc add dev NAME root KIND ...`
---@param qdisc string|table kind, or { kind, parent = "1:10", handle = "2:", ... }; a record is taken too
---@error EEXIST when there is one already
---@error ENOENT when the kernel doesn't have the kind, or there is no such parent
function Link:add_qdisc(qdisc) make(self, "qdisc", "add", qdisc) end

--- Gives the link a queueing discipline in the place of the one that is there.
--- Twin: `tc qdisc replace dev NAME root KIND ...`
---@param qdisc string|table kind, or { kind, parent = "1:10", handle = "2:", ... }; a record is taken too
function Link:replace_qdisc(qdisc) make(self, "qdisc", "replace", qdisc) end

-- The qdisc that stands where one is meant: made by somebody, for the kernel's own have no handle.
local function standing(self, spec)
  for _, record in ipairs(self:qdiscs()) do
    if record.parent == spec.parent and record.handle then return record end
  end
end

-- The options of a record that a change may give, with those that are given.
local function merged(record, spec)
  local kind, copy = attrs.kind("qdisc", record.kind), {}
  for _, row in ipairs(kind and kind.rows or {}) do
    if row.creation and spec[row.key] ~= nil and spec[row.key] ~= record[row.key] then
      fail.misuse("%s of %s can't be changed; replace_qdisc makes it anew", row.key, record.kind)
    end
    if not row.readonly and not row.creation then copy[row.key] = record[row.key] end
  end
  local own = {}
  for key, value in pairs(spec) do
    local row = attrs.find(kind and kind.rows or {}, key)
    if not (row and row.creation) then own[key] = value end
  end
  for key, value in pairs(own) do copy[key] = value end
  copy.handle, copy.parent, copy.kind = record.handle, record.parent, record.kind
  settle(copy, own)
  return copy
end

--- Changes the queueing discipline in place: what isn't given stays, and so do the packets that wait in it. Where
--- there is none of its kind, it is made.
--- Twin: `tc qdisc change dev NAME root KIND ...`
---@param qdisc table { kind, parent = "1:10", ... }
---@error EINVAL when the kind can't be changed in place
function Link:set_qdisc(qdisc)
  local spec = on_link(self, "qdisc", qdisc)
  spec.parent = spec.parent or (defaults.qdisc[spec.kind] or {}).parent or "root"
  if spec.parent == "clsact" then spec.parent = "ingress" end
  local now = standing(self, spec)
  if not now or (spec.kind and spec.kind ~= now.kind) then
    complete("qdisc", spec)
    settle(spec, spec)
    return change(self, "qdisc", "set", "replace", spec)
  end
  if spec.handle and spec.handle ~= now.handle then
    fail.misuse("the %s at %s is %s, not %s; replace_qdisc puts another one there", now.kind, spec.parent, now.handle,
      tostring(spec.handle))
  end
  local all = merged(now, spec)
  complete("qdisc", all)
  change(self, "qdisc", "set", "change", all)
end

--- Takes a queueing discipline away: the one at the root unless a parent or handle is given.
--- Twin: `tc qdisc del dev NAME root`
---@param qdisc? string|table kind, or { parent = "1:10" }, { handle = "2:" }; a record is taken too
---@error ENOENT when there is none but the kernel's own
function Link:del_qdisc(qdisc)
  local spec = on_link(self, "qdisc", qdisc == nil and {} or qdisc)
  if not spec.parent and not spec.handle then
    spec.parent = (defaults.qdisc[spec.kind] or {}).parent or "root"
  end
  change(self, "qdisc", "del", "del", { kind = spec.kind, parent = spec.parent, handle = spec.handle, dev = spec.dev })
end

--- Lists the classes of the link's queueing disciplines.
--- Twin: `tc class show dev NAME`
---@param filter? table keys that the records must have, as { kind = "htb" }; stats = true adds counters
---@return table[] records
function Link:classes(filter)
  local copy = fail.options(filter, "classes")
  copy.dev = self.index
  return list(self.netns, "class", copy)
end

--- Adds a class to a queueing discipline.
--- Twin: `tc class add dev NAME parent 1: classid 1:10 htb rate 1mbit`
---@param class table { kind, parent = "1:", classid = "1:10", ... }; a record is taken too
---@error EEXIST when there is one of that classid
---@error ENOENT when there is no such parent
function Link:add_class(class) make(self, "class", "add", class) end

--- Adds a class, or changes the one of that classid.
--- Twin: `tc class replace dev NAME parent 1: classid 1:10 htb rate 1mbit`
---@param class table { kind, parent = "1:", classid = "1:10", ... }; a record is taken too
function Link:replace_class(class) make(self, "class", "replace", class) end

--- Deletes a class.
--- Twin: `tc class del dev NAME classid 1:10`
---@param class table { classid = "1:10" }; a record is taken too
---@error EBUSY when it has classes or filters below it
function Link:del_class(class)
  local spec = on_link(self, "class", class)
  if not spec.classid then fail.misuse("classid is needed: which class is deleted, as \"1:10\"") end
  change(self, "class", "del", "del", { classid = spec.classid, parent = spec.parent, dev = spec.dev })
end

return m
