--- random.lua - random topologies from a seed: made by nsh, compared with what was asked and with ip(8), written back.
local compare = require "tests.net.compare"
local h = require "tests.helper"

local m = {}
local random = math.random
local text = compare.text

--- Whether all user ids are there: an ordinary user has one in the world.
m.root = assert(io.open "/proc/self/uid_map"):read "a":match "(%d+)%s*$" ~= "1"

local function one_of(list) return list[random(#list)] end
local function maybe(value, odds) if random(odds or 3) == 1 then return value end end

-- --- what is done: a list of steps, each a method of a namespace or of one of its links ---

local function line(step)
  local on = ("n[%d]"):format(step.ns)
  if step.verb == "sysctl" then return ("%s.sysctl[%q] = %s"):format(on, step.key, text(step.spec)) end
  if step.link then on = ("%s:link %q"):format(on, step.link) end
  if step.link then on = ("(%s)"):format(on) end
  return ("%s:%s(%s)"):format(on, step.verb, step.spec == nil and "" or text(step.spec))
end

--- Writes the steps as a script.
function m.script(steps)
  local lines = { "n = { netns.add \"n1\", netns.add \"n2\", netns.add \"n3\" }" }
  for i, step in ipairs(steps) do lines[i + 1] = line(step) end
  return table.concat(lines, "\n")
end

local function resolve(value, n)
  if type(value) ~= "table" then return value end
  if value.namespace then return n[value.namespace] end
  local copy = {}
  for key, v in pairs(value) do copy[key] = resolve(v, n) end
  return copy
end

local function run(step, n)
  local ns = n[step.ns]
  if step.verb == "sysctl" then
    ns.sysctl[step.key] = step.spec
  else
    local on = step.link and ns:link(step.link) or ns
    on[step.verb](on, resolve(step.spec, n))
  end
end

--- Carries steps out in three namespaces.
---@param steps table[]
---@param n nsh.Netns[]
function m.apply(steps, n)
  for _, step in ipairs(steps) do run(step, n) end
end

-- --- the kernel's kinds, and a choice of options of each ---

local kinds = {
  { "veth", function(g)
    local peer = random(3)
    return { peer = { g:name(), netns = { namespace = peer }, up = true, mac = g:mac(), mtu = maybe(1400) } }
  end },
  { "bridge", function()
    return { ageing_time = maybe(random(10, 1000)), priority = maybe(random(0, 65535)), group_fwd_mask = maybe(8),
      forward_delay = maybe(random(2, 30)), mcast_snooping = maybe(false), hello_time = maybe(random(1, 10)) }
  end },
  { "ifb", function() return { numtxqueues = maybe(4) } end },
  { "dummy", function() return {} end },
  { "macvlan", function(g, ns)
    return { link = g:below(ns), mode = one_of { "bridge", "private", "vepa" }, bcqueuelen = maybe(2000) }
  end, true },
  { "vlan", function(g, ns) return { link = g:below(ns), id = g:number(), protocol = maybe "802.1ad" } end, true },
  { "ipvlan", function(g, ns) return { link = g:below(ns), mode = "l2" } end, true },
  { "vxlan", function(g)
    return { id = g:number(), dstport = 4789, remote = one_of { "192.0.2.1", "2001:db8::1" }, ttl = maybe(random(255)),
      ageing = maybe(random(1000)), learning = maybe(false), l2miss = maybe(true), maxaddress = maybe(random(100)) }
  end },
  { "vrf", function(g) return { table = 1000 + g:number() } end },
  { "geneve", function(g) return { id = g:number(), remote = "192.0.2.7", dstport = 6081, ttl = maybe(9) } end },
  { "gre", function(g) return { ["local"] = "192.0.2.1", remote = "192.0.2.7", ikey = g:number(), okey = 7 } end },
  { "ip6tnl", function(g) return { ["local"] = "2001:db8::1", remote = "2001:db8::" .. g:number() } end },
}

--- Finds the kinds that this kernel has.
function m.kinds()
  local ns, there = h.netns(), {}
  ns:add_link { "p0", kind = "veth", peer = "p1" }
  local try = { name = function() return "p2" end, mac = function() end, below = function() return "p0" end,
    number = function() return 7 end }
  for _, kind in ipairs(kinds) do
    local spec = kind[2](try, 1)
    spec[1], spec.kind, spec.peer = "x0", kind[1], nil
    local ok, link = pcall(ns.add_link, ns, spec)
    if ok then
      link:del()
      there[#there + 1] = kind
    end
  end
  ns:del()
  return there
end

-- --- the generator ---

local Generator = {}
Generator.__index = Generator

function Generator:number()
  self.count = self.count + 1
  return self.count
end
function Generator:name() return "l" .. self:number() end
function Generator:mac() return ("02:00:00:00:%02x:%02x"):format(random(0, 255), self:number() % 256) end

-- A veth of the namespace that nothing else has taken.
function Generator:below(ns)
  for _, link in ipairs(self.links) do
    if link.ns == ns and link.kind == "veth" and not link.taken then
      link.stood_on = true
      return link.name
    end
  end
end

function Generator:step(step) self.steps[#self.steps + 1] = step end

function Generator:link()
  local ns, kind = random(3), one_of(self.kinds)
  local spec = kind[2](self, ns)
  if kind[3] and not spec.link then return end -- nothing to stand on
  local name = self:name()
  spec[1], spec.kind, spec.up = name, kind[1], random(6) > 1
  spec.txqlen, spec.group = maybe(random(10, 2000)), maybe(random(1, 1000))
  spec.alias = maybe("link " .. name)
  if kind[1] == "veth" or kind[1] == "ifb" then
    spec.mac = self:mac()
    spec.mtu = maybe(random(1300, 1500))
  end
  local master = kind[1] == "veth" and self:find(function(l) return l.ns == ns and l.kind == "bridge" end)
  if master and random(2) == 1 then
    spec.master = master.name
    spec.port = { cost = random(1, 1000), priority = random(0, 63), isolated = maybe(true), hairpin = maybe(true),
      learning = maybe(false) }
  end
  self:step { ns = ns, verb = "add_link", spec = spec }
  self.links[#self.links + 1] = { ns = ns, name = name, kind = kind[1], up = spec.up, taken = spec.master, spec = spec }
  if spec.peer then
    self.links[#self.links + 1] = { ns = spec.peer.netns.namespace, name = spec.peer[1], kind = "veth", up = true,
      peer = true }
  end
end

function Generator:find(fits)
  local found = {}
  for _, l in ipairs(self.links) do
    if fits(l) then found[#found + 1] = l end
  end
  return #found > 0 and one_of(found) or nil
end

function Generator:address()
  local l = self:find(function(l) return l.up and not l.taken and not (l.kind == "veth" and l.stood_on) end)
  if not l then return end
  local n = self:number()
  local spec = random(2) == 1 and { ("10.%d.%d.1/%d"):format(l.ns, n, random(24, 28)), scope = maybe "link",
    label = maybe(l.name .. ":x"), metric = maybe(random(1000)), noprefixroute = maybe(true, 6) }
    or { ("fd00:%d:%x::1/64"):format(l.ns, n), nodad = true, metric = maybe(random(1000)),
      noprefixroute = maybe(true, 6) }
  if spec[1]:find "^10" and random(5) == 1 then
    spec[1], spec.peer = spec[1]:gsub("/.*", "/32"), ("10.%d.%d.2/32"):format(l.ns, n)
  end
  self:step { ns = l.ns, link = l.name, verb = "add_addr", spec = spec }
  if not spec.noprefixroute and not spec.peer then
    l.net = l.net or {}
    table.insert(l.net, (spec[1]:gsub("1/%d+$", "")))
  end
end

function Generator:gateway(ns, six)
  local l = self:find(function(l)
    for _, net in ipairs(l.net or {}) do
      if l.ns == ns and (net:find(":", 1, true) ~= nil) == six then return true end
    end
  end)
  if not l then return nil end
  for _, net in ipairs(l.net) do
    if (net:find(":", 1, true) ~= nil) == six then return net .. "2", l.name end
  end
end

function Generator:route()
  local ns, six, n = random(3), random(2) == 1, self:number()
  local spec = { six and ("fd99:%x::/%d"):format(n, random(32, 64)) or ("172.16.%d.0/%d"):format(n, random(24, 30)) }
  spec.table, spec.metric = maybe(random(100, 110)), maybe(random(1, 5000), 2)
  local via, dev = self:gateway(ns, six)
  if not via or random(4) == 1 then
    spec.type = one_of { "blackhole", "unreachable", "prohibit", "throw" }
  elseif random(3) == 1 then
    local other, dev2 = self:gateway(ns, six)
    spec.nexthops = { { via = via, dev = dev, weight = random(1, 100) },
      { via = (other:gsub("2$", "3")), dev = dev2, weight = random(1, 256) } }
  else
    spec.via, spec.dev = via, maybe(dev)
    spec.mtu, spec.advmss = maybe(random(1280, 1400)), maybe(random(500, 1400))
    spec.initcwnd, spec.window, spec.quickack = maybe(random(1, 100)), maybe(random(1000, 9000)), maybe(1)
    spec.hoplimit, spec.tos = maybe(random(1, 255)), not six and maybe(4 * random(1, 7)) or nil
  end
  spec.proto = maybe(one_of { "static", "bgp", "ospf", 200 })
  self:step { ns = ns, verb = "add_route", spec = spec }
  if spec.via then table.insert(self.changeable, { "replace_route", ns, spec }) end
end

function Generator:rule()
  local ns, six, n = random(3), random(2) == 1, self:number()
  local net = six and "fd98:%x::/%d" or "172.17.%d.0/24"
  local spec = { priority = 100 + n, family = six and "inet6" or "inet", from = maybe(net:format(n, 48), 2),
    to = maybe(net:format(n + 1, 64), 2), fwmark = maybe(random(1, 255)), ipproto = maybe(one_of { "tcp", "udp" }),
    iif = maybe("l" .. random(20)), invert = maybe(true, 5), uidrange = m.root and maybe("10-20") or nil }
  spec.dport = spec.ipproto and maybe(random(1, 30000) .. "-" .. random(30001, 65000)) or nil
  if spec.from and not spec.invert and random(2) == 1 then
    spec.type = one_of { "blackhole", "unreachable", "prohibit" } -- that not all packets meet
  else
    spec.table = random(100, 110)
  end
  self:step { ns = ns, verb = "add_rule", spec = spec }
end

function Generator:neigh()
  local ns, six = random(3), random(2) == 1
  local via, dev = self:gateway(ns, six)
  if not via then return end
  local spec = { (via:gsub("2$", six and ("%x"):format(self:number()) or "2")), dev = dev, mac = self:mac() }
  if self.seen[ns .. spec[1]] then return end
  self.seen[ns .. spec[1]] = true
  self:step { ns = ns, verb = "add_neigh", spec = spec }
  table.insert(self.changeable, { "replace_neigh", ns, spec })
end

function Generator:sysctl()
  local l = self:find(function(l) return l.kind == "veth" or l.kind == "bridge" end) -- they stay
  if not l then return end
  self:step { ns = l.ns, verb = "sysctl", key = ("net.ipv4.conf.%s.%s"):format(l.name,
    one_of { "rp_filter", "forwarding", "proxy_arp" }), spec = random(0, 1) }
end

-- Changes in place, of what is there.
function Generator:change()
  local which = random(3)
  if which == 1 or #self.changeable == 0 then
    local l = one_of(self.links)
    self:step { ns = l.ns, link = l.name, verb = "set", spec = { txqlen = random(10, 2000), group = random(1, 1000),
      alias = "changed " .. l.name, ageing_time = l.kind == "bridge" and random(10, 1000) or nil } }
    return
  end
  local verb, ns, spec = table.unpack(one_of(self.changeable))
  local copy = {}
  for key, value in pairs(spec) do copy[key] = value end
  if verb == "replace_route" then copy.mtu = random(1280, 1400) else copy.mac = self:mac() end
  self:step { ns = ns, verb = verb, spec = copy }
end

--- Makes the steps of a topology, and those that change it afterwards.
---@return table[] steps, table[] changes
function m.steps(seed, there)
  math.randomseed(seed)
  local g = setmetatable({ kinds = there, steps = {}, links = {}, changeable = {}, seen = {}, count = 0 }, Generator)
  for _ = 1, random(3, 8) do g:link() end
  if #g.links == 0 then return m.steps(seed + (1 << 20), there) end
  for _, row in ipairs { { "address", 8 }, { "route", 8 }, { "rule", 5 }, { "neigh", 4 }, { "sysctl", 3 } } do
    for _ = 1, random(0, row[2]) do g[row[1]](g) end
  end
  local steps = g.steps
  g.steps = {}
  for _ = 1, random(0, 6) do g:change() end
  return steps, g.steps
end

-- --- what was asked ---

local function fits(record, spec, main)
  for key, want in pairs(spec) do
    if key == 1 then key = main end
    if type(want) ~= "table" and record[key] ~= want and not (want == false and record[key] == nil) then
      return false, ("%s is %s, not %s"):format(key, tostring(record[key]), tostring(want))
    end
  end
  for key, want in pairs(spec.port or {}) do
    if record.port[key] ~= want then return false, ("port.%s is %s, not %s"):format(key, tostring(record.port[key]),
      tostring(want)) end
  end
  return true
end

local main = { add_addr = "addr", add_route = "dst", replace_route = "dst", add_neigh = "dst", replace_neigh = "dst",
  add_rule = "priority" }
local list_of = { add_addr = "addr", add_route = "route", replace_route = "route", add_neigh = "neigh",
  replace_neigh = "neigh", add_rule = "rule" }

local function asked(step, n, records)
  local function check_link(ns, name, spec)
    local ok, why = fits(n[ns]:link(name):record(), spec, "name")
    if not ok then error(("%s: %s"):format(name, why), 0) end
  end
  if step.verb == "add_link" or step.verb == "set" then
    check_link(step.ns, step.link or step.spec[1], step.spec)
    if step.spec.peer then check_link(step.spec.peer.netns.namespace, step.spec.peer[1], { mac = step.spec.peer.mac,
      mtu = step.spec.peer.mtu, up = true }) end
  elseif step.verb == "sysctl" then
    assert(n[step.ns].sysctl[step.key] == step.spec, step.key)
  else
    for _, record in ipairs(records[step.ns][list_of[step.verb]]) do
      if fits(record, step.spec, main[step.verb]) then return end
    end
    error("it is not there: " .. line(step), 0)
  end
end

-- Of several steps for one thing the last holds.
local function last_ones(steps)
  local place, keep = {}, {}
  for i, step in ipairs(steps) do
    local key = ("%d %s %s"):format(step.ns, step.link or "", step.key or step.spec[1] or step.spec.priority)
    if step.verb == "set" then
      local made = {}
      for k, v in pairs(place["link" .. step.ns .. step.link] or {}) do made[k] = v end
      for k, v in pairs(step.spec) do made[k] = v end
      place["link" .. step.ns .. step.link] = made
      keep[key] = { ns = step.ns, link = step.link, verb = "set", spec = made }
    else
      if step.verb == "add_link" then
        place["link" .. step.ns .. step.spec[1]] = step.spec
        key = ("%d %s nil"):format(step.ns, step.spec[1])
      end
      keep[key] = step
    end
    keep[i] = nil
  end
  return keep
end

-- --- one run ---

local function namespaces()
  local n = {}
  for i = 1, 3 do
    n[i] = netns.add(h.name "n")
    n[i].sysctl["net.ipv6.conf.default.addr_gen_mode"] = 1 -- link-local addresses come when they like
    n[i].sysctl["net.ipv6.conf.all.ignore_routes_with_linkdown"] = 0
  end
  return n
end

local patience = 1 -- seconds that a comparison may need to come true

local function settles(fn, ...)
  local args, ok, err = table.pack(...), nil, nil
  h.eventually(function()
    ok, err = pcall(fn, table.unpack(args, 1, args.n))
    return ok
  end, patience)
  if not ok then error(err, 0) end
end

local function check(n, steps)
  local records = {}
  for i = 1, 3 do records[i] = compare.read(n[i]) end
  for _, step in pairs(last_ones(steps)) do asked(step, n, records) end
end

local function try(steps, changes, forgiving)
  local n <close> = setmetatable(namespaces(), { __close = function(n)
    for i = 1, 3 do n[i]:del() end
  end })
  local all = {}
  local function do_all(list)
    for _, step in ipairs(list) do
      local ok, err = pcall(run, step, n)
      if not ok and not forgiving then error(("%s\n  %s"):format(line(step), tostring(err)), 0) end
      if ok then all[#all + 1] = step end
    end
  end
  do_all(steps)
  check(n, all)
  do_all(changes)
  check(n, all)
  for i = 1, 3 do
    settles(compare.ready, n[i])
    settles(compare.with_oracle, n[i])
    settles(compare.write_back(n[i]))
  end
end

-- Leaves out what isn't needed for a failure.
local function shrink(steps)
  local i = 1
  patience = 0.1
  while i <= #steps do
    local fewer = table.move(steps, 1, #steps, 1, {})
    table.remove(fewer, i)
    if pcall(try, fewer, {}, true) then i = i + 1 else steps = fewer end
  end
  patience = 1
  return steps
end

--- Makes the topology of a seed and checks it; raises what went wrong, with the script that shows it.
---@return integer steps
function m.run(seed, there)
  local steps, changes = m.steps(seed, there)
  local ok, err = pcall(try, steps, changes)
  if ok then return #steps + #changes end
  local all = table.move(changes, 1, #changes, #steps + 1, table.move(steps, 1, #steps, 1, {}))
  local shown = all
  if not pcall(try, all, {}, true) then shown = shrink(all) end
  error(("NSH_SEED=%d: %s\nscript:\n%s"):format(seed, tostring(err), m.script(shown)), 0)
end

return m
