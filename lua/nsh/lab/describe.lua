--- describe.lua - a state as declarations: which nodes, links and options a script would declare to get it.
local core = require "nsh.core"
local mac = require "nsh.lab.mac"
local named = require "nsh.lab.named"
local nouns = require "nsh.lab.nouns"
local plain = require "nsh.lab.plain"
local prefixes = require "nsh.prefix"

local m = {}

-- Lists that stand with the link that they are about; the others stand with the node.
local ON_LINK = { fdb = true, bridge_vlan = true, mdb = true, qdisc = true, class = true, filter = true }

-- Where all namespaces are called "x.something" the lab is x, and its nodes need no name of a namespace.
local function common(state)
  local prefix
  for _, node in ipairs(state.nodes) do
    local own = node.netns:match "^([%w_-]+)%.[^.]+$"
    if not own or prefix and own ~= prefix then return nil end
    prefix = own
  end
  return prefix
end

-- Names with their numbers filled up, so that eth2 comes before eth10.
local function natural(name)
  return (name:gsub("%d+", function(digits) return ("%020d"):format(math.tointeger(tonumber(digits)) or 0) end))
end

-- The order of links is that of their names: their numbers are others when they are made again.
local function by_name(links)
  local list = table.move(links, 1, #links, 1, {})
  table.sort(list, function(a, b)
    local x, y = natural(a.name), natural(b.name)
    if x ~= y then return x < y end
    return a.name < b.name
  end)
  return list
end

-- A namespace may have a name that no node can have.
local function node_name(netns, taken)
  local name = netns:gsub("[^%w_.-]", "-"):gsub("^[^%w]+", ""):sub(1, 60)
  if name == "" then name = "node" end
  local free, n = name, 1
  while taken[free] do
    n = n + 1
    free = name .. "-" .. n
  end
  taken[free] = true
  return free
end

-- The bridge that makes a switch of a namespace: the only one, which all pairs are ports of.
local function bridge_of(node)
  local bridge
  for _, link in ipairs(node.links) do
    if link.kind == "bridge" then
      if bridge then return nil end
      bridge = link
    end
  end
  if not bridge then return nil end
  local ports = 0
  for _, link in ipairs(node.links) do
    if link.peer ~= nil then
      if link.master ~= bridge.name then return nil end
      ports = ports + 1
    elseif link.name ~= "lo" and link ~= bridge then
      return nil
    end
  end
  for _, addr in ipairs(node.addrs) do
    if addr.dev == "lo" then return nil end
  end
  return ports > 0 and bridge or nil
end

--- Says what a namespace is as a node: a router forwards, a switch has a bridge.
---@param node table its state
---@param forwards boolean
---@return "host"|"switch"|"router" kind, table? bridge its record
function m.kind(node, forwards)
  if forwards then return "router" end
  local bridge = bridge_of(node)
  return bridge and "switch" or "host", bridge
end

local Writer = {}
Writer.__index = Writer

-- What is looked for link by link or route by route, found once: by node, records by link for each noun, links by
-- name, networks by their length and what they are, each with its links.
local indexes = setmetatable({}, { __mode = "k" })

local function index_of(node)
  local index = indexes[node]
  if not index then
    index = { records = {}, links = {}, networks = false }
    for _, link in ipairs(node.links) do index.links[link.name] = link end
    indexes[node] = index
  end
  return index
end

local function networks_of(node)
  local networks = {}
  for _, addr in ipairs(node.addrs) do
    local prefix = prefixes.parse(addr.peer or addr.addr, "addr")
    local known = networks[prefix.length] or {}
    known[prefix.network] = known[prefix.network] or {}
    known[prefix.network][addr.dev], networks[prefix.length] = true, known
  end
  return networks
end

-- The links whose subnets hold an address.
local function on_the_way(node, via)
  local index, links, count = index_of(node), {}, 0
  index.networks = index.networks or networks_of(node)
  for length, known in pairs(index.networks) do
    local _, _, network = core.prefix(via .. "/" .. length)
    for dev in pairs(network and known[network] or {}) do
      if not links[dev] then links[dev], count = true, count + 1 end
    end
  end
  return links, count
end

-- The link of a route is left out where its gateway tells it.
local function without_dev(node, route)
  if type(route.via) ~= "string" or not route.dev or route.onlink or route.table then return end
  local links, count = on_the_way(node, route.via)
  if count == 1 and links[route.dev] then route.dev = nil end
end

-- Orders what the kernel lists as its hashes have it, and routes so that each gateway is known when it is named.
local ORDER = {
  neigh = function(spec) return ("%s %s"):format(tostring(spec.dev), spec.dst) end,
  fdb = function(spec) return ("%s %s %s"):format(spec.mac, tostring(spec.vlan or ""), tostring(spec.dst or "")) end,
  mdb = function(spec) return ("%s %s"):format(tostring(spec.port), spec.grp) end,
  nexthop = function(spec) return ("%d %010d"):format(spec.group and 1 or 0, spec.id) end,
  class = function(spec) return ("%d %s"):format(spec.parent == "root" and 0 or 1, spec.classid) end,
  route = function(spec) return (spec.via or spec.nexthops or spec.nhid) and "1" or "0" end,
}

local function in_order(list, key)
  local keys, place = {}, {}
  for i, spec in ipairs(list) do keys[spec], place[spec] = key(spec), i end
  table.sort(list, function(a, b)
    if keys[a] ~= keys[b] then return keys[a] < keys[b] end
    return place[a] < place[b]
  end)
end

local NONE = {}

-- The records of a noun that are about a link, or those of the node.
local function records_of(node, field, dev)
  local all = node[field] or NONE
  if not dev then return all end
  local by_link = index_of(node).records[field]
  if not by_link then
    by_link = {}
    for _, record in ipairs(all) do
      local list = by_link[record.dev] or {}
      by_link[record.dev], list[#list + 1] = list, record
    end
    index_of(node).records[field] = by_link
  end
  return by_link[dev] or NONE
end

local function list_of(node, row, dev)
  local list = {}
  for i, record in ipairs(records_of(node, row.field, dev)) do
    local spec = plain.record(row.noun, record)
    if dev then spec.dev = nil end
    if row.noun == "route" then without_dev(node, spec) end
    list[i] = spec
  end
  if ORDER[row.noun] then in_order(list, ORDER[row.noun]) end
  return list[1] and list or nil
end

local HANDLE = require("nsh.lab.nouns_tc").HANDLE

local function link_of(node, name) return index_of(node).links[name] end

-- impair's own qdisc, as what impair takes; the others, as they are.
local function impairment(qdiscs)
  local first = qdiscs and #qdiscs == 1 and qdiscs[1]
  if not first or first.handle ~= HANDLE then return nil, qdiscs end
  if first.kind == "tbf" then return { rate = first.rate }, nil end
  first.kind, first.handle = nil, nil
  if first.limit == 1000 then first.limit = nil end
  return first, nil
end

-- The VLAN that each port of a bridge is in by itself isn't written. A port that was taken out of it can only be made
-- where the bridge puts its ports into none.
local function vlans_of(list, bridge)
  local own = bridge and bridge.vlan_default_pvid or 0
  if own == 0 then return list end
  local left = {}
  for _, spec in ipairs(list or {}) do
    if not (spec.vid == own and spec.pvid and spec.untagged) then left[#left + 1] = spec end
  end
  return left[1] and left or nil
end

-- The kernel lists the newest address of IPv6 first.
local function oldest_first(list)
  local six = {}
  for _, spec in ipairs(list or {}) do
    if plain.is_six(spec.addr) then six[#six + 1] = spec end
  end
  for i, spec in ipairs(list or {}) do
    if plain.is_six(spec.addr) then list[i] = table.remove(six) end
  end
  return list
end

-- An address alone is text.
local function addrs_of(node, dev)
  local list = oldest_first(list_of(node, nouns.by_name.addr, dev))
  for i, spec in ipairs(list or {}) do
    if next(spec, next(spec)) == nil then list[i] = spec.addr end
  end
  if list and #list == 1 then return list[1], nil end
  return nil, list
end

--- The options of a link, with its addresses and lists; what a lab gives it by itself is left out.
---@private
function Writer:link_spec(node, link)
  local spec = plain.link(link, node.links, self.scratch)
  spec.addr, spec.addrs = addrs_of(node, link.name)
  for _, row in ipairs(nouns.list) do
    if ON_LINK[row.noun] then spec[row.field] = list_of(node, row, link.name) end
  end
  spec.impair, spec.qdiscs = impairment(spec.qdiscs)
  spec.vlans = vlans_of(spec.vlans, link.kind == "bridge" and link or link_of(node, link.master))
  if spec.up then spec.up = nil end
  if plain.master_kind(link, node.links) == "bridge" then -- a lab's ports have no link-local address
    spec.addrgenmode = link.addrgenmode ~= "none" and link.addrgenmode or nil
  end
  if spec.mac == mac.of(self.lab, node.node, link.name, {}) then spec.mac = nil end
  return spec
end

-- Of lo, what isn't as everywhere: false where it is down.
local function loopback(node)
  for _, link in ipairs(node.links) do
    if link.name == "lo" then
      local spec = {}
      if link.mtu and link.mtu ~= 65536 then spec.mtu = link.mtu end
      if link.txqlen and link.txqlen ~= 1000 then spec.txqlen = link.txqlen end
      if node.netns == "root" or node.netns == "host" then -- which is left as it is where nothing is said
        spec.up = link.up or nil
      elseif link.up == false then
        if next(spec) == nil then return false end
        spec.up = false
      end
      return next(spec) and spec or nil
    end
  end
end

---@private
function Writer:node(node)
  local kind, bridge = node.kind, nil
  if not kind then kind, bridge = m.kind(node, false) end
  if kind == "switch" then bridge = bridge or bridge_of(node) end
  local spec = { node.node, netns = not self.prefix and node.netns or nil }
  node.bridge = bridge
  if bridge then
    for key, value in pairs(self:link_spec(node, bridge)) do
      if key ~= "name" and key ~= "kind" then spec[key] = value end
    end
    if bridge.name ~= node.node then spec.bridge = bridge.name end
  else
    spec.addr, spec.addrs = addrs_of(node, "lo")
  end
  spec.lo = loopback(node)
  for _, row in ipairs(nouns.list) do
    if not ON_LINK[row.noun] and not row.late and row.noun ~= "link" and row.noun ~= "addr" then
      spec[row.field] = list_of(node, row)
    end
  end
  if node.sysctls and next(node.sysctls) then spec.sysctls = node.sysctls end
  spec.nft = node.nft
  self:add { verb = kind, node = node.node, spec = spec }
end

---@private
function Writer:add(declaration) self.list[#self.list + 1] = declaration end

---@private
function Writer:wire_end(node, link)
  local spec = self:link_spec(node, link)
  spec.name = nil
  if spec.kind == "veth" then spec.kind = nil end
  if node.bridge then spec.master = nil end
  return { node = node.node, name = link.name, spec = spec }
end

-- What a link of a node has to be declared behind: what it stands on, and its master.
local function is_ready(made, node, link)
  for _, key in ipairs(named.keys(link.kind).first) do
    local name = link[key]
    if type(name) == "string" and made[node.netns][name] == false then return false end
  end
  return true
end

--- Lists what there is to declare: wires, each pair at its first end, and links of nodes' own.
---@private
function Writer:items()
  local own, wires, done, made = {}, {}, {}, {}
  for _, node in ipairs(self.nodes) do
    made[node.netns] = {}
    for _, link in ipairs(node.links) do
      local peer = link.peer
      if type(peer) == "string" then peer = { name = peer, netns = node.netns } end
      if link.name ~= "lo" and link ~= node.bridge then
        made[node.netns][link.name] = false
        if not peer then
          own[#own + 1] = { { node = node, link = link } }
        elseif not done[node.netns .. "\0" .. link.name] then
          done[peer.netns .. "\0" .. peer.name] = true
          local other = self.by_netns[peer.netns]
          wires[#wires + 1] = { { node = node, link = link }, { node = other, link = link_of(other, peer.name) } }
        end
      end
    end
  end
  return own, wires, made
end

--- Declares those that everything they need is declared for; returns the others.
---@private
function Writer:pass(items, made, force)
  local left = {}
  for _, item in ipairs(items) do
    local ready = true
    for _, one in ipairs(item) do ready = ready and is_ready(made, one.node, one.link) end
    if ready or force then
      for _, one in ipairs(item) do made[one.node.netns][one.link.name] = true end
      local a, b = item[1], item[2]
      self:add(b and { verb = "wire", self:wire_end(a.node, a.link), self:wire_end(b.node, b.link) }
        or { verb = "link", node = a.node.node, spec = self:link_spec(a.node, a.link) })
    else
      left[#left + 1] = item
    end
  end
  return left
end

--- Declares links of nodes' own, node by node.
---@private
function Writer:own_links(items, made, force)
  local left, i = {}, 1
  while i <= #items do
    local node, own = items[i][1].node, {}
    while items[i] and items[i][1].node == node do
      own[#own + 1] = items[i]
      i = i + 1
    end
    local count
    repeat
      count = #own
      own = self:pass(own, made, force)
    until #own == count or #own == 0
    table.move(own, 1, #own, #left + 1, left)
  end
  return left
end

--- Declares links, each behind what it needs.
---@private
function Writer:links()
  local own, wires, made = self:items()
  local force = false
  while #own + #wires > 0 do
    local before = #own + #wires
    own = self:own_links(own, made, force)
    wires = self:pass(wires, made, force)
    force = #own + #wires == before
  end
end

-- What a node is declared with that is no state of its network.
local APART = { "commands", "files", "hostname", "hosts", "pids", "private", "resolv", "services" }

--- Lists what is left out when a lab is written down: of a snapshot what it knows of, of a declared one what only its
--- own script can say.
---@param lab nsh.Lab
---@return table[] warnings { where, message }
function m.left_out(lab)
  local taken = rawget(lab, "taken")
  if taken then return taken.warnings end
  local list = {}
  for _, node in ipairs(lab.nodes) do
    for _, key in ipairs(APART) do
      if node.spec[key] ~= nil then
        list[#list + 1] = { where = node.name, message = ("its %s are left out: no state of the network"):format(key) }
      end
    end
    if node.kind == "external" then
      list[#list + 1] = { where = node.name, message = "it is left out: a link of the machine" }
    end
  end
  return list
end

--- Lists what a script would declare: nodes, then wires, then links of nodes' own.
---@param state table its nodes have kind where it is known, and sysctls that are to be declared
---@param name? string of the lab; nil: what all namespaces begin with, or "snapshot"
---@return table[] declarations { verb = "host" | "switch" | "router" | "wire" | "link", ... }
---@return string name of the lab
function m.of(state, name)
  local prefix = common(state)
  local scratch <close> = plain.scratch()
  local self = setmetatable({ list = {}, nodes = state.nodes, by_netns = {}, scratch = scratch,
    lab = name or prefix or "snapshot" }, Writer)
  self.prefix = self.lab == prefix
  local taken = {}
  for _, node in ipairs(state.nodes) do
    self.by_netns[node.netns], node.links = node, by_name(node.links)
    node.node = node.node or self.prefix and node.netns:sub(#prefix + 2) or node_name(node.netns, taken)
  end
  for _, node in ipairs(state.nodes) do self:node(node) end
  self:links()
  return self.list, self.lab
end

return m
