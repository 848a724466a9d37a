-- errors_spec.lua - each system call of a lab fails once: nsh says so with the errno's name, or what it did stands.
-- lanes: first
local faults = dofile "tests/faults/common.lua"

local errnos = { "ENOMEM", "EMFILE", "ENOBUFS", "EACCES", "EINTR" }
local texts = {
  "Cannot allocate memory", "Too many open files", "No buffer space available", "Permission denied",
  "Interrupted system call", "not enough memory", "%(E%u+%)",
  "cannot write to standard output", -- noticed at the end, when the errno of a print() is long gone
}
-- Not among them: brk (it returns no errno: the C library takes an injected one for an address) and wait4 (the kernel
-- has no such failure).
local calls = {
  "socket", "openat", "unshare", "setns", "mount", "sendto", "recvfrom", "clone", "vfork", "pipe2", "bind", "mkdir",
  "setsockopt", "getsockopt", "getsockname", "read", "write", "fstatfs", "newfstatat", "getdents64", "umount2",
  "unlink", "ppoll", "readlink", "symlink", "fcntl", "mmap", "dup", "access", "ioctl",
}

local function verdict(result, point)
  if result.hung then return "hangs: " .. result.hung end
  if point.early and result.status ~= 0 then return nil end -- the loader's own words, and its own ends
  if result.signal == "ABRT" or result.status == 134 then
    -- rather no process at all than one in a namespace that is not its own
    return point.name ~= "setns" and "aborts" or nil
  end
  if result.signal or result.status > 127 then return "dies of a signal" end
  if result.status == 0 then return result.out ~= "the lab stood\n" and "claims success" or nil end
  if result.status ~= 1 and result.status ~= 4 then return "ends with status " .. result.status end
  for _, text in ipairs(texts) do
    if result.err:find(text) then return nil end
  end
  return "names no errno"
end

describe("an error at a system call", function()
  local machine, before

  setup(function()
    machine = faults.machine()
    before = faults.look(machine)
  end)
  teardown(function() machine:del() end)

  local function fail_everywhere(way)
    local all, trace = faults.calls(machine, way)
    local counts, early = {}, {}
    for _, name in ipairs(calls) do counts[name] = all[name] end
    -- the loader's own calls end where it has unmapped its cache
    for name, k in faults.each_call(trace) do
      if name == "munmap" then break end
      early[name] = k
    end
    local points, total = faults.points(counts, trace, 40)
    local failed, stood, bad = 0, 0, {}
    for i, point in ipairs(points) do
      for _, errno in ipairs(faults.soak and point.changes and errnos or { errnos[math.random(#errnos)] }) do
        local marker = ("%d.%d%s"):format(faults.seed, i, errno)
        point.early = point.k <= (early[point.name] or 0)
        local options = { "-o", "/dev/null", "-e", "trace=" .. point.name,
          "-e", ("inject=%s:error=%s:when=%d"):format(point.name, errno, point.k) }
        local result = faults.run(machine, way, options, marker)
        local wrong = verdict(result, point)
        local left = faults.clean(machine, before, marker)
        if left then wrong = (wrong or "") .. " leaves " .. left end
        if wrong then
          bad[#bad + 1] = ("%s number %d with %s (%s): nsh %s: %s%s"):format(
            point.name, point.k, errno, way.name, wrong, result.out, result.err)
        end
        if result.status == 0 then stood = stood + 1 else failed = failed + 1 end
      end
    end
    faults.say("errors %s: %d points, %d tried: %d errors told, %d overcome", way.name, total, failed + stood, failed,
      stood)
    assert(#bad == 0, #bad .. " wrong:\n" .. table.concat(bad, "\n"))
  end

  for _, way in ipairs(faults.ways) do
    it("is told or overcome, " .. way.name, function() fail_everywhere(way) end)
  end
end)
