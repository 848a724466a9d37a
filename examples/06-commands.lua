-- 06-commands.lua - programs in a namespace: run to their end, or in the background
local red = netns.add "red"
red:link "lo":set { up = true }

-- A string is for the shell, a table is words that no shell touches.
print((red:exec "ip -br link show lo | cut -d' ' -f1").out)
print((red:exec({ "printf", "%s", "$(not run)" })).out)
print((red:exec("tr a-z A-Z", { input = "read from a string\n" })).out)

-- A program in the background is stopped at the end of its block, whatever happens there.
do
  local server <close> = red:spawn "echo starting; sleep 0.1; echo listening on 80; exec sleep 1000"
  print(server:expect "listening on (%d+)") -- waits until it says so
  print(server:running(), #server.out)
end

-- A function of this script runs there in place: the files it opens are those of the namespace.
print(red:call(function()
  local links = 0
  for line in io.lines "/proc/thread-self/net/dev" do
    if line:find ":" then links = links + 1 end
  end
  return links
end))

-- Prints:
-- lo
--
-- $(not run)
-- READ FROM A STRING
--
-- listening on 80	80
-- true	25
-- 1
