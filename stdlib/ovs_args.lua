--- ovs_args.lua - the option tables of bridges and ports of Open vSwitch: their keys, and the database's columns.
local daemon = require "stdlib.daemon"
local nsh = require "nsh"
local text = require "stdlib.ovs_text"

local m = {}

local function whole(from, to)
  return function(n) return math.type(n) == "integer" and n >= from and n <= to end
end

local is_vid = whole(0, 4095)
local function is_boolean(value) return type(value) == "boolean" end
local function is_text(value) return type(value) == "string" end
local function is_table(value) return type(value) == "table" end

local function is_list_of(test)
  return function(list)
    if type(list) ~= "table" then return false end
    for _, item in ipairs(list) do
      if not test(item) then return false end
    end
    return #list > 0
  end
end

-- A column of the database, or "column:key" of a map in it; what it takes, and that in words.
local function column(name, test, words) return { column = name, test = test, words = words } end

local function seconds(name, from, to)
  return column("other_config:" .. name, whole(from, to), ("seconds, %d to %d"):format(from, to))
end

local function one_of(name, ...)
  local words = { ... }
  local function test(value)
    for _, word in ipairs(words) do
      if value == word then return true end
    end
    return false
  end
  return column(name, test, table.concat(words, ", "))
end

m.port = {
  tag = column("tag", is_vid, "a VLAN, 0 to 4095"),
  trunks = column("trunks", is_list_of(is_vid), "a list of VLANs, 0 to 4095"),
  vlan_mode = one_of("vlan_mode", "access", "native-tagged", "native-untagged", "trunk", "dot1q-tunnel"),
  other_config = column("other_config", is_table, "a table"),
}

m.interface = {
  type = column("type", is_text, "a type, as \"internal\", \"patch\" or \"vxlan\""),
  peer = column("options:peer", is_text, "the name of the other bridge's port"),
  options = column("options", is_table, "a table"),
  ofport = column("ofport_request", whole(1, 65279), "a number, 1 to 65279"),
  mac = column("mac", is_text, "a MAC address"),
  mtu = column("mtu_request", whole(68, 65535), "bytes, 68 to 65535"),
}

m.bridge = {
  datapath = one_of("datapath_type", "system", "netdev"),
  fail_mode = one_of("fail_mode", "standalone", "secure"),
  stp = column("stp_enable", is_boolean, "true"),
  rstp = column("rstp_enable", is_boolean, "true"),
  mcast_snooping = column("mcast_snooping_enable", is_boolean, "true"),
  protocols = column("protocols", is_list_of(is_text), 'a list, as { "OpenFlow13" }'),
  mac = column("other_config:hwaddr", is_text, "a MAC address"),
  dpid = column("other_config:datapath-id", function(s) return is_text(s) and s:find "^%x+$" and #s == 16 end,
    "16 hexadecimal digits"),
  ageing_time = seconds("mac-aging-time", 15, 3600),
  priority = column("other_config:stp-priority", whole(0, 61440), "a number, 0 to 61440"),
  hello_time = seconds("stp-hello-time", 1, 10),
  max_age = seconds("stp-max-age", 6, 40),
  forward_delay = seconds("stp-forward-delay", 4, 30),
  other_config = column("other_config", is_table, "a table"),
}

-- Keys of maps that RSTP reads under a name of its own.
local RSTP = { ["stp-priority"] = "rstp-priority", ["stp-max-age"] = "rstp-max-age",
  ["stp-forward-delay"] = "rstp-forward-delay" }

--- Lists keys for nsh.options.
---@param more string[]
---@param ... table rows
---@return any[]
function m.keys(more, ...)
  local keys = { "name", table.unpack(more) }
  for _, rows in ipairs { ... } do
    for key in pairs(rows) do keys[#keys + 1] = key end
  end
  table.sort(keys)
  return { 1, table.unpack(keys) }
end

--- Returns an option table's copy whose main value is at [1]; a name or a link alone stands for { it }.
---@param spec any
---@param what string who takes it
---@param keys any[] that are known
---@return table
function m.spec(spec, what, keys)
  if type(spec) == "string" or daemon.is_link(spec) then spec = { spec } end
  spec = nsh.options(spec, what, keys)
  if spec[1] == nil then spec[1] = spec.name end
  spec.name = nil
  return spec
end

--- Checks a name, which the kernel may have to take for a link.
---@param name any
---@param what string who takes it
---@return string
function m.name(name, what)
  local fits = type(name) == "string" and #name >= 1 and #name <= 15 and not name:find "[%s%c/]"
  if not fits or name:sub(1, 1) == "-" then
    nsh.misuse(("%s needs a name of 1 to 15 bytes, without '/', spaces and a leading '-', not '%s'"):format(what,
      tostring(name)))
  end
  return name
end

-- What one key asks for: assignments go to words, the removal of a map's key is a command of its own.
local function assign(cmds, words, name, value)
  local map, key = name:match "^([%w_]+):(.+)$"
  if not key then
    words[#words + 1] = name .. "=" .. text.word(value)
  elseif value == false then
    cmds[#cmds + 1] = { "remove", words[2], words[3], map, key }
  else
    words[#words + 1] = ("%s:%s=%s"):format(map, text.word(key), text.word(tostring(value)))
  end
  if RSTP[key] then assign(cmds, words, map .. ":" .. RSTP[key], value) end
end

--- Adds the commands that bring keys of an option table to a row of the database. A value of the wrong kind is misuse.
---@param cmds string[][]
---@param tbl string "bridge"
---@param name string of the row
---@param spec table
---@param rows table its keys: m.port, m.interface or m.bridge
function m.settings(cmds, tbl, name, spec, rows)
  local words, more = { "set", tbl, name }, {}
  local keys = {}
  for key in pairs(rows) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local value, row = spec[key], rows[key]
    if value and not row.test(value) then
      nsh.misuse(("%s of %s takes %s, or false for none, not %s"):format(key, name, row.words,
        type(value) == "string" and "'" .. value .. "'" or type(value) == "table" and "that" or tostring(value)))
    end
    if value == false and row.test == is_table then
      more[#more + 1] = { "clear", tbl, name, row.column }
    elseif value ~= nil and row.test == is_table then
      for k, v in pairs(value) do assign(more, words, row.column .. ":" .. tostring(k), v) end
    elseif value ~= nil then
      local empty = value == false and row.test ~= is_boolean and not row.column:find ":"
      assign(more, words, row.column, empty and {} or value)
    end
  end
  if #words > 3 then cmds[#cmds + 1] = words end
  table.move(more, 1, #more, #cmds + 1, cmds)
end

return m
