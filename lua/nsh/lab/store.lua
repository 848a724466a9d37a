--- store.lua - what was applied last, lab by lab: only that may be deleted.
local m = {}

local applied = {} -- of a private world

--- Returns the state that was applied last.
---@param name string of the lab
---@return table?
function m.load(name) return applied[name] end

--- Notes what is about to be done, before anything is.
---@param name string
---@param state table what was applied last, and what is wished
function m.begin(name, state) applied[name] = state end

--- Notes what was done.
---@param name string
---@param state table
function m.save(name, state) applied[name] = state end

--- Forgets a lab: it is down.
---@param name string
function m.drop(name) applied[name] = nil end

return m
