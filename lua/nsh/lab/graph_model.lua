--- graph_model.lua - what a picture of a lab shows, as plain data: nodes, and edges between them.
local columns = require "nsh.columns"
local core = require "nsh.core"
local fail = require "nsh.error"
local prefix = require "nsh.prefix"

local m = {}

--- What all pictures are made of.
---@class nsh.GraphModel
---@field name string
---@field nodes { name: string, kind: string, lines: string[], details: { title: string, lines: string[] }[] }[]
---@field edges table[] { a, b: nodes by number, a_name, b_name: links, a_addrs, b_addrs: what they have, label,
--- kind: nil for a cable, else that of the tunnel, a_down, b_down }

-- A table of options in words: "delay 10ms, loss 1%".
local function words_of(spec, first)
  if type(spec) ~= "table" then return tostring(spec) end
  local words, told = {}, {}
  local function tell(key)
    if spec[key] == nil or told[key] then return end
    told[key] = true
    words[#words + 1] = math.type(key) == "integer" and columns.inline(spec[key])
      or ("%s %s"):format(key, columns.inline(spec[key]))
  end
  for _, key in ipairs(first) do tell(key) end
  for _, key in ipairs(columns.keys(spec)) do tell(key) end
  return table.concat(words, ", ")
end

-- What stands at the end of a link: its addresses, its VLANs, and an MTU that isn't the usual one.
local function notes_of(addrs, vlans, mtu)
  local list, ids = {}, {}
  for _, record in ipairs(addrs or {}) do list[#list + 1] = record.addr end
  for i, vlan in ipairs(vlans or {}) do ids[i] = tostring(vlan.vid) end
  if ids[1] then list[#list + 1] = "vlan " .. table.concat(ids, ",") end
  if mtu and mtu ~= 1500 then list[#list + 1] = ("mtu %d"):format(mtu) end
  return list
end

-- What impairs a link, as people write it. Seconds have units, and what may happen to a packet is told in percent.
local IMPAIR = { "delay", "jitter", "loss", "duplicate", "corrupt", "reorder", "rate" }
local SECONDS, FIXED = { delay = true, jitter = true }, { handle = true, kind = true, parent = true }

local function quantity(key, value)
  if math.type(value) == nil then return columns.inline(value) end
  if SECONDS[key] then return value < 1 and ("%gms"):format(value * 1000) or ("%gs"):format(value) end
  if key ~= "rate" then return math.type(value) == "float" and ("%g%%"):format(value * 100) or tostring(value) end
  for _, unit in ipairs { { 1000000000, "gbit" }, { 1000000, "mbit" }, { 1000, "kbit" } } do
    if value >= unit[1] then return ("%g%s"):format(value / unit[1], unit[2]) end
  end
  return value .. "bit"
end

local function impair_words(record)
  local words, told = {}, {}
  for _, key in ipairs(table.move(columns.keys(record), 1, 99, #IMPAIR + 1, table.move(IMPAIR, 1, #IMPAIR, 1, {}))) do
    if record[key] ~= nil and not told[key] and not FIXED[key] then
      told[key] = true
      words[#words + 1] = ("%s %s"):format(key, quantity(key, record[key]))
    end
  end
  return table.concat(words, ", ")
end

local function label_of(wire)
  local list = {}
  for i, one in ipairs(wire.ends) do list[i] = one.impair and impair_words(one.impair) end
  if list[1] == list[2] then return list[1] end
  for i = 1, 2 do
    list[i] = list[i] and ("%s %s: %s"):format(wire.ends[i].node.name, wire.ends[i].name, list[i])
  end
  return list[1] and list[2] and list[1] .. "; " .. list[2] or list[1] or list[2]
end

-- --- details ---

local ROUTE = { "type", "via", "dev", "src", "metric", "table", "nexthops" }

local function route_words(route)
  local words = { tostring(route.dst or route[1] or "") }
  for _, key in ipairs(ROUTE) do
    local value = route[key]
    if value ~= nil and value ~= "main" and value ~= "unicast" then
      words[#words + 1] = key .. " " .. (type(value) == "table" and columns.inline(value) or tostring(value))
    end
  end
  return table.concat(words, " ")
end

local function each(list, fn)
  local lines = {}
  for _, item in ipairs(list or {}) do lines[#lines + 1] = fn(item) end
  return lines
end

local function details_of(node, links)
  local sysctls = {}
  for _, key in ipairs(columns.keys(node.sysctls or {})) do
    sysctls[#sysctls + 1] = ("%s = %s"):format(key, tostring(node.sysctls[key]))
  end
  local list = {}
  for _, section in ipairs {
    { "Links", links },
    { "Routes", each(node.routes, route_words) },
    { "Rules", each(node.rules, function(rule) return words_of(rule, { "priority", "from", "to" }) end) },
    { "Neighbours", each(node.neighs, function(neigh) return words_of(neigh, { "dst", "mac", "dev" }) end) },
    { "Sysctls", sysctls },
    { "Declared", { node.where ~= "" and node.where or nil } },
  } do
    if section[2][1] then list[#list + 1] = { title = section[1], lines = section[2] } end
  end
  return list
end

-- --- links of a node's own, and the tunnels among them ---

local function own_links(node)
  local list = {}
  for i, link in ipairs(node.links) do
    list[i] = { name = link.name, kind = link.kind, record = link.link, fdb = link.fdb, addrs = notes_of(link.addrs) }
  end
  return list
end

-- The outer addresses of the other ends of a tunnel.
local function remotes_of(link)
  local list = {}
  list[1] = link.record.remote or link.record.group
  for _, peer in ipairs(link.record.peers or {}) do
    if peer.endpoint then list[#list + 1] = peer.endpoint:gsub(":%d+$", ""):gsub("^%[(.*)%]$", "%1") end
  end
  for _, entry in ipairs(link.fdb) do list[#list + 1] = entry.dst end
  return list
end

-- An address without its length, in one spelling.
local function address(text)
  local ok, parsed = pcall(prefix.parse, (text:gsub("/.*$", "")), "addr")
  return ok and parsed.bytes or text
end

local function owners(lab)
  local owner = {}
  local function note(node, addrs)
    for _, record in ipairs(addrs) do owner[address(record.addr)] = node end
  end
  for i, node in ipairs(lab.nodes) do
    note(i, node.addrs)
    for _, port in ipairs(node.ports) do note(i, port.addrs) end
    for _, link in ipairs(node.links) do note(i, link.addrs) end
  end
  return owner
end

-- The tunnels that a lab declares as links of its nodes' own, as edges. A tunnel that both ends declare is one.
local function add_tunnels(model, lab, links)
  local owner, open = owners(lab), {}
  for i in ipairs(lab.nodes) do
    for _, link in ipairs(links[i]) do
      for _, remote in ipairs(remotes_of(link)) do
        local other = owner[address(remote)]
        if other and other ~= i then
          link.drawn = true
          local back = ("%d %d %s"):format(other, i, link.kind)
          local edge = open[back] and table.remove(open[back], 1)
          if edge then
            edge.b_name, edge.b_addrs = link.name, link.addrs
          else
            edge = { a = i, b = other, a_name = link.name, a_addrs = link.addrs, b_name = "", b_addrs = {},
              kind = link.kind }
            model.edges[#model.edges + 1] = edge
            local key = ("%d %d %s"):format(i, other, link.kind)
            open[key] = open[key] or {}
            table.insert(open[key], edge)
          end
        end
      end
    end
  end
end

-- --- what is there now ---

local function is_down(record) return not record or record.up == false or record.carrier == false end

local function counters(record)
  local stats = record and record.stats
  if type(stats) ~= "table" then return "" end
  return (", received %s, sent %s bytes"):format(tostring(stats.rx_bytes or "?"), tostring(stats.tx_bytes or "?"))
end

-- Replaces what is declared of a node by what is there.
local function live_node(node)
  local ns = node.netns
  local links, addrs = {}, {}
  -- without the names of peers in other namespaces, which would cost a look at each of them
  local all = fail.check("link list", nil, ns, core.link.list(ns.core, {}, true))
  for _, record in ipairs(all) do links[record.name] = record end
  for _, record in ipairs(ns:addrs()) do
    if record.proto ~= "kernel_ll" and record.scope ~= "host" then
      addrs[record.dev] = addrs[record.dev] or {}
      table.insert(addrs[record.dev], record)
    end
  end
  return { links = links, addrs = addrs, routes = ns:routes(), rules = ns:rules(), neighs = ns:neighs() }
end

-- --- the whole ---

local function fill_end(edge, which, port, live)
  edge[which .. "_name"], edge[which .. "_addrs"] = port.name, notes_of(port.addrs, port.vlans, port.link.mtu)
  if live then
    local record = live.links[port.name]
    edge[which .. "_addrs"] = notes_of(live.addrs[port.name], port.vlans, record and record.mtu)
    edge[which .. "_down"] = is_down(record)
  end
end

local function link_line(name, peer, addrs, more)
  return ("%s%s%s%s"):format(name, peer, addrs[1] and ": " .. table.concat(addrs, ", ") or "", more or "")
end

local function fill_node(model, i, node, links, live)
  local shown, lines = model.nodes[i], {}
  if live then
    local name = node.kind == "switch" and node.name or "lo"
    for _, record in ipairs(live.addrs[name] or {}) do table.insert(shown.lines, record.addr) end
  else
    for _, record in ipairs(node.addrs) do table.insert(shown.lines, record.addr) end
  end
  for _, port in ipairs(node.ports) do
    local peer = (" -- %s %s"):format(port.peer.node.name, port.peer.name)
    local record = live and live.links[port.name]
    lines[#lines + 1] = link_line(port.name, peer, live and notes_of(live.addrs[port.name], port.vlans, record.mtu)
      or notes_of(port.addrs, port.vlans, port.link.mtu), ", mac " .. tostring(port.mac)
      .. (live and (is_down(record) and ", down" or ", up") .. counters(record) or ""))
  end
  for _, link in ipairs(links) do
    local kind = link.kind and " " .. link.kind or ""
    lines[#lines + 1] = link_line(link.name, kind, link.addrs)
    if not link.drawn then
      local first = link.name .. kind .. " "
      if not link.addrs[1] then table.insert(shown.lines, link.name .. kind) end
      for _, addr in ipairs(link.addrs) do
        table.insert(shown.lines, first .. addr)
        first = (" "):rep(#first)
      end
    end
  end
  local told = node
  if live then
    told = { routes = live.routes, rules = live.rules, neighs = live.neighs, sysctls = node.sysctls,
      where = node.where }
  end
  shown.details = details_of(told, lines)
end

--- Makes the model of a lab.
---@private
---@param lab nsh.Lab
---@param is_live? boolean with what is there now, which takes a lab that is up
---@return nsh.GraphModel
function m.of(lab, is_live)
  local model, number, links, live = { name = lab.name, nodes = {}, edges = {} }, {}, {}, {}
  for i, node in ipairs(lab.nodes) do
    number[node], links[i] = i, own_links(node)
    live[i] = is_live and live_node(node) or nil
    model.nodes[i] = { name = node.name, kind = node.kind, lines = {} }
  end
  for _, wire in ipairs(lab.links) do
    local edge = { label = label_of(wire) }
    for k, which in ipairs { "a", "b" } do
      local port = wire.ends[k]
      edge[which] = number[port.node]
      fill_end(edge, which, port, live[number[port.node]])
    end
    model.edges[#model.edges + 1] = edge
  end
  add_tunnels(model, lab, links)
  for i, node in ipairs(lab.nodes) do fill_node(model, i, node, links[i], live[i]) end
  return model
end

return m
