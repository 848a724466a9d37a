-- check_spec.lua - `nsh --check`: a script's labs are planned, and the kernel isn't asked for anything
local json = require "dkjson"
local transcript = require "tests.transcript"

local NSH = os.getenv "NSH" or "./nsh"

describe("--check", function()
  local dir

  local function file(name, text)
    local f = assert(io.open(dir .. "/" .. name, "w"))
    f:write(text)
    f:close()
    return dir .. "/" .. name
  end

  local DUO = [[
local net = lab "duo"
local h1, h2 = net:host { "h1" }, net:host { "h2" }
net:link { { h1, "eth0", addr = "10.0.0.1/24" }, { h2, "eth0", addr = "10.0.0.2/24" } }
]]

  setup(function()
    dir = os.tmpname()
    os.remove(dir)
    assert(os.execute("mkdir " .. dir))
  end)

  teardown(function() os.execute("rm -r " .. dir) end)

  it("prints the plan of each lab against nothing", function()
    local out, status = transcript.nsh("--check", file("two.lua", DUO .. "lab 'solo':host 'x' return net"))
    assert.equal(0, status)
    assert.truthy(out:find "^lab duo: 2 nodes, 1 link, %d+ steps\n%+ h1\n")
    assert.truthy(out:find "\n +%+ addr 10.0.0.2/24 dev eth0\n")
    assert.truthy(out:find "\nlab solo: 1 node, 0 links, %d+ steps\n%+ x\n")
  end)

  it("tells the same as JSON", function()
    local out = transcript.nsh("--check", "--json", file("json.lua", DUO))
    local told = json.decode(out)
    local duo = told.labs[1]
    assert.same({ "duo", 2, 1, {} }, { duo.lab, duo.nodes, duo.links, duo.warnings })
    assert.same({ "create", "netns", "h1" }, { duo.steps[1].op, duo.steps[1].noun, duo.steps[1].node })
  end)

  it("tells an error with the script's line, and exits with 1", function()
    local path = file("wrong.lua", DUO .. "net:host 'h1'\nreturn net")
    local out, status = transcript.nsh("--check", path)
    assert.equal(1, status)
    assert.truthy(out:find(path .. ":4: ", 1, true), out)
    path = file("mtu.lua", DUO .. "net:link { { h1, 'eth1', mtu = 'much' }, { h2, 'eth1' } }\nreturn net")
    out, status = transcript.nsh("--check", path)
    assert.equal(1, status)
    assert.truthy(out:find("mtu", 1, true), out)
    path = file("syntax.lua", "return return")
    assert.equal(1, (select(2, transcript.nsh("--check", path))))
  end)

  it("believes up and down, and plans after them", function()
    local out, status = transcript.nsh("--check", file("up.lua", DUO .. [[
assert(#net:plan() > 0) net:up() assert(#net:plan() == 0 and #net:up() == 0)
net:down() assert(#net:plan() > 0)
print "all of it"]]))
    assert.equal(0, status, out)
    assert.truthy(out:find "^all of it\nlab duo")
  end)

  it("ends a script where it needs the kernel, whatever that catches", function()
    for i, code in ipairs { "net:up() print(pcall(function() return h1.netns:reaches '10.0.0.2' end))",
      "coroutine.wrap(function() netns.add 'x' end)()", "os.execute 'true'", "xpcall(net.status, print, net)",
      "local t <close> = setmetatable({}, { __close = function() pcall(netns.list) end }) netns.list()",
      "nsh.go(function() netns.list() end) nsh.sleep(0)", "io.popen 'true'", "net:ping_all()" } do
      local path = file("needs" .. i .. ".lua", DUO .. "\n\n" .. code .. "\nprint 'not here'")
      local out, status = transcript.nsh("--check", path)
      assert.equal(0, status, out)
      assert.truthy(out:find "lab duo: 2 nodes", code)
      assert.truthy(out:find("checked up to " .. path .. ":6, where it needs the kernel\n", 1, true), code .. out)
      assert.falsy(out:find("not here", 1, true), code)
    end
  end)

  it("takes os.exit for the end, and its code for the verdict", function()
    local out, status = transcript.nsh("--check", file("exit.lua", DUO .. "os.exit(0)"))
    assert.equal(0, status)
    assert.truthy(out:find "lab duo: 2 nodes")
    assert.equal(3, (select(2, transcript.nsh("--check", file("exit3.lua", DUO .. "pcall(os.exit, 3) os.exit(0)")))))
  end)

  it("says that there is no lab, or no script", function()
    local out, status = transcript.nsh("--check", file("none.lua", "print 'ran'"))
    assert.equal(0, status)
    assert.truthy(out:find("ran\n", 1, true) and out:find("declares no lab", 1, true))
    assert.equal(2, (select(2, transcript.nsh "--check")))
  end)

  it("gives the script its arguments, verbs too", function()
    local out = transcript.nsh("--check", file("args.lua", "print(...)" .. DUO .. "return net"), "plan", "x")
    assert.truthy(out:find "^plan\tx\nlab duo")
  end)

  it("makes no namespace and opens no socket", function()
    if not nsh.program "strace" then pending "strace is missing" end
    local path = file("quiet.lua", DUO .. "net:up() net:ping_all()")
    local trace = dir .. "/trace"
    assert(os.execute(("strace -f -o %s %s --check %s >/dev/null 2>&1"):format(trace, NSH, path)))
    local calls = transcript.read(trace)
    assert.truthy(calls:find("execve", 1, true))
    for _, call in ipairs { "unshare", "setns", "socket", "clone", "clone3", "fork", "vfork", "mount" } do
      assert.falsy(calls:find("%f[%w]" .. call .. "%("), call)
    end
  end)
end)
