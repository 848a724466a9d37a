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
    local err = h.refused("ENOENT", function()
      daemon.start { "x", command = { "no-such-program" }, ready = {} }
    end)
    assert.is_truthy(err.where:find "daemon_spec.lua")
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

  it("refuses what it doesn't know", function()
    h.misuse("did you mean 'command'", daemon.start, { "x", comand = {}, ready = {} })
    h.misuse("needs ready", daemon.start, { "x", command = { "sh" } })
    h.misuse("did you mean 'tcp'", daemon.start, { "x", command = { "sh" }, ready = { tpc = 1 } })
  end)
end)
