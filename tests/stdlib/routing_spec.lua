-- routing_spec.lua - OSPF in a ring, with a cut, and BGP, with BIRD, with FRRouting, and with both of them together
local bird = require "stdlib.bird"
local frr = require "stdlib.frr"
local h = require "tests.helper"
local ring = require "tests.stdlib.ring"

-- What the routers of each lab run; ip(8) calls their routes so.
local OSPF = { bird = { bird.start, "bird" }, frr = { frr.start, "ospf" } }
local BGP = { bird = { bird.start, "bird" }, frr = { frr.start, "bgp" } }
local RINGS = { { "bird", "bird", "bird", "bird" }, { "frr", "frr", "frr", "frr" }, { "frr", "bird", "bird", "frr" } }
local PAIRS = { { "frr", "bird" }, { "bird", "bird" }, { "frr", "frr" } }
local BORDERS = { { "bird", "frr", "bird" }, { "frr", "bird", "frr" } }
if os.getenv "NSH_SOAK" ~= "1" then RINGS[3], PAIRS[2], PAIRS[3], BORDERS = nil, nil, nil, {} end

describe("routing daemons", function()
  -- BIRD tells a change of its links five seconds after the one before (RFC 2328's MinLSInterval), so all labs run at
  -- the same time.
  it("find the ways of a ring, and others after a cut, by OSPF, and exchange routes by BGP", function()
    local works = { bird = bird.available(), frr = frr.available() }
    local jobs, lacks = {}, {}
    local function add(check, kinds, lab)
      local starts, protos = {}, {}
      for i, name in ipairs(lab) do
        lacks[name] = not works[name] or nil
        starts[i], protos[i] = table.unpack(kinds[name])
      end
      if not works[lab[1]] or not works[lab[2]] then return end
      jobs[#jobs + 1] = function()
        local ok, err = pcall(check, starts, protos)
        if not ok then error(("%s: %s"):format(table.concat(lab, ", "), tostring(err)), 0) end
      end
    end
    for _, lab in ipairs(RINGS) do add(ring.check_ospf, OSPF, lab) end
    for _, lab in ipairs(BORDERS) do add(ring.check_ibgp, BGP, lab) end
    for _, lab in ipairs(PAIRS) do add(ring.check_bgp, BGP, lab) end
    if #jobs == 0 then h.pending((select(2, bird.available()))) end
    nsh.all(jobs)
    if next(lacks) then h.pending("without " .. next(lacks)) end
  end)
end)
