--- filter.lua - filters: which packets go to which class, or what else is done with them.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local Link = require("nsh.link").Link
local words = require "nsh.words"

local m = {}

-- --- what a person writes, in the core's words ---

-- What comes after an action where nothing is said, as tc(8) has it.
local after = { csum = "pass", ct = "pipe", sample = "pipe", mpls = "pipe", simple = "pipe", skbedit = "pipe",
  tunnel_key = "pipe", vlan = "pipe", connmark = "pipe" }

local function action_of(element)
  if type(element) == "string" then return { kind = "gact", action = element } end
  if type(element) ~= "table" then
    fail.misuse('an action is a table as { "mirred", egress = "redirect", dev = "ifb0" }, or text as "drop", not a %s',
      type(element))
  end
  local action = fail.options(element, "actions")
  if action[1] ~= nil and action.kind == nil then action.kind, action[1] = action[1], nil end
  if action.kind == "mirred" and action.action == nil then
    action.action = (action.egress or action.ingress) == "mirror" and "pipe" or "stolen"
  elseif action.kind == "gact" and action.action == nil then
    fail.misuse("action is needed: what gact does, as \"drop\" or \"pass\"")
  elseif action.kind == "police" and action.exceed == nil then
    action.exceed = "reclassify"
  elseif action.kind == "vlan" and action.mode == "push" and action.protocol == nil then
    action.protocol = "802.1q"
  end
  if action.action == nil then action.action = after[action.kind] end
  return action
end

local function actions_of(spec)
  if spec.action ~= nil and spec.actions ~= nil then
    fail.misuse("action is short for actions = { ... }; give one of them")
  end
  local list = spec.action ~= nil and { spec.action } or spec.actions
  spec.action = nil
  if list == nil then return end
  if type(list) ~= "table" then fail.misuse("actions must be a list, not a %s", type(list)) end
  spec.actions = {}
  for i, element in ipairs(list) do spec.actions[i] = action_of(element) end
end

-- "1000-2000" of flower is two keys.
local function ports(spec)
  for _, key in ipairs { "src_port", "dst_port" } do
    local from, to = tostring(spec[key]):match "^(%d+)%-(%d+)$"
    if from then
      spec[key], spec[key .. "_min"], spec[key .. "_max"] = nil, tonumber(from), tonumber(to)
    end
  end
end

-- The words of u32 for bytes: where they are from the IP header on, how many, and which bits.
local places = {
  ip = {
    src = { at = 12, size = 4 }, dst = { at = 16, size = 4 }, ip_proto = { at = 9, size = 1 },
    tos = { at = 1, size = 1 }, sport = { at = 20, size = 2 }, dport = { at = 22, size = 2 },
    icmp_type = { at = 20, size = 1 }, icmp_code = { at = 21, size = 1 },
  },
  ipv6 = {
    src = { at = 8, size = 16 }, dst = { at = 24, size = 16 }, ip_proto = { at = 6, size = 1 },
    sport = { at = 40, size = 2 }, dport = { at = 42, size = 2 }, icmp_type = { at = 40, size = 1 },
    icmp_code = { at = 41, size = 1 },
  },
}
local protos = { icmp = 1, tcp = 6, udp = 17, icmpv6 = 58, sctp = 132 }

local function number_of(key, value, size)
  local number = key == "ip_proto" and protos[value] or math.tointeger(tonumber(value))
  if not number or number < 0 or number >= 1 << (8 * size) then
    fail.misuse("%s must be a whole number from 0 to %d, not %s", key, (1 << (8 * size)) - 1, tostring(value))
  end
  return number
end

-- The bytes of a value and of its mask.
local function bytes_of(key, value, place)
  if place.size < 4 then
    local number, mask = value, (1 << (8 * place.size)) - 1
    if type(value) == "string" and value:find("/", 1, true) then
      number, mask = value:match "^(%w+)/(%w+)$"
      mask = number_of(key, mask, place.size)
    end
    local format = ">I" .. place.size
    return format:pack(number_of(key, number, place.size)), format:pack(mask)
  end
  local address, length = tostring(value):match "^([^/]*)/?(%d*)$"
  local bytes = address and core.address_bytes(address)
  local bits = length == "" and place.size * 8 or math.tointeger(tonumber(length))
  if not bytes or #bytes ~= place.size or not bits or bits > place.size * 8 then
    fail.misuse("%s must be an address or prefix as '%s', not %s", key,
      place.size == 4 and "10.0.0.0/8" or "fd00::/8", tostring(value))
  end
  local mask = {}
  for i = 1, place.size do
    mask[i] = string.char(0xff00 >> math.max(0, math.min(8, bits - (i - 1) * 8)) & 0xff)
  end
  return bytes, table.concat(mask)
end

-- Puts bytes into the words of four bytes that u32 compares.
local function spread(by_word, bytes, mask, at)
  for i = 1, #bytes do
    local m_byte = mask:byte(i)
    if m_byte > 0 then
      local place = at + i - 1
      local word = place // 4 * 4
      local shift = 8 * (3 - place % 4)
      local entry = by_word[word] or { value = 0, mask = 0, at = word }
      entry.value = entry.value | (bytes:byte(i) & m_byte) << shift
      entry.mask = entry.mask | m_byte << shift
      by_word[word] = entry
    end
  end
end

-- src, dport, ... of u32 become what is matched.
local function matches(spec)
  local known = places[spec.protocol == "ipv6" and "ipv6" or "ip"]
  local by_word, given = {}, false
  for key, place in pairs(known) do
    if spec[key] ~= nil then
      if spec.protocol ~= "ip" and spec.protocol ~= "ipv6" then
        fail.misuse("%s is of IP: say protocol = \"ip\" or \"ipv6\"", key)
      end
      local bytes, mask = bytes_of(key, spec[key], place)
      spread(by_word, bytes, mask, place.at)
      spec[key], given = nil, true
    end
  end
  local list = {}
  if spec.match ~= nil and type(spec.match) ~= "table" then
    fail.misuse("match must be a list of tables, not a %s", type(spec.match))
  end
  for _, entry in ipairs(spec.match or {}) do list[#list + 1] = entry end
  local words_at = {}
  for at in pairs(by_word) do words_at[#words_at + 1] = at end
  table.sort(words_at)
  for _, at in ipairs(words_at) do list[#list + 1] = by_word[at] end
  if given or spec.match == nil then spec.match = list end
end

-- The option table on this link.
local function on_link(self, arg)
  if type(arg) ~= "table" then
    fail.misuse("a filter is a table as { \"matchall\", parent = \"ingress\", action = \"drop\" }, not a %s", type(arg))
  end
  local spec = fail.options(arg, "filter")
  if spec[1] ~= nil and spec.kind == nil then spec.kind, spec[1] = spec[1], nil end
  spec.dev = self.index
  return spec
end

local function target(self, spec)
  return ("%s%s dev %s"):format(spec.parent and tostring(spec.parent) .. " " or "",
    spec.prio and "prio " .. tostring(spec.prio) or tostring(spec.kind), self.last_name)
end

local function change(self, verb, spec)
  local ok, message, code, detail = core.filter[verb](self.netns.core, spec)
  spec.dev = nil
  fail.check_spec(spec, "filter " .. verb, target(self, spec), self.netns, ok, message, code, detail)
end

-- The handle where the kernel chooses none: cgroup has but one filter, and route's says what it matches.
local function handle_of(self, spec)
  if spec.kind == "cgroup" then return 1 end
  if spec.kind ~= "route" then return nil end
  local to, from = math.tointeger(spec.to) or 0x8000, math.tointeger(spec.from) or 0xffff
  if to < 0 or from < 0 then return nil end -- which is refused by its own name
  local name = words.link_name(spec.fromif)
  if type(name) == "string" and core.link.check_name(name) then
    from = 0x8000 | fail.check("link get", name, self.netns, core.link.get(self.netns.core, name)).index
  end
  return to | from << 16
end

--- Turns what a person writes of a filter into the core's words.
---@private
---@param spec table changed in place
---@return table spec
function m.complete(spec)
  spec.protocol = spec.protocol or "all"
  actions_of(spec)
  if spec.kind == "u32" and not spec.divisor then
    matches(spec)
    -- the kernel wants to be told again which table of one's own a handle is in
    local own = type(spec.handle) == "string" and spec.handle:match "^(%x?%x?%x:%x*:)%x+$"
    if own and not spec.ht and tonumber(own:match "^%x+", 16) < 0x800 then spec.ht = own end
  end
  if spec.kind == "flower" then
    ports(spec)
    -- of a packet with a VLAN tag the kernel tells what is behind the tag, and wants to be told the tag
    local tagged = spec.protocol == "802.1q" or spec.protocol == "802.1ad"
    if tagged or spec.eth_type == nil and spec.protocol ~= "all" then spec.eth_type = spec.protocol end
  end
  return spec
end

local function make(self, verb, filter)
  local spec = m.complete(on_link(self, filter))
  if spec.handle == nil then spec.handle = handle_of(self, spec) end
  change(self, verb, spec)
end

--- Adds a filter. `action` is short for a list with one action, "drop" and "pass" for what gact does. u32 takes src,
--- dst, ip_proto, tos, sport, dport, icmp_type and icmp_code beside `match`, which is what is told of it.
--- Twin: `tc filter add dev NAME ingress protocol ip flower dst_port 80 ip_proto tcp action drop`
---@param filter table { kind, parent = "ingress", protocol = "ip", prio = , classid = , actions = { ... }, ... }; a
--- record is taken too
---@error ENOENT when the kernel doesn't have the kind or the action
---@error EINVAL when there is no qdisc that takes filters; ingress and egress are those of clsact
function Link:add_filter(filter) make(self, "add", filter) end

--- Adds a filter, or replaces the one of the same prio and handle.
--- Twin: `tc filter replace dev NAME ...`
---@param filter table
function Link:replace_filter(filter) make(self, "replace", filter) end

-- What tells the kernel which filter is meant; cgroup's only one isn't found by its handle.
local function place_of(spec)
  return { kind = spec.kind, parent = spec.parent, prio = spec.prio, protocol = spec.protocol, chain = spec.chain,
    dev = spec.dev, handle = spec.kind ~= "cgroup" and spec.handle or nil }
end

--- Deletes a filter, or without a handle all of a prio.
--- Twin: `tc filter del dev NAME ingress prio 10`
---@param filter table { parent = "ingress", prio = 10, kind = , handle = , chain = }; a record is taken too
---@error ENOENT when there is none
function Link:del_filter(filter)
  local spec = on_link(self, filter)
  if not spec.prio then fail.misuse("prio is needed: which filter is deleted; flush_filters() takes all of them") end
  if spec.handle and not spec.kind then fail.misuse("kind is needed: the handle is one of it") end
  change(self, "del", place_of(spec))
end

-- What on the link may have filters: its qdiscs, and the classes of those that look there too.
local function parents(self)
  local list = {}
  for _, qdisc in ipairs(self:qdiscs()) do
    if qdisc.kind == "clsact" or qdisc.kind == "ingress" then
      list[#list + 1] = "ingress"
      if qdisc.kind == "clsact" then list[#list + 1] = "egress" end
    elseif qdisc.handle then
      list[#list + 1] = qdisc.handle
      if qdisc.kind == "htb" or qdisc.kind == "hfsc" then
        for _, class in ipairs(self:classes { kind = qdisc.kind }) do
          if class.classid:match "^%x+:" == qdisc.handle then list[#list + 1] = class.classid end
        end
      end
    end
  end
  return list
end

--- Lists the link's filters, of all that can have some.
--- Twin: `tc filter show dev NAME`
---@param filter? table keys that the records must have, as { parent = "ingress" }; stats = true adds counters
---@return table[] records
function Link:filters(filter)
  local copy, all = fail.options(filter, "filters"), nil
  local stats = copy.stats
  copy.dev, copy.stats = self.index, nil
  local where = copy.parent and { copy.parent } or parents(self)
  for _, parent in ipairs(where) do
    copy.parent = parent
    local list = fail.check("filter list", self.last_name, self.netns, core.filter.list(self.netns.core, copy))
    all = all or list
    for i = 1, all ~= list and #list or 0 do all[#all + 1] = list[i] end
  end
  for _, record in ipairs(all or {}) do
    for _, action in ipairs(not stats and record.actions or {}) do action.stats = nil end
  end
  return all or setmetatable({}, require("nsh.show").List)
end

--- Deletes all filters of the link, or those that match.
--- Twin: `tc filter del dev NAME ingress`
---@param filter? table keys that the records must have, as { parent = "ingress" }
---@return integer count
function Link:flush_filters(filter)
  local list = self:filters(filter)
  -- from the last one on: a hash table of u32 stands before the filters that need it, and is free a moment after them
  for i = #list, 1, -1 do
    local tries = 0
    local ok, err
    repeat
      if tries > 0 then loop.sleep(0.01) end
      ok, err = pcall(self.del_filter, self, place_of(list[i]))
      tries = tries + 1
    until ok or type(err) ~= "table" or err.code ~= "EBUSY" or tries == 100
    if not ok and not (type(err) == "table" and err.code == "ENOENT") then error(err, 0) end
  end
  return #list
end

return m
