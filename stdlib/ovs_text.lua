--- ovs_text.lua - what the programs of Open vSwitch say, as data, and data as they take it; for stdlib/ovs.lua.
local m = {}

-- --- values of the database ---

local ESCAPES = { n = "\n", t = "\t", r = "\r", b = "\b", f = "\f" }

local function unquote(s)
  return (s:gsub("\\u(%x%x%x%x)", function(hex) return utf8.char(tonumber(hex, 16)) end)
    :gsub("\\(.)", function(c) return ESCAPES[c] or c end))
end

-- An atom at a place: its value and where it ends.
local function atom(s, at)
  local from, to = s:find('^"[^"\\]*"', at)
  if not from and s:find('^"', at) then
    to = at
    repeat to = to + (s:sub(to + 1, to + 1) == "\\" and 2 or 1) until s:sub(to, to) == '"' or to > #s
    from = at
  end
  if from then return unquote(s:sub(from + 1, to - 1)), to + 1 end
  from, to = s:find("^[^%s,=%]}]+", at)
  local word = s:sub(from or at, to or at)
  if word == "true" or word == "false" then return word == "true", to + 1 end
  return math.tointeger(tonumber(word)) or tonumber(word) or word, (to or at) + 1
end

--- Reads a value as `ovs-vsctl list` writes it: an empty set is nil, others are lists, maps are tables.
---@param s string
---@return any
function m.value(s)
  local open = s:sub(1, 1)
  if open ~= "[" and open ~= "{" then return (atom(s, 1)) end
  local out, at, size = {}, 2, 0
  while at < #s do
    local key
    key, at = atom(s, at)
    if open == "{" then
      out[key], at = atom(s, at + 1)
    else
      out[#out + 1] = key
    end
    size, at = size + 1, s:match("^,? *()", at)
  end
  return size > 0 and out or nil
end

--- Reads what `ovs-vsctl list` writes.
---@param out string
---@return table<string, table[]> rows of each table; the key is its columns, as "_uuid,name,tag"
function m.rows(out)
  local tables, row, columns = {}, nil, nil
  for line in (out .. "\n"):gmatch "([^\n]*)\n" do
    local key, value = line:match "^([%w_]+) *: (.*)$"
    if key then
      row, columns = row or {}, columns or {}
      row[key] = m.value(value)
      columns[#columns + 1] = key
    elseif row then
      local shape = table.concat(columns, ",")
      tables[shape] = tables[shape] or {}
      table.insert(tables[shape], row)
      row, columns = nil, nil
    end
  end
  return tables
end

local function quoted(s)
  return '"' .. tostring(s):gsub('[\\"]', "\\%0"):gsub("%c", function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

--- Writes a value as ovs-vsctl takes it; false and an empty list are the empty set.
---@param value any
---@return string
function m.word(value)
  if type(value) == "boolean" or math.type(value) == "integer" then return tostring(value) end
  if type(value) ~= "table" then return quoted(value) end
  local parts = {}
  if value[1] ~= nil then
    for i, item in ipairs(value) do parts[i] = m.word(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, item in pairs(value) do parts[#parts + 1] = quoted(key) .. "=" .. quoted(item) end
  table.sort(parts)
  return #parts > 0 and "{" .. table.concat(parts, ",") .. "}" or "[]"
end

-- --- what went wrong ---

local CODES = {
  { "already exists", "EEXIST", 17 },
  { "because a %w+ named", "EEXIST", 17 },
  { "because an? %w+ named", "EEXIST", 17 },
  { "no %w+ named", "ENODEV", 19 },
  { "does not have a port", "ENODEV", 19 },
  { "No such device", "ENODEV", 19 },
  { "constraint violation", "EINVAL", 22 },
  { "Operation not permitted", "EPERM", 1 },
  { "Permission denied", "EACCES", 13 },
}

--- Reads what a program wrote before it failed: its own words, and the code that fits them.
---@param err string
---@return string words
---@return string? code
---@return integer? errno
function m.failure(err)
  local lines = {}
  for line in err:gmatch "[^\n]+" do
    line = line:gsub("^ovs%-?%w+: ", ""):gsub("^%d+%-%d+%-%d+T[%d:.]+Z|%d+|", ""):gsub("^%-:(%d+): ", "flow %1: ")
    line = line:gsub("%.?%s+See ovs%-vswitchd log.*$", "")
    if not line:find "^The default log directory" then lines[#lines + 1] = line end
  end
  local words = table.concat(lines, "\n  ")
  for _, row in ipairs(CODES) do
    if words:find(row[1]) then return words, row[2], row[3] end
  end
  return words
end

-- --- OpenFlow ---

-- What dump-flows says beside the match, under our keys.
local FLOW = { cookie = "cookie", duration = "duration", table = "table", n_packets = "packets", n_bytes = "bytes",
  idle_timeout = "idle_timeout", hard_timeout = "hard_timeout", importance = "importance" }

--- Reads one line of `ovs-ofctl dump-flows`.
---@param line string
---@return table? record nil where it is no flow
function m.flow(line)
  local before, actions = line:match "^ *(cookie=.-) actions=(.*)$"
  if not before then return nil end
  local head, match = before:match "^(.*), ([^ ]*)$"
  local record = { actions = actions, priority = 32768 }
  for key, value in (head or before):gmatch "([%w_]+)=([^, ]+)" do
    local n = math.tointeger(tonumber(value)) or tonumber((value:gsub("s$", "")))
    if FLOW[key] then record[FLOW[key]] = n or value end
  end
  match = match and ("," .. match):gsub(",priority=(%d+)", function(n)
    record.priority = math.tointeger(tonumber(n))
    return ""
  end):sub(2) or ""
  record.match = match ~= "" and match or nil
  return record
end

--- Writes a flow as ovs-ofctl takes it.
---@param flow table keys of a record
---@param actions boolean false: only what tells which flows are meant
---@return string
function m.flow_text(flow, actions)
  local parts = {}
  for _, key in ipairs { "table", "priority", "cookie", "idle_timeout", "hard_timeout", "importance" } do
    local cookie_mask = key == "cookie" and not actions and "/-1" or ""
    local wanted = flow[key] ~= nil and (actions or key == "table" or key == "cookie" or key == "priority")
    if wanted then parts[#parts + 1] = key .. "=" .. tostring(flow[key]) .. cookie_mask end
  end
  parts[#parts + 1] = flow.match
  if actions then parts[#parts + 1] = "actions=" .. flow.actions end
  return table.concat(parts, ",")
end

--- Reads `ovs-ofctl dump-ports`.
---@param out string
---@return table<string, table> counters by the number or name of the port
function m.counters(out)
  local ports, record = {}, nil
  for line in out:gmatch "[^\n]+" do
    local port = line:match '^ *port *"?([^":]+)"?:'
    if port then
      record = {}
      ports[port] = record
    end
    local way = record and (port and "rx" or line:match "^ *(tx) pkts")
    for key, value in (way and line or ""):gmatch "(%w+)=(%d+)" do
      local name = key == "pkts" and "packets" or key == "drop" and "dropped" or key == "errs" and "errors" or key
      record[way .. "_" .. name] = math.tointeger(tonumber(value))
    end
  end
  return ports
end

--- Reads `ovs-appctl fdb/show`.
---@param out string
---@return table[] records { port, vlan, mac, age }
function m.fdb(out)
  local list = {}
  for port, vlan, mac, age in out:gmatch "([%w_]+) +(%d+) +(%x+:[%x:]+) +([%d?]+)" do
    vlan = math.tointeger(tonumber(vlan))
    list[#list + 1] = { port = port, vlan = vlan ~= 0 and vlan or nil, mac = mac, age = tonumber(age) }
  end
  return list
end

local SPAN = { ["stp-hello-time"] = "hello_time", ["stp-max-age"] = "max_age", ["stp-fwd-delay"] = "forward_delay",
  ["stp-priority"] = "priority", ["stp-system-id"] = "mac" }

--- Reads `ovs-appctl stp/show` or `rstp/show` of one bridge.
---@param out string
---@return table? record nil where the protocol doesn't run
function m.tree(out)
  local record, part = { ports = {} }, nil
  for line in out:gmatch "[^\n]+" do
    local heading = line:match "^(%w+) ID:"
    if heading == "Root" then
      record.root_id, part = {}, "root_id"
    elseif heading == "Bridge" then
      record.bridge_id, part = {}, "bridge_id"
    end
    if line:find "This bridge is the root" then record.root = true end
    local key, value = line:match "^  ([%w-]+) +(%S+)$"
    if key == "root-port" then record.root_port = value end
    if key == "root-path-cost" then record.root_cost = math.tointeger(tonumber(value)) end
    if part and SPAN[key] then record[part][SPAN[key]] = math.tointeger(tonumber((value:gsub("s$", "")))) or value end
    local name, role, state, cost, id = line:match "^  (%S+) +(%a+) +(%a+) +(%d+) +(%d+%.%d+)"
    if name then
      table.insert(record.ports, { name = name, role = role:lower(), state = state:lower(),
        cost = math.tointeger(tonumber(cost)), id = id })
    end
  end
  return record.bridge_id and record or nil
end

return m
