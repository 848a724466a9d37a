-- record.lua - records the packets that packet_spec.lua reads: real traffic of real programs, caught by tcpdump.
-- Run as root: ./nsh tests/net/packets/record.lua FOLDER
local folder = assert(arg[1], "a folder is wanted")
local count = 0

-- Two namespaces on one wire.
local function pair()
  count = count + 1
  local a, b = netns.add("a" .. count), netns.add("b" .. count)
  a:link "lo":set { up = true }
  b:link "lo":set { up = true }
  local left, right = a:add_link { "eth0", kind = "veth", mac = "02:00:00:00:00:0a", up = true,
    peer = { "eth0", netns = b, mac = "02:00:00:00:00:0b", up = true } }
  return a, b, left, right
end

local function addresses(left, right)
  left:add_addr { "10.1.1.2/24" }
  right:add_addr { "10.1.1.3/24" }
  left:add_addr { "fd00::2/64", nodad = true }
  right:add_addr { "fd00::3/64", nodad = true }
end

-- Catches what happens on a link of ns while fn runs.
local function record(name, ns, dev, fn, filter)
  local path = ("%s/%s.pcap"):format(folder, name)
  local dump = ns:spawn(("exec tcpdump -Z root -U --immediate-mode -s 400 -i %s -w %s %s 2>%s.log"):format(dev, path,
    filter or "", path))
  while not ns:exec({ "cat", path .. ".log" }, { check = false }).out:find "listening" do nsh.sleep(0.02) end
  fn()
  nsh.sleep(0.3)
  dump:kill "INT"
  dump:wait()
  os.remove(path .. ".log")
end

local function sh(ns, cmd) return ns:exec(cmd, { check = false, timeout = 20 }) end

-- One datagram; dd writes it in one piece.
local function udp(ns, dst, port, size)
  sh(ns, ("exec bash -c 'dd if=/dev/zero bs=%d count=1 status=none >/dev/udp/%s/%d'"):format(size, dst, port))
end

local a, b, left, right = pair()
record("ping", b, "eth0", function()
  addresses(left, right)
  a:ping("10.1.1.3", { count = 2, interval = 0.05 })
  a:ping("fd00::3", { count = 2, interval = 0.05 })
  sh(a, "busybox arping -c 1 -w 1 -I eth0 10.1.1.3; busybox arping -U -c 1 -w 1 -I eth0 10.1.1.2")
end)
record("fragments", b, "eth0", function()
  a:ping("10.1.1.3", { size = 3000 })
  a:ping("fd00::3", { size = 3000 })
  for _, dst in ipairs { "10.1.1.3", "fd00::3" } do udp(a, dst, 9999, 4000) end
end)
record("errors", b, "eth0", function()
  for _, dst in ipairs { "10.1.1.3", "fd00::3" } do udp(a, dst, 9998, 20) end
  sh(a, "busybox nc -w 1 10.1.1.3 9997; busybox nc -w 1 fd00::3 9997")
  a:add_route { "10.9.0.0/16", via = "10.1.1.3" }
  a:add_route { "fd09::/64", via = "fd00::3" }
  a.sysctl["net.ipv4.ip_forward"] = 1
  b.sysctl["net.ipv4.ip_forward"] = 1
  b.sysctl["net.ipv6.conf.all.forwarding"] = 1
  a:ping("10.9.1.1", { timeout = 0.2 })
  a:ping("fd09::1", { timeout = 0.2 })
  b.sysctl["net.ipv4.icmp_ratelimit"] = 0
  b:add_route { "10.9.1.0/24", type = "prohibit" }
  b:add_route { "10.9.2.0/24", type = "unreachable" }
  b:add_route { "fd09::/64", type = "prohibit" }
  for _, dst in ipairs { "10.9.1.1", "10.9.2.1", "fd09::1" } do a:ping(dst, { timeout = 0.2 }) end
  b:add_route { "fd09:3::/64", via = "fd00::2" }
  a:add_route { "fd09:3::/64", via = "fd00::3" }
  b:add_route { "10.9.3.0/24", via = "10.1.1.2", dev = "eth0" }
  a:ping("10.9.3.1", { ttl = 1, timeout = 0.3 })
  a:ping("10.9.3.1", { timeout = 0.3 }) -- comes back: a redirect
  a:ping("fd09:3::1", { ttl = 1, timeout = 0.3 })
  local thin = b:add_link { "thin", kind = "veth", peer = { "thin2", up = true }, mtu = 1280, up = true }
  b:add_route { "10.9.4.0/24", dev = thin }
  b:add_route { "fd09:4::/64", dev = thin }
  a:add_route { "fd09:4::/64", via = "fd00::3" }
  udp(a, "fd09:4::1", 9999, 1400)
  udp(a, "10.9.4.1", 9999, 1400)
end)
record("tcp", b, "eth0", function()
  b:spawn "exec busybox httpd -f -p 80 -h /usr/share/common-licenses"
  b:spawn "exec busybox nc -l -p 7000 -e cat"
  nsh.sleep(0.3)
  sh(a, "busybox wget -q -O - http://10.1.1.3/BSD | head -c 1 ; busybox wget -q -O - http://10.1.1.3/nothing")
  sh(a, "echo hello | busybox nc -w 1 10.1.1.3 7000")
  sh(a, "busybox wget -q -O - 'http://[fd00::3]/BSD' | head -c 1")
end)
record("any", b, "any", function()
  a:ping("10.1.1.3", { count = 1 })
  b:ping("127.0.0.1", { count = 1 })
  b:ping("fd00::2", { count = 1 })
end)

-- a router, a DHCP and DNS server, a client
a, b, left, right = pair()
right:add_addr { "10.2.0.1/24" }
right:add_addr { "fd02::1/64", nodad = true }
b:link "eth0":set { up = true }
local conf = folder .. "/radvd.conf"
local file = assert(io.open(conf, "w"))
file:write [[interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvLinkMTU 1400;
  prefix fd02::/64 { AdvOnLink on; AdvAutonomous on; };
  RDNSS fd02::1 { }; DNSSL lab.test { }; }; ]]
file:close()
record("autoconf", b, "eth0", function()
  b.sysctl["net.ipv6.conf.all.forwarding"] = 1
  b:spawn(("exec radvd -n -C %s -p %s/radvd.pid"):format(conf, folder))
  left:set { up = false }
  left:set { up = true }
  nsh.sleep(5)
end)
os.remove(conf)
record("dhcp", b, "eth0", function()
  b:spawn(([[exec dnsmasq -k -p 53 --no-resolv --no-hosts -i eth0 --bind-interfaces --user=root --pid-file= \
    --dhcp-range=10.2.0.10,10.2.0.20,1h --dhcp-leasefile=%s/leases --domain=lab.test --dhcp-option=6,10.2.0.1 \
    --host-record=web.lab.test,10.2.0.80,fd02::80 --cname=www.lab.test,web.lab.test --txt-record=lab.test,"some text" \
    --mx-host=lab.test,mail.lab.test,10 --srv-host=_sip._tcp.lab.test,web.lab.test,5060,1,2 --local=/lab.test/ \
    --ptr-record=80.0.2.10.in-addr.arpa,web.lab.test --dhcp-match=set:x,60,y]]):format(folder))
  nsh.sleep(0.5)
  sh(a, "busybox udhcpc -i eth0 -n -q -t 3 -T 1 -x hostname:client -s /bin/true")
  left:add_addr { "10.2.0.10/24" }
  sh(a, "busybox udhcpc -i eth0 -n -q -t 3 -T 1 -R -r 10.2.0.99 -s /bin/true")
end)
record("dns", b, "eth0", function()
  for _, what in ipairs { "web.lab.test", "-type=aaaa web.lab.test", "-type=a www.lab.test", "-type=txt lab.test",
    "-type=mx lab.test", "-type=srv _sip._tcp.lab.test", "-type=ptr 80.0.2.10.in-addr.arpa", "-type=ns lab.test",
    "-type=soa lab.test", "-type=any web.lab.test", "nothing.lab.test", "elsewhere.example" } do
    sh(a, "busybox nslookup " .. what .. " 10.2.0.1")
  end
end, "port 53")
os.remove(folder .. "/leases")

-- spanning tree, multicast
a, b, left, right = pair()
record("bridge", b, "eth0", function()
  left:set { up = false }
  local br0 = a:add_link { "br0", kind = "bridge", stp = true, hello_time = 1, forward_delay = 2, up = true }
  left:set { master = br0, up = true }
  nsh.sleep(2.5)
  br0:set { stp = false, mcast_snooping = true, mcast_querier = true }
  nsh.sleep(1.5)
end)

-- vxlan
a, b, left, right = pair()
record("vxlan", b, "eth0", function()
  addresses(left, right)
  for i, ns in ipairs { a, b } do
    local vx = ns:add_link { "vx", kind = "vxlan", id = 42, dstport = 4789, up = true,
      remote = i == 1 and "10.1.1.3" or "10.1.1.2" }
    vx:add_addr("192.168.9." .. i .. "/24")
  end
  a:ping("192.168.9.2", { count = 2, interval = 0.05 })
end)

-- what the kernel has of tunnels and tags; that of tests/vm/vm-run has all
a, b, left, right = pair()
addresses(left, right)
local kinds = {
  { "vlan", kind = "vlan", id = 10 },
  { "qinq", kind = "vlan", id = 100, protocol = "802.1ad", below = { kind = "vlan", id = 200 } },
  { "ipip", kind = "ipip" }, { "sit", kind = "sit" }, { "gre", kind = "gre", ikey = 7, okey = 7 },
  { "gretap", kind = "gretap" }, { "geneve", kind = "geneve", id = 9 },
}
record("tunnels", b, "eth0", function()
  for n, spec in ipairs(kinds) do
    for i, ns in ipairs { a, b } do
      local there, here = i == 1 and "10.1.1.3" or "10.1.1.2", i == 1 and "10.1.1.2" or "10.1.1.3"
      local options = { up = true }
      for key, value in pairs(spec) do options[key] = value end
      options.below = nil
      if spec.kind == "vlan" then
        options.link = "eth0"
      else
        options.remote, options["local"] = there, spec.kind ~= "geneve" and here or nil
      end
      local ok, link = pcall(ns.add_link, ns, options)
      if ok and spec.below then
        link = ns:add_link { "inner", kind = "vlan", id = spec.below.id, link = link, up = true }
      end
      if ok then
        if spec.kind == "sit" then
          link:add_addr { ("fd0%d::%d/64"):format(n, i), nodad = true }
        else
          link:add_addr(("172.16.%d.%d/24"):format(n, i))
        end
      else
        print(spec[1] .. ": " .. tostring(link))
      end
    end
    a:ping(spec.kind == "sit" and ("fd0%d::2"):format(n) or ("172.16.%d.2"):format(n), { timeout = 0.5 })
  end
end)
