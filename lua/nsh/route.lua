--- route.lua - routes, and the way to a destination.
local core = require "nsh.core"
local fail = require "nsh.error"
local Netns = require("nsh.netns").Netns
local show = require "nsh.show"
local words = require "nsh.words"

local m = {}

-- A record of a route with a nexthop object tells that object's gateways as well.
local function by_number(route)
  if type(route) ~= "table" or getmetatable(route) ~= show.Record or not route.nhid then return route end
  local copy = fail.options(route, "route")
  copy.via, copy.dev, copy.nexthops, copy.encap, copy.onlink = nil, nil, nil, nil, nil
  return copy
end

local function change(self, op, how, route)
  if type(route) ~= "table" and type(route) ~= "string" then
    fail.misuse("a route is a table as { \"default\", via = \"10.0.0.1\" }, not a %s", type(route))
  end
  route = by_number(route)
  local target = type(route) == "table" and (route[1] or route.dst) or route
  fail.check_spec(route, op, target and tostring(target), self, core.route[how](self.core, route))
end

--- Adds a route.
--- Twin: `ip route add DST via GATEWAY dev NAME ...` (with append = true: `ip route append`)
---@param route table { dst, via = , dev = , src = , metric = , table = , ... }; a record is taken too
---@error EEXIST when there is one to the same destination with the same metric
---@error ENETUNREACH when the gateway is not on a network of a link that is up
function Netns:add_route(route)
  if type(route) ~= "table" or not route.append then return change(self, "route add", "add", route) end
  local copy = {}
  for key, value in pairs(route) do
    if key ~= "append" then copy[key] = value end
  end
  change(self, "route append", "append", copy)
end

--- Adds a route, or replaces the one to the same destination with the same metric.
--- Twin: `ip route replace DST ...`
---@param route table
function Netns:replace_route(route) change(self, "route replace", "replace", route) end

--- Deletes a route: the first that has all that is given.
--- Twin: `ip route del DST ...`
---@param route table|string a destination, or a table; a record is taken too
---@error ESRCH when there is none
function Netns:del_route(route) change(self, "route del", "del", route) end

--- Lists routes of IPv4 and IPv6: those of table main, unless the filter names a table or "all".
--- Twin: `ip route show`
---@param filter? table keys that the records must have, as { dst = "default", table = "all", dev = "eth0" }
---@return table[] records
function Netns:routes(filter)
  local copy = fail.options(filter, "routes")
  copy.table = copy.table or "main"
  if copy.table == "all" then copy.table = nil end
  return fail.check("route list", nil, self, core.route.list(self.core, copy))
end

--- Returns the route that a packet to an address takes.
--- Twin: `ip route get ADDR from ADDR iif NAME oif NAME mark MARK uid UID ipproto PROTO sport PORT dport PORT fibmatch`
---@param dst string|table an address, or { "10.0.0.1", from = , iif = , dev = , mark = , ... }; vrf is the same as dev
---@return table record
---@error ENETUNREACH when there is no route
---@error EHOSTUNREACH when the route says unreachable; EACCES: prohibit; EINVAL: blackhole
function Netns:route_to(dst)
  local target, question = dst, dst
  if type(dst) == "table" then
    question = fail.options(dst, "route_to")
    target = dst[1] or dst.dst
    words.refuse(question, { oif = "dev", protocol = "ipproto" }, "route_to")
    words.mark(question, "mark")
    if question.vrf then
      if question.dev then fail.misuse("vrf is the same as dev; give one of them") end
      question.dev, question.vrf = question.vrf, nil
    end
  end
  return (fail.check("route to", tostring(target), self, core.route.to(self.core, question)))
end

return m
