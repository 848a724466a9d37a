--- shell_tc.lua - qdiscs, classes and filters in the words of tc(8); what has no row here has no words.
local number = require("nsh.lab.shell_link").number

local m = {}

-- --- values ---

local function rate(value) return ("%dbit"):format(math.floor(value + 0.5)) end
local function time(value) return ("%dus"):format(math.floor(value * 1e6 + 0.5)) end
-- CoDel counts in 1.024 us and tells less than it was given.
local function codel_time(value) return ("%dus"):format(math.floor(value * 1e6 + 0.5) + 1) end
local function size(value) return ("%db"):format(value) end
local function percent(value) return ("%.7g%%"):format(value * 100) end

local function word(name, form)
  return function(value) return { name, (form or number)(value) } end
end
local function switch(name) return function(value) return { value and name or "no" .. name } end end
local function flag(name) return function(value) return value and { name } or {} end end
local function each(name)
  return function(list)
    local words = { name }
    for i, value in ipairs(list) do words[i + 1] = number(value) end
    return words
  end
end

-- Keys of a kind: { key, how it is written }.
local QDISCS = {
  pfifo = { { "limit", word "limit" } }, bfifo = { { "limit", word("limit", size) } },
  pfifo_head_drop = { { "limit", word "limit" } },
  prio = { { "bands", word "bands" }, { "priomap", each "priomap" } },
  tbf = { { "rate", word("rate", rate) }, { "burst", word("burst", size) }, { "limit", word("limit", size) },
    { "peakrate", word("peakrate", rate) }, { "mtu", word("mtu", size) }, { "overhead", word "overhead" },
    { "mpu", word "mpu" }, { "linklayer", word("linklayer", tostring) } },
  htb = { { "default", word("default", function(handle) return (tostring(handle):gsub("^.*:", "")) end) },
    { "r2q", word "r2q" }, { "direct_qlen", word "direct_qlen" } },
  hfsc = { { "default", word("default", function(handle) return (tostring(handle):gsub("^.*:", "")) end) } },
  codel = { { "limit", word "limit" }, { "target", word("target", codel_time) },
    { "interval", word("interval", codel_time) },
    { "ce_threshold", word("ce_threshold", codel_time) }, { "ecn", switch "ecn" } },
  fq_codel = { { "limit", word "limit" }, { "flows", word "flows" }, { "quantum", word "quantum" },
    { "target", word("target", codel_time) }, { "interval", word("interval", codel_time) },
    { "ce_threshold", word("ce_threshold", codel_time) }, { "memory_limit", word("memory_limit", size) },
    { "ecn", switch "ecn" }, { "drop_batch", word "drop_batch" } },
  sfq = { { "quantum", word "quantum" }, { "perturb", word "perturb" }, { "limit", word "limit" },
    { "divisor", word "divisor" }, { "flows", word "flows" }, { "depth", word "depth" },
    { "headdrop", flag "headdrop" } },
  fq = { { "limit", word "limit" }, { "flow_limit", word "flow_limit" }, { "buckets", word "buckets" },
    { "quantum", word "quantum" }, { "initial_quantum", word "initial_quantum" }, { "maxrate", word("maxrate", rate) },
    { "pacing", switch "pacing" }, { "refill_delay", word("refill_delay", time) },
    { "orphan_mask", word "orphan_mask" }, { "low_rate_threshold", word("low_rate_threshold", rate) } },
  pie = { { "limit", word "limit" }, { "target", word("target", time) }, { "tupdate", word("tupdate", time) },
    { "alpha", word "alpha" }, { "beta", word "beta" }, { "ecn", switch "ecn" }, { "bytemode", switch "bytemode" } },
  drr = {}, clsact = {}, ingress = {}, qfq = {}, mq = {}, multiq = {},
}

-- Of delay, loss and the like the correlation stands behind.
local function correlated(name, form, ...)
  local more = { ... }
  return function(value, record)
    local words = { name, form(value) }
    for _, pair in ipairs(more) do
      if not record[pair[1]] then break end
      words[#words + 1] = pair[2](record[pair[1]])
    end
    return words
  end
end

QDISCS.netem = {
  { "limit", word "limit" },
  { "delay", correlated("delay", time, { "jitter", time }, { "delay_correlation", percent }) },
  { "distribution", word("distribution", tostring) },
  { "loss", correlated("loss random", percent, { "loss_correlation", percent }) },
  { "duplicate", correlated("duplicate", percent, { "duplicate_correlation", percent }) },
  { "corrupt", correlated("corrupt", percent, { "corrupt_correlation", percent }) },
  { "reorder", correlated("reorder", percent, { "reorder_correlation", percent }) }, { "gap", word "gap" },
  { "ecn", flag "ecn" }, { "rate", word("rate", rate) }, { "seed", word "seed" },
  { "jitter" }, { "delay_correlation" }, { "loss_correlation" }, { "duplicate_correlation" },
  { "corrupt_correlation" }, { "reorder_correlation" },
}

local CLASSES = {
  htb = { { "prio", word "prio" }, { "rate", word("rate", rate) }, { "ceil", word("ceil", rate) },
    { "burst", word("burst", size) }, { "cburst", word("cburst", size) }, { "quantum", word "quantum" } },
  drr = { { "quantum", word "quantum" } }, qfq = { { "weight", word "weight" }, { "maxpkt", word "maxpkt" } },
}

local GENERAL = { kind = true, dev = true, parent = true, handle = true, classid = true, family = true, prio = true,
  protocol = true, chain = true, actions = true }

-- The words of a record's own keys; nil where one has none.
local function options(record, rows, general)
  local words, known = {}, {}
  for _, row in ipairs(rows or {}) do
    local value = record[row[1]]
    known[row[1]] = true
    if value ~= nil and row[2] then
      for _, text in ipairs(row[2](value, record)) do words[#words + 1] = text end
    end
  end
  for key in pairs(record) do
    if not known[key] and not general[key] then return nil, key end
  end
  return words
end

local function place(words, record)
  if record.parent == "ingress" or record.parent == "egress" or record.parent == "root" then
    words[#words + 1] = record.parent
  elseif record.parent then
    words[#words + 1], words[#words + 2] = "parent", record.parent
  end
  return words
end

local function append(words, more) return table.move(more, 1, #more, #words + 1, words) end

local OF_QDISC = { kind = true, dev = true, parent = true, handle = true, family = true }

function m.qdisc(r)
  local rows = QDISCS[r.kind]
  if not rows then return nil, r.kind end
  local more, key = options(r, rows, OF_QDISC)
  if not more then return nil, key end
  if r.kind == "clsact" or r.kind == "ingress" then return { "tc", "qdisc", "add", "dev", r.dev, r.kind } end
  local words = place({ "tc", "qdisc", "replace", "dev", r.dev }, r)
  if r.handle then append(words, { "handle", r.handle }) end
  words[#words + 1] = r.kind
  return append(words, more)
end

function m.class(r)
  local rows = CLASSES[r.kind]
  if not rows then return nil, r.kind end
  local general = { kind = true, dev = true, parent = true, classid = true, family = true, leaf = true, handle = true }
  local more, key = options(r, rows, general)
  if not more then return nil, key end
  local words = place({ "tc", "class", "add", "dev", r.dev }, r)
  append(words, { "classid", r.classid, r.kind })
  return append(words, more)
end

-- --- filters ---

local function hex(value) return ("0x%x"):format(value) end

local ACTIONS = {
  gact = function(a) return { "gact", a.action } end,
  mirred = function(a)
    local side = a.egress and "egress" or "ingress"
    return { "mirred", side, a[side], "dev", a.dev }
  end,
}

local function actions(words, list)
  for _, action in ipairs(list or {}) do
    local write = ACTIONS[action.kind]
    if not write then return nil, "action " .. tostring(action.kind) end
    words[#words + 1] = "action"
    append(words, write(action))
  end
  return words
end

local FILTERS = {
  matchall = { { "classid", word("classid", tostring) } },
  fw = { { "classid", word("classid", tostring) } },
  flower = { { "classid", word("classid", tostring) }, { "eth_type" }, { "indev", word("indev", tostring) },
    { "dst_mac", word("dst_mac", tostring) }, { "src_mac", word("src_mac", tostring) }, { "vlan_id", word "vlan_id" },
    { "vlan_prio", word "vlan_prio" }, { "ip_proto", word("ip_proto", tostring) },
    { "dst_ip", word("dst_ip", tostring) },
    { "src_ip", word("src_ip", tostring) }, { "dst_port", word "dst_port" }, { "src_port", word "src_port" },
    { "icmp_type", word("type") }, { "icmp_code", word "code" } },
  u32 = { { "classid", word("classid", tostring) }, { "match", function(list)
    local words = {}
    for _, entry in ipairs(list) do
      append(words, { "match", "u32", hex(entry.value), hex(entry.mask), "at", number(entry.at or 0) })
    end
    return words
  end } },
}

function m.filter(r)
  local rows = FILTERS[r.kind]
  if not rows then return nil, r.kind end
  local more, key = options(r, rows, GENERAL)
  if not more then return nil, key end
  local words = place({ "tc", "filter", "add", "dev", r.dev }, r)
  append(words, { "protocol", tostring(r.protocol or "all") })
  if r.prio then append(words, { "prio", number(r.prio) }) end
  if r.chain and r.chain ~= 0 then append(words, { "chain", number(r.chain) }) end
  if r.handle and r.kind ~= "u32" then append(words, { "handle", tostring(r.handle) }) end
  words[#words + 1] = r.kind
  return actions(append(words, more), r.actions)
end

return m
