--- apply.lua - up() and down(): a plan is carried out as a whole or not at all.
local carry = require "nsh.lab.carry"
local core = require "nsh.core"
local diff = require "nsh.lab.diff"
local fail = require "nsh.error"
local going = require "nsh.lab.going"
local live = require "nsh.lab.live"
local loop = require "nsh.loop"
local netns = require "nsh.netns"
local nouns = require "nsh.lab.nouns"
local outside = require "nsh.lab.outside"
local plan = require "nsh.lab.plan"
local progress = require "nsh.lab.progress"
local runs = require "nsh.lab.run"
local store = require "nsh.lab.store"
local text = require "nsh.text"
local undo = require "nsh.lab.undo"

local m = {}

local FILES = 3 -- descriptors that a namespace needs: itself, its socket, its mounts where commands run
local SPARE = 64

-- How many files this process may open; nil: nobody knows.
local function most_files()
  local file = io.open "/proc/self/limits"
  if not file then return nil end
  local soft = file:read("a"):match "Max open files%s+(%d+)"
  file:close()
  return math.tointeger(soft)
end

-- Before anything is made: are there enough descriptors?
local function check_files(lab, steps)
  local count = 0
  for _, step in ipairs(steps) do
    if step.noun == "netns" and step.op == "create" then count = count + 1 end
  end
  local most = count > SPARE and most_files()
  if not most or count * FILES + SPARE <= most then return end
  fail.raise {
    op = "lab up", target = lab.name, code = "EMFILE", errno = 24, where = lab.where,
    message = ("%d namespaces need %d open files, and %d are allowed"):format(count, count * FILES + SPARE, most),
    hint = "`ulimit -n` in the shell that starts nsh, or LimitNOFILE of its service, raises that",
  }
end

-- --- what is noted ---

local NOTHING = {}

-- The records of a noun that may be there while a plan is carried out.
local function united_list(row, wish, old)
  if row.once then return old end
  if not old[1] then return wish end
  local list, keys = table.move(wish, 1, #wish, 1, {}), {}
  for _, record in ipairs(list) do keys[row.key(record)] = true end
  for _, record in ipairs(old) do
    if not keys[row.key(record)] then list[#list + 1] = record end
  end
  return list
end

local function united_node(node, old)
  local new = {}
  for key, value in pairs(node) do new[key] = value end
  if old then new.id, new.adopted = old.id, old.adopted end
  for _, row in ipairs(nouns.list) do
    new[row.field] = united_list(row, node[row.field], old and old[row.field] or NOTHING)
  end
  return new
end

-- All that may be ours while a plan is carried out: what was applied last and what is wished.
local function united(last, wish)
  local state, before = { lab = wish.lab, nodes = {}, homes = wish.homes or last and last.homes }, live.by_netns(last)
  local seen = {}
  for i, node in ipairs(wish.nodes) do
    local old = before[node.netns]
    seen[node.netns] = true
    state.nodes[i] = (old or node.commands[1]) and united_node(node, old) or node
  end
  for _, node in ipairs(last and last.nodes or NOTHING) do
    if not seen[node.netns] then state.nodes[#state.nodes + 1] = node end
  end
  return state
end

-- The wish as what is applied now: with the namespaces that it stands in.
local function applied(wish, run, last)
  local before, made = live.by_netns(last), {}
  for _, name in ipairs(run.made) do made[name] = true end
  for _, node in ipairs(wish.nodes) do
    local ns, old = run.ns[node.netns], before[node.netns]
    node.id = ns and core.netns.identity(ns.core)
    if node.rulesets[1] and run.late[1] then require("nsh.lab.nouns_node").note(ns, node) end
    if made[node.netns] then
      node.adopted = nil
    elseif old and old.id == node.id then
      node.adopted = old.adopted
    end
  end
  return wish
end

local changing = {} -- labs by name

-- A lab is changed by one at a time: what another task has half done would be taken for what is there.
local function alone(lab)
  if changing[lab.name] then
    fail.misuse("lab %s is being changed, by another task or by what is under way here; wait for that", lab.name)
  end
  changing[lab.name] = true
  return setmetatable({}, { __close = function() changing[lab.name] = nil end })
end

-- Tells who keeps what is to be seen of tests that fail, where tests are run: "up" or "down".
local function tell_tests(what, ...)
  local keep = package.loaded["nsh.test_keep"]
  if keep then keep[what](...) end
end

-- --- up ---

-- What a failure of a step is told with when not all of what was done could be undone.
local function tell_left(err, left, problems)
  if not left and not problems[1] then return end
  local lines = {}
  if left then lines[1] = "what couldn't be undone:\n" .. tostring(plan.new(left)) end
  table.move(problems, 1, #problems, #lines + 1, lines)
  if type(err) ~= "table" then error(("%s\n  %s"):format(tostring(err), table.concat(lines, "\n")), 0) end
  err.left = left and plan.new(left)
  err.hint = (err.hint and err.hint .. "\n  " or "") .. table.concat(lines, "\n  ")
end

-- When a step fails or Ctrl-C passes, what was done is undone.
local function guard(lab, run, before, steps, last)
  local spare = undo.spare()
  return setmetatable({}, { __close = function(self, err)
    progress.done()
    spare:close()
    if self.done then return end
    if type(err) == "table" and run.step then
      err.step, err.where = err.step or run.step, not err.step and run.step.where or err.where
    end
    local left, problems = undo.back(run, before, steps)
    if not left and not problems[1] then
      if type(err) == "table" then err.undone = err.step ~= nil or nil end
      if last then store.restore(lab.name, last) else store.drop(lab.name) end
    end
    tell_left(err, left, problems)
  end })
end

-- Says what nobody declared and went along with a change.
local function told_lost(lab, lost)
  for _, one in ipairs(lost) do
    io.stderr:write(("lab %s: warning: %s %s of %s, which nobody declared, couldn't be put back: %s\n"):format(lab.name,
      one.step.noun, text.escape(one.step.name), one.step.node, text.escape(one.why)))
  end
  return lost[1] and lost or nil
end

-- Gives back the memory that a plan took.
local function tidy()
  collectgarbage()
  core.trim()
end

-- What a plan is made of is needed to its end: nothing is collected meanwhile.
local function uncollected()
  if not collectgarbage "isrunning" then return nil end
  collectgarbage "stop"
  return setmetatable({}, { __close = function()
    collectgarbage "restart"
    loop.later(tidy)
  end })
end

-- A namespace whose name was taken away by hand: what ran in it for the lab ends, and a file that is left of it goes.
local function give_up(node)
  require("nsh.lab.nouns_node").stop_services(node)
  local _, stale = netns.lookup(node.netns)
  if stale then netns.del(node.netns) end
end

-- Those that are made anew.
local function give_up_lost(steps, last)
  local before = last and live.by_netns(last)
  for _, step in ipairs(last and steps or {}) do
    if step.noun == "netns" and step.op == "create" and before[step.netns] then give_up(before[step.netns]) end
  end
end

--- Builds a lab, or changes what differs.
---@private
---@param lab nsh.Lab
---@return nsh.Plan
function m.up(lab)
  local _ <close> = alone(lab)
  local _ <close> = store.lock()
  local _ <close> = uncollected()
  progress.begin()
  local steps, there, wish, last
  repeat steps, there, wish, last = plan.of(lab) until not going.hasten(there)
  local run = runs.begin(there, wish)
  run.homes = outside.remember(wish, last)
  if #steps > 0 then
    check_files(lab, steps)
    store.begin(lab.name, united(last, wish))
    local before = undo.before(run, steps)
    local undoing <close> = guard(lab, run, before, steps, last)
    give_up_lost(steps, last)
    carry.out(run, steps, before.by)
    steps.lost = told_lost(lab, undo.restore(run, before, steps, last, wish))
    carry.check(run)
    carry.finish(run, steps, live.by_netns(last))
    undoing.done = true
  end
  store.save(lab.name, applied(wish, run, last))
  tell_tests("up", lab, steps)
  return steps
end

-- --- down ---

-- Takes what the lab has made out of a namespace that isn't its own.
local function leave(lab, nodes, homes)
  local last, nothing = { lab = lab.name, nodes = nodes }, { lab = lab.name, nodes = {} }
  local there = live.read(nothing, last)
  local steps, run = diff.steps(nothing, there, last), runs.begin(there, nothing)
  run.homes = homes
  carry.out(run, steps, {})
  return steps
end

-- A switch's own namespace last: with it all ports go one by one, unless their other ends have gone.
local function hosts_first(nodes)
  local list = {}
  for _, switches in ipairs { false, true } do
    for _, node in ipairs(nodes) do
      if (node.kind == "switch") == switches then list[#list + 1] = node end
    end
  end
  return list
end

--- Takes a lab down.
---@private
---@param lab nsh.Lab
---@return nsh.Plan
function m.down(lab)
  local _ <close> = alone(lab)
  local _ <close> = store.lock()
  local last = store.load(lab.name)
  if not last then return plan.new {} end
  tell_tests("down", lab)
  store.begin(lab.name, last)
  local steps, adopted = {}, {}
  for _, node in ipairs(last.nodes) do
    if node.adopted then adopted[#adopted + 1] = node end
  end
  if adopted[1] then steps = leave(lab, adopted, last.homes) end
  for _, node in ipairs(hosts_first(last.nodes)) do
    local ns = not node.adopted and netns.lookup(node.netns)
    if ns and (not node.id or core.netns.identity(ns.core) == node.id) then
      steps[#steps + 1] = { op = "delete", noun = "netns", node = node.node, netns = node.netns, name = node.netns,
        from = { name = node.netns } }
      require("nsh.lab.nouns_node").stop(node, ns)
      outside.send_all(ns, node.links, last.homes)
      netns.del(node.netns)
    elseif not node.adopted then
      give_up(node)
    end
  end
  store.drop(lab.name)
  return plan.new(steps)
end

return m
