--- terminal.lua - a real terminal for specs: tmux with a shell in it, lines that are typed, and what the screen shows.
local m = {}

local NSH = os.getenv "NSH" or "./nsh"

local Terminal = {}
Terminal.__index = Terminal

--- Returns what a command of the machine says.
---@param command string
---@return string
function m.output(command)
  local f = assert(io.popen(command))
  local text = f:read "a"
  f:close()
  return text
end

--- Tells whether there can be one.
---@return boolean
function m.available() return (os.execute "command -v tmux >/dev/null") end

--- Returns a word of a shell's.
function m.quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

--- Makes a terminal with a folder of its own.
function m.new()
  local dir = os.tmpname()
  os.remove(dir)
  assert(os.execute("mkdir " .. dir))
  return setmetatable({ dir = dir, tmux = ("tmux -S %s/socket"):format(dir) }, Terminal)
end

function Terminal:close()
  os.execute(self.tmux .. " kill-server 2>/dev/null")
  os.execute("rm -r " .. self.dir)
end

--- Returns what the screen shows.
function Terminal:screen() return (m.output(self.tmux .. " capture-pane -p -t 0"):gsub("%s+$", "")) end

--- Waits until the screen's end matches a pattern, and returns the screen.
function Terminal:wait(pattern)
  local seen
  for _ = 1, 250 do
    seen = self:screen()
    if seen:find(pattern .. "$") then return seen end
    nsh.sleep(0.02)
  end
  error(("waited for %q, saw:\n%s"):format(pattern, seen), 2)
end

function Terminal:key(...) os.execute(self.tmux .. " send-keys -t 0 " .. table.concat({ ... }, " ")) end

function Terminal:text(s) os.execute(self.tmux .. " send-keys -t 0 -l " .. m.quote(s)) end

--- Types a line and waits for what the screen ends with.
function Terminal:enter(line, pattern)
  self:text(line)
  self:key "Enter"
  return self:wait(pattern)
end

--- Starts a shell, and nsh in it, and waits for its prompt.
---@param words? string of nsh's command line
---@param env? string variables, as "SHELL=/bin/sh"
---@param prompt? string a pattern of the prompt that comes
function Terminal:start(words, env, prompt)
  os.execute(self.tmux .. " kill-server 2>/dev/null; sleep 0.05")
  local all = ("env -u NO_COLOR TERM=xterm HOME=%s XDG_STATE_HOME=%s/state INPUTRC=/dev/null %s"):format(self.dir,
    self.dir, env or "")
  assert(os.execute(all .. " " .. self.tmux .. " -f /dev/null new-session -d -x 90 -y 45 'PS1=\"$ \" exec sh'"))
  self:wait "%$"
  self:enter(NSH .. " " .. (words or ""), prompt or "nsh> ?")
end

return m
