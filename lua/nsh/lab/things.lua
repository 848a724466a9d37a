--- things.lua - what nodes of a lab have beside their network: names, files, services, commands, packet filters.
-- Options become plain records, which plans compare with those that were applied last; functions stand apart.
local fail = require "nsh.error"
local node_options = require "nsh.node"
local process = require "nsh.process"

local m = {}

-- Functions of records: { start = , ready = }.
local functions = setmetatable({}, { __mode = "k" })

--- Returns the functions that a record was declared with.
---@private
---@param record table
---@return table
function m.functions(record) return functions[record] or {} end

-- --- files ---

local function check_path(path)
  if type(path) ~= "string" or not path:find "^/[^/]" or path:find "[%z\n]" or ("/" .. path .. "/"):find "/%.%.?/" then
    fail.misuse("files are texts by their absolute paths, as { [\"/etc/motd\"] = \"hello\\n\" }, not '%s'",
      tostring(path))
  end
  path = path:gsub("/+", "/"):gsub("/$", "")
  if path:find "^/proc/" or path:find "^/sys/" then
    fail.misuse("files: %s is the kernel's; sysctls = { ... } sets what is below /proc/sys", path)
  end
  return path
end

local function mode_of(path, mode)
  if mode == nil then return 420 end -- 0644
  local number = type(mode) == "string" and mode:find "^[0-7]+$" and #mode <= 4 and tonumber(mode, 8)
  if not number then fail.misuse("files: the mode of %s is text as \"755\", not %s", path, tostring(mode)) end
  return number
end

local function files_of(given)
  local list = {}
  if given == nil then return list end
  if type(given) ~= "table" then fail.misuse("files takes texts by their paths, not a %s", type(given)) end
  for path, file in pairs(given) do
    path = check_path(path)
    local spec = type(file) == "table" and fail.known(file, "a file", { 1, "text", "mode" }) or { file }
    local text = spec[1] or spec.text
    if type(text) ~= "string" then fail.misuse("files: %s takes a text, not a %s", path, type(text)) end
    list[#list + 1] = { path = path, text = text, mode = mode_of(path, spec.mode) }
  end
  table.sort(list, function(a, b) return a.path < b.path end)
  return list
end

-- --- services and commands ---

local SERVICE = { "cmd", "cwd", "env", "name", "ready", "timeout" }
local COMMAND = { "cmd", "cwd", "env", "input", "timeout" }

-- A command with its options: text, words with keys beside them, or { cmd = either }.
local function command_of(given, what, known)
  if type(given) == "string" then given = { cmd = given } end
  if type(given) ~= "table" then
    fail.misuse("%s takes commands: text, or words as { \"dnsmasq\", \"-k\" }, not a %s", what, type(given))
  end
  local record, words = {}, {}
  for key, value in pairs(given) do
    if math.type(key) == "integer" then words[key] = value else record[key] = value end
  end
  fail.known(record, what, known)
  if words[1] ~= nil and record.cmd ~= nil then fail.misuse("%s: cmd and words can't both be given", what) end
  record.cmd = record.cmd or words
  local cmd = record.cmd
  if type(cmd) == "table" and #cmd == 1 and tostring(cmd[1]):find " " then cmd = cmd[1] end
  record.cmd = cmd
  local first = type(cmd) == "table" and cmd[1] or cmd
  if type(first) == "function" then
    fail.misuse(what == "services" and "services: a function stands alone, not in a table of its own"
      or "%s takes commands, no function", what)
  end
  if type(first) == "table" or not tostring(first):find "%S" then
    fail.misuse("%s has a command that is empty", what)
  end
  for i, word in ipairs(type(cmd) == "table" and cmd or {}) do
    if type(word) ~= "string" and type(word) ~= "number" then
      fail.misuse("%s: word %d of a command is text, not a %s", what, i, type(word))
    end
  end
  return record
end

local function named(list, name)
  local taken, count, chosen = {}, 1, name
  for _, record in ipairs(list) do taken[record.name] = true end
  while taken[chosen] do
    count = count + 1
    chosen = name .. "-" .. count
  end
  return chosen
end

local function service_of(list, given)
  local own, record = {}
  if type(given) == "function" then
    local info = debug.getinfo(given, "S")
    record = { source = ("%s:%d"):format(info.short_src, info.linedefined), name = "function" }
    own.start = given
  else
    record = command_of(given, "services", SERVICE)
    local first = type(record.cmd) == "table" and record.cmd[1] or record.cmd:gsub("^%s*exec%s", ""):match "%S+"
    record.name = record.name or tostring(first):match "[^/]*$"
  end
  if type(record.name) ~= "string" or not record.name:find "^[%w][%w_.-]*$" then
    fail.misuse("services: a name has letters, digits, '_', '.' and '-', as \"dns\", not '%s'", tostring(record.name))
  end
  if given ~= nil and type(given) == "table" and given.name and named(list, given.name) ~= given.name then
    fail.misuse("services: there are two called '%s'", given.name)
  end
  record.name = named(list, record.name)
  if type(record.ready) == "function" then own.ready, record.ready = record.ready, "function" end
  if record.ready ~= nil and type(record.ready) ~= "string" then
    fail.misuse("services: ready is a pattern of what it writes, or a function, not a %s", type(record.ready))
  end
  functions[record] = own
  return record
end

local function list_of(given, what, read)
  local list = {}
  if given == nil then return list end
  if type(given) ~= "table" then fail.misuse("%s takes a list, not a %s", what, type(given)) end
  for key in pairs(given) do
    if math.type(key) ~= "integer" then fail.misuse("%s takes a list, and has a key '%s'", what, tostring(key)) end
  end
  for i, one in ipairs(given) do list[i] = read(list, one) end
  return list
end

local function read_command(_, given)
  local record = command_of(given, "commands", COMMAND)
  record.line = process.line_of(record.cmd)
  return record
end

-- --- all of a node ---

local function check_nft(text)
  if text ~= nil and type(text) ~= "string" then
    fail.misuse("nft takes text, commands of nft(8), not a %s", type(text))
  end
  return text
end

local KEYS = { "commands", "files", "hostname", "hosts", "nft", "pids", "private", "resolv", "services" }

--- Of a node that says nothing of these.
m.NOTHING = { folders = {}, files = {}, services = {}, commands = {} }

local function says_nothing(spec)
  for i = 1, #KEYS do
    if spec[KEYS[i]] ~= nil then return false end
  end
  return true
end

--- Reads these options of a node.
---@private
---@param spec table options of the node
---@return table things isn't to be changed
function m.read(spec)
  if says_nothing(spec) then return m.NOTHING end
  local hosts = spec.hosts
  if hosts ~= nil and hosts ~= false and type(hosts) ~= "string" and type(hosts) ~= "table" then
    fail.misuse("hosts is text, a table { name = address } or false, not a %s", type(hosts))
  end
  local own = node_options.read { hostname = spec.hostname, resolv = spec.resolv, private = spec.private,
    pids = spec.pids, hosts = type(hosts) == "table" and hosts or nil } or {}
  return {
    hostname = own.hostname, resolv = own.resolv, folders = own.folders or {}, pids = own.pids, hosts = hosts,
    files = files_of(spec.files), services = list_of(spec.services, "services", service_of),
    commands = list_of(spec.commands, "commands", read_command), nft = check_nft(spec.nft),
  }
end

return m
