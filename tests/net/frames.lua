-- frames.lua - packets made by hand, for what no program at hand sends.
local m = {}

local pack = string.pack

local function bytes_of(hex)
  return (hex:gsub("[^%x]", ""):gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end
m.bytes = bytes_of

local A, B = bytes_of "02000000000a", bytes_of "02000000000b"

function m.eth(kind, payload) return B .. A .. pack(">I2", kind) .. payload end

function m.llc(payload) return B .. A .. pack(">I2", #payload) .. payload end

function m.tag(proto, tci, kind, payload) return m.eth(proto, pack(">I2I2", tci, kind) .. payload) end

local function sum(header)
  local total = 0
  for i = 1, #header, 2 do total = total + string.unpack(">I2", header, i) end
  while total > 0xffff do total = (total & 0xffff) + (total >> 16) end
  return ~total & 0xffff
end

--- An IPv4 packet; `fields`: len, ihl, id, frag, ttl, options.
function m.ip(proto, payload, fields)
  local f = fields or {}
  local options = f.options or ""
  local function header(checksum)
    return pack(">I1I1I2I2I2I1I1I2", (f.version or 4) << 4 | (f.ihl or 5 + #options // 4), 0,
      f.len or 20 + #options + #payload, f.id or 7, f.frag or 0, f.ttl or 64, proto, checksum)
      .. bytes_of "0a010102 0a010103" .. options
  end
  return header(f.checksum or sum(header(0))) .. payload
end

function m.ip6(proto, payload, len)
  return pack(">I4I2I1I1", 6 << 28, len or #payload, proto, 64) .. bytes_of("fd00" .. ("0"):rep(27) .. "2")
    .. bytes_of("fd00" .. ("0"):rep(27) .. "3") .. payload
end

function m.ip4_frame(...) return m.eth(0x800, m.ip(...)) end

function m.ip6_frame(...) return m.eth(0x86dd, m.ip6(...)) end

function m.udp(sport, dport, payload, len)
  return pack(">I2I2I2I2", sport, dport, len or 8 + #payload, 0) .. payload
end

function m.tcp(flags, payload, options, header)
  options = options or ""
  return pack(">I2I2I4I4I2I2I2I2", 1000, 2000, 4294967290, 7, (header or 5 + #options // 4) << 12 | flags, 512, 0, 9)
    .. options .. payload
end

--- A DNS message: name "web.test" and one of each record that is told by its type.
function m.dns(port, flags, counts, rest)
  return m.ip4_frame(17, m.udp(port, port, pack(">I2I2I2I2I2I2", 77, flags, table.unpack(counts)) .. rest))
end

m.name = "\3web\4test\0"

function m.record(name, kind, class, data)
  return name .. pack(">I2I2I4s2", kind, class, 60, data)
end

return m
