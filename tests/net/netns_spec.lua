-- netns_spec.lua - namespaces: by name, by process, by number; entered, called into, batched, closed
local h = require "tests.helper"
local lfs = require "lfs"

local root = netns.current()

local function names() -- as ip(8) lists them inside the world
  local list = {}
  for line in root:exec "ip netns list".out:gmatch "[^\n]+" do list[#list + 1] = line:match "%S+" end
  table.sort(list)
  return list
end

local function identity(ns) return ns:exec "readlink /proc/self/ns/net".out end

describe("a namespace", function()
  local name
  before_each(function() name = h.name "ns" end)

  it("is added, found and deleted", function()
    local ns = netns.add(name)
    assert.equal(name, ns.name)
    assert.equal("netns " .. name, tostring(ns))
    assert.equal(ns, netns.get(name))
    assert.equal(ns, netns.find(name))
    assert.same({ name }, names())
    assert.equal(name, netns.list()[1].name)
    assert.equal(identity(ns), root:exec("ip netns exec " .. name .. " readlink /proc/self/ns/net").out)
    assert.same({ "lo" }, { ns:links()[1].name })
    ns:del()
    assert.same({}, names())
    assert.equal(0, #netns.list())
    assert.is_nil(netns.find(name))
    local err = h.refused("ENOENT", netns.get, name)
    assert.equal("netns get", err.op)
    assert.equal(name, err.target)
    h.refused("ENOENT", netns.del, name)
  end)

  it("can't be added twice", function()
    local ns <close> = netns.add(name)
    local before = identity(ns)
    assert.matches("netns.get", h.refused("EEXIST", netns.add, name).hint)
    assert.equal(before, identity(netns.get(name)))
  end)

  it("made by ip(8) is one as any other", function()
    root:exec("ip netns add " .. name)
    local ns = netns.get(name)
    assert.equal(name, netns.list()[1].name)
    ns:add_link { "br0", kind = "bridge" }
    assert.equal("br0", h.oracle(root, "ip -j -n " .. name .. " link show dev br0")[1].ifname)
    netns.del(name)
    assert.same({}, names())
  end)

  it("deleted by ip(8) is gone", function()
    local ns = netns.add(name)
    root:exec("ip netns del " .. name)
    assert.is_nil(netns.find(name))
    h.refused("ENOENT", ns.del, ns)
    local again <close> = netns.add(name)
    assert.not_equal(ns, again)
  end)

  it("has the name that it has after ip(8) gave it to another", function()
    local first = netns.add(name)
    root:exec(("ip netns del %s; ip netns add %s"):format(name, name))
    local second = netns.get(name)
    assert.not_equal(first, second)
    assert.matches("another namespace", h.refused("ENOENT", first.del, first).message)
    assert.same({ name }, names())
    do local _ <close> = first end
    assert.is_true(first.deleted)
    assert.same({ name }, names())
    second:del()
  end)

  it("whose file is stale is told of, and can be deleted", function()
    root:exec("touch /run/netns/" .. name)
    local err = h.refused("EINVAL", netns.get, name)
    assert.matches("netns.del", err.hint)
    h.refused("EEXIST", netns.add, name)
    root:exec("mkfifo /run/netns/pipe; mkdir /run/netns/dir; ip netns add 'a b'; ip netns add root")
    assert.is_true(h.find(netns.list(), { name = name }).stale)
    assert.is_true(h.find(netns.list(), { name = "pipe" }).stale)
    local other = netns.add(h.name "ns")
    local _, peer = root:add_link { "st0", kind = "veth", peer = { "st1", netns = other } }
    assert.is_nil(h.find(netns.list(), { name = other.name }).stale)
    assert.is_nil(netns.identify(h.pid))
    root:exec "ip netns add x; ip link set st0 netns x"
    assert.equal("x", peer:record().peer.netns)
    assert.equal("x", peer.peer.netns.name)
    root:exec "rmdir /run/netns/dir; rm /run/netns/pipe; ip netns del 'a b'; ip netns del root; ip netns del x"
    other:del()
    netns.del(name)
    netns.add(name):del()
  end)

  it("has a name of 1 to 255 bytes without what confuses", function()
    for _, bad in ipairs { "", ".", "..", "a/b", "a b", "a\tb", "a\nb", "-x", "a\0b", ("x"):rep(256), "root", "host",
      "\27[31m" } do
      for _, fn in ipairs { netns.add, netns.get, netns.find, netns.del } do
        local err = h.raised(fn, bad)
        assert.is_true(type(err) == "string" or err.code == "EINVAL" or err.code == "ENOENT", tostring(err))
      end
      assert.is_truthy(h.raised(netns.add, bad))
    end
    for _, bad in ipairs { 7, true, {} } do h.raised(netns.add, bad) end
    h.raised(netns.add)
    assert.same({}, names())
    for _, good in ipairs { ("x"):rep(255), "a.b", "ä", "1", "a:b@c", "_", "a-b" } do
      local ns <close> = netns.add(good)
      assert.equal(good, netns.list()[1].name)
      assert.equal(ns, netns.get(good))
    end
  end)

  it("with a long name has its own files of /etc", function()
    local result = root:exec({ "unshare", "-Urm", "sh", "-ec", [[
      mount -t tmpfs none /etc
      mkdir -p "/etc/netns/$NAME"
      touch /etc/hosts
      echo "10.0.0.1 mine" >"/etc/netns/$NAME/hosts"
      "$NSH" -e 'io.write(netns.add(os.getenv "NAME"):exec("cat /etc/hosts").out)'
    ]] }, { env = { NAME = ("x"):rep(255), NSH = os.getenv "NSH" or "./nsh" } })
    assert.equal("10.0.0.1 mine\n", result.out)
  end)

  it("that was deleted says so", function()
    local ns = netns.add(name)
    local link = ns:add_link { "br0", kind = "bridge" }
    ns:del()
    for _, fn in ipairs {
      function() ns:links() end, function() ns:link "lo" end, function() ns:add_link { "x", kind = "bridge" } end,
      function() ns:routes() end, function() ns:exec "true" end, function() ns:spawn "true" end,
      function() ns:call(print) end, function() ns:ping "127.0.0.1" end, function() ns:del() end,
      function() return link.mtu end, function() link:set { up = true } end, function() return ns.id end,
      function() ns:batch(function() end) end, function() return ns.sysctl["net.ipv4.ip_forward"] end,
    } do
      local err = h.raised(fn)
      assert.matches("deleted", tostring(err))
    end
    assert.equal(name, ns.name)
  end)

  it("is closed with its scope, by an error too", function()
    do
      local ns <close> = netns.add(name)
      assert.same({ ns.name }, names())
    end
    assert.same({}, names())
    pcall(function()
      local ns <close> = netns.add(name)
      error(ns)
    end)
    assert.same({}, names())
    do
      local ns <close> = netns.add(name)
      ns:del()
    end
    do -- nothing is left to do
      local _ <close> = netns.add(name)
      root:exec("ip netns del " .. name)
    end
  end)

  it("is known by a process in it", function()
    local ns <close> = netns.add(name)
    local p = ns:spawn "sleep 30"
    assert.equal(ns, netns.of(p.pid))
    assert.equal(name, netns.identify(p.pid))
    assert.is_nil(netns.identify(h.pid))
    assert.equal(root, netns.of(h.pid))
    p:kill()
    p:wait { check = false }
    h.refused("ESRCH", netns.of, p.pid)
    h.misuse("pid", netns.of, "x")
    h.misuse("pid", netns.of, 0)
    h.misuse("pid", netns.identify, -1)
    for _, pid in ipairs { 4294967297, 2147483648, 1.5, "foo", {} } do
      h.misuse("pid", netns.of, pid)
      h.misuse("pid", netns.attach, name, pid)
    end
    h.misuse("pid", netns.attach, name)
  end)

  it("gets a name by a process in it", function()
    local p = root:spawn { "unshare", "-n", "sleep", "30" }
    local other = h.eventually(function()
      local ns = netns.of(p.pid)
      return ns ~= root and ns
    end)
    assert.is_nil(other.name)
    local ns = netns.attach(name, p.pid)
    assert.equal(name, netns.identify(p.pid))
    assert.same({ name }, names())
    assert.equal(ns, netns.get(name))
    h.refused("EEXIST", netns.attach, name, p.pid)
    p:kill()
    p:wait { check = false }
    assert.equal(1, #ns:links())
    ns:del()
    h.refused("ESRCH", netns.attach, h.name "x", 0x3fffff)
  end)

  it("has the number that the root gives it", function()
    local ns <close> = netns.add(name)
    assert.is_nil(ns.id)
    ns:set { id = 77 }
    assert.equal(77, ns.id)
    assert.equal(77, h.oracle(root, "ip -j netns list-id")[1].nsid)
    assert.equal(77, netns.list()[1].id)
    h.refused("EEXIST", ns.set, ns, { id = 78 })
    local other <close> = netns.add(h.name "ns")
    h.refused("EEXIST", other.set, other, { id = 77 })
    for _, id in ipairs { -1, 4294967304, 2147483648, "x", 1.5, false } do h.misuse("id", ns.set, ns, { id = id }) end
    h.misuse("unknown key", ns.set, ns, { di = 1 })
  end)

  it("has a number that the kernel chooses", function()
    local ns <close> = netns.add(name)
    ns:set { id = "auto" }
    assert.equal(h.oracle(root, "ip -j netns list-id")[1].nsid, ns.id)
    assert.equal(ns.id, netns.list()[1].id)
    h.refused("EEXIST", ns.set, ns, { id = "auto" })
    h.misuse("id", ns.set, ns, { id = "any" })
  end)

  it("is listed with its number", function()
    local function oracle(ns)
      local list = {}
      for _, r in ipairs(h.oracle(ns, "ip -j netns list-id")) do list[#list + 1] = { id = r.nsid, name = r.name } end
      table.sort(list, function(a, b) return a.id < b.id end)
      return list
    end
    local function ours(viewer)
      local list = {}
      for i, r in ipairs(netns.ids(viewer)) do list[i] = { id = r.id, name = r.name } end
      return list
    end
    h.settles(function() assert.same({}, ours()) end) -- the kernel takes numbers back a moment later
    local a <close> = netns.add(name)
    local b <close> = netns.add(h.name "ns")
    b:set { id = 3 }
    a:set { id = 70000 }
    assert.same({ { id = 3, name = b.name }, { id = 70000, name = name } }, ours())
    assert.same(oracle(root), ours())
    a:add_link { "v0", kind = "veth", peer = { "v1", netns = b } } -- gives a number to the other end's namespace
    assert.same({ b.name }, { ours(a)[1].name })
    assert.equal(ours(a)[1].id, oracle(a)[1].id)
    assert.equal(1, #netns.ids(name))
    for i = 1, 300 do netns.add(name .. "-" .. i):set { id = 1000 + i } end -- more than one answer holds
    assert.equal(302, #netns.ids())
    assert.equal(name .. "-300", netns.ids()[301].name)
    for i = 1, 300 do netns.del(name .. "-" .. i) end
    h.refused("ENOENT", netns.ids, "nobody")
    h.misuse("namespace", netns.ids, 7)
  end)

  it("has the processes that are in it", function()
    local ns <close> = netns.add(name)
    local other <close> = netns.add(h.name "ns")
    assert.same({}, { table.unpack(ns:pids()) })
    local list = {}
    for i = 1, 3 do list[i] = ns:spawn { "sleep", "30" } end
    local child = ns:spawn "sleep 31 & wait"
    local want = { list[1].pid, list[2].pid, list[3].pid, child.pid }
    table.sort(want)
    h.settles(function()
      local pids = ns:pids()
      assert.equal(5, #pids) -- the child's own child
      for i = 2, 5 do assert.is_true(pids[i - 1] < pids[i]) end
      local found = {}
      for _, pid in ipairs(pids) do found[pid] = true end
      for _, pid in ipairs(want) do assert.is_true(found[pid]) end
    end)
    assert.equal(5, select(2, root:exec("ip netns pids " .. name).out:gsub("%d+", "")))
    assert.equal(0, #other:pids())
    for _, pid in ipairs(root:pids()) do assert.not_equal(h.pid, pid) end
    local there = root:spawn { "sleep", "30" }
    assert.same({ there.pid }, { table.unpack(root:pids()) })
    for _, p in ipairs { list[1], list[2], list[3], child, there } do
      p:kill "KILL"
      p:wait { check = false }
    end
    h.settles(function() assert.equal(0, #ns:pids()) end)
  end)

  it("is entered and left", function()
    local ns = netns.add(name)
    assert.equal(root, netns.current())
    assert.equal(ns, netns.enter(ns))
    assert.equal(ns, netns.current())
    assert.equal(root, netns.enter())
    assert.equal(ns, netns.enter(name))
    assert.equal(identity(ns), netns.current():exec "readlink /proc/self/ns/net".out)
    ns:del()
    assert.equal(root, netns.current())
    h.misuse("namespace", netns.enter, 7)
    h.refused("ENOENT", netns.enter, "nobody")
  end)

  it("has the root without a name", function()
    assert.is_nil(root.name)
    assert.equal("netns root", tostring(root))
    h.misuse("no name", root.del, root)
    assert.equal(root, netns.of(h.pid))
  end)

  it("is called into and left, whatever happens there", function()
    local ns <close> = netns.add(name)
    local function here() return lfs.symlinkattributes("/proc/thread-self/ns/net", "target") end
    local home = here()
    assert.equal(identity(ns):gsub("\n", ""), (ns:call(here)))
    assert.equal(home, here())
    assert.same({ 1, nil, 3, n = 3 }, table.pack(ns:call(function(...) return ... end, 1, nil, 3)))
    local err = h.raised(ns.call, ns, function() error { mine = true } end)
    assert.is_true(err.mine)
    assert.equal(home, here())
    assert.equal(home, root:call(here))
    assert.is_false(coroutine.wrap(function()
      return (pcall(ns.call, ns, coroutine.yield))
    end)())
    assert.equal(home, here())
    h.misuse("function", ns.call, ns, 7)
  end)

  it("sends what is asked of it together", function()
    local ns <close> = netns.add(name)
    local link = ns:add_link { "br0", kind = "bridge" }
    assert.equal(3, ns:batch(function()
      for i = 1, 3 do link:add_addr(("10.0.0.%d/24"):format(i)) end
      assert.equal(0, #link:addrs())
    end))
    assert.equal(3, #link:addrs())
    -- the first refusal is raised, the others are carried out
    h.refused("EEXIST", ns.batch, ns, function()
      link:add_addr "10.0.0.4/24"
      link:add_addr "10.0.0.1/24"
      link:add_addr "10.0.0.5/24"
    end)
    assert.equal(5, #link:addrs())
    -- an error of ours sends nothing
    assert.equal("mine", h.raised(ns.batch, ns, function()
      link:add_addr "10.0.0.6/24"
      error("mine", 0)
    end))
    assert.equal(5, #link:addrs())
    h.raised(ns.batch, ns, function() ns:batch(function() end) end)
    assert.equal(0, ns:batch(function() end))
    link:add_addr "10.0.0.6/24"
    assert.equal(6, #link:addrs())
  end)

  it("is one of many", function()
    local list = {}
    for i = 1, 100 do list[i] = netns.add(name .. "-" .. i) end
    assert.equal(100, #netns.list())
    assert.equal(100, #names())
    for _, ns in ipairs(list) do ns:del() end
    assert.equal(0, #netns.list())
  end)

  it("can't be written to, and names its slips", function()
    local ns <close> = netns.add(name)
    h.misuse("set {", function() ns.name = "other" end)
    local link = ns:link "lo"
    for _, key in ipairs { "netns", "index", "name", "mtu", "port" } do
      h.misuse("can't be assigned", function() link[key] = 7 end)
    end
    assert.same({ ns, 1 }, { link.netns, link.index })
    h.misuse("did you mean 'add_link'", function() ns:add_lnik {} end)
    h.misuse("did you mean 'routes'", function() return ns.ruotes end)
  end)
end)
