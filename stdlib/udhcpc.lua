--- udhcpc.lua - a host's address by DHCP, with busybox's client.
--
--     local lease = udhcpc.lease(host:link "eth0", { hostname = "bob" })
--     print(lease.addr, lease.via, lease.dns[1])
local daemon = require "stdlib.daemon"
local nsh = require "nsh"

local m = {}

-- The client tells by variables what it got.
local SCRIPT = [[
#!/bin/sh
[ "$1" = bound ] || exit 0
for name in ip mask router dns domain hostname lease serverid mtu; do
  eval "echo \"$name=\$$name\""
done > "$DIR/lease"
]]

local KEYS = { "hostname", "timeout", "via", "metric" }

local function words(value)
  local list = {}
  for word in (value or ""):gmatch "%S+" do list[#list + 1] = word end
  return list
end

-- { addr, via, dns, ... } of what the script wrote; nil where it wrote nothing.
local function read(dir)
  local said = dir:read "lease"
  if not said then return nil end
  local value = {}
  for key, v in said:gmatch "(%w+)=([^\n]*)" do value[key] = v ~= "" and v or nil end
  return { addr = ("%s/%s"):format(value.ip, value.mask or "32"), via = words(value.router)[1], dns = words(value.dns),
    domain = value.domain, hostname = value.hostname, server = value.serverid,
    seconds = math.tointeger(tonumber(value.lease)), mtu = math.tointeger(tonumber(value.mtu)) }
end

--- Asks for an address, gives it to the link and sets the default route. The link is set up first. The address isn't
--- renewed: it stays until it is taken away.
---@param link nsh.Link
---@param opts? { hostname?: string, timeout?: number, via?: boolean, metric?: integer } hostname: told to the server.
---  timeout: seconds (10). via: false sets no route; metric: of that route
---@return table lease { addr = "10.0.0.100/24", via, dns = {...}, domain, hostname, server, seconds, mtu }
---@error ETIMEDOUT no server answered
---@error ENOENT busybox is missing; the hint names the package
function m.lease(link, opts)
  link = daemon.link(link, "the first argument of udhcpc.lease")
  opts = nsh.options(opts, "udhcpc.lease", KEYS)
  local ns, timeout = link.netns, opts.timeout or 10
  daemon.find "busybox"
  link:set { up = true }
  local dir <close> = daemon.dir "udhcpc"
  local script = dir:write("script", (SCRIPT:gsub("%$DIR", (dir.path:gsub("%%", "%%%%")))), { mode = "755" })
  -- it asks once a second until time is out
  local command = { "busybox", "udhcpc", "-i", link.name, "-f", "-q", "-n", "-t", tostring(math.ceil(timeout)),
    "-T", "1", "-s", script }
  if opts.hostname then table.move({ "-x", "hostname:" .. opts.hostname }, 1, 2, #command + 1, command) end
  local result = ns:exec(command, { check = false, timeout = timeout })
  local lease = read(dir)
  if not lease then
    nsh.raise { op = "udhcpc", target = link.name, netns = ns, code = "ETIMEDOUT", errno = 110,
      message = ("no server gave an address in %g s:\n  %s"):format(timeout,
        (result.err:gsub("%s+$", ""):gsub("\n", "\n  "))) }
  end
  link:add_addr(lease.addr)
  if lease.via and opts.via ~= false then
    ns:replace_route { "default", via = lease.via, dev = link, metric = opts.metric }
  end
  return nsh.records({ lease })[1]
end

--- Tells whether its program is there.
---@return boolean
---@return string? why it isn't, and the package that brings it
function m.available() return daemon.available "busybox" end

return m
