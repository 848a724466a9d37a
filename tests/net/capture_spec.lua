-- capture_spec.lua - captures: tcpdump(8) reads what they write, and sees what they see.
local h = require "tests.helper"
local pcap = require "tests.net.pcap"

local dir

-- Two namespaces and a cable; quiet: neither says anything by itself.
local function pair()
  local a, b = h.netns(), h.netns()
  local x, y = a:add_link { "e0", kind = "veth", up = true, addrgenmode = "none",
    peer = { "e0", netns = b, up = true, addrgenmode = "none" } }
  x:add_addr "10.0.0.1/24"
  y:add_addr "10.0.0.2/24"
  x:wait { state = "up" }
  a:add_neigh { "10.0.0.2", dev = "e0", mac = y.mac }
  b:add_neigh { "10.0.0.1", dev = "e0", mac = x.mac }
  return a, b, x, y
end

local function lines(iterator, ...)
  local list = {}
  for packet in iterator, ... do list[#list + 1] = tostring(packet) end
  return list
end

local function count(iterator, ...) return #lines(iterator, ...) end

-- What tcpdump says of a file, a line for each packet.
local function tcpdump(path, options)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return pcap.tcpdump(text, options)
end

-- Sends without that nsh waits in its loop meanwhile.
local function blast(ns, packets)
  netns.enter(ns)
  assert(os.execute(("bash -c 'for i in {1..%d}; do echo x >/dev/udp/10.0.0.2/9; done'"):format(packets)))
  netns.enter()
end

describe("capture", function()
  setup(function()
    dir = os.tmpname()
    os.remove(dir)
    assert(os.execute("mkdir " .. dir))
  end)

  teardown(function() os.execute("rm -r " .. dir) end)

  it("has seen all that was sent before the call, and gives each packet once", function()
    local a = pair()
    local capture <close> = a:capture { "e0", filter = "icmp" }
    for i = 1, 100 do
      local result = a:ping("10.0.0.2", { timeout = 5 })
      local types = {}
      for packet in capture:packets() do
        assert.equal(result.id, packet.icmp.id)
        types[#types + 1] = packet.icmp.type .. " " .. packet.direction
      end
      assert.same({ "echo-request out", "echo-reply in" }, types, "ping " .. i)
    end
    assert.equal(0, count(capture:packets()))
    assert.same({ received = 200, dropped = 0, ifdropped = 0, cut = 0, file_only = 0 }, h.only({ capture.stats }, {
      received = 1, dropped = 1, ifdropped = 1, cut = 1, file_only = 1 })[1])
    assert.equal(("capture of e0 in %s (icmp): 200 packets, 0 dropped"):format(a.name), tostring(capture))
  end)

  it("keeps thousands while nsh is busy", function()
    local a = pair()
    local capture <close> = a:capture { "e0", filter = "udp port 9" }
    blast(a, 1500)
    assert.equal(1500, count(capture:packets()))
    assert.equal(0, capture.stats.dropped)
  end)

  it("counts what there was no room for", function()
    local a = pair()
    local capture <close> = a:capture { "e0", filter = "udp port 9", buffer = "64kb" }
    blast(a, 200)
    local stats = capture.stats
    assert.equal(200, stats.received + stats.dropped)
    assert.is_true(stats.dropped > 100 and stats.received > 10, tostring(stats))
    assert.equal(stats.received, count(capture:packets()))
    assert.truthy(tostring(capture):find((", %d dropped"):format(stats.dropped), 1, true))
    blast(a, 5) -- there is room again
    assert.equal(5, count(capture:packets()))
  end)

  it("sees what tcpdump sees that runs beside it", function()
    if h.uid(1) == 0 then return pending "tcpdump wants to be somebody else, and there is one user id only" end
    local a, b = pair()
    local file = dir .. "/beside.pcap"
    local dump <close> = a:spawn { "tcpdump", "-i", "e0", "-Z", "root", "-w", file, "-c", "40", "icmp or udp" }
    assert.truthy(h.eventually(function() return a:exec("cat /proc/net/packet").out:find "\n%x+ " end))
    local capture <close> = a:capture { "e0", filter = "icmp or udp" }
    assert.equal(10, a:ping("10.0.0.2", { count = 10, interval = 0 }).received)
    assert.equal(10, b:ping("10.0.0.1", { count = 10, interval = 0, size = 1400 }).received)
    dump:wait { timeout = 10 }
    assert.same(tcpdump(file), lines(capture:packets()))
  end)

  for _, format in ipairs { "pcap", "pcapng" } do
    it("writes " .. format .. " at the same time, which tcpdump reads, and nsh", function()
      local a, b = pair()
      local file = ("%s/x.%s"):format(dir, format)
      local capture = a:capture { "e0", file = file, filter = "icmp" }
      a:ping("10.0.0.2", { count = 3, interval = 0 })
      b:ping("10.0.0.1", { size = 1000 })
      a:call(function() end)
      local seen, times = {}, {}
      for packet in capture:packets() do
        seen[#seen + 1] = tostring(packet)
        times[#times + 1] = packet.nanoseconds
      end
      assert.equal(8, #seen)
      assert.same(seen, tcpdump(file)) -- before it is closed
      capture:close()
      assert.same(seen, tcpdump(file))
      local i = 0
      for packet in nsh.read_pcap(file) do
        i = i + 1
        assert.equal(seen[i], tostring(packet))
        assert.equal(times[i], packet.nanoseconds)
        assert.equal(format == "pcapng" and "e0" or nil, packet.link)
        assert.equal(format == "pcapng" and a.name or nil, packet.netns)
        local way = i % 2 == (i > 6 and 0 or 1) and "out" or "in"
        assert.equal(format == "pcapng" and way or nil, packet.direction)
      end
      assert.equal(8, i)
    end)
  end

  it("goes on writing when nobody holds it", function()
    local a = pair()
    local file = dir .. "/held.pcap"
    a:capture { "e0", file = file, count = 4 }
    collectgarbage()
    collectgarbage()
    a:ping("10.0.0.2", { count = 2, interval = 0 })
    nsh.sleep(0)
    assert.equal(4, #tcpdump(file))
    collectgarbage()
  end)

  it("merges links of several namespaces by time, and says which", function()
    local a, b, x = pair()
    local file = dir .. "/merged.pcapng"
    local capture <close> = nsh.capture { { a, "e0" }, { b.name, "e0" }, filter = "icmp", file = file }
    a:ping("10.0.0.2", { count = 20, interval = 0 })
    local last, way = 0, {}
    for packet in capture:packets() do
      assert.is_true(packet.nanoseconds >= last)
      last = packet.nanoseconds
      local key = ("%s %s %s"):format(packet.netns, packet.link, packet.direction)
      way[key] = (way[key] or 0) + 1
    end
    assert.same({ [a.name .. " e0 out"] = 20, [a.name .. " e0 in"] = 20, [b.name .. " e0 in"] = 20,
      [b.name .. " e0 out"] = 20 }, way)
    assert.same({ { netns = a.name, link = "e0" }, { netns = b.name, link = "e0" } },
      h.only(capture.links, { netns = 1, link = 1 }))
    capture:stop()
    assert.equal(80, #tcpdump(file))
    local from = {}
    for packet in nsh.read_pcap(file) do from[packet.netns] = (from[packet.netns] or 0) + 1 end
    assert.same({ [a.name] = 40, [b.name] = 40 }, from)
    local both <close> = nsh.capture { x, filter = "icmp", direction = "in" }
    a:ping "10.0.0.2"
    assert.equal(1, count(both:packets()))
  end)

  it("has a direction, and each packet of the loopback once", function()
    local a, _, x = pair()
    a:link("lo"):set { up = true }
    local of_way = {}
    for _, way in ipairs { "in", "out", "inout" } do of_way[way] = x:capture { filter = "icmp", direction = way } end
    local lo <close> = a:capture "lo"
    local any <close> = a:capture { "any", filter = "icmp" }
    a:ping "10.0.0.2"
    a:ping "127.0.0.1"
    assert.match("request", lines(of_way.out:packets())[1])
    assert.match("reply", lines(of_way["in"]:packets())[1])
    assert.equal(2, count(of_way.inout:packets()))
    for _, capture in pairs(of_way) do capture:close() end
    assert.equal(2, count(lo:packets()))
    local seen = {}
    for packet in any:packets() do seen[#seen + 1] = packet.link .. " " .. packet.icmp.type end
    assert.same({ "e0 echo-request", "e0 echo-reply", "lo echo-request", "lo echo-reply" }, seen)
  end)

  it("gives large packets whole, and as many bytes as asked for", function()
    local ns = h.netns()
    ns:link("lo"):set { up = true }
    local file = dir .. "/large.pcap"
    local whole <close> = ns:capture { "lo", filter = "icmp", file = file }
    local cut <close> = ns:capture { "lo", filter = "icmp", snaplen = 100 }
    ns:ping("127.0.0.1", { size = 60000 })
    ns:ping("127.0.0.1", { size = 1000 })
    local sizes = {}
    for packet in whole:packets() do
      assert.equal(packet.len, packet.caplen)
      assert.equal(packet.len, #packet.data)
      sizes[#sizes + 1] = packet.len
    end
    assert.same({ 60042, 60042, 1042, 1042 }, sizes)
    assert.equal(4, #tcpdump(file))
    assert.equal(0, whole.stats.cut)
    for packet in cut:packets() do assert.equal(100, packet.caplen) end
    assert.equal(0, cut.stats.cut)
  end)

  it("sees the tag of a VLAN, and filters by it", function()
    local ns, out = h.netns(), h.netns()
    local bridge = ns:add_link { "br0", kind = "bridge", up = true }
    h.supported("vlan_filtering", function() bridge:set { vlan_filtering = true } end)
    local port = ns:add_link { "p0", kind = "veth", up = true, master = "br0", addrgenmode = "none",
      peer = { "e0", netns = out, up = true, addrgenmode = "none" } }
    port:add_vlan { 7 }
    bridge:add_vlan { 7, pvid = true, untagged = true }
    bridge:add_addr "10.0.0.1/24"
    ns:add_neigh { "10.0.0.2", dev = "br0", mac = out:link("e0").mac }
    local file = dir .. "/vlan.pcap"
    local tagged <close> = out:capture { "e0", filter = "vlan 7 and icmp", file = file }
    local other <close> = out:capture { "e0", filter = "vlan 8" }
    local any <close> = out:capture { "any" }
    ns:ping("10.0.0.2", { count = 2, interval = 0, timeout = 0.1 })
    local list = {}
    for packet in tagged:packets() do
      list[#list + 1] = tostring(packet)
      assert.equal(7, packet.vlan.id)
      assert.equal("echo-request", packet.icmp.type)
    end
    assert.equal(2, #list)
    assert.equal(0, count(other:packets()))
    for _, line in ipairs(tcpdump(file, "-e")) do assert.match("vlan 7, p 0, ethertype IPv4", line) end
    for packet in any:packets() do
      if packet.icmp and packet.icmp.type == "echo-request" then assert.equal(7, packet.vlan and packet.vlan.id) end
    end
  end)

  it("takes links without a link header", function()
    local ns = h.netns()
    local tunnel
    h.supported("ipip", function()
      tunnel = ns:add_link { "t0", kind = "ipip", ["local"] = "10.9.0.1", remote = "10.9.0.2", up = true }
    end)
    tunnel:add_addr "10.1.0.1/24"
    local capture <close> = ns:capture { "t0", filter = "icmp" }
    ns:ping("10.1.0.2", { timeout = 0 })
    for packet in capture:packets() do
      assert.equal(101, packet.linktype)
      assert.equal("10.1.0.2", packet.ip.dst)
    end
    assert.equal(1, capture.stats.received)
  end)

  it("captures a link that is down once it is up, and over again", function()
    local a, _, x, y = pair()
    x:set { up = false }
    local capture <close> = a:capture { "e0", filter = "icmp" }
    x:set { up = true }
    y:wait { state = "up" }
    assert.is_true(a:reaches("10.0.0.2", { timeout = 10 }))
    assert.is_true(count(capture:packets()) >= 2)
    x:set { up = false }
    assert.equal(0, count(capture:packets()))
    assert.is_nil(capture.ended)
    x:set { up = true }
    y:wait { state = "up" }
    assert.is_true(a:reaches("10.0.0.2", { timeout = 10 }))
    assert.is_true(count(capture:packets()) >= 2)
    x:set { up = false }
    h.refused("ENETDOWN", a.capture, a, { "e0", filter = "vlan 5" })
  end)

  it("ends with a message when its link goes", function()
    local a, b, x, y = pair()
    local capture <close> = a:capture { "e0", filter = "icmp" }
    local both <close> = nsh.capture { x, y, filter = "icmp" }
    a:ping "10.0.0.2"
    x:del()
    assert.equal(2, count(capture:packets()))
    assert.equal("the link was deleted, or moved to another namespace", capture.ended)
    local e = h.refused("ENODEV", function() count(capture:packets { follow = true }) end)
    assert.equal("e0", e.target)
    assert.equal(a.name, e.netns)
    assert.equal(0, count(capture:packets()))
    assert.equal(4, count(both:packets()))
    assert.truthy(both.ended) -- the other end went with it
    local _ = b
  end)

  it("goes on with the links that are left", function()
    local a, b, x = pair()
    b:link("lo"):set { up = true }
    local capture <close> = nsh.capture { x, { b, "lo" }, filter = "icmp" }
    a:ping "10.0.0.2"
    x:del()
    b:ping "127.0.0.1"
    assert.equal(4, count(capture:packets()))
    assert.is_nil(capture.ended)
    assert.same({ true, nil }, { capture.links[1].gone, capture.links[2].gone })
    assert.truthy(tostring(capture):find "e0 in %S+ is gone")
    capture:set { filter = "icmp or arp" }
    b:del()
    assert.equal("the namespace was deleted", capture.ended)
  end)

  it("doesn't keep a namespace that is deleted", function()
    local ns = h.netns()
    ns:link("lo"):set { up = true }
    local id = ns:exec("readlink /proc/self/ns/net").out
    local capture <close> = ns:capture "lo"
    ns:ping "127.0.0.1"
    ns:del()
    assert.equal(2, count(capture:packets()))
    assert.equal("the namespace was deleted", capture.ended)
    for name in pairs(select(2, h.descriptors())) do assert.are_not.equal(id, name) end
  end)

  it("that nobody holds is no obstacle to that", function()
    local ns = h.netns()
    ns:capture "lo"
    collectgarbage()
    ns:del()
  end)

  it("ends after a count of packets", function()
    local a = pair()
    local capture <close> = a:capture { "e0", filter = "icmp", count = 3 }
    a:ping("10.0.0.2", { count = 5, interval = 0 })
    assert.equal(3, count(capture:packets { follow = true }))
    assert.equal("all that were asked for", capture.ended)
    assert.equal(3, capture.stats.received)
  end)

  it("is followed by one task while others go on", function()
    local a = pair()
    local capture = a:capture { "e0", filter = "icmp" }
    local follower = nsh.go(function() return count(capture:packets { follow = true }) end)
    a:ping("10.0.0.2", { count = 5, interval = 0.01 })
    capture:stop()
    assert.equal(10, follower:wait())
    assert.equal("stopped", capture.ended)
    capture:stop()
    capture:close()
    capture:close()
    h.misuse("the capture is closed", capture.packets, capture)
    assert.equal(10, capture.stats.received)
  end)

  it("waits for so many quiet seconds", function()
    local a = pair()
    local capture <close> = a:capture { "e0", filter = "icmp" }
    local pinger = nsh.go(function() a:ping("10.0.0.2", { count = 4, interval = 0.05 }) end)
    assert.equal(8, count(capture:packets { timeout = 0.2 }))
    pinger:wait()
    assert.equal(0, count(capture:packets { timeout = 0 }))
    h.interrupted [[
      local c = netns.current():capture "lo"
      for _ in c:packets { follow = true } do end]]
  end)

  it("changes its filter, and keeps it when the new one has a mistake", function()
    local a = pair()
    local capture <close> = a:capture { "e0", filter = "udp" }
    a:ping "10.0.0.2"
    assert.equal(0, count(capture:packets()))
    capture:set { filter = "icmp" }
    local e = h.refused("EINVAL", capture.set, capture, { filter = "icmp or or" })
    assert.truthy(e.message:find("filter 'icmp or or'", 1, true) and e.message:find "syntax error", e.message)
    a:ping "10.0.0.2"
    assert.equal(2, count(capture:packets()))
    assert.match("%(icmp%)", tostring(capture))
    capture:set { filter = false }
    a:ping "10.0.0.2"
    assert.equal(2, count(capture:packets()))
  end)

  it("refuses slips before anything is opened", function()
    local a, b, _, y = pair()
    local file = dir .. "/kept"
    local f = assert(io.open(file, "w"))
    f:write "kept"
    f:close()
    local before = h.descriptors()
    local e = h.refused("EINVAL", a.capture, a, { "e0", filter = "tcp prt 80", file = file })
    assert.truthy(e.message:find("tcp prt 80", 1, true))
    e = h.refused("ENODEV", a.capture, a, { "e7" })
    assert.truthy(tostring(e):find "there are: .*e0")
    h.refused("ENOENT", a.capture, a, { "e0", file = dir .. "/no/such" })
    assert.equal("kept", assert(io.open(file)):read "a")
    collectgarbage()
    assert.equal(before, (h.descriptors()))
    h.misuse(("link e0 in %s is not in %s"):format(b.name, a.name), a.capture, a, { y })
    h.misuse("say which link", a.capture, a, {})
    h.misuse("say which links", nsh.capture, {})
    h.misuse("each is a link's object", nsh.capture, { "e0" })
    h.misuse("snaplen must be a whole number from 64 to 262144, not 10", a.capture, a, { "e0", snaplen = 10 })
    h.misuse("buffer must be bytes", a.capture, a, { "e0", buffer = "1kb" })
    h.misuse("direction must be 'inout', 'in' or 'out', not 'up'", a.capture, a, { "e0", direction = "up" })
    h.misuse("format must be 'pcap' or 'pcapng'", a.capture, a, { "e0", format = "text" })
    h.misuse("count must be", a.capture, a, { "e0", count = 0 })
    h.misuse("did you mean 'filter'?", a.capture, a, { "e0", filtr = "icmp" })
    h.misuse("unknown key 'fd'", a.capture, a, { "e0", fd = 1 })
    h.misuse("capture takes a link or a table", a.capture, a, 5)
    h.misuse("captures its own link", y.capture, y, { "e1" })
    local capture <close> = a:capture "e0"
    h.misuse("unknown key 'folow'", capture.packets, capture, { folow = true })
    h.misuse("timeout must be seconds", capture.packets, capture, { timeout = "soon" })
    h.misuse("only filter can be set", capture.set, capture, { snaplen = 100 })
    h.misuse("did you mean 'packets'?", function() return capture.packet end)
  end)

  it("says that one pcap file holds one type of link", function()
    local a = pair()
    local e = h.refused("EINVAL", nsh.capture, { { a, "e0" }, { a, "any" }, file = dir .. "/two.pcap" })
    assert.match("pcapng", e.hint)
    local capture = nsh.capture { { a, "e0" }, { a, "any" }, file = dir .. "/two.pcapng" }
    a:ping "10.0.0.2"
    capture:close()
    assert.equal(4, count(nsh.read_pcap(dir .. "/two.pcapng")))
  end)

  it("keeps in the file what nobody reads", function()
    local ns = h.netns()
    ns:link("lo"):set { up = true }
    local file = dir .. "/unread.pcap"
    local capture = ns:capture { "lo", filter = "icmp", file = file }
    assert.equal(650, ns:ping("127.0.0.1", { size = 60000, count = 650, interval = 0 }).received) -- 75 MiB
    local read = count(capture:packets())
    local stats = capture.stats
    assert.equal(1300, stats.received)
    assert.equal(1300 - read, stats.file_only)
    assert.is_true(stats.file_only > 50, tostring(stats))
    assert.match((", %d only in the file"):format(stats.file_only), tostring(capture))
    capture:close()
    assert.equal(1300, count(nsh.read_pcap(file)))
  end)

  it("needs libpcap for filters alone, and says what brings it", function()
    local paths = {}
    for line in io.lines "/proc/self/maps" do
      local path = line:match "%S*libpcap%S*$"
      if path then paths[path] = true end
    end
    local script = { "set -e" }
    for path in pairs(paths) do script[#script + 1] = ("mount --bind /dev/null %s"):format(path) end
    assert.is_true(#script > 1)
    script[#script + 1] = (os.getenv "NSH" or "./nsh") .. [[ -e '
      local ns = netns.current()
      print(pcall(ns.capture, ns, { "lo", filter = "icmp" }))
      print(ns:capture "lo")']]
    local out = netns.current():exec({ "unshare", "-m", "sh", "-c", table.concat(script, "\n") }).out
    assert.match("libpcap is not there, and it compiles filters %(ENOPKG%)\n  hint: apt%-get install libpcap0.8", out)
    assert.match("capture of lo in root: 0 packets, 0 dropped", out)
  end)

  it("can't write where there is no room, and ends quietly when nobody reads any more", function()
    local a = pair()
    h.refused("ENOSPC", a.capture, a, { "e0", file = "/dev/full" })
    local pipe = dir .. "/pipe"
    a:exec { "mkfifo", pipe }
    local reader <close> = a:spawn { "head", "-c", "100", pipe }
    local capture <close> = a:capture { "e0", file = pipe, filter = "icmp" }
    a:ping("10.0.0.2", { count = 2, interval = 0 })
    reader:wait { timeout = 5 }
    a:ping "10.0.0.2"
    assert.is_true(count(capture:packets { follow = true }) >= 4)
    assert.equal("nobody reads what it writes", capture.ended)
  end)

  it("captures eight links at once, and leaves nothing behind when it is forgotten", function()
    local a = pair()
    local all = {}
    for i = 1, 8 do all[i] = a:capture { "e0", filter = "icmp" } end
    a:ping("10.0.0.2", { count = 50, interval = 0 })
    for i = 1, 8 do assert.equal(100, count(all[i]:packets())) end
    all = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    local before = h.descriptors()
    for _ = 1, os.getenv "NSH_SOAK" and 2000 or 12 do
      local capture = a:capture { "e0", filter = "icmp" }
      a:ping "10.0.0.2"
      assert.equal(2, count(capture:packets()))
    end
    collectgarbage()
    collectgarbage()
    assert.equal(before, (h.descriptors()))
  end)
end)
