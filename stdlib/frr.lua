--- frr.lua - routers that run FRRouting: zebra and what is needed of its daemons, for each namespace its own.
--
--     local f <close> = frr.start(r1, { bgp = { asn = 65001, neighbors = { { "10.0.0.2", asn = 65002 } } } })
--     f:wait_bgp "10.0.0.2"
--     print(f:sessions())
local nsh = require "nsh"
local daemon = require "stdlib.daemon"
local frr_text = require "stdlib.frr_text"
local routing = require "stdlib.routing"

local m = {}

local FOLDER = "/usr/lib/frr/" -- Debian's, and in no PATH

--- FRRouting on a router.
---@class frr.Frr: routing.Router
local Frr, mt = routing.class "frr"

-- --- asking it ---

local function vtysh(self, ...)
  return self.netns:exec({ "vtysh", "--vty_socket", self.dir.path, "--config_dir", self.dir.path, ... },
    { check = false })
end

local function words_of(result)
  return (result.err .. result.out):gsub("\n+", "\n"):gsub("%s+$", "")
end

--- Gives commands to FRRouting, as vtysh(1) does.
--- Twin: `vtysh -c COMMAND`
---@param ... string "show ip route", or several: "configure terminal", "router ospf", "no redistribute static"
---@return string text what it answers
---@error EINVAL it refused: in its own words
function Frr:vtysh(...)
  local words = {}
  for _, command in ipairs { ... } do
    if type(command) ~= "string" then nsh.misuse "vtysh takes commands, as \"show ip route\"" end
    words[#words + 1] = "-c"
    words[#words + 1] = command
  end
  if #words == 0 then nsh.misuse "vtysh takes commands, as \"show ip route\"" end
  self:check()
  local result = vtysh(self, table.unpack(words))
  if result.status == 0 then return result.out end
  nsh.raise { op = "vtysh", target = (...), netns = self.netns, code = "EINVAL", errno = 22,
    message = words_of(result) }
end

local function json()
  local ok, module = pcall(require, "dkjson")
  if ok then return module end
  nsh.raise { op = "frr", code = "ENOENT", errno = 2, message = "no Lua module dkjson, which reads FRRouting's JSON",
    hint = "apt-get install lua-dkjson brings it" }
end

--- Gives commands to FRRouting that answer in JSON.
---@param ... string "show ip route json"
---@return table ... data of each
---@error EINVAL it refused, or the answer is no JSON
function Frr:json(...)
  local text, answers, at = self:vtysh(...), {}, 1
  for i, command in ipairs { ... } do
    local data, after, message = json().decode(text, at, nil, nil, nil)
    if not data then
      nsh.raise { op = "vtysh", target = command, netns = self.netns, code = "EINVAL", errno = 22,
        message = "the answer is no JSON: " .. tostring(message) .. "\n  " .. text:sub(at, at + 80) }
    end
    answers[i], at = data, after
  end
  return table.unpack(answers)
end

local function has_daemon(self, name)
  for _, running in ipairs(self.daemons) do
    if running.name == name then return running end
  end
end

local function sorted(list)
  table.sort(list, function(a, b) return a.addr < b.addr end)
  return nsh.records(list)
end

--- Lists the neighbours of OSPF, of both versions.
--- Twin: `vtysh -c "show ip ospf neighbor json"`
---@return table[] records { id, addr, dev, state, role, priority, dead, instance }; state "full", "init", "exstart",
---  ...; dead: seconds until it is given up; of ospf6 addr is its router id
function Frr:neighbors()
  local list = {}
  self:check()
  local function add(instance, id, row, state, addr, dev, dead)
    local name, role = tostring(state):match "^([^/]+)/?(.*)$"
    list[#list + 1] = { id = id, addr = addr, dev = dev, state = name:lower(), dead = dead, instance = instance,
      role = role ~= "" and role ~= "-" and role:lower() or nil, priority = row.priority or row.nbrPriority }
  end
  local commands = {}
  if has_daemon(self, "ospfd") then commands[#commands + 1] = "show ip ospf neighbor json" end
  if has_daemon(self, "ospf6d") then commands[#commands + 1] = "show ipv6 ospf6 neighbor json" end
  for _, answer in ipairs(#commands > 0 and { self:json(table.unpack(commands)) } or {}) do
    for id, rows in pairs(answer.neighbors or {}) do
      if math.type(id) == "integer" then
        local row = rows -- of ospf6d, which has a list
        local h, min, s = tostring(row.deadTime):match "(%d+):(%d+):(%d+)"
        add("ospf6", row.neighborId, row, row.state, row.neighborId, row.interfaceName, h and h * 3600 + min * 60 + s)
      end
      for _, row in ipairs(math.type(id) == "integer" and {} or rows) do
        local dead = row.routerDeadIntervalTimerDueMsec or row.deadTimeMsecs
        add("ospf", id, row, row.nbrState or row.state, row.ifaceAddress or row.address,
          (row.ifaceName or ""):match "^[^:]+", dead and dead / 1000)
      end
    end
  end
  return sorted(list)
end

--- Lists the sessions of BGP.
--- Twin: `vtysh -c "show bgp summary json"`
---@return table[] records { addr, asn, state, received, sent }; state "established", "active", ...; received, sent:
---  routes
function Frr:sessions()
  local list = {}
  self:check()
  if not has_daemon(self, "bgpd") then return nsh.records(list) end
  local has = {}
  for _, family in pairs(self:json "show bgp summary json") do
    for addr, row in pairs(type(family) == "table" and family.peers or {}) do
      if not has[addr] then
        has[addr] = { addr = addr, asn = row.remoteAs, state = tostring(row.state):lower():match "^%a+",
          received = row.pfxRcd, sent = row.pfxSnt }
        list[#list + 1] = has[addr]
      end
    end
  end
  return sorted(list)
end

--- Lists the routes of zebra, those that it doesn't use too.
--- Twin: `vtysh -c "show ip route json" -c "show ipv6 route json"`
---@return table[] records { dst, proto, via, dev, best, preference, metric }; of many ways: nexthops
function Frr:routes()
  local list = {}
  for _, answer in ipairs { self:json("show ip route json", "show ipv6 route json") } do
    for dst, rows in pairs(answer) do
      for _, row in ipairs(rows) do
        local hops = {}
        for i, hop in ipairs(row.nexthops or {}) do hops[i] = { via = hop.ip, dev = hop.interfaceName } end
        list[#list + 1] = { dst = dst, proto = row.protocol, best = row.selected == true, preference = row.distance,
          metric = row.metric, nexthops = #hops > 1 and hops or nil, via = #hops == 1 and hops[1].via or nil,
          dev = #hops == 1 and hops[1].dev or nil }
      end
    end
  end
  table.sort(list, function(a, b)
    if a.dst ~= b.dst then return a.dst < b.dst end
    return a.proto < b.proto
  end)
  return nsh.records(list)
end

--- Returns the configuration that it was given.
---@return string
function Frr:config() return self.text end

-- --- starting it ---

-- Runs a file of commands, or only has it read; returns what FRRouting said against it.
local function run_file(self, name, text, dry)
  local path = self.dir:write(name, text)
  local result = dry and vtysh(self, "--dryrun", "-f", path) or not dry and vtysh(self, "-f", path)
  if result.status == 0 then return nil end
  return words_of(result)
end

local function mistake(self, words, before)
  local line
  words = words:gsub("line (%d+): ", function(number)
    local place, own = routing.place(tonumber(number), before or 0)
    line = line or own
    return place .. ": "
  end)
  nsh.raise { op = "frr configuration", netns = self.netns, code = "EINVAL", errno = 22, message = words, line = line }
end

-- FRRouting insists on a group frrvty and writes to /var/tmp: each daemon sees a group file and a /var/tmp of its own,
-- so it can run as the world's root, which is all that an ordinary user's world has.
local PRIVATE = 'mount --bind "$0/group" /etc/group && mount --bind "$0/tmp" /var/tmp && exec "$@"'

local function start_daemon(self, name)
  local words = { "unshare", "--mount", "sh", "-c", PRIVATE, "$DIR", FOLDER .. name, "--vty_socket", "$DIR",
    "-z", "$DIR/zserv.api", "-i", "$DIR/" .. name .. ".pid", "-f", "$DIR/start.conf", "-u", "root", "-g", "root",
    "--log", "stdout", "-P", "0" }
  self.daemons[#self.daemons + 1] = daemon.start { name, netns = self.netns, dir = self.dir, command = words,
    ready = { unix = "$DIR/" .. (name == "zebra" and "zserv.api" or name .. ".vty") } }
end

local function start_daemons(self, text)
  if #self.daemons == 0 then start_daemon(self, "zebra") end
  for _, name in ipairs(frr_text.daemons(text)) do
    if not has_daemon(self, name) then start_daemon(self, name) end
  end
end

--- Gives it another configuration; sessions that it doesn't change stay. What the old text says and the new one
--- doesn't is taken away, then the new one is given. A mistake leaves all as it was.
--- Twin: `frr-reload.py --reload FILE`
---@param spec routing.Spec|string as start takes it
---@error EINVAL a mistake: in FRRouting's own words, with its line
function Frr:reload(spec)
  self:check()
  local read = routing.read(self.netns, spec, "frr")
  local text, before = frr_text.text(read)
  local words = run_file(self, "new.conf", text, true)
  if words then mistake(self, words, before) end
  start_daemons(self, text)
  words = run_file(self, "change.conf", frr_text.change(self.text, text))
  if words then
    run_file(self, "change.conf", frr_text.change(text, self.text))
    mistake(self, (words:gsub("line %d+: ", ""))) -- which is one of the change
  end
  self.spec, self.text = read, text
end

--- Tells whether FRRouting is there.
---@return boolean
---@return string? why not
function m.available()
  local ok, why = daemon.available("vtysh", "unshare")
  if not ok then return ok, why end
  local file = io.open(FOLDER .. "zebra")
  if not file then return false, FOLDER .. "zebra is missing: apt-get install frr brings it" end
  file:close()
  return true
end

--- Starts FRRouting on a router, which forwards from then on, and returns when it has its configuration: zebra, and
--- those of its daemons that the configuration needs.
---@param ns nsh.Netns|nsh.LabNode|string
---@param spec routing.Spec|string text is FRRouting's own language, as { config = text }
---@return frr.Frr
---@error ENOENT FRRouting is missing; the hint names the package
---@error EINVAL a mistake in the configuration: in FRRouting's own words, with its line
---@error EXIT a daemon ended: with its last lines
function m.start(ns, spec)
  ns = daemon.netns(ns, "the first argument of frr.start")
  local read = routing.read(ns, spec, "frr")
  daemon.find "vtysh"
  local ok, why = m.available()
  if not ok then
    nsh.raise { op = "start", target = "frr", code = "ENOENT", errno = 2, message = why }
  end
  local text, before = frr_text.text(read)
  local self = setmetatable({ name = "frr", netns = ns, daemons = {}, spec = read, text = text,
    protos = { "zebra", "bgp", "isis", "ospf", "rip", 196, 190, 193, 192, "babel" } }, mt)
  routing.claim(self)
  local dir = daemon.dir "frr"
  self.dir = dir
  local started, err = pcall(function()
    dir:write("group", "root:x:0:\nfrrvty:x:0:root\n")
    dir:write("vtysh.conf", "")
    dir:write("start.conf", ("hostname %s\nlog stdout\n"):format(routing.label(ns)))
    ns:exec { "mkdir", dir.path .. "/tmp" }
    start_daemons(self, text)
    local words = run_file(self, "frr.conf", text)
    if words then mistake(self, words, before) end
    if read.forward ~= false then self.unforward = routing.forward(ns) end
  end)
  if started then return self end
  self:stop()
  error(err, 0)
end

return m
