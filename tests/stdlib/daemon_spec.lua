-- daemon_spec.lua - programs that recipes start: found, ready, dead, stopped, and the folder they work in
local daemon = require "stdlib.daemon"
local h = require "tests.helper"
local lfs = require "lfs"

local function web(ns, port)
  return daemon.start { "httpd", netns = ns, ready = { tcp = port }, files = { ["index.html"] = "in $DIR\n" },
    command = { "busybox", "httpd", "-f", "-p", tostring(port), "-h", "$DIR" } }
end

describe("daemon", function()
  it("starts a program that is ready, in a folder of its own, and takes both away", function()
    local ns = h.netns()
    ns:link("lo"):set { up = true }
    local d = web(ns, 80)
    assert.is_true(d:running())
    assert.equal("in " .. d.dir.path .. "\n", ns:exec({ "busybox", "wget", "-qO-", "http://127.0.0.1/" }).out)
    assert.equal("drwx------", ns:exec({ "stat", "-c", "%A", d.dir.path }).out:match "%S+")
    d:stop()
    assert.is_false(d:running())
    assert.is_nil(lfs.attributes(d.dir.path))
    assert.equal("ENOENT", h.raised(d.check, d).code)
    d:stop()
  end)

  it("says which package brings what is missing", function()
    local ok, why = daemon.available("sh", "no-such-program")
    assert.is_false(ok)
    assert.is_truthy(why:find "no%-such%-program is missing")
    assert.is_true(daemon.available "sh")
    for _, recipe in ipairs { "dnsmasq", "firewall", "httpd", "iperf3", "radvd", "udhcpc" } do
      assert.is_true(require("stdlib." .. recipe).available())
    end
    local err = h.refused("ENOENT", function()
      daemon.start { "x", command = { "no-such-program" }, ready = {} }
    end)
    assert.is_truthy(err.where:find "daemon_spec.lua")
  end)

  it("takes a node of a lab wherever a recipe takes a namespace", function()
    local net = lab "rec"
    local a, b = net:host "a", net:router "b"
    net:link { { a, addr = "10.0.0.1/24" }, { b, addrs = { "10.0.0.2/24", "fd00:1::2/64" } } }
    h.refused("ENOENT", daemon.netns, a, "x")
    local _ <close> = setmetatable({}, { __close = function() net:down() end })
    net:up()
    assert.equal(a.netns, daemon.netns(a, "x"))
    local d <close> = web(b, 80)
    assert.equal(b.netns, d.netns)
    local httpd = require "stdlib.httpd"
    local site <close> = httpd.start(b, { port = 8080, pages = { ["index.html"] = "hello\n" } })
    assert.is_true(site:running())
    assert.equal("hello\n", httpd.get(a, "http://10.0.0.2:8080/"))
    local firewall = require "stdlib.firewall"
    local rule = firewall.drop(b, { proto = "icmp" })
    assert.is_false(a:reaches("10.0.0.2", { timeout = 0.2 }))
    assert.is_true(rule.packets > 0)
    firewall.flush(b)
    assert.is_true(a:reaches "10.0.0.2")
    local routing <close> = require("stdlib.static").set { b, hosts = { a } }
    assert.equal("10.0.0.2", routing:routes()[1].via)
    local names <close> = require("stdlib.dnsmasq").start(b, { dev = "eth0", hosts = { web = "10.0.0.2" } })
    assert.is_true(names:running())
    local adverts <close> = require("stdlib.radvd").start(b, { dev = "eth0", prefix = "fd00:1::/64" })
    assert.is_true(adverts:running())
    h.misuse("proto is", require("stdlib.iperf3").throughput, { from = a, to = b, proto = "x" }) -- who was read before
  end)

  it("tells how a program ended that should go on, and what it said last", function()
    local err = h.refused("EXIT", daemon.start,
      { "sh", command = { "sh", "-c", "echo first; echo last >&2; exit 3" }, ready = { output = "never" } })
    assert.equal(3, err.status)
    assert.is_truthy(tostring(err):find("exit status 3", 1, true) and tostring(err):find("last", 1, true))
    err = h.refused("SIGNAL", daemon.start, { "sh", command = { "sh", "-c", "kill -9 $$" }, ready = { tcp = 1 } })
    assert.equal("KILL", err.signal)
  end)

  it("tells what one that isn't ready in time said last, and stops it", function()
    local err = h.refused("ETIMEDOUT", daemon.start, { "sh", command = { "sh", "-c", "echo hello; exec sleep 60" },
      ready = { output = "never" }, timeout = 0.2 })
    assert.is_truthy(tostring(err):find("hello", 1, true))
  end)

  it("waits for output, files, sockets", function()
    local ns = h.netns()
    local dir <close> = daemon.dir "test"
    local d <close> = daemon.start { "sh", netns = ns, dir = dir,
      command = { "sh", "-c", "echo up; : > $DIR/file; exec sleep 60" },
      ready = { output = "^up", file = "$DIR/file" } }
    assert.is_truthy(dir:read "file")
    assert.is_truthy(d:output():find "up")
    d:stop()
    assert.is_truthy(lfs.attributes(dir.path)) -- its owner's
    dir:remove()
    assert.is_nil(lfs.attributes(dir.path))
  end)

  it("tells how a program ended later", function()
    local d <close> = daemon.start { "sh", command = { "sh", "-c", "echo up; exec sleep 60" },
      ready = { output = "up" } }
    d:check()
    d.process:kill "KILL"
    d.process:wait { check = false }
    assert.is_false(d:running())
    assert.equal("run", h.refused("SIGNAL", d.check, d).op)
  end)

  it("takes a port that is taken for no program of its own", function()
    local ns = h.netns()
    local d <close> = web(ns, 80)
    assert.is_true(d:running())
    h.refused("EADDRINUSE", web, ns, 80)
  end)

  it("starts several at once", function()
    local spaces = { h.netns(), h.netns(), h.netns() }
    local jobs = {}
    for i, ns in ipairs(spaces) do jobs[i] = function() return web(ns, 80) end end
    local all = nsh.all(jobs)
    assert.equal(3, #all)
    for _, d in ipairs(all) do
      assert.is_true(d:running())
      d:stop()
    end
  end)

  -- Another nsh, whose world is within ours: what is left of it can be seen.
  local function another(code, ...)
    local words = { os.getenv "NSH" or lfs.currentdir() .. "/nsh", ... }
    table.move({ "-e", ([[
      package.path = "%s/?.lua;" .. package.path
      local d = require "stdlib.daemon".start { "sleep", command = { "sleep", "4321.%d" }, ready = {} }
      print("ready " .. d.dir.path) io.stdout:flush() %s]]):format(lfs.currentdir(), h.pid, code) },
      1, 2, #words + 1, words)
    local process <close> = netns.current():spawn(words)
    local path = process:expect "^ready (.*)$":match " (.*)$"
    if code:find "sleep" then process:kill "KILL" end
    process:wait { check = false }
    local function running()
      return netns.current():exec({ "ps", "-eo", "args" }).out:find(("sleep 4321.%d"):format(h.pid), 1, true)
    end
    assert.is_true(h.eventually(function() return not running() end))
    return path
  end

  it("goes with the world, however that ends", function()
    assert.is_truthy(another("nsh.sleep(60)"):find "^/run/nsh/")
    assert.is_truthy(another("os.exit(3)"):find "^/run/nsh/")
    local path = another("error 'x'", "--host")
    assert.is_nil(lfs.attributes(path), path)
  end)

  it("refuses what it doesn't know", function()
    h.misuse("did you mean 'command'", daemon.start, { "x", comand = {}, ready = {} })
    h.misuse("netns is a namespace, its name or a node of a lab, not 7", daemon.start,
      { "x", netns = 7, command = { "sh" }, ready = {} })
    h.refused("ENOENT", daemon.netns, "no-such-namespace", "x")
    h.misuse("needs ready", daemon.start, { "x", command = { "sh" } })
    h.misuse("did you mean 'tcp'", daemon.start, { "x", command = { "sh" }, ready = { tpc = 1 } })
  end)
end)
