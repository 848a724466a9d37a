--- tutorials.lua - namespaces as tutorials make them with ip(8): what is typed, by title.
local h = require "tests.helper"

local m = {}

local root = netns.current()

--- What is typed.
m.list = {
  { "a bridge with two hosts", [[
    ip link add br0 type bridge
    ip link set br0 up
    ip addr add 10.0.0.254/24 dev br0
    for n in red blue; do
      ip netns add $n
      ip link add eth0 netns $n type veth peer name veth-$n
      ip link set veth-$n master br0 up
      ip -n $n link set eth0 up
      ip -n $n link set lo up
      ip -n $n route add default dev eth0 via 10.0.0.254 onlink
    done
    ip -n red addr add 10.0.0.1/24 dev eth0
    ip -n blue addr add 10.0.0.2/24 dev eth0
    ip link set veth-blue mtu 1400
    bridge link set dev veth-red isolated on
    bridge fdb add 02:00:00:00:00:42 dev veth-red master static]] },
  { "a pair", [[
    ip netns add red
    ip netns add blue
    ip link add red0 type veth peer name blue0
    ip link set red0 netns red
    ip link set blue0 netns blue
    ip -n red addr add 10.1.1.1/24 dev red0
    ip -n blue addr add 10.1.1.2/24 brd + dev blue0
    ip -n red addr add fd00::1/64 dev red0 nodad
    ip -n blue addr add fd00::2/64 dev blue0
    ip -n red link set red0 up alias "to blue; 'quoted' \$HOME"
    ip -n blue link set blue0 up txqueuelen 77
    ip -n blue link property add dev blue0 altname a-long-name-of-blue0
    ip -n red neigh add 10.1.1.9 lladdr 02:00:00:00:00:09 dev red0]] },
  { "a router with masquerading", [[
    for n in lan gw wan; do ip netns add $n; ip -n $n link set lo up; done
    ip link add eth0 netns lan type veth peer name lan0 netns gw
    ip link add eth0 netns wan type veth peer name wan0 netns gw
    ip -n lan addr add 192.168.1.2/24 dev eth0
    ip -n gw addr add 192.168.1.1/24 dev lan0
    ip -n gw addr add 203.0.113.1/24 dev wan0
    ip -n wan addr add 203.0.113.2/24 dev eth0
    for n in lan wan; do ip -n $n link set eth0 up; done
    ip -n gw link set lan0 up
    ip -n gw link set wan0 up
    ip -n lan route add default via 192.168.1.1
    ip netns exec gw sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.wan0.rp_filter=1 net.ipv4.conf.all.log_martians=1
    ip netns exec gw sysctl -qw net.ipv4.ip_local_port_range="20000 30000"
  ]] .. (nsh.program "nft" and [[
    ip netns exec gw nft -f - <<'X'
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan0" masquerade
  }
}
X]] or "") },
  { "routing by policy", [[
    ip netns add h
    ip netns add isps
    for i in 1 2; do
      ip link add isp$i netns h type veth peer name h$i netns isps
      ip -n h addr add 10.$i.0.2/24 dev isp$i
      ip -n isps addr add 10.$i.0.1/24 dev h$i
      ip -n h link set isp$i up
      ip -n isps link set h$i up
      ip -n h route add default via 10.$i.0.1 table 10$i
      ip -n h rule add from 10.$i.0.0/30 lookup 10$i pref 10$i
    done
    ip -n h route add default proto static nexthop via 10.1.0.1 weight 2 nexthop via 10.2.0.1
    ip -n h rule add fwmark 0x7/0xff iif isp1 prohibit pref 300
    ip -n h rule add not from 10.9.0.0/16 lookup main suppress_prefixlength 0 pref 400
    ip -n h route add blackhole 10.66.0.0/16
    ip -n h route add unreachable fd66::/32 metric 7
    ip -n h route add 10.67.0.0/16 via 10.1.0.1 mtu 1300 advmss 1200 src 10.1.0.2 metric 50]] },
  { "a tunnel by VXLAN", [[
    for i in 1 2; do ip netns add site$i; done
    ip link add u0 netns site1 type veth peer name u0 netns site2
    for i in 1 2; do
      ip -n site$i addr add 198.51.100.$i/24 dev u0
      ip -n site$i link set u0 up
      ip -n site$i link add vx0 type vxlan id 100 dstport 4789 local 198.51.100.$i remote 198.51.100.$((3 - i)) ttl 9
      ip -n site$i link add br0 type bridge ageing_time 60000 stp_state 1
      ip -n site$i link set vx0 master br0 up
      ip -n site$i link set br0 up
      ip -n site$i addr add 10.5.0.$i/24 dev br0
    done]] },
  { "macvlans", [[
    ip netns add box
    ip netns add up
    ip link add eth0 netns box type veth peer name b0 netns up
    ip -n box link set eth0 up
    ip -n up link set b0 up
    ip -n box link add mv0 link eth0 type macvlan mode bridge
    ip -n box link add mv1 link eth0 address 02:00:00:00:00:77 type macvlan mode private
    ip -n box addr add 10.7.0.1/24 dev mv0
    ip -n box link set mv0 up]] },
  { "a namespace with a name of its own", [[
    ip netns add "we+ird:name,1"
    ip -n "we+ird:name,1" link set lo up mtu 1500
    ip -n "we+ird:name,1" addr add 192.0.2.1/32 dev lo]] },
}

--- Runs what is typed.
---@param text string
function m.type(text) root:exec({ "sh", "-ec", text }) end

--- Takes away what is there.
function m.clear()
  for _, record in ipairs(netns.list()) do netns.del(record.name) end
  for _, link in ipairs(root:links()) do
    if link.name ~= "lo" and not h.fallback[link.name] and root:find_link(link.name) then root:link(link.name):del() end
  end
end

return m
