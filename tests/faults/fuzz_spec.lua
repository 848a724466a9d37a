-- fuzz_spec.lua - random calls of all that is public, and of the bindings: each failure is a Lua error, none a crash.
local faults = dofile "tests/faults/common.lua"

describe("random calls", function()
  it("crash nothing", function()
    local machine <close> = faults.machine()
    local program, rounds = faults.sanitized or faults.nsh, faults.soak and 60 or 2
    local said
    for i = 1, rounds do
      local seed = faults.seed + i
      local result = machine:exec(
        { program, "tests/faults/fuzz.lua", tostring(seed), faults.soak and "5000" or "1500" },
        { check = false, timeout = 120, env = { ASAN_OPTIONS = "detect_leaks=0", NSH_FUZZ_TRACE = "1" } })
      said = result.out:match "[^\n]*calls[^\n]*" or ""
      assert(result.status == 0, ("%s tests/faults/fuzz.lua %d ends with status %s, signal %s%s: %s"):format(
        program, seed, result.status, result.signal, result.timed_out and ", hangs" or "", result.err:sub(-6000)))
    end
    faults.say("fuzz: %d rounds of %s with %s", rounds, said, program)
  end)
end)
