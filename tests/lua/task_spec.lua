-- task_spec.lua - tasks: who goes on when, what ends them, and whose error is whose
local h = require "tests.helper"

local NSH = os.getenv "NSH" or "./nsh"

-- A table that notes when it is closed.
local function closing(log, word)
  return setmetatable({}, { __close = function() log[#log + 1] = word end })
end

local function run(chunk)
  local result = netns.current():exec({ NSH, "-e", chunk }, { check = false })
  return result.status, result.out, result.err
end

describe("a task", function()
  it("begins at the next wait and takes turns with others", function()
    local log = {}
    local one = nsh.go(function(x)
      log[#log + 1] = "one " .. x
      nsh.sleep(0.02)
      log[#log + 1] = "one again"
      return 1, nil, 3
    end, "arg")
    nsh.go(function() log[#log + 1] = "two" end)
    assert.same({}, log)
    assert.is_true(one:running())
    assert.same({ 1, nil, 3, n = 3 }, table.pack(one:wait()))
    assert.same({ "one arg", "two", "one again" }, log)
    assert.equal("done", one.state)
    assert.equal(1, (one:wait()))
    assert.truthy(tostring(one):find "task of .*task_spec.lua:%d+ %(done%)")
  end)

  it("raises its error where it is waited for", function()
    local log = {}
    local task = nsh.go(function()
      local _ <close> = closing(log, "closed")
      nsh.sleep(0)
      error({ "mine" })
    end)
    assert.same({ "mine" }, h.raised(task.wait, task))
    assert.equal("failed", task.state)
    assert.same({ "closed" }, log)
    assert.same({ "mine" }, h.raised(task.wait, task))
  end)

  it("that nobody waits for fails the script, and is printed", function()
    local status, _, err = run "nsh.go(function() error 'lost' end) nsh.sleep(0)"
    assert.equal(1, status)
    assert.truthy(err:find "lost")
    status, _, err = run "local t = nsh.go(function() error 'heard' end) pcall(t.wait, t)"
    assert.equal(0, status)
    assert.equal("", err)
  end)

  it("is ended where it waits, at the end of the script, too", function()
    local log = {}
    local task = nsh.go(function()
      local _ <close> = closing(log, "closed")
      nsh.sleep(60)
    end)
    nsh.sleep(0)
    task:cancel()
    task:cancel()
    assert.same({ "closed" }, log)
    assert.equal("cancelled", task.state)
    h.refused("ECANCELED", task.wait, task)
    local status, out = run [[nsh.go(function()
      local _ <close> = setmetatable({}, { __close = function() print "closed" end })
      nsh.sleep(60)
    end) nsh.sleep(0) print "end"]]
    assert.equal(0, status)
    assert.equal("end\nclosed\n", out)
  end)

  it("that is cancelled takes its command with it", function()
    local ns = h.netns()
    local task = nsh.go(function() ns:exec "sleep 60" end)
    h.eventually(function() return #ns:pids() > 0 end)
    local before = h.descriptors()
    task:cancel()
    h.eventually(function() return #ns:pids() == 0 end)
    assert.truthy(h.descriptors() < before)
  end)

  it("can be waited for by several, for a while", function()
    local slow = nsh.go(function() nsh.sleep(0.05) return "x" end)
    local err = h.refused("ETIMEDOUT", slow.wait, slow, 0.001)
    assert.truthy(err.message:find "still runs")
    local function get() return (slow:wait()) end
    assert.same({ "x", "x" }, nsh.all { get, get })
  end)

  it("can't wait for itself, nor in a circle", function()
    local task, other
    task = nsh.go(function() return h.misuse("wait for itself", task.wait, task) end)
    task:wait()
    task = nsh.go(function() other:wait() end)
    other = nsh.go(function() task:wait() end)
    h.misuse("nothing can end this wait", task.wait, task)
    task:cancel()
    h.refused("ECANCELED", other.wait, other)
  end)

  it("is no other value", function()
    h.misuse("a task is a function, not a nil", nsh.go)
    h.misuse("has no field 'stat'", function() return nsh.go(function() end).stat end)
  end)
end)

describe("waits in tasks", function()
  it("go on at once: commands, pings, sleeps, states, events", function()
    local ns = h.netns()
    ns:link "lo":set { up = true }
    local watch <close> = nsh.watch { "link", netns = ns }
    local started = nsh.go(function() return os.time() end)
    local results = nsh.all {
      exec = function() return ns:exec("sleep 0.2; echo out").out end,
      ping = function() return ns:ping("127.0.0.1", { count = 3, interval = 0.08 }).received end,
      reaches = function() return ns:reaches("127.0.0.1") end,
      sleep = function() nsh.sleep "200ms" return "slept" end,
      spawn = function() return ns:spawn("sleep 0.2; exit 3"):wait({ check = false }).status end,
      link = function() return ns:wait_link("d0").name end,
      event = function() return watch:next(5).name end,
      add = function()
        nsh.sleep(0.1)
        ns:add_link { "d0", kind = "bridge" }
        return "added"
      end,
    }
    assert.truthy(started:wait())
    assert.same({ exec = "out\n", ping = 3, reaches = true, sleep = "slept", spawn = 3, link = "d0", event = "d0",
      add = "added" }, results)
  end)

  it("of many are served together", function()
    local ns, list = h.netns(), {}
    for i = 1, 100 do list[i] = function() return ns:exec { "echo", "-n", i }.out end end
    for i, out in ipairs(nsh.all(list)) do assert.equal(tostring(i), out) end
  end)

  it("work in coroutines and callbacks inside of a task", function()
    local turns = 0
    local other = nsh.go(function() while true do turns = turns + 1 nsh.sleep(0.005) end end)
    local task = nsh.go(function()
      local got = coroutine.wrap(function() nsh.sleep(0.03) coroutine.yield "inner" end)()
      local text = ("x"):gsub("x", function() nsh.sleep(0.03) return "y" end)
      return got, text
    end)
    assert.same({ "inner", "y" }, { task:wait() })
    assert.truthy(turns > 3)
    other:cancel()
  end)

  it("of ns:call and ns:batch are alone", function()
    local ns, turns = h.netns(), 0
    local other = nsh.go(function() while true do turns = turns + 1 nsh.sleep(0) end end)
    nsh.sleep(0)
    local before = turns
    ns:call(function() nsh.sleep(0.02) end)
    ns:batch(function() nsh.sleep(0.02) end)
    assert.equal(before, turns)
    h.misuse("nothing else goes on", ns.call, ns, function() other:wait() end)
    other:cancel()
  end)

  it("end when what is waited for is closed", function()
    local watch = nsh.watch { "link" }
    local task = nsh.go(function()
      local n = 0
      for _ in watch:events { follow = true } do n = n + 1 end
      return n
    end)
    nsh.sleep(0)
    watch:close()
    assert.equal(0, (task:wait(5)))
  end)
end)

describe("nsh.all", function()
  it("keeps the keys, and raises the first error after the others were cancelled", function()
    assert.same({}, nsh.all {})
    assert.same({ "a", x = false }, nsh.all { function() return "a", "b" end, x = function() return false end })
    local log = {}
    local err = h.raised(nsh.all, {
      function()
        local _ <close> = closing(log, "closed")
        nsh.sleep(60)
      end,
      function() nsh.sleep(0.01) error("no!", 0) end,
    })
    assert.equal("no!", err)
    assert.same({ "closed" }, log)
    h.misuse("all takes a table of functions", nsh.all, print)
    h.misuse("a task is a function", nsh.all, { 1 })
  end)

  it("cancels its tasks when it is cancelled", function()
    local log = {}
    local task = nsh.go(function()
      nsh.all { function()
        local _ <close> = closing(log, "inner")
        nsh.sleep(60)
      end }
    end)
    nsh.sleep(0.01)
    task:cancel()
    assert.same({ "inner" }, log)
  end)
end)

describe("nsh.timeout", function()
  it("returns what the function returns, or cancels it", function()
    assert.same({ 1, nil, 2, n = 3 }, table.pack(nsh.timeout(5, function(...) return ... end, 1, nil, 2)))
    assert.equal("mine", h.raised(nsh.timeout, 5, function() error("mine", 0) end))
    local log = {}
    local err = h.refused("ETIMEDOUT", nsh.timeout, "20ms", function()
      local _ <close> = closing(log, "closed")
      nsh.sleep(60)
    end)
    assert.truthy(tostring(err):find "not done within 20ms")
    assert.same({ "closed" }, log)
    h.misuse("timeout wants seconds", nsh.timeout)
    h.misuse("timeout must be seconds", nsh.timeout, "soon", print)
  end)
end)
