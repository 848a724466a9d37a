-- targets_spec.lua - libFuzzer on all that reads text or messages, from the inputs that are kept: 3 s, or 2 minutes.
-- lanes: first
local faults = dofile "tests/faults/common.lua"
local lfs = require "lfs"

local SECONDS = faults.soak and 120 or 3
local here = netns.current()

local targets = {}
for path in here:exec("ls tests/faults/fuzz/*.c").out:gmatch "[^\n]+" do
  targets[#targets + 1] = path:match "([%w_]+)%.c$"
end

-- Why there can be no run here; nil when there can.
local function obstacle()
  if here:exec("test -w .", { check = false }).status ~= 0 then return "nothing is built here, this is a copy" end
  local try = "echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang -fsanitize=fuzzer -x c - -o /dev/null"
  if here:exec(try, { check = false }).status ~= 0 then
    return "clang or its runtime is missing (Debian: clang, libclang-rt-dev)"
  end
end

-- All at once, so that no processor waits; what is found goes into a folder of this run.
local function run(folder)
  local script = { ("make -s -j$(nproc) fuzz || exit 1; mkdir -p %s; cores=$(nproc)"):format(folder),
    ("t=$((%d * %d / (cores < %d ? cores : %d)))"):format(SECONDS, #targets, #targets, #targets) }
  for _, name in ipairs(targets) do
    script[#script + 1] = ([[mkdir -p %s/%s; { build/fuzz/%s -max_total_time=$t -seed=%d -max_len=2048 \
      -artifact_prefix=%s/%s- -print_final_stats=1 -rss_limit_mb=1024 %s/%s tests/faults/fuzz/corpus/%s \
      >%s/%s.log 2>&1; echo "status $?" >>%s/%s.log; } &]]):format(folder, name, name, faults.seed & 0x7fffffff,
      folder, name, folder, name, name, folder, name, folder, name)
  end
  script[#script + 1] = "wait"
  here:exec(table.concat(script, "\n"), { timeout = SECONDS * #targets + 400,
    env = { ASAN_OPTIONS = "detect_leaks=0:quarantine_size_mb=16", MAKEFLAGS = false } })
end

describe("libFuzzer finds nothing in", function()
  local folder = ("%s/nsh-fuzz-%d-%d"):format(os.getenv "TMPDIR" or "/tmp", faults.seed, math.random(1 << 30))
  local reason

  setup(function()
    reason = obstacle()
    if not reason then run(folder) end
  end)

  teardown(function()
    for _, name in ipairs(targets) do
      here:exec { "rm", "-rf", ("%s/%s"):format(folder, name), ("%s/%s.log"):format(folder, name) }
    end
    lfs.rmdir(folder) -- unless it holds what crashed a target
  end)

  for _, name in ipairs(targets) do
    it(name, function()
      if reason then return pending(reason) end
      local log = assert(io.open(("%s/%s.log"):format(folder, name))):read "a"
      local runs = log:match "number_of_executed_units: (%d+)"
      if not log:find "status 0\n$" then
        local from = log:find "does not hold" or log:find "runtime error" or log:find "ERROR:"
        error(("seed %d; the input that shows it is kept: %s\n%s"):format(faults.seed,
          log:match "Test unit written to ([^\n]+)" or "none", log:sub(from or -3000):sub(1, 3000)))
      end
      faults.say("%s: %s inputs", name, runs)
    end)
  end
end)
