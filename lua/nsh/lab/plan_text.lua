--- plan_text.lua - a plan as text: the steps of each node under its name, and counts where there are very many.
local columns = require "nsh.columns"
local lines_of = require "nsh.lab.lines"
local named = require "nsh.lab.named"
local text = require "nsh.text"

local m = {}

local SIGN = { create = "+", change = "~", delete = "-" }
local MANY = 100 -- lines from which on what is new is counted

local WORD = { bridge_vlan = "vlan" }

local PLURAL = { addr = "addresses", mdb = "mdb entries", fdb = "fdb entries", class = "classes",
  nft = "nft rulesets", netns = "namespaces", qdisc = "qdiscs" }
local SINGULAR = { addr = "address", mdb = "mdb entry", fdb = "fdb entry", nft = "nft ruleset",
  netns = "namespace" }

local function counted(n, noun)
  noun = WORD[noun] or noun
  if n == 1 then return "1 " .. (SINGULAR[noun] or noun) end
  return n .. " " .. (PLURAL[noun] or noun .. "s")
end

local function value(v)
  if v == nil then return "nothing" end
  return columns.inline(v)
end

-- The other end of a pair; of one that isn't in a namespace with a name not all is known.
local function link_end(peer)
  if type(peer) ~= "table" or next(peer) == nil then return "nothing" end
  return text.escape(("%s@%s"):format(peer.name or "?", peer.netns or "?"))
end

-- What neither value tells: with what a link is made anew, or that a text of the same length is another one.
local function same_value(key, is, anew)
  if anew then return ("goes with its %s %s"):format(key, is) end
  return ("another %s, %s"):format(key, is)
end

-- "mtu 1400 → 1500"; of tables only what differs.
local function change(key, from, to, anew)
  if key ~= "peer" and type(from) == "table" and type(to) == "table" and #from == 0 and #to == 0 then
    local words = {}
    for sub in pairs(to) do
      if value(from[sub]) ~= value(to[sub]) then words[#words + 1] = change(key .. "." .. sub, from[sub], to[sub]) end
    end
    table.sort(words)
    if words[1] then return table.concat(words, ", ") end
  end
  if text.secret[key] then return key .. " " .. text.HIDDEN end
  local was, is = value(from), value(to)
  if key == "peer" then was, is = link_end(from), link_end(to) end
  if was == is then return same_value(key, is, anew) end
  return ("%s %s → %s"):format(key, was, is)
end

-- What a new link is, in a few words.
local function about(record)
  local words = {}
  if record.kind then words[1] = record.kind end
  if record.peer then words[#words + 1] = ("to %s.%s"):format(record.peer.netns, record.peer.name) end
  if record.master then words[#words + 1] = "in " .. tostring(record.master) end
  for _, below in named.below(record) do words[#words + 1] = "on " .. below end
  return #words > 0 and " " .. table.concat(words, " ") or ""
end

-- The two rulesets that a step tells in full.
local function ruleset_of(step)
  local pair = step.changes and step.changes.text
  return pair and pair[1]:find "\n" and pair
end

local function line(step)
  local head = ("%s %s %s"):format(SIGN[step.op], WORD[step.noun] or step.noun, text.escape(step.name))
  if step.noun == "link" and step.op == "create" then return head .. text.escape(about(step.to)) end
  if not step.changes or step.noun == "nft" and ruleset_of(step) then return head end
  local words = {}
  for key, pair in pairs(step.changes) do words[#words + 1] = change(key, pair[1], pair[2], step.anew) end
  if step.noun == "sysctl" then
    local pair = step.changes[step.name]
    if pair[1] == nil then return ("%s = %s"):format(head, value(pair[2])) end
    words = { ("%s → %s"):format(value(pair[1]), value(pair[2])) }
  end
  table.sort(words)
  return ("%s: %s%s"):format(head, table.concat(words, ", "), step.anew and " (made anew)" or "")
end

-- What every new node has, and nobody asked for.
local USUAL = { ["net.ipv4.ip_forward"] = true, ["net.ipv6.conf.all.forwarding"] = true,
  ["net.ipv6.conf.default.accept_dad"] = true }

local function is_usual(step)
  return step.noun == "link" and step.name == "lo" and step.op == "change"
    or step.noun == "sysctl" and USUAL[step.name] or false
end

-- Steps by node, in the order of the nodes; `op` of those that come or go as a whole.
local function by_node(steps)
  local groups, known = {}, {}
  for _, step in ipairs(steps) do
    local group = known[step.netns]
    if not group then
      group = { name = step.node or step.netns, steps = {} }
      known[step.netns], groups[#groups + 1] = group, group
    end
    if step.noun == "netns" then
      group.op = step.op
    else
      table.insert(group.steps, step)
    end
  end
  return groups
end

-- "1 link, 2 addresses" of a new node.
local function contents(group)
  local n, order = {}, {}
  for _, step in ipairs(group.steps) do
    if not is_usual(step) then
      if not n[step.noun] then order[#order + 1] = step.noun end
      n[step.noun] = (n[step.noun] or 0) + 1
    end
  end
  local words = {}
  for i, noun in ipairs(order) do words[i] = counted(n[noun], noun) end
  return table.concat(words, ", ")
end

local function whole(lines, group)
  lines[#lines + 1] = ("%s %s"):format(group.op and SIGN[group.op] or " ", text.escape(group.name))
  for _, step in ipairs(group.steps) do
    if not (group.op == "create" and is_usual(step)) then lines[#lines + 1] = "    " .. line(step) end
    local texts = step.noun == "nft" and ruleset_of(step)
    for _, one in ipairs(texts and lines_of.differing(texts[1], texts[2]) or {}) do
      lines[#lines + 1] = "        " .. one
    end
  end
end

-- New nodes that follow one another and have as much of all are one line.
local function in_short(lines, groups)
  local i = 1
  while i <= #groups do
    local group, last = groups[i], i
    if group.op ~= "create" and #group.steps > 0 then
      whole(lines, group)
    else
      local has = contents(group)
      while groups[last + 1] and groups[last + 1].op == group.op and contents(groups[last + 1]) == has do
        last = last + 1
      end
      local names = text.escape(group.name)
      if last > i then names = ("%s ... %s, %d nodes"):format(names, text.escape(groups[last].name), last - i + 1) end
      local each = last > i and "each " or ""
      lines[#lines + 1] = ("%s %s%s"):format(SIGN[group.op] or " ", names, has ~= "" and ": " .. each .. has or "")
    end
    i = last + 1
  end
end

local function total(steps)
  local n = { create = 0, change = 0, delete = 0 }
  for _, step in ipairs(steps) do n[step.op] = n[step.op] + 1 end
  return ("%d to make, %d to change, %d to delete"):format(n.create, n.change, n.delete)
end

--- Writes a plan.
---@param steps nsh.Plan
---@return string
function m.of(steps)
  if not steps[1] then return "nothing to do" end
  local groups, lines = by_node(steps), {}
  for _, group in ipairs(groups) do whole(lines, group) end
  if #lines > MANY then
    lines = {}
    in_short(lines, groups)
    lines[#lines + 1] = total(steps)
  end
  return table.concat(lines, "\n")
end

return m
