--- diff.lua - two states compared: the steps that lead from what is there to what is wished.
local defaults = require "nsh.lab.defaults"
local live_of = require "nsh.lab.live"
local nouns = require "nsh.lab.nouns"

local m = {}

local NOTHING = {}

-- Records by their keys. Of several with the same key each further one gets another.
local function index(list, key)
  local map = {}
  for _, record in ipairs(list or NOTHING) do
    local k = key(record)
    while map[k] do k = k .. " +" end
    map[k] = record
  end
  return map
end

local function new_step(op, row, node, record, more)
  local step = { op = op, noun = row.noun, node = node.node, netns = node.netns, name = row.name(record) }
  for key, value in pairs(more) do step[key] = value end
  return step
end

-- What was wished once, is as it was wished, and isn't wished any more.
local function unset(found, wish, live, last)
  for key, value in pairs(last or NOTHING) do
    if wish[key] == nil and live[key] ~= nil and key ~= "peer" and nouns.same(value, live[key]) then
      found = found or {}
      found[key] = { live[key], nil }
    end
  end
  return found
end

-- Steps of one namespace, as they are found.
local Walk = {}
Walk.__index = Walk

---@private
function Walk:add(op, row, record, more)
  local step = new_step(op, row, self.node, record, more)
  step.where = nouns.where(more.to or NOTHING) or nouns.where(self.node)
  self.steps[#self.steps + 1] = step
  return step
end

--- Whether a record is on a link that goes, or is made anew: it goes with that.
---@private
function Walk:is_lost(row, record)
  if row.noun == "link" or row.noun == "rule" then return false end
  local dev = record.dev or record.port
  return self.lost[dev] == true
end

--- What is there by the key of a wish. One that leaves open what the kernel chooses has the first that fits.
---@private
function Walk:finder(row, records)
  local there = index(records, row.key)
  if not row.loose then return there, function(key) return there[key] end end
  local by_rest, taken = {}, {}
  for _, record in ipairs(records) do
    local rest = row.rest(record)
    by_rest[rest] = by_rest[rest] or {}
    table.insert(by_rest[rest], record)
  end
  return there, function(key, record)
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

--- What is to be made or changed.
---@private
function Walk:wanted(row)
  local records = {}
  for _, record in ipairs(self.live[row.field] or NOTHING) do
    if not self:is_lost(row, record) then records[#records + 1] = record end
  end
  local _, find = self:finder(row, records)
  local last = index(self.last and self.last[row.field], row.key)
  local claimed = {}
  for key, record in self:each(row) do
    local old = find(key, record)
    if not old then
      self:add("create", row, record, { to = record })
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
  return function()
    i = i + 1
    local record = list[i]
    if not record then return nil end
    local key = row.key(record)
    while seen[key] do key = key .. " +" end
    seen[key] = true
    return key, record
  end
end

---@private
function Walk:compare(row, record, old, last)
  local found, anew = row.changes(record, old, last)
  if not anew and last then
    found = unset(found, record, old, last)
    if row.noun == "link" and found then found = defaults.fill(found, record, self.defaults) end
  end
  if not found then return end
  self:add("change", row, record, { from = old, to = record, changes = found, anew = anew })
  if anew then self.lost[record.name] = true end
end

--- What tells whether a record may be deleted: it was applied last.
---@private
function Walk:owner(row)
  if self.owned then
    return function(record) return self.owned(row.noun, record, self.node.netns) end
  end
  local keys = index(self.last and self.last[row.field], row.key)
  local rests = row.loose and index(self.last and self.last[row.field], function(record)
    return row.loose(record) or row.key(record)
  end)
  return function(record) return keys[row.key(record)] or rests and rests[row.rest(record)] or false end
end

--- What is there, may go and isn't wished any more.
---@private
function Walk:unwanted(row, claimed, records)
  local is_ours = self:owner(row)
  for _, record in ipairs(records) do
    local stays = claimed[record] or not row.del or row.noun == "link" and record.name == "lo"
    if not stays and is_ours(record) then self:add("delete", row, record, { from = record }) end
  end
end

--- Links that go take with them what is on them.
---@private
function Walk:links(row)
  local wanted, is_ours = index(self.node.links, row.key), self:owner(row)
  for _, link in ipairs(self.live.links) do
    if not wanted[link.name] and link.name ~= "lo" and is_ours(link) then self.lost[link.name] = true end
  end
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
    if wish == nil then wish = defaults.sysctl(key) end
    if wish == true then wish = 1 elseif wish == false then wish = 0 end
    if wish ~= nil and tostring(live_of.plain(wish)) ~= tostring(old) then
      self:add("change", m.SYSCTL, { key = key },
        { from = { [key] = old or nil }, to = { [key] = wish }, changes = { [key] = { old or nil, wish } } })
    end
  end
end

m.SYSCTL = { noun = "sysctl", name = function(record) return record.key end }
m.NETNS = { noun = "netns", name = function(record) return record.netns end }

-- The steps of one namespace.
local function walk(steps, node, live, last, owned)
  local self = setmetatable({ steps = steps, node = node, live = live, last = last, owned = owned, lost = {},
    defaults = {} }, Walk)
  self:links(nouns.by_name.link)
  local gone = {}
  for _, row in ipairs(nouns.list) do
    local wished, there = node[row.field], live[row.field]
    if wished and wished[1] or there and there[1] then gone[row] = { self:wanted(row) } end -- most have none of most
  end
  for i = #nouns.list, 1, -1 do
    local row = nouns.list[i]
    if (last or owned) and gone[row] then self:unwanted(row, table.unpack(gone[row])) end
  end
  self:sysctls()
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
  local wanted = {}
  for _, node in ipairs(wish.nodes) do
    wanted[node.netns] = true
    local now = there[node.netns]
    if not now then
      local step = new_step("create", m.NETNS, node, node, { to = { name = node.netns } })
      step.where = nouns.where(node)
      steps[#steps + 1] = step
    end
    walk(steps, node, now or nouns.fresh(node.netns), now and before[node.netns], now and owned)
  end
  for _, node in ipairs(last and last.nodes or NOTHING) do
    if not wanted[node.netns] and there[node.netns] then
      if node.adopted then
        local nothing = nouns.empty(node.netns)
        nothing.node = node.node
        walk(steps, nothing, there[node.netns], node)
      else
        steps[#steps + 1] = new_step("delete", m.NETNS, node, node, { from = { name = node.netns } })
      end
    end
  end
  return steps
end

return m
