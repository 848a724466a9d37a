--- nouns_link.lua - links as a noun of a lab: of all kinds, with the options of ports, further names and peers.
local core = require "nsh.core"
local fail = require "nsh.error"
local links = require "nsh.link"
local named = require "nsh.lab.named"

local m = {}

local function values() return require "nsh.lab.nouns" end

-- What is no attribute of its own: identity, and what is compared in another way.
local APART = { machine = true, name = true, kind = true, peer = true, altnames = true, peers = true, index = true,
  netns = true, link_netnsid = true }

-- Kinds that are made with a peer.
m.PAIRS = { veth = true, netkit = true, vxcan = true }

local creation = {} -- the keys that a kind of link has only when it is made

local function only_made(kind)
  creation[kind] = creation[kind] or core.link_creation(kind)
  return creation[kind]
end

-- --- reading ---

-- The other keys that somebody asks for, of those that only messages of their own tell.
local function read_asked(ns, record, wish)
  local link
  for key in pairs(wish) do
    if links.asked[key] then
      link = link or links.wrap(ns, record.index, record.name)
      record[key] = link[key]
    end
  end
end

local function list(ns, wanted, last)
  local records = fail.check("link list", nil, ns, core.link.list(ns.core, {}))
  local wishes = {}
  for _, group in ipairs { last or {}, wanted or {} } do
    for _, wish in ipairs(group) do wishes[wish.name] = wish end
  end
  for _, record in ipairs(records) do
    local wish = wishes[record.name]
    if record.kind == "tun" or record.kind == "tap" then record.hold = core.link.held(ns.core, record.index) > 0 end
    local more = links.more[record.kind]
    if more and (wish or not wanted) then
      for key, value in pairs(more(links.wrap(ns, record.index, record.name))) do record[key] = value end
    end
    if wish then read_asked(ns, record, wish) end
  end
  return records
end

-- --- comparing ---

local function set_of(names)
  local set = {}
  for _, name in ipairs(names or {}) do set[name] = true end
  return set
end

-- Further names: those that are wished and not there, and those that were once and aren't wished.
local function altname_changes(wish, live, last)
  local there, wanted, differs = set_of(live.altnames), set_of(wish.altnames), false
  for name in pairs(wanted) do differs = differs or not there[name] end
  for _, name in ipairs(last and last.altnames or {}) do differs = differs or there[name] and not wanted[name] end
  if not differs then return nil end
  for _, name in ipairs(last and last.altnames or {}) do there[name] = wanted[name] end
  for name in pairs(wanted) do there[name] = true end
  local names = {}
  for name in pairs(there) do names[#names + 1] = name end
  table.sort(names)
  return { live.altnames, names }
end

local function by_key(peers)
  local map = {}
  for _, peer in ipairs(peers or {}) do map[peer.public_key] = peer end
  return map
end

local function same_peer(wish, live)
  local a, b = set_of(wish.allowed_ips), set_of(live.allowed_ips)
  for prefix in pairs(a) do
    if not b[prefix] then return false end
  end
  for prefix in pairs(b) do
    if not a[prefix] then return false end
  end
  for _, key in ipairs { "endpoint", "preshared_key", "persistent_keepalive" } do
    if wish[key] ~= nil and not values().same(wish[key], live[key]) then return false end
  end
  return true
end

-- Peers of a wireguard link, by their keys; where one moved to by itself is its own affair.
local function peer_changes(wish, live)
  local wanted, there = by_key(wish.peers), by_key(live.peers)
  for key, peer in pairs(wanted) do
    if not there[key] or not same_peer(peer, there[key]) then return { live.peers, wish.peers } end
  end
  for key in pairs(there) do
    if not wanted[key] then return { live.peers, wish.peers } end
  end
end

local function same_end(wish, live)
  if not wish then return true end
  return type(live) == "table" and live.name == wish.name and live.netns == wish.netns
end

-- Whether an option is otherwise; a link in another namespace, that it stands on, isn't named.
local function differs(key, value, live)
  if APART[key] or key == "link" and live.link_netnsid then return false end
  return not values().same(value, live[key])
end

-- Whether the link has to be made anew, and why: { key = { from, to } }.
local function other_thing(wish, live)
  if wish.kind and wish.kind ~= live.kind then return { kind = { live.kind, wish.kind } } end
  if wish.peer and not same_end(wish.peer, live.peer) then return { peer = { live.peer, wish.peer } } end
  local found, made = nil, only_made(wish.kind or "")
  for key, value in pairs(wish) do
    if made[key] and differs(key, value, live) then
      found = found or {}
      found[key] = { live[key], value }
    end
  end
  return found
end

-- What of a link differs that is the same thing.
local function changes(wish, live, last)
  local found
  for key, value in pairs(wish) do
    if value ~= live[key] and differs(key, value, live) then
      found = found or {}
      found[key] = { live[key], value }
    end
  end
  local altnames = (wish.altnames or last and last.altnames) and altname_changes(wish, live, last)
  local peers = wish.peers and peer_changes(wish, live)
  if not altnames and not peers then return found end
  found = found or {}
  found.altnames, found.peers = altnames or nil, peers or nil
  return found
end

-- --- changing ---

-- The kind of the master that a link has, or gets.
local function master_kind(run, step)
  local master = step.to.master
  if master == nil and step.from then master = step.from.master end
  return master and run.kind[step.netns][master] or nil
end

-- Peers one by one: the others keep what they have agreed on.
local function change_peers(ns, index, pair)
  local wanted, there = by_key(pair[2]), by_key(pair[1])
  for key, peer in pairs(wanted) do
    if not there[key] or not same_peer(peer, there[key]) then
      local ok, message, code, detail = core.wireguard.peer(ns.core, index, "replace", peer)
      if not ok then return ok, message, code, detail end
    end
  end
  for key in pairs(there) do
    local ok, message, code, detail = true, nil, nil, nil
    if not wanted[key] then ok, message, code, detail = core.wireguard.peer(ns.core, index, "del", key) end
    if not ok then return ok, message, code, detail end
  end
  return true
end

local function change(ns, _, _, run, step)
  local spec, index = {}, run.index[step.netns][step.name]
  for key, pair in pairs(step.changes) do
    if key == "peers" then
      local ok, message, code, detail = change_peers(ns, index, pair)
      if not ok then return ok, message, code, detail end
    else
      spec[key] = pair[2]
      if pair[2] == nil then spec[key] = false end
    end
  end
  if spec.port and type(spec.port) == "table" then
    local port = {}
    for key, value in pairs(spec.port) do port[key] = value end
    port.state = step.from and step.from.port and port.state ~= step.from.port.state and port.state or nil
    spec.port = port
  end
  if next(spec) == nil then return true end
  local kind, over = step.to.kind or step.from and step.from.kind, master_kind(run, step)
  named.number(spec, run.index[step.netns], kind, over)
  return core.link.set(ns.core, index, spec, kind, over)
end

m[1] = {
  noun = "link", field = "links", list = list, changes = changes, other = other_thing, change = change,
  key = function(record) return record.name end,
  mine = function(record) return record.name ~= "lo" end,
  del = function(ns, _, run, step) return core.link.del(ns.core, run.index[step.netns][step.name]) end,
  gone = { ENODEV = true },
}

return m
