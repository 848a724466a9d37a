-- examples_spec.lua - every example runs, is short, and prints what its last comment says
local transcript = dofile "tests/transcript.lua"

describe("examples", function()
  for _, path in ipairs(transcript.files "examples/[0-9]*.lua examples/switching.lua") do
    it(path .. " prints what it says", function()
      local source = transcript.read(path)
      local expected = source:match "\n%-%- Prints:\n(.*)$"
      assert.is_string(expected, "no comment that begins with 'Prints:'")
      local out, status = transcript.nsh(path)
      assert.equal(0, status, out)
      if out:find "^skipped: " then pending(out:match "[^\n]+") end
      assert.is_nil(transcript.differs(expected:gsub("^%-%- ?", ""):gsub("\n%-%- ?", "\n"), out))
    end)

    -- LeakSanitizer works where nsh makes no pid namespace: as the host of a network that is not the machine's
    if os.getenv "SAN" then
      it(path .. " leaks no memory", function()
        local pipe = io.popen("unshare -nm sh -c 'mount -t tmpfs run /run && mkdir /run/netns && " ..
          "ASAN_OPTIONS=detect_leaks=1 exec " .. os.getenv "NSH" .. " --host " .. path .. "' 2>&1")
        local out = pipe:read "a"
        local _, _, status = pipe:close()
        assert.equal(0, status, out)
      end)
    end

    it(path .. " has at most 40 lines", function()
      assert.is_true(#transcript.lines(transcript.read(path)) <= 40)
    end)
  end

  it("are told line by line by the demonstration", function()
    local path = "examples/03-router.lua"
    local source = transcript.read(path)
    local out, status = transcript.nsh("examples/demo.lua", path)
    assert.equal(0, status, out)
    for line in source:match "^(.-)\n%-%- Prints:":gmatch "[^\n]+" do
      assert.truthy(out:find(line:gsub("^%-%- ", ""), 1, true), line)
    end
    assert.truthy(out:find("\n63\n", 1, true))
  end)
end)
