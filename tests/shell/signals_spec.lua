-- signals_spec.lua - Ctrl-C and its kin: what stops, what is cleaned up, what the shell sees

local NSH = os.getenv "NSH" or "./nsh"

local sh = [[
: >"$1/out"
%s -e '%s' >"$1/out" 2>&1 &
pid=$!
n=0
until grep -q ready "$1/out"; do n=$((n + 1)); [ $n -lt 500 ] || break; sleep 0.01; done
%s
wait $pid
echo $?]]

-- Runs a chunk that says "ready" at its beginning, or where it has READY, does `act` to $pid then; returns the wait
-- status of the shell and the output.
local function signalled(chunk, act)
  local dir = os.tmpname()
  os.remove(dir)
  local say = 'io.write("ready\\n") io.flush() '
  chunk = chunk:find "READY" and chunk:gsub("READY", say) or say .. chunk
  local script = sh:format(NSH, chunk, act)
  local f = io.popen(("exec 2>/dev/null; mkdir %s; set -- %s; %s"):format(dir, dir, script))
  local status = tonumber(f:read "a":match "%d+%s*$")
  f:close()
  local out = io.open(dir .. "/out"):read "a"
  os.execute("rm -r " .. dir)
  return status, (out:gsub("^ready\n", ""))
end

local INT, TERM, HUP = "kill -INT $pid", "kill -TERM $pid", "kill -HUP $pid"

local endless = {
  ["a loop"] = "while true do end",
  ["a coroutine"] = "coroutine.wrap(function() while true do end end)()",
  ["a resumed coroutine"] = "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
  ["a coroutine in a coroutine"] =
    "local w = coroutine.wrap w(function() w(function() while true do end end)() end)()",
  ["a loop that catches errors"] = "while true do pcall(function() while true do end end) end",
  ["a loop with xpcall"] = "while true do xpcall(function() while true do end end, debug.traceback) end",
  ["a loop whose message handler forgets"] = "while true do xpcall(nsh.sleep, function() end, 60) end",
  ["a loop of pcalls that fail"] = "while true do pcall(error) end",
  ["a C function with callbacks"] = "while true do (\"x\"):rep(100):gsub(\".\", function() end) end",
  ["a sleep"] = "nsh.sleep(60)",
  ["a loop that catches the sleep's error"] = "while true do pcall(nsh.sleep, 60) end",
  ["a command"] = "netns.current():exec \"sleep 60\"",
  ["os.execute"] = "os.execute \"sleep 60\"",
  ["a pipe"] = "io.popen(\"sleep 60\"):read \"a\"",
  ["a wait for tasks"] = "nsh.all { function() nsh.sleep(60) end, function() netns.current():exec \"sleep 60\" end }",
  ["a task that runs"] = "nsh.go(function() while true do end end):wait()",
  ["a task in a task"] = "nsh.all { function() nsh.all { function() while true do pcall(nsh.sleep, 60) end end } end }",
  ["a wait with a limit"] = "nsh.timeout(60, nsh.sleep, 60)",
  ["a ping"] = "netns.current():reaches(\"192.0.2.1\", { timeout = 60 })",
  ["a wait for a state"] = "netns.current():wait_link(\"none\", 60)",
  ["a watch"] = "nsh.watch { \"link\" }:next()",
  ["a wait for a process"] = "netns.current():spawn \"sleep 60\":wait()",
  ["a closed pipe"] = "io.popen(\"sleep 60\"):close()",
}

describe("SIGINT", function()
  for what, chunk in pairs(endless) do
    it("stops " .. what, function()
      local started = os.time()
      local status, out = signalled(chunk, INT)
      assert.equal(130, status)
      assert.truthy(out:find "interrupted!", out)
      assert.is_true(os.time() - started < 10)
    end)
  end

  it("lets the script clean up", function()
    local status, out = signalled([[
      kept = setmetatable({}, { __gc = function() print "collected" end })
      local c <close> = setmetatable({}, { __close = function()
        nsh.sleep(0.01)
        print(pcall(netns.list))
        print "closed"
      end })
      READY
      while true do end]], INT)
    assert.equal(130, status)
    assert.truthy(out:find "true\t.*closed\n.*collected\n", out)
  end)

  it("stops a clean-up that doesn't end", function()
    local status, out = signalled([[
      local c <close> = setmetatable({}, { __close = function() while true do end end })
      while true do end]], INT)
    assert.equal(130, status)
    assert.truthy(out:find "interrupted!", out)
  end)

  it("forces the end when it comes twice", function()
    local status, out = signalled([[
      local c <close> = setmetatable({}, { __close = function() print "closing" io.flush() nsh.sleep(60) end })
      while true do end]], INT .. "; until grep -q closing $1/out; do sleep 0.01; done; sleep 0.15; " .. INT)
    assert.equal(130, status)
    assert.is_nil(out:find "interrupted!")
  end)
end)

describe("other signals", function()
  it("end the script as the shell expects", function()
    assert.equal(143, (signalled("while true do end", TERM)))
    assert.equal(129, (signalled("while true do end", HUP)))
    assert.equal(143, (signalled("nsh.sleep(60)", TERM)))
  end)

  it("leave no process behind", function()
    local chunk = [[local p = io.popen "echo $$; exec sleep 61" print(p:read "l") io.flush() os.execute "sleep 62"]]
    local f = io.popen("exec 2>/dev/null; " .. NSH .. " -e '" .. chunk ..
      "' & until pgrep -fx 'sleep 62' >/dev/null; do sleep 0.02; done; " ..
      "kill -TERM $!; wait $!; pgrep -afx 'sleep 6[12]'")
    local out = f:read "a"
    f:close()
    assert.truthy(out:find "^%d+\n$", out)
  end)

  it("end it quietly when nobody reads its output", function()
    local function piped(chunk)
      local pipe = NSH .. " -e \"" .. chunk .. "\" | head -c 1 >/dev/null; echo ${PIPESTATUS[0]}"
      local f = io.popen("bash -c '" .. pipe .. "' 2>&1")
      local out = f:read "a"
      f:close()
      return out
    end
    assert.equal("141\n", piped "while true do print(1) end")
    assert.equal("141\n", piped "while true do io.write(1) end")
  end)

  it("SIGPIPE of another pipe is an error as any other", function()
    local f = io.popen("exec 2>/dev/null; " .. NSH .. [[ -e 'local p = io.popen("true", "w") nsh.sleep(0.1)
      p:setvbuf "no"; print(select(2, p:write "x"))']])
    assert.equal("Broken pipe\t32\n", f:read "a")
    f:close()
  end)
end)

describe("coroutines", function()
  it("are those of lua(1)", function()
    local co = coroutine.create(function(...)
      local got = coroutine.yield(...)
      error("with " .. got, 0)
    end)
    assert.same({ true, 1, 2 }, { coroutine.resume(co, 1, 2) })
    assert.same({ false, "with x" }, { coroutine.resume(co, "x") })
    assert.same({ false, "cannot resume dead coroutine" }, { coroutine.resume(co) })
    assert.is_false(pcall(coroutine.resume, 1))
    assert.is_false(pcall(coroutine.wrap, 1))

    local values = {}
    for v in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do values[#values + 1] = v end
    assert.same({ 1, 2, 3 }, values)

    local object = {}
    local ok, err = pcall(coroutine.wrap(function() error(object) end))
    assert.is_false(ok)
    assert.equal(object, err)

    local closed = 0
    local function closing()
      local _ <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
      coroutine.yield()
      error "x"
    end
    co = coroutine.create(closing)
    coroutine.resume(co)
    assert.is_true(coroutine.close(co))
    assert.equal(1, closed)
    local wrap = coroutine.wrap(closing)
    wrap()
    assert.is_false(pcall(wrap))
    assert.equal(2, closed)
  end)

  it("yield across pcall and xpcall", function()
    local co = coroutine.wrap(function()
      local ok, err = pcall(function() error(coroutine.yield "a", 0) end)
      assert(not ok and err == "b")
      return xpcall(function(x) return x, coroutine.yield "c" end, print, "arg")
    end)
    assert.equal("a", co())
    assert.equal("c", co "b")
    assert.same({ true, "arg", "d" }, { co "d" })
    assert.same({ false, "H:x" }, { xpcall(error, function(m) return "H:" .. m end, "x", 0) })
    assert.is_false(pcall(pcall))
  end)
end)
