-- options_spec.lua - the command line: options, arg, modules, exit codes

local NSH = os.getenv "NSH" or "./nsh"

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

-- Runs nsh with these words; returns its output, both streams in one, and its exit status.
local function run(words, opts)
  opts = opts or {}
  local line = { opts.env or "", NSH }
  for _, word in ipairs(words) do line[#line + 1] = quote(word) end
  local command = table.concat(line, " ") .. " 2>&1"
  if opts.input then
    command = "printf %s " .. quote(opts.input) .. " | " .. command
  else
    command = command .. " </dev/null"
  end
  if opts.cd then command = "cd " .. quote(opts.cd) .. " && " .. command end
  local f = assert(io.popen(command))
  local out = f:read "a"
  local _, _, status = f:close()
  return out, status
end

describe("options", function()
  local dir, here

  local function file(name, text)
    local f = assert(io.open(dir .. "/" .. name, "wb"))
    f:write(text)
    f:close()
    return dir .. "/" .. name
  end

  setup(function()
    dir = os.tmpname()
    os.remove(dir)
    assert(os.execute("mkdir " .. dir))
    local f = io.popen "pwd"
    here = f:read "l"
    f:close()
    if NSH:sub(1, 1) ~= "/" then NSH = here .. "/" .. NSH:gsub("^%./", "") end
  end)

  teardown(function() os.execute("rm -r " .. dir) end)

  it("runs chunks and modules in their order", function()
    assert.equal("a\ttable\n", run { "-e", "x = 'a'", "-l", "nsh", "-e", "print(x, type(nsh))" })
    assert.equal("true\n", run { "-ltext=string", "-e", "print(text == string)" })
    assert.equal("function\n", run { "-lnsh", "-e", "print(type(netns.add))" })
  end)

  it("builds arg before any chunk runs", function()
    local script = file("arg.lua", "print(arg[0], arg[1], arg[2], ...)")
    local out = run { "-e", "print(arg[0], arg[-1], arg[-2], arg[-3])", script, "one", "two" }
    assert.equal(("%s\tprint(arg[0], arg[-1], arg[-2], arg[-3])\t-e\t%s\n%s\tone\ttwo\tone\ttwo\n")
      :format(script, NSH, script), out)
  end)

  it("takes a script from standard input", function()
    assert.equal("in\n", run({}, { input = "print 'in'" }))
    assert.equal("a\tb\n", run({ "-", "a", "b" }, { input = "print(...)" }))
  end)

  it("skips a shebang line", function()
    assert.equal("ok\n", run { file("bang.lua", "#!/usr/bin/env nsh\nprint 'ok'") })
  end)

  it("ends options with --", function()
    file("-e", "print 'a file'")
    assert.equal("a file\n", run({ "--", "-e" }, { cd = dir }))
  end)

  it("refuses bytecode", function()
    local out, status = run { file("code.luac", string.dump(function() end)) }
    assert.truthy(out:find("binary chunk", 1, true))
    assert.equal(1, status)
    file("code.lua", string.dump(function() end))
    out = run { file("main.lua", "require 'code'") }
    assert.truthy(out:find("binary chunk", 1, true))
  end)

  it("loads its globals whatever is asked of them first", function()
    assert.equal("function\n", run { "-e", "print(type(netns.add))" })
    assert.equal("1\tfunction\n", run { "-e", "nsh.mine = 1 print(nsh.mine, type(nsh.sleep))" })
    assert.equal("true\n", run { "-e", "for key in pairs(netns) do if key == 'add' then print(true) end end" })
    assert.truthy((run { "-e", "print(tostring(nsh), type(rawget(nsh, 'sleep')))" }):find "\tfunction\n$")
    assert.truthy((run { "-e", "print((pcall(netns, 1)), type(rawget(netns, 'add')))" }):find "^false\tfunction\n$")
    assert.truthy((run { "-e", "help 'netns.add'" }):find "netns.add")
  end)

  it("tells of unknown options and missing arguments", function()
    for _, words in ipairs { { "-x" }, { "--hosts" }, { "-e" }, { "-l" }, { "-iv" } } do
      local out, status = run(words)
      assert.equal(2, status)
      assert.truthy(out:find("^nsh: %-.*usage: nsh"))
    end
  end)

  it("shows usage and version", function()
    local out, status = run { "--help" }
    assert.equal(0, status)
    assert.truthy(out:find("%-%-host"))
    assert.equal(out, (run { "-h" }))
    assert.truthy((run { "--version" }):find "^nsh %d+%.%d+%.%d+ %(Lua 5%.4")
    assert.equal((run { "--version" }), (run { "-v" }))
  end)

  it("honours LUA_INIT unless -E", function()
    local env = "LUA_INIT='x = 5'"
    assert.equal("5\n", run({ "-e", "print(x)" }, { env = env }))
    assert.equal("nil\n", run({ "-E", "-e", "print(x)" }, { env = env }))
    assert.equal("7\n", run({ "-e", "print(x)" }, { env = "LUA_INIT=@" .. file("init.lua", "x = 7") }))
  end)

  it("has no relative entries in its paths, but the script's own folder", function()
    local env = "LUA_PATH='./?.lua;lib/?.lua;/abs/?.lua;;' LUA_CPATH='./?.so;/abs/?.so'"
    local out = run({ "-e", "print(package.path .. ';' .. package.cpath)" }, { env = env })
    assert.truthy(out:find("/abs/?.lua", 1, true) and out:find("/abs/?.so", 1, true))
    for entry in out:gmatch "[^;\n]+" do assert.equal("/", entry:sub(1, 1)) end
    file("beside.lua", "return 'beside'")
    file("uses.lua", "print((require 'beside'))")
    assert.equal("beside\n", run({ "uses.lua" }, { cd = dir }))
    local _, status = run({ "-e", "require 'beside'" }, { cd = dir })
    assert.equal(1, status)
  end)

  it("turns warnings on", function()
    assert.equal("Lua warning: w\n", run { "-W", "-e", "warn 'w'" })
    assert.equal("", run { "-e", "warn 'w'" })
  end)
end)

describe("exit status", function()
  local function status(chunk) return select(2, run { "-e", chunk }) end

  it("tells how the script ended", function()
    assert.equal(0, status "x = 1")
    assert.equal(1, status "error 'x'")
    assert.equal(1, status "error {}")
    assert.equal(1, status "x = = 1")
    assert.equal(1, (select(2, run { "/no/such/file" })))
    assert.equal(7, status "os.exit(7)")
    assert.equal(0, status "os.exit(true)")
    assert.equal(1, status "os.exit(false)")
  end)

  it("is 4 where the kernel or the privilege lacks something", function()
    local raise = "require('nsh.error').raise { op = 'x', message = 'm', %s }"
    for _, code in ipairs { "EPERM", "EACCES", "EOPNOTSUPP", "EAFNOSUPPORT", "ENOSYS" } do
      assert.equal(4, status(raise:format("code = '" .. code .. "'")))
    end
    assert.equal(4, status(raise:format "code = 'ENOENT', lacks = true"))
    assert.equal(1, status(raise:format "code = 'ENOENT'"))
    assert.equal(1, status "error { code = 'EPERM', lacks = true }")
    assert.equal(1, status "error 'EPERM'")
  end)

  it("is a failure when the output went nowhere", function()
    local f = io.popen(NSH .. " -e 'print(1)' 2>&1 >/dev/full")
    local out = f:read "a"
    local _, _, code = f:close()
    assert.equal(1, code)
    assert.truthy(out:find "cannot write")
  end)
end)

describe("standard descriptors", function()
  it("that are closed are not taken by others", function()
    local path = os.tmpname()
    local chunk = "os.execute 'cd /proc/$$/fd; l=$(readlink 0 1 2); echo \"$l\" >" .. path .. "' " ..
      "local f = io.open('" .. path .. "', 'a') " ..
      "f:write(tostring(io.read(1)), ' ', tostring(io.write 'x' and io.stdout:flush())) f:close()"
    local _, _, status = os.execute(NSH .. " -e " .. quote(chunk) .. " <&- >&- 2>&-")
    local f = assert(io.open(path))
    assert.equal(("/dev/null\n"):rep(3) .. "nil nil", f:read "a")
    f:close()
    os.remove(path)
    assert.equal(1, status) -- the output went nowhere
  end)
end)

describe("errors", function()
  it("show the script's own frames where there is more than the main chunk", function()
    local out = run { "-e", "error 'flat'" }
    assert.equal("(command line):1: flat\n", out)
    out = run { "-e", "local function deep() error 'deep' end\nlocal function f() deep() end\nf()" }
    assert.truthy(out:find("^%(command line%):1: deep\nstack traceback:\n\t%(command line%):1: in upvalue 'deep'"))
    assert.is_nil(out:find("nsh/", 1, true))
    assert.is_nil(out:find("[C]", 1, true))
  end)

  it("show both ends of a runaway recursion, at once", function()
    local started = os.time()
    local out, status = run { "-e", "local function f() return f() + 1 end\nlocal function main() f() end\nmain()" }
    assert.equal(1, status)
    assert.truthy(out:find "^%(command line%):1: stack overflow")
    local trace = out:sub((out:find("stack traceback:", 1, true)))
    local _, frames = trace:gsub("\n\t%(command line%):", "")
    assert.equal(20, frames)
    assert.truthy(trace:find("\n\t...\n", 1, true))
    assert.truthy(trace:find("\n\t%(command line%):2: in .-\n\t%(command line%):3: in main chunk\n$"))
    assert.is_true(os.time() - started < 60)
  end)

  it("know a script by its file, whatever its folder is called", function()
    local dir = os.tmpname()
    os.remove(dir)
    local text = "local function f() netns.get {} end\nlocal function g() f() end\ng()\n"
    for _, name in ipairs { "nsh/lab.lua", "lua/nsh/lab.lua", "nsh/link.lua", "x/lua/nsh/lab.lua" } do
      assert(os.execute(("mkdir -p %s/%s"):format(dir, name:match "(.*)/")))
      local f = assert(io.open(dir .. "/" .. name, "w"))
      f:write(text)
      f:close()
      for _, path in ipairs { name, dir .. "/" .. name } do
        local out = run({ path }, { cd = dir })
        assert.equal(path .. ":1: ", out:sub(1, #path + 4), out)
        assert.truthy(out:find("stack traceback:\n\t" .. path .. ":1: in ", 1, true), out)
        assert.is_nil(out:find("netns.lua", 1, true))
      end
    end
    os.execute("rm -r " .. dir)
  end)

  it("show any error value", function()
    assert.equal("(error object is a table value)\n", (run { "-e", "error {}" }))
    assert.equal("(error object is a nil value)\n", (run { "-e", "error()" }))
    assert.equal("mine\n", (run { "-e", "error(setmetatable({}, { __tostring = function() return 'mine' end }))" }))
    assert.truthy((run { "-e", "error(setmetatable({}, { __tostring = error }))" }):find "__tostring failed")
  end)

  it("keep the kernel's words and the hint", function()
    local out = run { "-e", "netns.add 'a' netns.add 'a'" }
    assert.truthy(out:find "^%(command line%):1: .*EEXIST")
  end)
end)

describe("os and io", function()
  it("clean up at os.exit", function()
    local chunk = "local c <close> = setmetatable({}, { __close = function() print 'closed' end })" ..
      "setmetatable({}, { __gc = function() print 'collected' end }) os.exit(%s)"
    local out, code = run { "-e", chunk:format "3" }
    assert.equal("closed\ncollected\n", out)
    assert.equal(3, code)
    assert.equal("", (run { "-e", chunk:format "3, false" }))
    out, code = run { "-e", "coroutine.wrap(function() " .. chunk:format "4" .. " end)()" }
    assert.truthy(out:find "collected")
    assert.equal(4, code)
  end)

  it("run commands as in lua(1), in the world", function()
    local chunk = "print(os.execute '%s')"
    assert.equal("true\texit\t0\n", (run { "-e", chunk:format "true" }))
    assert.equal("nil\texit\t3\n", (run { "-e", chunk:format "exit 3" }))
    assert.equal("nil\tsignal\t9\n", (run { "-e", chunk:format "kill -9 $$" }))
    assert.equal("true\n", (run { "-e", "print(os.execute())" }))
    local host = (run { "-e", "print(io.popen('readlink /proc/self/ns/net'):read 'a')" })
    local f = io.popen "readlink /proc/self/ns/net"
    assert.not_equal(f:read "l", host:match "%S+")
    f:close()
  end)

  it("read and write pipes", function()
    assert.equal("6\ntrue\texit\t0\n",
      (run { "-e", "local f = io.popen 'echo one; echo b' print(#f:read 'a') print(f:close())" }))
    assert.equal("nil\texit\t4\n", (run { "-e", "print(io.popen('exit 4', 'r'):close())" }))
    assert.equal("sent\ntrue\texit\t0\n",
      (run { "-e", "local f = io.popen('cat', 'w') f:write 'sent\\n' print(f:close())" }))
    assert.truthy((run { "-e", "io.popen('x', 'rw')" }):find "invalid mode")
  end)

  it("make no world before it is needed", function()
    local chunk = "%s print(io.open('/proc/thread-self/children'):read 'a' == '')"
    assert.equal("true\n", (run { "-e", chunk:format "" }))
    assert.equal("false\n", (run { "-e", chunk:format "netns.list()" }))
  end)
end)
