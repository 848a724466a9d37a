--- worlds.lua - the named worlds that there are, and their end; what killed runs have left.
local core = require "nsh.core"
local fail = require "nsh.error"
local show = require "nsh.show"
local world = require "nsh.world"

local m = {}

local function by_name(a, b) return a.name < b.name end

--- Lists the named worlds of this user. What dead ones have left is removed.
---@return nsh.World[]
function m.list()
  local list = fail.check("worlds", nil, nil, core.world.list())
  world.tell()
  table.sort(list, by_name)
  for _, record in ipairs(list) do
    record.since = record.since and os.date("%Y-%m-%dT%H:%M:%S%z", record.since)
    table.sort(record.labs)
    record.labs = record.labs[1] and setmetatable(record.labs, show.List)
    setmetatable(record, show.Record)
  end
  return setmetatable(list, show.List)
end

--- Ends a named world, with all that runs in it, and waits until it is gone.
---@param name string
function m.kill(name)
  if type(name) ~= "string" then fail.misuse("the name of a world is text, not a %s", type(name)) end
  local done = table.pack(core.world.kill(name))
  world.tell()
  fail.check("world kill", name, nil, table.unpack(done, 1, done.n))
end

local function print_list(list, json)
  if json then
    print(require("nsh.json").encode(list))
  elseif #list > 0 then
    print(list)
  end
end

--- Does what the options --worlds, --kill and --gc ask for.
---@private
---@param what string "list", "kill" or "gc"
---@param name? string of the world
---@param json boolean
function m.main(what, name, json)
  if what == "kill" then return m.kill(name) end
  print_list(m.list(), json)
end

return m
