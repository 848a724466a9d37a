--- model.lua - a lab as it is declared: options, nodes, wires. Values only; nothing here asks the kernel.
local core = require "nsh.core"
local fail = require "nsh.error"
local names = require "nsh.lab.names"
local node = require "nsh.lab.node"
local wire = require "nsh.lab.wire"

local m = {}

--- What a lab is declared with; all of it may be left out.
---@class nsh.LabOptions
---@field addresses? string|string[] an address plan: prefixes out of which each link gets its network and each end its
---  address, "10.0.0.0/8, fd00::/48"
---@field domain? string the names of its nodes are known with it as well: "lab" gives h1.lab
---@field hosts? boolean|table false: the nodes' /etc/hosts is the machine's; { name = address }: more names in it
---@field ipv6? boolean false: its links have no IPv6, which makes a large lab quicker and quieter
---@field dad? boolean true: addresses of IPv6 are looked for elsewhere before they are used, for a second or two
---@field mtu? integer of the links that say nothing (1500)
---@field stp? boolean true: the switches run the spanning tree protocol unless they say otherwise
---@field strict? boolean false: it isn't looked whether ends of a link can talk with each other, and several may have
---  the same MAC address, as where the lab is taken from what is there

local KEYS = { "addresses", "dad", "domain", "hosts", "ipv6", "mtu", "stp", "strict" }
local MTU_MIN, MTU_MAX = 68, 65535

local function check_options(options)
  for _, key in ipairs { "dad", "ipv6", "stp", "strict" } do
    if options[key] ~= nil and type(options[key]) ~= "boolean" then
      fail.misuse("%s is true or false, not %s", key, tostring(options[key]))
    end
  end
  local mtu = options.mtu
  if mtu ~= nil and (math.type(mtu) ~= "integer" or mtu < MTU_MIN or mtu > MTU_MAX) then
    fail.misuse("mtu is a whole number from %d to %d, not %s", MTU_MIN, MTU_MAX, tostring(mtu))
  end
  local domain = options.domain
  if domain ~= nil and not (type(domain) == "string" and domain:find "^%w[%w.-]*$") then
    fail.misuse("domain is text as \"lab\" or \"example.net\", not %s", tostring(domain))
  end
  if options.hosts ~= nil and type(options.hosts) ~= "boolean" and type(options.hosts) ~= "table" then
    fail.misuse("hosts is false, or a table { name = address }, not a %s", type(options.hosts))
  end
end

--- Makes what lab() returns, but for its metatable.
---@private
---@param name string
---@param options? nsh.LabOptions
---@return table
function m.lab(name, options)
  names.check("lab", name)
  options = fail.known(options, "a lab", KEYS)
  check_options(options)
  local pools = options.addresses ~= nil and require("nsh.lab.address").pools(options.addresses)
  return { name = name, options = options, nodes = {}, links = {}, warnings = {}, where = core.where(),
    by_name = {}, macs = {}, lines = {}, own = {}, pools = pools or false, assigned = false, checked = false, told = {},
    version = 0 }
end

m.node = node.declare
m.wire = wire.declare
m.find = wire.node_of

return m
