--- complete.lua - what Tab offers at the prompt.
-- Nothing here runs a user's code: values are reached by raw look-ups, and of nsh's own objects only fields are
-- read that are known to be harmless.
local attrs = require "nsh.attrs"
local lexer = require "nsh.lexer"
local objects = require "nsh.object"
local text = require "nsh.text"

local m = {}

local getmetatable = debug.getmetatable

local KEYWORDS = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not",
  "or", "repeat", "return", "then", "true", "until", "while",
}

local is_keyword = {}
for _, word in ipairs(KEYWORDS) do is_keyword[word] = true end

-- Functions that only look up what has a name; calls of them with a name between quotes may be made.
local SAFE_CALLS = { current = true, get = true, find = true, link = true, find_link = true }

-- Live fields that hold objects and may be read: they ask the kernel at most for a link.
local SAFE_FIELDS = { netns = true, master = true, peer = true, sysctl = true }

-- Functions of netns that take the name of a namespace.
local TAKES_NETNS = { get = true, find = true, del = true, enter = true }

-- Methods of a namespace that take the name of a link.
local TAKES_LINK = { link = true, find_link = true }

local function class_of(value)
  local mt = type(value) == "table" and getmetatable(value)
  local class = mt and rawget(mt, "class")
  if type(class) == "table" then objects.whole(class) end
  return type(class) == "table" and class or nil, mt and rawget(mt, "__name")
end

-- The globals of nsh are empty tables until they are used.
local function load_lazy(name, value)
  if type(value) ~= "table" or next(value) ~= nil or not getmetatable(value) then return value end
  local ok, nsh = pcall(require, "nsh")
  value = rawget(_G, name)
  if type(value) == "table" and next(value) ~= nil or not ok then return value end
  if name == "nsh" then return nsh end
  local found, module = pcall(require, "nsh." .. name)
  return found and module or value
end

-- Raw look-up through tables of __index, never through functions.
local function raw_field(value, key)
  for _ = 1, 10 do
    if type(value) == "string" then value = string end
    if type(value) == "table" then
      local found = rawget(value, key)
      if found ~= nil then return found end
    end
    local mt = getmetatable(value)
    value = type(mt) == "table" and rawget(mt, "__index") or nil
    if type(value) ~= "table" then return nil end
  end
end

local function field(value, key)
  local class = class_of(value)
  if not class then return raw_field(value, key) end
  local own = rawget(value, key)
  if own ~= nil then return own end
  if key ~= "get" and type(rawget(class, key)) == "function" then return rawget(class, key) end
  local get = SAFE_FIELDS[key] and type(class.get) == "table" and rawget(class.get, key)
  if not get then return nil end
  local ok, found = pcall(get, value)
  return ok and found or nil
end

-- A call that ends at tokens[last], as `link "eth0"`, `link("eth0")` or `current()`: the index of the function's name
-- and the argument, nil for none.
local function call_parts(tokens, last)
  local token, before = tokens[last], tokens[last - 1]
  if token.kind == "string" then return last - 1, token.text end
  if token.text ~= ")" or not before then return nil end
  if before.text == "(" then return last - 2, nil end
  local open = tokens[last - 2]
  if before.kind == "string" and open and open.text == "(" then return last - 3, before.text end
end

-- A chain of names that ends at tokens[last]: `host`, `lab.hosts[1].eth0`, `ns:link "eth0"`. Gives its parts, each a
-- key or a call as { name, argument }, and the index of the chain's first token.
local function chain_parts(tokens, last)
  local parts, i = {}, last
  while i >= 1 do
    local token = tokens[i]
    local name, argument = call_parts(tokens, i)
    if token.text == "]" and token.kind == "op" then
      local key, open = tokens[i - 1], tokens[i - 2]
      if not open or open.text ~= "[" or (key.kind ~= "string" and key.kind ~= "number") then return nil end
      table.insert(parts, 1, key.kind == "number" and math.tointeger(tonumber(key.text)) or key.text)
      i = i - 3
    elseif name or token.kind == "name" and not is_keyword[token.text] then
      i = name or i
      local word = tokens[i]
      if not word or word.kind ~= "name" or is_keyword[word.text] then return nil end
      table.insert(parts, 1, name and { word.text, argument } or word.text)
      local before = tokens[i - 1]
      if not before or before.kind ~= "op" or (before.text ~= "." and before.text ~= ":") then return parts, i end
      i = i - 2
    else
      return nil
    end
  end
end

-- What a call of one of nsh's own look-ups gives; nil for all other functions.
local function look_up(owner, name, argument)
  local is_netns = owner ~= nil and owner == load_lazy("netns", rawget(_G, "netns"))
  if not SAFE_CALLS[name] or not (is_netns and require("nsh.world").prompt() or class_of(owner)) then return nil end
  local f = field(owner, name)
  local ok, found = pcall(f or error, table.unpack(is_netns and { argument } or { owner, argument }))
  return ok and found or nil
end

local function resolve(tokens, last)
  local parts, first = chain_parts(tokens, last)
  if not parts or type(parts[1]) == "table" then return nil end
  local owner, value = nil, load_lazy(parts[1], rawget(_G, parts[1]))
  for i = 2, #parts do
    owner = value
    if value == nil then break end
    if type(parts[i]) == "table" then
      value = look_up(owner, parts[i][1], parts[i][2])
    else
      value = field(value, parts[i])
    end
  end
  return value, owner, parts[#parts], first
end

local function take(list, seen, key)
  if type(key) == "string" and not seen[key] then
    seen[key] = true
    list[#list + 1] = key
  end
end

local function object_members(list, seen, value, class, name, methods)
  if methods then
    for key, f in next, class do
      if type(f) == "function" and key ~= "missing" then take(list, seen, key) end
    end
    return
  end
  for key in next, value do
    if key ~= "core" then take(list, seen, key) end
  end
  for key in next, type(class.get) == "table" and class.get or {} do take(list, seen, key) end
  if name == "nsh.link" then
    for _, row in ipairs(attrs.rows "link") do
      if not row.writeonly then take(list, seen, row.key) end
    end
  end
end

local function members(value, methods)
  local list, seen = {}, {}
  local class, name = class_of(value)
  if class then
    object_members(list, seen, value, class, name, methods)
    return list
  end
  for _ = 1, 10 do
    if type(value) == "string" then value = string end
    if type(value) == "table" then
      for key, v in next, value do
        if not methods or type(v) == "function" then take(list, seen, key) end
      end
    end
    local mt = getmetatable(value)
    value = type(mt) == "table" and rawget(mt, "__index") or nil
    if type(value) ~= "table" then break end
  end
  return list
end

local function keep_identifiers(list)
  local kept = {}
  for _, key in ipairs(list) do
    if key:find "^[%a_][%w_]*$" and not is_keyword[key] then kept[#kept + 1] = key end
  end
  return kept
end

-- Those that begin with the word; names with a leading `_` only when the word has one too.
local function matching(list, word)
  local found = {}
  for _, key in ipairs(list) do
    if key:sub(1, #word) == word and (word ~= "" or key:sub(1, 1) ~= "_") then found[#found + 1] = key end
  end
  table.sort(found)
  return found
end

local function global_names()
  local list = {}
  for key in next, _G do
    if type(key) == "string" then list[#list + 1] = key end
  end
  list = keep_identifiers(list)
  table.move(KEYWORDS, 1, #KEYWORDS, #list + 1, list)
  return list
end

-- The index of the bracket that is open at tokens[last], or nil.
local function enclosing(tokens, last)
  local depth = 0
  for i = last, 1, -1 do
    local token = tokens[i]
    if token.kind == "op" then
      if token.text:find "^[%)%}%]]$" then depth = depth + 1 end
      if token.text:find "^[%(%{%[]$" then
        if depth == 0 then return i end
        depth = depth - 1
      end
    end
  end
end

-- Says where a table constructor stands: the keys that lead to it, outermost first, and the index of the last
-- token of the function's name that takes the whole as its argument.
local function constructor(tokens, brace)
  local path = {}
  while brace and tokens[brace].text == "{" do
    local before, key = tokens[brace - 1], tokens[brace - 2]
    if before and before.kind == "name" then return path, brace - 1 end
    if before and before.text == "(" then return path, brace - 2 end
    if before and before.text == "=" and key and key.kind == "name" then
      table.insert(path, 1, key.text)
      brace = enclosing(tokens, brace - 1)
    else -- an argument behind others, or an element of a list
      brace = enclosing(tokens, brace - 1)
      if brace and tokens[brace].text == "(" then return path, brace - 1 end
    end
  end
end

-- The keys that the constructor opened at `brace` has already, and its `kind`.
local function given(tokens, brace)
  local keys, kind, depth = {}, nil, 0
  for i = brace + 1, #tokens do
    local token = tokens[i]
    if token.kind == "op" and token.text:find "^[%(%{%[]$" then depth = depth + 1 end
    if token.kind == "op" and token.text:find "^[%)%}%]]$" then depth = depth - 1 end
    if depth == 0 and token.text == "=" and token.kind == "op" and tokens[i - 1].kind == "name" then
      local key, value = tokens[i - 1].text, tokens[i + 1]
      keys[key] = true
      if key == "kind" and value and value.kind == "string" then kind = value.text end
    end
  end
  return keys, kind
end

local function append(list, more)
  table.move(more or {}, 1, #(more or {}), #list + 1, list)
end

-- What may stand in an option table of a noun: its own keys and those of the kind that is named there.
local function noun_rows(noun, kind)
  local rows = {}
  append(rows, attrs.rows(noun))
  local known = kind and attrs.kind(noun, kind)
  append(rows, known and known.rows)
  return rows
end

local function port_rows()
  local rows = {}
  for _, kind in ipairs(attrs.kinds "link") do append(rows, kind.port_rows) end
  return rows
end

-- Which noun the option table of a method is about.
local function noun_of(owner, method)
  local _, name = class_of(owner)
  if (method == "set" or method == "wait") and name ~= "nsh.netns" then return "link" end
  if method == "impair" then return "qdisc", "netem" end
  return method and attrs.noun_of(method)
end

-- Attribute rows of an option table: nil when its function isn't one of a noun.
local function rows_of(tokens, brace, path, noun, only)
  if not noun then return nil end
  local _, kind = given(tokens, brace)
  local first = tokens[brace + 1]
  if noun ~= "link" and first and first.kind == "string" then kind = kind or first.text end -- as { "htb", ... }
  local rows = only and attrs.kind(noun, only).rows or noun_rows(noun, kind)
  for _, key in ipairs(path) do
    local row = attrs.find(rows, key)
    if noun == "link" and key == "port" then
      rows = port_rows()
    elseif noun == "link" and key == "peer" then
      rows = noun_rows "link"
    else
      rows = row and row.rows or {}
    end
  end
  return rows
end

local function documented_options(f)
  local ok, help = pcall(require, "nsh.help")
  if not ok or type(f) ~= "function" then return {} end
  local entry = help.entry_of(f)
  return entry and help.options(entry) or {}
end

-- What is known about the constructor that is open at the end of the tokens up to `last`.
local function option_table(tokens, last)
  local brace = enclosing(tokens, last)
  if not brace or tokens[brace].text ~= "{" then return nil end
  local path, call = constructor(tokens, brace)
  if not call or call < 1 then return nil end
  local value, owner, method = resolve(tokens, call)
  if not method then -- the receiver is an expression: go by the method's name
    local token = tokens[call]
    method = token.kind == "name" and token.text or nil
  end
  local noun, only = noun_of(owner, method)
  local rows = rows_of(tokens, brace, path, noun, only)
  return { brace = brace, owner = owner, f = value, noun = noun, rows = rows, nested = #path > 0,
    reads = method and not method:find "_" and method ~= "set" and method ~= "impair" }
end

local function option_keys(tokens, last)
  local options = option_table(tokens, last)
  if not options then return {} end
  local keys, seen = {}, {}
  local present = given(tokens, options.brace)
  local function add(key)
    if not present[key] then take(keys, seen, key) end
  end
  for _, row in ipairs(options.rows or {}) do
    if options.reads or not row.readonly then add(row.key) end
  end
  if not options.nested then
    for _, key in ipairs(documented_options(options.f)) do add(key) end
  end
  return keys
end

local function netns_names()
  local ok, module = pcall(require, "nsh.netns")
  local names = ok and type(module) == "table" and rawget(module, "names")
  local listed, list = pcall(names or error)
  return listed and list or {}
end

-- Links of the namespace that an object is or stands in.
local function link_names(object)
  local _, name = class_of(object)
  if name == "nsh.link" then object = field(object, "netns") end
  local class = class_of(object)
  local links = class and rawget(class, "links")
  if type(links) ~= "function" then return {} end
  local ok, records = pcall(links, object)
  local names = {}
  for i, record in ipairs(ok and records or {}) do names[i] = record.name end
  return names
end

local function module_names()
  local list, seen = {}, {}
  for _, source in ipairs { package.preload, package.loaded } do
    for name in next, source do
      if name == "nsh" or type(name) == "string" and name:find "^stdlib%." then take(list, seen, name) end
    end
  end
  for name in next, package.loaded do
    if type(name) == "string" and not name:find "^nsh%." then take(list, seen, name) end
  end
  return list
end

local function kind_names(noun)
  local names = {}
  for i, kind in ipairs(noun and attrs.kinds(noun) or {}) do names[i] = kind.name end
  return names
end

-- Values of `key = "` in an option table.
local function option_values(tokens, last, key)
  local options = option_table(tokens, last)
  if not options then return {} end
  local row = attrs.find(options.rows or {}, key)
  if key == "kind" then return kind_names(options.noun) end
  if row and row.values then return row.values end
  if key == "netns" or row and row.type == "netns" then return netns_names() end
  if key == "dev" or key == "master" or row and row.type == "link" then return link_names(options.owner) end
  return {}
end

-- Values of a string that is a function's argument.
local function argument_values(tokens, call)
  local _, owner, method = resolve(tokens, call)
  if method == "require" then return module_names() end
  if method == "help" then
    local ok, help = pcall(require, "nsh.help")
    return ok and help.topics() or {}
  end
  local is_netns = owner ~= nil and owner == load_lazy("netns", rawget(_G, "netns"))
  if is_netns and TAKES_NETNS[method] then return netns_names() end
  if class_of(owner) and TAKES_LINK[method] then return link_names(owner) end
  return {}
end

-- A name that would need an escape between quotes is no candidate.
local function keep_plain(list)
  local kept = {}
  for _, value in ipairs(list) do
    local plain = type(value) == "string" and not value:find "[\"'\\]" and text.escape(value) == value
    if plain then kept[#kept + 1] = value end
  end
  return kept
end

-- The string is the last token.
local function in_string(tokens)
  local before, key = tokens[#tokens - 1], tokens[#tokens - 2]
  if not before then return {} end
  if before.kind == "name" and not is_keyword[before.text] then return argument_values(tokens, #tokens - 1) end
  if before.text == "(" then return argument_values(tokens, #tokens - 2) end
  if before.text == "{" then
    local options = option_table(tokens, #tokens - 1)
    local row = options and options.noun ~= "link" and attrs.find(options.rows or {}, "kind")
    return row and row.main and kind_names(options.noun) or {}
  end
  if before.text == "=" and key and key.kind == "name" then return option_values(tokens, #tokens - 1, key.text) end
  return {}
end

local function in_code(tokens, word)
  local before = tokens[#tokens]
  if before and before.kind == "op" then
    if before.text == "." or before.text == ":" then
      local value = resolve(tokens, #tokens - 1)
      return value ~= nil and matching(keep_identifiers(members(value, before.text == ":")), word) or {}
    end
    if before.text:find "^[%{,;]$" then
      local found = matching(option_keys(tokens, #tokens), word)
      if #found > 0 then return found end
    end
  end
  return word ~= "" and matching(global_names(), word) or {}
end

--- Finds what may stand where the cursor is.
---@param line string the text before the cursor
---@return string[] candidates each one replaces the text from `start` on
---@return integer start byte at which the word under the cursor begins
function m.complete(line)
  if line:find "^%s*!" then return {}, #line + 1 end
  local tokens = lexer.tokens(line)
  local last = tokens[#tokens]
  if last and last.open then
    if last.kind == "comment" then return {}, #line + 1 end
    return matching(keep_plain(in_string(tokens)), last.text), last.at
  end
  local word, start = "", #line + 1
  if last and last.kind == "name" and last.at + #last.text == start then
    word, start = last.text, last.at
    tokens[#tokens] = nil
  elseif last and last.kind == "number" and last.at + #last.text == start then
    return {}, start
  end
  return in_code(tokens, word), start
end

return m
