--- output.lua - what a run of the suite says: a line per file, failures in full, skipped tests with their reason.
-- With -Xoutput FILE it also keeps the counts there, and the name of the test that runs, for tests/run to read.
return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()
  local path = options.arguments[1]
  local passed, failed, skipped, started = 0, 0, 0, 0
  local file = { passed = 0 }
  local last

  local function note(current)
    if not path then return end
    local f = assert(io.open(path, "w"))
    f:write(("%d %d %d\n%s\n"):format(passed, failed, skipped, current))
    f:close()
  end

  local function say(fmt, ...)
    io.write(fmt:format(...), "\n")
    io.flush()
  end

  local function text_of(message)
    if type(message) == "string" then return message end
    return message == nil and "no reason" or tostring(message)
  end

  -- Where an element stands: a runner's error has no trace of its own.
  local function place(element, debug)
    local trace = debug and debug.what ~= "Nil" and debug or element.trace
    return trace and trace.short_src and ("%s:%d"):format(trace.short_src, trace.currentline) or tostring(element.name)
  end

  local function fail(element, _, message, debug)
    failed = failed + 1
    -- a look afterwards found fault with a test that had passed: it is one failed test, not two results
    if element.descriptor == "after_each" and last == "success" then
      passed, last = passed - 1, "failure"
    end
    say("FAILED %s: %s\n  %s", place(element, debug), handler.getFullName(element),
      (text_of(message):gsub("\n", "\n  ")))
    note(file.name)
    return nil, true
  end

  function handler.fileStart(element)
    file = { name = element.name, passed = passed, failed = failed, skipped = skipped, at = busted.monotime() }
    return nil, true
  end

  function handler.fileEnd(element)
    say("%-36s %4d passed%s%s  %.1f s", element.name, passed - file.passed,
      failed > file.failed and (", %d FAILED"):format(failed - file.failed) or "",
      skipped > file.skipped and (", %d skipped"):format(skipped - file.skipped) or "", busted.monotime() - file.at)
    return nil, true
  end

  function handler.testStart(element)
    started, last = started + 1, nil
    note(handler.getFullName(element))
    return nil, true
  end

  function handler.testEnd(_, _, status)
    last = status
    if status == "success" then passed = passed + 1 end
    if status == "pending" then skipped = skipped + 1 end
    return nil, true
  end

  function handler.pending(element, _, message)
    local reason = text_of(message or element.message):gsub("^[%w/_.]+%.lua:%d+: ", "")
    say("SKIPPED %s: %s", handler.getFullName(element), reason)
    return nil, true
  end

  function handler.suiteEnd()
    note "end"
    say("%d passed, %d failed, %d skipped", passed, failed, skipped)
    return nil, true
  end

  busted.subscribe({ "file", "start" }, handler.fileStart)
  busted.subscribe({ "file", "end" }, handler.fileEnd)
  busted.subscribe({ "test", "start" }, handler.testStart, { predicate = handler.cancelOnPending })
  busted.subscribe({ "test", "end" }, handler.testEnd, { predicate = handler.cancelOnPending })
  busted.subscribe({ "pending" }, handler.pending)
  busted.subscribe({ "failure" }, fail)
  busted.subscribe({ "error" }, fail)
  busted.subscribe({ "suite", "end" }, handler.suiteEnd)
  return handler
end
