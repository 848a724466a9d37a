--- progress.lua - how far the making of a large lab is: one line on a terminal, which goes when it is done.
local core = require "nsh.core"
local text = require "nsh.text"

local m = {}

local PATIENCE, PAUSE = 0.5, 0.1 -- seconds before the first line, and between two of them

local began, told, shown

--- Begins to count the time.
function m.begin()
  began, told, shown = core.loop.now(), nil, false
end

--- Tells how far it is, once it takes long.
---@param label string
---@param what string
---@param count integer
---@param total integer
function m.tell(label, what, count, total)
  if not began then return end
  local now = core.loop.now()
  if now - began < PATIENCE or told and now - told < PAUSE then return end
  if not shown and not core.terminal_width(2) then
    began = nil
    return
  end
  told, shown = now, true
  io.stderr:write(("\r\27[K%s: %s %d of %d"):format(text.escape(label), what, count, total))
  io.stderr:flush()
end

--- Takes the line away.
function m.done()
  if shown then
    io.stderr:write "\r\27[K"
    io.stderr:flush()
  end
  began, shown = nil, false
end

return m
