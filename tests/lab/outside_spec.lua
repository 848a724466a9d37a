--- outside_spec.lua - what is told of a link of the machine that comes home from a lab and can't be as it was.
local h = require "tests.helper"

describe("a link that comes home", function()
  it("is told of where it can't be as it was, with what makes it so by hand", function()
    local result = h.netns():exec({ os.getenv "NSH" or "./nsh", "-e", [[
      local root, away = require("nsh.netns").root(), netns.add "away"
      away:add_link { "v0", kind = "veth", peer = "v1" }
      require("nsh.lab.outside").send(away, "v0", "home0", { home0 = { link = { mtu = 1400, alias = "up link" },
        master = "br9", addrs = { { addr = "10.0.0.1/24" }, { addr = "10.0.0.1/24", label = "nonsense0" } },
        routes = { { dst = "10.9.0.0/16", via = "10.7.0.1" } } } })
      local link = root:link "home0"
      print(link.mtu, link.alias, link:addrs()[1].addr)
      require("nsh.lab.outside").send(away, "v0", "home0", { home0 = { link = { mtu = 99999 },
        addrs = {}, routes = {} } })]] }, { check = false })
    assert.equal(0, result.status, result.err)
    assert.matches("^1400%s+up link%s+10%.0%.0%.1/24\n$", result.out)
    local said = {}
    for line in result.err:gmatch "[^\n]+" do said[#said + 1] = line end
    assert.truthy(said[1]:find("home0 is home, but not as it was: its master br9: ", 1, true), result.err)
    assert.equal("  by hand: ip link set dev home0 master br9", said[2])
    assert.truthy(result.err:find("\n  by hand: ip -4 route add 10.9.0.0/16 via 10.7.0.1 dev home0\n", 1, true),
      result.err)
    assert.truthy(result.err:find "its options: [^\n]+\n  by hand: ip link set dev home0 mtu 99999 alias ''\n$",
      result.err)
  end)
end)
