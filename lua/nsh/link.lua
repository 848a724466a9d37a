--- link.lua - links: live objects that ask the kernel when a field is read, and records of all of them.
local alias = require "nsh.alias"
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local enslave = require "nsh.enslave"
local fail = require "nsh.error"
local guard = require "nsh.guard"
local netns = require "nsh.netns"
local object = require "nsh.object"
local physical = require "nsh.physical"
local show = require "nsh.show"

local m = {}
local Netns = netns.Netns

--- One link of one namespace. Its fields are asked from the kernel when they are read: the general ones below, the
--- kind's own (`br0.ageing_time`), and `port` when it is a port of a bridge.
---@class nsh.Link
---@field name string
---@field index integer its number, as long as it is where it is
---@field netns nsh.Netns where it is
---@field master? nsh.Link the bridge or other link that it is a port of
---@field peer? nsh.Link the other end of a pair, as veth
local Link, mt = object.class "nsh.link"
m.Link = Link

local function wrap(ns, index, name)
  -- no public name among these, so that an assignment to one is refused; bind/fields.c knows two of them
  return setmetatable({ home = ns, number = index, last_name = name }, mt)
end
m.wrap = wrap

--- The namespace that it is in.
---@return nsh.Netns
function Link.get.netns(self) return rawget(self, "home") end

--- Its number in that namespace.
---@return integer
function Link.get.index(self) return rawget(self, "number") end

function mt.__tostring(self) return ("link %s in %s"):format(self.last_name, self.netns.label) end

function mt.__eq(a, b)
  return getmetatable(b) == mt and rawequal(a.netns, b.netns) and a.index == b.index
end

function mt.__close(self)
  if not self.netns.deleted and core.link.get(self.netns.core, self.index) then self:del() end
end

-- What nsh itself holds open of a tun or tap link, which the kernel tells as one among many.
local function add_hold(ns, record)
  local kind = record.kind
  if kind ~= "tap" and kind ~= "tun" then return end
  local queues = core.link.held(ns.core, record.index)
  record.hold = queues > 0
  record.queues = record.hold and record.multi_queue and queues or nil
end

-- What the kernel knows of the link now.
local function read(self)
  local record, message, code, detail = core.link.get(self.netns.core, self.index)
  if code == "ENODEV" then
    detail.hint = "the link is gone: deleted, with its peer or namespace, or moved by another program"
  end
  fail.check("link get", self.last_name, self.netns, record, message, code, detail)
  rawset(self, "last_name", record.name)
  add_hold(self.netns, record)
  return record
end

-- Keys that are read with messages of their own, when somebody asks: what drivers know.
m.asked = {}

-- By kind, what reads the keys that only messages of their own tell.
m.more = {}

local function read_more(self, record)
  if not m.more[record.kind] then return record end
  for key, value in pairs(m.more[record.kind](self)) do record[key] = value end
  return record
end

-- Keys that a link of a kind may have: those without a value read as nil, others are slips.
local keys
local function is_key(kind, key)
  if not keys then
    local all = { [""] = {} }
    local tables = core.tables()
    for _, row in ipairs(tables[1].rows) do all[""][row.key] = true end
    for _, k in ipairs(tables[1].kinds) do
      all[k.name] = {}
      for _, row in ipairs(k.rows) do all[k.name][row.key] = true end
    end
    keys = all -- now that it is whole
  end
  return keys[""][key] or (keys[kind] and keys[kind][key])
end
m.is_key = is_key

local function own_keys(kind)
  is_key(kind, "")
  return keys[kind] or {}
end

function Link.missing(self, key)
  local record = read(self)
  local value = record[key]
  if value == nil and m.more[record.kind] and own_keys(record.kind)[key] then value = read_more(self, record)[key] end
  if value ~= nil then return value end
  if type(key) == "string" and is_key(record.kind, key) then return nil end
  if alias.is_word(record.kind, key) then return alias.read(record, key) end
  return object.unknown(self, Link, key, record)
end

-- A link that a record names, here or in the namespace of a number.
local function follow(self, record, key)
  local to, nsid = record[key], key == "link" and record.link_netnsid or nil
  if to == nil then return nil end
  if not nsid then
    local found = fail.check("link get", to, self.netns, core.link.get(self.netns.core, to))
    return wrap(self.netns, found.index, found.name)
  end
  local ns = netns.by_ids(self.netns, { [nsid] = true })[nsid]
  if not ns then return nil end
  local found, message, code, detail = core.link.get(ns.core, to)
  if not found and code == "ENODEV" then return nil end
  found = fail.check("link get", to, ns, found, message, code, detail)
  return wrap(ns, found.index, found.name)
end

--- The bridge or other link that it is a port of; nil when there is none.
---@return nsh.Link?
function Link.get.master(self) return follow(self, read(self), "master") end

-- Kinds that are made with a peer, as veth.
local pairs_of
local function is_pair(kind)
  if not pairs_of then
    pairs_of = {}
    for _, entry in ipairs(attrs.kinds "link") do pairs_of[entry.name] = entry.pair end
  end
  return pairs_of[kind]
end

--- The other end of a veth, netkit or vxcan, wherever it is; nil for other kinds and where no known namespace has it.
---@return nsh.Link?
function Link.get.peer(self)
  local record = read(self)
  if not is_pair(record.kind) then return nil end
  return follow(self, record, "link")
end

--- The link that it stands on; of a veth, its peer.
---@return nsh.Link?
function Link.get.link(self) return follow(self, read(self), "link") end

-- --- option tables ---

local function check_altnames(list)
  for _, name in ipairs(list) do
    local ok, message = core.link.check_altname(tostring(name))
    if not ok then fail.misuse("altnames: %s", message) end
  end
end

-- A copy in which namespaces are objects; names are checked before the kernel is asked.
local function normalize(spec)
  local copy = {}
  for key, value in pairs(spec) do
    if key == "netns" then value = netns.resolve(value) end
    if (key == 1 or key == "name") and type(value) == "string" then
      local ok, message = core.link.check_name(value)
      if not ok then fail.misuse("%s", message) end
    end
    if key == "altnames" and type(value) == "table" then check_altnames(value) end
    if key == "peer" and type(value) == "string" then value = { value } end
    if key == "peer" and type(value) == "table" then value = normalize(value) end
    copy[key] = value
  end
  return copy
end

-- The kind of the master that port options are for.
local function port_kind(ns, master)
  if type(master) == "table" and getmetatable(master) == mt then return master.kind end
  if type(master) ~= "string" then return nil end
  local record, message, code, detail = core.link.get(ns.core, master)
  if not record and code == "ENODEV" then return nil end
  return fail.check("link get", master, ns, record, message, code, detail).kind
end

-- The object of a link just made, which nsh has named where nobody else did.
local function named(ns, index, name)
  local link = wrap(ns, index, name or ("#" .. index))
  if not name then read(link) end
  return link
end

-- What only a record has is no wish: it is left out when a record makes a link.
local told = { "carrier", "port_kind" }

-- What was so where a record came from, and need not be here: its number, the bond's port that was in use, and its
-- spanning tree state of that moment.
local function forget_place(spec)
  spec.index, spec.active_slave = nil, nil
  if spec.mac == "00:00:00:00:00:00" then spec.mac = nil end -- a netkit without Ethernet has none
  -- of a macsec the kernel tells what it doesn't take together
  if spec.send_sci == false then spec.sci = nil end
  if spec.end_station or spec.scb then spec.send_sci = nil end
  if type(spec.port) == "table" then
    local port = {}
    for key, value in pairs(spec.port) do port[key] = value end
    port.state = nil
    spec.port = port
  end
end

-- The link below may be in another namespace than the new one, which then needs a number for that one.
local function below(self, ns, spec)
  for _, key in ipairs { "link", "dev" } do
    local link = spec[key]
    if type(link) == "string" and ns ~= self then link = self:link(link) end
    if getmetatable(link) == mt and link.netns ~= ns then
      local id = fail.check("netns id", link.netns.label, ns, core.netns.id(ns.core, link.netns.core))
      if not id or id < 0 then
        fail.check("netns set", link.netns.label, ns, core.netns.set_id(ns.core, link.netns.core))
        id = fail.check("netns id", link.netns.label, ns, core.netns.id(ns.core, link.netns.core))
      end
      spec[key], spec.link_netnsid = link.index, id
    end
  end
end

--- Makes a link in this namespace, with all that is asked or not at all. Both ends of a veth are born in their place.
--- Twin: `ip link add NAME type KIND ...`, `ip tuntap add NAME mode tap`
---@param spec table [1] name, kind, keys of a link and of its kind; peer = "name" or { "name", netns = ns, ... }
---@return nsh.Link link
---@return nsh.Link? peer the other end of a veth, netkit or vxcan
---@error EEXIST when there is a link of that name
---@error EOPNOTSUPP when the kernel doesn't have the kind
function Netns:add_link(spec)
  if type(spec) ~= "table" then
    fail.misuse("add_link takes a table as { \"veth0\", kind = \"veth\" }, not a %s", type(spec))
  end
  local from_record = getmetatable(spec) == show.Record
  spec = normalize(spec)
  if from_record then forget_place(spec) end
  local name = spec[1] or spec.name
  if not spec.kind then fail.misuse("kind is needed: what sort of link %s is, as \"veth\"", tostring(name or "it")) end
  for _, key in ipairs(told) do spec[key] = nil end
  alias.complete(alias.resolve(spec, spec.kind))
  local ns, home = self, spec.netns
  if home and home ~= self then
    ns, spec.netns = home, nil
    spec.peer = spec.peer or (is_pair(spec.kind) and {} or nil)
    if spec.peer then spec.peer.netns = spec.peer.netns or self end
  end
  below(self, ns, spec)
  local index, peer = fail.check_spec(spec, "link add", name, ns,
    enslave.add(ns.core, spec, spec.port and port_kind(ns, spec.master) or nil))
  local link = named(ns, index, name)
  if not is_pair(spec.kind) then return link end
  local peer_spec = spec.peer or {}
  return link, named(peer_spec.netns or ns, peer, peer_spec[1] or peer_spec.name)
end

--- Returns the live link of a name.
---@param name string
---@return nsh.Link
---@error ENODEV when there is none; the hint names those that are there
function Netns:link(name)
  if type(name) ~= "string" then fail.misuse("the name of a link must be a string, not a %s", type(name)) end
  local record, message, code, detail = core.link.get(self.core, name)
  if not record and code == "ENODEV" then
    local names = {}
    for i, link in ipairs(self:links()) do names[i] = link.name end
    detail.hint = "there are: " .. table.concat(names, ", ", 1, math.min(#names, 20)) .. (#names > 20 and ", ..." or "")
  end
  fail.check("link get", name, self, record, message, code, detail)
  return wrap(self, record.index, record.name)
end

--- Returns the live link of a name, or nil when there is none.
---@param name string
---@return nsh.Link?
function Netns:find_link(name)
  if type(name) ~= "string" then fail.misuse("the name of a link must be a string, not a %s", type(name)) end
  local record, message, code, detail = core.link.get(self.core, name)
  if not record and code == "ENODEV" then return nil end
  fail.check("link get", name, self, record, message, code, detail)
  return wrap(self, record.index, record.name)
end

-- The record of one of a pair names its peer instead of the number of a link.
local function name_peers(self, list)
  local ids, far = {}, {}
  for _, record in ipairs(list) do
    local kind, link = record.kind, record.link
    if kind then add_hold(self, record) end
    if link and is_pair(kind) then
      local id = record.link_netnsid
      if id then
        ids[id], far[#far + 1] = true, record
      else
        record.peer, record.link = link, nil
      end
    end
  end
  local homes = far[1] and netns.by_ids(self, ids)
  for _, record in ipairs(far) do
    local ns = homes[record.link_netnsid]
    -- the kernel ends a namespace that has a negative number, which would ask for a link of this one
    local found = record.link_netnsid >= 0 and core.link.get(self.core, record.link, record.link_netnsid)
    record.peer = { name = found and found.name or nil, netns = ns and ns.label }
    record.link, record.link_netnsid = nil, nil
  end
  return list
end

--- Lists links. What only messages of their own tell (a wireguard link's keys, what drivers know) is in no list.
--- Twin: `ip link show`
---@param filter? table keys that the records must have, as { kind = "veth", master = br0 }; stats = true adds counters
---@return table[] records
function Netns:links(filter)
  filter = normalize(fail.options(filter, "links"))
  local stats = filter.stats
  filter.stats = nil
  return name_peers(self, fail.check("link list", nil, self, core.link.list(self.core, filter, stats)))
end

-- The options of a call on a group of links, and the number of that group.
local function group_of(ns, opts, what)
  if type(opts) ~= "table" then fail.misuse("%s takes a table as { group = 7 }, not a %s", what, type(opts)) end
  local spec = normalize(opts)
  local group = spec.group == "default" and 0 or spec.group
  if math.type(group) ~= "integer" or group < 0 or group > 0xffffffff then
    fail.misuse("group must be the number of a group of links, not %s", group == nil and "left out" or tostring(group))
  end
  spec.group = nil
  guard.check_group(ns, group, spec, what == "flush_links" and "delete" or "change")
  return spec, group
end

--- Changes all links of a group. When one of them refuses, those before it are changed.
--- Twin: `ip link set group N ...`
---@param spec table group and the keys to set: { group = 7, up = true }; a group may have no links
function Netns:set_links(spec)
  local group
  spec, group = group_of(self, spec, "set_links")
  if next(spec) == nil then fail.misuse("say what to set on the links of group %d, as up = true", group) end
  fail.check_spec(spec, "link set", "group " .. group, self, core.link.set_group(self.core, group, spec))
end

--- Deletes all links of a group.
--- Twin: `ip link del group N`
---@param spec { group: integer, force?: boolean } force: the link of the machine's default route too
---@error ENODEV when there is none
---@error EOPNOTSUPP when one of them can't be deleted; none is then
function Netns:flush_links(spec)
  local more, group = group_of(self, spec, "flush_links")
  if group == 0 then fail.misuse("group 0 is where all links are that were put in no other; it can't be deleted") end
  local slip = next(more) -- what the guard left
  if slip ~= nil then fail.misuse("unknown key '%s' of flush_links; only group and force are taken", tostring(slip)) end
  fail.check("link del", "group " .. group, self, core.link.flush(self.core, group))
end

--- Returns all that is known of the link as a record, as the lists have it, and what only messages of their own tell:
--- the keys of a wireguard link.
---@return table
function Link:record()
  return name_peers(self.netns, { read_more(self, read(self)) })[1]
end

-- --- changes ---

-- What a link has now, with those of the keys of a request that must be asked for.
local function read_for(self, spec)
  local record = read(self)
  if next(spec, next(spec)) ~= nil then
    for key in pairs(spec) do
      if m.asked[key] then record[key] = self[key] end
    end
    read_more(self, record)
  end
  return record
end

-- Of a table that was changed, the keys that were: the others can't be set.
local function changed_of(old, spec)
  if type(spec) ~= "table" or type(old) ~= "table" or old[1] then return old end
  local part = {}
  for key in pairs(spec) do part[key] = old[key] end
  return part
end

-- The kernel takes a request apart and may stop half-way: put back what it has changed so far.
-- One that went to another namespace and came back may have another index.
local function put_back(self, before, spec)
  local now = core.link.get(self.netns.core, spec.netns and before.name or self.index)
  local own = m.more[before.kind] and own_keys(before.kind) or {}
  if now then rawset(self, "number", now.index) end
  local touched = {}
  for key in pairs(spec) do touched[key] = true end
  if spec.netns then touched.up, touched.master = true, true end -- what it lost on its way
  for key in pairs(touched) do
    local old = before[key]
    if now and m.asked[key] and old ~= nil then
      core.link.set(self.netns.core, self.index, { [key] = changed_of(old, spec[key]) }, before.kind)
    elseif now and key == "altnames" then
      core.link.set(self.netns.core, self.index, { altnames = old or false })
    elseif now and own[key] then
      core.link.set(self.netns.core, self.index, { [key] = old == nil and false or old }, before.kind)
    elseif now and type(key) == "string" and type(old) ~= "table" and now[key] ~= old then
      if old == nil then old = false end
      core.link.set(self.netns.core, self.index, { [key] = old }, before.kind)
    end
  end
end

--- Changes the link, with all that is asked or not at all.
--- Twin: `ip link set NAME ...`
---@param spec table keys of a link and of its kind: up, mtu, mac, name, master = link or false, netns, port = {...}
---@error EEXIST when the name is taken where it is moved or renamed to
---@error EBUSY when it must be down for that
function Link:set(spec)
  if type(spec) ~= "table" then fail.misuse("set takes a table as { up = true }, not a %s", type(spec)) end
  if spec[1] ~= nil then fail.misuse("set takes keys only, as { name = %q }", tostring(spec[1])) end
  spec = normalize(spec)
  guard.check(self, spec, "change")
  local before = read_for(self, spec)
  alias.resolve(spec, before.kind)
  local master = spec.master
  if master == nil then master = before.master end
  local port = spec.port and port_kind(spec.netns or self.netns, master) or nil
  local ok, message, code, detail = core.link.set(self.netns.core, self.index, spec, before.kind, port)
  if not ok and next(spec, next(spec)) ~= nil then put_back(self, before, spec) end
  local rest = not ok and enslave.before_up(spec, code, detail)
  if rest then
    ok, message, code, detail = enslave.set(self.netns.core, self.index, rest, before.kind, port)
    if not ok then put_back(self, before, spec) end
  end
  fail.check_spec(spec, "link set", before.name, self.netns, ok, message, code, detail)
  rawset(self, "last_name", spec.name or before.name)
  if spec.netns and spec.netns ~= self.netns then
    local moved = fail.check("link get", self.last_name, spec.netns, core.link.get(spec.netns.core, self.last_name))
    physical.moved(before, self.netns, spec.netns, moved.index)
    rawset(self, "home", spec.netns)
    rawset(self, "number", moved.index)
  end
end

--- Returns the counters that only some links have: of a bridge `mcast`, of a bond `lacp`, of their ports `port`, and
--- `mpls`; empty where there are none.
--- Twin: `ip link xstats type bridge dev NAME`, `ip link xstats_slave ...`, `ip link afstats dev NAME`
---@return table record
function Link:xstats()
  local list = fail.check("link xstats", self.last_name, self.netns,
    core.xstats.list(self.netns.core, { dev = self.index }))
  local record = list[1] or setmetatable({}, show.Record)
  record.dev = nil
  return record
end

--- Gives the link one more name, of up to 127 bytes, that it is found by too.
--- Twin: `ip link property add dev NAME altname ALTNAME`
---@param name string
---@error EEXIST when a link of the namespace has it
function Link:add_altname(name)
  check_altnames { name }
  local ok, message, code, detail = core.link.altname(self.netns.core, self.index, tostring(name), true)
  fail.check("link add_altname", self.last_name, self.netns, ok, message, code, detail)
end

--- Takes one of its further names away.
--- Twin: `ip link property del dev NAME altname ALTNAME`
---@param name string
---@error ENOENT when there is no such name
---@error EINVAL when it is the link's own name, or another link's
function Link:del_altname(name)
  check_altnames { name }
  local ok, message, code, detail = core.link.altname(self.netns.core, self.index, tostring(name), false)
  fail.check("link del_altname", self.last_name, self.netns, ok, message, code, detail)
end

--- Deletes the link; a veth goes with its peer.
--- Twin: `ip link del NAME`
---@param opts? { force: boolean } force: delete the link of the machine's default route too
---@error EOPNOTSUPP when it is one that can't be deleted
function Link:del(opts)
  opts = fail.options(opts, "del")
  guard.check(self, opts, "delete")
  local slip = next(opts) -- what the guard left
  if slip ~= nil then fail.misuse("unknown key '%s' of del; only force is taken", tostring(slip)) end
  fail.check("link del", self.last_name, self.netns, core.link.del(self.netns.core, self.index))
end

return m
