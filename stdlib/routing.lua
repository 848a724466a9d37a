--- routing.lua - what the recipes of routers share: forwarding, a router that runs, waiting, the end.
local args = require "stdlib.routing_args"
local nsh = require "nsh"

local m = { label = args.label, read = args.read, family = args.family }

local FORWARDING = { "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding" }

--- Makes a namespace forward, IPv4 and IPv6.
---@param ns nsh.Netns
---@return function undo makes it what it was
function m.forward(ns)
  local before = {}
  for _, key in ipairs(FORWARDING) do
    local value = ns.sysctl[key]
    if tostring(value) ~= "1" then
      before[key] = value
      ns.sysctl[key] = 1
    end
  end
  return function()
    for key, value in pairs(ns.deleted and {} or before) do ns.sysctl[key] = value end
  end
end

-- --- a router that runs ---

--- What bird and frr have in common.
---@class routing.Router
---@field name string "bird" or "frr"
---@field netns nsh.Netns
---@field dir daemon.Dir its private folder
---@field daemons daemon.Daemon[] the programs, in the order of their start
---@field spec table what it was started with
local Router = {}
m.Router = Router

--- Joins the parts of a configuration.
---@param parts string[] what was made of the options
---@param config string the caller's own text
---@return string text
---@return integer before how many lines stand before the caller's own
function m.join(parts, config)
  local made = #parts > 0 and table.concat(parts, "\n") .. "\n" or ""
  return made .. config .. "\n", select(2, made:gsub("\n", "\n"))
end

--- Says which line of a configuration is meant: of the caller's own text, or of what was made of the options.
---@param number integer
---@param before integer as m.join gave it
---@return string words "line 3", or "line 12 of what the options became"
---@return integer? line of the caller's text
function m.place(number, before)
  if number > before then return "line " .. number - before, number - before end
  return ("line %d of what the options became"):format(number)
end

-- Who runs where: two would fight for the kernel's routes.
local running = setmetatable({}, { __mode = "kv" })

--- Takes a namespace for a router that is to be started.
---@param router routing.Router
function m.claim(router)
  local ns = router.netns
  local other = running[ns]
  if other and not other.stopped then
    args.misuse("%s runs in %s already: reload gives it another configuration, stop ends it", other.name, m.label(ns))
  end
  running[ns] = router
end

--- Makes a class of routers.
---@param name string
---@return table class
---@return table metatable
function m.class(name)
  local class = setmetatable({}, { __index = Router })
  local mt = { __index = class, __name = name }
  function mt.__close(self) self:stop() end
  function mt.__tostring(self)
    return ("%s in %s, %s"):format(self.name, m.label(self.netns), self:running() and "running" or "ended")
  end
  return class, mt
end

--- Tells whether all its programs still run.
---@return boolean
function Router:running()
  for _, daemon in ipairs(self.daemons) do
    if not daemon:running() then return false end
  end
  return not self.stopped
end

--- Raises how a program of it died, with its last lines, unless all run.
---@error EXIT it ended by itself
---@error SIGNAL a signal killed it
---@error ENOENT it was stopped
function Router:check()
  if self.stopped then
    nsh.raise { op = self.name, netns = self.netns, code = "ENOENT", message = "it was stopped" }
  end
  for _, daemon in ipairs(self.daemons) do daemon:check() end
end

--- Returns what its programs wrote: their logs.
---@return string
function Router:output()
  local texts = {}
  for i, daemon in ipairs(self.daemons) do texts[i] = daemon:output() end
  return table.concat(texts)
end

--- Stops it; its routes and its folder go, and forwarding becomes what it was. Twice is harmless.
function Router:stop()
  if self.stopped then return end
  self.stopped = true
  for i = #self.daemons, 1, -1 do self.daemons[i]:stop() end
  self.dir:remove()
  if self.netns.deleted then return end
  for _, proto in ipairs(self.protos) do self.netns:flush_routes { proto = proto, table = "all" } end -- of one killed
  if self.unforward then self.unforward() end
end

-- Waits for a line that a program writes.
local function next_line(process, timeout)
  local read, _, _, news = process:lines { timeout = timeout }
  local _ <close> = news
  return read()
end

-- Waits until `look` gives a value: it looks at once, and whenever a program said something that it may have logged the
-- change with; of two, one may say it while the other is listened to.
local function await(self, speakers, wanted, timeout, look)
  local seen
  timeout = timeout or 30
  local ok, result = pcall(nsh.timeout, timeout, function()
    while true do
      for _, daemon in ipairs(speakers) do
        for _ in daemon.process:lines() do end -- said before the look
      end
      local value, state = look()
      if value then return value end
      seen = state
      for _, daemon in ipairs(speakers) do next_line(daemon.process, #speakers > 1 and 0.2 or 1) end
    end
  end)
  if ok then return result end
  if type(result) ~= "table" then error(result, 0) end
  if result.op ~= "timeout" then
    result.where = nil -- of the task, where no script is
    nsh.raise(result)
  end
  nsh.raise { op = self.name .. " wait", netns = self.netns, code = "ETIMEDOUT", errno = 110, wanted = wanted,
    seen = seen, message = ("%s did not come in %s s; seen last: %s"):format(wanted, timeout, seen or "nothing") }
end

-- The programs that speak a protocol.
---@private
function Router:speakers(protocol)
  local list = {}
  for _, daemon in ipairs(self.daemons) do
    if daemon.name == self.name or daemon.name:find("^" .. protocol) then list[#list + 1] = daemon end
  end
  return #list > 0 and list or self.daemons
end

local UP = { up = { function(v) return type(v) == "boolean" end, "true or false" } }

local function count_links(spec)
  local n = 0
  for _, ospf in ipairs { spec.ospf or false, spec.ospf6 or false } do
    for _, link in ipairs(ospf and ospf.links or {}) do n = n + (link.passive and 0 or 1) end
  end
  if n == 0 then args.misuse "wait_ospf needs the number of neighbors: the options name no links that speak OSPF" end
  return n
end

--- Waits until so many neighbours of OSPF, of both versions, are full, not more and not fewer.
---@param n? integer one on each link that isn't passive
---@param timeout? number seconds (30)
---@return table[] neighbors
---@error ETIMEDOUT the message tells in which states they are
---@error EXIT a program of the router died: with its last lines
function Router:wait_ospf(n, timeout)
  n = n or count_links(self.spec)
  if math.type(n) ~= "integer" then args.misuse("wait_ospf takes a number of neighbors, not '%s'", tostring(n)) end
  return await(self, self:speakers "ospf", ("%d full neighbors"):format(n), timeout, function()
    local list, words, full = self:neighbors(), {}, 0
    for i, neighbor in ipairs(list) do
      full = full + (neighbor.state == "full" and 1 or 0)
      words[i] = ("%s %s"):format(neighbor.addr, neighbor.state)
    end
    return full == n and list, #words > 0 and table.concat(words, ", ") or "no neighbors"
  end)
end

--- Waits until a session of BGP is established, or isn't any more.
---@param peer? string|table the neighbour's address, or { "10.0.0.2", up = false }; nil: all of them
---@param timeout? number seconds (30)
---@return table session its record; of all the list
---@error ETIMEDOUT the message tells in which states they are
---@error EXIT a program of the router died: with its last lines
function Router:wait_bgp(peer, timeout)
  local spec = args.checked(type(peer) == "table" and peer or { peer }, "wait_bgp", { "up" }, UP)
  local up, addr = spec.up ~= false, spec[1]
  local addrs, known = {}, not addr
  for i, session in ipairs(self:sessions()) do
    addrs[i], known = session.addr, known or session.addr == addr
  end
  if #addrs == 0 then args.misuse("wait_bgp: %s in %s has no neighbors of BGP", self.name, m.label(self.netns)) end
  if not known then
    args.misuse("wait_bgp: no neighbor %s; there are: %s", tostring(addr), table.concat(addrs, ", "))
  end
  local wanted = ("%s session%s"):format(up and "an established" or "the end of the", addr and " with " .. addr or "")
  return await(self, self:speakers "bgp", wanted, timeout, function()
    local found, words = {}, {}
    for _, session in ipairs(self:sessions()) do
      words[#words + 1] = ("%s %s"):format(session.addr, session.state)
      if (not addr or session.addr == addr) and (session.state == "established") == up then
        found[#found + 1] = session
      end
    end
    if addr then return found[1], table.concat(words, ", ") end
    return #found == #words and nsh.records(found), table.concat(words, ", ")
  end)
end

return m
