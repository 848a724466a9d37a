--- init.lua - the module `nsh`, which is also the global of that name.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local object = require "nsh.object"
local prefixes = require "nsh.prefix"
local show = require "nsh.show"
local task = require "nsh.task"
local world = require "nsh.world"

core.record_types(show.Record, show.List)

local globals = package.loaded["nsh.globals"] or {}
local m = globals.nsh or {}
local netns = globals.netns or {}
setmetatable(m, nil)
setmetatable(netns, nil)

-- What only our own modules need stays theirs.
local ours = { Netns = true, ahead = true, asked = true, by_ids = true, hold = true, lookup = true, names = true,
  resolve = true, root = true, scratch = true, unnamed = true }
for name, fn in pairs(require "nsh.netns") do
  if not ours[name] then netns[name] = fn end
end

for _, noun in ipairs { "link", "addr", "route", "neigh", "bridge", "ethtool", "wireguard", "sysctl", "process", "ping",
  "wait" } do
  require("nsh." .. noun)
end

-- What many scripts do without is loaded when it is used.
object.later(require("nsh.netns").Netns, {
  ["nsh.addrlabel"] = "add_addrlabel addrlabels del_addrlabel flush_addrlabels",
  ["nsh.capture"] = "capture",
  ["nsh.fdb"] = "fdb",
  ["nsh.maddr"] = "maddrs",
  ["nsh.mdb"] = "mdb",
  ["nsh.mroute"] = "mroutes",
  ["nsh.nexthop"] = [[add_nexthop del_nexthop find_nexthop flush_nexthops nexthop nexthop_buckets nexthops
    replace_nexthop]],
  ["nsh.nft"] = "nft nft_counters nft_ruleset",
  ["nsh.ntable"] = "netconfs ntables set_ntable",
  ["nsh.path_mtu"] = "path_mtu",
  ["nsh.qdisc"] = "qdiscs",
  ["nsh.rule"] = "add_rule del_rule flush_rules rules",
  ["nsh.tcp"] = "connect listen",
  ["nsh.traceroute"] = "traceroute",
  ["nsh.udp"] = "udp",
  ["nsh.vlan"] = "vlans",
})
object.later(require("nsh.link").Link, {
  ["nsh.capture"] = "capture",
  ["nsh.fdb"] = "add_fdb del_fdb fdb flush_fdb replace_fdb",
  ["nsh.filter"] = "add_filter del_filter filters flush_filters replace_filter",
  ["nsh.impair"] = "impair impairment",
  ["nsh.maddr"] = "add_maddr del_maddr maddrs",
  ["nsh.mdb"] = "add_mdb del_mdb flush_mdb mdb mdb_routers replace_mdb",
  ["nsh.qdisc"] = "add_class add_qdisc classes del_class del_qdisc qdiscs replace_class replace_qdisc set_qdisc",
  ["nsh.vlan"] = [[add_vlan add_vni del_vlan del_vni flush_vlans msts set_mst set_vlan set_vlan_global vlan_globals
    vlans vnis]],
})

--- The functions on namespaces, also the global `netns`.
m.netns = netns

-- Labs are loaded when the first is declared; `lab` is what a script calls.
local lab = setmetatable(globals.lab or {}, {
  __call = function(_, ...) return require("nsh.lab").declare(...) end,
  __tostring = function() return "lab: declares a lab; help(lab)" end,
})

--- Declares a lab, also the global `lab`.
m.lab = lab

--- The version of nsh.
m.version = globals.version or "0.1.0"

--- Returns a new private key for a wireguard link, in base64. It does for the preshared_key of two peers as well.
--- Twin: `wg genkey`
---@return string
function m.wireguard_key() return fail.check("wireguard key", nil, nil, core.wireguard.key()) end

--- Returns a subnet of a prefix, for scripts that number what they make.
---@param prefix string "10.0.0.0/8", "fd00::/48"
---@param length integer of the subnet's own prefix: 24
---@param n integer which one, from 0 on; negative: from the end
---@return string subnet "10.0.3.0/24"
function m.subnet(prefix, length, n) return prefixes.subnet(prefix, length, n) end

--- Returns an address of a prefix, with the length of that.
---@param prefix string "10.0.3.0/24"
---@param n integer which one, from 0 on; negative: from the end, and -2 is the last one that an IPv4 host may have
---@return string addr "10.0.3.5/24"
function m.address(prefix, n) return prefixes.address(prefix, n) end

--- Tries what works here, for this kernel and this user: kinds of links and qdiscs, features, programs. It is done in
-- a namespace of its own; the kernel may load modules for it. `nsh --doctor` prints the same.
---@return table[] records { what, name, works, doc, why, remedy }; where there can be no world, that one alone
function m.doctor() return require("nsh.doctor").look() end

--- Finds a program where commands of a world are looked for.
---@param name string "dnsmasq"
---@return string? path nil where it is missing
---@return string? remedy what brings it: "apt-get install dnsmasq-base brings it"
function m.program(name)
  if type(name) ~= "string" then fail.misuse("a program's name is text, not a %s", type(name)) end
  local features = require "nsh.features"
  local path = features.path(name)
  if path then return path end
  return nil, features.program(name) or "no such program: neither in PATH nor in /usr/local/sbin, /usr/sbin, /sbin"
end

--- Returns the folder for sockets and other files of programs that run in this world; for recipes. That of a private
--- world, /run/nsh, goes with the world, however that ends; under `nsh --host` it is /run, and what is made there is to
--- be removed.
---@return string path
function m.run_dir()
  world.ensure()
  return core.world.run()
end

--- A named world.
---@class nsh.World
---@field name string
---@field since? string when it was made
---@field processes? integer how many run in it; nil where that can't be seen from here
---@field sessions? integer how many nsh have joined it
---@field namespaces? integer how many have a name in it
---@field labs? string[] the labs that are up in it
---@field script? string for which it was made
---@field keeper? integer the process that holds it; nil while it is made or ended

--- Lists the named worlds of this user, those that `nsh -w NAME` makes and joins.
---@return nsh.World[]
---@error EPERM the folder of their records may be written by others
function m.worlds() return require("nsh.worlds").list() end

--- Ends a named world with all that runs in it, and each nsh that has joined it; waits until it is gone.
---@param name string
---@error ENOENT there is none of that name
function m.kill_world(name) require("nsh.worlds").kill(name) end

--- Lists the labs that are up in this world, as what was noted of them says: those of other scripts, too.
---@return table[] records { name, script, since, state = "up", "changing", or "broken": its nsh was killed meanwhile }
function m.labs()
  return m.records(require("nsh.lab.store").list())
end

--- Takes a lab down by its name, as what was noted of it says; its script isn't needed.
---@param name string
---@return nsh.Plan what was done; empty when there is no such lab
function m.down(name)
  if type(name) ~= "string" then fail.misuse("the name of a lab is text, not a %s", type(name)) end
  return require("nsh.lab.apply").down { name = name }
end

--- Takes away what killed runs have left in this world, a named one or the machine: labs whose nsh was killed while it
--- changed them. What isn't theirs by record or mark stays.
---@return table[] records { what, name, lab, script } of what was removed
function m.gc() return require("nsh.worlds").gc() end

--- Raises an error object like those of nsh itself; for recipes. `where` and, where it is known, `hint` are filled in.
---@param e { code: string, op: string, target: string, netns: nsh.Netns|string, message: string, hint: string }
---  other keys stay as they are
function m.raise(e)
  e = fail.options(e, "raise")
  if type(e.netns) == "table" then e.netns = e.netns.label end
  for _, key in ipairs { "op", "message" } do
    if type(e[key]) ~= "string" then fail.misuse("raise needs %s, a text", key) end
  end
  fail.raise(e)
end

--- Raises what a caller did wrong as text, with the position of the script's own line; for recipes.
---@param message string
function m.misuse(message) fail.misuse("%s", message) end

--- Returns a copy of an option table, an empty one for nil, after a look at its keys: an unknown one raises, naming the
--- nearest; for recipes.
---@param opts? table
---@param what string who takes it, for the message: "dnsmasq"
---@param known string[] the keys that it may have
---@return table
function m.options(opts, what, known) return fail.known(opts, what, known) end

--- Makes a list of plain tables print as aligned columns, and each of them as lines of key and value; for recipes.
---@param list table[]
---@return table[] list itself
function m.records(list)
  for _, record in ipairs(fail.options(list, "records")) do
    if type(record) ~= "table" then fail.misuse("a record is a table, not a %s", type(record)) end
    setmetatable(record, show.Record)
  end
  return setmetatable(list, show.List)
end

--- Captures packets of links of several namespaces, in the order of their times; each packet says which `link` of which
--- `netns` it comes from. The rest is as for ns:capture.
--- Twin: `tcpdump -i LINK -w FILE FILTER`
---@param spec nsh.CaptureOptions at [1], [2]...: links, or { netns, "eth0" }
---@return nsh.Capture
function m.capture(spec) return require("nsh.capture").open(spec) end

--- Reads a capture file, pcap or pcapng: `for packet in nsh.read_pcap "x.pcap" do`. The packets are as those of a
--- capture; the names of links are those that a pcapng file tells.
--- Twin: `tcpdump -nn -r FILE`
---@param path string
---@return fun(): nsh.Packet? next
---@error ENOENT there is no such file
---@error EBADMSG it is no capture file, or ends in the middle of a packet, whose forerunners are given before that
function m.read_pcap(path) return require("nsh.capture").read(path) end

--- Takes the bytes of a packet apart, wherever they come from; a capture's packets are that already.
---@param bytes string from the link's header on
---@param options? { linktype: integer, len: integer } linktype: as pcap files number it, 1: Ethernet, 101: bare IP (1);
---  len: how long it was on the wire, where bytes are only the beginning
---@return nsh.Packet
function m.decode(bytes, options) return require("nsh.packet").decode(bytes, options) end

--- Sleeps; Ctrl-C ends it. Tasks and handlers of watches run meanwhile.
---@param seconds number|string 1.5 or "200ms"
function m.sleep(seconds) loop.sleep(seconds) end

--- Starts a function as a task, which begins at the next wait of the script. Tasks take turns: each goes on until it
--- has to wait, in exec, ping, sleep and all else that takes time. They run while something waits: the script itself,
--- or the prompt. What still runs at the end of the script is cancelled. An error of a task is raised by its wait();
--- when nobody waits for it, it is printed at the end and the script has failed.
---@param fn function
---@param ... any its arguments
---@return nsh.Task
function m.go(fn, ...) return task.go(fn, ...) end

--- Runs several functions at once and waits until all have ended. When one fails the others are cancelled, and its
--- error is raised.
---@param list table<any, function|nsh.Task>
---@return table results what each returned first, under the same keys
function m.all(list) return task.all(list) end

--- Runs a function, and cancels it when it isn't done in time. It is ended where it waits: what only computes goes on.
---@param seconds number|string 1.5 or "200ms"
---@param fn function
---@param ... any its arguments
---@return any ... what it returned
---@error ETIMEDOUT when it was not done in time
function m.timeout(seconds, fn, ...) return task.timeout(seconds, fn, ...) end

--- Pings from all namespaces of a list to all others, all at once, and tells who reaches whom.
-- Each namespace is pinged at its first address that others may reach. The machine has one table of neighbours for all
-- of its namespaces (1024 places each for IPv4 and IPv6, unless its root changed that): where the pings need more,
-- they go part by part, and neighbours that they made known are forgotten again.
---@param spec table the namespaces or their names, and to = { addresses and namespaces } to ping in place of those,
---  family = "inet" or "inet6" (the first that there is, IPv4 before IPv6), count = requests to each (1), interval =
---  seconds between these (0.2), timeout = seconds to wait after the last one (2), size = bytes of payload (56)
---@return nsh.PingAll
---@error EINVAL one of `to` is no address
function m.ping_all(spec) return require("nsh.ping_all").run(spec) end

--- Measures how much goes through from one namespace to another.
-- Each stream has a process on each side; they are forked from nsh and end with it. TCP sends as fast as it goes, UDP
-- too unless `rate` says else. The result counts what the programs send and get; what is under way when the time is
-- over isn't waited for with TCP, and is with UDP.
--
-- Twin: `iperf3 -c ADDR -t SECONDS -P STREAMS`
---@param spec nsh.ThroughputOptions
---@return nsh.Throughput
---@error ENETUNREACH `from` has no route to the address
---@error ECONNREFUSED something on the way rejects it
---@error ETIMEDOUT nothing answered within 5 s
---@error EADDRNOTAVAIL `to` has no such address
---@error EADDRINUSE the port is taken
function m.throughput(spec) return require("nsh.throughput").throughput(spec) end

--- Measures how long an answer takes: one request at a time goes from one namespace to another, whose answer has the
--- same size, as many after another as the time allows.
--
-- Twin: `netperf -t TCP_RR`
---@param spec nsh.ThroughputOptions all but rate and streams
---@return nsh.Latency
---@error ENETUNREACH `from` has no route to the address
---@error ECONNREFUSED something on the way rejects it
---@error ETIMEDOUT nothing answered within 5 s
---@error EADDRNOTAVAIL `to` has no such address
function m.latency(spec) return require("nsh.throughput").latency(spec) end

--- Reads what is there into a lab: namespaces as nodes, veth pairs as links between them, and all that they have. Its
--- plan is empty, its script() makes the same again. What can't be made again is left out, and in its `warnings`.
-- Namespaces keep their names, and nodes are called as they are, unless all begin alike, as those of a lab do
-- ("office.h1"): then it has that name.
---@param options? table which namespaces or names of some, as { "red", "blue" }; nil: all that have a name, and the
---  world's root where there is something in it. name = of the lab
---@return nsh.Lab
---@error ENOENT there is no namespace of that name
function m.snapshot(options) return require("nsh.lab.snapshot").take(options) end

--- Watches what changes in all namespaces of the world, those that come later among them. Each namespace gets a number
--- for that, as `ip netns set` gives. Nouns: "link", "addr", "route", "neigh", "fdb", "rule", "nexthop", ... and
--- "netns", which is the coming and going of names.
--- Twin: `ip monitor`, `ip netns monitor`, `bridge monitor`
-- What the kernel doesn't announce is found by comparing with its lists, but for two things: an address that IPv6 made
-- by itself is told when it has been checked, and a name that came and went between two readings isn't told.
---@param spec { netns: nsh.Netns|string, handler: fun(event: nsh.Event), initial: boolean, buffer: integer|string }
---  the nouns, as { "link", "addr" }. netns: only that one. initial: begin with all that is there, as "add" events.
---  handler: is called for each event while nsh waits, in nsh.sleep, ns:wait, watch:run. buffer: bytes of events that
---  may be waiting (16 MiB); when that is not enough, a "resync" event and all that is there as "add" events follow.
---@return nsh.Watch
function m.watch(spec) return require("nsh.watch").open(spec) end

return m
