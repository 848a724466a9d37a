-- repl_spec.lua - the prompt, on a real terminal (tmux)

local terminal = require "tests.terminal"

local NSH = os.getenv "NSH" or "./nsh"

local output = terminal.output

if not terminal.available() then
  describe("the prompt", function() pending "needs tmux (package tmux)" end)
  return
end

describe("the prompt", function()
  local term, dir, tmux

  local function screen() return term:screen() end
  local function wait(pattern) return term:wait(pattern) end
  local function key(...) term:key(...) end
  local function text(s) term:text(s) end
  local function enter(line, pattern) return term:enter(line, pattern) end
  local function start(words) term:start(words) end

  local function history()
    local f = io.open(dir .. "/state/nsh/history")
    local all = f and f:read "a" or ""
    if f then f:close() end
    return all
  end

  before_each(function()
    term = terminal.new()
    dir, tmux = term.dir, term.tmux
  end)

  after_each(function() term:close() end)

  it("greets, prints results and keeps the last one", function()
    start()
    assert.truthy(screen():find("nsh %d+%.%d+%.%d+ %(Lua 5%.4%.%d%): help%(%) for help, Ctrl%-D leaves\n"))
    enter("1 + 1", "\n2\nnsh>")
    enter("_ * 21", "\n42\nnsh>")
    enter("x = 5", "x = 5\nnsh>")
    enter("x, 'two'", "\n5\t? *\"?two\"?\nnsh>")
    enter("nil", "\nnil\nnsh>")
    enter("_", "\n5\nnsh>")
    enter("help", "\nType help%(%).*\nnsh>")
  end)

  it("shows errors, with frames only where they help", function()
    start()
    enter("x = = 1", "\nstdin:1: unexpected symbol near '='\nnsh>")
    enter("error 'flat'", "\nstdin:1: flat\nnsh>")
    enter("function deep() error 'deep' end", "\nnsh>")
    enter("x = deep()", "\nstdin:1: deep\nstack traceback:.*\nnsh>")
  end)

  it("reads on until the chunk is complete, and keeps it as one entry", function()
    start()
    enter("for i = 1, 2 do", "%.%.%.>")
    enter("print(i)", "%.%.%.>")
    enter("end", "\n1\n2\nnsh>")
    key "Up"
    wait "\nnsh> for i = 1, 2 do\nprint%(i%)\nend"
    key "Enter"
    wait "\n1\n2\nnsh>"
    assert.truthy(history():find("^#%d+\nfor i = 1, 2 do\nprint%(i%)\nend\n$"))
    key "C-d"
    wait "%$"
    enter(NSH, "nsh>")
    key "Up"
    wait "\nnsh> for i = 1, 2 do\nprint%(i%)\nend"
  end)

  it("takes a pasted block as one entry", function()
    start()
    local f = io.open(dir .. "/block", "w")
    f:write "local a = 20\nlocal b = 1\nprint(a + b)\n"
    f:close()
    os.execute(tmux .. " load-buffer " .. dir .. "/block \\; paste-buffer -p -t 0")
    wait "print%(a %+ b%)"
    key "Enter"
    wait "\n21\nnsh>"
    assert.truthy(history():find("^#%d+\nlocal a = 20\nlocal b = 1\nprint%(a %+ b%)\n$"))
  end)

  it("keeps its history private, and no line twice in a row", function()
    start()
    enter("'same'", "same\"?\nnsh>")
    enter("'same'", "same\"?\n.*same\"?\nnsh>")
    assert.truthy(history():find "^#%d+\n'same'\n$")
    assert.equal("600\n700\n", output(("cd %s/state/nsh && stat -c %%a history ."):format(dir)))
  end)

  it("finds what was typed so far with Up", function()
    start()
    enter("first = 1", "\nnsh>")
    enter("second = 2", "second = 2\nnsh>")
    text "fi"
    key "Up"
    wait "nsh> first = 1"
  end)

  it("drops the line at Ctrl-C, a pending block too", function()
    start()
    text "half a li"
    wait "half a li"
    key "C-c"
    wait "nsh> half a li%^C\nnsh>"
    enter("for", "%.%.%.>")
    key "C-c"
    wait "%^C\nnsh>"
    enter("1 + 1", "\n2\nnsh>")
  end)

  for what, chunk in pairs {
    ["a loop"] = "while true do end",
    ["a coroutine"] = "coroutine.wrap(function() while true do end end)()",
    ["a loop that catches errors"] = "while true do pcall(function() while true do end end) end",
    ["a sleep"] = "nsh.sleep(60)",
    ["a command"] = "netns.current():exec 'sleep 60'",
    ["os.execute"] = "os.execute 'sleep 60'",
    ["a ping"] = "netns.current():reaches('192.0.2.1', { timeout = 60 })",
  } do
    it("stops " .. what .. " at Ctrl-C and goes on", function()
      start()
      enter("io.write 'ready' io.flush() " .. chunk, "\nready")
      nsh.sleep(0.1)
      key "C-c"
      wait "\nready%^C.*\nnsh[^\n]*>"
      enter("6 * 7", "\n42\nnsh[^\n]*>")
    end)
  end

  it("runs a command with !, and Ctrl-C is the command's", function()
    start()
    enter("!echo one; exit 3", "\none\nexit status 3\nnsh:root>")
    enter("!sleep 60", "!sleep 60")
    nsh.sleep(0.2)
    key "C-c"
    wait "\n%^C.*\nnsh:root>"
    enter("!kill -9 $$", "\nsignal KILL\nnsh:root>")
    enter("!stty -echo -icanon", "\nnsh:root>")
    enter("1 + 1", "1 %+ 1\n2\nnsh:root>")
  end)

  it("goes on with tasks and handlers, which print above the line that is typed", function()
    start()
    enter("w = nsh.watch { 'link', handler = function(e) print('event', e.name) end }", "nsh:root> ?")
    enter("t = nsh.go(function() nsh.sleep(0.2) netns.current():add_link { 'b0', kind = 'bridge' } print 'made' end)",
      "nsh:root> ?")
    text "1 + 1"
    local seen = wait "event +b0\nnsh:root> 1 %+ 1"
    assert.truthy(seen:find "\nmade\n")
    assert.falsy(seen:find "1 %+ 1.*1 %+ 1")
    key "Enter"
    wait "\n2\nnsh:root>"
    enter("w:close() t = nsh.go(function() nsh.sleep(0.1) error 'broken' end)", "nsh:root>")
    text "x = 5"
    wait "stdin:1: broken\nnsh:root> x = 5"
    key "Enter"
    enter("nsh.go(function() while true do nsh.sleep(0.02) end end)", "running%)\nnsh:root>")
    text "abc"
    wait "abc"
    key "C-c"
    wait "abc%^C\nnsh:root>"
    text "nsh.all { function() nsh.sleep(60) end }"
    key "Enter"
    nsh.sleep(0.1)
    key "C-c"
    wait "interrupted!\nnsh:root>"
    enter("x", "\n5\nnsh:root>")
  end)

  it("says where it is", function()
    start()
    enter("ns1 = netns.add 'ns1'", "\nnsh:root>")
    enter("netns.enter(ns1)", "\nnsh:ns1>")
    enter("!ip -o link | wc -l", "\n%d+\nnsh:ns1>")
    enter("netns.enter()", "\nnsh:root>")
  end)

  it("completes globals, fields and methods", function()
    start()
    text "coro"
    key "Tab"
    wait "nsh> coroutine"
    text ".wr"
    key "Tab"
    wait "nsh> coroutine.wrap"
    key "C-u"
    enter("ns1 = netns.add 'ns1'", "\nnsh:root>")
    text "ns1:add_li"
    key "Tab"
    wait "ns1:add_link"
    key "C-u"
    text "netns.get 'ns"
    key "Tab"
    wait "netns.get 'ns1'"
    key "C-u"
    text "string."
    key("Tab", "Tab")
    wait "byte .*unpack.*\nnsh:root> string%."
  end)

  it("leaves the terminal as it found it", function()
    start()
    key "C-d"
    wait "%$"
    for _, way in ipairs { "C-d", "exit", "kill", "hang up" } do
      enter("clear; stty -a > $HOME/before; " .. NSH .. "; echo rc $?", "nsh>")
      if way == "C-d" then
        key "C-d"
        wait "rc 0\n%$"
      elseif way == "exit" then
        enter("os.exit(5)", "rc 5\n%$")
      elseif way == "kill" then
        enter("!kill -TERM $(ps -o ppid= $$)", "%$")
        enter("", "rc 143\n.*%$")
      else
        text "half"
        wait "half"
        output(("pkill -HUP -t $(%s display -p -t 0 '#{pane_tty}' | cut -c6-) -x nsh"):format(tmux))
        wait "rc 129\n%$"
      end
      enter("stty -a > $HOME/after; clear; cmp $HOME/before $HOME/after && echo same", "same\n%$")
    end
  end)

  it("stops at Ctrl-Z and comes back", function()
    start()
    text "6 *"
    wait "6 %*"
    key "C-z"
    wait "%$"
    enter("stty -a | grep -o ' echo '; clear; fg", "6 %*")
    text " 7"
    key "Enter"
    wait "\n42\nnsh>"
  end)

  it("enters after a script with -i", function()
    local f = io.open(dir .. "/s.lua", "w")
    f:write "from_script = 77"
    f:close()
    start("-i " .. dir .. "/s.lua")
    enter("from_script", "\n77\nnsh>")
  end)

  it("reads lines from a pipe with -i", function()
    assert.equal("2\n3\n", output("printf '1+1\\nx = 3\\nx\\n' | " .. NSH .. " -i 2>&1"))
  end)
end)
