-- verbs_spec.lua - `nsh lab.lua VERB`: what is done with the lab that a script returns, and with what exit status
local json = require "dkjson"
local terminal = require "tests.terminal"

local NSH = os.getenv "NSH" or "./nsh"
local quote = terminal.quote

describe("a script that returns a lab", function()
  local dir, lab

  local function file(name, text)
    local f = assert(io.open(dir .. "/" .. name, "w"))
    f:write(text)
    f:close()
    return dir .. "/" .. name
  end

  -- Runs nsh with these words; returns what it wrote to each output, and its exit status.
  local function run(words, opts)
    opts = opts or {}
    local line = { opts.before or "", NSH }
    for _, word in ipairs(words) do line[#line + 1] = quote(word) end
    local f = assert(io.popen(("%s 2>%s/err %s"):format(table.concat(line, " "), dir, opts.input or "</dev/null")))
    local out = f:read "a"
    local _, _, status = f:close()
    local err = io.open(dir .. "/err")
    local said = err:read "a"
    err:close()
    return out, status, said
  end

  setup(function()
    dir = os.tmpname()
    os.remove(dir)
    assert(os.execute("mkdir " .. dir))
    lab = file("lab.lua", [[
      local net = lab "duo"
      local h1, h2 = net:host { "h1" }, net:host { "h2" }
      net:link { { h1, "eth0", addr = "10.0.0.1/24" }, { h2, "eth0", addr = "10.0.0.2/24" } }
      if arg[1] == "own" then print("own", arg[2]) return end
      if arg[1] == "other" then return 42 end
      return net]])
  end)

  teardown(function() os.execute("rm -r " .. dir) end)

  it("is brought up, and told of in short, without a verb", function()
    local out, status = run { lab }
    assert.equal(0, status, out)
    assert.truthy(out:find "^lab duo is up: 2 nodes, 1 link, in [%d.e-]+ s\n")
    assert.truthy(out:find("\n  h1  host  10.0.0.1/24\n  h2  host  10.0.0.2/24\n", 1, true))
    assert.truthy(out:find("exec h1 CMD", 1, true))
  end)

  it("keeps its own arguments", function()
    assert.equal("own\tx\n", (run { lab, "own", "x" }))
    assert.equal("", (run { lab, "other" }))
    assert.truthy((run { lab, "else" }):find "^lab duo is up")
  end)

  it("is no matter for scripts that return something else", function()
    local plain = file("plain.lua", "lab 'x' return { ... }")
    local out, status, err = run { plain, "up" }
    assert.same({ "", 0, "" }, { out, status, err })
  end)

  it("comes from standard input as well", function()
    local out, status = run({ "-", "plan" }, { input = "<" .. lab })
    assert.equal(0, status)
    assert.truthy(out:find "^%+ h1\n")
  end)

  it("plans against nothing, in words and as JSON", function()
    local out, status = run { lab, "plan" }
    assert.equal(0, status)
    assert.truthy(out:find "%+ h1\n +%+ link eth0 veth to duo.h2.eth0\n +%+ addr 10.0.0.1/24 dev eth0\n")
    local steps = json.decode((run { lab, "plan", "--json" }))
    assert.same(steps, json.decode((run { "--json", lab, "plan" })))
    local router = file("router.lua", 'local net = lab "one" net:router { "r" } return net')
    assert.truthy((run { router, "plan", "--json" }):find('{"net.ipv6.conf.all.forwarding":[null,1]}', 1, true))
    assert.same({ "create", "netns", "h1", "duo.h1" }, { steps[1].op, steps[1].noun, steps[1].node, steps[1].name })
  end)

  it("tells up and down as JSON", function()
    local up = json.decode((run { lab, "up", "--json" }))
    assert.same({ "duo", 2, 1 }, { up.lab, up.nodes, up.links })
    assert.is_true(#up.steps > 4 and up.seconds > 0)
    local down = json.decode((run { lab, "down", "--json" }))
    assert.same({}, down.steps)
    assert.equal("lab duo is down: there was nothing to do\n", (run { lab, "down" }))
  end)

  it("shows that nothing is up, and how a lab is kept", function()
    local out, status, err = run { lab, "status" }
    assert.equal(0, status)
    assert.truthy(out:find("^lab duo: not up, 2 nodes"))
    assert.truthy(err:find("nsh -w NAME", 1, true))
    local stands = file("stands.lua", "local net = dofile '" .. lab .. "' net:up() return net")
    local told = json.decode((run { stands, "status", "--json" }))
    assert.is_true(told.up)
    assert.same({ "h1", "h2" }, { told.nodes[1].node, told.nodes[2].node })
    assert.same({ "10.0.0.2/24" }, told.links[2].addrs)
  end)

  it("pings all from all, and fails on loss", function()
    local out, status = run { lab, "ping" }
    assert.equal(0, status, out)
    assert.truthy(out:find("2 of 2 pings answered", 1, true))
    local torn = file("torn.lua", ("local net = dofile '%s' net:host { 'h3', addr = '10.9.9.9/32' } return net"):format(
      lab))
    out, status = run { torn, "ping", "--json" }
    assert.equal(1, status)
    local told = json.decode(out)
    assert.same({ 6, 4 }, { told.sent, told.lost })
  end)

  it("is drawn, on the screen, in a file, in JSON", function()
    local out, status = run { lab, "graph" }
    assert.equal(0, status)
    assert.truthy(out:find("h1", 1, true) and out:find("10.0.0.2", 1, true) and out:find "\n$")
    assert.same({ "", 0, "" }, { run { lab, "graph", dir .. "/lab.dot" } })
    local f = assert(io.open(dir .. "/lab.dot"))
    local dot = f:read "a"
    f:close()
    assert.equal((run { lab, "graph", "dot" }), dot)
    local told = json.decode((run { lab, "graph", "dot", "--json" }))
    assert.same({ "dot", (dot:gsub("\n$", "")) }, { told.format, (told.picture:gsub("\n$", "")) })
    local _, failed, err = run { lab, "graph", "svg", dir .. "/none/lab.svg" }
    assert.equal(1, failed)
    assert.truthy(err:find("ENOENT", 1, true))
  end)

  describe("exec", function()
    it("ends as the command does", function()
      assert.equal(0, (select(2, run { lab, "exec", "h1", "true" })))
      assert.equal(7, (select(2, run { lab, "exec", "h1", "--", "sh", "-c", "exit 7" })))
      assert.equal(137, (select(2, run { lab, "exec", "h1", "sh", "-c", "kill -KILL $$" })))
      local _, status, err = run { lab, "exec", "h1", "no-such-program" }
      assert.equal(127, status)
      assert.truthy(err:find("no program 'no-such-program'", 1, true))
      assert.equal(126, (select(2, run { lab, "exec", "h1", lab })))
    end)

    it("gives it words, no shell, and nsh's own input and outputs", function()
      assert.equal("[$HOME] [a  b] [--json] [--]\n",
        (run { lab, "exec", "h1", "--", "printf", "[%s] [%s] [%s] [%s]\\n", "$HOME", "a  b", "--json", "--" }))
      local out, _, err = run({ lab, "exec", "h2", "sh", "-c", "cat; echo oops >&2" }, { input = "<" .. lab })
      assert.truthy(out:find("^      local net = lab \"duo\"\n"))
      assert.equal("oops\n", err)
      assert.truthy((run { lab, "exec", "h2", "ip", "-br", "addr", "show", "eth0" }):find("10.0.0.2/24", 1, true))
      assert.equal("h2\n", (run { lab, "exec", "h2", "hostname" }))
    end)

    it("passes signals on", function()
      for name, wanted in pairs { TERM = 3, INT = 4, HUP = 5, USR1 = 6, QUIT = 8 } do
        local traps = ("trap 'exit %d' %s; echo ready; while :; do sleep 0.01; done"):format(wanted, name)
        local script = file("signal.sh", ([[
          mkfifo %s/said.%s
          %s %s exec h1 bash -c "%s" >%s/said.%s & pid=$!
          read -r ready <%s/said.%s
          kill -%s $pid
          wait $pid]]):format(dir, name, NSH, lab, traps, dir, name, dir, name, name))
        local _, _, status = os.execute("bash " .. script)
        assert.equal(wanted, status, name)
      end
    end)
  end)

  it("stands in a named world, for one nsh after another", function()
    assert(os.execute("mkdir -m 700 " .. dir .. "/run"))
    local env = ("XDG_RUNTIME_DIR=%s/run"):format(dir)
    local function named(...) return run({ "-w", "verbs", lab, ... }, { before = env }) end
    finally(function() os.execute(("%s %s -w verbs --kill 2>/dev/null"):format(env, NSH)) end)
    -- who only looks makes no world
    local out, status, err
    for _, words in ipairs { { "exec", "h1", "true" }, { "shell", "h1" }, { "ping" } } do
      _, status, err = named(table.unpack(words))
      assert.equal(1, status)
      assert.equal(("lab duo: it is not up: there is no world verbs (ENOENT)\n  hint: nsh -w verbs %s up builds it\n")
        :format(lab), err)
    end
    assert.truthy((named "status"):find "^lab duo: not up")
    assert.truthy((named "plan"):find "^%+ h1")
    assert.truthy((named "down"):find "there was nothing to do")
    assert.equal("", (run({ "--worlds" }, { before = env })))
    -- but for a prompt in it
    local prompt = assert(io.popen(("echo 'print(#netns.list())' | %s %s -w verbs -i %s down"):format(env, NSH, lab)))
    assert.matches("there was nothing to do\n0\n", prompt:read "a")
    prompt:close()
    assert.matches("\nverbs ", (run({ "--worlds" }, { before = env })))
    out, status = named()
    assert.equal(0, status)
    assert.truthy(out:find("next: nsh -w verbs " .. lab .. " status", 1, true), out)
    assert.equal(6, (select(2, named("exec", "h1", "--", "sh", "-c", "exit 6"))))
    assert.truthy((named "status"):find "^lab duo: up, 2 nodes\n")
    assert.equal("[]\n", (named("plan", "--json")))
    assert.truthy((named "down"):find "^lab duo is down: 2 namespaces gone")
    assert.truthy((named "status"):find "^lab duo: not up")
  end)

  it("tells what became of a change, and of one that failed", function()
    assert(os.execute("mkdir -m 700 " .. dir .. "/changes"))
    local env = ("XDG_RUNTIME_DIR=%s/changes"):format(dir)
    local function named(script, ...) return run({ "-w", "changes", script, ... }, { before = env }) end
    finally(function() os.execute(("%s %s -w changes --kill 2>/dev/null"):format(env, NSH)) end)
    local more = file("more.lua", ([[
      local net = dofile %q
      local h3 = net:host { "h3", routes = arg[2] == "bad" and { { "10.9.0.0/16", via = "10.7.7.7" } } or nil }
      net:link { { h3, addr = "10.1.0.3/24" }, { "h1", addr = "10.1.0.1/24" } }
      return net]]):format(lab))
    assert.truthy((named(lab, "up")):find "^lab duo is up: 2 nodes, 1 link, in ")
    local out, status, err = named(more, "any", "bad")
    assert.equal(1, status)
    assert.equal("", out)
    assert.truthy(err:find("\nlab duo is as it was: a step failed, and what was done is undone\n" .. more
      .. ":2: route add", 1, true), err)
    assert.equal("nothing to do\n", (named(lab, "plan")))
    assert.equal("true\n", (named(more, "exec", "h1", "--", "echo", "true"))) -- h1 is there, though h3 isn't
    err = select(3, named(more, "exec", "h3", "true"))
    assert.truthy(err:find("lab duo: not all of it is up: there is no duo.h3", 1, true), err)
    assert.truthy((named(more, "status")):find "^lab duo: 2 of 3 nodes up\n")
    assert.truthy((named(more)):find "^lab duo is up: 3 nodes, 2 links, %d+ made, in ")
    assert.truthy((named(lab)):find "^lab duo is up: 2 nodes, 1 link, %d+ deleted, in ")
    local killed = file("killed.lua", ([[
      local net = dofile %q
      net:host { "h3", commands = { "echo >%s/begun; sleep 100" } }
      return net]]):format(lab, dir))
    local line = "mkfifo %s/begun; { %s %s -w changes %s up & } 2>/dev/null; read x <%s/begun; kill -9 $!"
    assert(os.execute(line:format(dir, env, NSH, killed, dir)))
    out = named(killed, "status")
    assert.truthy(out:find "^lab duo: half done, 3 of 3 nodes there\n", out)
    assert.is_false(json.decode((named(killed, "status", "--json"))).up)
  end)

  it("is missed where a part of it is returned, or nothing", function()
    for _, case in ipairs { { "", "no lab" }, { "return h1", "host h1 of lab duo, not the lab" },
      { "return net:link { 'h1', 'h2' }", "a link of lab duo, not the lab" },
      { "return { net }", "a list, no lab" } } do
      local path = file("part.lua", ("local net = dofile %q local h1 = net:node 'h1' %s"):format(lab, case[1]))
      for _, verb in ipairs { "up", "plan" } do
        local out, status, err = run { path, verb }
        assert.same({ "", 0 }, { out, status }, err)
        assert.equal(("nsh: %s returns %s, so '%s' is left to it: a script that ends with `return net` has verbs\n")
          :format(path, case[2], verb), err)
      end
    end
  end)

  it("has verbs that are told on demand, and nothing is built", function()
    assert(os.execute("mkdir -m 700 " .. dir .. "/help"))
    local env = ("XDG_RUNTIME_DIR=%s/help"):format(dir)
    for _, words in ipairs { { "help" }, { "--help" }, { "up", "--help" }, { "plan", "-h" }, { "exec", "--help" } } do
      local out, status, err = run({ "-w", "help", lab, table.unpack(words) }, { before = env })
      assert.same({ 0, "" }, { status, err })
      for _, verb in ipairs { "up", "down", "plan", "status", "ping", "graph", "exec", "shell", "test" } do
        assert.truthy(out:find("\n  " .. verb .. " ", 1, true), out)
      end
    end
    assert.equal("", (run({ "--worlds" }, { before = env })))
    assert.equal("--help\n", (run { lab, "exec", "h1", "echo", "--", "--help" }):match "[^ ]*$")
  end)

  it("comes before its verb", function()
    local out, status, err = run { "up", lab }
    assert.same({ "", 2, ("nsh: the script comes before the verb: nsh %s up\n"):format(lab) }, { out, status, err })
    assert.truthy((select(3, run { "up", dir .. "/none.lua" })):find("cannot open up", 1, true))
    assert.truthy((select(3, run { "pu", lab })):find("cannot open pu", 1, true))
  end)

  it("names the worlds that there are where one is mistyped", function()
    assert(os.execute("mkdir -m 700 " .. dir .. "/typo"))
    local env = ("XDG_RUNTIME_DIR=%s/typo"):format(dir)
    finally(function() os.execute(("%s %s -w office --kill 2>/dev/null"):format(env, NSH)) end)
    local function named(...) return select(3, run({ "-w", ... }, { before = env })) end
    assert.equal("nsh: there is no world offcie\n", named("offcie", lab, "status"))
    run({ "-w", "office", lab }, { before = env })
    for _, verb in ipairs { "status", "plan", "down" } do
      assert.equal("nsh: there is no world offcie; did you mean office? There are: office\n",
        named("offcie", lab, verb))
    end
    assert.equal("nsh: there is no world xyz; there are: office\n", named("xyz", lab, "status"))
    assert.truthy(named("xyz", lab, "exec", "h1", "true"):find("there is no world xyz; there are: office (ENOENT)", 1,
      true))
    assert.equal("", named("office", lab, "status"))
  end)

  it("can't be pinged where no node has an address", function()
    local bare = file("bare.lua", 'local net = lab "bare"\nnet:link { net:host "a", net:host "b" } return net')
    local _, status, err = run { bare, "ping" }
    assert.equal(1, status)
    assert.truthy(err:find("nobody of lab bare can be pinged: no node has an address; give them some", 1, true), err)
  end)

  it("says why a word that is nearly a verb brings the lab up", function()
    local out, status, err = run { lab, "stauts" }
    assert.equal(0, status)
    assert.truthy(out:find "^lab duo is up")
    assert.equal("nsh: 'stauts' is no verb; did you mean 'status'? It is left to the script, and the lab is brought "
      .. "up\n", err)
    assert.equal("", (select(3, run { lab, "4" })))
  end)

  it("tells what is wrong with the words, and exits with 2", function()
    for _, case in ipairs {
      { { "exec" }, "which node? duo has h1, h2" },
      { { "exec", "h1" }, "which command?" },
      { { "exec", "h1", "--" }, "which command?" },
      { { "exec", "h3", "true" }, "lab duo has no node 'h3'; did you mean 'h" },
      { { "shell" }, "which node?" },
      { { "shell", "h1", "ls" }, "exec h1 -- CMD" },
      { { "plan", "h1" }, "it takes no 'h1'" },
      { { "ping", "--jsn" }, "it takes no '--jsn'" },
      { { "graph", "svgg" }, "did you mean 'svg'?" },
    } do
      local out, status, err = run { lab, table.unpack(case[1]) }
      assert.same({ "", 2 }, { out, status }, case[2] .. err)
      assert.truthy(err:find(case[2], 1, true), err)
      assert.truthy(err:find("\nusage: nsh [options] " .. lab .. " " .. case[1][1], 1, true), err)
    end
  end)

  describe("with --json", function()
    -- The words' only JSON value on standard output, and the exit status; what people read is on standard error.
    local function told(words, opts)
      local out, status, err = run(words, opts)
      local value, past, problem = json.decode(out)
      assert.is_truthy(value, ("%s: %s"):format(tostring(problem), out))
      assert.equal("\n", out:sub(past), out)
      if nsh.program "jq" then
        local path = file("told.json", out)
        assert.is_true((os.execute("jq -e . " .. path .. " >/dev/null")), out)
      end
      if value.error then
        assert.equal(status, value.exit)
        assert.truthy(err:find(value.error.text, 1, true), err)
      end
      return value, status, err
    end

    local function broken(name, line) return file(name, ("local net = dofile %q\n%s\nreturn net"):format(lab, line)) end

    it("tells what the kernel refused, and which step that was", function()
      local path = broken("gateway.lua", 'net:node "h1":route { "10.9.0.0/16", via = "10.7.7.7" }')
      for _, verb in ipairs { "up", "ping" } do
        local value, status = told { path, verb, "--json" }
        local err = value.error
        assert.equal(1, status)
        assert.same({ "ENETUNREACH", 101, "route add", "10.9.0.0/16 via 10.7.7.7", "duo.h1", path .. ":2",
          "Network is unreachable", "Nexthop has invalid gateway" },
          { err.code, err.errno, err.op, err.target, err.netns, err.where, err.message, err.extack })
        assert.same({ op = "create", noun = "route", node = "h1", netns = "duo.h1", name = "10.9.0.0/16 via 10.7.7.7",
          where = path .. ":2" }, err.step)
        assert.truthy(err.hint:find("onlink = true", 1, true))
      end
    end)

    it("tells slips of the script, whichever verb and wherever the option stands", function()
      local path = broken("slip.lua", 'net:host { "h3", adr = "10.0.0.3/24" }')
      local message = "node h3: unknown key 'adr' of a host; did you mean 'addr'?"
      for _, verb in ipairs { "up", "down", "plan", "status", "ping", "graph" } do
        local value, status = told { path, verb, "--json" }
        assert.equal(1, status)
        assert.same({ message = message, text = path .. ":2: " .. message, where = path .. ":2" }, value.error)
        assert.same(value, (told { "--json", path, verb }))
      end
      for _, words in ipairs { { "--check", "--json", path }, { "--json", path },
        { "--json", path, "exec", "h1", "true" } } do
        assert.equal(path .. ":2", (told(words)).error.where)
      end
      assert.truthy((told { dir .. "/none.lua", "plan", "--json" }).error.message:find("No such file", 1, true))
      assert.same({ "boom", "(command line):1" }, (function(err) return { err.message, err.where } end)(
        told({ "--json", "-e", "error 'boom'" }).error))
      assert.truthy((told { file("torn.lua", "return return"), "plan", "--json" }).error.where:find "torn.lua:1$")
    end)

    it("is one value, though more goes wrong in a task, or after all was told", function()
      local path = broken("task.lua",
        'nsh.go(function() error "lost" end) nsh.sleep(0)\nif arg[1] == "up" then error "boom" end')
      local value, status, err = told { path, "up", "--json" }
      assert.same({ "boom", path .. ":3", 1 }, { value.error.message, value.error.where, status })
      assert.truthy(err:find("boom", 1, true) and err:find("lost", 1, true), err)
      value, status, err = told { path, "plan", "--json" }
      assert.same({ "create", 1 }, { value[1].op, status })
      assert.truthy(err:find("lost", 1, true), err)
    end)

    it("tells what is wrong with the words", function()
      for _, words in ipairs { { lab, "plan", "h1", "--json" }, { lab, "graph", "--json", "svgg" },
        { "--json", lab, "exec", "h9", "true" }, { "--json", lab, "shell" } } do
        local value, status = told(words)
        assert.equal(2, status)
        assert.is_string(value.error.message)
      end
      assert.equal("graph: no format 'svgg'; did you mean 'svg'?", (told { lab, "graph", "svgg", "--json" }).error.text)
    end)

    it("tells of files, programs and worlds that are not there", function()
      local value, status = told { lab, "graph", "svg", dir .. "/none/lab.svg", "--json" }
      assert.same({ 1, "ENOENT", "graph" }, { status, value.error.code, value.error.op })
      value, status = told { "--json", lab, "exec", "h1", "no-such-program" }
      assert.same({ 127, "ENOENT" }, { status, value.error.code })
      assert(os.execute("mkdir -pm 700 " .. dir .. "/run"))
      local here = { before = ("XDG_RUNTIME_DIR=%s/run"):format(dir) }
      assert.equal("world kill", told({ "--json", "-w", "gone", "--kill" }, here).error.op)
      assert.equal("there are none", told({ "--gc", "-w", "gone", "--json" }, here).error.hint)
    end)

    it("leaves words to those whose they are, and errors without it to people", function()
      local out, _, err = run { lab, "exec", "h1", "no-such-program", "--json" }
      assert.equal("", out)
      assert.truthy(err:find("no program", 1, true))
      local own = file("own.lua", "error('mine', 0)")
      assert.equal("", (run { own, "else", "--json" }))
      assert.equal("", (run { own, "plan" }))
    end)
  end)

  it("runs a shell in a node", function()
    local out, status = run({ lab, "shell", "h2" }, { before = "SHELL=/bin/sh",
      input = "<" .. file("typed", "ip -br addr show eth0\nexit 5\n") })
    assert.equal(5, status)
    assert.truthy(out:find("10.0.0.2/24", 1, true))
  end)
end)

describe("a lab on a terminal", function()
  it("is followed by the prompt, where its nodes are at hand", function()
    if not terminal.available() then pending "tmux is missing" end
    local tmux = terminal.new()
    finally(function() tmux:close() end)
    local path = tmux.dir .. "/lab.lua"
    local f = assert(io.open(path, "w"))
    f:write [[
      local net = lab "duo"
      local h1, h2 = net:host { "h1" }, net:host { "h2" }
      net:link { { h1, "eth0", addr = "10.0.0.1/24" }, { h2, "eth0", addr = "10.0.0.2/24" } }
      return net]]
    f:close()
    tmux:start(path, nil, "nsh:root> ?")
    assert.truthy(tmux:screen():find("lab duo is up: 2 nodes, 1 link", 1, true))
    tmux:enter("net", "lab duo\nnsh:root> ?")
    tmux:enter("h1:reaches '10.0.0.2'", "true\nnsh:root> ?")
    tmux:enter("h2.name", "duo.h2\nnsh:root> ?")
    tmux:key "C-d"
    tmux:wait "%$"
    -- Ctrl-C is for the command
    local code = "trap \"echo caught; exit 5\" INT; echo ready; while :; do sleep 0.1; done"
    tmux:enter(("%s %s exec h1 -- sh -c '%s'"):format(NSH, path, code), "\nready")
    tmux:key "C-c"
    tmux:wait "caught\n%$"
    tmux:enter("echo status $?", "status 5\n%$")
  end)
end)
