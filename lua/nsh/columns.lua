--- columns.lua - records as text: lists in aligned columns, single ones as lines of key and value.
local text = require "nsh.text"

local m = {}

-- What a reader looks for first; the rest follows in alphabetical order.
local PREFERRED = {
  "index", "name", "priority", "kind", "addr", "dst", "type", "via", "dev", "mac", "state", "up", "mtu", "master",
  "peer", "public_key", "endpoint", "allowed_ips", "src", "metric", "table", "scope", "proto", "vid", "seq", "from",
  "what", "sent", "received", "loss", "rtt", "ttl", "bytes", "status", "signal", "seconds", "out", "err",
}

-- A link has some fifty keys; these are what `ip -br link` shows.
local LINK = { "name", "kind", "state", "mtu", "mac", "master", "peer", "link" }

-- Bridges alone, as brctl(8) shows them.
local BRIDGE = { "name", "state", "mtu", "bridge_id", "stp", "vlan_filtering", "master" }

-- Of the ports of one bridge: what brctl(8) shows; then the options that are not as a new port has them.
local PORT = { "name", "state", "port.state", "port.cost", "port.priority", "port.no" }
local PORT_BEGINS = {
  hairpin = false, guard = false, root_block = false, fastleave = false, learning = true, flood = true,
  proxy_arp = false, proxy_arp_wifi = false, mcast_flood = true, mcast_to_unicast = false, bcast_flood = true,
  mcast_router = "query", group_fwd_mask = 0, neigh_suppress = false, neigh_vlan_suppress = false, vlan_tunnel = false,
  isolated = false, backup_nhid = 0, locked = false, mab = false, mcast_max_groups = 0,
}

-- What other records begin with, by keys that only they have together: the first that fits counts.
local LAYOUTS = {
  { { "name", "sessions" }, { "name", "since", "processes", "sessions", "namespaces", "labs", "script", "keeper" } },
  { { "kind", "parent", "dev" }, { "dev", "kind", "handle", "classid", "parent", "prio", "protocol" } },
  { { "priority", "proto" },
    { "priority", "invert", "family", "from", "to", "iif", "oif", "fwmark", "fwmask", "type", "table" } },
  { { "id", "proto", "scope" }, { "id", "type", "group", "via", "dev" } },
  { { "dev", "mac", "state" }, { "mac", "dev", "state", "vlan", "master", "dst", "vni", "port", "via" }, "family" },
  { { "designated_bridge", "cost" },
    { "state", "cost", "priority", "no", "id", "root_id", "designated_bridge", "designated_port", "designated_cost" } },
  { { "dev", "grp" }, { "dev", "grp", "src", "port", "vid", "state", "timer", "proto" } },
  { { "dev", "vid" }, { "dev", "vid", "pvid", "untagged", "tunnel_id", "state" } },
  { { "dev", "vni" }, { "dev", "vni", "remote" } },
  { { "node", "kind", "state" }, { "node", "kind", "netns", "state", "links", "addrs" } },
  { { "node", "link", "state" },
    { "node", "link", "state", "peer", "addrs", "mtu", "rx", "tx", "rx_packets", "tx_packets", "rx_bytes",
      "tx_bytes" } },
  { { "family", "handle", "packets" },
    { "family", "table", "chain", "name", "handle", "comment", "packets", "bytes" } },
}

-- Values that say nothing: a column that holds nothing else in any row is left out.
local DEFAULTS = {
  type = { unicast = true },
  table = { main = true },
  scope = { global = true, universe = true },
  priority = { [0] = true },
  metric = { [0] = true },
}

-- Keys that another column tells already.
local IMPLIED = {
  family = { "addr", "dst", "mac" }, index = { "name" },
  flags = true, permanent = true, confirmed = true, used = true, updated = true, probes = true,
}

-- Whether a column needn't be shown: some only where one stands that tells as much.
local function is_implied(key, seen)
  local by = IMPLIED[key]
  if type(by) ~= "table" then return by end
  for _, other in ipairs(by) do
    if seen[other] then return true end
  end
  return false
end

local MIN_CELL = 12

local function ranks(keys)
  local rank = {}
  for i, key in ipairs(keys) do rank[key] = i end
  return rank
end

local rank = ranks(PREFERRED)
for _, layout in ipairs(LAYOUTS) do layout.rank = ranks(layout[2]) end

-- Whether a record has all the keys of a layout, and not the one that speaks against it.
local function fits(t, layout)
  for _, key in ipairs(layout[1]) do
    if rawget(t, key) == nil then return false end
  end
  return layout[3] == nil or rawget(t, layout[3]) == nil
end

local function rank_of(t)
  for _, layout in ipairs(LAYOUTS) do
    if fits(t, layout) then return layout.rank end
  end
  return rank
end

--- Orders the keys of a table: preferred ones, other names, then all else.
---@param t table
---@return any[]
function m.keys(t)
  local keys, order = {}, rank_of(t)
  for key in next, t do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    local x, y = order[a] or math.huge, order[b] or math.huge
    if x ~= y then return x < y end
    if type(a) == type(b) and (type(a) == "string" or type(a) == "number") then return a < b end
    return type(a) ~= type(b) and type(a) < type(b)
  end)
  return keys
end

local function is_list(t)
  return rawlen(t) > 0
end

-- Live objects say themselves what they are; their fields would ask the kernel.
local function is_object(value)
  local mt = debug.getmetatable(value)
  return mt ~= nil and rawget(mt, "class") ~= nil
end

local function safe_tostring(value)
  local ok, s = pcall(tostring, value)
  return ok and s or "<" .. type(value) .. ">"
end

--- Writes a value on one line.
---@param value any
---@param depth? integer how many levels of tables are spelled out; 0: `{…}`
---@return string escaped
function m.inline(value, depth)
  depth = depth or 2
  if math.type(value) == "float" then
    return value == math.floor(value) and ("%.0f"):format(value) or ("%.6g"):format(value)
  end
  if type(value) ~= "table" or is_object(value) then return text.escape(safe_tostring(value)) end
  if next(value) == nil then return "{}" end
  if depth == 0 then return "{…}" end
  local parts = {}
  if is_list(value) then
    for i = 1, rawlen(value) do
      local item = rawget(value, i)
      parts[i] = type(item) == "table" and "{" .. m.inline(item, depth - 1) .. "}" or m.inline(item)
    end
    return table.concat(parts, type(rawget(value, 1)) == "table" and " " or ",")
  end
  local keys = m.keys(value)
  if #keys == 2 and keys[1] == "name" and keys[2] == "netns" then -- a link of another namespace
    return m.inline(value.name) .. "@" .. m.inline(value.netns)
  end
  for _, key in ipairs(keys) do
    local raw = rawget(value, key)
    local item = text.secret[key] and text.HIDDEN or m.inline(raw, depth - 1)
    if type(raw) == "table" and item ~= "{…}" then item = "{" .. item .. "}" end
    parts[#parts + 1] = m.inline(key) .. "=" .. item
  end
  return table.concat(parts, " ")
end

local function worth_showing(rows, key)
  local default = DEFAULTS[key]
  for _, row in ipairs(rows) do
    local value = row[key]
    if value and not (default and default[value]) then return true end
  end
  return false
end

local function same_as(rows, key, other)
  for _, row in ipairs(rows) do
    if row[key] ~= nil and row[key] ~= row[other] then return false end
  end
  return true
end

local function looks_like_links(rows)
  local first = rows[1]
  return first.name and first.mtu and first.index and first.state ~= nil
end

local function all_bridges(rows)
  for _, row in ipairs(rows) do
    if row.kind ~= "bridge" then return false end
  end
  return true
end

local function ports_of_bridge(rows)
  for _, row in ipairs(rows) do
    if row.port_kind ~= "bridge" or row.master ~= rows[1].master or not row.port then return false end
  end
  return true
end

-- The ports' options beside the names, and which of them are worth a column.
local function flat_ports(rows)
  local flat, shown, columns = {}, {}, {}
  for i, row in ipairs(rows) do
    flat[i] = { name = row.name, state = row.state }
    for key, value in pairs(row.port) do
      flat[i]["port." .. key] = value
      if PORT_BEGINS[key] ~= nil and value ~= PORT_BEGINS[key] then shown["port." .. key] = true end
    end
  end
  for i, key in ipairs(PORT) do columns[i] = key end
  local more = m.keys(shown)
  return flat, table.move(more, 1, #more, #columns + 1, columns)
end

--- Chooses the keys that records are shown with.
---@param rows table[] at least one
---@return any[]
function m.choose(rows)
  local seen, chosen = {}, {}
  for _, row in ipairs(rows) do
    for key in next, row do seen[key] = true end
  end
  local of_links = looks_like_links(rows) and (all_bridges(rows) and BRIDGE or LINK)
  local candidates = of_links or m.keys(seen)
  for _, key in ipairs(candidates) do
    local implied = not of_links and is_implied(key, seen) or key == "label" and same_as(rows, "label", "dev")
    if not implied and worth_showing(rows, key) then chosen[#chosen + 1] = key end
  end
  return #chosen > 0 and chosen or m.keys(seen)
end

-- Columns to the right hold numbers alone.
local function build(rows, keys, right)
  local columns = {}
  for i, key in ipairs(keys) do
    local column = { key = key, head = m.inline(key), cells = {}, right = true }
    column.width = text.len(column.head)
    for r, row in ipairs(rows) do
      local value = row[key]
      local cell = value == nil and "-" or text.secret[key] and text.HIDDEN or m.inline(value)
      column.cells[r] = cell
      column.width = math.max(column.width, text.len(cell))
      column.right = column.right and (value == nil or right[key] or math.type(value) ~= nil)
    end
    columns[i] = column
  end
  return columns
end

local function total(columns)
  local sum = 2 * (#columns - 1)
  for _, column in ipairs(columns) do sum = sum + column.width end
  return sum
end

local function shrink(columns, width)
  while total(columns) > width do
    local widest = columns[1]
    for _, column in ipairs(columns) do
      if column.width > widest.width then widest = column end
    end
    if widest.width <= MIN_CELL then return end
    widest.width = math.max(MIN_CELL, widest.width - (total(columns) - width))
  end
end

local function fit(columns, width)
  if not width then return end
  shrink(columns, width)
  while #columns > 1 and total(columns) > width do columns[#columns] = nil end
  columns[1].width = math.min(columns[1].width, width)
end

local state_colour = { up = "green", down = "red", forwarding = "green", blocking = "red", failed = "red" }

local function colour_of(key, cell)
  if key == "state" then return state_colour[cell] end
  if key == "up" then return cell == "true" and "green" or "red" end
  if cell == "-" then return "dim" end
end

--- Writes rows as aligned columns under a header.
---@param rows table[] plain records
---@param width? integer nil: nothing is cut
---@param coloured? boolean
---@param right? table<string, boolean> keys of numbers that are written as text, as "1.2k"
---@return string
function m.list(rows, width, coloured, right)
  if #rows == 0 then return "(none)" end
  local keys
  if ports_of_bridge(rows) then
    rows, keys = flat_ports(rows)
  end
  local columns = build(rows, keys or m.choose(rows), right or {})
  fit(columns, width)
  local lines = {}
  for r = 0, #rows do
    local cells = {}
    for i, column in ipairs(columns) do
      local cell = text.cut(r == 0 and column.head or column.cells[r], column.width)
      local filled = (i < #columns or column.right) and text.pad(cell, column.width, column.right) or cell
      cells[i] = text.paint(filled, r == 0 and "bold" or colour_of(column.key, cell), coloured)
    end
    lines[r + 1] = table.concat(cells, "  ")
  end
  return table.concat(lines, "\n")
end

local function list_of_tables(t)
  for i = 1, rawlen(t) do
    local item = rawget(t, i)
    if type(item) ~= "table" or is_object(item) then return false end
  end
  return is_list(t)
end

local function indented(block, indent)
  return indent .. block:gsub("\n", "\n" .. indent)
end

local function add_lines(lines, record, indent, width, coloured, depth)
  local keys, widest = m.keys(record), 0
  for _, key in ipairs(keys) do widest = math.max(widest, text.len(m.inline(key))) end
  for _, key in ipairs(keys) do
    local value = rawget(record, key)
    local head = indent .. text.paint(text.pad(m.inline(key), widest), "dim", coloured)
    local nested = type(value) == "table" and next(value) ~= nil and depth > 0 and not is_object(value)
    if nested and list_of_tables(value) then
      lines[#lines + 1] = indent .. text.paint(m.inline(key), "dim", coloured)
      lines[#lines + 1] = indented(m.list(value, width and width - #indent - 2, coloured), indent .. "  ")
    elseif nested and not is_list(value) then
      lines[#lines + 1] = indent .. text.paint(m.inline(key), "dim", coloured)
      add_lines(lines, value, indent .. "  ", width, coloured, depth - 1)
    elseif type(value) == "string" and value:find "\n" then
      lines[#lines + 1] = indent .. text.paint(m.inline(key), "dim", coloured)
      lines[#lines + 1] = indented(text.escape(value:gsub("\n+$", ""), "\n\t"), indent .. "  ")
    else
      local cell = text.secret[key] and text.HIDDEN or m.inline(value)
      if width then cell = text.cut(cell, math.max(width - #indent - widest - 2, MIN_CELL)) end
      lines[#lines + 1] = head .. "  " .. text.paint(cell, colour_of(key, cell), coloured)
    end
  end
end

--- Writes one record as lines of key and value, nested tables indented.
---@param record table
---@param width? integer nil: nothing is cut
---@param coloured? boolean
---@return string
function m.record(record, width, coloured)
  if next(record) == nil then return "(empty)" end
  local lines = {}
  add_lines(lines, record, "", width, coloured, 4)
  return table.concat(lines, "\n")
end

return m
