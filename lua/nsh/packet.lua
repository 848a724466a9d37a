--- packet.lua - packets as records of their fields; printed, a packet is a line like tcpdump's.
local core = require "nsh.core"
local line = require "nsh.packet_line"

local m = {}

--- A packet: a table for each of its layers, as many as were understood. Plain data; printed, it is one line as
--- `tcpdump -nn -t -S` writes it, with its VLAN tags before. Flags are there when they are set; lengths are bytes.
---@class nsh.Packet
---@field time? number of a captured one: seconds since 1970; nanoseconds: the same as an integer
---@field link? string of a captured one: the link's name; netns: of which namespace
---@field direction? string of a captured one: "in" or "out"
---@field len? integer of a captured one: bytes on the wire; caplen: those that are in data
---@field data? string of a captured one: its bytes
---@field eth? { src: string, dst: string, type: string|integer, len: integer } type: "ip", "arp", ... or its number
---@field vlan? { id: integer, pcp: integer, dei: boolean, proto: string } the outer VLAN tag
---@field vlans? table[] all VLAN tags from the outer one on, where there are several
---@field sll? { direction: string, type: string|integer, src: string, ifindex: integer } of a capture on "any"
---@field arp? { op: string, sender_mac: string, sender_ip: string, target_mac: string, target_ip: string }
---@field ip? nsh.PacketIp IPv4 or IPv6
---@field icmp? nsh.PacketIcmp ICMP or ICMPv6
---@field tcp? nsh.PacketTcp
---@field udp? { sport: integer, dport: integer, len: integer } len: of what it carries
---@field dns? nsh.PacketDns
---@field dhcp? nsh.PacketDhcp
---@field vxlan? { vni: integer, flags: integer }
---@field geneve? table version, vni, type, control, critical, options_len
---@field mpls? { label: integer, tc: integer, ttl: integer, bottom: boolean }[]
---@field ospf? { version: integer, type: string, router: string, area: string, len: integer }
---@field stp? table version, type, flags, root, cost, bridge, port, role, max_age, hello_time, forward_delay, ...
---@field igmp? table type, group, records
---@field gre? table version, type, key, seq
---@field inner? nsh.Packet the packet that is in this one: in a tunnel
---@field payload? string bytes that no layer took, as far as they were captured
---@field truncated? string the layer at which the captured bytes end, as tcpdump names it

--- IPv4 or IPv6.
---@class nsh.PacketIp
---@field version integer 4 or 6
---@field src string
---@field dst string
---@field proto string|integer "icmp", "tcp", ...; of IPv6 the one behind the extension headers
---@field ttl integer of IPv6 the hop limit
---@field len integer of the whole packet
---@field payload_len integer of what it carries
---@field id? integer of a fragment; IPv4 has it always
---@field flags? { df: boolean, mf: boolean }
---@field offset integer where a fragment belongs, in bytes
---@field tos integer of IPv6 the traffic class
---@field dscp integer
---@field ecn integer
---@field flow? integer IPv6's flow label
---@field options? string[] IPv4's
---@field extensions? table[] IPv6's extension headers, { type = "fragment", ... }
---@field bad_checksum? boolean of the IPv4 header
---@field missing? integer bytes that should be there by its length, but were not on the wire

--- ICMP or ICMPv6, with nft's words.
---@class nsh.PacketIcmp
---@field type string|integer "echo-request", "destination-unreachable", "nd-neighbor-solicit", ...
---@field code integer
---@field error? string what a ping would tell: "port-unreachable", "time-exceeded", ...
---@field id? integer
---@field seq? integer
---@field mtu? integer of "frag-needed" and "packet-too-big"
---@field gateway? string of a redirect
---@field target? string of neighbour discovery
---@field flags? { router: boolean, solicited: boolean, override: boolean } of a neighbour advertisement
---@field options? table[] of neighbour discovery: { source_mac = }, { prefix =, prefix_len =, valid = }, { mtu = }, ...
---@field quoted? nsh.Packet the packet that an error is about
---@field len integer

--- TCP. The numbers are those on the wire.
---@class nsh.PacketTcp
---@field sport integer
---@field dport integer
---@field seq integer
---@field ack integer
---@field flags { syn: boolean, ack: boolean, fin: boolean, rst: boolean, psh: boolean, text: string } those that are
---  set; text: tcpdump's letters, "S."
---@field window integer
---@field options? table mss, wscale, sack_ok, ts = { val, ecr }, sack, and their names in `order`
---@field len integer of what it carries

--- A DNS message, with the words of dig(1).
---@class nsh.PacketDns
---@field id integer
---@field response? boolean
---@field opcode string|integer "query", ...
---@field rcode string|integer "NOERROR", "NXDOMAIN", ...
---@field aa? boolean and so tc, rd, ra, ad, cd
---@field questions? { name: string, type: string, class: string }[]
---@field answers? table[] { name, type, class, ttl, data } and, of MX and SRV, preference, priority, weight, port
---@field authorities? table[]
---@field additionals? table[]

--- A DHCP message.
---@class nsh.PacketDhcp
---@field op string "request", "reply"
---@field type? string "discover", "offer", "request", "ack", ...
---@field xid integer
---@field chaddr? string the client's link-layer address
---@field yiaddr? string the address that it gets; and so ciaddr, siaddr, giaddr
---@field options? table netmask, routers, dns_servers, hostname, requested_ip, lease_time, server_id, ...
local Packet = { __name = "nsh.packet" }

function Packet:__tostring()
  return line.of(self)
end

--- Makes a packet of a decoded record; what else is known of it stands beside its layers.
---@param record table as core.packet.decode returns it
---@param meta? table time, len, caplen, link, netns, direction, data
---@return nsh.Packet
function m.new(record, meta)
  for key, value in pairs(meta or {}) do record[key] = value end
  local quoted = record.icmp and record.icmp.quoted
  if quoted then m.new(quoted) end
  if record.inner then m.new(record.inner) end
  return setmetatable(record, Packet)
end

--- Takes the bytes of a packet apart.
---@param bytes string from the link header on
---@param options? { linktype: integer, len: integer } linktype: of pcap files (1: Ethernet); len: on the wire, where
---  bytes are only the beginning
---@return nsh.Packet
function m.decode(bytes, options)
  return m.new(core.packet.decode(bytes, options))
end

return m
