--- addrlabel.lua - labels of IPv6 prefixes, by which source addresses are chosen.
local core = require "nsh.core"
local fail = require "nsh.error"
local Netns = require("nsh.netns").Netns
local words = require "nsh.words"

local m = {}

--- Gives an IPv6 prefix a label. A source address is preferred that has the label of the destination.
--- Twin: `ip addrlabel add prefix PREFIX label NUMBER`
---@param label table { "fd00::/8", label = 7, dev = }; a record is taken too
---@error EEXIST when the prefix has one already
function Netns:add_addrlabel(label)
  if type(label) ~= "table" then
    fail.misuse('an address label is a table as { "fd00::/8", label = 7 }, not a %s', type(label))
  end
  fail.check_spec(label, "addrlabel add", tostring(label[1] or label.prefix), self,
    core.addrlabel.add(self.core, label))
end

--- Takes the label of a prefix away: the first that has all that is given.
--- Twin: `ip addrlabel del prefix PREFIX label NUMBER`
---@param label string|table "fd00::/8", or { "fd00::/8", label = , dev = }; a record is taken too
---@error ESRCH when it has none
function Netns:del_addrlabel(label)
  local spec = fail.options(type(label) == "string" and { label } or label, "del_addrlabel")
  local target = spec[1] or spec.prefix
  if not target then fail.misuse("prefix is needed: the IPv6 prefix that has the label") end
  -- the kernel wants a label and doesn't look at it
  local found = fail.check_spec(spec, "addrlabel del", tostring(target), self,
    core.addrlabel.list(self.core, spec))[1]
  if not found then
    fail.check_spec(spec, "addrlabel del", tostring(target), self, nil, "No such process", "ESRCH", { errno = 3 })
  end
  fail.check_spec(spec, "addrlabel del", tostring(target), self, core.addrlabel.del(self.core, found))
end

--- Lists the labels of IPv6 prefixes.
--- Twin: `ip addrlabel list`
---@param filter? table keys that the records must have, as { label = 7 }
---@return table[] records
function Netns:addrlabels(filter)
  return fail.check("addrlabel list", nil, self, core.addrlabel.list(self.core, fail.options(filter, "addrlabels")))
end

--- Takes all labels away, or those that match.
--- Twin: `ip addrlabel flush`
---@param filter? table keys that the records must have
---@return integer count
function Netns:flush_addrlabels(filter) return words.flush(self, "addrlabel", self:addrlabels(filter)) end

return m
