-- recipe_spec.lua - what nsh has for recipes: programs, errors at the script's line, options that are looked at
local h = require "tests.helper"

describe("for recipes", function()
  it("a program is found, or what brings it is told", function()
    assert.is_truthy(nsh.program("sh"):find "/sh$")
    local path, remedy = nsh.program "no-such-program"
    assert.is_nil(path)
    assert.is_truthy(remedy:find "no such program")
    local features = require "nsh.features"
    assert.equal("apt-get install dnsmasq-base brings it", features.program "dnsmasq")
    h.misuse("a program's name is text", nsh.program, 1)
  end)

  it("an error is one of nsh's own", function()
    local ns = h.netns()
    local err = h.refused("ENOENT", function()
      nsh.raise { op = "exec", target = "x", netns = ns, code = "ENOENT", message = "no program 'bird' in PATH",
        more = 1 }
    end)
    assert.same({ ns.name, 1 }, { err.netns, err.more })
    assert.is_truthy(err.hint:find "bird2")
    assert.is_truthy(err.where:find "recipe_spec.lua:%d+$")
    assert.equal(("%s: exec x in %s: no program 'bird' in PATH (ENOENT)\n  hint: %s"):format(err.where, ns.name,
      err.hint), tostring(err))
    h.misuse("raise needs op", nsh.raise, { message = "x" })
  end)

  it("a slip is told at the script's line, not at the recipe's", function()
    h.misuse("so not", nsh.misuse, "so not")
    local firewall = require "stdlib.firewall"
    local ok, err = pcall(function() firewall.drop(h.netns(), { port = -1 }) end)
    assert.is_false(ok)
    assert.is_truthy(err:find "^tests/lua/recipe_spec.lua:%d+: port is", err)
  end)

  it("options are copied, and unknown ones refused", function()
    local given = { 1, dev = "eth0" }
    local copy = nsh.options(given, "it", { 1, "dev", "mtu" })
    assert.same(given, copy)
    assert.is_false(given == copy)
    assert.same({}, nsh.options(nil, "it", { "dev" }))
    h.misuse("unknown key 'dve' of it; did you mean 'dev'?", nsh.options, { dve = 1 }, "it", { "dev" })
    h.misuse("it takes a table of keys", nsh.options, 1, "it", { "dev" })
  end)

  it("the outside is where nsh came from, which an ordinary user may not enter", function()
    if h.uid(4321) == 4321 then
      assert.is_true(netns.outside() == netns.outside())
      assert.is_false(netns.outside() == netns.current())
      assert.equal("outside of the world", netns.outside().label)
    else
      assert.is_truthy(h.refused("EPERM", netns.outside).hint:find "pasta")
    end
  end)
end)
