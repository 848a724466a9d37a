--- enslave.lua - links that are given to a bond and set up in one request, which older kernels take only in two.
local core = require "nsh.core"

local m = {}

--- Linux up to 6.6 sets a link up before it gives it to its master, and a bond takes none that is up. Returns the
--- request without `up` where that is what was refused.
---@private
---@param spec table
---@param code string errno name
---@param detail table
---@return table? rest
function m.before_up(spec, code, detail)
  if code ~= "EPERM" or not (spec.up and spec.master) or spec.netns then return nil end
  if not (detail.extack or ""):find "enslaved while up" then return nil end
  local rest = {}
  for key, value in pairs(spec) do rest[key] = value end
  rest.up = nil
  return rest
end

--- Changes a link and sets it up then.
---@private
function m.set(ns, index, rest, kind, port)
  local ok, message, code, detail = core.link.set(ns, index, rest, kind, port)
  if not ok then return ok, message, code, detail end
  return core.link.set(ns, index, { up = true })
end

--- Makes a link as core.link.add does.
---@private
function m.add(ns, spec, port)
  local index, peer, code, detail = core.link.add(ns, spec, port)
  local rest = not index and m.before_up(spec, code, detail)
  if not rest then return index, peer, code, detail end
  index, peer, code, detail = core.link.add(ns, rest, port)
  if not index then return index, peer, code, detail end
  local ok, message
  ok, message, code, detail = core.link.set(ns, index, { up = true })
  if ok then return index, peer end
  core.link.del(ns, index)
  return nil, message, code, detail
end

return m
