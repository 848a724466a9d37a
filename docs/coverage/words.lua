--- words.lua - the words that iproute2 takes, drawn from its own usage texts and the synopses of its manual pages.
-- `./nsh docs/coverage/words.lua >docs/coverage/words.txt` writes the list; a test compares it with what is installed.
local m = {}

local TC = {
  { "tc-netem", "qdisc", "netem" }, { "tc-tbf", "qdisc", "tbf" }, { "tc-htb", "qdisc", "htb" },
  { "tc-prio", "qdisc", "prio" }, { "tc-fq_codel", "qdisc", "fq_codel" }, { "tc-cake", "qdisc", "cake" },
  { "tc-u32", "filter", "u32" }, { "tc-flower", "filter", "flower" }, { "tc-matchall", "filter", "matchall" },
  { "tc-mirred", "action", "mirred" }, { "tc-actions", "action", "gact" }, { "tc-police", "action", "police" },
}

-- Kinds that have a usage text and stand not in the list of `ip link help`.
local HIDDEN_KINDS = { "hsr" }

-- All sections: { title, page, command, object: the words that a line of usage begins with }.
local function sections(run)
  local list = {}
  local function add(page, command, object) list[#list + 1] = { page = page, command = command, object = object } end
  add("ip-link", "ip link help", "ip link")
  local kinds = {}
  for kind in run("ip link help"):match("TYPE := (%b{})"):gmatch "[%w_]+" do kinds[#kinds + 1] = kind end
  for _, kind in ipairs(HIDDEN_KINDS) do kinds[#kinds + 1] = kind end
  for _, kind in ipairs(kinds) do add("ip-link", "ip link help " .. kind, "%.%.%. " .. kind) end
  for _, object in ipairs { "address", "route", "rule", "neigh", "netns" } do
    add("ip-" .. (object == "neigh" and "neighbour" or object), ("ip %s help"):format(object), "ip " .. object)
  end
  for _, object in ipairs { "link", "fdb", "mdb", "vlan", "vni", "monitor" } do
    add("bridge", ("bridge %s help"):format(object), "bridge " .. object)
  end
  for _, object in ipairs { "qdisc", "class", "filter" } do
    add("tc", ("tc %s help"):format(object), "tc " .. object)
  end
  for _, row in ipairs(TC) do
    local command = row[2] == "action" and "tc actions add action %s help" or "tc " .. row[2] .. " add dev lo %s help"
    add(row[1], command:format(row[3]), "%.%.%. " .. row[3])
  end
  return list
end

-- A word may have prefixes in brackets: [no]learning, [i|o]key.
local function spell_out(text)
  text = text:gsub("no%[i|o%]%w+", " "):gsub("%[no%]%[i|o%]", "[i|o]"):gsub("%[i|o%](%w+)", "%1 i%1 o%1")
  return (text:gsub("%[no%]", ""):gsub("%[%-%]", ""):gsub("(%-%a)%[(%l+)%]", "%1%2"))
end

-- Words in lower case; what stands in capitals or in <> is an argument.
local function collect(text, into)
  text = spell_out(text):gsub("<[%w_%-,%[%] ]*>", " ")
  for word in (" " .. text .. " "):gmatch "%f[%w%-_.+%d]([%w%-_.+]+)%f[^%w%-_.+]" do
    word = word:gsub("^%-+", ""):gsub("[.%-]+$", "")
    local option = word:find "%l" and (word:find "^[%l%d]" or word:find "^End") and not word:find "^%d+x?%x*%.%."
    if option then into[word] = true end
  end
end

local function of_usage(section, text)
  local words = {}
  text = ("\n" .. text):gsub("Usage:%s*", ""):gsub("\n%s*" .. section.object .. "%f[^%w_]", "\n")
  collect(text, words)
  return words
end

-- The grammar at the beginning of a manual page, without the requests and escapes of roff.
local function of_manual(source)
  local words = {}
  local synopsis = source:match "\n%.SH \"?SYNOPSIS\"?(.-)\n%.SH" or ""
  for line in synopsis:gmatch "[^\n]+" do
    line = line:gsub("^%.%a+%s*", " "):gsub('^%.\\".*', ""):gsub("\\f%a", ""):gsub("\\%-", "-"):gsub("\\[&|]", "")
    collect(line:gsub("\\", " "):gsub('"', " "), words)
  end
  return words
end

local function sorted(set)
  local list = {}
  for word in pairs(set) do list[#list + 1] = word end
  table.sort(list)
  return list
end

--- Draws the words of an installed iproute2.
---@param run fun(command: string): string what a command writes, on either stream
---@param manual fun(page: string): string? the source of a manual page; nil where there is none
---@return { title: string, words: string[] }[]
function m.draw(run, manual)
  local list, pages, seen = {}, {}, {}
  for _, section in ipairs(sections(run)) do
    local words = of_usage(section, run(section.command))
    list[#list + 1] = { page = section.page, title = section.command, words = sorted(words) }
    if not pages[section.page] then
      pages[section.page] = {}
      pages[#pages + 1] = section.page
    end
    for word in pairs(words) do pages[section.page][word] = true end
  end
  for _, page in ipairs(pages) do
    local source = page ~= "tc" and manual(page) -- whose synopsis is about the program
    for word in pairs(source and of_manual(source) or {}) do
      if not pages[page][word] then
        seen[page] = seen[page] or {}
        seen[page][word] = true
      end
    end
    if seen[page] then list[#list + 1] = { page = page, title = page .. "(8)", words = sorted(seen[page]) } end
  end
  return list
end

--- Draws the words of the iproute2 that is installed here.
function m.installed()
  local here = netns.current()
  return m.draw(function(command)
    local result = here:exec(command, { check = false })
    return result.out .. result.err
  end, function(page)
    local result = here:exec(("zcat -f /usr/share/man/man8/%s.8*"):format(page), { check = false })
    return result.status == 0 and result.out ~= "" and result.out or nil
  end)
end

--- Reads the list that is kept.
---@param path string
function m.read(path)
  local list = {}
  for line in io.lines(path) do
    local page, title = line:match "^# (%S+): (.+)$"
    if page then
      list[#list + 1] = { page = page, title = title, words = {} }
    else
      for word in line:gmatch "%S+" do table.insert(list[#list].words, word) end
    end
  end
  return list
end

--- Writes a list as the file has it.
---@return string
function m.text(list)
  local out = {}
  for _, section in ipairs(list) do
    out[#out + 1] = ("# %s: %s\n"):format(section.page, section.title)
    local line = ""
    for _, word in ipairs(section.words) do
      if #line + #word > 110 then
        out[#out + 1] = line .. "\n"
        line = ""
      end
      line = line == "" and word or line .. " " .. word
    end
    if line ~= "" then out[#out + 1] = line .. "\n" end
  end
  return table.concat(out)
end

if arg and arg[0] and arg[0]:find "words%.lua$" then io.write(m.text(m.installed())) end
return m
