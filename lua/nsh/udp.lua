--- udp.lua - UDP from within a namespace: datagrams sent and received.
local core = require "nsh.core"
local fail = require "nsh.error"
local object = require "nsh.object"
local target = require "nsh.target"
local tcp = require "nsh.tcp"
local Netns = require "nsh.netns".Netns

local m = {}

local DATAGRAM = 65536

--- A UDP socket. One declared `<close>` is closed at the end of its block.
---@class nsh.Udp
local Udp, mt = object.class "nsh.udp"
m.Udp = Udp

--- Its own end, as "10.0.0.1:53"; "[::]:53" is all addresses of IPv4 and IPv6.
---@return string
function Udp.get:addr() return self.own_addr end

--- Its own port.
---@return integer
function Udp.get:port() return tcp.port(self.own_addr) end

--- The other end, where it was opened for one; nil: it may send to all.
---@return string?
function Udp.get:peer() return self.own_peer ~= "" and self.own_peer or nil end

--- The namespace that it belongs to.
---@return nsh.Netns
function Udp.get:netns() return self.ns end

function mt:__tostring()
  return ("udp %s%s in %s"):format(self.own_addr, self.own_peer ~= "" and " to " .. self.own_peer or "", self.ns.label)
end

--- Opens a UDP socket.
--- Twin: `nc -u -l PORT`, `nc -u ADDRESS PORT`
---@param spec? integer|string|table a port, of all addresses of IPv4 and IPv6; 0 or nothing: one that the kernel
---  chooses; "10.0.0.1:53"; or a table with that at [1] and dev = the link to use. With to = "10.0.0.2:53" it sends to
---  that alone, and hears of its refusals; with it go src = address or "address:port", dev and ttl
---@return nsh.Udp
---@error EADDRINUSE another socket has the port
---@error EADDRNOTAVAIL the namespace has no such address
---@error ENETUNREACH no route leads to the other end
---@error EINVAL that is no address with a port
function Netns:udp(spec)
  local at, options = target.read(spec, "udp", { "dev", "src", "to", "ttl" })
  local to = options.to
  options.to = nil
  if to ~= nil then
    if at ~= nil then fail.misuse "udp takes a port of its own or to; with to the own end is src" end
    if type(to) ~= "string" then fail.misuse("to is an address with its port as \"10.0.0.2:53\"") end
    return tcp.wrap(fail.check("udp", to, self, core.socket.dial("udp", self.core, to, options)), self, mt)
  end
  if options.src or options.ttl then fail.misuse "src and ttl go with to" end
  if at == nil then at = 0 end
  if math.type(at) ~= "integer" and type(at) ~= "string" then
    fail.misuse("udp wants a port as 53, or an address with its port as \"10.0.0.1:53\"")
  end
  return tcp.wrap(fail.check("udp", tostring(at), self, core.socket.bound("udp", self.core, at, options)), self, mt)
end

--- Sends one datagram; broadcasts are allowed.
---@param data string
---@param to? string "10.0.0.2:53"; not where the socket was opened for one end
---@return nsh.Udp self
---@error ENETUNREACH no route leads there
---@error ECONNREFUSED nobody had the port when something was sent before
---@error EMSGSIZE it is too long
---@error EINVAL that is no address with a port
function Udp:send(data, to)
  if type(data) ~= "string" then fail.misuse("send wants a string, not a %s", type(data)) end
  if to == nil and not self.peer then fail.misuse "send wants to know where to, as \"10.0.0.2:53\"" end
  if to ~= nil and type(to) ~= "string" then fail.misuse "an address with its port is text as \"10.0.0.2:53\"" end
  if to ~= nil and self.peer then fail.misuse("it was opened for %s alone", self.peer) end
  tcp.await(self, self.writable, nil, function()
    return fail.check("send", to or self.own_peer, self.ns, self.core:send_to(data, to))
  end)
  return self
end

--- Returns the next datagram and whom it is from; nil when none came in time.
---@param options? { timeout: number|string } seconds; without it waits for as long as it takes
---@return string? data
---@return string? from "10.0.0.2:53"
---@error ECONNREFUSED nobody has the port at the end that the socket was opened for
function Udp:receive(options)
  local deadline = tcp.deadline(options, "receive")
  return tcp.await(self, self.readable, deadline, function()
    return fail.check("receive", self.own_peer ~= "" and self.own_peer or self.own_addr, self.ns,
      self.core:receive(DATAGRAM, true))
  end)
end

--- Closes the socket. Closing twice is harmless.
function Udp:close() tcp.close(self) end

function mt:__close() self:close() end

return m
