--- status.lua - a lab as it stands: its nodes and links, their addresses, states and counters, and what is amiss.
local columns = require "nsh.columns"
local core = require "nsh.core"
local fail = require "nsh.error"
local netns = require "nsh.netns"
local plan = require "nsh.lab.plan"
local show = require "nsh.show"
local store = require "nsh.lab.store"
local text = require "nsh.text"

local m = {}

--- A lab as it stands at a moment. Plain data; printed, it is a line, a table of the nodes and one of the links.
---@class nsh.Status
---@field lab string
---@field up boolean all of its nodes are there, and nobody is changing it, or was killed meanwhile
---@field nodes table[] records { node, kind, netns, state, addrs, links }: state is "up" or "missing", "differs" where
---  something isn't as declared; links: how many, without lo; addrs: of all of them, and of lo but 127.0.0.1 and ::1
---@field links table[] records { node, link, state, peer, addrs, mtu, rx_packets, rx_bytes, tx_packets, tx_bytes,
---  dropped, differs }: state as of a link, but "up" of each with a carrier, or "missing";
---  peer: "h2:eth0"; dropped: both ways
---@field differs integer steps that net:plan() has
---@field changing? boolean another nsh, or task, is changing it
---@field broken? boolean the nsh that changed it last was killed meanwhile: up finishes that, `nsh --gc` takes the
---  lab down
local Status = { __name = "nsh.status", __jsontype = "object" }

local LIST = { __name = "nsh.list", __jsontype = "array" } -- of addresses: one without any is a list, too

-- What the kernel says of some links with a carrier: it has no state for that kind, or comes to it in a second.
local BEHIND = { unknown = true, down = true }

local UNITS = { "", "k", "M", "G", "T", "P" }

local function short(n)
  local unit = 1
  while n >= 1000 and unit < #UNITS do n, unit = n / 1000, unit + 1 end
  return unit == 1 and tostring(n) or ("%.3g%s"):format(n, UNITS[unit])
end

-- --- printing ---

local function head(self)
  local there = 0
  for _, node in ipairs(self.nodes) do
    if node.state ~= "missing" then there = there + 1 end
  end
  local half = self.broken and "half done" or self.changing and "being changed"
  if half then return ("lab %s: %s, %d of %d nodes there"):format(self.lab, half, there, #self.nodes) end
  if there > 0 and there < #self.nodes then
    return ("lab %s: %d of %d nodes up"):format(self.lab, there, #self.nodes)
  end
  return ("lab %s: %s, %d node%s"):format(self.lab, there == 0 and "not up" or "up", #self.nodes,
    #self.nodes == 1 and "" or "s")
end

local function node_rows(self)
  local rows = {}
  for i, node in ipairs(self.nodes) do
    rows[i] = { node = node.node, kind = node.kind, state = node.state == "differs" and "~ differs" or node.state,
      links = node.links, addrs = node.addrs[1] and table.concat(node.addrs, " ") or nil }
  end
  return rows
end

local function link_rows(self)
  local rows = {}
  for i, link in ipairs(self.links) do
    rows[i] = { node = link.node, link = link.link, state = (link.differs and "~ " or "") .. link.state,
      peer = link.peer, addrs = link.addrs[1] and table.concat(link.addrs, " ") or nil }
    if link.rx_packets then
      rows[i].rx, rows[i].tx, rows[i].drop = short(link.rx_packets), short(link.tx_packets), short(link.dropped)
      rows[i].rx_bytes, rows[i].tx_bytes = short(link.rx_bytes), short(link.tx_bytes)
    end
  end
  return rows
end

local NUMBERS = { rx = true, tx = true, rx_bytes = true, tx_bytes = true, drop = true }

local function tail(self)
  local lines = {}
  if self.broken then
    lines[1] = "! the nsh that changed it was killed meanwhile: up finishes that, nsh --gc takes the lab down"
  end
  if self.differs > 0 then
    lines[#lines + 1] = ("~ %d step%s from what is declared: plan tells, up mends"):format(self.differs,
      self.differs == 1 and "" or "s")
  end
  return lines[1] and table.concat(lines, "\n")
end

function Status:__tostring()
  local width = text.width()
  local parts = { text.escape(head(self)) }
  if #self.nodes > 0 then parts[#parts + 1] = columns.list(node_rows(self), width) end
  if #self.links > 0 then parts[#parts + 1] = "\n" .. columns.list(link_rows(self), width, false, NUMBERS) end
  parts[#parts + 1] = tail(self)
  return table.concat(parts, "\n")
end

-- --- reading ---

-- Which nodes, and which of their links, the steps of a plan are about.
local function blamed(steps)
  local nodes, links = {}, {}
  for _, step in ipairs(steps) do
    nodes[step.netns] = true
    local record = step.to or step.from or {}
    local dev = step.noun == "link" and step.name or record.dev
    if dev then links[step.netns .. " " .. tostring(dev)] = true end
  end
  return { nodes = nodes, links = links }
end

-- Addresses of a node by its links, in their order.
local function addrs_of(ns)
  local by = {}
  for _, addr in ipairs(ns:addrs()) do
    if addr.scope ~= "host" and addr.proto ~= "kernel_ll" then
      by[addr.dev] = by[addr.dev] or setmetatable({}, LIST)
      table.insert(by[addr.dev], addr.addr)
    end
  end
  return by
end

-- "h2:eth0", by the names of the links at this end.
local function peers_of(node)
  local peers = {}
  for _, port in ipairs(node.ports) do peers[port.name] = port.peer.node.name .. ":" .. port.peer.name end
  return peers
end

-- The links as they are but lo, and which there are; those that nobody declared too, but none that are about to go.
local function live_links(node, ns, peers, differs, gone)
  local list, by, addrs = {}, {}, addrs_of(ns)
  -- without the names of peers in other namespaces, which would cost a look at each of them
  local all = fail.check("link list", nil, ns, core.link.list(ns.core, {}, true))
  for _, link in ipairs(all) do
    if link.name ~= "lo" and not gone[link.name] then
      local stats = link.stats
      local state = link.up and link.carrier and BEHIND[link.state] and "up" or link.state
      local record = { node = node.name, link = link.name, state = state, mtu = link.mtu,
        peer = peers[link.name], addrs = addrs[link.name] or setmetatable({}, LIST), rx_packets = stats.rx_packets,
        rx_bytes = stats.rx_bytes, tx_packets = stats.tx_packets, tx_bytes = stats.tx_bytes,
        dropped = stats.rx_dropped + stats.tx_dropped,
        differs = differs[node:netns_name() .. " " .. link.name] }
      list[#list + 1], by[link.name] = record, true
    end
  end
  return list, by, addrs.lo
end

local NOTHING = {}

local function add_node(status, node, declared, differs, gone)
  local nodes, links = differs.nodes, differs.links
  local name, peers = node:netns_name(), peers_of(node)
  local ns = netns.lookup(name)
  local there, known, addrs = {}, {}, setmetatable({}, LIST)
  if ns then
    local own
    there, known, own = live_links(node, ns, peers, links, gone or NOTHING)
    if own then table.move(own, 1, #own, 1, addrs) end
  end
  for _, link in ipairs(declared) do
    if not known[link.name] and link.name ~= "lo" then
      there[#there + 1] = { node = node.name, link = link.name, state = "missing", peer = peers[link.name],
        addrs = setmetatable({}, LIST) }
    end
  end
  for _, link in ipairs(there) do
    table.move(link.addrs, 1, #link.addrs, #addrs + 1, addrs)
    status.links[#status.links + 1] = setmetatable(link, show.Record)
  end
  status.up = status.up and ns ~= nil
  status.nodes[#status.nodes + 1] = setmetatable({ node = node.name, kind = node.kind, netns = name, links = #there,
    addrs = addrs, state = not ns and "missing" or nodes[name] and "differs" or "up" }, show.Record)
end

--- Tells how a lab stands.
---@private
---@param lab nsh.Lab
---@return nsh.Status
function m.of(lab)
  local steps, live, wanted = plan.of(lab)
  local differs = blamed(steps)
  local status = { lab = lab.name, up = #lab.nodes > 0, differs = #steps, nodes = setmetatable({}, show.List),
    links = setmetatable({}, show.List) }
  local links, gone = {}, {}
  for _, node in ipairs(wanted.nodes) do links[node.node] = node.links end
  for _, node in ipairs(live.nodes) do gone[node.netns] = node.gone end
  for _, node in ipairs(lab.nodes) do
    add_node(status, node, links[node.name] or {}, differs, gone[node:netns_name()])
  end
  local state = store.state(lab.name)
  status.broken, status.changing = state == "broken" or nil, state == "changing" or nil
  status.up = status.up and not status.broken and not status.changing
  return setmetatable(status, Status)
end

return m
