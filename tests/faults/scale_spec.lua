-- scale_spec.lua - thousands of links, many thousands of routes: whole lists while they change, and linear memory.
-- lanes: first
local faults = dofile "tests/faults/common.lua"

local links, routes = 1000, 20000
if faults.soak then links, routes = 5000, 100000 end

describe("long lists", function()
  local machine

  before_each(function() machine = faults.machine() end)
  after_each(function() machine:del() end)

  local function run(...)
    local result = machine:exec({ faults.nsh, "tests/faults/scale.lua", ... }, { check = false, timeout = 900 })
    assert(result.status == 0, result.out .. result.err)
    return result.out, result.seconds
  end

  it("are whole, with nothing twice, while others change them", function()
    local out, seconds = run(tostring(links), tostring(routes))
    for what in ("links, IPv4 routes, IPv6 routes"):gmatch "[^,]+" do
      assert.matches(what:match "^%s*(.*)" .. ": all %d+, with .*[1-9]%d* others", out)
    end
    faults.say("%s; %.1f s", out:gsub("\n$", ""):gsub("\n", "; "), seconds)
  end)

  it("take memory as they are long", function()
    local short = run(tostring(links // 4), tostring(routes // 4), "still")
    local long = run(tostring(links), tostring(routes), "still")
    for _, what in ipairs { "links", "IPv4 routes" } do
      local a = tonumber(short:match(what .. ": (%d+) bytes each"))
      local b = tonumber(long:match(what .. ": (%d+) bytes each"))
      -- buffers double when they are full
      assert(b < 2.2 * a + 100 and b < 6000, ("%s: %d bytes each, then %d"):format(what, a, b))
    end
    faults.say("%s", long:gsub("\n$", ""):gsub("\n", "; "))
  end)
end)
