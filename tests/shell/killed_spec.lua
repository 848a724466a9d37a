--- killed_spec.lua - a lab in a named world whose nsh was killed while it brought it up.
local h = require "tests.helper"

local NSH = os.getenv "NSH" or "./nsh"
local root = netns.current()

local function nsh(...)
  local r = root:exec({ NSH, ... }, { check = false, timeout = 20 })
  return r.out .. r.err, r.status
end

describe("a lab whose nsh was killed", function()
  after_each(function() nsh("-w", "half", "--kill") end)

  it("is finished by the next up: a command runs again, a service is known", function()
    local path = os.tmpname()
    local f = assert(io.open(path, "w"))
    f:write [[
      local net = lab "half"
      net:host { "h", services = { "sleep 1000.25" }, commands = {
        "test -e /run/second || { touch /run/first; sleep 1000; }; ip addr add 10.9.9.9/32 dev lo" } }
      return net]]
    f:close()
    local function running()
      return nsh("-w", "half", "-e", [[
        local n = 0
        for pid in require("lfs").dir "/proc" do
          local f = pid:find "^%d" and io.open(("/proc/%s/cmdline"):format(pid))
          if f and f:read "a" == "sleep\0001000.25\0" then n = n + 1 end
          if f then f:close() end
        end
        print(n)]])
    end
    local first = root:spawn { NSH, "-w", "half", path }
    h.settles(function()
      assert.equal("true\n", nsh("-w", "half", "-e", [[print(netns.current():exec("test -e /run/first",
        { check = false }).status == 0)]]))
    end)
    first:kill "KILL"
    first:wait { check = false }
    assert.equal("1\n", running())
    assert.matches("killed meanwhile", nsh("-w", "half", path, "status"), nil, true)
    nsh("-w", "half", "-e", [[io.open("/run/second", "w"):close()]])
    local out = nsh("-w", "half", path)
    assert.matches("is up: 1 node, 0 links, 1 made", out, nil, true)
    assert.equal("10.9.9.9", nsh("-w", "half", path, "exec", "h", "ip", "addr"):match "10.9.9.9")
    assert.equal("1\n", running())
    nsh("-w", "half", path, "down")
    assert.equal("0\n", running())
    os.remove(path)
  end)
end)
