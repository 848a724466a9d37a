--- test_keep.lua - what is kept of a test that failed: how its lab stood, its packets, a picture.
local columns = require "nsh.columns"
local netns = require "nsh.netns"
local text = require "nsh.text"

local m = {}

local SOCKETS = 8 -- to open and close one takes the kernel some 25 ms each
local SNAPLEN, BUFFER, PACKETS = 256, "1mb", 2000
local QUIET_NAME, FOLDERS = 48, 10000

local base -- the folder of this run, once something failed
local count = 0
local standing = {} -- labs that are up, as { lab, capture, off }, the one that came up last behind the others
local wished = setmetatable({}, { __mode = "k" }) -- by lab: whether its packets are to be kept

-- --- packets ---

-- The fewest nodes that all wires end at, more or less: the one with the most wires that are left, again and again.
local function cover(lab)
  local chosen, heard, left = {}, {}, #lab.links
  while left > 0 do
    local best, most = nil, 0
    for _, node in ipairs(lab.nodes) do
      local n = 0
      for _, port in ipairs(node.kind ~= "external" and node.ports or {}) do
        if not heard[port.wire] then n = n + 1 end
      end
      if n > most then best, most = node, n end
    end
    if not best then return chosen end
    chosen[#chosen + 1] = best
    for _, port in ipairs(best.ports) do heard[port.wire] = true end
    left = left - most
  end
  return chosen
end

-- Begins to capture what goes through a lab; without a wish, where that takes few sockets.
local function listen(one, wanted)
  local nodes = cover(one.lab)
  if wanted == false then
    one.off = "test.lab(..., { capture = false }) says so"
  elseif wanted == nil and #nodes > SOCKETS then
    one.off = ("it would take sockets in %d namespaces; test.lab(..., { capture = true }) has them"):format(#nodes)
  elseif #nodes == 0 then
    one.off = "the lab has no links"
  else
    local spec = { snaplen = SNAPLEN, buffer = BUFFER }
    for i, node in ipairs(nodes) do spec[i] = { node.netns, "any" } end
    local ok, capture = pcall(require("nsh.capture").open, spec)
    if ok then one.capture = capture else one.off = tostring(capture) end
  end
end

--- Says whether the packets of a lab are to be kept.
---@private
---@param lab nsh.Lab
---@param wanted? boolean nil: where it takes few sockets
function m.wish(lab, wanted) wished[lab] = wanted end

--- Is told that a lab is about to go.
---@private
---@param lab nsh.Lab
function m.down(lab)
  for i = #standing, 1, -1 do
    if standing[i].lab.name == lab.name then
      if standing[i].capture then standing[i].capture:close() end
      table.remove(standing, i)
    end
  end
end

-- Whether all namespaces are those that were there before.
local function made_none(steps)
  for _, step in ipairs(steps) do
    if step.noun == "netns" then return false end
  end
  return true
end

--- Is told that a lab is up, and of the steps that led there.
---@private
---@param lab nsh.Lab
---@param steps nsh.Plan
function m.up(lab, steps)
  for _, one in ipairs(standing) do
    if one.lab == lab and made_none(steps) then return end
  end
  m.down(lab)
  local one = { lab = lab }
  standing[#standing + 1] = one
  listen(one, wished[lab])
end

-- Forgets what was captured until now: the next test begins.
local function forget()
  for _, one in ipairs(standing) do
    while one.capture and one.capture:packets()() do end -- luacheck: ignore 542
  end
end

-- --- a file of packets: pcapng, with the names of the links ---

local function block(kind, body)
  local padded = body .. ("\0"):rep(-#body % 4)
  return string.pack("<I4I4", kind, #padded + 12) .. padded .. string.pack("<I4", #padded + 12)
end

local function option(code, value) return string.pack("<I2I2", code, #value) .. value .. ("\0"):rep(-#value % 4) end

local function write_pcapng(path, packets)
  local out = assert(io.open(path, "wb"))
  out:write(block(0x0A0D0D0A, string.pack("<I4I2I2i8", 0x1A2B3C4D, 1, 0, -1)))
  local links, n = {}, 0
  for _, packet in ipairs(packets) do
    local name = ("%s:%s"):format(packet.netns, packet.link or "?")
    local key = packet.linktype .. " " .. name
    if not links[key] then
      links[key], n = n, n + 1
      out:write(block(1, string.pack("<I2I2I4", packet.linktype, 0, SNAPLEN) .. option(2, name) .. option(9, "\9")
        .. option(0, "")))
    end
    local time = packet.nanoseconds
    out:write(block(6, string.pack("<I4I4I4I4I4", links[key], time >> 32, time & 0xffffffff, #packet.data, packet.len)
      .. packet.data))
  end
  out:close()
end

-- --- the folder ---

local function write(folder, name, ...)
  local parts = table.pack(...)
  for i = 1, parts.n do parts[i] = tostring(parts[i]) end
  local out = assert(io.open(folder .. "/" .. name, "w"))
  out:write(table.concat(parts), "\n")
  out:close()
end

local function slug(name)
  local word = name:gsub("[^%w._-]+", "-"):gsub("^[-.]+", ""):gsub("-+$", "")
  return word:sub(1, QUIET_NAME)
end

local function new_folder(name)
  local lfs = require "lfs" -- a part of busted
  local run = require "nsh.test_run"
  if not base and run.keep then
    lfs.mkdir(run.keep)
    base = run.keep .. "/" .. slug(run.file)
    lfs.mkdir(base)
  elseif not base then
    base = os.tmpname()
    os.remove(base)
    base = base:gsub("lua_", "nsh-test-")
    assert(lfs.mkdir(base))
  end
  for n = count + 1, count + FOLDERS do -- an earlier run may have left some
    local folder = ("%s/%02d-%s"):format(base, n, slug(name))
    local ok, problem = lfs.mkdir(folder)
    count = n
    if ok then return folder end
    if not lfs.attributes(folder) then error(problem, 0) end
  end
  error("too many folders in " .. base, 0)
end

-- One thing that can't be had must not cost the others.
local function try(folder, name, fn)
  local ok, what = pcall(fn)
  if not ok then write(folder, name, "can't be told: ", what) end
end

local function keep_packets(folder, one)
  if not one.capture then
    write(folder, "packets.txt", "no packets were kept: ", one.off)
    return
  end
  local packets, lines = {}, {}
  for packet in one.capture:packets() do packets[#packets + 1] = packet end
  packets = table.move(packets, math.max(1, #packets - PACKETS + 1), #packets, 1, {})
  for i, packet in ipairs(packets) do
    local seconds = packet.nanoseconds // 1000000000
    lines[i] = ("%s.%06d %s:%s %s %s"):format(os.date("%H:%M:%S", seconds), packet.nanoseconds // 1000 % 1000000,
      packet.netns, packet.link or "?", packet.direction or "", tostring(packet))
  end
  local lost = one.capture.stats.dropped
  if lost > 0 then lines[#lines + 1] = ("%d more found no room"):format(lost) end
  write(folder, "packets.txt", text.escape(table.concat(lines, "\n"), "\n"))
  if packets[1] then write_pcapng(folder .. "/packets.pcapng", packets) end
end

local PICTURES = { ["lab.txt"] = "text", ["lab.html"] = "html" }

local function full_name(busted, element)
  local names, parent = {}, element
  while parent and parent.descriptor ~= "file" and (parent.name or parent.descriptor == "it") do
    table.insert(names, 1, tostring(parent.name))
    parent = (busted.context or busted).parent(parent) -- the core of busted, or what specs have of it
  end
  return table.concat(names, " ")
end

-- Writes down how a lab stands.
local function keep_lab(folder, one)
  local lab = one.lab
  try(folder, "packets.txt", function() keep_packets(folder, one) end)
  try(folder, "status.txt", function() write(folder, "status.txt", lab:status()) end)
  try(folder, "plan.txt", function() write(folder, "plan.txt", (lab:plan())) end)
  for file, format in pairs(PICTURES) do
    try(folder, file, function() write(folder, file, lab:graph { format = format }) end)
  end
  for _, node in ipairs(lab.nodes) do
    local ns = netns.find(node:netns_name())
    if ns and #lab.nodes <= SOCKETS * 4 then
      local file = "node-" .. node.name .. ".txt"
      try(folder, file, function()
        write(folder, file, "routes\n", ns:routes(), "\n\nneighbours\n", ns:neighs(), "\n\nlinks\n",
          columns.list(ns:links()))
      end)
    end
  end
end

-- Writes it all down: the lab that came up last in the folder itself, others in one of their names. Returns the folder.
local function keep(busted, element, message)
  local name = full_name(busted, element)
  local folder = new_folder(name)
  write(folder, "failure.txt", name, "\n\n", message)
  for i = #standing, 1, -1 do
    local place = folder
    if i < #standing then
      place = folder .. "/lab-" .. slug(standing[i].lab.name)
      require("lfs").mkdir(place)
    end
    keep_lab(place, standing[i])
  end
  return folder
end

local following = false

--- Has what is needed kept of each test that fails while a lab is up, and its message say where.
---@private
---@param busted table
function m.on_failure(busted)
  if following then return end
  following = true
  local inside = false
  for _, what in ipairs { "failure", "error" } do
    busted.subscribe({ what, "it" }, function(element, parent, message, trace)
      if inside or not standing[1] then return nil, true end
      inside = true
      local ok, folder = pcall(keep, busted, element, tostring(message))
      local more = ok and "kept in " .. folder or "nothing could be kept: " .. tostring(folder)
      busted.publish({ what, "it" }, element, parent, ("%s\n%s"):format(tostring(message), more), trace)
      inside = false
      return nil, false
    end, { priority = 1 })
  end
  busted.subscribe({ "test", "end" }, function()
    forget()
    return nil, true
  end)
end

return m
