-- world_spec.lua - the private world as a whole: its end, and what its commands and its init get from outside

local NSH = os.getenv "NSH" or "./nsh"

-- Runs a script of sh in which nsh is $NSH; returns what it prints, and its exit status.
local function sh(script)
  local f = assert(io.popen("NSH='" .. NSH .. "'; exec 2>&1 </dev/null\n" .. script))
  local out = f:read "a"
  local _, _, status = f:close()
  return out, status
end

describe("a world", function()
  it("ends though its init is stopped", function()
    local out, status = sh [[
      $NSH -e 'netns.add "a" print "ready" io.flush() nsh.sleep(0.5)' | {
        read -r ready
        init=$(pgrep -n -x nsh-init)
        kill -STOP "$init"
        n=0
        while kill -0 "$init" && [ $n -lt 500 ]; do n=$((n + 1)); sleep 0.01; done 2>/dev/null
        kill -KILL "$init" 2>/dev/null && echo "still there"
        echo "$ready"
      }]]
    assert.same({ "ready\n", 0 }, { out, status })
  end)

  it("gives commands the limit of open files that nsh was started with", function()
    local out = sh [[ulimit -Sn 1024; $NSH -e '
      local limit = "ulimit -Sn; ulimit -Hn"
      local outside = netns.add("a"):exec(limit).out
      assert(outside == io.popen(limit):read "a")
      print(outside)' && ulimit -Hn]]
    local soft, hard, before = out:match "^(%S+)\n(%S+)\n\n(%S+)\n$"
    assert.equal("1024", soft, out)
    assert.equal(before, hard)
  end)

  it("has an init that holds nothing of the machine's", function()
    local out = sh [[readlink /proc/self/ns/net; $NSH -e '
      local root = netns.current()
      print((root:exec "readlink /proc/1/ns/net; readlink /proc/self/ns/net".out))
      local init = io.open("/proc/thread-self/children"):read "n"
      print(netns.of(init) == root)']]
    local machine, init, root = out:match "^(net:%S+)\n(net:%S+)\n(net:%S+)\n\ntrue\n$"
    assert.truthy(root, out)
    assert.equal(root, init)
    assert.not_equal(machine, init)
  end)
end)
