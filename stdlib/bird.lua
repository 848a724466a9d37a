--- bird.lua - routers that run BIRD: OSPF, BGP and static routes, one bird for each namespace.
--
--     local b <close> = bird.start(r1, { ospf = { "eth0", { "eth1", cost = 20 }, type = "ptp" } })
--     b:wait_ospf()
--     print(b:neighbors())
--
-- BIRD tells the others of its links at most every five seconds (RFC 2328, MinLSInterval), so OSPF needs about six
-- seconds from the start, and up to five after a cut.
local nsh = require "nsh"
local daemon = require "stdlib.daemon"
local routing = require "stdlib.routing"

local m = {}

--- BIRD on a router.
---@class bird.Bird: routing.Router
local Bird, mt = routing.class "bird"

-- --- the configuration ---

local FAMILIES = { { name = "inet", channel = "ipv4", n = 4 }, { name = "inet6", channel = "ipv6", n = 6 } }

local SOURCES = {
  bgp = "source = RTS_BGP",
  connected = "source = RTS_DEVICE",
  kernel = "source = RTS_INHERIT",
  ospf = "source ~ [RTS_OSPF, RTS_OSPF_IA, RTS_OSPF_EXT1, RTS_OSPF_EXT2]",
  static = 'proto ~ "static*"',
}

-- What a protocol tells others: a filter in one line.
local function export_of(sources)
  return #sources == 0 and "none" or "where " .. table.concat(sources, " || ")
end

local function takes(spec, word)
  for _, part in ipairs { spec.ospf or {}, spec.ospf6 or {}, spec.bgp or {} } do
    for _, source in ipairs(part.redistribute or {}) do
      if source == word then return true end
    end
  end
  return false
end

-- The routes of the kernel: what bird found goes there, but not what the kernel has from others.
local function kernel_text(spec, family)
  local learn = takes(spec, "kernel")
  return ([[
protocol kernel kernel%d {%s
  %s {
    import %s;
    export filter {
      if source = RTS_DEVICE || source = RTS_INHERIT || proto = "networks%d" then reject;
      accept;
    };
  };
}]]):format(family.n, learn and "\n  learn;" or "", family.channel, learn and "all" or "none", family.n)
end

local function static_text(name, family, routes)
  if #routes == 0 then return end
  return ("protocol static %s%d {\n  %s;\n  %s;\n}"):format(name, family.n, family.channel,
    table.concat(routes, ";\n  "))
end

local function static_routes(spec, family)
  local routes = {}
  for _, route in ipairs(spec.static) do
    if route.family == family.name then
      local way = route.type or "via " .. (route.via or '"' .. route.dev .. '"')
      routes[#routes + 1] = ("route %s %s"):format(route.dst, way)
    end
  end
  return routes
end

-- Prefixes that begin here need a route in bird's table, one that the kernel doesn't get.
local function network_routes(spec, family)
  local routes, prefixes = {}, {}
  for _, dst in ipairs(spec.bgp and spec.bgp.networks or {}) do
    if routing.family(dst) == family.name then
      routes[#routes + 1] = "route " .. dst .. " unreachable"
      prefixes[#prefixes + 1] = dst
    end
  end
  return routes, prefixes
end

local function link_text(link)
  local lines = { ('    interface "%s" {'):format(link.name) }
  local function add(key, value)
    if value ~= nil then lines[#lines + 1] = ("      %s %s;"):format(key, tostring(value)) end
  end
  add("cost", link.cost)
  if link.passive then
    add("stub", "yes")
  else
    add("hello", link.hello)
    add("dead", link.dead)
    add("type", link.type)
    add("priority", link.priority)
  end
  lines[#lines + 1] = "    };"
  return table.concat(lines, "\n")
end

local function ospf_text(ospf, family)
  if not ospf then return end
  local areas, order, sources = {}, {}, {}
  for _, link in ipairs(ospf.links) do
    local area = tostring(link.area)
    if not areas[area] then
      areas[area] = {}
      order[#order + 1] = area
    end
    table.insert(areas[area], link_text(link))
  end
  for i, word in ipairs(ospf.redistribute) do sources[i] = SOURCES[word] end
  local text = { ("protocol ospf %s ospf%d {\n  %s { import all; export %s; };"):format(
    family.n == 4 and "v2" or "v3", family.n, family.channel, export_of(sources)) }
  for _, area in ipairs(order) do
    text[#text + 1] = ("  area %s {\n%s\n  };"):format(area, table.concat(areas[area], "\n"))
  end
  text[#text + 1] = "}"
  return table.concat(text, "\n")
end

local function bgp_text(bgp, peer, i, prefixes)
  local family = peer.family == "inet" and FAMILIES[1] or FAMILIES[2]
  local sources = { SOURCES.bgp }
  for _, word in ipairs(bgp.redistribute) do sources[#sources + 1] = SOURCES[word] end
  if #prefixes > 0 then sources[#sources + 1] = "net ~ [" .. table.concat(prefixes, ", ") .. "]" end
  local lines = { ("protocol bgp bgp%d {"):format(i), ("  local%s as %d;"):format(
    peer.source and " " .. peer.source or "", bgp.asn), ("  neighbor %s as %d;"):format(peer.addr, peer.asn) }
  local function add(fmt, ...) lines[#lines + 1] = "  " .. fmt:format(...) .. ";" end
  add("hold time %d", peer.hold)
  add "connect delay time 1"
  add "connect retry time 1"
  add "error wait time 1, 2"
  if peer.multihop then add("multihop %d", peer.multihop) end
  if peer.password then add('password "%s"', peer.password) end
  if peer.passive then add "passive yes" end
  add("%s { import all; export %s;%s }", family.channel, export_of(sources),
    peer.next_hop_self and " next hop self;" or "")
  lines[#lines + 1] = "}"
  return table.concat(lines, "\n")
end

-- What is said to the log tells when to look again: see routing.lua.
local HEAD = [[
log stderr all;
debug protocols { states, events };
protocol device {
}
protocol direct {
  ipv4;
  ipv6;
  check link yes;
}]]

local function text_of(spec)
  local parts = { spec.router_id and ("router id %s;"):format(spec.router_id) or "", HEAD }
  local function add(text) parts[#parts + 1] = text end
  for _, family in ipairs(FAMILIES) do
    add(kernel_text(spec, family))
    add(static_text("static", family, static_routes(spec, family)))
    add(static_text("networks", family, (network_routes(spec, family))))
    add(ospf_text(family.n == 4 and spec.ospf or family.n == 6 and spec.ospf6 or nil, family))
  end
  for i, peer in ipairs(spec.bgp and spec.bgp.neighbors or {}) do
    local _, prefixes = network_routes(spec, peer.family == "inet" and FAMILIES[1] or FAMILIES[2])
    add(bgp_text(spec.bgp, peer, i, prefixes))
  end
  return routing.join(parts, spec.config)
end

-- Has bird read the text, without a start: a mistake is told in its own words, with the line.
local function check_text(ns, dir, text, before)
  local path = dir:write("new.conf", text)
  local result = ns:exec({ "bird", "-p", "-c", path }, { check = false })
  if result.status == 0 then return path end
  os.remove(path)
  local said = result.err:match "[^\n]+" or "exit status " .. tostring(result.status)
  local number, column, words = said:match ":(%d+):(%d+) (.*)$"
  local line, n = nil, 0
  if number then
    local place, own = routing.place(tonumber(number), before)
    line = own
    for one in text:gmatch "(.-)\n" do
      n = n + 1
      if n == tonumber(number) then said = ("%s, column %s: %s\n  %s"):format(place, column, words, one) end
    end
  end
  nsh.raise { op = "bird configuration", netns = ns, code = "EINVAL", errno = 22, line = line, message = said }
end

-- --- asking it ---

--- Asks bird, as birdc(8) does.
--- Twin: `birdc -s SOCKET COMMAND`
---@param command string "show route all"
---@return string text what it answers
---@error EINVAL it refused: in its own words
function Bird:birdc(command)
  if type(command) ~= "string" or not command:find "%S" then nsh.misuse 'birdc takes a command, as "show route"' end
  self:check()
  local words = { "birdcl", "-s", self.dir.path .. "/bird.ctl" }
  for word in command:gmatch "%S+" do words[#words + 1] = word end
  local result = self.netns:exec(words, { check = false })
  local text = result.out:gsub("^BIRD [^\n]* ready%.\n", "")
  if result.status == 0 then return text end
  nsh.raise { op = "birdc", target = command, netns = self.netns, code = "EINVAL", errno = 22,
    message = (text .. result.err):gsub("%s+$", "") }
end

--- Lists the protocols of bird.
--- Twin: `birdc show protocols`
---@return table[] records { name, type, table, state, since, info }
function Bird:protocols()
  local list = {}
  for line in self:birdc "show protocols":gmatch "[^\n]+" do
    local name, kind, tab, state, since, info = line:match "^(%S+)%s+(%S+)%s+(%S+)%s+(%S+)%s+(%S+)%s*(.-)%s*$"
    if name and name ~= "Name" then
      list[#list + 1] = { name = name, type = kind, table = tab ~= "---" and tab or nil, state = state, since = since,
        info = info ~= "" and info or nil }
    end
  end
  return nsh.records(list)
end

--- Lists the neighbours of OSPF, of both versions.
--- Twin: `birdc show ospf neighbors`
---@return table[] records { id, addr, dev, state, role, priority, dead, instance }; state "full", "init", "exstart",
---  ...; dead: seconds until it is given up
function Bird:neighbors()
  local list = {}
  for _, protocol in ipairs(self:protocols()) do
    local text = protocol.type == "OSPF" and protocol.state == "up"
      and self:birdc("show ospf neighbors " .. protocol.name) or ""
    for line in text:gmatch "[^\n]+" do
      local id, priority, state, role, dead, dev, addr =
        line:match "^([%d.]+)%s+(%d+)%s+([%w-]+)/(%S+)%s+([%d.-]+)%s+(%S+)%s+(%S+)"
      if id then
        list[#list + 1] = { id = id, addr = addr, dev = dev, state = state:lower(), role = role:lower(),
          priority = tonumber(priority), dead = tonumber(dead), instance = protocol.name }
      end
    end
  end
  return nsh.records(list)
end

--- Lists the sessions of BGP.
--- Twin: `birdc show protocols all`
---@return table[] records { addr, asn, state, received, sent, error, instance }; state "established", "active", ...;
---  received, sent: routes
function Bird:sessions()
  local list, session = {}, nil
  for line in self:birdc "show protocols all":gmatch "[^\n]+" do
    local name, kind = line:match "^(%S+)%s+(%S+)%s"
    if name then
      session = kind == "BGP" and { instance = name, state = "down" } or nil
      list[#list + 1] = session
    elseif session then
      local key, value = line:match "^%s+([%w ]+):%s+(.-)%s*$"
      if key == "BGP state" then session.state = value:lower() end
      if key == "Neighbor address" then session.addr = value:match "^[^%%]+" end
      if key == "Neighbor AS" then session.asn = tonumber(value) end
      if key == "Last error" then session.error = value end
      if key == "Routes" then
        session.received, session.sent = tonumber(value:match "(%d+) imported"), tonumber(value:match "(%d+) exported")
      end
    end
  end
  return nsh.records(list)
end

local KINDS = { Direct = "connected", Static = "static", OSPF = "ospf", BGP = "bgp", Kernel = "kernel" }

--- Lists the routes of bird's tables, those that it doesn't use too.
--- Twin: `birdc show route`
---@return table[] records { dst, type, proto, instance, via, dev, best, preference, metric }; of many ways: nexthops
function Bird:routes()
  local kinds, list, dst, route = {}, {}, nil, nil
  for _, protocol in ipairs(self:protocols()) do kinds[protocol.name] = KINDS[protocol.type] or protocol.type end
  for line in self:birdc "show route":gmatch "[^\n]+" do
    local prefix, kind, instance, rest = line:match "^(%S*)%s+(%l+) %[(%S+) [^%]]*%](.*)$"
    local via, dev = line:match "^%s+via (%S+) on (%S+)"
    dev = dev or line:match "^%s+dev (%S+)"
    if kind then
      dst = prefix ~= "" and prefix or dst
      local preference, metric = rest:match "%((%d+)/?(%d*)[^)]*%)"
      route = { dst = dst, type = kind, proto = kinds[instance] or instance, instance = instance,
        best = rest:find("*", 1, true) ~= nil, preference = tonumber(preference), metric = tonumber(metric) }
      list[#list + 1] = route
    elseif route and dev then
      local hops = route.nexthops or route.dev and { { via = route.via, dev = route.dev } }
      if hops then
        hops[#hops + 1] = { via = via, dev = dev }
        route.nexthops, route.via, route.dev = hops, nil, nil
      else
        route.via, route.dev = via, dev
      end
    end
  end
  return nsh.records(list)
end

--- Gives it another configuration; sessions that it doesn't change stay. A mistake leaves all as it was.
--- Twin: `birdc configure`
---@param spec routing.Spec|string as start takes it
---@error EINVAL a mistake: in bird's own words, with its line
function Bird:reload(spec)
  self:check()
  local read = routing.read(self.netns, spec, "bird")
  local text, before = text_of(read)
  local path = check_text(self.netns, self.dir, text, before)
  assert(os.rename(path, self.dir.path .. "/bird.conf"))
  local ok, err = pcall(self.birdc, self, "configure")
  if not ok then
    self.dir:write("bird.conf", self.text)
    nsh.raise(err)
  end
  self.spec, self.text = read, text
end

--- Returns its configuration.
---@return string
function Bird:config() return self.text end

--- Tells whether bird is there.
---@return boolean
---@return string? why not
function m.available() return daemon.available "bird" end

--- Starts bird on a router, which forwards from then on, and returns when bird answers.
--- Twin: `bird -f -c FILE -s SOCKET`
---@param ns nsh.Netns|nsh.LabNode|string
---@param spec routing.Spec|string text is bird's own language, as { config = text }
---@return bird.Bird
---@error ENOENT bird is missing; the hint names the package
---@error EINVAL a mistake in the configuration: in bird's own words, with its line
---@error EXIT bird ended: with its last lines
function m.start(ns, spec)
  ns = daemon.netns(ns, "the first argument of bird.start")
  local read = routing.read(ns, spec, "bird")
  daemon.find "bird"
  local text, before = text_of(read)
  local self = setmetatable({ name = "bird", netns = ns, daemons = {}, spec = read, text = text, protos = { "bird" } },
    mt)
  routing.claim(self)
  local dir = daemon.dir "bird"
  self.dir = dir
  local ok, err = pcall(function()
    assert(os.rename(check_text(ns, dir, text, before), dir.path .. "/bird.conf"))
    self.daemons[1] = daemon.start { "bird", netns = ns, dir = dir, ready = { unix = "$DIR/bird.ctl" },
      command = { "bird", "-f", "-c", "$DIR/bird.conf", "-s", "$DIR/bird.ctl", "-P", "$DIR/bird.pid" } }
    if read.forward ~= false then self.unforward = routing.forward(ns) end
  end)
  if ok then return self end
  self:stop()
  error(err, 0)
end

return m
