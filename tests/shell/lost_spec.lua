-- lost_spec.lua - nodes of named worlds that lost their name by hand, and nodes for which there are no descriptors
local h = require "tests.helper"
local lfs = require "lfs"

local NSH = os.getenv "NSH" or "./nsh"
if not NSH:find "^/" then NSH = lfs.currentdir() .. "/" .. NSH end
local root = netns.current()
local STEP = os.getenv "NSH_SOAK" and 1 or 2 -- between the numbers of free descriptors that are tried

local function sh(script)
  return root:exec("exec 2>&1\n" .. script, { env = { NSH = NSH }, check = false, timeout = 30 })
end

local LAB = [[
  local net = lab "l"
  net:link { { net:host { "a", pids = true, services = { "sleep 22201" } }, addr = "10.0.0.1/24" },
    { net:host "b", addr = "10.0.0.2/24" } }
  return net]]

describe("a node of a named world", function()
  local script, keeper

  before_each(function()
    script = os.tmpname()
    local f = assert(io.open(script, "w"))
    f:write(LAB)
    f:close()
    assert.equal(0, sh("$NSH -w lost " .. script .. " up >/dev/null").status)
    keeper = sh("$NSH -w lost -e 'print(nsh.worlds()[1].keeper)'").out:match "%d+"
  end)
  after_each(function()
    os.remove(script)
    sh "$NSH -w lost --kill; rm -r /run/nsh/worlds"
  end)

  -- Descriptors that the keeper holds of nodes, and processes of them.
  local function held()
    return tonumber(sh(("ls -l /proc/%s/fd | grep -c 'mnt:'"):format(keeper)).out),
      tonumber(sh("pgrep -cx 'sleep|nsh-init'").out)
  end

  it("ends when its name is taken away by hand, with its processes", function()
    assert.same({ 1, 3 }, { held() }) -- our world's init is one of them
    sh "$NSH -w lost -e 'os.execute \"ip netns del l.a\"'"
    h.settles(function() assert.same({ 0, 1 }, { held() }) end)
    assert.matches("a +host +missing", sh("$NSH -w lost " .. script .. " status").out)
    assert.matches("lab l is up", sh("$NSH -w lost " .. script .. " up").out)
    assert.same({ 1, 3 }, { held() })
    assert.matches("^0\n", sh("$NSH -w lost " .. script .. " exec a pgrep -cx nosuch").out)
  end)

  it("ends with the lab when its namespace is unmounted by hand", function()
    sh "$NSH -w lost -e 'os.execute \"umount /run/netns/l.a\"'"
    assert.matches("a +host +missing", sh("$NSH -w lost " .. script .. " status").out)
    assert.matches("\n?%+ a\n", sh("$NSH -w lost " .. script .. " plan").out)
    local said = sh("$NSH -w lost " .. script .. " down")
    assert.equal(0, said.status, said.out)
    assert.equal("", sh "$NSH -w lost -e 'os.execute \"ls /run/netns\"'".out)
    h.settles(function() assert.same({ 0, 1 }, { held() }) end)
  end)

  it("is made anew by the next up when its namespace is unmounted by hand", function()
    sh "$NSH -w lost -e 'os.execute \"umount /run/netns/l.a\"'"
    local said = sh("$NSH -w lost " .. script .. " up")
    assert.matches("lab l is up", said.out)
    assert.matches("nothing to do", sh("$NSH -w lost " .. script .. " plan").out)
    h.settles(function() assert.same({ 1, 3 }, { held() }) end)
  end)
end)

it("a node for which descriptors are missing leaves neither processes nor descriptors, whatever is missing", function()
  local script = os.tmpname()
  local f = assert(io.open(script, "w"))
  f:write [[
    local few_files, from, step = require "tests.few_files", tonumber(arg[1]), tonumber(arg[2])
    local function count(dir)
      local n = 0
      for _ in require "lfs".dir(dir) do n = n + 1 end
      return n
    end
    local function inits()
      local n = 0
      for pid in require "lfs".dir "/proc" do
        local comm = pid:find "^%d" and io.open("/proc/" .. pid .. "/comm")
        if comm then
          n = n + (comm:read() == "nsh-init" and 1 or 0)
          comm:close()
        end
      end
      return n
    end
    local function node() return netns.add { "h1", hostname = "h1", pids = true } end
    node():exec "true"
    netns.del "h1"
    local inits_before, fds_before, made = inits(), nil, 0
    for free = from, 15, step do
      local _, ok, ns, ran, result = few_files(free, function()
        local ok, ns = pcall(node)
        return ok, ns, pcall(function() return ns:exec "echo $$".out end)
      end)
      if ok then netns.del "h1" else assert(ns.code == "EMFILE", tostring(ns)) end
      if ran then assert(result == "2\n", result) elseif ok then assert(result.code == "EMFILE", tostring(result)) end
      made = made + (ran and 1 or 0)
      collectgarbage()
      fds_before = fds_before or count "/proc/self/fd"
      assert(inits() == inits_before, "an init stayed: " .. free)
      assert(count "/proc/self/fd" <= fds_before, "a descriptor stayed: " .. free)
    end
    print(made > 0 and made < 16 // step)]]
  f:close()
  local said = sh(("ulimit -n 60; $NSH %s 0 %d; $NSH -w few %s 1 %d; $NSH -w few --kill"):format(script, STEP, script,
    STEP))
  sh "rm -r /run/nsh/worlds"
  os.remove(script)
  assert.equal("true\ntrue\n", said.out)
end)
