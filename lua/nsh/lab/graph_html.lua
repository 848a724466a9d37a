--- graph_html.lua - a lab as one page for a browser: the drawing with pan and zoom, and the details of each node.
-- The page needs nothing from outside and says so to the browser; without scripts it shows drawing and details.
local svg = require "nsh.lab.graph_svg"

local m = {}

local STYLE = [[
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
body { margin: 0; height: 100vh; display: flex; overflow: hidden;
  font: 14px/1.45 system-ui, "Segoe UI", "Noto Sans", sans-serif;
  color: #1f2937; background: #ffffff; }
main { flex: 1; position: relative; min-width: 0; }
main > svg { position: absolute; left: 0; top: 56px; width: 100%; height: calc(100% - 56px);
  cursor: grab; touch-action: none; user-select: none; }
main > svg.dragged { cursor: grabbing; }
svg .ground { display: none; }
svg .node { cursor: pointer; outline: none; }
svg .node:hover rect, svg .node:focus-visible rect { stroke-width: 3; }
svg .node.on rect { stroke-width: 3.5; }
svg .link.on path.wire { stroke-width: 3.5; }
svg.chosen .link:not(.on), svg.chosen .node:not(.on):not(.near) { opacity: .35; }
header { position: absolute; z-index: 1; left: 16px; top: 12px; pointer-events: none; }
h1 { font-size: 16px; margin: 0; } header p { margin: 0; color: #6b7280; font-size: 12px; }
nav { position: absolute; z-index: 1; right: 16px; top: 12px; display: flex; gap: 4px; }
button { font: inherit; min-width: 34px; height: 34px; padding: 0 8px; border: 1px solid #cbd5e1; border-radius: 6px;
  background: #ffffff; color: inherit; cursor: pointer; }
button:hover { background: #f1f5f9; } button:focus-visible { outline: 2px solid #2563eb; }
aside { width: 360px; overflow: auto; padding: 14px 18px; border-left: 1px solid #e2e8f0; background: #f8fafc; }
.js aside:not(.open) { display: none; }
.js aside section:not(.shown) { display: none; }
aside h2 { font-size: 16px; margin: 0 40px 2px 0; overflow-wrap: anywhere; }
aside .kind { color: #6b7280; margin: 0 0 10px; }
aside h3 { font-size: 12px; text-transform: uppercase; letter-spacing: .04em; color: #6b7280; margin: 14px 0 4px; }
aside ul { margin: 0; padding: 0; list-style: none;
  font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
aside li { overflow-wrap: anywhere; padding: 3px 0; border-bottom: 1px solid #e2e8f0; }
#close { position: absolute; right: 12px; top: 10px; }
html:not(.js) nav, html:not(.js) #close { display: none; }
@media (max-width: 700px) {
  body { flex-direction: column; }
  aside { width: auto; max-height: 45vh; border-left: 0; border-top: 1px solid #e2e8f0; }
  #close { position: sticky; float: right; }
}
@media (prefers-color-scheme: dark) {
  body { color: #e2e8f0; background: #0f172a; }
  button { background: #1e293b; border-color: #475569; } button:hover { background: #334155; }
  aside { background: #111c33; border-color: #334155; } aside li { border-color: #1e293b; }
  header p, aside .kind, aside h3 { color: #94a3b8; }
}
]]

local SCRIPT = [[
(function () {
  "use strict";
  document.documentElement.classList.add("js");
  var svg = document.querySelector("svg.nsh"), view = svg.querySelector(".view");
  var aside = document.querySelector("aside");
  var x = 0, y = 0, k = 1, drag = null, moved = false;

  function apply() { view.setAttribute("transform", "translate(" + x + " " + y + ") scale(" + k + ")"); }
  // a place of the window in the coordinates of the drawing
  function point(event) {
    var p = svg.createSVGPoint();
    p.x = event.clientX;
    p.y = event.clientY;
    return p.matrixTransform(svg.getScreenCTM().inverse());
  }
  function zoom(factor, at) {
    var next = Math.min(20, Math.max(0.1, k * factor));
    var box = svg.viewBox.baseVal;
    at = at || { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    x = at.x - (at.x - x) * next / k;
    y = at.y - (at.y - y) * next / k;
    k = next;
    apply();
  }
  function fit() {
    // as large as the window lets it be, but small drawings not larger than they are
    var scale = svg.getScreenCTM().a;
    x = y = 0;
    k = 1;
    if (scale > 1.25) zoom(1.25 / scale);
    apply();
  }
  function pan(dx, dy) {
    var scale = svg.getScreenCTM().a;
    x += dx / scale;
    y += dy / scale;
    apply();
  }
  function mark(id) {
    svg.classList.toggle("chosen", id !== null);
    svg.querySelectorAll(".on, .near").forEach(function (e) { e.classList.remove("on", "near"); });
    if (id === null) return;
    document.getElementById("node-" + id).classList.add("on");
    svg.querySelectorAll(".link").forEach(function (link) {
      if (link.dataset.a !== id && link.dataset.b !== id) return;
      link.classList.add("on");
      var other = link.dataset.a === id ? link.dataset.b : link.dataset.a;
      document.getElementById("node-" + other).classList.add("near");
    });
  }
  function show(id) {
    aside.querySelectorAll("section").forEach(function (s) {
      s.classList.toggle("shown", s.id === "details-" + id);
    });
    aside.classList.toggle("open", id !== null);
    aside.scrollTop = 0;
    mark(id);
  }

  svg.querySelectorAll(".node").forEach(function (node) {
    var id = node.id.slice(5);
    node.setAttribute("tabindex", "0");
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", node.querySelector("title").textContent);
    node.addEventListener("click", function (event) {
      event.stopPropagation();
      if (!moved) show(id);
    });
    node.addEventListener("keydown", function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); show(id); }
    });
  });
  svg.addEventListener("click", function () { if (!moved) show(null); });
  svg.addEventListener("wheel", function (event) {
    event.preventDefault();
    var lines = event.deltaMode === 1 ? 30 : 1;
    zoom(Math.exp(-event.deltaY * lines / 500), point(event));
  }, { passive: false });
  svg.addEventListener("pointerdown", function (event) {
    if (event.button !== 0) return;
    drag = { x: event.clientX, y: event.clientY };
    moved = false;
  });
  window.addEventListener("pointermove", function (event) {
    if (!drag) return;
    var dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    if (!moved && Math.abs(dx) + Math.abs(dy) < 4) return;
    moved = true;
    svg.classList.add("dragged");
    pan(dx, dy);
    drag = { x: event.clientX, y: event.clientY };
  });
  function drop() { drag = null; svg.classList.remove("dragged"); }
  window.addEventListener("pointerup", drop);
  window.addEventListener("pointercancel", drop);
  window.addEventListener("blur", drop);
  window.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    var keys = { "+": function () { zoom(1.25); }, "=": function () { zoom(1.25); },
      "-": function () { zoom(0.8); }, "0": fit,
      ArrowLeft: function () { pan(60, 0); }, ArrowRight: function () { pan(-60, 0); },
      ArrowUp: function () { pan(0, 60); }, ArrowDown: function () { pan(0, -60); },
      Escape: function () { show(null); } };
    if (!keys[event.key] || aside.contains(event.target) && event.key !== "Escape") return;
    event.preventDefault();
    keys[event.key]();
  });
  document.getElementById("in").addEventListener("click", function () { zoom(1.25); });
  document.getElementById("out").addEventListener("click", function () { zoom(0.8); });
  document.getElementById("fit").addEventListener("click", fit);
  document.getElementById("close").addEventListener("click", function () { show(null); });
  fit();
})();
]]

local function details(i, node)
  local out = { ("<section id=\"details-%d\"><h2>%s</h2><p class=\"kind\">%s</p>"):format(i, svg.escape(node.name),
    svg.escape(node.kind)) }
  local sections = { table.unpack(node.details or {}) }
  if node.lines and node.lines[1] then table.insert(sections, 1, { title = "Addresses", lines = node.lines }) end
  for _, section in ipairs(sections) do
    out[#out + 1] = ("<h3>%s</h3><ul>"):format(svg.escape(section.title))
    for _, line in ipairs(section.lines) do out[#out + 1] = ("<li>%s</li>"):format(svg.escape(line)) end
    out[#out + 1] = "</ul>"
  end
  out[#out + 1] = "</section>"
  return table.concat(out)
end

local function count(n, what) return ("%d %s%s"):format(n, what, n == 1 and "" or "s") end

--- Writes a model as a page.
---@private
---@param model nsh.GraphModel
---@param by? "dot"|"own" who lays it out
---@return string
function m.draw(model, by)
  local sections = {}
  for i, node in ipairs(model.nodes) do sections[i] = details(i, node) end
  local name = svg.escape(model.name)
  return table.concat({
    "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      .. "script-src 'unsafe-inline'\">",
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    "<title>lab " .. name .. "</title>", "<style>\n" .. STYLE .. "</style>", "</head>", "<body>", "<main>",
    ("<header><h1>%s</h1><p>%s, %s</p></header>"):format(name, count(#model.nodes, "node"),
      count(#model.edges, "link")),
    '<nav><button id="out" title="smaller (-)" aria-label="smaller">&#8722;</button>',
    '<button id="in" title="larger (+)" aria-label="larger">+</button>',
    '<button id="fit" title="all of it (0)">fit</button></nav>',
    svg.draw(model, by) .. "</main>",
    '<aside><button id="close" title="close (Esc)" aria-label="close">&#215;</button>',
    table.concat(sections, "\n"), "</aside>", "<script>\n" .. SCRIPT .. "</script>", "</body>", "</html>", "",
  }, "\n")
end

return m
