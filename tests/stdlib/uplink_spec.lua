-- uplink_spec.lua - a way to the outside, where the outside is a world of its own and nsh runs in there
local h = require "tests.helper"
local httpd = require "stdlib.httpd"
local uplink = require "stdlib.uplink"

local root = netns.current()
local TREE = require("lfs").currentdir()
local PROGRAM = os.getenv "NSH" or TREE .. "/nsh"

-- The machine, as the nsh within sees it: it has a way to a server, which knows nothing of what is behind it.
-- Its link has no address that changes by itself.
local function machine()
  local world = h.netns()
  local up, eth0 = root:add_link { "up0", kind = "veth", up = true, addrgenmode = "none",
    peer = { "eth0", netns = world, up = true } }
  up:add_addr "203.0.113.2/24"
  eth0:add_addr "203.0.113.1/24"
  root:link("lo"):set { up = true }
  root:add_route { "default", via = "203.0.113.1" }
  return httpd.start(world, { pages = { ["index.html"] = "the world\n" } })
end

local SCRIPT = [[
  package.path = "TREE/?.lua;" .. package.path
  local uplink, httpd = require "stdlib.uplink", require "stdlib.httpd"
  local lab = netns.add "lab"
  lab:link("lo"):set { up = true }
  print(pcall(httpd.get, lab, "http://203.0.113.1/", 0.2))
  local up = uplink.start(lab, OPTIONS)
  print(up.via, up)
  print(lab:wait_route("default").dev)
  print(httpd.get(lab, "http://203.0.113.1/"))
  print(pcall(uplink.start, lab))
  up:stop()
  print("left", #lab:routes { dst = "default" })
]]

local function script(options, tree)
  return (SCRIPT:gsub("OPTIONS", options):gsub("TREE", (tree:gsub("%%", "%%%%"))))
end

-- Runs the script by another nsh, for which this world is the machine.
local function within(options, ...)
  local words = { PROGRAM, ... }
  table.move({ "-e", script(options, TREE) }, 1, 2, #words + 1, words)
  local result = root:exec(words, { check = false, timeout = 20 })
  assert.equal(0, result.status, result.out .. result.err)
  return result.out
end

local function check(out, via)
  assert.is_truthy(out:find "^false", out)
  assert.is_truthy(out:find("\n" .. via .. "\tuplink of lab by " .. via .. "\nuplink\nthe world\n", 1, true), out)
  assert.is_truthy(out:find("has a default route already", 1, true), out)
  assert.is_truthy(out:find("left\t0", 1, true), out)
end

local function has_tun()
  local tun = io.open("/dev/net/tun", "r+")
  if tun then tun:close() end
  return tun ~= nil
end

local function state()
  return root:exec({ "nft", "list", "ruleset" }).out .. root:exec({ "ip", "addr" }).out:gsub("valid_lft %d+", "")
    .. root.sysctl["net.ipv4.ip_forward"]
end

describe("uplink", function()
  after_each(function()
    local link = root:find_link "up0"
    if link then link:del() end
    root:link("lo"):set { up = false }
  end)

  it("is a veth pair to a machine that is ours, which is left as it was", function()
    local server <close> = machine()
    assert.is_true(server:running())
    local before = state()
    check(within("nil", "--host"), "veth")
    if netns.find "lab" then netns.del "lab" end
    assert.equal(before, state())
  end)

  it("is a veth pair where that is asked for", function()
    local server <close> = machine()
    assert.is_true(server:running())
    local before = state()
    check(within "{ via = 'veth' }", "veth")
    assert.equal(before, state())
  end)

  it("is pasta in a private world, and nothing of the machine is changed", function()
    if not has_tun() then h.pending "pasta needs /dev/net/tun, which this user may not open" end
    local server <close> = machine()
    assert.is_true(server:running())
    local before = state()
    check(within "nil", "pasta")
    assert.equal(before, state())
  end)

  it("is there for an ordinary user's nsh that was started in pasta", function()
    if h.uid(4321) ~= 4321 then h.pending "an ordinary user has no second user id" end
    if not has_tun() then h.pending "pasta needs /dev/net/tun" end
    local server <close> = machine()
    assert.is_true(server:running())
    -- in mounts of its own the user finds the program, whatever folder it stands in, and may open the device
    local out = root:exec({ "unshare", "--mount", "sh", "-ec", [[
      mount -t tmpfs tmpfs /mnt
      mkdir /mnt/tree
      cp "$1" /mnt/nsh
      mount --bind "$2" /mnt/tree
      mount -t tmpfs tmpfs /dev/net
      mknod -m 666 /dev/net/tun c 10 200
      cd /mnt/tree
      exec setpriv --reuid 4321 --regid 4321 --clear-groups pasta --quiet --config-net --no-map-gw -- \
        unshare --mount-proc /mnt/nsh -e "$3"]], "sh", PROGRAM, TREE, script("{ via = 'veth' }", "/mnt/tree") },
      { check = false, timeout = 20 })
    assert.equal(0, out.status, tostring(out))
    check(out.out, "veth")
  end)

  it("refuses what is no way", function()
    local ns = h.netns()
    h.misuse("the first argument of uplink.start is a namespace", uplink.start)
    h.misuse("via is \"veth\"", uplink.start, ns, { via = "wifi" })
    h.misuse("did you mean 'via'", uplink.start, ns, { vai = "veth" })
    h.misuse("the outside itself", uplink.start, ns, { outside = ns, via = "veth" })
  end)
end)
