-- things_spec.lua - what nodes have beside their network: names, files, packet filters, services, commands
local h = require "tests.helper"

local function with(net, check)
  local ok, err = pcall(function()
    net:up()
    check(net)
  end)
  net:down()
  if not ok then error(err, 0) end
end

local function out(node, command) return (node:exec(command).out:gsub("%s+$", "")) end

local function pair(name, spec, options)
  local net = lab(name, options)
  spec[1] = "a"
  net:link { { net:host(spec), addrs = { "10.0.0.1/24", "fd00::1/64" } }, { net:host "b", addr = "10.0.0.2/24" } }
  return net, net:node "a", net:node "b"
end

describe("nodes as hosts", function()
  it("know their own name and each other's", function()
    local net, a, b = pair("names", {}, { domain = "example.net", hosts = { gw = "192.0.2.1" } })
    local r = net:router "a-router-with-a-long-name"
    net:link { { r, addr = "10.1.0.1/24" }, { b, addr = "10.1.0.2/24" } }
    net:link { { r, addr = "10.2.0.1/24" }, { a, addr = "10.2.0.2/24" } }
    with(net, function()
      assert.equal("a", out(a, "hostname"))
      assert.equal("a-router-with-a-long-name", out(netns.get "names.a-router-with-a-long-name", "hostname"))
      assert.equal("a", a.netns.hostname)
      assert.truthy(out(b, "getent hosts a"):find "^fd00::1 +a%.example%.net a$")
      assert.equal("192.0.2.1       gw", out(b, "getent hosts gw"))
      -- of several addresses the one that is near
      assert.truthy(out(b, "getent ahostsv4 a-router-with-a-long-name"):find "^10%.1%.0%.1 ")
      assert.truthy(out(a, "getent ahostsv4 a-router-with-a-long-name"):find "^10%.2%.0%.1 ")
      net:link { { net:host "late", addr = "10.3.0.1/24" }, { b, addr = "10.3.0.2/24" } }
      net:up()
      assert.truthy(out(b, "getent hosts late"):find "^10%.3%.0%.1")
    end)
  end)

  it("may have hosts, a resolver, folders and processes of their own, or the machine's hosts", function()
    local net, a, b = pair("own", { hostname = "other", hosts = { x = "10.0.0.9" }, resolv = { "10.0.0.53" },
      private = { "/run" }, pids = true })
    net:host { "plain", hosts = false }
    with(net, function()
      assert.equal("other", out(a, "hostname"))
      assert.equal("10.0.0.9\tx", out(a, "grep -w x /etc/hosts"))
      assert.truthy(out(a, "grep -w b /etc/hosts"):find "^10%.0%.0%.2")
      assert.equal("nameserver 10.0.0.53", out(a, "cat /etc/resolv.conf"))
      a:exec "echo 1 >/run/mine"
      assert.equal("", out(b, "ls /run/mine 2>/dev/null; true"))
      assert.is_true(tonumber(out(a, "echo $$")) < 50)
      assert.equal(out(netns.current(), "cat /etc/hosts"), out(net:node "plain", "cat /etc/hosts"))
    end)
  end)

  it("are made so at their first command only", function()
    local net, a = pair("lazy", {})
    with(net, function()
      local before = h.descriptors()
      assert.is_false(require("nsh.core").node.there(a.netns.core))
      a:exec "true"
      assert.is_true(require("nsh.core").node.there(a.netns.core))
      assert.is_true(h.descriptors() <= before + 4)
    end)
  end)
end)

describe("files", function()
  it("are seen by the commands of their node alone, and follow the declaration", function()
    local function declare(files) return pair("files", { files = files }) end
    local net, a, b = declare { ["/etc/passwd"] = "nobody\n", ["/etc/nsh-test/deep/x.conf"] = "one\n",
      ["/usr/local/bin/nsh-test"] = { "#!/bin/sh\necho hi from $(hostname)\n", mode = "755" } }
    local machine = out(netns.current(), "cat /etc/passwd")
    assert.truthy(tostring(net:plan()):find("+ file /etc/nsh-test/deep/x.conf", 1, true))
    with(net, function()
      assert.equal("nobody", out(a, "cat /etc/passwd"))
      assert.equal("one", out(a, "cat /etc/nsh-test/deep/x.conf"))
      assert.equal("hi from a", out(a, "nsh-test"))
      assert.equal(machine, out(b, "cat /etc/passwd"))
      assert.equal("", out(b, "ls /etc/nsh-test /usr/local/bin/nsh-test 2>/dev/null; true"))
      assert.equal(out(b, "ls /etc"), out(a, "ls /etc | grep -v nsh-test")) -- the rest is there
      assert.equal("nothing to do", tostring(net:plan()))
      local next_net = declare { ["/etc/nsh-test/deep/x.conf"] = "two!\n" }
      assert.truthy(tostring(next_net:plan()):find("/etc/nsh-test/deep/x.conf: text 4 bytes → 5 bytes", 1, true))
      next_net:up()
      assert.equal("two!", out(a, "cat /etc/nsh-test/deep/x.conf"))
      assert.equal("", out(a, "ls /usr/local/bin/nsh-test 2>/dev/null; true"))
    end)
    assert.equal(machine, out(netns.current(), "cat /etc/passwd"))
  end)

  it("come and go where names of namespaces are, and in a node that sees no other processes", function()
    local function declare(files) return pair("files", { pids = true, files = files }) end
    local net, a, b = declare { ["/run/nsh-test"] = "one\n", ["/etc/passwd"] = "nobody\n" }
    with(net, function()
      assert.equal("one\nnobody", out(a, "cat /run/nsh-test /etc/passwd"))
      assert.equal("", out(b, "cat /run/nsh-test 2>/dev/null; true"))
      netns.add "later"
      for _, node in ipairs { a, b } do assert.equal("files.a\nfiles.b\nlater", out(node, "ls /run/netns")) end
      netns.del "later"
      declare { ["/run/nsh-test"] = "two\n" }:up()
      assert.equal("two\n" .. out(b, "head -1 /etc/passwd"), out(a, "cat /run/nsh-test; head -1 /etc/passwd"))
    end)
  end)

  it("hide nothing while they are put there", function()
    local net, a = pair("glitch", { files = { ["/etc/nsh-test"] = "0" } })
    with(net, function()
      local watcher = a:spawn "echo up; while [ -e /sys/class/net/lo ]; do :; done"
      watcher:expect "up"
      for i = 1, 8 do
        pair("glitch", { files = { ["/etc/nsh-test" .. i] = "x", ["/etc/hostname"] = i % 2 == 0 and "x" or nil } }):up()
      end
      assert.is_true(watcher:running())
      watcher:stop()
    end)
  end)

  it("are refused with the path", function()
    local net = lab "x"
    local function refused(words, files) h.misuse(words, net.host, net, { "h", files = files }) end
    refused("by their absolute paths", { ["etc/x"] = "" })
    refused("by their absolute paths", { ["/etc/../x"] = "" })
    refused("/etc/x takes a text, not a number", { ["/etc/x"] = 1 })
    refused("the mode of /etc/x", { ["/etc/x"] = { "", mode = 755 } })
    refused("/proc/x is the kernel's", { ["/proc/x"] = "" })
    local bad = pair("bad", { files = { ["/etc/passwd/x"] = "" } })
    local err = h.refused("ENOTDIR", bad.up, bad)
    assert.truthy(tostring(err):find("file /etc/passwd/x", 1, true))
    assert.equal(0, #netns.list())
  end)
end)

describe("services", function()
  local function sleeper(seconds)
    return { "sh", "-c", "echo up; exec sleep " .. seconds, name = "nap", ready = "up" }
  end

  local function args(node)
    local list = {}
    for i, pid in ipairs(node.netns:pids()) do
      local file = assert(io.open(("/proc/%d/cmdline"):format(pid)))
      list[i] = file:read("a"):gsub("%z", " "):gsub(" $", "")
      file:close()
    end
    return table.concat(list, "; ")
  end

  it("run while the lab is up, start again when they changed or ended", function()
    local function declare(seconds) return pair("run", { services = { sleeper(seconds) } }) end
    local net, a = declare(1001)
    with(net, function()
      h.settles(function() assert.equal("sleep 1001", args(a)) end)
      local pid = a.netns:pids()[1]
      assert.equal("nothing to do", tostring(net:plan()))
      declare(1001):up()
      assert.equal(pid, a.netns:pids()[1])
      declare(1002):up()
      h.settles(function() assert.equal("sleep 1002", args(a)) end)
      a:exec("kill " .. out(a, "pidof sleep"))
      h.eventually(function() return #a.netns:pids() == 0 end)
      net = declare(1002)
      assert.truthy(tostring(net:plan()):find("+ service nap", 1, true))
      net:up()
      h.settles(function() assert.equal("sleep 1002", args(a)) end)
      pid = a.netns:pids()[1]
      pair("run", {}):up()
      assert.is_false(h.alive(pid))
    end)
  end)

  it("end with the lab; one that isn't ready fails the build with its last words", function()
    local net, a = pair("ends", { services = { sleeper(1003) } })
    net:up()
    local pid = a.netns:pids()[1]
    net:down()
    assert.is_false(h.alive(pid))
    local bad = pair("bad", { services = { { "sh", "-c", "echo no luck; exit 3", ready = "up" } } })
    local err = h.refused("EXIT", bad.up, bad)
    assert.truthy(tostring(err):find("no luck", 1, true))
    bad = pair("bad", { services = { { "sleep", "1004", ready = "up", timeout = 0.05 } } })
    h.refused("ETIMEDOUT", bad.up, bad)
    assert.equal(0, #netns.list())
  end)

  it("may be a function that starts something", function()
    local stopped = 0
    local function start(ns)
      local process = ns:spawn { "sleep", "1005" }
      return { running = function() return process:running() end, stop = function()
        stopped = stopped + 1
        process:stop()
      end }
    end
    local net, a = pair("fn", { services = { start } })
    with(net, function()
      h.settles(function() assert.equal("sleep 1005", args(a)) end)
      assert.equal("nothing to do", tostring(net:plan()))
    end)
    assert.equal(1, stopped)
  end)

  it("are refused where they can't be meant", function()
    local net = lab "x"
    local function refused(words, spec) h.misuse(words, net.host, net, spec) end
    refused("services takes a list", { "h", services = "dnsmasq" })
    refused("a function stands alone, not in a table of its own", { "h", services = { { print, name = "p" } } })
    refused("commands takes commands, no function", { "h", commands = { { print } } })
    refused("unknown key 'redy'", { "h", services = { { "dnsmasq", redy = "x" } } })
    refused("there are two called 'a'", { "h", services = { { "x", name = "a" }, { "y", name = "a" } } })
    refused("commands has a command that is empty", { "h", commands = { "" } })
    refused("nft takes text", { "h", nft = {} })
  end)
end)

describe("commands", function()
  it("run once, in order, when services run; one that is added runs alone", function()
    local function declare(commands) return pair("cmd", { commands = commands, private = { "/run" },
      services = { { "sh", "-c", "echo up >/run/up; echo up; exec sleep 1006", ready = "up" } } }) end
    local net, a = declare { "cat /run/up >/run/log", "echo two >>/run/log" }
    with(net, function()
      assert.equal("up\ntwo", out(a, "cat /run/log"))
      assert.equal("nothing to do", tostring(net:plan()))
      declare { "cat /run/up >/run/log", "echo two >>/run/log", { "sh", "-c", "echo three >>/run/log" } }:up()
      assert.equal("up\ntwo\nthree", out(a, "cat /run/log"))
    end)
  end)

  it("that fail undo the build", function()
    local net = pair("fails", { commands = { "echo broken >&2; exit 7" } })
    local err = h.refused("EXIT", net.up, net)
    assert.truthy(tostring(err):find("broken", 1, true))
    assert.equal(0, #netns.list())
  end)
end)

describe("files", function()
  it("are seen and written again whatever somebody has put in their place, where that can be taken away", function()
    local path = "/etc/nsh-spec/conf"
    local net, a = pair("odd", { files = { [path] = "one\n" } })
    with(net, function()
      for _, by_hand in ipairs { "mkfifo conf", "ln -s conf conf", "truncate -s 65M conf" } do
        a.netns:exec("cd /etc/nsh-spec && rm conf && " .. by_hand)
        assert.matches("+ file " .. path, tostring(net:plan()), nil, true)
        assert.matches("a +host +~ differs", tostring(net:status()))
        assert.equal(1, #net:up(), by_hand)
        assert.equal("one\nregular file", out(a, ("cat %s; stat -c %%F %s"):format(path, path)))
        assert.equal("nothing to do", tostring(net:plan()))
      end
      a.netns:exec "cd /etc/nsh-spec && rm conf && mkdir conf && touch conf/x"
      local text = tostring(h.refused("EISDIR", net.up, net))
      local remedy = text:match "ns:exec ({.*})"
      assert.truthy(remedy, text)
      a.netns:exec(load("return " .. remedy)())
      assert.equal(1, #net:up())
    end)
  end)

  it("can't be where the machine has a folder", function()
    local net = pair("odd", { files = { ["/etc"] = "one\n" } })
    assert.matches("name a file in it", tostring(h.refused("EISDIR", net.up, net)), nil, true)
  end)
end)

describe("packet filters", function()
  local TEXT = "table inet t {\n  chain c {\n    type filter hook input priority 0\n    tcp dport %d drop\n  }\n}\n"

  it("are set, changed and taken away with what they made alone", function()
    if not nsh.program "nft" then h.pending "nft is missing" end
    local function declare(port) return pair("nft", { nft = port and TEXT:format(port) }) end
    local net, a = declare(22)
    with(net, function()
      assert.truthy(out(a, "nft list ruleset"):find("tcp dport 22 drop", 1, true))
      a:nft "table ip mine {}"
      declare(23):up()
      local ruleset = out(a, "nft list ruleset")
      assert.truthy(ruleset:find("tcp dport 23 drop", 1, true))
      assert.is_nil(ruleset:find("dport 22", 1, true))
      assert.equal(0, #declare(23):plan())
      out(a, "nft flush ruleset")
      assert.equal(1, #declare(23):up())
      a:nft "table ip mine {}"
      assert.truthy(out(a, "nft list ruleset"):find("tcp dport 23 drop", 1, true))
      declare(nil):up()
      assert.equal("table ip mine {\n}", out(a, "nft list ruleset"))
    end)
  end)
end)
