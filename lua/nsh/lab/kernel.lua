--- kernel.lua - sysctls that are otherwise than in a namespace of a lab that nobody has changed.
local core = require "nsh.core"
local fail = require "nsh.error"
local json = require "nsh.json"
local live = require "nsh.lab.live"
local netns = require "nsh.netns"
local records = require "nsh.lab.records"
local sysctls = require "nsh.sysctl"

local m = {}

-- Not of one's own choice: counters, keys made by chance, and what a link's kind or its other attributes decide.
local PASSING = { ["net.ipv4.tcp_fastopen_key"] = true, ["net.netfilter.nf_conntrack_count"] = true }
local OF_LINK = { addr_gen_mode = true, mtu = true, stable_secret = true, mc_forwarding = true }
local OF_KIND = { disable_policy = true, disable_xfrm = true, accept_dad = true, use_tempaddr = true, accept_ra = true,
  autoconf = true, router_solicitations = true }

-- All of a namespace, as the kernel's text.
local function read(ns)
  local all = fail.check("sysctl list", nil, ns, core.sysctl.all(ns.core))
  for key in pairs(PASSING) do all[key] = nil end
  return all
end

local parts = {} -- of a snapshot, by key: its parts, false where it is none of a link

--- Returns what tells the sysctls of a fresh node, by its kind and whether it has links that are no ends of wires; each
--- is asked once.
---@return fun(kind: string, own_links: boolean): table<string, string>
function m.usual()
  local known = {}
  parts = {}
  return function(kind, own_links)
    local asked = records.usual_sysctls(kind, own_links)
    local id = json.encode(asked)
    if known[id] then return known[id] end
    local ns <close> = netns.scratch()
    for _, key in ipairs(sysctls.order(asked)) do pcall(function() ns.sysctl[key] = asked[key] end) end
    known[id] = read(ns)
    return known[id]
  end
end

-- As sysctl.parts, found out once for each key.
local function of_link(key)
  local found = parts[key]
  if found == nil then
    local before, dev, name = sysctls.parts(key)
    found = dev and { before, dev, name } or false
    parts[key] = found
  end
  if found then return found[1], found[2], found[3] end
end

-- What a key of a link is by itself: as new links get it, and forwarding as all of them.
local function inherited(now, before, dev, name, usual)
  if name == "forwarding" then return now[before .. "all." .. name] end
  if dev == "lo" then return usual[before .. dev .. "." .. name] end
  return now[before .. "default." .. name]
end

--- Returns the sysctls of a namespace that are otherwise than in a fresh node.
---@param ns nsh.Netns
---@param usual table<string, string>
---@param links table[] records of its links
---@return table<string, integer|string>
function m.changed(ns, usual, links)
  local now, found, ether = read(ns), {}, { lo = true }
  for _, link in ipairs(links) do ether[link.name:gsub("%.", "/")] = link.link_type == "ether" end
  for key, value in pairs(now) do
    local before, dev, name = of_link(key)
    local expected = usual[key]
    if dev and dev ~= "all" and dev ~= "default" then
      local apart = OF_LINK[name] or OF_KIND[name] and not ether[dev]
      expected = not apart and inherited(now, before, dev, name, usual)
    elseif dev == "default" and name == "forwarding" then
      expected = now[before .. "all.forwarding"]
    elseif key == "net.ipv4.conf.all.forwarding" then
      expected = now["net.ipv4.ip_forward"]
    end
    if expected and expected ~= value then found[key] = live.plain(sysctls.value(value)) end
  end
  return found
end

return m
