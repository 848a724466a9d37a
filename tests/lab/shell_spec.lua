--- shell_spec.lua - what tutorials type, as a lab: its script and its commands for sh(1) make the same.
local h = require "tests.helper"
local tutorials = require "tests.lab.tutorials"

local root = netns.current()

local LOOK = [[ip -d addr; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule
  ip neigh show nud permanent; bridge -d link; bridge fdb show | grep -E 'permanent|static'; ip nexthop]]

-- What ip(8) and bridge(8) say of each namespace, without what is of the moment: where the spanning tree stands; and an
-- address of IPv6 is tentative for a second, gets its local route after that, and with it the group of its neighbours.
local function told()
  local lines = {}
  for _, result in ipairs(netns.exec(nil, LOOK, { check = false })) do
    for line in result.out:gmatch "[^\n]+" do
      line = line:gsub("^%d+: ", ""):gsub("@if%d+", ""):gsub("link%-netns %S+", ""):gsub("_timer +%S+", "")
        :gsub("<[^>]*>", ""):gsub(" state %S+", ""):gsub("%f[%w]carrier %S+", ""):gsub("topology_change%S* %S+", "")
        :gsub("root_[%l_]+ %S+", ""):gsub("designated_%l+ %S+", "")
        :gsub("config_pending %S+", ""):gsub(" tentative", "")
      local passing = line:find "fe80:" or line:find "table local proto kernel metric 0"
        or line:find "multicast ff00::/8" or line:find "33:33:ff:%S+ dev %S+ self permanent"
        or line:find "valid_lft forever preferred_lft forever"
      if not passing then lines[#lines + 1] = result.netns .. ": " .. line end
    end
  end
  return lines
end

-- A script without what it says of what is left out.
local function plain(script) return (script:gsub("\n%-%-[^\n]*", "")) end

-- What a snapshot differs in from what is there now.
local function same(before)
  local after = nsh.snapshot()
  assert.equal("nothing to do", tostring(before:diff(after)))
  assert.equal("nothing to do", tostring(after:diff(before)))
  assert.equal(plain(before:script()), plain(after:script()))
end

describe("the script and the commands of a snapshot make the same:", function()
  after_each(tutorials.clear)

  for _, tutorial in ipairs(tutorials.list) do
    it(tutorial[1], function()
      local missing = tutorials.lacks(tutorial)
      if missing then return pending("this kernel has no " .. missing) end
      tutorials.type(tutorial[2])
      local before, said = nsh.snapshot(), told()
      if not before.warnings[1] then assert.equal("nothing to do", tostring(before:plan())) end
      local text = before:shell()
      tutorials.clear()
      local net = load(before:script())()
      net:up()
      same(before)
      assert.equal("nothing to do", tostring(net:plan()))
      net:down()
      tutorials.clear()
      root:exec({ "sh" }, { input = text })
      same(before)
      assert.equal("", h.differences(said, told()))
    end)
  end

  it("quotes what a shell would take apart", function()
    netns.add("red"):add_link { "a", kind = "veth", peer = "b", alias = "it's $HOME; `rm`\\ \"x\"" }
    local text = nsh.snapshot():shell()
    tutorials.clear()
    root:exec({ "sh" }, { input = text })
    assert.equal("it's $HOME; `rm`\\ \"x\"", netns.get "red":link "a".alias)
  end)
end)
