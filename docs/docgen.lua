--- docgen.lua - makes docs/reference.md from the doc comments and the attribute tables.
--     ./nsh docs/docgen.lua lua/nsh/*.lua stdlib/*.lua > docs/reference.md
-- A public function without a doc comment is reported with its line, and the run fails.
local attrs = require "nsh.attrs"
local doc = require "nsh.doc"

-- Headings of the groups, in the order of the page; a group that isn't here follows under its own name.
local CHAPTERS = {
  { "netns", "Namespaces by name: `netns`" },
  { "ns", "A namespace: `ns`" },
  { "link", "A link: `link`" },
  { "process", "A command that runs: `process`" },
  { "watch", "What changes: `watch`" },
  { "capture", "Captured packets: `capture`" },
  { "lab", "Labs: `lab`" },
  { "net", "A lab: `net`" },
  { "node", "A node of a lab: `node`" },
  { "test", "Labs in specs: `local test = require \"nsh.test\"`" },
  { "assert", "Assertions of specs: `assert`" },
  { "nsh", "Time and tasks: `nsh`" },
}

local INTRO = [[
# Reference

Made from the comments of `lua/nsh/*.lua` and `stdlib/*.lua` and from the attribute tables of the core by
`docs/docgen.lua`; don't edit. The same texts are at the prompt: `help()`, `help "add_link"`, `help(ns.add_link)`,
`help "bridge"`, `help "ovs"`.

`ns` stands for a namespace (`netns.get "red"`), `link` for a live link (`ns:link "eth0"`). A function with a dot takes
its arguments as they stand, one with a colon is a method, a name without brackets is a live field. A failure of the
kernel raises an error object; its `code` is what scripts test.
]]

local function write(...)
  io.write(...)
  io.write "\n"
end

local function cell(s)
  return (s:gsub("|", "\\|"):gsub("\n", " "))
end

local function read(path)
  local file = assert(io.open(path))
  local source = file:read "a"
  file:close()
  return source
end

local function default_files()
  local files = {}
  for name in pairs(package.preload) do
    local short = name == "nsh" and "init" or name:match "^nsh%.(%l[%w_.]*)$"
    if short and short ~= "core" then files[#files + 1] = "lua/nsh/" .. short:gsub("%.", "/") .. ".lua" end
  end
  table.sort(files)
  return files
end

-- All entries by group, the types apart, what recipes are about, and the number of functions that have no comment.
local function collect(files)
  local groups, types, recipes, missing = {}, {}, {}, 0
  for _, path in ipairs(files) do
    local source, module = read(path), path:match "nsh/(.+)%.lua$" or path:match "([^/]+)%.lua$"
    module = module:gsub("/", ".")
    if path:find "stdlib/" then
      module = "stdlib." .. module
      local recipe, whole = doc.recipe(module)
      if whole then recipes[recipe] = doc.about(source) end
    end
    for _, entry in ipairs(doc.parse(source, module)) do
      if entry.kind == "class" then
        types[entry.name] = entry
      elseif entry.documented then
        groups[entry.group] = groups[entry.group] or {}
        table.insert(groups[entry.group], entry)
      else
        io.stderr:write(("%s:%d: %s has no doc comment\n"):format(path, entry.line, entry.title))
        missing = missing + 1
      end
    end
  end
  return groups, types, recipes, missing
end

local function write_values(values, word)
  for _, value in ipairs(values) do
    local name = value.name and "`" .. value.name .. "`" or word
    local optional = value.optional and ", optional" or ""
    local text = value.text ~= "" and ": " .. value.text or ""
    write("- ", name, " (`", value.type, "`", optional, ")", text)
  end
end

-- A type stands below the first function that takes or gives it.
local function write_types(entry, types)
  for _, class in ipairs(doc.types_of(entry, function(name) return types[name] end)) do
    types[class.name] = nil
    write("\n`", class.name, "`:\n")
    write_values(class.fields)
  end
end

local function write_entry(entry, types)
  write("\n### `", entry.title, "`\n")
  write(entry.text)
  if entry.twin then write("\nTwin: ", entry.twin) end
  if #entry.params + #entry.returns + #entry.errors > 0 then write "" end
  write_values(entry.params)
  write_values(entry.returns, "returns")
  for _, err in ipairs(entry.errors) do write("- error `", err.code, "`: ", err.text) end
  write_types(entry, types)
  if entry.example then write("\n```lua\n", entry.example, "\n```") end
end

local function write_chapter(title, entries, types, about)
  write("\n## ", title)
  if about then write("\n", about, ".") end
  table.sort(entries, function(a, b)
    local first, second = a.owner == "m", b.owner == "m" -- what gives objects comes first
    if about and first ~= second then return first end
    return a.title < b.title
  end)
  local fields = {}
  for _, entry in ipairs(entries) do
    if entry.kind == "field" then fields[#fields + 1] = entry else write_entry(entry, types) end
  end
  if #fields == 0 then return end
  write "\n### Live fields\n\n| field | type | meaning |\n| --- | --- | --- |"
  for _, entry in ipairs(fields) do
    local value = entry.returns[1]
    write("| `", entry.word, "` | ", value and "`" .. cell(value.type) .. "`" or "", " | ", cell(entry.text), " |")
  end
end

local function write_rows(rows, prefix)
  for _, row in ipairs(rows) do
    local notes = {}
    notes[#notes + 1] = row.doc
    if row.main then notes[#notes + 1] = "may stand at [1]" end
    notes[#notes + 1] = attrs.access(row)
    write("| `", prefix, row.key, "` | ", cell(attrs.takes(row)), " | ", cell(table.concat(notes, "; ")), " |")
    if row.rows then write_rows(row.rows, prefix .. row.key .. ".") end
  end
end

local function write_table(title, rows)
  if not rows or #rows == 0 then return end
  write("\n", title, "\n\n| key | takes | meaning |\n| --- | --- | --- |")
  write_rows(rows, "")
end

local function write_kinds(noun)
  write("\n## Kinds of a ", noun.noun, "\n")
  write("A kind's own keys stand beside the general ones",
    noun.noun == "link" and "; those of its ports are in the table `port` of a link." or ".")
  for _, kind in ipairs(noun.kinds) do
    write("\n### ", noun.noun == "link" and "" or noun.noun .. " ", kind.name, "\n")
    write((kind.doc or "") .. (kind.config and " (kernel option `" .. kind.config .. "`)" or ""))
    write_table("Its own keys:", kind.rows)
    write_table("Of its ports:", kind.port_rows)
  end
end

local function write_attributes()
  write "\n## Keys of the nouns\n"
  write "Times are seconds, sizes bytes, rates bits per second. A read-only key is in records; adders ignore it."
  for _, noun in ipairs(attrs.nouns()) do write_table("### " .. noun.noun, noun.rows) end
  for _, noun in ipairs(attrs.nouns()) do
    if noun.kinds then write_kinds(noun) end
  end
end

local groups, types, recipes, missing = collect(#arg > 0 and arg or default_files())
if missing > 0 then os.exit(1) end

write(INTRO:sub(1, -2))
for _, chapter in ipairs(CHAPTERS) do
  if groups[chapter[1]] then write_chapter(chapter[2], groups[chapter[1]], types) end
  groups[chapter[1]] = nil
end
local rest = { {}, {} } -- recipes are the last
for group in pairs(groups) do table.insert(rest[recipes[group] and 2 or 1], group) end
for i = 1, 2 do
  table.sort(rest[i])
  for _, group in ipairs(rest[i]) do
    local name = recipes[group] and ('Recipe `require "stdlib.%s"`'):format(group) or "`" .. group .. "`"
    write_chapter(name, groups[group], types, recipes[group])
  end
end
write_attributes()
