-- coverage.lua LUA-FILES... - writes docs/coverage.md: each word that iproute2 takes, and what it is in nsh.
-- The words are drawn from iproute2 itself (coverage/words.lua); coverage/map.lua says what they are where the names
-- differ. A word is only "yes" where its key is in the attribute tables, or its function is there.
local core = require "nsh.core"

package.path = "docs/?.lua;" .. package.path
local words = require "coverage.words"
local map = require "coverage.map"

-- --- what nsh has ---

-- Keys of a table, and the words that stand for a value: { keys = set, values = key by word }.
local function index(rows, into)
  for _, row in ipairs(rows or {}) do
    if into.keys[row.key] == nil then into.keys[row.key] = row end
    for _, value in ipairs(row.values or {}) do
      if not row.readonly then into.values[value] = into.values[value] or row.key end
    end
    if row.rows then index(row.rows, into) end
  end
  return into
end

local tables = {} -- by "noun", "noun/kind", "noun/kind.port"
for _, noun in ipairs(core.tables()) do
  tables[noun.noun] = index(noun.rows, { keys = {}, values = {} })
  for _, kind in ipairs(noun.kinds or {}) do
    tables[noun.noun .. "/" .. kind.name] = index(kind.rows, { keys = {}, values = {} })
    if #(kind.port_rows or {}) > 0 then
      tables[noun.noun .. "/" .. kind.name .. ".port"] = index(kind.port_rows, { keys = {}, values = {} })
    end
  end
end

-- Actions stand in the key `actions` of filters.
for _, noun in ipairs(core.tables()) do
  for _, kind in ipairs(noun.noun == "filter" and noun.kinds or {}) do
    for _, row in ipairs(kind.rows) do
      for _, action in ipairs(row.kinds or {}) do
        tables["action/" .. action.name] = index(action.rows, { keys = {}, values = {} })
      end
    end
  end
end

-- Methods come with the modules that have them.
for _, path in ipairs(arg) do
  local name = path:match "nsh/([%w_/]+)%.lua$"
  if name ~= "init" then require("nsh." .. name:gsub("/", ".")) end
end
local owners = { ns = require("nsh.netns").Netns, link = require("nsh.link").Link, netns = netns, nsh = nsh }

-- Whether a function or a live field is there that is written as ns:add_link, netns.add or nsh.watch.
local function is_function(text)
  local owner, name = text:match "^(%l+)[:.]([%l_]+)$"
  local class = owners[owner]
  return class ~= nil and (type(rawget(class, name)) == "function" or type(class[name]) == "function"
    or (rawget(class, "get") ~= nil and owner == "ns" and class.get[name] ~= nil))
end

-- --- what a word is ---

local function set(list)
  local found = {}
  for word in (type(list) == "string" and list or ""):gmatch "%S+" do found[word] = true end
  return found
end

-- Kinds that need no options, by their name alone.
local BY_NAME = set "netdevsim virt_wifi lowpan dsa team"

local function section_of(title)
  local own = map.sections[title] or {}
  local kind = title:match "^ip link help (%S+)$"
  local list = own.tables
  if not list and kind then
    local port = kind:match "^(.*)_slave$"
    list = port and { "link/" .. port .. ".port" } or { "link/" .. kind, "link" }
  end
  return { tables = list or {}, words = own.words or {}, prose = set(own.prose), kinds = own.kinds }
end

-- A reference of the map: a key of the section's tables, of another table ("route.via"), or a function.
local function holds(reference, section)
  if tables[reference] or is_function(reference) then return true end
  for _, name in ipairs(section.tables) do
    if tables[name] and tables[name].keys[reference] then return true end
  end
  local owner, key = reference:match "^(.*)%.([%w_]+)$"
  return owner and tables[owner] and tables[owner].keys[key] ~= nil
end

local common = set(map.prose)

--- Judges a word.
---@return string? answer the key or function; nil: no, or no option at all
---@return string? reason why not; nil with no answer: it is none
local function judge(word, section, problems, title)
  local said = section.words[word]
  if said == nil and (common[word] or section.prose[word]) then return nil end
  if said == nil then
    local key = word:gsub("%-", "_")
    if section.kinds and (tables[section.kinds .. "/" .. word] or (section.kinds == "link" and BY_NAME[word])) then
      return ("kind = %q"):format(word)
    end
    for _, name in ipairs(section.tables) do
      local known = tables[name]
      if known and known.keys[key] and not known.keys[key].readonly then return key end
      if known and known.values[word] then return ("%s = %q"):format(known.values[word], word) end
    end
    return nil, "not there"
  end
  if type(said) == "table" then return nil, said.no, said.gone end
  local first = said:match "^[%w_/:.]+":gsub(":$", "")
  if not holds(first, section) then
    problems[#problems + 1] = ("%s: %s: there is no %s"):format(title, word, first)
    return nil, "not there"
  end
  return said
end

--- Judges all words.
---@return table[] pages { page, sections = { title, rows = { word, answer, reason } }, yes, no }
---@return string[] problems
local function judge_all()
  local pages, problems = {}, {}
  for _, drawn in ipairs(words.read "docs/coverage/words.txt") do
    local section = section_of(drawn.title)
    local page = pages[drawn.page]
    if not page then
      page = { page = drawn.page, sections = {}, yes = 0, no = 0 }
      pages[drawn.page] = page
      pages[#pages + 1] = page
    end
    local rows = {}
    for _, word in ipairs(drawn.words) do
      local answer, reason, gone = judge(word, section, problems, drawn.title)
      if answer then page.yes = page.yes + 1 elseif reason then page.no = page.no + 1 end
      if answer or reason or gone then
        rows[#rows + 1] = { word = word, answer = answer, reason = reason, gone = gone }
      end
    end
    for word in pairs(section.words) do
      local there = false
      for _, w in ipairs(drawn.words) do there = there or w == word end
      if not there then problems[#problems + 1] = ("%s: iproute2 has no %s"):format(drawn.title, word) end
    end
    page.sections[#page.sections + 1] = { title = drawn.title, rows = rows }
  end
  return pages, problems
end

-- --- the page ---

local INTRO = [[
# Coverage

Each word that iproute2 6.1 takes, and what it is in nsh. The words are drawn from the usage texts of `ip`, `bridge` and
`tc` and from the synopses of their manual pages ([the list](coverage/words.txt)), so that none is left out; those that
are neither options nor values, as "where", are not counted. What a word is in nsh follows from the attribute tables and
from [a map](coverage/map.lua). A key names what `add_` and `set` take and records have, `key = "word"` one of its
values; "gone" is what Linux itself takes no more, and is not counted either.
]]

local function percent(yes, no) return ("%.1f %%"):format(yes + no > 0 and 100 * yes / (yes + no) or 100) end

--- Writes the page.
---@return string text, string[] problems
local function page_text()
  local pages, problems = judge_all()
  local yes, no, lines = 0, 0, {}
  for _, page in ipairs(pages) do yes, no = yes + page.yes, no + page.no end
  lines[1] = INTRO
  lines[#lines + 1] = ("**%d of %d words are there: %s.**\n"):format(yes, yes + no, percent(yes, no))
  lines[#lines + 1] = "| page | yes | no | |\n| --- | --- | --- | --- |"
  for _, page in ipairs(pages) do
    lines[#lines + 1] = ("| %s(8) | %d | %d | %s |"):format(page.page, page.yes, page.no, percent(page.yes, page.no))
  end
  for _, page in ipairs(pages) do
    lines[#lines + 1] = ("\n## %s(8)"):format(page.page)
    for _, section in ipairs(page.sections) do
      if #section.rows > 0 then
        lines[#lines + 1] = ("\n### `%s`\n\n| word | nsh |\n| --- | --- |"):format(section.title)
        for _, row in ipairs(section.rows) do
          local nsh_has = row.answer and "`" .. row.answer .. "`"
          local not_so = row.gone and "gone: " .. row.gone or "no: " .. tostring(row.reason)
          lines[#lines + 1] = ("| %s | %s |"):format(row.word, nsh_has or not_so)
        end
      end
    end
  end
  return table.concat(lines, "\n") .. "\n", problems
end

local text, problems = page_text()
io.write(text)
for _, problem in ipairs(problems) do io.stderr:write("docs/coverage/map.lua: ", problem, "\n") end
