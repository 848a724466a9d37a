-- graph_html_spec.lua - the page of a lab in a browser: it is loaded, clicked at and zoomed in headless Chromium
local h = require "tests.helper"
local models = require "tests.lab.models"
local html = require("nsh.lab.graph_html").draw

local BROWSERS = { "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome" }

local function browser()
  for _, name in ipairs(BROWSERS) do
    local path = nsh.program(name)
    if path then return path end
  end
  h.pending "no Chromium is installed (apt-get install chromium-headless-shell brings one)"
end

-- Does things with a page, and returns what they say: a list of texts by name. The page's own policy stays in force.
local function in_browser(page, script)
  local path, folder = browser(), os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. folder))
  local file = assert(io.open(folder .. "/page.html", "w"))
  file:write((page:gsub("</body>", function()
    return "<script>window.said = {};\nvar refused = 0;\ndocument.addEventListener('securitypolicyviolation', "
      .. "function () { refused++; });\ntry {" .. script .. "\n} catch (e) { said.error = String(e); }\n"
      .. "var out = document.createElement('pre'); out.id = 'said';\n"
      .. "out.textContent = Object.keys(said).map(function (k) { return k + '=' + said[k]; }).join('\\n');\n"
      .. "document.body.appendChild(out);</script></body>"
  end)))
  file:close()
  local result = netns.current():exec({ path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--window-size=1200,800", "--user-data-dir=" .. folder .. "/profile", "--dump-dom",
    "file://" .. folder .. "/page.html" }, { timeout = 60, check = false })
  os.execute("rm -rf " .. folder)
  local text = result.out:match '<pre id="said">(.-)</pre>'
  assert(text, "the page said nothing: " .. result.err)
  local said = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local key, value = line:match "^([%w_]+)=(.*)$"
    if key then said[key] = value:gsub("&lt;", "<"):gsub("&gt;", ">"):gsub("&amp;", "&") end
  end
  assert.is_nil(said.error)
  return said
end

local SCRIPT = [[
var svg = document.querySelector("svg.nsh"), view = svg.querySelector(".view"), aside = document.querySelector("aside");
function transform() { return view.getAttribute("transform"); }
function scale() { return Number(transform().match(/scale\(([^)]+)\)/)[1]); }
function shown() {
  return Array.from(document.querySelectorAll("section")).filter(function (s) { return s.offsetParent !== null; })
    .map(function (s) { return s.textContent; }).join("|");
}
function click(e) { e.dispatchEvent(new MouseEvent("click", { bubbles: true })); }
function key(name) {
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
}
function place(e) { var r = e.getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2 }; }
function pointer(type, x, y) {
  (type === "pointerdown" ? svg : window).dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, button: 0,
    bubbles: true }));
}
]]

describe("the page of a lab", function()
  local model = models.star(3)
  model.nodes[2].details = { { title = "Routes", lines = { "default via 10.0.0.254", "<script>alert(1)</script>" } } }

  it("shows the details of a node that is clicked at, and hides them again", function()
    local said = in_browser(html(model), SCRIPT .. [[
      said.before = shown();
      var node = document.getElementById("node-2");
      click(node);
      said.title = document.querySelector("section.shown h2").textContent;
      said.after = shown();
      said.marked = document.querySelectorAll(".link.on").length + " " + document.querySelectorAll(".node.near").length;
      said.wide = aside.getBoundingClientRect().width > 200;
      click(document.getElementById("node-1"));
      said.other = document.querySelector("section.shown h2").textContent;
      click(svg);
      said.closed = shown();
      document.getElementById("node-3").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
      said.by_key = document.querySelector("section.shown h2").textContent;
      key("Escape");
      said.escaped = shown();
      said.scripts = document.scripts.length;]])
    assert.equal("", said.before)
    assert.equal("h1", said.title)
    assert.truthy(said.after:find("default via 10.0.0.254", 1, true))
    assert.truthy(said.after:find("<script>alert(1)</script>", 1, true))
    assert.equal("1 1", said.marked)
    assert.equal("true", said.wide)
    assert.equal("sw1", said.other)
    assert.equal("", said.closed)
    assert.equal("h2", said.by_key)
    assert.equal("", said.escaped)
    assert.equal("2", said.scripts)
  end)

  it("zooms with wheel, buttons and keys, and pans by drag and keys", function()
    local said = in_browser(html(model), SCRIPT .. [[
      function wheel(dy, at) { svg.dispatchEvent(new WheelEvent("wheel", { deltaY: dy, clientX: at.x, clientY: at.y,
        bubbles: true, cancelable: true })); }
      var start = scale(), node = document.getElementById("node-2"), before = place(node);
      wheel(-300, before);
      said.wheel = scale() > start * 1.5;
      var after = place(node);
      said.stays = Math.abs(after.x - before.x) < 1 && Math.abs(after.y - before.y) < 1;
      wheel(300, before);
      said.back = Math.abs(scale() - start) < 0.001;
      click(document.getElementById("in"));
      said.button = scale() > start;
      click(document.getElementById("out"));
      said.button_back = Math.abs(scale() - start) < 0.001;
      key("+");
      said.plus = scale() > start;
      key("ArrowRight");
      key("0");
      said.fit = Math.abs(scale() - start) < 0.001;
      before = place(node);
      pointer("pointerdown", 300, 300);
      pointer("pointermove", 340, 325);
      pointer("pointerup", 340, 325);
      click(node);
      after = place(node);
      said.drag = Math.round(after.x - before.x) + " " + Math.round(after.y - before.y);
      said.no_click = shown();
      pointer("pointermove", 500, 500);
      said.dropped = Math.round(place(node).x - after.x);
      for (var i = 0; i < 100; i++) key("-");
      said.least = scale() > 0.05;]])
    for _, what in ipairs { "wheel", "stays", "back", "button", "button_back", "plus", "fit", "least" } do
      assert.equal("true", said[what], what)
    end
    assert.equal("40 25", said.drag)
    assert.equal("", said.no_click)
    assert.equal("0", said.dropped)
  end)

  it("stands in the window as a whole, with nothing on top of anything", function()
    for _, by in ipairs { "own", nsh.program "dot" and "dot" or "own" } do
      local said = in_browser(html(models.leaf_spine(2, 3, 3), by), SCRIPT .. [[
        var nodes = Array.from(document.querySelectorAll(".node rect"))
          .map(function (r) { return r.getBoundingClientRect(); });
        said.inside = nodes.every(function (r) {
          return r.left >= 0 && r.top >= 0 && r.right <= innerWidth && r.bottom <= innerHeight;
        });
        said.apart = nodes.every(function (a, i) { return nodes.every(function (b, j) {
          return i >= j || a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top; }); });
        said.texts = Array.from(document.querySelectorAll(".node")).every(function (node) {
          var r = node.querySelector("rect").getBoundingClientRect();
          return Array.from(node.querySelectorAll("text")).every(function (t) {
            var b = t.getBoundingClientRect();
            return b.left >= r.left && b.right <= r.right && b.top >= r.top - 1 && b.bottom <= r.bottom + 1;
          });
        });]])
      assert.equal("true", said.inside)
      assert.equal("true", said.apart)
      assert.equal("true", said.texts)
    end
  end)

  it("needs nothing from outside and says so", function()
    local page = html(model, "own")
    assert.truthy(page:find("default-src 'none'", 1, true))
    assert.is_nil(page:gsub('xmlns="http://www.w3.org/2000/svg"', ""):find "https?://")
    assert.is_nil(page:find "<link" or page:find "@import" or page:find "url%(")
  end)
end)
