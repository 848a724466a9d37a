-- process_spec.lua - exec and spawn: what comes back, what fails, what stays behind

local function read(path)
  local f = assert(io.open(path))
  local text = f:read "a"
  f:close()
  return text
end

local h = require "tests.helper"

local raised, eventually = h.raised, h.eventually

-- Numbers of nsh's own open descriptors and of its children, zombies included.
local function held()
  local children = 0
  for _ in read("/proc/thread-self/children"):gmatch "%d+" do children = children + 1 end
  return h.descriptors(), children
end

describe("a command", function()
  local ns

  setup(function() ns = netns.add "process" end)
  teardown(function() ns:del() end)

  local function gone(pattern)
    return ns:exec({ "pgrep", "-f", pattern }, { check = false }).status == 1
  end

  describe("run by exec", function()
    it("gives every exit status", function()
      for status = 0, 255 do
        local r = ns:exec("exit " .. status, { check = false })
        assert.equal(status, r.status)
        assert.is_nil(r.signal)
      end
    end)

    it("names the signal that killed it", function()
      for _, name in ipairs { "HUP", "INT", "ABRT", "KILL", "USR1", "SEGV", "PIPE", "TERM" } do
        local r = ns:exec("kill -" .. name .. " $$", { check = false })
        assert.equal(name, r.signal)
        assert.is_nil(r.status)
      end
    end)

    it("is words without a shell when it is a table", function()
      assert.equal("$(reboot); a b", ns:exec({ "printf", "%s", "$(reboot); a b" }).out)
      assert.equal("1 2.5\n", ns:exec({ "echo", 1, 2.5 }).out)
    end)

    it("keeps what it writes apart", function()
      local r = ns:exec "echo out; echo err >&2"
      assert.equal("out\n", r.out)
      assert.equal("err\n", r.err)
      assert.is_true(r.seconds > 0 and r.seconds < 5)
    end)

    it("reads a megabyte and gives it back", function()
      local input = ("0123456789abcde\0"):rep(65536)
      assert.is_true(ns:exec({ "cat" }, { input = input }).out == input)
    end)

    it("need not read its input, and finds none where none is given", function()
      assert.equal(0, ns:exec({ "true" }, { input = ("x"):rep(1000000) }).status)
      assert.equal("", ns:exec({ "cat" }).out)
    end)

    it("may write five megabytes to each output", function()
      local r = ns:exec "head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2"
      assert.equal(5000000, #r.out)
      assert.equal(5000000, #r.err)
      assert.is_nil(r.out_lost)
    end)

    it("has 64 MiB of each output kept and the rest counted", function()
      local r = ns:exec "head -c 100000000 /dev/zero"
      assert.is_true(#r.out >= 64 << 20)
      assert.equal(100000000, #r.out + r.out_lost)
    end)

    it("is stopped when its time is out, and all of its group", function()
      local err = raised(ns.exec, ns, "sleep 61 & echo $!; sleep 62", { timeout = 0.2 })
      assert.equal("TIMEOUT", err.code)
      assert.equal("TERM", err.signal)
      assert.is_true(err.seconds >= 0.2 and err.seconds < 1)
      assert.is_true(ns:exec("sleep 60", { timeout = "100ms", check = false }).timed_out)
      assert.is_true(eventually(function() return gone "^sleep 6[12]" end))
    end)

    it("leaves nobody of its group behind, who doesn't care either", function()
      ns:exec("(trap '' TERM; while :; do sleep 0.05; done) & wait", { timeout = 0.3, check = false })
      assert.is_true(eventually(function() return #ns:pids() == 0 end))
    end)

    it("is killed a second later when it doesn't care", function()
      local r = ns:exec("trap '' TERM; while :; do sleep 0.05; done", { timeout = 0.4, check = false })
      assert.equal("KILL", r.signal)
      assert.is_true(r.seconds > 1.4 and r.seconds < 3)
    end)

    it("has ended when its first process has", function()
      local r = ns:exec "sleep 5 & echo $!; echo done"
      assert.matches("done", r.out)
      assert.is_true(r.seconds < 2)
      local endless = ns:exec "yes & sleep 0.05"
      assert.is_true(endless.seconds < 2)
      ns:exec("kill " .. r.out:match "%d+")
    end)

    it("stands where it is told to", function()
      assert.equal("/\n", ns:exec("pwd", { cwd = "/" }).out)
      local here = io.popen "pwd -P"
      assert.equal(here:read "a", ns:exec("pwd -P").out)
      here:close()
    end)

    it("has our environment and what is added, without what is false", function()
      local script = "echo $ADDED-$NUMBER-${HOME-none}-${USER_OF_NSH-none}"
      local out = ns:exec(script, { env = { ADDED = "x y", NUMBER = 5, HOME = false } }).out
      assert.equal("x y-5-none-none\n", out)
      assert.equal(os.getenv "HOME" .. "\n", ns:exec("echo $HOME").out)
    end)

    it("finds the administrator's programs", function()
      local out = ns:exec({ "/bin/sh", "-c", "echo $PATH" }, { env = { PATH = "/bin:/sbin" } }).out
      assert.equal("/bin:/sbin:/usr/local/sbin:/usr/sbin\n", out)
    end)

    it("gets three descriptors, no ignored or blocked signal and a group of its own", function()
      local fds = {}
      for fd in ns:exec({ "ls", "/proc/self/fd" }, { input = "x" }).out:gmatch "%d+" do fds[#fds + 1] = fd end
      assert.same({ "0", "1", "2", "3" }, fds) -- 3 is the folder that ls reads
      local status = ns:exec({ "cat", "/proc/self/status" }).out
      assert.matches("SigBlk:\t0000000000000000", status)
      -- 32 and 33 are the C library's own; make, which uses posix_spawn, leaves them ignored to what it starts
      local ignored = tonumber(status:match "SigIgn:\t(%x+)", 16)
      assert.equal(0, ignored & ~(3 << 31))
      assert.matches("^(%d+) %1\n$", ns:exec("echo $$ $(ps -o pgid= $$)").out)
    end)
  end)

  describe("that fails", function()
    it("raises its status and what it said", function()
      local err = raised(ns.exec, ns, "echo one; echo lost >&2; exit 3")
      assert.equal("EXIT", err.code)
      assert.equal(3, err.status)
      assert.equal("one\n", err.out)
      assert.equal("lost\n", err.err)
      assert.equal("exec", err.op)
      assert.equal("process", err.netns)
      assert.matches("exit status 3", tostring(err))
      assert.matches("lost", tostring(err))
    end)

    it("says no more than its last lines, with no control characters", function()
      local err = raised(ns.exec, ns, "for i in 1 2 3 4 5 6 7; do printf '\\033[31mline%s\\n' $i >&2; done; exit 1")
      local text = tostring(err)
      assert.is_nil(text:find "line2\n")
      assert.is_truthy(text:find("\\x1b[31mline7", 1, true))
      assert.is_nil(text:find "\27")
    end)

    it("raises the signal", function()
      local err = raised(ns.exec, ns, "kill -9 $$")
      assert.equal("SIGNAL", err.code)
      assert.equal("KILL", err.signal)
    end)

    it("is an error of its own when it can't be run", function()
      local err = raised(ns.exec, ns, { "no-such-program" })
      assert.equal("ENOENT", err.code)
      assert.matches("no program 'no%-such%-program' in PATH", tostring(err))
      assert.matches("`sh %-c`", tostring(raised(ns.exec, ns, { "echo hello" })))
      assert.equal("EACCES", raised(ns.exec, ns, { "/etc/passwd" }).code)
      local away = raised(ns.exec, ns, "true", { cwd = "/no/such" })
      assert.equal("ENOENT", away.code)
      assert.matches("cannot cd to /no/such", tostring(away))
      assert.equal("ENOENT", raised(ns.spawn, ns, { "no-such-program" }).code)
    end)

    it("names the package of a program that is missing, to a shell too", function()
      local missing, remedy
      for _, name in ipairs { "tshark", "bpftool", "conntrack", "iptables", "socat" } do
        if not nsh.program(name) then missing, remedy = name, select(2, nsh.program(name)) end
      end
      if not missing then h.pending "all programs that labs run are there" end
      assert.matches("^apt%-get install ", remedy)
      assert.equal(remedy, h.refused("ENOENT", ns.exec, ns, { missing }).hint)
      assert.equal(remedy, h.refused("EXIT", ns.exec, ns, missing).hint)
      assert.equal(remedy, h.refused("EXIT", ns.exec, ns, { "bash", "-c", missing .. "; exit $?" }).hint)
      local p = ns:spawn("exec " .. missing)
      assert.equal(remedy, h.refused("EXIT", p.expect, p, "ready").hint)
    end)

    it("tells a missing interpreter from a missing program", function()
      local path = os.tmpname()
      local f = assert(io.open(path, "w"))
      f:write "#!/no/such/interpreter\n"
      f:close()
      os.execute("chmod +x " .. path)
      local err = raised(ns.exec, ns, { path })
      os.remove(path)
      assert.matches("interpreter", tostring(err))
    end)
  end)

  it("that makes no sense is refused", function()
    local cases = {
      { "", "empty" }, { " \n", "empty" }, { {}, "empty" }, { { "" }, "empty" }, { "a\0b", "NUL" },
      { { "a", "b\0" }, "word 2 .* NUL" }, { { "a", true }, "word 2 .* boolean" }, { { "a", x = 1 }, "key 'x'" },
      { { "a", [3] = "c" }, "key '3'" }, { 42, "number" }, { nil, "nil" },
      { "true", "options .* table", "text" }, { "true", "timeout", { timout = 1 } }, { "true", "table", { env = 1 } },
      { "true", "env", { env = { "A=b" } } }, { "true", "a=b", { env = { ["a=b"] = "c" } } },
      { "true", "boolean", { env = { A = true } } }, { "true", "NUL", { env = { A = "\0" } } },
      { "true", "cwd", { cwd = {} } }, { "true", "timeout", { timeout = "soon" } }, { "true", "input", { input = {} } },
    }
    for _, case in ipairs(cases) do
      local err = raised(ns.exec, ns, case[1], case[3])
      assert.equal("string", type(err))
      assert.matches(case[2], err)
      assert.matches("^[%w/_.]+%.lua:%d+: ", err)
    end
  end)

  describe("that is spawned", function()
    it("runs until it is killed", function()
      local p = ns:spawn { "sleep", "60" }
      assert.is_true(p:running())
      assert.is_true(h.alive(p.pid))
      assert.equal(("process %d (sleep 60) in process"):format(p.pid), tostring(p))
      assert.equal("TIMEOUT", raised(p.wait, p, { timeout = 0.05 }).code)
      assert.is_true(p:kill())
      local err = raised(p.wait, p)
      assert.equal(("process %d (sleep 60) in process, killed by SIGTERM"):format(p.pid), tostring(p))
      assert.equal("SIGNAL", err.code)
      assert.equal("TERM", err.signal)
      assert.equal("TERM", p:wait({ check = false }).signal)
      assert.is_false(p:running())
      assert.is_false(p:kill "KILL")
      assert.is_false(h.alive(p.pid))
    end)

    it("gives its status", function()
      assert.equal(0, ns:spawn({ "true" }):wait().status)
      assert.equal(7, ns:spawn("exit 7"):wait({ check = false }).status)
      assert.equal(7, raised(function() ns:spawn("exit 7"):wait() end).status)
    end)

    it("is killed with all of its group", function()
      local p = ns:spawn "sleep 71 & sleep 72"
      assert.is_true(eventually(function()
        return #ns:exec("pgrep -f '^sleep 7[12]'", { check = false }).out > 3
      end))
      p:kill "SIGKILL"
      assert.equal("KILL", p:wait({ check = false }).signal)
      assert.is_true(eventually(function() return gone "^sleep 7[12]" end))
    end)

    it("takes a signal by name and by number", function()
      for sig, name in pairs { USR1 = "USR1", SIGINT = "INT", [1] = "HUP" } do
        local p = ns:spawn { "sleep", "60" }
        p:kill(sig)
        assert.equal(name, p:wait({ check = false }).signal)
      end
      local p <close> = ns:spawn { "sleep", "60" }
      assert.matches("did you mean 'TERM'", raised(p.kill, p, "TRM"))
      assert.matches("out of range", raised(p.kill, p, 65))
      assert.matches("a name", raised(p.kill, p, {}))
    end)

    it("is stopped at the end of the block when it is declared <close>", function()
      local pid
      do
        local p <close> = ns:spawn { "sleep", "60" }
        pid = p.pid
      end
      assert.is_false(h.alive(pid))
    end)

    it("goes on when its variable is collected", function()
      local path = os.tmpname()
      local pid = ns:spawn({ "sh", "-c", "echo $$ > $0; exec sleep 60", path }).pid
      collectgarbage()
      collectgarbage()
      assert.is_true(h.alive(pid))
      assert.is_true(eventually(function() return read(path) ~= "" end))
      ns:exec("kill " .. read(path)) -- its number inside the world
      os.remove(path)
      assert.is_true(eventually(function() return not h.alive(pid) end))
    end)
  end)

  it("is reaped by any wait when nobody holds it any more", function()
    local fds, children = held()
    ns:spawn { "sleep", "0.05" }
    collectgarbage()
    collectgarbage()
    assert.is_true(eventually(function()
      local fds_now, children_now = held()
      return fds_now <= fds and children_now <= children
    end))
  end)

  it("leaves no descriptor and no zombie", function()
    local rounds = os.getenv "NSH_SOAK" and 10000 or 200
    local function round(i)
      ns:exec { "true" }
      pcall(ns.exec, ns, { "no-such-program" })
      if i % 2 == 0 then ns:spawn { "echo", "nobody reads this" } end
      if i % 5 == 0 then ns:spawn({ "cat" }, { input = "x" }):wait() end
    end
    for i = 1, 100 do round(i) end
    ns:spawn({ "true" }):wait()
    collectgarbage()
    local fds, children = held()
    for i = 1, rounds do round(i) end
    local grown
    eventually(function()
      ns:spawn({ "true" }):wait()
      collectgarbage()
      local fds_now, children_now = held()
      grown = { fds = math.max(0, fds_now - fds), children = math.max(0, children_now - children) }
      return grown.fds == 0 and grown.children == 0
    end)
    assert.same({ fds = 0, children = 0 }, grown)
  end)
end)
