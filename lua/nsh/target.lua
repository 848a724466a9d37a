--- target.lua - what probes are given: addresses of namespaces, and links as objects.
local fail = require "nsh.error"
local object = require "nsh.object"
local prefixes = require "nsh.prefix"

local m = {}

--- Returns the options with the name of a link where its object or record was given.
---@private
---@param options? table
---@return table?
function m.plain(options)
  if type(options) ~= "table" or type(options.dev) ~= "table" then return options end
  local copy = {}
  for key, value in pairs(options) do copy[key] = value end
  copy.dev = options.dev.name
  return copy
end

--- Reads what is given as a main value alone, or as a table of options with the main value at [1].
---@private
---@param spec any
---@param what string who takes it, for messages
---@param known string[] the options
---@return any main, table options
function m.read(spec, what, known)
  if type(spec) ~= "table" then return spec, {} end
  local options = {}
  for key, value in pairs(spec) do options[key] = value end
  local main = options[1]
  options[1] = nil
  return main, m.plain(fail.known(options, what, known))
end

--- Returns the addresses of a namespace that others may reach it by, IPv4 first, in the order of the links.
---@private
---@param ns nsh.Netns
---@param family? "inet"|"inet6"
---@return string[]
function m.addrs(ns, family)
  local list, six = {}, {}
  for _, addr in ipairs(ns:addrs { scope = "global" }) do
    local text = addr.addr:match "^[^/]+"
    local own = prefixes.family(text)
    if not family or family == own then
      local into = own == "inet" and list or six
      into[#into + 1] = text
    end
  end
  return table.move(six, 1, #six, #list + 1, list)
end

-- Those of a namespace, and the first that another has a route to; nil: none.
local function reachable(from, to)
  local all = m.addrs(to)
  if #all == 0 then fail.misuse("%s has no address; give it one, or say addr", to.label) end
  for _, addr in ipairs(all) do
    if pcall(from.route_to, from, addr) then return all, addr end
  end
  return all, nil
end

--- Returns the first address of a namespace that another has a route to.
---@private
---@param from nsh.Netns
---@param to nsh.Netns
---@param what string who asks, for the message
---@return string
function m.addr(from, to, what)
  local all, addr = reachable(from, to)
  if addr then return addr end
  fail.raise {
    op = what, target = all[1], netns = from.label, code = "ENETUNREACH", errno = 101,
    message = ("no route to any address of %s (ENETUNREACH)"):format(to.label),
    hint = "ns:routes() tells which there are",
  }
end

--- Returns the address that is meant, where a namespace or a node of a lab may be given: of those the first that there
--- is a route to, else the first.
---@private
---@param from nsh.Netns
---@param dst any
---@return any dst
function m.dst(from, dst)
  if object.is(dst, "nsh.lab.node") then dst = dst.netns end
  if not object.is(dst, "nsh.netns") then return dst end
  local all, addr = reachable(from, dst)
  return addr or all[1]
end

return m
