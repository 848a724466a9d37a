-- everywhere_spec.lua - netns.exec: one command in many namespaces
local h = require "tests.helper"

describe("a command in many namespaces", function()
  local spaces

  before_each(function()
    spaces = {}
    for i = 1, 4 do
      spaces[i] = h.netns()
      spaces[i]:link("lo"):set { alias = "number " .. i }
    end
  end)

  it("has a result for each, in order", function()
    local results = netns.exec({ spaces[3], spaces[1].name, spaces[4] }, "ip -o link show lo")
    assert.equal(3, #results)
    for i, n in ipairs { 3, 1, 4 } do
      assert.equal(spaces[n].name, results[i].netns)
      assert.equal(0, results[i].status)
      assert.matches("alias number " .. n, results[i].out)
    end
    assert.matches(("^netns: %s\n.*alias number 3.*\nnetns: %s\n"):format(spaces[3].name, spaces[1].name),
      tostring(results))
  end)

  it("is for all that have a name when none is named, as ip -all netns exec", function()
    local ours = {}
    for _, result in ipairs(netns.exec(nil, { "cat", "/sys/class/net/lo/ifalias" })) do
      ours[#ours + 1] = ("netns: %s\n%s"):format(result.netns, result.out)
    end
    local theirs = {}
    local said = netns.current():exec("ip -all netns exec cat /sys/class/net/lo/ifalias").out
    for part in said:gmatch "netns: [^\n]*\n[^\n]*\n" do theirs[#theirs + 1] = part end
    assert.equal(4, #ours)
    assert.same(h.sorted(theirs), h.sorted(ours))
    assert.same({}, netns.exec({}, "true"))
  end)

  it("runs in so many at a time", function()
    local dir = os.tmpname()
    os.remove(dir)
    assert(os.execute("mkdir " .. dir))
    local count = ("mkdir %s/$$; ls %s | wc -l; sleep 0.1; rmdir %s/$$"):format(dir, dir, dir)
    local function most(jobs)
      local n = 0
      for _, r in ipairs(netns.exec(spaces, count, { jobs = jobs })) do n = math.max(n, tonumber(r.out)) end
      return n
    end
    assert.equal(1, most(1))
    assert.equal(2, most(2))
    assert.equal(4, most())
    os.remove(dir)
  end)

  it("fails together, with all results", function()
    local fails = [[case $(cat /sys/class/net/lo/ifalias) in *2) echo why >&2; exit 5;; *4) kill -9 $$;; esac]]
    local err = h.refused("EXIT", netns.exec, nil, fails)
    assert.matches("failed in 2 of 4 namespaces", err.message)
    assert.matches(spaces[2].name .. ": exit status 5: why\n", err.message)
    assert.matches(spaces[4].name .. ": killed by SIGKILL", err.message)
    assert.equal(4, #err.results)
    assert.equal(5, err.results[2].status)
    assert.matches("^[%w/_.]+%.lua:%d+$", err.where)
    local results = netns.exec(spaces, fails, { check = false })
    assert.same({ 0, 5, 0, "KILL" },
      { results[1].status, results[2].status, results[3].status, results[4].signal })
    assert.matches("exit status 5%)\nwhy", tostring(results))
  end)

  it("that is missing is told once for each, with its package", function()
    local err = h.refused("ENOENT", netns.exec, spaces, { "no-such-program" }, { check = false })
    assert.matches("failed in 4 of 4", err.message)
  end)

  it("that makes no sense is refused", function()
    h.misuse("did you mean 'jobs'", netns.exec, spaces, "true", { jbs = 1 })
    for _, jobs in ipairs { 0, 1.5, "2", 1001 } do
      h.misuse("jobs must be", netns.exec, spaces, "true", { jobs = jobs })
    end
    h.misuse("must be a list", netns.exec, spaces[1], "true")
    h.misuse("must be a list", netns.exec, "x", "true")
    h.misuse("key 'x'", netns.exec, { x = spaces[1] }, "true")
    h.misuse("check must be", netns.exec, spaces, "true", { check = 1 })
    h.misuse("the command must be", netns.exec, spaces, 42)
    h.misuse("timeout", netns.exec, spaces, "true", { timeout = "soon" })
    h.refused("ENOENT", netns.exec, { "no-such-netns" }, "true")
  end)

  it("ends by Ctrl-C", function()
    h.interrupted 'for i = 1, 3 do netns.add("i" .. i) end netns.exec(nil, "sleep 60")'
  end)
end)
