--- dnsmasq.lua - a DHCP and DNS server on links of a namespace, by dnsmasq(8).
--
--     local server <close> = dnsmasq.start(router, { dev = "lan", domain = "lab",
--       dhcp = { "10.0.0.100", "10.0.0.200" }, hosts = { ["web.lab"] = "10.0.0.2" } })
--     print(server:leases())
--     print(dnsmasq.lookup(host, "web.lab", "10.0.0.1")[1])
local daemon = require "stdlib.daemon"
local nsh = require "nsh"

local m = {}

--- A server that runs.
---@class dnsmasq.Server: daemon.Daemon
---@field daemon daemon.Daemon the program, for its output and its end
---@field netns nsh.Netns
local Server, mt = daemon.class "dnsmasq"

local function misuse(fmt, ...) nsh.misuse(fmt:format(...)) end

local function list_of(value)
  if value == nil then return {} end
  if type(value) == "table" and getmetatable(value) == nil then return value end
  return { value }
end

local function text(key, value)
  if type(value) == "number" then value = tostring(value) end
  if type(value) ~= "string" or value == "" or value:find "[%c%s,]" then
    misuse("%s is text without spaces or commas, not %s", key, tostring(value))
  end
  return value
end

local function addr(key, value)
  if type(value) ~= "string" or not (value:find "^[%d.]+$" or value:find "^[%x:.]+$" and value:find ":") then
    misuse("%s is an address (\"10.0.0.2\", \"fd00::2\") or a list of them, not %s", key, tostring(value))
  end
  return value
end

local function link_name(key, link)
  return text(key, type(link) == "table" and link.name or link)
end

-- Keys in order, so that the same options give the same file.
local function sorted(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  local i = 0
  return function()
    i = i + 1
    return keys[i], t[keys[i]]
  end
end

local DHCP = { 1, 2, "lease", "router", "dns", "netmask" }

local function in_subnet(ns, dev, own, address)
  for _, record in ipairs(ns:addrs { dev = dev, to = address .. own:match "/%d+$" }) do
    if record.addr == own then return true end
  end
  return false
end

-- A range of no subnet that is served would never be lent. With a netmask it is for hosts behind a relay.
local function check_range(ns, dev, dhcp)
  if dhcp == nil or dhcp.netmask then return end
  local first, last = addr("dhcp[1]", dhcp[1]), addr("dhcp[2]", dhcp[2])
  local family, subnets = first:find ":" and "inet6" or "inet", {}
  for _, link in ipairs(list_of(dev)) do
    local name = link_name("dev", link)
    for _, record in ipairs(ns:addrs { dev = name, family = family, scope = "global" }) do
      local own = record.addr
      if in_subnet(ns, name, own, first) and in_subnet(ns, name, own, last) then return end
      subnets[#subnets + 1] = own .. " at " .. name
    end
  end
  misuse("dhcp: the range from %s to %s is in no subnet of the links in dev (%s); for hosts behind a relay say netmask",
    first, last, #subnets > 0 and table.concat(subnets, ", ") or "they have no address of that family")
end

local function add_dhcp(lines, dhcp)
  if dhcp == nil then return end
  dhcp = nsh.options(dhcp, "dhcp", DHCP)
  local range = { addr("dhcp[1]", dhcp[1]), addr("dhcp[2]", dhcp[2]) }
  if dhcp.netmask then range[3] = addr("netmask", dhcp.netmask) end
  range[#range + 1] = dhcp.lease and text("lease", dhcp.lease) or "1h"
  lines[#lines + 1] = "dhcp-range=" .. table.concat(range, ",")
  if dhcp.router == false then
    lines[#lines + 1] = "dhcp-option=3"
  elseif dhcp.router then
    lines[#lines + 1] = "dhcp-option=3," .. addr("router", dhcp.router)
  end
  if dhcp.dns == false then
    lines[#lines + 1] = "dhcp-option=6"
  elseif dhcp.dns then
    local list = {}
    for i, server in ipairs(list_of(dhcp.dns)) do list[i] = addr("dns", server) end
    lines[#lines + 1] = "dhcp-option=6," .. table.concat(list, ",")
  end
end

local KEYS = { "dev", "dhcp", "reserve", "hosts", "domain", "upstream", "config" }

local function config_of(spec)
  -- nothing of the machine's own; an offer isn't held back for a ping of three seconds
  local lines = { "no-resolv", "no-hosts", "bind-dynamic", "no-ping", "dhcp-authoritative", "dhcp-rapid-commit",
    "dhcp-leasefile=$DIR/leases", "pid-file", "local-ttl=1" }
  for _, link in ipairs(list_of(spec.dev)) do lines[#lines + 1] = "interface=" .. link_name("dev", link) end
  if spec.domain then
    local domain = text("domain", spec.domain)
    lines[#lines + 1] = "domain=" .. domain
    lines[#lines + 1] = "local=/" .. domain .. "/"
    lines[#lines + 1] = "expand-hosts"
  end
  add_dhcp(lines, spec.dhcp)
  for mac, value in sorted(spec.reserve or {}) do
    lines[#lines + 1] = ("dhcp-host=%s,%s"):format(text("reserve", mac), addr("reserve", value))
  end
  for name, value in sorted(spec.hosts or {}) do
    local words = { text("hosts", name) }
    for _, a in ipairs(list_of(value)) do words[#words + 1] = addr("hosts", a) end
    lines[#lines + 1] = "host-record=" .. table.concat(words, ",")
  end
  for _, server in ipairs(list_of(spec.upstream)) do lines[#lines + 1] = "server=" .. text("upstream", server) end
  if spec.config then lines[#lines + 1] = spec.config end
  return table.concat(lines, "\n") .. "\n"
end

--- What the server does.
---@class dnsmasq.Spec
---@field dev string|nsh.Link|table the links that it serves, which have addresses
---@field dhcp? table { FIRST, LAST, lease = "1h", router = ADDR|false, dns = ADDR|false, netmask = ADDR }: the range of
---   addresses that it lends, in a subnet of a link in dev. router, dns: itself where nothing is said, none for false.
---   netmask: the range is for hosts behind a relay
---@field reserve? table<string, string> by MAC, the address that a host always gets
---@field hosts? table<string, string|string[]> by name, addresses that it answers with, beside the names of its clients
---@field domain? string of its clients: "lab"
---@field upstream? string|string[] servers that it asks what it doesn't know; none: it knows nothing else
---@field config? string more lines of dnsmasq.conf(5)

--- Starts a server and returns when it listens.
---@param ns nsh.Netns|nsh.LabNode|string
---@param spec dnsmasq.Spec
---@return dnsmasq.Server
---@error ENOENT dnsmasq is missing; the hint names the package
---@error EXIT dnsmasq doesn't take the options: with its own words
function m.start(ns, spec)
  ns = daemon.netns(ns, "the first argument of dnsmasq.start")
  spec = nsh.options(spec, "dnsmasq", KEYS)
  if spec.dev == nil then misuse "dnsmasq needs dev: the links that it serves" end
  for _, link in ipairs(list_of(spec.dev)) do ns:link(link_name("dev", link)) end
  local config = config_of(spec)
  check_range(ns, spec.dev, spec.dhcp)
  local d = daemon.start { "dnsmasq", netns = ns, files = { ["dnsmasq.conf"] = config },
    -- without a change of user, which an ordinary user's world has no other for
    command = { "dnsmasq", "--no-daemon", "--log-facility=-", "--log-dhcp", "--conf-file=$DIR/dnsmasq.conf" },
    ready = { output = "started, version" } }
  return setmetatable({ daemon = d, netns = ns }, mt)
end

--- Returns what it has lent.
---@return table[] records { addr, mac, name, expires }; expires: as os.time(), nil: never
function Server:leases()
  local list = {}
  for line in (self.daemon.dir:read "leases" or ""):gmatch "[^\n]+" do
    local expires, mac, address, name = line:match "^(%d+) (%S+) (%S+) (%S+)"
    if expires then
      expires = math.tointeger(tonumber(expires))
      list[#list + 1] = { addr = address, mac = mac, name = name ~= "*" and name or nil,
        expires = expires ~= 0 and expires or nil }
    end
  end
  return nsh.records(list)
end

--- Asks a DNS server, by busybox's nslookup.
---@param ns nsh.Netns|nsh.LabNode|string who asks
---@param name string
---@param server string its address
---@param timeout? number seconds (2)
---@return string[] addrs none: there is no such name
---@error TIMEOUT there was no answer
function m.lookup(ns, name, server, timeout)
  ns = daemon.netns(ns, "the first argument of dnsmasq.lookup")
  local words = { "busybox", "nslookup", text("name", name), addr("server", server) }
  daemon.find "busybox"
  local result = ns:exec(words, { check = false, timeout = timeout or 2 })
  if result.timed_out or not result.out:find "^Server:" then
    nsh.raise { op = "lookup", target = name, netns = ns, code = "TIMEOUT", message = "no answer from " .. server }
  end
  local list = {}
  for address in result.out:gmatch "\nName:[^\n]*\nAddress:%s*(%S+)" do list[#list + 1] = address end
  return list
end

--- Tells whether its program is there.
---@return boolean
---@return string? why it isn't, and the package that brings it
function m.available() return daemon.available "dnsmasq" end

return m
