--- frr_text.lua - FRRouting's configuration: made of options, what it needs, what changes between two of them.
local routing = require "stdlib.routing"

local m = {}

-- The daemons, and what in a configuration wants each.
local DAEMONS = {
  { name = "ospfd", wants = { "^%s*router ospf%f[%s%z]", "^%s*ip ospf " } },
  { name = "ospf6d", wants = { "^%s*router ospf6%f[%s%z]", "^%s*ipv6 ospf6 " } },
  { name = "bgpd", wants = { "^%s*router bgp%f[%s%z]" } },
  { name = "staticd", wants = { "^%s*ip route ", "^%s*ipv6 route " } },
  { name = "ripd", wants = { "^%s*router rip%f[%s%z]" } },
  { name = "ripngd", wants = { "^%s*router ripng%f[%s%z]" } },
  { name = "isisd", wants = { "^%s*router isis " } },
  { name = "babeld", wants = { "^%s*router babel%f[%s%z]" } },
  { name = "eigrpd", wants = { "^%s*router eigrp " } },
  { name = "bfdd", wants = { "^%s*bfd%f[%s%z]" } },
  { name = "pimd", wants = { "^%s*ip pim", "^%s*ip igmp" } },
  { name = "vrrpd", wants = { "^%s*vrrp " } },
}

-- --- the configuration ---

local TYPES = { broadcast = "broadcast", ptp = "point-to-point", nbma = "non-broadcast", ptmp = "point-to-multipoint" }

-- The lines of a link, of either version of OSPF.
local function link_lines(link, version)
  local prefix, lines = version == 4 and " ip ospf " or " ipv6 ospf6 ", {}
  local function add(key, value)
    if value ~= nil then lines[#lines + 1] = prefix .. key .. (value ~= true and " " .. tostring(value) or "") end
  end
  add("cost", link.cost)
  if link.passive then -- the rest is about speaking, and a loopback refuses it
    add("passive", true)
  else
    add("hello-interval", link.hello)
    add("dead-interval", link.dead)
    add("network", TYPES[link.type])
    add("priority", link.priority)
  end
  add("area", link.area) -- with it the link begins to speak, and to wait for others by the intervals that it has then
  return lines
end

local function interfaces_text(spec)
  local by_name, order = {}, {}
  for version, ospf in pairs { [4] = spec.ospf, [6] = spec.ospf6 } do
    for _, link in ipairs(ospf.links) do
      if not by_name[link.name] then
        by_name[link.name] = {}
        order[#order + 1] = link.name
      end
      for _, line in ipairs(link_lines(link, version)) do table.insert(by_name[link.name], line) end
    end
  end
  table.sort(order)
  for i, name in ipairs(order) do
    order[i] = ("interface %s\n%s\nexit"):format(name, table.concat(by_name[name], "\n"))
  end
  return order
end

-- The word of the other version's routes is ospf6.
local function redistribute(lines, list, indent, inet6)
  for _, word in ipairs(list) do
    lines[#lines + 1] = ("%sredistribute %s"):format(indent, word == "ospf" and inet6 and "ospf6" or word)
  end
end

-- Changes are told at once, not in bunches: a lab is small.
local function ospf_text(ospf, version, router_id)
  if not ospf then return end
  local lines = version == 4 and { "router ospf", " ospf router-id " .. router_id }
    or { "router ospf6", " ospf6 router-id " .. router_id }
  lines[#lines + 1] = " log-adjacency-changes detail"
  lines[#lines + 1] = " timers throttle spf 0 50 1000"
  if version == 4 then lines[#lines + 1] = " timers throttle lsa all 0" end
  lines[#lines + 1] = " timers lsa min-arrival 0"
  redistribute(lines, ospf.redistribute, " ", version == 6)
  lines[#lines + 1] = "exit"
  return table.concat(lines, "\n")
end

local function neighbor_lines(lines, peer)
  local function add(fmt, ...) lines[#lines + 1] = (" neighbor %s " .. fmt):format(peer.addr, ...) end
  add("remote-as %d", peer.asn)
  add("timers %d %d", math.max(1, peer.hold // 3), peer.hold)
  add "timers connect 1"
  add "advertisement-interval 0"
  if peer.source then add("update-source %s", peer.source) end
  if peer.multihop then add("ebgp-multihop %d", peer.multihop) end
  if peer.password then add("password %s", peer.password) end
  if peer.passive then add "passive" end
end

local function family_lines(lines, bgp, family)
  local has = {}
  for _, peer in ipairs(bgp.neighbors) do
    if peer.family == family then
      has[#has + 1] = ("  neighbor %s activate"):format(peer.addr)
      if peer.next_hop_self then has[#has + 1] = ("  neighbor %s next-hop-self"):format(peer.addr) end
    end
  end
  if #has == 0 then return end
  for _, dst in ipairs(bgp.networks) do
    if routing.family(dst) == family then has[#has + 1] = "  network " .. dst end
  end
  redistribute(has, bgp.redistribute, "  ", family == "inet6")
  lines[#lines + 1] = (" address-family %s unicast"):format(family == "inet" and "ipv4" or "ipv6")
  table.move(has, 1, #has, #lines + 1, lines)
  lines[#lines + 1] = " exit-address-family"
end

local function bgp_text(bgp, router_id)
  if not bgp then return end
  local lines = { "router bgp " .. bgp.asn, " bgp router-id " .. router_id, " bgp log-neighbor-changes",
    " no bgp default ipv4-unicast", " no bgp ebgp-requires-policy", " no bgp network import-check" }
  for _, peer in ipairs(bgp.neighbors) do neighbor_lines(lines, peer) end
  family_lines(lines, bgp, "inet")
  family_lines(lines, bgp, "inet6")
  lines[#lines + 1] = "exit"
  return table.concat(lines, "\n")
end

local REJECTS = { blackhole = "blackhole", unreachable = "reject", prohibit = "reject" }

local function static_text(route)
  return ("%s route %s %s"):format(route.family == "inet" and "ip" or "ipv6", route.dst,
    REJECTS[route.type] or table.concat({ route.via or route.dev, route.via and route.dev }, " "))
end

--- Makes the configuration of the options.
---@param spec table as routing.read gave it
---@return string text
---@return integer before how many lines stand before the caller's own
function m.text(spec)
  local parts = {}
  local function add(text) parts[#parts + 1] = text end
  add(ospf_text(spec.ospf, 4, spec.router_id))
  add(ospf_text(spec.ospf6, 6, spec.router_id))
  add(bgp_text(spec.bgp, spec.router_id))
  for _, text in ipairs(interfaces_text(spec)) do add(text) end -- ospf6d speaks at once, so it has its id by then
  for _, route in ipairs(spec.static) do add(static_text(route)) end
  return routing.join(parts, spec.config)
end

--- Tells which daemons a configuration needs, zebra left out.
---@param text string
---@return string[] names
function m.daemons(text)
  local list = {}
  for _, row in ipairs(DAEMONS) do
    local wanted = false
    for line in text:gmatch "[^\n]+" do
      for _, pattern in ipairs(row.wants) do wanted = wanted or line:find(pattern) ~= nil end
    end
    if wanted then list[#list + 1] = row.name end
  end
  return list
end

-- --- what changes between two configurations ---

local OPENERS = { "^interface ", "^router ", "^route%-map ", "^vrf ", "^key chain ", "^bfd$", "^line " }
local INNER = { "^address%-family ", "^key %d", "^peer " }

local function opens(line, patterns)
  for _, pattern in ipairs(patterns) do
    if line:find(pattern) then return true end
  end
  return false
end

-- The lines of a text, each with the contexts that it stands in: { { path = { "router ospf" }, line = "..." }, ... }.
local function lines_of(text)
  local list, has, path = {}, {}, {}
  for raw in text:gmatch "[^\n]+" do
    local line = raw:gsub("^%s+", ""):gsub("%s+$", ""):gsub("%s+", " ")
    if line == "exit" or line == "exit-address-family" then
      path[#path] = nil
    elseif line == "end" then
      path = {}
    elseif line ~= "" and not line:find "^[!#]" then
      if opens(line, OPENERS) or #path > 0 and not raw:find "^%s" and path.indented then path = {} end
      if #path == 2 and opens(line, INNER) then path[2] = nil end
      path.indented = path.indented or raw:find "^%s" ~= nil
      local key = table.concat(path, "\n") .. "\n" .. line
      if not has[key] then list[#list + 1] = { path = { table.unpack(path) }, line = line, key = key } end
      has[key] = true
      if opens(line, OPENERS) or #path == 1 and opens(line, INNER) then path[#path + 1] = line end
    end
  end
  return list, has
end

local function in_context(commands, row, command)
  for _, context in ipairs(row.path) do commands[#commands + 1] = context end
  commands[#commands + 1] = command
  for i = #row.path, 1, -1 do
    commands[#commands + 1] = row.path[i]:find "^address%-family" and "exit-address-family" or "exit"
  end
end

local function is_context(line) return opens(line, OPENERS) or opens(line, INNER) end

--- Makes the commands that lead from one configuration to another. Lines that both have aren't said again, which would
--- reset a session.
---@param old string
---@param new string
---@return string commands
-- What stood in a router that goes goes with it, as do the other lines of a neighbour that loses its remote-as; these
-- are said again where the new text has them. The context of a link can't go.
function m.change(old, new)
  local commands, gone = {}, {}
  local before, had = lines_of(old)
  local after, has = lines_of(new)
  local function along(row)
    local neighbor = row.line:match "^neighbor %S+"
    return row.path[1] and gone["\n" .. row.path[1]] or neighbor and gone[neighbor]
  end
  for _, row in ipairs(before) do
    if not has[row.key] and not along(row) and not row.line:find "^interface " and not opens(row.line, INNER) then
      in_context(commands, row, row.line:match "^no (.*)$" or "no " .. row.line)
      if row.line:find "^router " then gone[row.key] = true end
      if row.line:find " remote%-as " then gone[row.line:match "^neighbor %S+"] = true end
    end
  end
  for _, row in ipairs(after) do
    if not is_context(row.line) and (not had[row.key] or along(row)) then in_context(commands, row, row.line) end
    if row.line:find "^router " and not had[row.key] then in_context(commands, row, row.line .. "\nexit") end
  end
  return table.concat(commands, "\n") .. "\n"
end

return m
