--- verbs.lua - `nsh lab.lua VERB ...`: what is done with the lab that a script returns.
local core = require "nsh.core"
local fail = require "nsh.error"
local json = require "nsh.json"
local netns = require "nsh.netns"
local object = require "nsh.object"
local store = require "nsh.lab.store"
local text = require "nsh.text"
local wires = require "nsh.lab.wire"
local world = require "nsh.world"
local Lab = require("nsh.lab").Lab

local m = {}

local OK, FAILED, USAGE = 0, 1, 2
local NODES = 12 -- that a summary lists
local stdout, stderr = io.stdout, io.stderr

local run -- { script = "lab.lua", json = boolean, prompt = boolean }: what all verbs of this call share

local function is_lab(value)
  local mt = type(value) == "table" and debug.getmetatable(value)
  return mt and rawget(mt, "class") == Lab or false
end

local function say(fmt, ...) stdout:write(fmt:format(...), "\n") end

local function tell(value)
  if run.json then json.tell(json.encode(value)) else stdout:write(tostring(value), "\n") end
end

-- How nsh is called for this lab, for what is to be tried next.
local function command() return ("nsh %s%s"):format(world.options(), run.script) end

local function misused(verb, fmt, ...)
  local said = ("%s: %s"):format(verb, fmt:format(...))
  stderr:write(("nsh: %s\nusage: nsh [options] %s %s\n"):format(said, run.script, m.USAGE[verb]))
  if run.json then json.tell(json.of_error(said, USAGE)) end
  return USAGE
end

local function count(n, what) return ("%d %s%s"):format(n, what, n == 1 and "" or "s") end

-- --- nodes ---

local function find_node(lab, verb, name)
  if not name then return nil, misused(verb, "which node? %s has %s", lab.name, wires.names(lab)) end
  for _, node in ipairs(lab.nodes) do
    if node.name == name then return node end
  end
  return nil, misused(verb, "%s", (wires.no_node(lab, name)))
end

local function not_up(lab, message, ...)
  fail.raise { op = "lab", target = lab.name, code = "ENOENT", errno = 2, where = "", message = message:format(...),
    hint = command() .. " up builds it" }
end

-- In a world that ends with nsh the lab is built for the verb; elsewhere the node must stand already, or all of them.
local function ready(lab, wanted)
  if world.is_private() then
    lab:up()
    return
  end
  if world.is_absent() then
    not_up(lab, "it is not up: there is no world %s%s", world.name(), require("nsh.worlds").others(world.name()))
  end
  local there, missing = 0, nil
  for _, node in ipairs(lab.nodes) do
    if netns.lookup(node:netns_name()) then
      there = there + 1
    elseif not wanted or node == wanted then
      missing = missing or node
    end
  end
  if missing then
    not_up(lab, there == 0 and "it is not up: there is no %s" or "not all of it is up: there is no %s",
      missing:netns_name())
  end
end

-- --- the summary ---

local function addrs_of(node)
  local list = {}
  for _, addr in ipairs(node.addrs) do list[#list + 1] = addr.addr end
  for _, port in ipairs(node.ports) do
    for _, addr in ipairs(port.addrs) do list[#list + 1] = addr.addr end
  end
  return list
end

local function list_nodes(lab)
  local name, kind = 0, 0
  for i = 1, math.min(#lab.nodes, NODES) do
    name, kind = math.max(name, text.len(lab.nodes[i].name)), math.max(kind, #lab.nodes[i].kind)
  end
  for i = 1, math.min(#lab.nodes, NODES) do
    local node = lab.nodes[i]
    say("  %s", text.cut(("%s  %s  %s"):format(text.pad(node.name, name), text.pad(node.kind, kind),
      table.concat(addrs_of(node), " ")):gsub("%s+$", ""), 98))
  end
  if #lab.nodes > NODES then say("  ... and %d more", #lab.nodes - NODES) end
end

-- What one would do next, with a node of this lab.
local function next_steps(lab)
  local host = lab.nodes[1]
  for _, node in ipairs(lab.nodes) do
    if node.kind == "host" then
      host = node
      break
    end
  end
  if not host then return end
  if run.prompt then
    local name = _G[host.name] and host.name or ("net:node(%q).netns"):format(host.name)
    say("net is the lab, its nodes are namespaces:\n  net:status()   net:ping_all()   %s:links()   %s:shell()", name,
      name)
  elseif world.is_private() then
    say("it goes with nsh; next: %s ping, exec %s CMD, shell %s; nsh -i %s", command(), host.name, host.name,
      run.script)
  else
    say("next: %s status, ping, exec %s CMD, shell %s, down", command(), host.name, host.name)
  end
end

-- How many steps changed a lab that was up: ", 2 made, 1 changed".
local function changed(plan)
  local n, new = { create = 0, change = 0, delete = 0 }, {}
  for _, step in ipairs(plan) do
    if step.noun == "netns" and step.op == "create" then new[step.netns] = true end
    if step.op ~= "change" or not new[step.netns] then n[step.op] = n[step.op] + 1 end
  end
  local words = ""
  for _, op in ipairs { { "create", "made" }, { "change", "changed" }, { "delete", "deleted" } } do
    if n[op[1]] > 0 then words = ("%s, %d %s"):format(words, n[op[1]], op[2]) end
  end
  return words
end

local function head(lab, plan, seconds, before)
  if #plan == 0 then return ("lab %s is up: there was nothing to do"):format(lab.name) end
  return ("lab %s is up: %s, %s%s, in %.3g s"):format(lab.name, count(#lab.nodes, "node"), count(#lab.links, "link"),
    before and changed(plan) or "", seconds)
end

local function result(lab, plan, seconds)
  tell { lab = lab.name, nodes = #lab.nodes, links = #lab.links, seconds = seconds, steps = plan }
end

-- The lab and the namespaces that are there under their names at the prompt; what the script has set stays.
local function set_globals(lab)
  if rawget(_G, "net") == nil then rawset(_G, "net", lab) end
  for _, node in ipairs(world.is_empty() and {} or lab.nodes) do
    if rawget(_G, node.name) == nil then rawset(_G, node.name, netns.lookup(node:netns_name())) end
  end
end

-- --- the verbs: each returns the exit code ---

local verbs = {}

-- Builds it; of a step that fails the error itself tells.
local function build(lab)
  local ok, err = pcall(lab.up, lab)
  if ok then return err end
  if type(err) == "table" and err.undone then
    stdout:flush()
    stderr:write(("lab %s is as it was: a step failed, and what was done is undone\n"):format(text.escape(lab.name)))
  end
  error(err, 0)
end

local function up(lab)
  local start, before = core.loop.now(), store.has(lab.name)
  local plan = build(lab)
  local seconds = core.loop.now() - start
  if run.prompt then set_globals(lab) end
  if run.json then
    result(lab, plan, seconds)
    return OK
  end
  say("%s", text.escape(head(lab, plan, seconds, before)))
  list_nodes(lab)
  next_steps(lab)
  return OK
end

function verbs.up(lab) return up(lab) end

function verbs.down(lab)
  local start = core.loop.now()
  local plan = lab:down()
  if run.json then
    result(lab, plan, core.loop.now() - start)
  elseif #plan == 0 then
    say("lab %s is down: there was nothing to do", lab.name)
  else
    local n = 0
    for _, step in ipairs(plan) do n = n + (step.noun == "netns" and 1 or 0) end
    say("lab %s is down: %s gone, in %.3g s", lab.name, n > 0 and count(n, "namespace") or count(#plan, "thing"),
      core.loop.now() - start)
  end
  return OK
end

function verbs.plan(lab)
  tell(lab:plan())
  return OK
end

function verbs.status(lab)
  local status = lab:status()
  tell(status)
  if not status.up and not run.json and world.is_private() and not run.absent then
    stdout:flush()
    stderr:write(("this world ends with nsh: nsh -w NAME %s up keeps a lab, nsh -w NAME %s status shows it\n"):format(
      run.script, run.script))
  end
  return OK
end

function verbs.ping(lab)
  if #lab.nodes == 0 then fail.misuse("lab %s has no nodes yet, and nobody to ping", lab.name) end
  ready(lab)
  local matrix = lab:ping_all()
  tell(matrix)
  return matrix.lost == 0 and OK or FAILED
end

function verbs.graph(lab, words)
  local graph = require "nsh.lab.graph"
  local format, file = words[1], words[2]
  if format and not file and format:find "[./]" then format, file = nil, format end
  local known
  format, known = graph.format(format, file)
  if words[3] then return misused("graph", "one format and one file are enough") end
  if not known then
    local nearest = core.nearest(format, graph.FORMATS)
    return misused("graph", "no format '%s'%s", text.escape(format),
      nearest and ("; did you mean '%s'?"):format(nearest) or "")
  end
  local picture = lab:graph { format = format, file = file }
  if run.json then
    tell { lab = lab.name, format = format, picture = picture, file = file }
  elseif not file then
    stdout:write(picture, picture:find "\n$" and "" or "\n")
  end
  return OK
end

-- What a shell exits with when a program isn't there or can't be run.
local NO_PROGRAM = { ENOENT = 127, ENOTDIR = 127, EACCES = 126, ENOEXEC = 126, EISDIR = 126 }

-- The exit code that a shell gives such an end.
local function code_of(ended) return ended.status or 128 + core.process.signal(ended.signal) end

function verbs.exec(lab, words)
  local node, code = find_node(lab, "exec", words[1])
  if not node then return code end
  local cmd = table.move(words, words[2] == "--" and 3 or 2, #words, 1, {})
  if not cmd[1] then return misused("exec", "which command?") end
  ready(lab, node)
  local ok, ended = pcall(require("nsh.process").passed, node.netns, cmd)
  if ok then return code_of(ended) end
  local no_program = type(ended) == "table" and NO_PROGRAM[ended.code]
  if not no_program then error(ended, 0) end
  stderr:write(tostring(ended), "\n")
  if run.json then json.tell(json.of_error(ended, no_program)) end
  return no_program
end

function verbs.shell(lab, words)
  local node, code = find_node(lab, "shell", words[1])
  if not node then return code end
  if words[2] then return misused("shell", "it takes a node alone; exec %s -- CMD runs a command", node.name) end
  ready(lab, node)
  return code_of(node.netns:shell())
end

function verbs.test(_, words) return require("nsh.test_run").of_lab(run.script, words, run.before) end

m.USAGE = {
  up = "up [--json]", down = "down [--json]", plan = "plan [--json]", status = "status [--json]",
  ping = "ping [--json]", graph = "graph [text|dot|mermaid|svg|html] [FILE] [--json]",
  exec = "exec NODE [--] CMD [ARGS...]",
  shell = "shell NODE", test = "test [SPEC...] [options of busted]",
}

-- Verbs whose words are somebody else's, and how many of them others may have.
local FOREIGN = { exec = true, shell = true, test = true }
local WORDS = { graph = 2 }

-- Whether the words after a verb ask for JSON.
local function asks_json(verb, words)
  for _, word in ipairs(FOREIGN[verb] and {} or words) do
    if word == "--json" then return true end
  end
  return false
end

-- Takes --json out of the words; what remains must not be more than the verb takes.
local function take_options(verb, words)
  if FOREIGN[verb] then return words end
  local rest = {}
  run.json = run.json or asks_json(verb, words)
  for _, word in ipairs(words) do
    if word ~= "--json" then
      if word:find "^%-" or #rest == (WORDS[verb] or 0) then
        return nil, misused(verb, "it takes no '%s'", text.escape(word))
      end
      rest[#rest + 1] = word
    end
  end
  return rest
end

--- Prints what went wrong on standard output as well, where JSON is asked for there.
---@private
---@param err any
---@param options { words: string[], json: boolean }
---@param code integer the exit status
function m.tell_error(err, options, code)
  local verb = options.words[1]
  if not options.json and not (verbs[verb] and asks_json(verb, options.words)) then return end
  json.tell(json.of_error(err, code))
end

-- Verbs that only look, or take away: a named world isn't made for them.
local LOOKING = { plan = true, status = true, graph = true, down = true }

local function note(fmt, ...)
  stdout:flush()
  stderr:write("nsh: ", fmt:format(...), "\n")
end

-- A word that is nearly a verb is the script's own all the same; whoever mistyped it learns why the lab comes up.
local function tell_near(word, second)
  local names = {}
  for name in pairs(m.USAGE) do names[#names + 1] = name end
  table.sort(names)
  local nearest = word and not run.json and core.nearest(word, names)
  if nearest then
    note("'%s' is no verb; did you mean '%s'? It is left to the script, and the lab is brought up", text.escape(word),
      nearest)
  elseif word == "--json" and verbs[second] then
    note "--json stands before the script or after the verb; here both are the script's, and the lab is brought up"
  end
end

-- What a script returned in place of its lab: nothing, a list of labs, or a part of one; nil: something of its own.
local function not_quite(value)
  if value == nil then return "no lab" end
  if type(value) ~= "table" then return nil end
  if is_lab(rawget(value, 1)) then return "a list, no lab" end
  local lab = rawget(value, "lab")
  if not is_lab(lab) then return nil end
  local what = object.is(value, "nsh.lab.node") and ("%s %s"):format(value.kind, value.name) or "a link"
  return ("%s of lab %s, not the lab"):format(what, lab.name)
end

-- Who declares a lab, asks for a verb, and forgot to return the lab, would hear nothing at all.
local function tell_unreturned(value, options)
  local verb = options.words[1]
  if not verbs[verb] or core.world.made() and not world.name() then return end
  local what = not_quite(value)
  if what then
    note("%s returns %s, so '%s' is left to it: a script that ends with `return net` has verbs", options.script, what,
      verb)
  end
end

-- Whether it is asked which verbs there are, and not by a command that is run.
local function asks_help(verb, words)
  local function is_help(word) return word == "--help" or word == "-h" end
  if verb == "help" or is_help(verb) then return true end
  if not verbs[verb] or verb == "test" then return false end
  for i = 1, FOREIGN[verb] and 1 or #words do
    if is_help(words[i]) then return true end
  end
  return false
end

local ORDER = { "up", "down", "plan", "status", "ping", "graph", "exec", "shell", "test" }

local function help(lab)
  say("usage: nsh [options] %s VERB, with one of these; without a verb, lab %s is brought up\n", run.script, lab.name)
  for _, verb in ipairs(ORDER) do say("  %s", m.USAGE[verb]) end
  say "\nnsh --help lists the options."
  return OK
end

--- Does with what a script returned what the words after it say, if that is a lab.
---@private
---@param value any what the script returned
---@param options { script: string, words: string[], json: boolean, terminal: boolean, interactive: boolean }
---@return integer? code nil: it is no lab
---@return boolean? prompt go on with the prompt
function m.run(value, options)
  if not is_lab(value) then
    tell_unreturned(value, options)
    return nil
  end
  local verb, words = options.words[1], options.words
  run = { script = options.script, before = options.before, json = options.json, prompt = options.interactive }
  if asks_help(verb, table.move(words, 2, #words, 1, {})) then return help(value) end
  if not verbs[verb] then
    run.prompt = run.prompt or options.terminal and world.is_private() and not run.json
    tell_near(verb, words[2])
    return up(value), run.prompt
  end
  local slip
  words, slip = take_options(verb, table.move(words, 2, #words, 1, {}))
  if not words then return slip end
  stdout:flush()
  if LOOKING[verb] and not run.prompt and world.is_absent() then
    run.absent = true
    if verb ~= "graph" then note("there is no world %s%s", world.name(), require("nsh.worlds").others(world.name())) end
    world.forgo()
  end
  local code = verbs[verb](value, words)
  if run.prompt then set_globals(value) end
  return code, run.prompt
end

return m
