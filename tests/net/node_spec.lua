-- node_spec.lua - namespaces that are hosts of their own: host name, files, folders, processes
local h = require "tests.helper"
local lfs = require "lfs"

local root = netns.current()

local made = {}

-- A node that goes at the end of the test.
local function node(spec)
  spec[1] = h.name "n"
  local ns = netns.add(spec)
  made[#made + 1] = ns
  return ns
end

describe("a node", function()
  after_each(function()
    for _, ns in ipairs(made) do
      if not ns.deleted then ns:del() end
    end
    made = {}
  end)

  it("has a host name of its own", function()
    local a, b, plain = node { hostname = "alpha" }, node { hostname = "beta.lab" }, h.netns()
    local ours = plain:exec("hostname").out
    assert.equal("alpha\n", a:exec("hostname").out)
    assert.equal("beta.lab\n", b:exec("hostname").out)
    assert.same({ "alpha", "beta.lab", ours }, { a.hostname, b.hostname, plain.hostname .. "\n" })
    a:exec "hostname gamma"
    assert.same({ "gamma", "beta.lab", ours }, { a.hostname, b.hostname, plain.hostname .. "\n" })
  end)

  it("has files of its own behind symbolic links, and the machine's stay as they are", function()
    local top = os.tmpname()
    os.remove(top)
    root:exec(([[mkdir -p %s/etc %s/out && cd %s/etc && echo machine >../out/target
      ln -s ../out/target link; ln -s ../out folder; ln -s ../out/none dangling]]):format(top, top, top))
    local net = lab(h.name "l")
    local a = net:host { "a", files = { [top .. "/etc/a"] = "1\n", [top .. "/etc/link"] = "2\n",
      [top .. "/etc/folder/x"] = "3\n", [top .. "/etc/dangling"] = "4\n" } }
    net:up()
    local seen = a.netns:exec(("cd %s/etc && cat a link folder/x dangling"):format(top)).out
    local ours = root:exec(("cd %s && cat out/target && ls etc out"):format(top)).out
    net:down()
    root:exec { "rm", "-r", top }
    assert.equal("1\n2\n3\n4\n", seen)
    assert.equal("machine\netc:\ndangling\nfolder\nlink\n\nout:\ntarget\n", ours)
  end)

  it("has files of its own with blanks in their names, once each", function()
    local hosts = require "nsh.lab.hosts"
    local top = os.tmpname()
    os.remove(top)
    root:exec { "sh", "-c", ("mkdir '%s a'; echo machine >'%s a/x y'"):format(top, top) }
    local ns, path = h.netns(), top .. " a/x y"
    for i = 1, 3 do hosts.put(ns, { path = path, text = i .. "\n" }) end
    assert.equal("3\n", ns:exec { "cat", path }.out)
    assert.equal("1\n", ns:exec({ "grep", "-c", "x.040y", "/proc/self/mountinfo" }).out)
    hosts.put(ns, { path = path })
    assert.equal("machine\n", ns:exec { "cat", path }.out)
    root:exec { "rm", "-r", top .. " a" }
    local err = h.raised(hosts.put, ns, { path = "/nonesuch/etc/passwd", text = "" })
    assert.matches("^.*file /nonesuch/etc/passwd in .*: there is no folder /nonesuch, and the root folder can't be a "
      .. "node's own %(ENOENT%)\n  hint: files of a node lie in a folder", tostring(err))
    err = h.raised(hosts.put, ns, { path = "/nonesuch", text = "" })
    assert.matches("the root folder can't be a node's own %(EPERM%)\n  hint: files of a node lie in", tostring(err))
  end)

  it("has files of its own", function()
    local a = node { hostname = "a", hosts = { web = { "10.0.0.3", "fd00::3" }, db = "10.0.0.4" },
      resolv = { "10.0.0.53", "fd00::53", search = { "lab", "example.com" }, options = "ndots:2" } }
    assert.matches("^10.0.0.4 +db\n$", a:exec("getent hosts db").out)
    assert.matches("\n10.0.0.3\tweb\nfd00::3\tweb\n", a:exec("cat /etc/hosts").out)
    assert.matches("127.0.1.1 +a\n", a:exec("getent hosts a").out)
    assert.equal("search lab example.com\noptions ndots:2\nnameserver 10.0.0.53\nnameserver fd00::53\n",
      a:exec("cat /etc/resolv.conf").out)
    local b = node { hosts = "10.9.9.9 nine", resolv = "nameserver 10.9.9.53\n" }
    assert.equal("10.9.9.9 nine\nnameserver 10.9.9.53\n", b:exec("cat /etc/hosts /etc/resolv.conf").out)
    b:exec "echo 10.1.1.1 one >>/etc/hosts" -- they are its own
    assert.matches("^10.1.1.1 +one\n", b:exec("getent hosts one").out)
    assert.equal("", h.netns():exec("grep -h '10.1.1.1\\|10.9.9' /etc/hosts /etc/resolv.conf; :").out)
  end)

  it("has folders of its own, with their modes, and names of namespaces as before", function()
    local a = node { private = { "/run", "/run/deep/er", "/tmp", "/var/log" } }
    local b = node { private = "/run" }
    a:exec "echo a >/run/daemon.pid; echo a >/tmp/x; echo a >/var/log/log; echo a >/run/deep/er/x"
    b:exec "echo b >/run/daemon.pid"
    assert.equal("a\n", a:exec("cat /run/daemon.pid").out)
    assert.equal("b\n", b:exec("cat /run/daemon.pid").out)
    assert.is_nil(io.open "/run/daemon.pid")
    assert.is_nil(io.open "/var/log/log")
    assert.equal("1777\n755\n", a:exec("stat -c %a /tmp /run").out)
    local name = h.name "inside"
    a:exec("ip netns add " .. name)
    assert.is_truthy(netns.find(name))
    assert.matches(name, b:exec("ip netns list").out)
    netns.del(name)
  end)

  it("has another folder in the place of one", function()
    local dir = root:exec("mktemp -d").out:gsub("\n", "")
    root:exec("echo from outside >" .. dir .. "/file")
    local a = node { private = { ["/mnt"] = dir } }
    assert.equal("from outside\n", a:exec("cat /mnt/file; echo back >/mnt/back").out)
    assert.equal("back\n", root:exec("cat " .. dir .. "/back; rm -r " .. dir).out)
  end)

  it("has processes of its own, and ps shows no others", function()
    local a, b = node { pids = true }, node { pids = true }
    local other <close> = b:spawn { "sleep", "81" }
    local own <close> = a:spawn { "sleep", "82" }
    local names = {}
    for name in a:exec({ "ps", "-e", "-o", "comm=" }).out:gmatch "%S+" do names[#names + 1] = name end
    assert.same({ "nsh-init", "ps", "sleep" }, h.sorted(names))
    assert.matches("^sleep 82\n", a:exec("pgrep -a sleep | cut -d' ' -f2-").out)
    assert.equal("1\n", a:exec("cat /proc/1/comm | grep -c nsh-init").out)
    assert.same({ own.pid }, { table.unpack(a:pids()) })
    assert.same({ other.pid }, { table.unpack(b:pids()) })
    a:exec "pkill -9 sleep" -- only its own
    assert.equal("KILL", own:wait({ check = false }).signal)
    assert.is_true(other:running())
  end)

  it("ends with all of its processes, those too that nobody holds", function()
    local a = node { pids = true }
    local held = a:spawn "trap '' TERM HUP; sleep 83 & setsid sleep 84 & wait"
    a:spawn { "sleep", "85" }
    collectgarbage()
    collectgarbage()
    assert.is_truthy(h.eventually(function() return #a:pids() == 4 end))
    local pids = { table.unpack(a:pids()) }
    a:spawn("kill -STOP " .. a:exec("pgrep -n sleep").out):wait()
    a:del()
    for _, pid in ipairs(pids) do assert.is_false(h.alive(pid)) end
    assert.is_false(held:running())
    assert.equal("KILL", held.signal)
  end)

  it("ends at the end of its block", function()
    local pid
    do
      local a <close> = netns.add { h.name "n", pids = true }
      pid = a:spawn({ "sleep", "86" }).pid
    end
    assert.is_false(h.alive(pid))
  end)

  it("lives as long as its name, whatever becomes of its variable", function()
    local name = node { hostname = "kept", pids = true }.name
    made = {}
    local pid = netns.get(name):spawn({ "sleep", "87" }).pid
    collectgarbage()
    collectgarbage()
    assert.equal("kept", netns.get(name).hostname)
    assert.is_true(h.alive(pid))
    netns.del(name)
    assert.is_false(h.alive(pid))
  end)

  it("whose init was killed says so", function()
    local a = node { pids = true }
    local p = a:spawn { "sleep", "88" }
    a:exec("kill -9 1", { check = false }) -- from inside nobody can
    assert.is_true(p:running())
    local pids = lfs.symlinkattributes(("/proc/%d/ns/pid"):format(p.pid), "target")
    for name in lfs.dir "/proc" do
      local f = lfs.symlinkattributes(("/proc/%s/ns/pid"):format(name), "target") == pids
        and io.open(("/proc/%s/status"):format(name))
      if f then
        local in_world, in_node = f:read("a"):match "NSpid:\t%d+\t(%d+)\t(%d+)"
        f:close()
        if in_node == "1" then root:exec("kill -9 " .. in_world) end
      end
    end
    assert.equal("KILL", p:wait({ check = false, timeout = 3 }).signal)
    assert.matches("the init of this node has been killed", tostring(h.refused("ENOMEM", a.exec, a, "true")))
  end)

  it("is a place for os.execute, io.popen and what they start", function()
    local a = node { hostname = "entered", pids = true }
    netns.enter(a)
    local out = io.popen("hostname; ps -e -o comm= | grep -c .")
    assert.equal("entered\n4\n", out:read "a")
    out:close()
    assert.is_true(os.execute "test $(hostname) = entered")
    netns.enter()
  end)

  it("goes with nsh, however that ends", function()
    local nsh_program = os.getenv "NSH" or "./nsh"
    local p = root:spawn({ nsh_program, "-e", [[local a = netns.add { "a", pids = true, private = { "/run" } }
      print("pid " .. a:spawn("setsid sleep 89 & exec sleep 90").pid) io.stdout:flush() nsh.sleep(60)]] })
    local _, pid = p:expect "pid (%d+)"
    p:kill "KILL"
    assert.is_truthy(h.eventually(function() return not h.alive(tonumber(pid)) end))
    assert.is_truthy(h.eventually(function() return root:exec("pgrep -f '^sleep (89|90)'",
      { check = false }).status == 1 end))
  end)

  it("that can't be made leaves nothing", function()
    local err = h.refused("ENOENT", netns.add, { "broken", hostname = "x", private = { "/no/such" }, pids = true })
    assert.matches("/no/such", tostring(err))
    assert.is_nil(netns.find "broken")
    h.refused("ENOTDIR", netns.add, { "broken", private = { "/etc/passwd" } })
    h.refused("ENOENT", netns.add, { "broken", private = { ["/mnt"] = "/no/such" } })
    assert.is_nil(netns.find "broken")
    local a = node {}
    h.refused("EEXIST", netns.add, { a.name, hostname = "x" })
  end)

  it("whose description makes no sense is refused", function()
    local cases = {
      { { hostname = "" }, "hostname" }, { { hostname = "-x" }, "hostname" }, { { hostname = "a_b" }, "hostname" },
      { { hostname = 1 }, "text" }, { { hostname = ("x"):rep(65) }, "hostname" }, { { hostnam = "x" }, "'hostname'" },
      { { hosts = 1 }, "text or a table" }, { { hosts = { "10.0.0.1" } }, "name = address" },
      { { hosts = { a = "10.0.0" } }, "hosts: a: '10.0.0' is no address" }, { { hosts = { ["a b"] = "::1" } }, "a b" },
      { { hosts = { a = {} } }, "no address" }, { { hosts = "a\0" }, "NUL" },
      { { resolv = { "x" } }, "resolv: 'x' is no address" }, { { resolv = { serach = "x" } }, "serach" },
      { { private = 1 }, "private" }, { { private = { "run" } }, "absolute" },
      { { private = { "/a/../b" } }, "absolute" },
      { { private = { "/" } }, "/ can't" }, { { private = { "/proc" } }, "can't" }, { { private = { 1 } }, "absolute" },
      { { private = { ["/x"] = 1 } }, "absolute" }, { { pids = 1 }, "pids" }, { { stale = true }, "stale" },
    }
    for _, case in ipairs(cases) do
      case[1][1] = "broken"
      h.misuse(case[2], netns.add, case[1])
    end
    h.misuse("name of a namespace", netns.add, { hostname = "x" })
    assert.is_nil(netns.find "broken")
  end)

  it("takes what ns:set takes, and with a name alone is a namespace", function()
    local a = node { id = 4711 }
    assert.equal(4711, a.id)
    assert.equal(root.hostname, a.hostname)
  end)
end)
