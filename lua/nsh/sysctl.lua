--- sysctl.lua - the sysctls of a namespace as a table: ns.sysctl["net.ipv4.ip_forward"] = 1.
local core = require "nsh.core"
local fail = require "nsh.error"
local Netns = require "nsh.netns".Netns

local m = {}

-- The table is empty and stays so: every access goes to the kernel. Which namespace it is of stands here.
local owners = setmetatable({}, { __mode = "k" })

-- A name as a part of a dotted key: eth0.100 is written eth0/100.
local function part(name)
  return (name:gsub("%.", "/"))
end

local function names(ns, dir)
  local list = core.sysctl.list(ns.core, dir)
  if list then table.sort(list) end
  return list
end

-- Where a key leaves what is there, and what stands nearest in that place.
local function hint(ns, key)
  if not key:find "^[^/]*%." then key = key:gsub("[./]", { ["."] = "/", ["/"] = "." }) end
  local dir
  for name in key:gmatch "[^.]+" do
    local list = dir and names(ns, dir) or { "net/" }
    local known, found = {}, false
    for i, entry in ipairs(list) do
      known[i] = part(entry:gsub("/$", ""))
      found = found or known[i] == name
    end
    if not found then
      local nearest = core.nearest(name, known)
      return ("%s has no '%s'%s"):format(dir, name, nearest and ("; did you mean '" .. nearest .. "'?") or "")
    end
    dir = dir and dir .. "." .. name or name
  end
end

local function check(op, ns, key, value, message, code, detail)
  if value == nil and code == "ENOENT" then detail.hint = hint(ns, key) end
  return (fail.check(op, key, ns, value, message, code, detail))
end

local function check_key(key)
  if type(key) ~= "string" then
    fail.misuse("a sysctl's key is a string like \"net.ipv4.ip_forward\", got %s", type(key))
  end
end

-- The kernel's text as a number where it is one.
local function value_of(text)
  return text:find "^%-?%d+$" and math.tointeger(tonumber(text)) or text
end

--- Returns the kernel's text as a number where it is one, nil for none.
---@private
---@param text? string
---@return integer|string|nil
function m.value(text) return text and value_of(text) end

local function text_of(key, value)
  local kind = math.type(value) or type(value)
  if kind == "boolean" then return value and "1" or "0" end
  if kind == "string" then return value end
  local whole = kind ~= "table" and math.tointeger(value)
  if not whole then
    fail.misuse("sysctl %s: a value is an integer, a boolean or a string, got %s", key,
      kind == "float" and tostring(value) or kind)
  end
  return ("%d"):format(whole)
end

m.text = text_of

-- --- many at once ---

--- Returns a key in the form with dots: "net/ipv4/conf/eth0.100/rp_filter" is "net.ipv4.conf.eth0/100.rp_filter".
---@private
---@param key string
---@return string
function m.dotted(key)
  if not key:find "^[^./]*/" then return key end
  return (key:gsub("[./]", { ["."] = "/", ["/"] = "." }))
end

--- Returns the parts of a key of links: "net.ipv4.conf.", "eth0", "rp_filter"; nil: it is none.
---@private
---@param key string with dots
---@return string? head, string? dev also "all" and "default", string? name
function m.parts(key)
  local head, dev, name = key:match "^(net%.ipv[46]%.%l+%.)([^.]+)%.([%w_]+)$"
  if not dev then head, dev, name = key:match "^(net%.mpls%.conf%.)([^.]+)%.([%w_]+)$" end
  if dev and (head:find "%.conf%.$" or head:find "%.neigh%.$") then return head, dev, name end
end

--- Returns the place of a sysctl among those that are set together: what sets others as well comes first, as ip_forward
--- does, then what is of all links; what is of one comes last.
---@private
---@param key string with dots
---@return integer rank, boolean of_link whether it is of one link, which must be there
function m.rank(key)
  if key == "net.ipv4.ip_forward" then return 1, false end
  local _, dev, name = m.parts(key)
  if not dev then return 4, false end
  local rank = name == "forwarding" and 0 or 1
  if dev == "all" then return 2 + rank, false end
  if dev == "default" then return 5 + rank, false end
  return 7 + rank, true
end

--- Returns the keys of sysctls in the order in which they are set, so that none changes what another one has set.
---@private
---@param wanted table<string, any>
---@return string[]
function m.order(wanted)
  local keys, rank = {}, {}
  for key in pairs(wanted) do
    keys[#keys + 1] = key
    rank[key] = m.rank(key)
  end
  table.sort(keys, function(a, b)
    if rank[a] ~= rank[b] then return rank[a] < rank[b] end
    return a < b
  end)
  return keys
end

local Sysctl = { __name = "nsh.sysctl" }

function Sysctl:__index(key)
  check_key(key)
  local ns = owners[self]
  return value_of(check("sysctl get", ns, key, core.sysctl.get(ns.core, key)))
end

function Sysctl:__newindex(key, value)
  check_key(key)
  local ns = owners[self]
  check("sysctl set", ns, key, core.sysctl.set(ns.core, key, text_of(key, value)))
end

-- All that can be read, sorted by key, as it was at the beginning; what only takes a value (net.ipv4.route.flush) is
-- left out.
function Sysctl:__pairs()
  local ns = owners[self]
  local all, keys, i = fail.check("sysctl list", nil, ns, core.sysctl.all(ns.core)), {}, 0
  for key in pairs(all) do keys[#keys + 1] = key end
  table.sort(keys)
  return function()
    i = i + 1
    if keys[i] then return keys[i], value_of(all[keys[i]]) end
  end
end

function Sysctl:__tostring()
  return "sysctl of " .. tostring(owners[self].label)
end

--- Makes the table that stands for the sysctls of a namespace.
---@param ns nsh.Netns
---@return table
function m.proxy(ns)
  local proxy = setmetatable({}, Sysctl)
  owners[proxy] = ns
  return proxy
end

--- The sysctls of the namespace, read and written as fields.
-- Keys are those of sysctl(8): "net.ipv4.conf.eth0.rp_filter"; a dot within a name is written "/", as in
-- "net.ipv4.conf.eth0/100.rp_filter", or the whole key is a path, "net/ipv4/conf/eth0.100/rp_filter". A value that
-- is one integer reads as one, any other as the kernel's text; integers, booleans (1 and 0) and strings are taken.
-- `pairs` walks all of them. New namespaces start from the kernel's defaults, not from the machine's settings.
--
-- Twin: `sysctl -w net.ipv4.ip_forward=1`
---@return table<string, integer|string>
---@error ENOENT no such key; the hint names the nearest
---@error EINVAL a key that is not below net, or a value that the kernel refuses
---@error EACCES the key is read-only, or write-only
Netns.get.sysctl = function(self)
  return m.proxy(self)
end

return m
