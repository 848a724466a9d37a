--- names.lua - names in a lab: what may be one, which are taken, and the short ones that links get.
local core = require "nsh.core"
local fail = require "nsh.error"
local text = require "nsh.text"

local m = {}

local MOST = { lab = 32, node = 63 }
local LINK_MAX, HEAD = 15, 10 -- bytes; of a name that is cut so many stay, then come '-' and four digits of its hash

-- No link can be called so: the kernel has folders of these names beside those of links.
local RESERVED = { all = true, default = true }

--- Checks the name of a lab or node.
---@private
---@param what "lab"|"node"
---@param name any
---@return string name
function m.check(what, name)
  if type(name) ~= "string" then fail.misuse("the name of a %s is text, not a %s", what, type(name)) end
  local shown = text.escape(#name > 80 and name:sub(1, 77) .. "..." or name)
  if #name > MOST[what] then
    fail.misuse("the name of a %s has at most %d bytes, and '%s' has %d", what, MOST[what], shown, #name)
  end
  if not name:find "^[A-Za-z0-9][A-Za-z0-9_.-]*$" then
    fail.misuse("the name of a %s begins with a letter or digit and goes on with these, '_', '.' and '-', at most %d "
      .. "in all; '%s' doesn't", what, MOST[what], shown)
  end
  return name
end

--- Returns what a link can be called for a name of any length.
---@private
---@param name string
---@return string short, string? altname the name itself, where it was too long
function m.short(name)
  if #name <= LINK_MAX then return name end
  return ("%s-%04x"):format(name:sub(1, HEAD), core.hash(name) & 0xffff), name
end

-- What was noted since a declaration began, to be forgotten when that fails: pairs of a table and a key.
local noted, current = {}, nil

--- Notes something in a table; forgotten when the declaration that begins next to it fails.
---@private
function m.note(map, key, value)
  map[key] = value
  noted[#noted + 1] = { map, key }
end

--- Notes which node is read now, to be named in an error.
---@private
---@param name string
function m.at(name) current = name end

-- The message with the name of the node that it is about.
local function located(err)
  local where, message = tostring(err):match "^(%S+:%d+: )(.*)$"
  if type(err) ~= "string" or not where or not current then return err end
  if message:find("%f[%w]" .. current:gsub("%p", "%%%0") .. "%f[%W]") then return err end
  return ("%snode %s: %s"):format(where, current, message)
end

--- Runs a declaration. When it fails, nothing stays of it.
---@private
---@param declare function
---@param ... any its arguments
---@return any ... what it returned
function m.whole(declare, ...)
  noted, current = {}, nil
  local result = table.pack(pcall(declare, ...))
  if result[1] then return table.unpack(result, 2, result.n) end
  for i = #noted, 1, -1 do noted[i][1][noted[i][2]] = nil end
  error(located(result[2]), 0)
end

--- Notes that a link of a node has a name, unless another has it.
---@private
---@param node nsh.LabNode
---@param name string
---@param where string line of the script
function m.claim(node, name, where)
  local ok, message = core.link.check_name(tostring(name))
  if not ok then fail.misuse("%s", message) end
  if RESERVED[name] then fail.misuse("a link can't be called '%s'; the kernel has that name for its sysctls", name) end
  local other = node.taken[name]
  if other then
    fail.misuse("node %s has a link %s already%s", node.name, name, other ~= "" and ", of " .. other or "")
  end
  m.note(node.taken, name, where)
end

-- The first of eth0, eth1, ... that is free.
local function counted(node, word, from)
  while node.taken[word .. from] do from = from + 1 end
  return word .. from
end

--- Returns a name for a link that got none: ethN, of a port of a switch the name of the node behind it or portN.
---@private
---@param node nsh.LabNode
---@param peer nsh.LabNode
---@return string name, string? altname
function m.choose(node, peer)
  if node.kind ~= "switch" then return counted(node, "eth", #node.ports) end
  local short, long = m.short(peer.name)
  if not node.taken[short] and not RESERVED[short] and not (long and node.taken[long]) then return short, long end
  return counted(node, "port", #node.ports + 1)
end

return m
