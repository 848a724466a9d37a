--- tcp.lua - TCP from within a namespace: connections, and listeners that accept them.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local object = require "nsh.object"
local target = require "nsh.target"
local Netns = require "nsh.netns".Netns

local m = {}

local CONNECT_TIME, CHUNK = 10, 65536

--- A TCP connection. One declared `<close>` is closed at the end of its block.
---@class nsh.Connection
local Connection, connection_mt = object.class "nsh.connection"
m.Connection = Connection

--- Accepts TCP connections. One declared `<close>` is closed at the end of its block.
---@class nsh.Listener
local Listener, listener_mt = object.class "nsh.listener"
m.Listener = Listener

-- --- what connections, listeners and sockets of UDP have in common ---

--- Makes the object of a core socket.
---@private
function m.wrap(socket, ns, mt)
  local fd = socket:fd()
  local addr, peer = socket:ends()
  return setmetatable({ core = socket, ns = ns, own_addr = addr, own_peer = peer,
    readable = core.loop.fd(fd, "r"), writable = core.loop.fd(fd, "w") }, mt)
end

--- Lets go of a socket; whoever waits for it gets to know.
---@private
function m.close(self)
  if not self.core:fd() then return end
  self.core:close()
  loop.wake(self.readable)
  loop.wake(self.writable)
end

--- Asks a function of a socket until it doesn't say false any more, and waits in between.
---@private
---@param self table the object
---@param op userdata its `readable` or `writable`
---@param deadline? number
---@param ask fun(): any
---@return any ... what it returned; nothing: the deadline is over
function m.await(self, op, deadline, ask)
  while true do
    if not self.core:fd() then fail.misuse("%s is closed", tostring(self)) end
    local result = table.pack(ask())
    if result[1] ~= false then return table.unpack(result, 1, result.n) end
    if not loop.wait(op, deadline) then return end
  end
end

--- Returns the port of an end's text.
---@private
function m.port(addr) return math.tointeger(tonumber(addr:match ":(%d+)$")) end

--- Returns the deadline of an option table that has a timeout alone.
---@private
function m.deadline(options, what)
  return core.loop.deadline(fail.known(options, what, { "timeout" }).timeout)
end

--- Raises that time is out.
---@private
function m.late(op, target_text, ns, message)
  fail.raise { op = op, target = target_text, netns = ns.label, code = "ETIMEDOUT", errno = 110, message = message }
end

-- --- connections ---

--- Its own end, as "10.0.0.1:40000".
---@return string
function Connection.get:addr() return self.own_addr end

--- The other end, as "10.0.0.2:80".
---@return string
function Connection.get:peer() return self.own_peer end

--- The namespace that it belongs to.
---@return nsh.Netns
function Connection.get:netns() return self.ns end

function connection_mt:__tostring()
  return ("connection %s to %s in %s"):format(self.own_addr, self.own_peer, self.ns.label)
end

-- What is read and not asked for yet.
local function new_connection(socket, ns)
  local self = m.wrap(socket, ns, connection_mt)
  rawset(self, "buffer", "")
  rawset(self, "ended", false)
  return self
end

--- Opens a TCP connection.
--- Twin: `nc ADDRESS PORT`
---@param spec string|table "10.0.0.2:80", "[fd00::2]:80", "[fe80::2%eth0]:80"; or a table with that at [1] and
---  timeout = seconds for the other side to answer (10), src = the address to come from, or "address:port",
---  dev = the link to go through, ttl = hops that its packets may make
---@return nsh.Connection
---@error ECONNREFUSED nobody listens there, or a packet filter rejects it
---@error ETIMEDOUT nothing answered in time
---@error ENETUNREACH no route leads there
---@error EHOSTUNREACH nobody has the address, or a router says so
---@error EADDRNOTAVAIL the namespace has no such src
---@error EINVAL that is no address with a port
function Netns:connect(spec)
  local dst, options = target.read(spec, "connect", { "dev", "src", "timeout", "ttl" })
  if type(dst) ~= "string" then fail.misuse("connect wants an address with its port as \"10.0.0.2:80\"") end
  local deadline = core.loop.deadline(options.timeout or CONNECT_TIME)
  options.timeout = nil
  local socket = fail.check("connect", dst, self, core.socket.dial("tcp", self.core, dst, options))
  local done = false
  local _ <close> = setmetatable({}, { __close = function() if not done then socket:close() end end })
  local writable = core.loop.fd(socket:fd(), "w")
  while not fail.check("connect", dst, self, socket:connected()) do
    if not loop.wait(writable, deadline) then m.late("connect", dst, self, "nobody answers") end
  end
  done = true
  return new_connection(socket, self)
end

--- Sends all of the data; waits while the other side doesn't take it.
---@param data string
---@param options? { timeout: number|string } seconds; without it as long as it takes
---@return nsh.Connection self
---@error EPIPE the connection is closed by the other side
---@error ECONNRESET the other side gave it up
---@error ETIMEDOUT not all of it went in time
function Connection:send(data, options)
  if type(data) ~= "string" then fail.misuse("send wants a string, not a %s", type(data)) end
  local deadline, from = m.deadline(options, "send"), 1
  while from <= #data do
    local n = m.await(self, self.writable, deadline, function()
      local n = fail.check("send", self.own_peer, self.ns, self.core:send(data, from))
      return n > 0 and n
    end)
    if not n then
      m.late("send", self.own_peer, self.ns, ("%d of %d bytes are not taken"):format(#data - from + 1, #data))
    end
    from = from + n
  end
  return self
end

-- Reads what has come into the buffer; false: it is the end.
local function fill(self, deadline)
  if self.ended then return false end
  local data = m.await(self, self.readable, deadline, function()
    return fail.check("receive", self.own_peer, self.ns, self.core:receive(CHUNK))
  end)
  if not data then m.late("receive", self.own_peer, self.ns, "nothing comes") end
  if data == "" then
    rawset(self, "ended", true)
    return false
  end
  self.parts[#self.parts + 1] = data
  return true
end

-- Takes the first n bytes of the buffer; nil when it is empty.
local function take(self, n)
  local data = self.buffer:sub(1, n)
  rawset(self, "buffer", self.buffer:sub(n + 1))
  return data ~= "" and data or nil
end

-- Fills the buffer until it has enough, or it is the end. What came stays there when time is out.
local function gather(self, deadline, enough)
  rawset(self, "parts", { self.buffer })
  local _ <close> = setmetatable({}, { __close = function()
    rawset(self, "buffer", table.concat(self.parts))
  end })
  local len = #self.buffer
  while not enough(len, self.parts[#self.parts]) and fill(self, deadline) do len = len + #self.parts[#self.parts] end
end

local function receive_line(self, deadline)
  gather(self, deadline, function(_, part) return part:find("\n", 1, true) end)
  local at = self.buffer:find("\n", 1, true)
  if not at then return take(self, #self.buffer) end
  return (take(self, at):gsub("\r?\n$", ""))
end

--- Receives from the connection; nil at its end.
---@param what? integer|"line"|"all" that many bytes, fewer only at the end; a line, without its end ("\n" or "\r\n");
---  all until the other side closes; without it what there is, at least one byte
---@param options? { timeout: number|string } seconds; without it as long as it takes
---@return string? data
---@error ETIMEDOUT it didn't come in time; what came is there for the next call
---@error ECONNRESET the other side gave the connection up
function Connection:receive(what, options)
  if type(what) == "table" and options == nil then what, options = nil, what end
  local deadline = m.deadline(options, "receive")
  if what == "line" then return receive_line(self, deadline) end
  if what ~= nil and what ~= "all" and (math.type(what) ~= "integer" or what < 1) then
    fail.misuse("receive takes a number of bytes, \"line\" or \"all\", not %s", tostring(what))
  end
  local wanted = what == "all" and math.huge or what or 1
  gather(self, deadline, function(len) return len >= wanted end)
  return take(self, math.type(what) == "integer" and what or #self.buffer)
end

--- Returns an iterator over the lines until the end of the connection.
---@param options? { timeout: number|string } seconds for each line
---@return fun(): string?
function Connection:lines(options)
  return function() return self:receive("line", options) end
end

--- Tells the other side that nothing more will be sent; receiving goes on.
---@return nsh.Connection self
function Connection:finish()
  if not self.core:fd() then fail.misuse("%s is closed", tostring(self)) end
  fail.check("finish", self.own_peer, self.ns, self.core:finish())
  return self
end

--- Closes the connection. Closing twice is harmless.
function Connection:close() m.close(self) end

function connection_mt:__close() self:close() end

-- --- listeners ---

--- Where it listens, as "10.0.0.1:80"; "[::]:80" is all addresses of IPv4 and IPv6.
---@return string
function Listener.get:addr() return self.own_addr end

--- The port where it listens.
---@return integer
function Listener.get:port() return m.port(self.own_addr) end

--- The namespace that it belongs to.
---@return nsh.Netns
function Listener.get:netns() return self.ns end

function listener_mt:__tostring() return ("listener %s in %s"):format(self.own_addr, self.ns.label) end

--- Listens for TCP connections.
--- Twin: `nc -l PORT`
---@param spec integer|string|table a port, of all addresses of IPv4 and IPv6; 0: one that the kernel chooses;
---  "10.0.0.1:80"; or a table with that at [1] and dev = the link to listen on, backlog = how many may wait (128)
---@return nsh.Listener
---@error EADDRINUSE somebody listens there already
---@error EADDRNOTAVAIL the namespace has no such address
---@error EINVAL that is no address with a port
function Netns:listen(spec)
  local at, options = target.read(spec, "listen", { "backlog", "dev" })
  if math.type(at) ~= "integer" and type(at) ~= "string" then
    fail.misuse("listen wants a port as 80, or an address with its port as \"10.0.0.1:80\"")
  end
  return m.wrap(fail.check("listen", tostring(at), self, core.socket.bound("tcp", self.core, at, options)), self,
    listener_mt)
end

--- Returns the next connection; nil when none came in time.
---@param options? { timeout: number|string } seconds; without it waits for as long as it takes
---@return nsh.Connection?
function Listener:accept(options)
  local deadline = m.deadline(options, "accept")
  local socket = m.await(self, self.readable, deadline, function()
    return fail.check("accept", self.own_addr, self.ns, self.core:accept())
  end)
  return socket and new_connection(socket, self.ns)
end

--- Stops listening; connections that were accepted go on. Closing twice is harmless.
function Listener:close() m.close(self) end

function listener_mt:__close() self:close() end

return m
