--- worlds_spec.lua - named worlds: made once, joined by many, ended as a whole; and what is in their records.
-- nsh runs here in a world of its own, whose /run/nsh has the records of the worlds that it makes in turn.
local h = require "tests.helper"
local lfs = require "lfs"
local terminal = require "tests.terminal"

local NSH = os.getenv "NSH" or "./nsh"
if not NSH:find "^/" then NSH = lfs.currentdir() .. "/" .. NSH end
local WORLDS = "/run/nsh/worlds/"
local root = netns.current()
local kill_world = _G.nsh.kill_world

-- Runs a script of sh, in which nsh is $NSH.
local function sh(script, env)
  local all = { NSH = NSH }
  for key, value in pairs(env or {}) do all[key] = value end
  return root:exec("exec 2>&1\n" .. script, { env = all, check = false, timeout = 20 })
end

local function nsh(...)
  local r = root:exec({ NSH, ... }, { check = false, timeout = 20 })
  return r.out .. r.err, r.status
end


local function write(path, text)
  local f = assert(io.open(path, "w"))
  f:write(text)
  f:close()
end

local function read(path)
  local f = io.open(path)
  local text = f and f:read "a"
  if f then f:close() end
  return text
end
-- What `nsh --worlds` says of a world; nil: it isn't there.
local function listed(name)
  return (nsh "--worlds"):match("%f[%w]" .. name .. " [^\n]*")
end

describe("a named world", function()
  after_each(function()
    sh "cd /run/nsh/worlds && for w in *; do \"$NSH\" -w \"$w\" --kill; done; rm -rf /run/nsh/worlds /run/nsh/*.kept-*"
  end)

  it("is there for the next nsh, with all that is in it", function()
    assert.equal("", nsh("-w", "office", "-e", [[
      local a = netns.add "a"
      a:add_link { "eth0", kind = "veth", peer = { "eth1", netns = netns.add "b" } }
      a:link("eth0"):add_addr "10.0.0.1/24"]]))
    local out = nsh("-w", "office", "-e", [[
      print(netns.get "a":link("eth0"):addrs()[1].addr, #netns.list(), netns.current())
      print((io.popen "ip netns list | sort | cut -d' ' -f1":read "a":gsub("\n", " ")))]])
    assert.equal("10.0.0.1/24\t2\tnetns root\na b \n", out)
    assert.matches("^office +%d+%-%d+%-%d+T%S+ +0 +0 +2 ", listed "office")
  end)

  it("is one for all that join it, and none of a private one's", function()
    local which = "readlink /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/uts | tr '\\n' ' '"
    local script = ("print(netns.current():exec [[%s]].out)"):format(which)
    local first, second, other = nsh("-w", "x", "-e", script), nsh("-w", "x", "-e", script), nsh("-e", script)
    assert.equal(first:match "net:%S+", second:match "net:%S+")
    assert.equal(first:match "pid:%S+", second:match "pid:%S+")
    assert.equal(first:match "uts:%S+", second:match "uts:%S+")
    assert.not_equal(first:match "net:%S+", other:match "net:%S+")
    assert.not_equal(first:match "net:%S+", nsh("-w", "y", "-e", script):match "net:%S+")
  end)

  it("is made once though eight want it at the same moment", function()
    local out = sh [[for i in 1 2 3 4 5 6 7 8; do
      $NSH -w race -e 'print(io.popen "readlink /proc/self/ns/net":read "a")' & done; wait]].out
    local seen, n = {}, 0
    for net in out:gmatch "net:%S+" do
      seen[net] = true
      n = n + 1
    end
    assert.equal(8, n, out)
    local one = next(seen)
    assert.is_nil(next(seen, one), out)
  end)

  it("has several nsh in it at once, whose commands see each other", function()
    local first = root:spawn({ NSH, "-w", "two", "-e", [[
      local p = netns.current():spawn "exec sleep 1000"
      print "up"
      io.flush()
      io.read()]] }, { input = true })
    first:expect "up"
    local out = nsh("-w", "two", "-e", [[print((io.popen "ps -e -o args=":read "a"))]])
    assert.matches("\nsleep 1000\n", out)
    assert.matches("^two +%S+ +1 +1 +0 ", listed "two")
    first:close_input()
    first:wait()
    -- what it waited for goes with it, the world stays
    h.settles(function() assert.matches("^two +%S+ +0 +0 +0 ", listed "two") end)
  end)

  it("ends the commands of an nsh that is killed", function()
    local first = root:spawn { NSH, "-w", "k", "-e", [[
      netns.current():spawn "exec sleep 1000"
      print "up"
      io.flush()
      nsh.sleep(100)]] }
    first:expect "up"
    first:kill "KILL"
    first:wait { check = false }
    h.settles(function() assert.matches("^k +%S+ +0 +0 +0 ", listed "k") end)
  end)

  it("keeps nothing of the caller's: neither pipes nor terminal", function()
    local r = root:exec({ "sh", "-c", NSH .. " -w quiet -e 'print(1)' | cat" }, { timeout = 10 })
    assert.equal("1\n", r.out)
    local keeper = nsh("-e", "print(nsh.worlds()[1].keeper)"):match "%d+"
    local out = sh(("ls -l /proc/%s/fd | sed -n 's/.* -> //p' | sort | uniq -c"):format(keeper)).out
    assert.matches("3 /dev/null\n", out)
    assert.matches("/keeper\n", out)
    assert.matches("socket:", out)
    assert.matches("inotify", out)
    assert.equal(4, select(2, out:gsub("\n", "")), out)
    assert.equal("?\n", sh("ps -o tty= -p " .. keeper).out)
  end)

  it("goes on when an nsh that stands in a folder which it hasn't can't join it", function()
    nsh("-w", "x", "-e", "netns.add 'kept'")
    local out = sh [[mkdir /run/later && mount -t tmpfs later /run/later && mkdir /run/later/here
      cd /run/later/here && $NSH -w x -e 'print(1)'; cd /; umount /run/later; rmdir /run/later]].out
    assert.matches("doesn't see the folder /run/later/here", out)
    assert.equal("1\n", nsh("-w", "x", "-e", "print(#netns.list())"))
  end)

  it("begins where nsh was started, and runs a script with its arguments", function()
    local script = os.tmpname()
    write(script, "print(arg[0], ...) print(io.popen 'pwd':read())")
    local out = root:exec({ NSH, "-w", "here", script, "a", "-w" }, { cwd = "/usr" }).out
    assert.equal(script .. "\ta\t-w\n/usr\n", out)
    assert.matches(" " .. script:gsub("%p", "%%%0") .. " ", listed "here")
    os.remove(script)
  end)

  it("names itself at the prompt, and survives its terminal", function()
    if not terminal.available() then pending "needs tmux (package tmux)" end
    local term = terminal.new()
    term:start()
    term:key "C-d"
    term:wait "%$"
    term:enter(NSH .. " -w office", "nsh:office> ?")
    term:enter("netns.enter(netns.add 'h1')", "nsh:office:h1> ?")
    term:close()
    h.settles(function() assert.matches("^office +%S+ +0 +0 +1 ", listed "office") end)
  end)

  describe("ends", function()
    it("with --kill, which waits until all is gone", function()
      local first = root:spawn({ NSH, "-w", "gone", "-e", [[
        netns.current():spawn "trap '' TERM; sleep 1000"
        print "up"
        io.flush()
        nsh.sleep(100)]] }, { err = "out" })
      first:expect "up"
      local keeper = tonumber(nsh("-e", "print(nsh.worlds()[1].keeper)"):match "%d+")
      local out, status = nsh("-w", "gone", "--kill")
      assert.equal(0, status, out)
      assert.is_nil(lfs.attributes(WORLDS .. "gone"))
      assert.not_equal(0, sh("kill -0 " .. keeper).status)
      -- who was in it is told
      first:expect "the world gone was ended"
      assert.equal("TERM", first:wait { check = false }.signal)
      out, status = nsh("-w", "gone", "--kill")
      assert.equal(1, status)
      assert.matches("there is no world gone", out, nil, true)
    end)

    it("when its keeper is killed, and the next nsh clears it away", function()
      nsh("-w", "dead", "-e", "netns.add 'a'")
      local keeper = tonumber(nsh("-e", "print(nsh.worlds()[1].keeper)"):match "%d+")
      sh("kill -9 " .. keeper)
      h.settles(function() assert.not_equal(0, sh("kill -0 " .. keeper).status) end)
      assert.truthy(lfs.attributes(WORLDS .. "dead"))
      assert.equal("", nsh "--worlds")
      assert.is_nil(lfs.attributes(WORLDS .. "dead"))
      assert.equal("0\n", nsh("-w", "dead", "-e", "print(#netns.list())"))
    end)

    it("when its keeper is killed, and the next nsh of that world says so, once", function()
      nsh("-w", "dead", "-e", "netns.add 'a'")
      local keeper = nsh("-e", "print(nsh.worlds()[1].keeper)"):match "%d+"
      sh("kill -9 " .. keeper)
      h.settles(function() assert.not_equal(0, sh("kill -0 " .. keeper).status) end)
      local said = nsh("-w", "dead", "-e", "print(#netns.list())")
      assert.matches("nsh: world dead ended without --kill", said, nil, true)
      assert.matches("\n0\n", "\n" .. said, nil, true)
      assert.equal("0\n", nsh("-w", "dead", "-e", "print(#netns.list())"))
    end)

    it("when its folder is removed, for then nobody finds it any more", function()
      nsh("-w", "lone", "-e", "netns.add 'a'")
      local keeper = nsh("-e", "print(nsh.worlds()[1].keeper)"):match "%d+"
      sh("rm -r " .. WORLDS)
      h.settles(function() assert.not_equal(0, sh("kill -0 " .. keeper).status) end)
      assert.equal("0\n", nsh("-w", "lone", "-e", "print(#netns.list())"))
    end)

    it("so that an nsh that is in it can say so", function()
      local first = root:spawn({ NSH, "-w", "lost", "-e", [[
        local a = netns.add "a"
        print(nsh.worlds()[1].keeper)
        io.flush()
        io.read()
        print(select(2, pcall(netns.add, "b")))
        print(select(2, pcall(a.exec, a, "true")))]] }, { input = true })
      local _, keeper = first:expect "(%d+)"
      sh("kill -9 " .. keeper)
      h.settles(function() assert.not_equal(0, sh("kill -0 " .. keeper).status) end)
      first:close_input()
      first:expect "nsh: the world lost was ended, and all that ran in it %(EOWNERDEAD%)"
      first:expect "hint: leave nsh; nsh %-w lost makes it anew"
      first:expect "exec true in a: the world lost was ended"
      first:wait { check = false }
    end)

    it("and whose service or command is killed with it says why", function()
      for what, code in pairs {
        ["service start svc in p.h1"] = [[
          local net = lab "p"
          net:host { "h1", services = { { cmd = "exec sleep 33302", name = "svc", ready = "never" } } }
          net:up()]],
        ["exec exec sleep 33302 in a"] = [[netns.add "a":exec "exec sleep 33302"]],
      } do
        local first = root:spawn({ NSH, "-w", "late", "-e", code }, { err = "out" })
        h.settles(function() assert.equal(0, sh("pgrep -fx 'sleep 33302'").status) end)
        sh("kill -9 " .. nsh("-e", "print(nsh.worlds()[1].keeper)"):match "%d+")
        first:expect(what .. ": the world late was ended, and all that ran in it %(EOWNERDEAD%)")
        first:expect "hint: leave nsh; nsh %-w late makes it anew"
        first:wait { check = false }
      end
    end)
  end)

  it("keeps nothing of a node that lost its name before its first command", function()
    local out = nsh("-w", "n", "-e", [[
      local net = lab "p"
      net:host { "h1", pids = true }
      net:up()
      local h1 = netns.get "p.h1"
      os.execute "ip netns del p.h1"
      print(select(2, pcall(h1.exec, h1, "true")))]])
    assert.matches("node p.h1 in p.h1: its name was taken away meanwhile (ESTALE)", out, nil, true)
    h.settles(function() assert.equal("1\n", sh("pgrep -x nsh-init").out) end) -- this world's own
  end)

  it("keeps nodes for the next nsh: host name, files, folders, processes", function()
    assert.equal("h1\n", nsh("-w", "n", "-e", [[
      local h1 = netns.add { "h1", hostname = "h1", hosts = { web = "10.0.0.2" }, private = { "/var/log" },
        pids = true }
      netns.add { "h2", hostname = "h2" }
      h1:exec "echo kept >/var/log/x"
      print(h1.hostname)]]))
    local out = nsh("-w", "n", "-e", [[
      local h1 = netns.get "h1"
      print(h1.hostname, h1:exec "hostname; cat /var/log/x; grep web /etc/hosts; cat /proc/1/comm".out)
      print(netns.get "h2":exec "hostname".out)
      local p = h1:spawn "exec sleep 1000"
      netns.del "h1"
      print(p:running(), #h1:pids())]])
    assert.matches("^h1\th1\nkept\n10.0.0.2\tweb\nnsh%-init\n\nh2\n\n", out)
    assert.matches("deleted", out)
    out = nsh("-w", "n", "-e", [[
      local h1 = netns.add { "h1", hostname = "again" }
      print(h1:exec "hostname; ls /var/log/x".out)]])
    assert.matches("No such file", out)
  end)

  it("ends no one for a node whose init was killed", function()
    local out = sh [[unshare --pid --fork --kill-child --mount-proc sh -c '
      sleep 1000 & bystander=$!
      $NSH -w n -e "netns.add { \"h1\", hostname = \"h1\", pids = true }"
      for d in /proc/[0-9]*; do
        [ "$(cat $d/comm)" = nsh-init ] && kill -KILL ${d#/proc/} && while [ -e $d ]; do :; done
      done
      $NSH -w n -e "netns.del \"h1\"; print(#netns.list())"
      kill $bystander && echo spared; $NSH -w n --kill']].out
    assert.equal("0\nspared\n", out)
  end)

  it("has programs that stay when nsh leaves, and are found again", function()
    nsh("-w", "s", "-e", [[
      local stay = require "nsh.stay"
      local one = stay.start(netns.current(), "echo here; exec sleep 1000", { out = { file = "/run/nsh/log" } })
      local f = io.open("/run/nsh/one", "w")
      f:write(one.pid, " ", one.start)
      f:close()]])
    assert.matches("^s +%S+ +1 +0 +0 ", listed "s")
    assert.equal("true\ttrue\tfalse\tfalse\nhere\n", nsh("-w", "s", "-e", [[
      local stay = require "nsh.stay"
      local f = io.open "/run/nsh/one"
      local one = { pid = f:read "n", start = f:read "n" }
      print(stay.running(one), stay.stop(one), stay.stop(one), stay.running(one))
      io.write(io.open("/run/nsh/log"):read "a")]]))
    assert.matches("no program 'nonesuch'", (nsh("-w", "s", "-e",
      [[require "nsh.stay".start(netns.current(), { "nonesuch" })]])))
  end)

  describe("is refused", function()
    it("a name that is none", function()
      for _, name in ipairs { "", "a/b", ".x", "-x", "a b", "a\n", ("x"):rep(33), "ü" } do
        local out, status = nsh("-w", name, "-e", "netns.list()")
        assert.equal(2, status, name)
        assert.matches("nsh: ", out, nil, true)
      end
      assert.is_nil(lfs.attributes(WORLDS))
      assert.equal(0, select(2, nsh("-w", ("x"):rep(32), "-e", "netns.list()")))
    end)

    it("options that don't go together", function()
      for _, words in ipairs { { "--kill" }, { "--host", "-w", "x" }, { "-w" } } do
        assert.equal(2, select(2, nsh(table.unpack(words))), words[1])
      end
    end)

    it("a folder that others may write, or that is none", function()
      lfs.mkdir "/run/nsh/worlds"
      sh "chmod 777 /run/nsh/worlds"
      local out, status = nsh("-w", "x", "-e", "netns.list()")
      assert.equal(4, status, out)
      assert.matches("/run/nsh/worlds may be written by others (mode 777)", out, nil, true)
      assert.matches("hint: look at what is in it, then chmod 700 /run/nsh/worlds,", out, nil, true)
      sh "chmod 700 /run/nsh/worlds; : >/run/nsh/worlds/x"
      out = nsh("-w", "x", "-e", "netns.list()")
      assert.matches("cannot open the folder /run/nsh/worlds/x: Not a directory", out, nil, true)
      sh "rm /run/nsh/worlds/x; mkdir /tmp/nsh-spec-x; ln -s /tmp/nsh-spec-x /run/nsh/worlds/x"
      assert.not_equal(0, select(2, nsh("-w", "x", "-e", "netns.list()")))
      assert.equal("", sh("ls /tmp/nsh-spec-x; rm -r /tmp/nsh-spec-x").out)
    end)
  end)

  it("puts records aside that nobody can trust", function()
    for what, text in pairs {
      torn = "nsh-world 1\nname odd\npid 1\n",
      garbage = ("\0\255"):rep(3000),
      foreign = "nsh-world 1\nname other\npid 1\nstart 1\nsince 1\nscript \nend\n",
    } do
      nsh("-w", "odd", "-e", "netns.add 'a'")
      write(WORLDS .. "odd/state", text)
      local out = nsh("-w", "odd", "-e", "print(#netns.list())")
      assert.matches("nsh: the record of world odd is torn or not its own", out, nil, true)
      assert.matches("^1\n", out, nil, what) -- its keeper says what the world is
      local kept = out:match "kept as (%S+)"
      assert.equal(text, read(kept))
      os.remove(kept)
      assert.equal("", (nsh("-w", "odd", "--kill")))
    end
  end)

  it("doesn't end what a stale record names", function()
    local sleep = root:spawn "exec sleep 1000"
    sh "mkdir -p -m 700 /run/nsh/worlds/stale"
    local start = sh(("cut -d' ' -f22 /proc/%d/stat"):format(sleep.pid)).out:match "%d+"
    write(WORLDS .. "stale/state", ("nsh-world 1\nname stale\npid %d\nstart %s\nsince 1\nscript \nend\n"):format(
      sleep.pid, start))
    local out, status = nsh("-w", "stale", "--kill")
    assert.equal(1, status)
    assert.matches("there is no world stale", out, nil, true)
    assert.is_true(sleep:running())
    sleep:stop()
    assert.is_nil(lfs.attributes(WORLDS .. "stale"))
  end)

  it("is its user's alone", function()
    if h.uid(4321) == 0 then pending "this world has one user alone" end
    local folder = "/tmp/nsh-spec-xdg"
    sh(("mkdir -m 700 %s && chown 4321 %s"):format(folder, folder))
    local as = "setpriv --reuid 4321 --regid 4321 --clear-groups env XDG_RUNTIME_DIR=%s $NSH "
    local user = as:format(folder)
    nsh("-w", "mine", "-e", "netns.add 'a'")
    local out = sh(user .. "-w mine -e 'print(#netns.list())'; " .. user .. "--worlds | grep -c mine; " ..
      user .. "-w mine -e 'netns.add [[b]]'; " .. user .. "-w mine -e 'print(netns.list()[1].name)'").out
    assert.equal("0\n1\nb\n", out)
    assert.equal("a\n", (nsh("-w", "mine", "-e", "print(netns.list()[1].name)")))
    assert.equal("drwx------\n", sh(("stat -c %%A %s/nsh"):format(folder)).out)
    assert.equal(0, sh(user .. "-w mine --kill").status)
    out = sh(as:format "/run" .. "-w mine -e 'netns.list()'")
    assert.equal(4, out.status)
    assert.matches("nsh: Permission denied", out.out, nil, true)
    out = sh(as:format "" .. "-w mine -e 'netns.list()'").out
    assert.matches("set XDG_RUNTIME_DIR to a folder of yours", out, nil, true)
    sh("rm -r " .. folder)
  end)

  describe("with labs", function()
    local folder, script

    before_each(function()
      folder = os.tmpname()
      os.remove(folder)
      lfs.mkdir(folder)
      script = folder .. "/small.lua"
      write(script, [[
        local net = lab "small"
        local sw = net:switch { "sw", addr = "10.0.0.254/24" }
        for i = 1, 2 do
          net:link { { net:host { "h" .. i }, "eth0", addr = "10.0.0." .. i .. "/24" }, { sw, "p" .. i } }
        end
        return net]])
    end)
    after_each(function() sh("rm -r " .. folder) end)

    it("knows from one nsh to the next what is up", function()
      assert.matches("lab small is up", (nsh("-w", "l", script, "up")), nil, true)
      assert.matches("nothing to do", (nsh("-w", "l", script, "plan")), nil, true)
      assert.matches(" small +" .. script:gsub("%p", "%%%0"), listed "l")
      assert.equal("small\tup\ttrue\n", (nsh("-w", "l", "-e", "local l = nsh.labs()[1] print(l.name, l.state, " ..
        "netns.get [[small.h1]]:reaches [[10.0.0.2]])")))
      nsh("-w", "l", "-e", "netns.get [[small.h1]]:link [[eth0]]:set { mtu = 1400 }")
      assert.matches("mtu 1400 → 1500", (nsh("-w", "l", script, "plan")), nil, true)
      nsh("-w", "l", script, "down")
      assert.equal("0\t0\n", (nsh("-w", "l", "-e", "print(#netns.list(), #nsh.labs())")))
    end)

    it("lets one nsh at a time change them", function()
      local out = sh(("for i in 1 2 3 4; do $NSH -w l %s up & done; wait; $NSH -w l %s plan"):format(script,
        script)).out
      assert.equal(4, select(2, out:gsub("lab small is up", "")), out)
      assert.matches("nothing to do\n$", out)
    end)

    it("goes on without the script, when that is gone", function()
      nsh("-w", "l", script, "up")
      os.remove(script)
      assert.matches("%(deleted%)", listed "l")
      local out, status = nsh("-w", "l", script, "down")
      assert.equal(1, status)
      assert.matches("hint: lab small is up from that script; nsh -w l -e 'nsh.down \"small\"' takes it down", out,
        nil, true)
      assert.equal("0\n", (nsh("-w", "l", "-e", "assert(#nsh.down 'small' == 3) print(#netns.list())")))
    end)

    it("are cleared by --gc after a killed run, and a torn record is kept aside", function()
      local broken = script:gsub("small.lua", "broken.lua")
      write(broken, ([[
        require "nsh.lab.store".save = function() os.exit(true) end
        return dofile %q]]):format(script))
      nsh("-w", "l", broken, "up")
      assert.equal("small\tbroken\n", (nsh("-w", "l", "-e", "print(nsh.labs()[1].name, nsh.labs()[1].state)")))
      assert.matches("\n! the nsh that changed it was killed meanwhile", (nsh("-w", "l", script, "status")))
      local out = nsh("--gc", "--json")
      assert.matches('^%[{"lab":"small","name":"small.sw","script":"[^"]+broken.lua","what":"namespace"},', out)
      assert.equal("[]\n", (nsh("--gc", "--json")))
      assert.equal("0\n", (nsh("-w", "l", "-e", "print(#netns.list())")))
      nsh("-w", "l", script, "up")
      nsh("-w", "l", "-e", "os.execute 'truncate -s -20 /run/nsh/labs/small'")
      out = nsh("-w", "l", "-e", "print(#nsh.labs(), #nsh.gc(), #netns.list())")
      assert.matches("^0\t0\t3\nnsh: the record of lab small is torn or not its own; nothing that it says is "
        .. "believed, and it is kept as /run/nsh/labs/%.small%.kept%-%d+\n$", out)
    end)
  end)

  it("lists and ends worlds by functions, too", function()
    assert.equal("0\n", nsh("-e", "print(#nsh.worlds())"))
    nsh("-w", "f", "-e", "netns.add 'a'")
    local out = nsh("-e", [[
      netns.list() -- in a world of its own it still knows where they are
      local w = nsh.worlds()[1]
      print(w.name, w.namespaces)
      nsh.kill_world "f"
      print(#nsh.worlds(), pcall(nsh.kill_world, "f"))]])
    assert.matches("^f\t1\n0\tfalse\t.*there is no world f %(ENOENT%)\n", out)
    assert.matches("end it from outside", (nsh("-w", "f", "-e", "nsh.kill_world 'f'")), nil, true)
    h.misuse("can't be the name of a world", kill_world, "a/b")
  end)
end)
