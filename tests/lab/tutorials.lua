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

-- Kinds that the running kernel may lack stand at [3].
local more = {
  { "nexthop objects and groups", [[
    ip netns add a
    ip netns add b
    ip link add e0 netns a type veth peer name e0 netns b
    for n in a b; do ip -n $n link set lo up; ip -n $n link set e0 up; done
    ip -n a addr add 10.0.0.1/24 dev e0
    ip -n a nexthop add id 1 via 10.0.0.2 dev e0
    ip -n a nexthop add id 2 via 10.0.0.3 dev e0
    ip -n a nexthop add id 10 group 1,3/2
    ip -n a nexthop add id 11 blackhole
    ip -n a route add 10.6.0.0/16 nhid 10
    ip -n a route add 10.7.0.0/16 nhid 11]] },
  { "multicast on a bridge", [[
    ip netns add a
    ip -n a link add br0 type bridge mcast_querier 1 mcast_query_interval 9000
    ip -n a link add p0 type veth peer name p1
    ip -n a link set p0 master br0 up
    ip -n a link set br0 up
    bridge -n a mdb add dev br0 port p0 grp 239.1.1.1 permanent
    ip -n a link set p0 type bridge_slave priority 7 cost 99 guard on mcast_fast_leave on]] },
  { "VLANs on a bridge, and a router on a stick", [[
    for n in sw h10 h20 rt; do ip netns add $n; done
    ip -n sw link add br0 type bridge vlan_filtering 1
    for n in h10 h20 rt; do
      ip link add eth0 netns $n type veth peer name $n netns sw
      ip -n sw link set $n master br0 up
      ip -n $n link set eth0 up
    done
    ip -n sw link set br0 up
    for v in 10 20; do
      bridge -n sw vlan del dev h$v vid 1
      bridge -n sw vlan add dev h$v vid $v pvid untagged
      bridge -n sw vlan add dev rt vid $v
      ip -n rt link add link eth0 name eth0.$v type vlan id $v
      ip -n rt addr add 10.0.$v.1/24 dev eth0.$v
      ip -n rt link set eth0.$v up
      ip -n h$v addr add 10.0.$v.2/24 dev eth0
      ip -n h$v route add default via 10.0.$v.1
    done
    bridge -n sw vlan add dev br0 vid 20 self
    ip netns exec rt sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.eth0/10.rp_filter=2]], { "vlan" } },
  { "a bond", [[
    for n in a b; do
      ip netns add $n
      ip -n $n link add bond0 type bond mode active-backup miimon 100 updelay 200
    done
    for i in 0 1; do
      ip link add p$i netns a type veth peer name p$i netns b
      for n in a b; do ip -n $n link set p$i master bond0; done
    done
    for n in a b; do ip -n $n link set bond0 up; done
    ip -n a addr add 10.0.0.1/24 dev bond0
    ip -n b addr add 10.0.0.2/24 dev bond0]], { "bond" } },
  { "VRFs, dummies and ipvlans", [[
    ip netns add pe
    ip -n pe link add red type vrf table 10
    ip -n pe link set red up
    ip -n pe link add d0 type dummy
    ip -n pe link set d0 master red up
    ip -n pe addr add 192.0.2.1/24 dev d0
    ip -n pe route add 203.0.113.0/24 via 192.0.2.2 table 10
    ip -n pe link add d1 mtu 1400 type dummy
    ip -n pe link set d1 up
    ip -n pe link add ipv0 link d1 type ipvlan mode l3
    ip -n pe link set ipv0 up
    ip -n pe addr add 10.3.0.1/24 dev ipv0]], { "vrf", "dummy", "ipvlan" } },
  { "tunnels", [[
    ip netns add t
    ip -n t link add d0 type dummy
    ip -n t link set d0 up
    ip -n t addr add 198.51.100.1/24 dev d0
    ip -n t link add g1 type gre local 198.51.100.1 remote 198.51.100.2 ttl 64 key 42
    ip -n t link add i1 type ipip local 198.51.100.1 remote 198.51.100.3
    ip -n t link add s1 type sit local 198.51.100.1 remote 198.51.100.4 ttl 9
    ip -n t link add n1 type geneve id 7 remote 198.51.100.5
    ip -n t link add t1 type ip6tnl mode any local fd00::1 remote fd00::2 hoplimit 7
    for l in g1 i1 s1 n1; do ip -n t link set $l up; done
    ip -n t addr add 10.8.0.1/30 dev g1
    ip -n t route add 10.9.0.0/16 dev g1]], { "dummy", "gre", "ipip", "sit", "geneve", "ip6tnl" } },
  { "traffic control", [[
    ip netns add q
    for i in 1 2 3 4; do ip -n q link add e$i type veth peer name p$i; ip -n q link set e$i up; done
    tc -n q qdisc add dev e1 root netem delay 10ms 2ms loss 1.5% limit 500
    tc -n q qdisc add dev e2 root handle 1: htb default 20
    tc -n q class add dev e2 parent 1: classid 1:1 htb rate 10mbit ceil 20mbit
    tc -n q class add dev e2 parent 1:1 classid 1:20 htb rate 5mbit ceil 10mbit prio 2
    tc -n q qdisc add dev e2 parent 1:20 handle 20: fq_codel limit 500 target 3ms
    tc -n q filter add dev e2 parent 1: protocol ip prio 5 u32 match ip dst 10.0.0.0/8 flowid 1:20
    tc -n q qdisc add dev e3 root tbf rate 1mbit burst 32kb latency 50ms
    tc -n q qdisc add dev e4 clsact
    tc -n q filter add dev e4 ingress protocol ip prio 7 matchall action drop]], { "dummy" } },
}
table.move(more, 1, #more, #m.list + 1, m.list)

--- Names a kind of link that a tutorial needs and this kernel lacks.
---@param tutorial table
---@return string?
function m.lacks(tutorial)
  for _, kind in ipairs(tutorial[3] or {}) do
    local ns = netns.add(h.name "probe")
    local spec = { "x0", kind = kind, link = kind:find "vlan" and "a0" or nil, id = kind == "vlan" and 1
      or kind == "geneve" and 1 or nil, table = kind == "vrf" and 9 or nil, remote = kind == "geneve" and "192.0.2.1"
      or nil }
    ns:add_link { "a0", kind = "veth", peer = "b0" }
    local ok = pcall(ns.add_link, ns, spec)
    ns:del()
    if not ok then return kind end
  end
end

--- Runs what is typed.
---@param text string
function m.type(text) root:exec({ "sh", "-ec", text }) end

--- Takes away what is there.
function m.clear()
  for _, record in ipairs(netns.list()) do netns.del(record.name) end
  h.clear_links(root)
end

return m
