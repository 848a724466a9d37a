-- leak_spec.lua - descriptors, memory, namespaces, links and processes stay level over many cycles.
-- lanes: first
local faults = dofile "tests/faults/common.lua"

describe("many cycles", function()
  it("leak nothing", function()
    local machine <close> = faults.machine()
    local cycles = faults.soak and 10000 or 300
    local result = machine:exec({ faults.nsh, "tests/faults/leak.lua", tostring(cycles) },
      { check = false, timeout = faults.soak and 3600 or 300 })
    assert(result.status == 0, result.out .. result.err)
    faults.say("leaks in %d cycles: %s; %.1f s", cycles, result.out:gsub("\n$", ""):gsub("\n", ", "), result.seconds)
  end)
end)
