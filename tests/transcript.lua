-- transcript.lua - runs scripts in a fresh nsh and compares what they print with what a page says they print
-- In what is expected, `...` stands for anything within a line, a line of it alone for any lines, a number with three
-- decimals or more (a measured time) for any number, 2026-01-31T12:00:00+0000 for any moment; spaces within a line for
-- as many as there are, since columns are as wide as what is in them.
local m = {}

local NSH = os.getenv "NSH" or "./nsh"

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end
m.read = read

--- Runs words by nsh; returns its output, both streams in one, and its exit status.
function m.nsh(...)
  local words = { quote(NSH) }
  for _, word in ipairs { ... } do words[#words + 1] = quote(word) end
  local pipe = assert(io.popen("LC_ALL=C.UTF-8 exec " .. table.concat(words, " ") .. " 2>&1 </dev/null"))
  local out = pipe:read "a"
  local _, _, status = pipe:close()
  return out, status
end

--- Starts a script: Lua by nsh, or of sh by a command.
---@param script string
---@param command? string "unshare -n sh"; nil: nsh
---@param before? string what stands before the script, and `after` behind it
---@param after? string
---@return table run for finish
function m.start(script, command, before, after)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(before or "", script, after or "")
  file:close()
  return { name = name, pipe = assert(io.popen(("LC_ALL=C.UTF-8 exec %s %s 2>&1 </dev/null"):format(command
    or quote(NSH), name))) }
end

--- Waits for it to end; returns its output, both streams in one, and its exit status.
---@param run table
---@return string out
---@return integer status
function m.finish(run)
  local out = run.pipe:read "a"
  local _, _, status = run.pipe:close()
  os.remove(run.name)
  return out, status
end

--- Lists the files that a shell pattern names.
function m.files(pattern)
  local pipe = assert(io.popen("ls -d " .. pattern .. " 2>/dev/null"))
  local files = {}
  for line in pipe:lines() do files[#files + 1] = line end
  pipe:close()
  return files
end

-- A line as a Lua pattern.
local function pattern_of(line)
  local indent, text = line:match "^(%s*)(.-)%s*$"
  text = text:gsub("%f[%d.]%d+%.%d%d%d+%f[^%d.]", "\1"):gsub("%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d[+-]%d+", "\2")
  text = text:gsub("   *", "\3"):gsub("[^%w\1\2\3]", "%%%0"):gsub("%%%.%%%.%%%.", ".-"):gsub("\1", "%%d+%%.?%%d*")
  text = text:gsub("\2", "%%d+%%-%%d%%d%%-%%d%%dT[%%d:]+[+-]%%d+"):gsub("\3", "%%s%%s+")
  return "^" .. indent .. text .. "$"
end

--- Splits into lines without the spaces at their ends, and without empty lines at the end.
function m.lines(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line:gsub("%s+$", "") end
  while lines[#lines] == "" do lines[#lines] = nil end
  return lines
end

--- Returns nil when the output is what is expected, else where they part.
function m.differs(expected, output)
  local want, got = m.lines(expected), m.lines(output)
  local at = 1
  for i, line in ipairs(want) do
    if line == "..." then
      if i == #want then return nil end
      local next_line = pattern_of(want[i + 1])
      while got[at] and not got[at]:find(next_line) do at = at + 1 end
    elseif not got[at] or not got[at]:find(pattern_of(line)) then
      return ("line %d: expected\n  %s\ngot\n  %s"):format(i, line, got[at] or "(the end)")
    else
      at = at + 1
    end
  end
  if got[at] then return "more than expected:\n  " .. got[at] end
end

return m
