--- object_spec.lua - methods of namespaces and links whose modules are loaded when they are used first.
local h = require "tests.helper"

-- Runs a script in an nsh that has loaded nothing yet.
local function run(script)
  local result = h.netns():exec { os.getenv "NSH" or "./nsh", "-e", script }
  return result.out
end

describe("a method", function()
  it("that is replaced after its first use is the new one", function()
    local class, mt = require("nsh.object").class "nsh.thing"
    local thing = setmetatable({}, mt)
    function class:size() return 1 end
    assert.equal(1, thing:size())
    local old = class.size
    function class:size() return old(self) + 1 end
    assert.equal(2, thing:size())
    class.size = nil
    h.misuse("has no field 'size'", function() return thing.size end)
  end)
end)

describe("what is loaded later", function()
  it("is what the modules define, name by name", function()
    assert.equal("", run [[
      local object, later = require "nsh.object", {}
      function object.later(class, modules) later[#later + 1] = { class, modules } end
      require "nsh"
      for _, entry in ipairs(later) do
        local class, modules = entry[1], entry[2]
        local before, listed = {}, {}
        for _, part in ipairs { class, class.get } do for name in pairs(part) do before[name] = true end end
        for module, names in pairs(modules) do
          for name in names:gmatch "%S+" do listed[name] = module end
        end
        for module in pairs(modules) do require(module) end
        for _, part in ipairs { class, class.get } do
          for name in pairs(part) do
            if not before[name] and not listed[name] then print("not listed: " .. name) end
            listed[name] = nil
          end
        end
        for name, module in pairs(listed) do print(module .. " doesn't define " .. name) end
      end]])
  end)

  it("comes with its first use, and no sooner", function()
    assert.equal("no rule\nrule\nno impair\nimpair\n", run [[
      local function tell(module) print((package.loaded["nsh." .. module] and "" or "no ") .. module) end
      local ns = netns.current()
      tell "rule"
      ns:rules()
      tell "rule"
      local lo = ns:link "lo"
      tell "impair"
      assert(lo.impairment == nil)
      tell "impair"]])
  end)

  it("is among what a wrong name is compared with", function()
    h.misuse("did you mean 'traceroute'?", function() return h.netns().tracroute end)
    h.misuse("did you mean 'vlan_globals'?", function() return h.netns():link("lo").vlan_global end)
  end)
end)
