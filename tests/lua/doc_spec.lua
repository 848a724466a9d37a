-- doc_spec.lua - doc comments read, help shown
local doc = require "nsh.doc"
local help = require "nsh.help"

local SOURCE = [[
--- netns.lua - namespaces by name.
local m = {}

--- Options of add.
---@class nsh.AddOptions
---@field mtu? integer biggest packet (bytes)
---@field peer { name: string, netns: nsh.Netns } the other end
---   of the pair

--- Makes a named namespace. It begins with the kernel's defaults.
---
--- More text. Twin: `ip netns add NAME`.
---@param name string 1-255 bytes
---@param opts? nsh.AddOptions|{ force?: boolean } what to do
---@return nsh.Netns
---@return integer? its id
---@error EEXIST there is one of that name
--- ```lua
--- local ns = netns.add "a"
---   ns:links()
--- ```
function m.add(name, opts)
end

--- Lists links.
-- All of them.
-- Twin: `ip link`
---@param callback fun(x: integer): boolean called for each
function Netns:links(callback)
end

--- Its name.
---@return string
function Netns.get.name(self) end
Netns.get.id = function(self) end
function Netns:undocumented(a, b) end
function Netns:_private() end
function Netns:missing(key) end
function Netns.__close(self) end
local function helper() end
function mt:__tostring() end
]]

local function by_title(entries)
  local map = {}
  for _, entry in ipairs(entries) do map[entry.title] = entry end
  return map
end

describe("doc", function()
  local entries = doc.parse(SOURCE, "netns")
  local found = by_title(entries)

  it("finds what is public and nothing else", function()
    local titles = {}
    for i, entry in ipairs(entries) do titles[i] = entry.title end
    assert.same({ "nsh.AddOptions", "netns.add(name, opts)", "ns:links(callback)", "ns.name", "ns.id",
      "ns:undocumented(a, b)" }, titles)
  end)

  it("takes functions of other modules' tables for internal", function()
    for _, entry in ipairs(doc.parse(SOURCE, "show")) do assert.not_equal("add", entry.word) end
  end)

  it("gives the functions of a recipe its name, and those of its parts to it", function()
    local whole, part = doc.parse(SOURCE, "stdlib.shop"), doc.parse(SOURCE, "stdlib.shop_till")
    local titles = by_title(whole)
    assert.equal("shop", titles["shop.add(name, opts)"].group)
    assert.equal("shop", titles["ns:links(callback)"].group)
    assert.equal("m", titles["shop.add(name, opts)"].owner)
    assert.equal("shop", by_title(part)["ns:links(callback)"].group)
    assert.is_nil(by_title(part)["shop.add(name, opts)"])
  end)

  it("reads text, twin, parameters, results, errors and example", function()
    local add = found["netns.add(name, opts)"]
    assert.equal("Makes a named namespace. It begins with the kernel's defaults.\n\nMore text.", add.text)
    assert.equal("Makes a named namespace.", add.summary)
    assert.equal("`ip netns add NAME`", add.twin)
    assert.same({ name = "name", type = "string", text = "1-255 bytes", optional = false }, add.params[1])
    assert.same({ name = "opts", type = "nsh.AddOptions|{ force?: boolean }", text = "what to do", optional = true },
      add.params[2])
    assert.same({ type = "integer", text = "its id", optional = true }, add.returns[2])
    assert.same({ { code = "EEXIST", text = "there is one of that name" } }, add.errors)
    assert.equal('local ns = netns.add "a"\n  ns:links()', add.example)
    assert.equal("netns", add.group)
  end)

  it("reads types with spaces, and texts of two lines", function()
    assert.equal("Lists links. All of them.", found["ns:links(callback)"].text)
    assert.equal("fun(x: integer): boolean", found["ns:links(callback)"].params[1].type)
    local fields = found["nsh.AddOptions"].fields
    assert.is_true(fields[1].optional)
    assert.equal("{ name: string, netns: nsh.Netns }", fields[2].type)
    assert.equal("the other end of the pair", fields[2].text)
  end)

  it("tells what lacks a comment, and where it is", function()
    local entry = found["ns:undocumented(a, b)"]
    assert.is_false(entry.documented)
    assert.truthy(SOURCE:match(("[^\n]*\n"):rep(entry.line - 1) .. "([^\n]*)"):find "undocumented")
    assert.is_false(found["ns.id"].documented)
    assert.equal("field", found["ns.id"].kind)
  end)

  it("finds the types that a function takes", function()
    local function find(name) return found[name] end
    local types = doc.types_of(found["netns.add(name, opts)"], find)
    assert.same({ found["nsh.AddOptions"] }, types)
    assert.same({}, doc.types_of(found["ns:links(callback)"], find))
  end)

  it("finds the types in their fields, each once", function()
    local parts = by_title(doc.parse(table.concat({ "--- A whole.", "---@class nsh.Whole", "---@field part nsh.Part",
      "", "--- A part.", "---@class nsh.Part", "---@field whole nsh.Whole", "---@field n integer", "",
      "--- Makes one.", "---@return nsh.Whole", "function Netns:whole() end", "" }, "\n"), "netns"))
    local types = doc.types_of(parts["ns:whole()"], function(name) return parts[name] end)
    assert.same({ parts["nsh.Whole"], parts["nsh.Part"] }, types)
    assert.same({}, doc.types_of(parts["ns:whole()"], function(name) return parts[name] end, true))
  end)

  it("says what a file is", function()
    assert.equal("namespaces by name.", doc.about(SOURCE))
  end)
end)

describe("help", function()
  it("gives an overview", function()
    assert.truthy(help.text():find("help", 1, true))
  end)

  it("knows recipes, whether they are loaded or not", function()
    local said = help.text "daemon"
    assert.is_truthy(said:find('daemon: require "stdlib.daemon"', 1, true))
    assert.is_truthy(said:find("daemon.start(spec)", 1, true))
    assert.equal(said, help.text "stdlib.daemon")
    assert.is_truthy(help.text "daemon.dir":find "^daemon.dir%(name%)")
    assert.is_truthy(help.text(require "stdlib.daemon".dir):find "^daemon.dir%(name%)")
  end)

  it("knows methods by whatever stands before their names", function()
    for topic, title in pairs {
      ["lab.host"] = "net:host(spec)", ["lab:host"] = "net:host(spec)", ["net.host"] = "net:host(spec)",
      ["Lab.host"] = "net:host(spec)", ["lab.up"] = "net:up()", ["lab:link"] = "net:link(spec)",
      ["node.route"] = "node:route(spec)", ["host.ping"] = "ns:ping(dst, options)",
      ["netns.add_route"] = "ns:add_route(route)", ["red:add_route"] = "ns:add_route(route)",
      ["test.lab"] = "test.lab(what, options)", ["nsh.test.lab"] = "test.lab(what, options)",
      ["assert.reachable"] = "assert.reachable(from, to, options)", ["Netns.add_link"] = "ns:add_link(spec)",
    } do
      local said = help.text(topic)
      assert.equal(title, said:match "^[^\n]*", topic)
      assert.is_nil(said:match "\n\n%l[%w_]*[:.][%w_]+%(", topic)
    end
    for _, topic in ipairs { "nsh.test", "test" } do
      assert.truthy(help.text(topic):find "^test: labs in specs.*\n  test%.lab%(what, options%) +Says")
    end
    assert.equal(help.text "test", help.text(require "nsh.test"))
    assert.truthy(help.text "assert":find "assert%.matrix%(lab, expected, options%)")
    assert.truthy(help.text "lab.hots":find('did you mean "host"', 1, true), help.text "lab.hots")
  end)

  it("knows methods themselves, of labs and nodes too", function()
    local net = nsh.lab "help"
    local h1 = net:host "h1"
    for title, method in pairs { ["net:host(spec)"] = net.host, ["net:up()"] = net.up, ["node:route(spec)"] = h1.route,
      ["node:link(spec)"] = h1.link, ["ns:ping(dst, options)"] = h1.ping } do
      assert.equal(title, help.text(method):match "^[^\n]*")
    end
  end)

  it("lists the recipes, and no parts of them", function()
    local list = help.text "stdlib"
    assert.is_truthy(list:find "\n  firewall address translation")
    assert.is_truthy(list:find "\n  httpd    a web server")
    assert.is_nil(list:find("ovs_", 1, true))
  end)

  it("says when it knows nothing", function()
    assert.truthy(help.text("no such\27topic"):find("No help for 'no such\\x1btopic'", 1, true))
    assert.truthy(help.text(print):find "not one of nsh's own")
  end)

  it("lists the option keys of a documented function", function()
    assert.same({ "force" }, help.options(doc.parse(SOURCE, "netns")[2]))
  end)
end)
