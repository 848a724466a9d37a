-- packet_spec.lua - packets as records and as lines, compared with what tcpdump says of the same bytes.
-- The files in tests/net/packets are what real programs sent; record.lua there made them.
local h = require "tests.helper"
local frames = dofile "tests/net/frames.lua"
local json = require "dkjson"
local pcap = dofile "tests/net/pcap.lua"

local files = { "any", "autoconf", "bridge", "dhcp", "dns", "errors", "fragments", "ping", "tcp", "tunnels", "vxlan" }
local pack = string.pack
local soak = os.getenv "NSH_SOAK"

local function read(name) return pcap.read("tests/net/packets/" .. name .. ".pcap") end

local function decode(item, linktype)
  return nsh.decode(item[1], { linktype = linktype, len = item[2] })
end

-- Where we differ from tcpdump: VXLAN stays in one line; a packet that nobody knows has no dump behind it; on "any"
-- link and direction are not told; what a DHCP message is stands behind, VLAN tags stand before; a protocol without
-- ports has none in an error about it.
local function theirs(line, linktype)
  line = line:gsub("(vni %d+)\n", "%1, "):gsub(":? *\n\t0x.*", ""):gsub(": $", "")
  line = line:gsub("(protocol %d+ port) %d+ unreachable", "%1 unreachable")
  return linktype == 276 and line:gsub("^%S+ +%u[n ]  ", ""):gsub("^%S+ +Out ", "") or line
end

local function ours(p)
  local line = tostring(p):gsub(": $", "")
  while line:find "^vlan " do line = line:gsub("^vlan %d+, p %d, ", ""):gsub("^DEI, ", "") end
  return line:gsub("(BOOTP/DHCP.*length %d+), .*", "%1")
end

-- Compares all packets of a list; a difference is shown with its number.
local function compare(list, linktype)
  local want, differ = pcap.tcpdump(pcap.file(list, linktype)), {}
  assert.equal(#list, #want)
  for i, item in ipairs(list) do
    local got, their = ours(decode(item, linktype)), theirs(want[i], linktype)
    if got ~= their then differ[#differ + 1] = ("%d: %s\n  not: %s"):format(i, got, their) end
  end
  assert.same("", table.concat(differ, "\n"))
end

-- The first packet of a file that fits.
local function find(name, fits)
  local list, linktype = read(name)
  for _, item in ipairs(list) do
    local p = decode(item, linktype)
    if fits(p) then return p end
  end
  error("there is none in " .. name)
end

local obstacle = pcap.obstacle()

describe("a packet prints as tcpdump's line:", function()
  for _, name in ipairs(files) do
    it(name, function()
      if obstacle then return pending(obstacle) end
      local list, linktype = read(name)
      assert.is_true(#list > 5)
      compare(list, linktype)
    end)
  end

  local ip, ip6, eth, udp, tcp = frames.ip4_frame, frames.ip6_frame, frames.eth, frames.udp, frames.tcp
  local inner, inner6 = frames.ip(17, udp(1, 2, "abc")), frames.ip6(17, udp(1, 2, "abc"))
  local arp = frames.bytes "0001 0800 06 04 0001 02000000000a 0a010102 000000000000 0a010103"
  local bridge = "8001020000000002 8003 0100 1400 0200 0f00"
  local made = {
    ["VLAN tags"] = {
      frames.tag(0x8100, 10, 0x806, arp), frames.tag(0x8100, 0x700a, 0x800, inner),
      frames.tag(0x88a8, 100, 0x8100, pack(">I2I2", 200, 0x86dd) .. inner6), frames.tag(0x8100, 5, 0x1234, "unknown"),
    },
    ARP = {
      eth(0x806, arp), eth(0x806, arp .. ("\0"):rep(18)), eth(0x8035, arp:gsub("^(......)..", "%1\0\3")),
      eth(0x806, (arp:gsub("^(......)..", "%1\0\2"))), eth(0x806, (arp:gsub("^(......)..", "%1\0\4"))),
      eth(0x806, (arp:gsub("^(......)..", "%1\0\8"))), eth(0x806, (arp:gsub("^(......)..", "%1\0\9"))),
    },
    tunnels = {
      ip(4, inner), ip(41, inner6), ip6(4, inner), ip6(41, inner6), ip(4, frames.ip(4, inner)),
      ip(47, pack(">I2I2", 0, 0x800) .. inner), ip(47, pack(">I2I2I4I4", 0x3000, 0x86dd, 42, 9) .. inner6),
      ip(47, pack(">I2I2", 0, 0x6558) .. eth(0x800, inner)), ip(47, pack(">I2I2", 0, 0x9999) .. "??"),
      eth(0x8847, pack(">I4", 100 << 12 | 0x100 | 64) .. inner),
      eth(0x8847, pack(">I4I4", 100 << 12 | 3 << 9 | 64, 16 << 12 | 0x100 | 63) .. inner6),
      ip(17, udp(9, 4789, "\8\0\0\0\0\0\42\0" .. eth(0x800, inner))),
    },
    Geneve = {
      ip(17, udp(9, 6081, "\0\0\x65\x58\0\0\42\0" .. eth(0x800, inner))),
      ip(17, udp(9, 6081, "\2\xc0\8\0\0\1\0\0optional" .. inner)), ip(17, udp(9, 6081, "\0\0\0\7\0\0\42\0xx")),
    },
    OSPF = {
      ip(89, "\2\1\0\44\10\0\0\1\0\0\0\0\0\0\0\0" .. ("x"):rep(28)), ip(89, "\2\7" .. ("\0"):rep(22)),
      ip(89, "\2\4\0\44\10\0\0\1\0\0\0\0\0\0\0\2" .. ("x"):rep(28)), ip6(89, "\3\2" .. ("\0"):rep(26)),
      ip6(89, "\3\9" .. ("\0"):rep(26)),
    },
    TCP = {
      ip(6, tcp(0x002, "", frames.bytes "020405b4 0402 080a 00000001 00000002 01 030307")), ip(6, tcp(0x010, "")),
      ip(6, tcp(0x010, "", frames.bytes "0101 0512 00000001 00000002 00000003 00000004")), ip(6, tcp(0x03f, "data")),
      ip(6, tcp(0x0c2, "")), ip(6, tcp(0, "")), ip(6, tcp(0x004, "reason")), ip(6, tcp(0x010, "0123456789")),
      ip(6, tcp(0x010, "", frames.bytes "0205 0000")), ip(6, tcp(0x010, "", frames.bytes "0300 0000")),
      ip(6, tcp(0x010, "", frames.bytes "01010100")), ip6(6, tcp(0x011, "x")),
    },
    UDP = {
      ip(17, udp(5, 6, "abc")), ip(17, udp(5, 6, "abc", 200)), ip(17, udp(5, 6, "abc", 5)), ip(17, udp(5, 6, "")),
      ip6(17, udp(5, 6, "abc", 9)), ip(17, udp(5, 6, "abcdef", 10)),
    },
    IP = {
      ip(17, udp(5, 6, "abc"), { ihl = 4 }), ip(17, udp(5, 6, "abc"), { len = 900 }), ip(17, "", { len = 10 }),
      ip(17, udp(5, 6, "abc"), { options = "\148\4\0\0" }), ip(1, "x", { frag = 100 }), ip(99, "x"),
      ip(17, udp(5, 6, "abc"), { frag = 0x2000 }), ip6(99, "x"), ip6(59, ""),
      ip6(17, udp(5, 6, "abc"), 900), ip6(0, "\17\0\1\4\0\0\0\0" .. udp(5, 6, "x")), eth(0x1234, "unknown"),
      ip6(60, "\58\0\1\4\0\0\0\0" .. "\128\0\0\0\0\1\0\2"), ip6(44, "\17\0\0\1\0\0\0\9" .. udp(5, 6, "x", 99)),
      ip6(43, "\17\4\4\1\1\0\0\7" .. ("\253"):rep(32) .. udp(5, 6, "x")), ip6(44, "\17\0\1\0\0\0\0\9xx"),
      ip6(43, "\6\2\0\1\0\0\0\0" .. ("\253"):rep(16) .. tcp(2, "")),
    },
    IGMP = {
      ip(2, "\x11\x64\0\0\0\0\0\0"), ip(2, "\x11\0\0\0\0\0\0\0"), ip(2, "\x11\x19\0\0\xe0\0\0\9"),
      ip(2, "\x11\x64\0\0\0\0\0\0\2\125\0\0"), ip(2, "\x11\x19\0\0\xe0\0\0\9\2\125\0\0"), ip(2, "\x16\0\0\0\xe0\0\0\9"),
      ip(2, "\x11\xff\0\0\0\0\0\0\2\125\0\0"), ip(2, "\x12\0\0\0\xe0\0\0\9"), ip(2, "\x17\0\0\0\xe0\0\0\9"),
      ip(2, "\x22\0\0\0\0\0\0\1\4\0\0\0\xe0\0\0\9"), ip(2, "\x77\0\0\0\0\0\0\0"),
    },
    ["spanning tree"] = {
      frames.llc(frames.bytes "424203 0000 00 80"),
      frames.llc(frames.bytes("424203 0000 02 02 7c 8000020000000001 00000064" .. bridge .. "00")),
      frames.llc(frames.bytes("424203 0000 00 00 81 8000020000000001 00000064" .. bridge)),
      frames.llc("\xaa\xaa\3\0\0\0" .. pack(">I2", 0x800) .. inner),
    },
    DNS = {
      frames.dns(53, 0x100, { 1, 0, 0, 1 }, frames.name .. "\0\28\0\1" .. "\0\0\41\4\208\0\0\0\0\0\0"),
      frames.dns(53, 0x8180, { 1, 2, 0, 0 }, frames.name .. "\0\1\0\1"
        .. frames.record("\xc0\12", 5, 1, "\3www\xc0\16") .. frames.record("\xc0\12", 1, 1, "\1\2\3\4")),
      frames.dns(53, 0x8583, { 1, 0, 1, 0 }, frames.name .. "\0\6\0\1" .. frames.record("\xc0\12", 6, 1, "\0\0"
        .. ("\0"):rep(20))),
      frames.dns(53, 0x8400, { 0, 3, 0, 0 }, frames.record(frames.name, 16, 1, "\3abc\2de")
        .. frames.record("\xc0\12", 15, 1, "\0\10\xc0\12") .. frames.record("\xc0\12", 33, 1, "\0\1\0\2\31\64\xc0\12")),
      frames.dns(5353, 0, { 2, 0, 0, 0 }, frames.name .. "\0\12\x80\1" .. "\xc0\12\0\255\0\1"),
      frames.dns(5353, 0x8400, { 0, 1, 0, 0 }, frames.record(frames.name, 12, 0x8001, "\xc0\12")),
      frames.dns(53, 0x2800, { 1, 0, 1, 0 }, frames.name .. "\0\6\0\1" .. frames.record("\xc0\12", 2, 3, "\xc0\12")),
      ip(17, udp(53, 9, "short")),
      ip(6, pack(">I2I2I4I4I2I2I2I2", 53, 9, 1, 1, 0x5018, 9, 0, 0) .. pack(">s2", pack(">I2I2I2I2I2I2", 7, 0x100, 1,
        0, 0, 0) .. frames.name .. "\0\1\0\1")),
    },
  }
  local quoted = frames.ip(17, udp(5, 6, "abc"))
  made.ICMP = { ip(1, "\8\0\0\0\0\1\0\2payload"), ip(1, "\11\0\0\0\0\0\0\0" .. frames.ip(6, tcp(2, ""))),
    ip(1, "\3\3\0\0\0\0\0\0" .. frames.ip(6, tcp(2, ""))), ip(1, "\3\3\0\0\0\0\0\0" .. frames.ip(132, "abcdefgh")),
    ip(1, "\3\4\0\0\0\0\0\0" .. quoted), ip(1, "\17\0\0\0\0\1\0\2\0\0\0\0"), ip(1, "\18\0\0\0\0\1\0\2\255\255\0\0"),
    ip(1, "\13\0\0\0\0\1\0\2" .. ("\0"):rep(12)), ip(1, "\4\0\0\0\0\0\0\0" .. quoted), ip(1, "\10\0\0\0\0\0\0\0"),
    ip(1, "\99\0\0\0\0\0\0\0") }
  made.ICMPv6 = { ip6(58, "\128\0\0\0\0\1\0\2payload"), ip6(58, "\2\0\0\0\0\0\5\0" .. inner6),
    ip6(58, "\137\0\0\0\0\0\0\0" .. ("\253"):rep(32)), ip6(58, "\130\0\0\0\3\232\0\0" .. ("\0"):rep(16)),
    ip6(58, "\131\0\0\0\0\0\0\0" .. ("\255"):rep(16)), ip6(58, "\132\0\0\0\0\0\0\0" .. ("\255"):rep(16)),
    ip6(58, "\130\0\0\0\3\232\0\0" .. ("\0"):rep(20)), ip6(58, "\1\4\0\0\0\0\0\0" .. frames.ip6(6, tcp(2, ""))) }
  for code = 0, 16 do made.ICMP[#made.ICMP + 1] = ip(1, "\3" .. string.char(code) .. "\0\0\0\0\5\0" .. quoted) end
  for code = 0, 4 do
    local c = string.char(code)
    for _, head in ipairs { "\5", "\11", "\12" } do
      made.ICMP[#made.ICMP + 1] = ip(1, head .. c .. "\0\0\10\0\0\1" .. quoted)
    end
    for _, head in ipairs { "\1", "\3", "\4" } do
      made.ICMPv6[#made.ICMPv6 + 1] = ip6(58, head .. c .. "\0\0\0\0\0\7" .. inner6)
    end
  end
  for name, list in pairs(made) do
    it(name .. ", made by hand", function()
      if obstacle then return pending(obstacle) end
      for i, bytes in ipairs(list) do list[i] = { bytes } end
      compare(list)
    end)
  end

  it("bare IP, and with the family of a socket before it", function()
    if obstacle then return pending(obstacle) end
    compare({ { inner }, { inner6 } }, 101)
    compare({ { "\2\0\0\0" .. inner }, { "\30\0\0\0" .. inner6 } }, 0)
    compare({ { "\0\0\0\2" .. inner } }, 108)
    compare({ { "\0\0\0\1\0\6\2\0\0\0\0\10\0\0\8\0" .. inner } }, 113)
  end)

  it("VLAN tags as with -e", function()
    if obstacle then return pending(obstacle) end
    for i, line in ipairs(pcap.tcpdump(pcap.file(made["VLAN tags"]), "-e")) do
      local got = tostring(decode(made["VLAN tags"][i]))
      for tag in line:gmatch "vlan %d+, p %d[, DEI]*, " do
        assert.equal(tag, got:sub(1, #tag))
        got = got:sub(#tag + 1)
      end
      assert.falsy(got:find "vlan")
    end
  end)
end)

describe("a packet that is cut anywhere", function()
  -- tcpdump says what it had got to; we say the same of nearly all, and that it is cut of all that it calls so
  local odd = { dhcp = true } -- tcpdump doesn't look at the options
  for _, name in ipairs(files) do
    it("says so: " .. name, function()
      if obstacle then return pending(obstacle) end
      local list, linktype = read(name)
      local cuts, equal = {}, 0
      for i = 1, #list, soak and 1 or 7 do
        local item = list[i]
        for n = 1, #item[1] - 1 do cuts[#cuts + 1] = { item[1]:sub(1, n), item[2] } end
      end
      local want = pcap.tcpdump(pcap.file(cuts, linktype))
      assert.equal(#cuts, #want)
      for i, item in ipairs(cuts) do
        local got, their = ours(decode(item, linktype)), theirs(want[i], linktype)
        got, their = got:gsub(", options %[.*%[|tcp%].*", " [|tcp]"), their:gsub(", options %[.*%[|tcp%].*", " [|tcp]")
        if got == their then equal = equal + 1 end
        if their:find "%[|" and not odd[name] then assert.is_truthy(got:find "%[|", got .. "\n" .. their) end
      end
      assert.is_true(equal > 0.9 * #cuts, ("%d of %d are equal"):format(equal, #cuts))
    end)
  end

  it("tells the layer, and has the fields up to there", function()
    local list = read "ping"
    local p = nsh.decode(list[3][1]:sub(1, 36), { len = list[3][2] })
    assert.equal("icmp", p.truncated)
    assert.equal("10.1.1.3", p.ip.dst)
    assert.equal(98, p.eth.len)
    assert.same({ type = "echo-request", code = 0, len = 64 }, p.icmp)
    assert.is_nil(nsh.decode(list[3][1]).truncated)
    assert.equal("ether", nsh.decode("").truncated)
  end)
end)

describe("the record of", function()
  it("a ping and its answer", function()
    local p = find("ping", function(q) return q.icmp and q.icmp.type == "echo-reply" and q.ip.version == 4 end)
    assert.same({ src = "02:00:00:00:00:0b", dst = "02:00:00:00:00:0a", type = "ip", len = 98 }, p.eth)
    assert.equal("10.1.1.3", p.ip.src)
    assert.equal("10.1.1.2", p.ip.dst)
    assert.equal("icmp", p.ip.proto)
    assert.same({ 84, 20, 64, 64, 0 }, { p.ip.len, p.ip.header_len, p.ip.payload_len, p.ip.ttl, p.ip.offset })
    assert.is_nil(p.ip.bad_checksum)
    assert.equal(1, p.icmp.seq)
    assert.equal(56, #p.payload)
    assert.is_truthy(tostring(p.icmp):find("echo%-reply"), tostring(p.icmp))
  end)

  it("ARP", function()
    local p = find("ping", function(q) return q.arp end)
    assert.same({ op = "request", sender_mac = "02:00:00:00:00:0a", sender_ip = "10.1.1.2", hardware = 1, proto = 0x800,
      target_mac = "00:00:00:00:00:00", target_ip = "10.1.1.3", len = 28 }, p.arp)
  end)

  it("an error, with the packet that it is about", function()
    local p = find("errors", function(q) return q.icmp and q.icmp.error == "port-unreachable" end)
    assert.equal("destination-unreachable", p.icmp.type)
    assert.equal(9998, p.icmp.quoted.udp.dport)
    assert.equal("10.1.1.3", p.icmp.quoted.ip.dst)
    assert.is_truthy(tostring(p.icmp.quoted):find "^IP 10.1.1.2.%d+ > 10.1.1.3.9998: UDP, length 20$")
    p = find("errors", function(q) return q.icmp and q.icmp.mtu and q.ip.version == 4 end)
    assert.same({ 1280, "frag-needed" }, { p.icmp.mtu, p.icmp.error })
    p = find("errors", function(q) return q.icmp and q.icmp.type == "packet-too-big" end)
    assert.equal(1280, p.icmp.mtu)
    p = find("errors", function(q) return q.icmp and q.icmp.type == "redirect" end)
    assert.same({ "10.1.1.2", "10.9.3.1" }, { p.icmp.gateway, p.icmp.quoted.ip.dst })
    p = find("errors", function(q) return q.icmp and q.icmp.error == "time-exceeded" and q.ip.version == 6 end)
    assert.equal("fd09:3::1", p.icmp.quoted.ip.dst)
  end)

  it("neighbour discovery and a router's advertisement by radvd", function()
    local p = find("autoconf", function(q) return q.icmp and q.icmp.type == "nd-router-advert" end)
    local all = {}
    for _, option in ipairs(p.icmp.options) do
      for key, value in pairs(option) do all[key] = value end
    end
    assert.same({ prefix = "fd02::", prefix_len = 64, onlink = true, autonomous = true, mtu = 1400 },
      { prefix = all.prefix, prefix_len = all.prefix_len, onlink = all.onlink, autonomous = all.autonomous,
        mtu = all.mtu })
    assert.same({ "fd02::1" }, all.rdnss)
    assert.equal("02:00:00:00:00:0b", all.source_mac)
    assert.equal(64, p.icmp.hop_limit)
    p = find("ping", function(q) return q.icmp and q.icmp.type == "nd-neighbor-advert" and q.icmp.flags.solicited end)
    assert.equal("fd00::3", p.icmp.target)
    assert.equal("02:00:00:00:00:0b", p.icmp.options[1].target_mac)
    p = find("autoconf", function(q) return q.icmp and q.icmp.type == "mld2-listener-report" end)
    assert.equal("to_ex", p.icmp.records[1].change)
    assert.same({ { type = "hop-by-hop", len = 8 } }, p.ip.extensions)
  end)

  it("TCP with its options", function()
    local p = find("tcp", function(q) return q.tcp and q.tcp.flags.syn and q.tcp.flags.ack end)
    assert.equal("S.", p.tcp.flags.text)
    assert.equal(80, p.tcp.sport)
    assert.same({ "mss", "sack_ok", "ts", "nop", "wscale" }, p.tcp.options.order)
    assert.same({ 1460, 10, true }, { p.tcp.options.mss, p.tcp.options.wscale, p.tcp.options.sack_ok })
    p = find("tcp", function(q) return q.tcp and q.tcp.len > 0 end)
    assert.is_truthy(p.payload:find "^GET /BSD HTTP/1.1\r\n")
  end)

  it("fragments", function()
    local p = find("fragments", function(q) return q.ip.version == 4 and q.ip.offset > 0 end)
    assert.same({ 1480, true }, { p.ip.offset, p.ip.flags.mf })
    assert.is_nil(p.icmp)
    p = find("fragments", function(q) return q.ip.version == 6 and q.ip.offset == 2896 end)
    assert.is_nil(p.ip.flags.mf)
    assert.equal("integer", math.type(p.ip.id))
    assert.equal("icmpv6", p.ip.proto)
  end)

  it("DHCP between udhcpc and dnsmasq", function()
    local p = find("dhcp", function(q) return q.dhcp and q.dhcp.type == "offer" end)
    assert.equal("02:00:00:00:00:0a", p.dhcp.chaddr)
    assert.is_truthy(p.dhcp.yiaddr:find "^10%.2%.0%.1%d$")
    local o = p.dhcp.options
    assert.same({ "255.255.255.0", { "10.2.0.1" }, { "10.2.0.1" }, 3600, "10.2.0.1", "lab.test", "10.2.0.255" },
      { o.netmask, o.routers, o.dns_servers, o.lease_time, o.server_id, o.domain, o.broadcast })
    p = find("dhcp", function(q) return q.dhcp and q.dhcp.type == "discover" end)
    assert.equal("client", p.dhcp.options.hostname)
    assert.is_nil(p.dhcp.yiaddr)
    assert.is_truthy(tostring(p):find ", length 300, Discover$")
  end)

  it("DNS answers of dnsmasq", function()
    local function answers(kind)
      local p = find("dns", function(q) return q.dns.answers and q.dns.questions[1].type == kind end)
      return p.dns
    end
    local function data(kind, ...)
      local list = {}
      for i, key in ipairs { ... } do list[i] = answers(kind).answers[1][key] end
      return list
    end
    local web = { name = "web.lab.test", type = "A", class = "IN", ttl = 0, data = "10.2.0.80" }
    assert.same(web, answers "A".answers[1])
    assert.same({ "fd02::80" }, data("AAAA", "data"))
    assert.same({ "mail.lab.test", 10 }, data("MX", "data", "preference"))
    assert.same({ "web.lab.test", 5060, 1, 2 }, data("SRV", "data", "port", "priority", "weight"))
    assert.same({ "some text" }, data("TXT", "data"))
    assert.same({ "web.lab.test" }, data("PTR", "data"))
    local p = find("dns", function(q) return q.dns.rcode == "NXDOMAIN" end)
    assert.same({ "nothing.lab.test", true, true }, { p.dns.questions[1].name, p.dns.rd, p.dns.response })
  end)

  it("VXLAN with the packet in it, and spanning tree", function()
    local p = find("vxlan", function(q) return q.vxlan and q.inner.icmp end)
    assert.equal(42, p.vxlan.vni)
    assert.equal("192.168.9.1", p.inner.ip.src)
    assert.is_truthy(tostring(p.inner):find "^IP 192.168.9.1 > 192.168.9.2: ICMP echo request")
    assert.equal("10.1.1.2", p.ip.src)
    p = find("bridge", function(q) return q.stp end)
    assert.same({ "stp", "config", 0, 1, 2 },
      { p.stp.version, p.stp.type, p.stp.cost, p.stp.hello_time, p.stp.forward_delay })
    assert.equal("8000.02:00:00:00:00:0a", p.stp.root)
    assert.equal(p.stp.root, p.stp.bridge)
  end)

  it("VLAN tags, the outer one first", function()
    local p = nsh.decode(frames.tag(0x88a8, 0x6064, 0x8100, pack(">I2I2", 200, 0x800) .. frames.ip(99, "x")))
    assert.same({ id = 100, pcp = 3, proto = "802.1ad" }, p.vlan)
    assert.same({ 100, 200 }, { p.vlans[1].id, p.vlans[2].id })
    assert.equal("ip", p.eth.type)
    assert.equal("10.1.1.2", p.ip.src)
  end)

  it("what a kernel puts into tunnels", function()
    local function carried(fits) return find("tunnels", function(q) return q.inner and fits(q) end) end
    local p = carried(function(q) return q.ip.proto == "ipip" end)
    assert.same({ "172.16.3.1", "echo-request" }, { p.inner.ip.src, p.inner.icmp.type })
    p = carried(function(q) return q.ip.proto == "ipv6" end)
    assert.equal("fd04::1", p.inner.ip.src)
    p = carried(function(q) return q.gre and q.gre.key and q.inner.ip.version == 4 end)
    assert.same({ 7, "172.16.5.1" }, { p.gre.key, p.inner.ip.src })
    p = carried(function(q) return q.gre and q.inner.eth and q.inner.arp end)
    assert.equal("172.16.6.2", p.inner.arp.target_ip)
    p = carried(function(q) return q.geneve and q.inner.arp end)
    assert.same({ 9, "172.16.7.2" }, { p.geneve.vni, p.inner.arp.target_ip })
    p = find("tunnels", function(q) return q.vlans and q.arp end)
    assert.same({ "802.1ad", 100, 200, "172.16.2.2" }, { p.vlan.proto, p.vlan.id, p.vlans[2].id, p.arp.target_ip })
  end)

  it("a packet on any link, with the way it went", function()
    local p = find("any", function(q) return q.sll.direction == "out" end)
    assert.equal("integer", math.type(p.sll.ifindex))
    assert.is_truthy(p.sll.src:find "^%x%x:")
    assert.is_table(p.ip)
  end)

  it("a segment that the card will cut has its length from the frame", function()
    local p = nsh.decode(frames.ip4_frame(17, frames.udp(5, 6, "abc"), { len = 0 }))
    assert.same({ 31, 3 }, { p.ip.len, p.udp.len })
  end)
end)

describe("what comes from a wire", function()
  it("prints without control characters", function()
    local p = nsh.decode(frames.dns(53, 0x100, { 1, 0, 0, 0 }, "\6\27[2J\n\r\0\0\1\0\1"))
    assert.equal("\27[2J\n\r", p.dns.questions[1].name)
    assert.is_truthy(tostring(p):find([[A? \x1b[2J\x0a\x0d.]], 1, true), tostring(p))
    p = nsh.decode(frames.dns(53, 0x100, { 1, 0, 0, 0 }, "\3a.b\1c\0\0\1\0\1"))
    assert.equal("a\\.b.c", p.dns.questions[1].name)
  end)

  it("ends, wherever names point", function()
    local long = ("\63" .. ("x"):rep(63)):rep(9)
    for _, name in ipairs { "\xc0\12", "\1a\xc0\12", "\xc0\14\xc0\12", "\xff\xff", long } do
      local p = nsh.decode(frames.dns(53, 0x100, { 1, 0, 0, 0 }, name .. "\0\1\0\1"))
      assert.equal("domain", p.truncated)
    end
  end)

  it("is told in part when it has too many fields", function()
    local records = ("\0\0\1\0\1\0\0\0\0\0\4\1\2\3\4"):rep(4000)
    local p = nsh.decode(frames.dns(53, 0x8100, { 0, 4000, 0, 0 }, records))
    assert.is_true(p.incomplete)
    assert.is_true(#p.dns.answers > 200)
    assert.is_string(tostring(p))
  end)

  it("never fails to print, and is data", function()
    local all = {}
    for _, name in ipairs(files) do
      local list, linktype = read(name)
      for _, item in ipairs(list) do all[#all + 1] = { item[1], linktype } end
    end
    for _ = 1, soak and 100000 or 5000 do
      local item = all[math.random(#all)]
      local bytes = { item[1]:byte(1, -1) }
      for _ = 1, math.random(6) do bytes[math.random(#bytes)] = math.random(0, 255) end
      local text = string.char(table.unpack(bytes)):sub(1, math.random(#bytes * 2))
      local p = nsh.decode(text, { linktype = item[2], len = #text + math.random(0, 50) })
      local line = tostring(p)
      assert.falsy(line:find "[%c]", line)
      p.payload = nil
      assert.is_string(json.encode(p))
    end
  end)

  it("is the same in JSON", function()
    for _, name in ipairs(files) do
      local list, linktype = read(name)
      local p = decode(list[1], linktype)
      assert.same(p, json.decode(json.encode(p)))
      assert.falsy(json.encode(p):find('"flags":[]', 1, true))
    end
  end)

  it("wants to be bytes, and known options", function()
    h.misuse("decode wants the bytes of a packet, got nil", nsh.decode)
    h.misuse("unknown key 'link'; did you mean 'len'?", nsh.decode, "", { link = 1 })
    h.misuse("len must be a whole number from 3", nsh.decode, "abc", { len = 2 })
    h.misuse("linktype must be a whole number from 0 to 65535", nsh.decode, "", { linktype = -1 })
    h.misuse("a table of options is wanted", nsh.decode, "", 1)
  end)
end)
