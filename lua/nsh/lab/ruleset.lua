--- ruleset.lua - the packet filter of a node: which of its tables differ from the declared ones, and their repair.
-- The kernel counts the changes of a ruleset: as long as the number is the one that was noted, nobody is asked. Else
-- what nft(8) lists is compared, table by table, with what the same text makes in a namespace of its own.
local core = require "nsh.core"
local fail = require "nsh.error"
local netns = require "nsh.netns"

local m = {}

-- What takes the tables of a text away, whether they are there or not.
local function without(text)
  local lines = {}
  for family, name in text:gmatch "table%s+(%l[%l%d]*)%s+([%w_/.-]+)%s*{" do
    lines[#lines + 1] = ("table %s %s\ndelete table %s %s\n"):format(family, name, family, name)
  end
  for name in text:gmatch "table%s+([%w_/.-]+)%s*{" do
    lines[#lines + 1] = ("table ip %s\ndelete table ip %s\n"):format(name, name)
  end
  return table.concat(lines)
end
m.without = without

-- --- tables as text ---

-- A set whose elements packets add has others each time.
local function settled(block)
  local lines, set, skip = {}, {}, false
  local function close()
    local dynamic = table.concat(set, "\n"):find "flags [%l,]*dynamic"
    for _, line in ipairs(set) do
      if dynamic and line:find "^%s*elements = " then skip = true end
      if not (dynamic and skip) then lines[#lines + 1] = line end
      if line:find "}$" then skip = false end
    end
    set, skip = {}, false
  end
  for line in block:gmatch "[^\n]+" do
    set[#set + 1] = line:gsub(" expires %w+", "")
    if line:find "^\t}" then close() end
  end
  close()
  return table.concat(lines, "\n")
end

-- The tables of a listing by family and name: "table ip nat" = its text.
local function tables_of(listing)
  local found = {}
  for head, body in ("\n" .. listing):gmatch "\n(table %l[%l%d]* [^\n]-) {(.-\n)}" do
    found[head] = ("%s {%s}"):format(head, body)
  end
  return found
end

local function listed(ns)
  local result = ns:exec({ "nft", "-s", "list", "ruleset" }, { env = { LC_ALL = "C" } })
  return tables_of(result.out)
end

-- What a text makes where nobody has changed it; nil: that can't be told. Chains and rules may name links.
local function made(text, links)
  local elsewhere <close> = netns.scratch()
  for _, link in ipairs(links) do
    if link.name ~= "lo" then core.link.add(elsewhere.core, { name = link.name, kind = "bridge" }) end
  end
  local ok, found = pcall(function()
    elsewhere:nft(text)
    return listed(elsewhere)
  end)
  return ok and found or nil
end

local function declared(ns, text) return made(text, core.link.list(ns.core, {}) or {}) end

--- Writes a ruleset as nft(8) lists what it makes, table by table, so that two that mean the same are the same text.
---@param text string
---@param links table[] records of links, by their names
---@return string text as it was, without empty lines and indentation, where there is nobody to ask
function m.normal(text, links)
  local tables = made(text, links)
  if not tables then return (text:gsub("[ \t]+", " "):gsub("\n%s+", "\n"):gsub("^%s+", "")) end
  local heads, blocks = {}, {}
  for head in pairs(tables) do heads[#heads + 1] = head end
  table.sort(heads)
  for i, head in ipairs(heads) do blocks[i] = settled(tables[head]) end
  return table.concat(blocks, "\n")
end

-- --- the ruleset of a node ---

-- Without anything to compare with: tables of the text that aren't there.
local function lost(text, there)
  for family, name in text:gmatch "table%s+(%l[%l%d]*)%s+([%w_/.-]+)%s*{" do
    local head = ("table %s %s"):format(family, name)
    if not there[head] then return { [head] = {} } end
  end
end

local function differing(wanted, there)
  local off
  for head, block in pairs(wanted) do
    if not there[head] or settled(there[head]) ~= settled(block) then
      off = off or {}
      off[head] = { there[head], block }
    end
  end
  return off
end

--- Returns what is there of the ruleset that was applied last.
---@param ns nsh.Netns
---@param record table { text, generation, tables }
---@return table? record the same, or one with off: { from, to } by table; nil: all is gone
function m.look(ns, record)
  local generation = fail.check("nft", nil, ns, core.nft.generation(ns.core))
  if generation == record.generation or generation == 0 then return record end
  if record.text:find "table%s" and core.nft.used(ns.core) == false then return nil end
  local there = listed(ns)
  local wanted = record.tables or declared(ns, record.text)
  local now = { text = record.text, tables = record.tables, generation = generation }
  if wanted then now.off = differing(wanted, there) else now.off, now.whole = lost(record.text, there), true end
  return now
end

--- Returns a ruleset that is wished as one that is there, where somebody has made its tables just so.
---@param ns nsh.Netns
---@param wish table { text }
---@return table? record as look() returns it; nil: what is there isn't as it is wished
function m.find(ns, wish)
  if not core.nft.used(ns.core) then return nil end
  local generation = fail.check("nft", nil, ns, core.nft.generation(ns.core))
  local wanted = declared(ns, wish.text)
  if not wanted or next(wanted) == nil or differing(wanted, listed(ns)) then return nil end
  return { text = wish.text, generation = generation }
end

--- Tells what of a ruleset differs.
---@param wish table
---@param live table what look() returned
---@return table<string, any[]>? changes
function m.changes(wish, live)
  if wish.text ~= live.text then return { text = { #live.text .. " bytes", #wish.text .. " bytes" } } end
  if not live.off then
    wish.generation, wish.tables = live.generation, live.tables
    return nil
  end
  local found = {}
  for head, pair in pairs(live.off) do found[head] = { pair[1] and "otherwise" or nil, "as declared" } end
  return found
end

-- Puts the texts of tables in their places, all at once; `which` of { from, to }.
local function put(ns, off, which)
  local lines = {}
  for head, pair in pairs(off) do lines[#lines + 1] = ("%s\ndelete %s\n%s\n"):format(head, head, pair[which] or "") end
  ns:nft(table.concat(lines))
end

--- Makes a ruleset another one, or those of its tables again that aren't as they were declared.
---@param ns nsh.Netns
---@param wish table
---@param live table
function m.change(ns, wish, live)
  if wish.text == live.text and wish.off then
    put(ns, wish.off, 1) -- the way back
  elseif wish.text == live.text and live.off and not live.whole then
    put(ns, live.off, 2)
  else
    ns:nft(without(live.text) .. wish.text)
  end
  return true
end

--- Notes how a ruleset stands that was made.
---@param ns nsh.Netns
---@param record table
---@param others boolean what runs in the node may have changed it since, and that counts as declared
function m.note(ns, record, others)
  local generation = fail.check("nft", nil, ns, core.nft.generation(ns.core))
  if record.generation == generation then return end
  record.generation, record.tables = generation, others and {} or nil
  if not others then return end
  for head, block in pairs(listed(ns)) do
    if record.text:find(head:match "%S+$", 1, true) then record.tables[head] = block end
  end
end

return m
