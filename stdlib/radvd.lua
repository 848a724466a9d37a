--- radvd.lua - router advertisements on a link, by radvd(8): hosts make their addresses and find their router.
--
--     router.sysctl["net.ipv6.conf.all.forwarding"] = 1
--     router:link "lan":add_addr "fd00:1::1/64"
--     local ra <close> = radvd.start(router, { dev = "lan", prefix = "fd00:1::/64" })
--     print(host:wait_route "default")
local daemon = require "stdlib.daemon"
local nsh = require "nsh"

local m = {}

--- Advertisements that go on.
---@class radvd.Server
---@field daemon daemon.Daemon the program, for its output and its end
---@field netns nsh.Netns
local _, mt = daemon.class "radvd"

local KEYS = { "dev", "prefix", "interval", "lifetime", "mtu", "dns", "managed", "other", "config" }

local function list_of(value)
  if value == nil then return {} end
  return type(value) == "table" and value or { value }
end

local function misuse(fmt, ...) nsh.misuse(fmt:format(...)) end

local function number(spec, key, default, from, to)
  local value = spec[key]
  if value == nil then return default end
  if type(value) ~= "number" or value < from or value > to then
    misuse("%s is a number from %g to %g, not %s", key, from, to, tostring(value))
  end
  return value
end

local function v6(key, value, pattern)
  if type(value) ~= "string" or not value:find(pattern) or not value:find ":" then
    misuse("%s is as \"fd00:1::%s\", not %s", key, key == "prefix" and "/64" or "1", tostring(value))
  end
  return value
end

local function config_of(dev, spec)
  local interval = number(spec, "interval", 10, 4, 1800)
  local lines = { ("interface %s {"):format(dev), "AdvSendAdvert on;",
    ("MinRtrAdvInterval %d;"):format(math.max(3, interval // 3)), ("MaxRtrAdvInterval %d;"):format(interval),
    -- a host that asks shall not wait three seconds: only with that option radvd takes less
    "AdvIntervalOpt on;", "MinDelayBetweenRAs 0.03;",
    ("AdvDefaultLifetime %d;"):format(number(spec, "lifetime", 1800, 0, 9000)) }
  if spec.mtu then lines[#lines + 1] = ("AdvLinkMTU %d;"):format(number(spec, "mtu", nil, 1280, 65535)) end
  if spec.managed then lines[#lines + 1] = "AdvManagedFlag on;" end
  if spec.other then lines[#lines + 1] = "AdvOtherConfigFlag on;" end
  for _, prefix in ipairs(list_of(spec.prefix)) do
    lines[#lines + 1] = ("prefix %s { };"):format(v6("prefix", prefix, "^[%x:.]+/%d+$"))
  end
  if spec.dns then
    local servers = {}
    for i, server in ipairs(list_of(spec.dns)) do servers[i] = v6("dns", server, "^[%x:.]+$") end
    lines[#lines + 1] = ("RDNSS %s { };"):format(table.concat(servers, " "))
  end
  if spec.config then lines[#lines + 1] = spec.config end
  lines[#lines + 1] = "};"
  return table.concat(lines, "\n") .. "\n"
end

--- What is advertised.
---@class radvd.Spec
---@field dev string|nsh.Link the link, which is up
---@field prefix? string|string[] "fd00:1::/64": hosts make addresses of it
---@field interval? number seconds between advertisements, 4 to 1800 (10); a host that asks is answered at once
---@field lifetime? number seconds that the router is one for; 0: never (1800)
---@field mtu? integer
---@field dns? string|string[] name servers
---@field managed? boolean addresses come by DHCPv6
---@field other? boolean the rest comes by DHCPv6
---@field config? string more lines of the interface's part of radvd.conf(5)

--- Starts to advertise. A namespace that is advertised as a router must forward. When it is stopped, hosts are told
--- that the router is none any more.
---@param ns nsh.Netns|nsh.LabNode|string the router
---@param spec radvd.Spec
---@return radvd.Server
---@error ENOENT radvd is missing; the hint names the package
---@error EXIT radvd doesn't take the options: with its own words
function m.start(ns, spec)
  ns = daemon.netns(ns, "the first argument of radvd.start")
  spec = nsh.options(spec, "radvd", KEYS)
  if spec.dev == nil then misuse "radvd needs dev: the link where it advertises" end
  local link = type(spec.dev) == "table" and spec.dev or ns:link(spec.dev)
  local config = config_of(link.name, spec)
  if spec.lifetime ~= 0 and ns.sysctl["net.ipv6.conf.all.forwarding"] ~= 1 then
    misuse("%s doesn't forward: ns.sysctl[\"net.ipv6.conf.all.forwarding\"] = 1 first, or lifetime = 0",
      tostring(ns))
  end
  link:wait { up = true, carrier = true }
  link:wait_dad() -- advertisements come from the link-local address
  local d = daemon.start { "radvd", netns = ns, files = { ["radvd.conf"] = config },
    command = { "radvd", "--nodaemon", "--logmethod=stderr", "--debug=1", "--config=$DIR/radvd.conf",
      "--pidfile=$DIR/pid" },
    ready = { output = "syntax ok" } }
  return setmetatable({ daemon = d, netns = ns }, mt)
end

--- Tells whether its program is there.
---@return boolean
---@return string? why it isn't, and the package that brings it
function m.available() return daemon.available "radvd" end

return m
