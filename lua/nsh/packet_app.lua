--- packet_app.lua - what UDP, TCP and bridges carry, in tcpdump's words: DNS, DHCP, spanning tree, OSPF, HTTP.
local text = require "nsh.text"

local m = {}

local format, concat = string.format, table.concat

-- --- DNS ---

local rcodes = {
  FORMERR = " FormErr", SERVFAIL = " ServFail", NXDOMAIN = " NXDomain", NOTIMP = " NotImp", REFUSED = " Refused",
  YXDOMAIN = " YXDomain", YXRRSET = " YXRRSet", NXRRSET = " NXRRSet", NOTAUTH = " NotAuth", NOTZONE = " NotZone",
  NOERROR = "", BADVERS = " BadVers", BADCOOKIE = " BadCookie",
}
local opcodes = { query = "", iquery = " inv_q", status = " stat", notify = " notify", update = " update" }

local function name(s)
  if not s then return "" end
  return s == "." and "." or text.escape(s) .. "."
end

local function type_of(record)
  return math.type(record.type) and "Type" .. record.type or record.type or ""
end

local function class_of(record)
  if record.class == "IN" or not record.class then return "" end
  return math.type(record.class) and format(" (Class %d)", record.class) or " " .. record.class
end

local data = {
  A = function(r) return " " .. (r.data or "") end,
  NS = function(r) return " " .. name(r.data) end,
  SOA = function() return "" end,
  MX = function(r) return format(" %s %d", name(r.data), r.preference or 0) end,
  SRV = function(r) return format(" %s:%d %d %d", name(r.data), r.port or 0, r.priority or 0, r.weight or 0) end,
  OPT = function(r) return format(" UDPsize=%d%s", r.udp_size or 0, r.dnssec_ok and " DO" or "") end,
  TXT = function(r)
    local parts = {}
    for i, s in ipairs(r.texts or {}) do parts[i] = format(' "%s"', text.escape(s)) end
    return concat(parts)
  end,
}
data.AAAA, data.CNAME, data.PTR, data.DNAME = data.A, data.NS, data.NS, data.NS

local function answer(record, mdns)
  local of = not record.truncated and data[record.type]
  if not record.type then return "" end
  return format("%s%s %s%s", class_of(record), mdns and record.flush and " (Cache flush)" or "", type_of(record),
    of and of(record) or "")
end

local function question(record, mdns)
  if record.truncated then return "" end
  local how = mdns and (record.unicast and " (QU)" or " (QM)") or ""
  return format(" %s%s%s? %s", type_of(record), class_of(record), how, name(record.name))
end

local function each(list, write, mdns, between)
  local parts = {}
  for i, record in ipairs(list or {}) do parts[i] = write(record, mdns) end
  return concat(parts, between)
end

local function count(n, usual, word)
  return n == usual and "" or format(" [%d%s]", n, word)
end

local function opcode(dns)
  return opcodes[dns.opcode] or " op" .. tostring(dns.opcode)
end

-- Whether a list was captured in whole.
local function whole(list, n)
  return n == 0 or list and #list == n and not list[n].truncated
end

local function response(dns, mdns)
  local counts = dns.counts
  local line = format("%d%s%s%s%s%s%s%s", dns.id, opcode(dns), rcodes[dns.rcode] or " Resp" .. dns.rcode,
    dns.aa and "*" or "", dns.ra and "" or "-", dns.tc and "|" or "", dns.ad and "$" or "",
    count(counts.questions, 1, "q"))
  if not whole(dns.questions, counts.questions) then return line, false end
  line = format("%s %d/%d/%d%s", line, counts.answers, counts.authorities, counts.additionals,
    each(dns.answers, answer, mdns, ","))
  return line, whole(dns.answers, counts.answers)
end

local function request(dns, mdns)
  local counts = dns.counts
  return format("%d%s%s%s%s%s%s%s%s", dns.id, opcode(dns), dns.rd and "+" or "", dns.cd and "%" or "",
    count(counts.answers, 0, "a"), count(counts.questions, 1, "q"), count(counts.authorities, 0, "n"),
    count(counts.additionals, 0, "au"), each(dns.questions, question, mdns)), whole(dns.questions, counts.questions)
end

--- Writes a DNS message.
---@param packet nsh.Packet
---@param port integer of the server, which tells multicast DNS
---@return string
function m.dns(packet, port)
  local dns = packet.dns
  if dns.len < 12 then return format("domain [length %d < 12] (invalid)", dns.len) end
  if not dns.rcode then return " [|domain]" end
  local line, complete = (dns.response and response or request)(dns, port == 5353)
  return complete and format("%s (%d)", line, dns.len) or line .. " [|domain]"
end

-- --- DHCP ---

local messages = { discover = "Discover", offer = "Offer", request = "Request", decline = "Decline", ack = "ACK",
  nak = "NACK", release = "Release", inform = "Inform" }

--- Writes a DHCP message; behind what tcpdump tells without -v stands what it is, and the address that it is about.
---@param packet nsh.Packet
---@return string
function m.dhcp(packet)
  local dhcp = packet.dhcp
  if not dhcp.op then return " [|bootp]" end
  local op = dhcp.op == "request" and "Request" or dhcp.op == "reply" and "Reply"
    or format("unknown (0x%02x)", dhcp.op)
  if packet.truncated and dhcp.op == "request" and not dhcp.chaddr then return format("BOOTP/DHCP, %s [|bootp]", op) end
  local line = format("BOOTP/DHCP, %s%s, length %d", op,
    dhcp.op == "request" and dhcp.chaddr and " from " .. dhcp.chaddr or "", dhcp.len)
  if not dhcp.type then return line end
  local about = dhcp.yiaddr or dhcp.options and dhcp.options.requested_ip or dhcp.ciaddr
  return format("%s, %s%s", line, messages[dhcp.type] or "message " .. dhcp.type, about and " " .. about or "")
end

-- --- spanning tree ---

local versions = { stp = "802.1d", rstp = "802.1w", mstp = "802.1s", spb = "802.1aq" }
local types = { config = "Config", rapid = "Rapid STP", ["topology-change"] = "Topology Change" }
local flags = {
  { "topology_change", "Topology change" }, { "proposal", "Proposal" }, { "learn", "Learn" }, { "forward", "Forward" },
  { "agreement", "Agreement" }, { "topology_change_ack", "Topology change ACK" },
}

local function flags_of(stp)
  local parts = {}
  for _, flag in ipairs(flags) do
    if stp.flags and stp.flags[flag[1]] then parts[#parts + 1] = flag[2] end
  end
  return #parts > 0 and concat(parts, ", ") or "none"
end

--- Writes what a bridge tells of the spanning tree.
---@param packet nsh.Packet
---@return string
function m.stp(packet)
  local stp = packet.stp
  if not stp.version then return " [|stp]" end
  if not versions[stp.version] then return format("STP Unknown STP protocol (0x%02x)", stp.version) end
  if not stp.type then return format("STP %s [|stp]", versions[stp.version]) end
  local line = format("STP %s, %s", versions[stp.version], types[stp.type]
    or format("Unknown BPDU Type (0x%02x)", stp.type or 0))
  if stp.type == "topology-change" or not types[stp.type] then return line end
  if stp.version == "mstp" or stp.version == "spb" then
    return stp.type == "rapid" and format("%s, CIST Flags [%s], length %d", line, flags_of(stp), stp.len) or line
  end
  if not stp.flags then return line .. " [|stp]" end
  if not stp.port then return format("%s, Flags [%s] [|stp]", line, flags_of(stp)) end
  return format("%s, Flags [%s], bridge-id %s.%04x, length %d", line, flags_of(stp), stp.bridge, stp.port, stp.len)
end

-- --- OSPF ---

local ospf_types = { hello = "Hello", ["database-description"] = "Database Description", ["ls-request"] = "LS-Request",
  ["ls-update"] = "LS-Update", ["ls-ack"] = "LS-Ack" }

--- Writes an OSPF message.
---@param packet nsh.Packet
---@return string
function m.ospf(packet)
  local ospf = packet.ospf
  if not ospf.type then return " [|ospf]" end
  local kind = ospf_types[ospf.type] or ospf.version == 3 and format("unknown packet type (%d)", ospf.type)
    or format("unknown LS-type %d", ospf.type)
  return format("OSPFv%d, %s, length %d", ospf.version, kind, ospf.len)
end

-- --- HTTP ---

local methods = { GET = true, PUT = true, COPY = true, HEAD = true, LOCK = true, MOVE = true, POLL = true, POST = true,
  DELETE = true, OPTIONS = true, TRACE = true, CONNECT = true, PATCH = true }

--- Writes the first line of a request or an answer.
---@param payload string
---@param len integer of the payload on the wire
---@return string
function m.http(payload, len)
  local first, rest = payload:match "^([^\r\n]*)\r?(\n?)"
  if rest == "" and #payload < len then return "HTTP [|http]" end
  if not methods[first:match "^%u+"] and not first:find "^HTTP/[%d.]+ %d%d%d" then return "HTTP" end
  return "HTTP: " .. text.escape(first)
end

return m
