--- packet_line.lua - a packet as one line, in tcpdump's words. Every field may be missing: packets are cut anywhere.
local app = require "nsh.packet_app"
local icmp_line = require "nsh.packet_icmp"

local m = {}

local format, concat = string.format, table.concat

-- --- link layer ---

local ether_names = {
  ip = "IPv4 (0x0800)", ip6 = "IPv6 (0x86dd)", arp = "ARP (0x0806)", rarp = "Reverse ARP (0x8035)",
  mpls = "MPLS unicast (0x8847)", lldp = "LLDP (0x88cc)", eapol = "EAPOL (0x888e)", pppoe = "PPPoE S (0x8864)",
  ["mpls-mc"] = "MPLS multicast (0x8848)", ["pppoe-disc"] = "PPPoE D (0x8863)", macsec = "802.1AE MACsec (0x88e5)",
  ptp = "PTP (0x88f7)", loopback = "Loopback (0x9000)",
}

local function ethertype(kind)
  return ether_names[kind] or format("Unknown (0x%04x)", kind or 0)
end

local function tag(vlan)
  return format("vlan %d, p %d%s, ", vlan.id or 0, vlan.pcp or 0, vlan.dei and ", DEI" or "")
end

local function tags(packet)
  if not packet.vlan then return "" end
  if not packet.vlans then return tag(packet.vlan) end
  local parts = {}
  for i, vlan in ipairs(packet.vlans) do parts[i] = tag(vlan) end
  return concat(parts)
end

local arp_words = {
  request = "Request", reply = "Reply", ["reverse-request"] = "Reverse Request", ["reverse-reply"] = "Reverse Reply",
  ["inverse-request"] = "Inverse Request", ["inverse-reply"] = "Inverse Reply", nak = "NACK Reply",
}

local function arp_detail(arp)
  local op = arp.op
  if op == "request" then
    local other = arp.target_mac and arp.target_mac:find "[1-9a-f]" and " (" .. arp.target_mac .. ")" or ""
    return format("who-has %s%s tell %s", arp.target_ip, other, arp.sender_ip)
  elseif op == "reply" then
    return format("%s is-at %s", arp.sender_ip, arp.sender_mac)
  elseif op == "reverse-request" or op == "inverse-request" then
    return format("who-is %s tell %s", arp.target_mac, arp.sender_mac)
  elseif op == "reverse-reply" then
    return format("%s at %s", arp.target_mac, arp.target_ip)
  elseif op == "inverse-reply" then
    return format("%s at %s", arp.sender_mac, arp.sender_ip)
  end
  return ""
end

local function arp_line(packet)
  local arp = packet.arp
  if packet.truncated then return " [|arp]" end
  if not arp.sender_ip or not arp.sender_mac then
    return format("ARP, hardware %s, protocol 0x%04x, length %d", arp.hardware, arp.proto or 0, arp.len)
  end
  return format("ARP, %s %s, length %d", arp_words[arp.op] or format("Unknown (%s)", arp.op), arp_detail(arp), arp.len)
end

-- --- TCP and UDP ---

local option_words = { sack_ok = "sackOK", ts = "TS" }

local function option(options, name)
  if name == "mss" and options.mss then return "mss " .. options.mss end
  if name == "wscale" and options.wscale then return "wscale " .. options.wscale end
  if name == "ts" and options.ts then return format("TS val %d ecr %d", options.ts.val, options.ts.ecr) end
  if name == "sack" and options.sack then
    local parts = {}
    for i, block in ipairs(options.sack) do parts[i] = format("{%d:%d}", block.left, block.right) end
    return format("sack %d %s", #parts, concat(parts))
  end
  return option_words[name] or math.type(name) and "unknown-" .. name or name
end

local function tcp_options(options)
  local parts = {}
  for i, name in ipairs(options.order or {}) do parts[i] = option(options, name) end
  if options.bad then return format(", options [%s[bad opt]%s", concat(parts, ","), #parts > 0 and "]" or "") end
  return format(", options [%s]", concat(parts, ","))
end

local http_ports = { [80] = true, [8080] = true }

-- What the payload is, as far as its port tells.
local function carried(packet, tcp)
  if packet.dns then return " " .. app.dns(packet, 53) end
  if not http_ports[tcp.sport] and not http_ports[tcp.dport] or tcp.flags.rst then return "" end
  return ": " .. app.http(packet.payload or "", tcp.len)
end

local function tcp_line(packet, tcp)
  local flags, len = tcp.flags, tcp.len
  if not len then return " [|tcp]" end
  if tcp.header_len < 20 then return format(" tcp %d [bad hdr length %d - too short, < 20]", 0, tcp.header_len) end
  local text = "Flags [" .. flags.text .. "]"
  if len > 0 then
    text = format("%s, seq %d:%d", text, tcp.seq, tcp.seq + len & 0xffffffff)
  elseif flags.syn or flags.fin or flags.rst then
    text = text .. ", seq " .. tcp.seq
  end
  if flags.ack then text = text .. ", ack " .. tcp.ack end
  text = text .. ", win " .. tcp.window
  if flags.urg then text = text .. ", urg " .. tcp.urgent end
  if tcp.options then text = text .. tcp_options(tcp.options) end
  if packet.truncated == "tcp" then return text .. " [|tcp]" end
  if tcp.options and tcp.options.bad then return text end
  return text .. ", length " .. len .. (len > 0 and carried(packet, tcp) or "")
end

-- A packet within another, if there is more to say than that it is one.
local function known(packet)
  return packet and (packet.ip or packet.arp or packet.eth or packet.mpls) and packet
end

local function vxlan_line(packet)
  local vxlan = packet.vxlan
  if not vxlan.flags then return "VXLAN [|vxlan]" end
  local head = format("VXLAN, flags [%s] (0x%02x), ", vxlan.flags & 8 ~= 0 and "I" or "invalid", vxlan.flags)
  if not vxlan.vni then return head .. " [|vxlan]" end
  return format("%svni %d, %s", head, vxlan.vni, packet.inner and m.of(packet.inner) or "")
end

local function geneve_line(packet)
  local geneve = packet.geneve
  if not geneve.options_len then return "Geneve [|geneve]" end
  local flags = (geneve.control and "O" or "") .. (geneve.critical and "C" or "")
  local options = geneve.options_len > 0 and format(", options [%d bytes]", geneve.options_len) or ""
  local inner = known(packet.inner)
  return format("Geneve, Flags [%s], vni 0x%x%s: %s", flags ~= "" and flags or "none", geneve.vni, options,
    inner and m.of(inner) or format("geneve-proto-0x%x", geneve.type))
end

local function udp_line(packet, udp)
  if udp.bad_len then return "truncated-udplength " .. udp.bad_len end
  if not udp.len then return " [|udp]" end
  if udp.missing then return format("UDP, bad length %d > %d", udp.len, udp.len - udp.missing) end
  if packet.dns then return app.dns(packet, (udp.sport == 5353 or udp.dport == 5353) and 5353 or 53) end
  if packet.dhcp then return app.dhcp(packet) end
  if packet.vxlan then return vxlan_line(packet) end
  if packet.geneve then return geneve_line(packet) end
  return "UDP, length " .. udp.len
end

-- --- IP ---

local protocols = {
  icmp = 1, igmp = 2, ipip = 4, tcp = 6, udp = 17, ipv6 = 41, gre = 47, esp = 50, ah = 51, icmpv6 = 58, none = 59,
  ospf = 89, pim = 103, vrrp = 112, sctp = 132,
}

local function gre_line(packet)
  local gre, inner = packet.gre, known(packet.inner)
  if not gre.version then return " [|gre]" end
  if packet.truncated == "gre" then return format("GREv%d [|gre]", gre.version) end
  return format("GREv%d%s%s, length %d: %s", gre.version or 0, gre.key and format(", key=0x%x", gre.key) or "",
    gre.seq and ", seq " .. gre.seq or "", gre.len, inner and m.of(inner) or format("gre-proto-0x%x", gre.type))
end

local function upper(packet, ip)
  if packet.icmp then
    return ip.version == 6 and icmp_line.six(packet) or icmp_line.four(packet)
  elseif packet.igmp then
    return icmp_line.igmp(packet)
  elseif packet.ospf then
    return app.ospf(packet)
  elseif packet.gre then
    return gre_line(packet)
  elseif packet.inner then
    return m.of(packet.inner)
  elseif ip.proto == "none" then
    return "no next header"
  end
  return format(" ip-proto-%d %d", protocols[ip.proto] or ip.proto or 0, ip.payload_len or 0)
end

-- With ports and their line where there are any; of IPv6 tcpdump writes them so only without extension headers.
local function transport(packet, ip)
  local t = packet.tcp or packet.udp
  if not t then return format("%s > %s: ", ip.src, ip.dst) .. upper(packet, ip) end
  local detail = packet.tcp and tcp_line(packet, t) or udp_line(packet, t)
  if not t.dport then return format(packet.tcp and "%s > %s:%s" or "%s > %s: %s", ip.src, ip.dst, detail) end
  if ip.extensions then return format("%d > %d: %s", t.sport, t.dport, detail) end
  return format("%s.%d > %s.%d: %s", ip.src, t.sport, ip.dst, t.dport, detail)
end

local function ip4_line(packet, ip)
  if not ip.version then return " [|ip]" end
  if not ip.payload_len then return "IP  [|ip]" end
  if ip.version ~= 4 then return "IP" .. ip.version .. " (invalid)" end
  if ip.header_len < 20 then return "IP bad-hlen " .. ip.header_len end
  local head = ip.missing and format("IP truncated-ip - %d bytes missing! ", ip.missing) or "IP "
  if ip.len < ip.header_len then return head .. "bad-len " .. ip.len end
  if ip.offset == 0 then return head .. transport(packet, ip) end
  return format("%s%s > %s: ip-proto-%d", head, ip.src, ip.dst, protocols[ip.proto] or ip.proto)
end

local cut_extensions = { hbhopt = true, dstopt = true, rt6 = true, frag6 = true }
local extension_words = { ["hop-by-hop"] = "HBH ", destination = "DSTOPT " }

local function routing(header)
  local parts = { format("RT6 (len=%d, type=%d%s, segleft=%d", header.len, header.routing,
    header.routing == 0 and " [Deprecated]" or "", header.left) }
  if header.last then parts[2] = format(", last-entry=%d, tag=%x", header.last, header.tag) end
  for i, segment in ipairs(header.segments or {}) do parts[#parts + 1] = format(", [%d]%s", i - 1, segment) end
  return concat(parts) .. ") "
end

local function extension(ip, header)
  if header.type == "fragment" and header.len then
    return format("frag (%d|%d)%s", ip.offset, header.len, ip.offset == 0 and " " or "")
  end
  if header.type == "routing" and header.routing then return routing(header) end
  return header.len and extension_words[header.type] or ""
end

local function ip6_line(packet, ip)
  if not ip.payload_len then return " [|ip6]" end
  if ip.version ~= 6 then return format("IP6 version error: %d != 6", ip.version) end
  local head = ip.missing and format("IP6 truncated-ip6 - %d bytes missing!", ip.missing) or "IP6 "
  if not ip.extensions then return head .. transport(packet, ip) end
  local parts = { head, ip.src, " > ", ip.dst, ": " }
  for _, header in ipairs(ip.extensions) do parts[#parts + 1] = extension(ip, header) end
  if cut_extensions[packet.truncated] then
    parts[#parts + 1] = " [|" .. packet.truncated .. "]"
  elseif packet.tcp or packet.udp then
    parts[#parts + 1] = transport(packet, ip)
  elseif ip.offset == 0 then
    parts[#parts + 1] = upper(packet, ip)
  end
  return concat(parts)
end

-- --- all ---

local function mpls_line(packet)
  local parts = {}
  for i, label in ipairs(packet.mpls) do
    parts[i] = format(" (label %d, tc %d%s, ttl %d)", label.label, label.tc, label.bottom and ", [S]" or "", label.ttl)
  end
  return "MPLS" .. concat(parts)
end

local function other(packet)
  local eth = packet.eth
  if packet.truncated then return " [|" .. packet.truncated .. "]" end
  if packet.llc then
    return format("LLC, dsap 0x%02x, ssap 0x%02x, ctrl 0x%02x, length %d", packet.llc.dsap, packet.llc.ssap,
      packet.llc.control, packet.llc.len)
  end
  if not eth then return format("length %d", packet.payload and #packet.payload or 0) end
  return format("%s > %s, ethertype %s, length %d", eth.src, eth.dst, ethertype(eth.type), eth.len)
end

local function body(packet)
  local ip = packet.ip
  if ip and (ip.flow or ip.version == 6) then return ip6_line(packet, ip) end
  if ip then return ip4_line(packet, ip) end
  if packet.arp then return arp_line(packet) end
  if packet.stp then return app.stp(packet) end
  return other(packet)
end

local function labelled(packet)
  if not packet.mpls then return body(packet) end
  if packet.ip then return mpls_line(packet) .. " " .. body(packet) end
  return mpls_line(packet) .. (packet.truncated and " [|mpls]" or "")
end

--- Writes a packet as one line.
---@param packet nsh.Packet
---@return string
function m.of(packet)
  return packet.vlan and tags(packet) .. labelled(packet) or labelled(packet)
end

return m
