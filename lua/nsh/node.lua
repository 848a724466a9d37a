--- node.lua - what makes a namespace a node: the options of netns.add beside its name, as the core takes them.
local core = require "nsh.core"
local fail = require "nsh.error"

local m = {}

--- What netns.add takes; with any of these but id the namespace is a node.
m.KEYS = { "name", "id", "hostname", "hosts", "resolv", "private", "pids" }

local LABEL_MAX, HOSTNAME_MAX = 63, 64

local function check_hostname(name)
  if type(name) ~= "string" then fail.misuse("hostname must be text, not a %s", type(name)) end
  local good = #name > 0 and #name <= HOSTNAME_MAX
  for label in (name .. "."):gmatch "(.-)%." do
    good = good and label:find "^%w[%w-]*$" and not label:find "%-$" and #label <= LABEL_MAX
  end
  if not good then
    fail.misuse("hostname must be 1 to 64 letters, digits, '-' and '.', as \"h1\" or \"h1.lab\", not '%s'", name)
  end
end

-- An address as text, or misuse that names the option.
local function check_addr(what, addr)
  if type(addr) ~= "string" or not core.address_bytes(addr) then
    fail.misuse("%s: '%s' is no address, as \"10.0.0.1\" or \"fd00::1\"", what, tostring(addr))
  end
  return addr
end

local function text(what, value)
  if value:find("\0", 1, true) then fail.misuse("%s has a NUL byte", what) end
  return value:find "\n$" and value or value .. "\n"
end

-- /etc/hosts of { name = address or list of addresses }; the node's own name and localhost are always in it.
local function hosts_text(hosts, hostname)
  local lines, names = { "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback" }, {}
  for name in pairs(hosts) do
    if type(name) ~= "string" or not name:find "^[%w][%w._-]*$" then
      fail.misuse("hosts takes { name = address }, as { web = \"10.0.0.2\" }, and has a key '%s'", tostring(name))
    end
    names[#names + 1] = name
  end
  table.sort(names)
  if hostname and not hosts[hostname] then lines[2] = lines[2] .. "\n127.0.1.1\t" .. hostname end
  for _, name in ipairs(names) do
    local addrs = hosts[name]
    if type(addrs) ~= "table" then addrs = { addrs } end
    if #addrs == 0 then fail.misuse("hosts: %s has no address", name) end
    for _, addr in ipairs(addrs) do lines[#lines + 1] = check_addr("hosts: " .. name, addr) .. "\t" .. name end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- /etc/resolv.conf of { address, ..., search = "lab" or a list, options = "..." or a list }
local function resolv_text(resolv)
  local lines = {}
  for key in pairs(resolv) do
    if math.type(key) ~= "integer" and key ~= "search" and key ~= "options" then
      fail.misuse("resolv takes addresses of servers, search and options, not '%s'", tostring(key))
    end
  end
  for _, key in ipairs { "search", "options" } do
    local words = resolv[key]
    if type(words) == "string" then words = { words } end
    if words ~= nil and type(words) ~= "table" then fail.misuse("resolv: %s must be text or a list", key) end
    if words then lines[#lines + 1] = key .. " " .. table.concat(words, " ") end
  end
  for _, addr in ipairs(resolv) do lines[#lines + 1] = "nameserver " .. check_addr("resolv", addr) end
  return table.concat(lines, "\n") .. "\n"
end

local function file(spec, key, make)
  local value = spec[key]
  if value == nil then return nil end
  if type(value) == "string" then return text(key, value) end
  if type(value) ~= "table" then fail.misuse("%s must be text or a table, not a %s", key, type(value)) end
  return make(value, spec.hostname)
end

-- Folders that lie in others come behind them.
local function folders_of(private)
  if private == nil then return {} end
  if type(private) == "string" then private = { private } end
  if type(private) ~= "table" then
    fail.misuse("private must be a list of folders as { \"/run\" }, not a %s", type(private))
  end
  local list = {}
  for key, value in pairs(private) do
    local path, from = value, nil
    if type(key) == "string" then path, from = key, value end
    for _, p in ipairs { path, from } do
      if type(p) ~= "string" or not p:find "^/" or p:find "%z" or ("/" .. p .. "/"):find "/%.%.?/" then
        fail.misuse("private: a folder is an absolute path as \"/run\", not '%s'", tostring(p))
      end
    end
    path = path:gsub("/+", "/"):gsub("(.)/$", "%1")
    if path == "/" or path == "/proc" or path == "/sys" or path:find "^/proc/" or path:find "^/sys/" then
      fail.misuse("private: %s can't be a node's own", path)
    end
    list[#list + 1] = { path = path, from = from }
  end
  table.sort(list, function(a, b) return a.path < b.path end)
  return list
end

-- What is to be done before the first command of a namespace, by its name.
local waiting = {}

--- Puts off what commands of a namespace need until there is one: most namespaces of a lab never have any.
---@private
---@param name string of the namespace, there or not
---@param prepare? fun(ns: nsh.Netns, what: any, apart: boolean?) called before every command; nil: nothing is
---@param what any what it gets
function m.named(name, prepare, what) waiting[name] = prepare and { prepare, what } end

--- Does what was put off; to be called before a command is started.
---@private
---@param ns nsh.Netns
---@param apart? boolean for who called named
function m.ready(ns, apart)
  local todo = next(waiting) and waiting[ns.label]
  if todo then todo[1](ns, todo[2], apart) end
end

--- Reads the options of netns.add; a slip is told before anything is made.
---@private
---@param spec table
---@return table? node for the core; nil: it is none
function m.read(spec)
  if spec.hostname ~= nil then check_hostname(spec.hostname) end
  if spec.pids ~= nil and type(spec.pids) ~= "boolean" then
    fail.misuse("pids must be true or false, not a %s", type(spec.pids))
  end
  local node = { hostname = spec.hostname, hosts = file(spec, "hosts", hosts_text),
    resolv = file(spec, "resolv", resolv_text), folders = folders_of(spec.private), pids = spec.pids }
  local wanted = node.hostname or node.hosts or node.resolv or node.folders[1] or node.pids
  return wanted and node or nil
end

return m
