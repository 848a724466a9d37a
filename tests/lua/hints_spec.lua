-- hints_spec.lua - remedies of known failures
local hints = require "nsh.hints"

describe("hints", function()
  it("name the namespace and the link when a name is taken", function()
    local hint = hints.find { op = "link set", code = "EEXIST", target = "veth0", netns = "host",
      spec = { netns = { label = "ns1" } } }
    assert.equal('ns1 already has a link named veth0; rename one: set { netns = ..., name = "..." }', hint)
    hint = hints.find { op = "link set", code = "EEXIST", target = "veth0", netns = "host", spec = { name = "veth1" } }
    assert.truthy(hint:find("host already has a link named veth1", 1, true))
    assert.truthy(hints.find { op = "link add", code = "EEXIST", target = "veth0", netns = "host" }:find "veth0")
  end)

  it("name all that may be taken", function()
    local hint = hints.find { op = "link add", code = "EEXIST", target = "v0", netns = "red",
      spec = { "v0", kind = "veth", index = 7, altnames = { "x" }, peer = { "v1" } } }
    assert.equal("red already has a link named v0 or of number 7 or with one of the altnames, or the peer's side one "
      .. "named v1; choose another one", hint)
  end)

  it("explain an unreachable gateway", function()
    assert.truthy(hints.find { op = "route add", code = "ENETUNREACH" }:find "gateway")
    local hint = hints.find { op = "route add", code = "EINVAL", extack = "Nexthop has invalid gateway" }
    assert.truthy(hint:find "gateway")
    assert.truthy(hints.find { op = "route to", code = "ENETUNREACH" }:find "default")
  end)

  it("name a link kind that the kernel lacks", function()
    local hint = hints.find { op = "link add", code = "EOPNOTSUPP", extack = "Unknown device type",
      spec = { kind = "no-such-kind" } }
    assert.truthy(hint:find("no-such-kind", 1, true))
    assert.is_nil(hints.find { op = "link add", code = "EOPNOTSUPP", extack = "something else" })
  end)

  it("name what a link can't be made without", function()
    local function hint(spec) return hints.find { op = "link add", code = "EINVAL", spec = spec } end
    assert.equal("kind vlan needs link and id", hint { kind = "vlan" })
    assert.equal("kind vxlan needs id", hint { kind = "vxlan", dstport = 4789 })
    assert.equal('help "vxlan" tells what may be said', hint { kind = "vxlan", external = true })
  end)

  it("of a bond are not those of a privilege", function()
    assert.truthy(hints.find { op = "link set", code = "EPERM", extack = "Device can not be enslaved while up" }
      :find("up = false", 1, true))
  end)

  it("know what is general", function()
    assert.truthy(hints.find { op = "anything", code = "EMFILE" }:find "ulimit")
    assert.truthy(hints.find { code = "EPERM" }:find "root")
    assert.is_nil(hints.find { op = "link set", code = "EWHATEVER" })
    assert.is_nil(hints.find {})
  end)

  it("are rows that all can be looked up", function()
    for _, row in ipairs(hints.rows) do
      assert.is_string(row.code)
      local hint = row.hint
      if type(hint) == "function" then hint = hint { op = "link add", code = row.code } end
      assert.is_string(hint)
      assert.truthy(#hint > 10)
    end
  end)
end)
