-- soak_spec.lua - a lab that is used for a while: hosts, daemons, pings, commands, watches, with nothing growing.
-- lanes: first
local faults = dofile "tests/faults/common.lua"

-- 30 s as root, who can do more, and 10 as an ordinary user; 10 minutes in the long run.
local root = assert(io.open "/proc/self/uid_map"):read "a":match "(%d+)%s*$" ~= "1"
local seconds = faults.soak and 600 or root and 30 or 10

describe("a lab in use", function()
  it("holds no more than at first", function()
    local machine <close> = faults.machine()
    local result = machine:exec({ faults.nsh, "tests/faults/soak.lua", tostring(seconds) },
      { check = false, timeout = seconds + 120 })
    assert(result.status == 0, result.out .. result.err)
    faults.say("soak of %d s: %s", seconds, result.out:gsub("\n$", ""))
  end)
end)
