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
    local labs = setmetatable({}, show.List)
    for _, name in ipairs(record.labs) do
      if not name:find "^%." then labs[#labs + 1] = name end
    end
    table.sort(labs)
    record.labs = labs[1] and labs
    local script = record.script and io.open(record.script)
    if script then script:close() elseif record.script then record.script = record.script .. " (deleted)" end
    setmetatable(record, show.Record)
  end
  return setmetatable(list, show.List)
end

local function names_of(list)
  local names = {}
  for i, one in ipairs(list) do names[i] = one.name end
  return names
end

--- Tells which worlds there are, for who asked for one that there isn't: "; there are: office, lab"; "" where there are
--- none.
---@private
---@param name string of the one that was asked for
---@return string
function m.others(name)
  local names = names_of(m.list())
  if not names[1] then return "" end
  local nearest = core.nearest(name, names)
  return (nearest and ("; did you mean %s? There are: "):format(nearest) or "; there are: ")
    .. table.concat(names, ", ")
end

-- Raises unless there is a world of this name: to look for what is left in it makes none.
local function find(name)
  local names = names_of(m.list())
  for _, one in ipairs(names) do
    if one == name then return end
  end
  fail.raise { op = "world gc", target = name, code = "ENOENT", errno = 2, message = "there is no world " .. name,
    hint = names[1] and "there are: " .. table.concat(names, ", ") or "there are none" }
end

--- Ends a named world, with all that runs in it, and waits until it is gone.
---@param name string
function m.kill(name)
  if type(name) ~= "string" then fail.misuse("the name of a world is text, not a %s", type(name)) end
  local done = table.pack(core.world.kill(name))
  world.tell()
  fail.check("world kill", name, nil, table.unpack(done, 1, done.n))
end

local function print_list(list, as_json)
  if as_json then
    local json = require "nsh.json"
    json.tell(json.encode(list))
  elseif #list > 0 then
    print(list)
  end
end

--- Takes down the labs of this world whose nsh was killed while it changed them.
---@param tell? fun(list: table) is called with what there is, before any of it goes
---@return table[]
function m.gc(tell)
  local found = require("nsh.lab.gc").collect(tell or function() end)
  return found
end

--- Does what the options --worlds, --kill and --gc ask for.
---@private
---@param what string "list", "kill" or "gc"
---@param name? string of the world
---@param json boolean
function m.main(what, name, json)
  if what == "kill" then return m.kill(name) end
  if what == "list" then return print_list(m.list(), json) end
  if name then find(name) end
  local told
  m.gc(function(list)
    told = true
    print_list(list, json)
  end)
  if json and not told then print_list(setmetatable({}, show.List), json) end
end

return m
