-- worlds_spec.lua - nsh killed at its system calls while it makes, uses and ends a named world, or changes a lab on the
-- machine: one `nsh --gc` later nothing of the lab is left, and a world that lives is whole.
-- lanes: first
local faults = dofile "tests/faults/common.lua"
local h = require "tests.helper"

local NSH = faults.nsh
local SAMPLE = 6

-- A lab that was up, and not in change, stays as it is.
local DOWN = [[
  for _, one in ipairs(nsh.labs()) do
    assert(one.state == "up" and #netns.list() >= 3)
    nsh.down(one.name)
  end
  print(#netns.list(), #nsh.labs())]]

describe("kill -9", function()
  local machine, before

  setup(function()
    machine = faults.machine()
    before = faults.look(machine)
  end)
  teardown(function() machine:del() end)

  -- Runs a script of sh with $STRACE as what kills nsh, or counts.
  local function run(way, script, strace, marker)
    local words = { table.unpack(way.prefix) }
    for _, word in ipairs { "sh", "-c", script, "sh" } do words[#words + 1] = word end
    return faults.exec(machine, words, marker, { NSH = NSH, STRACE = "strace " .. strace, DOWN = DOWN })
  end

  local function kill_everywhere(what, way, script, proof)
    local calm = run(way, script, "-s 200 -o /dev/stderr", "count")
    proof(calm, "a run that nothing disturbs")
    assert.is_nil((faults.clean(machine, before, "count")))
    local points, all = faults.points(faults.count(calm.err), calm.err, SAMPLE)
    local hit = 0
    for i, point in ipairs(points) do
      local marker = ("w%d.%d"):format(faults.seed, i)
      local at = ("%s killed at %s number %d (%s, seed %d)"):format(what, point.name, point.k, way.name, faults.seed)
      local result = run(way, script, ("-o /dev/null -e trace=%s -e inject=%s:signal=KILL:when=%d"):format(point.name,
        point.name, point.k), marker)
      if result.out:find "was killed" then hit = hit + 1 end
      assert(not result.hung, at .. " hangs: " .. tostring(result.hung))
      proof(result, at)
      local left = faults.clean(machine, before, marker)
      assert.is_nil(left, at .. " leaves: " .. tostring(left))
    end
    faults.say("kill of %s, %s: %d system calls, %d tried, %d hit", what, way.name, all, #points, hit)
    assert.is_true(hit >= 0.5 * #points, "most points must be hit")
  end

  -- What follows on the run that is killed: one --gc, the world as it is then, and its end.
  local AFTER = [[ || echo was killed
    exec 2>&1
    $NSH --gc >/dev/null
    echo "gc: $($NSH --gc)"
    echo "names: $($NSH -w killed -e "$DOWN" 2>&1 | grep -v 'ended without --kill')"
    $NSH -w killed --kill >/dev/null 2>&1
    echo "worlds: $($NSH --worlds)$(ls /run/nsh/worlds)"]]

  local function clean(result, at)
    assert.matches("gc: \nnames: 0\t0\nworlds: \n$", result.out, at .. ": " .. result.out .. result.err:sub(-500))
  end

  for _, way in ipairs(faults.ways) do
    it("of an nsh that makes a named world and a lab in it, " .. way.name, function()
      kill_everywhere("-w", way, "$STRACE $NSH -w killed tests/faults/world.lua" .. AFTER, clean)
    end)
  end

  it("of an nsh that ends a named world", function()
    kill_everywhere("--kill", faults.ways[1], "$NSH -w killed -e 'netns.add [[a]] netns.current():spawn [[sleep 9]]'\n"
      .. "$STRACE $NSH -w killed --kill || echo was killed\n$NSH -w killed -e 'for _, n in ipairs(netns.list()) do "
      .. "netns.del(n.name) end'\ntrue" .. AFTER, clean)
  end)

  it("of a keeper at any moment leaves a world that can be made anew", function()
    kill_everywhere("its helpers", faults.ways[1], "$STRACE -D -f $NSH -w killed -e 'netns.list()'" .. AFTER, clean)
  end)

  it("of an nsh that changes a lab on the machine itself", function()
    kill_everywhere("--host", faults.ways[1], [[exec unshare -m sh -c '
      mount -t tmpfs none /run
      $STRACE $NSH --host tests/faults/world.lua || echo was killed
      exec 2>&1
      $NSH --host -e "if not netns.find [=[stays]=] then netns.add [=[stays]=] end"
      $NSH --gc >/dev/null
      echo "gc: $($NSH --gc)"
      echo "names: $($NSH --host -e "$DOWN"; ls /run/netns)"
      echo "notes: $(ls /run/nsh/host 2>/dev/null)"']], function(result, at)
        assert.matches("gc: \nnames: 1\t0\nstays\nnotes: \n$", result.out,
          at .. ": " .. result.out .. result.err:sub(-500))
      end)
  end)

  it("of an nsh whose lab has a link of the machine brings that home as it was", function()
    kill_everywhere("a borrower", faults.ways[1], [[exec unshare -mn sh -c '
      mount -t tmpfs none /run && mkdir /run/netns
      ip link add ext0 up mtu 1480 type veth peer name far0
      ip link set far0 up
      ip addr add 10.77.0.1/24 dev ext0
      ip route add 10.9.0.0/16 via 10.77.0.5
      ip link add br9 type bridge
      ip rule add from 10.0.0.0/24 table 77
      look() {
        ip -o link | sed "s/^[0-9]*: //; s/ state [A-Z]*//; s/ qdisc [a-z]*//; s/NO-CARRIER//" |
          sed "s/,[A-Z]*-[A-Z]*\|[A-Z]*_UP\|,//g"
        ip -o -4 addr | cut -d" " -f2-; ip route; ip rule
      }
      look >/run/was
      $STRACE $NSH --host tests/faults/world.lua ext0 || echo was killed
      exec 2>&1
      $NSH --gc >/dev/null
      echo "gc: $($NSH --gc)"
      echo "names: $($NSH --host -e "$DOWN"; ls /run/netns)"
      echo "notes: $(ls /run/nsh/host 2>/dev/null)"
      look | diff /run/was - && echo as it was']], function(result, at)
        assert.matches("gc: \nnames: 0\t0\nnotes: \nas it was\n$", result.out,
          at .. ": " .. result.out .. result.err:sub(-500))
      end)
  end)

  it("finds no namespace on the machine itself that has its name and not yet its mark", function()
    local result = run(faults.ways[1], [==[exec unshare -m sh -c '
      mount -t tmpfs none /run
      $NSH --host -e "
        local netns = require [[nsh.netns]]
        local add = netns.add
        function netns.add(name)
          local ns = add(name)
          print((io.popen([[ip -n ]] .. name .. [[ link show lo]]):read [[a]]:match [[altname nsh.mine]]))
          return ns
        end
        local net = lab [[mine]]
        net:link { net:host [[h1]], net:host [[h2]] }
        net:up()
        net:down()"']==], "", "marked")
    assert.equal("altname nsh.mine\naltname nsh.mine\n", result.out, result.err)
    h.eventually(function() return not faults.clean(machine, before, "marked", 0) end)
  end)

  it("leaves namespaces of others alone, on the machine itself", function()
    local result = run(faults.ways[1], [==[exec unshare -m sh -c '
      mount -t tmpfs none /run
      $NSH --host -e "
        local net = lab [[mine]]
        net:host { [[h1]] }
        net:host { [[h2]] }
        require [[nsh.lab.store]].save = function() os.exit(true) end
        net:up()"
      ip netns del mine.h1
      ip netns add mine.h1
      $NSH --host -e "for _, l in ipairs(nsh.labs()) do print(l.name, l.state) end
        print(netns.get [[mine.h2]]:link([[lo]]).altnames[1])"
      $NSH --gc --json
      ls /run/netns
      $NSH --gc']==], "", "others")
    assert.matches("^mine\tbroken\nnsh%.mine%.%d+%.%d+\n%[{[^\n]*mine%.h2[^\n]*}%]\nmine%.h1\n$", result.out,
      result.err)
    assert.is_nil(result.out:match "%[{[^\n]*\"mine%.h1\"", result.out)
    h.eventually(function() return not faults.clean(machine, before, "others", 0) end)
  end)

  it("leaves what others have in the machine's own namespace alone", function()
    local result = run(faults.ways[1], [==[exec unshare -mn sh -c '
      mount -t tmpfs none /run
      ip link add other up type veth peer name other2
      ip link set other2 up
      ip addr add 10.77.0.1/24 dev other
      $NSH --host -e "
        local net = lab [[half]]
        local up = net:host { [[up]], netns = [[host]], routes = { { [[10.9.0.0/16]], via = [[10.0.0.1]] } },
          rules = { { from = [[10.0.0.0/24]], table = 77 }, { from = [[10.0.1.0/24]], table = 77 } } }
        net:link { { net:host { [[h1]] }, [[eth0]], addr = [[10.0.0.1/24]] }, { up, [[adl0]], addr = [[10.0.0.2/24]] } }
        local store = require [[nsh.lab.store]]
        local save = store.save
        store.save = function(...)
          save(...)
          assert(#net:plan() == 0)
          store.begin(...)
          os.exit(true)
        end
        net:up()"
      ip link show adl0 | grep -o altname.*
      ip rule del from 10.0.0.0/24 table 77 && ip rule add from 10.0.0.0/24 table 77
      ip route del 10.9.0.0/16 && ip route add 10.9.0.0/16 via 10.77.0.5
      $NSH --gc
      ip -br link | cut -d" " -f1
      ip route | sed "s/ *$//"
      ip rule | grep -o "from.* lookup 77.*"
      ls /run/netns
      $NSH --gc']==], "", "root")
    assert.equal([[
altname nsh.half.adl0
name         what       lab
adl0         link       half
10.0.0.2/24  addr       half
10.0.1.0/24  rule       half
half.h1      namespace  half
lo
other2@other
other@other2
10.9.0.0/16 via 10.77.0.5 dev other
10.77.0.0/24 dev other proto kernel scope link src 10.77.0.1
from 10.0.0.0/24 lookup 77
]], result.out, result.err)
  end)
end)
