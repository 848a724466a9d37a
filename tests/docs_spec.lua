-- docs_spec.lua - all blocks of the pages run, and print what the pages show: tests/page.lua tells how
local page = dofile "tests/page.lua"
local transcript = dofile "tests/transcript.lua"

describe("pages", function()
  local pages = transcript.files "README.md docs/*.md stdlib/README.md src/README.md"
  local ran

  -- They mostly wait: the first who asks runs all, at once.
  local function ran_pages()
    if ran then return ran end
    ran = {}
    for _, path in ipairs(pages) do
      if path ~= "docs/reference.md" then ran[path] = page.start(path) end
    end
    for _, one in pairs(ran) do page.finish(one) end
    return ran
  end

  for _, path in ipairs(pages) do
    if path ~= "docs/reference.md" and page.blocks(path)[1] then
      it(path .. " runs and prints what it shows", function()
        local problem, without = page.compare(ran_pages()[path])
        assert.is_nil(problem)
        if without then pending(without) end
      end)
    end
  end

  -- What is wrong with a page of these lines.
  local function problem_of(...)
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write(table.concat({ ... }, "\n"), "\n")
    file:close()
    local one = page.start(name)
    page.finish(one)
    os.remove(name)
    return ((page.compare(one) or "right"):gsub("^" .. name:gsub("%p", "%%%0"), "page"))
  end

  it("are told apart from what is printed", function()
    assert.equal("right", problem_of("```lua a.lua", "print(1)", "```", "```sh", "nsh a.lua; pwd; ls", "```", "```text",
      "1", "/srv", "a.lua", "examples", "stdlib", "```", "```sh", "cat $HOME/a.lua >b", "```"))
    assert.equal("page:1: line 2: expected\n  b\ngot\n  c", problem_of("```sh", "echo a; echo c >&2", "```", "",
      "```text", "a", "b", "```"))
    assert.equal("page:2: more than expected:\n  a", problem_of("", "```sh", "echo a", "```", "text", "```text", "a",
      "```"))
    assert.equal("right", problem_of("```lua", "print('0.0123 s   at 2026-01-31T12:00:00+0100')", "```", "```text",
      "0.456 s  at 2000-01-01T00:00:00+0000", "```", "```console", "$ exit 1", "```"))
    assert.matches("^page: its lua ended with 1:\n\1block 1\n.*nothing", problem_of("```lua", "nothing()", "```"))
    assert.equal("right", problem_of("```sh needs no-such-program", "exit 1", "```"))
  end)

  it("name files that are there", function()
    for _, path in ipairs(pages) do
      local dir = path:match "^(.*/)" or ""
      for target in transcript.read(path):gmatch "%]%(([^%)#:]+)%)" do
        assert.is_truthy(transcript.files(dir .. target)[1], path .. " links to " .. target)
      end
    end
  end)

  it("give a lab of at most 15 lines in the README", function()
    local lab = page.blocks("README.md")[1]
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
