--- firewall.lua - address translation, published ports, drops and counters, each one call that can be taken back.
--
--     local firewall = require "stdlib.firewall"
--     firewall.masquerade(router, { src = "10.0.0.0/24", oif = "wan" })
--     firewall.forward_port(router, { port = 8080, to = "10.0.0.2:80" })
--     local dropped <close> = firewall.drop(router, { proto = "udp", port = 53, iif = "lan" })
--     print(dropped.packets, dropped.bytes)
--
-- All rules of a namespace stand in one table, `inet nsh`, beside those that others make. A rule has a name; one that
-- is added under the same name takes the place of the first, so the same call twice stands once. Needs nft(8) and
-- lua-dkjson. What a bridge forwards doesn't come by here.
local daemon = require "stdlib.daemon"
local nsh = require "nsh"

local m = {}

local TABLE = "inet nsh"
local NAME_MAX = 128

-- The chains: counters see what drops take away.
local CHAINS = {
  prerouting = "type nat hook prerouting priority dstnat;",
  local_out = "type nat hook output priority -100;",
  postrouting = "type nat hook postrouting priority srcnat;",
  count_input = "type filter hook input priority filter - 10;",
  count_forward = "type filter hook forward priority filter - 10;",
  count_output = "type filter hook output priority filter - 10;",
  drop_input = "type filter hook input priority filter;",
  drop_forward = "type filter hook forward priority filter;",
  drop_output = "type filter hook output priority filter;",
}

-- --- what a rule matches ---

local function misuse(fmt, ...) nsh.misuse(fmt:format(...)) end

local function list_of(value)
  if type(value) == "table" and getmetatable(value) == nil then return value end
  return { value }
end

local function joined(list)
  return #list == 1 and list[1] or "{ " .. table.concat(list, ", ") .. " }"
end

-- nft asks the DNS for what is no address; that would be a slip of the caller.
local function family_of(key, addr)
  if type(addr) == "string" then
    if addr:find "^%d+%.%d+%.%d+%.%d+$" or addr:find "^%d+%.%d+%.%d+%.%d+/%d+$" then return "ip" end
    if addr:find ":" and (addr:find "^[%x:.]+$" or addr:find "^[%x:.]+/%d+$") then return "ip6" end
  end
  misuse("%s is an address or prefix (\"10.0.0.0/24\", \"fd00::/64\") or a list of them, not %s", key, tostring(addr))
end

-- { ip = {...}, ip6 = {...} } of a key; nil where it isn't given.
local function by_family(spec, key)
  if spec[key] == nil then return nil end
  local families, some = {}, false
  for _, addr in ipairs(list_of(spec[key])) do
    local family = family_of(key, addr)
    families[family] = families[family] or {}
    table.insert(families[family], addr)
    some = true
  end
  if not some then misuse("%s is an empty list", key) end
  return families
end

local function port_word(key, port)
  if math.type(port) == "float" then port = math.tointeger(port) or port end
  local first, last = tostring(port):match "^(%d+)%-(%d+)$"
  first = math.tointeger(tonumber(first or tostring(port)))
  last = math.tointeger(tonumber(last)) or first
  if not first or first < 0 or last > 65535 or first > last then
    misuse("%s is a port from 0 to 65535, a range \"8000-8010\" or a list of them, not %s", key, tostring(port))
  end
  return first == last and tostring(first) or first .. "-" .. last
end

local function ports_of(key, value)
  local list = {}
  for i, port in ipairs(list_of(value)) do list[i] = port_word(key, port) end
  if #list == 0 then misuse("%s is an empty list", key) end
  return joined(list)
end

local function link_words(key, word, value)
  local list = {}
  for i, link in ipairs(list_of(value)) do
    local name = type(link) == "string" and link or type(link) == "table" and link.name
    if type(name) ~= "string" or #name > 15 or name == "" or name:find '[%s"]' then
      misuse("%s is a link or the name of one, not %s", key, tostring(link))
    end
    list[i] = '"' .. name .. '"'
  end
  if #list == 0 then misuse("%s is an empty list", key) end
  return word .. " " .. joined(list)
end

local PROTOCOLS = { tcp = "tcp", udp = "udp", sctp = "sctp", dccp = "dccp", icmp = "icmp", icmpv6 = "ipv6-icmp",
  gre = "gre", esp = "esp", ah = "ah" }
local HAS_PORTS = { tcp = true, udp = true, sctp = true, dccp = true }

local function protocol_words(spec)
  local words, list = {}, {}
  local protocols = spec.proto and list_of(spec.proto) or (spec.port or spec.sport) and { "tcp", "udp" } or {}
  for i, proto in ipairs(protocols) do
    if not PROTOCOLS[proto] then
      misuse("proto is one of ah, dccp, esp, gre, icmp, icmpv6, sctp, tcp, udp, not %s", tostring(proto))
    end
    if (spec.port or spec.sport) and not HAS_PORTS[proto] then misuse("%s has no ports", proto) end
    list[i] = PROTOCOLS[proto]
  end
  if #list > 0 then words[1] = "meta l4proto " .. joined(list) end
  if spec.sport then words[#words + 1] = "th sport " .. ports_of("sport", spec.sport) end
  if spec.port then words[#words + 1] = "th dport " .. ports_of("port", spec.port) end
  return words
end

-- What packets must have, in nft's words, once for each family that is meant; "" where both or all are.
local function matches(spec)
  local src, dst = by_family(spec, "src"), by_family(spec, "dst")
  local common, list = {}, {}
  if spec.iif then common[#common + 1] = link_words("iif", "iifname", spec.iif) end
  if spec.oif then common[#common + 1] = link_words("oif", "oifname", spec.oif) end
  local protocol = protocol_words(spec)
  local function add(family)
    local words = table.move(common, 1, #common, 1, {})
    if src then words[#words + 1] = family .. " saddr " .. joined(src[family]) end
    if dst then words[#words + 1] = family .. " daddr " .. joined(dst[family]) end
    table.move(protocol, 1, #protocol, #words + 1, words)
    list[#list + 1] = { family = family, text = table.concat(words, " ") }
  end
  if not src and not dst then
    add(nil)
  else
    for _, family in ipairs { "ip", "ip6" } do
      if (not src or src[family]) and (not dst or dst[family]) then add(family) end
    end
    if #list == 0 then misuse "src and dst are of different families" end
  end
  return list
end

-- --- rules ---

--- A rule of a namespace's firewall.
---@class firewall.Rule
---@field name string
---@field packets integer how many it has seen until now
---@field bytes integer
---@field netns nsh.Netns
local Rule = {}
local mt = { __name = "firewall.rule" }

-- The rules of our table, all or those of a name: { chain, handle, packets, bytes }.
local function find(ns, name)
  return ns:nft_counters { family = "inet", table = "nsh", comment = name }
end

local function deletions(found)
  local lines = {}
  for i, rule in ipairs(found) do
    lines[i] = ("delete rule %s %s handle %d\n"):format(TABLE, rule.chain, rule.handle)
  end
  return table.concat(lines)
end

-- "drop iif=lan port=53,100-200": what the rule does, said by its options.
local function described(kind, spec)
  local words = {}
  for key, value in pairs(spec) do
    local list = {}
    for i, v in ipairs(list_of(value)) do list[i] = type(v) == "table" and v.name or tostring(v) end
    words[#words + 1] = ("%s=%s"):format(key, table.concat(list, ","))
  end
  table.sort(words)
  local name = table.concat({ kind, table.unpack(words) }, " ")
  if #name <= NAME_MAX then return name end
  local sum = 0
  for byte in name:gmatch "." do sum = (sum * 31 + byte:byte()) & 0xffffffff end
  return ("%s %08x"):format(name:sub(1, NAME_MAX - 9), sum)
end

-- The comment by which the rule is found.
local function name_of(kind, spec)
  local name = spec.name
  if name == nil then return described(kind, spec) end
  if type(name) ~= "string" or name == "" or #name > NAME_MAX or name:find '[%c"]' then
    misuse("name is text of 1 to %d bytes without quotes, not %s", NAME_MAX, tostring(name))
  end
  return name
end

-- Adds rules { chain, text, action } under one name, in one transaction.
local function add(ns, kind, spec, rules)
  ns = daemon.netns(ns, "the first argument of firewall." .. kind)
  local name, lines = name_of(kind, spec), { "add table " .. TABLE .. "\n" }
  for _, rule in ipairs(rules) do
    lines[#lines + 1] = ("add chain %s %s { %s }\n"):format(TABLE, rule.chain, CHAINS[rule.chain])
  end
  lines[#lines + 1] = deletions(find(ns, name))
  for _, rule in ipairs(rules) do
    lines[#lines + 1] = ('add rule %s %s %s counter %s comment "%s"\n'):format(TABLE, rule.chain, rule.text,
      rule.action, name)
  end
  ns:nft(table.concat(lines))
  return setmetatable({ name = name, netns = ns }, mt)
end

-- What the rules of a name have counted; nil where there are none.
local function sums(found)
  local packets, bytes = 0, 0
  for _, counter in ipairs(found) do packets, bytes = packets + counter.packets, bytes + counter.bytes end
  if #found > 0 then return packets, bytes end
end

function mt.__index(self, key)
  if key ~= "packets" and key ~= "bytes" then return Rule[key] end
  local packets, bytes = sums(find(self.netns, self.name))
  if packets then return key == "packets" and packets or bytes end
  nsh.raise { op = "firewall", target = self.name, netns = self.netns, code = "ENOENT", errno = 2,
    message = "the rule was removed" }
end

--- Takes the rule away; once more is harmless. What it translated goes on as long as its connection does.
function Rule:remove()
  local found = find(self.netns, self.name)
  if #found == 0 then return end
  local all = #found == #find(self.netns)
  self.netns:nft(all and "delete table " .. TABLE or deletions(found))
end

function mt.__close(self) if not self.netns.deleted then self:remove() end end
function mt.__tostring(self)
  local where = ("%s in %s"):format(self.name, self.netns.name or "root")
  if self.netns.deleted then return where .. ", which was deleted" end
  local packets, bytes = sums(find(self.netns, self.name))
  return packets and ("%s: %d packets, %d bytes"):format(where, packets, bytes) or where .. ", removed"
end

-- --- recipes ---

--- Gives what leaves by a link the address of that link, and the answers back to who asked. The namespace must forward:
--- `ns.sysctl["net.ipv4.ip_forward"] = 1`, `ns.sysctl["net.ipv6.conf.all.forwarding"] = 1`.
---@param ns nsh.Netns|nsh.LabNode|string the router
---@param spec { src?: string|string[], dst?: string|string[], oif?: string|nsh.Link, name?: string } which packets
---@return firewall.Rule rule counts the first packet of each connection
function m.masquerade(ns, spec)
  spec = nsh.options(spec, "masquerade", { "src", "dst", "oif", "name" })
  local rules = {}
  for i, match in ipairs(matches(spec)) do
    rules[i] = { chain = "postrouting", text = match.text, action = "masquerade" }
  end
  return add(ns, "masquerade", spec, rules)
end

-- "10.0.0.2:80", "[fd00::2]:80", or either without a port.
local function target_of(to)
  local addr, port = nil, nil
  if type(to) == "string" then
    addr, port = to:match "^%[([%x:.]+)%]:(%d+)$"
    if not addr then addr, port = to:match "^([%d.]+):(%d+)$" end
    if not addr then addr = to:match "^%[([%x:.]+)%]$" or to:match "^[%x:.]+$" end
  end
  if not addr then misuse("to is where it goes (\"10.0.0.2:80\", \"[fd00::2]:80\"), not %s", tostring(to)) end
  local family = family_of("to", addr)
  if not port then return family, addr end
  return family, (family == "ip6" and "[%s]:%s" or "%s:%s"):format(addr, port_word("to", port))
end

--- What forward_port takes.
---@class firewall.Port
---@field port integer|string 8080 or "8000-8010"
---@field to string "10.0.0.2:80", "[fd00::2]:80", or without a port: the same one
---@field proto? string "tcp" (the default) or "udp"
---@field dst? string for that address alone; for all that are the namespace's own where it isn't said
---@field iif? string|nsh.Link from there alone
---@field src? string|string[] from there alone
---@field name? string

--- Publishes a port: what comes for it, to this namespace or from within it, goes to another host.
--- The namespace must forward.
---@param ns nsh.Netns|nsh.LabNode|string the router
---@param spec firewall.Port
---@return firewall.Rule rule counts connections
function m.forward_port(ns, spec)
  spec = nsh.options(spec, "forward_port", { "port", "to", "proto", "dst", "iif", "src", "name" })
  if spec.port == nil then misuse "forward_port needs port" end
  spec.proto = spec.proto or "tcp"
  local family, target = target_of(spec.to)
  local rules = {}
  for _, match in ipairs(matches(spec)) do
    if match.family == nil or match.family == family then
      local text = spec.dst and match.text or match.text .. " fib daddr type local"
      if not match.family then text = ("meta nfproto %s %s"):format(family == "ip" and "ipv4" or "ipv6", text) end
      local action = ("dnat %s to %s"):format(family, target)
      rules[#rules + 1] = { chain = "prerouting", text = text, action = action }
      if not spec.iif then rules[#rules + 1] = { chain = "local_out", text = text, action = action } end
    end
  end
  if #rules == 0 then misuse "to is of another family than src or dst" end
  return add(ns, "forward_port", spec, rules)
end

local FILTER = { "src", "dst", "proto", "port", "sport", "iif", "oif", "hook", "name" }

-- A rule in each hook where such packets come by.
local function filter(ns, kind, prefix, spec, action)
  local hooks = { input = not spec.oif, forward = true, output = not spec.iif }
  if spec.hook ~= nil then
    if hooks[spec.hook] == nil then misuse("hook is input, forward or output, not %s", tostring(spec.hook)) end
    if not hooks[spec.hook] then misuse("there is no %s at %s", spec.oif and "oif" or "iif", spec.hook) end
    hooks = { [spec.hook] = true }
  end
  local rules = {}
  for _, match in ipairs(matches(spec)) do
    for _, hook in ipairs { "input", "forward", "output" } do
      if hooks[hook] then rules[#rules + 1] = { chain = prefix .. hook, text = match.text, action = action } end
    end
  end
  return add(ns, kind, spec, rules)
end

--- What drop and count take. No key at all means all packets.
---@class firewall.Filter
---@field src? string|string[] addresses or prefixes
---@field dst? string|string[]
---@field proto? string|string[] "tcp", "udp", "icmp", ...
---@field port? integer|string|table of the destination: 80, "80-90" or a list; without proto it is TCP's and UDP's
---@field sport? integer|string|table of the source
---@field iif? string|nsh.Link the link that they came by
---@field oif? string|nsh.Link the link that they leave by
---@field hook? string only at "input", "forward" or "output"
---@field reject? boolean true: they are answered by an error (drop alone)
---@field name? string

--- Drops packets that come to the namespace, pass through it or leave it, of all that are described.
---@param ns nsh.Netns|nsh.LabNode|string
---@param spec firewall.Filter
---@return firewall.Rule
function m.drop(ns, spec)
  local keys = table.move(FILTER, 1, #FILTER, 1, { [#FILTER + 1] = "reject" })
  spec = nsh.options(spec, "drop", keys)
  if spec.reject ~= nil and type(spec.reject) ~= "boolean" then misuse "reject is true or false" end
  -- over veth an ICMP error is back before connect(2) looks for it and is overlooked; a reset isn't
  local answer = spec.proto == "tcp" and "reject with tcp reset" or "reject"
  return filter(ns, "drop", "drop_", spec, spec.reject and answer or "drop")
end

--- Counts packets that come to the namespace, pass through it or leave it, before drops.
---@param ns nsh.Netns|nsh.LabNode|string
---@param spec? firewall.Filter
---@return firewall.Rule rule its packets and bytes are read anew each time
function m.count(ns, spec)
  return filter(ns, "count", "count_", nsh.options(spec, "count", FILTER), "")
end

--- Takes all rules of these recipes away.
---@param ns nsh.Netns|nsh.LabNode|string
function m.flush(ns)
  daemon.netns(ns, "the first argument of firewall.flush"):nft("add table " .. TABLE .. "\ndelete table " .. TABLE)
end

--- Tells whether its program is there.
---@return boolean
---@return string? why it isn't, and the package that brings it
function m.available() return daemon.available "nft" end

return m
