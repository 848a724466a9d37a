--- physical.lua - with --host, links of hardware that nsh moved into a namespace come home when it is deleted.
-- The kernel does that too, a while after the namespace's last process has ended, and may give them other names.
local core = require "nsh.core"
local world = require "nsh.world"

local m = {}

-- Where each one is now, and what it was called at home: { ns, index, home, name }
local away = {}

local function find(ns, index)
  for i, link in ipairs(away) do
    if link.ns == ns and link.index == index then return i, link end
  end
end

--- Notes that a link was moved.
---@param before table its record before that
---@param from nsh.Netns
---@param to nsh.Netns
---@param index integer its number there
function m.moved(before, from, to, index)
  if not world.is_host() or before.kind or before.link_type == "loopback" then return end
  local i, link = find(from, before.index)
  if link and link.home == to then
    table.remove(away, i)
  elseif link then
    link.ns, link.index = to, index
  elseif from.label == "host" then
    away[#away + 1] = { ns = to, index = index, home = from, name = before.name }
  end
end

--- Brings home what nsh moved into a namespace, each under its old name where that is free. What can't go home is the
--- kernel's to send.
---@param ns nsh.Netns
function m.bring_home(ns)
  for i = #away, 1, -1 do
    local link = away[i]
    if link.ns == ns then
      table.remove(away, i)
      local now, home = core.link.get(ns.core, link.index), link.home.core
      if now and not now.kind and not core.link.set(ns.core, link.index, { netns = home, name = link.name }) then
        core.link.set(ns.core, link.index, { netns = home })
      end
    end
  end
end

return m
