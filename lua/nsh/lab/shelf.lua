--- shelf.lua - what is up of labs, as files: of a named world in its own /run, of the machine in a journal.
-- A file is Lua data between two comments, replaced as a whole. One that is torn is kept aside and believed in nothing.
local core = require "nsh.core"
local fail = require "nsh.error"
local world = require "nsh.world"

local m = {}

local FIRST, LAST = "-- nsh lab 1\n", "-- end\n"
local MAX_STEPS = 1 << 28 -- of the machine that reads it: a file of data has no loops

--- Tells whether labs are noted in files: where they stay when nsh leaves.
---@private
---@return boolean
function m.is_needed() return not world.is_private() end

local function folder()
  world.ensure()
  if world.is_host() then return fail.check("journal", nil, nil, core.world.journal()) end
  return core.world.run() .. "/labs"
end

-- --- data as text ---

local put

local function put_table(value, out)
  local n = #value
  out[#out + 1] = "{"
  for i = 1, n do
    put(value[i], out)
    out[#out + 1] = ","
  end
  for key, item in next, value do
    local in_list = math.type(key) == "integer" and key >= 1 and key <= n
    local kind = type(item)
    if not in_list and kind ~= "function" and kind ~= "userdata" and kind ~= "thread" then
      out[#out + 1] = ("[%q]="):format(key)
      put(item, out)
      out[#out + 1] = ","
    end
  end
  out[#out + 1] = "}"
end

function put(value, out)
  if type(value) == "table" then return put_table(value, out) end
  local kind = type(value)
  out[#out + 1] = (kind == "string" or kind == "number" or kind == "boolean") and ("%q"):format(value) or "nil"
end

local function parse(text, path)
  if text:sub(1, #FIRST) ~= FIRST or text:sub(-#LAST) ~= LAST then return nil end
  local chunk = load(text, "=" .. path, "t", {})
  if not chunk then return nil end
  debug.sethook(function() error "no data" end, "", MAX_STEPS)
  local ok, record = pcall(chunk)
  debug.sethook()
  return ok and type(record) == "table" and type(record.state) == "table" and type(record.state.nodes) == "table"
    and type(record.owner) == "table" and record or nil
end

-- --- files ---

local function broken(op, path, message)
  fail.raise { op = "lab " .. op, target = path, code = "EIO", errno = 5, message = message or "cannot be used",
    hint = "it is where nsh notes what is up of labs; is there room in its file system?" }
end

--- Keeps a file that can't be believed under another name, and says so.
local function aside(path, name)
  local kept = ("%s/.%s.kept-%d"):format(folder(), name, os.time())
  os.rename(path, kept)
  io.stderr:write(("nsh: the record of lab %s is torn or not its own; nothing that it says is believed, and it is "
    .. "kept as %s\n"):format(name, kept))
end

--- Tells whether there is a file of a lab.
---@private
---@param name string
---@return boolean
function m.has(name)
  local file = io.open(folder() .. "/" .. name)
  if file then file:close() end
  return file ~= nil
end

--- Reads what is noted of a lab.
---@private
---@param name string
---@return table? record { lab, script, since, owner = { pid, start }, phase = "begun" or "done", state }
---@return string? text of the file
function m.read(name)
  local path = folder() .. "/" .. name
  local file = io.open(path)
  if not file then return nil end
  local text = file:read "a"
  file:close()
  local record = text and parse(text, path)
  if record and record.lab == name then return record, text end
  aside(path, name)
end

--- Notes something of a lab: who reads it finds the old record or the new one.
---@private
---@param record table
function m.write(record)
  local where = folder()
  local new, out = ("%s/.%s.new"):format(where, record.lab), { FIRST, "return " }
  put(record, out)
  out[#out + 1] = "\n" .. LAST
  local file, message = io.open(new, "w")
  if not file then broken("note", new, message) end
  local ok
  ok, message = file:write(table.concat(out))
  local closed, why = file:close()
  if not ok or not closed then
    os.remove(new)
    broken("note", new, message or why)
  end
  ok, message = os.rename(new, where .. "/" .. record.lab)
  if not ok then broken("note", new, message) end
end

--- Forgets a lab.
---@private
---@param name string
function m.remove(name) os.remove(folder() .. "/" .. name) end

--- Lists the labs of which something is noted, sorted.
---@private
---@return string[]
function m.names()
  local list = {}
  for _, name in ipairs(fail.check("labs", nil, nil, core.world.folder(folder()))) do
    if not name:find "^%." then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

--- Has the labs of this world to ourselves until the variable is closed; another nsh waits.
---@private
---@return userdata
function m.lock() return fail.check("lab lock", nil, nil, core.world.lock(folder() .. "/.lock")) end

return m
