--- byhand_spec.lua - a rich lab, parts of which somebody changes by hand, one at a time and two at once: plans see it,
--- up() mends it, leaves what isn't the lab's and cuts nobody else. All of it with NSH_SOAK, a part of it else.
local h = require "tests.helper"

local SOAK = os.getenv "NSH_SOAK"
local SINGLE, PAIRS = SOAK and math.huge or 8, SOAK and 600 or 4

-- --- the lab ---

local FILTER = [[
table inet filter {
  set known { type ipv4_addr; elements = { 10.0.0.11, 10.0.0.12 } }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ip saddr @known counter accept
    tcp dport { 22, 80 } accept
  }
}
table ip nat {
  chain post { type nat hook postrouting priority 100; oifname "eth1" ip saddr 10.99.0.0/16 masquerade; }
}]]

local function rich()
  local net = lab "rich"
  local sw = net:switch { "sw", addr = "10.0.0.1/24" }
  local r = net:router { "r", nft = nsh.program "nft" and FILTER,
    routes = { { "10.50.0.0/16", via = "10.1.0.3", metric = 20 }, { "fd50::/32", via = "fd01::3" } } }
  local h1 = net:host { "h1", files = { ["/etc/motd"] = "hello\n", ["/etc/app/conf"] = { "one\n", mode = "600" } },
    routes = { { "default", via = "10.0.0.254" }, { "default", via = "fd00::fe" }, { "10.77.0.0/16", dev = "eth0" },
      { "default", via = "10.0.0.254", table = 100 }, { "default", via = "fd00::fe", table = 101 } },
    rules = { { priority = 100, from = "10.9.0.0/16", table = 100 }, { from = "fd09::/64", table = 101 } },
    neighs = { { "10.0.0.77", dev = "eth0", mac = "02:00:00:00:00:77" } },
    sysctls = { ["net.ipv4.tcp_syncookies"] = 0, ["net.ipv4.conf.eth0.proxy_arp"] = 1 } }
  local h2 = net:host { "h2", routes = { { "10.1.0.0/24", via = "10.0.0.254" }, { "fd01::/64", via = "fd00::fe" } } }
  local h3 = net:host { "h3", routes = { { "default", via = "10.1.0.254" }, { "default", via = "fd01::fe" } } }
  h2:link { "vx", kind = "vxlan", id = 7, dstport = 4789, remote = "10.0.0.11", addr = "10.7.0.2/24" }
  h2:link { "br7", kind = "bridge", addr = "10.8.0.1/24" }
  net:link { { h1, "eth0", addrs = { "10.0.0.11/24", "10.0.0.111/24", "fd00::11/64" } },
    { sw, "p1", fdb = { "02:00:00:00:00:99" }, port = { cost = 7, isolated = false } } }
  net:link { { h2, "eth0", addrs = { "10.0.0.12/24", "fd00::12/64" }, impair = { rate = "100mbit" } }, { sw, "p2" } }
  net:link { { r, "eth0", addrs = { "10.0.0.254/24", "fd00::fe/64" } }, { sw, "p3" } }
  net:link { { r, "eth1", addrs = { "10.1.0.254/24", "fd01::fe/64" }, mtu = 1400 },
    { h3, "eth0", addrs = { "10.1.0.3/24", "fd01::3/64" }, mtu = 1400 } }
  for i = 1, 2 do -- whom nobody touches
    net:link { { net:host { "b" .. i }, "eth0", addrs = { "10.0.0.20" .. i .. "/24", "fd00::20" .. i .. "/64" } },
      { sw, "pb" .. i } }
  end
  return net
end

-- --- what somebody does by hand ---

-- In which node, with which command. apart = true: it changes nothing that is declared; cuts = true: it is the switch.
local SABOTAGE = {
  { "h1", "ip link set eth0 mtu 1400" },
  { "h1", "ip link set eth0 down" },
  { "h1", "ip link set eth0 down; ip link set eth0 up" },
  { "h1", "ip link set eth0 address 02:11:22:33:44:55" },
  { "h1", "ip link set eth0 down; ip link set eth0 name other; ip link set other up" },
  { "h1", "ip link set eth0 netns rich.b1 name stray" },
  { "h1", "ip link del eth0" },
  { "h1", "ip link set eth0 promisc on allmulticast on", apart = true },
  { "h1", "ip link set lo down" },
  { "h1", "ip addr flush dev eth0" },
  { "h1", "ip addr del 10.0.0.11/24 dev eth0" },
  { "h1", "ip addr del 10.0.0.111/24 dev eth0" },
  { "h1", "ip addr del fd00::11/64 dev eth0" },
  { "h1", "ip addr add 10.0.0.99/24 dev eth0", apart = true },
  { "h2", "ip addr change 10.0.0.12/24 dev eth0 metric 50", apart = true },
  { "h1", "ip -6 addr flush dev eth0 scope link" },
  { "h1", "ip neigh flush all nud permanent" },
  { "h1", "ip neigh replace 10.0.0.77 lladdr 02:00:00:00:00:78 dev eth0" },
  { "h1", "ip route flush dev eth0" },
  { "h1", "ip route del 10.0.0.0/24 dev eth0" },
  { "h1", "ip -6 route flush dev eth0" },
  { "h1", "ip route flush table all; ip -6 route flush table all" },
  { "h1", "ip route del default" },
  { "h1", "ip route replace default via 10.0.0.12" },
  { "h1", "ip route replace 10.0.0.0/24 via 10.0.0.12 onlink dev eth0" },
  { "h1", "ip route add 10.66.0.0/16 dev eth0", apart = true },
  { "h1", "ip -6 route replace default via fd00::12" },
  { "h1", "ip rule flush" },
  { "h1", "ip rule flush; ip -6 rule flush; ip rule del priority 0" },
  { "h1", "ip rule del priority 100" },
  { "h1", "ip rule add priority 77 from 10.77.0.0/16 table 77", apart = true },
  { "h1", "sysctl -qw net.ipv4.tcp_syncookies=1" },
  { "h1", "sysctl -qw net.ipv4.conf.eth0.proxy_arp=0" },
  { "h1", "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1" },
  { "h1", "sysctl -qw net.ipv6.conf.all.disable_ipv6=1" },
  { "h1", "sysctl -qw net.ipv4.tcp_ecn=1", apart = true },
  { "h1", "tc qdisc replace dev eth0 root pfifo limit 7", apart = true },
  { "h2", "tc qdisc replace dev eth0 root pfifo limit 7" },
  { "h2", "tc qdisc del dev eth0 root" },
  { "h2", "ip link del vx" },
  { "h2", "ip link set vx down" },
  { "h2", "ip link del vx; ip link add vx type vxlan id 8 dstport 4789" },
  { "h2", "ip link set vx type vxlan remote 10.0.0.254" },
  { "h2", "ip link set br7 address 02:11:22:33:44:66" },
  { "h2", "ip link set br7 type bridge ageing_time 777", apart = true },
  { "h2", "ip link add mine type bridge; ip link set mine up; ip addr add 10.88.0.1/24 dev mine", apart = true },
  { "h2", "ip link set vx master br7", apart = true },
  { "r", "sysctl -qw net.ipv4.ip_forward=0" },
  { "r", "sysctl -qw net.ipv6.conf.all.forwarding=0" },
  { "r", "ip link set eth1 down" },
  { "r", "ip route flush table main; ip -6 route flush table main" },
  { "r", "ip addr flush dev eth1; ip route flush dev eth0" },
  { "r", "ip link set eth1 netns rich.h3 name stray" },
  { "h3", "ip link set eth0 mtu 1280; ip -6 addr flush dev eth0" },
  { "sw", "bridge fdb del 02:00:00:00:00:99 dev p1 master" },
  { "sw", "bridge fdb replace 02:00:00:00:00:99 dev p2 master static" },
  { "sw", "bridge fdb add 02:00:00:00:00:55 dev p1 master static", apart = true },
  { "sw", "bridge link set dev p1 cost 99" },
  { "sw", "bridge link set dev p1 isolated on" },
  { "sw", "bridge link set dev p2 learning off", apart = true },
  { "sw", "ip link set p1 nomaster" },
  { "sw", "ip link set p3 down" },
  { "sw", "ip link del p2" },
  { "sw", "ip addr flush dev sw" },
  { "sw", "ip link set sw down", cuts = true },
  { "sw", "ip link del sw", cuts = true },
  { "r", "nft delete table ip nat", nft = true },
  { "r", "nft flush table inet filter", nft = true },
  { "r", "nft add rule inet filter forward udp dport 53 drop", nft = true },
  { "r", "nft delete element inet filter known { 10.0.0.12 }", nft = true },
  { "r", "nft flush ruleset", nft = true },
  { "r", "nft add table ip mine; nft add chain ip mine c", nft = true, apart = true },
  { "h1", "echo changed >/etc/motd" },
  { "h1", "chmod 644 /etc/app/conf" },
  { "h1", "rm /etc/app/conf" },
  { "h1", "echo mine >/etc/app/other", apart = true },
  { nil, "h1", gone = true },
  { nil, "h3", gone = true },
  { nil, "r", gone = true },
  { nil, "sw", gone = true, cuts = true },
}

local function words_of(case) return case.gone and "netns.del rich." .. case[2] or case[1] .. ": " .. case[2] end

local function commit(case)
  if case.gone then return netns.del("rich." .. case[2]) end
  local ns = netns.get("rich." .. case[1])
  -- of two that come together the second may find nothing to do
  ns:exec(case[2], { check = false })
end

-- --- what must be so ---

-- What nobody declared: as lines, those that somebody may have made by hand.
local MINE = {
  { "h1", "ip -o addr show", "10%.0%.0%.99/24" }, { "h1", "ip route show", "10%.66%.0%.0/16" },
  { "h1", "ip rule show", "77:" }, { "h1", "sysctl net.ipv4.tcp_ecn", "= 1" }, { "h1", "tc qdisc", "pfifo .*limit 7p" },
  { "h1", "ip -o link show", "PROMISC" }, { "h1", "cat /etc/app/other", "mine" },
  { "h2", "ip -o addr show", "10%.88%.0%.1/24" }, { "sw", "bridge fdb show", "02:00:00:00:00:55" },
  { "r", "nft list tables", "table ip mine" },
}

local function mine()
  local found = {}
  for i, what in ipairs(MINE) do
    local ns = netns.find("rich." .. what[1])
    found[i] = ns and ns:exec(what[2], { check = false }).out:find(what[3]) ~= nil or false
  end
  return found
end

-- Whether a plan makes a link of a node anew, or the node itself: what stood on it goes along.
local function is_remade(plan, node)
  for _, step in ipairs(plan) do
    if step.node == node and (step.noun == "netns" or step.noun == "link" and step.op ~= "change" or step.anew) then
      return true
    end
  end
  return false
end

local function check_reach(n, words)
  for _, pair in ipairs { { "h1", "10.1.0.3" }, { "h3", "10.0.0.12" }, { "h1", "fd01::3" }, { "h3", "fd00::12" } } do
    local from = n(pair[1])
    local reached = from:reaches(pair[2], { timeout = 12 })
    assert(reached, ("after %s: %s doesn't reach %s"):format(words, pair[1], pair[2]))
  end
end

local net

local function n(name) return netns.get("rich." .. name) end

-- Does cases by hand, and has them mended.
local function mend(cases, thorough)
  local words, apart, cuts = {}, true, false
  for i, case in ipairs(cases) do
    words[i], apart, cuts = words_of(case), apart and case.apart, cuts or case.cuts
  end
  words = table.concat(words, " + ")
  for _, case in ipairs(cases) do pcall(commit, case) end
  local plan, before = net:plan(), thorough and mine()
  if #cases == 1 then assert.equal(apart or false, #plan == 0, words .. ": the plan is\n" .. tostring(plan)) end
  local ping = not cuts and nsh.go(function() return n "b1":ping("10.0.0.202", { count = 5, interval = 0.004 }) end)
  local ok, err = pcall(net.up, net)
  assert(ok, ("%s: %s\n%s"):format(words, tostring(err), tostring(plan)))
  local left = net:plan()
  assert(#left == 0, ("%s: the plan was\n%s\nand is still\n%s"):format(words, tostring(plan), tostring(left)))
  if ping then
    local result = ping:wait()
    assert.equal(result.sent, result.received, words)
  end
  for i, there in ipairs(thorough and mine() or {}) do
    local what = MINE[i]
    assert(there or not before[i] or is_remade(plan, what[1]),
      ("%s: %s: %s is gone\n%s"):format(words, what[1], what[3], tostring(plan)))
  end
  if thorough then check_reach(n, words) end
end

-- Those that can be done here, in an order by chance.
local function shuffled()
  local list = {}
  for _, case in ipairs(SABOTAGE) do
    if not case.nft or nsh.program "nft" then table.insert(list, math.random(#list + 1), case) end
  end
  return list
end

describe("What somebody changes by hand", function()
  local seed

  before_each(function()
    seed = math.tointeger(tonumber(os.getenv "NSH_SEED")) or os.time()
    math.randomseed(seed)
    net = rich()
    net:up()
  end)

  after_each(function()
    lab "rich":down()
    for _, record in ipairs(netns.list()) do netns.del(record.name) end
  end)

  local function run(list)
    for _, cases in ipairs(list) do
      local ok, err = pcall(mend, cases, SOAK or #cases > 1)
      if not ok then error(("NSH_SEED=%d: %s"):format(seed, tostring(err)), 0) end
    end
  end

  it("is as somebody had left it when up() fails", function()
    local nft = nsh.program "nft"
    local look = nft and "cat /etc/motd; nft -s list ruleset" or "cat /etc/motd"
    local function declare(commands)
      local one = lab "rich-one"
      one:host { "h1", files = { ["/etc/motd"] = "hello\n" }, nft = nft and FILTER, commands = commands }
      return one
    end
    declare():up()
    local h1 = netns.get "rich-one.h1"
    h1:exec("echo mine >/etc/motd; " .. (nft and "nft delete table ip nat; nft flush chain inet filter forward" or ""))
    local before = h1:exec(look).out
    local err = select(2, pcall(function() declare { "exit 3" }:up() end))
    assert.equal("EXIT", err.code, tostring(err))
    assert.is_nil(err.left, tostring(err))
    assert.equal(before, h1:exec(look).out)
    local plan = declare():up()
    assert.equal(nft and 2 or 1, #plan, tostring(plan))
    assert.equal("hello\n", h1:exec "cat /etc/motd".out)
    assert.equal(0, #declare():plan())
    declare():down()
  end)

  it("gets a route that was taken away with an address that is new in its network", function()
    local function declare(...)
      local again = lab "again"
      local h1, h2 = again:host { "h1", "h2" }
      again:link { { h1, "eth0", addrs = { "10.0.0.1/24", "fd00::1/64", ... } }, { h2, "eth0" } }
      return again
    end
    declare():up()
    local ns <const> = netns.get "again.h1"
    local before = ns:exec("ip -6 route show table main").out
    ns:exec "ip -6 route flush table main"
    ns:exec "ip route flush table main"
    local changed = declare("10.0.0.2/24", "fd00::2/64")
    changed:up()
    assert.equal(before, ns:exec("ip -6 route show table main").out)
    assert.truthy(ns:exec("ip route show table main").out:find("10.0.0.0/24 dev eth0", 1, true))
    assert.equal(0, #changed:plan())
    changed:down()
  end)

  it("is told of link-local addresses as the kernel writes them", function()
    local pair = lab "ll"
    pair:link { { pair:host "a", "eth0", addr = "fd00::1/64", mac = "02:00:00:00:00:1A" },
      { pair:host "b", "eth0", addr = "fd00::2/64", mac = "00:11:22:33:44:55" } }
    pair:up()
    local said = {}
    for _, name in ipairs { "a", "b" } do
      local ns = netns.get("ll." .. name)
      local addr = h.oracle(ns, "ip -6 -j addr show dev eth0 scope link")[1].addr_info[1]["local"]
      ns:exec("ip addr del dev eth0 " .. addr .. "/64")
      said[name] = "+ addr " .. addr .. "/64 dev eth0"
    end
    local text = tostring(pair:plan())
    pair:down()
    assert.same({ a = "+ addr fe80::ff:fe00:1a/64 dev eth0", b = "+ addr fe80::211:22ff:fe33:4455/64 dev eth0" }, said)
    for _, line in pairs(said) do assert.matches(line, text, nil, true) end
  end)

  it("is seen and mended, one thing at a time", function()
    local list = {}
    for i, case in ipairs(shuffled()) do list[i] = i <= SINGLE and { case } or nil end
    run(list)
  end)

  it("is seen and mended, two things at once", function()
    local list = {}
    for i = 1, PAIRS do
      local cases = shuffled()
      list[i] = { cases[1], cases[2] }
    end
    run(list)
  end)
end)
