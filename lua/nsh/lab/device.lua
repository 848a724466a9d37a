--- device.lua - what all links of a lab have: keys of a link, addresses, VLANs, forwarding entries, qdiscs.
local addr = require "nsh.addr"
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local fail = require "nsh.error"
local impair = require "nsh.impair"
local prefixes = require "nsh.prefix"

local m = {}

--- Keys that stand beside those of a link.
m.APART = { "addr", "addrs", "classes", "dad", "fdb", "filters", "impair", "ipv6", "mdb", "qdisc", "qdiscs", "vlans" }

--- Raises for a key that nobody knows, naming the nearest of all that may stand there.
---@private
---@param key any
---@param what string
---@param kind? string of a link
---@param more string[] other keys
function m.unknown(key, what, kind, more)
  local known = table.move(more, 1, #more, 1, {})
  for _, rows in ipairs { attrs.rows "link", (attrs.kind("link", kind or "") or {}).rows or {} } do
    for _, row in ipairs(rows) do known[#known + 1] = row.key end
  end
  local nearest = core.nearest(tostring(key), known)
  fail.misuse("unknown key '%s' of %s%s", tostring(key), what,
    nearest and ("; did you mean '%s'?"):format(nearest) or "")
end

--- Reads keys of a link.
---@private
---@param spec table
---@param kind string
---@param master? string kind of its master, whose ports have keys of their own
---@param what string for messages: "an end of a link"
---@param more string[] other keys that may stand there
---@return table record
function m.link(spec, kind, master, what, more)
  local ok, record = pcall(core.link.read, spec, kind, master)
  if ok then return record end
  local key = record:match "unknown key '([^']*)'"
  if key and spec[key] ~= nil then m.unknown(key, what, kind, more) end
  if spec.port ~= nil and not master and record:find("port", 1, true) then
    fail.misuse("port has keys of a port of a bridge, and %s is none", what)
  end
  error(record, 0)
end

-- --- addresses ---

local FULL = { [4] = 32, [16] = 128 }

-- An IPv4 address that stands for a network or for all of its hosts can't be one's own.
local function check_host(record)
  local address, length = record.addr:match "^(.-)/(%d+)$"
  length = tonumber(length)
  if address:find(":", 1, true) or length > 30 then return end
  local value, hosts = (">I4"):unpack(core.address_bytes(address)), (1 << 32 - length) - 1
  if value & hosts ~= 0 and value & hosts ~= hosts then return end
  fail.misuse("%s is %s, which no host can have; %s is the first that one can have", record.addr,
    value & hosts == 0 and "the network itself" or "the network's broadcast address",
    prefixes.text4((value & ~hosts) + 1) .. "/" .. length)
end

--- Reads an address: text, or a table as link:add_addr takes it.
---@private
---@param given any
---@return table record
function m.addr(given)
  local spec = addr.complete(given)
  spec.addr, spec[1] = spec[1] or spec.addr, nil
  if type(spec.addr) ~= "string" then
    fail.misuse("an address is text as \"10.0.0.1/24\", not a %s", type(spec.addr))
  end
  local bytes = core.address_bytes(spec.addr)
  if bytes then spec.addr = spec.addr .. "/" .. FULL[#bytes] end
  local record = core.addr.read(spec)
  check_host(record)
  return record
end

--- Reads addr, one address, and addrs, a list of them.
---@private
---@return table[] records, boolean none it was said that there shall be none
function m.addrs(one, list)
  if one ~= nil and list ~= nil then fail.misuse("addr and addrs can't both be given; addrs takes a list") end
  if one == false or list == false then return {}, true end
  if one ~= nil then
    if type(one) == "table" and one[2] ~= nil then fail.misuse("addr takes one address; addrs takes a list") end
    return { m.addr(one) }, false
  end
  if list == nil then return {}, false end
  if type(list) ~= "table" then fail.misuse("addrs takes a list as { \"10.0.0.1/24\" }, not a %s", type(list)) end
  local records = {}
  for i, given in ipairs(list) do records[i] = m.addr(given) end
  return records, #records == 0
end

-- --- other lists ---

local function as_list(given, what)
  if given == nil then return {} end
  if type(given) ~= "table" or given[1] ~= nil and type(given[1]) ~= "table" and next(given, #given) ~= nil then
    given = { given }
  end
  for key in pairs(given) do
    if math.type(key) ~= "integer" then fail.misuse("%s takes a list, and has a key '%s'", what, tostring(key)) end
  end
  return given
end

-- Records of a noun, from a list whose elements may be the main value alone; their link is the one that is declared.
local function records(noun, given, what)
  local list = {}
  for i, one in ipairs(as_list(given, what)) do
    local spec = fail.options(type(one) == "table" and one or { one })
    list[i] = core[noun].read(spec)
    spec.dev = spec.dev or "lo"
    core[noun].check(spec)
  end
  return list
end

local function switch(spec, key)
  if spec[key] ~= nil and type(spec[key]) ~= "boolean" then fail.misuse("%s is true or false", key) end
  return spec[key]
end

local function qdiscs(spec)
  if spec.qdisc ~= nil and spec.qdiscs ~= nil then fail.misuse "qdisc and qdiscs can't both be given" end
  if spec.impair and (spec.qdisc ~= nil or spec.qdiscs ~= nil) then
    fail.misuse "impair is a qdisc at the root, so no other can be given; netem can stand below a class of one"
  end
  if spec.qdisc ~= nil then return records("qdisc", { spec.qdisc }, "qdisc") end
  return records("qdisc", spec.qdiscs, "qdiscs")
end

-- Lists that are read when it is known what else the link and its node have.
local function later(given, key)
  if given == nil then return nil end
  local list = table.move(as_list(given, key), 1, #as_list(given, key), 1, {})
  for i, one in ipairs(list) do
    if type(one) ~= "table" then fail.misuse("%s[%d] must be a table, not a %s", key, i, type(one)) end
  end
  return list
end

--- Reads what stands beside the keys of a link, and takes it out of the table.
---@private
---@param spec table changed in place
---@return table device { addrs, none, dad, ipv6, fdb, vlans, qdiscs, impair }
function m.apart(spec)
  local device = { dad = switch(spec, "dad"), ipv6 = switch(spec, "ipv6") }
  device.addrs, device.none = m.addrs(spec.addr, spec.addrs)
  device.fdb = records("fdb", spec.fdb, "fdb")
  device.vlans = records("bridge_vlan", spec.vlans, "vlans")
  device.qdiscs = qdiscs(spec)
  for _, key in ipairs { "classes", "filters", "mdb" } do device[key] = later(spec[key], key) end
  if spec.impair ~= nil and spec.impair ~= false then
    local record = impair.read(spec.impair)
    device.impair = next(spec.impair) and record or nil
  end
  for _, key in ipairs(m.APART) do spec[key] = nil end
  return device
end

--- Completes a device, now that it is known where: what the node and the lab say of IPv6.
---@private
---@param device table
---@param node nsh.LabNode
function m.inherit(device, node)
  for _, key in ipairs { "dad", "ipv6" } do
    if device[key] == nil then device[key] = node[key] end
  end
  if device.ipv6 ~= false then return end
  for _, record in ipairs(device.addrs) do
    if record.addr:find(":", 1, true) then fail.misuse("%s can't be given: ipv6 = false says so", record.addr) end
  end
  if device.link.addrgenmode == nil then device.link.addrgenmode = "none" end
end

return m
