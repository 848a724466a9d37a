--- live.lua - reads what is there: the state of namespaces, in the same form as what a lab asks for.
local core = require "nsh.core"
local fail = require "nsh.error"
local given = require "nsh.lab.given"
local going = require "nsh.lab.going"
local netns = require "nsh.netns"
local nouns = require "nsh.lab.nouns"
local prefixes = require "nsh.prefix"
local world = require "nsh.world"
local pairs_of_links = require("nsh.lab.nouns_link").PAIRS

local m = {}

local NOTHING = {}

-- --- peers ---

-- Where a link of a pair may have its other end: by both numbers, and by the name of the namespace.
local function ends_of(state)
  local ends = {}
  for _, node in ipairs(state.nodes) do
    for _, link in ipairs(node.links) do
      if pairs_of_links[link.kind] and link.link_netnsid and not going.is_ending(link) then
        local key = link.index .. " " .. link.link
        ends[key] = ends[key] or {}
        ends[key][node.netns] = link
      end
    end
  end
  return ends
end

-- The number that one namespace has for another.
local function number_of(state, viewer, other)
  return fail.check("netns id", other, viewer, core.netns.id(state.ns[viewer].core, state.ns[other].core))
end

-- The namespaces where other ends are declared to be.
local function declared_of(wish)
  local homes = {}
  for _, link in ipairs(wish and wish.links or NOTHING) do homes[link.name] = link.peer and link.peer.netns end
  return homes
end

-- Names the other end of a link, or notes that it is no more.
local function name_other(node, ns, link, home, label)
  local found, gone = going.other_end(ns, link)
  if gone then
    node.gone[link.name] = true
  else
    link.peer = { name = found and found.name, netns = label or home and home.label }
  end
end

-- Peers in namespaces that weren't read: where they are guessed to be, else wherever they are. A link that is declared
-- to lead to a namespace that isn't there is gone, or will be in a moment.
local function name_others(state, node, asked, guess)
  local ns, ids, declared = state.ns[node.netns], nil, nil
  local function is_lost(link)
    if going.is_ending(link) then return true end
    declared = declared or { declared_of(asked.wishes[node.netns]), declared_of(asked.lasts[node.netns]) }
    local home = declared[1][link.name] or declared[2][link.name]
    return home and not state.ns[home] and (asked.wishes[home] or asked.lasts[home]) ~= nil
  end
  node.gone = {}
  for _, link in ipairs(node.links) do
    if going.is_stranded(link) then node.gone[link.name] = true end
    if pairs_of_links[link.kind] and link.link_netnsid and not link.peer then
      local home, label
      if guess then home, label = guess(node.netns, link.name) end
      if is_lost(link) then
        node.gone[link.name] = true
      elseif home and core.netns.id(ns.core, home.core) == link.link_netnsid then
        name_other(node, ns, link, home, label)
      else
        ids = ids or {}
        ids[link.link_netnsid] = true
      end
    end
  end
  if not ids then return end
  local homes = netns.by_ids(ns, ids)
  for _, link in ipairs(node.links) do
    if pairs_of_links[link.kind] and link.link_netnsid and not link.peer and not node.gone[link.name] then
      name_other(node, ns, link, homes[link.link_netnsid])
    end
  end
end

-- The namespace of the other end, of those where it may be: where it is declared to be, else one with a link like the
-- one that the kernel tells of; in a lab whose nodes are alike it may be any of them, and each is a question.
local function home_of(state, node, link, places, declared)
  local function is_it(name)
    return places[name] and name ~= node.netns and number_of(state, node.netns, name) == link.link_netnsid
  end
  if declared and is_it(declared) then return declared end
  local told = next(places, next(places)) and core.link.get(state.ns[node.netns].core, link.link, link.link_netnsid)
  for name, other in pairs(places) do
    local like = not told or other.mac == told.mac and other.name == told.name
    if like and name ~= declared and is_it(name) then return name end
  end
end

-- A link of a pair names its other end, where that is in a namespace that was read.
local function name_ends(state, wishes)
  local ends = ends_of(state)
  for _, node in ipairs(state.nodes) do
    local declared
    for _, link in ipairs(node.links) do
      local in_pair = pairs_of_links[link.kind] and link.link and not link.peer
      local is_far = in_pair and link.link_netnsid and not going.is_ending(link)
      local places = is_far and ends[link.link .. " " .. link.index]
      if in_pair and not link.link_netnsid then
        link.peer = { name = link.link, netns = node.netns }
      elseif places then
        declared = declared or declared_of(wishes[node.netns])
        local home = home_of(state, node, link, places, declared[link.name])
        if home then
          link.peer = { name = places[home].name, netns = home }
          places[home].peer = { name = link.name, netns = node.netns }
        end
      end
    end
  end
end

-- --- sysctls ---

-- A value as it is compared: the kernel writes lists with tabs.
local function plain(value)
  if type(value) == "string" then return (value:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")) end
  return value
end

local function read_sysctls(state, ns, ...)
  for _, wanted in ipairs { ... } do
    for key in pairs(wanted) do
      if state.sysctls[key] == nil then
        local text, message, code, detail = core.sysctl.get(ns.core, key)
        if text == nil and code ~= "ENOENT" then fail.check("sysctl get", key, ns, nil, message, code, detail) end
        state.sysctls[key] = text ~= nil and plain(math.tointeger(tonumber(text)) or text) or false
      end
    end
  end
end

-- --- namespaces ---

-- Which family of addresses alone is to be read, for a dump is half of one of both; nil: all.
local function family_of(state, wish, last)
  for _, records in ipairs { wish.addrs or NOTHING, last.addrs or NOTHING, wish.routes or NOTHING,
    last.routes or NOTHING } do
    for _, record in ipairs(records) do
      if record.family == "inet6" or record.addr and prefixes.is_six(record.addr) then return nil end
    end
  end
  return not given.opens_any(state, wish) and "inet" or nil
end

local function look_for_missing(state, ns, wish, last)
  state.missing = given.missing(state, wish, ns) or nil
  read_sysctls(state, ns, wish.sysctls or NOTHING, last.sysctls or NOTHING,
    state.missing and state.missing.sysctls or NOTHING)
end

-- The state of one namespace: what is wished or was applied, of the rest nothing; without either all.
local function of(ns, name, wish, last)
  local state = nouns.empty(name)
  state.id, state.node = core.netns.identity(ns.core), wish and wish.node or last and last.node
  local whole = not wish and not last
  wish, last = wish or NOTHING, last or NOTHING
  local family
  for _, row in ipairs(nouns.list) do
    local wanted, before = wish[row.field] or NOTHING, last[row.field] or NOTHING
    if whole and not row.late then
      state[row.field] = row.list(ns)
    elseif wanted[1] or before[1] or row.noun == "link" or row.along and (wish[row.along] or NOTHING)[1] then
      state[row.field] = row.list(ns, wanted, before, family)
      if row.noun == "link" then family = family_of(state, wish, last) end
      if row.noun == "route" then state.routes = going.without_stranded(state.routes) end
    end
  end
  if not whole then look_for_missing(state, ns, wish, last) end
  return state
end

-- Takes what goes with the other end of a link out of what was read of a namespace.
local function strike(state, node, wish, last)
  local names = {}
  for _, group in ipairs { wish or NOTHING, last or NOTHING } do
    for _, link in ipairs(group.links or NOTHING) do names[link.name] = true end
  end
  local ns = state.ns[node.netns]
  for _, link in ipairs(node.links) do
    if node.gone[link.name] and names[link.name] then
      table.insert(state.going, { ns = ns, name = link.name, index = link.index })
    end
  end
  going.strike(node, node.gone)
  if wish and wish.links or last then look_for_missing(node, ns, wish or NOTHING, last or NOTHING) end
end

local function name_peers(state, asked, guess)
  name_ends(state, asked.wishes)
  state.going = {}
  for _, node in ipairs(state.nodes) do
    name_others(state, node, asked, guess)
    for _, link in ipairs(node.links) do
      if pairs_of_links[link.kind] then link.link, link.link_netnsid = nil, nil end
    end
    if next(node.gone) then strike(state, node, asked.wishes[node.netns], asked.lasts[node.netns]) end
  end
end

local function by_netns(state)
  local map = {}
  for _, node in ipairs(state and state.nodes or NOTHING) do map[node.netns] = node end
  return map
end
m.by_netns = by_netns

-- A namespace that has the name of one that the lab makes, and that nsh didn't make for it.
local function refuse_foreign(lab, node)
  fail.raise {
    op = "lab plan", target = lab, netns = node.netns, code = "EEXIST", errno = 17,
    message = ("there is a namespace %s that lab %s didn't make"):format(node.netns, lab), where = nouns.where(node),
    hint = ("netns.del(%q) takes it away%s; or give the lab another name"):format(node.netns,
      world.name() and (", nsh -w %s --kill all of the world"):format(world.name()) or ""),
  }
end

-- Whether a namespace is the one that was made for the lab. What was about to be made when a run was killed has no
-- number yet.
local function is_ours(ns, node, last)
  if node.adopted then return true end
  if not last then return false end
  return not last.id or last.id == core.netns.identity(ns.core)
end

-- What of a whole state the kernel doesn't make by itself.
local function only_made(state)
  for _, row in ipairs(nouns.list) do
    local list = {}
    for _, record in ipairs(state[row.field]) do
      if row.noun == "link" or not row.mine or row.mine(record) then list[#list + 1] = record end
    end
    state[row.field] = list
  end
  return state
end

--- Reads the namespaces that a lab wishes or was applied to, once each; what isn't there isn't in the result.
---@param wish table state
---@param last? table what was applied last
---@return table state also ns: namespaces by name, and going: links of the lab that count as gone and are still there
---@error EEXIST a namespace that the lab would make is there, and another's
function m.read(wish, last)
  if world.is_dry() then return require("nsh.lab.dry").state(wish) end
  if world.is_empty() then return { nodes = {}, ns = {}, going = {} } end
  local state, before = { nodes = {}, ns = {} }, by_netns(last)
  local function read(node, wanted)
    local ns = netns.lookup(node.netns)
    if not ns then return end
    if not node.links then -- all that it has is asked for
      state.ns[node.netns] = ns
      state.nodes[#state.nodes + 1] = only_made(of(ns, node.netns))
      return
    end
    if not is_ours(ns, node, before[node.netns]) then
      if wanted then refuse_foreign(wish.lab, node) end
      return
    end
    state.ns[node.netns] = ns
    state.nodes[#state.nodes + 1] = of(ns, node.netns, wanted or NOTHING, before[node.netns])
  end
  local seen = {}
  for _, node in ipairs(wish.nodes) do
    seen[node.netns] = true
    read(node, node)
  end
  for _, node in ipairs(last and last.nodes or NOTHING) do
    if not seen[node.netns] then read(node, nil) end
  end
  name_peers(state, { wishes = by_netns(wish), lasts = before })
  return state
end

--- Reads all that namespaces have.
---@param spaces table<string, nsh.Netns> by name
---@param sysctls table<string, table<string, any>> the keys of each that count
---@param guess? fun(netns: string, link: string): nsh.Netns?, string? where the other end of a link may be
---@return table state
function m.whole(spaces, sysctls, guess)
  local state = { nodes = {}, ns = spaces }
  local names = {}
  for name in pairs(spaces) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local node = of(spaces[name], name)
    read_sysctls(node, spaces[name], sysctls[name] or NOTHING)
    state.nodes[#state.nodes + 1] = node
  end
  name_peers(state, { wishes = NOTHING, lasts = NOTHING }, guess)
  return state
end

m.plain = plain

return m
