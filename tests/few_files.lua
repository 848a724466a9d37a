--- few_files.lua - a call while only some descriptors are free; for scripts that run with a low `ulimit -n`.

--- Calls a function while no more than so many descriptors are free, and lets go of the others before it returns.
---@param free integer
---@param fn function
---@param ... any its arguments
---@return any ... what pcall returns
return function(free, fn, ...)
  local held = {}
  local file = io.open "/dev/null"
  while file do
    held[#held + 1] = file
    file = io.open "/dev/null"
  end
  for _ = 1, free do table.remove(held):close() end
  local results = table.pack(pcall(fn, ...))
  for _, one in ipairs(held) do one:close() end
  return table.unpack(results, 1, results.n)
end
