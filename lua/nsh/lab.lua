--- lab.lua - labs: a topology that is declared first and built after. What each method does stands in a file of lab/.
local fail = require "nsh.error"
local model = require "nsh.lab.model"
local netns = require "nsh.netns"
local object = require "nsh.object"
local world = require "nsh.world"

local m = {}

--- A lab: nodes and the links between them, as they shall be. Nothing is made before up().
---@class nsh.Lab
---@field name string
---@field options table as it was declared with
---@field nodes nsh.LabNode[] in the order of their declaration
---@field links nsh.LabWire[] in the order of their declaration
---@field warnings table[] what is odd in it, as records { where, message }
local Lab, mt = object.class "nsh.lab"
m.Lab = Lab

function mt.__tostring(self) return "lab " .. self.name end

--- Declares a host: a namespace that forwards nothing.
---@param spec nsh.LabNodeSpec
---@return nsh.LabNode
function Lab:host(spec) return model.node(self, "host", spec) end

--- Declares a switch: a namespace with a bridge of the same name, whose keys are given beside the node's:
--- { "br0", addr = "10.0.0.1/24", stp = true }.
---@param spec nsh.LabNodeSpec
---@return nsh.LabNode
function Lab:switch(spec) return model.node(self, "switch", spec) end

--- Declares a router: a namespace that forwards IPv4 and IPv6.
---@param spec nsh.LabNodeSpec
---@return nsh.LabNode
function Lab:router(spec) return model.node(self, "router", spec) end

--- What a link is declared with: its two ends, and what is said of both, as mtu, impair, up.
---@class nsh.LabLinkSpec
---@field [1] nsh.LabEnd|nsh.LabNode|string
---@field [2] nsh.LabEnd|nsh.LabNode|string

--- Declares a link between two nodes, a veth pair.
---@param spec nsh.LabLinkSpec
---@return nsh.LabWire
function Lab:link(spec) return model.wire(self, spec) end

--- Declares an external node, with --host: a link of the machine. It is moved into the node at the other end of its
--- wire, under the name that it has there, and goes home when the lab is taken down: with the options, addresses and
--- routes that it had before, but its sysctls and qdiscs are new.
---@param spec nsh.LabNodeSpec
---@return nsh.LabNode
function Lab:external(spec) return model.node(self, "external", spec) end

--- Returns the node of a name.
---@param name string
---@return nsh.LabNode
function Lab:node(name) return model.find(self, name) end

--- Compares what is declared with what is there, and tells what up() would do. Nothing is changed.
---@return nsh.Plan
function Lab:plan() return (require("nsh.lab.plan").of(self)) end

--- Builds what is missing and changes what differs. When a step fails, what was done is undone.
---@return nsh.Plan plan that was carried out; empty where there was nothing to do
---@error ... what the kernel said to the first step that failed
function Lab:up()
  if world.is_dry() then return require "nsh.lab.dry".up(self) end
  -- while what is to be done is found out, and what does that is loaded
  local _ <close> = not require "nsh.lab.store".has(self.name) and netns.ahead(#self.nodes) or nil
  return require "nsh.lab.apply".up(self)
end

--- Takes down what up() has made. Where nothing is up, nothing is done.
---@return nsh.Plan plan that was carried out
function Lab:down() return require(world.is_dry() and "nsh.lab.dry" or "nsh.lab.apply").down(self) end

--- Tells how the lab stands: its nodes and links, their addresses, states and counters, and what is missing or isn't as
--- declared.
---@return nsh.Status
function Lab:status() return require("nsh.lab.status").of(self) end

--- Pings from all nodes that have an address to all others.
---@param options? table as nsh.ping_all takes them
---@return nsh.PingAll
function Lab:ping_all(options)
  local spec = fail.options(options, "ping_all")
  for _, node in ipairs(self.nodes) do
    if node:has_address() then spec[#spec + 1] = node end
  end
  if not spec[1] then
    fail.misuse("nobody of lab %s can be pinged: no node has an address; give them some, as { h1, addr = "
      .. "\"10.0.0.1/24\" }, or the lab a plan: addresses = \"10.0.0.0/8\"", self.name)
  end
  return require("nsh.ping_all").run(spec)
end

--- Writes the Lua script that declares the lab; it runs by itself, `nsh FILE`, and returns the lab. What can't be made
--- again stands in it as a comment.
---@return string
function Lab:script() return require("nsh.lab.script").of(self) end

--- Writes the lab as a script for sh(1) that makes the same with ip(8), bridge(8), tc(8) and others.
---@return string
function Lab:shell() return require("nsh.lab.shell").of(self) end

--- Compares the lab with another one, as each is declared or, of a snapshot, was found. Nothing is asked of the kernel.
---@param other nsh.Lab
---@return nsh.Plan plan what leads from this one to the other; empty where they are the same
function Lab:diff(other) return require("nsh.lab.compare").of(self, other) end

--- Draws the lab as it is declared, built or not, and returns the picture; `net:graph()` is one of characters.
--- svg and html are laid out by graphviz where its program dot is installed, else by nsh; html is one page with pan,
--- zoom and what there is to know of each node. A mermaid flowchart is for Markdown pages.
---@param options? { format: string, file: string, live: boolean, ascii: boolean, layout: "dot"|"own" }
--- format: "text", "dot", "mermaid", "svg" or "html"; it alone will do: net:graph "svg". file: where to write it as
--- well; without a format its ending tells that. live: with addresses, states and counters as they are now, of a lab
--- that is up. ascii: a text without box-drawing characters; unless it is said, that is as LC_ALL, LC_CTYPE or LANG
--- tell. layout: who lays svg and html out
---@return string
---@error ENOENT live, and the lab isn't up; or there is no such folder
---@error EACCES the file may not be written
function Lab:graph(options) return require("nsh.lab.graph").draw(self, options) end

--- Declares a lab. A script that returns it gets the verbs up, down, plan, status, graph, ping, exec, shell and test.
---@param name string 1 to 32 letters, digits, '-', '_' and '.'
---@param options? nsh.LabOptions
---@return nsh.Lab
---@call
function m.declare(name, options)
  local lab = setmetatable(model.lab(name, options), mt)
  if world.is_dry() then require("nsh.lab.dry").note(lab) end
  return lab
end

return m
