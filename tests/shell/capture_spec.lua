-- capture_spec.lua - nsh --capture: lines, files and pipes, beside a script and after it
local h = require "tests.helper"
local pcap = require "tests.net.pcap"

local NSH = os.getenv "NSH" or "./nsh"
local dir, lab

-- Runs a command; returns what it printed, what it complained of, and its exit status.
local function run(words, rest)
  local result = netns.current():exec(("%s %s %s"):format(NSH, words, rest or ""), { check = false, timeout = 30 })
  return result.out, result.err, result.status or result.signal
end

local function text_of(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read "a"
  f:close()
  return text
end

describe("--capture", function()
  setup(function()
    dir = os.tmpname()
    os.remove(dir)
    assert(os.execute("mkdir " .. dir))
    lab = dir .. "/lab.lua"
    local f = assert(io.open(lab, "w"))
    f:write [[
      local a, b = netns.add "a", netns.add "b"
      local x, y = a:add_link { "e0", kind = "veth", up = true, peer = { "e0", netns = b, up = true } }
      x:add_addr "10.0.0.1/24"
      y:add_addr "10.0.0.2/24"
      print("the script", a:ping("10.0.0.2", { count = tonumber(arg[1] or 2), interval = 0 }).received)
      if arg[2] then error "it failed" end]]
    f:close()
  end)

  teardown(function() os.execute("rm -r " .. dir) end)

  it("prints what goes over a link from its first packet on", function()
    local out, err, status = run("--capture a:e0 -f 'arp or icmp' -c 6", lab)
    local lines = {}
    for line in out:gmatch "[^\n]+" do lines[#lines + 1] = line:gsub("^%d%d:%d%d:%d%d%.%d%d%d%d%d%d ", "") end
    table.sort(lines)
    assert.match("^ARP, Reply 10.0.0.2 is%-at", lines[1])
    assert.match("^ARP, Request who%-has 10.0.0.2 tell 10.0.0.1", lines[2])
    assert.match("^IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id %d+, seq 1, length 64$", lines[3])
    assert.match("^IP 10.0.0.2 > 10.0.0.1: ICMP echo reply", lines[6])
    assert.equal("the script\t2", lines[7])
    assert.equal("nsh: 6 packets captured\n", err)
    assert.equal(0, status)
  end)

  it("captures the links of a lab before its commands run, and its verbs", function()
    local path = dir .. "/net.lua"
    local f = assert(io.open(path, "w"))
    f:write [[
      local net = lab "net"
      net:link { { net:host { "a", commands = { "busybox ping -c 1 10.0.0.2" } }, addr = "10.0.0.1/24" },
        { net:host "b", addr = "10.0.0.2/24" } }
      return net]]
    f:close()
    local out, err, status = run("--capture net.a:eth0 -f icmp -c 6", path .. " ping")
    assert.equal(6, select(2, out:gsub("ICMP echo", "")), out .. err)
    assert.equal(0, status)
  end)

  it("says which link where there are several", function()
    local out = run("--capture a:e0 --capture b:e0 -ficmp -c4", lab .. " 1")
    assert.match("a:e0 out IP 10.0.0.1 > 10.0.0.2: ICMP echo request.*b:e0 in IP.*b:e0 out IP.*a:e0 in IP", out)
  end)

  it("writes a file, and its packets alone to a pipe", function()
    local file = dir .. "/x.pcapng"
    local out, err, status = run("--capture a:e0 -c 4 -f icmp -w " .. file, lab)
    assert.equal("the script\t2\n", out)
    assert.equal("nsh: 4 packets captured\n", err)
    assert.equal(0, status)
    assert.equal(4, #pcap.tcpdump(text_of(file)))
    out, err, status = run("--capture a:e0 -c 4 -f icmp -w -", lab)
    assert.equal(4, #pcap.tcpdump(out))
    assert.equal("the script\t2\nnsh: 4 packets captured\n", err)
    assert.equal(0, status)
  end)

  it("ends quietly when nobody reads any more", function()
    local out, err = run("--capture a:e0 -w -", lab .. " 20 | head -c 24 | wc -c")
    assert.equal("24\n", out)
    assert.equal("the script\t20\n", err)
  end)

  it("goes on after the script until Ctrl-C, and has written all then", function()
    local file = dir .. "/y.pcap"
    local ns = netns.current()
    assert(io.open(dir .. "/out", "w")):close()
    local nsh = ns:spawn(("exec %s --capture a:e0 -f icmp -w %s %s >%s/out 2>&1"):format(NSH, file, lab, dir))
    assert.truthy(h.eventually(function() return text_of(dir .. "/out"):find "the script" end, 10))
    nsh:kill "INT"
    local result = nsh:wait { timeout = 5 }
    assert.equal(0, result.status)
    assert.equal("the script\t2\nnsh: 4 packets captured\n", text_of(dir .. "/out"))
    assert.equal(4, #pcap.tcpdump(text_of(file)))
  end)

  it("ends with a script that fails", function()
    local out, err, status = run("--capture a:e0 -f icmp", lab .. " 1 fail")
    assert.match("ICMP echo request", out)
    assert.match("it failed", err)
    assert.match("2 packets captured", err)
    assert.equal(1, status)
  end)

  it("tells which links there are when one never came", function()
    local out, err, status = run("--capture a:e1 --capture c:e0", lab)
    assert.equal("the script\t2\n", out)
    assert.match("nsh: no link e1 in a; there are: .*e0", err)
    assert.match("nsh: no namespace c; there are: a, b", err)
    assert.equal(1, status)
  end)

  it("works without a script", function()
    local out, err, status = run("--capture lo -c 2 -f icmp -e 'netns.current():link \"lo\":set { up = true } "
      .. "netns.current():ping \"127.0.0.1\"'")
    assert.match("127.0.0.1 > 127.0.0.1: ICMP echo request.*ICMP echo reply", out)
    assert.equal("nsh: 2 packets captured\n", err)
    assert.equal(0, status)
  end)

  it("refuses slips before the script runs", function()
    for words, said in pairs {
      ["--capture a:e0 -f 'icmp or or' " .. lab] = "nsh: filter 'icmp or or': .*syntax error",
      ["--capture a:e0 -c none " .. lab] = "nsh: %-c wants a number of packets, not none",
      ["--capture a:e/0 " .. lab] = "nsh: %-%-capture a:e/0: ",
      ["--capture"] = "nsh: %-%-capture: needs an argument",
      ["--capture a:e0 -w"] = "nsh: %-w: needs an argument",
      ["-f x --capture a:e0"] = "nsh: %-f: no such option",
    } do
      local out, err, status = run(words)
      assert.equal("", out)
      assert.match(said, err)
      assert.equal(2, status)
    end
  end)
end)
