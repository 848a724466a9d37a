--- topology.lua - labs that many start with: pair, star, chain, ring, tree, grid, leaf-spine, bridges, NAT, sites.
--
--     local topology = require "stdlib.topology"
--     local net = topology.star { hosts = 10 }
--     net:up()
--     print(net:ping_all())
--
-- Each returns a lab that isn't up: more can be declared on it before. docs/topologies.md has their pictures.
local m = {}

--- What all topologies take.
---@class topology.Options
---@field name? string of the lab; "star" of a star
---@field lab? nsh.Lab the lab that it is added to, instead of one of its own
---@field prefix? string stands before the names of its nodes, so that several fit into one lab: "a-"
---@field addresses? string where its addresses come from, one prefix of a family: "10.1.0.0/16, fd00:1::/48"
---@field ipv6? boolean false: no IPv6
---@field link? table keys of all its links: { mtu = 1400, impair = { delay = "10ms" } }

--- What topologies of routers take, too: each link and each host has a subnet of its own.
---@class topology.Routed
---@field routing? string|boolean "static": routes to all subnets by the shortest ways (the default); false: none, as
---  for a routing daemon, or `static.declare(net)` when more is declared
---@field ecmp? boolean true: over all ways that are equally short; a leaf-spine's default

--- What a grid takes.
---@class topology.Grid
---@field rows? integer 3
---@field columns? integer 3
---@field torus? boolean true: the last of each row and column is joined to the first
---@field hosts? integer 0: so many behind each router

-- Its part is loaded when it is called.
local function part(name) return require("stdlib.topology_" .. name) end

--- Declares two hosts and a cable: h1 and h2.
---@param options? topology.Options
---@return nsh.Lab
function m.pair(options) return part("bridged").pair(options) end

--- Declares hosts on a switch: h1, h2, ... on sw1. A bridge holds 1,023 ports; of several switches the first joins the
--- others.
---@param options? topology.Options|{ hosts?: integer, switches?: integer, stp?: boolean, router?: string|table }
---  hosts: 3; switches: 1; stp: false; router: a router of the lab or its name, which is joined to sw1, gets the last
---  address and becomes the hosts' gateway
---@return nsh.Lab
function m.star(options) return part("bridged").star(options) end

--- Declares routers in a row: r1, r2, ..., and hosts behind the first and the last.
---@param options? topology.Options|topology.Routed|{ routers?: integer, hosts?: integer }
---  routers: 3; hosts: 1, so many at each end
---@return nsh.Lab
function m.chain(options) return part("routed").chain(options) end

--- Declares routers in a ring: r1, r2, ..., with hosts behind each.
---@param options? topology.Options|topology.Routed|{ routers?: integer, hosts?: integer }
---  routers: 4; hosts: 1, so many behind each
---@return nsh.Lab
function m.ring(options) return part("routed").ring(options) end

--- Declares a tree of routers: r1 is its root, the hosts are behind its leaves.
---@param options? topology.Options|topology.Routed|{ depth?: integer, fanout?: integer, hosts?: integer }
---  depth: 2, the rows below the root; fanout: 2, so many below each; hosts: 1, so many behind each leaf
---@return nsh.Lab
function m.tree(options) return part("routed").tree(options) end

--- Declares a grid of routers: r1-1, r1-2, ... in the first row.
---@param options? topology.Options|topology.Routed|topology.Grid
---@return nsh.Lab
function m.grid(options) return part("routed").grid(options) end

--- Declares a leaf-spine fabric (a folded Clos network): each of leaf1, leaf2, ... is joined to each of spine1, spine2,
--- ..., and what goes from leaf to leaf is spread over all spines.
---@param options? topology.Options|topology.Routed|{ leaves?: integer, spines?: integer, hosts?: integer }
---  leaves: 4; spines: 2; hosts: 1, so many behind each leaf
---@return nsh.Lab
function m.leaf_spine(options) return part("routed").leaf_spine(options) end

--- Declares hosts on a bridge without an address (layer 2): ns1, ns2, ... on br0.
---@param options? topology.Options|{ hosts?: integer, stp?: boolean } hosts: 2; stp: false
---@return nsh.Lab
function m.l2_bridge(options) return part("bridged").l2_bridge(options) end

--- Declares hosts on a bridge that is their gateway (layer 3): ns1, ns2, ... on br0 of host, which forwards to lan.
---@param options? topology.Options|{ hosts?: integer } hosts: 2
---@return nsh.Lab
function m.l3_bridge(options) return part("sites").l3_bridge(options) end

--- Declares a host of containers as Docker makes them: c1, c2, ... on docker0 of host; outside sees only the host's
--- address. It needs nft.
---@param options? topology.Options|{ containers?: integer, publish?: table<integer, string> }
---  containers: 2; publish: { [8080] = "c1:80" }: who asks the host's port 8080 gets c1's port 80
---@return nsh.Lab
function m.nat_host(options) return part("sites").nat_host(options) end

--- Declares two sites, whose gateways gw1 and gw2 are joined by a tunnel over the internet: one Ethernet by vxlan, or
--- two networks by wireguard, with keys that everybody may know.
---@param options? topology.Options|{ tunnel?: "vxlan"|"wireguard", hosts?: integer }
---  tunnel: "vxlan"; hosts: 1, so many at each site
---@return nsh.Lab
function m.sites(options) return part("sites").sites(options) end

--- Declares VLANs on a switch, and a router on a stick: one cable, the trunk, with a VLAN link for each. The kernel has
--- to have vlan and the bridge's vlan_filtering.
---@param options? topology.Options|{ vlans?: integer[], hosts?: integer } vlans: { 10, 20 }; hosts: 1, so many in each
---@return nsh.Lab
function m.router_on_a_stick(options) return part("bridged").router_on_a_stick(options) end

--- Declares a site with two providers: what h1 sends leaves edge by isp1, h2's by isp2, by rules and tables of their
--- own; when a provider's link goes down, both leave by the other. The Internet is 203.0.113.1. It needs nft.
---@param options? topology.Options
---@return nsh.Lab
function m.dual_homed(options) return part("sites").dual_homed(options) end

--- Declares three switches in a triangle, which is a loop: STP blocks one of the ports, and opens it a few seconds
--- after another link was cut. Its times are the shortest that the protocol allows: four seconds after up() the ports
--- forward. With the kernel's own times, a forward_delay of 15 seconds, it would be thirty.
---@param options? topology.Options|{ hosts?: integer } hosts: 1, so many at each switch
---@return nsh.Lab
function m.stp_triangle(options) return part("bridged").stp_triangle(options) end

return m
