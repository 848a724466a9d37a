-- tree_spec.lua - the rules of the tree: which layer may use what, how long a file gets, what is documented
local transcript = dofile "tests/transcript.lua"
local read, files = transcript.read, transcript.files

local function tree(...)
  local all = {}
  for _, pattern in ipairs { ... } do
    for _, path in ipairs(files(pattern)) do all[#all + 1] = path end
  end
  assert(#all > 0, "no files: " .. table.concat({ ... }, " "))
  return all
end

-- Source without comments and strings, so that a word in them is no use of it.
local function code_of(path)
  local text = read(path):gsub("/%*.-%*/", " ")
  return (text:gsub('"[^"\n]*"', '""'))
end

-- The lines of the files that a pattern is found in: { "path:line: text" }.
local function found(paths, pattern, get)
  local hits = {}
  for _, path in ipairs(paths) do
    local number = 0
    for line in ((get or read)(path) .. "\n"):gmatch "(.-)\n" do
      number = number + 1
      if line:find(pattern) then hits[#hits + 1] = ("%s:%d: %s"):format(path, number, line) end
    end
  end
  return hits
end

local function none(paths, pattern, get)
  assert.same({}, found(paths, pattern, get))
end

describe("layers", function()
  it("net knows no Lua and nobody above", function()
    local net = tree("src/net/*.c", "src/net/*.h")
    none(net, "#include.*[</\"]l[ua][ua]x?l?i?b?%.h")
    none(net, "#include.*%.%./")
  end)

  it("net never prints and never exits", function()
    local net = tree "src/net/*.c"
    none(net, "%f[%w_]v?printf%s*%(", code_of)
    none(net, "%f[%w_]v?fprintf%s*%(", code_of)
    none(net, "%f[%w_]f?puts%s*%(", code_of)
    none(net, "%f[%w_]perror%s*%(", code_of)
    none(net, "%f[%w_]exit%s*%(", code_of)
  end)

  it("bind knows net.h and Lua only, and doesn't print", function()
    local bind = tree("src/bind/*.c", "src/bind/*.h")
    none(bind, "#include.*netlink/")
    none(bind, "#include.*readline")
    none(bind, "#include.*shell")
    none(bind, "%f[%w_]f?printf%s*%(", code_of)
    none(bind, "%f[%w_]exit%s*%(", code_of)
  end)

  it("bind owns no memory", function()
    none(tree "src/bind/*.c", "%f[%w_][mc]alloc%s*%(", code_of)
  end)

  it("the Lua part requires only itself, and what tests with labs does, busted", function()
    local busted = { busted = true, lfs = true, luassert = true }
    for _, path in ipairs(tree("lua/nsh/*.lua", "lua/nsh/*/*.lua")) do
      for name in read(path):gmatch 'require%s*%(?%s*"([%w_.]+)"' do
        local fits = name:find "^nsh%." or path:find "^lua/nsh/test" and busted[name]
        assert.is_truthy(fits, path .. " requires " .. name)
      end
    end
  end)

  it("recipes and examples use the public API only", function()
    none(tree("examples/*.lua", "stdlib/*.lua"), "require.-[\"']nsh%.")
  end)
end)

describe("files", function()
  it("have at most 500 lines", function()
    for _, path in ipairs(tree("src/*/*", "lua/nsh/*.lua", "lua/nsh/*/*", "stdlib/*", "tests/*.lua", "tests/*/*.lua",
      "bench/*")) do
      local count = select(2, read(path):gsub("\n", ""))
      assert.is_true(count <= 500, ("%s has %d lines"):format(path, count))
    end
  end)

  it("begin with what they are", function()
    for _, path in ipairs(tree("src/*/*.c", "src/*/*.h")) do
      local name = path:match "[^/]+$"
      assert.equal("/* " .. name .. " - ", read(path):sub(1, #name + 6))
    end
    for _, path in ipairs(tree("lua/nsh/*.lua", "lua/nsh/*/*.lua", "examples/*.lua", "tests/*_spec.lua",
      "tests/*/*_spec.lua")) do
      local name = path:match "[^/]+$"
      assert.equal("-- " .. name .. " - ", read(path):gsub("^%-%-%-", "--"):sub(1, #name + 6))
    end
  end)

  it("hold no words that don't belong", function()
    local words = { "TO" .. "DO", "FIX" .. "ME", "X" .. "XX" }
    local all = tree("Makefile", "README.md", "src/README.md", "src/*/*", "lua/nsh/*.lua", "lua/nsh/*/*", "stdlib/*",
      "examples/*.lua", "examples/demo", "examples/*/*", "bench/*", "docs/*.*", "docs/coverage/*", "tests/*.lua",
      "tests/*/*.lua")
    for _, word in ipairs(words) do none(all, "%f[%w]" .. word .. "%f[%W]") end
    for _, folder in ipairs { "/ho" .. "me/%w", "/ro" .. "ot/%w", "/wo" .. "rk/", "%.%./sha" .. "red" } do
      none(all, folder)
    end
  end)
end)

describe("documentation", function()
  it("has every public function, as the reference is now", function()
    local sources = tree("lua/nsh/*.lua", "lua/nsh/*/*.lua", "stdlib/*.lua")
    local out, status = transcript.nsh("docs/docgen.lua", table.unpack(sources))
    assert.equal(0, status, out)
    assert.is_true(out == read "docs/reference.md", "docs/reference.md is out of date: make docs")
  end)

  it("has every word of iproute2, as the coverage page is now", function()
    local sources = tree("lua/nsh/*.lua", "lua/nsh/*/*.lua")
    local out, status = transcript.nsh("docs/coverage.lua", table.unpack(sources))
    assert.equal(0, status, out)
    assert.is_true(out == read "docs/coverage.md", "docs/coverage.md is out of date: make docs" .. out:sub(1, 200))
  end)

  it("has a line in the map for every folder", function()
    local readme = read "README.md"
    local dirs = { "src/net", "src/bind", "src/shell", "lua/nsh", "stdlib", "examples", "tests", "bench", "docs" }
    for _, dir in ipairs(dirs) do
      assert.is_truthy(readme:find("`" .. dir .. "`", 1, true), dir)
    end
  end)
end)

describe("the maps", function()
  -- Each file of a folder stands in one row of a table, and no other does.
  local function complete(folder, map, text, pattern)
    local there = {}
    for _, path in ipairs(tree(folder .. "/*")) do there[path:match "[^/]+$"] = true end
    there["README.md"] = nil
    for row in text:gmatch "\n| ([^|]+) |" do
      for name in row:gmatch(pattern) do
        assert.is_true(there[name], name .. " is in " .. map .. " twice, or not there")
        there[name] = nil
      end
    end
    assert.same({}, there, "not in " .. map)
  end

  it("have every file of net, and no other", function()
    complete("src/net", "src/README.md", read("src/README.md"):match "files of `net/`.*", "[%w_]+%.[ch]")
  end)

  it("have every file of labs, and no other", function()
    complete("lua/nsh/lab", "lua/nsh/lab/README.md", read "lua/nsh/lab/README.md", "[%w_]+%.lua")
  end)

  it("have every page of docs", function()
    local readme = read "README.md"
    for _, path in ipairs(tree "docs/*.md") do
      assert.is_truthy(readme:find("(" .. path .. ")", 1, true), path .. " isn't linked from README.md")
    end
  end)
end)

describe("nsh.core", function()
  it("has every function of the registration tables", function()
    local core = require "nsh.core"
    -- The tables of a file: what a noun, a part and the module itself register.
    local function names(path)
      local list = {}
      for body in read(path):gmatch "luaL_Reg lib%[%]%s*=%s*(%b{})" do
        for name in body:gmatch '{%s*"([%w_]+)"' do list[#list + 1] = name end
      end
      assert.is_true(#list > 0, path)
      return list
    end
    local count, nouns = 0, {}
    for i, entry in ipairs(core.tables()) do
      if i > 1 then nouns[i - 1] = core[entry.noun] end -- links have functions of their own
    end
    for _, path in ipairs(found(tree "src/bind/*.c", "luaL_Reg lib%[%]")) do
      local file = path:match "^[^:]+"
      local part = file:match "([%w_]+)%.c$"
      local owners = part == "core" and { core } or part == "noun" and nouns or { core[part] }
      for _, owner in ipairs(owners) do
        for _, name in ipairs(names(file)) do
          count = count + 1
          assert.is_function(owner[name], part .. "." .. name)
        end
      end
    end
    assert.is_true(count > 40)
  end)

  it("is used in full by the Lua part", function()
    local all = {}
    for _, path in ipairs(tree("lua/nsh/*.lua", "lua/nsh/*/*.lua")) do all[#all + 1] = read(path) end
    local text = table.concat(all)
    for _, path in ipairs(tree "src/bind/*.c") do
      local part = path:match "([%w_]+)%.c$"
      if part ~= "core" and part ~= "noun" then
        for body in read(path):gmatch "luaL_Reg lib%[%]%s*=%s*(%b{})" do
          for name in body:gmatch '{%s*"([%w_]+)"' do
            local used = text:find("core." .. part .. "." .. name, 1, true)
              or text:find("core." .. part .. "[", 1, true)
            assert.is_truthy(used, "nobody calls core." .. part .. "." .. name)
          end
        end
      end
    end
  end)
end)
