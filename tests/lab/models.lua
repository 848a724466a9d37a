-- models.lua - models of labs for the tests of pictures: the shapes that people build, and such as chance makes
local m = {}

local function builder(name)
  local model, count = { name = name, nodes = {}, edges = {} }, {}
  local b = { model = model }
  function b.node(node_name, kind, lines)
    model.nodes[#model.nodes + 1] = { name = node_name, kind = kind or "host", lines = lines or {}, details = {} }
    return #model.nodes
  end
  local function free(node)
    count[node] = (count[node] or -1) + 1
    return "eth" .. count[node]
  end
  function b.edge(a, z, more)
    local n = #model.edges + 1
    local edge = { a = a, b = z, a_name = free(a), b_name = free(z),
      a_addrs = { ("10.%d.%d.1/24"):format(n // 250, n % 250) },
      b_addrs = { ("10.%d.%d.2/24"):format(n // 250, n % 250) } }
    for key, value in pairs(more or {}) do edge[key] = value end
    model.edges[n] = edge
    return edge
  end
  return b
end
m.builder = builder

--- A switch with n hosts.
function m.star(n)
  local b = builder "star"
  b.node("sw1", "switch", { "10.0.0.254/24" })
  for i = 1, n do b.edge(b.node("h" .. i), 1, { b_addrs = {} }) end
  return b.model
end

--- n routers one after the other; with closed, the last is joined to the first.
function m.chain(n, closed)
  local b = builder "chain"
  for i = 1, n do
    b.node("r" .. i, "router")
    if i > 1 then b.edge(i - 1, i) end
  end
  if closed then b.edge(n, 1) end
  return b.model
end

--- A tree of n nodes, each with so many below it.
function m.tree(n, fan)
  local b = builder "tree"
  for i = 1, n do
    b.node("n" .. i, "switch")
    if i > 1 then b.edge((i - 2) // fan + 1, i, { a_addrs = {}, b_addrs = {} }) end
  end
  return b.model
end

--- Spines, leaves, and hosts on each leaf.
function m.leaf_spine(spines, leaves, hosts)
  local b = builder "clos"
  for i = 1, spines do b.node("spine" .. i, "router") end
  for i = 1, leaves do
    local leaf = b.node("leaf" .. i, "router")
    for s = 1, spines do b.edge(s, leaf) end
    for h = 1, hosts do b.edge(b.node(("h%d-%d"):format(i, h)), leaf) end
  end
  return b.model
end

--- Rows of routers; with wrapped, a torus.
function m.grid(rows, columns, wrapped)
  local b = builder "grid"
  for i = 1, rows * columns do b.node("r" .. i, "router") end
  for r = 0, rows - 1 do
    for c = 0, columns - 1 do
      local here = r * columns + c + 1
      if c < columns - 1 or wrapped then b.edge(here, r * columns + (c + 1) % columns + 1) end
      if r < rows - 1 or wrapped then b.edge(here, (r + 1) % rows * columns + c + 1) end
    end
  end
  return b.model
end

--- Two sites joined by a tunnel.
function m.sites()
  local b = builder "sites"
  for _, name in ipairs { "h1", "r1", "net", "r2", "h2" } do b.node(name, name:find "^r" and "router" or "host") end
  for i = 2, 5 do b.edge(i - 1, i) end
  b.edge(2, 4, { kind = "vxlan", a_name = "vx0", b_name = "vx0" })
  return b.model
end

--- What chance makes of n nodes and some links: double links, links of a node with itself, parts that nothing joins.
---@param random fun(from: integer, to: integer): integer
function m.any(random, n, links)
  local b = builder "any"
  local kinds = { "host", "switch", "router", "external" }
  for i = 1, n do
    b.node(("node%d%s"):format(i, ("x"):rep(random(0, 14))), kinds[random(1, 4)],
      random(1, 5) == 1 and { "lo " .. i } or {})
  end
  for _ = 1, links do
    local a, z = random(1, n), random(1, n)
    local more = {}
    if random(1, 6) == 1 then more.label = "delay 10ms" end
    if random(1, 8) == 1 then more.kind = "gre" end
    if random(1, 8) == 1 then more.a_down = true end
    if random(1, 4) == 1 then more.b_addrs = { "10.0.0.1/24", "fd00::1:2:3/64" } end
    b.edge(a, z, more)
  end
  return b.model
end

return m
