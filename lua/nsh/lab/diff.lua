--- diff.lua - two states compared: the steps that lead from what is there to what is wished.
local defaults = require "nsh.lab.defaults"
local given = require "nsh.lab.given"
local live_of = require "nsh.lab.live"
local named = require "nsh.lab.named"
local nouns = require "nsh.lab.nouns"
local sysctls = require "nsh.sysctl"

local m = {}

local NOTHING = {}

-- Records by what a function says of them. Of several of which it says the same each further one gets another key.
local function index(list, key)
  local map = {}
  for _, record in ipairs(list or NOTHING) do
    local k = key(record)
    while map[k] do k = k .. " +" end
    map[k] = record
  end
  return map
end

local function new_step(op, row, node, record, from, to)
  return { op = op, noun = row.noun, node = node.node, netns = node.netns, name = row.name(record), from = from,
    to = to }
end

-- Of options that are there those that were wished once.
local function part_of(live, last)
  if type(live) ~= "table" or type(last) ~= "table" or rawlen(live) > 0 then return live end
  local part = {}
  for key in pairs(last) do part[key] = live[key] end
  return part
end

-- What was wished once, is as it was wished, and isn't wished any more.
local function unset(found, wish, live, last)
  for key, value in pairs(last or NOTHING) do
    if wish[key] == nil and live[key] ~= nil and key ~= "peer" and nouns.same(value, live[key]) then
      found = found or {}
      found[key] = { part_of(live[key], value), nil }
    end
  end
  return found
end

-- The same of single options of a port.
local function unset_port(found, wish, live, last)
  if type(wish.port) ~= "table" or type(last.port) ~= "table" or type(live.port) ~= "table" then return found end
  for key, value in pairs(last.port) do
    if wish.port[key] == nil and nouns.same(value, live.port[key]) then
      found = found or {}
      local pair = found.port or {}
      if not pair.unset then
        pair = { part_of(live.port, wish.port), part_of(wish.port, wish.port), unset = {} }
        found.port = pair
      end
      pair[1][key] = live.port[key]
      table.insert(pair.unset, key)
    end
  end
  return found
end

-- Steps of one namespace, as they are found.
local Walk = {}
Walk.__index = Walk

---@private
function Walk:add(op, row, record, from, to)
  local step, steps = new_step(op, row, self.node, record, from, to), self.steps
  step.where = to and nouns.where(to) or nouns.where(self.node)
  steps[#steps + 1] = step
  return step
end

--- The key of a record, which is made once: it is asked for several times.
---@private
function Walk:key(row, record)
  local key = self.keys[record]
  if not key then
    key = row.key(record)
    self.keys[record] = key
  end
  return key
end

--- Records by their keys.
---@private
function Walk:index(row, list)
  local map, keys, key_of = {}, self.keys, row.key
  for _, record in ipairs(list or NOTHING) do
    local key = keys[record]
    if not key then
      key = key_of(record)
      keys[record] = key
    end
    while map[key] do key, self.twice = key .. " +", true end
    map[key] = record
  end
  return map
end

--- What was applied last of a noun, by key.
---@private
function Walk:before(row)
  local last = self.last and self.last[row.field]
  if not last or not last[1] then return NOTHING end
  self.lasts[row] = self.lasts[row] or self:index(row, last)
  return self.lasts[row]
end

--- Whether a record is on a link that goes, or is made anew: it goes with that.
---@private
function Walk:is_lost(row, record)
  if row.noun == "link" or row.noun == "rule" then return false end
  local lost = self.lost
  if lost[record.dev] or lost[record.port] or lost[record.master] then return true end
  local link = row.noun == "bridge_vlan" and self.there[record.dev]
  return link and link.master ~= nil and lost[link.master] or false
end

--- What is there by the key of a wish. One that leaves open what the kernel chooses has the first that fits.
---@private
function Walk:finder(row, records)
  local there = self:index(row, records)
  if not row.loose then return function(key) return there[key] end end
  local by_rest, taken = {}, {}
  for _, record in ipairs(records) do
    local rest = row.rest(record)
    by_rest[rest] = by_rest[rest] or {}
    table.insert(by_rest[rest], record)
  end
  return function(key, record)
    local loose = row.loose(record)
    if not loose then return there[key] end
    for _, other in ipairs(by_rest[loose] or NOTHING) do
      if not taken[other] then
        taken[other] = true
        return other
      end
    end
  end
end

--- The records that are there and stay.
---@private
function Walk:staying(row)
  local all = self.live[row.field] or NOTHING
  if next(self.lost) == nil then return all end
  local records = {}
  for _, record in ipairs(all) do
    if not self:is_lost(row, record) then records[#records + 1] = record end
  end
  return records
end

--- What is to be made or changed.
---@private
function Walk:wanted(row)
  local records, wishes, claimed = self:staying(row), self.node[row.field], {}
  if not wishes or not wishes[1] then return claimed, records end
  local find, last = self:finder(row, records), self:before(row)
  for key, record in self:each(row) do
    local old = find(key, record)
    if not old then
      self:add("create", row, record, nil, record)
    else
      claimed[old] = true
      self:compare(row, record, old, last[key])
    end
  end
  return claimed, records
end

--- The wishes with their keys, in order.
---@private
function Walk:each(row)
  local i, list, seen = 0, self.node[row.field] or NOTHING, {}
  self.seen[row] = seen
  return function()
    i = i + 1
    local record = list[i]
    if not record then return nil end
    local key = self:key(row, record)
    while seen[key] do key = key .. " +" end
    seen[key] = true
    return key, record
  end
end

---@private
function Walk:compare(row, record, old, last)
  local anew = row.noun == "link" and self.remade[record.name] or nil
  if not anew and row.noun == "link" and old.master and self.lost[old.master] then
    old = setmetatable({ master = false }, { __index = old }) -- it is a port of nothing by then
  end
  local found = anew or row.changes(record, old, last)
  if row.noun == "addr" and self.live.missing and self.live.missing.again[self:key(row, record)] then
    found = found or {}
    found.usable = { false, true }
  end
  if not anew and last and not row.late then -- of late ones each says itself what counts
    found = unset(found, record, old, last)
    if row.noun == "link" then
      found = unset_port(found, record, old, last)
      if found then found = defaults.fill(found, record, self.defaults) end
    end
  end
  if not found then return end
  local step = self:add("change", row, record, old, record)
  step.changes, step.anew = found, anew and true
end

--- What tells whether a record may be deleted: it was applied last.
---@private
function Walk:owner(row)
  if self.owned then
    return function(record) return self.owned(row.noun, record, self.node.netns) end
  end
  local keys = self:before(row)
  local rests = row.loose and index(self.last and self.last[row.field], function(record)
    return row.loose(record) or self:key(row, record)
  end)
  return function(record) return keys[self:key(row, record)] or rests and rests[row.rest(record)] or false end
end

--- Whether all that was applied last is wished: then nothing goes.
---@private
function Walk:is_kept(row)
  if self.owned or self.twice or row.loose then return false end
  local seen = self.seen[row] or NOTHING
  for key in pairs(self:before(row)) do
    if not seen[key] then return false end
  end
  return true
end

--- What is there, may go and isn't wished any more.
---@private
function Walk:unwanted(row, claimed, records)
  if self:is_kept(row) then return end
  local is_ours = self:owner(row)
  for _, record in ipairs(records) do
    local stays = claimed[record] or not row.del or row.noun == "link" and record.name == "lo"
    if not stays and is_ours(record) then
      local step = self:add("delete", row, record, record)
      step.machine = row.noun == "link" and self.borrowed[record.name] or nil -- a link of the machine goes home
    end
  end
end

--- Finds links that go or are made anew: they take with them what is on them, and what stands on them.
---@private
function Walk:look_at_links()
  local row = nouns.by_name.link
  local is_ours, last = self:owner(row), self:before(row)
  for name, link in pairs(last) do self.borrowed[name] = link.machine end
  self.there, self.wishes = self:index(row, self.live.links), self:index(row, self.node.links)
  for name, link in pairs(self.there) do
    local wish = self.wishes[name]
    if wish then
      local found = row.other(wish, link)
      if found then self:remake(name, found) end
    elseif name ~= "lo" and is_ours(link) then
      self.lost[name] = true
    end
  end
end

--- Notes a link as one that is made anew.
---@private
---@return boolean? news it wasn't noted before
function Walk:remake(name, found)
  if self.remade[name] then return nil end
  self.remade[name], self.lost[name] = found, true
  return true
end

--- Notes one end of a pair as one that is made anew, for the other one is.
---@private
---@return boolean? news it wasn't noted before
function Walk:remake_end(name)
  local live, wish = self.there[name], self.wishes[name]
  return live and wish and self:remake(name, { peer = { live.peer, wish.peer or live.peer } })
end

--- Notes links that go with those that they stand on.
---@private
---@return boolean? news there were such
function Walk:spread()
  if next(self.lost) == nil then return nil end
  local news
  for name, link in pairs(self.there) do
    for key, below in named.below(link) do
      if self.lost[below] and not self.lost[name] then
        if self.wishes[name] then self:remake(name, { [key] = { below, below } }) else self.lost[name] = true end
        news = true
      end
    end
  end
  return news
end

---@private
function Walk:sysctl(key, old, wish)
  self:add("change", m.SYSCTL, { key = key }, { [key] = old }, { [key] = wish }).changes = { [key] = { old, wish } }
end

---@private
function Walk:sysctls()
  local keys = {}
  for key in pairs(self.node.sysctls) do keys[#keys + 1] = key end
  for key in pairs(self.last and self.last.sysctls or NOTHING) do
    if self.node.sysctls[key] == nil then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local wish, old = self.node.sysctls[key], self.live.sysctls[key]
    local _, dev = sysctls.parts(key)
    if dev and self.lost[dev:gsub("/", ".")] then old = nil end -- a new link has new ones
    if wish == nil then wish = defaults.sysctl(key, self.defaults) end
    if wish == true then wish = 1 elseif wish == false then wish = 0 end
    if wish ~= nil and tostring(live_of.plain(wish)) ~= tostring(old) then
      self:sysctl(key, old or nil, wish)
    end
  end
  for _, key in ipairs(self.live.missing and given.blocking(self) or NOTHING) do self:sysctl(key, 1, 0) end
end

m.SYSCTL = { noun = "sysctl", name = function(record) return record.key end }
m.NETNS = { noun = "netns", name = function(record) return record.netns end }

-- What becomes of one namespace. In one that is to be made nothing is found.
local function new_walk(steps, node, live, last, owned, known)
  if not live then
    return setmetatable({ steps = steps, node = node, live = nouns.fresh(), lost = NOTHING, remade = NOTHING,
      defaults = known, there = NOTHING }, Walk)
  end
  return setmetatable({ steps = steps, first = 1, node = node, live = live, last = last, owned = owned, lost = {},
    remade = {}, defaults = known, there = {}, wishes = {}, borrowed = {}, keys = {}, lasts = {}, seen = {},
    twice = false }, Walk)
end

--- Finds the steps.
---@private
function Walk:find()
  local gone = {}
  self.first = #self.steps + 1
  for _, row in ipairs(nouns.list) do
    local wished, there = self.node[row.field], self.live[row.field]
    if wished and wished[1] or there and there[1] then gone[row] = { self:wanted(row) } end -- most have none of most
    if self.live.missing and row.noun == "addr" then given.steps(self, gone[row] and gone[row][1] or NOTHING) end
  end
  for i = #nouns.list, 1, -1 do
    local row = nouns.list[i]
    if (self.last or self.owned) and gone[row] then self:unwanted(row, table.unpack(gone[row])) end
  end
  self:sysctls()
end

--- The same of a namespace that is to be made: all that is wished is new.
---@private
function Walk:fill()
  for _, row in ipairs(nouns.list) do
    for _, record in ipairs(self.node[row.field] or NOTHING) do
      if record.name == "lo" and row.noun == "link" then
        self:compare(row, record, self.live.links[1])
      else
        self:add("create", row, record, nil, record)
      end
    end
  end
  self:sysctls()
end

-- With one end of a pair the other one goes.
local function spread_to_peers(walks, by)
  local news
  for _, walk in ipairs(walks) do
    for name in pairs(walk.lost) do
      local link = walk.there[name]
      local peer = link and type(link.peer) == "table" and link.peer
      local other = peer and by[peer.netns]
      news = other and other:remake_end(peer.name) or news
      local wish = walk.wishes[name]
      peer = wish and wish.peer
      other = peer and by[peer.netns]
      news = other and other:remake_end(peer.name) or news
    end
  end
  return news
end

-- What goes with what goes, wherever it is.
local function spread(walks)
  local by = {}
  for _, walk in ipairs(walks) do by[walk.node.netns] = walk end
  repeat
    local news = spread_to_peers(walks, by)
    for _, walk in ipairs(walks) do news = walk:spread() or news end
  until not news
end

-- One end of a wished pair that isn't there takes the other one along.
local function look_at_missing(walks, fresh)
  local by = {}
  for _, walk in ipairs(walks) do by[walk.node.netns] = walk end
  local function check(walk)
    for _, wish in ipairs(walk.node.links) do
      local peer = not walk.there[wish.name] and wish.peer
      local other = peer and by[peer.netns]
      if other then other:remake_end(peer.name) end
    end
  end
  for _, walk in ipairs(walks) do check(walk) end
  for _, walk in ipairs(fresh) do check(walk) end
end

-- Links of the machine that go home before a namespace ends.
local function borrowed(node)
  local list
  for _, link in ipairs(node.links or NOTHING) do
    if link.machine then
      list = list or {}
      list[#list + 1] = link
    end
  end
  return list
end

--- Lists the steps from one state to another: namespaces, what comes and changes, what goes.
---@param wish table state
---@param live table state
---@param last? table|(fun(noun: string, record: table, netns: string): boolean) what was applied last, only that may
---  be deleted; or what tells what may be
---@return table[] steps
function m.steps(wish, live, last)
  local owned = type(last) == "function" and last or nil
  if owned then last = nil end
  local steps, there, before = {}, live_of.by_netns(live), live_of.by_netns(last)
  local walks, fresh, order, wanted, known = {}, {}, {}, {}, {}
  local function go(node, now)
    local walk = new_walk(steps, node, now, before[node.netns], owned, known)
    table.insert(now and walks or fresh, walk)
    order[#order + 1] = walk
  end
  for _, node in ipairs(wish.nodes) do
    wanted[node.netns] = true
    go(node, there[node.netns])
  end
  local gone = {}
  for _, node in ipairs(last and last.nodes or NOTHING) do
    if not wanted[node.netns] and there[node.netns] then
      if node.adopted then
        local nothing = nouns.empty(node.netns)
        nothing.node = node.node
        go(nothing, there[node.netns])
      else
        local step = new_step("delete", m.NETNS, node, node, { name = node.netns })
        step.borrowed = borrowed(node)
        gone[#gone + 1] = step
      end
    end
  end
  if walks[1] then
    for _, walk in ipairs(walks) do walk:look_at_links() end
    look_at_missing(walks, fresh)
    spread(walks)
  end
  for _, walk in ipairs(order) do
    local node = walk.node
    if there[node.netns] then
      walk:find()
    else
      local step = new_step("create", m.NETNS, node, node, nil, { name = node.netns })
      step.where = nouns.where(node)
      steps[#steps + 1] = step
      walk:fill()
    end
  end
  return table.move(gone, 1, #gone, #steps + 1, steps)
end

return m
