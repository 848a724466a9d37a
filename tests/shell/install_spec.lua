-- install_spec.lua - what `make install` puts where, and that a stock lua5.4 takes it as a module
local transcript = dofile "tests/transcript.lua"

local function sh(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local out = pipe:read "a"
  local _, _, status = pipe:close()
  return out, status
end

describe("make install", function()
  local dir

  setup(function()
    if #transcript.files "build/lua/nsh/core.so" == 0 then return end
    dir = os.tmpname()
    os.remove(dir)
    local out, status = sh("env -u MAKEFLAGS -u MAKELEVEL make SAN= PREFIX=/usr/local DESTDIR=" .. dir .. " install")
    assert(status == 0, out)
  end)

  teardown(function()
    if dir then sh("rm -rf " .. dir) end
  end)

  local function installed()
    if not dir then pending "nothing is built here, this is a copy" end
    return dir ~= nil and dir .. "/usr/local"
  end

  it("puts the program, its modules and its page where they belong", function()
    local root = installed()
    if not root then return end
    for _, path in ipairs { "bin/nsh", "lib/lua/5.4/nsh/core.so", "share/lua/5.4/nsh/init.lua",
      "share/nsh/stdlib/README.md" } do
      assert.equal(1, #transcript.files(root .. "/" .. path), path)
    end
    local out, status = sh(root .. "/bin/nsh -e 'print(netns.add(\"a\"))'")
    assert.same({ "netns a\n", 0 }, { out, status })
  end)

  it("serves a stock lua5.4, whose errors name the script's own line", function()
    local root = installed()
    if not root then return end
    sh("mkdir -p " .. dir .. "/mine/lua/nsh") -- a folder of the user's that is called as ours are
    local script = dir .. "/mine/lua/nsh/lab.lua"
    local file = assert(io.open(script, "w"))
    file:write [[
local nsh = require "nsh"
local red = nsh.netns.add "red"
red:link "lo":set { up = true }
print(red:ping "127.0.0.1".received, red:exec "echo in red".out)
local ok, err = pcall(nsh.netns.add, "red")
print(err.code, err.where)
]]
    file:close()
    local out, status = sh(("LUA_PATH='%s/share/lua/5.4/?.lua;%s/share/lua/5.4/?/init.lua' " ..
      "LUA_CPATH='%s/lib/lua/5.4/?.so' lua5.4 %s"):format(root, root, root, script))
    assert.equal(0, status, out)
    assert.equal("1\tin red\n\nEEXIST\t" .. script .. ":5\n", out)
  end)
end)
