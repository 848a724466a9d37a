--- graph_dot.lua - a lab in the language of graphviz.
local boxes = require "nsh.lab.graph_box"
local places = require "nsh.lab.graph_place"
local text = require "nsh.text"

local m = {}

-- Shapes and colours by kind, which hold on light and on dark ground.
local KINDS = {
  host = 'shape=box, style="rounded,filled", fillcolor="#dbeafe", color="#2563eb"',
  switch = 'shape=box3d, style=filled, fillcolor="#dcfce7", color="#15803d"',
  router = 'shape=octagon, style=filled, fillcolor="#ffedd5", color="#c2410c"',
  external = 'shape=box, style="dashed,filled", fillcolor="#f3f4f6", color="#4b5563"',
}

-- The lines of a label, each a text from outside: its backslashes and entities mean nothing to graphviz.
local function label(lines)
  local list = {}
  for i, line in ipairs(lines) do list[i] = text.escape(line):gsub('[\\"]', "\\%0"):gsub("&", "&amp;") end
  return '"' .. table.concat(list, "\\n") .. '"'
end

local function end_lines(edge, which)
  local lines = boxes.end_lines(edge, which, boxes.NARROW)
  for i, line in ipairs(lines) do lines[i] = line:gsub("^ +", "") end
  return lines
end

-- The hosts that hang on one switch alone stand together with it, where there is more than one such switch.
local function clusters(model)
  local degree, hub, of = {}, {}, {}
  for _, edge in ipairs(model.edges) do
    for _, which in ipairs { "a", "b" } do
      local node, other = edge[which], edge[which == "a" and "b" or "a"]
      degree[node] = (degree[node] or 0) + 1
      hub[node] = other
    end
  end
  local count = 0
  for i, node in ipairs(model.nodes) do
    local switch = degree[i] == 1 and node.kind == "host" and hub[i]
    if switch and model.nodes[switch].kind == "switch" then
      count = count + (of[switch] and 0 or 1)
      of[switch] = of[switch] or { switch }
      table.insert(of[switch], i)
    end
  end
  return count > 1 and of or {}
end

--- Writes a model as a graph for graphviz.
---@private
---@param model nsh.GraphModel
---@return string
function m.draw(model)
  local out = {
    "graph " .. label { model.name } .. " {",
    '  graph [rankdir=LR, nodesep=0.5, ranksep=1.6, bgcolor=transparent, fontname="Helvetica,Arial,sans-serif"]',
    '  node [fontname="Helvetica,Arial,sans-serif", fontsize=12, fontcolor="#111827", margin="0.18,0.1"]',
    '  edge [fontname="Helvetica,Arial,sans-serif", fontsize=9, color="#6b7280", fontcolor="#6b7280"]',
  }
  for i, node in ipairs(model.nodes) do
    local lines = { node.kind ~= "host" and ("%s (%s)"):format(node.name, node.kind) or node.name }
    table.move(node.lines or {}, 1, #(node.lines or {}), 2, lines)
    out[#out + 1] = ("  n%d [label=%s, tooltip=%s, %s]"):format(i, label(lines), label { node.name },
      KINDS[node.kind] or KINDS.host)
  end
  local cluster = clusters(model)
  for i in ipairs(model.nodes) do
    local members = cluster[i]
    if members then
      out[#out + 1] = ("  subgraph cluster_%d { style=\"rounded,dotted\"; color=\"#9ca3af\"; n%s }"):format(i,
        table.concat(members, "; n"))
    end
  end
  local ends = places.left_to_right(model)
  for i, edge in ipairs(model.edges) do
    local left, right = ends[i].left, ends[i].right
    local attributes = { "taillabel=" .. label(end_lines(edge, left)), "headlabel=" .. label(end_lines(edge, right)) }
    if edge.label or edge.kind then
      attributes[#attributes + 1] = "label=" .. label { edge.kind or edge.label, edge.kind and edge.label }
    end
    if edge.a_down or edge.b_down then
      attributes[#attributes + 1] = 'color="#dc2626", style=dotted'
    elseif edge.kind then
      attributes[#attributes + 1] = "style=dashed"
    end
    out[#out + 1] = ("  n%d -- n%d [%s]"):format(edge[left], edge[right], table.concat(attributes, ", "))
  end
  out[#out + 1] = "}\n"
  return table.concat(out, "\n")
end

return m
