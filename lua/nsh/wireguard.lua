--- wireguard.lua - wireguard links: their keys and ports, and their peers.
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local fail = require "nsh.error"
local link = require "nsh.link"
local show = require "nsh.show"

local Link = link.Link
local m = {}

-- A long list of peers comes in several parts, and so may the prefixes of one peer.
local function append(peers, more)
  for _, peer in ipairs(more) do
    local last = peers[#peers]
    if last and last.public_key == peer.public_key then
      last.allowed_ips = last.allowed_ips or {}
      for _, prefix in ipairs(peer.allowed_ips or {}) do last.allowed_ips[#last.allowed_ips + 1] = prefix end
    else
      peers[#peers + 1] = peer
    end
  end
end

-- All that a link has of its own, as the keys of a link.
local function device(self)
  local parts = fail.check("wireguard get", self.last_name, self.netns,
    core.wireguard.get(self.netns.core, self.index))
  local whole = parts[1]
  whole.peers = whole.peers or {}
  for i = 2, #parts do append(whole.peers, parts[i].peers or {}) end
  return setmetatable(whole, nil)
end
link.more.wireguard = device

local function change(self, op, how, peer)
  if type(peer) ~= "table" and type(peer) ~= "string" then
    fail.misuse("a peer is a table as { public_key, endpoint = \"192.0.2.1:51820\" }, not a %s", type(peer))
  end
  if self.kind ~= "wireguard" then fail.misuse("%s has no peers: it is no wireguard link", tostring(self)) end
  fail.check_spec(peer, op, self.last_name, self.netns, core.wireguard.peer(self.netns.core, self.index, how, peer))
end

-- A filter names keys of peers with one value each.
local function check_filter(filter)
  local rows = attrs.find(attrs.kind("link", "wireguard").rows, "peers").rows
  for key, value in pairs(filter) do
    if not attrs.find(rows, key) then
      local known = {}
      for i, row in ipairs(rows) do known[i] = row.key end
      local nearest = core.nearest(tostring(key), known)
      fail.misuse("unknown key '%s' of a wireguard peer%s", tostring(key),
        nearest and ("; did you mean '" .. nearest .. "'?") or "")
    end
    if type(value) == "table" then fail.misuse("peers can't be told apart by a list: %s", key) end
  end
end

--- Lists the peers of a wireguard link. Their keys are in the records, and not printed when they are secret.
--- Twin: `wg show NAME dump`
---@param filter? table keys that the records must have, as { public_key = "..." }
---@return table[] records
function Link:peers(filter)
  filter = fail.options(filter, "peers")
  check_filter(filter)
  if self.kind ~= "wireguard" then fail.misuse("%s has no peers: it is no wireguard link", tostring(self)) end
  local list = setmetatable({}, show.List)
  for _, peer in ipairs(device(self).peers) do
    local fits = true
    for key, value in pairs(filter) do fits = fits and peer[key] == value end
    if fits then list[#list + 1] = setmetatable(peer, show.Record) end
  end
  return list
end

--- Adds a peer to a wireguard link.
--- Twin: `wg set NAME peer KEY ...`
---@param peer table { public_key, allowed_ips = { "10.0.0.0/24" }, endpoint = "192.0.2.1:51820" or "[fd00::1]:51820",
---  preshared_key = base64, persistent_keepalive = seconds }; a record is taken too
---@error EEXIST when there is one of that key
function Link:add_peer(peer) change(self, "peer add", "add", peer) end

--- Adds a peer, or gives the one of that key exactly these keys: what is not given it has no more, but for its
--- endpoint. What both have agreed on stays in force.
---@param peer table
function Link:replace_peer(peer) change(self, "peer replace", "replace", peer) end

--- Changes what is given of a peer; allowed_ips replace those that it has.
---@param peer table { public_key, endpoint = "192.0.2.1:51820" }
---@error ENOENT when there is none of that key
function Link:set_peer(peer) change(self, "peer set", "set", peer) end

--- Deletes the peer of a key.
--- Twin: `wg set NAME peer KEY remove`
---@param peer string|table its public key, or its record
---@error ENOENT when there is none
function Link:del_peer(peer) change(self, "peer del", "del", peer) end

--- Deletes all peers of a wireguard link.
function Link:flush_peers()
  if self.kind ~= "wireguard" then fail.misuse("%s has no peers: it is no wireguard link", tostring(self)) end
  self:set { peers = {} }
end

return m
