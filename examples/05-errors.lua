-- 05-errors.lua - what a script gets when the kernel, or nsh itself, says no
local red, blue = netns.add "red", netns.add "blue"
local eth0 = red:add_link { "eth0", kind = "veth", peer = { "eth0", netns = blue } }

-- The kernel's no is an object; test its code.
local ok, err = pcall(eth0.set, eth0, { netns = blue })
print(ok, err.code, err.op, err.target, err.netns)
print(err)

-- A missing thing is an error where it is needed, and nil where it is looked for.
print(select(2, pcall(red.link, red, "eth7")))
print(red:find_link "eth7", netns.find "green")

-- A slip in the script never reaches the kernel, and says what was meant.
print(select(2, pcall(red.add_route, red, { "default", gatway = "10.0.0.1" })))
print(select(2, pcall(eth0.add_addr, eth0, "10.0.0.1/33")))

-- A command that fails raises too, with all that it said, unless its failure is expected.
local _, e = pcall(red.exec, red, "echo no such luck >&2; exit 3")
print(e.code, e.status, e.err)
print(red:exec("exit 3", { check = false }).status)

-- Prints:
-- false	EEXIST	link set	eth0	red
-- ...05-errors.lua:6: link set eth0 in red: cannot move it to blue: File exists (EEXIST)...
--   hint: blue already has a link named eth0; rename one: set { netns = ..., name = "..." }
-- ...05-errors.lua:11: link get eth7 in red: No such device (ENODEV)
--   hint: there are: lo, eth0
-- nil	nil
-- ...05-errors.lua:15: unknown key 'gatway'; did you mean 'via'?
-- ...05-errors.lua:16: addr: '10.0.0.1/33': the prefix length is at most 32 for IPv4
-- EXIT	3	no such luck
--
-- 3
