"""peers.py - the networks of limit.c by mininet and by pyroute2
    python3 bench/peers.py mininet|pyroute2 star|chain N      python3 bench/peers.py pyroute2 routes|list N
"""
import ctypes
import os
import sys
import time

tool, what, n = sys.argv[1], sys.argv[2], int(sys.argv[3])


def address(i):
    return "10.0.%d.%d" % (i // 256, i % 256)


def side(i, host):
    return "10.1.%d.%d" % (4 * i // 256, 4 * i % 256 + host)


def stand(down):
    print("up %d" % os.getpid(), flush=True)
    if sys.stdin.readline():
        down()
    print("down", flush=True)


def by_mininet():
    from mininet.net import Mininet
    from mininet.node import Node
    from mininet.nodelib import LinuxBridge

    class Router(Node):
        def config(self, **params):
            super().config(**params)
            self.cmd("sysctl -w net.ipv4.ip_forward=1")

    net = Mininet(controller=None, switch=LinuxBridge, autoSetMacs=False, autoStaticArp=False)
    if what == "star":
        switch = net.addSwitch("s1")
        for i in range(1, n + 1):
            host = net.addHost("h%d" % i, ip=address(i) + "/16", defaultRoute="via 10.0.255.254")
            net.addLink(host, switch)
        net.start()
        assert "1 received" in net["h1"].cmd("ping -c 1 " + address(n)) or "1 packets received" in net["h1"].cmd(
            "busybox ping -c 1 " + address(n)), "no answer"
    else:
        for i in range(1, n + 1):
            net.addHost("r%d" % i, cls=Router, ip=None)
        for i in range(1, n):
            net.addLink(net["r%d" % i], net["r%d" % (i + 1)], intfName1="r%d-1" % i, intfName2="r%d-0" % (i + 1),
                        params1={"ip": side(i, 1) + "/30"}, params2={"ip": side(i, 2) + "/30"})
        net.build()
        for i in range(1, n + 1):
            if i > 2:
                net["r%d" % i].cmd("ip route add %s/30 via %s" % (side(1, 0), side(i - 1, 1)))
            if i < n - 1:
                net["r%d" % i].cmd("ip route add %s/30 via %s" % (side(n - 1, 0), side(i, 2)))
    stand(net.stop)


def enter(name):
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open("/run/netns/" + name if name else "/proc/1/ns/net", os.O_RDONLY)
    assert libc.setns(fd, 0x40000000) == 0
    os.close(fd)


def by_pyroute2():
    from pyroute2 import IPRoute, netns

    def inside(name, fn):
        netns.pushns(name)
        try:
            with IPRoute() as ipr:
                fn(ipr)
        finally:
            netns.popns()

    names = ["%s%d" % ("h" if what == "star" else "r", i) for i in range(1, n + 1)]
    for name in names:
        netns.create(name)
    root = IPRoute()
    if what == "star":
        root.link("add", ifname="br0", kind="bridge", state="up")
        bridge = root.link_lookup(ifname="br0")[0]
        root.addr("add", index=bridge, address="10.0.255.254", prefixlen=16)
        for i, name in enumerate(names, 1):
            root.link("add", ifname="p%d" % i, kind="veth", master=bridge, state="up",
                      peer={"ifname": "eth0", "net_ns_fd": name})
    for i, name in enumerate(names, 1):
        def host(ipr):
            ipr.link("set", index=1, state="up")
            index = ipr.link_lookup(ifname="eth0")[0]
            ipr.link("set", index=index, state="up")
            ipr.addr("add", index=index, address=address(i), prefixlen=16)
            ipr.route("add", dst="default", gateway="10.0.255.254")

        def router(ipr):
            ipr.link("set", index=1, state="up")
            if i < n:
                ipr.link("add", ifname="eth1", kind="veth", peer={"ifname": "eth0", "net_ns_fd": names[i]})
            for dev, end, which in (("eth0", i - 1, 2), ("eth1", i, 1)):
                if 0 < end < n:
                    index = ipr.link_lookup(ifname=dev)[0]
                    ipr.addr("add", index=index, address=side(end, which), prefixlen=30)
                    ipr.link("set", index=index, state="up")
            with open("/proc/sys/net/ipv4/ip_forward", "w") as f:
                f.write("1")
            if i < n - 1 and i > 0:
                routes.append((name, side(n - 1, 0) + "/30", side(i, 2)))
            if i > 2:
                ipr.route("add", dst=side(1, 0) + "/30", gateway=side(i - 1, 1))

        routes = []
        inside(name, host if what == "star" else router)
        for where, dst, via in routes:
            inside(where, lambda ipr: ipr.route("add", dst=dst, gateway=via))

    def down():
        for name in names:
            netns.remove(name)
        if what == "star":
            root.link("del", index=bridge)

    stand(down)


def routes_by_pyroute2():
    from pyroute2 import IPRoute

    ipr = IPRoute()
    ipr.link("add", ifname="eth0", kind="veth", peer={"ifname": "eth1"})
    index, other = ipr.link_lookup(ifname="eth0")[0], ipr.link_lookup(ifname="eth1")[0]
    ipr.link("set", index=index, state="up")
    ipr.link("set", index=other, state="up")
    ipr.addr("add", index=index, address="10.0.0.1", prefixlen=24)
    dst = ["20.%d.%d.%d/32" % (i >> 16, i >> 8 & 255, i & 255) for i in range(n)]
    t = [time.monotonic()]
    for d in dst:
        ipr.route("add", dst=d, gateway="10.0.0.2", oif=index)
    t.append(time.monotonic())
    assert len(list(ipr.get_routes(table=254, family=2))) >= n
    t.append(time.monotonic())
    for d in dst:
        ipr.route("del", dst=d, gateway="10.0.0.2", oif=index)
    t.append(time.monotonic())
    for i, word in enumerate(("add", "dump", "del")):
        print("%s %.6f" % (word, t[i + 1] - t[i]))


def list_by_pyroute2():
    from pyroute2 import IPRoute

    ipr = IPRoute()
    for i in range(n // 2):
        ipr.link("add", ifname="a%d" % i, kind="veth", peer={"ifname": "b%d" % i})
    start = time.monotonic()
    assert len(ipr.get_links()) >= n
    list(ipr.get_addr())
    print("list %.6f" % (time.monotonic() - start))


{"routes": routes_by_pyroute2, "list": list_by_pyroute2}.get(
    what, by_mininet if tool == "mininet" else by_pyroute2)()
