--- ping_all.lua - who reaches whom: pings from many namespaces to many addresses at once.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local netns = require "nsh.netns"
local object = require "nsh.object"
local prefixes = require "nsh.prefix"
local show = require "nsh.show"
local target = require "nsh.target"
local text = require "nsh.text"

local m = {}

--- Who reaches whom. Plain data; printed, it is a matrix of round trip times where there are few, and a line for each
--- namespace that misses somebody where there are many. Nodes of a lab have their names there, and in the data those of
--- their namespaces.
---@class nsh.PingAll
---@field pairs nsh.PingPair[]
---@field sent integer
---@field received integer requests that were answered
---@field lost integer requests that were not
---@field loss number 0 (all answered) to 1 (none)
---@field rtt? { min: number, avg: number, max: number } seconds; absent when nothing was answered
---@field seconds number that it took
---@field overflow? integer how often the machine's table of neighbours had no place: that loses pings
local PingAll = { __name = "nsh.ping_all" }

--- One pair of them.
---@class nsh.PingPair
---@field from string a namespace
---@field to string a namespace, or an address that was asked for
---@field addr string
---@field sent integer
---@field received integer
---@field rtt? { min: number, avg: number, max: number } seconds
---@field error? string "host-unreachable", ... (nft's words), or the errno name of a failed send
---@field by? string who reported the error

local KEYS = { "count", "family", "interval", "size", "timeout", "to" }
local MATRIX, LINES, NAMES = 12, 20, 12 -- columns of a matrix; lines and names of a list of the missed
-- places in the table of neighbours that others may need; pairs of a part at least; how often the same are asked
local SPARE, PART, TRIES = 64, 256, 4

-- --- printing ---

local function milliseconds(seconds) return ("%.3f"):format(seconds * 1000) end

-- The names of the pairs in their order, after those that are given.
local function names_of(list, key, first)
  local names, seen, there = {}, {}, {}
  for _, pair in ipairs(list) do there[pair[key]] = true end
  for _, name in ipairs(first or {}) do
    if there[name] then
      names[#names + 1], seen[name] = name, true
    end
  end
  for _, pair in ipairs(list) do
    if not seen[pair[key]] then
      names[#names + 1], seen[pair[key]] = pair[key], true
    end
  end
  return names
end

-- How namespaces are called in print: nodes of a lab by their names, unless two are called so.
local called = setmetatable({}, { __mode = "k" })

local function names_of_nodes(spec)
  local labels, names = {}, {} -- of nodes by name, false where others are called so, too
  for _, list in ipairs { spec, spec.to or {} } do
    for _, one in ipairs(list) do
      if object.is(one, "nsh.lab.node") then
        local label = one:netns_name()
        labels[one.name] = (labels[one.name] == nil or labels[one.name] == label) and label
      else
        labels[type(one) == "table" and one.label or one] = false
      end
    end
  end
  for name, label in pairs(labels) do
    if label then names[label] = name end
  end
  return names
end

local function matrix(list, from, to, names)
  local cells, widths = {}, { 0 }
  local function cell(row, column, value)
    cells[row] = cells[row] or {}
    cells[row][column] = value
    widths[column] = math.max(widths[column] or 0, text.len(value))
  end
  local rows, columns = {}, {}
  cell(1, 1, "ms")
  for i, name in ipairs(from) do
    rows[name] = i + 1
    cell(i + 1, 1, text.escape(names[name] or name))
  end
  for i, name in ipairs(to) do
    columns[name] = i + 1
    cell(1, i + 1, text.escape(names[name] or name))
  end
  for _, pair in ipairs(list) do
    cell(rows[pair.from], columns[pair.to], pair.rtt and milliseconds(pair.rtt.avg) or "X")
  end
  local lines = {}
  for row = 1, #from + 1 do
    local line = {}
    for column = 1, #to + 1 do line[column] = text.pad(cells[row][column] or "-", widths[column], column > 1) end
    lines[row] = table.concat(line, "  ")
  end
  return lines
end

local function reason(pair)
  if not pair.error then return "" end
  return (" (%s%s)"):format(pair.error, pair.by and " from " .. pair.by or "")
end

-- "h1 misses h2, h3 (host-unreachable from 10.0.0.1)"
local function missed(list, from, short)
  local by, lines = {}, {}
  for _, pair in ipairs(list) do
    if pair.received < pair.sent then
      by[pair.from] = by[pair.from] or {}
      table.insert(by[pair.from], text.escape(short[pair.to] or pair.to) .. reason(pair)
        .. (pair.received > 0 and (" (%d of %d)"):format(pair.received, pair.sent) or ""))
    end
  end
  for _, name in ipairs(from) do
    local names = by[name]
    if names and #lines == LINES then return lines, true end
    if names then
      local more = #names > NAMES and (" and %d more"):format(#names - NAMES) or ""
      lines[#lines + 1] = ("%s misses %s%s"):format(text.escape(short[name] or name), table.concat(names, ", ", 1,
        math.min(#names, NAMES)), more)
    end
  end
  return lines
end

function PingAll:__tostring()
  local from, short = names_of(self.pairs, "from"), called[self] or {}
  local to = names_of(self.pairs, "to", from)
  local lines = #from <= MATRIX and #to <= MATRIX and matrix(self.pairs, from, to, short) or {}
  local cut
  if self.received < self.sent then
    local more
    more, cut = missed(self.pairs, from, short)
    table.move(more, 1, #more, #lines + 1, lines)
  end
  if cut then lines[#lines + 1] = "..." end
  lines[#lines + 1] = ("%d pairs, %d of %d pings answered, %.4g %% lost, in %.2f s"):format(#self.pairs, self.received,
    self.sent, self.loss * 100, self.seconds)
  if self.rtt then
    lines[#lines + 1] = ("rtt min/avg/max %s/%s/%s ms"):format(milliseconds(self.rtt.min), milliseconds(self.rtt.avg),
      milliseconds(self.rtt.max))
  end
  if self.overflow then
    lines[#lines + 1] = ("the machine's table of neighbours had no place %d times: sysctl net.ipv4.neigh.default"
      .. ".gc_thresh3 (and net.ipv6) bounds it for all namespaces together"):format(self.overflow)
  end
  return table.concat(lines, "\n")
end

-- --- who asks whom ---

local function first_addr(ns, family)
  local addr = target.addrs(ns, family)[1]
  if not addr then
    fail.misuse("%s has no %saddress that others could ping; give it one, or say to = { addresses }", ns.label,
      family and family .. " " or "")
  end
  return addr
end

-- The address that a node of a lab is declared with first: links are numbered as they are made, which says nothing.
local function declared(one, family)
  return object.is(one, "nsh.lab.node") and one:address { family = family, required = false } or nil
end

-- Returns the namespaces, and the targets { label, addr, ns }.
local function read(spec)
  if type(spec) ~= "table" then fail.misuse("ping_all takes a list of namespaces, not a %s", type(spec)) end
  local options, from, to = {}, {}, {}
  for key, value in pairs(spec) do
    if math.type(key) ~= "integer" then options[key] = value end
  end
  options = fail.known(options, "ping_all", KEYS)
  local family = options.family
  if family ~= nil and family ~= "inet" and family ~= "inet6" then
    fail.misuse("family is \"inet\" or \"inet6\", not %s", tostring(family))
  end
  if options.to ~= nil and type(options.to) ~= "table" then
    fail.misuse("to is a list of addresses and namespaces, not a %s", type(options.to))
  end
  for i, ns in ipairs(spec) do from[i] = netns.resolve(ns) end
  if #from == 0 then fail.misuse "ping_all wants a list of namespaces, as { a, b, c }" end
  for i, one in ipairs(options.to or spec) do
    local addr = type(one) == "string" and core.address_bytes(one) and one
    local ns = not addr and netns.resolve(one) or nil
    to[i] = { label = addr or ns.label, addr = addr or declared(one, family) or first_addr(ns, family), ns = ns }
  end
  options.to, options.family = nil, nil
  return from, to, options
end

-- The pairs, each with the number of its namespace. Both directions of a pair follow each other: the first makes the
-- two know each other.
local function pairs_of(from, to)
  local list, done, at, own = {}, {}, {}, {}
  for i, ns in ipairs(from) do
    at[ns], done[i] = i, {}
  end
  for k, one in ipairs(to) do
    if one.ns then own[one.ns] = k end
  end
  local function add(i, k)
    if not done[i] or not k or done[i][k] or to[k].ns == from[i] then return end
    done[i][k] = true
    list[#list + 1] = { i, from = from[i].label, to = to[k].label, addr = to[k].addr }
  end
  for i, ns in ipairs(from) do
    for k, one in ipairs(to) do
      add(i, k)
      add(at[one.ns], own[ns])
    end
  end
  return list
end

-- --- the table of neighbours, which all namespaces of the machine share ---

local function neighbours(ns, family)
  return fail.check("ping_all", nil, ns, core.pings.neighbours(ns.core, family))
end

local function neighs(ns, family)
  return fail.check("neigh list", nil, ns, core.neigh.list(ns.core, { family = family }))
end

local function known(all, family)
  local sets = {}
  for _, ns in ipairs(all) do
    local set = {}
    for _, record in ipairs(neighs(ns, family)) do set[record.dst] = true end
    sets[ns] = set
  end
  return sets
end

local KEPT = { permanent = true, noarp = true, incomplete = true, none = true }

-- Takes out what was learnt since, to make place. What is looked for at the moment stays.
local function forget(all, family, before)
  for _, ns in ipairs(all) do
    local list = neighs(ns, family)
    pcall(ns.batch, ns, function() -- one may have gone by itself
      for _, record in ipairs(list) do
        if not KEPT[record.state] and not before[ns][record.dst] then
          core.neigh.del(ns.core, { record.dst, dev = record.dev })
        end
      end
    end)
  end
end

-- Runs the pings, part by part where the table can't hold the neighbours of all. Each pair takes so many places.
-- Returns how often there was none, and whom the namespaces knew before, where that had to be found out.
local function run_parts(op, n, all, family, places, before)
  local root = all[1]
  local entries, most, fulls = neighbours(root, family)
  before = before or n * places > most - entries - SPARE and known(all, family)
  local done = 0
  while done < n do
    local room = n
    if before then
      entries = neighbours(root, family)
      if most - entries - SPARE < PART * places then
        forget(all, family, before)
        entries = neighbours(root, family)
      end
      room = math.max(PART, (most - entries - SPARE) // places)
    end
    done = math.min(n, done + room)
    core.pings.go_on(op, done)
    fail.check("ping_all", nil, nil, loop.run(op))
  end
  if before then forget(all, family, before) end
  return select(3, neighbours(root, family)) - fulls, before
end

-- Fills in what came of each pair; returns those that miss an answer.
local function note(op, list)
  local missing = {}
  for i, pair in ipairs(list) do
    local sent, received, min, seconds, max, what, by = core.pings.result(op, i)
    pair.sent, pair.received, pair.error, pair.by = sent, received, what, by
    if received > 0 then
      pair.rtt = setmetatable({ min = min, avg = seconds / received, max = max }, show.Record)
    end
    if received < sent then missing[#missing + 1] = pair end
    setmetatable(pair, show.Record)
  end
  return missing
end

local function sum(list)
  local result = { pairs = setmetatable(list, show.List), sent = 0, received = 0 }
  local total, rtt = 0, { min = math.huge, max = 0 }
  for _, pair in ipairs(list) do
    result.sent, result.received = result.sent + pair.sent, result.received + pair.received
    if pair.rtt then
      rtt.min, rtt.max = math.min(rtt.min, pair.rtt.min), math.max(rtt.max, pair.rtt.max)
      total = total + pair.rtt.avg * pair.received
    end
  end
  result.lost = result.sent - result.received
  result.loss = result.sent > 0 and 1 - result.received / result.sent or 0
  if result.received > 0 then
    rtt.avg = total / result.received
    result.rtt = rtt
  end
  return result
end

--- Pings from all of these namespaces to all others, or to what `to` lists.
---@private
---@param spec table
---@return nsh.PingAll
function m.run(spec)
  local from, to, options = read(spec)
  local list, start = pairs_of(from, to), core.loop.now()
  local handles, all, seen, numbers = {}, {}, {}, {}
  for i, ns in ipairs(from) do
    handles[i], all[i], seen[ns] = ns.core, ns, true
  end
  local places = spec.to and 2 or 1 -- two for both directions of a pair: where one is asked, the answer takes the other
  for _, one in ipairs(to) do
    if one.ns and not seen[one.ns] then all[#all + 1], seen[one.ns] = one.ns, true end
  end
  for _, pair in ipairs(list) do numbers[pair], pair[1] = pair[1], nil end
  local family = to[1] and prefixes.family(to[1].addr) or "inet"
  local missing, overflow, before = list, nil, nil
  for _ = 1, TRIES do -- what was lost for want of a place is asked again
    local which, addrs = {}, {}
    for i, pair in ipairs(missing) do which[i], addrs[i] = numbers[pair], pair.addr end
    local op <close> = fail.check("ping_all", nil, nil, core.pings.start(handles, which, addrs, options))
    overflow, before = run_parts(op, #missing, all, family, places, before)
    missing = note(op, missing)
    if overflow == 0 or #missing == 0 then break end
  end
  local result = sum(list)
  result.seconds = core.loop.now() - start
  if #missing > 0 and overflow > 0 then result.overflow = overflow end
  called[result] = names_of_nodes(spec)
  return setmetatable(result, PingAll)
end

return m
