-- json_spec.lua - values as JSON: what another program reads back is what was written
local dkjson = require "dkjson"
local json = require "nsh.json"

local function back(value)
  local text = json.encode(value)
  assert.falsy(text:find "\n")
  return (dkjson.decode(text))
end

describe("JSON", function()
  it("gives back what it was given", function()
    for _, value in ipairs { 0, -1, math.maxinteger, math.mininteger, 0.1, 1e300, -2.5, true, false, "", "a",
      "\"\\/\b\f\n\r\t\0\31\127", "äöü →", { 1, 2, { 3 } }, { a = { b = { c = "d" } } }, { { x = 1 }, { y = {} } } } do
      assert.same(value, back(value))
    end
  end)

  it("keeps integers of 64 bits, and the shortest form of numbers", function()
    assert.equal("9223372036854775807", json.encode(math.maxinteger))
    assert.equal("0.1", json.encode(0.1))
    assert.equal("null", json.encode(0 / 0))
    assert.equal("null", json.encode(math.huge))
  end)

  it("writes keys in their order, and nothing as null", function()
    assert.equal('{"a":1,"b":2,"c":[true]}', json.encode { c = { true }, b = 2, a = 1 })
    assert.equal("null", json.encode(nil))
  end)

  it("tells an empty list from an empty object by its metatable", function()
    local ns <close> = netns.add "json"
    assert.equal("[]", json.encode(ns:neighs()))
    assert.equal("{}", json.encode {})
  end)

  it("tells the line of an error, wherever that is", function()
    for text, where in pairs { ["(command line):1: boom"] = "(command line):1", ["a b/my lab.lua:12: boom"] =
      "a b/my lab.lua:12", ["boom\nx.lua:1: no"] = false, boom = false } do
      local told = dkjson.decode(json.of_error(text, 1)).error
      assert.same({ where or nil, where and "boom" or text }, { told.where, told.message })
    end
  end)

  it("replaces bytes that are no text", function()
    assert.equal("a\u{fffd}b\u{fffd}\u{fffd}", back "a\xffb\xc3\xed")
  end)

  it("writes records as they are, and live objects as what they say", function()
    local ns <close> = netns.add "json"
    local lo = back(ns:links())[1]
    assert.same({ "lo", 65536, false }, { lo.name, lo.mtu, lo.up })
    assert.equal("netns json", back(ns))
    assert.equal("function", back(print):match "^%a+")
  end)
end)
