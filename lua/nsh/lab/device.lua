--- device.lua - what all links of a lab have: keys of a link, addresses, VLANs, forwarding entries, qdiscs.
local addr = require "nsh.addr"
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local fail = require "nsh.error"
local impair = require "nsh.impair"
local prefixes = require "nsh.prefix"

local m = {}

--- What is said of a list that has nothing, of all links: none changes once it is declared.
local NONE = {}

--- Raises for a key that nobody knows, naming the nearest of all that may stand there.
---@private
---@param key any
---@param what string
---@param kind? string of a link
---@param more string[] keys that may stand there beside those of all links
function m.unknown(key, what, kind, more)
  local known = table.move(more, 1, #more, 1, {})
  table.move(m.APART, 1, #m.APART, #known + 1, known)
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
---@param more string[] keys that may stand there beside those of all links
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

-- An IPv4 address that stands for a network or for all of its hosts can't be one's own.
local function check_host(text, bytes, length)
  if #bytes ~= 4 or length > 30 then return end
  local value, hosts = (">I4"):unpack(bytes), (1 << 32 - length) - 1
  if value & hosts ~= 0 and value & hosts ~= hosts then return end
  fail.misuse("%s is %s, which no host can have; %s is the first that one can have", text,
    value & hosts == 0 and "the network itself" or "the network's broadcast address",
    prefixes.text4((value & ~hosts) + 1) .. "/" .. length)
end

--- Addresses that were given without the length of a network.
---@private
m.bare = setmetatable({}, { __mode = "k" })

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
  local bytes, length = core.prefix(spec.addr)
  local is_bare = bytes and not spec.addr:find("/", 1, true)
  if is_bare then spec.addr = spec.addr .. "/" .. length end
  local record = core.addr.read(spec)
  m.bare[record] = is_bare or nil
  if record.peer == record.addr then record.peer = nil end -- the kernel doesn't know one, then
  if not bytes then fail.misuse("an address is text as \"10.0.0.1/24\", not '%s'", spec.addr) end
  check_host(record.addr, bytes, length)
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

-- --- what stands beside the keys of a link ---

local function read_addrs(device, spec) device.addrs, device.none = m.addrs(spec.addr, spec.addrs) end

local function read_flag(device, spec, key)
  if type(spec[key]) ~= "boolean" then fail.misuse("%s is true or false", key) end
  device[key] = spec[key]
end

local function read_qdiscs(device, spec, key)
  if spec.qdisc ~= nil and spec.qdiscs ~= nil then fail.misuse "qdisc and qdiscs can't both be given" end
  if spec.impair then
    fail.misuse "impair is a qdisc at the root, so no other can be given; netem can stand below a class of one"
  end
  device.qdiscs = records("qdisc", key == "qdisc" and { spec.qdisc } or spec.qdiscs, key)
end

local function read_impair(device, spec)
  if spec.impair == false then return end
  local record = impair.read(spec.impair)
  device.impair = next(spec.impair) and record or nil
end

-- Lists that are read in full when it is known what else the link and its node have.
local function read_later(device, spec, key)
  local given = as_list(spec[key], key)
  local list = table.move(given, 1, #given, 1, {})
  for i, one in ipairs(list) do
    if type(one) ~= "table" then fail.misuse("%s[%d] must be a table, not a %s", key, i, type(one)) end
  end
  device[key] = list
end

local READ = {
  addr = read_addrs, addrs = read_addrs, dad = read_flag, ipv6 = read_flag, impair = read_impair,
  qdisc = read_qdiscs, qdiscs = read_qdiscs, classes = read_later, filters = read_later, mdb = read_later,
  fdb = function(device, spec) device.fdb = records("fdb", spec.fdb, "fdb") end,
  vlans = function(device, spec) device.vlans = records("bridge_vlan", spec.vlans, "vlans") end,
}

-- What is a list of records of its own; few links have any.
local LISTED = { classes = true, fdb = true, filters = true, impair = true, mdb = true, qdisc = true, qdiscs = true,
  vlans = true }

--- Keys that stand beside those of a link.
m.APART = {}
for key in pairs(READ) do m.APART[#m.APART + 1] = key end
table.sort(m.APART)

--- Reads what stands beside the keys of a link.
---@private
---@param given table isn't changed
---@param device table gets addrs, none, dad, ipv6, fdb, vlans, qdiscs, impair, ...; listed: it has any of these lists
---@return table spec a copy of the other keys
function m.apart(given, device)
  local spec = {}
  device.addrs, device.none, device.fdb, device.vlans, device.qdiscs = {}, false, NONE, NONE, NONE
  for key, value in pairs(given) do
    local read = READ[key]
    if read then read(device, given, key) else spec[key] = value end
    if LISTED[key] then device.listed = true end
  end
  return spec
end

--- Completes a device, now that it is known where: what the node and the lab say of IPv6.
---@private
---@param device table
---@param node nsh.LabNode
function m.inherit(device, node)
  if device.dad == nil then device.dad = node.dad end
  if device.ipv6 == nil then device.ipv6 = node.ipv6 end
  if device.ipv6 ~= false then return end
  for _, record in ipairs(device.addrs) do
    if record.addr:find(":", 1, true) then fail.misuse("%s can't be given: ipv6 = false says so", record.addr) end
  end
  if device.link.addrgenmode == nil then device.link.addrgenmode = "none" end
end

return m
