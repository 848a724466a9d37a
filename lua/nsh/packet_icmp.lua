--- packet_icmp.lua - ICMP, ICMPv6 and IGMP in tcpdump's words.
local m = {}

local format = string.format

local protocol_numbers = { icmp = 1, igmp = 2, ipip = 4, tcp = 6, udp = 17, ipv6 = 41, gre = 47, esp = 50, ah = 51,
  icmpv6 = 58, ospf = 89, pim = 103, vrrp = 112, sctp = 132 }

-- What a quoted packet was for.
local function quoted_dst(icmp)
  return icmp.quoted and icmp.quoted.ip and icmp.quoted.ip.dst
end

-- "10.0.0.1 udp port 53"; nothing where so much was not quoted
local function quoted_port(icmp, dst)
  local packet = icmp.quoted
  if packet.tcp and not packet.tcp.dport or packet.udp and not packet.udp.dport then return end
  for _, proto in ipairs { "tcp", "udp" } do
    if packet[proto] and packet[proto].dport then return format("%s %s port %d", dst, proto, packet[proto].dport) end
  end
  if packet.truncated then return end
  return format("%s protocol %d port", dst, protocol_numbers[packet.ip.proto] or packet.ip.proto)
end

local unreachable = {
  [0] = "net %s unreachable",
  "host %s unreachable",
  [4] = "%s unreachable - need to frag",
  [5] = "%s unreachable - source route failed",
  [6] = "net %s unreachable - unknown",
  [7] = "host %s unreachable - unknown",
  [8] = "%s unreachable - source host isolated",
  [9] = "net %s unreachable - admin prohibited",
  [10] = "host %s unreachable - admin prohibited",
  [11] = "net %s unreachable - tos prohibited",
  [12] = "host %s unreachable - tos prohibited",
  [13] = "host %s unreachable - admin prohibited filter",
  [14] = "host %s unreachable - host precedence violation",
  [15] = "host %s unreachable - precedence cutoff",
}
local function unreachable_line(icmp, dst)
  if icmp.code == 2 then
    local proto = icmp.quoted.ip.proto
    return format("%s protocol %d unreachable", dst, protocol_numbers[proto] or proto)
  elseif icmp.code == 3 then
    local port = quoted_port(icmp, dst)
    return port and port .. " unreachable"
  elseif icmp.code == 4 and icmp.mtu ~= 0 then
    return format("%s unreachable - need to frag (mtu %d)", dst, icmp.mtu)
  end
  return format(unreachable[icmp.code] or "%s unreachable - #" .. icmp.code, dst)
end

local redirects = { [0] = "redirect %s to net %s", "redirect %s to host %s", "redirect-tos %s to net %s",
  "redirect-tos %s to host %s" }
local exceeded = { [0] = "time exceeded in-transit", "ip reassembly time exceeded" }
local echo = { ["echo-request"] = "echo request", ["echo-reply"] = "echo reply" }
local others = {
  ["source-quench"] = "source quench", ["router-solicitation"] = "router solicitation",
  ["router-advertisement"] = "router advertisement", ["info-request"] = "information request",
  ["info-reply"] = "information reply", ["address-mask-request"] = "address mask request",
}

local function four(icmp)
  local kind, dst = icmp.type, quoted_dst(icmp)
  if echo[kind] then return format("%s, id %d, seq %d", echo[kind], icmp.id, icmp.seq) end
  if kind == "destination-unreachable" then return unreachable_line(icmp, dst) end
  if kind == "redirect" then
    return format(redirects[icmp.code] or "redirect-#" .. icmp.code .. " %s to %s", dst, icmp.gateway)
  end
  if kind == "time-exceeded" then return exceeded[icmp.code] or "time exceeded-#" .. icmp.code end
  if kind == "parameter-problem" then
    return icmp.code == 0 and "parameter problem - octet " .. icmp.pointer or "parameter problem - code " .. icmp.code
  end
  if kind == "address-mask-reply" then
    local a, b, c, d = icmp.mask:match "(%d+)%.(%d+)%.(%d+)%.(%d+)"
    return format("address mask is 0x%02x%02x%02x%02x", a, b, c, d)
  end
  if kind == "timestamp-request" then return format("time stamp query id %d seq %d", icmp.id, icmp.seq) end
  if kind == "timestamp-reply" then return format("time stamp reply id %d seq %d", icmp.id, icmp.seq) end
  return others[kind] or "type-#" .. kind
end

--- Writes an ICMP message.
---@param packet nsh.Packet
---@return string
function m.four(packet)
  local text = packet.truncated ~= "icmp" and four(packet.icmp)
  return text and format("ICMP %s, length %d", text, packet.icmp.len) or " [|icmp]"
end

-- --- ICMPv6 ---

local names6 = {
  ["destination-unreachable"] = "destination unreachable", ["packet-too-big"] = "packet too big",
  ["time-exceeded"] = "time exceeded in-transit", ["parameter-problem"] = "parameter problem",
  ["echo-request"] = "echo request", ["echo-reply"] = "echo reply",
  ["mld-listener-query"] = "multicast listener query", ["mld-listener-report"] = "multicast listener report",
  ["mld-listener-done"] = "multicast listener done", ["nd-router-solicit"] = "router solicitation",
  ["nd-router-advert"] = "router advertisement", ["nd-neighbor-solicit"] = "neighbor solicitation",
  ["nd-neighbor-advert"] = "neighbor advertisement", ["nd-redirect"] = "redirect",
  ["router-renumbering"] = "router renumbering", ["ind-neighbor-solicit"] = "inverse neighbor solicitation",
  ["ind-neighbor-advert"] = "inverse neighbor advertisement",
  ["mld2-listener-report"] = "multicast listener report v2",
}
local unreachable6 = { [0] = "unreachable route", " unreachable prohibited", "beyond scope", "unreachable address",
  "unreachable port" }
local problems6 = { [0] = "erroneous", "next header", "option", "incomplete header chain" }

local function delay(icmp)
  return icmp.group and format("max resp delay: %d addr: %s", icmp.max_delay * 1000, icmp.group)
end

-- What stands behind the name of a message; false: it was not captured.
local details6 = {
  ["packet-too-big"] = function(icmp) return icmp.mtu and ", mtu " .. icmp.mtu end,
  ["time-exceeded"] = function(icmp, dst)
    if icmp.code == 0 then return dst and " for " .. dst end
    return icmp.code == 1 and " (reassembly)" or format(", unknown code (%d)", icmp.code)
  end,
  ["parameter-problem"] = function(icmp, dst)
    local problem = problems6[icmp.code]
    return dst and (problem and format(", %s - octet %d", problem, icmp.pointer) or ", code-#" .. icmp.code)
  end,
  ["echo-request"] = function(icmp) return icmp.seq and format(", id %d, seq %d", icmp.id, icmp.seq) end,
  ["nd-neighbor-solicit"] = function(icmp) return icmp.target and ", who has " .. icmp.target end,
  ["nd-neighbor-advert"] = function(icmp) return icmp.target and ", tgt is " .. icmp.target end,
  ["nd-redirect"] = function(icmp) return icmp.dst and format(", %s to %s", icmp.dst, icmp.target) end,
  ["mld-listener-report"] = delay,
  ["mld-listener-done"] = delay,
  ["mld-listener-query"] = function(icmp)
    if icmp.len == 24 then return delay(icmp) end
    return icmp.group and format(" v2 [gaddr %s]", icmp.group)
  end,
  ["mld2-listener-report"] = function(icmp) return icmp.count and format(", %d group record(s)", icmp.count) end,
}
details6["echo-reply"] = details6["echo-request"]

local function unreachable6_line(icmp, dst)
  local text = ", " .. (unreachable6[icmp.code] or format("unknown unreach code (%d)", icmp.code))
  if icmp.code > 4 then return text, true end
  if not dst then return text, false end
  if icmp.code == 4 then
    local port = quoted_port(icmp, dst)
    return port and text .. ", " .. port or text, port
  end
  if icmp.code == 2 then return format("%s %s, source address %s", text, dst, icmp.quoted.ip.src), true end
  return text .. " " .. dst, true
end

local function detail6(icmp)
  local write, dst = details6[icmp.type], quoted_dst(icmp)
  if icmp.type == "destination-unreachable" then return unreachable6_line(icmp, dst) end
  if not write then return "", true end
  local text = write(icmp, dst)
  return text or "", text
end

--- Writes an ICMPv6 message.
---@param packet nsh.Packet
---@return string
function m.six(packet)
  local icmp = packet.icmp
  if not icmp.code then return " [|icmp6]" end
  local name = names6[icmp.type] or format("unknown icmp6 type (%s)", icmp.type)
  local detail, whole = detail6(icmp)
  if not whole then return format("ICMP6, %s%s [|icmp6]", name, detail) end
  return format("ICMP6, %s%s, length %d", name, detail, icmp.len)
end

-- --- IGMP ---

-- "2.5s", "51m12s"
local function seconds(n)
  if n < 60 then return format("%.1fs", n) end
  n = n // 1
  local h, rest = n // 3600, n % 3600
  return (h > 0 and format("%dh", h) or "") .. (rest >= 60 and format("%dm", rest // 60) or "")
    .. (rest % 60 > 0 and format("%ds", rest % 60) or "")
end

--- Writes an IGMP message.
---@param packet nsh.Packet
---@return string
function m.igmp(packet)
  local igmp = packet.igmp
  if packet.truncated == "igmp" then return " [|igmp]" end
  if igmp.type == "v3-report" then return format("igmp v3 report, %d group record(s)", igmp.count) end
  if igmp.type == "v1-report" then return "igmp v1 report " .. igmp.group end
  if igmp.type == "v2-report" then return "igmp v2 report " .. igmp.group end
  if igmp.type == "leave" then return "igmp leave " .. igmp.group end
  if igmp.type ~= "query" then return "igmp-" .. igmp.type end
  local group = igmp.group ~= "0.0.0.0" and format(" [gaddr %s]", igmp.group) or ""
  local version = igmp.len >= 12 and " v3" or igmp.max_resp > 0 and " v2" or " v1"
  local time = ""
  if igmp.max_resp ~= 10 and version == " v3" then time = format(" [max resp time %s]", seconds(igmp.max_resp)) end
  if igmp.max_resp ~= 10 and version == " v2" then time = format(" [max resp time %d]", igmp.max_resp * 10 // 1) end
  return "igmp query" .. version .. time .. group
end

return m
