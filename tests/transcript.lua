-- transcript.lua - runs scripts in a fresh nsh and compares what they print with what a page says they print
-- In what is expected, `...` stands for anything within a line, a line of it alone for any lines, and a number with
-- three decimals (a measured time) for any such number.
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
  local text = line:gsub("%s+$", ""):gsub("%f[%d.]%d+%.%d%d%d%f[^%d.]", "\1")
  text = text:gsub("[^%w\1]", "%%%0"):gsub("%%%.%%%.%%%.", ".-"):gsub("\1", "%%d+%%.%%d+")
  return "^" .. text .. "$"
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
