-- 20-services.lua - nodes of a lab with files, services and commands of their own
local net = lab "web"
local server = net:host { "server",
  files = { ["/etc/motd"] = "welcome\n",
    ["/usr/local/bin/greet"] = { "#!/bin/sh\necho hello from $(hostname)\n", mode = "755" } },
  services = { { "sh", "-c", "echo serving; exec sleep 1000", name = "sleeper", ready = "serving" } },
  commands = { "greet >/run/greeting" } }
local client = net:host "client"
net:link { { server, addr = "10.0.0.1/24" }, { client, addr = "10.0.0.2/24" } }
print(net:plan())
net:up()

-- A node knows its own name and those of the others, and sees files that nobody else sees.
print(server:exec("hostname; cat /run/greeting; getent hosts client").out)
print(client:exec("hostname; command -v greet || echo no greet here").out)

net:down()   -- which ends the service

-- Prints:
-- + server
--     + link eth0 veth to web.client.eth0
--     + addr 10.0.0.1/24 dev eth0
--     + file /etc/motd
--     + file /usr/local/bin/greet
--     + service sleeper
--     + command greet >/run/greeting
-- + client
--     + link eth0 veth to web.server.eth0
--     + addr 10.0.0.2/24 dev eth0
-- server
-- hello from server
-- 10.0.0.2        client
--
-- client
-- no greet here
