--- shell.lua - a lab as a script for sh(1): the commands of ip(8), bridge(8), tc(8) that make the same.
local describe = require "nsh.lab.describe"
local links = require "nsh.lab.shell_link"
local named = require "nsh.lab.named"
local nouns = require "nsh.lab.nouns"
local sysctls = require "nsh.sysctl"
local wish = require "nsh.lab.wish"

local m = {}

--- Quotes a word for sh(1), where it has to be.
---@param text string
---@return string
function m.quote(text)
  if text:find "^[%w_./:@%%+=,-]+$" then return text end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local Writer = {}
Writer.__index = Writer

---@private
function Writer:line(text) self.lines[#self.lines + 1] = text end

-- What isn't written, and why.
---@private
function Writer:leave(node, format, ...)
  local message = format:format(...):gsub("%c", "?")
  self:line(("# %s: %s"):format(node.netns, message))
end

local function is_root(node) return node.netns == "root" or node.netns == "host" end

local TAKES_NETNS = { ip = true, bridge = true, tc = true }

--- Writes a command that is run in the namespace of a node.
---@private
function Writer:command(node, words)
  local quoted = {}
  for i, word in ipairs(words) do
    quoted[i] = m.quote(tostring(word))
    if word == "loss random" then quoted[i] = word end
  end
  if not is_root(node) then
    local name = m.quote(node.netns)
    if TAKES_NETNS[quoted[1]] then
      quoted[1] = ("%s -n %s"):format(quoted[1], name)
    else
      quoted[1] = ("ip netns exec %s %s"):format(name, quoted[1])
    end
  end
  self:line(table.concat(quoted, " "))
end

-- --- sysctls ---

--- Writes the sysctls of a node: those of links, or the others.
---@private
function Writer:sysctls(node, of_links)
  for _, key in ipairs(sysctls.order(node.sysctls or {})) do
    local _, of_link = sysctls.rank(key)
    local late = of_link and not key:find("%.lo%.")
    if late == of_links then
      local value = node.sysctls[key]
      if type(value) == "boolean" then value = value and 1 or 0 end
      self:command(node, { "sysctl", "-q", "-w", key .. "=" .. tostring(value) })
    end
  end
end

-- --- links ---

local known = setmetatable({}, { __mode = "k" }) -- by node: its links by their names

local function by_name(node)
  local map = known[node]
  if not map then
    map = {}
    for _, link in ipairs(node.links) do map[link.name] = link end
    known[node] = map
  end
  return map
end

-- The links of a node, each behind those that it stands on.
local function in_order(node)
  local links_of, list, done = by_name(node), {}, {}
  local function visit(link)
    if done[link.name] then return end
    done[link.name] = true
    for _, name in named.below(link) do
      if links_of[name] then visit(links_of[name]) end
    end
    list[#list + 1] = link
  end
  for _, link in ipairs(node.links) do visit(link) end
  return list
end

local function append(words, more) return table.move(more, 1, #more, #words + 1, words) end

local TUN = { { "owner", "user" }, { "owner_group", "group" } }

local function tuntap(link)
  local words = { "ip", "tuntap", "add", "dev", link.name, "mode", link.kind }
  for _, pair in ipairs(TUN) do
    if link[pair[1]] then append(words, { pair[2], tostring(link[pair[1]]) }) end
  end
  for _, key in ipairs { "pi", "vnet_hdr", "multi_queue" } do
    if link[key] then words[#words + 1] = key end
  end
  return words
end

--- Writes what makes a link, of a pair with the other end.
---@private
function Writer:make(node, link, other)
  if link.kind == "tun" or link.kind == "tap" then return self:command(node, tuntap(link)) end
  local words = { "ip", "link", "add", "name", link.name }
  if link.link then append(words, { "link", link.link }) end
  append(words, links.words(link, links.CREATION))
  append(words, { "type", link.kind })
  if other then
    append(words, { "peer", "name", other.link.name })
    if other.node ~= node then append(words, { "netns", other.node.netns }) end
    append(words, links.words(other.link, links.CREATION))
  else
    append(words, links.kind_words(link))
  end
  self:command(node, words)
end

--- Writes what wg(8) sets: keys through files that go again.
---@private
function Writer:wireguard(node, link)
  self:line "umask 077"
  local words = { "wg", "set", link.name }
  if link.listen_port then append(words, { "listen-port", link.listen_port }) end
  if link.fwmark then append(words, { "fwmark", link.fwmark }) end
  local inside = is_root(node) and "" or "ip netns exec " .. m.quote(node.netns) .. " "
  if link.private_key then
    self:line(("echo %s | %swg set %s private-key /dev/stdin"):format(m.quote(link.private_key), inside,
      m.quote(link.name)))
  end
  if #words > 3 then self:command(node, words) end
  for _, peer in ipairs(link.peers or {}) do
    local one = { "wg", "set", link.name, "peer", peer.public_key }
    if peer.endpoint then append(one, { "endpoint", peer.endpoint }) end
    local keepalive = peer.persistent_keepalive
    if keepalive then append(one, { "persistent-keepalive", ("%d"):format(keepalive) }) end
    if peer.allowed_ips then append(one, { "allowed-ips", table.concat(peer.allowed_ips, ",") }) end
    self:command(node, one)
    if peer.preshared_key then
      self:line(("echo %s | %swg set %s peer %s preshared-key /dev/stdin"):format(m.quote(peer.preshared_key), inside,
        m.quote(link.name), m.quote(peer.public_key)))
    end
  end
end

--- Writes what is set of a link that is there.
---@private
function Writer:set(node, link, kinds)
  local words = links.words(link, links.CHANGE)
  if link.name == "lo" or link.kind == "tun" or link.kind == "tap" then
    words = append(links.words(link, links.CREATION), words)
  end
  if link.master then append(words, { "master", link.master }) end
  if #words > 0 then self:command(node, append({ "ip", "link", "set", "dev", link.name }, words)) end
  local port = link.port and links.port_words(link.port, kinds[link.master] or "bridge") or {}
  if #port > 0 then
    self:command(node, append({ "ip", "link", "set", "dev", link.name, "type", (kinds[link.master] or "bridge") ..
      "_slave" }, port))
  end
  for _, name in ipairs(link.altnames or {}) do
    self:command(node, { "ip", "link", "property", "add", "dev", link.name, "altname", name })
  end
  if link.kind == "wireguard" then self:wireguard(node, link) end
  for _, key in ipairs(links.unsaid(link)) do
    self:leave(node, "link %s: ip-link(8) has no word for %s", link.name, key)
  end
end

--- Writes the links of a node, and with them the other ends of its pairs.
---@private
function Writer:links(node, done)
  for _, link in ipairs(in_order(node)) do
    local peer = link.peer
    if type(peer) == "string" then peer = { name = peer, netns = node.netns } end
    local makes = links.is_known(link.kind or "")
    if link.name ~= "lo" and not done[node.netns .. "\0" .. link.name] then
      done[node.netns .. "\0" .. link.name] = true
      local other = peer and self.by_netns[peer.netns]
      if peer then done[peer.netns .. "\0" .. peer.name] = true end
      if makes then
        self:make(node, link, other and { node = other, link = by_name(other)[peer.name] })
      else
        self:leave(node, "link %s: ip-link(8) makes none of kind %s", link.name, tostring(link.kind))
      end
    end
  end
end

--- Writes what is set of the links of a node, and switches them on.
---@private
function Writer:settle(node)
  local kinds = {}
  for _, link in ipairs(node.links) do kinds[link.name] = link.kind end
  local list = in_order(node)
  for _, link in ipairs(list) do
    if link.name == "lo" or links.is_known(link.kind or "") then self:set(node, link, kinds) end
  end
  self:sysctls(node, true)
  for pass = 1, 2 do -- a bridge that gets its ports while it is down is quicker
    for _, link in ipairs(list) do
      local later = link.kind == "bridge" and 2 or 1
      if link.up and later == pass and (link.name == "lo" or links.is_known(link.kind or "")) then
        self:command(node, { "ip", "link", "set", "dev", link.name, "up" })
      end
    end
  end
end

-- --- the rest ---

local WORDS = {}
for _, part in ipairs { "ip", "tc" } do
  for noun, write in pairs(require("nsh.lab.shell_" .. part)) do WORDS[noun] = write end
end

-- Qdiscs below a class come after the classes.
local function is_below(record) return tostring(record.parent):find "^%x+:%x+$" ~= nil end
local function is_top(record) return not is_below(record) end

--- Writes the records of a noun, all or those that are chosen.
---@private
function Writer:records(node, row, chosen)
  local write, bridges = WORDS[row.noun], {}
  for _, link in ipairs(node.links) do bridges[link.name] = link.kind == "bridge" end
  for _, record in ipairs(node[row.field] or {}) do
    local wanted, words, why = not chosen or chosen(record), nil, nil
    if wanted and write then words, why = write(record, bridges[record.dev]) end
    if words then
      self:command(node, words)
    elseif wanted then
      self:leave(node, "%s %s has no words of ip(8), bridge(8) or tc(8) here%s", row.noun, row.name(record),
        why and ": " .. tostring(why) or "")
    end
  end
end

--- Writes the packet filter, which nft(8) reads from what follows.
---@private
function Writer:ruleset(node)
  if not node.nft then return end
  local mark = "NFT"
  while node.nft:find("\n" .. mark .. "\n", 1, true) do mark = mark .. "_" end
  local inside = is_root(node) and "" or ("ip netns exec %s "):format(m.quote(node.netns))
  self:line(("%snft -f - <<'%s'\n%s\n%s"):format(inside, mark, (node.nft:gsub("\n$", "")), mark))
end

--- Writes a state as commands.
---@param state table
---@param title string of the lab
---@param warnings table[]
---@return string
function m.write(state, title, warnings)
  local head = { "#!/bin/sh", "# lab " .. title:gsub("%c", "?"), "set -e" }
  local self = setmetatable({ lines = head, by_netns = {} }, Writer)
  for _, node in ipairs(state.nodes) do self.by_netns[node.netns] = node end
  for _, warning in ipairs(warnings) do
    self:line(("# %s: %s"):format(warning.where, (warning.message:gsub("%c", "?"))))
  end
  for _, node in ipairs(state.nodes) do
    if not is_root(node) then self:line("ip netns add " .. m.quote(node.netns)) end
  end
  local order, done = {}, {}
  for _, node in ipairs(state.nodes) do table.insert(order, is_root(node) and 1 or #order + 1, node) end
  for _, node in ipairs(order) do self:sysctls(node, false) end
  for _, node in ipairs(order) do self:links(node, done) end
  for _, node in ipairs(order) do self:settle(node) end
  for _, row in ipairs(nouns.list) do
    if row.noun ~= "link" and not row.late then
      local chosen = row.noun == "qdisc" and is_top or nil
      for _, node in ipairs(order) do self:records(node, row, chosen) end
    end
    for _, node in ipairs(row.noun == "class" and order or {}) do
      self:records(node, nouns.by_name.qdisc, is_below)
    end
  end
  for _, node in ipairs(order) do self:ruleset(node) end
  return table.concat(self.lines, "\n") .. "\n"
end

--- Writes a lab as a script for sh(1).
---@private
---@param lab nsh.Lab
---@return string
function m.of(lab)
  local state = wish.of(lab)
  for _, node in ipairs(state.nodes) do node.nft = lab:node(node.node).spec.nft end
  return m.write(state, lab.name, describe.left_out(lab))
end

return m
