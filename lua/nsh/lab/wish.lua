--- wish.lua - a lab as the state that it asks for: for each namespace the records that its nouns would tell.
local core = require "nsh.core"
local nouns = require "nsh.lab.nouns"

local m = {}

-- What every veth of a lab has, where nothing else is said, so that what somebody changed by hand is seen.
local VETH = { kind = "veth", up = true, mtu = 1500 }

-- Options of a port that are no keys of its link.
local APART = { "dad", "fdb", "impair", "vlans" }

-- The order in which links are made: those that others need come first.
local function add_bridge(state, node)
  local spec = { name = node.bridge, kind = "bridge", up = true, mtu = 1500 }
  for key, value in pairs(node.spec) do spec[key] = value end
  state.links[#state.links + 1] = core.link.read(spec, "bridge")
end

-- One end of a wire; the wire is made from that of a switch, whose bridge takes it in the same message.
local function add_port(state, port)
  local spec = { name = port.name, mac = port.mac }
  for key, value in pairs(VETH) do spec[key] = value end
  for key, value in pairs(port.spec) do spec[key] = value end
  for _, key in ipairs(APART) do spec[key] = nil end
  if port.node.kind == "switch" then spec.master = port.node.bridge end
  local record = core.link.read(spec, "veth", spec.master and "bridge" or nil)
  record.peer = { name = port.peer.name, netns = port.peer.node:netns_name() }
  state.links[#state.links + 1] = record
end

local function add_addrs(state, dev, addrs)
  for _, addr in ipairs(addrs) do
    local record = { dev = dev }
    for key, value in pairs(addr) do record[key] = value end
    if record.addr:find(":", 1, true) and record.nodad == nil then record.nodad = true end
    state.addrs[#state.addrs + 1] = record
  end
end

local function add_routes(state, node)
  for _, route in ipairs(node.routes) do
    local record = core.route.read(route)
    record.family = (record.dst .. (record.via or "")):find(":", 1, true) and "inet6" or "inet"
    record.table = record.table or "main"
    if record.family == "inet6" then record.metric = record.metric or 1024 end
    state.routes[#state.routes + 1] = record
  end
end

-- lo is up, unless the node says otherwise.
local function loopback(spec)
  local record = { name = "lo", up = spec ~= false }
  for key, value in pairs(spec or {}) do record[key] = value end
  return record
end

local function of_node(node)
  local state = nouns.empty(node:netns_name())
  state.node, state.kind = node.name, node.kind
  state.links[1] = loopback(rawget(node, "lo"))
  if node.kind == "switch" then
    add_bridge(state, node)
    add_addrs(state, node.bridge, node.addrs)
  else
    add_addrs(state, "lo", node.addrs)
  end
  for _, port in ipairs(node.ports) do
    add_port(state, port)
    add_addrs(state, port.name, port.addrs)
  end
  add_routes(state, node)
  for _, rule in ipairs(node.rules) do state.rules[#state.rules + 1] = core.rule.read(rule) end
  for _, neigh in ipairs(node.neighs) do state.neighs[#state.neighs + 1] = core.neigh.read(neigh) end
  state.sysctls["net.ipv4.ip_forward"] = node.kind == "router" and 1 or 0
  if node.kind == "router" then
    state.sysctls["net.ipv6.conf.all.forwarding"] = 1
    -- what it forwards asks for neighbours by the link-local address, and nobody is asked while that one is tentative
    state.sysctls["net.ipv6.conf.default.accept_dad"] = 0
  end
  for key, value in pairs(node.sysctls) do state.sysctls[key] = value end
  return state
end

--- Returns the state that a lab asks for.
---@param lab nsh.Lab
---@return table state { nodes = list }
function m.of(lab)
  local state = { lab = lab.name, nodes = {} }
  for i, node in ipairs(lab.nodes) do state.nodes[i] = of_node(node) end
  return state
end

return m
