--- outside.lua - links of the machine that a lab borrows: they are moved into its namespaces, and home again.
-- The kernel takes a link's addresses, routes and master from it when it is moved, and puts it down; what the lab sets
-- stays. So what it was like is noted before it goes, and put back when it comes home.
local core = require "nsh.core"
local netns = require "nsh.netns"
local plain = require "nsh.lab.plain"
local text = require "nsh.text"

local m = {}

local APART = { machine = true, name = true, peer = true, kind = true, port = true }
local BY_HAND = { boot = true, static = true } -- who gave a route, but the kernel and daemons, who give it anew

-- What a link of the machine is like, as what can be put back.
local function look(root, link)
  local was = { link = {}, master = link.master and link.master.name, addrs = {}, routes = {} }
  for key, value in pairs(plain.wished("link", link:record())) do
    if type(value) ~= "table" and not APART[key] and key ~= "master" then was.link[key] = value end
  end
  for _, record in ipairs(link:addrs()) do
    local by_kernel = record.proto and tostring(record.proto):find "^kernel"
    if record.permanent and not by_kernel then table.insert(was.addrs, plain.wished("addr", record)) end
  end
  for _, record in ipairs(root:routes { dev = link.name, table = "all" }) do
    if BY_HAND[record.proto] then table.insert(was.routes, plain.wished("route", record)) end
  end
  -- those that others go through are there first
  table.sort(was.routes, function(a, b) return not a.via and b.via ~= nil end)
  return was
end

--- Notes what the links are like that a lab is about to borrow; of those that it has, that is known.
---@private
---@param wish table state; gets homes, by the links' names at home
---@param last? table state that was applied last
---@return table<string, table> homes
function m.remember(wish, last)
  local homes, root = {}, nil
  for dev, was in pairs(last and last.homes or {}) do homes[dev] = was end
  for _, node in ipairs(wish.nodes) do
    for _, record in ipairs(node.links) do
      local dev = record.machine
      if dev then
        root = root or netns.root()
        local link = root:find_link(dev)
        homes[dev] = link and look(root, link) or homes[dev]
        wish.homes = homes
      end
    end
  end
  return homes
end

--- Moves a link of the machine to where a wire ends.
---@private
---@param run nsh.LabRun
---@param step nsh.PlanStep
---@return any ok, string? message, string? code, table? detail
function m.fetch(run, step)
  local ns, link = run.ns[step.netns], netns.root():link(step.to.machine)
  link:set { netns = ns, name = step.name }
  run.index[step.netns][step.name] = link.index
  local spec = {}
  for key, value in pairs(step.to) do
    if not APART[key] then spec[key] = value end
  end
  if type(spec.master) == "string" then spec.master = run.index[step.netns][spec.master] or spec.master end
  return core.link.set(ns.core, link.index, spec)
end

local function differing(was, link)
  local spec, now = {}, link:record()
  for key, value in pairs(was.link) do
    if now[key] ~= value then spec[key] = value end
  end
  if now.alias and not was.link.alias then spec.alias = false end
  return next(spec) and spec
end

-- How the options are set by ip-link(8).
local function link_words(name, spec)
  local shell, words = require "nsh.lab.shell_link", { "ip", "link", "set", "dev", name }
  local more = {}
  for key, value in pairs(spec) do more[key] = value end
  if more.alias == false then more.alias = "" end
  for _, list in ipairs { shell.CREATION, shell.CHANGE } do
    for _, word in ipairs(shell.words(more, list)) do words[#words + 1] = word end
  end
  if spec.master then table.move({ "master", spec.master }, 1, 2, #words + 1, words) end
  if spec.up ~= nil then words[#words + 1] = spec.up and "up" or "down" end
  return words
end

-- The line that somebody who sits at the machine may write.
local function remedy(words)
  local quote, line = require("nsh.lab.shell").quote, {}
  for i, word in ipairs(words or {}) do line[i] = quote(tostring(word)) end
  return line[1] and "\n  by hand: " .. text.escape(table.concat(line, " ")) or ""
end

-- What it had and can't have any more, as its bridge is gone, is told and no reason to stop.
local function put_back(link, was)
  local root = netns.root()
  local function try(what, words, spec, fn, object)
    local ok, err = pcall(fn, object, spec)
    if ok or type(err) == "table" and err.code == "EEXIST" then return end
    io.stderr:write(("warning: %s is home, but not as it was: %s: %s%s\n"):format(link.name, text.escape(what),
      text.escape(type(err) == "table" and err.message or tostring(err)), remedy(words(spec))))
  end
  local function options(spec) return link_words(link.name, spec) end
  local function ip(noun)
    return function(spec)
      return require("nsh.lab.shell_ip")[noun](setmetatable({ dev = link.name }, { __index = spec }))
    end
  end
  local spec = differing(was, link)
  if was.master then try("its master " .. was.master, options, { master = was.master }, link.set, link) end
  if spec then try("its options", options, spec, link.set, link) end
  for _, addr in ipairs(was.addrs) do try(addr.addr, ip "addr", addr, link.add_addr, link) end
  for _, route in ipairs(was.routes) do try("the route to " .. route.dst, ip "route", route, root.add_route, root) end
end

--- Moves a link home, under the name that it had there, and makes it what it was. One that is home already may have
--- been moved by a run that was killed then.
---@private
---@param ns nsh.Netns
---@param name string
---@param home string
---@param homes? table<string, table> of m.remember()
function m.send(ns, name, home, homes)
  local link, was = ns:find_link(name), homes and homes[home]
  if link then link:set { netns = netns.root(), name = home } end
  link = link or was and netns.root():find_link(home)
  if link and was then put_back(link, was) end
end

--- Moves all links home that a namespace has from the machine.
---@private
---@param ns nsh.Netns
---@param links table[] records of a wish
---@param homes? table<string, table> of m.remember()
function m.send_all(ns, links, homes)
  for _, record in ipairs(links or {}) do
    if record.machine then m.send(ns, record.name, record.machine, homes) end
  end
end

return m
