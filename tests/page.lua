--- page.lua - the blocks of a page that run, and what they print.
-- ```lua         Lua, in order, by one nsh a page: a block sees the locals of those before it
-- ```sh          commands, in order, by one sh a page: see SCRATCH
-- ```lua FILE    isn't run: it is FILE, for the commands after it
-- ```text        behind one of these: what it prints, both streams in one, as transcript.differs compares
-- A first line with `needs PROGRAM...` after the language leaves a block out where one of these is missing. Commands
-- with nothing behind them print nothing. What stands in other fences, as `console`, isn't run.
local lfs = require "lfs"
local transcript = dofile "tests/transcript.lua"

local m = {}

local MARK = "\1block "

-- What the commands of a page are run in: a network, a /run and a working folder of their own, which are no one else's
-- and go with them, as do the worlds that they make. Examples and recipes are at hand.
local SCRATCH = [[
mount -t tmpfs nsh /run && mount -t tmpfs nsh /srv && cd /srv || exit 125
ln -s %s/examples %s/stdlib .
unset XDG_RUNTIME_DIR
export PATH=%s:$PATH HOME=/srv
exec 2>&1 </dev/null
]]
local END = [[
for world in $(ls /run/nsh/worlds 2>/dev/null); do nsh -w "$world" --kill; done
]]

-- The first of some programs that is missing.
local function missing(programs)
  for name in programs:gmatch "%S+" do
    if not nsh.program(name) then return name end
  end
end

local function block_of(language, words, line, lines)
  local file = language == "lua" and words:match "^ ([%w_-]+%.lua)$"
  local needs = words:match "^ needs (.*)$"
  assert(words == "" or file or needs, words)
  return { language = file and "sh" or language, file = file, line = line, code = table.concat(lines, "\n"),
    missing = needs and missing(needs) }
end

--- Reads the blocks of a page.
---@param path string
---@return table[] records { language = "lua" or "sh", line, code, expected?, file?, missing? }
function m.blocks(path)
  local blocks, number, language, words, begin, lines, last = {}, 0, nil, nil, nil, nil, nil
  for line in io.lines(path) do
    number = number + 1
    local fence, rest = line:match "^```(%w*)(.*)$"
    if language and fence == "" then
      if language == "lua" or language == "sh" then
        last = block_of(language, words, begin, lines)
        blocks[#blocks + 1] = last
      elseif language == "text" and last then
        last.expected, last = table.concat(lines, "\n"), nil
      end
      language = nil
    elseif language then
      lines[#lines + 1] = line
    elseif fence then
      language, words, begin, lines = fence, rest, number, {}
    elseif line ~= "" then
      last = nil -- text in between: what follows is not its output
    end
  end
  return blocks
end

-- The script of one language's blocks.
local function script_of(blocks, language)
  local lines = {}
  for i, block in ipairs(blocks) do
    if block.language == language then
      lines[#lines + 1] = (language == "lua" and "print %q" or "printf '%%s\\n' '%s'"):format(MARK .. i)
      if block.file then
        lines[#lines + 1] = ("cat >%s <<'\1'\n%s\n\1"):format(block.file, block.code)
      elseif not block.missing then
        lines[#lines + 1] = block.code
      end
    end
  end
  return lines[1] and table.concat(lines, "\n") .. "\n"
end

local NSH = os.getenv "NSH" or "./nsh"
if not NSH:find "^/" then NSH = lfs.currentdir() .. "/" .. NSH end

local START = {
  lua = function(script) return transcript.start(script) end,
  sh = function(script)
    local here = lfs.currentdir()
    return transcript.start(script, "timeout 60 unshare -mn sh",
      SCRATCH:format(here, here, NSH:match "^(.*)/"), END)
  end,
}

--- Starts what is to be run of a page.
---@param path string
---@return table? page nil: nothing of it is run
function m.start(path)
  local page = { path = path, blocks = m.blocks(path), runs = {} }
  for language, start in pairs(START) do
    local script = script_of(page.blocks, language)
    if script then page.runs[language] = start(script) end
  end
  return next(page.runs) and page
end

--- Waits until all of it has run.
---@param page table
function m.finish(page)
  for language, run in pairs(page.runs) do
    local out, status = transcript.finish(run)
    if status ~= 0 then
      page.problem = ("%s: its %s ended with %s:\n%s"):format(page.path, language, status, out:sub(-2000))
    end
    for number, text in (out .. MARK):gmatch(MARK .. "(%d+)\n(.-)%f[\1\0]") do
      page.blocks[tonumber(number)].output = text
    end
  end
end

--- Tells where what blocks print isn't what the page shows, and what it couldn't run.
---@param page table
---@return string? problem
---@return string? without
function m.compare(page)
  local without
  if page.problem then return page.problem end
  for _, block in ipairs(page.blocks) do
    local expected = block.expected or block.language == "sh" and ""
    if block.missing then
      without = without or ("line %d needs %s"):format(block.line, block.missing)
    elseif expected then
      local difference = transcript.differs(expected, block.output or "")
      if difference then return ("%s:%d: %s"):format(page.path, block.line, difference) end
    end
  end
  return nil, without
end

return m
