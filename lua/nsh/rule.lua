--- rule.lua - routing policy rules: which packets are routed by which table.
local core = require "nsh.core"
local fail = require "nsh.error"
local Netns = require("nsh.netns").Netns
local words = require "nsh.words"

local m = {}

-- Words of ip(8) that Lua or another noun has for something else.
local OTHER = {
  ["not"] = "invert", ["goto"] = "target", lookup = "table", pref = "priority", preference = "priority",
  order = "priority", dsfield = "tos", protocol = "proto", action = "type", dev = "iif", realm = "realms", nop = "type",
}

--- Returns a copy with what a person writes in the core's words: a mark with its mask, "all", a link for its name.
---@private
function m.in_core_words(rule, what)
  local spec = fail.options(rule, what)
  words.refuse(spec, OTHER, "rule")
  words.mark(spec, "fwmark", "fwmask")
  for _, key in ipairs { "from", "to" } do
    if spec[key] == "all" or spec[key] == "any" then spec[key] = nil end
  end
  for _, key in ipairs { "iif", "oif" } do spec[key] = words.link_name(spec[key]) end
  return spec
end

local function target_of(spec)
  return spec.priority and ("priority " .. tostring(spec.priority)) or nil
end

--- Returns a new rule in the core's words, with what is so where nothing is said.
---@private
---@param rule table
---@return table spec
function m.complete(rule)
  local spec = m.in_core_words(rule, "add_rule")
  spec.type = spec.type or (spec.target and "goto") or "unicast"
  if spec.type == "goto" and not spec.target then
    fail.misuse("target is needed: the priority of the rule to go on with")
  elseif spec.target and spec.type ~= "goto" then
    fail.misuse("target is for type = \"goto\", not for %s", tostring(spec.type))
  elseif spec.table and spec.l3mdev then
    fail.misuse("l3mdev takes the VRF's own table; leave table out")
  end
  if spec.type == "unicast" and not spec.l3mdev then spec.table = spec.table or "main" end
  spec.proto = spec.proto or "boot"
  return spec
end

--- Adds a rule. Packets that all its selectors fit are routed by its table, or treated as its type says.
--- Twin: `ip rule add from PREFIX fwmark MARK ... lookup TABLE`
---@param rule table { from = , to = , iif = , fwmark = , table = , priority = , ... }; a record is taken too
---@error EEXIST when there is such a rule
---@error EINVAL when target is not a higher priority than its own
function Netns:add_rule(rule)
  if type(rule) ~= "table" then
    fail.misuse('a rule is a table as { from = "10.0.0.0/8", table = 100 }, not a %s', type(rule))
  end
  local spec = m.complete(rule)
  fail.check_spec(spec, "rule add", target_of(spec), self, core.rule.add(self.core, spec))
end

-- The kernel doesn't look at these when it chooses the rule to delete.
local function unseen(spec) return spec.invert ~= nil or spec.target ~= nil end

--- Deletes a rule: the first that has all that is given.
--- Twin: `ip rule del ...`
---@param rule table keys as add_rule has them; a record is taken too
---@error ENOENT when there is none
function Netns:del_rule(rule)
  if type(rule) ~= "table" then
    fail.misuse("a rule is a table as { priority = 100 }, not a %s", type(rule))
  end
  local spec = m.in_core_words(rule, "del_rule")
  if next(spec) == nil then fail.misuse("say which rule: { priority = 100 }, { from = \"10.0.0.0/8\" }, ...") end
  local which = spec
  if unseen(spec) then
    local filter = {}
    for _, row in ipairs(words.writable "rule") do filter[row] = spec[row] end
    which = fail.check_spec(spec, "rule del", target_of(spec), self, core.rule.list(self.core, filter))[1]
    if not which then
      fail.check_spec(spec, "rule del", target_of(spec), self, nil, "No such file or directory", "ENOENT",
        { errno = 2 })
    end
  end
  fail.check_spec(spec, "rule del", target_of(spec), self, core.rule.del(self.core, which))
end

--- Lists the rules of IPv4 and IPv6 in the order in which they are tried.
--- Twin: `ip rule show`
---@param filter? table keys that the records must have, as { table = 100, family = "inet" }
---@return table[] records
function Netns:rules(filter)
  return fail.check("rule list", nil, self, core.rule.list(self.core, m.in_core_words(filter, "rules")))
end

--- Deletes all rules, or those that match, but never those of priority 0, which lead to table local.
--- Twin: `ip rule flush`
---@param filter? table keys that the records must have, as { proto = "static" }
---@return integer count
function Netns:flush_rules(filter)
  local list = fail.check("rule flush", nil, self, core.rule.list(self.core, m.in_core_words(filter, "flush_rules")))
  return words.flush(self, "rule", list,
    function(record) return record.priority ~= 0 end)
end

return m
