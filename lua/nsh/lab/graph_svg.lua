--- graph_svg.lua - a lab as an SVG drawing, for light and dark.
local drawings = require "nsh.lab.graph_drawing"
local boxes = require "nsh.lab.graph_box"
local text = require "nsh.text"

local m = {}

local MARGIN = 16
local CW, CH = drawings.CW, drawings.CH
local KINDS = { host = true, switch = true, router = true, external = true }

-- Colours stand in rules of their own, not in variables: not all that shows SVG knows these.
local STYLE = [[
.nsh { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.ground { fill: #ffffff; }
.node rect { fill: #ffffff; stroke-width: 1.5; }
.node .head { stroke: none; }
.node text { fill: #1f2937; dominant-baseline: central; }
.node .name { font-weight: 600; }
.link path { fill: none; stroke: #64748b; stroke-width: 1.6; }
.link .halo { stroke: #ffffff; stroke-width: 6; }
.link text { fill: #475569; font-size: 11px; text-anchor: middle;
  paint-order: stroke; stroke: #ffffff; stroke-width: 4; }
.link.tunnel path.wire { stroke: #7c3aed; stroke-dasharray: 6 4; }
.link.down path.wire { stroke: #dc2626; stroke-dasharray: 2 4; }
.host rect { stroke: #2563eb; } .host .head { fill: #dbeafe; }
.switch rect { stroke: #15803d; } .switch .head { fill: #dcfce7; }
.router rect { stroke: #c2410c; } .router .head { fill: #ffedd5; }
.external rect { stroke: #4b5563; stroke-dasharray: 5 3; } .external .head { fill: #f3f4f6; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0f172a; }
  .node rect { fill: #1e293b; }
  .node text { fill: #e2e8f0; }
  .link path { stroke: #94a3b8; }
  .link .halo { stroke: #0f172a; }
  .link text { fill: #cbd5e1; stroke: #0f172a; }
  .link.tunnel path.wire { stroke: #a78bfa; }
  .link.down path.wire { stroke: #f87171; }
  .host rect { stroke: #60a5fa; } .host .head { fill: #1e3a8a; }
  .switch rect { stroke: #4ade80; } .switch .head { fill: #14532d; }
  .router rect { stroke: #fb923c; } .router .head { fill: #7c2d12; }
  .external rect { stroke: #9ca3af; } .external .head { fill: #374151; }
}
]]

local ENTITY = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- Makes a text from outside one of XML and HTML.
---@private
---@param s string
---@return string
function m.escape(s) return (text.escape(s):gsub("[&<>\"']", ENTITY)) end

local function num(n) return (("%.1f"):format(n):gsub("%.0$", "")) end

-- A text that is as wide as it was taken to be, whatever the font.
local function words(x, y, s, class)
  local length = (" textLength=\"%s\" lengthAdjust=\"spacingAndGlyphs\""):format(num(boxes.width(s) * CW * 0.975))
  return ("<text%s x=\"%s\" y=\"%s\"%s>%s</text>"):format(class and (" class=\"%s\""):format(class) or "", num(x),
    num(y), length, m.escape(s))
end

local function end_words(model, edge, which)
  local list = { model.nodes[edge[which]].name, edge[which .. "_name"] or "" }
  table.move(edge[which .. "_addrs"] or {}, 1, #(edge[which .. "_addrs"] or {}), 3, list)
  if edge[which .. "_down"] then list[#list + 1] = "down" end
  return table.concat(list, " ")
end

--- What a link is, in one line.
---@private
function m.link_words(model, edge)
  local line = end_words(model, edge, "a") .. " — " .. end_words(model, edge, "b")
  for _, more in ipairs { edge.kind or false, edge.label or false } do
    if more then line = line .. ", " .. more end
  end
  return line
end

local function draw_link(model, i, line)
  local edge = model.edges[i]
  local class = edge.kind and "link tunnel" or "link"
  if edge.a_down or edge.b_down then class = class .. " down" end
  local out = { ("<g class=\"%s\" id=\"link-%d\" data-a=\"%d\" data-b=\"%d\"><title>%s</title>"):format(class, i,
    edge.a, edge.b, m.escape(m.link_words(model, edge))),
    ("<path class=\"halo\" d=\"%s\"/><path class=\"wire\" d=\"%s\"/>"):format(line.path, line.path) }
  local label = edge.label or edge.kind
  if label then
    out[#out + 1] = ("<text x=\"%s\" y=\"%s\"%s>%s</text>"):format(num(line.label.x), num(line.label.y - 6),
      line.label.anchor and " style=\"text-anchor: " .. line.label.anchor .. "\"" or "", m.escape(label))
  end
  out[#out + 1] = "</g>"
  return table.concat(out)
end

local function draw_node(model, box)
  local node = model.nodes[box.node]
  local x, y, w, h = num(box.x), num(box.y), num(box.w), num(box.h)
  local kind = KINDS[node.kind] and node.kind or "host"
  local out = { ("<g class=\"node %s\" id=\"node-%d\"><title>%s</title>"):format(kind, box.node,
    m.escape(node.name .. ", " .. node.kind)),
    ("<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"5\"/>"):format(x, y, w, h),
    ("<path class=\"head\" d=\"M%s %sv-%dq0 -4 4 -4h%sq4 0 4 4v%dz\"/>"):format(num(box.x + 1), num(box.y + CH + 2),
      CH - 3, num(box.w - 10), CH - 3),
    words(box.x + 1.5 * CW, box.y + CH / 2 + 1, box.title, "name") }
  for _, one in ipairs(box.texts) do out[#out + 1] = words(box.x + one.x - CW / 2, box.y + one.y, one.text) end
  out[#out + 1] = "</g>"
  return table.concat(out)
end

--- Draws a model.
---@private
---@param model nsh.GraphModel
---@param by? "dot"|"own" who lays it out
---@return string
function m.draw(model, by)
  local drawing = drawings.of(model, by)
  local width, height = num(drawing.width + 2 * MARGIN), num(drawing.height + 2 * MARGIN)
  local out = {
    ("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"nsh\" role=\"img\" width=\"%s\" height=\"%s\" "
      .. "viewBox=\"%d %d %s %s\">"):format(width, height, -MARGIN, -MARGIN, width, height),
    ("<title>lab %s</title>"):format(m.escape(model.name)),
    "<style>\n" .. STYLE .. "</style>",
    ("<rect class=\"ground\" x=\"%d\" y=\"%d\" width=\"%s\" height=\"%s\"/>"):format(-MARGIN, -MARGIN, width, height),
    '<g class="view">',
  }
  for i, line in ipairs(drawing.lines) do out[#out + 1] = draw_link(model, i, line) end
  for _, box in ipairs(drawing.boxes) do out[#out + 1] = draw_node(model, box) end
  out[#out + 1] = "</g>\n</svg>\n"
  return table.concat(out, "\n")
end

return m
