-- speed_spec.lua - what a lab costs, counted and not timed: system calls, messages, memory and Lua's own steps, a host
local NSH = os.getenv "NSH_PLAIN" or "./nsh" -- under strace, never the sanitized one

local SCRIPT = [[
  local n = %d
  local net = lab "l"
  local switch = net:switch { "sw", addr = "10.0.255.254/16" }
  for i = 1, n do
    local host = net:host { "h" .. i, routes = { { "default", via = "10.0.255.254" } } }
    net:link { { host, "eth0", addr = ("10.0.%%d.%%d/16"):format(i // 256, i %% 256) }, { switch, "p" .. i } }
  end
  %s]]

-- Does one part after the other, and prints how many hundreds of Lua's steps each took.
local COUNTED = [[
  local function counted(parts)
    for _, part in ipairs(parts) do
      local count = 0
      debug.sethook(function() count = count + 1 end, "", 100)
      part[2]()
      debug.sethook()
      print(part[1], count)
    end
  end
]]

-- A lab of which all that may be many is: wires between two nodes, to a switch that comes last, to a router with a
-- network and a route for each, links on links, records of all nouns.
local PARTS = COUNTED .. [[
  local n, net = %d, nil
  local function net_of(i, host) return ("10.%%d.%%d.%%d"):format(i // 250 + 1, i %% 250, host) end
  local function routes_of()
    local list = {}
    for i = 1, n do
      list[2 * i - 1] = { ("172.16.%%d.%%d"):format(i // 250, i %% 250), via = net_of(i, 2), src = net_of(i, 1) }
      list[2 * i] = { ("fd01:0:0:%%x::/64"):format(i), via = "fd00::2" }
    end
    return list
  end
  local function declare()
    net = lab("l", { addresses = "192.168.0.0/16" })
    local hub, host, many = net:router { "hub", routes = routes_of() }, net:host "host", {}
    host:link { "br0", kind = "bridge", vlan_filtering = true, addr = "10.100.0.1/16" }
    for i = 1, n do
      many[2 * i - 1], many[2 * i] = ("10.99.%%d.%%d/16"):format(i // 250, i %% 250 + 1), ("fd00::%%x/64"):format(i + 9)
      local leaf = net:host { "leaf" .. i, routes = { { "default", via = net_of(i, 1) } } }
      net:link { { hub, "p" .. i, addr = net_of(i, 1) .. "/30" }, { leaf, "eth0", addr = net_of(i, 2) .. "/30" } }
      net:link { { hub, "a" .. i }, { host, "b" .. i } }
      net:link { { leaf, "eth1" }, { host, "c" .. i, master = "br0", vlans = { i + 1 } } }
      host:link { "v" .. i, kind = "vlan", link = "br0", id = i }
      host:rule { priority = i, from = net_of(i, 9), table = "main" }
      host:neigh { ("10.100.%%d.%%d"):format(i // 250, i %% 250 + 1), dev = "br0", mac = "02:00:00:00:00:01" }
    end
    local last = net:switch { "last", addrs = { "10.99.255.254/16", "fd00::2/64" } }
    net:link { { hub, "up", addrs = many }, last }
    for i = 1, n do net:link { "leaf" .. i, last } end
  end
  counted {
    { "declare", declare }, { "check", function() require "nsh.lab.check".lab(net) end },
    { "plan", function() return tostring(net:plan()) end }, { "script", function() return net:script() end },
    { "shell", function() return net:shell() end }, { "diff", function() return net:diff(net) end },
    { "graph", function() return net:graph "mermaid" end },
  }]]

-- A node with many addresses, routes and neighbours: made, by hand taken away, mended, taken back.
local CHANGES = COUNTED .. [[
  local n = %d
  local function declare(many)
    local net, addrs, routes, neighs = lab "l", {}, {}, {}
    for i = 1, many and n or 0 do
      addrs[2 * i - 1], addrs[2 * i] = ("10.%%d.%%d.1/24"):format(i // 250, i %% 250), ("fd00:%%x::1/64"):format(i)
      routes[i] = { ("172.16.%%d.%%d"):format(i // 250, i %% 250), via = ("10.%%d.%%d.2"):format(i // 250, i %% 250),
        onlink = true, dev = "eth0" }
      neighs[i] = { ("10.%%d.%%d.3"):format(i // 250, i %% 250), dev = "eth0", mac = "02:00:00:00:00:01" }
    end
    net:link { { net:host { "a", routes = routes, neighs = neighs }, "eth0", addrs = addrs }, { net:host "b", "eth0" } }
    return net
  end
  local net
  counted {
    { "made", function() net = declare(true) net:up() end },
    { "looked", function()
      net:node "a":exec "ip route flush table main"
      return net:plan()
    end },
    { "mended", function() net:up() end },
    { "again", function()
      net:node "a":exec "ip addr flush dev eth0"
      net:up()
    end },
    { "back", function() net = declare(false) net:up() end },
  }]]

-- Runs a script in an nsh of its own, with a star of so many hosts declared.
local function run(n, rest, prefix)
  local words = prefix or {}
  for _, word in ipairs { NSH, "-e", SCRIPT:format(n, rest) } do words[#words + 1] = word end
  return netns.current():exec(words)
end

-- What was asked for in vain, without waiting, is none.
local function by_call(text)
  local counts = { all = 0 }
  text = text:gsub("\n[^\n]*= %-1 EAGAIN[^\n]*", "")
  for call in text:gmatch "\n(%l[%w_]*)%(" do
    counts[call] = (counts[call] or 0) + 1
    counts.all = counts.all + 1
  end
  return counts
end

-- The system calls that each host more costs, by name, when a part of the script runs.
local function calls_a_host(before, part)
  local counts = {}
  for i, n in ipairs { 30, 50 } do
    local mark = 'io.stderr:write "MARK\\n" io.stderr:flush()'
    local script = table.concat({ before, mark, part, mark }, "\n")
    for _ = 1, 2 do -- the better of two: on a busy machine a wait may take some more
      local text = run(n, script, { "strace", "-q" }).err
      local calls = by_call(assert(text:match '"MARK\\n".-\n(.*)write%(2, "MARK\\n"'))
      if not counts[i] or calls.all < counts[i].all then counts[i] = calls end
    end
  end
  return setmetatable({}, { __index = function(_, call)
    return ((counts[2][call] or 0) - (counts[1][call] or 0)) / 20
  end })
end

describe("a lab", function()
  it("goes up by one message for its link and one for all else, in this process", function()
    local calls = calls_a_host("", "net:up()")
    assert.equal(1, calls.unshare + calls.recvmsg) -- made here, or beside us where there is more than one processor
    assert.equal(1, calls.mount)
    assert.is_true(calls.sendto <= 2, calls.sendto .. " messages a host")
    assert.equal(0, calls.clone + calls.clone3 + calls.vfork + calls.fork + calls.execve)
    assert.is_true(calls.all <= 80, calls.all .. " system calls a host")
  end)

  it("goes down by the names of its namespaces alone", function()
    local calls = calls_a_host("net:up()", "net:down()")
    assert.equal(1, calls.umount2)
    assert.is_true(calls.sendto <= 1, calls.sendto .. " messages a host")
    assert.is_true(calls.all <= 40, calls.all .. " system calls a host")
  end)

  it("is left alone by a second up", function()
    local out = run(20, [[
      net:up()
      local before = require "nsh.core".sent()
      net:up()
      print(require "nsh.core".sent() - before)]]).out
    assert.equal("0\n", out)
  end)

  it("is compared by one list a noun, of the family that it has, and a question for each link", function()
    local calls = calls_a_host([[
      net:up()
      local held = {}
      for i, node in ipairs(net.nodes) do held[i] = node.netns end]], "net:plan(held)")
    assert.is_true(calls.sendto <= 4, calls.sendto .. " messages a host")
    assert.is_true(calls.all <= 50, calls.all .. " system calls a host")
  end)

  it("asks for the other end of a link once, though all of its nodes are alike", function()
    local core, asked, net = require "nsh.core", 0, lab "chain"
    local id, last = core.netns.id, nil
    for i = 1, 12 do
      local router = net:router { "r" .. i }
      if last then net:link { { last, "east" }, { router, "west" } } end
      last = router
    end
    net:up()
    local _ <close> = setmetatable({}, { __close = function() net:down() end })
    core.netns.id = function(...)
      asked = asked + 1
      return id(...)
    end
    local ok, steps = pcall(net.plan, net)
    local by_plan = asked
    local taken = ok and nsh.snapshot()
    core.netns.id = id
    assert.equal(0, #steps)
    assert.equal(11, by_plan)
    assert.equal(11, #taken.links)
    assert.is_true(asked - by_plan <= 2 * 11, asked - by_plan .. " questions")
  end)

  it("has its namespaces made beside nsh, and leaves nothing of those that it doesn't need", function()
    local ahead = require "nsh.netns".ahead
    local function open_files()
      local count = 0
      for _ in require "lfs".dir "/proc/self/fd" do count = count + 1 end
      return count
    end
    local before = open_files()
    do
      local seen = {}
      local _ <close> = ahead(40)
      for i = 1, 20 do
        local ns <close> = netns.add("ahead" .. i)
        seen[i] = ns
        assert.equal("0", ns.sysctl["net.ipv4.ip_forward"] .. "")
        assert.equal(1, #ns:links())
      end
      for i = 2, 20 do assert.are_not.equal(seen[1], seen[i]) end
    end
    local ns <close> = netns.add "behind"
    assert.equal("lo", ns:links()[1].name)
    ns:del()
    collectgarbage()
    assert.equal(before, open_files())
    local shown = netns.current():exec("ps ax -o comm").out
    assert.falsy(shown:find "nsh%-ahead")
  end)

  it("says what forbids a namespace that was to be made beside it", function()
    local limited = "echo 20 >/proc/sys/user/max_net_namespaces && exec \"$@\""
    local out = run(40, [[
      local ok, err = pcall(net.up, net)
      print(ok and "true" or "false " .. err.code .. " " .. #netns.list())]],
      { "unshare", "--user", "--map-root-user", "sh", "-c", limited, "sh" }).out
    assert.equal("false ENOSPC 0\n", out)
  end)

  it("takes 30 KiB a node", function()
    local function pss(n)
      return tonumber(run(n, [[
        net:up()
        nsh.sleep(0.001)
        local f <close> = io.open "/proc/self/smaps_rollup"
        print(f:read("a"):match "Pss:%s*(%d+)")]]).out)
    end
    local a_node = (pss(150) - pss(30)) / 120
    assert.is_true(a_node <= 30, a_node .. " KiB")
  end)

  -- Runs what prints names and counts for three sizes; none may grow faster than the size.
  local function check_growth(script, sizes, parts)
    local function steps(n)
      local counts, out = {}, netns.current():exec({ NSH, "-e", script:format(n) }).out
      for part, count in out:gmatch "(%l+)\t(%d+)\n" do counts[part] = tonumber(count) end
      return counts
    end
    local few, more, most, seen = steps(sizes[1]), steps(sizes[2]), steps(sizes[3]), 0
    local much = (sizes[3] - sizes[2]) / (sizes[2] - sizes[1])
    for part, count in pairs(most) do
      local ratio = (count - more[part]) / much / (more[part] - few[part])
      assert.is_true(ratio < 1.04, ("%s: %.2f times as many"):format(part, ratio))
      seen = seen + 1
    end
    assert.equal(parts, seen)
  end

  it("is declared, checked, planned, written down and drawn in as many steps for each link, of any size", function()
    check_growth(PARTS, { 40, 80, 160 }, 7)
  end)

  it("is mended and changed in as many steps for each thing, of any size", function()
    check_growth(CHANGES, { 40, 80, 160 }, 5)
  end)

  it("takes as many steps of Lua for each host, however many there are", function()
    local function steps(n)
      return tonumber(run(n, [[
        local count = 0
        debug.sethook(function() count = count + 1 end, "", 100)
        net:up()
        debug.sethook()
        print(count)]]).out)
    end
    local few, more, most = steps(20), steps(40), steps(80)
    local ratio = (most - more) / 2 / (more - few)
    assert.is_true(ratio < 1.15, ("%.2f times as many"):format(ratio))
  end)
end)
