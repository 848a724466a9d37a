-- tcp_spec.lua - connections and listeners: against ss(8) and busybox's nc, full sockets, closed ones

local h = require "tests.helper"

describe("TCP", function()
  local a, b, link

  setup(function()
    a, b = netns.add "tcp-a", netns.add "tcp-b"
    link = h.join(a, b)
    link:add_addr "10.0.0.3/24"
    b:link "lo":set { up = true }
    assert(a:reaches "10.0.0.2" and a:reaches "fd00::2")
  end)
  teardown(function()
    a:del()
    b:del()
  end)

  -- a pair of ends
  local function pair(dst, at)
    local listener <close> = b:listen(at or 0)
    local port = listener.port
    local client = a:connect(dst and dst:gsub("PORT", tostring(port)) or "10.0.0.2:" .. port)
    return client, listener:accept { timeout = 2 }
  end

  it("connects over IPv4 and IPv6, and each end knows both", function()
    for dst, peer in pairs { ["10.0.0.2:PORT"] = "10.0.0.2", ["[fd00::2]:PORT"] = "[fd00::2]",
      ["[fe80::2%a0]:PORT"] = "[fe80::2%a0]" } do
      local client, server = pair(dst)
      assert.equal(peer, client.peer:match "^(.*):%d+$")
      assert.equal(client.peer:gsub("a0", "b0"), server.addr)
      assert.equal(client.addr:gsub("a0", "b0"), server.peer)
      assert.equal(a, client.netns)
      assert.equal(b, server.netns)
      local seen = a:exec("ss -Htn dst " .. client.peer:gsub("%%%w+", "")).out
      assert.truthy(seen:find(client.addr:match ":(%d+)$", 1, true), seen)
      client:close()
      server:close()
    end
  end)

  it("takes a source, a link and a hop limit", function()
    local listener <close> = b:listen "10.0.0.2:0"
    local dst = listener.addr
    local client <close> = a:connect { dst, src = "10.0.0.3", dev = link, ttl = 1 }
    assert.equal("10.0.0.3", client.addr:match "^[^:]+")
    assert.equal(client.addr, assert(listener:accept()).peer)
    local other <close> = a:connect { dst, src = "10.0.0.1:4321" }
    assert.equal("10.0.0.1:4321", other.addr)
    assert.equal("10.0.0.2:" .. listener.port, listener.addr)
  end)

  it("receives lines, numbers of bytes, what there is, and all", function()
    local client, server = pair()
    client:send "one\ntwo\r\n\nabcdef"
    assert.equal("one", server:receive "line")
    assert.equal("two", server:receive("line", { timeout = 1 }))
    assert.equal("", server:receive "line")
    assert.equal("abc", server:receive(3))
    assert.equal("def", server:receive())
    local late = h.refused("ETIMEDOUT", server.receive, server, 5, { timeout = 0.02 })
    assert.equal("receive", late.op)
    client:send "12"
    h.refused("ETIMEDOUT", server.receive, server, 5, { timeout = 0.02 }) -- and what came stays
    client:send("345\nlast"):finish()
    assert.equal("12345", server:receive(5))
    assert.equal("", server:receive "line")
    local lines = {}
    for line in server:lines() do lines[#lines + 1] = line end
    assert.same({ "last" }, lines)
    for _, what in ipairs { "line", "all", 3 } do assert.is_nil(server:receive(what)) end
    assert.is_nil(server:receive())
    server:send "still" -- the other direction goes on
    assert.equal("still", client:receive { timeout = 1 })
    server:close()
    assert.is_nil(client:receive "all")
    client:close()
  end)

  it("talks with other programs", function()
    local _ <close> = b:spawn "busybox nc -l -p 7000 -e tr a-z A-Z"
    local client
    h.settles(function() client = a:connect "10.0.0.2:7000" end)
    client:send("hello\n"):finish()
    assert.equal("HELLO\n", client:receive("all", { timeout = 2 }))
    client:close()
    local listener <close> = b:listen "10.0.0.2:7001"
    local task = nsh.go(a.exec, a, "busybox nc -w 2 10.0.0.2 7001", { input = "ping\n" })
    local server <close> = listener:accept { timeout = 2 }
    assert.equal("ping", server:receive "line")
    server:send "pong\n"
    server:close()
    assert.equal("pong\n", task:wait().out)
  end)

  it("waits while the other side takes nothing, and loses no byte", function()
    local client, server = pair()
    local chunk = ("x"):rep(1 << 20)
    local err = h.refused("ETIMEDOUT", function()
      for _ = 1, 100 do client:send(chunk, { timeout = 0.05 }) end
    end)
    assert.truthy(err.message:find "bytes are not taken")
    client:close()
    server:close()
    client, server = pair()
    local got = nsh.all {
      function()
        for i = 1, 16 do client:send(chunk .. i) end
        client:close()
      end,
      function() return server:receive "all" end,
    }[2]
    local want = {}
    for i = 1, 16 do want[i] = chunk .. i end
    assert.truthy(got == table.concat(want))
    server:close()
  end)

  it("survives an end that closed", function()
    local client, server = pair()
    client:send "unread"
    assert(h.eventually(function() return b:exec("ss -Htn").out:match "%s6%s" end))
    server:close()
    local err = h.raised(function()
      for _ = 1, 100 do
        client:send(("x"):rep(1000))
        nsh.sleep(0.001)
      end
    end)
    assert.truthy(err.code == "EPIPE" or err.code == "ECONNRESET")
    assert.is_string(err.hint)
    client:close()
    client:close()
    h.misuse("is closed", client.send, client, "x")
    h.misuse("is closed", client.receive, client)
  end)

  it("serves many at once, each in its task", function()
    local listener <close> = b:listen { 0, backlog = 64 }
    local port = listener.port
    local server = nsh.go(function()
      for _ = 1, 20 do
        nsh.go(function(c)
          local connection <close> = c
          connection:send(connection:receive("line"):reverse())
        end, listener:accept())
      end
    end)
    local clients = {}
    for i = 1, 20 do
      clients[i] = function()
        local client <close> = a:connect(("10.0.0.2:%d"):format(port))
        return client:send(("n%d\n"):format(i)):receive "all"
      end
    end
    local got = nsh.all(clients)
    for i = 1, 20 do assert.equal(("n%d"):format(i):reverse(), got[i]) end
    server:wait()
  end)

  it("gives way to a close of another task, and to Ctrl-C", function()
    local listener = b:listen(0)
    local task = nsh.go(function()
      listener:accept()
    end)
    nsh.sleep(0)
    listener:close()
    h.misuse("is closed", task.wait, task)
    assert.is_nil(assert(b:listen(0)):accept { timeout = 0.01 })
    h.interrupted 'netns.current():listen(0):accept()'
  end)

  it("says why there is no connection", function()
    local err = h.refused("ECONNREFUSED", a.connect, a, "10.0.0.2:1")
    assert.equal("connect", err.op)
    assert.truthy(err.hint:find "nobody listens")
    err = h.refused("ETIMEDOUT", a.connect, a, { "10.0.0.99:1", timeout = "50ms" })
    assert.is_string(err.hint)
    h.refused("ENETUNREACH", a.connect, a, "10.9.9.9:1")
    h.refused("EADDRNOTAVAIL", a.connect, a, { "10.0.0.2:1", src = "10.0.0.9" })
    h.refused("ENODEV", a.connect, a, { "10.0.0.2:1", dev = "nolink" })
    h.refused("EADDRNOTAVAIL", b.listen, b, "10.0.0.9:80")
    local first <close> = b:listen(80)
    assert.truthy(h.refused("EADDRINUSE", b.listen, b, 80).hint:find "ss -")
    assert.equal(80, first.port)
    for _, bad in ipairs { "10.0.0.2", "10.0.0.2:x", "10.0.0.2:65536", "10.0.0.2:", "fd00::1:80", "[10.0.0.2]:80",
      "[fd00::1]", "web:80", "10.0.0.2:0", "[fe80::1]:80", "", ":80" } do
      h.refused("EINVAL", a.connect, a, bad)
    end
    h.refused("EINVAL", a.connect, a, { "10.0.0.2:1", src = "fd00::1" })
  end)

  it("refuses misuse with a sentence", function()
    h.misuse("10.0.0.2:80", a.connect, a)
    h.misuse("10.0.0.2:80", a.connect, a, 80)
    h.misuse("did you mean 'timeout'", a.connect, a, { "10.0.0.2:80", timeuot = 1 })
    h.misuse("ttl", a.connect, a, { "10.0.0.2:80", ttl = 0 })
    h.misuse("port", a.listen, a)
    h.misuse("0 to 65535", a.listen, a, 65536)
    h.misuse("backlog", a.listen, a, { 80, backlog = -1 })
    local client, server = pair()
    h.misuse("a string", client.send, client, 7)
    h.misuse("\"line\" or \"all\"", client.receive, client, "word")
    h.misuse("\"line\" or \"all\"", client.receive, client, 0)
    h.misuse("timeout", client.receive, client, { timeout = "soon" })
    client:close()
    server:close()
  end)

  it("keeps no descriptor, whatever happens", function()
    local before = h.descriptors()
    for _ = 1, 20 do
      pcall(a.connect, a, "10.0.0.2:1")
      pcall(a.connect, a, { "10.0.0.99:1", timeout = 0 })
      pcall(b.listen, b, "10.0.0.9:80")
      local client, server = pair()
      client:close()
      server:close()
    end
    assert.equal(before, (h.descriptors()))
  end)
end)
