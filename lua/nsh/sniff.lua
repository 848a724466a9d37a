--- sniff.lua - `nsh --capture`: the packets of links while a script runs and after it, as lines or as a file.
local captures = require "nsh.capture"
local core = require "nsh.core"
local fail = require "nsh.error"
local links = require "nsh.link"
local loop = require "nsh.loop"
local netns = require "nsh.netns"
local text = require "nsh.text"
local watch = require "nsh.watch"
local Netns = netns.Netns

local m = {}

local stderr, stdout = io.stderr, io.stdout
local state

local function say(fmt, ...)
  stderr:write("nsh: ", fmt:format(...), "\n")
end

-- "09:40:11.392453 IP 10.0.0.1 > ...", with the link where there are several.
local function line_of(packet)
  local seconds = packet.nanoseconds // 1000000000
  local where = ""
  if state.several then
    where = ("%s:%s %s "):format(packet.netns, packet.link or "?", packet.direction or "")
  end
  return ("%s.%06d %s%s\n"):format(os.date("%H:%M:%S", seconds), packet.nanoseconds // 1000 % 1000000,
    text.escape(where), tostring(packet))
end

local function print_all()
  for packet in state.capture:packets { follow = true } do stdout:write(line_of(packet)) end
end

-- --- links that aren't there yet ---

local function find(wanted)
  local ns
  if wanted.netns == "root" or wanted.netns == "host" then
    ns = netns.root()
  else
    ns = netns.find(wanted.netns)
  end
  if not ns then return nil end
  if wanted.link == "any" then return { ns = ns, name = "any", names = {} } end
  local link = ns:find_link(wanted.link)
  return link and { ns = ns, name = link.name, index = link.index }
end

local function open(sources)
  if state.capture and state.capture.ended then
    return
  elseif state.capture then
    captures.add(state.capture, sources, state.options)
  else
    state.capture = captures.start(sources, state.options)
    if not state.options.file and not state.options.fd then state.printer = loop.task(print_all) end
  end
end

--- Captures those of the wanted links that are there by now.
---@private
function m.look()
  if #state.pending == 0 or state.looking then return end
  state.looking = true
  local _ <close> = setmetatable({}, { __close = function() state.looking = false end })
  local sources, pending = {}, {}
  for _, wanted in ipairs(state.pending) do
    local source = find(wanted)
    if source then sources[#sources + 1] = source else pending[#pending + 1] = wanted end
  end
  state.pending = pending
  if #sources > 0 then open(sources) end
  if #pending == 0 and state.watch then state.watch:close() end
end

-- What the script does is seen before it goes on (a lab tells of its links), what others do when nsh waits.
local function attend()
  local add_link, set = Netns.add_link, links.Link.set
  local function behind(...)
    m.look()
    return ...
  end
  function Netns.add_link(...) return behind(add_link(...)) end
  function links.Link.set(...) return behind(set(...)) end
  state.watch = watch.open { "link", "netns", handler = m.look }
end

-- --- the options ---

local function wanted_of(word)
  local ns, link = word:match "^(.*):([^:]+)$"
  link = link or word
  local ok, message = core.link.check_name(link)
  if not ok then return nil, ("--capture %s: %s"):format(word, message) end
  return { netns = ns ~= "" and ns or netns.root().label, link = link, word = word }
end

-- The options of a capture, or what is wrong.
local function options_of(given)
  local options = { filter = given.filter, fd = given.fd, file = not given.fd and given.file or nil }
  if given.count then
    options.count = math.tointeger(tonumber(given.count))
    if not options.count or options.count < 1 then return nil, "-c wants a number of packets, not " .. given.count end
  end
  if given.filter and given.filter:find "%S" then
    local ok, message = core.capture.check(given.filter)
    if not ok then return nil, message end
  end
  return options
end

--- Captures the links that there are, and the others as soon as there are.
---@param given table links: words of the command line; filter, count, file, fd
---@return integer code of the exit
function m.begin(given)
  state = { pending = {} }
  for i, word in ipairs(given.links) do
    local wanted, problem = wanted_of(word)
    if not wanted then
      say("%s", problem)
      return 2
    end
    state.pending[i] = wanted
    state.several = state.several or i > 1 or wanted.link == "any"
  end
  local options, problem = options_of(given)
  if not options then
    say("%s", problem)
    return 2
  end
  state.options = options
  if not options.file and not options.fd then stdout:setvbuf "line" end
  m.look()
  if #state.pending > 0 then attend() end
  return 0
end

-- --- the end ---

local function there_are(ns)
  local names = {}
  for _, record in ipairs(ns and ns:links() or netns.list()) do names[#names + 1] = record.name end
  return #names > 0 and table.concat(names, ", ") or "none"
end

-- Tells of links that never came.
local function miss()
  for _, wanted in ipairs(state.pending) do
    local ns = wanted.netns
    local found = (ns == "root" or ns == "host") and netns.root() or netns.find(ns)
    if found then
      say("no link %s in %s; there are: %s", wanted.link, ns, there_are(found))
    else
      say("no namespace %s; there are: %s", ns, there_are())
    end
  end
end

local function report()
  local capture = state.capture
  local stats = capture.stats
  local words = ("%d packet%s captured"):format(stats.received, stats.received == 1 and "" or "s")
  if stats.dropped > 0 then words = words .. (", %d dropped: there was no room"):format(stats.dropped) end
  if stats.ifdropped > 0 then words = words .. (", %d dropped by links"):format(stats.ifdropped) end
  if stats.cut > 0 then words = words .. (", %d cut: there was no room"):format(stats.cut) end
  say("%s", words)
end

-- Whoever prints goes on to the last packet.
local function join()
  local printer = state.printer
  if printer and printer.state == "running" then loop.join { printer } end
  if printer and printer.state == "failed" then return printer.results[1] end
end

--- Goes on for as long as the capture does, and tells how much there was.
---@param wait boolean false: ends it now
---@return integer code of the exit
function m.finish(wait)
  m.look()
  miss()
  local capture = state.capture
  if not capture then return 1 end
  if not wait then capture:stop() end
  local problem = join()
  if wait and not state.printer then fail.check("capture", nil, nil, loop.run(capture.inner.core)) end
  local unread = core.capture.ended(capture.inner.core) == "unread"
  if not problem and not unread then
    local ok, err = pcall(capture.stop, capture)
    problem = not ok and err or nil
  end
  if problem then say("%s", tostring(problem)) end
  if not unread then report() end
  capture:close()
  return problem and 1 or 0
end

return m
