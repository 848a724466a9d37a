--- apply.lua - carries a plan out: few messages, each namespace in its batches, and nothing left of one that fails.
local core = require "nsh.core"
local diff = require "nsh.lab.diff"
local fail = require "nsh.error"
local live = require "nsh.lab.live"
local netns = require "nsh.netns"
local nouns = require "nsh.lab.nouns"
local plan = require "nsh.lab.plan"
local store = require "nsh.lab.store"

local m = {}

local FIRST_INDEX = 100 -- of links that are made here: below are those that a kernel gives a namespace by itself

-- What is known while a plan is carried out: namespaces by name, and the numbers of their links.
local function new_run(there)
  local run = { ns = {}, index = {}, next = {}, made = {} }
  for _, node in ipairs(there.nodes) do
    run.ns[node.netns] = netns.resolve(node.netns)
    local numbers, last = { lo = 1 }, FIRST_INDEX - 1
    for _, link in ipairs(node.links) do
      numbers[link.name] = link.index
      last = math.max(last, link.index)
    end
    run.index[node.netns], run.next[node.netns] = numbers, last + 1
  end
  return run
end

local function make_netns(run, steps)
  for _, step in ipairs(steps) do
    if step.noun == "netns" and step.op == "create" then
      run.ns[step.netns] = netns.add(step.netns)
      run.made[#run.made + 1] = step.netns
      run.index[step.netns], run.next[step.netns] = { lo = 1 }, FIRST_INDEX
    end
  end
end

-- A link gets its number before it is made, so nobody has to ask for it.
local function number(run, ns, name)
  local index = run.next[ns]
  run.index[ns][name], run.next[ns] = index, index + 1
  return index
end

-- The record with numbers where it names links of its namespace.
local function numbered(run, ns, record)
  local copy = {}
  for key, value in pairs(record) do copy[key] = value end
  for _, key in ipairs { "dev", "master", "link" } do
    if type(copy[key]) == "string" then copy[key] = run.index[ns][copy[key]] or copy[key] end
  end
  return copy
end

-- Steps by namespace, in the order in which those come first.
local function by_netns(steps, chosen)
  local order, lists = {}, {}
  for _, step in ipairs(steps) do
    if chosen(step) then
      if not lists[step.netns] then
        lists[step.netns] = {}
        order[#order + 1] = step.netns
      end
      table.insert(lists[step.netns], step)
    end
  end
  return order, lists
end

-- Carries steps out, one batch a namespace.
local function batches(run, steps, chosen, carry)
  local order, lists = by_netns(steps, chosen)
  for _, name in ipairs(order) do
    local ns = run.ns[name]
    ns:batch(function()
      for _, step in ipairs(lists[name]) do
        fail.check(step.noun .. " " .. step.op, step.name, ns, carry(run, ns, step))
      end
    end)
  end
end

local function delete(run, ns, step)
  if step.noun == "link" then return core.link.del(ns.core, run.index[step.netns][step.name]) end
  return nouns.change(ns, "del", step.noun, numbered(run, step.netns, step.from))
end

-- The steps that make links, by the end that a pair is made from: the one that has a master, else the first.
local function makers(steps)
  local ends, list = {}, {}
  for _, step in ipairs(steps) do
    if step.noun == "link" and step.op == "create" then ends[step.netns .. " " .. step.name] = step end
  end
  for _, step in ipairs(steps) do
    if step.noun == "link" and step.op == "create" then
      local peer = step.to.peer and ends[step.to.peer.netns .. " " .. step.to.peer.name]
      local first = not peer or not peer.maker and (step.to.master or not peer.to.master)
      if first then
        step.maker, step.other = true, peer
        list[#list + 1] = step
      end
    end
  end
  return list
end

-- A bridge that is up before its ports are there takes much longer.
local function make_link(run, ns, step)
  local spec = numbered(run, step.netns, step.to)
  spec.index = number(run, step.netns, step.name)
  if spec.kind == "bridge" then spec.up = nil end
  if step.other then
    local other = step.other
    spec.peer = numbered(run, other.netns, other.to)
    spec.peer.kind, spec.peer.peer, spec.peer.netns = nil, nil, run.ns[other.netns]
    spec.peer.index = number(run, other.netns, other.name)
  end
  return core.link.add(ns.core, spec, spec.master and "bridge" or nil)
end

local function is_rest(step)
  return step.noun ~= "netns" and step.noun ~= "sysctl" and step.op ~= "delete"
    and not (step.noun == "link" and step.op == "create")
end

local function change(run, ns, step)
  if step.noun ~= "link" then
    return nouns.change(ns, step.op == "create" and "add" or "change", step.noun, numbered(run, step.netns, step.to))
  end
  local spec = {}
  for key in pairs(step.changes) do spec[key] = step.to[key] end
  return core.link.set(ns.core, run.index[step.netns][step.name], numbered(run, step.netns, spec), step.to.kind)
end

local function set_sysctls(run, steps)
  for _, step in ipairs(steps) do
    if step.noun == "sysctl" then run.ns[step.netns].sysctl[step.name] = step.to[step.name] end
  end
end

local function carry_out(run, steps)
  make_netns(run, steps)
  set_sysctls(run, steps)
  batches(run, steps, function(step) return step.op == "delete" end, delete)
  local made = makers(steps)
  batches(run, made, function() return true end, make_link)
  batches(run, steps, is_rest, change)
  batches(run, made, function(step) return step.to.kind == "bridge" and step.to.up end, function(_, ns, step)
    return core.link.set(ns.core, run.index[step.netns][step.name], { up = true }, "bridge")
  end)
end

-- Leaves nothing of what was made.
local function undo(run)
  for i = #run.made, 1, -1 do netns.del(run.made[i]) end
end

--- Builds a lab, or changes what differs.
---@private
---@param lab nsh.Lab
---@return nsh.Plan
function m.up(lab)
  local todo, there, wish = plan.of(lab)
  if #todo > 0 then
    store.begin(lab.name, wish)
    local run = new_run(there)
    local ok, err = pcall(carry_out, run, todo)
    if not ok then
      undo(run)
      error(err, 0)
    end
  end
  store.save(lab.name, wish)
  return todo
end

-- Takes what the lab has made out of a namespace that isn't its own, the world's root.
local function leave(lab, node, steps)
  local nothing = nouns.empty(node.netns)
  nothing.node, nothing.links[1] = node.node, { name = "lo" }
  local there = live.read { nodes = { nothing } }
  local todo = diff.steps({ nodes = { nothing } }, there, store.owned(lab.name))
  carry_out(new_run(there), todo)
  table.move(todo, 1, #todo, #steps + 1, steps)
end

--- Takes a lab down.
---@private
---@param lab nsh.Lab
---@return nsh.Plan
function m.down(lab)
  local steps = {}
  for _, node in ipairs((store.load(lab.name) or { nodes = {} }).nodes) do
    local ns = netns.lookup(node.netns)
    if ns and not ns.name then
      leave(lab, node, steps)
    elseif ns then
      steps[#steps + 1] = { op = "delete", noun = "netns", node = node.node, netns = node.netns, name = node.netns }
      netns.del(node.netns)
    end
  end
  store.drop(lab.name)
  return plan.new(steps)
end

return m
