-- services_spec.lua - services of a lab that can't run, end at once, or don't want to end
local h = require "tests.helper"
local lfs = require "lfs"

local NSH = os.getenv "NSH" or "./nsh"
if not NSH:find "^/" then NSH = lfs.currentdir() .. "/" .. NSH end
local root = netns.current()

local function declare(...)
  local net = lab "svc"
  return net, net:host { "a", services = { ... } }
end

-- How many processes of the world have a command line that begins so; each test has a number of its own.
local function count(line) return #root:exec({ "pgrep", "-f", "^" .. line }, { check = false }).out:gsub("%d", "") end

local function refused(code, ...)
  local net = declare(...)
  local err = h.refused(code, net.up, net)
  assert.equal(0, #netns.list())
  assert.equal("svc.a", err.netns)
  assert.truthy(err.where:find("services_spec.lua:", 1, true), err.where)
  return tostring(err)
end

describe("a service that can't be started", function()
  it("fails the build with its name, its program and the cause, ready or not", function()
    for i, cmd in ipairs { { "nonesuch", "-x" }, "nonesuch -x", "exec nonesuch -x" } do
      local text = refused("ENOENT", { cmd = cmd, ready = i == 2 and "up" or nil })
      assert.matches("service start nonesuch in svc.a: no program 'nonesuch' in PATH", text, nil, true)
      assert.matches("PATH is " .. os.getenv "PATH", text, nil, true)
    end
    assert.matches("service start dns in svc.a: no program '/nonexist/dns'", refused("ENOENT",
      { "/nonexist/dns", "-k" }), nil, true)
    assert.matches("service start passwd in svc.a: cannot run '/etc/passwd': Permission denied",
      refused("EACCES", { cmd = "/etc/passwd x" }), nil, true)
  end)

  it("does so in a named world, where it would be started by the keeper", function()
    local script = os.tmpname()
    local f = assert(io.open(script, "w"))
    f:write [[
      for _, cmd in ipairs { { "nonesuch" }, "nonesuch -x", "/etc/passwd" } do
        local net = lab "svc"
        net:host { "a", services = { { cmd = cmd, name = "s" } } }
        print(select(2, pcall(net.up, net)).message, #netns.list(), #nsh.labs())
      end
      local net = lab "svc"
      net:host { "a", services = { function() error "called" end } }
      print(select(2, pcall(net.up, net)), #netns.list(), #nsh.labs())
      print((io.popen "ls /run/nsh":read "a"))]]
    f:close()
    local said = root:exec({ NSH, "-w", "svc", script }, { timeout = 20 }).out
    os.remove(script)
    root:exec { NSH, "-w", "svc", "--kill" }
    assert.matches("^no program 'nonesuch' in PATH\t0\t0\nno program 'nonesuch' in PATH\t0\t0\n"
      .. "cannot run '/etc/passwd': Permission denied\t0\t0\n", said)
    assert.matches("service function of svc.a is a function (" .. script, said, nil, true)
    assert.matches("say a command, as [^\n]*\t0\t0\n", said)
    assert.is_nil(said:find("%.log"), said)
  end)

  it("leaves the one that ran before running", function()
    local net, a = declare { "sleep", "11101", name = "nap" }
    net:up()
    h.settles(function() assert.equal(1, #a.netns:pids()) end)
    local worse = declare { "nonesuch", name = "nap" }
    h.refused("ENOENT", worse.up, worse)
    h.settles(function() assert.equal(1, #a.netns:pids()) end)
    assert.equal("nothing to do", tostring(net:plan()))
    net:down()
    assert.equal(0, count "sleep 11101")
  end)
end)

describe("a service that ends", function()
  it("before the build does is told, with what it said last", function()
    local text = refused("EXIT", { "sh", "-c", "echo no luck; sleep 11102 & exit 3", name = "quitter" },
      { "sleep", "11103", ready = function() return count "sh -c echo no luck" == 0 end })
    assert.matches("service start quitter in svc.a: it has ended (EXIT), said last:\n  no luck", text, nil, true)
    assert.matches("in the foreground", text, nil, true)
    assert.equal(0, count "sleep 1110[23]")
  end)

  it("is told rather than the command that misses it", function()
    local net = lab "svc"
    net:host { "a", services = { { "sh", "-c", "echo up; exec sleep 11104", name = "s", ready = function(ns)
      root:exec("kill $(pgrep -f '^sleep 11104')", { check = false })
      return #ns:pids() == 0
    end } }, commands = { "false" } }
    assert.matches("service start s in svc.a: it has ended", tostring(h.refused("EXIT", net.up, net)), nil, true)
  end)

  it("not in time is ended with all that it has started", function()
    refused("ETIMEDOUT", { "sh", "-c", "setsid sleep 11105 & exec sleep 11106", ready = "never", timeout = 0.05 })
    assert.equal(0, count "sleep 1110[56]")
  end)

  it("is not told to have ended by who has no descriptors to look at what it has started", function()
    local script = os.tmpname()
    local f = assert(io.open(script, "w"))
    f:write [[
      local few_files, stay = require "tests.few_files", require "nsh.stay"
      local service = stay.start(netns.current(), { "sh", "-c", "setsid sleep 11109 & exec sleep 11110" })
      local function count() return #io.popen("pgrep -f '^sleep 111(09|10)'"):read "a":gsub("%d", "") end
      while count() < 2 do require("nsh.loop").sleep(0.005) end
      local refused = 0
      for free = 0, 12 do
        local ok, err = few_files(free, stay.stop, service)
        if ok then return print(refused > 2, count()) end
        assert(err.code == "EMFILE", tostring(err))
        refused = refused + 1
      end]]
    f:close()
    local said = root:exec { "sh", "-c", "ulimit -n 60; exec " .. NSH .. " " .. script }
    os.remove(script)
    assert.equal("true\t0\n", said.out)
  end)

  it("with the lab leaves nothing behind: no one of its group who ignores TERM, nor who has left the group", function()
    local net = declare({ "sh", "-c", "(trap '' TERM; exec sleep 11107) & setsid sleep 11108 & echo up; wait",
      ready = function() return count "sleep 1110[78]" == 2 end })
    net:up()
    assert.equal(2, count "sleep 1110[78]")
    net:down()
    assert.equal(0, count "sleep 1110[78]")
  end)
end)
