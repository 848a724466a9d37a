-- kill_spec.lua - nsh killed at its system calls: nothing that it made is left, neither process nor link nor mount.
-- lanes: first
local faults = dofile "tests/faults/common.lua"

describe("kill -9", function()
  local machine, before

  setup(function()
    machine = faults.machine()
    before = faults.look(machine)
  end)
  teardown(function() machine:del() end)

  for _, way in ipairs(faults.ways) do
    it("leaves nothing at any system call, " .. way.name, function()
      faults.kill_everywhere(machine, before, way, 40)
    end)
  end

  it("would be seen to leave something", function()
    local function left() return (faults.clean(machine, before, "self-test", 0.1)) end
    assert.is_nil(left())
    local sleep = machine:spawn({ "sleep", "100" }, { env = faults.env "self-test" })
    assert.matches("process %d+ sleep", left())
    sleep:kill "KILL"
    sleep:wait { check = false }
    assert.is_nil(left())
    local link = machine:add_link { "left", kind = "bridge" }
    assert.matches("link left", left())
    link:del()
    machine:exec "ip netns add left"
    assert.matches("name left", left())
    assert.matches("mount ", left())
    machine:exec "ip netns del left"
    assert.is_nil(left())
  end)

  it("finds the witnesses of hosts that stand", function()
    local script = [[
      arg[1] = %s
      print = function() end
      dofile "tests/faults/lab.lua"
      nsh.sleep(100)]]
    local outside = machine:exec("sleep 100 & echo $!").out
    local lab = machine:spawn({ faults.nsh, "-e", script:format(outside) }, { env = faults.env "witness" })
    local left
    for _ = 1, 100 do
      left = faults.clean(machine, before, "witness", 0) or ""
      if left:find "witness3" then break end
      nsh.sleep(0.02)
    end
    assert.matches("link witness3", left)
    lab:kill "KILL"
    machine:exec("kill " .. outside)
    assert.is_nil((faults.clean(machine, before, "witness")))
  end)

  it("writes no file outside of the kernel's own folders", function()
    for _, way in ipairs(faults.ways) do
      local _, trace = faults.calls(machine, way)
      for line in trace:gmatch "[^\n]+" do
        local path = line:match 'openat%([^,]+, "([^"]*)"[^)]*O_CREAT'
        assert(not path or path:find "^/run/" or path:find "^/dev/null", line)
      end
    end
  end)
end)
