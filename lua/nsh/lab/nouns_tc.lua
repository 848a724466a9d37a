--- nouns_tc.lua - traffic control as nouns of a lab: qdiscs, impair's among them, classes and filters.
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local fail = require "nsh.error"
local features = require "nsh.features"
local links = require "nsh.link"

local m = {}

local PART = 5e-3 -- rates become bytes, sizes the time that they take

m.HANDLE = "6e73:" -- impair's own qdisc

local function values() return require "nsh.lab.nouns" end

local function link_in(ns, run, step, dev)
  dev = dev or step.to and step.to.dev or step.from.dev
  return links.wrap(ns, run.index[step.netns][dev] or 0, dev)
end

-- A copy of what was declared for a link: its kind may stand at [1].
local function options(spec, dev)
  local copy = {}
  for key, value in pairs(type(spec) == "table" and spec or { spec }) do copy[key] = value end
  if copy[1] ~= nil then copy.kind, copy[1] = copy[1], nil end
  copy.dev = dev
  return copy
end

local hidden = {}

-- Keys of a kind that the kernel takes and never tells.
local function untold(noun, kind)
  if not hidden[noun .. tostring(kind)] then
    local keys = {}
    local own = attrs.kind(noun, kind)
    for _, row in ipairs(own and own.rows or {}) do keys[row.key] = row.writeonly end
    hidden[noun .. tostring(kind)] = keys
  end
  return hidden[noun .. tostring(kind)]
end

local function changes_of(noun)
  return function(wish, live)
    local found = values().changes(wish, live, PART)
    for key in pairs(found or {}) do
      if untold(noun, wish.kind)[key] or key == "parent" and live.parent == "ingress" then found[key] = nil end
    end
    return found and next(found) and found or nil
  end
end

-- --- qdiscs ---

local has_netem

-- Whether the kernel has netem, tried where it hurts nobody.
local function netem()
  if has_netem == nil then
    local ns <close> = require("nsh.netns").scratch()
    local ok, _, code = core.qdisc.add(ns.core, { kind = "netem", dev = 1, parent = "root", limit = 1000 })
    has_netem = ok ~= nil or code ~= "ENOENT"
  end
  return has_netem
end

local function qdisc_read(spec, _, dev)
  local record = core.qdisc.read(require("nsh.qdisc").complete("qdisc", options(spec, dev)))
  if record.parent == "clsact" then record.parent = "ingress" end
  if record.kind == "tbf" and record.latency and record.rate and record.burst then
    record.limit = math.floor(record.rate / 8 * record.latency + record.burst)
    record.latency = nil
  end
  return record
end

-- Without netem a rate alone is what tbf does: a queue of at most 0.4 s, and bursts of two packets or 10 ms.
local function as_tbf(record, run, step)
  for key in pairs(record) do
    if key ~= "rate" and key ~= "kind" and key ~= "handle" and key ~= "parent" and key ~= "dev" and key ~= "limit" then
      return nil, ("%s is not to be had without netem"):format(key), "ENOENT", { errno = 2,
        hint = features.kind("qdisc", "netem") .. "; without it rate is all that impair can do" }
    end
  end
  local wish = run.wished[step.netns][step.to.dev] or {}
  return { kind = "tbf", handle = record.handle, parent = record.parent, dev = record.dev, rate = record.rate,
    burst = math.max(2 * ((wish.mtu or 1500) + 14), record.rate // 800), latency = 0.4 }
end

local qdisc_differs = changes_of "qdisc"

local function qdisc_changes(wish, live)
  if wish.handle == m.HANDLE and live.handle == m.HANDLE and live.kind == "tbf" and wish.kind == "netem" then
    if not wish.rate then return { rate = { live.rate } } end
    return values().changes({ rate = wish.rate }, live, PART)
  end
  return qdisc_differs(wish, live)
end

local function qdisc_add(ns, record, run, step)
  if record.kind == "netem" and record.handle == m.HANDLE and not run.has_netem then
    local message, code, detail
    record, message, code, detail = as_tbf(record, run, step)
    if not record then return nil, message, code, detail end
  end
  return core.qdisc.replace(ns.core, record)
end

local function qdisc_del(ns, record)
  return core.qdisc.del(ns.core, { kind = record.kind, parent = record.parent, handle = record.handle,
    dev = record.dev })
end

-- In place where it can be, so that the packets which wait in it stay there.
local function qdisc_change(ns, record, old, run, step)
  local off
  for _, pair in pairs(step.changes) do off = off or pair[2] == nil end
  if record.kind ~= old.kind or record.handle and record.handle ~= old.handle then
    return qdisc_add(ns, record, run, step)
  end
  if off and record.kind ~= "netem" then
    local ok, message, code, detail = qdisc_del(ns, old)
    if not ok then return ok, message, code, detail end
    return core.qdisc.add(ns.core, record)
  end
  local spec = {}
  for key, value in pairs(record) do spec[key] = value end
  for key, pair in pairs(step.changes) do
    if pair[2] == nil then spec[key] = false end
  end
  spec.dev = nil
  link_in(ns, run, step):set_qdisc(spec)
  return true
end

-- The kernel's own have no handle.
local function qdisc_list(ns)
  local list, own = fail.check("qdisc list", nil, ns, core.qdisc.list(ns.core, {})), {}
  for _, record in ipairs(list) do
    record.stats = nil
    if record.handle or record.kind == "clsact" or record.kind == "ingress" then own[#own + 1] = record end
  end
  return own
end

m[1] = {
  noun = "qdisc", field = "qdiscs", read = qdisc_read, changes = qdisc_changes, list = qdisc_list,
  key = function(record) return ("%s dev %s"):format(tostring(record.parent), tostring(record.dev)) end,
  name = function(record)
    return ("%s %s dev %s"):format(record.kind, tostring(record.parent), tostring(record.dev))
  end,
  add = qdisc_add, change = qdisc_change, del = qdisc_del,
  gone = { ENOENT = true, EINVAL = true, ENODEV = true },
  -- the kernel is asked before a batch is open
  prepare = function(run, steps)
    for _, step in ipairs(steps) do
      if step.noun == "qdisc" and step.to and step.to.kind == "netem" and step.to.handle == m.HANDLE then
        run.has_netem = netem()
        return
      end
    end
  end,
}

-- --- classes ---

-- The links of lists of records, or all that have a qdisc of their own.
local function devs_of(ns, wanted, last)
  local devs, names = {}, {}
  for _, list in ipairs(wanted and { wanted, last or {} } or { qdisc_list(ns) }) do
    for _, record in ipairs(list) do devs[record.dev] = true end
  end
  for name in pairs(devs) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function each_link(what)
  return function(ns, wanted, last)
    local all = {}
    for _, name in ipairs(devs_of(ns, wanted, last)) do
      local link = core.link.get(ns.core, name)
      for _, record in ipairs(link and what(links.wrap(ns, link.index, name)) or {}) do all[#all + 1] = record end
    end
    return all
  end
end

local MADE = { htb = true, hfsc = true, drr = true, qfq = true } -- the classes of others are there by themselves

local function class_change(ns, record) return core.class.replace(ns.core, record) end

m[2] = {
  noun = "class", field = "classes", changes = changes_of "class",
  list = each_link(function(link) return link:classes() end),
  read = function(spec, _, dev)
    local class = require("nsh.qdisc").complete("class", options(spec, dev))
    core.class.check(class)
    return core.class.read(class)
  end,
  key = function(record) return ("%s dev %s"):format(tostring(record.classid), tostring(record.dev)) end,
  mine = function(record) return MADE[record.kind] or false end,
  add = class_change, change = class_change,
  del = function(ns, record)
    return core.class.del(ns.core, { classid = record.classid, parent = record.parent, dev = record.dev })
  end,
  gone = { ENOENT = true, EINVAL = true, ENODEV = true },
}

-- --- filters ---

local FIRST_PRIO = 49152 -- which the kernel gives to the first filter that says nothing; it counts down

local function filter_read(spec, node, dev)
  local filter = require("nsh.filter").complete(options(spec, dev))
  core.filter.check(filter)
  if not filter.prio then
    local count = 0
    for _, other in ipairs(node.filters) do
      if other.dev == dev and other.parent == filter.parent and other.prio > FIRST_PRIO - 1000
        and other.prio <= FIRST_PRIO then
        count = count + 1
      end
    end
    filter.prio = FIRST_PRIO - count
  end
  return core.filter.read(filter)
end

local function add_filter(ns, record, run, step)
  local spec = {}
  for key, value in pairs(record) do spec[key] = value end
  local link = link_in(ns, run, step, step.to and step.to.dev)
  spec.dev = nil
  link:add_filter(spec)
  return true
end

local function del_filter(ns, record, run, step)
  local spec = {}
  for key, value in pairs(record) do spec[key] = value end
  spec.dev = nil
  link_in(ns, run, step, step.from and step.from.dev):del_filter(spec)
  return true
end

m[3] = {
  noun = "filter", field = "filters", read = filter_read, changes = changes_of "filter",
  list = each_link(function(link) return link:filters() end),
  key = function(record)
    return ("%s prio %s %s chain %s dev %s"):format(tostring(record.parent), tostring(record.prio),
      tostring(record.protocol), tostring(record.chain or 0), tostring(record.dev))
  end,
  name = function(record)
    return ("%s %s prio %s dev %s"):format(record.kind, tostring(record.parent), tostring(record.prio),
      tostring(record.dev))
  end,
  add = add_filter,
  change = function(ns, record, old, run, step)
    del_filter(ns, old, run, step)
    return add_filter(ns, record, run, step)
  end,
  del = del_filter,
  gone = { ENOENT = true, EINVAL = true, ENODEV = true },
}

return m
