--- topology_sites.lua - topologies with an outside: bridges that are gateways, containers, sites, providers.
local kit = require "stdlib.topology_kit"

local m = {}

-- A bridge of a router's own, and hosts on it that are called by a name and a number.
local function add_lan(t, router, bridge, spec, name, first, count, base, routed)
  spec[1], spec.kind = bridge, "bridge"
  router:link(spec)
  local gateways = routed and t:defaults(t:addrs(base, 1))
  for i = first, first + count - 1 do
    local host = t:host(name .. i, { routes = gateways })
    t:wire({ node = router, master = bridge }, { node = host, addrs = t:addrs(base, i - first + 2) })
  end
end

local function outside_of(t, text)
  local list = {}
  for prefix in text:gmatch "[^ ]+" do
    if t.ipv6 or not prefix:find(":", 1, true) then list[#list + 1] = prefix end
  end
  return list
end

--- Declares a bridge with an address, on a host that forwards.
---@param options? table
---@return nsh.Lab
function m.l3_bridge(options)
  local t, spec = kit.open(options, "l3_bridge", { "hosts" })
  local base, lan = t:base "172.18.1.0/24, fd00:18:1::/64", outside_of(t, "192.168.2.0/24 fd00:168:2::/64")
  local router = t:router "host"
  add_lan(t, router, "br0", { addrs = t:addrs(base, 1) }, "ns", 1, kit.count(spec, "hosts", 2, 0, 250), base, true)
  local routes = {}
  for i, addr in ipairs(t:addrs(lan, 2)) do routes[i] = { base[i], via = kit.bare(addr) } end
  local far = t:host("lan", { routes = routes })
  t:wire({ node = router, addrs = t:addrs(lan, 2) }, { node = far, addrs = t:addrs(lan, 1) })
  return t.lab
end

-- --- containers behind NAT ---

-- { port, container number, its port } of publish = { [8080] = "c1:80" }.
local function published(spec, count)
  local list = {}
  if spec.publish ~= nil and type(spec.publish) ~= "table" then
    kit.misuse('publish is a table of the host\'s ports, as { [8080] = "c1:80" }')
  end
  for port, to in pairs(spec.publish or {}) do
    local n, inner = tostring(to):match "^c(%d+):(%d+)$"
    n, inner = math.tointeger(tonumber(n)), math.tointeger(tonumber(inner))
    local is_port = math.type(port) == "integer" and port > 0 and port < 65536
    if not is_port or not n or n < 1 or n > count or inner < 1 or inner > 65535 then
      kit.misuse('publish takes ports of containers by ports of the host, as { [8080] = "c1:80" }, not [%s] = %s',
        tostring(port), tostring(to))
    end
    list[#list + 1] = { port, n, inner }
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

-- What leaves gets the host's address; what comes for a published port goes to its container.
local function nat_rules(t, base, ports)
  local leaving, coming = {}, {}
  for i, prefix in ipairs(base) do
    local family, braces = "ip", "%s:%d"
    if prefix:find(":", 1, true) then family, braces = "ip6", "[%s]:%d" end
    leaving[i] = ('    %s saddr %s oifname "outside" counter masquerade'):format(family, prefix)
    for _, one in ipairs(ports) do
      local to = braces:format(kit.bare(t:addrs({ prefix }, one[2] + 1)[1]), one[3])
      coming[#coming + 1] = ("    meta nfproto %s fib daddr type local tcp dport %d counter dnat %s to %s"):format(
        family == "ip" and "ipv4" or "ipv6", one[1], family, to)
    end
  end
  return ([[
table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
%s
  }
  chain prerouting {
    type nat hook prerouting priority dstnat;
%s
  }
}
]]):format(table.concat(leaving, "\n"), table.concat(coming, "\n"))
end

--- Declares a host of containers.
---@param options? table
---@return nsh.Lab
function m.nat_host(options)
  local t, spec = kit.open(options, "nat_host", { "containers", "publish" })
  local count = kit.count(spec, "containers", 2, 0, 1000)
  local base, wan = t:base "172.17.0.0/16, fd00:17::/64", outside_of(t, "203.0.113.0/24 2001:db8:113::/64")
  local router = t:router("host", { nft = nat_rules(t, base, published(spec, count)) })
  add_lan(t, router, "docker0", { addrs = t:addrs(base, 1) }, "c", 1, count, base, true)
  t:wire({ node = router, addrs = t:addrs(wan, 2) }, { node = t:host "outside", addrs = t:addrs(wan, 1) })
  return t.lab
end

-- --- two sites ---

-- Keys of a lab, which everybody may know: with them the plan is the same each time.
local KEYS = {
  { private = "QAgeRPEMfBaqJZS9jolO/g6PxlrRp+pnlbO3lyJYwlI=", public = "aWia33uUpm3lkvKbWvFtpUM1aEZ8XAeJfK8T6555Ey0=" },
  { private = "wIruTOpNQBuDQxqbGHVTJevumlYBAg+JwyVX0XfH4mE=", public = "XIUVtAfCv7dc2v09NVYJHBp7T+PVbwxtKNUiu7XOywU=" },
}
local WAN = { "192.0.2.0/24 2001:db8:1::/64", "198.51.100.0/24 2001:db8:2::/64" }

-- Gateways and the Internet between them, with the addresses by which they know each other.
local function add_gateways(t)
  local internet, sites = t:router "internet", {}
  for i = 1, 2 do
    local wan = outside_of(t, WAN[i])
    local gateway = t:router("gw" .. i, { routes = t:defaults(t:addrs(wan, -2)) })
    t:wire({ node = gateway, addrs = t:addrs(wan, 1) }, { node = internet, addrs = t:addrs(wan, -2) })
    sites[i] = { gateway = gateway, addr = kit.bare(t:addrs(wan, 1)[1]) }
  end
  return sites
end

-- One Ethernet: each gateway bridges its hosts and the tunnel, which takes 50 bytes of each frame.
local function join_by_vxlan(t, sites, each)
  local base = t:base "10.0.0.0/24, fd00::/64"
  local mtu = t.keys.mtu or 1450
  for i, site in ipairs(sites) do
    site.gateway:link { "br0", kind = "bridge" }
    site.gateway:link { "vx0", kind = "vxlan", id = 10, dstport = 4789, ["local"] = site.addr,
      remote = sites[3 - i].addr, mtu = mtu, master = "br0" }
    for n = (i - 1) * each + 1, i * each do
      t:wire({ node = site.gateway, master = "br0", mtu = mtu },
        { node = t:host("h" .. n), addrs = t:addrs(base, n), mtu = mtu })
    end
  end
end

-- Two networks: what is for the other one leaves by the tunnel.
local function join_by_wireguard(t, sites, each)
  t:subnets(0, 2)
  for _, site in ipairs(sites) do site.nets = t:subnet "hosts" end
  for i, site in ipairs(sites) do
    local other = sites[3 - i]
    add_lan(t, site.gateway, "br0", { addrs = t:addrs(site.nets, 1) }, "h", (i - 1) * each + 1, each, site.nets, true)
    site.gateway:link { "wg0", kind = "wireguard", private_key = KEYS[i].private, listen_port = 51820, peers = {
      { KEYS[3 - i].public, endpoint = other.addr .. ":51820", allowed_ips = other.nets } } }
    for k, net in ipairs(other.nets) do -- what the gateway itself sends has an address that the other one lets in
      site.gateway:route { net, dev = "wg0", src = kit.bare(t:addrs(site.nets, 1)[k]) }
    end
  end
end

local JOIN = { vxlan = join_by_vxlan, wireguard = join_by_wireguard }

--- Declares two sites.
---@param options? table
---@return nsh.Lab
function m.sites(options)
  local t, spec = kit.open(options, "sites", { "tunnel", "hosts" })
  local join = JOIN[spec.tunnel or "vxlan"]
  if not join then kit.misuse('tunnel is "vxlan" or "wireguard", not %s', tostring(spec.tunnel)) end
  join(t, add_gateways(t), kit.count(spec, "hosts", 1, 0, 120))
  return t.lab
end

-- --- two providers ---

local ISPS = {
  { near = "192.0.2.0/30 2001:db8:1:1::/64", far = "192.0.2.4/30 2001:db8:1:2::/64" },
  { near = "198.51.100.0/30 2001:db8:2:1::/64", far = "198.51.100.4/30 2001:db8:2:2::/64" },
}

-- A provider between the edge and the Internet; what the Internet knows of it is its own network.
local function add_isp(t, i, edge, internet)
  local near, far = outside_of(t, ISPS[i].near), outside_of(t, ISPS[i].far)
  local isp = t:router("isp" .. i, { routes = t:defaults(t:addrs(far, 2)) })
  t:wire({ node = edge, addrs = t:addrs(near, 2) }, { node = isp, addrs = t:addrs(near, 1) })
  t:wire({ node = isp, addrs = t:addrs(far, 1) }, { node = internet, addrs = t:addrs(far, 2) })
  for k, prefix in ipairs(near) do internet:route { prefix, via = kit.bare(t:addrs(far, 1)[k]) } end
  for k, route in ipairs(t:defaults(t:addrs(near, 1))) do
    edge:route { "default", via = route.via, metric = 100 * i }
    edge:route { "default", via = route.via, table = 100 + i }
    edge:rule { from = kit.bare(t:addrs(near, 2)[k]), table = 100 + i, priority = 1000 }
  end
end

--- Declares a site with two providers.
---@param options? table
---@return nsh.Lab
function m.dual_homed(options)
  local t = kit.open(options, "dual_homed", {})
  t:subnets(0, 2)
  local edge = t:router("edge", { nft = [[
table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname { "isp1", "isp2" } counter masquerade
  }
}
]] })
  local internet = t:router("internet", { addrs = outside_of(t, "203.0.113.1/32 2001:db8:113::1/128") })
  for i, family in ipairs(t.ipv6 and { "inet", "inet6" } or { "inet" }) do -- the site's own networks come first
    edge:rule { family = family, table = "main", suppress_prefixlength = 0, priority = 100 + i }
  end
  for i = 1, 2 do
    add_isp(t, i, edge, internet)
    local _, nets = t:behind(edge, "h" .. i)
    for _, net in ipairs(nets) do edge:rule { from = net, table = 100 + i, priority = 1000 } end
  end
  return t.lab
end

return m
