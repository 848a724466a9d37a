-- world_spec.lua - the private world as a whole: its end, and what its commands and its init get from outside

local NSH = os.getenv "NSH" or "./nsh"
local PLAIN = os.getenv "NSH_PLAIN" or NSH -- under strace, never the sanitized one

-- Runs a script of sh in which nsh is $NSH, or $PLAIN; returns what it prints, and its exit status.
local function sh(script)
  local f = assert(io.popen("NSH='" .. NSH .. "'; PLAIN='" .. PLAIN .. "'; exec 2>&1 </dev/null\n" .. script))
  local out = f:read "a"
  local _, _, status = f:close()
  return out, status
end

describe("a world", function()
  it("ends though its init is stopped", function()
    local out, status = sh [[
      $NSH -e 'netns.list() print(io.open("/proc/thread-self/children"):read "n") io.flush() nsh.sleep(0.5)' | {
        read -r init
        kill -STOP "$init"
        n=0
        while kill -0 "$init" && [ $n -lt 500 ]; do n=$((n + 1)); sleep 0.01; done 2>/dev/null
        kill -KILL "$init" 2>/dev/null && echo "still there"
        echo "$init"
      }]]
    assert.equal(0, status)
    assert.matches("^%d+\n$", out)
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

  it("tells when what /etc/netns has for a namespace can't be read", function()
    local out = sh [[unshare -rm sh -c '
      mount -t tmpfs none /etc && mkdir /etc/netns /etc/netns/good && : >/etc/netns/bad
      exec "$0" -e "$1"' "$NSH" '
        for _, name in ipairs { "good", "none", "bad" } do
          local ns = netns.add(name)
          local ok, err = pcall(ns.exec, ns, { "true" })
          print(name, ok or err.code, not ok and err.hint or "")
        end']]
    assert.equal("good\ttrue\t\nnone\ttrue\t\nbad\tENOTDIR\tis /etc/netns/bad a folder that we may read?\n", out)
  end)

  it("tells when the sysctls that it has to even out can't be listed", function()
    -- the first default read looks as if the machine had changed it
    local out = sh [[at=/proc/sys/net/ipv4/conf log=$(mktemp)
      strace -f -o "$log" -P $at/default/forwarding -P $at -e trace=read,getdents64 \
        -e inject=read:retval=2:poke_exit=@arg2=310a:when=1 -e inject=getdents64:error=EIO $PLAIN -e 'netns.list()'
      rm "$log"]]
    assert.truthy(out:find("cannot list the sysctls of a new namespace: Input/output error", 1, true), out)
  end)

  it("keeps its names when the machine takes /run/netns away", function()
    local out = sh [[unshare -rm sh -c '
      mount -t tmpfs none /run && mkdir /run/netns && mkfifo /run/made /run/gone
      "$0" -e "$1" & read -r made </run/made && rmdir /run/netns && : >/run/gone; wait' "$NSH" '
        netns.list()
        io.open("/run/made", "w"):write("made\n"):close()
        io.open("/run/gone"):read()
        print(pcall(netns.add, "a"))
        print(netns.current():exec("ls /run/netns; test -d /run/nsh").out)']]
    assert.equal("true\tnetns a\na\n\n", out)
  end)
end)
