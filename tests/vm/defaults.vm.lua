-- defaults.vm.lua - namespaces start from the kernel's defaults, whatever the machine has set
local machine = require "tests.vm.machine"

local READ = { "grep", "-rs", ".", "/proc/sys/net/ipv4", "/proc/sys/net/ipv6", "/proc/sys/net/core" }

-- What a world's root and two namespaces in it have, each before a line of "--".
local LOOK = ([[
  local read = { "%s" }
  local root = netns.current()
  print(root:exec(read, { check = false }).out .. "--")
  print(netns.add("a"):exec(read, { check = false }).out .. "--")
  for _, key in ipairs { "ipv4.conf.all.rp_filter", "ipv4.conf.default.rp_filter", "ipv6.conf.default.accept_ra" } do
    root.sysctl["net." .. key] = 2
  end
  print(netns.add("b"):exec(read, { check = false }).out .. "--")
]]):format(table.concat(READ, '", "'))

local function inherit(mode) assert(machine.write("/proc/sys/net/core/devconf_inherit_init_net", mode)) end

-- Every number of the machine's conf/NAME gets another value.
local function alter(family, name)
  local dir = "/proc/sys/net/" .. family .. "/conf/" .. name .. "/"
  local altered = 0
  for key in machine.run({ "ls", dir }).out:gmatch "%S+" do
    local value = tonumber(machine.read(dir .. key))
    if value and (machine.write(dir .. key, value == 0 and 1 or 0) or machine.write(dir .. key, value + 1)) then
      altered = altered + 1
    end
  end
  return altered
end

-- What differs, as lines for the message.
local function differences(expected, found)
  local lines = {}
  for key, value in pairs(expected) do
    if found[key] ~= value then lines[#lines + 1] = ("%s is %s, not %s"):format(key, found[key], value) end
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

local function check(pristine, as)
  local result = machine.nsh(LOOK, as)
  assert.equal(0, result.status, result.err)
  local where = { "the root", "a namespace", "a namespace made after the root was altered" }
  for text in result.out:gmatch "(.-)%-%-\n" do
    assert.equal("", differences(pristine, machine.sysctls(text)), table.remove(where, 1))
  end
  assert.same({}, where)
end

describe("on a machine as it was started,", function()
  it("a namespace inherits nothing from the script's root where the kernel would hand that down", function()
    local pristine = machine.sysctls(machine.run("unshare -n " .. table.concat(READ, " ")).out)
    inherit(3)
    check(pristine)
    inherit(0)
  end)
end)

describe("on a machine where every sysctl of conf/all and conf/default is another than the kernel's,", function()
  local SAVED, pristine, users = "/run/sysctls", nil, nil

  setup(function()
    inherit(0)
    local list = machine.run("sysctl -ea --pattern '^net.ipv[46].conf.(all|default)' | tee " .. SAVED).out
    assert(list:find "net.ipv6.conf.default.accept_ra = 1")
    pristine = machine.sysctls(machine.run("unshare -n " .. table.concat(READ, " ")).out)
    assert(pristine["ipv4/conf/all/rp_filter"] == "0" and pristine["ipv6/conf/lo/accept_ra"] == "1")
    users = machine.sysctls(machine.run(machine.as("user", { "unshare", "-Urn", table.unpack(READ) })).out)
    assert(users["ipv6/conf/default/accept_ra"] == "1")
    for _, family in ipairs { "ipv4", "ipv6" } do
      assert(alter(family, "all") > 25)
      assert(alter(family, "default") > 25)
    end
  end)

  teardown(function()
    inherit(0)
    -- twice, because forwarding sets others
    machine.run("sysctl -eqp " .. SAVED .. "; sysctl -eqp " .. SAVED)
  end)

  for mode, what in ipairs { "IPv4's are inherited", "all are inherited", "none are", "those of the maker are" } do
    it("and " .. what .. ", namespaces start from the kernel's own", function()
      inherit(({ 0, 1, 2, 3 })[mode])
      check(pristine)
    end)
  end

  it("an ordinary user's namespaces start from the kernel's own", function()
    inherit(1)
    check(users, "user")
  end)

  it("only --host leaves them to the machine, as ip netns add does", function()
    inherit(1)
    machine.run "ip netns add twin"
    local ns <close> = netns.add "on-host"
    local twin <close> = netns.get "twin"
    local expected = machine.sysctls(twin:exec(READ, { check = false }).out)
    assert.not_equal("", differences(pristine, expected))
    assert.equal("", differences(expected, machine.sysctls(ns:exec(READ, { check = false }).out)))
  end)
end)
