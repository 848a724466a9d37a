-- docs_spec.lua - every ```lua block of the pages runs, in order, in one nsh a page; a ```text block is what it prints
-- One that begins with ```lua needs PROGRAM... is left out where one of these is missing.
local transcript = dofile "tests/transcript.lua"

local MARK = "\1block "

-- The first of some programs that is missing.
local function missing(programs)
  for name in programs:gmatch "%S+" do
    if not nsh.program(name) then return name end
  end
end

-- The blocks of a page: { line, code, expected, missing }.
local function blocks_of(path)
  local blocks, number, current, kind = {}, 0, nil, nil
  for line in io.lines(path) do
    number = number + 1
    local fence, programs = line:match "^```(%w*)(.*)$"
    if kind then
      if fence == "" then
        if kind == "lua" then
          blocks[#blocks + 1] = { line = current.line, missing = missing(current.programs:match "^ needs (.*)$" or ""),
            code = table.concat(current, "\n") }
        elseif kind == "text" and #blocks > 0 and blocks[#blocks].after == nil then
          blocks[#blocks].expected = table.concat(current, "\n")
        end
        kind = nil
      else
        current[#current + 1] = line
      end
    elseif fence then
      kind, current = fence, { line = number, programs = programs }
    elseif line ~= "" and #blocks > 0 and not blocks[#blocks].expected then
      blocks[#blocks].after = line -- text in between: what follows is not its output
    end
  end
  return blocks
end

-- One script of all blocks, so that a later one sees the locals of an earlier one.
local function run(path, blocks)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  for i, block in ipairs(blocks) do
    file:write(("print %q\n"):format(MARK .. i), block.missing and "" or block.code, "\n")
  end
  file:close()
  local out, status = transcript.nsh(name)
  os.remove(name)
  assert.equal(0, status, path .. ":\n" .. out:sub(-2000))
  local outputs = {}
  for number, text in (out .. MARK):gmatch(MARK .. "(%d+)\n(.-)%f[\1\0]") do outputs[tonumber(number)] = text end
  return outputs
end

describe("pages", function()
  local pages = transcript.files "README.md docs/*.md stdlib/README.md src/README.md"
  for _, path in ipairs(pages) do
    local blocks = path ~= "docs/reference.md" and blocks_of(path) or {}
    if #blocks > 0 then
      it(path .. " runs and prints what it shows", function()
        local outputs = run(path, blocks)
        local without
        for i, block in ipairs(blocks) do
          without = without or block.missing and ("line %d needs %s"):format(block.line, block.missing)
          if block.expected and not block.missing then
            local difference = transcript.differs(block.expected, outputs[i] or "")
            assert.is_nil(difference, ("%s:%d: %s"):format(path, block.line, difference))
          end
        end
        if without then pending(without) end
      end)
    end
  end

  it("name files that are there", function()
    for _, path in ipairs(pages) do
      local dir = path:match "^(.*/)" or ""
      for target in transcript.read(path):gmatch "%]%(([^%)#:]+)%)" do
        assert.is_truthy(transcript.files(dir .. target)[1], path .. " links to " .. target)
      end
    end
  end)

  it("give a lab of at most 15 lines in the README", function()
    local lab = blocks_of("README.md")[1]
    assert.is_true(#transcript.lines(lab.code) <= 15)
    assert.is_string(lab.expected)
  end)

  it("list the options that the program has", function()
    local manual = transcript.read "docs/nsh.1.scd"
    for option in transcript.nsh "--help":gmatch "\n  (%-%-?%a[%w-]*)" do
      assert.is_truthy(manual:find("*" .. option .. "*", 1, true), "docs/nsh.1.scd lacks " .. option)
    end
  end)
end)
