--- ovs_bridge.lua - bridges of Open vSwitch: their ports, VLANs, flows, spanning trees; for stdlib/ovs.lua.
local nsh = require "nsh"
local args = require "stdlib.ovs_args"
local daemon = require "stdlib.daemon"
local ovs = require "stdlib.ovs_run"
local text = require "stdlib.ovs_text"

local m = {}

--- One bridge of a switch.
---@class ovs.Bridge
---@field name string
---@field switch ovs.Switch
local Bridge = {}
local mt = { __index = Bridge, __name = "ovs.bridge" }

function mt.__tostring(self) return ("bridge %s of Open vSwitch in %s"):format(self.name, self.switch.netns.label) end

function mt.__eq(a, b) return a.switch == b.switch and a.name == b.name end

--- Returns the object of a bridge.
function m.wrap(switch, name) return setmetatable({ switch = switch, name = name }, mt) end

--- Tells whether a value is a bridge.
function m.is(value) return getmetatable(value) == mt end

--- The keys of a bridge's options.
m.keys = args.keys({ "controller", "ports" }, args.bridge)

local function refuse_both(spec)
  if spec.stp and spec.rstp then nsh.misuse "a bridge runs stp or rstp, not both" end
end

--- Adds the commands that set a bridge's keys.
function m.settings(cmds, name, spec)
  refuse_both(spec)
  args.settings(cmds, "bridge", name, spec, args.bridge)
  local targets = spec.controller
  if targets == false then
    cmds[#cmds + 1] = { "del-controller", name }
  elseif targets then
    if type(targets) == "string" then targets = { targets } end
    cmds[#cmds + 1] = { "set-controller", name, table.unpack(targets) }
  end
end

--- What a bridge has; false takes a key's value away.
---@class ovs.BridgeSpec
---@field name string may stand at [1]
---@field datapath? string "system" or "netdev" (what the switch has); only when it is added
---@field stp? boolean run STP
---@field rstp? boolean run RSTP
---@field priority? integer of STP and RSTP
---@field hello_time? integer seconds, 1 to 10
---@field max_age? integer seconds, 6 to 40
---@field forward_delay? integer seconds, 4 to 30; the switch takes max_age / 2 + 1 at least
---@field fail_mode? string what it does without its controller: "standalone" or "secure"
---@field controller? string|string[] targets, as "tcp:10.0.0.1:6653"
---@field protocols? string[] versions of OpenFlow, as { "OpenFlow13" }
---@field mac? string
---@field dpid? string its datapath id, 16 hexadecimal digits
---@field ageing_time? integer seconds, 15 to 3600
---@field mcast_snooping? boolean
---@field other_config? table<string, string|number|boolean> other keys of that column

-- A column that holds any number of values.
local function as_list(value) return type(value) == "table" and value or { value } end

--- Returns what is set of the bridge, as the record of switch:bridges().
---@return table record
---@error ENODEV it was deleted
function Bridge:get()
  for _, record in ipairs(self.switch:bridges()) do
    if record.name == self.name then return record end
  end
  return self.switch:bridge(self.name)
end

-- The daemon dies of RSTP on both ends of patch ports, whose packets it follows from one bridge into the other.
local function refuse_rstp_patch(switch, rstp, more)
  local rows, ports, interfaces = ovs.list(switch, { "bridge", "name", "ports", "rstp_enable" }, { "port", "name" },
    { "interface", "name", "type", "options" })
  local port_of, owner, peers = {}, {}, {}
  for _, row in ipairs(ports) do port_of[row._uuid] = row.name end
  for _, row in ipairs(rows) do
    rstp[row.name] = rstp[row.name] or row.rstp_enable
    for _, uuid in ipairs(as_list(row.ports)) do owner[port_of[uuid]] = row.name end
  end
  for _, row in ipairs(interfaces) do
    if row.type == "patch" then peers[row.name] = (row.options or {}).peer end
  end
  if more then owner[more.name], peers[more.name] = more.bridge, more.peer end
  for name, peer in pairs(peers) do
    if rstp[owner[name]] and rstp[owner[peer]] then
      nsh.misuse(("%s and %s can't both run rstp while patch ports join them, which ends the switch; a veth pair does")
        :format(owner[name], owner[peer]))
    end
  end
end

--- Changes the bridge: what is given is set, false takes away.
--- Twin: `ovs-vsctl set bridge NAME KEY=VALUE`, `ovs-vsctl set-controller NAME TARGET`
---@param spec ovs.BridgeSpec
---@error ENODEV it was deleted
function Bridge:set(spec)
  spec = args.spec(spec, "set", m.keys)
  local cmds = {}
  m.settings(cmds, self.name, spec)
  if spec.rstp then refuse_rstp_patch(self.switch, { [self.name] = true }) end
  ovs.change(self.switch, "set", self.name, cmds)
end

--- Deletes the bridge and its ports, as switch:del_bridge does.
--- Twin: `ovs-vsctl del-br NAME`
---@error ENODEV there is none any more
function Bridge:del() self.switch:del_bridge(self) end

--- Returns the link of the bridge's own port, for an address of the switch itself.
---@return nsh.Link
function Bridge:link() return self.switch.netns:link(self.name) end

--- Lists the controllers of the bridge. The state is up to 5 s old.
--- Twin: `ovs-vsctl list controller`
---@return table[] records { target, connected, role, state, error }
function Bridge:controllers()
  local bridges, rows = ovs.list(self.switch, { "bridge", "name", "controller" },
    { "controller", "target", "is_connected", "role", "status" })
  local wanted, records = {}, {}
  for _, row in ipairs(bridges) do
    local uuids = row.name == self.name and row.controller or {}
    for _, uuid in ipairs(as_list(uuids)) do wanted[uuid] = true end
  end
  for _, row in ipairs(rows) do
    local status = row.status or {}
    if wanted[row._uuid] then
      records[#records + 1] = { target = row.target, connected = row.is_connected, role = row.role,
        state = status.state, error = status.last_error }
    end
  end
  return nsh.records(records)
end

-- --- ports ---

local PORT_KEYS = args.keys({ "netns", "error", "state", "bridge" }, args.port, args.interface)

-- Packets that the kernel leaves without a checksum, because it knows that they stay inside, stay so in userspace.
local function complete_checksums(bridge, link)
  if link.kind ~= "veth" or bridge:get().datapath ~= "netdev" then return end
  local peer = link.peer
  if peer then peer:set { offload = { tx = false } } end
end

-- The link of a new internal port, where it is wanted.
local function settle(self, name, ns)
  local link = self.netns:link(name)
  self.homes[name] = self.netns
  if not ns or ns == self.netns then return link end
  link:set { netns = ns }
  self.homes[name] = ns
  return ns:link(name)
end

-- Checks what only live objects tell, before anything is changed; returns the port's name and namespace.
local function port_args(self, spec)
  local link, ns = spec[1], spec.netns
  if daemon.is_link(link) then
    if link.netns ~= self.netns then
      nsh.misuse(("%s can't be a port: the switch is in %s"):format(tostring(link), self.netns.label))
    end
    if spec.type and spec.type ~= "system" then nsh.misuse("a link that is there already has no type " .. spec.type) end
    return link.name, nil, link
  end
  local name = args.name(link, "add_port")
  if ns and spec.type ~= "internal" then
    nsh.misuse "netns is for ports of type internal, which are born there; others' links stay in the switch's own"
  end
  ns = ns and daemon.netns(ns, "netns")
  if spec.type == "patch" and not spec.peer then nsh.misuse "a patch port needs peer: the other bridge's port" end
  if spec.type == "internal" then
    ovs.check_free(self, self.netns, name)
    if ns then ovs.check_free(self, ns, name) end
  end
  local is_system = not spec.type or spec.type == "system"
  return name, ns, is_system and not ovs.collecting(self) and self.netns:link(name) or nil
end

--- What a port has; false takes a key's value away.
---@class ovs.PortSpec
---@field name string may stand at [1], as may a link
---@field tag? integer VLAN of what comes without a tag
---@field trunks? integer[] VLANs that it carries; without tag and trunks, all
---@field vlan_mode? string "access", "trunk", "native-tagged", "native-untagged" or "dot1q-tunnel"
---@field type? string nothing for a link that is there, "internal", "patch", or a tunnel's: "vxlan", "gre", "geneve"
---@field netns? nsh.Netns|nsh.LabNode|string where an internal port shall be
---@field peer? string of a patch port: the other one
---@field options? table<string, string> of a tunnel: remote_ip, key
---@field ofport? integer its number in OpenFlow
---@field mac? string of an internal port
---@field mtu? integer
---@field other_config? table<string, string>

--- Adds a port: a link of the switch's namespace, or one that the switch makes. An internal port's link is born in
--- its namespace, and is down; delete the port before its namespace, or the switch goes on reading what isn't there.
--- In userspace (datapath netdev), the other end of a veth gets its checksums completed, as `ethtool -K NAME tx off`
--- does: without it TCP would not pass.
--- Twin: `ovs-vsctl add-port BRIDGE NAME -- set Interface NAME type=internal`
---@param spec nsh.Link|string|ovs.PortSpec
---@return nsh.Link? link of the port, where it is; nil for patch ports, tunnels, and in a transaction
---@error EEXIST the name is a port or bridge already
---@error ENODEV there is no such link or bridge
function Bridge:add_port(spec)
  spec = args.spec(spec, "add_port", PORT_KEYS)
  local switch = self.switch
  local name, ns, link = port_args(switch, spec)
  if spec.type == "patch" then
    refuse_rstp_patch(switch, {}, { bridge = self.name, name = name, peer = spec.peer })
  end
  spec.type = spec.type ~= "system" and spec.type or nil
  local cmds = { { "add-port", self.name, name } }
  args.settings(cmds, "port", name, spec, args.port)
  args.settings(cmds, "interface", name, spec, args.interface)
  return ovs.change(switch, "add-port", name, cmds, { "--if-exists", "del-port", self.name, name }, function()
    if spec.type == "internal" then return settle(switch, name, ns) end
    if link then complete_checksums(self, link) end
    return link
  end)
end

-- Raises unless the port is one of this bridge: the database knows ports by their names alone.
local function check_port(self, name, op)
  if ovs.collecting(self.switch) then return end
  local owner = ovs.vsctl(self.switch, { { "port-to-br", name } }, op, name).out:match "%S+"
  if owner ~= self.name then
    nsh.raise { op = "ovs " .. op, target = name, netns = self.switch.netns, code = "ENODEV", errno = 19,
      message = ("bridge %s has no port of that name; bridge %s has"):format(self.name, owner) }
  end
end

local function port_name(port, what)
  return args.name(daemon.is_link(port) and port.name or type(port) == "table" and port.name or port, what)
end

--- Changes a port: what is given is set, false takes away.
--- Twin: `ovs-vsctl set port NAME tag=10`
---@param spec ovs.PortSpec name, or link, and what shall change
---@error ENODEV the bridge has no such port
function Bridge:set_port(spec)
  spec = args.spec(spec, "set_port", PORT_KEYS)
  local name = port_name(spec[1], "set_port")
  if spec.netns or spec.type then nsh.misuse "netns and type are for add_port: delete the port and add it anew" end
  local cmds = {}
  args.settings(cmds, "port", name, spec, args.port)
  args.settings(cmds, "interface", name, spec, args.interface)
  check_port(self, name, "set")
  ovs.change(self.switch, "set", name, cmds)
end

--- Takes a port away. The link of an internal port goes with it, others stay.
--- Twin: `ovs-vsctl del-port BRIDGE NAME`
---@param port string|nsh.Link
---@error ENODEV the bridge has no such port
function Bridge:del_port(port)
  local name = port_name(port, "del_port")
  ovs.change(self.switch, "del-port", name, { { "del-port", self.name, name } })
  self.switch.homes[name] = nil
end

-- The namespace that the link of an internal port was put into; nil where it is in the switch's own.
local function elsewhere(switch, name)
  local ns = switch.homes[name]
  return ns and ns ~= switch.netns and not ns.deleted and ns or nil
end

--- Lists the ports, the bridge's own among them; add_port takes such a record.
--- Twin: `ovs-vsctl list port`, `ovs-vsctl list interface`
---@return table[] records { name, type, ofport, tag, trunks, vlan_mode, peer, options, mac, netns, error }; type:
---   "system" is a link that was there; netns: where nsh put an internal port; error: why it doesn't work
function Bridge:ports()
  local switch = self.switch
  local bridges, ports, interfaces = ovs.list(switch, { "bridge", "name", "ports" },
    { "port", "name", "tag", "trunks", "vlan_mode" },
    { "interface", "name", "type", "ofport", "options", "mac_in_use", "error" })
  local wanted, own, records = {}, {}, {}
  for _, row in ipairs(bridges) do
    local uuids = row.name == self.name and row.ports or {}
    for _, uuid in ipairs(as_list(uuids)) do wanted[uuid] = true end
  end
  for _, row in ipairs(ports) do own[row.name] = wanted[row._uuid] and row or nil end
  for _, row in ipairs(interfaces) do
    local port, options = own[row.name], row.options or {}
    if port then
      local ns, peer = elsewhere(switch, row.name), options.peer
      options.peer = nil
      records[#records + 1] = { name = row.name, type = row.type ~= "" and row.type or "system", ofport = row.ofport,
        tag = port.tag, trunks = port.trunks, vlan_mode = port.vlan_mode, peer = peer, mac = row.mac_in_use,
        options = next(options) and options or nil, netns = ns and ns.label, error = row.error }
    end
  end
  table.sort(records, function(a, b) return a.ofport < b.ofport end)
  return nsh.records(records)
end

-- The names of the ports by their numbers.
local function names_of(self)
  local names = { LOCAL = self.name }
  for _, record in ipairs(self:ports()) do names[tostring(record.ofport)] = record.name end
  return names
end

--- Lists the counters of the ports, as the switch sees them: rx is what came in through a port.
--- Twin: `ovs-ofctl dump-ports NAME`
---@return table[] records { name, rx_packets, rx_bytes, rx_dropped, rx_errors, tx_packets, tx_bytes, ... }
function Bridge:stats()
  local counters = text.counters(ovs.ofctl(self.switch, self.name, { "dump-ports" }))
  local names, records = names_of(self), {}
  for number, record in pairs(counters) do
    record.name = names[number] or number
    local ns = elsewhere(self.switch, record.name)
    local link = ns and ns:find_link(record.name)
    if link then -- the switch looks for the link where it isn't any more
      local stats = link.stats
      for _, key in ipairs { "packets", "bytes", "dropped", "errors" } do
        record["rx_" .. key], record["tx_" .. key] = stats["tx_" .. key], stats["rx_" .. key]
      end
    end
    records[#records + 1] = record
  end
  table.sort(records, function(a, b) return a.name < b.name end)
  return nsh.records(records)
end

--- Lists the addresses that the bridge has learned.
--- Twin: `ovs-appctl fdb/show NAME`
---@return table[] records { mac, vlan, port, age }; age: seconds
function Bridge:fdb()
  local names, records = names_of(self), text.fdb(ovs.appctl(self.switch, { "fdb/show", self.name }))
  for _, record in ipairs(records) do record.port = names[record.port] or record.port end
  return nsh.records(records)
end

--- Forgets the addresses that the bridge has learned.
--- Twin: `ovs-appctl fdb/flush NAME`
function Bridge:flush_fdb() ovs.appctl(self.switch, { "fdb/flush", self.name }) end

local function tree(self, protocol)
  if not self:get()[protocol] then return nil end
  local record = text.tree(ovs.appctl(self.switch, { protocol .. "/show", self.name }))
  nsh.records(record.ports)
  return nsh.records { record }[1]
end

--- Returns the state of STP now.
--- Twin: `ovs-appctl stp/show NAME`
---@return table? record { root, root_port, root_cost, root_id, bridge_id, ports }, nil where it doesn't run; root: true
---  of the root bridge; ports: { name, role, state, cost, id } of each, state: "forwarding", "blocking", ...
function Bridge:stp() return tree(self, "stp") end

--- Returns the state of RSTP now.
--- Twin: `ovs-appctl rstp/show NAME`
---@return table? record as that of stp; a port's state is "forwarding", "learning" or "discarding"
function Bridge:rstp() return tree(self, "rstp") end

-- --- flows ---

local FLOW_KEYS = { "table", "priority", "cookie", "idle_timeout", "hard_timeout", "importance", "match", "actions",
  "packets", "bytes", "duration", 1, "name" }

-- A flow as ovs-ofctl reads it. What a record counts is left out.
local function flow_text(flow, what, actions)
  if type(flow) == "string" then return flow end
  flow = nsh.options(flow, what, FLOW_KEYS)
  if flow[1] then return flow[1] end
  if actions and type(flow.actions) ~= "string" then
    nsh.misuse(what .. ": a flow needs actions, as \"drop\", \"normal\" or \"output:2\"")
  end
  return text.flow_text(flow, actions)
end

--- Lists the flows of the bridge; add_flow takes such a record.
--- Twin: `ovs-ofctl dump-flows NAME`
---@param match? string only those that it covers: "icmp", "table=1"
---@return table[] records { table, priority, match, actions, packets, bytes, duration, cookie }
function Bridge:flows(match)
  local records = {}
  for line in ovs.ofctl(self.switch, self.name, { "dump-flows", match }):gmatch "[^\n]+" do
    records[#records + 1] = text.flow(line)
  end
  return nsh.records(records)
end

--- Adds a flow. One of the same table, priority and match is replaced.
--- Twin: `ovs-ofctl add-flow NAME FLOW`
---@param flow string|table "priority=10,icmp,actions=drop", or { priority = 10, match = "icmp", actions = "drop" }
---@error EXIT the switch doesn't understand it, in its own words
function Bridge:add_flow(flow)
  ovs.ofctl(self.switch, self.name, { "add-flow", "-" }, flow_text(flow, "add_flow", true) .. "\n")
end

--- Deletes flows: those that a match covers; with a priority, the one that has exactly that; without anything, all.
--- Twin: `ovs-ofctl del-flows NAME FLOW`
---@param flow? string|table "icmp", or a record
function Bridge:del_flows(flow)
  if flow == nil then
    ovs.ofctl(self.switch, self.name, { "del-flows" })
    return
  end
  local strict = type(flow) == "table" and flow.priority ~= nil
  ovs.ofctl(self.switch, self.name, { "del-flows", "-" }, flow_text(flow, "del_flows", false) .. "\n",
    strict and "--strict" or nil)
end

--- Makes these the flows of the bridge, at once: all of them, or none where one is wrong.
--- Twin: `ovs-ofctl --bundle replace-flows NAME FILE`
---@param flows (string|table)[]
---@error EXIT the switch doesn't understand one, in its own words
function Bridge:replace_flows(flows)
  if type(flows) ~= "table" then nsh.misuse("replace_flows takes a list of flows, not a " .. type(flows)) end
  local lines = {}
  for i, flow in ipairs(flows) do lines[i] = flow_text(flow, "replace_flows", true) end
  lines[#lines + 1] = ""
  ovs.ofctl(self.switch, self.name, { "replace-flows", "-" }, table.concat(lines, "\n"), "--bundle")
end

return m
