--- route.lua - routes, and the way to a destination.
local core = require "nsh.core"
local fail = require "nsh.error"
local Netns = require("nsh.netns").Netns
local prefixes = require "nsh.prefix"
local show = require "nsh.show"
local targets = require "nsh.target"
local words = require "nsh.words"

local m = {}

-- Words of ip(8) that nsh has others for.
m.OTHER = {
  protocol = "proto", oif = "dev", preference = "metric", nexthop = "nexthops", lookup = "table", dsfield = "tos",
  realms = "realm", gateway = "via", priority = "metric",
}

-- Routes of MPLS labels are a noun of their own in the core.
local function mpls(self, op, how, route)
  local copy = fail.options(route, "route")
  copy.family = nil
  local target = copy[1] or copy.dst
  local what, called = "mpls " .. op, target and tostring(target)
  if how == "del" then -- the kernel looks at the label alone, and deletes what isn't there without a word
    local filter = { target }
    for _, key in ipairs(words.writable "mpls") do
      if key ~= "dst" and type(copy[key]) ~= "table" then filter[key] = copy[key] end
    end
    if #fail.check_spec(copy, what, called, self, core.mpls.list(self.core, filter)) == 0 then
      fail.check_spec(copy, what, called, self, nil, "No such process", "ESRCH", { errno = 3 })
    end
  end
  return fail.check_spec(copy, what, called, self, core.mpls[how](self.core, copy))
end

-- A VRF stands for its routing table.
local function table_of_vrf(self, spec)
  if spec.vrf == nil then return spec end
  if spec.table ~= nil then fail.misuse("vrf says which table; leave one of them out") end
  local name = words.link_name(spec.vrf)
  if type(name) ~= "string" then fail.misuse("vrf must be a link or its name, not a %s", type(name)) end
  local link = fail.check("link get", name, self, core.link.get(self.core, name))
  if link.kind ~= "vrf" then fail.misuse("%s is a %s and no vrf", name, tostring(link.kind)) end
  local copy = fail.options(spec, "route")
  copy.table, copy.vrf = link.table, nil
  return copy
end

-- What is asked for, as the core takes it: a VRF stands for its table, and a record of a route with a nexthop object
-- tells that object's gateways as well.
local function plain(self, route)
  if route.nhid and getmetatable(route) == show.Record then route = words.own(route) end
  if route.vrf ~= nil then route = table_of_vrf(self, route) end
  return route
end

local function change(self, op, how, route)
  if type(route) == "table" then
    if route.family == "mpls" then return mpls(self, op, how, route) end
    route = plain(self, route)
  elseif type(route) ~= "string" then
    fail.misuse("a route is a table as { \"default\", via = \"10.0.0.1\" }, not a %s", type(route))
  end
  local ok, message, code, detail = core.route[how](self.core, route)
  if ok then return end -- there may be a hundred thousand of them
  local target = type(route) == "table" and (route[1] or route.dst) or route
  fail.check_spec(route, op, target and tostring(target), self, ok, message, code, detail)
end

-- The entries as the core takes them, where some are not so by themselves; nil: all are.
local function plain_list(self, list)
  local entries
  for i, route in ipairs(list) do
    if type(route) == "table" then
      if route.family == "mpls" then fail.misuse("entry %d: a route of MPLS labels is asked for alone", i) end
      if route.append ~= nil or route.prepend ~= nil then
        fail.misuse("entry %d: append and prepend are for add_route", i)
      end
      local made = plain(self, route)
      if made ~= route then
        entries = entries or table.move(list, 1, #list, 1, {})
        entries[i] = made
      end
    end
  end
  return entries
end

-- A change for each entry of a list, in one call of the core, which raises for an entry that is not as it takes them,
-- and then has done nothing.
local function change_all(self, op, how, list)
  if type(list) ~= "table" or type(next(list, #list > 0 and #list or nil)) == "string" then
    fail.misuse("%ss takes a list of routes as { { \"10.1.0.0/16\", via = \"10.0.0.1\" }, ... }, not a %s",
      op:gsub("(%w+) (%w+)", "%2_%1"), type(list) == "table" and "single one" or type(list))
  end
  local read, ok, message, code, detail = pcall(core.route[how], self.core, list)
  if not read then
    local entries = type(ok) == "string" and plain_list(self, list)
    if not entries then error(ok, 0) end
    ok, message, code, detail = core.route[how](self.core, entries)
  end
  if ok then return end
  local route = list[detail.request]
  local target = type(route) == "table" and (route[1] or route.dst) or route
  detail.entry = detail.request
  fail.check_spec(route, op, tostring(target), self, ok, message, code, detail)
end

--- Adds a route.
--- Twin: `ip route add DST via GATEWAY dev NAME ...` (append = true: `ip route append`; prepend = true: `prepend`)
---@param route table { dst, via = , dev = , src = , metric = , table = , ... }; a record is taken too; vrf = link: in
--- its table; append, prepend: behind, or before, one to the same destination with the same metric
---@error EEXIST when there is one to the same destination with the same metric
---@error ENETUNREACH when the gateway is not on a network of a link that is up
function Netns:add_route(route)
  if type(route) ~= "table" or (route.append == nil and route.prepend == nil) then
    return change(self, "route add", "add", route)
  end
  local how = route.append and "append" or route.prepend and "prepend" or "add"
  if route.append and route.prepend then fail.misuse("append and prepend can't both be meant") end
  local copy = fail.options(route, "add_route")
  copy.append, copy.prepend = nil, nil
  change(self, "route " .. how, how, copy)
end

--- Adds all routes of a list, in as few messages as batch needs: for thousands of them. What is wrong with an entry is
--- said before anything is sent; when the kernel refuses some, the others are there, and the first one is told.
--- Twin: `ip -batch FILE` with a line `route add ...` for each
---@param routes (table|string)[] each as add_route takes it, without append and prepend; records are taken too
---@error EEXIST when one is there; `entry` of the error says which
function Netns:add_routes(routes) change_all(self, "route add", "add_all", routes) end

--- Adds all routes of a list, or replaces those to the same destinations with the same metrics.
--- Twin: `ip -batch FILE` with a line `route replace ...` for each
---@param routes table[] as add_routes takes them
function Netns:replace_routes(routes) change_all(self, "route replace", "replace_all", routes) end

--- Deletes the routes of a list, of each the first that has all that is given.
--- Twin: `ip -batch FILE` with a line `route del ...` for each
---@param routes (table|string)[] each as del_route takes it; records are taken too
---@error ESRCH when there is none; `entry` of the error says which
function Netns:del_routes(routes) change_all(self, "route del", "del_all", routes) end

--- Adds a route, or replaces the one to the same destination with the same metric.
--- Twin: `ip route replace DST ...`
---@param route table
function Netns:replace_route(route) change(self, "route replace", "replace", route) end

--- Deletes a route: the first that has all that is given.
--- Twin: `ip route del DST ...`
---@param route table|string a destination, or a table; a record is taken too
---@error ESRCH when there is none
function Netns:del_route(route) change(self, "route del", "del", route) end

-- Prefixes that choose routes by their destination: what lies within, what holds it, what is the same.
local BY_PREFIX = {
  root = function(dst, prefix) return prefixes.within(dst, prefix) end,
  match = function(dst, prefix) return prefixes.within(prefix, dst) end,
  exact = function(dst, prefix) return prefixes.within(dst, prefix) and dst.length == prefix.length end,
}

-- A test for each of them that the filter has; they are taken out of it.
local function by_prefix(filter)
  local tests = {}
  for key, holds in pairs(BY_PREFIX) do
    if filter[key] ~= nil then
      local prefix = prefixes.parse(filter[key], key, filter.family)
      tests[#tests + 1] = function(record) return holds(prefixes.parse(record.dst, "dst", record.family), prefix) end
      filter[key] = nil
    end
  end
  if #tests == 0 then return nil end
  return function(record)
    for _, test in ipairs(tests) do
      if not test(record) then return false end
    end
    return true
  end
end

-- What the kernel puts into a VRF's table for its ports' own addresses, which ip(8) leaves out too.
local KERNELS = { ["local"] = true, broadcast = true, anycast = true, multicast = true }

local function list_routes(self, filter, what)
  local copy = fail.options(filter, what)
  words.refuse(copy, m.OTHER, "route")
  if copy.family == "mpls" then return mpls(self, "route list", "list", copy) end
  local of_vrf = copy.vrf ~= nil and copy.type == nil
  copy = table_of_vrf(self, copy)
  copy.table = copy.table or "main"
  if copy.table == "all" then copy.table = nil end
  if copy.table == "cache" then copy.table, copy.cloned = nil, true end
  local of_link, of_prefix = words.by_link(self, copy), by_prefix(copy)
  local list = fail.check("route list", nil, self, core.route.list(self.core, copy))
  if not of_link and not of_prefix and not of_vrf then return list end
  return words.choose(list, of_link, of_prefix, of_vrf and function(record) return not KERNELS[record.type] end)
end

--- Lists routes of IPv4 and IPv6: those of table main, unless the filter names a table, "all" or "cache".
--- Twin: `ip route show`
---@param filter? table keys that the records must have, as { dst = "default", table = "all", dev = "eth0" }; root,
--- match, exact = PREFIX: to what lies within it, to what holds it, to itself; vrf = link: those of its table;
--- family = "mpls": those of MPLS labels
---@return table[] records
function Netns:routes(filter) return list_routes(self, filter, "routes") end

--- Deletes all routes of table main, or those that match the filter.
--- Twin: `ip route flush ...`
---@param filter? table as routes takes it; force: the machine's own default route too
---@return integer count
function Netns:flush_routes(filter)
  local copy = fail.options(filter, "flush_routes")
  local force = copy.force
  copy.force = nil
  local list = list_routes(self, copy, "flush_routes")
  for _, record in ipairs(self.label == "host" and not force and list or {}) do
    if record.dst == "default" and record.table == "main" then
      fail.misuse("refusing to flush the machine's default route; say force = true if you mean it")
    end
  end
  return words.flush(self, copy.family == "mpls" and "mpls" or "route", list)
end

--- Returns the route that a packet to an address takes.
--- Twin: `ip route get ADDR from ADDR iif NAME oif NAME mark MARK uid UID ipproto PROTO sport PORT dport PORT fibmatch`
---@param dst string|table an address, or { "10.0.0.1", from = , iif = , dev = , mark = , ... }; vrf is the same as dev
---@return table record
---@error ENETUNREACH when there is no route
---@error EHOSTUNREACH when the route says unreachable; EACCES: prohibit; EINVAL: blackhole
function Netns:route_to(dst)
  dst = targets.dst(self, dst)
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
