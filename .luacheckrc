std = "lua54"
max_line_length = 120
self = false
read_globals = { "nsh", "netns", "lab", "help" }
files["tests"] = { std = "+busted" }
files["examples/office/lab_spec.lua"] = { std = "+busted" }
