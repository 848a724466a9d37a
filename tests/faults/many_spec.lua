-- many_spec.lua - declared labs in numbers: the same one many times at once and one after the other, and a large one.
-- lanes: first
local faults = dofile "tests/faults/common.lua"

local RUNS = 8

describe("declared labs", function()
  local machine, before

  setup(function()
    machine = faults.machine()
    before = faults.look(machine)
  end)
  teardown(function() machine:del() end)

  local function run(...)
    local result = machine:exec({ faults.nsh, ... },
      { check = false, timeout = faults.soak and 3600 or 900, env = faults.env "many" })
    assert(result.status == 0, result.out .. result.err)
    assert.is_nil((faults.clean(machine, before, "many")))
    return (result.out:gsub("\n$", ""):gsub("\n", ", ")), result.seconds
  end

  it("of the same name run beside each other, and none sees another", function()
    local rounds = faults.soak and 50 or 5
    for round = 1, rounds do
      local processes = {}
      for i = 1, RUNS do
        processes[i] = machine:spawn({ faults.nsh, "tests/faults/parallel.lua", tostring(i) },
          { env = faults.env "many" })
      end
      for i, process in ipairs(processes) do
        local status = process:wait({ timeout = 60, check = false }).status
        assert(status == 0 and process.out == ("run %d is alone\n"):format(i),
          ("round %d, run %d: %s%s"):format(round, i, process.out, process.err))
      end
      assert.is_nil((faults.clean(machine, before, "many")))
    end
    faults.say("%d rounds of %d runs of the same lab", rounds, RUNS)
  end)

  it("leak nothing, however often they are built, changed and taken down", function()
    local cycles = faults.soak and 2000 or 15
    local out, seconds = run("tests/faults/cycles.lua", tostring(cycles))
    faults.say("%d cycles: %s; %.1f s", cycles, out, seconds)
  end)

  it("may be large: up, a ping from all to one, down, and the next one starts clean", function()
    local hosts = faults.soak and 1000 or 100
    for _ = 1, faults.soak and 2 or 1 do faults.say("%s", (run("tests/faults/large.lua", tostring(hosts)))) end
    run("tests/faults/large.lua", "10")
  end)
end)
