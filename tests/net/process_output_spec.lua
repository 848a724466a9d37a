-- process_output_spec.lua - what spawned processes write and read: kept, lost, filed, given, waited for
local h = require "tests.helper"

local MIB = 1 << 20

local function read(path)
  local f = assert(io.open(path))
  local text = f:read "a"
  f:close()
  return text
end

local function all(iterator, ...)
  local list = {}
  for line in iterator, ... do list[#list + 1] = line end
  return list
end

describe("the output of a process", function()
  local ns, path

  setup(function() ns = netns.add "output" end)
  teardown(function() ns:del() end)
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("is kept, both streams apart, and its end is told apart", function()
    local p = ns:spawn "echo one; echo two >&2; exit 3"
    p:wait { check = false }
    assert.same({ "one\n", "two\n", 3 }, { p.out, p.err, p.status })
    assert.is_nil(p.signal)
    assert.is_nil(p.out_lost)
    local q = ns:spawn "kill -9 $$"
    q:wait { check = false }
    assert.same({ "KILL", "", "" }, { q.signal, q.out, q.err })
    assert.is_nil(q.status)
  end)

  it("is there while it runs", function()
    local p <close> = ns:spawn "echo early; exec sleep 60"
    p:expect "early"
    assert.equal("early\n", p.out)
    assert.is_nil(p.status)
    assert.is_true(p:running())
  end)

  it("has its last MiB kept and the rest counted, and never stops the process", function()
    local p = ns:spawn "yes 0123456 | head -c 5000000; echo last; yes error | head -c 3000000 >&2"
    p:wait { timeout = 10 }
    assert.equal(MIB, #p.out)
    assert.equal(5000005, #p.out + p.out_lost)
    assert.matches("\nlast\n$", p.out)
    assert.equal(3000000, #p.err + p.err_lost)
    assert.matches("\nerror\n$", p.err)
  end)

  it("is kept as far as keep says", function()
    for _, keep in ipairs { 1, 10, 4096, 5000, "8kb" } do
      local p = ns:spawn("seq 1 4000", { keep = keep })
      p:wait()
      local bytes = keep == "8kb" and 8000 or keep
      assert.is_true(#p.out == bytes or #p.out == 8192, keep .. ": " .. #p.out)
      local whole = ns:exec("seq 1 4000").out
      assert.equal(whole:sub(-#p.out), p.out)
      assert.equal(#whole, #p.out + p.out_lost)
    end
  end)

  it("is taken in during every wait", function()
    local p <close> = ns:spawn("yes | head -c 4000000; touch " .. path .. ".done; exec sleep 60")
    assert.is_truthy(h.eventually(function() return io.open(path .. ".done") end))
    os.remove(path .. ".done")
    assert.equal(4000000, #p.out + p.out_lost)
  end)

  it("is read on when nobody holds the process any more", function()
    ns:spawn("yes | head -c 4000000 && echo whole >" .. path)
    collectgarbage()
    collectgarbage()
    assert.is_truthy(h.eventually(function() return read(path) == "whole\n" end))
  end)

  it("that comes from children it left behind is taken in too", function()
    local p = ns:spawn "(sleep 0.2; echo late) & echo early"
    p:wait()
    assert.equal("early\n", p.out)
    assert.is_truthy(h.eventually(function() return p.out == "early\nlate\n" end))
  end)

  it("goes to files, made anew or made longer", function()
    ns:spawn("echo one; echo two >&2", { out = { file = path }, err = { file = path, append = true } }):wait()
    assert.equal("one\ntwo\n", h.sorted { read(path) }[1])
    local p = ns:spawn("echo three", { out = { file = path, append = true } })
    p:wait()
    assert.equal("one\ntwo\nthree\n", read(path))
    assert.is_nil(p.out)
    ns:spawn("echo four; echo five >&2", { out = { file = path }, err = "out" }):wait()
    assert.equal("four\nfive\n", read(path))
  end)

  it("is thrown away, or goes one way", function()
    local p = ns:spawn("echo one; echo two >&2", { out = false })
    p:wait()
    assert.is_nil(p.out)
    assert.equal("two\n", p.err)
    local q = ns:spawn("echo one; echo two >&2; echo three", { err = "out" })
    q:wait()
    assert.equal("one\ntwo\nthree\n", q.out)
    assert.is_nil(q.err)
    local r = ns:spawn("echo one >&2", { out = false, err = "out" })
    r:wait()
    assert.is_nil(r.err)
  end)

  it("goes where nsh writes when it is inherited", function()
    local nsh_program = os.getenv "NSH" or "./nsh"
    local code = [[local p = netns.current():spawn("echo one; echo two >&2", { out = "inherit", err = "inherit" })
      p:wait() assert(p.out == nil) netns.current():spawn "echo three":wait()]]
    assert.equal("one\ntwo\n", ns:exec({ nsh_program, "-e", code }, { cwd = "." }).out ..
      ns:exec({ nsh_program, "-e", code }).err)
  end)

  it("is told when it fails: its last lines, cut", function()
    local p = ns:spawn "for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; printf '%0300d' 7 >&2; exit 4"
    local err = h.refused("EXIT", p.wait, p)
    assert.matches("exit status 4", tostring(err))
    assert.matches("line 7\n", tostring(err))
    assert.is_nil(tostring(err):find("line 2", 1, true))
    assert.is_nil(tostring(err):find(("0"):rep(250), 1, true))
    assert.same({ 4, p.err, "" }, { err.status, err.err, err.out })
  end)

  it("may be nonsense in its options", function()
    local cases = {
      { { out = "kept" }, '"inherit"' }, { { out = "out" }, '"inherit"' }, { { out = true }, "or false" },
      { { err = 1 }, '"out"' }, { { out = {} }, "names a file" }, { { out = { file = "" } }, "names a file" },
      { { out = { fil = "x" } }, "did you mean 'file'" }, { { err = { file = 1 } }, "file must be a string" },
      { { input = { file = "x", append = true } }, "unknown key 'append'" }, { { input = 1 }, "input must be" },
      { { keep = 0 }, "keep" }, { { keep = "much" }, "keep" }, { { otu = false }, "did you mean 'out'" },
      { { out = { file = "a\0b" } }, "NUL" },
    }
    for _, case in ipairs(cases) do h.misuse(case[2], ns.spawn, ns, "true", case[1]) end
    local err = h.refused("ENOENT", ns.spawn, ns, "true", { out = { file = "/no/such/file" } })
    assert.matches("cannot open /no/such/file", tostring(err))
    h.refused("ENOENT", ns.spawn, ns, "true", { input = { file = "/no/such/file" } })
    h.refused("EISDIR", ns.spawn, ns, "true", { out = { file = "/" } })
    os.remove(path)
    assert(os.execute("mkfifo " .. path))
    h.refused("ENXIO", ns.spawn, ns, "true", { out = { file = path } })
  end)

  describe("line by line", function()
    it("is what was written until now, and what came since at the next call", function()
      local p <close> = ns:spawn("echo a; echo b; read x; echo c; printf unfinished; exec sleep 60", { input = true })
      p:expect "b"
      assert.same({ "a", "b" }, all(p:lines()))
      assert.same({}, all(p:lines()))
      p:write "\n"
      p:expect "unfinished"
      assert.same({ "c" }, all(p:lines()))
      p:stop()
      assert.same({ "unfinished" }, all(p:lines()))
      assert.same({}, all(p:lines()))
    end)

    it("ends where the output was when it was asked for", function()
      local p <close> = ns:spawn "yes"
      p:expect "y"
      local n = 0
      for _ in p:lines() do n = n + 1 end
      assert.is_true(n > 0)
    end)

    it("is followed to the end of the process", function()
      local p = ns:spawn "for i in 1 2 3; do echo $i; sleep 0.02; done; printf 4; echo no >&2"
      assert.same({ "1", "2", "3", "4" }, all(p:lines { follow = true }))
      assert.is_false(p:running())
      assert.same({ "no" }, all(p:lines { from = "err", follow = true }))
    end)

    it("ends after quiet seconds", function()
      local p <close> = ns:spawn("for i in 1 2 3; do echo $i; read x; done; exec sleep 60", { input = true })
      p:expect "1"
      local typist = nsh.go(function()
        for _ = 1, 3 do
          nsh.sleep(0.1)
          p:write "\n"
        end
      end)
      assert.same({ "1", "2", "3" }, all(p:lines { timeout = 0.5 }))
      typist:wait()
    end)

    it("passes over what isn't kept any more, whole lines only", function()
      local p = ns:spawn("seq 1 3000", { keep = 1000 })
      p:wait()
      local lines = all(p:lines())
      assert.equal("3000", lines[#lines])
      for i, line in ipairs(lines) do assert.equal(3000 - #lines + i, tonumber(line)) end
      assert.is_true(#lines >= 199)
    end)

    it("takes lines of any length, empty ones and bytes of any kind", function()
      local p = ns:spawn [[printf 'a\n\n\0b\r\n%s\n' $(head -c 100000 /dev/zero | tr '\0' x)]]
      p:wait()
      assert.same({ "a", "", "\0b\r", ("x"):rep(100000) }, all(p:lines()))
    end)

    it("must be of a stream that is kept", function()
      local p <close> = ns:spawn("sleep 60", { out = false, err = "out" })
      h.misuse("out of this process isn't kept", p.lines, p)
      h.misuse("err of this process isn't kept", p.lines, p, { from = "err" })
      h.misuse("from must be", p.lines, p, { from = "in" })
      h.misuse("unknown key 'folow'", p.lines, p, { folow = true })
      local q <close> = ns:spawn "sleep 60"
      h.misuse("timeout", q.lines, q, { timeout = "soon" })
      h.misuse("no output of this process is kept", p.expect, p, "x")
    end)
  end)

  describe("that is expected", function()
    it("is a line of either stream, with captures", function()
      local p <close> = ns:spawn "echo starting; echo 'port 80 of web' >&2; exec sleep 60"
      assert.same({ "port 80 of web", "80", "web" }, { p:expect "^port (%d+) of (%w+)" })
      assert.equal("starting", (p:expect "start"))
    end)

    it("comes later, and each line only once", function()
      local p <close> = ns:spawn("for i in 1 2 3; do echo tick $i; read x; done", { input = true })
      for i = 1, 3 do
        assert.equal("tick " .. i, (p:expect "tick"))
        p:write "\n"
      end
    end)

    it("may be a prompt without a newline", function()
      local p <close> = ns:spawn("printf 'password: '; read x; echo got $x", { input = true })
      p:expect "password: $"
      p:write "secret\n"
      assert.equal("got secret", (p:expect "got"))
      assert.equal(0, p:wait().status)
    end)

    it("is an error with exit and last words when the process ends first", function()
      local p = ns:spawn "echo cannot bind to port 80 >&2; exit 7"
      local err = h.refused("EXIT", p.expect, p, "listening")
      assert.equal(7, err.status)
      assert.matches("exit status 7.*'listening'.*cannot bind to port 80", tostring(err))
      assert.equal("SIGNAL", h.raised(function() ns:spawn("kill -9 $$"):expect "x" end).code)
      local quiet = h.refused("EXIT", function() ns:spawn("exit 0"):expect "x" end)
      assert.equal(0, quiet.status)
    end)

    it("is an error with the last words when it doesn't come", function()
      local p <close> = ns:spawn "echo starting; echo still loading; exec sleep 60"
      p:expect "starting"
      local err = h.refused("ETIMEDOUT", p.expect, p, "ready", 0.2)
      assert.matches("'ready' in 0.2 s:.*still loading", tostring(err))
    end)

    it("must be a pattern that can be one", function()
      local p <close> = ns:spawn { "sleep", "60" }
      h.misuse("a pattern", p.expect, p)
      h.misuse("malformed pattern", p.expect, p, "[")
      h.misuse("seconds", p.expect, p, "x", "soon")
    end)

    it("is waited for by several tasks at once", function()
      local seen = {}
      local tasks = {}
      for i = 1, 8 do
        tasks[i] = function()
          local p <close> = ns:spawn(("sleep 0.0%d; echo ready %d; exec sleep 60"):format(i % 5, i))
          local line = p:expect("ready", 30)
          seen[#seen + 1] = line
        end
      end
      local start = nsh.go(function() nsh.sleep(60) end)
      nsh.all(tasks)
      assert.is_true(start:running())
      start:cancel()
      assert.equal(8, #seen)
    end)

    it("is heard even if somebody else read it meanwhile", function()
      local p <close> = ns:spawn("read x; echo now; exec sleep 60", { input = true })
      local waiting = nsh.go(function() return p:expect "now" end)
      nsh.sleep(0.01)
      p:write "\n"
      assert.is_truthy(h.eventually(function() return p.out == "now\n" end))
      assert.equal("now", waiting:wait(2))
    end)

    it("ends by Ctrl-C", function()
      h.interrupted 'netns.current():spawn("sleep 60"):expect "x"'
      h.interrupted 'for _ in netns.current():spawn("sleep 60"):lines { follow = true } do end'
    end)
  end)

  describe("comes from input that", function()
    it("is text, as much as it may be", function()
      local data = ("0123456789abcde\0"):rep(200000)
      local p = ns:spawn({ "cat" }, { input = data, keep = "8mb" })
      p:wait()
      assert.is_true(p.out == data)
    end)

    it("is a file, or nothing", function()
      local f = assert(io.open(path, "w"))
      f:write "from a file\n"
      f:close()
      local p = ns:spawn({ "cat" }, { input = { file = path } })
      p:wait()
      assert.equal("from a file\n", p.out)
      for _, input in ipairs { "", false } do
        local q = ns:spawn({ "cat" }, { input = input })
        q:wait()
        assert.equal("", q.out)
      end
    end)

    it("is written by and by, until it is closed", function()
      local p = ns:spawn({ "cat" }, { input = true })
      p:write "a"
      p:expect "a"
      p:write "b\n"
      p:expect "^b$"
      p:close_input()
      p:close_input()
      assert.equal(0, p:wait().status)
      assert.equal("ab\n", p.out)
      h.refused("EPIPE", p.write, p, "c")
    end)

    it("is larger than all pipes on the way", function()
      local p = ns:spawn({ "cat" }, { input = true })
      for _ = 1, 3 do p:write(("x"):rep(3000000)) end
      p:close_input()
      p:wait()
      assert.equal(9000000, #p.out + p.out_lost)
    end)

    it("nobody reads is an error, and never the end of nsh", function()
      local p <close> = ns:spawn("exec <&-; echo deaf; exec sleep 60", { input = true })
      p:expect "deaf"
      local err = h.refused("EPIPE", p.write, p, "hello")
      assert.matches("reads no more", tostring(err))
      local q = ns:spawn({ "true" }, { input = true })
      q:wait()
      h.refused("EPIPE", q.write, q, ("x"):rep(1000000))
      assert.equal(0, ns:spawn({ "true" }, { input = ("x"):rep(1000000) }):wait().status)
    end)

    it("is given on when nobody holds the process any more", function()
      ns:spawn({ "sh", "-c", "sleep 0.1; wc -c >" .. path }, { input = ("x"):rep(1000000) })
      collectgarbage()
      collectgarbage()
      assert.is_truthy(h.eventually(function() return read(path):match "^1000000" end))
    end)

    it("is waited for: Ctrl-C ends a write that nobody reads", function()
      h.interrupted 'netns.current():spawn("sleep 60", { input = true }):write(("x"):rep(10000000))'
    end)

    it("was never asked for", function()
      local p <close> = ns:spawn { "sleep", "60" }
      h.misuse("input = true", p.write, p, "x")
      h.misuse("input = true", p.close_input, p)
      h.misuse("text", p.write, p, 1)
    end)
  end)
end)
