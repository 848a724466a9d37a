--- hosts.lua - the nodes of a lab as hosts to their commands: made at the first command of each, for most have none.
local core = require "nsh.core"
local fail = require "nsh.error"
local places = require("nsh.lab.records").devices
local prefixes = require "nsh.prefix"
local store = require "nsh.lab.store"

local m = {}

local HEAD = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

-- --- /etc/hosts ---

-- Addresses of a node by family, each once.
local function addrs_of(node)
  local found = { {}, {} }
  for _, device in ipairs(places(node)) do
    for _, record in ipairs(device.addrs) do
      local six = record.addr:find(":", 1, true)
      if not record.addr:find "^fe80:" and not record.addr:find "^127%." then
        table.insert(found[six and 2 or 1], record.addr)
      end
    end
  end
  return found
end

local function line_of(lab, addr, name)
  local domain = lab.options.domain
  return ("%s\t%s%s\n"):format(addr:match "^[^/]+", domain and name .. "." .. domain .. " " or "", name)
end

local tables = setmetatable({}, { __mode = "k" }) -- by lab: names and addresses, as long as nothing is declared

-- Lines of nodes with one address of a family are the same for all; of the others it is found out for each who asks.
local function table_of(lab)
  local known = tables[lab]
  if known and known.version == lab.version then return known end
  local common, several = {}, {}
  for _, node in ipairs(lab.nodes) do
    for _, addrs in ipairs(node.kind ~= "external" and addrs_of(node) or {}) do
      if addrs[2] then
        several[#several + 1] = { node = node, addrs = addrs }
      elseif addrs[1] then
        common[#common + 1] = line_of(lab, addrs[1], node.name)
      end
    end
  end
  for name, addrs in pairs(type(lab.options.hosts) == "table" and lab.options.hosts or {}) do
    for _, addr in ipairs(type(addrs) == "table" and addrs or { addrs }) do
      common[#common + 1] = ("%s\t%s\n"):format(addr, name)
    end
  end
  table.sort(common)
  tables[lab] = { common = table.concat(common), several = several, version = lab.version }
  return tables[lab]
end

-- Networks by their length, as sets.
local function note_network(networks, addr)
  local prefix = prefixes.parse(addr, "addr")
  networks[prefix.length] = networks[prefix.length] or {}
  networks[prefix.length][prefix.network] = true
end

local function is_in(networks, addr)
  for length, known in pairs(networks) do
    local _, _, network = core.prefix(addr .. "/" .. length)
    if network and known[network] then return true end
  end
  return false
end

-- Of several addresses that come first which are in a network of the one who asks.
local function nearest_first(list, networks)
  local near, far = {}, {}
  for _, addr in ipairs(list) do table.insert(is_in(networks, addr:match "^[^/]+") and near or far, addr) end
  return table.move(far, 1, #far, #near + 1, near)
end

local function hosts_text(node)
  local lab, given = node.lab, node.things.hosts
  if given == false or given == nil and lab.options.hosts == false then return nil end
  if type(given) == "string" then return given:find "\n$" and given or given .. "\n" end
  local all, lines, networks = table_of(lab), { HEAD }, {}
  for family, addrs in ipairs(addrs_of(node)) do
    for _, addr in ipairs(addrs) do note_network(networks, addr) end
    if family == 1 and not addrs[1] then lines[#lines + 1] = line_of(lab, "127.0.1.1", node.name) end
  end
  for _, one in ipairs(all.several) do
    for _, addr in ipairs(nearest_first(one.addrs, networks)) do
      lines[#lines + 1] = line_of(lab, addr, one.node.name)
    end
  end
  for name, addrs in pairs(given or {}) do
    for _, addr in ipairs(type(addrs) == "table" and addrs or { addrs }) do
      lines[#lines + 1] = ("%s\t%s\n"):format(addr, name)
    end
  end
  lines[#lines + 1] = all.common
  return table.concat(lines)
end

-- --- nodes ---

-- By namespace: of which table its commands see the names.
local made = setmetatable({}, { __mode = "k" })

--- Writes a file of a node, or takes it away.
---@private
---@param ns nsh.Netns
---@param file { path: string, text: string?, mode: integer? }
function m.put(ns, file)
  fail.check("file", file.path, ns, core.node.file(ns.core, file.path, file.text, file.mode))
end

--- Makes a namespace the host that its node is declared as, before a command runs there.
---@private
---@param ns nsh.Netns
---@param node nsh.LabNode
---@param apart? boolean its files are written by who asks
function m.prepare(ns, node, apart)
  local things, label = node.things, ns.label
  if label == "root" or label == "host" or not store.has(node.lab.name) then return end
  local names = table_of(node.lab)
  if made[ns] == names then return end
  local text = hosts_text(node)
  if not made[ns] and not fail.check("node", label, ns, core.node.there(ns.core)) then
    fail.check("node", label, ns, core.node.make(ns.core, { hostname = things.hostname or node.name, hosts = text,
      resolv = things.resolv, folders = things.folders, pids = things.pids }))
    require("nsh.netns").hold(ns)
    made[ns] = names
    for _, file in ipairs(apart and {} or things.files) do m.put(ns, file) end
    return
  end
  made[ns] = names
  if text then m.put(ns, { path = "/etc/hosts", text = text }) end
end

return m
