--- doctor.lua - what works here: the world, kinds of links and the like, features of the kernel, programs.
-- All of it is tried, in a namespace that nobody sees: reading the kernel's configuration would tell less.
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local fail = require "nsh.error"
local features = require "nsh.features"
local Link = require("nsh.link").Link
local netns = require "nsh.netns"
local show = require "nsh.show"
local text = require "nsh.text"
local world = require "nsh.world"

local m = {}

-- --- the machine ---

local function read(path)
  local file = io.open(path)
  if not file then return nil end
  local line = file:read "l"
  file:close()
  return line
end

-- Who we are outside of the world, where an ordinary user is root.
local function user()
  local inside, outside, count = (read "/proc/self/uid_map" or ""):match "(%d+)%s+(%d+)%s+(%d+)"
  if count == "1" and inside == "0" then return math.tointeger(outside) end
  for line in io.lines "/proc/self/status" do
    local id = line:match "^Uid:%s+%d+%s+(%d+)"
    if id then return math.tointeger(id) end
  end
end

-- What keeps ordinary users from worlds, by what says so; the core has the words for where it is felt.
local SWITCHES = {
  { path = "/proc/sys/kernel/unprivileged_userns_clone", bad = "0", sysctl = "kernel.unprivileged_userns_clone = 1" },
  { path = "/proc/sys/user/max_user_namespaces", bad = "0", sysctl = "user.max_user_namespaces = 10000" },
  { path = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", bad = "1",
    sysctl = "kernel.apparmor_restrict_unprivileged_userns = 0, or an AppArmor profile that allows nsh" },
}

local function userns_forbidden()
  if not read "/proc/self/uid_map" then return "no user namespaces", features.remedy "userns" end
  for _, switch in ipairs(SWITCHES) do
    if read(switch.path) == switch.bad then
      return switch.path:match "[^/]+$" .. " is " .. switch.bad, "sysctl " .. switch.sysctl
    end
  end
end

-- --- kinds ---

-- What each kind of link needs beside its name; `below` and `other` stand for links. `false`: only hardware has it.
local below, other = {}, {}
local LINK = {
  amt = { mode = "gateway", ["local"] = "192.0.2.1", discovery = "192.0.2.2", dev = below, gateway_port = 2268,
    relay_port = 2268 },
  bareudp = { dstport = 6635, ethertype = 0x8847 }, can = false, dsa = false,
  erspan = { remote = "192.0.2.1", ["local"] = "192.0.2.2", key = 1, seq = true },
  geneve = { id = 1, remote = "192.0.2.1" }, gre = { remote = "192.0.2.1" }, gretap = { remote = "192.0.2.1" },
  gtp = false, hsr = { slave1 = below, slave2 = other },
  ip6erspan = { remote = "2001:db8::1", ["local"] = "2001:db8::2", key = 1, seq = true },
  ip6gre = { remote = "2001:db8::1" }, ip6gretap = { remote = "2001:db8::1" }, ip6tnl = { remote = "2001:db8::1" },
  ipip = { remote = "192.0.2.1" }, ipoib = false, ipvlan = { link = below }, ipvtap = { link = below },
  lowpan = false, macsec = { link = below }, macvlan = { link = below }, macvtap = { link = below },
  netdevsim = false, rmnet = { link = below, mux_id = 1 }, sit = { remote = "192.0.2.1" },
  virt_wifi = { link = below }, vlan = { link = below, id = 1 }, vrf = { table = 1 }, vti = { remote = "192.0.2.1" },
  vti6 = { remote = "2001:db8::1" }, vxlan = { id = 1, dstport = 4789 }, wwan = false,
  xfrm = { if_id = 1 },
}
-- What each kind of qdisc needs.
local QDISC = {
  cbs = { idleslope = 1, sendslope = -1, hicredit = 1, locredit = -1 }, clsact = { parent = "clsact" },
  etf = { clockid = "CLOCK_TAI", delta = 0.001 }, ets = { bands = 2 }, hfsc = { default = "1" },
  htb = { default = "1" }, ingress = { parent = "ingress" }, multiq = false, prio = { bands = 3 },
  red = { limit = 400000, min = 30000, max = 90000 }, tbf = { rate = 1000000, burst = 2000, limit = 10000 },
}

-- What each kind of filter needs.
local CLASS = { classid = "1:1" }
local FILTER = {
  basic = CLASS, bpf = false, cgroup = false, flower = CLASS, fw = { handle = 1, classid = "1:1" },
  matchall = CLASS, route = { to = 1 }, u32 = CLASS,
}

local function filled(spec, link, second)
  local copy = {}
  for key, value in pairs(spec or {}) do
    copy[key] = value == below and link or value == other and second or value
  end
  return copy
end

local function try_link(ns, kind, link, second)
  local spec = filled(LINK[kind], link, second)
  spec[1], spec.kind = kind, kind
  local made = ns:add_link(spec)
  -- not all can stand on one link; to delete the others would only take time
  if spec.link or kind == "hsr" then made:del() end
end

local function try_qdisc(_, kind, link)
  local spec = filled(QDISC[kind])
  spec[1] = kind
  link:replace_qdisc(spec)
  if spec.parent then link:del_qdisc(spec) end
end

local function try_filter(_, kind, link)
  local spec = filled(FILTER[kind])
  spec[1], spec.parent, spec.protocol, spec.prio = kind, "ingress", "ip", 1
  link:replace_qdisc { "clsact", parent = "clsact" }
  local ok, err = pcall(link.add_filter, link, spec)
  link:del_qdisc { "clsact", parent = "clsact" }
  if not ok then error(err, 0) end
end

-- By noun: how one of its kinds is tried, and what it needs.
local TRIES = {
  link = { try = try_link, needs = LINK, method = "set" },
  qdisc = { try = try_qdisc, needs = QDISC, method = "replace_qdisc" },
  filter = { try = try_filter, needs = FILTER, method = "add_filter" },
}

-- What each encapsulation of routes needs. `false`: its keys are not enough to try it.
local ENCAP = {
  bpf = false, ila = false, ioam6 = false, ip = { id = 1, dst = "192.0.2.2" }, ip6 = { id = 1, dst = "2001:db8::2" },
  mpls = { labels = "100" }, rpl = false, seg6 = { mode = "encap", segs = { "2001:db8::2" } },
  seg6local = { action = "End" }, xfrm = { if_id = 1 },
}

local function try_encap(ns, kind, link)
  local encap = filled(ENCAP[kind])
  encap.type = kind
  ns:add_route { "2001:db8:1::/64", dev = link, encap = encap }
  ns:del_route { "2001:db8:1::/64", dev = link }
end

-- --- features ---

local function has_sysctl(key)
  return function(ns) return ns.sysctl[key] end
end

local function supports(what)
  return function(ns) fail.check("try", what, nil, core.netns.supports(ns.core, what)) end
end

local CONNTRACK = [[add table inet probe; add chain inet probe input { type filter hook input priority 0; };
  add rule inet probe input ct state new accept]]

local TESTS = {
  ipv6 = function(_, link) link:add_addr "2001:db8::1/64" end,
  vlan_filtering = function(ns) ns:add_link({ "probe", kind = "bridge", vlan_filtering = true }):del() end,
  igmp_snooping = function(ns)
    local bridge = ns:add_link { "probe", kind = "bridge" }
    local told = bridge.mcast_snooping
    bridge:del()
    if told == nil then fail.misuse "the kernel tells nothing of it" end
  end,
  rules = function(ns) ns:add_rule { priority = 100, table = 100 } end,
  multipath = function(ns, link)
    link:add_addr "192.0.2.1/24"
    ns:add_route { "198.51.100.0/24", nexthops = { { via = "192.0.2.2" }, { via = "192.0.2.3" } } }
  end,
  nexthops = function(ns)
    ns:link("lo"):set { up = true }
    ns:add_nexthop { id = 1, blackhole = true }
  end,
  mpls = function(ns, link)
    -- a route loads the modules
    pcall(ns.add_route, ns, { "203.0.113.0/24", dev = link, encap = { type = "mpls", labels = "100" } })
    return ns.sysctl["net.mpls.platform_labels"]
  end,
  conntrack = function(ns)
    if features.path "nft" then ns:exec({ "nft", CONNTRACK }, { check = false }) end -- loads the modules
    return ns.sysctl["net.netfilter.nf_conntrack_max"]
  end,
  nftables = function(ns)
    if features.path "nft" then ns:exec { "nft", "add table inet probe" } end
    supports "netfilter"(ns)
  end,
  netfilter_bridge = has_sysctl "net.bridge.bridge-nf-call-iptables",
  ping = function(ns)
    ns.sysctl["net.ipv4.ping_group_range"] = "0 0"
    supports "ping"(ns)
  end,
  sysctl = function(ns) ns.sysctl["net.ipv4.ip_forward"] = 1 end,
  userns = function()
    local why, remedy = userns_forbidden()
    if why then fail.raise { op = "userns", code = "EPERM", message = why, hint = remedy } end
  end,
}

local LIBRARIES = {
  dkjson = function() return (pcall(require, "dkjson")) end,
  libpcap = function() return core.capture.check "icmp" ~= nil end,
}

-- --- records ---

local function record(what, name, works, doc, why, remedy)
  return setmetatable({ what = what, name = name, works = works, doc = doc, why = why, remedy = remedy }, show.Record)
end

-- What a failed try says, in few words.
local function reason(err)
  if type(err) ~= "table" then return (tostring(err):gsub("^.-%.lua:%d+: ", "")) end
  if err.extack then return err.extack end
  return err.message:find(err.code, 1, true) and err.message or ("%s (%s)"):format(err.message, err.code)
end

local function tried(what, row, remedy, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then return record(what, row.name, true, row.doc) end
  if type(err) == "table" and err.op == "userns" then
    remedy = err.hint
  elseif not remedy and type(err) == "table" then
    local lacks = err.code == "EOPNOTSUPP" or (err.code == "ENOENT" and what ~= "link") -- as rtnetlink and tc say it
    remedy = lacks and features.kind(what, row.name) or err.hint
  end
  return record(what, row.name, false, row.doc, reason(err), remedy)
end

-- Two links that others can stand on, of the first kind that there is.
local function some_links(ns)
  for _, kind in ipairs { "veth", "dummy", "bridge" } do
    local ok, link = pcall(ns.add_link, ns, { "below", kind = kind, numtxqueues = 2, up = true })
    if ok then return link, ns:add_link { "below2", kind = kind, numtxqueues = 2, up = true } end
  end
  return ns:link "lo", ns:link "lo"
end

local function kinds(list, ns, ...)
  for _, noun in ipairs(attrs.nouns()) do
    local how = TRIES[noun.noun]
    for _, kind in ipairs(how and Link[how.method] and noun.kinds or {}) do
      if how.needs[kind.name] ~= false then
        list[#list + 1] = tried(noun.noun, kind, nil, how.try, ns, kind.name, ...)
      end
    end
  end
end

local function try_feature(row, ns, ...)
  return tried("feature", row, features.remedy(row.name), TESTS[row.name] or supports(row.name), ns, ...)
end

--- Tries one feature.
---@private
---@param name string
---@return table record
function m.try(name)
  local ns <close> = netns.scratch()
  return try_feature(features.find(name), ns, some_links(ns))
end

--- Tries what works here: link kinds, qdiscs, features, libraries, programs.
---@return table[] records { what, name, works, doc, why, remedy }; of a world that can't be made, that one alone
function m.look()
  local list = setmetatable({}, show.List)
  local name = world.is_host() and "host" or "private"
  local ok, made = pcall(netns.scratch)
  list[1] = record("world", name, ok, "where nsh works", not ok and reason(made) or nil, not ok and made.hint or nil)
  if not ok then return list end
  local ns <close> = made
  local link, second = some_links(ns)
  kinds(list, ns, link, second)
  for _, row in ipairs(features.encaps) do
    if ENCAP[row.name] then
      list[#list + 1] = tried("encap", row, features.encap(row.name), try_encap, ns, row.name, link)
    end
  end
  for _, row in ipairs(features.rows) do
    list[#list + 1] = try_feature(row, ns, link)
  end
  for _, row in ipairs(features.libraries) do
    local there = LIBRARIES[row.name]()
    list[#list + 1] = record("library", row.name, there, row.doc, not there and "not found" or nil,
      not there and ("apt-get install %s brings it"):format(row.package) or nil)
  end
  for _, row in ipairs(features.programs) do
    local there = features.path(row.name) ~= nil
    list[#list + 1] = record("program", row.name, there, row.doc, not there and "not in PATH" or nil,
      not there and features.program(row.name) or nil)
  end
  return list
end

-- --- as text ---

local WIDTH = 100

-- "  link      veth bridge ...", broken into lines.
local function wrapped(out, head, records)
  local line = ("  %-9s"):format(head)
  for _, r in ipairs(records) do
    if #line + #r.name + 1 > WIDTH then
      out[#out + 1] = line
      line = (" "):rep(11)
    end
    line = line .. " " .. r.name
  end
  out[#out + 1] = line
end

-- One line each: the name, and what there is to say of it.
local function lines(out, records, say)
  local width = 0
  for _, r in ipairs(records) do width = math.max(width, #r.name) end
  for i, r in ipairs(records) do
    local head = (i == 1 or records[i - 1].what ~= r.what) and r.what or ""
    out[#out + 1] = ("  %-9s %s  %s"):format(head, r.name .. (" "):rep(width - #r.name), say(r))
  end
end

-- Why something is missing is left out where the remedy says it, too.
local function why(r)
  if not r.remedy then return r.why end
  local short = r.remedy:match "^this kernel lacks .-; (.*)$"
  if short or r.what == "program" or r.what == "library" then return short or r.remedy end
  return r.why .. ": " .. r.remedy
end

--- Writes what look() found as a page for people: what works, then what doesn't, with the reason and the remedy.
---@private
---@param list table[]
---@return string
function m.page(list)
  local out, missing, groups = {}, {}, {}
  for _, r in ipairs(list) do
    local group = r.works and groups[r.what] or missing
    if r.works and not groups[r.what] then
      group = {}
      groups[r.what], groups[#groups + 1] = group, r.what
    end
    group[#group + 1] = r
  end
  out[1] = ("nsh on Linux %s, as user %s"):format(read "/proc/sys/kernel/osrelease" or "?", tostring(user()))
  if #groups > 0 then out[#out + 1] = "\nworks" end
  for _, what in ipairs(groups) do
    if what == "feature" then
      lines(out, groups[what], function(r) return r.doc end)
    else
      wrapped(out, what, groups[what])
    end
  end
  if #missing > 0 then out[#out + 1] = "\ndoes not work here" end
  lines(out, missing, why)
  return text.escape(table.concat(out, "\n"), "\n") .. "\n"
end

--- Prints the page; for `nsh --doctor`.
---@private
---@return boolean works a world can be made
function m.main()
  local list = m.look()
  io.write(m.page(list))
  return list[1].works
end

return m
