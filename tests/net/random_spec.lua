-- random_spec.lua - random topologies: what nsh makes is what was asked, what ip(8) says, and what records make again.
-- lanes: first
local random = require "tests.net.random"

-- NSH_SEED runs one topology again, NSH_RUNS says how many there are.
local seed = tonumber(os.getenv "NSH_SEED")
local runs = tonumber(os.getenv "NSH_RUNS") or os.getenv "NSH_SOAK" == "1" and 5000 or random.root and 80 or 30

describe("random topologies", function()
  it("are what was asked and what ip(8) says, and are made again from their records", function()
    local kinds = random.kinds()
    local first, steps = seed or os.time(), 0
    for i = 0, seed and 0 or runs - 1 do steps = steps + random.run(first + i, kinds) end
    io.write(("\n  [seeds from %d] %d topologies of %d steps\n"):format(first, seed and 1 or runs, steps))
  end)
end)
