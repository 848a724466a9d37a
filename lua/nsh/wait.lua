--- wait.lua - waits for a state: look, and look again whenever the kernel announced something. Nothing is polled.
local core = require "nsh.core"
local fail = require "nsh.error"
local links = require "nsh.link"
local loop = require "nsh.loop"
local Link = links.Link
local Netns = require("nsh.netns").Netns

local m = {}

-- Loaded at the first use: most scripts print no table.
local function columns() return require "nsh.columns" end

local PATIENCE = 10

-- Whether the name of a namespace doesn't stand for it any more.
local function lost_name(ns)
  if ns.deleted then return true end
  if not ns.name then return false end
  local handle = core.netns.open(ns.name)
  local same = handle and core.netns.identity(handle) == core.netns.identity(ns.core)
  if handle then core.netns.close(handle) end
  return not same
end

local function vanished(op, target, ns)
  fail.raise {
    op = op, target = target, netns = ns.label, code = "ENOENT", errno = 2,
    message = "the namespace was deleted meanwhile",
  }
end

local function too_late(op, target, ns, timeout, wanted, state)
  fail.raise {
    op = op, target = target, netns = ns.label, code = "ETIMEDOUT", errno = 110, wanted = wanted, seen = state,
    message = ("%s did not come in %s s; seen last: %s"):format(wanted, tostring(timeout), state),
  }
end

-- Calls `look` until it gives a value: at once, and whenever something was announced. Its second result tells what is
-- there instead.
local function wait(ns, op, target, timeout, wanted, heard, look)
  fail.check("batch", nil, ns, core.netns.flush(ns.core)) -- what is waited for may be in it
  timeout = timeout or PATIENCE
  local deadline, in_time = core.loop.deadline(timeout), true
  local ear <close> = fail.check(op, target, ns,
    core.watch.open(ns.core, heard or {}, { everything = not heard }))
  while true do
    local value, state = look()
    if value then return value end
    if not in_time then too_late(op, target, ns, timeout, wanted, state) end
    in_time = loop.wait(ear, deadline)
    fail.check(op, target, ns, core.watch.drain(ear))
    if ns.deleted or core.watch.moved(ear) and lost_name(ns) then vanished(op, target, ns) end
  end
end

local function text_of(state)
  return type(state) == "string" and state or columns().inline(state)
end

--- Waits until a condition holds: it is asked at once, and again whenever something changes in the namespace.
--- Handlers of watches run meanwhile.
---@param condition fun(ns: nsh.Netns): any, any true or a value when it holds; a second result is what it saw instead,
---  which the error tells
---@param timeout? number|string seconds (10)
---@return any value what the condition gave
---@error ETIMEDOUT when it never held
---@error ENOENT when the namespace is deleted meanwhile
function Netns:wait(condition, timeout)
  if type(condition) ~= "function" then fail.misuse("wait takes a function, not a %s", type(condition)) end
  local info = debug.getinfo(condition, "S")
  local wanted = ("the condition of %s:%d"):format(info.short_src, info.linedefined)
  return wait(self, "wait", nil, timeout, wanted, nil, function()
    local value, state = condition(self)
    if state == nil then state = value end
    return value, text_of(state)
  end)
end

--- Waits until there is a link of a name.
---@param name string
---@param timeout? number|string seconds (10)
---@return nsh.Link
---@error ETIMEDOUT when none came
function Netns:wait_link(name, timeout)
  return wait(self, "link wait", name, timeout, "the link", { "link" }, function()
    local link = self:find_link(name)
    if link then return link end
    local names = {}
    for i, record in ipairs(self:links()) do names[i] = record.name end
    return nil, table.concat(names, ", ")
  end)
end

--- Waits until a link has an address, and IPv6 has made sure that no other host has it.
---@param addr string "10.0.0.1" or "10.0.0.1/24"
---@param timeout? number|string seconds (10)
---@return table record
---@error ETIMEDOUT when none has it
---@error EADDRINUSE when another host has it
function Netns:wait_addr(addr, timeout)
  if type(addr) ~= "string" then fail.misuse("an address is text as \"10.0.0.1\", not a %s", type(addr)) end
  return wait(self, "addr wait", addr, timeout, "the address", { "addr" }, function()
    local found = self:addrs { addr = addr }[1]
    if not found then return nil, "no link has it" end
    if found.dadfailed then
      fail.raise { op = "addr wait", target = addr, netns = self.label, code = "EADDRINUSE", errno = 98,
        message = "another host has the address" }
    end
    return not found.tentative and found, "tentative on " .. found.dev
  end)
end

-- What a route to an address is refused with while there is none.
local no_route = { ENETUNREACH = true, EHOSTUNREACH = true, EACCES = true, EINVAL = true }

--- Waits until there is a route. To an address it is the one that a packet takes; "default", a prefix or a table with
--- keys as ns:routes takes them means a route of the list.
---@param dst string|table "10.0.0.1", "10.0.0.0/24", "default", or { "10.0.0.0/24", via = "10.1.0.1" }
---@param timeout? number|string seconds (10)
---@return table record
---@error ETIMEDOUT when none came
function Netns:wait_route(dst, timeout)
  if type(dst) ~= "string" and type(dst) ~= "table" then
    fail.misuse("a route's destination is text as \"10.0.0.0/24\" or a table, not a %s", type(dst))
  end
  local target = type(dst) == "table" and (dst[1] or dst.dst) or dst
  local is_address = type(dst) == "string" and dst ~= "default" and not dst:find("/", 1, true)
  return wait(self, "route wait", target and tostring(target), timeout, "a route", nil, function()
    if not is_address then
      return self:routes(type(dst) == "table" and dst or { dst = dst })[1], "no such route"
    end
    local route, message, code, detail = core.route.to(self.core, dst)
    if route or no_route[code] then return route, code end
    return fail.check("route wait", target, self, route, message, code, detail)
  end)
end

-- --- links ---

local function matches(want, got)
  if type(want) == "function" then return want(got) end
  if getmetatable(want) == getmetatable(got) and want == got then return true end
  if type(want) ~= "table" then return want == got or (want == false and got == nil) end
  if rawget(want, "last_name") then return want.name == got end -- a live link
  if type(got) ~= "table" then return false end
  for key, value in pairs(want) do
    if not matches(value, got[key]) then return false end
  end
  return true
end

-- "up=true carrier=false port={cost=2}": of the keys that are waited for.
local function state_text(spec, values)
  local words = {}
  for _, key in ipairs(columns().keys(spec)) do
    local want, value = spec[key], values[key]
    if type(value) == "table" and rawget(value, "last_name") then value = value.last_name end
    if type(value) == "table" and type(want) == "table" then
      value = "{" .. state_text(want, value) .. "}"
    elseif type(value) == "function" then
      value = "?"
    end
    words[#words + 1] = key .. "=" .. (value == nil and "none" or columns().inline(value))
  end
  return table.concat(words, " ")
end

local function read(link, op)
  local record, message, code, detail = core.link.get(link.netns.core, link.index)
  if code == "ENODEV" then
    message, detail.hint = "the link is gone", "it was deleted, or moved to another namespace"
  end
  return fail.check(op, link.last_name, link.netns, record, message, code, detail)
end

--- Waits until the link is as described: each key has this value, or a function of the value is true of it.
---@param spec table keys of the link's record, as { up = true, carrier = true }; timeout: seconds (10)
---@return nsh.Link link itself
---@error ETIMEDOUT when it never was
---@error ENODEV when the link goes
function Link:wait(spec)
  spec = fail.options(spec, "wait")
  local timeout = spec.timeout
  spec.timeout = nil
  if next(spec) == nil then fail.misuse("say what to wait for, as wait { up = true, carrier = true }") end
  local kind = read(self, "link wait").kind
  for key in pairs(spec) do
    if not links.is_key(kind, key) then Link.missing(self, key) end -- which names the nearest
  end
  wait(self.netns, "link wait", self.last_name, timeout, state_text(spec, spec), { "link" }, function()
    read(self, "link wait")
    local record = self:record()
    return matches(spec, record), state_text(spec, record)
  end)
  return self
end

--- Waits until IPv6 has made sure of all addresses of the link that no other host has them: none is tentative.
---@param timeout? number|string seconds (10)
---@return nsh.Link link itself
---@error EADDRINUSE when another host has an address
---@error ETIMEDOUT when one is tentative still, as all are while the link has no carrier
---@error ENODEV when the link goes
function Link:wait_dad(timeout)
  wait(self.netns, "dad wait", self.last_name, timeout, "the end of address detection", { "addr" }, function()
    local record, tentative = read(self, "dad wait"), {}
    for _, a in ipairs(self:addrs { family = "inet6" }) do
      if a.dadfailed then
        fail.raise { op = "dad wait", target = self.last_name, netns = self.netns.label, code = "EADDRINUSE",
          errno = 98, message = "another host has " .. a.addr }
      end
      if a.tentative then tentative[#tentative + 1] = a.addr end
    end
    -- a carrier that is new brings an address with it: the kernel's word on that is the state
    local settling = record.up and record.carrier and record.state == "down"
    return #tentative == 0 and not settling, ("tentative: %s; up=%s carrier=%s"):format(
      table.concat(tentative, ", "), record.up, record.carrier)
  end)
  return self
end

return m
