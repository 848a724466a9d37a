--- graph.lua - pictures of a lab, built or not: as characters, for graphviz, for Markdown, for a browser.
local fail = require "nsh.error"
local model = require "nsh.lab.graph_model"

local m = {}

local OPTIONS = { "format", "file", "live", "ascii", "layout" }

local FORMATS = {
  text = function(picture, options) return require("nsh.lab.graph_text").draw(picture, options.ascii) end,
  dot = function(picture) return require("nsh.lab.graph_dot").draw(picture) end,
  mermaid = function(picture) return require("nsh.lab.graph_mermaid").draw(picture) end,
  svg = function(picture, options) return require("nsh.lab.graph_svg").draw(picture, options.layout) end,
  html = function(picture, options) return require("nsh.lab.graph_html").draw(picture, options.layout) end,
}

--- The formats, the first one is that of net:graph().
---@private
m.FORMATS = { "text", "dot", "mermaid", "svg", "html" }

-- What the name of a file says of what is to be in it.
local ENDINGS = { txt = "text", dot = "dot", gv = "dot", mmd = "mermaid", svg = "svg", html = "html", htm = "html" }

--- Returns the format of a picture for which none was said, and whether there is one that was.
---@private
---@param format? string
---@param file? string where it is written to
---@return string format, boolean known
function m.format(format, file)
  local ending = file and file:match "%.(%w+)$"
  format = format or ending and (ENDINGS[ending:lower()] or ending) or "text"
  return format, FORMATS[format] ~= nil
end

local function check(options)
  options = fail.known(options, "graph", OPTIONS)
  for _, key in ipairs { "format", "file", "layout" } do
    if options[key] ~= nil and type(options[key]) ~= "string" then
      fail.misuse("%s of graph is text, not a %s", key, type(options[key]))
    end
  end
  for _, key in ipairs { "live", "ascii" } do
    if options[key] ~= nil and type(options[key]) ~= "boolean" then
      fail.misuse("%s of graph is true or false, not %s", key, tostring(options[key]))
    end
  end
  local known
  options.format, known = m.format(options.format, options.file)
  if not known then
    fail.misuse("graph has no format '%s'; it has %s", options.format, table.concat(m.FORMATS, ", "))
  end
  if options.layout and options.layout ~= "dot" and options.layout ~= "own" then
    fail.misuse("layout of graph is 'dot' or 'own', not '%s'", options.layout)
  end
  return options
end

local function write(path, text)
  local file, message, errno = io.open(path, "w")
  local ok = file
  if file then
    ok, message, errno = file:write(text)
    local closed, close_message, close_errno = file:close()
    if ok and not closed then ok, message, errno = closed, close_message, close_errno end
  end
  if not ok then
    fail.raise { op = "graph", target = path, errno = errno, code = errno == 2 and "ENOENT" or errno == 13 and "EACCES"
      or errno == 28 and "ENOSPC" or "EIO", message = (message:gsub("^.*: ", "")) }
  end
end

--- Draws a lab.
---@private
---@param lab nsh.Lab
---@param options? table of Lab:graph
---@return string
function m.draw(lab, options)
  options = check(type(options) == "string" and { format = options } or options)
  if not lab.nodes[1] then
    fail.misuse("lab %s has no nodes yet; declare one before it is drawn, as net:host \"h1\"", lab.name)
  end
  local text = FORMATS[options.format](model.of(lab, options.live), options)
  if options.file then write(options.file, text .. (text:sub(-1) == "\n" and "" or "\n")) end
  return text
end

return m
