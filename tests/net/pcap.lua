-- pcap.lua - files of packets, and what tcpdump says of them.
local m = {}

local here = netns.current()

--- Reads a file of packets.
---@return table[] { bytes, len }
---@return integer linktype
function m.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  assert(text:sub(1, 4) == "\xd4\xc3\xb2\xa1", path .. ": not written on a machine like this one")
  local list, at = {}, 25
  while at < #text do
    local _, _, cap, len, next = string.unpack("<I4I4I4I4", text, at)
    list[#list + 1] = { text:sub(next, next + cap - 1), len }
    at = next + cap
  end
  return list, string.unpack("<I4", text, 21)
end

--- Returns the text of a file with these packets, { bytes, len on the wire }.
---@param list table[]
---@param linktype? integer
function m.file(list, linktype)
  local parts = { string.pack("<I4I2I2I4I4I4I4", 0xa1b2c3d4, 2, 4, 0, 0, 262144, linktype or 1) }
  for _, packet in ipairs(list) do
    parts[#parts + 1] = string.pack("<I4I4I4I4", 0, 0, #packet[1], packet[2] or #packet[1]) .. packet[1]
  end
  return table.concat(parts)
end

-- As an ordinary user's root, who can't become anybody else, it must not take itself for root.
local function command(options)
  local uids = assert(io.open "/proc/self/uid_map"):read "a"
  local run = tonumber(uids:match "%d+%s+%d+%s+(%d+)") > 1 and "exec tcpdump -Z root" or "exec unshare -U tcpdump"
  return run .. " -nn -t -S -# " .. (options or "") .. " -r - 2>/dev/null"
end

--- Tells why tcpdump can't be asked; nil where it can.
function m.obstacle()
  local out = here:exec(command(), { check = false, input = m.file { { ("\xff"):rep(12) .. "\0\0" } } }).out
  if out == "" then return "tcpdump is missing, or can't run here (Debian: tcpdump)" end
end

--- Returns what tcpdump says of packets, one text for each, which may have several lines.
---@param text string the file
---@param options? string "-e"
---@return string[]
function m.tcpdump(text, options)
  local list = {}
  for line in here:exec(command(options), { input = text }).out:gmatch "[^\n]*" do
    local number, rest = line:match "^ *(%d+)  (.*)$"
    if number and tonumber(number) == #list + 1 then
      list[#list + 1] = rest
    elseif line ~= "" and #list > 0 then
      list[#list] = list[#list] .. "\n" .. line
    end
  end
  return list
end

return m
