-- shell_spec.lua - ns:shell(): an interactive shell on a real terminal (tmux), or on standard input
local h = require "tests.helper"
local terminal = require "tests.terminal"

local NSH = os.getenv "NSH" or "./nsh"

describe("a shell without a terminal", function()
  local path

  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function run(commands, code)
    local f = assert(io.open(path, "w"))
    f:write(commands)
    f:close()
    return netns.current():exec({ NSH, "-e", code }, { input = commands, check = false })
  end

  it("reads standard input, in the namespace, and its status is the result", function()
    local r = run("echo in $NSH_NETNS\nip -o link\nexit 4\n", [[
      local ns = netns.add "blue"
      ns:link "lo":set { alias = "of blue" }
      local r = ns:shell()
      print(r.status, r.signal)]])
    assert.matches("^in blue\n1: lo: .*of blue.*\n4\tnil\n$", r.out)
    assert.equal("", r.err)
  end)

  it("tells the signal that killed it, and starts where it is told", function()
    local r = run("pwd; echo $X\nkill -9 $$\n",
      [[local r = netns.current():shell { cwd = "/etc", env = { X = "y" } } print(r.status, r.signal)]])
    assert.equal("/etc\ny\nnil\tKILL\n", r.out)
  end)

  it("that is missing is an error", function()
    local r = netns.current():exec({ NSH, "-e", "netns.current():shell()" },
      { env = { SHELL = "/no/such/shell" }, check = false })
    assert.matches("shell /no/such/shell in root: no program '/no/such/shell' %(ENOENT%)\n  hint: SHELL", r.err)
  end)

  it("takes no nonsense", function()
    local ns = netns.current()
    h.misuse("unknown key 'cdw'", ns.shell, ns, { cdw = "/" })
    h.misuse("env", ns.shell, ns, { env = 1 })
  end)
end)

if not terminal.available() then
  describe("a shell on a terminal", function() pending "needs tmux (package tmux)" end)
  return
end

describe("a shell on a terminal", function()
  local term

  before_each(function() term = terminal.new() end)
  after_each(function() term:close() end)

  for _, shell in ipairs { "/bin/sh", "/bin/bash" } do
    it("has its job control and a prompt that names the namespace: " .. shell, function()
      if not io.open(shell) then h.pending("needs " .. shell) end
      term:start("", "SHELL=" .. shell)
      term:enter('ns = netns.add "blue"', "nsh[:%w]*>")
      term:enter("ns:shell()", "%(blue%) .*[#$] ?")
      term:enter("ip -o link | wc -l", "\n1\n%(blue%) .*[#$] ?")
      -- Ctrl-C is the command's, not the shell's or nsh's
      term:text "sleep 60"
      term:key "Enter"
      term:wait "sleep 60"
      nsh.sleep(0.1) -- until the shell has begun it
      term:key "C-c"
      term:wait "%^C\n+%(blue%) .*[#$] ?"
      term:enter("echo still here $?", "still here 130\n%(blue%) .*[#$] ?")
      -- Ctrl-Z as well, and fg
      term:text "sleep 61"
      term:key "Enter"
      nsh.sleep(0.1)
      term:key "C-z"
      term:wait "Stopped .*\n%(blue%) .*[#$] ?"
      term:enter("jobs", "sleep 61\n%(blue%) .*[#$] ?")
      term:enter("fg", "fg\nsleep 61")
      term:key "C-c"
      term:wait "%^C\n+%(blue%) .*[#$] ?"
      term:enter("exit 3", "status   3\n.*nsh[:%w]*>")
      term:enter("1 + 1", "\n2\nnsh[:%w]*>")
      -- nsh has its terminal again
      term:text "nsh.sleep(60)"
      term:key "Enter"
      nsh.sleep(0.1)
      term:key "C-c"
      term:wait "interrupted!\n.*nsh[:%w]*>"
    end)
  end

  it("ends by Ctrl-D and leaves the terminal as it was, whatever it did to it", function()
    term:start("", "SHELL=/bin/sh")
    term:enter('netns.add { "node", hostname = "node", pids = true }:shell()', "%(node%) # ?")
    term:enter("hostname; ps -e | wc -l", "node\n%d\n%(node%) # ?")
    term:text "stty -echo"
    term:key "Enter"
    term:wait "%(node%) # ?"
    term:key "C-d"
    term:wait "status   0\n.*nsh[:%w]*>"
    term:enter("print(netns.current())", "print%(netns.current%(%)%)\nnetns root\nnsh[:%w]*>")
  end)
end)
