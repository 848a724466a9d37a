-- graph_spec.lua - net:graph: which picture, of what is declared or of what is there, and where it goes
local h = require "tests.helper"
local pictures = require "tests.lab.pictures"

local function office()
  local net = lab "office"
  local sw = net:switch { "sw", addr = "10.0.0.254/24" }
  for i = 1, 2 do
    local host = net:host { "h" .. i, routes = { { "default", via = "10.0.0.254" } } }
    net:link { { host, "eth0", addr = ("10.0.0.%d/24"):format(i) }, { sw, "p" .. i } }
  end
  return net
end

local function titles(text)
  local list = {}
  for _, box in ipairs(pictures.read(text).boxes) do list[#list + 1] = box.title end
  table.sort(list)
  return list
end

describe("net:graph", function()
  it("draws with characters what is declared, without making anything", function()
    local text = office():graph { ascii = false }
    assert.same({ "h1", "h2", "sw (switch)" }, titles(text))
    assert.equal(2, #pictures.read(text).links)
    for _, words in ipairs { "eth0 10.0.0.1/24", "p2", "10.0.0.254/24" } do assert.truthy(text:find(words, 1, true)) end
    assert.same({}, netns.list())
  end)

  it("takes a format alone, and has five", function()
    local net = office()
    assert.truthy(net:graph("dot"):find "^graph \"office\" {")
    assert.truthy(net:graph { format = "mermaid" }:find "^flowchart LR\n")
    assert.truthy(net:graph { format = "svg", layout = "own" }:find "^<svg")
    assert.truthy(net:graph { format = "html", layout = "own" }:find "^<!DOCTYPE html>")
    assert.equal(net:graph { ascii = true }, net:graph { format = "text", ascii = true })
  end)

  it("uses other characters where the environment says that these aren't to be had", function()
    local nsh = os.getenv "NSH" or "./nsh"
    local function shown(environment)
      local pipe = io.popen(("env -u LC_ALL -u LC_CTYPE -u LANG %s %s -e '%s'"):format(environment, nsh,
        [[local net = lab "x" net:host "h1" print(net:graph())]]))
      local out = pipe:read "a"
      pipe:close()
      return out
    end
    assert.truthy(shown "LANG=C.UTF-8":find "┌")
    assert.truthy(shown "LANG=C":find "^%+%- h1 ")
    assert.truthy(shown "LC_ALL=C LANG=en_US.UTF-8":find "^%+%- h1 ")
    assert.truthy(shown "":find "┌")
  end)

  it("writes the file, whose name may tell the format", function()
    local name = os.tmpname()
    for ending, start in pairs { txt = "┌", dot = "graph", mmd = "flowchart", svg = "<svg", html = "<!DOCTYPE" } do
      local path = name .. "." .. ending
      local text = office():graph { file = path, layout = "own", ascii = false }
      local file = assert(io.open(path))
      local written = file:read "a"
      file:close()
      os.remove(path)
      assert.equal(text:gsub("\n$", ""), (written:gsub("\n$", "")))
      assert.truthy(text:find(start, 1, true))
    end
    os.remove(name)
    h.refused("ENOENT", office().graph, office(), { file = "/nowhere/x.svg" })
  end)

  it("says what is wrong with its options, and never draws nothing", function()
    local net = office()
    h.misuse("has no format 'png'; it has text, dot, mermaid, svg, html", net.graph, net, "png")
    h.misuse("has no format 'png'", net.graph, net, { file = "/nowhere/lab.png" })
    h.misuse("did you mean 'format'?", net.graph, net, { fromat = "svg" })
    h.misuse("live of graph is true or false", net.graph, net, { live = 1 })
    h.misuse("layout of graph is 'dot' or 'own'", net.graph, net, { layout = "neato" })
    h.misuse("lab empty has no nodes yet", net.graph, lab "empty")
  end)

  it("shows impairments, VLANs and sizes that aren't usual", function()
    local net = lab "x"
    local a, b = net:host "a", net:host "b"
    net:link { { a, "eth0", mtu = 1400 }, { b, "eth0" }, impair = { loss = "1%", delay = "10ms" } }
    local text = net:graph { ascii = false }
    assert.truthy(text:find("delay 10ms, loss 1%", 1, true), text)
    assert.truthy(text:find "mtu 1400")
    assert.truthy(net:graph("dot"):find('label="delay 10ms, loss 1%"', 1, true))
    assert.truthy(net:graph { format = "svg", layout = "own" }:find("delay 10ms, loss 1%", 1, true))
  end)

  it("shows tunnels between nodes, and links of their own", function()
    local net = lab "x"
    local nodes = {}
    for i = 1, 2 do nodes[i] = net:router("r" .. i) end
    net:link { { nodes[1], "eth0", addr = "192.0.2.1/24" }, { nodes[2], "eth0", addr = "192.0.2.2/24" } }
    for i = 1, 2 do
      nodes[i]:link { "vx0", kind = "vxlan", id = 7, remote = "192.0.2." .. 3 - i, addr = "10.7.0." .. i .. "/24" }
      nodes[i]:link { "d0", kind = "dummy", addr = "10.8.0." .. i .. "/32" }
    end
    local text = net:graph { ascii = false }
    local links = pictures.read(text).links
    assert.equal(2, #links)
    assert.truthy(text:find "╌" and text:find("d0 dummy 10.8.0.1/32", 1, true), text)
    for _, link in ipairs(links) do
      if link.a_row:find "vx0" then assert.truthy(link.b_row:find "vx0") else assert.truthy(link.b_row:find "eth0") end
    end
    assert.equal(2, select(2, net:graph("dot"):gsub(" %-%- n", "")))
  end)

  it("shows what is there, and what is down, of a lab that is up", function()
    local net = office()
    h.refused("ENOENT", net.graph, net, { live = true })
    net:up()
    net:node("h1").netns:link("eth0"):add_addr "10.9.9.9/24"
    net:node("h2").netns:link("eth0"):set { up = false }
    local text = net:graph { live = true, ascii = false }
    local page = net:graph { live = true, format = "html", layout = "own" }
    local plain = net:graph { ascii = false }
    net:down()
    assert.truthy(text:find("10.9.9.9/24", 1, true), text)
    assert.truthy(text:find("eth0 down", 1, true))
    assert.is_nil(plain:find("10.9.9.9", 1, true) or plain:find("down", 1, true))
    assert.truthy(page:find("default via 10.0.0.254", 1, true))
    assert.truthy(page:find "received %d+, sent %d+ bytes")
  end)

  it("has the details of each node in a page", function()
    local page = office():graph { format = "html", layout = "own" }
    local section = page:match '<section id="details%-2">(.-)</section>'
    for _, words in ipairs { "<h2>h1</h2>", "eth0 -- sw p1: 10.0.0.1/24", "default via 10.0.0.254",
      "graph_spec.lua:" } do
      assert.truthy(section:find(words, 1, true), words .. " isn't in " .. section)
    end
  end)
end)
