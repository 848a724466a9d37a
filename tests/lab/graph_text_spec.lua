-- graph_text_spec.lua - pictures of labs made of characters: each is read again, and must say what was drawn
local models = require "tests.lab.models"
local pictures = require "tests.lab.pictures"
local draw = require("nsh.lab.graph_text").draw

local function title_of(node) return node.kind ~= "host" and ("%s (%s)"):format(node.name, node.kind) or node.name end

local function key(a, a_name, b, b_name)
  local one, two = a .. " " .. a_name, b .. " " .. b_name
  return one < two and one .. " -- " .. two or two .. " -- " .. one
end

-- What a picture shows must be what the model has: nodes by title, links by the names at their ends.
local function check(model, ascii, text)
  text = text or draw(model, ascii or false)
  local ok, picture = pcall(pictures.read, text, ascii)
  assert(ok, tostring(picture) .. "\n" .. text)
  local want_boxes, got_boxes, want, got = {}, {}, {}, {}
  for i, node in ipairs(model.nodes) do want_boxes[i] = title_of(node) end
  for i, box in ipairs(picture.boxes) do got_boxes[i] = box.title end
  table.sort(want_boxes)
  table.sort(got_boxes)
  assert.same(want_boxes, got_boxes, text)
  for i, edge in ipairs(model.edges) do
    want[i] = key(title_of(model.nodes[edge.a]), edge.a_name, title_of(model.nodes[edge.b]), edge.b_name)
  end
  for i, link in ipairs(picture.links) do
    -- two links may have their names in one line: then each stands at its own side
    local a, b = picture.boxes[link.a], picture.boxes[link.b]
    got[i] = { a = a.title, b = b.title, a_row = link.a_row, b_row = link.b_row }
  end
  assert.equal(#want, #got, text)
  for i, edge in ipairs(model.edges) do
    local found
    for j, link in pairs(got) do
      local function ends(title, row, node, name)
        return title == title_of(model.nodes[node]) and (" " .. row .. " "):find(" " .. name .. " ", 1, true)
      end
      if ends(link.a, link.a_row, edge.a, edge.a_name) and ends(link.b, link.b_row, edge.b, edge.b_name)
        or ends(link.a, link.a_row, edge.b, edge.b_name) and ends(link.b, link.b_row, edge.a, edge.a_name) then
        found = j
        break
      end
    end
    assert(found, want[i] .. " isn't in\n" .. text)
    got[found] = nil
  end
  assert(picture.width <= 100, "too wide:\n" .. text)
  return text, picture
end

local SHAPES = {
  { "a pair", models.chain(2) }, { "a star of 3", models.star(3) }, { "a star of 29", models.star(29) },
  { "a chain of 10", models.chain(10) }, { "a chain of 30", models.chain(30) },
  { "a ring of 3", models.chain(3, true) },
  { "a ring of 8", models.chain(8, true) }, { "a ring of 29", models.chain(29, true) },
  { "a tree of 30", models.tree(30, 2) }, { "a tree with fan 5", models.tree(26, 5) },
  { "a leaf-spine of 2 x 4", models.leaf_spine(2, 4, 4) }, { "a leaf-spine of 4 x 4", models.leaf_spine(4, 4, 1) },
  { "a grid of 4 x 4", models.grid(4, 4) }, { "a grid of 5 x 6", models.grid(5, 6) },
  { "a torus of 3 x 3", models.grid(3, 3, true) }, { "two sites with a tunnel", models.sites() },
}

describe("a picture of characters", function()
  for i, shape in ipairs(SHAPES) do
    it("shows " .. shape[1], function() check(shape[2], i % 2 == 0) end)
  end

  it("is told from one with a hole", function()
    local model = models.grid(2, 3)
    local text = check(model)
    local lines = 0
    for at, code in utf8.codes(text) do
      local sign = utf8.char(code)
      if sign == "┌" or sign == "┐" or sign == "└" or sign == "┘" or sign == "│" or sign == "─" then
        lines = lines + 1
        local broken = text:sub(1, at - 1) .. " " .. text:sub(at + #sign)
        assert.is_false(pcall(check, model, false, broken), broken)
      end
    end
    assert.is_true(lines > 30)
  end)

  it("shows whatever chance makes of up to 30 nodes", function()
    local runs = os.getenv "NSH_SOAK" == "1" and 500 or 12
    local drawn = 0
    for seed = 1, runs do
      local state = seed * 7919
      local function random(from, to)
        state = (state * 1103515245 + 12345) & 0x7fffffff
        return from + (state >> 8) % (to - from + 1)
      end
      local n = random(1, 30)
      local model = models.any(random, n, random(0, n + n // 3))
      local ascii = seed % 2 == 0
      local text = draw(model, ascii)
      if text:find "^ *┌" or text:find "^ *%+%-" then
        drawn = drawn + 1
        local ok, err = pcall(check, model, ascii, text)
        assert(ok, ("seed %d: %s"):format(seed, tostring(err)))
      else
        assert(text:find(model.nodes[1].name, 1, true), text)
      end
    end
    assert(drawn >= runs * 0.9, ("%d of %d could be drawn"):format(drawn, runs))
  end)

  it("tells addresses, states, labels and kinds", function()
    local b = models.builder "x"
    b.node("h1")
    b.node("sw", "switch", { "10.0.0.254/24" })
    b.edge(1, 2, { a_addrs = { "10.0.0.1/24", "fd00::1/64" }, b_addrs = {}, label = "delay 10ms", b_down = true })
    local text = check(b.model)
    for _, words in ipairs { "h1", "sw (switch)", "eth0 10.0.0.1/24", "fd00::1/64", "10.0.0.254/24", "delay 10ms",
      "eth0 down" } do
      assert.truthy(text:find(words, 1, true), words .. " isn't in\n" .. text)
    end
  end)

  it("tells labels below that have no place in it", function()
    local b = models.builder "x"
    b.node "h1"
    b.node "h2"
    b.edge(1, 2, { label = ("very long "):rep(8) .. "label" })
    assert.truthy(draw(b.model):find("\n\nh1 eth0 %-%- h2 eth0: very long"))
  end)

  it("draws lines of tunnels otherwise", function()
    assert.truthy(draw(models.sites(), false):find "╌")
    assert.truthy(draw(models.sites(), true):find "=")
  end)

  it("cuts names only where it must, and then tells them apart and whole below", function()
    local function named(n, length)
      local b = models.builder "x"
      b.node("switch-" .. ("w"):rep(length), "switch")
      for i = 1, n do b.edge(b.node(("h"):rep(length) .. i), 1) end
      return b.model
    end
    check(named(2, 20))
    local text = draw(named(12, 56), false)
    assert.truthy(text:find("…", 1, true))
    local picture = pictures.read(text:match "^(.-)\n\n")
    local seen = {}
    for _, box in ipairs(picture.boxes) do
      assert.is_nil(seen[box.title], box.title)
      seen[box.title] = true
    end
    assert.equal(13, #picture.boxes)
    assert.equal(12, #picture.links)
    for i = 1, 12 do assert.truthy(text:find(("h"):rep(56) .. i .. " (host)", 1, true)) end
  end)

  it("counts wide characters as two columns and escapes what is no text", function()
    local b = models.builder "x"
    b.node "网络"
    b.node "h\27[31m2"
    b.edge(1, 2)
    local text = draw(b.model, false)
    local width
    for line in text:gmatch "[^\n]+" do
      local n = require("nsh.lab.graph_box").width(line)
      width = width or n
      assert.equal(width, n, text)
    end
    assert.is_nil(text:find "\27")
    assert.is_nil(draw(b.model, true):find "[\128-\255]")
  end)

  it("is a list where it would be too much: each link stands with both of its nodes", function()
    local model = models.star(60)
    local text = draw(model, false)
    assert.is_nil(text:find "┌")
    for i = 1, 60 do
      assert.truthy(text:find(("h%d (host)\n  eth0 10.0.%d.1/24"):format(i, i), 1, true), i)
      assert.truthy(text:find(("-- h%d eth0 10.0.%d.1/24"):format(i, i), 1, true), i)
    end
  end)

  it("is the same each time", function()
    assert.equal(draw(models.leaf_spine(2, 4, 4)), draw(models.leaf_spine(2, 4, 4)))
  end)
end)
