--- nft.lua - packet filter and address translation of a namespace, by nft(8), which is run there.
local fail = require "nsh.error"
local features = require "nsh.features"
local show = require "nsh.show"
local text = require "nsh.text"
local Netns = require("nsh.netns").Netns

local m = {}

-- What the C library calls the errors that the kernel gives nft.
local ERRNO = {
  ["Address family not supported by protocol"] = { "EAFNOSUPPORT", 97 },
  ["Device or resource busy"] = { "EBUSY", 16 },
  ["File exists"] = { "EEXIST", 17 },
  ["Invalid argument"] = { "EINVAL", 22 },
  ["Is a directory"] = { "EISDIR", 21 },
  ["No buffer space available"] = { "ENOBUFS", 105 },
  ["No such device"] = { "ENODEV", 19 },
  ["No such file or directory"] = { "ENOENT", 2 },
  ["Numerical result out of range"] = { "ERANGE", 34 },
  ["Operation not permitted"] = { "EPERM", 1 },
  ["Operation not supported"] = { "EOPNOTSUPP", 95 },
  ["Too many levels of symbolic links"] = { "ELOOP", 40 },
  ["Too many links"] = { "EMLINK", 31 },
  ["Value too large for defined data type"] = { "EOVERFLOW", 75 },
}

local function line_of(source, wanted)
  local number = 0
  for line in (source .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if number == wanted then return line end
  end
end

-- What nft complained of: { file, line, column, last, said }; file is nil for the text that it was given.
local function complaints(err)
  local list = {}
  for line in err:gmatch "[^\n]+" do
    local where, said = line:match "^(.-)Error: (.*)$"
    if said then
      local file, number, first, last = where:match "^(.*):(%d+):(%d+)%-(%d+): $"
      if file == "/dev/stdin" then file = nil end
      list[#list + 1] = { file = file, line = math.tointeger(tonumber(number)), said = said,
        column = math.tointeger(tonumber(first)), last = math.tointeger(tonumber(last)) }
    end
  end
  return list
end

-- The place in the text, with the line itself and a mark below it.
local function excerpt(source, at)
  local line = line_of(source, at.line)
  if at.file or not line then return "" end
  local indent = line:sub(1, at.column - 1):gsub("[^\t]", " ")
  return ("\n    %s\n    %s%s"):format(text.escape(line, "\t"), indent, ("^"):rep(math.max(1, at.last - at.column + 1)))
end

local function refuse(ns, source, result)
  local list = complaints(result.err)
  local first = list[1] or { said = result.err:match "^%s*(.-)%s*$" }
  local known = ERRNO[first.said:match ": ([^:]+)$" or ""] or ERRNO[first.said:match "^([^;]+)"]
  local code = known and known[1] or result.signal and "SIGNAL" or "NFT"
  local message = ("%s (%s)"):format(first.said, code)
  if first.line and first.line > 0 then
    message = ("%sline %d, column %d: %s%s"):format(first.file and first.file .. ", " or "", first.line, first.column,
      message, excerpt(source, first))
  end
  fail.raise { op = "nft", netns = ns.label, code = code, errno = known and known[2], message = message,
    said = first.said, file = first.file, line = first.line, column = first.column, err = result.err }
end

-- Runs nft; what it refuses is raised.
local function run(ns, words, source)
  if not features.path "nft" then
    fail.raise { op = "nft", netns = ns.label, code = "ENOENT", errno = 2, message = "no program 'nft' in PATH",
      hint = features.program "nft" }
  end
  table.insert(words, 1, "nft")
  local result = ns:exec(words, { input = source, check = false, env = { LC_ALL = "C" } })
  if result.status ~= 0 then refuse(ns, source or "", result) end
  return result.out
end

-- The reader and writer of JSON. It isn't ours: a script that needs no ruleset as data does without it.
local function json()
  local ok, module = pcall(require, "dkjson")
  if ok then return module end
  fail.raise { op = "nft", code = "ENOENT", errno = 2, message = "no Lua module dkjson, which reads nft's JSON",
    hint = "apt-get install lua-dkjson brings it" }
end

-- JSON has null where a statement has no options, as { "accept": null }: that is true in Lua, as a flag that is set.
local function with_null(value, null)
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, v in pairs(value) do copy[key] = with_null(v, null) end
  for _, statement in ipairs(type(copy.expr) == "table" and copy.expr or {}) do
    local name = type(statement) == "table" and next(statement)
    if name and statement[name] == true then statement[name] = null end
  end
  return copy
end

local function encoded(ruleset)
  if type(ruleset.nftables) ~= "table" then fail.misuse("a ruleset is a table { nftables = {...} }") end
  local writer = json()
  local ok, words = pcall(writer.encode, with_null(ruleset, writer.null))
  if not ok then fail.misuse("the ruleset is no JSON: %s", tostring(words)) end
  return words
end

--- Changes the packet filter and the address translation of the namespace, all of it or, when there is a mistake,
--- nothing. It runs nft(8) there. The error has nft's own words and the place in the text: `line`, `column`, `said`.
--- Twin: `ip netns exec NAME nft -f FILE`
---@param ruleset string|table commands of nft, or what ns:nft_ruleset() returned, which is added to what is there
---@param opts? { check?: boolean } check = true: only says whether it would be taken
---@error NFT nft doesn't understand the text
---@error ENOENT a table, chain or set that it names isn't there, nft is missing, or the kernel lacks what it needs
---@error EEXIST what `create` makes is there
---@error EBUSY what it deletes is in use
function Netns:nft(ruleset, opts)
  opts = fail.known(opts, "nft", { "check" })
  if type(ruleset) ~= "string" and type(ruleset) ~= "table" then
    fail.misuse("a ruleset is text, or what nft_ruleset() returned, not a %s", type(ruleset))
  end
  if opts.check ~= nil and type(opts.check) ~= "boolean" then fail.misuse("check is true or false") end
  local words = { "-f", "-" }
  if type(ruleset) == "table" then
    ruleset = encoded(ruleset)
    table.insert(words, 1, "-j")
  end
  if ruleset:find("\0", 1, true) then fail.misuse("the ruleset contains a NUL byte") end
  if opts.check then table.insert(words, 1, "-c") end
  run(self, words, ruleset .. "\n")
end

-- Rulesets print as nft wrote them when they were read; they are plain data all the same, so that text stands here.
local texts = setmetatable({}, { __mode = "k" })
local Ruleset = { __name = "nft.ruleset", __jsontype = "object" }

function Ruleset.__tostring(ruleset) return texts[ruleset] ~= "" and texts[ruleset] or "(none)" end

local function read(ns)
  local out = run(ns, { "-j", "list", "ruleset" })
  local ruleset, _, message = json().decode(out, 1, true, nil)
  if ruleset then return ruleset end
  fail.raise { op = "nft", netns = ns.label, code = "NFT", message = "no JSON from nft: " .. tostring(message) }
end

--- Returns the whole ruleset of the namespace as data, as nft(8) has it in JSON; a statement without options, which
--- JSON has as `{ "accept": null }`, is `{ accept = true }`. It prints as `nft list ruleset` does.
--- Twin: `ip netns exec NAME nft -j list ruleset`
---@return table ruleset { nftables = { { metainfo = ... }, { table = ... }, { chain = ... }, { rule = ... } } }
---@error ENOENT nft or the Lua module dkjson is missing
function Netns:nft_ruleset()
  local ruleset = setmetatable(read(self), Ruleset)
  texts[ruleset] = run(self, { "list", "ruleset" }):match "^(.-)%s*$"
  return ruleset
end

local COUNTER_KEYS = { "family", "table", "chain", "name", "handle", "comment" }

local function fits(record, filter)
  for key, value in pairs(filter) do
    if record[key] ~= value then return false end
  end
  return true
end

--- Reads the counters of the ruleset: those with a name, and those of rules, which have a chain and a handle.
--- Twin: `ip netns exec NAME nft list counters`
---@param filter? { family?: string, table?: string, chain?: string, name?: string, handle?: integer, comment?: string }
---@return table[] records { family, table, chain, name, handle, comment, packets, bytes }
---@error ENOENT nft or the Lua module dkjson is missing
function Netns:nft_counters(filter)
  filter = fail.known(filter, "nft_counters", COUNTER_KEYS)
  local list = setmetatable({}, show.List)
  local function add(of, counter)
    local record = setmetatable({ family = of.family, table = of.table, chain = of.chain, name = of.name,
      handle = of.handle, comment = of.comment, packets = counter.packets, bytes = counter.bytes }, show.Record)
    if fits(record, filter) then list[#list + 1] = record end
  end
  for _, element in ipairs(read(self).nftables) do
    if element.counter then add(element.counter, element.counter) end
    for _, statement in ipairs(element.rule and element.rule.expr or {}) do
      if type(statement.counter) == "table" then add(element.rule, statement.counter) end
    end
  end
  return list
end

return m
