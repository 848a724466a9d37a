--- plain.lua - records as a person would write them: without what the kernel gives by itself.
-- What that is for a link, the kernel is asked: one of the kind is made in a namespace without a name and read.
local attrs = require "nsh.attrs"
local netns = require "nsh.netns"
local nouns = require "nsh.lab.nouns"
local prefixes = require "nsh.prefix"

local m = {}

-- Keys without which a link of the kind can't be made.
local NEEDED = {
  vlan = { "id", "protocol" }, vxlan = { "id", "external" }, geneve = { "id", "remote", "external" }, vrf = { "table" },
  gre = { "local", "remote" }, gretap = { "local", "remote" }, ip6gre = { "local", "remote" },
  ip6gretap = { "local", "remote" }, erspan = { "local", "remote", "erspan_ver", "ikey", "okey", "iseq", "oseq" },
  ipip = { "local", "remote" }, sit = { "local", "remote" }, ip6tnl = { "local", "remote" },
  vti = { "local", "remote" }, vti6 = { "local", "remote" }, bareudp = { "dstport", "ethertype" },
  xfrm = { "if_id" }, hsr = {}, gtp = { "role" },
}

-- Kinds that stand on another link.
local STANDS = { vlan = true, macvlan = true, macvtap = true, ipvlan = true, ipvtap = true, macsec = true }

-- What is of the moment, though it could be set.
local MOMENT = { index = true, carrier = true, active_slave = true, link_netnsid = true, peer = true, name = true,
  kind = true, master = true, link = true, port = true }

local NOTHING = {}

local may_write = setmetatable({}, { __mode = "k" }) -- by list of rows: those whose keys may be written, by key

local function writable(rows)
  local keys = not rows and NOTHING or may_write[rows]
  if keys then return keys end
  keys = {}
  for _, row in ipairs(rows) do
    if not row.readonly then keys[row.key] = row end
  end
  may_write[rows] = keys
  return keys
end

-- The rows of one element of a list whose elements have kinds of their own, as actions.
local function rows_with_kind(row, element)
  local kind = type(element) == "table" and row.kinds and attrs.find_kind(row.kinds, element.kind)
  if not kind then return row.rows end
  return table.move(kind.rows, 1, #kind.rows, #row.rows + 1, table.move(row.rows, 1, #row.rows, 1, {}))
end

local function copy_of(value, rows, row)
  if type(value) ~= "table" then return value end
  local copy, known = {}, rows and #rows > 0 and writable(rows)
  for key, v in pairs(value) do
    if math.type(key) == "integer" then
      copy[key] = copy_of(v, row and row.kinds and rows_with_kind(row, v) or rows)
    elseif not known or known[key] then
      copy[key] = copy_of(v, known and known[key].rows, known and known[key])
    end
  end
  return copy
end

--- Copies what can be written of a record.
---@param record table
---@param rows nsh.Attribute[]
---@return table
function m.settable(record, rows) return copy_of(record, rows) end

-- --- links ---

--- The namespace where links are made to see what the kernel gives them; close() when done.
---@class nsh.LabScratch
local Scratch = {}
Scratch.__index = Scratch

--- Makes a look-up of what the kernel gives by itself; what it made goes when the variable is closed.
---@return nsh.LabScratch
function m.scratch() return setmetatable({ known = {}, ports = {} }, Scratch) end

---@private
function Scratch:space()
  if not self.ns then
    self.ns = netns.scratch()
    self.ns:add_link { "p0", kind = "veth", peer = "p1" }
  end
  return self.ns
end

---@private
function Scratch:__close()
  if self.ns then getmetatable(self.ns).__close(self.ns) end
end

local function rows_of(kind)
  local found = attrs.kind("link", kind or "")
  return found and found.rows or {}, found and found.port_rows or {}
end

--- A link of this kind with as little as possible; else as it is, of which then only the general keys tell anything.
---@private
function Scratch:try(record)
  local ns = self:space()
  local spec = { "x0", kind = record.kind, link = STANDS[record.kind] and "p0" or nil }
  for _, key in ipairs(NEEDED[record.kind] or {}) do spec[key] = record[key] end
  local ok, link = pcall(ns.add_link, ns, spec)
  if ok then return link end
  for key in pairs(writable(rows_of(record.kind))) do spec[key] = copy_of(record[key]) end
  ok, link = pcall(ns.add_link, ns, spec)
  return ok and link or nil, true
end

--- Returns what a new link of this kind has.
---@param record table
---@return table
function Scratch:link(record)
  local known = self.known[record.kind]
  if known then return known end
  local link, whole = self:try(record)
  known = link and link:record() or {}
  if whole then
    for _, row in ipairs(rows_of(record.kind)) do known[row.key] = nil end
  end
  for _, key in ipairs(NEEDED[record.kind] or {}) do known[key] = nil end
  if link then link:del() end
  self.known[record.kind] = known
  return known
end

--- Returns the options of a new port of such a master.
---@private
function Scratch:port(record, master_kind)
  local key = master_kind .. " " .. record.kind
  if self.ports[key] then return self.ports[key] end
  local ns = self:space()
  local ok, master = pcall(ns.add_link, ns, { "m0", kind = master_kind })
  local link = ok and self:try(record)
  local port = {}
  if link and pcall(link.set, link, { master = master }) then port = link:record().port or {} end
  if link then link:del() end
  if ok then master:del() end
  self.ports[key] = port
  return port
end

-- What of the values isn't as in the other record.
local function differing(record, rows, usual, skip)
  local spec = {}
  local keys = writable(rows)
  for key, value in pairs(record) do
    if keys[key] and not (skip and skip[key]) and not nouns.same(value, usual[key]) then
      spec[key] = copy_of(value, keys[key].rows)
    end
  end
  return spec
end

local indexes = setmetatable({}, { __mode = "k" }) -- by list of links: those of a name, and ports by their master

local function index_of(links)
  local index = indexes[links]
  if not index then
    index = { by_name = {}, ports = {} }
    for _, link in ipairs(links) do
      index.by_name[link.name] = link
      if link.master then
        local ports = index.ports[link.master] or {}
        index.ports[link.master], ports[#ports + 1] = ports, link
      end
    end
    indexes[links] = index
  end
  return index
end

local function number_of(mac) return tonumber((mac:gsub(":", "")), 16) end

-- Whether the link has its MAC address from another one: a bridge that of a port, a VLAN that of the link below.
local function is_inherited(record, index)
  local below = (record.kind == "vlan" or record.kind == "ipvlan") and index.by_name[record.link]
  if below then return not record.link_netnsid and below.mac == record.mac end
  local lowest
  for _, port in ipairs(record.kind == "bridge" and index.ports[record.name] or {}) do
    lowest = math.min(lowest or math.huge, number_of(port.mac))
  end
  return lowest ~= nil and record.mac ~= nil and lowest == number_of(record.mac)
end

-- Of a veth the kernel makes as many as there are processors, and a lab one.
local function without_queues(spec)
  if spec.kind == "veth" then spec.numtxqueues, spec.numrxqueues = nil, nil end
end

-- What a bridge has that was told none.
local function lowest_mtu(name, index)
  local least
  for _, port in ipairs(index.ports[name] or {}) do
    if port.mtu then least = math.min(least or port.mtu, port.mtu) end
  end
  return least
end

--- Returns the kind of the master of a link. One that was read tells it; of one that is declared the master does.
---@param record table
---@param others table[] the records of its namespace
---@return string? kind nil: it has no master
function m.master_kind(record, others)
  local master = index_of(others).by_name[record.master]
  return record.port_kind or master and master.kind
end

--- Returns the options that make a link as it is; without its peer, and with `name` and `kind`.
---@param record table
---@param others table[] the records of its namespace
---@param scratch nsh.LabScratch
---@return table
function m.link(record, others, scratch)
  local usual, index = scratch:link(record), index_of(others)
  local spec = differing(record, attrs.rows "link", usual, MOMENT)
  for key, value in pairs(differing(record, (rows_of(record.kind)), usual, MOMENT)) do spec[key] = value end
  if record.link_type ~= "ether" or record.kind == "ipvlan" then
    spec.mac = nil
  elseif is_inherited(record, index) then
    spec.mac = nil
    if record.kind == "bridge" then spec.mac = false end
  end
  if record.link_type ~= "ether" then spec.broadcast = nil end
  if record.kind == "bridge" and record.mtu == lowest_mtu(record.name, index) then spec.mtu = nil end
  spec.name, spec.kind, spec.master = record.name, record.kind, record.master
  spec.link = not record.dev and record.link or nil -- of a tunnel the kernel tells it twice
  spec.up = record.up
  without_queues(spec)
  for _, key in ipairs(NEEDED[record.kind] or {}) do
    if spec[key] == false then spec[key] = nil end
  end
  if spec.protocol == "802.1Q" then spec.protocol = nil end
  local over = record.port and m.master_kind(record, others)
  if over then
    local _, rows = rows_of(over)
    local port = differing(record.port, rows, scratch:port(record, over), { state = true })
    if next(port) then spec.port = port end
  end
  return spec
end

-- --- the other nouns ---

-- Keys of the moment, of lists.
local PASSING = { addr = { "valid_lft", "preferred_lft", "family" }, route = { "expires" } }

local function is_six(...)
  for _, text in ipairs { ... } do
    if prefixes.is_six(tostring(text)) then return true end
  end
  return false
end

local function drop(spec, values)
  for key, value in pairs(values) do
    if spec[key] == value then spec[key] = nil end
  end
end

-- A handle of a qdisc that nobody chose.
local function is_given(handle) return tostring(handle):find "^[89a-f]%x%x%x:$" ~= nil and handle ~= "ffff:" end

local trim = {}

function trim.addr(spec)
  drop(spec, { scope = "global", label = spec.dev })
  if spec.nodad then spec.nodad = nil elseif is_six(spec.addr) then spec.nodad = false end
end

function trim.route(spec)
  local six = spec.family == "inet6"
  if spec.dst ~= "default" or (type(spec.via) == "string" and is_six(spec.via)) or not six then
    spec.family = nil
  end
  local direct = not six and spec.type == "unicast" and not spec.via and not spec.nexthops and not spec.nhid
  drop(spec, { table = "main", proto = "boot", scope = direct and "link" or "global", metric = six and 1024 or 0,
    pref = "medium", tos = 0 })
  if spec.type ~= "unicast" and spec.dev == "lo" then spec.dev = nil end
  drop(spec, { type = "unicast" })
  if spec.nhid then spec.via, spec.dev, spec.nexthops, spec.onlink = nil, nil, nil, nil end
  for _, hop in ipairs(spec.nexthops or {}) do drop(hop, { weight = 1 }) end
end

function trim.rule(spec)
  if spec.family == "inet" or is_six(spec.from or "", spec.to or "") then spec.family = nil end
  drop(spec, { type = "unicast", proto = "boot", fwmask = 0xffffffff })
end

function trim.neigh(spec) drop(spec, { state = "permanent", family = spec.family }) end

function trim.fdb(spec, record)
  drop(spec, { family = spec.family, state = record.master and "static" or "permanent" })
  if record.master then spec.master = nil else spec.self = nil end
end

function trim.bridge_vlan(spec)
  spec.state = nil
  drop(spec, { mcast_router = "query", neigh_suppress = false, mcast_max_groups = 0 })
  for _, key in ipairs { "pvid", "untagged" } do
    if spec[key] == false then spec[key] = nil end
  end
end

function trim.mdb(spec)
  spec.proto = nil
  drop(spec, { vid = 0 })
end

function trim.nexthop(spec)
  drop(spec, { proto = "boot", family = (spec.via or spec.group) and spec.family, type = "mpath" })
  for _, member in ipairs(spec.group or {}) do drop(member, { weight = 1 }) end
end

-- Handles that the kernel has given.
local BY_KERNEL = { u32 = true, matchall = true, flower = true, basic = true, bpf = true, cgroup = true }

function trim.qdisc(spec)
  if spec.kind == "clsact" or spec.kind == "ingress" then spec.handle, spec.parent = nil, nil end
  if is_given(spec.handle) then spec.handle = nil end
  drop(spec, { parent = "root" })
end

function trim.filter(spec)
  if BY_KERNEL[spec.kind] then spec.handle = nil end
end

local with_kind = {} -- by noun and kind: rows of all and of those of the kind

-- What a record of a noun may have: keys of its own and of its kind.
function m.rows(noun, record)
  local rows = attrs.rows(noun)
  local kind = record.kind and attrs.kind(noun, record.kind)
  if not kind then return rows end
  local key = noun .. " " .. record.kind
  with_kind[key] = with_kind[key]
    or table.move(kind.rows, 1, #kind.rows, #rows + 1, table.move(rows, 1, #rows, 1, {}))
  return with_kind[key]
end

--- Returns the options that make what a record tells.
---@param noun string
---@param record table
---@return table
function m.record(noun, record)
  local spec = m.settable(record, m.rows(noun, record))
  for _, key in ipairs(PASSING[noun] or {}) do spec[key] = nil end
  if trim[noun] then trim[noun](spec, record) end
  return spec
end

--- Returns what a record asks for: without what can't be asked for and what is of the moment.
---@param noun string
---@param record table
---@return table
function m.wished(noun, record)
  local spec = m.settable(record, m.rows(noun, record))
  if noun ~= "link" then
    for _, key in ipairs(PASSING[noun] or {}) do spec[key] = nil end
    if noun == "qdisc" and is_given(spec.handle) or noun == "filter" and BY_KERNEL[spec.kind] then spec.handle = nil end
    return spec
  end
  if record.port then
    local _, rows = rows_of(record.port_kind)
    spec.port = m.settable(record.port, rows)
    spec.port.state = nil
  end
  spec.index, spec.carrier, spec.active_slave, spec.link_netnsid = nil, nil, nil, nil
  spec.peer = record.peer
  without_queues(spec)
  return spec
end

--- Tells whether a text is an address or a prefix of IPv6.
m.is_six = is_six

return m
