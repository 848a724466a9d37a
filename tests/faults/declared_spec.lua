-- declared_spec.lua - a declared lab, killed and starved while it is built, changed and taken down.
-- lanes: first
local faults = dofile "tests/faults/common.lua"

local SCRIPT = "tests/faults/declared.lua"
local POINTS = 10
-- What a short run has among its points: calls by which something is made, changed or learned.
local CALLS = { "clone", "close", "mkdir", "mount", "openat", "read", "recvfrom", "sendto", "setns", "socket",
  "unshare", "write" }

describe("a declared lab", function()
  local machine, before

  setup(function()
    machine = faults.machine()
    before = faults.look(machine)
  end)
  teardown(function() machine:del() end)

  for i, way in ipairs(faults.ways) do
    it("leaves nothing when it is killed at any system call, " .. way.name, function()
      faults.kill_everywhere(machine, before, way, i == 1 and POINTS or POINTS // 2, SCRIPT, CALLS)
    end)
  end

  it("leaves nothing when it is large and another process makes its namespaces", function()
    faults.kill_everywhere(machine, before, faults.ways[1], 5, { SCRIPT, "20" },
      { "clone", "close", "recvmsg", "sendto", "socketpair" })
  end)

  -- What was begun is undone.
  it("is as it was when its building or a change fails at any system call", function()
    local way = faults.ways[1]
    local _, trace, at = faults.calls(machine, way, SCRIPT)
    local counts = {}
    for _, name in ipairs { "sendto", "recvfrom", "setns", "socket", "bind", "openat", "unshare", "mount", "read",
      "write" } do
      counts[name] = at.down[name]
    end
    local points, all = faults.points(counts, trace, POINTS, at.up)
    local undone, stood, elsewhere, bad = 0, 0, 0, {}
    for i, point in ipairs(points) do
      local errno = ({ "ENOMEM", "ENOBUFS", "EMFILE" })[i % 3 + 1]
      local marker = ("%d.%d.change"):format(faults.seed, i)
      local result = faults.run(machine, way, { "-o", "/dev/null", "-e", "trace=" .. point.name,
        "-e", ("inject=%s:error=%s:when=%d"):format(point.name, errno, point.k) }, marker, SCRIPT)
      local wrong
      if result.out == "rolled back\n" and result.status == 1 then
        undone = undone + 1
      elseif result.out == "the lab stood\n" and result.status == 0 then
        stood = stood + 1
      elseif result.status == 1 and result.out == "" and not result.err:find "it failed" then
        -- what the script itself reads, or a run that is busier than the one that was counted
        elsewhere = elsewhere + 1
      elseif not (point.name == "setns" and result.status == 134) then -- rather none than one in the wrong place
        wrong = ("ends with %s: %s%s"):format(result.signal or result.status, result.out, result.err)
      end
      local left = faults.clean(machine, before, marker)
      if left then wrong = (wrong or "") .. " leaves " .. left end
      if wrong then bad[#bad + 1] = ("%s number %d with %s: %s"):format(point.name, point.k, errno, wrong) end
    end
    faults.say("up and change that fail: %d points, %d tried: %d undone, %d overcome, %d elsewhere", all, #points,
      undone, stood, elsewhere)
    assert(#bad == 0, #bad .. " wrong:\n" .. table.concat(bad, "\n"))
    assert.is_true(undone > 0)
  end)
end)
