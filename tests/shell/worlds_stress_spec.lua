-- worlds_stress_spec.lua - one lab of a named world, used by several nsh at once, its keeper killed meanwhile
require "tests.helper"
local lfs = require "lfs"

local NSH = os.getenv "NSH" or "./nsh"
if not NSH:find "^/" then NSH = lfs.currentdir() .. "/" .. NSH end
local ROUNDS = os.getenv "NSH_SOAK" and 60 or 2
local root = netns.current()

-- What a verb may end with that came too early, too late, or while its world was being ended.
local CLEAR = { "it is not up: there is no p%.h%d %(ENOENT%)", "not all of it is up: there is no p%.h%d %(ENOENT%)",
  "it is not up: there is no world s %(ENOENT%)",
  "p%.h%d: its name was taken away meanwhile %(ESTALE%)", "the world s was ended", "^interrupted!\n",
  "world s ended without %-%-kill", "the init of this node has been killed" }

local function sh(script)
  return root:exec("exec 2>&1\n" .. script, { env = { NSH = NSH }, check = false, timeout = 20 * ROUNDS })
end

describe("one lab of a named world, used by several at once", function()
  local script

  before_each(function()
    script = os.tmpname()
    local f = assert(io.open(script, "w"))
    f:write [[
      local net = lab "p"
      net:link { { net:host { "h1", pids = true, files = { ["/etc/nsh-spec"] = "x" }, services = { "sleep 33301" } },
        addr = "10.0.0.1/24" }, { net:host "h2", addr = "10.0.0.2/24" } }
      return net]]
    f:close()
  end)
  after_each(function()
    os.remove(script)
    sh "$NSH -w s --kill; rm -r /run/nsh/worlds"
  end)

  -- Verbs of four at once, and what is to happen beside them; returns what each said, by its verb and status.
  local function crowd(beside)
    local all = sh(([[
      exec 2>/dev/null
      dir=$(mktemp -d)
      worker() {
        for i in $(seq %d); do
          case $(((i * 7 + $1 * 3) %% 5)) in 0 | 4) v=up ;; 1) v=down ;; 2) v=status ;; 3) v="exec h1 true" ;; esac
          said=$($NSH -w s %s $v 2>&1)
          printf '%%s: %%s\n%%s\n\0' "$v" $? "$said" >>$dir/$1
        done
      }
      for n in 1 2 3 4; do worker $n & all="$all $!"; done
      (while kill -0 $$; do %s; done) & beside=$!
      wait $all
      kill $beside
      cat $dir/*; rm -r $dir]]):format(ROUNDS, script, beside)).out
    local list = {}
    for one in all:gmatch "[^\0]+" do list[#list + 1] = one end
    assert.equal(4 * ROUNDS, #list, all)
    return list
  end

  local function check(list)
    for _, one in ipairs(list) do
      local status, said = one:match "^[^\n]*: (%d+)\n(.*)$"
      local clear = status == "0" or status == "143" -- who is in a world that is ended is told by SIGTERM
      clear = clear or status == "137" and one:find "^exec" ~= nil -- a command is killed with its node
      for _, pattern in ipairs(CLEAR) do clear = clear or said:find(pattern) ~= nil end
      assert.is_true(clear, one)
    end
    -- whatever came of it, it goes on from there
    assert.matches("lab p is up", sh("$NSH -w s " .. script .. " up").out)
    assert.matches("^nothing to do\n", sh("$NSH -w s " .. script .. " plan").out)
    assert.matches("lab p is down: 2 namespaces gone", sh("$NSH -w s " .. script .. " down").out)
    assert.equal("0\t0\n", sh("$NSH -w s -e 'print(#netns.list(), #nsh.labs())'").out)
    assert.equal("", sh("pgrep -f '^sleep 33301'").out)
  end

  it("has the first command of a node in each of them", function()
    sh("$NSH -w s " .. script .. " up")
    local said = sh("for i in 1 2 3 4 5 6; do $NSH -w s " .. script .. " exec h2 hostname & done; wait").out
    assert.equal(("h2\n"):rep(6), said)
  end)

  it("is whole whatever order they come in", function()
    local list = crowd "sleep 0.2"
    check(list)
    for _, one in ipairs(list) do assert.is_true(one:find "^exec" ~= nil or one:find "^%l+: 0\n" ~= nil, one) end
  end)

  it("is made anew when its keeper is killed meanwhile", function()
    check(crowd "sleep 0.2; kill -9 $(pgrep -x nsh-keeper)")
  end)

  it("is made anew when somebody ends the world meanwhile", function()
    check(crowd "sleep 0.2; $NSH -w s --kill")
  end)
end)
