--- gc.lua - what a killed run has left of a lab: found by its record, shown, and taken away.
local apply = require "nsh.lab.apply"
local core = require "nsh.core"
local mark = require "nsh.lab.mark"
local netns = require "nsh.netns"
local nouns = require "nsh.lab.nouns"
local shelf = require "nsh.lab.shelf"
local show = require "nsh.show"
local store = require "nsh.lab.store"
local world = require "nsh.world"

local m = {}

-- Whether a namespace was made for this lab: it is the one that was noted, or has the mark of that run.
local function is_ours(ns, node, record)
  if node.id then return core.netns.identity(ns.core) == node.id end
  if not record.mark then return true end -- a world of nsh's own
  for _, name in ipairs(ns:link("lo").altnames or {}) do
    if name == record.mark then return true end
  end
  return false
end

local function note(found, record, what, name)
  found[#found + 1] = setmetatable({ what = what, name = name, lab = record.lab, script = record.script }, show.Record)
end

-- The namespace of a node, or true where its name is a file alone: half made, or half taken away.
local function namespace_of(node)
  local ns, stale = netns.lookup(node.netns)
  return stale or ns
end

-- What of a namespace that isn't the lab's own is: what has its mark.
local function look_inside(node, ns, record, found)
  mark.strike(record.lab, node, ns)
  for _, noun in ipairs { "link", "addr", "route", "rule" } do
    for _, one in ipairs(node[nouns.by_name[noun].field]) do
      note(found, record, noun, one.name or one.addr or one.dst or one.from or one.to or "all")
    end
  end
end

-- What there is of a lab. A namespace that isn't its own is struck from the record, so that nothing touches it.
local function look(record, found)
  local nodes, stale, before = {}, {}, #found
  for _, node in ipairs(record.state.nodes) do
    local ns = namespace_of(node)
    if ns == true then
      stale[#stale + 1] = node.netns
      note(found, record, "file", node.netns)
    elseif ns and (node.adopted or not ns.name) then
      nodes[#nodes + 1] = node
      look_inside(node, ns, record, found)
    elseif ns and is_ours(ns, node, record) then
      nodes[#nodes + 1] = node
      note(found, record, "namespace", node.netns)
    end
  end
  if #found == before then note(found, record, "record", record.lab) end
  record.state.nodes = nodes
  return { record = record, stale = stale }
end

-- Takes it away; the record goes last.
local function remove(one)
  for _, name in ipairs(one.stale) do netns.del(name) end
  shelf.write(one.record)
  apply.down { name = one.record.lab }
end

--- Finds the labs of this world whose nsh was killed while it changed them, and takes them down.
---@private
---@param tell fun(list: table) is called with what there is, before any of it goes
---@return table[] records { what, name, lab, script }
function m.collect(tell)
  local found = setmetatable({}, show.List)
  if not shelf.is_needed() then return found end
  local _ <close> = store.lock()
  local broken = {}
  for _, lab in ipairs(store.list()) do
    if lab.state == "broken" then
      broken[#broken + 1] = look(shelf.read(lab.name), found)
    end
  end
  if found[1] then tell(found) end
  for _, one in ipairs(broken) do remove(one) end
  return found
end

--- Says which labs are up from a script that can't be read any more, and how to go on without it.
---@private
---@param script string
function m.orphans(script)
  for _, lab in ipairs(shelf.is_needed() and store.list() or {}) do
    if lab.script == script then
      io.stderr:write(("  hint: lab %s is up from that script; nsh %s-e 'nsh.down \"%s\"' takes it down without it\n")
        :format(lab.name, world.options(), lab.name))
    end
  end
end

return m
