--- capture.lua - captures: the packets of links, as they come and as files.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local netns = require "nsh.netns"
local object = require "nsh.object"
local packet = require "nsh.packet"
local show = require "nsh.show"
local world = require "nsh.world"
local Link = require("nsh.link").Link
local Netns = netns.Netns

local m = {}

--- A capture of one or several links. The kernel, and nsh while it waits for anything, keep its packets until they are
--- read. It ends with its block, `<close>`, by stop() or close(), after `count` packets, and with its last link. One
--- that writes a file goes on when nobody holds it.
---@class nsh.Capture
---@field links table[] records { netns, link, gone }
---@field stats nsh.CaptureStats
---@field ended? string why it has ended; nil while it runs
local Capture, mt = object.class "nsh.capture"

--- What was captured, and what was not.
---@class nsh.CaptureStats
---@field received integer packets that the filter let pass and that were captured
---@field dropped integer packets that it let pass and for which there was no room: a larger `buffer` keeps more
---@field ifdropped integer packets that the links themselves dropped meanwhile
---@field cut integer of those received, large ones that were shortened for want of room: segments that are joined for
---  transport; a `buffer` of "256mb" has room for 2000 of 64 KiB
---@field file_only integer of those received, the oldest that nobody read: they are in the file alone

--- What is captured. The link is a name, an object or "any": all of the namespace.
---@class nsh.CaptureOptions
---@field filter? string as of tcpdump(8): "icmp or arp"
---@field direction? "in"|"out"|"inout" which way (both)
---@field snaplen? integer|string bytes of each packet that are kept, 64 to 262144 (all)
---@field count? integer ends after as many packets
---@field file? string where they are written, too: pcap, or pcapng where the name ends with that; "-": standard output
---@field format? "pcap"|"pcapng" of the file, whatever its name
---@field buffer? integer|string bytes that the kernel keeps while nsh is busy, for each link ("4mb")
---@field promisc? boolean false: only what the link takes anyhow (true)

-- What a capture knows is in a table of its own.
local live = setmetatable({}, { __mode = "k" })

local function place(source) return source.name .. " in " .. source.ns.label end

local function places(c)
  local list = {}
  for i, source in ipairs(c.sources) do list[i] = place(source) end
  return table.concat(list, ", ")
end

-- Passes the results of a core function on, or raises what it failed with.
local function check(c, ...)
  local first = c.sources[1]
  if #c.sources == 1 then return fail.check("capture", first.name, first.ns, ...) end
  return fail.check("capture", places(c), nil, ...)
end

local endings = { stopped = "stopped", count = "all that were asked for", unread = "nobody reads what it writes" }

-- Why it has ended, and whether that is a failure.
local function ending(c)
  local word, message, code, errno = core.capture.ended(c.core)
  return word and (message or endings[word]), word == "gone" or word == "failed", code, errno, word
end

-- Raises what ended it, unless somebody wanted it to end.
local function raise_end(c, only)
  local message, failed, code, errno, word = ending(c)
  if not failed or only and word ~= only then return end
  check(c, nil, message, code, { errno = errno })
end

local function ended(c)
  live[c] = nil
  if c.service then c.service:stop() end
  loop.wake(c.core)
end

-- Takes from the kernel what there is.
local function step(c)
  local done = check(c, core.loop.step(c.core))
  if done then ended(c) end
end

-- While nsh waits for anything packets are taken, and written. The loop holds a capture only if it writes.
local function attend(c, writer)
  local op, weak = c.core, setmetatable({ c }, { __mode = "v" })
  c.service = loop.serve(op, function() return false end, function()
    if core.loop.step(op) and weak[1] then ended(weak[1]) end
    return writer
  end)
end

-- --- reading ---

-- The name of a link by its number, as far as that is known.
local function name_of(source, index)
  if source.name ~= "any" then return source.name end
  local name = source.names[index]
  if name == nil and index > 0 then
    local record = not source.ns.deleted and core.link.get(source.ns.core, index)
    name = record and record.name or false
    source.names[index] = name
  end
  return name or nil
end

local function decoded(link, ns, data, linktype, len, time, direction)
  return packet.new(core.packet.decode(data, { linktype = linktype, len = len }), {
    time = time / 1e9, nanoseconds = time, len = len, caplen = #data, link = link, netns = ns,
    direction = direction, linktype = linktype, data = data,
  })
end

-- The next packet, of the first `last` ones.
local function take(c, last)
  local data, linktype, len, time, source, index, direction = core.capture.next(c.core, last)
  if not data then return nil end
  source = c.sources[source]
  return decoded(name_of(source, index), source.ns.label, data, linktype, len, time, direction)
end

local function wait_packet(c, timeout)
  local deadline, in_time = core.loop.deadline(timeout), true
  while true do
    local got = take(c)
    if got or not in_time then return got end
    if core.capture.ended(c.core) then
      raise_end(c)
      return nil
    end
    in_time = loop.wait(c.core, deadline)
  end
end

local function inner_of(self)
  local c = self.inner
  if c.closed then fail.misuse "the capture is closed" end
  return c
end

--- Returns an iterator over packets: those that were captured until now; with `timeout` until none came for so many
--- seconds; with `follow` until the capture is stopped. Each packet is given once. It is a record, and prints as a
--- line.
--- Twin: `tcpdump -nn`
---@param options? { timeout: number|string, follow: boolean }
---@return fun(): nsh.Packet?
---@error ENODEV with timeout or follow: the link is gone, and all of its packets were given
---@error EIO the file can't be written; the errno of it
function Capture:packets(options)
  options = fail.known(options, "packets", { "timeout", "follow" })
  local c, timeout, follow = inner_of(self), options.timeout, options.follow
  core.loop.deadline(timeout) -- a wrong one is told here
  if timeout or follow then
    return function() return wait_packet(c, timeout) end
  end
  step(c)
  local last = core.capture.seen(c.core)
  return function()
    local got = take(c, last)
    if not got then raise_end(c, "failed") end
    return got
  end
end

-- What the links dropped themselves.
local function link_drops(sources)
  local sum = 0
  for _, source in ipairs(sources) do
    local record = source.index and not source.ns.deleted and core.link.get(source.ns.core, source.index)
    local stats = record and record.stats
    if stats then source.dropped = (stats.rx_dropped or 0) + (stats.rx_missed_errors or 0) end
    sum = sum + (source.dropped or 0)
  end
  return sum
end

--- What was captured up to now, and what was lost.
---@return nsh.CaptureStats
function Capture.get:stats()
  local c = self.inner
  if c.closed then return c.closed end
  local all = setmetatable({ received = 0, dropped = 0, cut = 0, file_only = 0 }, show.Record)
  for i in ipairs(c.sources) do
    local received, dropped, cut, file_only = core.capture.stats(c.core, i)
    all.received, all.dropped = all.received + received, all.dropped + dropped
    all.cut, all.file_only = all.cut + cut, all.file_only + file_only
  end
  all.ifdropped = link_drops(c.sources) - c.drops
  return all
end

--- Why it has ended; nil while it runs.
---@return string?
function Capture.get:ended()
  local c = self.inner
  return c.closed and "closed" or (ending(c))
end

--- What it captures, one record { netns, link } for each link; with `gone` when the link is no more.
---@return table[]
function Capture.get:links()
  local c, list = self.inner, setmetatable({}, show.List)
  for i, source in ipairs(c.sources) do
    local gone = not c.closed and select(5, core.capture.stats(c.core, i)) or nil
    list[i] = setmetatable({ netns = source.ns.label, link = source.name, gone = gone }, show.Record)
  end
  return list
end

function mt.__tostring(self)
  local c, stats, words = self.inner, self.stats, {}
  words[1] = ("capture of %s%s: %d packets, %d dropped"):format(
    places(c), c.filter and (" (%s)"):format(c.filter) or "", stats.received, stats.dropped)
  if stats.ifdropped > 0 then words[#words + 1] = ("%d dropped by the link"):format(stats.ifdropped) end
  if stats.cut > 0 then words[#words + 1] = ("%d cut"):format(stats.cut) end
  if stats.file_only > 0 then words[#words + 1] = ("%d only in the file"):format(stats.file_only) end
  if not self.ended then
    for i, link in ipairs(self.links) do
      if link.gone then words[#words + 1] = place(c.sources[i]) .. " is gone" end
    end
  end
  words[#words + 1] = self.ended
  return table.concat(words, ", ")
end

-- --- changing and ending ---

--- Changes the filter: later packets pass the new one. One with a mistake leaves the old one in place.
---@param spec { filter: string|false } false: all packets pass
---@error EINVAL libpcap doesn't take the filter; its own words are told
function Capture:set(spec)
  local c = inner_of(self)
  spec = fail.options(spec, "set")
  for key in pairs(spec) do
    if key ~= "filter" then fail.misuse("unknown key '%s' of a capture; only filter can be set", tostring(key)) end
  end
  local filter = spec.filter
  if filter == nil or filter ~= false and type(filter) ~= "string" then
    fail.misuse "filter is needed, as set { filter = \"icmp\" }; false: all packets"
  end
  if core.capture.ended(c.core) then fail.misuse("the capture has ended: %s", (ending(c))) end
  local cores = {}
  for i, source in ipairs(c.sources) do cores[i] = source.ns.core end
  check(c, core.capture.filter(c.core, cores, filter or nil))
  c.filter = filter or nil
end

--- Ends the capture and finishes its file. The packets up to now can still be read. Stopping twice is harmless.
---@error EIO the file can't be written; the errno of it
function Capture:stop()
  local c = inner_of(self)
  core.capture.stop(c.core)
  check(c, loop.run(c.core))
  ended(c)
  raise_end(c, "failed")
end

--- Stops the capture and forgets what was not read. Closing twice is harmless.
---@error EIO the file can't be written; the errno of it
function Capture:close()
  local c = self.inner
  if c.closed then return end
  local _ <close> = setmetatable({}, { __close = function()
    ended(c)
    c.closed = self.stats
    core.capture.close(c.core)
  end })
  self:stop()
end

function mt.__close(self) self:close() end

function mt.__gc(self)
  local c = rawget(self, "inner")
  if c and not c.closed then
    live[c] = nil -- before the collector does it, a namespace may go
    if c.service then c.service:stop() end
    core.capture.close(c.core)
  end
end

-- A namespace that nsh deletes would be held by its captures.
local before = world.on_namespace
function world.on_namespace(ns, gone)
  before(ns, gone)
  for c in pairs(gone and live or {}) do
    for i, source in ipairs(c.sources) do
      if source.ns == ns then core.capture.leave(c.core, i) end
    end
    loop.wake(c.core)
  end
end

-- --- opening ---

local function is_link(value) return type(value) == "table" and rawget(value, "last_name") ~= nil end

-- A link of the namespace: by name, as an object, or all.
local function add_source(sources, ns, link)
  if link == "any" then
    sources[#sources + 1] = { ns = ns, name = "any", names = {} }
    return
  end
  if type(link) == "string" then
    link = ns:link(link)
  elseif not is_link(link) then
    fail.misuse("a link is its name, its object or \"any\", not a %s", type(link))
  elseif link.netns ~= ns then
    fail.misuse("%s is not in %s; nsh.capture { { ns, link }, ... } takes links of several namespaces", tostring(link),
      ns.label)
  end
  sources[#sources + 1] = { ns = ns, name = link.name, index = link.index }
end

-- The options by themselves.
local function options_of(spec)
  local options = {}
  for key, value in pairs(spec) do
    if math.type(key) ~= "integer" then options[key] = value end
  end
  for _, key in ipairs { "filter", "file", "count" } do
    if options[key] == false or options[key] == "" then options[key] = nil end
  end
  if type(options.filter) == "string" and not options.filter:find "%S" then options.filter = nil end
  if type(options.file) == "string" and not options.format then
    options.format = options.file:find "%.pcapng$" and "pcapng" or "pcap"
  end
  return options
end

local function cores_of(sources)
  local list = {}
  for i, source in ipairs(sources) do list[i] = { source.ns.core, source.name } end
  return list
end

--- Opens a capture.
---@private
---@param sources table[] { ns, name, index }
---@param spec nsh.CaptureOptions and fd, a descriptor instead of a file
---@return nsh.Capture
function m.start(sources, spec)
  local options = options_of(spec)
  if options.file == "-" then io.stdout:flush() end
  local c = { sources = sources, filter = options.filter, drops = link_drops(sources) }
  c.core = check(c, core.capture.open(cores_of(sources), options))
  local self = setmetatable({ inner = c }, mt)
  attend(c, (options.file or options.fd) and self)
  live[c] = true
  return self
end

--- Captures more links.
---@private
---@param self nsh.Capture
---@param sources table[]
---@param spec nsh.CaptureOptions as it was started with
function m.add(self, sources, spec)
  local c = self.inner
  local drops = link_drops(sources)
  check(c, core.capture.add(c.core, cores_of(sources), options_of(spec)))
  for _, source in ipairs(sources) do c.sources[#c.sources + 1] = source end
  c.drops = c.drops + drops
end

-- Only nsh itself writes to a descriptor.
local function open(sources, spec)
  if spec.fd ~= nil then fail.misuse "unknown key 'fd'; did you mean 'file'?" end
  return m.start(sources, spec)
end

-- What stands in a list of links; a list may stand in it.
local function each_link(spec, fn)
  for _, value in ipairs(spec) do
    if type(value) == "table" and not is_link(value) and #value > 0 then
      each_link(value, fn)
    else
      fn(value)
    end
  end
end

--- Captures packets, and returns when the kernel does so: what is sent after that is seen. A link that is down is
--- captured once it is up. Packets of several links come in the order of their times, each with its `link`.
--- Twin: `tcpdump -i LINK --direction DIRECTION -s SNAPLEN -c COUNT -w FILE FILTER`
---@param spec string|nsh.Link|nsh.CaptureOptions the link or links at [1], [2]...: "eth0", { "eth0", filter = "arp" }
---@return nsh.Capture
---@error EINVAL libpcap doesn't take the filter; its own words are told
---@error ENODEV there is no such link
---@error ENOPKG there is a filter, but no libpcap
---@error EPERM packet sockets are not allowed
function Netns:capture(spec)
  if type(spec) == "string" or is_link(spec) then spec = { spec } end
  if type(spec) ~= "table" then fail.misuse("capture takes a link or a table, not a %s", type(spec)) end
  local sources = {}
  each_link(spec, function(link) add_source(sources, self, link) end)
  if #sources == 0 then fail.misuse "say which link, as capture { \"eth0\" }; \"any\" means all" end
  return open(sources, spec)
end

--- Captures packets of the link, as ns:capture does.
---@param spec? nsh.CaptureOptions
---@return nsh.Capture
function Link:capture(spec)
  local copy = fail.options(spec, "capture")
  if #copy > 0 then fail.misuse "link:capture captures its own link; ns:capture takes others" end
  return open({ { ns = self.netns, name = self.name, index = self.index } }, copy)
end

--- Captures packets of links of several namespaces.
---@private
---@param spec table
---@return nsh.Capture
function m.open(spec)
  if type(spec) ~= "table" then fail.misuse("capture takes a table of links, not a %s", type(spec)) end
  if is_link(spec) then return spec:capture() end
  local sources = {}
  for _, value in ipairs(spec) do
    if is_link(value) then
      add_source(sources, value.netns, value)
    elseif type(value) ~= "table" or #value < 2 then
      fail.misuse "each is a link's object, or { netns, \"eth0\" }"
    else
      local ns = netns.resolve(value[1])
      each_link({ table.unpack(value, 2) }, function(link) add_source(sources, ns, link) end)
    end
  end
  if #sources == 0 then fail.misuse "say which links, as nsh.capture { { ns1, \"eth0\" }, { ns2, \"eth0\" } }" end
  return open(sources, spec)
end

-- --- files ---

-- Interfaces of files that nsh wrote are called "netns:link".
local function split(name)
  if not name then return nil end
  local ns, link = name:match "^(.+):([^:]+)$"
  return link or name, ns
end

--- Reads a capture file, pcap or pcapng.
---@private
---@param path string
---@return fun(): nsh.Packet?
---@return nil
---@return nil
---@return userdata file is closed behind the loop
function m.read(path)
  if type(path) ~= "string" then fail.misuse("read_pcap takes the name of a file, not a %s", type(path)) end
  local file = fail.check("read", path, nil, core.capture.read(path))
  return function()
    local data, linktype, len, time, _, _, direction, name = fail.check("read", path, nil, core.capture.frame(file))
    if not data then
      core.capture.close_file(file)
      return nil
    end
    local link, ns = split(name)
    return decoded(link, ns, data, linktype, len, time, direction)
  end, nil, nil, file
end

return m
