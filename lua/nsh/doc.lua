--- doc.lua - reads the doc comments (LuaCATS) of Lua sources: what help() shows and docs/reference.md is made of.
-- A public function is one of a class (`function Netns:links`), a live field of one (`function Netns.get.name`), or
-- one of the module table of the globals (`function m.add` in nsh/netns.lua is netns.add). `_` before a name, or a
-- line `---@private`, keeps it out; `---@call` says that the module table itself is called, as lab is. The module table
-- of a recipe, stdlib/NAME.lua, is NAME; stdlib/NAME_PART.lua is a part of it, whose module table is internal.
local m = {}

--- What the module table of a file is to users. Module tables of other files are internal.
m.globals = { netns = "netns", init = "nsh", lab = "lab", test = "test" }

--- Tells what recipe a module belongs to: "ovs" of "stdlib.ovs" and of "stdlib.ovs_bridge".
---@param module? string
---@return string? recipe nil: it is none's
---@return boolean whole it is the recipe's own module
function m.recipe(module)
  local name, part = (module or ""):match "^stdlib%.(%l%w*)(_?.*)$"
  return name, part == ""
end

--- What a variable of a class is called in the pages, beside its class's name in lower case.
m.receivers = { Netns = "ns", Lab = "net" }

-- Classes whose functions are called with a dot: what they take as self isn't the caller's.
local DOTTED = { Assert = true }

--- The group of an object, by the __name of its metatable.
m.groups = {
  ["nsh.netns"] = "ns", ["nsh.link"] = "link", ["nsh.process"] = "process", ["nsh.capture"] = "capture",
  ["nsh.watch"] = "watch", ["nsh.lab"] = "net", ["nsh.lab.node"] = "node",
}

---@class nsh.DocEntry
---@field name string "Netns:add_link", "netns.add", "Netns.get.name", or the name of a type
---@field title string as a user writes it: "ns:add_link(opts)"
---@field kind "function"|"field"|"class"
---@field group string "ns", "link", "netns", "nsh", "ovs"; of a type: its name
---@field owner? string the variable that has the function: "Netns", "m"
---@field line integer of the definition
---@field documented boolean
---@field summary? string first sentence
---@field text? string paragraphs, separated by empty lines
---@field twin? string commands that do the same
---@field params nsh.DocValue[]
---@field returns nsh.DocValue[]
---@field fields nsh.DocValue[] of a type
---@field errors { code: string, text: string }[]
---@field example? string from a block fenced by ```

---@class nsh.DocValue
---@field name? string
---@field type string
---@field text string
---@field optional boolean

local closing = { ["("] = ")", ["{"] = "}", ["["] = "]", ["<"] = ">" }

-- Takes a type from the front of a line: it ends at a space outside of brackets, "|", ":" and ",".
local function take_type(s)
  local depth, at = 0, 1
  while at <= #s do
    local c = s:sub(at, at)
    if closing[c] then depth = depth + 1 end
    if c:find "[%)%}%]>]" then depth = depth - 1 end
    if depth <= 0 and c:find "%s" then
      local before, after = s:sub(1, at - 1):match "[|:,]$", s:match("^%s+[|:]", at)
      if not before and not after then break end
    end
    at = at + 1
  end
  return s:sub(1, at - 1), s:sub(at):match "^%s*(.*)$"
end

local function named_value(rest)
  local name, mark, tail = rest:match "^([%w_%.]+)(%??)%s+(.*)$"
  if not name then return nil end
  local type_name, text = take_type(tail)
  local optional = mark == "?" or type_name:sub(-1) == "?"
  return { name = name, type = type_name:gsub("%?$", ""), text = text, optional = optional }
end

local function return_value(rest)
  local type_name, text = take_type(rest)
  return { type = type_name:gsub("%?$", ""), text = text, optional = type_name:sub(-1) == "?" }
end

local tags = {}

function tags.param(block, rest)
  block.params[#block.params + 1] = named_value(rest)
  block.last = block.params[#block.params]
end

function tags.field(block, rest)
  block.fields[#block.fields + 1] = named_value(rest)
  block.last = block.fields[#block.fields]
end

tags["return"] = function(block, rest)
  block.returns[#block.returns + 1] = return_value(rest)
  block.last = block.returns[#block.returns]
end

function tags.error(block, rest)
  local code, text = rest:match "^(%S+)%s*(.*)$"
  block.errors[#block.errors + 1] = { code = code, text = text }
  block.last = block.errors[#block.errors]
end

function tags.class(block, rest)
  block.class = rest:match "^[%w_%.]+"
end

function tags.private(block)
  block.private = true
end

-- It is called by the name of the module alone: lab(name), which is this function.
function tags.call(block)
  block.call = true
end

local function new_block()
  return { params = {}, returns = {}, fields = {}, errors = {}, text = {} }
end

-- One line of a comment, without its dashes.
local function add_line(block, line)
  local tag, rest = line:match "^%s?@(%a+)%s*(.*)$"
  if line:find "^%s*```" then
    block.fence = not block.fence
    block.example = block.example or {}
  elseif tag then
    block.last = nil
    if tags[tag] then tags[tag](block, rest) end
  elseif block.fence then
    block.example[#block.example + 1] = line:gsub("^ ", "")
  elseif block.last then
    block.last.text = (block.last.text .. " " .. line:match "^%s*(.-)%s*$"):match "^%s*(.*)$"
  else
    block.text[#block.text + 1] = line:match "^%s*(.-)%s*$"
  end
end

-- Takes "Twin: `ip ...`" out of a line.
local function take_twin(line)
  local before, commands = line:match "^(.-)%s*Twins?:%s*(.*)$"
  if not before then return line end
  return before, (commands:gsub("%.$", ""))
end

-- Lines into paragraphs, and the commands that do the same.
local function finish_text(block)
  local paragraphs, current, twins = {}, nil, {}
  for _, line in ipairs(block.text) do
    local rest, twin = take_twin(line)
    twins[#twins + 1] = twin
    if rest ~= "" then
      current = current and current .. " " .. rest or rest
    elseif not twin then
      paragraphs[#paragraphs + 1] = current
      current = nil
    end
  end
  paragraphs[#paragraphs + 1] = current
  return paragraphs[1] and table.concat(paragraphs, "\n\n"), twins[1] and table.concat(twins, ", ")
end

-- The first sentence: up to a full stop that a space or the end follows.
local function first_sentence(text)
  if not text then return nil end
  local paragraph = text:match "^[^\n]*"
  return paragraph:match "^(.-%.)%s+%u" or paragraph
end

-- What a line of code defines: name, kind, argument names; nil: nothing that has a place in the pages.
local function definition(line)
  local name, args = line:match "^function%s+([%w_%.:]+)%s*%(([^%)]*)%)"
  if not name then
    name, args = line:match "^([%a_][%w_]*%.[%w_%.]+)%s*=%s*function%s*%(([^%)]*)%)"
  end
  if not name then return nil end
  local class, field = name:match "^(%u[%w_]*)%.get[%.:]([%w_]+)$"
  if class then return class .. "." .. field, "field", class, field, "" end
  local owner, sep, method = name:match "^([%a_][%w_]*)([%.:])([%w_]+)$"
  if not owner or (owner ~= "m" and not owner:find "^%u") then return nil end
  if sep == "." then args = args:gsub("^self%s*,?%s*", "") end
  return name, "function", owner, method, args
end

local function receiver(class)
  return m.receivers[class] or class:lower()
end

local function make_entry(block, module, line_number, line)
  local name, kind, owner, word, args = definition(line)
  if not name or block.private then return nil end
  local recipe, whole = m.recipe(module)
  local global = recipe and whole and recipe or m.globals[module]
  if word:sub(1, 1) == "_" or word == "missing" or (owner == "m" and not global) then return nil end
  local entry = { kind = kind, line = line_number, word = word, owner = owner }
  if owner == "m" then
    entry.group, entry.name = global, global .. "." .. word
    if block.call then entry.name, entry.word = global, global end
    entry.title = entry.name
  else
    entry.group, entry.name = recipe or receiver(owner), name
    entry.title = receiver(owner) .. ((kind == "field" or DOTTED[owner]) and "." or ":") .. word
  end
  if kind == "function" then entry.title = entry.title .. "(" .. args .. ")" end
  entry.text, entry.twin = finish_text(block)
  entry.documented = entry.text ~= nil
  entry.summary = first_sentence(entry.text)
  entry.params, entry.returns, entry.fields, entry.errors = block.params, block.returns, block.fields, block.errors
  entry.example = block.example and table.concat(block.example, "\n")
  return entry
end

local function class_entry(block, line_number)
  local text = finish_text(block)
  return {
    kind = "class", name = block.class, title = block.class, group = block.class, line = line_number,
    documented = text ~= nil, text = text, summary = first_sentence(text),
    params = {}, returns = {}, fields = block.fields, errors = {},
  }
end

--- Reads the doc comments of a source. Every public function is in the result, documented or not.
---@param source string
---@param module? string the file's name without folder and ".lua": "netns"; of a recipe as it is required: "stdlib.ovs"
---@return nsh.DocEntry[]
function m.parse(source, module)
  local entries, block, number = {}, nil, 0
  for line in (source .. "\n"):gmatch "(.-)\r?\n" do
    number = number + 1
    -- A comment goes on in lines of two dashes, too.
    local comment = line:match "^%-%-%-(.*)$" or block and line:match "^%-%-(.*)$"
    if comment and not comment:find "^%-" then
      block = block or new_block()
      add_line(block, comment)
    else
      if block and block.class then entries[#entries + 1] = class_entry(block, number) end
      entries[#entries + 1] = make_entry(block or new_block(), module, number, line)
      block = nil
    end
  end
  return entries
end

--- Lists the types with fields of their own that a function takes or gives, nsh's live objects left out; behind
--- them those that are in their fields.
---@param entry nsh.DocEntry
---@param find fun(name: string): nsh.DocEntry? finds the entry of a type
---@param taken_only? boolean leave out what it gives, and what is in fields
---@return nsh.DocEntry[]
function m.types_of(entry, find, taken_only)
  local types, seen = {}, {}
  local function add(values)
    for _, value in ipairs(values) do
      for name in value.type:gmatch "%l%w*%.%u%w*" do
        local class = not m.groups[name:lower()] and not seen[name] and find(name)
        seen[name] = true
        if class and #class.fields > 0 then types[#types + 1] = class end
      end
    end
  end
  add(entry.params)
  if taken_only then return types end
  add(entry.returns)
  for _, class in ipairs(types) do add(class.fields) end -- which adds to the list while it is walked
  return types
end

--- Gives the first line of a source, which says what the file is.
---@param source string
---@return string?
function m.about(source)
  return source:match "^%-%-%-?%s*[%w_]+%.lua%s+%-%s+([^\n]+)"
end

return m
