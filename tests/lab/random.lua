--- random.lua - random labs from a seed: small ones, of few names, so that one changes into another in place.
local m = {}

local random = math.random
local function one_of(list) return list[random(#list)] end
local function maybe(value, odds) if random(odds or 3) == 1 then return value end end

-- Kinds of links of a node's own, and what they may be declared with.
local KINDS = {
  { "bridge", function() return { stp = false, ageing_time = maybe(random(10, 300)), priority = maybe(4096),
    mcast_snooping = maybe(false), forward_delay = maybe(random(2, 30)) } end },
  { "dummy", function() return { mtu = maybe(random(1300, 1500)) } end },
  { "ifb", function() return { txqlen = maybe(random(10, 100)) } end },
  { "vrf", function(n) return { table = 2000 + n } end },
  { "vxlan", function(n) return { id = n, dstport = 4789, remote = one_of { "192.0.2.1", "192.0.2.2" },
    ttl = maybe(random(255)), learning = maybe(false), ageing = maybe(random(1000)) } end },
  { "vlan", function(n) return { link = "eth0", id = n } end },
  { "macvlan", function() return { link = "eth0", mode = one_of { "bridge", "private", "vepa" } } end },
}

--- Finds those of the kinds that this kernel has.
function m.kinds()
  local there = {}
  for _, kind in ipairs(KINDS) do
    local ns = netns.add "lab-kinds"
    ns:add_link { "eth0", kind = "veth", peer = "eth1" }
    local spec = kind[2](7)
    spec[1], spec.kind = "x0", kind[1]
    if pcall(ns.add_link, ns, spec) then there[#there + 1] = kind end
    ns:del()
  end
  return there
end

local Generator = {}
Generator.__index = Generator

-- An address of the node's own net, in one of the forms that may be written.
function Generator:addr(node, six)
  local n = 40 * node.number + 4 * #node.addrs + random(1, 4)
  node.addrs[#node.addrs + 1] = n
  if six then
    local text = ("fd00:%d::%x/64"):format(node.net, n)
    return one_of { text, { text, nodad = true }, { text, metric = random(1000) }, (text:gsub("fd00", "FD00")) }
  end
  local text = ("10.%d.0.%d"):format(node.net, n)
  return one_of { text .. "/24", { text .. "/24", label = "eth0:x" },
      { ("169.254.%d.%d/24"):format(node.number, n), scope = "link" },
    { text .. "/24", broadcast = "+" }, { text .. "/24", noprefixroute = true } }
end

function Generator:routes(node)
  local list = {}
  for i = 1, random(0, 4) do
    local net = one_of { ("172.16.%d.0/24"):format(i), ("172.17.0.%d"):format(i), ("172.17.1.%d/32"):format(i) }
    list[i] = one_of {
      { net, via = ("10.%d.0.254"):format(node.net), mtu = maybe(1400), metric = maybe(random(5, 100)) },
      { net, dev = "eth0", table = maybe(random(100, 103)), onlink = maybe(false) },
      { net, type = one_of { "blackhole", "unreachable", "prohibit" } },
      { net, nexthops = { { via = ("10.%d.0.253"):format(node.net), weight = random(1, 9) },
        { via = ("10.%d.0.252"):format(node.net) } } },
      { ("fd99:%x::/%d"):format(i, random(32, 64)), via = ("fd00:%d::fe"):format(node.net), metric = maybe(77) },
      { ("fd98:%x::1"):format(i), dev = "eth0", proto = maybe "static" },
      { ("fd97:%x::7/64"):format(i), type = "unreachable" },
    }
  end
  if random(2) == 1 then
    list[#list + 1] = { one_of { "default", "0.0.0.0/0" }, via = ("10.%d.0.254"):format(node.net) }
  end
  if random(3) == 1 then
    list[#list + 1] = { "default", via = ("fd00:%d::fe"):format(node.net), proto = maybe "static" }
  end
  return list
end

function Generator:rules()
  local list = {}
  for i = 1, random(0, 3) do
    list[i] = { priority = maybe(100 + 10 * i, 2),
      from = one_of { ("10.77.%d.0/24"):format(i), ("fd77:%d::/64"):format(i) },
      table = random(100, 103), fwmark = maybe(one_of { 5, "0x1/0xff" }), iif = maybe "eth0", proto = maybe "static" }
  end
  return list
end

function Generator:neighs(node)
  local list = {}
  for i = 1, random(0, 2) do
    list[i] = { one_of { ("10.%d.0.%d"):format(node.net, 230 + i), ("fd00:%d::23%d"):format(node.net, i) },
      dev = "eth0", mac = ("02:00:00:00:00:%02X"):format(random(255)), proxy = maybe(true, 6) }
    if list[i].proxy then list[i].mac, list[i].state = nil, nil end
  end
  return list
end

function Generator:sysctls()
  return { ["net.ipv4.tcp_syncookies"] = maybe(0), ["net.ipv4.conf.all.rp_filter"] = maybe(random(0, 2)),
    ["net.ipv4.conf.eth0.proxy_arp"] = maybe(true), ["net.ipv4.tcp_rmem"] = maybe "4096 87380  6291456" }
end

-- What an end of a wire may be declared with.
function Generator:port()
  self.count = (self.count or 0) + 1
  return { mtu = maybe(random(1300, 1500)), txqlen = maybe(random(10, 2000)), alias = maybe "a port",
    altnames = maybe { "another-name-of-port-" .. self.count }, group = maybe(7) }
end

function Generator:qdiscs()
  return one_of {
    { { "tbf", rate = "10mbit", burst = "16kb", latency = "50ms" } },
    { { "bfifo", limit = 50000 } },
    { { "clsact" } },
    { "pfifo" },
  }
end

--- Declares the lab of a seed.
function m.declare(name, seed, kinds)
  math.randomseed(seed)
  local g = setmetatable({}, Generator)
  local net = lab(name)
  local sw = random(3) > 1 and net:switch { "sw", addr = maybe "10.9.0.250/24", stp = maybe(false),
    ageing_time = maybe(random(10, 300)), priority = maybe(8192) }
  for i = 1, random(1, 4) do
    local on_switch = sw and random(4) > 1
    local node = { number = i, net = on_switch and 9 or i, addrs = {} }
    local verb = one_of { "host", "host", "router" }
    local handle = net[verb](net, { "n" .. i, routes = g:routes(node), rules = g:rules(),
      neighs = g:neighs(node), sysctls = g:sysctls(), addr = maybe(("192.168.%d.1/32"):format(i)) })
    local own = g:port()
    own[1], own[2] = handle, "eth0"
    own.addrs = { ("10.%d.0.%d/24"):format(node.net, i), ("fd00:%d::%d/64"):format(node.net, i) }
    for _ = 1, random(0, 2) do own.addrs[#own.addrs + 1] = g:addr(node, random(2) == 1) end
    own.qdiscs = maybe(g:qdiscs())
    if not own.qdiscs and random(4) == 1 then own.impair = { rate = one_of { "1mbit", "3333333", "64kbit" } } end
    local other
    if on_switch then
      other = g:port()
      other[1], other[2] = sw, "p" .. i
      other.port = maybe { cost = random(1, 100), isolated = maybe(true), learning = maybe(false) }
      other.fdb = maybe { ("02:00:00:00:01:%02x"):format(i) }
    else
      local far = net:host { "far" .. i }
      other = { far, "eth0", addr = maybe(("10.%d.0.254/24"):format(i)) }
    end
    net:link { own, other }
    for n = 1, random(0, 2) do
      local kind = one_of(kinds)
      local spec = kind[2](i * 10 + n)
      spec[1], spec.kind, spec.alias = "own" .. n, kind[1], maybe "own"
      spec.addr = kind[1] ~= "bridge" and maybe(("10.%d.%d.1/24"):format(i, n)) or nil
      handle:link(spec)
    end
  end
  return net
end

return m
