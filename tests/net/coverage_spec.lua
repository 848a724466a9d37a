-- coverage_spec.lua - the words that docs/coverage.md is about are those of the iproute2 that is installed.
local h = require "tests.helper"
local words = dofile "docs/coverage/words.lua"

describe("the words of iproute2", function()
  it("are the ones that its usage texts and manual pages have here", function()
    if not netns.current():exec("ip -V").out:find "iproute2%-6%.1%." then h.pending "another version of iproute2" end
    local kept, here = {}, {}
    for _, section in ipairs(words.read "docs/coverage/words.txt") do kept[section.title] = section.words end
    for _, section in ipairs(words.installed()) do here[section.title] = section.words end
    for title, list in pairs(kept) do
      -- a machine may have no manual pages
      if here[title] or not title:find "%(8%)$" then assert.same(list, here[title], title) end
    end
    for title in pairs(here) do assert.is_table(kept[title], title) end
  end)

  it("are in nsh, but for one in twenty", function()
    local page = assert(io.open "docs/coverage.md"):read "a"
    local yes, all = page:match "%*%*(%d+) of (%d+) words"
    assert(yes / all >= 0.95, ("%d of %d"):format(yes, all))
  end)
end)
