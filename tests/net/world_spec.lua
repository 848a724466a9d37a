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
end)
