--- promote.lua - addresses of IPv4 that stay while the first one of their network goes.
local core = require "nsh.core"
local prefixes = require "nsh.prefix"

local m = {}

--- Returns what tells the network of an address.
---@private
---@param addr string "10.0.0.1/24"
---@return string
function m.network_of(addr)
  local prefix = prefixes.parse(addr, "addr")
  return prefixes.head(prefix.bytes, prefix.length) .. "/" .. prefix.length
end

local function is_four(addr) return addr ~= nil and not addr.addr:find(":", 1, true) end

local function key_of(netns, addr) return ("%s %s %s"):format(netns, addr.dev, m.network_of(addr.addr)) end

-- Links whose IPv4 addresses of a network stay while one of it goes: the kernel would take those that came after it as
-- well, unless it is told to promote one.
local function promoted(run, steps, live)
  local links, going, names, networks = {}, {}, {}, {}
  for _, step in ipairs(steps) do
    if step.noun == "addr" and is_four(step.from) and (step.op == "delete" or step.changes) then
      going[#going + 1], names[step.netns] = step, true
    end
  end
  local function note(name, addr, is_new)
    local key = key_of(name, addr)
    local network = networks[key] or { first = addr.addr, more = false }
    network.more, networks[key] = network.more or is_new or addr.addr ~= network.first, network
  end
  for name in pairs(names) do
    for _, addr in ipairs(live[name] and live[name].addrs or {}) do
      if is_four(addr) then note(name, addr, false) end
    end
  end
  for _, step in ipairs(going[1] and steps or {}) do
    if step.noun == "addr" and step.op == "create" and is_four(step.to) then note(step.netns, step.to, true) end
  end
  for _, step in ipairs(going) do
    local from, network = step.from, networks[key_of(step.netns, step.from)]
    if network and (network.more or network.first ~= from.addr) then
      links[step.netns .. " " .. from.dev] = { ns = run.ns[step.netns], dev = from.dev }
    end
  end
  return links
end

-- Sets a sysctl on links for a while; closing the result puts back what was.
local function promoting(links)
  local undo = {}
  for _, link in pairs(links) do
    local key = ("net/ipv4/conf/%s/promote_secondaries"):format(link.dev)
    local old = core.sysctl.get(link.ns.core, key)
    if old == "0" and core.sysctl.set(link.ns.core, key, "1") then undo[#undo + 1] = { link.ns, key } end
  end
  return setmetatable(undo, { __close = function()
    for _, entry in ipairs(undo) do core.sysctl.set(entry[1].core, entry[2], "0") end
  end })
end

--- Keeps addresses of the links where one goes and others of its network stay, until the result is closed.
---@private
---@param run nsh.LabRun
---@param steps nsh.PlanStep[]
---@param live table<string, table> states of namespaces by name
---@return table
function m.during(run, steps, live) return promoting(promoted(run, steps, live)) end

return m
