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

-- What was noted since a declaration began, to be forgotten when that fails: a table and a key, one behind the other.
local noted, count = {}, 0
local current, line -- the node that is read now; the line of the script that declares it, when somebody has asked

--- Notes something in a table; forgotten when the declaration that is under way fails.
---@private
function m.note(map, key, value)
  map[key] = value
  noted[count + 1], noted[count + 2] = map, key
  count = count + 2
end

--- Notes which node is read now, to be named in an error.
---@private
---@param name string
function m.at(name) current = name end

--- Returns the line of the script that the declaration under way stands in.
---@private
---@return string
function m.line()
  line = line or core.where()
  return line
end

-- The message with the name of the node that it is about.
local function located(err)
  local where, message = tostring(err):match "^(%S+:%d+: )(.*)$"
  if type(err) ~= "string" or not where or not current then return err end
  if message:find("%f[%w]" .. current:gsub("%p", "%%%0") .. "%f[%W]") then return err end
  return ("%snode %s: %s"):format(where, current, message)
end

local function finish(ok, ...)
  for i = count, 1, -2 do
    if not ok then noted[i - 1][noted[i]] = nil end
    noted[i], noted[i - 1] = nil, nil
  end
  count, line = 0, nil
  if ok then return ... end
  error(located((...)), 0)
end

--- Runs a declaration. When it fails, nothing stays of it.
---@private
---@param declare function
---@param ... any its arguments
---@return any ... what it returned
function m.whole(declare, ...)
  current = nil
  return finish(pcall(declare, ...))
end

--- Notes that a link of a node has a name, unless another has it.
---@private
---@param node nsh.LabNode
---@param name string
---@param device table the link, with `where`, the line of the script
function m.claim(node, name, device)
  local ok, message = core.link.check_name(tostring(name))
  if not ok then fail.misuse("%s", message) end
  if RESERVED[name] then fail.misuse("a link can't be called '%s'; the kernel has that name for its sysctls", name) end
  local other = node.taken[name]
  if other then
    local where = type(other) == "table" and other.where or other
    fail.misuse("node %s has a link %s already%s", node.name, name, where ~= "" and ", of " .. where or "")
  end
  m.note(node.taken, name, device)
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
