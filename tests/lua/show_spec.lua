-- show_spec.lua - printing: columns, records, and whatever the REPL got
local show = require "nsh.show"
local text = require "nsh.text"

local function record(t) return setmetatable(t, show.Record) end
local function list(t) return setmetatable(t, show.List) end

local function lines(s)
  local out = {}
  for line in (s .. "\n"):gmatch "(.-)\n" do out[#out + 1] = line end
  return out
end

local function links()
  return list {
    record { index = 1, name = "lo", mtu = 65536, state = "down", mac = "00:00:00:00:00:00", up = false,
      txqlen = 1000 },
    record { index = 2, name = "eth0", kind = "veth", mtu = 1500, state = "up", mac = "02:00:00:00:00:01", up = true,
      peer = "veth0", promisc = false },
  }
end

describe("show", function()
  before_each(function()
    text.set_width(false)
    show.colour(false)
  end)
  after_each(function()
    text.set_width(nil)
    show.colour(nil)
  end)

  describe("lists", function()
    it("print the well-known columns of links, aligned", function()
      assert.same({
        "name  kind  state    mtu  mac                peer",
        "lo    -     down   65536  00:00:00:00:00:00  -",
        "eth0  veth  up      1500  02:00:00:00:00:01  veth0",
      }, lines(tostring(links())))
    end)

    it("print the ports of a bridge, and bridges, as brctl(8) does", function()
      local ports = list {}
      for i = 1, 2 do
        ports[i] = record { index = i, name = "p" .. i, kind = "veth", mtu = 1500, state = "up", master = "br0",
          port_kind = "bridge", port = { state = "forwarding", cost = 2, priority = 32, no = i, learning = true,
            isolated = i == 2 } }
      end
      assert.same({
        "name  state  port.state  port.cost  port.priority  port.no  port.isolated",
        "p1    up     forwarding          2             32        1  false",
        "p2    up     forwarding          2             32        2  true",
      }, lines(tostring(ports)))
      ports[2].master = "br1"
      assert.equal("name  kind  state   mtu  master", lines(tostring(ports))[1])
      local bridges = list { record { index = 1, name = "br0", kind = "bridge", mtu = 1500, state = "up", stp = false,
        bridge_id = "8000.02:00:00:00:00:01" } }
      assert.same({ "name  state   mtu  bridge_id", "br0   up     1500  8000.02:00:00:00:00:01" },
        lines(tostring(bridges)))
    end)

    it("begin a port's options with its state", function()
      local port = record { bcast_flood = true, cost = 2, designated_bridge = "8000.02:00:00:00:00:01", id = 0x8001,
        isolated = false, no = 1, priority = 32, state = "forwarding" }
      local keys = {}
      for i, line in ipairs(lines(tostring(port))) do keys[i] = line:match "^%S+" end
      assert.same({ "state", "cost", "priority", "no", "id", "designated_bridge", "bcast_flood", "isolated" }, keys)
    end)

    it("begin with what tells entries apart", function()
      local entries = list {
        record { dev = "p0", mac = "02:00:00:00:00:01", state = "static", master = "br0", dst = "10.0.0.1", used = 3 },
      }
      assert.equal("mac                dev  state   master  dst", lines(tostring(entries))[1])
      entries[1] = record { dev = "p0", vid = 10, pvid = true, mcast_router = "query", state = "forwarding" }
      assert.equal("dev  vid  pvid  state       mcast_router", lines(tostring(entries))[1])
      entries[1] = record { dev = "br0", grp = "239.1.1.1", port = "p0", state = "temp", blocked = true }
      assert.equal("dev  grp        port  state  blocked", lines(tostring(entries))[1])
    end)

    it("leave out what is the default in every row", function()
      local routes = list {
        record { dst = "default", via = "10.0.0.1", dev = "eth0", type = "unicast", table = "main", scope = "universe",
          family = "inet" },
        record { dst = "10.0.0.0/24", dev = "eth0", type = "unicast", table = "main", family = "inet" },
      }
      assert.equal("dst          via       dev", lines(tostring(routes))[1])
      routes[3] = record { dst = "10.9.0.0/16", type = "blackhole" }
      assert.equal("dst          type       via       dev", lines(tostring(routes))[1])
    end)

    it("leave out an address's label when it is the link's name", function()
      local addrs = list { record { addr = "10.0.0.1/24", dev = "eth0", label = "eth0" } }
      assert.equal("addr         dev", lines(tostring(addrs))[1])
      addrs[1].label = "eth0:1"
      assert.equal("addr         dev   label", lines(tostring(addrs))[1])
    end)

    it("say that they are empty", function()
      assert.equal("(none)", tostring(list {}))
      assert.equal("(none)", show.repl(list {}))
    end)

    it("fit the terminal", function()
      for width = 1, 60 do
        text.set_width(width)
        for _, line in ipairs(lines(tostring(links()))) do assert.is_true(text.len(line) <= width, line) end
      end
      text.set_width(40)
      assert.truthy(tostring(links()):find("…", 1, true))
    end)

    it("are never cut where there is no terminal", function()
      local long = ("x"):rep(500)
      assert.truthy(tostring(list { record { name = long } }):find(long, 1, true))
    end)

    it("carry colour only in the REPL", function()
      show.colour(true)
      assert.falsy(tostring(links()):find "\27")
      local out = show.repl(links())
      assert.truthy(out:find("\27[32mup", 1, true))
      assert.truthy(out:find("\27[31mdown", 1, true))
    end)

    it("escape what the outside put in names", function()
      local out = tostring(list { record { name = "a\27[31m\n\x7f", alias = "\xff\xfe\xc2\x9b\u{202e}é" } })
      assert.truthy(out:find("a\\x1b[31m\\x0a\\x7f", 1, true))
      assert.truthy(out:find("\\xff\\xfe\\u{9b}\\u{202e}é", 1, true))
      assert.equal(2, #lines(out))
    end)

    it("print objects and scalars one a line", function()
      assert.equal("red\nblue", tostring(list { "red", "blue" }))
    end)

    it("print nested tables inline", function()
      local out = tostring(list { record { dst = "default", metrics = { mtu = 1400, deep = { { {} } } },
        nexthops = { { via = "1.1.1.1", dev = "a" }, { dev = "b" } } } })
      assert.truthy(out:find("{via=1.1.1.1 dev=a} {dev=b}", 1, true))
      assert.truthy(out:find("mtu=1400", 1, true))
    end)
  end)

  describe("records", function()
    it("print as lines of key and value", function()
      assert.same({
        "sent     3",
        "loss     0.5",
        "rtt",
        "  max  0.25",
        "  min  0.125",
        "out",
        "  a",
        "  b",
        "replies",
        "  seq  ttl",
        "    1   64",
      }, lines(tostring(record { sent = 3, loss = 0.5, rtt = { min = 0.125, max = 0.25 }, out = "a\nb\n",
        replies = { { seq = 1, ttl = 64 } } })))
    end)

    it("survive holding themselves", function()
      local r = record { name = "x" }
      r.me = r
      assert.truthy(tostring(r):find("{…}", 1, true))
      assert.truthy(show.inspect(r):find("{…}", 1, true))
    end)
  end)

  describe("repl", function()
    it("prints plain values as print does, and nothing for nothing", function()
      assert.is_nil(show.repl())
      assert.equal("nil", show.repl(nil))
      assert.equal("1\t2.5\ttrue\ta b", show.repl(1, 2.5, true, "a b"))
      assert.equal("two\nlines\\x1b[31m", show.repl "two\nlines\27[31m")
    end)

    it("quotes strings in tables and sorts keys", function()
      local value = { 1, 'a"b\n', c = "x", b = {}, ["end"] = 2, ["a b"] = 1, [10] = true }
      assert.equal([[{ 1, "a\"b\n", [10] = true, ["a b"] = 1, b = {}, c = "x", ["end"] = 2 }]], show.repl(value))
    end)

    it("limits depth and length", function()
      local big = {}
      for i = 1, 440 do big[i] = i end
      assert.truthy(show.repl(big):find("… 240 more", 1, true))
      assert.equal("{ { { { {…} } } } }", show.repl { { { { { { 1 } } } } } })
    end)

    it("prints plain tables of records as columns", function()
      local l = links()
      assert.equal(tostring(l), show.repl { l[1], l[2] })
    end)

    it("survives hostile metatables", function()
      local function bad() error "boom" end
      local hostile = setmetatable({ 1 }, { __tostring = bad, __pairs = bad, __index = bad, __len = bad, __name = 3 })
      assert.truthy(show.repl(hostile):find("error in __tostring: .*boom"))
      assert.truthy(show.repl { hostile }:find "boom")
      assert.equal("{ 1 }", show.repl(setmetatable({ 1 }, { __pairs = bad, __index = bad, __len = bad })))
      assert.truthy(show.repl(setmetatable({}, { __tostring = function() return {} end })):find "error")
      assert.truthy(show.repl(setmetatable({}, { __tostring = function() error(hostile) end })):find "error")
      assert.equal("{}", show.repl(setmetatable({}, { __metatable = "locked" })))
    end)

    it("escapes what objects say", function()
      assert.equal("x\\x1b[2J", show.repl(setmetatable({}, { __tostring = function() return "x\27[2J" end })))
    end)

    it("names functions by where they are", function()
      assert.truthy(show.repl(function() end):find "^function: .*show_spec%.lua:%d+$")
    end)
  end)

  it("cuts and pads by characters", function()
    assert.equal("é…", text.cut("éàü", 2))
    assert.equal("éàü", text.cut("éàü", 3))
    assert.equal("  é", text.pad("é", 3, true))
    assert.equal("  a b\n  c", text.wrap("a b c", 5, "  "))
  end)
end)
