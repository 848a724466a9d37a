--- dry.lua - `nsh --check`: a script is run and its labs are planned, and nothing is asked of the kernel.
-- up() and down() are believed to have worked, so plan() after them is empty. What else would need the kernel ends the
-- script, unseen by its pcall.
local core = require "nsh.core"
local json = require "nsh.json"
local plan = require "nsh.lab.plan"
local text = require "nsh.text"
local wish = require "nsh.lab.wish"

local m = {}

local globals = package.loaded["nsh.globals"] or {}
local stdout, stderr = io.stdout, io.stderr

local labs = {} -- in the order of their declaration
local built = {} -- what up() has "made", by the name of the namespace
local ended -- { where, why }: the script did not come to its own end

--- Notes a lab that the script declares.
---@private
---@param lab nsh.Lab
function m.note(lab) labs[#labs + 1] = lab end

--- Returns what is there of a wish, as far as up() has been called.
---@private
---@param wanted table state
---@return table state
function m.state(wanted)
  local state = { nodes = {} }
  for _, node in ipairs(wanted.nodes) do state.nodes[#state.nodes + 1] = built[node.netns] end
  return state
end

--- Plans, and takes it for done.
---@private
---@param lab nsh.Lab
---@return nsh.Plan
function m.up(lab)
  local steps, _, wanted = plan.of(lab)
  for _, node in ipairs(wanted.nodes) do built[node.netns] = node end
  return steps
end

--- Takes it for done.
---@private
---@param lab nsh.Lab
---@return nsh.Plan
function m.down(lab)
  local steps = {}
  for _, node in ipairs(wish.of(lab).nodes) do
    if built[node.netns] then
      steps[#steps + 1] = { op = "delete", noun = "netns", node = node.node, netns = node.netns, name = node.netns }
      built[node.netns] = nil
    end
  end
  return plan.new(steps)
end

--- Ends the script: what it calls needs the kernel.
---@private
function m.leave()
  ended = ended or { where = core.where(), why = "where it needs the kernel" }
  globals.leave()
end

-- An exit is an end of the script as well, and that with a code other than 0 is a failure.
local function exit(code)
  if code == nil or code == true then code = 0 end
  if code == false then code = 1 end
  ended = ended or { where = core.where(), why = "where it exits with " .. tostring(code), code = code }
  globals.leave()
end

--- Is called before the script runs.
---@private
function m.begin() os.exit = exit end -- luacheck: ignore 122

-- The plan of a lab against a system that has nothing of it.
local function whole(lab)
  built = {}
  return plan.of(lab)
end

local function count(n, what) return ("%d %s%s"):format(n, what, n == 1 and "" or "s") end

local function print_lab(lab, steps)
  local head = ("lab %s: %s, %s, %s"):format(lab.name, count(#lab.nodes, "node"), count(#lab.links, "link"),
    count(#steps, "step"))
  stdout:write(text.escape(head), "\n", tostring(steps), "\n")
end

--- Tells what was found, when the script has ended without an error.
---@private
---@param options { script: string, json: boolean }
---@return integer code
function m.finish(options)
  local found = setmetatable({}, { __jsontype = "array" })
  for i, lab in ipairs(labs) do
    local steps = whole(lab)
    found[i] = { lab = lab.name, nodes = #lab.nodes, links = #lab.links, steps = steps,
      warnings = setmetatable(lab.warnings, { __jsontype = "array" }) }
    if not options.json then print_lab(lab, steps) end
  end
  if options.json then
    json.tell(json.encode { script = options.script, labs = found, ended = ended and ended.where })
  end
  if #labs == 0 then stderr:write(("%s: it declares no lab\n"):format(options.script)) end
  if ended then stderr:write(("checked up to %s, %s\n"):format(ended.where, ended.why)) end
  return ended and ended.code or 0
end

return m
