--- carry.lua - carries steps out: few messages, in an order that cuts no more than it must.
local core = require "nsh.core"
local fail = require "nsh.error"
local link_local = require "nsh.lab.link_local"
local loop = require "nsh.loop"
local named = require "nsh.lab.named"
local netns = require "nsh.netns"
local nouns = require "nsh.lab.nouns"
local outside = require "nsh.lab.outside"
local promote = require "nsh.lab.promote"
local records = require "nsh.lab.records"
local runs = require "nsh.lab.run"
local spaces = require "nsh.lab.spaces"
local usable = require "nsh.lab.usable"

local m = {}

-- --- batches ---

-- Which requests of a batch are whose: steps, and the number of the last request of each.
local Owners = {}
Owners.__index = Owners

local function new_owners() return setmetatable({ last = {}, steps = {}, count = 0 }, Owners) end

--- Asks for one step; what it couldn't even ask for is its failure.
---@private
function Owners:ask(run, step, fn, ...)
  spaces.need(run, step.netns)
  run.step = step
  local ok, message, code, detail = fn(...)
  if ok == nil and code then runs.refuse(run, step, message, code, detail) end
  local count = self.count + 1
  self.last[count], self.steps[count], self.count = core.netns.asked(), step, count
end

---@private
function Owners:of(request)
  local low, high = 1, self.count
  while low < high do
    local middle = (low + high) // 2
    if self.last[middle] >= request then high = middle else low = middle + 1 end
  end
  return self.steps[low]
end

-- Runs a batch of all namespaces. `forgive` tells of a failure whether it counts; without it nothing is sent after the
-- first one.
local function batch(run, fn, forgive)
  local owners = new_owners()
  local ok, message, code, detail = loop.pinned(core.netns.batch_all, forgive == nil, fn, owners)
  if ok ~= nil then return end
  if not detail.failed then fail.check("lab up", run.label, nil, ok, message, code, detail) end
  for _, failure in ipairs(detail.failed) do
    local step = owners:of(failure.request)
    if not step then fail.check("lab up", run.label, failure.netns, nil, failure.message, failure.code, failure) end
    if not (forgive and forgive(step, failure)) then
      runs.refuse(run, step, failure.message, failure.code, failure)
    end
  end
end

-- --- links ---

-- Makers of links: { step, other } with the step of the other end of a pair. A pair is made from the end that has a
-- master, else from the first; what a link stands on comes before it.
local Makers = {}
Makers.__index = Makers

local function is_made(step) return step.noun == "link" and (step.op == "create" or step.anew) end

local function makers_of(steps)
  local self, made = setmetatable({ by = {}, list = {}, done = {} }, Makers), {}
  for _, step in ipairs(steps) do
    if is_made(step) then
      local by = self.by[step.netns] or {}
      self.by[step.netns], by[step.name] = by, step
      made[#made + 1] = step
    end
  end
  for _, step in ipairs(made) do self:add(step) end
  return self.list
end

---@private
function Makers:need(step)
  local links, to = self.by[step.netns], step.to
  local keys = named.keys(to.kind).first
  for i = 1, #keys do
    local other = links[to[keys[i]]]
    if other then self:add(other) end
  end
end

---@private
function Makers:add(step)
  if self.done[step] then return end
  local peer = step.to.peer
  local links = peer and self.by[peer.netns]
  local other = links and links[peer.name]
  self.done[step] = true
  if other then
    if not step.to.master and other.to.master and not self.done[other] then step, other = other, step end
    self.done[step], self.done[other] = true, true
    self:need(other)
  end
  self:need(step)
  self.list[#self.list + 1] = { step = step, other = other }
end

local USUAL_MTU = 1500

local function master_kind(run, step)
  return type(step.to.master) == "string" and run.kind[step.netns][step.to.master] or nil
end

-- One end as the core takes it. A veth has one queue: more cost time, and are used by nobody. What names links that
-- aren't there yet is noted.
local function link_spec(run, step)
  local spec, own_kind = core.copy(step.to, 2), master_kind(run, step)
  named.number(spec, run.index[step.netns], spec.kind, own_kind)
  local left = named.take_later(spec, spec.kind, own_kind)
  if left then table.insert(run.naming, { step, left }) end
  spec.index, spec.peer = runs.number(run, step.netns, step.name), nil
  if spec.mtu == USUAL_MTU and (spec.kind == "veth" or spec.kind == "bridge") then spec.mtu = nil end
  if spec.kind == "veth" then
    spec.numtxqueues, spec.numrxqueues = spec.numtxqueues or 1, spec.numrxqueues or 1
  end
  return spec
end

-- A bridge that is up before its ports are there takes much longer; a bond takes no port that is up (Linux 6.6).
local function is_up_later(run, step)
  return step.to.up and (step.to.kind == "bridge" or master_kind(run, step) == "bond")
end

local function make_link(run, maker)
  local step, other = maker.step, maker.other
  if step.to.machine then return outside.fetch(run, step) end
  local spec = link_spec(run, step)
  local own_kind = master_kind(run, step)
  if is_up_later(run, step) then spec.up = nil end
  if other then
    spaces.need(run, other.netns)
    local peer = link_spec(run, other)
    peer.kind, peer.netns = nil, run.ns[other.netns]
    if peer.port and master_kind(run, other) ~= own_kind then peer.port = nil end
    if is_up_later(run, other) or records.link_local(other.to) then peer.up = nil end
    spec.peer = peer
  end
  return core.link.add(run.ns[step.netns].core, spec, own_kind)
end

-- Options of a port that its maker couldn't be told: the masters of both ends are of different kinds.
local function set_other_port(run, maker)
  local other = maker.other
  if not other or not other.to.port or master_kind(run, other) == master_kind(run, maker.step) then return true end
  return core.link.set(run.ns[other.netns].core, run.index[other.netns][other.name], { port = other.to.port },
    other.to.kind, master_kind(run, other))
end

-- What of a link names others that were made after it.
local function set_named(run, step, left)
  local own_kind = master_kind(run, step)
  named.number(left, run.index[step.netns], step.to.kind, own_kind)
  return core.link.set(run.ns[step.netns].core, run.index[step.netns][step.name], left, step.to.kind, own_kind)
end

local function set_up(run, step)
  return core.link.set(run.ns[step.netns].core, run.index[step.netns][step.name], { up = true })
end

-- --- steps ---

local function carry(run, step)
  local row, ns = nouns.by_name[step.noun], run.ns[step.netns]
  if step.op == "delete" then return row.del(ns, runs.numbered(run, step.netns, step.from), run, step) end
  local record = row.late and step.to or runs.numbered(run, step.netns, step.to)
  if step.op == "create" then return row.add(ns, record, run, step) end
  local old = row.late and step.from or runs.numbered(run, step.netns, step.from)
  return row.change(ns, record, old, run, step)
end

local function is_late(step)
  local row = nouns.by_name[step.noun]
  return row ~= nil and row.late or false
end

local function is_rest(step)
  return step.op ~= "delete" and nouns.by_name[step.noun] ~= nil and not is_made(step) and not is_late(step)
end

-- What goes with something else, or is gone already, has gone.
local function forgive(step, failure)
  local row = nouns.by_name[step.noun]
  return step.op == "delete" and row.gone ~= nil and row.gone[failure.code] or false
end

-- Links that are in the way of others: those that are made anew, and of those that go all but pairs, whose numbers
-- (of a VLAN, a VNI, a table) others may get.
local function goes_first(step)
  if step.noun ~= "link" then return false end
  return step.anew or step.op == "delete" and step.from.kind ~= "veth"
end

local function delete_links(run, steps, chosen)
  local list, seen = {}, {}
  for _, step in ipairs(steps) do
    local index = step.noun == "link" and chosen(step) and not step.machine and run.index[step.netns][step.name]
    if step.machine and chosen(step) then outside.send(run.ns[step.netns], step.name, step.machine, run.homes) end
    local peer = index and step.from.peer
    if index and not seen[step.netns .. " " .. step.name] then
      list[#list + 1] = { step, index }
      if peer then seen[tostring(peer.netns) .. " " .. tostring(peer.name)] = true end
    end
  end
  if not list[1] then return end
  batch(run, function(owners)
    for _, entry in ipairs(list) do
      local step = entry[1]
      owners:ask(run, step, core.link.del, run.ns[step.netns].core, entry[2])
    end
  end, function(_, failure) return failure.code == "ENODEV" end)
end

-- Namespaces that get a bridge, which is set up last, and what is in them after that. Nexthop objects want a carrier,
-- so the other ends are up before they come.
local function with_bridges(run, makers, steps)
  local later = {}
  for _, step in ipairs(steps) do
    if step.noun == "nexthop" and step.op ~= "delete" then later[step.netns] = {} end
  end
  local function note(step)
    if not is_up_later(run, step) then return end
    later[step.netns] = later[step.netns] or {}
    table.insert(later[step.netns], step)
  end
  for _, maker in ipairs(makers) do
    note(maker.step)
    if maker.other then note(maker.other) end
  end
  return later
end

-- What others may get from a link that they stand on: its mtu, its address. What it names may have to be made first.
local function is_below(step)
  return step.noun == "link" and step.op == "change" and not step.anew and not named.changes(step)
end

-- Qdiscs below a class come after the classes.
local function classes_first(steps)
  local list, below = {}, {}
  for _, step in ipairs(steps) do
    local parent = step.noun == "qdisc" and step.op ~= "delete" and step.to.parent
    if parent and tostring(parent):find "^%x+:%x+$" then
      below[#below + 1] = step
    else
      if step.noun == "filter" then list, below = table.move(below, 1, #below, #list + 1, list), {} end
      list[#list + 1] = step
    end
  end
  return table.move(below, 1, #below, #list + 1, list)
end

-- Steps of links that are there already and that others stand on, and those of all else by their namespaces: of those
-- that get nothing up later, and of those that do.
local function parts_of(steps, makers, later)
  local below, now, last = {}, {}, {}
  for _, step in ipairs(steps) do
    if is_rest(step) then
      local name = step.netns
      local part = below
      if not makers[1] or not is_below(step) then
        local parts = later[name] and last or now
        parts[name] = parts[name] or {}
        part = parts[name]
      end
      part[#part + 1] = step
    end
  end
  return below, now, last
end

-- How many links each namespace is still to get.
local function count_links(makers)
  local count = {}
  for _, maker in ipairs(makers) do
    local step, other = maker.step, maker.other
    count[step.netns] = (count[step.netns] or 0) + 1
    if other then count[other.netns] = (count[other.netns] or 0) + 1 end
  end
  return count
end

-- The steps of a build as they are asked for.
local Build = {}
Build.__index = Build

---@private
function Build:flush()
  local ok, message, code, detail = core.netns.flush()
  if ok == nil then m.fail_flush(self.run, self.owners, message, code, detail) end
end

---@private
function Build:ask_all(part)
  for _, step in ipairs(part or {}) do self.owners:ask(self.run, step, carry, self.run, step) end
end

--- Asks for what links have that names others made after them.
---@private
function Build:name_links()
  for _, entry in ipairs(self.run.naming) do
    self.owners:ask(self.run, entry[1], set_named, self.run, entry[1], entry[2])
  end
end

--- Asks for what wasn't asked for yet, in the order of the steps.
---@private
function Build:ask_left(steps, parts)
  for _, step in ipairs(steps) do
    local name = step.netns
    self:ask_all(parts[name])
    parts[name] = nil
  end
end

--- Asks for what a namespace gets beside links, when it has all of these.
---@private
function Build:count_down(step, now)
  local name = step.netns
  local left = self.links[name] - 1
  self.links[name] = left
  if left > 0 then return end
  self:ask_all(now[name])
  now[name] = nil
end

--- Asks for the links. What is asked of one namespace while a process beside nsh makes the next one costs no time, so
--- all of a namespace is asked for as soon as it can be.
---@private
function Build:make_links(makers, now)
  local run, owners = self.run, self.owners
  self.links = count_links(makers)
  for _, maker in ipairs(makers) do
    local step, other = maker.step, maker.other
    owners:ask(run, step, make_link, run, maker)
    owners:ask(run, step, set_other_port, run, maker)
    link_local.settle(run, owners, maker, other and not is_up_later(run, other) and set_up)
    self:count_down(step, now)
    if other then self:count_down(other, now) end
  end
end

local function build(run, unordered)
  local steps = classes_first(unordered)
  local makers = makers_of(steps)
  local later = with_bridges(run, makers, steps)
  local below, now, last = parts_of(steps, makers, later)
  local opens = run.opening[1] ~= nil
  batch(run, function(owners)
    local self = setmetatable({ run = run, owners = owners }, Build)
    self:ask_all(below)
    self:make_links(makers, opens and {} or now)
    spaces.need_all(run)
    if opens then
      self:flush()
      spaces.set(run, run.opening)
    end
    self:ask_left(steps, now)
    if next(later) ~= nil then
      self:flush()
      for _, list in pairs(later) do
        for _, step in ipairs(list) do owners:ask(run, step, set_up, run, step) end
      end
    end
    self:name_links()
    self:ask_left(steps, last)
  end)
end

--- Raises what a part of a batch failed with.
---@private
function m.fail_flush(run, owners, message, code, detail)
  local first = detail.failed and detail.failed[1]
  local step = first and owners:of(first.request)
  if step then runs.refuse(run, step, first.message, first.code, first) end
  fail.check("lab up", run.label, nil, nil, message, code, detail)
end

-- --- deletions ---

local function delete_rest(run, steps)
  local list = {}
  for _, step in ipairs(steps) do
    if step.op == "delete" and step.noun ~= "link" and step.noun ~= "netns" and not is_late(step) then
      list[#list + 1] = step
    end
  end
  if list[1] then
    batch(run, function(owners)
      for _, step in ipairs(list) do owners:ask(run, step, carry, run, step) end
    end, forgive)
  end
  delete_links(run, steps, function(step) return step.op == "delete" and not goes_first(step) end)
end

--- Raises when something that was started has ended meanwhile, without waiting for it.
---@private
---@param run nsh.LabRun
function m.check(run)
  for _, step in ipairs(run.late) do
    local row = nouns.by_name[step.noun]
    if row.check and step.op ~= "delete" then
      run.step = step
      row.check(run.ns[step.netns], step.to)
    end
  end
  run.step = nil
end

-- Late steps noun by noun: all nodes have their files when the first service starts, all services run at the first
-- command.
local function do_late(run, steps, deletions)
  local list = {}
  for i, step in ipairs(steps) do
    if is_late(step) and (step.op == "delete") == deletions then
      list[#list + 1] = { step, nouns.by_name[step.noun].order * (deletions and -1 or 1), i }
    end
  end
  table.sort(list, function(a, b)
    if a[2] ~= b[2] then return a[2] < b[2] end
    return a[3] < b[3]
  end)
  for i, entry in ipairs(list) do
    if i > 1 and list[i - 1][2] ~= entry[2] then m.check(run) end
    run.step = entry[1]
    carry(run, entry[1])
    run.late[#run.late + 1] = entry[1]
  end
end

-- Tells `nsh --capture`, which may wait for them, that links are there.
local function tell_capture()
  local sniff = package.loaded["nsh.sniff"]
  if sniff then sniff.look() end
end

--- Carries steps out.
---@param run nsh.LabRun
---@param steps nsh.PlanStep[]
---@param live table<string, table> states of namespaces by name, as they are before
function m.out(run, steps, live)
  for _, row in ipairs(nouns.list) do
    if row.prepare then row.prepare(run, steps) end
  end
  local of_links = spaces.begin(run, steps)
  do_late(run, steps, true)
  delete_links(run, steps, goes_first)
  do
    local _ <close> = promote.during(run, steps, live)
    build(run, steps)
    tell_capture()
    delete_rest(run, steps)
  end
  spaces.set(run, of_links)
  usable.wait(run, steps)
  do_late(run, steps, false)
  run.step = nil
end

--- Deletes the namespaces that go: what can't be undone comes last.
---@param run nsh.LabRun
---@param steps nsh.PlanStep[]
---@param last table<string, table> states as they were applied last, by namespace
function m.finish(run, steps, last)
  for _, step in ipairs(steps) do
    if step.noun == "netns" and step.op == "delete" then
      run.step = step
      require("nsh.lab.nouns_node").stop(last[step.netns], run.ns[step.netns])
      outside.send_all(run.ns[step.netns], step.borrowed, run.homes)
      netns.del(step.netns)
      run.ns[step.netns] = nil
    end
  end
  run.step = nil
end

return m
