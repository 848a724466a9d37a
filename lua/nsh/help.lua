--- help.lua - help(): the doc comments of the functions, at the prompt.
local core = require "nsh.core"
local attrs = require "nsh.attrs"
local doc = require "nsh.doc"
local object = require "nsh.object"
local text = require "nsh.text"

local m = {}

-- The groups of functions, in the order in which a reader meets them.
local GROUPS = {
  { "netns", "namespaces by name" },
  { "ns", "a namespace: netns.get(name)" },
  { "link", "a link: ns:link(name)" },
  { "process", "a command that runs: ns:spawn(command)" },
  { "watch", "what changes: nsh.watch { \"link\", \"addr\" }" },
  { "capture", "packets being captured: ns:capture { ... }" },
  { "lab", "declared topologies" },
  { "net", "a lab: local net = lab \"office\"" },
  { "node", "a node of a lab: net:host \"h1\"" },
  { "test", "labs in specs: local test = require \"nsh.test\"" },
  { "assert", "what specs assert of labs, once nsh.test is required" },
  { "nsh", "time and tasks" },
}

-- Whose functions are meant by the name of a class, or by what a variable is often called.
local OWNERS = { lab = { "lab", "net" }, labnode = { "node", "ns" }, node = { "node", "ns" }, host = { "node", "ns" },
  router = { "node", "ns" }, switch = { "node", "ns" }, netns = { "netns", "ns" } }

local cache, cached -- what is known, of how many modules

--- Gives the text of one of nsh's own modules.
---@param module string "nsh.netns"
---@return string? text nil: it is not at hand
function m.source(module)
  local globals = package.loaded["nsh.globals"]
  local source = type(globals) == "table" and globals.source or core.source
  local found = source and source(module)
  if found then return found end
  local path = package.searchpath(module, package.path)
  local file = path and io.open(path)
  if not file then return nil end
  found = file:read "a"
  file:close()
  return found
end

-- nsh's own modules, and the recipes that were loaded.
local function modules()
  local names, seen = {}, {}
  for _, list in ipairs { package.preload, package.loaded } do
    for name in pairs(list) do
      local ours = type(name) == "string" and (name:find "^nsh%.%l[%w_.]*$" or doc.recipe(name))
      if ours and name ~= "nsh.core" and not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  if not seen["nsh.init"] then names[#names + 1] = "nsh.init" end
  table.sort(names)
  return names
end

--- Lists what the doc comments of all modules say, undocumented functions left out.
---@return nsh.DocEntry[]
function m.entries()
  local names = modules()
  if cached == #names then return cache end
  cache, cached = {}, #names
  for _, module in ipairs(names) do
    local source = m.source(module) or module == "nsh.init" and m.source "nsh"
    local short = doc.recipe(module) and module or module:gsub("^nsh%.", "")
    for _, entry in ipairs(source and doc.parse(source, short) or {}) do
      entry.module = short
      if entry.documented then cache[#cache + 1] = entry end
    end
  end
  return cache
end

--- Finds what is known about a function.
---@param f function
---@return nsh.DocEntry?
function m.entry_of(f)
  local info = debug.getinfo(object.original(f), "S")
  local module = info.short_src:match "nsh/([%w_/]+)%.lua$" or info.short_src:match "(stdlib/[%w_]+)%.lua$"
  if not module then return nil end
  module = module:gsub("/", ".")
  for _, entry in ipairs(m.entries()) do
    if entry.module == module and entry.line == info.linedefined then return entry end
  end
end

-- A method of nodes that is one of namespaces as well has no text of its own.
local function borrowed(f)
  local node = package.loaded["nsh.lab.node"]
  for word, method in pairs(node and node.Node or {}) do
    if method == object.original(f) then return "node." .. word end
  end
end

local function type_entry(name)
  for _, entry in ipairs(m.entries()) do
    if entry.kind == "class" and entry.name == name then return entry end
  end
end

--- Lists the keys of a function's option tables, as its doc comment tells them.
---@param entry nsh.DocEntry
---@return string[]
function m.options(entry)
  local keys = {}
  for _, param in ipairs(entry.params) do
    local inline = param.type:match "%b{}"
    for key in (inline or ""):gmatch "([%a_][%w_]*)%??%s*:%s" do keys[#keys + 1] = key end
  end
  for _, class in ipairs(doc.types_of(entry, type_entry, true)) do
    for _, field in ipairs(class.fields) do keys[#keys + 1] = field.name end
  end
  return keys
end

local function width()
  return math.min(text.width() or 80, 100)
end

local function add_wrapped(lines, s, indent)
  local paragraphs = {}
  for paragraph in (s .. "\n\n"):gmatch "(.-)\n\n+" do
    paragraphs[#paragraphs + 1] = text.wrap(paragraph, width(), indent)
  end
  lines[#lines + 1] = table.concat(paragraphs, "\n\n")
end

-- A left column of names, and wrapped text beside it.
local function add_rows(lines, rows, indent)
  local widest = 0
  for _, row in ipairs(rows) do widest = math.max(widest, text.len(row[1])) end
  widest = math.min(widest, 30)
  for _, row in ipairs(rows) do
    local gap = (" "):rep(#indent + widest + 2)
    local body = text.wrap(row[2], math.max(width(), #gap + 20), gap)
    if text.len(row[1]) > widest then
      lines[#lines + 1] = indent .. row[1]
      lines[#lines + 1] = body
    else
      lines[#lines + 1] = indent .. text.pad(row[1], widest) .. body:sub(#indent + widest + 1)
    end
  end
end

local function value_rows(values)
  local rows = {}
  for i, value in ipairs(values) do
    local what = value.type .. (value.optional and " (optional)" or "")
    rows[i] = { value.name or "returns", what .. (value.text ~= "" and ": " .. value.text or "") }
  end
  return rows
end

local function entry_text(entry)
  local lines = { text.paint(entry.title, "bold", text.coloured()) }
  add_wrapped(lines, entry.text, "  ")
  lines[#lines + 1] = ""
  local rows = value_rows(entry.params)
  table.move(value_rows(entry.fields), 1, #entry.fields, #rows + 1, rows)
  table.move(value_rows(entry.returns), 1, #entry.returns, #rows + 1, rows)
  for _, err in ipairs(entry.errors) do rows[#rows + 1] = { "error " .. err.code, err.text } end
  if entry.twin then rows[#rows + 1] = { "twin", (entry.twin:gsub("`", "")) } end
  local recipe = doc.recipe(entry.module)
  if recipe then rows[#rows + 1] = { "recipe", ('require "stdlib.%s"'):format(recipe) } end
  add_rows(lines, rows, "  ")
  for _, class in ipairs(doc.types_of(entry, type_entry)) do
    lines[#lines + 1] = "  " .. class.name .. ":"
    add_rows(lines, value_rows(class.fields), "    ")
  end
  if entry.example then lines[#lines + 1] = "\n    " .. entry.example:gsub("\n", "\n    ") end
  if lines[#lines] == "" then lines[#lines] = nil end
  return table.concat(lines, "\n")
end

local function attribute_lines(lines, rows, indent)
  local out = {}
  for _, row in ipairs(rows) do
    local access = attrs.access(row)
    local takes = attrs.takes(row) .. (access and ", " .. access or "")
    out[#out + 1] = { row.key, takes .. (row.doc and ": " .. row.doc or "") }
  end
  add_rows(lines, out, indent)
end

local function noun_text(noun)
  local rows = attrs.rows(noun)
  if #rows == 0 then return nil end
  local lines = { "Keys of a " .. noun .. ":" }
  attribute_lines(lines, rows, "  ")
  for _, row in ipairs(rows) do
    if row.rows and #row.rows > 0 and noun ~= "link" then
      lines[#lines + 1] = "In " .. row.key .. ":"
      attribute_lines(lines, row.rows, "  ")
    end
  end
  local names = {}
  for i, kind in ipairs(attrs.kinds(noun)) do names[i] = kind.name end
  if #names > 0 then
    local list = ('Kinds, each with keys of its own (help %q): '):format(names[2] or names[1])
    list = list .. table.concat(names, " ")
    lines[#lines + 1] = text.wrap(list, width())
  end
  return table.concat(lines, "\n")
end

local function one_kind_text(noun, kind)
  local title = noun:sub(1, 1):upper() .. noun:sub(2) .. " kind "
  local lines = { title .. kind.name .. (kind.doc and ": " .. kind.doc or "") }
  if kind.config then lines[#lines + 1] = "  The kernel option " .. kind.config .. " brings it." end
  if kind.rows and #kind.rows > 0 then
    lines[#lines + 1] = "Keys of its own:"
    attribute_lines(lines, kind.rows, "  ")
  end
  if kind.port_rows and #kind.port_rows > 0 then
    lines[#lines + 1] = "Keys of its ports, under port = { ... }:"
    attribute_lines(lines, kind.port_rows, "  ")
  end
  return table.concat(lines, "\n")
end

-- The kinds of that name: a qdisc may be called as a link is.
local function kind_text(name)
  local found = {}
  for _, noun in ipairs(attrs.nouns()) do
    local kind = attrs.kind(noun.noun, name)
    if kind then found[#found + 1] = one_kind_text(noun.noun, kind) end
  end
  return #found > 0 and table.concat(found, "\n\n") or nil
end

local function group_text(group)
  local rows, title = {}, nil
  for _, entry in ipairs(m.entries()) do
    if entry.group == group and entry.kind ~= "class" then rows[#rows + 1] = { entry.title, entry.summary } end
  end
  if #rows == 0 then return nil end
  table.sort(rows, function(a, b) return a[1] < b[1] end)
  local recipe = package.loaded["stdlib." .. group] and m.source("stdlib." .. group)
  if recipe then title = ('%s: require "stdlib.%s", %s'):format(group, group, doc.about(recipe) or "") end
  for _, known in ipairs(GROUPS) do
    if known[1] == group then title = group .. ": " .. known[2] end
  end
  local lines = { title or group }
  add_rows(lines, rows, "  ")
  return table.concat(lines, "\n")
end

-- All functions and fields of a name, whether it is given as "add_link", "ns:add_link" or "Netns:add_link".
local function named_text(topic)
  local found = {}
  for _, entry in ipairs(m.entries()) do
    local plain = entry.title:match "^[^%(]+"
    if topic == entry.word or topic == entry.name or topic == plain or topic == plain:gsub(":", ".") then
      found[#found + 1] = entry_text(entry)
    end
  end
  return #found > 0 and table.concat(found, "\n\n") or nil
end

-- The functions of that word, where `owner` isn't what the pages call it: "lab.host", "h1:ping".
local function of_another_owner(topic)
  local owner, word = topic:match "^([%w_]+)[.:]([%w_]+)$"
  if not owner then return nil end
  local all, found = {}, {}
  for _, entry in ipairs(m.entries()) do
    if entry.word == word then all[#all + 1] = entry end
  end
  for _, group in ipairs(OWNERS[owner:lower()] or {}) do
    for _, entry in ipairs(found[1] and {} or all) do
      if entry.group == group then found[#found + 1] = entry end
    end
  end
  if not found[1] then found = all end
  for i, entry in ipairs(found) do found[i] = entry_text(entry) end
  return found[1] and table.concat(found, "\n\n") or nil
end

-- A key of a noun or kind: "mtu".
local function key_text(topic)
  local lines = {}
  local function look(where, rows)
    local row = attrs.find(rows or {}, topic)
    if not row then return end
    lines[#lines + 1] = where .. "." .. topic
    attribute_lines(lines, { row }, "  ")
  end
  for _, noun in ipairs(attrs.nouns()) do
    look(noun.noun, noun.rows)
    for _, kind in ipairs(attrs.kinds(noun.noun)) do
      look(kind.name, kind.rows)
      look(kind.name .. " port", kind.port_rows)
    end
  end
  return #lines > 0 and table.concat(lines, "\n") or nil
end

--- Lists all topics that help knows.
---@return string[] sorted
function m.topics()
  local seen, list = {}, {}
  local function add(topic)
    if topic and not seen[topic] then
      seen[topic] = true
      list[#list + 1] = topic
    end
  end
  for _, entry in ipairs(m.entries()) do
    if entry.kind ~= "class" then
      add(entry.word)
      add(entry.group)
    end
  end
  for _, noun in ipairs(attrs.nouns()) do
    add(noun.noun)
    for _, kind in ipairs(attrs.kinds(noun.noun)) do add(kind.name) end
  end
  table.sort(list)
  return list
end

local function nearest(topic)
  local left, found = m.topics(), {}
  local function take(i) found[#found + 1] = '"' .. table.remove(left, i) .. '"' end
  for i = #left, 1, -1 do
    if #found < 3 and #topic > 2 and (left[i]:find(topic, 1, true) or topic:find(left[i], 1, true)) then take(i) end
  end
  while #found < 3 do
    local word = core.nearest(topic, left)
    if not word then break end
    for i, candidate in ipairs(left) do
      if candidate == word then
        take(i)
        break
      end
    end
  end
  return found
end

local function unknown(topic)
  local near = nearest(topic:match "^[%w_]+[.:]([%w_]+)$" or topic)
  return ("No help for '%s'%s"):format(text.escape(topic),
    #near > 0 and "; did you mean " .. table.concat(near, ", ") .. "?" or '; help() lists what there is.')
end

local function overview()
  local coloured = text.coloured()
  local lines = { 'help "ns" lists a group, help "add_link" or help(ns.add_link) explains a function,\n'
    .. 'help "route" and help "bridge" list the keys of nouns and link kinds, help "stdlib" the recipes.', "" }
  for _, group in ipairs(GROUPS) do
    local words = {}
    for _, entry in ipairs(m.entries()) do
      if entry.group == group[1] and entry.kind ~= "class" then words[#words + 1] = entry.word end
    end
    if #words > 0 then
      table.sort(words)
      lines[#lines + 1] = text.paint(group[1], "bold", coloured) .. ": " .. group[2]
      lines[#lines + 1] = text.wrap(table.concat(words, " "), width(), "  ")
    end
  end
  local names = {}
  for _, noun in ipairs(attrs.nouns()) do names[#names + 1] = noun.noun end
  lines[#lines + 1] = text.paint("nouns", "bold", coloured) .. ": what the option tables hold"
  lines[#lines + 1] = text.wrap(table.concat(names, " "), width(), "  ")
  for _, noun in ipairs(attrs.nouns()) do
    names = {}
    for _, kind in ipairs(attrs.kinds(noun.noun)) do names[#names + 1] = kind.name end
    if #names > 0 then
      lines[#lines + 1] = text.paint(noun.noun .. " kinds", "bold", coloured) .. ": what kind = may say"
      lines[#lines + 1] = text.wrap(table.concat(names, " "), width(), "  ")
    end
  end
  return table.concat(lines, "\n")
end

-- Loads a recipe that somebody asks for, so that it is among what is known; returns its name.
local function load_recipe(topic)
  local name = topic:match "^stdlib%.(%l%w*)$" or topic:match "^%l%w*$" or topic:match "^(%l%w*)[.:][%l_]+$"
  local module = "stdlib." .. (name or "")
  if not name or not package.searchpath(module, package.path) then return topic end
  pcall(require, module)
  return topic:match "^stdlib%." and name or topic
end

-- Loads the recipes that have a function of that name; tells whether there are any.
local function load_owners(word)
  local globals, found = package.loaded["nsh.globals"] or {}, false
  for _, module in ipairs(word:find "^%l[%w_]*$" and globals.stdlib and globals.stdlib() or {}) do
    local source = not package.loaded[module] and select(2, doc.recipe(module)) and m.source(module)
    if source and source:find("\nfunction m." .. word .. "(", 1, true) then found = pcall(require, module) or found end
  end
  return found
end

-- The recipes that there are, with what each is for.
local function recipes_text()
  local globals = package.loaded["nsh.globals"] or {}
  local names, lines = globals.stdlib and globals.stdlib() or {}, {}
  table.sort(names)
  for _, module in ipairs(names) do
    local name, whole = doc.recipe(module)
    local source = whole and m.source(module)
    if source then
      local about = text.wrap(doc.about(source) or "", width(), (" "):rep(11))
      lines[#lines + 1] = ("  %-8s %s"):format(name, about:match "^%s*(.*)$")
    end
  end
  return ('%s "stdlib.NAME" gives a recipe, help "NAME" explains it.\n%s'):format("require", table.concat(lines, "\n"))
end

local function class_topic(value)
  local mt = debug.getmetatable(value)
  local name = type(mt) == "table" and rawget(mt, "class") and rawget(mt, "__name")
  for _, global in ipairs { "lab", "netns", "nsh" } do
    if rawequal(value, (package.loaded["nsh.globals"] or {})[global]) then return global end
  end
  if rawequal(value, package.loaded["nsh.test"]) then return "test" end
  return name and doc.groups[name]
end

--- Gives what help(topic) prints.
---@param topic any nil: the overview; a name, a function, or one of nsh's objects
---@return string
function m.text(topic)
  if topic == nil then return overview() end
  if type(topic) == "function" then
    local entry = m.entry_of(topic)
    if entry then return entry_text(entry) end
    local word = borrowed(topic)
    if word then return m.text(word) end
    return "That function is not one of nsh's own; for Lua's see https://www.lua.org/manual/5.4/"
  end
  if type(topic) ~= "string" then topic = class_topic(topic) or "" end
  if topic == "" then return overview() end
  if topic == "stdlib" then return recipes_text() end
  topic = topic:gsub("^nsh%.test%f[%W]", "test")
  topic = load_recipe(topic)
  local parts = { group_text(topic), named_text(topic), noun_text(topic), kind_text(topic) }
  local found = {}
  for i = 1, 4 do found[#found + 1] = parts[i] end
  if #found == 0 and load_owners(topic) then return m.text(topic) end
  if #found == 0 then found[1] = of_another_owner(topic) or key_text(topic) or unknown(topic) end
  return table.concat(found, "\n\n")
end

setmetatable(m, {
  __name = "nsh.help",
  __call = function(_, topic) print(m.text(topic)) end,
  __tostring = function() return "Type help() for an overview, help \"add_link\" for one function." end,
})

return m
