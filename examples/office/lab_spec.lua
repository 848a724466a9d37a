-- lab_spec.lua - what the office promises: `nsh lab.lua test`
local test = require "nsh.test"

describe("the office", function()
  local net = test.lab "lab.lua"

  it("joins the rooms", function()
    assert.reachable("blue", "red")
    assert.route("blue", "10.0.2.2", { via = "10.0.1.1", dev = "eth0" })
  end)

  it("keeps guests out of the rooms", function()
    assert.unreachable("guest", "blue", { timeout = 0.2 })
    -- who must not reach whom; all others must
    assert.matrix(net, { guest = { blue = false, red = false }, blue = { guest = false }, red = { guest = false } },
      { timeout = 0.2 })
  end)

  it("sends what it shall over the cable", function()
    local capture <close> = net:node "red".netns:capture "eth0"
    net:node "blue".netns:ping "10.0.2.2"
    assert.sees(capture, { ip = { src = "10.0.1.2" }, icmp = { type = "echo-request" } })
  end)
end)
