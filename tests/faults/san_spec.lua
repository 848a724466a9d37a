-- san_spec.lua - the same under AddressSanitizer, UBSan and valgrind: failing memory, malformed messages, a whole lab.
-- lanes: first
local faults = dofile "tests/faults/common.lua"

-- A program of C with the net and bind layers in it, built when it is older than they are.
local function build(name, options)
  local root = netns.current()
  root:exec("make -s -j$(nproc) SAN=1 build/san/nsh", { timeout = 300, env = { MAKEFLAGS = false } })
  root:exec(([[mkdir -p build/tests
    make -s -f - build/tests/%s <<'END'
build/tests/%s: tests/faults/%s.c $(wildcard build/san/net/*.o build/san/bind/*.o)
	gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	$(shell pkg-config --cflags lua5.4 libnl-route-3.0) $^ %s -o $@ $(shell pkg-config --libs lua5.4 libnl-route-3.0) -lm
END]]):format(name, name, name, options), { timeout = 120 })
  return "build/tests/" .. name
end

-- The leak sanitizer can't look into a program with a pid namespace of its own, so leaks are sought with --host, on a
-- machine that is none. UBSan's and ASan's findings end a program with another status than its own.
local function finds_nothing(result)
  assert(result.status == 0, ("status %s, signal %s%s: %s"):format(result.status, result.signal,
    result.timed_out and ", hangs" or "", result.err:sub(1, 6000)))
  return result
end

local with_leaks = { check = false, timeout = 60, env = { ASAN_OPTIONS = "detect_leaks=1" } }
local without_leaks = { check = false, timeout = 60, env = { ASAN_OPTIONS = "detect_leaks=0" } }

describe("sanitizers", function()
  local machine

  before_each(function() machine = faults.machine() end)
  after_each(function() machine:del() end)

  -- Run as root alone: the ordinary user's copy of the tree is only read.
  local function in_a_copy()
    if netns.current():exec("test -w .", { check = false }).status == 0 then return false end
    pending "nothing is built here, this is a copy"
    return true
  end

  it("find nothing while memory fails", function()
    if in_a_copy() then return end
    local program = build("alloc", "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc")
    local result = finds_nothing(machine:exec({ program, tostring(faults.seed), faults.soak and "60" or "6" },
      { check = false, timeout = faults.soak and 3600 or 120, env = with_leaks.env }))
    faults.say("%s", result.out:gsub("\n", "; "))
  end)

  it("find nothing in malformed messages", function()
    if in_a_copy() then return end
    local program = build("decode", "")
    local br0 = machine:add_link { "br0", kind = "bridge", up = true }
    for i = 1, 3 do
      local port = { "v" .. i, kind = "veth", master = br0, up = true, peer = { "w" .. i, up = true } }
      machine:add_link(port):set { alias = "port " .. i }
    end
    br0:add_addr "10.0.0.1/24"
    br0:add_addr "fd00::1/64"
    machine:link("w1"):add_addr { "10.1.0.1", peer = "10.1.0.2" }
    machine:add_route { "10.5.0.0/16", nexthops = { { via = "10.0.0.2", weight = 2 }, { dev = "w1" } } }
    machine:add_route { "10.6.0.0/16", via = "fd00::2", dev = "br0", mtu = 1300 }
    machine:add_route { "10.7.0.0/16", type = "blackhole", metric = 3 }
    machine:add_neigh { "10.0.0.9", dev = "br0", mac = "02:00:00:00:00:09" }
    for i = 1, 3 do br0:add_mdb { "239.1.1." .. i, port = "v" .. i } end
    machine:link("v1"):set { port = { mcast_router = "on" } }
    local tunnel = machine:add_link { "x0", kind = "vxlan", external = true, vnifilter = true, dstport = 4789 }
    tunnel:add_vni "100-103"
    tunnel:add_fdb { "02:00:00:00:00:07", dst = "10.0.0.7", src_vni = 100, vni = 100 }
    local result = finds_nothing(machine:exec(
      { program, tostring(faults.seed), faults.soak and "10000000" or "200000" },
      { check = false, timeout = faults.soak and 1800 or 120, env = with_leaks.env }))
    faults.say("%s", result.out:gsub("\n", ""))
  end)

  it("find nothing in a lab, nor a leak", function()
    if in_a_copy() then return end
    local private = finds_nothing(machine:exec({ "build/san/nsh", "tests/faults/lab.lua" }, without_leaks))
    assert.equal("the lab stood\n", private.out)
    local host = finds_nothing(machine:exec(
      "unshare -m sh -c 'mount -t tmpfs none /run && exec build/san/nsh --host tests/faults/lab.lua'", with_leaks))
    assert.equal("the lab stood\n", host.out)
  end)

  it("find what there is to find", function()
    if in_a_copy() then return end
    local program = "build/tests/leak"
    netns.current():exec(([[printf 'int main(void){char *volatile p = __builtin_malloc(7); p = 0; return p != 0;}' |
      gcc -fsanitize=address,undefined -x c - -o %s]]):format(program))
    local result = machine:exec({ program }, with_leaks)
    assert.matches("7 byte", result.err)
    assert.not_equal(0, result.status)
  end)

  it("valgrind finds nothing in a lab", function()
    if not faults.has "valgrind" then return pending "valgrind is not installed" end
    local result = finds_nothing(machine:exec(
      { "valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite",
        "--show-leak-kinds=definite", "--child-silent-after-fork=yes", "--suppressions=tests/faults/valgrind.supp",
        faults.nsh, "tests/faults/lab.lua" }, without_leaks))
    assert.equal("the lab stood\n", result.out)
    -- "--PID--" is valgrind on itself: it doesn't know pidfd_open(2) yet; what it finds comes after "==PID=="
    assert.equal("", (result.err:gsub("%-%-%d+%-%- [^\n]*\n", "")))
  end)
end)
