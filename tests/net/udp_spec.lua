-- udp_spec.lua - datagrams: from whom, to whom, refused ones, against ss(8) and bash

local h = require "tests.helper"

describe("UDP", function()
  local a, b, link

  setup(function()
    a, b = netns.add "udp-a", netns.add "udp-b"
    link = h.join(a, b)
    assert(a:reaches "10.0.0.2" and a:reaches "fd00::2")
  end)
  teardown(function()
    a:del()
    b:del()
  end)

  it("a datagram is one piece, and says whom it is from", function()
    local one <close> = a:udp(53)
    local two <close> = b:udp "10.0.0.2:0"
    assert.equal(53, one.port)
    assert.truthy(b:exec("ss -Hlun").out:find(two.addr, 1, true))
    one:send("first", two.addr):send("", two.addr):send(("x"):rep(65507), two.addr)
    assert.same({ "first", "10.0.0.1:53" }, { two:receive { timeout = 1 } })
    assert.same({ "", "10.0.0.1:53" }, { two:receive { timeout = 1 } })
    assert.equal(65507, #two:receive { timeout = 1 })
    two:send("back", "10.0.0.1:53")
    assert.same({ "back", two.addr }, { one:receive { timeout = 1 } })
    assert.is_nil(one:receive { timeout = 0.01 })
  end)

  it("speaks IPv6, link-local too, and broadcasts", function()
    local one <close> = a:udp()
    local two <close> = b:udp(5353)
    for _, dst in ipairs { "[fd00::2]:5353", "[fe80::2%a0]:5353", "10.0.0.255:5353" } do
      one:send(dst, dst)
      local data, from = two:receive { timeout = 1 }
      assert.equal(dst, data)
      assert.truthy(from:find(":" .. one.port .. "$"))
    end
    h.refused("EINVAL", one.send, one, "x", "[fe80::2]:5353")
  end)

  it("opened for one end it hears of refusals", function()
    local one <close> = a:udp { to = "10.0.0.2:9999", src = "10.0.0.1:9998", dev = link }
    assert.equal("10.0.0.2:9999", one.peer)
    assert.equal("10.0.0.1:9998", one.addr)
    one:send "anybody?"
    local err = h.refused("ECONNREFUSED", one.receive, one, { timeout = 1 })
    assert.truthy(err.hint:find "nobody listens")
    local two <close> = b:udp(9999)
    one:send "anybody?"
    assert.same({ "anybody?", "10.0.0.1:9998" }, { two:receive { timeout = 1 } })
    h.misuse("alone", one.send, one, "x", "10.0.0.2:1")
  end)

  it("talks with other programs", function()
    local one <close> = b:udp(7000)
    local task = nsh.go(a.exec, a, { "bash", "-c", "exec 3<>/dev/udp/10.0.0.2/7000; printf ping >&3; head -c 4 <&3" })
    local data, from = one:receive { timeout = 2 }
    assert.equal("ping", data)
    assert.equal("10.0.0.1", from:match "^[^:]+")
    one:send("pong", from)
    assert.equal("pong", task:wait().out)
  end)

  it("says what can't be", function()
    local one <close> = a:udp(0)
    h.refused("ENETUNREACH", one.send, one, "x", "10.9.9.9:1")
    h.refused("EMSGSIZE", one.send, one, ("x"):rep(65508), "10.0.0.2:1")
    h.refused("EINVAL", one.send, one, "x", "10.0.0.2")
    h.refused("EADDRINUSE", a.udp, a, one.port)
    h.refused("EADDRNOTAVAIL", a.udp, a, "10.0.0.9:1")
    h.misuse("where to", one.send, one, "x")
    h.misuse("a string", one.send, one, {}, "10.0.0.2:1")
    h.misuse("to", a.udp, a, { 53, to = "10.0.0.2:53" })
    h.misuse("go with to", a.udp, a, { 53, ttl = 3 })
    h.misuse("0 to 65535", a.udp, a, -1)
    h.misuse("did you mean 'dev'", a.udp, a, { 53, dve = "a0" })
    one:close()
    one:close()
    h.misuse("is closed", one.receive, one)
    h.interrupted 'netns.current():udp():receive()'
  end)
end)
