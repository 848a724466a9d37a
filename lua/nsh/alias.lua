--- alias.lua - options of links as ip(8) spells them beside their keys, and what it adds where nothing is said.
local core = require "nsh.core"

local m = {}

-- One word for two keys, or another word for one.
local words = {
  key = { "ikey", "okey" }, seq = { "iseq", "oseq" }, csum = { "icsum", "ocsum" },
  num_grat_arp = { "num_peer_notif" }, num_unsol_na = { "num_peer_notif" },
}

-- A key in the form of an IPv4 address.
local function quad(value)
  if type(value) ~= "string" then return value end
  local a, b, c, d = value:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  if not a or math.max(a, b, c, d) > 255 then return value end
  return a << 24 | b << 16 | c << 8 | d
end

--- Replaces the other words in an option table by the keys of the kind.
---@param spec table changed in place
---@param kind? string
---@return table spec
function m.resolve(spec, kind)
  if not kind then return spec end
  for word, keys in pairs(words) do
    if spec[word] ~= nil and core.link.has(kind, keys[1]) then
      for _, key in ipairs(keys) do
        if spec[key] == nil then spec[key] = spec[word] end
      end
      spec[word] = nil
    end
  end
  spec.ikey, spec.okey = quad(spec.ikey), quad(spec.okey)
  if core.link.has(kind, "ttl_inherit") then -- of vxlan and geneve, whose 0 is the system's
    if spec.ttl == "inherit" then spec.ttl, spec.ttl_inherit = nil, true end
    if spec.ttl == "auto" then spec.ttl = 0 end
  end
  return spec
end

--- Adds what ip(8) adds where nothing is said: a tunnel over IPv6 gets a hop limit of 64 and an encapsulation limit
--- of 4, a gtp link sockets of the kernel. The link that a tunnel sends on is its `dev`, as which the kernel takes it;
--- `link` it passes over.
---@param spec table of a new link, changed in place
function m.complete(spec)
  local kind = spec.kind
  if spec.link ~= nil and not spec.link_netnsid and core.link.has(kind, "dev") then
    spec.dev, spec.link = spec.dev or spec.link, nil
  end
  if core.link.has(kind, "encaplimit") and not spec.external then
    if spec.hoplimit == nil then spec.hoplimit = 64 end
    if spec.encaplimit == nil then spec.encaplimit = 4 end
  elseif core.link.has(kind, "create_sockets") and spec.create_sockets == nil and not spec.fd0 and not spec.fd1 then
    spec.create_sockets = true
  end
end

--- Reads another word from a record: the value of its keys, where they have the same.
---@param record table
---@param word string
---@return any? value
function m.read(record, word)
  local keys = words[word]
  if not keys or record[keys[1]] ~= record[keys[2] or keys[1]] then return nil end
  return record[keys[1]]
end

--- Tells whether a word stands for keys of a kind.
---@param kind? string
---@param word string
---@return boolean
function m.is_word(kind, word)
  return kind ~= nil and words[word] ~= nil and core.link.has(kind, words[word][1])
end

return m
