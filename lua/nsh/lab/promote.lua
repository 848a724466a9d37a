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

-- Links whose IPv4 addresses of a network stay while one of it goes: the kernel would take those that came after it as
-- well, unless it is told to promote one.
local function promoted(run, steps, live)
  local links = {}
  for _, step in ipairs(steps) do
    local from = step.noun == "addr" and step.from
    if from and (step.op == "delete" or step.changes) and not from.addr:find(":", 1, true) then
      local node = live[step.netns]
      for _, other in ipairs(node and node.addrs or {}) do
        if other.dev == from.dev and other.addr ~= from.addr and not other.addr:find(":", 1, true)
          and m.network_of(other.addr) == m.network_of(from.addr) then
          links[step.netns .. " " .. from.dev] = { ns = run.ns[step.netns], dev = from.dev }
        end
      end
      for _, new in ipairs(steps) do
        if new.noun == "addr" and new.op == "create" and new.netns == step.netns and new.to.dev == from.dev
          and not new.to.addr:find(":", 1, true) and m.network_of(new.to.addr) == m.network_of(from.addr) then
          links[step.netns .. " " .. from.dev] = { ns = run.ns[step.netns], dev = from.dev }
        end
      end
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
