-- declared.lua - the lab that the fault runs kill and starve: declared, built, changed in place, taken down.
-- arg[1], if given and not 0: a process in whose namespace each host gets a witness: a veth end that goes with it.
-- arg[2]: how many hosts it has (2); for many, a process beside nsh makes the namespaces.
-- Files that aren't there are opened as marks, so that a trace tells which part of the run a system call belongs to.
local hosts = tonumber(arg[2] or 2)
local outside = tonumber(arg[1] or "0") > 0 and netns.of(tonumber(arg[1])) or nil

local function declare(changed)
  local net = lab "fault"
  local sw = net:switch { "sw", addr = "10.9.0.254/24", stp = false }
  for i = 1, hosts + (changed and 1 or 0) do
    local host = net:host { "h" .. i, routes = { { "default", via = "10.9.0.254" } } }
    local addrs = { ("10.9.0.%d/24"):format(i), not changed and ("10.8.0.%d/24"):format(i) or nil }
    net:link { { host, "eth0", addrs = addrs }, { sw, "p" .. i }, mtu = changed and i == 1 and 1400 or nil }
    if changed then host:route { "192.0.2.0/24", via = "10.9.0.253" } end
  end
  return net
end

-- All that is there of the lab, as text.
local function state()
  local lines = {}
  for _, record in ipairs(netns.list()) do
    local ns = netns.get(record.name)
    local function add(list, ...)
      for _, one in ipairs(list) do
        local words = { record.name }
        for _, key in ipairs { ... } do
          words[#words + 1] = key .. "=" .. tostring(type(one[key]) == "table" and one[key].name or one[key])
        end
        lines[#lines + 1] = table.concat(words, " ")
      end
    end
    add(ns:links(), "name", "kind", "mac", "mtu", "up", "master", "peer")
    add(ns:addrs(), "dev", "addr", "scope")
    add(ns:routes { table = "all", family = "inet" }, "dst", "via", "dev", "table", "type", "proto")
    lines[#lines + 1] = ("%s ip_forward=%s"):format(record.name, tostring(ns.sysctl["net.ipv4.ip_forward"]))
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

local function mark(name) assert(not io.open("/nsh-mark-" .. name), "a mark is no file") end

-- Carries a lab out. What fails must leave what was there before.
local function up(net)
  local before = state()
  local ok, err = pcall(net.up, net)
  if ok then return end
  io.stderr:write "it failed\n"
  local now = state()
  if now ~= before then
    io.stderr:write("NOT ROLLED BACK; before:\n", before, "\nafter:\n", now, "\n")
    os.exit(70)
  end
  print "rolled back"
  error(err, 0)
end

local net = declare(false)
mark "up"
up(net)
assert(#net:plan() == 0, "the lab is not what was declared")
if outside then
  for i = 1, 2 do
    netns.get("fault.h" .. i):add_link { "up0", kind = "veth", peer = { "witness" .. i, netns = outside } }
  end
end
local changed = declare(true)
up(changed)
mark "down"
assert(#changed:plan() == 0, "the lab is not what was declared after the change")
assert(changed:node("h" .. hosts + 1).netns:reaches "10.9.0.1", "the changed lab doesn't work")
changed:down()
assert(#netns.list() == 0, "namespaces outlive the lab")
print "the lab stood"
