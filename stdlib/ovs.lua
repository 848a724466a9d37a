--- ovs.lua - Open vSwitch: a database and a switch of this world's own; bridges, ports, VLANs, flows.
--
--     local switch <close> = ovs.start()
--     local sw = switch:add_bridge "br0"
--     sw:add_port(veth)
--     local tap = sw:add_port { "tap0", type = "internal", netns = ns, tag = 10 }
--     sw:add_flow "priority=10,icmp,actions=drop"
local nsh = require "nsh"
local args = require "stdlib.ovs_args"
local bridges = require "stdlib.ovs_bridge"
local daemon = require "stdlib.daemon"
local ovs = require "stdlib.ovs_run"

local m = {}

local PROGRAMS = { "ovs-vsctl", "ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-ofctl", "ovs-appctl", "ovs-dpctl" }
local LOG = "-vPATTERN:console:%c|%p|%m"
local PACKAGE, TUN = "openvswitch-switch", "/dev/net/tun"

-- --- may it run? ---

local function check_programs()
  for _, name in ipairs(PROGRAMS) do
    if not nsh.program(name) then
      return ("%s is missing: apt-get install %s brings it"):format(name, PACKAGE), "ENOENT"
    end
  end
end

local function has_system(ns) return ns:exec({ "ovs-dpctl", "dump-dps" }, { check = false }).status == 0 end

-- Why there can be no userspace datapath, whose own links are taps.
local function check_tun()
  local file, why = io.open(TUN, "r+")
  if file then
    file:close()
    return nil
  end
  return ("this kernel has no Open vSwitch datapath (modprobe openvswitch), and the one in userspace can't open %s "
    .. "(run as root, or as root: chmod 666 %s, which is safe and usual)"):format(why, TUN), "EACCES"
end

--- Tells whether Open vSwitch can run here: its programs are there, and the kernel has its datapath or lets the
--- userspace one open /dev/net/tun.
---@return boolean
---@return string? why not, and the remedy
function m.available()
  local why = check_programs()
  if not why and not has_system(netns.current()) then why = check_tun() end
  if why then return false, why end
  return true
end

-- --- the switch ---

--- A database and a switch, in one namespace.
---@class ovs.Switch
---@field netns nsh.Netns where it runs; the links that become ports are there
---@field datapath string "system" (the kernel's) or "netdev" (in userspace): what its bridges get
local Switch = {}
local mt = { __index = Switch, __name = "ovs.switch" }

-- Beside these a switch has dir, env, server and vswitchd (its daemons), homes (the namespaces of the links that it
-- made, by their names) and open (the transaction that collects changes).

-- Switches that run, by their namespaces. They are stopped at the end of nsh, before their daemons are.
local running = {}

function mt.__tostring(self)
  local runs = running[self.netns] == self and (not self.vswitchd or self.vswitchd:running())
  return ("Open vSwitch in %s (%s), %s"):format(self.netns.label, self.datapath, runs and "running" or "ended")
end

function mt.__close(self) self:stop() end
function mt.__gc(self) pcall(self.stop, self) end

-- What there must be before anything is started.
local function check(ns, wanted)
  local why, code = check_programs()
  local system = not why and wanted ~= "netdev" and has_system(ns)
  if wanted == "system" and not why and not system then
    why, code = "this kernel has no Open vSwitch datapath; modprobe openvswitch as root, if it has that", "EOPNOTSUPP"
  elseif not why and not system then
    why, code = check_tun()
  end
  if why then nsh.raise { op = "ovs start", netns = ns, code = code, message = why } end
  return system and "system" or "netdev"
end

-- In the first ten seconds of a machine the switch takes it for one without processors, and drops all packets.
local function await_uptime()
  local file = io.open "/proc/uptime"
  local uptime = file and file:read "n" or 10
  if file then file:close() end
  if uptime < 10.1 then nsh.sleep(10.1 - uptime) end
end

local function start_daemons(self)
  local dir = self.dir.path
  self.netns:exec({ "ovsdb-tool", "create", dir .. "/conf.db" }, { env = self.env })
  self.server = daemon.start { "ovsdb-server", netns = self.netns, dir = self.dir, env = self.env,
    command = { "ovsdb-server", "$DIR/conf.db", "--remote=punix:$DIR/db.sock", "--unixctl=$DIR/db.ctl", "-vfile:off",
      "-vsyslog:off", LOG },
    ready = { unix = "$DIR/db.sock" } }
  self.vswitchd = daemon.start { "ovs-vswitchd", netns = self.netns, dir = self.dir, env = self.env,
    command = { "ovs-vswitchd", "unix:$DIR/db.sock", "--unixctl=$DIR/switch.ctl", "-vfile:off", "-vsyslog:off", LOG },
    ready = { unix = "$DIR/switch.ctl" } }
end

--- Starts a database and a switch, which has no bridges yet. There is one in a namespace; it has as many bridges as
--- are wanted. All that it writes is in a folder of its own, and it ends with the world.
--- Twin: `ovs-ctl start`
---@param opts? { netns: nsh.Netns|nsh.LabNode|string, datapath: string } netns: where its ports will be (the current
---  one); datapath: "system", the kernel's, which is taken where it is there, or "netdev", in userspace
---@return ovs.Switch
---@error ENOENT a program is missing; the message names the package
---@error EOPNOTSUPP datapath "system" is asked for, and this kernel has none
---@error EACCES /dev/net/tun can't be opened
---@error EXIT a daemon ended: with its last lines
function m.start(opts)
  opts = nsh.options(opts, "ovs.start", { "netns", "datapath" })
  local ns = daemon.netns(opts.netns or netns.current(), "netns")
  if opts.datapath and opts.datapath ~= "system" and opts.datapath ~= "netdev" then
    nsh.misuse(("datapath is \"system\" or \"netdev\", not '%s'"):format(tostring(opts.datapath)))
  end
  if running[ns] then
    nsh.misuse(("there is one already, %s, which may have many bridges"):format(tostring(running[ns])))
  end
  if ns.label == "host" then
    nsh.misuse "the machine's own namespace may have a switch of its own; start { netns = ... } takes another"
  end
  local datapath = check(ns, opts.datapath)
  await_uptime()
  local dir = daemon.dir "ovs"
  local self = setmetatable({ netns = ns, datapath = datapath, dir = dir, homes = { ["ovs-netdev"] = ns },
    env = { OVS_RUNDIR = dir.path, OVS_DBDIR = dir.path, OVS_LOGDIR = dir.path, OVS_SYSCONFDIR = dir.path } }, mt)
  running[ns] = self
  local ok, err = pcall(start_daemons, self)
  if ok then return self end
  self:stop()
  error(err, 0)
end

-- Lets the switch end by itself, which takes its links away.
local function ask_to_end(self)
  self.netns:exec({ "ovs-appctl", "--timeout=5", "-t", self.dir.path .. "/switch.ctl", "exit", "--cleanup" },
    { check = false })
  self.vswitchd.process:wait { timeout = 5, check = false }
end

-- What a switch leaves that was killed.
local function sweep(self)
  for name, ns in pairs(self.homes) do
    local link = not ns.deleted and ns:find_link(name)
    if link and link.kind == "tap" then link:del() end
  end
  if self.datapath == "system" and not self.netns.deleted then
    self.netns:exec({ "ovs-dpctl", "del-dp", "ovs-system" }, { check = false })
  end
end

--- Stops the switch, with all its bridges; the links of internal ports go, others stay.
function Switch:stop()
  if running[self.netns] ~= self then return end
  running[self.netns] = nil
  local ok, err = true, nil
  if self.vswitchd and self.vswitchd:running() then ok, err = pcall(ask_to_end, self) end
  if self.vswitchd then self.vswitchd:stop() end
  if self.server then self.server:stop() end
  sweep(self)
  self.dir:remove()
  if not ok and err.code ~= "TIMEOUT" then error(err, 0) end
end

--- Joins two bridges of a switch by a pair of patch ports.
--- Twin: `ovs-vsctl add-port A A-B -- set interface A-B type=patch options:peer=B-A -- ...`
---@param a ovs.Bridge
---@param b ovs.Bridge
---@param opts? { names: string[], tag: integer, trunks: integer[], vlan_mode: string } names: of the two ports
---  ("a-b" and "b-a"); the rest is as add_port takes it, for both
---@return string a's port
---@return string b's port
---@error EEXIST there are ports of those names
function m.patch(a, b, opts)
  opts = nsh.options(opts, "patch", { "names", "tag", "trunks", "vlan_mode", "other_config" })
  if not bridges.is(a) or not bridges.is(b) or a.switch ~= b.switch or a == b then
    nsh.misuse "patch takes two bridges of one switch"
  end
  local names = opts.names or { a.name .. "-" .. b.name, b.name .. "-" .. a.name }
  if type(names) ~= "table" or #names ~= 2 then nsh.misuse "names takes two names" end
  opts.names, opts.type = nil, "patch"
  a.switch:transaction(function()
    for i, bridge in ipairs { a, b } do
      opts[1], opts.peer = names[i], names[3 - i]
      bridge:add_port(opts)
    end
  end)
  return names[1], names[2]
end

-- --- transactions ---

--- Makes several changes in one transaction: all or none of them. What calls in the function would return isn't there
--- yet; what they read is the state before.
---@param what fun(switch: ovs.Switch)|string[][] a function that makes changes, or a list of commands of ovs-vsctl
function Switch:transaction(what)
  if self.open then nsh.misuse "there is a transaction open already" end
  if type(what) == "table" then
    for _, cmd in ipairs(what) do
      if type(cmd) ~= "table" then nsh.misuse('a command is a list of words, as { "add-br", "br0" }') end
    end
    return ovs.change(self, "transaction", nil, what)
  end
  if type(what) ~= "function" then nsh.misuse("transaction takes a function or a list, not a " .. type(what)) end
  local t = { cmds = {}, undo = {}, after = {}, op = "transaction", task = coroutine.running() }
  self.open = t
  local ok, err = pcall(what, self)
  self.open = nil
  if not ok then error(err, 0) end
  if #t.cmds > 0 then ovs.commit(self, t) end
end

--- Runs one command of ovs-vsctl, for what has no function here; it is a transaction of its own.
--- Twin: `ovs-vsctl COMMAND`
---@param words string[] as { "get", "bridge", "br0", "datapath_id" }
---@return string out what it wrote
function Switch:vsctl(words)
  if type(words) ~= "table" then nsh.misuse("vsctl takes a list of words, not a " .. type(words)) end
  return ovs.vsctl(self, { words }, tostring(words[1])).out
end

--- Runs one command of ovs-appctl on the switch daemon.
--- Twin: `ovs-appctl COMMAND`
---@param words string[] as { "dpif/show" }
---@return string out what it wrote
function Switch:appctl(words)
  if type(words) ~= "table" then nsh.misuse("appctl takes a list of words, not a " .. type(words)) end
  return ovs.appctl(self, words)
end

-- --- bridges ---

--- Adds a bridge. Its own port is a link of the same name, which is down: bridge:link().
--- Twin: `ovs-vsctl add-br NAME`
---@param spec string|ovs.BridgeSpec its name, or a table with keys
---@return ovs.Bridge
---@error EEXIST there is one of that name, or a port
function Switch:add_bridge(spec)
  spec = args.spec(spec, "add_bridge", bridges.keys)
  local name = args.name(spec[1], "add_bridge")
  ovs.check_free(self, self.netns, name)
  spec.datapath = spec.datapath or self.datapath
  local cmds = { { "add-br", name } }
  bridges.settings(cmds, name, spec)
  ovs.change(self, "add-br", name, cmds, { "--if-exists", "del-br", name }, function()
    self.homes[name] = self.netns
  end)
  return bridges.wrap(self, name)
end

--- Deletes a bridge and its ports.
--- Twin: `ovs-vsctl del-br NAME`
---@param bridge string|ovs.Bridge
---@error ENODEV there is none
function Switch:del_bridge(bridge)
  local name = args.name(type(bridge) == "table" and bridge.name or bridge, "del_bridge")
  ovs.change(self, "del-br", name, { { "del-br", name } })
  self.homes[name] = nil
end

--- Lists the bridges; add_bridge takes such a record.
--- Twin: `ovs-vsctl list bridge`
---@return table[] records { name, datapath, dpid, stp, rstp, fail_mode, protocols, controller, mcast_snooping, ports }
function Switch:bridges()
  local rows, ports, controllers = ovs.list(self,
    { "bridge", "name", "datapath_type", "datapath_id", "stp_enable", "rstp_enable", "fail_mode", "protocols",
      "mcast_snooping_enable", "ports", "controller" },
    { "port", "name" }, { "controller", "target" })
  local names, records = {}, {}
  for _, row in ipairs(ports) do names[row._uuid] = row.name end
  for _, row in ipairs(controllers) do names[row._uuid] = row.target end
  local function named(uuids)
    local found = {}
    for i, uuid in ipairs(type(uuids) == "table" and uuids or { uuids }) do found[i] = names[uuid] end
    table.sort(found)
    return found[1] and found or nil
  end
  for i, row in ipairs(rows) do
    records[i] = { name = row.name, datapath = row.datapath_type ~= "" and row.datapath_type or "system",
      dpid = row.datapath_id and tostring(row.datapath_id), stp = row.stp_enable or nil, rstp = row.rstp_enable or nil,
      fail_mode = row.fail_mode, protocols = row.protocols, mcast_snooping = row.mcast_snooping_enable or nil,
      ports = named(row.ports), controller = named(row.controller) }
  end
  table.sort(records, function(a, b) return a.name < b.name end)
  return nsh.records(records)
end

--- Returns a bridge.
---@param name string
---@return ovs.Bridge
---@error ENODEV there is none; the message tells which there are
function Switch:bridge(name)
  local names = {}
  for i, record in ipairs(self:bridges()) do
    if record.name == name then return bridges.wrap(self, name) end
    names[i] = record.name
  end
  nsh.raise { op = "ovs bridge", target = tostring(name), netns = self.netns, code = "ENODEV", errno = 19,
    message = "no bridge of that name; there are: " .. (names[1] and table.concat(names, ", ") or "none") }
end


return m
