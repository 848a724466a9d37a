--- graph_mermaid.lua - a lab as a flowchart of mermaid, which Markdown pages show as a picture.
local places = require "nsh.lab.graph_place"
local text = require "nsh.text"

local m = {}

-- The signs around a label by kind: a shape.
local SHAPES = { host = { "(", ")" }, switch = { "[", "]" }, router = { "{{", "}}" }, external = { "[/", "/]" } }

local COLOURS = {
  host = "fill:#dbeafe,stroke:#2563eb,color:#111827",
  switch = "fill:#dcfce7,stroke:#15803d,color:#111827",
  router = "fill:#ffedd5,stroke:#c2410c,color:#111827",
  external = "fill:#f3f4f6,stroke:#4b5563,color:#111827,stroke-dasharray:5 3",
}

-- What means something to mermaid, to Markdown or to HTML is written as a number.
local function encode(s)
  return (text.escape(s):gsub("[^%w%s%./:,@=%-%(%)\128-\255]", function(c) return ("#%d;"):format(c:byte()) end))
end

local function label(lines)
  local list = {}
  for i, line in ipairs(lines) do list[i] = encode(line) end
  return '"' .. table.concat(list, "<br/>") .. '"'
end

local function end_text(edge, which)
  local words = { edge[which .. "_name"] or "" }
  for _, addr in ipairs(edge[which .. "_addrs"] or {}) do words[#words + 1] = addr end
  if edge[which .. "_down"] then words[#words + 1] = "down" end
  return table.concat(words, " ")
end

--- Writes a model as a flowchart.
---@private
---@param model nsh.GraphModel
---@return string
function m.draw(model)
  local out, used, down = { "flowchart LR" }, {}, {}
  for i, node in ipairs(model.nodes) do
    local kind = SHAPES[node.kind] and node.kind or "host"
    local lines = { node.kind ~= "host" and ("%s (%s)"):format(node.name, node.kind) or node.name }
    table.move(node.lines or {}, 1, #(node.lines or {}), 2, lines)
    out[#out + 1] = ("  n%d%s%s%s"):format(i, SHAPES[kind][1], label(lines), SHAPES[kind][2])
    used[kind] = used[kind] or {}
    table.insert(used[kind], "n" .. i)
  end
  local ends = places.left_to_right(model)
  for i, edge in ipairs(model.edges) do
    local left, right = ends[i].left, ends[i].right
    local lines = { end_text(edge, left) .. " — " .. end_text(edge, right) }
    if edge.kind or edge.label then
      lines[2] = edge.kind and edge.label and edge.kind .. ", " .. edge.label or edge.kind or edge.label
    end
    out[#out + 1] = ("  n%d %s|%s| n%d"):format(edge[left], edge.kind and "-.-" or "---", label(lines), edge[right])
    if edge.a_down or edge.b_down then down[#down + 1] = i - 1 end
  end
  for _, kind in ipairs { "host", "switch", "router", "external" } do
    if used[kind] then
      out[#out + 1] = ("  classDef %s %s"):format(kind, COLOURS[kind])
      out[#out + 1] = ("  class %s %s"):format(table.concat(used[kind], ","), kind)
    end
  end
  if down[1] then out[#out + 1] = ("  linkStyle %s stroke:#dc2626"):format(table.concat(down, ",")) end
  return table.concat(out, "\n") .. "\n"
end

return m
