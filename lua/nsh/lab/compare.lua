--- compare.lua - two labs compared: what leads from one to the other.
local defaults = require "nsh.lab.defaults"
local diff = require "nsh.lab.diff"
local fail = require "nsh.error"
local live = require "nsh.lab.live"
local nouns = require "nsh.lab.nouns"
local plain = require "nsh.lab.plain"
local plan = require "nsh.lab.plan"
local ruleset = require "nsh.lab.ruleset"
local script = require "nsh.lab.script"

local m = {}

local key_of_vlan = nouns.by_name.bridge_vlan.key

local function state_of(lab)
  local taken = rawget(lab, "taken")
  return taken and taken.state or script.asked(lab)
end

-- A state as one that is asked for: without what can't be.
local function wished(state)
  local copy = { nodes = {} }
  for i, node in ipairs(state.nodes) do
    local new = nouns.empty(node.netns)
    new.node, new.kind, new.sysctls, new.nft = node.node, node.kind, node.sysctls, node.nft
    for _, row in ipairs(nouns.list) do
      for _, record in ipairs(node[row.field] or {}) do
        nouns.add(new, row.field, plain.wished(row.noun, record))
      end
    end
    copy.nodes[i] = new
  end
  return copy
end

-- Of a value, only what another one says anything about: of tables their keys, of lists of the same length each.
local function restrict_value(value, other)
  if type(value) ~= "table" or type(other) ~= "table" or rawlen(value) ~= rawlen(other) then return end
  for key, one in pairs(value) do
    if other[key] == nil then value[key] = nil else restrict_value(one, other[key]) end
  end
end

-- Of what is wished, only what the other state says anything about: what is declared doesn't name all that a link has.
local function restrict(want, have)
  local known = live.by_netns(have)
  for _, node in ipairs(want.nodes) do
    for _, row in ipairs(known[node.netns] and nouns.list or {}) do
      local there = {}
      for _, record in ipairs(known[node.netns][row.field]) do there[row.key(record)] = record end
      for _, record in ipairs(node[row.field]) do restrict_value(record, there[row.key(record)]) end
    end
  end
end

-- A state that was found, without the VLAN that a port of a bridge is in by itself: a declaration doesn't name it.
local function without_own_vlans(found, declared)
  local known, copy = live.by_netns(declared), { nodes = {} }
  for i, node in ipairs(found.nodes) do
    local links, said, vlans = {}, {}, {}
    for _, link in ipairs(node.links) do links[link.name] = link end
    for _, vlan in ipairs((known[node.netns] or {}).vlans or {}) do said[key_of_vlan(vlan)] = true end
    for _, vlan in ipairs(node.vlans) do
      local link = links[vlan.dev] or {}
      local bridge = link.kind == "bridge" and link or links[link.master] or {}
      local own = vlan.pvid and vlan.untagged and vlan.vid == bridge.vlan_default_pvid
      if said[key_of_vlan(vlan)] or not own then vlans[#vlans + 1] = vlan end
    end
    copy.nodes[i] = setmetatable({ vlans = vlans }, { __index = node })
  end
  return copy
end

local function everything() return true end

-- What only the first one has changed goes back to the kernel's own value.
local function add_sysctls(want, have)
  local there_by, known = live.by_netns(have), {}
  for _, node in ipairs(want.nodes) do
    local there = there_by[node.netns]
    local sysctls = {}
    for key, value in pairs(node.sysctls or {}) do sysctls[key] = value end
    for key in pairs(there and there.sysctls or {}) do
      if sysctls[key] == nil then sysctls[key] = defaults.sysctl(key, known) end
    end
    node.sysctls = sysctls
  end
end

-- Rulesets of nft are compared by what they make.
local function add_rulesets(steps, want, have)
  local known, normal = live.by_netns(have), {}
  local function read(text, node)
    normal[text] = normal[text] or ruleset.normal(text, node.links)
    return normal[text]
  end
  for _, node in ipairs(want.nodes) do
    local there = known[node.netns] or nouns.empty(node.netns)
    local old, new = there.nft, node.nft
    if old and new and old ~= new then old, new = read(old, there), read(new, node) end
    if old ~= new then
      steps[#steps + 1] = { op = not old and "create" or not new and "delete" or "change", noun = "nft",
        name = "ruleset", node = node.node, netns = node.netns, from = old and { text = old },
        to = new and { text = new },
        changes = old and new and { text = { old, new } } or nil }
    end
  end
end

--- Compares two labs.
---@private
---@param from nsh.Lab
---@param to nsh.Lab
---@return nsh.Plan
function m.of(from, to)
  if type(to) ~= "table" or getmetatable(to) ~= getmetatable(from) then
    fail.misuse("diff takes another lab, not a %s", type(to))
  end
  local have, want = state_of(from), wished(state_of(to))
  if not rawget(from, "taken") then
    want = rawget(to, "taken") and without_own_vlans(want, have) or want
    restrict(want, have)
  elseif not rawget(to, "taken") then
    have = without_own_vlans(have, want)
  end
  local kept, steps = live.by_netns(want), {}
  for _, node in ipairs(have.nodes) do
    if not kept[node.netns] then
      steps[#steps + 1] = { op = "delete", noun = "netns", node = node.node, netns = node.netns, name = node.netns,
        from = { name = node.netns } }
    end
  end
  add_sysctls(want, have)
  local more = diff.steps(want, have, everything)
  table.move(more, 1, #more, #steps + 1, steps)
  add_rulesets(steps, want, have)
  return plan.new(steps)
end

return m
