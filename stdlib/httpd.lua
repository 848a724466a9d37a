--- httpd.lua - a web server that gives files, and a client, by busybox(1).
--
--     local server <close> = httpd.start(web, { pages = { ["index.html"] = "hello\n" } })
--     print(httpd.get(host, "http://10.0.0.2/"))
local daemon = require "stdlib.daemon"
local nsh = require "nsh"

local m = {}

--- A server that runs.
---@class httpd.Server
---@field daemon daemon.Daemon the program
---@field netns nsh.Netns
---@field port integer
local _, mt = daemon.class "httpd"

local function page_path(name, text)
  local is_name = type(name) == "string" and not name:find "^/" and not name:find("..", 1, true)
  if not is_name or type(text) ~= "string" then
    nsh.misuse 'pages are texts by their names, as { ["index.html"] = "hello" }'
  end
  return "pages/" .. name
end

--- Starts a server and returns when it listens, at all addresses of the namespace.
---@param ns nsh.Netns|nsh.LabNode|string
---@param spec { pages?: table<string, string>, dir?: string, port?: integer } pages: texts by their names.
---  dir: a folder of files instead. port: 80
---@return httpd.Server
---@error ENOENT busybox is missing; the hint names the package
---@error EADDRINUSE the port is taken
function m.start(ns, spec)
  ns = daemon.netns(ns, "the first argument of httpd.start")
  spec = nsh.options(spec, "httpd", { "pages", "dir", "port" })
  local port = spec.port or 80
  if math.type(port) ~= "integer" or port < 1 or port > 65535 then
    nsh.misuse("port is a number from 1 to 65535, not " .. tostring(port))
  end
  if (spec.pages == nil) == (spec.dir == nil) or spec.pages and not next(spec.pages) then
    nsh.misuse "httpd needs either pages or dir: what it gives"
  end
  daemon.find "busybox"
  local pages = {}
  for name, text in pairs(spec.pages or {}) do pages[page_path(name, text)] = text end
  local d = daemon.start { "httpd", netns = ns, data = pages, ready = { tcp = port },
    command = { "busybox", "httpd", "-f", "-p", tostring(port), "-h", spec.dir or "$DIR/pages" } }
  return setmetatable({ daemon = d, netns = ns, port = port }, mt)
end

--- Gets a page.
---@param ns nsh.Netns|nsh.LabNode|string who asks
---@param url string "http://10.0.0.2/", "http://[fd00::2]:8080/page"
---@param timeout? number|string seconds (5)
---@return string body
---@error EXIT it can't be had: with the client's own words
---@error TIMEOUT nobody answered
function m.get(ns, url, timeout)
  ns = daemon.netns(ns, "the first argument of httpd.get")
  if type(url) ~= "string" or not url:find "^%a+://." then
    nsh.misuse('url is text as "http://10.0.0.2/", not ' .. tostring(url))
  end
  daemon.find "busybox"
  return ns:exec({ "busybox", "wget", "-q", "-O-", url }, { timeout = timeout or 5 }).out
end

--- Tells whether its program is there.
---@return boolean
---@return string? why it isn't, and the package that brings it
function m.available() return daemon.available "busybox" end

return m
