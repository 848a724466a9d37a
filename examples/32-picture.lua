-- 32-picture.lua - a lab draws itself: with characters here, and as a page to click at in a browser
local net = lab "office"
local gate = net:router "gate"
local floor = net:switch { "floor", stp = false }
net:link { { gate, "lan", addr = "10.0.0.1/24" }, { floor, "up" } }
for i = 1, 3 do
  net:link { { net:host("pc" .. i), "eth0", addr = "10.0.0.1" .. i .. "/24" }, { floor, "port" .. i },
    impair = i == 3 and { delay = "10ms" } or nil }
end
print(net:graph())

-- The same for graphviz, for Markdown, as a drawing, and as one page with pan, zoom and all details. Nothing is built.
local folder = os.tmpname()
os.remove(folder)
os.execute("mkdir " .. folder)
for _, file in ipairs { "office.dot", "office.mmd", "office.svg", "office.html" } do
  local picture = net:graph { file = folder .. "/" .. file }
  print(file, picture:match "^%S+")
end
os.execute("rm -r " .. folder)

-- Prints:
-- ┌─ floor (switch) ─┐              ┌─ gate (router) ───┐
-- │ up               ├──────────────┤ lan 10.0.0.1/24   │
-- │                  │              └───────────────────┘
-- │                  │              ┌─ pc1 ─────────────┐
-- │ port1            ├──────────────┤ eth0 10.0.0.11/24 │
-- │                  │              └───────────────────┘
-- │                  │              ┌─ pc2 ─────────────┐
-- │ port2            ├──────────────┤ eth0 10.0.0.12/24 │
-- │                  │              └───────────────────┘
-- │                  │  delay 10ms  ┌─ pc3 ─────────────┐
-- │ port3            ├──────────────┤ eth0 10.0.0.13/24 │
-- └──────────────────┘              └───────────────────┘
-- office.dot	graph
-- office.mmd	flowchart
-- office.svg	<svg
-- office.html	<!DOCTYPE
