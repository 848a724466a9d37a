--- uplink.lua - a way to the outside world for a namespace.
--
--     local up <close> = uplink.start(router)
--     print(router:wait_route "default")
--
-- A private world has none. There pasta(1) hands on what the namespace sends, with sockets of its own, as if it were a
-- program of the machine; the machine's network stays as it is. Under `nsh --host` a veth pair leads to the machine,
-- which forwards and masquerades. An ordinary user's world has no way out, but within pasta it has:
-- `pasta --config-net -- unshare --mount-proc nsh SCRIPT`. Names are resolved by whoever asks: /etc/resolv.conf is as
-- it was.
local daemon = require "stdlib.daemon"
local firewall = require "stdlib.firewall"
local nsh = require "nsh"

local m = {}

local FORWARD = "net.ipv4.ip_forward"

-- Uplinks by veth pairs, and what namespaces that lead outside had before: at the end of nsh they are as they were.
local live, forwarded = {}, {}

--- A way out.
---@class uplink.Uplink
---@field netns nsh.Netns
---@field outside nsh.Netns
---@field dev string the link in the namespace
---@field via string "pasta" or "veth"
local Uplink = {}
local mt = { __index = Uplink, __name = "uplink" }

--- Tells whether the way to the outside can be had.
---@param via? string "pasta" or "veth"; the one that start takes
---@return boolean
---@return string? why
function m.available(via)
  local ok, outside = pcall(netns.outside)
  if not ok then return false, outside.message .. ": " .. tostring(outside.hint) end
  if (via or m.way()) == "veth" then return daemon.available "nft" end
  local there, why = daemon.available "pasta"
  if not there then return false, why end
  local tun, problem = io.open("/dev/net/tun", "r+")
  if not tun then return false, "pasta needs /dev/net/tun: " .. problem end
  tun:close()
  return outside ~= nil
end

--- Returns what start takes where nothing is said: "veth" where the machine's network is ours (`nsh --host`), else
--- "pasta".
---@return string
function m.way() return netns.outside().label == "host" and "veth" or "pasta" end

-- The first of the networks for veth pairs that the outside doesn't know yet.
local function free_net(outside)
  for i = 0, 255 do
    local net = ("10.213.%d"):format(i)
    if #outside:routes { dst = net .. ".0/30" } == 0 then return net end
  end
  nsh.raise { op = "uplink", netns = outside, code = "ENOSPC", errno = 28, message = "10.213.0.0/16 is used up" }
end

local function free_name(outside)
  local i = 0
  while outside:find_link("uplink" .. i) do i = i + 1 end
  return "uplink" .. i
end

local function by_veth(self)
  local net = free_net(self.outside)
  local near, far = self.netns:add_link { self.dev, kind = "veth", up = true,
    peer = { free_name(self.outside), netns = self.outside, up = true } }
  self.link = near
  live[self] = true
  far:add_addr(net .. ".1/30")
  near:add_addr(net .. ".2/30")
  self.rule = firewall.masquerade(self.outside, { src = net .. ".2", name = "uplink by " .. far.name })
  forwarded[self.outside] = forwarded[self.outside] or self.outside.sysctl[FORWARD]
  self.outside.sysctl[FORWARD] = 1
  self.netns:add_route { "default", via = net .. ".1" }
end

-- Where a program of the world finds the namespace.
local function path_of(ns)
  if ns.name then return "/run/netns/" .. ns.name end
  if ns == netns.current() and ns.label == "root" then return "/proc/1/ns/net" end
  nsh.misuse "a namespace needs a name for pasta to find it"
end

local function by_pasta(self)
  self.daemon = daemon.start { "pasta", netns = self.outside,
    -- no port of one side is one of the other, and the machine's own loopback stays out of sight
    command = { "pasta", "--foreground", "--stderr", "--quiet", "--config-net", "--netns-only", "--no-map-gw",
      "--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none", "--runas", "0:0",
      "--ns-ifname", self.dev, "--pid", "$DIR/pid", "--netns", path_of(self.netns) },
    ready = { test = function() return #self.netns:routes { dst = "default" } > 0 end } }
end

--- Gives a namespace a way to the outside: a link with an address and the default route.
---@param ns nsh.Netns|nsh.LabNode|string one without a default route
---@param spec? { dev?: string, via?: string, outside?: nsh.Netns|nsh.LabNode|string } dev: the name of its link
---  ("uplink"). via: "veth" (IPv4 alone) or "pasta". outside: where it leads (netns.outside())
---@return uplink.Uplink
---@error EPERM an ordinary user's world has no way out
---@error ENOENT a program is missing; the hint names the package
---@error EXIT pasta can't: with its own words
function m.start(ns, spec)
  ns = daemon.netns(ns, "the first argument of uplink.start")
  spec = nsh.options(spec, "uplink", { "dev", "via", "outside" })
  if spec.via ~= nil and spec.via ~= "veth" and spec.via ~= "pasta" then
    nsh.misuse("via is \"veth\" or \"pasta\", not " .. tostring(spec.via))
  end
  local outside = daemon.netns(spec.outside or netns.outside(), "outside")
  if outside == ns then nsh.misuse "that is the outside itself" end
  if #ns:routes { dst = "default", family = "inet" } > 0 then
    nsh.misuse(tostring(ns) .. " has a default route already")
  end
  local self = setmetatable({ netns = ns, outside = outside, dev = spec.dev or "uplink",
    via = spec.via or m.way() }, mt)
  local ok, err = pcall(self.via == "veth" and by_veth or by_pasta, self)
  if not ok then
    self:stop()
    error(err, 0)
  end
  return self
end

--- Takes the way out away; the outside is as it was.
function Uplink:stop()
  if self.daemon then self.daemon:stop() end
  if not live[self] then return end
  live[self] = nil
  if not self.netns.deleted and self.netns:find_link(self.dev) then self.link:del() end
  if self.rule then self.rule:remove() end
  local others = false
  for other in pairs(live) do others = others or other.outside == self.outside end
  if others then return end -- the last one leaves the outside as the first one found it
  if forwarded[self.outside] == 0 then self.outside.sysctl[FORWARD] = 0 end
  forwarded[self.outside] = nil
end

function mt.__close(self) self:stop() end
function mt.__gc(self) pcall(self.stop, self) end
function mt.__tostring(self) return ("uplink of %s by %s"):format(self.netns.name or "root", self.via) end

return m
