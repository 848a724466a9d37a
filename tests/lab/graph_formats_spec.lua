-- graph_formats_spec.lua - pictures of labs for graphviz, Markdown and browsers; graphviz and xmllint are the oracles
local h = require "tests.helper"
local models = require "tests.lab.models"
local dot = require("nsh.lab.graph_dot").draw
local mermaid = require("nsh.lab.graph_mermaid").draw
local svg = require("nsh.lab.graph_svg").draw

-- Names as nobody gives them, and each language has its own trouble with.
local function nasty()
  local b = models.builder 'the "lab" <&>'
  local names = { 'a"b', "back\\slash\\", "<b>&amp;", "end", "}]|;", "#35;`x`", "%d%s", "网络", "x\27[0m", "-->" }
  for i, name in ipairs(names) do
    b.node(name, ({ "host", "switch", "router", "external" })[i % 4 + 1], { 'lo "x" <y>\\n' })
    if i > 1 then b.edge(i - 1, i, { label = 'la"bel <i> \\N', a_down = i == 3, kind = i == 5 and "vxlan" or nil }) end
  end
  return b.model
end

local SHAPES = { models.chain(2), models.star(12), models.leaf_spine(2, 3, 2), models.grid(3, 4), models.sites(),
  models.chain(5, true), nasty() }

local function run(words, input)
  if not nsh.program(words[1]) then h.pending(words[1] .. " is missing") end
  return netns.current():exec(words, { input = input }).out
end

local function count(text, pattern) return select(2, text:gsub(pattern, "")) end

describe("a picture for graphviz", function()
  for i, model in ipairs(SHAPES) do
    it(("is drawn by it, %s (%d)"):format(model.name:match "%w+", i), function()
      local out = run({ "dot", "-Tsvg" }, dot(model))
      assert.equal(#model.nodes, count(out, 'class="node"'))
      assert.equal(#model.edges, count(out, 'class="edge"'))
    end)
  end

  it("has names as they are", function()
    local out = run({ "dot", "-Tsvg" }, dot(nasty()))
    for _, name in ipairs { "a&quot;b", "back\\slash\\", "&lt;b&gt;&amp;amp;", "网络", "x\\x1b[0m" } do
      assert.truthy(out:find(name .. "[ <]") or out:find(">" .. name, 1, true), name .. " isn't in " .. out)
    end
  end)

  it("has what stands at the ends of links, and shapes by kind", function()
    local text = dot(models.star(2))
    assert.truthy(text:find('taillabel="eth0", headlabel="eth0\\n10.0.1.1/24"', 1, true), text)
    assert.truthy(text:find 'label="sw1 %(switch%)\\n10.0.0.254/24", [^\n]*shape=box3d')
  end)

  it("has a frame around each switch and its hosts, where there are more", function()
    local b = models.builder "two"
    for s = 1, 2 do
      local switch = b.node("sw" .. s, "switch")
      for i = 1, 2 do b.edge(b.node(("h%d%d"):format(s, i)), switch) end
    end
    local out = run({ "dot", "-Tsvg" }, dot(b.model))
    assert.equal(2, count(out, 'class="cluster"'))
    assert.equal(6, count(out, 'class="node"'))
  end)
end)

-- A flowchart, read strictly: what isn't known is an error.
local function read_mermaid(text)
  local nodes, edges, classes = {}, {}, {}
  local label = '"([^"\n]*)"'
  local shapes = { "^  (n%d+)%(" .. label .. "%)$", "^  (n%d+)%[" .. label .. "%]$", "^  (n%d+){{" .. label .. "}}$",
    "^  (n%d+)%[/" .. label .. "/%]$" }
  local first = true
  for line in text:gmatch "([^\n]*)\n" do
    local id, words
    for _, shape in ipairs(shapes) do
      if not id then id, words = line:match(shape) end
    end
    local a, tie, between, b = line:match('^  (n%d+) ([-.]+)|' .. label .. "| (n%d+)$")
    if first then
      assert.equal("flowchart LR", line)
      first = false
    elseif id then
      assert.is_nil(nodes[id])
      nodes[id] = words
    elseif a then
      assert.truthy((tie == "---" or tie == "-.-") and nodes[a] and nodes[b], line)
      edges[#edges + 1] = { a = a, b = b, words = between }
      words = between
    elseif line:find "^  class [n%d,]+ %l+$" then
      for one in line:gmatch "n%d+" do classes[one] = line:match "%l+$" end
    else
      assert.truthy(line:find "^  classDef %l+ [%w:#,%- ]+$" or line:find "^  linkStyle [%d,]+ stroke:#%x+$", line)
    end
    if words then -- only letters, harmless signs, coded characters and line breaks
      local rest = words:gsub("<br/>", ""):gsub("#%d+;", "")
      assert.is_nil(rest:find "[\"#<>&`{}|;\\]", line)
      assert.is_truthy(utf8.len(rest))
    end
  end
  return nodes, edges, classes
end

local function decode(words) return (words:gsub("#(%d+);", function(n) return string.char(tonumber(n)) end)) end

describe("a picture for Markdown", function()
  it("is a flowchart with all nodes and links", function()
    for _, model in ipairs(SHAPES) do
      local nodes, edges, classes = read_mermaid(mermaid(model))
      for i, node in ipairs(model.nodes) do
        local name = require("nsh.text").escape(node.name)
        assert.equal(name, decode(nodes["n" .. i]):sub(1, #name))
        assert.equal(node.kind, classes["n" .. i])
      end
      assert.equal(#model.edges, #edges)
      for i, edge in ipairs(model.edges) do
        local ends = { [edges[i].a] = true, [edges[i].b] = true }
        assert.truthy(ends["n" .. edge.a] and ends["n" .. edge.b])
        assert.truthy(edges[i].words:find(edge.a_name, 1, true) and edges[i].words:find(edge.b_name, 1, true))
      end
    end
  end)

  it("marks tunnels and what is down", function()
    local text = mermaid(nasty())
    assert.truthy(text:find "%-%.%-")
    assert.truthy(text:find "linkStyle 1 stroke")
  end)
end)

-- The boxes and lines of a drawing.
local function read_svg(text)
  local boxes, lines = {}, {}
  for id, title, x, y, w, hh in text:gmatch('id="node%-(%d+)"><title>([^<]*)</title>%s*<rect x="([-%d.]+)" '
    .. 'y="([-%d.]+)" width="([%d.]+)" height="([%d.]+)"') do
    boxes[tonumber(id)] = { title = title, x = tonumber(x), y = tonumber(y), w = tonumber(w), h = tonumber(hh) }
  end
  for id, d in text:gmatch 'id="link%-(%d+)".-class="wire" d="([^"]+)"' do
    local numbers = {}
    for number in d:gmatch "-?[%d.]+" do numbers[#numbers + 1] = tonumber(number) end
    lines[tonumber(id)] = { x1 = numbers[1], y1 = numbers[2], x2 = numbers[#numbers - 1], y2 = numbers[#numbers] }
  end
  return boxes, lines
end

local function on_border(box, x, y)
  return (math.abs(x - box.x) < 1.5 or math.abs(x - box.x - box.w) < 1.5) and y > box.y and y < box.y + box.h
end

local function check_svg(model, by)
  local text = svg(model, by)
  run({ "xmllint", "--noout", "--nonet", "-" }, text)
  local boxes, lines = read_svg(text)
  assert.equal(#model.nodes, #boxes)
  assert.equal(#model.edges, #lines)
  for i, a in ipairs(boxes) do
    for j = i + 1, #boxes do
      local b = boxes[j]
      assert.is_false(a.x < b.x + b.w and b.x < a.x + a.w and a.y < b.y + b.h and b.y < a.y + a.h,
        a.title .. " lies on " .. b.title)
    end
  end
  for i, edge in ipairs(model.edges) do
    local a, b, line = boxes[edge.a], boxes[edge.b], lines[i]
    assert.is_true(on_border(a, line.x1, line.y1) and on_border(b, line.x2, line.y2)
      or on_border(b, line.x1, line.y1) and on_border(a, line.x2, line.y2), "link " .. i .. " ends elsewhere")
  end
  return text
end

describe("a drawing", function()
  for _, by in ipairs { "own", "dot" } do
    it("has all nodes and links, laid out by " .. by, function()
      if by == "dot" and not nsh.program "dot" then h.pending "dot is missing" end
      for _, model in ipairs(SHAPES) do check_svg(model, by) end
    end)
  end

  it("is made for many nodes as well", function()
    check_svg(models.star(300), "own")
    local model = models.chain(80)
    for i = 1, 80 do
      for j = i + 2, 80, 9 do
        table.insert(model.edges, { a = i, b = j, a_name = "x" .. j, b_name = "y" .. i, a_addrs = {}, b_addrs = {} })
      end
    end
    check_svg(model, "own")
  end)

  it("has text that is text", function()
    local text = svg(nasty(), "own")
    assert.truthy(text:find("a&quot;b", 1, true))
    assert.truthy(text:find("&lt;b&gt;&amp;amp;", 1, true))
    assert.is_nil(text:find "\27")
  end)

  it("is for light and dark", function()
    assert.truthy(svg(models.chain(2), "own"):find "prefers%-color%-scheme: dark")
  end)

  it("is the same each time", function()
    assert.equal(svg(models.grid(3, 4), "own"), svg(models.grid(3, 4), "own"))
  end)
end)
