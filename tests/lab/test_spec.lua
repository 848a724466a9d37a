-- test_spec.lua - `nsh --test`, `nsh lab.lua test` and require "nsh.test": specs, their verdicts, and what is kept
local lfs = require "lfs"
local transcript = require "tests.transcript"

local NSH = os.getenv "NSH" or "./nsh"
if not NSH:find "^/" then NSH = lfs.currentdir() .. "/" .. NSH end

describe("nsh --test", function()
  local dir

  local function file(name, text)
    local f = assert(io.open(dir .. "/" .. name, "w"))
    f:write(text)
    f:close()
    return dir .. "/" .. name
  end

  -- Runs nsh in the folder, where nothing of the suite is; returns its outputs in one, and its exit status.
  local function run(...)
    local words = {}
    for i, word in ipairs { ... } do words[i] = "'" .. word:gsub("'", "'\\''") .. "'" end
    local pipe = assert(io.popen(("cd %s && exec %s %s 2>&1 </dev/null"):format(dir, NSH, table.concat(words, " "))))
    local out = pipe:read "a"
    local _, _, status = pipe:close()
    return out, status
  end

  local function has(text, words)
    if not text:find(words, 1, true) then error(("%q is not in:\n%s"):format(words, text), 2) end
  end

  local function lacks(text, words)
    if text:find(words, 1, true) then error(("%q is in:\n%s"):format(words, text), 2) end
  end

  before_each(function()
    dir = os.tmpname()
    os.remove(dir)
    assert(lfs.mkdir(dir))
  end)

  after_each(function() os.execute("rm -r " .. dir) end)

  describe("verdicts", function()
    local MIXED = [[
describe("outer", function()
  it("passes", function() print "said" end)
  it("fails", function() assert.equal(1, 2) end)
  it("errs", function() error "oops" end)
  pending "later"
  describe("inner", function()
    it("skips", function() pending "no reason" end)
    it("raises", function() netns.get "nowhere" end)
  end)
end)]]

    it("are those of busted, as TAP", function()
      local path = file("mixed_spec.lua", MIXED)
      local out, status = run("--test", "-o", "TAP", path)
      assert.equal(1, status)
      for _, line in ipairs {
        "said", "ok 1 - outer passes", "not ok 2 - outer fails", "not ok 3 - outer errs", "ok 4 - # SKIP outer later",
        "# Failure message: " .. path .. ":3: Expected objects to be equal.",
        "# Failure message: " .. path .. ":4: oops",
        "ok 5 - # SKIP " .. path .. ":7: no reason", "not ok 6 - outer inner raises", "1..6",
        "1 passed, 3 failed, 2 skipped",
      } do
        has("\n" .. out, "\n" .. line)
      end
    end)

    it("are those of busted, as JUnit, of all files in one report", function()
      local one, two = file("a_spec.lua", MIXED), file("b_spec.lua", "it('is <fine>', function() end)")
      local report = dir .. "/report.xml"
      local out, status = run("--test", "-o", "junit", "-Xoutput", report, dir)
      assert.equal(1, status, out)
      local xml = transcript.read(report)
      local head = xml:match "<testsuites (.-)>"
      for key, value in pairs { tests = 7, failures = 1, errors = 2, skip = 2 } do
        has(head, ("%s='%d'"):format(key, value))
      end
      has(xml, ("classname='%s:3'"):format(one))
      has(xml, ("classname='%s:1'"):format(two))
      has(xml, "name='is &lt;fine&gt;'")
      has(xml, "<failure>" .. one .. ":3: Expected objects to be equal.")
    end)

    it("are those of busted, as text, by an output handler of one's own, and as a list", function()
      local path = file("mixed_spec.lua", MIXED)
      has((run("--test", path)), "1 success / 1 failure / 2 errors / 2 pending")
      has((run("--test", "-o", lfs.currentdir() .. "/tests/output.lua", path)), "FAILED " .. path .. ":3: outer fails")
      local out, status = run("--test", "--list", path)
      assert.equal(0, status)
      has(out, path .. ":8: outer inner raises\n")
      lacks(out, "passed")
      has((run("--test", "-o", "TAP", "--filter=inner", path)), "1..2\n")
    end)

    it("are 0 and 1 as exit status", function()
      assert.equal(0, (select(2, run("--test", file("good_spec.lua", "it('is', function() end)")))))
      assert.equal(1, (select(2, run("--test", file("syntax_spec.lua", "it(")))))
      assert.equal(1, (select(2, run("--test", file("top_spec.lua", "error 'at once'")))))
      assert.equal(1, (select(2, run("--test", dir .. "/nothing"))))
      local out, status = run("--test", "--timeout=soon", dir)
      assert.equal(2, status)
      has(out, "--timeout wants seconds like 60, not 'soon'")
    end)
  end)

  it("gives each file a world of its own, and all its tests the same", function()
    local code = [[
      it("is fresh", function() assert.equal(0, #netns.list()) netns.add "left" end)
      it("is kept", function() assert.equal(1, #netns.list()) x = 1 end)]]
    file("a_spec.lua", code)
    file("b_spec.lua", code .. " it('has no globals of others', function() assert.is_nil(rawget(_G, 'x')) end)")
    local out, status = run("--test", "-o", "TAP", dir)
    assert.equal(0, status, out)
    has(out, "5 passed, 0 failed, 0 skipped")
  end)

  it("ends what takes too long, wherever it waits, and goes on", function()
    local path = file("slow_spec.lua", [[
local f = function() while true do end end
it("in Lua", function() while true do end end)
it("in C", function() nsh.sleep(100) end)
it("in a command, and a pcall", function() pcall(os.execute, "sleep 100") end)
it("in a task", function() nsh.go(f):wait() end)
it("goes on", function() assert.is_true(netns.current():exec("true").status == 0) end)
describe("a block", function()
  setup(function() nsh.sleep(100) end)
  it("whose setup hangs is none", function() end)
end)]])
    local out, status = run("--test", "--timeout", "0.2", "-o", "TAP", path)
    assert.equal(1, status)
    for i, line in ipairs { 2, 3, 4, 1 } do
      has(out, ("not ok %d - "):format(i))
      has(out, ("# Failure message: %s:%d: its time, 0.2 s, was over here"):format(path, line))
    end
    has(out, "ok 5 - goes on")
    has(out, path .. ":8: its time, 0.2 s, was over here")
    lacks(out, "is none")
  end)

  it("ends an nsh that heeds nothing any more", function()
    if not os.getenv "NSH_SOAK" then pending "NSH_SOAK=1 waits for it" end
    local out, status = run("--test", "--timeout", "0.2", "-o", "TAP", file("deaf_spec.lua",
      [[it("searches", function() local s = ("a"):rep(100000) s:find(("a*"):rep(40) .. "b") end)]]))
    assert.equal(1, status)
    has(out, "not ok 1 - searches\n")
    has(out, "the nsh of this file was killed by signal 14 during a test")
  end)

  it("tells of an nsh that was killed, and of the other files", function()
    local path = file("a_spec.lua", [[it("waits", function() nsh.sleep(100) end)]])
    file("b_spec.lua", "it('runs', function() end)")
    -- the one that has a child is the first nsh
    local script = file("kill.sh", ([[
      %s --test -o TAP %s & pid=$!
      until child=$(cat /proc/$pid/task/$pid/children) && [ -n "$child" ] &&
        grep -q a_spec /proc/${child%%%% *}/cmdline; do sleep 0.01; done
      kill -KILL $child; wait $pid; echo status $?]]):format(NSH, dir))
    local pipe = io.popen("sh " .. script .. " 2>&1")
    local out = pipe:read "a"
    pipe:close()
    has(out, "the nsh of this file was killed by signal 9")
    has(out, path)
    has(out, "ok 2 - runs")
    has(out, "status 1")
  end)

  it("makes os.exit an error of the test", function()
    local path = file("exit_spec.lua", "it('leaves', function() os.exit(0) end)\nit('stays', function() end)")
    local out, status = run("--test", "-o", "TAP", path)
    assert.equal(1, status)
    has(out, path .. ":1: os.exit(0) inside of a test")
    has(out, "ok 2 - stays")
  end)

  it("is ended by Ctrl-C as a whole", function()
    file("a_spec.lua", "it('waits', function() io.stderr:write 'here\\n' pcall(nsh.sleep, 100) end)")
    file("b_spec.lua", "it('is not run', function() print 'not here' end)")
    local pipe = io.popen(([[cd %s && mkfifo said
      env --default-signal=INT setsid %s --test --timeout 5 -o TAP . >out 2>said & pid=$!
      read -r word <said
      kill -INT -$pid; wait $pid; echo status $?; cat out]]):format(dir, NSH))
    local out = pipe:read "a"
    pipe:close()
    lacks(out, "not here")
    has(out, "status 130")
  end)

  it("names the package where busted is missing", function()
    local out, status = run("-e", "package.path = ''", "--test", dir)
    assert.equal(4, status)
    has(out, "apt-get install lua-busted")
  end)

  describe("with labs", function()
    local LAB = [[
local net = lab "duo"
local sw = net:switch { "sw", stp = false }
for i = 1, 3 do net:link { { net:host { "h" .. i }, "eth0", addr = "10.0.0." .. i .. "/24" }, { sw, "p" .. i } } end
return net]]

    it("has them up for a block, and down after it, though tests fail", function()
      file("lab.lua", LAB)
      local out, status = run("--test", "-o", "TAP", "--keep", dir .. "/kept", file("up_spec.lua", [[
local test = require "nsh.test"
describe("one", function()
  local net = test.lab "lab.lua"
  it("is up", function() assert.equal(4, #netns.list()) assert.equal(0, #net:plan()) end)
  it("fails", function() error "on purpose" end)
end)
describe("another", function()
  it("has nothing of it", function() assert.equal(0, #netns.list()) end)
  describe("with its own", function()
    local net = test.lab(function()
      local net = lab "solo"
      net:host { "h1" }
      return net
    end)
    it("is there", function() assert.equal(1, #netns.list()) assert.equal(net:node "h1".netns, netns.get "solo.h1") end)
  end)
end)]]))
      assert.equal(1, status)
      has(out, "3 passed, 1 failed, 0 skipped")
      has(out, "kept in " .. dir .. "/kept/")
    end)

    it("has assertions about them, which tell what was seen", function()
      file("lab.lua", LAB)
      local out, status = run("--test", "-o", "TAP", "--keep", dir .. "/kept", file("all_spec.lua", [[
local test = require "nsh.test"
describe("a lab", function()
  local net = test.lab "lab.lua"
  local h1
  before_each(function() h1 = net:node "h1" end)
  it("A", function()
    assert.reachable("h1", "h2")
    assert.reachable(h1, net:node "h2".netns)
    assert.reachable(h1.netns, "10.0.0.3", { timeout = 1 })
    assert.route(h1, "10.0.0.2", { dev = "eth0", scope = "global" })
    assert.not_route(h1, "10.0.0.2", { via = "10.0.0.3" })
    assert.matrix(net)
    local capture <close> = net:node "h2".netns:capture "eth0"
    h1.netns:ping "10.0.0.2"
    assert.sees(capture, { icmp = { type = "echo-request" }, ip = { src = "10.0.0.1" } })
    assert.not_sees(capture, { tcp = { dport = 80 } }, { timeout = 0.05 })
    h1.netns:link "eth0":set { up = false }
    assert.unreachable("h1", "h2", { timeout = 0.1 })
    assert.not_reachable("h1", "10.0.0.2", { timeout = 0.1 })
    assert.matrix(net, { h1 = false, h2 = { h1 = false }, h3 = { h1 = false }, sw = { h1 = false } }, { timeout = 0.2 })
  end)
  it("B", function() assert.reachable("h1", "h2", { timeout = 0.1 }) end)
  it("C", function() net:up() assert.reachable("h1", "h2") assert.unreachable("h1", "h2") end)
  it("D", function() assert.route("h1", "10.0.0.2", { via = "10.0.0.9" }) end)
  it("E", function() assert.route("h1", "192.0.2.1") end)
  it("F", function() assert.matrix(net, { h1 = { h2 = false } }, { count = 1 }) end)
  it("G", function()
    local capture <close> = h1.netns:capture "eth0"
    h1.netns:ping "10.0.0.2"
    assert.sees(capture, { udp = {} }, { timeout = 0.05 })
  end)
  it("H", function() assert.reachable("h1", "h9") end)
  it("I", function() assert.matrix(net, { h1 = { hh2 = true } }) end)
  it("J", function() assert.reachable "h1" end)
end)]]))
      assert.equal(1, status)
      has("\n" .. out, "\nok 1 - a lab A\n")
      for _, words in ipairs {
        "h1 doesn't reach h2 (10.0.0.2)\n", "Network is unreachable (ENETUNREACH)", "~ link eth0: up false → true",
        "h1 reaches h2 (10.0.0.2)\n", "goes not to 10.0.0.2 by\n#   via=10.0.0.9\n# but\n#   dst=10.0.0.2",
        "h1 goes not", "route to 192.0.2.1 in duo.h1: Network is unreachable", "not as expected:\n#   h1 reaches h2\n",
        "no packet was seen that has\n#   udp=", "ICMP echo request", "no node nor namespace 'h9'; did you mean 'h",
        "lab duo has no node 'hh2'; did you mean 'h2'?", "reachable takes who asks and who is asked",
        "1 passed, 9 failed, 0 skipped",
      } do
        has(out, words)
      end
      local folder = out:match "kept in (%S+)"
      has(transcript.read(folder .. "/failure.txt"), "a lab B\n\n")
      has(transcript.read(folder .. "/status.txt"), "h1    host    ~ differs")
      has(transcript.read(folder .. "/plan.txt"), "~ link eth0")
      has(transcript.read(folder .. "/node-h2.txt"), "10.0.0.0/24")
    end)

    it("tells slips in assertions with the spec's own line", function()
      file("lab.lua", LAB)
      local path = file("slip_spec.lua", [[
local test = require "nsh.test"
describe("a lab", function()
  local net = test.lab "lab.lua"
  it("A", function() assert.reachable("h1", "h2", { timout = 1 }) end)
  it("B", function() assert.unreachable("h1", "h2", { timeout = "soon" }) end)
  it("C", function() assert.sees({}, {}, { timout = 1 }) end)
  it("D", function() assert.matrix(net, {}, { cuont = 1 }) end)
  it("E", function() assert.reachable("h1", "h9") end)
  it("F", function() assert.route("h1", "10.0.0.900") end)
end)]])
      local out, status = run("--test", "-o", "TAP", "--keep", dir .. "/kept", path)
      assert.equal(1, status)
      for line, words in pairs { [4] = "unknown key 'timout' of reachable; did you mean 'timeout'?",
        [5] = "timeout must be seconds", [6] = "unknown key 'timout' of sees", [7] = "unknown key 'cuont'",
        [8] = "reachable: there is no node", [9] = "dst: '10.0.0.900'" } do
        has(out, ("%s:%d: %s"):format(path, line, words))
      end
      lacks(out, "/luassert/")
    end)

    it("keeps the packets of the test that failed, and says when it has none", function()
      file("lab.lua", LAB)
      local out = run("--test", "-o", "TAP", "--keep", dir .. "/kept", file("packets_spec.lua", [[
local test = require "nsh.test"
describe("a lab", function()
  local net = test.lab "lab.lua"
  it("A", function() net:node "h1".netns:ping "10.0.0.2" end)
  it("B", function() net:node "h1".netns:ping "10.0.0.3" error "on purpose" end)
end)
describe("another", function()
  local net = test.lab("lab.lua", { capture = false })
  it("C", function() error "on purpose" end)
end)]]))
      local first, second = out:match "kept in (%S+).*kept in (%S+)"
      local text = transcript.read(first .. "/packets.txt")
      has(text, "IP 10.0.0.1 > 10.0.0.3: ICMP echo request")
      lacks(text, "10.0.0.2: ICMP echo request")
      local found
      for packet in nsh.read_pcap(first .. "/packets.pcapng") do
        found = found or packet.icmp and packet.ip.dst == "10.0.0.3" and packet
      end
      assert.same({ "duo.sw", "echo-request" }, { found.netns, found.icmp.type })
      if nsh.program "tcpdump" and netns.current():exec("cat /proc/self/uid_map").out:find "^%s*0%s+0%s" then
        has(transcript.read(first .. "/packets.txt"), "10.0.0.1")
        local pipe = io.popen("tcpdump -Z root -nn -r " .. first .. "/packets.pcapng 2>&1")
        has(pipe:read "a", "IP 10.0.0.1 > 10.0.0.3: ICMP echo request")
        pipe:close()
      end
      has(transcript.read(second .. "/packets.txt"), "capture = false")
    end)

    it("keeps every lab that is up, whoever brought it up, and none that is gone", function()
      local out, status = run("--test", "-o", "TAP", "--keep", dir .. "/kept", file("own_spec.lua", [[
local function duo(name)
  local net = lab(name)
  net:link { { net:host "h1", addr = "10.0.0.1/24" }, { net:host "h2", addr = "10.0.0.2/24" } }
  net:up()
  return net
end
describe("a lab of one's own", function()
  it("A", function()
    local one, two = duo "one", duo "two"
    finally(function() one:down() two:down() end)
    one:node "h1":ping "10.0.0.2"
    two:node "h1".netns:link "eth0":set { mtu = 1300 }
    error "on purpose"
  end)
  it("B", function() duo "gone":down() error "on purpose" end)
  it("C", function()
    local net = duo "anew"
    net:down()
    net:up()
    net:node "h2":ping "10.0.0.1"
    assert.equal(1, 2)
  end)
end)]]))
      assert.equal(1, status, out)
      has(out, "0 passed, 3 failed, 0 skipped")
      local first, second = out:match "kept in (%S+).*kept in (%S+)"
      lacks(out:match "not ok 2.-not ok 3", "kept in")
      has(transcript.read(first .. "/failure.txt"), "on purpose")
      has(transcript.read(first .. "/status.txt"), "lab two")
      has(transcript.read(first .. "/plan.txt"), "mtu 1300")
      has(transcript.read(first .. "/lab.txt"), "10.0.0.2/24")
      has(transcript.read(first .. "/lab-one/status.txt"), "lab one")
      has(transcript.read(first .. "/lab-one/packets.txt"), "10.0.0.2: ICMP echo request")
      has(transcript.read(second .. "/packets.txt"), "IP 10.0.0.2 > 10.0.0.1: ICMP echo request")
    end)

    it("finds the spec beside the lab, which needs not name it", function()
      local script = file("office.lua", LAB)
      local out, status = run(script, "test")
      assert.equal(1, status)
      has(out, "there is no " .. dir .. "/office_spec.lua")
      file("office_spec.lua", [[
local test = require "nsh.test"
describe("the office", function()
  test.lab()
  it("is joined", function() assert.reachable("h1", "h3") end)
end)]])
      out, status = run(script, "test", "-o", "TAP")
      assert.equal(0, status, out)
      has(out, "ok 1 - the office is joined\n1..1\n")
      out, status = run(script, "test", file("more_spec.lua", "it('is more', function() end)"))
      assert.equal(0, status, out)
      out, status = run(file("hasty.lua", "netns.add 'x'\n" .. LAB), "test", dir .. "/more_spec.lua")
      assert.equal(1, status)
      has(out, "hasty.lua has worked in its world before it returned the lab")
    end)

    it("is in a named world, where one is named", function()
      local world = "tests"
      finally(function() run("-w", world, "--kill") end)
      local script = file("named.lua", LAB)
      local spec = file("named_spec.lua", [[
local test = require "nsh.test"
describe("it", function()
  test.lab()
  it("is joined", function() assert.reachable("h1", "h3") end)
end)]])
      local there = file("there_spec.lua", "it('is there', function() assert.truthy(netns.find 'stays') end)")
      assert.equal("", (run("-w", world, "-e", "netns.add 'stays'")))
      local out, status = run("-w", world, script, "test", "-o", "TAP", spec, there)
      assert.equal(0, status, out)
      out, status = run("-w", world, "--test", "-o", "TAP", there)
      assert.equal(0, status, out)
      has(out, "ok 1 - is there\n")
      has((run "--worlds"), world)
    end)

    it("says where it can be used", function()
      local out, status = run("-e", "require('nsh.test').lab()")
      assert.equal(1, status)
      has(out, "(command line):1: nsh.test is for specs that busted runs")
      local path = file("none_spec.lua", "describe('x', function()\n  require('nsh.test').lab()\nend)")
      has((run("--test", "-o", "TAP", path)), path .. ":2: which lab?")
    end)

    it("works under busted alone, too", function()
      file("lab.lua", LAB)
      local out, status = run("/usr/bin/busted", "-o", "TAP", file("plain_spec.lua", [[
local test = require "nsh.test"
describe("a lab", function()
  test.lab "lab.lua"
  it("is up", function() assert.reachable("h1", "h2") end)
end)]]))
      assert.equal(0, status, out)
      has(out, "ok 1 - a lab is up")
    end)
  end)
end)

describe("the page about tests", function()
  it("has the lab and the spec of the example", function()
    local page = transcript.read "docs/testing.md"
    for _, path in ipairs { "lab.lua", "lab_spec.lua" } do
      local source = transcript.read("examples/office/" .. path):gsub("^%-%-[^\n]*\n", ""):gsub("\nreturn net\n$", "\n")
      assert.is_truthy(page:find(source, 1, true), path)
    end
  end)
end)
