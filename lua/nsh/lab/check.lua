--- check.lua - what can only be said of a lab as a whole: ends that can't talk, gateways that nobody reaches, loops.
local address = require "nsh.lab.address"
local core = require "nsh.core"
local domains = require "nsh.lab.domain"
local named = require "nsh.lab.named"
local own = require "nsh.lab.own"
local prefixes = require "nsh.prefix"
local slips = require "nsh.lab.slips"
local text = require "nsh.text"
local things = require "nsh.lab.things"
local world = require "nsh.world"

local is_six = prefixes.is_six

local m = {}

-- An error has the line that declares what is wrong, whichever line asks for the lab.
local function refuse(where, fmt, ...) error(("%s: " .. fmt):format(where, ...), 0) end

local ours = setmetatable({}, { __mode = "k" }) -- warnings that are found here, and not where a lab comes from

local function warn(lab, where, fmt, ...)
  local warning = { where = where, message = fmt:format(...) }
  ours[warning] = true
  lab.warnings[#lab.warnings + 1] = warning
end

local function name_of(device) return device.node.name .. " " .. device.name end

local function addrs_of(device) return device.addrs or {} end

-- --- names that are meant to be links of the node ---

local function is_there(node, name)
  return name == "lo" or node.kind == "external" or own.find(node, name) ~= nil
end

local function check_devs(node, list)
  for _, record in ipairs(list) do
    if record.dev and not is_there(node, record.dev) then
      refuse(node.lab.lines[record] or node.where, "%s of %s: there is no link %s", tostring(record.dst), node.name,
        record.dev)
    end
  end
end

local function check_names(node)
  for _, link in ipairs(node.links) do
    for _, below in named.below(link.link) do
      if not is_there(node, below) then
        refuse(link.where, "link %s of %s stands on %s, and the node has no such link", link.name, node.name, below)
      end
    end
  end
  check_devs(node, node.routes)
  check_devs(node, node.neighs)
end

-- --- addresses ---

local FULL = { [4] = 32, [16] = 128 }

local function master_of(device) return device.link and device.link.master or "" end

-- Two of a node, or two that hear each other, have the same address.
local function check_twice(seen, device, record, bytes, length)
  if length == FULL[#bytes] or record.peer then return end
  local other = seen[bytes]
  if other and master_of(other) == master_of(device) then -- in another VRF it is another one
    refuse(device.where, "%s is the address of %s, and of %s already, of %s", record.addr:match "^[^/]+",
      name_of(device), name_of(other), other.where)
  end
  seen[bytes] = device
end

local MTU6 = 1280 -- at least, as IPv6 has it

local function check_mtu(device, record)
  local mtu = device.link and device.link.mtu
  if mtu and mtu < MTU6 and is_six(record.addr) then
    refuse(device.where, "%s has mtu %d, and IPv6, with %s, needs one of %d at least", name_of(device), mtu,
      record.addr, MTU6)
  end
end

local function check_node_addrs(node)
  local seen = {}
  for _, device in ipairs(domains.devices(node)) do
    for _, record in ipairs(addrs_of(device)) do
      check_twice(seen, device, record, core.prefix(record.addr))
      check_mtu(device, record)
    end
  end
end

-- An address that says which others are on the link.
local function is_shared(record, bytes, length)
  return length < FULL[#bytes] and not record.peer and not (#bytes == 16 and record.addr:find "^fe80:")
end

-- Those addresses of an end, of a family.
local function nets_of(one, size)
  local list = {}
  for _, record in ipairs(addrs_of(one.device)) do
    local bytes, length = core.prefix(record.addr)
    if #bytes == size and is_shared(record, bytes, length) then
      list[#list + 1] = { text = record.addr, bytes = bytes, length = length }
    end
  end
  return list
end

local function hear_each_other(mine, theirs)
  for _, a in ipairs(mine) do
    for _, b in ipairs(theirs) do
      local longer = math.max(a.length, b.length)
      if prefixes.head(a.bytes, longer) == prefixes.head(b.bytes, longer) then return true end
    end
  end
end

-- Who has a route over the link itself may talk with whom it likes.
local function has_own_way(device)
  for _, route in ipairs(device.node.routes) do
    if route.dev == device.name and (not route.via or route.onlink) then return true end
  end
end

local function is_alone(one, list, size)
  for _, network in ipairs(one) do
    if list.count[network] > 1 then return false end
  end
  if has_own_way(one.device) then return false end
  one.nets = one.nets or nets_of(one, size)
  for _, other in ipairs(list) do
    other.nets = other.nets or nets_of(other, size)
    if other ~= one and hear_each_other(one.nets, other.nets) then return false end
  end
  return true
end

-- Each end shares a network with another one; ends in the same network are counted, for there may be a thousand.
local function check_family(list, size)
  local alone
  for _, one in ipairs(list) do
    if is_alone(one, list, size) then alone = one end
  end
  if not alone then return end
  local other = list[1] == alone and list[2] or list[1]
  refuse(alone.device.where, "%s of %s is in no network of another end of its link: %s has %s, of %s",
    nets_of(alone, size)[1].text, name_of(alone.device), name_of(other.device), nets_of(other, size)[1].text,
    other.device.where)
end

-- Notes the network of an end's address: a list of ends, each a list of networks, and how often each network is there.
local function note(list, device, network)
  local last = list[#list]
  if not last or last.device ~= device then
    last = { device = device }
    list[#list + 1] = last
  end
  last[#last + 1] = network
  list.count[network] = (list.count[network] or 0) + 1
end

-- Two ends whose networks overlap and aren't the same: each takes others for neighbours than the other one does.
local function check_lengths(list, size, tell)
  local mine, theirs, odd = nets_of(list[1], size), nets_of(list[2], size), nil
  for _, a in ipairs(mine) do
    for _, b in ipairs(theirs) do
      if hear_each_other({ a }, { b }) then
        if a.length == b.length then return end
        odd = odd or { a, b }
      end
    end
  end
  if not odd or has_own_way(list[1].device) or has_own_way(list[2].device) then return end
  tell(list[2].device.where, "%s has %s, and %s at the other end %s: prefixes of one network have one length",
    name_of(list[2].device), odd[2].text, name_of(list[1].device), odd[1].text)
end

local function check_domain(domain, tell)
  local seen, families = {}, { [4] = { count = {} }, [16] = { count = {} } }
  if domain.filtered or domain.outside then return end
  for _, entry in ipairs(domain.ends) do
    local device = entry.device
    for _, record in ipairs(addrs_of(device)) do
      local bytes, length, network = core.prefix(record.addr)
      check_twice(seen, device, record, bytes, length)
      if is_shared(record, bytes, length) then note(families[#bytes], device, network) end
    end
  end
  for _, size in ipairs { 4, 16 } do
    local list = families[size]
    if list[2] then check_family(list, size) end
    if #list == 2 then check_lengths(list, size, tell) end
  end
end

-- --- gateways ---

local function note_way(ways, length, network) ways.networks[network], ways.lengths[length] = true, true end

-- Networks that a node is on, and how long their prefixes are: there may be a thousand.
local function ways_of(node)
  local ways = { networks = {}, lengths = {} }
  for _, device in ipairs(domains.devices(node)) do
    for _, record in ipairs(device.link.up ~= false and addrs_of(device) or {}) do
      local _, length, network = core.prefix(record.peer or record.addr)
      note_way(ways, length, network)
    end
  end
  for _, route in ipairs(node.routes) do
    if route.dev and not route.via and not route.nexthops then
      local prefix = prefixes.parse(route.dst, "dst", route.family)
      note_way(ways, prefix.length, prefix.network)
    end
  end
  return ways
end

-- Whether a node may have, or speak for, addresses that it isn't declared with.
local function has_more(node)
  if node.kind == "external" or node.space or node.things ~= things.NOTHING or node.neighs[1] then return true end
  for key in pairs(node.sysctls) do
    if key:find "proxy" then return true end
  end
  for _, route in ipairs(node.routes) do
    if route.type == "local" then return true end
  end
  return false
end

-- All addresses of a lab; nil where there may be more.
local function owned(lab)
  local set = {}
  for _, node in ipairs(lab.nodes) do
    if has_more(node) then return nil end
    for _, device in ipairs(domains.devices(node)) do
      for _, record in ipairs(addrs_of(device)) do set[core.prefix(record.addr)] = true end
    end
  end
  return set
end

local function check_gateway(node, ways, route, hop, addresses)
  if not hop.via or hop.onlink or route.onlink or (is_six(hop.via) and hop.via:find "^fe[89ab]") then return end
  local line = node.lab.lines[route] or node.where
  for length in pairs(ways.lengths) do
    local bytes, _, network = core.prefix(hop.via .. "/" .. length)
    if network and ways.networks[network] then
      if addresses and not addresses[bytes] then
        warn(node.lab, line, "nobody has %s, the gateway of %s's route to %s, unless a program brings it", hop.via,
          node.name, route.dst)
      end
      return
    end
  end
  warn(node.lab, line, "no link of %s reaches the gateway %s of its route to %s, unless a command adds the way",
    node.name, hop.via, route.dst)
end

local function check_gateways(node, addresses)
  if node.space then return end -- what else is there isn't known
  local ways
  for _, route in ipairs(node.routes) do
    for _, hop in ipairs(route.nexthops or { route }) do
      if hop.via then
        ways = ways or ways_of(node)
        check_gateway(node, ways, route, hop, addresses)
      end
    end
  end
end

-- --- bridges ---

local function bridge_of(port)
  if port.link.up == false then return nil end
  local master = domains.master(port.node, port)
  return master and master.kind == "bridge" and master or nil
end

local function runs_stp(bridge) return bridge.link.stp and bridge.link.stp ~= 0 end

-- A bridge with STP sees what comes round, whether the others have it or not.
local function check_loops(lab)
  local find, join = domains.sets()
  for _, wire in ipairs(lab.links) do
    local a = bridge_of(wire.ends[1])
    local b = a and bridge_of(wire.ends[2])
    if b and not runs_stp(a) and not runs_stp(b) then
      if find(a) == find(b) then
        warn(lab, wire.where, "the link of %s and %s closes a loop of bridges, in which packets circle for ever; "
          .. "stp = true on one of its switches ends that", wire.ends[1].node.name, wire.ends[2].node.name)
      else
        join(a, b)
      end
    end
  end
end

local function check_ports(node)
  if #node.ports <= own.BRIDGE_PORTS then return end
  local count = {}
  for _, port in ipairs(node.ports) do
    local bridge = bridge_of(port)
    count[bridge or 0] = (count[bridge or 0] or 0) + 1
    if bridge and count[bridge] > own.BRIDGE_PORTS then
      refuse(port.where, "bridge %s of %s would have %d ports, and a bridge of the kernel has at most %d", bridge.name,
        node.name, count[bridge], own.BRIDGE_PORTS)
    end
  end
end

--- Checks a lab as a whole. What is odd is noted in its warnings.
---@private
---@param lab nsh.Lab
function m.lab(lab)
  if lab.checked then return end
  address.assign(lab)
  for i = #lab.warnings, 1, -1 do
    if ours[lab.warnings[i]] then table.remove(lab.warnings, i) end
  end
  if lab.options.strict ~= false then
    local tell = { refuse = refuse, warn = function(...) warn(lab, ...) end, gates = {} }
    local addresses = owned(lab)
    for _, node in ipairs(lab.nodes) do
      check_names(node)
      slips.node(node, tell)
      check_ports(node)
      check_node_addrs(node)
      check_gateways(node, addresses)
    end
    for _, domain in ipairs(domains.of(lab).list) do check_domain(domain, tell.warn) end
    for _, wire in ipairs(lab.links) do slips.wire(wire, tell) end
    check_loops(lab)
  end
  lab.checked = true
end

-- A link of the world's root, or one that the lab has borrowed already.
local function has_link(node)
  local netns, port = require "nsh.netns", node.ports[1]
  if netns.root():find_link(node.dev) or not port then return true end
  local ns = netns.lookup(port.peer.node:netns_name())
  return ns ~= nil and ns:find_link(port.peer.name) ~= nil
end

-- Links of the machine are there with --host; a world of its own may have made some in its root.
local function check_external(lab)
  for _, node in ipairs(lab.nodes) do
    local looked_for = node.kind == "external" and not world.is_host() and not world.is_dry()
    if looked_for and (world.is_empty() or not has_link(node)) then
      refuse(node.where, "%s stands for link %s of the machine, which this world doesn't have; nsh --host has it",
        node.name, node.dev)
    end
  end
end

local ENOENT = 2

local function is_missing(path)
  local file, _, code = io.open(path)
  if file then file:close() end
  return not file and code == ENOENT
end

-- A node's own files lie in folders of the machine, or in new ones within these; its root folder has none of its own.
local function check_files(lab)
  local missing = {} -- by folder
  for _, node in ipairs(world.is_dry() and {} or lab.nodes) do
    for _, file in ipairs(node.things and node.things.files or {}) do
      local top = file.path:match "^/[^/]+"
      if missing[top] == nil then missing[top] = is_missing(top) end
      if missing[top] then
        refuse(node.where, "files of %s: there is no folder %s, and the root folder can't be a node's own; %s lies in "
          .. "one that there is, or in a new one within it, as /etc or /srv", node.name,
          top == file.path and "for " .. top or top, top == file.path and "a file" or "it")
      end
    end
  end
end

--- Checks a lab as a whole, and prints each warning once.
---@private
---@param lab nsh.Lab
function m.told(lab)
  m.lab(lab)
  check_external(lab)
  check_files(lab)
  for _, warning in ipairs(lab.warnings) do
    local line = ("%s: warning: %s"):format(warning.where, text.escape(warning.message))
    if not lab.told[line] then
      lab.told[line] = true
      io.stderr:write(line, "\n")
    end
  end
end

return m
