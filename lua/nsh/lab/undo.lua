--- undo.lua - what was there before a plan: read, so that it can be put back, and compared with what is left of it.
local carry = require "nsh.lab.carry"
local core = require "nsh.core"
local diff = require "nsh.lab.diff"
local live = require "nsh.lab.live"
local netns = require "nsh.netns"
local nouns = require "nsh.lab.nouns"
local outside = require "nsh.lab.outside"
local plain = require "nsh.lab.plain"
local promote = require "nsh.lab.promote"
local runs = require "nsh.lab.run"

local m = {}

local TRIES = 3 -- what comes back may bring other things back

-- --- what was there ---

-- Namespaces that a plan does something in and that are there, and the sysctls that it sets.
local function touched(run, steps)
  local spaces, sysctls = {}, {}
  local function touch(name) spaces[name] = run.ns[name] end
  for _, step in ipairs(steps) do
    if step.noun ~= "netns" then touch(step.netns) end
    local peer = step.noun == "link" and (step.op == "delete" or step.anew) and step.from.peer
    if type(peer) == "table" and peer.netns then touch(peer.netns) end
    if step.noun == "sysctl" then
      sysctls[step.netns] = sysctls[step.netns] or {}
      sysctls[step.netns][step.name] = true
    end
  end
  return spaces, sysctls
end

-- Where the other ends of links are, most probably: as they are declared.
local function guess_of(run)
  return function(name, link)
    local wish = run.wished[name] and run.wished[name][link]
    local peer = wish and wish.peer
    local ns = peer and run.ns[peer.netns]
    if ns and not ns.deleted then return ns, peer.netns end
  end
end

--- What was there before steps were carried out.
---@class nsh.LabBefore
---@field spaces table<string, nsh.Netns>
---@field sysctls table<string, table<string, any>>
---@field state table all that these namespaces had
---@field by table<string, table> the same by name
---@field guess fun(netns: string, link: string): nsh.Netns?, string? where the other end of a link may be

--- Reads what steps may change.
---@param run nsh.LabRun
---@param steps nsh.PlanStep[]
---@return nsh.LabBefore
function m.before(run, steps)
  local spaces, sysctls = touched(run, steps)
  local guess = guess_of(run)
  local state = next(spaces) and live.whole(spaces, sysctls, guess) or { nodes = {}, ns = {} }
  return { spaces = spaces, sysctls = sysctls, state = state, by = live.by_netns(state), guess = guess }
end

local function read(before)
  for name, ns in pairs(before.spaces) do
    if ns.deleted then before.spaces[name] = nil end
  end
  return live.whole(before.spaces, before.sysctls, before.guess)
end

-- What of records can be asked for, without what the kernel makes by itself.
local function askable(row, records)
  local list = {}
  for _, record in ipairs(records) do
    if not row.mine or row.mine(record) then list[#list + 1] = plain.wished(row.noun, record) end
  end
  return list
end

-- A state as one to be led back to; `link` says what of a link counts.
local function as_wish(state, link)
  local wish = { nodes = {} }
  for i, node in ipairs(state.nodes) do
    local new = nouns.empty(node.netns)
    new.node, new.sysctls, new.adopted = node.node or node.netns, node.sysctls, true
    for _, row in ipairs(nouns.list) do
      if row.noun ~= "link" and not row.late then new[row.field] = askable(row, node[row.field]) end
    end
    for _, record in ipairs(node.links) do
      local wanted = link(node.netns, record)
      if wanted then nouns.add(new, "links", wanted) end
    end
    wish.nodes[i] = new
  end
  return wish
end

-- --- what went along with something else ---

-- Takes what was applied last and isn't wished any more out of a state.
local function forget(state, last, wanted)
  local before, wishes = live.by_netns(last), live.by_netns(wanted)
  for _, node in ipairs(state.nodes) do
    local old, new = before[node.netns], wishes[node.netns]
    for _, row in ipairs(old and nouns.list or {}) do
      local gone, list = {}, {}
      for _, record in ipairs(old[row.field] or {}) do gone[row.key(record)] = true end
      for _, record in ipairs(new and new[row.field] or {}) do gone[row.key(record)] = nil end
      for _, record in ipairs(node[row.field]) do
        if not gone[row.key(record)] then list[#list + 1] = record end
      end
      node[row.field] = list
    end
  end
  return state
end

-- What steps do to the records of one noun in a namespace: the keys of those that go, and those that come, in order;
-- false: it went again. An entry for frames of no VLAN goes with those for each VLAN of its port, which the kernel made
-- of it.
local Edit = {}
Edit.__index = Edit

local function new_edit(row) return setmetatable({ row = row, gone = {}, come = {}, at = {}, fdb = {} }, Edit) end

local function port_of(record) return ("%s %s"):format(tostring(record.mac), tostring(record.dev)) end

---@private
function Edit:drop(record)
  local key = record and self.row.key(record)
  if not key then return end
  self.gone[key] = true
  if self.at[key] then self.come[self.at[key]], self.at[key] = false, nil end
end

--- Notes a step.
---@private
function Edit:follow(step)
  local from, to = step.from, step.to
  self:drop(from)
  self:drop(to)
  if step.noun == "fdb" and from and from.vlan == nil then self.fdb[port_of(from)] = #self.come end
  if not to then return end
  self.come[#self.come + 1] = to
  self.at[self.row.key(to)] = #self.come
end

--- Whether a record went with an entry for no VLAN, that went when so many had come.
---@private
function Edit:is_of_vlan(record, place)
  local many = next(self.fdb) and record.vlan ~= nil and self.fdb[port_of(record)]
  return many and place <= many
end

--- Returns the records as they are then.
---@private
function Edit:apply(records)
  local list = {}
  for _, record in ipairs(records) do
    if not self.gone[self.row.key(record)] and not self:is_of_vlan(record, 0) then list[#list + 1] = record end
  end
  for place, record in ipairs(self.come) do
    if record and not self:is_of_vlan(record, place) then list[#list + 1] = record end
  end
  return list
end

-- Takes what steps do into a state.
local function follow(wish, steps)
  local by = live.by_netns(wish)
  local lost = {}
  for _, step in ipairs(steps) do
    if step.noun == "link" and step.op == "delete" then lost[step.netns .. " " .. step.name] = true end
  end
  local edits = {}
  for _, step in ipairs(steps) do
    local node, row = by[step.netns], nouns.by_name[step.noun]
    if node and row and step.noun ~= "link" and not row.late then
      edits[node] = edits[node] or {}
      edits[node][row] = edits[node][row] or new_edit(row)
      edits[node][row]:follow(step)
    end
  end
  for node, of_node in pairs(edits) do
    for row, edit in pairs(of_node) do node[row.field] = edit:apply(node[row.field]) end
  end
  for _, node in ipairs(wish.nodes) do
    for _, row in ipairs(nouns.list) do
      local list = {}
      for _, record in ipairs(node[row.field]) do
        if not lost[node.netns .. " " .. tostring(record.dev)] then list[#list + 1] = record end
      end
      node[row.field] = list
    end
    node.sysctls = {}
  end
  return wish
end

-- Which records of a plan's wishes are declared: the others come back where they can.
local function declared(steps)
  local set = {}
  for _, step in ipairs(steps) do
    if step.to then set[step.to] = true end
  end
  return set
end

local function nothing_owned() return false end

-- Which links there are: "office.h1 eth0" and so on.
local function names_of_links(state)
  local names = {}
  for _, node in ipairs(state.nodes) do
    for _, link in ipairs(node.links) do names[node.netns .. " " .. link.name] = true end
  end
  return names
end

-- What an error says, without where and of what.
local function why_of(err)
  if type(err) ~= "table" then return tostring(err) end
  return err.extack or err.message or tostring(err)
end

-- The VLAN that a bridge and its ports are in by themselves, and no link else.
local function is_given(step)
  return step.noun == "bridge_vlan" and step.to.vid == 1 and step.to.pvid and step.to.untagged
end

--- Puts back what the kernel took away as a consequence of steps: routes of a link that was down, secondary addresses.
---@param run nsh.LabRun
---@param before nsh.LabBefore
---@param steps nsh.PlanStep[]
---@param last? table state that was applied last
---@param wanted table state that is wished
---@return { step: nsh.PlanStep, why: string }[] lost what nobody declared and has no place any more
function m.restore(run, before, steps, last, wanted)
  local lost = {}
  if next(before.spaces) == nil then return lost end
  local there = as_wish(before.state, function() return nil end)
  local wish = follow(last and forget(there, last, wanted) or there, steps)
  local ours = declared(steps)
  for _ = 1, TRIES do
    local now = read(before)
    runs.note(run, now)
    local todo, others, there_now = {}, {}, names_of_links(now)
    for _, step in ipairs(diff.steps(wish, now, nothing_owned)) do
      local is_ours, dev = ours[step.to], step.to and step.to.dev
      local has_link = is_ours or not dev or there_now[step.netns .. " " .. dev] -- what was on one that went is no news
      if step.op ~= "delete" and step.noun ~= "link" and step.noun ~= "sysctl" and has_link then
        table.insert(is_ours and todo or others, step)
      end
    end
    if not todo[1] and not others[1] then return {} end
    carry.out(run, todo, live.by_netns(now))
    lost = {}
    for _, step in ipairs(others) do
      local ok, err = pcall(carry.out, run, { step }, {})
      if not ok and not is_given(step) then lost[#lost + 1] = { step = step, why = why_of(err) } end
    end
    if not todo[1] then break end
  end
  return lost
end

-- --- the way back ---

local ALWAYS = { "up", "mtu", "mac", "master" }

-- What of a link counts on the way back: all where it has to be made again, else what was changed, and what the
-- changes may have moved.
local function link_reader(before, steps, scratch)
  local changed, whole = {}, {}
  for _, step in ipairs(steps) do
    if step.noun == "link" then
      local key = step.netns .. " " .. step.name
      if step.op == "delete" or step.anew then
        whole[key] = true
        local peer = step.from.peer
        if type(peer) == "table" then whole[tostring(peer.netns) .. " " .. tostring(peer.name)] = true end
      end
      changed[key] = changed[key] or {}
      for name in pairs(step.changes or {}) do changed[key][name] = true end
    end
  end
  return function(netns_name, record)
    local key = netns_name .. " " .. record.name
    if whole[key] then
      local spec = plain.link(record, before.by[netns_name].links, scratch)
      spec.peer, spec.mac, spec.mtu = record.peer, record.mac, record.mtu
      return spec
    end
    local all = plain.wished("link", record)
    local wish = { name = record.name, kind = record.kind, peer = record.peer }
    for _, name in ipairs(ALWAYS) do wish[name] = record[name] end
    for name in pairs(changed[key] or {}) do
      wish[name] = all[name]
      if wish[name] == nil then wish[name] = false end
    end
    if record.name == "lo" then wish.mac = nil end
    return wish
  end
end

-- What was made may go.
local function maker(steps)
  local made = {}
  for _, step in ipairs(steps) do
    local row = nouns.by_name[step.noun]
    if row and step.to then made[step.netns .. " " .. step.noun .. " " .. row.key(step.to)] = true end
    if row and row.rest and step.to then made[step.netns .. " " .. step.noun .. " " .. row.rest(step.to)] = true end
  end
  return function(noun, record, name)
    local row = nouns.by_name[noun]
    return made[name .. " " .. noun .. " " .. row.key(record)]
      or row.rest and made[name .. " " .. noun .. " " .. row.rest(record)] or false
  end
end

local function try(problems, fn, ...)
  local ok, result = pcall(fn, ...)
  if not ok then problems[#problems + 1] = tostring(result) end
  return ok and result or nil
end

local function back_one(run, step)
  local row, ns = nouns.by_name[step.noun], run.ns[step.netns]
  if step.op == "create" and row.del then row.del(ns, step.to, run, step) end
  if step.op == "delete" then row.add(ns, step.from, run, step) end
  if step.op == "change" then row.change(ns, step.from, step.to, run, step) end
end

-- Of namespaces that go nothing is put back but what wouldn't go along.
local function back_late(run, problems)
  local made = {}
  for _, name in ipairs(run.made) do made[name] = true end
  for i = #run.late, 1, -1 do
    local step = run.late[i]
    if not made[step.netns] or step.noun == "service" then try(problems, back_one, run, step) end
  end
end

-- Which address of IPv4 stands first in its network, by link and network: the kernel routes by that one.
local function firsts(node)
  local first = {}
  for _, addr in ipairs(node and node.addrs or {}) do
    if addr.family == "inet" and not addr.secondary then
      first[addr.dev .. " " .. promote.network_of(addr.addr)] = addr.addr
    end
  end
  return first
end

-- Takes the addresses of a network away where another one stands first now: they come back in their order.
local function reorder(run, before, now)
  local by, again = live.by_netns(now), false
  for _, node in ipairs(before.state.nodes) do
    local was, is = firsts(node), firsts(by[node.netns])
    for _, addr in ipairs(by[node.netns] and by[node.netns].addrs or {}) do
      local key = addr.family == "inet" and addr.dev .. " " .. promote.network_of(addr.addr)
      if key and was[key] and is[key] and was[key] ~= is[key] then
        core.addr.del(run.ns[node.netns].core, addr)
        again = true
      end
    end
  end
  return again
end

-- Links together, for they stand on one another, then all else by itself: what fails keeps nothing else from its place.
local function carry_apart(run, todo, now, reasons)
  local links, others = {}, {}
  for _, step in ipairs(todo) do table.insert(step.noun == "link" and links or others, step) end
  local function try_it(steps)
    local ok, err = pcall(carry.out, run, steps, live.by_netns(now))
    for _, step in ipairs(steps) do
      reasons[step.netns .. " " .. step.noun .. " " .. step.name] = not ok and why_of(err) or nil
    end
  end
  if links[1] then try_it(links) end
  for _, step in ipairs(others) do try_it { step } end
end

-- Everything that was there is there again, or is told with the reason.
local function lead_back(run, before, steps, problems)
  local scratch <close> = plain.scratch()
  local wish, owned = as_wish(before.state, link_reader(before, steps, scratch)), maker(steps)
  local failed, reasons = false, {}
  for _ = 1, TRIES do
    local now = read(before)
    if reorder(run, before, now) then now = read(before) end
    runs.note(run, now)
    local todo = diff.steps(wish, now, owned)
    if not todo[1] then return nil end
    if failed then
      carry_apart(run, todo, now, reasons)
    else
      failed = not pcall(carry.out, run, todo, live.by_netns(now))
    end
  end
  local left = diff.steps(wish, read(before), owned)
  for _, step in ipairs(left) do
    local why = reasons[step.netns .. " " .. step.noun .. " " .. step.name]
    if why then problems[#problems + 1] = ("%s %s in %s: %s"):format(step.noun, step.name, step.netns, why) end
  end
  return left[1] and left or nil
end

local function take_away(run, name)
  local ns = run.ns[name]
  if ns and not ns.deleted and netns.lookup(name) == ns then netns.del(name) end
end

--- Undoes what was done of steps.
---@param run nsh.LabRun
---@param before nsh.LabBefore
---@param steps nsh.PlanStep[]
---@return nsh.PlanStep[]? left what couldn't be put back, @return string[] problems what was said to that
function m.back(run, before, steps)
  local problems, left = {}, nil
  back_late(run, problems)
  if next(before.spaces) then left = try(problems, lead_back, run, before, steps, problems) end
  for _, step in ipairs(steps) do
    local ns = step.to and step.to.machine and step.op == "create" and run.ns[step.netns]
    if ns then try(problems, outside.send, ns, step.name, step.to.machine, run.homes) end
  end
  for i = #run.made, 1, -1 do try(problems, take_away, run, run.made[i]) end
  return left, problems
end

-- --- what the way back needs ---

local SPARE = 12 -- descriptors: it reads namespaces, and tries in one of its own what a link has by itself

--- Keeps descriptors for the way back, which may be gone because there are no more of them.
---@return { close: fun(self: table) } spare close() lets go of them
function m.spare()
  local files = {}
  for i = 1, SPARE do files[i] = io.open "/dev/null" end
  return { close = function()
    for _, file in ipairs(files) do file:close() end
  end }
end

return m
