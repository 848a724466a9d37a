-- packet_spec.lua - packets as records and as lines, compared with what tcpdump says of the same bytes.
-- The files in tests/net/packets are what real programs sent; record.lua there made them.
local pcap = dofile "tests/net/pcap.lua"
local packet = require "nsh.packet"

local files = { "any", "autoconf", "bridge", "dhcp", "dns", "errors", "fragments", "ping", "tcp", "vxlan" }

local function path(name) return "tests/net/packets/" .. name .. ".pcap" end

local function decode(item, linktype)
  return packet.decode(item[1], { linktype = linktype, len = item[2] })
end

-- Where we differ from tcpdump: VXLAN stays in one line; a packet that nobody knows has no dump behind it; on "any"
-- link and direction are not told; what a DHCP message is stands behind, VLAN tags stand before.
local function theirs(line)
  line = line:gsub("(vni %d+)\n", "%1, "):gsub(":? *\n\t0x.*", "")
  return line:gsub("^%S+ +%u%l* +(%u)", "%1")
end

local function ours(p)
  local line = tostring(p):gsub("^vlan [%d, pDEI]+, ", "")
  return line:gsub("(BOOTP/DHCP.*length %d+), .*", "%1")
end

-- Compares all packets of a file; a difference is shown with its number.
local function compare(list, linktype, text)
  local want, differ = pcap.tcpdump(text or pcap.file(list, linktype)), {}
  assert.equal(#list, #want)
  for i, item in ipairs(list) do
    local got, their = ours(decode(item, linktype)), theirs(want[i])
    if got ~= their then differ[#differ + 1] = ("%d: %s\n  not: %s"):format(i, got, their) end
  end
  assert.same("", table.concat(differ, "\n"))
end

describe("a packet prints as tcpdump's line:", function()
  local obstacle

  setup(function() obstacle = pcap.obstacle() end)

  for _, name in ipairs(files) do
    it(name, function()
      if obstacle then return pending(obstacle) end
      local list, linktype = pcap.read(path(name))
      assert.is_true(#list > 5)
      compare(list, linktype)
    end)
  end
end)
