-- listener_spec.lua - who believes what a watch tells knows what there is: nothing is lost, nothing told twice
local h = require "tests.helper"

-- What names an object, apart from nsh's own idea of it; its link by the index, for a new name is told of links alone.
local function name_of(noun, r, index)
  if noun == "link" then return tostring(r.index) end
  local dev = tostring(index[r.dev])
  if noun == "addr" then return ("%s %s %s"):format(dev, r.addr, r.peer) end
  if noun == "neigh" then return ("%s %s %s"):format(dev, r.dst, r.proxy) end
  local hops = {}
  for i, hop in ipairs(r.nexthops or {}) do hops[i] = tostring(hop.via) .. tostring(index[hop.dev]) end
  return table.concat({ r.family, r.table, r.dst, tostring(r.metric), tostring(r.tos), tostring(r.via), dev,
    r.type, table.concat(hops, ",") }, " ")
end

local function listener()
  local self, links = { known = {}, slips = {}, resyncs = 0 }, {}
  function self.hear(event)
    if event.event == "resync" then
      self.known, self.resyncs = {}, self.resyncs + 1
      return
    end
    links[event.netns] = links[event.netns] or {}
    if event.noun == "link" then links[event.netns][event.name] = event.index end
    local key = event.netns .. " " .. event.noun .. " " .. name_of(event.noun, event, links[event.netns])
    local known = self.known[key] ~= nil
    if known ~= (event.event ~= "add") and not (event.event == "change" and event.noun == "route") then
      self.slips[#self.slips + 1] = tostring(event)
    end
    if event.event == "change" and event.noun == "route" then -- it took the place of the one of its metric
      for other, old in pairs(self.known) do
        if old.noun == "route" and old.netns == event.netns and old.dst == event.dst and old.table == event.table
          and old.metric == event.metric and old.family == event.family and old.tos == event.tos then
          self.known[other] = nil
        end
      end
    end
    self.known[key] = event.event ~= "del" and event or nil
  end
  return self
end

-- What stands in the kernel's lists now, in the same words.
local function truth(spaces)
  local known = {}
  for _, ns in ipairs(spaces) do
    local index = {}
    for _, link in ipairs(ns:links()) do index[link.name] = link.index end
    local lists = { link = ns:links(), addr = ns:addrs(), route = ns:routes { table = "all" }, neigh = ns:neighs() }
    for noun, list in pairs(lists) do
      for _, record in ipairs(list) do
        known[ns.label .. " " .. noun .. " " .. name_of(noun, record, index)] = record
      end
    end
  end
  return known
end

local VALUES = { link = { "name", "up", "mtu", "mac", "carrier", "state", "master", "alias" },
  addr = { "scope", "label", "tentative" }, route = { "src", "scope", "proto" }, neigh = { "mac", "state" } }

-- Compares; the kernel may need a moment, so the listener goes on listening.
local function agrees(watch, ear, spaces, what)
  h.settles(function()
    for event in watch:events {} do ear.hear(event) end
    local there, wrong = truth(spaces), {}
    for key, record in pairs(there) do
      local believed = ear.known[key]
      -- the kernel tells of an address that it made itself when it knows that no other host has it
      if not believed and not record.tentative then wrong[#wrong + 1] = "not told: " .. key end
      for _, value in ipairs(believed and VALUES[believed.noun] or {}) do
        if believed[value] ~= record[value] then
          wrong[#wrong + 1] = ("%s of %s is %s, told %s"):format(value, key, tostring(record[value]),
            tostring(believed[value]))
        end
      end
    end
    for key in pairs(ear.known) do
      if not there[key] then wrong[#wrong + 1] = "told and not there: " .. key end
    end
    table.sort(wrong)
    if #wrong > 0 then error(what .. ": " .. table.concat(wrong, "; ", 1, math.min(#wrong, 8)), 0) end
  end)
  assert.same({}, ear.slips, what)
end

describe("a listener", function()
  -- Random changes; the seed is printed when it fails.
  local function churn(random, spaces, count)
    local function pick(list) return list[random(#list)] end
    local function some_link(ns)
      local list = ns:links { kind = "veth" }
      return #list > 0 and ns:link(pick(list).name) or nil
    end
    local n = 0
    local moves = {
      function(ns)
        n = n + 1
        ns:add_link { ("v%d"):format(n), kind = "veth", up = random(2) == 1,
          peer = { ("p%d"):format(n), netns = pick(spaces), up = random(2) == 1 } }
      end,
      function(ns) local link = some_link(ns) if link then link:set { up = random(2) == 1 } end end,
      function(ns) local link = some_link(ns) if link then link:set { mtu = 1300 + random(200) } end end,
      function(ns)
        n = n + 1
        local link = some_link(ns)
        if link then link:set { name = ("r%d"):format(n) } end
      end,
      function(ns)
        local link = some_link(ns)
        if link then link:add_addr { ("10.%d.%d.%d/24"):format(random(3), random(4), random(250)) } end
      end,
      function(ns)
        local link = some_link(ns)
        if link then link:add_addr { ("fd00:%d::%d/64"):format(random(3), random(250)), nodad = true } end
      end,
      function(ns)
        local link = some_link(ns)
        local list = link and link:addrs() or {}
        if #list > 0 then link:del_addr(pick(list)) end
      end,
      function(ns)
        local link = some_link(ns)
        if link then ns:add_route { ("10.%d.0.0/16"):format(100 + random(5)), dev = link, metric = random(3) } end
      end,
      function(ns)
        local link = some_link(ns)
        if link then ns:replace_route { ("fd01:%d::/64"):format(random(5)), dev = link, metric = random(3) } end
      end,
      function(ns)
        local list = ns:routes()
        if #list > 0 then ns:del_route(pick(list)) end
      end,
      function(ns)
        local link = some_link(ns)
        if link then
          ns:replace_neigh { ("10.77.0.%d"):format(random(9)), dev = link,
            mac = ("02:00:00:00:00:%02x"):format(random(9)) }
        end
      end,
      function(ns)
        local list = ns:neighs { state = "permanent" }
        if #list > 0 then ns:del_neigh(pick(list)) end
      end,
      function(ns) if random(3) == 1 then local link = some_link(ns) if link then link:del() end end end,
    }
    for _ = 1, count do
      local ok, err = pcall(pick(moves), pick(spaces))
      -- what can't be done here is no change; but a slip of this test is one
      if not ok and type(err) ~= "table" then error(err, 0) end
    end
  end

  -- A generator of its own, so that a seed gives the same changes on every machine.
  local function generator(seed)
    return function(n)
      seed = (seed * 6364136223846793005 + 1442695040888963407) & math.maxinteger
      return (seed >> 33) % n + 1
    end
  end

  for _, seed in ipairs { 1, 2, 3, 4, 5, 6 } do
    it("believes what is there, after changes of seed " .. seed, function()
      local spaces = { h.netns(), h.netns(), netns.current() }
      local watch <close> = nsh.watch { "link", "addr", "route", "neigh", initial = true }
      local ear, random = listener(), generator(seed)
      for round = 1, 5 do
        churn(random, { spaces[1], spaces[2] }, 40)
        agrees(watch, ear, spaces, ("seed %d, round %d"):format(seed, round))
      end
      assert.equal(0, ear.resyncs)
    end)
  end

  it("believes what is there while another program changes it", function()
    local spaces = { h.netns(), h.netns() }
    local watch <close> = nsh.watch { "link", "addr", "route", "neigh", initial = true }
    local ear, random, lines = listener(), generator(77), {}
    local function v() return "v" .. random(6) end
    local moves = {
      function() return ("link add %s type veth peer name p%d netns %s"):format(v(), random(6), spaces[2].name) end,
      function() return "link del " .. v() end,
      function() return ("link set %s %s"):format(v(), random(2) == 1 and "up" or "down") end,
      function() return ("link set %s name %s"):format(v(), v()) end,
      function()
        return ("-n %s link set p%d %s"):format(spaces[2].name, random(6), random(2) == 1 and "up" or "down")
      end,
      function() return ("addr add 10.%d.0.%d/24 dev %s"):format(random(4), random(9), v()) end,
      function() return ("addr add fd00:%d::%d/64 dev %s nodad"):format(random(4), random(9), v()) end,
      function() return ("addr flush dev %s"):format(v()) end,
      function() return ("route add 10.%d.0.0/16 dev %s metric %d"):format(50 + random(3), v(), random(3)) end,
      function() return ("route append 10.%d.0.0/16 via 10.%d.0.77"):format(50 + random(3), random(4)) end,
      function()
        return ("route replace fd09:%d::/64 via fd00:%d::77 metric %d"):format(random(3), random(4), random(2))
      end,
      function()
        return ("route append fd09:%d::/64 via fd00:%d::78 metric %d"):format(random(3), random(4), random(2))
      end,
      function() return ("route del fd09:%d::/64"):format(random(3)) end,
      function()
        return ("neigh replace 10.0.0.%d lladdr 02:00:00:00:00:0%d dev %s"):format(random(9), random(9), v())
      end,
    }
    local here, there = {}, {}
    for _ = 1, 600 do
      local line = moves[random(#moves)]()
      local other = line:match "^%-n %S+ (.*)$"
      table.insert(other and there or here, other or line)
    end
    lines[1] = table.concat(here, "\n") .. "\n"
    lines[2] = table.concat(there, "\n") .. "\n"
    for i, ns in ipairs(spaces) do
      lines[i] = ns:spawn("ip -force -batch - >/dev/null 2>&1 <<'END'\n" .. lines[i] .. "END\n")
    end
    while lines[1]:running() or lines[2]:running() do
      for event in watch:events { timeout = 0.01 } do ear.hear(event) end
    end
    for i = 1, 2 do lines[i]:wait { check = false } end
    agrees(watch, ear, { spaces[1], spaces[2], netns.current() }, "after the other program")
    assert.equal(0, ear.resyncs)
    assert.truthy(next(ear.known))
  end)

  it("is told when the kernel had to drop events, and gets all anew", function()
    local ns = h.netns()
    local spaces = { ns, netns.current() }
    local watch <close> = nsh.watch { "link", "addr", "route", "neigh", initial = true, buffer = "16kb" }
    local ear = listener()
    agrees(watch, ear, spaces, "before")
    local link = ns:add_link { "b0", kind = "bridge", up = true }
    ns:batch(function()
      for i = 1, 2000 do link:add_addr(("10.%d.%d.1/24"):format(i // 250, i % 250)) end
    end)
    agrees(watch, ear, spaces, "2000 addresses")
    assert.truthy(ear.resyncs >= 1)
    local before = ear.resyncs
    ns:batch(function()
      for i = 1, 2000, 2 do link:del_addr(("10.%d.%d.1/24"):format(i // 250, i % 250)) end
    end)
    link:set { alias = "the last word" }
    agrees(watch, ear, spaces, "1000 gone")
    assert.truthy(ear.resyncs > before)
    local many = 0
    for _ in pairs(ear.known) do many = many + 1 end
    assert.truthy(many > 3000)
  end)

  it("misses nothing of 2,000 changes with the buffer that it gets", function()
    local ns = h.netns()
    local watch <close> = nsh.watch { "link", "addr", "route", "neigh", initial = true }
    local ear, link = listener(), ns:add_link { "b0", kind = "bridge", up = true }
    for i = 1, 500 do
      ns:add_link { "v" .. i, kind = "veth", peer = "p" .. i }
      if i % 50 == 0 then for event in watch:events() do ear.hear(event) end end
    end
    for i = 1, 1000 do
      link:add_addr(("10.%d.%d.1/24"):format(i // 250, i % 250))
      if i % 50 == 0 then for event in watch:events() do ear.hear(event) end end
    end
    agrees(watch, ear, { ns, netns.current() }, "links and addresses")
    assert.equal(0, ear.resyncs)
  end)
end)
