--- netns.lua - network namespaces: the `netns` functions, and the object that all others hang on.
local core = require "nsh.core"
local fail = require "nsh.error"
local loop = require "nsh.loop"
local node = require "nsh.node"
local object = require "nsh.object"
local physical = require "nsh.physical"
local show = require "nsh.show"
local world = require "nsh.world"

local m = {}

--- One network namespace. The world's root has no name.
---@class nsh.Netns
---@field name? string its name under /run/netns; nil for the root and for unnamed ones
---@field id? integer the number that the world's root has for it; nil when none was given
---@field sysctl nsh.Sysctl its sysctls, by their dotted names
local Netns, mt = object.class "nsh.netns"
m.Netns = Netns

-- One object per namespace, so that == compares namespaces. Deleted ones stay as long as somebody holds them.
local known = setmetatable({}, { __mode = "v" })
local root, root_ns
local nodes = {} -- held as long as they have their name: what they have of their own goes with the object

function mt.__tostring(self) return "netns " .. self.label end

-- The object of a fresh core handle, which is dropped when the namespace has one already. The root stays the one
-- without a name, whatever name it is given: its object must outlive that name.
local function wrap(handle, name)
  if name then root_ns() end
  local identity = core.netns.identity(handle)
  local ns = known[identity]
  if ns and not ns.deleted then
    if handle ~= ns.core then core.netns.close(handle) end
    if name and ns ~= root and not rawget(ns, "own_name") then
      rawset(ns, "own_name", name)
      rawset(ns, "label", core.netns.label(ns.core, name))
    end
    return ns
  end
  ns = setmetatable({ core = handle, own_name = name, label = core.netns.label(handle), deleted = false }, mt)
  known[identity] = ns
  if root then world.on_namespace(ns, false) end
  return ns
end

function root_ns()
  if not root then
    world.ensure()
    root = wrap(fail.check("netns current", nil, nil, core.netns.root()))
  end
  return root
end

--- Its name under /run/netns; nil for the world's root and for one that was never named.
---@return string?
function Netns.get.name(self) return rawget(self, "own_name") end

--- The number that the world's root has for it; nil while it has none.
--- Twin: `ip netns list-id`
---@return integer?
function Netns.get.id(self)
  local id = fail.check("netns id", self.name, nil, core.netns.id(root_ns().core, self.core))
  return id >= 0 and id or nil
end

--- The host name that commands there see: its own where netns.add gave it one, else nsh's.
---@return string
function Netns.get.hostname(self)
  return (fail.check("netns hostname", self.name, nil, core.node.hostname(self.core)))
end

--- How a namespace is made. With any key but the name and id it is a node: a host of its own to the commands that run
--- there through nsh. What is made for it goes with it; netns.del ends the processes of one with `pids`.
---@class nsh.NodeSpec
---@field [1] string its name: 1 to 255 bytes; no '/', space, control character or leading '-'
---@field id? integer|string the number that the world's root has for it, as ns:set takes it
---@field hostname? string what `hostname` says
---@field hosts? string|table its /etc/hosts: text, or { name = address or list of addresses }, to which localhost and
---  its own name are added. Its commands may write it
---@field resolv? string|table its /etc/resolv.conf: text, or addresses of servers with `search` and `options`
---@field private? table folders of its own: empty ones, as { "/run", "/var/log" }, which commands find in place of the
---  world's; or what is to be there instead: { ["/etc/frr"] = "/my/folder" }
---@field pids? boolean its processes see no others, and one of them, nsh-init, has the number 1

-- What is left of a namespace that couldn't be made whole goes.
local function unmake(name, handle, ...)
  core.netns.del(name)
  core.netns.close(handle)
  return ...
end

local function make(name, spec)
  local handle, message, code, detail = core.netns.add(name)
  if not handle or not spec then return handle, message, code, detail end
  local ok
  ok, message, code, detail = core.node.make(handle, spec)
  if not ok then return unmake(name, handle, nil, message, code, detail) end
  return handle
end

--- Makes a namespace with the kernel's default sysctls and gives it a name; with more than a name, a node.
--- Twin: `ip netns add NAME`
---@param spec string|nsh.NodeSpec its name, or { name, hostname = "h1", ... }
---@return nsh.Netns
---@error EEXIST when there is one of that name
---@error ENOENT when a private folder isn't there
---@error ENOSPC when the sysctl user.max_net_namespaces is reached
function m.add(spec)
  local name, inner, id = spec, nil, nil
  if type(spec) == "table" then
    spec = fail.options(spec, "netns.add")
    name, spec[1] = spec[1] or spec.name, nil
    fail.known(spec, "netns.add", node.KEYS)
    inner, id = node.read(spec), spec.id
  end
  world.ensure()
  local ns = wrap(fail.check_spec(spec, "netns add", name, nil, make(name, inner)), name)
  nodes[ns] = inner and true
  if id then ns:set { id = id } end
  return ns
end

--- Lets as many namespaces be made beside nsh while it does other things; netns.add takes them one by one. What is left
--- when the result is closed goes.
---@private
---@param n integer
---@return table to close
function m.ahead(n)
  world.ensure()
  core.netns.ahead(n)
  return setmetatable({}, { __close = function() core.netns.ahead(0) end })
end

--- Holds a namespace that has become a node, as long as it has its name.
---@private
---@param ns nsh.Netns
function m.hold(ns) nodes[ns] = true end

--- Makes a namespace without a name, to try things in; close it.
---@private
---@return nsh.Netns
function m.scratch()
  world.ensure()
  return wrap(fail.check("netns add", nil, nil, core.netns.new()))
end

--- Returns the namespace of a name, one made by another program too.
---@param name string
---@return nsh.Netns
---@error ENOENT when there is none
---@error EINVAL when the file under /run/netns is stale
function m.get(name)
  world.ensure()
  return wrap(fail.check("netns get", name, nil, core.netns.open(name)), name)
end

--- Returns the namespace of a name, or nil when there is none.
---@param name string
---@return nsh.Netns?
function m.find(name)
  world.ensure()
  local handle, message, code, detail = core.netns.open(name)
  if not handle and code == "ENOENT" then return nil end
  return wrap(fail.check("netns find", name, nil, handle, message, code, detail), name)
end

-- The object has done its part.
local function forget(ns)
  world.on_namespace(ns, true)
  core.link.let_go(ns.core) -- what is held open would keep the namespace alive
  rawset(ns, "deleted", true)
  if nodes[ns] then nodes[ns] = nil end
  core.netns.close(ns.core)
  if world.entered() == ns then world.enter(nil) end
end

-- Takes a name away, from `own` alone where it is given; returns as the core does.
local function take_name(name, own)
  world.ensure()
  local handle, message, code, detail = core.netns.open(name)
  if own and not handle then return nil, message, code, detail end
  local ns = handle and known[core.netns.identity(handle)]
  if handle then core.netns.close(handle) end
  if own and ns ~= own then
    return nil, "another namespace has the name now", "ENOENT",
      { errno = 2, hint = "netns.del(name) takes it from that one" }
  end
  local ok
  if ns then physical.bring_home(ns) end
  ok, message, code, detail = core.netns.del(name)
  if ok and ns and rawget(ns, "own_name") == name then forget(ns) end
  return ok, message, code, detail
end

--- Takes the name away; the namespace ends when nothing uses it any more.
--- Twin: `ip netns del NAME`
---@param name string
---@error ENOENT when there is none
function m.del(name) fail.check("netns del", name, nil, take_name(name)) end

--- Returns the names of all named namespaces, sorted; none while there is no world.
---@private
---@return string[]
function m.names()
  if not core.world.made() and not world.is_host() then return {} end
  world.ensure()
  local names = fail.check("netns list", nil, nil, core.netns.names())
  table.sort(names)
  return names
end

-- What opening a name fails with where the file is no namespace: half-made, a directory, a socket.
local stale = { EINVAL = true, EACCES = true, ENXIO = true, ELOOP = true }

-- Walks the names with a handle each, false for a stale one. Who gets a handle closes or wraps it.
local function each_name()
  local names, i = m.names(), 0
  return function()
    while i < #names do
      i = i + 1
      local handle, message, code, detail = core.netns.open(names[i])
      if handle or stale[code] then return names[i], handle or false end
      if code ~= "ENOENT" then fail.check("netns list", names[i], nil, handle, message, code, detail) end
    end
  end
end

--- Lists the named namespaces. One whose file is no namespace is marked: netns.del takes it away.
--- Twin: `ip netns list`
---@return table[] records { name, id, stale = true }
function m.list()
  world.ensure()
  local list = setmetatable({}, show.List)
  for name, handle in each_name() do
    local ns = handle and wrap(handle, name)
    list[#list + 1] = setmetatable({ name = name, id = ns and ns.id, stale = not ns or nil }, show.Record)
  end
  return list
end

--- Returns the namespace that was entered, or the world's root.
---@return nsh.Netns
function m.current() return world.entered() or root_ns() end

--- Makes ns what netns.current(), the prompt and its `!cmd` mean; without an argument, goes back to the root.
---@param ... nsh.Netns|string one namespace, or nothing
---@return nsh.Netns
function m.enter(...)
  local ns = ...
  if ns == nil and select("#", ...) > 0 then fail.misuse("enter was given nil; netns.enter() goes back to the root") end
  world.enter(ns and m.resolve(ns) or nil)
  return m.current()
end

--- Returns the namespace that a process is in.
---@param pid integer as seen from outside the world
---@return nsh.Netns
---@error ESRCH when there is no such process
function m.of(pid)
  world.ensure()
  return wrap(fail.check("netns of", tostring(pid), nil, core.netns.of(pid)))
end

--- Returns the namespace that nsh was started in: the machine's own, most often, and with `nsh --host` the root itself.
--- A way out of a private world leads there. An ordinary user may not enter it.
---@return nsh.Netns
---@error EPERM in the world of an ordinary user
function m.outside()
  world.ensure()
  return wrap(fail.check("netns outside", nil, nil, core.netns.outside()))
end

--- Returns the name of the namespace that a process is in, or nil when it has none.
--- Twin: `ip netns identify PID`
---@param pid integer as seen from outside the world
---@return string?
function m.identify(pid)
  local ns = m.of(pid)
  for name, handle in each_name() do
    if handle and wrap(handle, name) == ns then return name end
  end
end

--- Gives the namespace of a process a name.
--- Twin: `ip netns attach NAME PID`
---@param name string
---@param pid integer
---@return nsh.Netns
---@error EEXIST when there is one of that name
function m.attach(name, pid)
  world.ensure()
  return wrap(fail.check("netns attach", name, nil, core.netns.attach(name, pid)), name)
end

--- Runs a command in many namespaces at once, as ns:exec does in one. All have ended when it returns; what failed is
--- raised together, as one error with all results.
--- Twin: `ip -all netns exec COMMAND`
---@param where? (nsh.Netns|string)[] nil: all that have a name
---@param cmd string|string[]
---@param opts? nsh.ExecOptions also jobs: how many run at a time (16)
---@return nsh.Result[] results in the order of the namespaces, each with its `netns`
---@error EXIT, SIGNAL, TIMEOUT what the first failure was; `results` of the error has all
function m.exec(where, cmd, opts) return require("nsh.everywhere").exec(where, cmd, opts) end

-- The namespace that a record calls so: the root, or one that has no name but is known; nil for other names.
local function by_label(label)
  if label == "root" or label == "host" then
    local ns = root_ns()
    if ns.label ~= label then fail.misuse("this world's own namespace is '%s', not '%s'", ns.label, label) end
    return ns
  end
  if label == "outside of the world" then return m.outside() end
  local pid = math.tointeger(tonumber(label:match "^of pid (%d+)$"))
  if not pid then return nil end
  for _, ns in pairs(known) do
    if ns.label == label and not ns.deleted then return ns end
  end
  return m.of(pid)
end

--- Returns the world's root.
---@private
---@return nsh.Netns
function m.root() return root_ns() end

--- Collects the changes that a function asks of any namespaces and sends them to the kernel together, as ns:batch does
--- with those of one. What is asked of the namespace of a link's peer comes behind that link; nothing else is kept in
--- order between namespaces. A link whose `index` is given, and that of its peer, waits with the rest.
---@param fn fun() may not yield
---@return integer requests how many were sent
function m.batch(fn)
  if type(fn) ~= "function" then fail.misuse("batch takes a function, not a %s", type(fn)) end
  return (fail.check("batch", nil, nil, loop.pinned(core.netns.batch_all, false, fn)))
end

--- Returns how many requests the batch of all namespaces was given up to now: the number of the last one.
---@private
---@return integer
function m.asked() return core.netns.asked() end

--- Returns the namespaces without a name that nsh has objects of; the world's root is not among them.
---@private
---@return nsh.Netns[]
function m.unnamed()
  local list = {}
  for _, ns in pairs(known) do
    if ns ~= root and not ns.deleted and not ns.name then list[#list + 1] = ns end
  end
  return list
end

--- Returns the namespace that is meant: an object, a name, one by which records call it too, or the node of a lab that
--- stands for it.
---@private
---@param ns nsh.Netns|string
---@return nsh.Netns
function m.resolve(ns)
  if type(ns) == "string" then return by_label(ns) or m.get(ns) end
  if object.is(ns, "nsh.lab.node") then return ns.netns end
  if type(ns) ~= "table" or getmetatable(ns) ~= mt then
    fail.misuse("a namespace or its name is wanted, not a %s", type(ns))
  end
  return ns
end

--- Returns the namespaces that `viewer` has these numbers for, among those that are known or have a name.
---@private
---@param viewer nsh.Netns
---@param ids table<integer, boolean> the numbers that are looked for
---@return table<integer, nsh.Netns>
function m.by_ids(viewer, ids)
  local found, missing = {}, 0
  for id in pairs(ids) do
    if id >= 0 then missing = missing + 1 end -- a negative one is that of no namespace
  end
  -- the number of a namespace that is looked for and not found yet
  local function wanted(handle, label)
    local id = fail.check("netns id", label, viewer, core.netns.id(viewer.core, handle))
    if id < 0 or not ids[id] or found[id] then return nil end
    missing = missing - 1
    return id
  end
  for _, ns in pairs(known) do
    if missing == 0 then return found end
    local id = not ns.deleted and wanted(ns.core, ns.label)
    if id then found[id] = ns end
  end
  if missing == 0 then return found end
  for name, handle in each_name() do
    local id = handle and wanted(handle, name)
    if id then
      found[id] = wrap(handle, name)
    elseif handle then
      core.netns.close(handle)
    end
    if missing == 0 then return found end
  end
  return found
end

--- Returns the namespace of a name, the root under that by which records call it; nil when there is none.
---@private
---@param name string
---@return nsh.Netns? ns
---@return boolean? stale the name is a file alone: the namespace was taken from it, or it was never finished
function m.lookup(name)
  local ns = by_label(name)
  if ns then return ns end
  local ok, found = pcall(m.find, name)
  if ok then return found end
  if type(found) ~= "table" or found.code ~= "EINVAL" then error(found, 0) end
  return nil, true
end

--- Lists the numbers that a namespace has for others, sorted.
--- Twin: `ip netns list-id`
---@param viewer? nsh.Netns|string who has them; nil: the world's root
---@return table[] records { id, name }; no name: it has none, or isn't known
function m.ids(viewer)
  viewer = viewer ~= nil and m.resolve(viewer) or root_ns()
  local list = fail.check("netns ids", viewer.label, nil, core.netns.ids(viewer.core))
  table.sort(list, function(a, b) return a.id < b.id end)
  local ids = {}
  for _, record in ipairs(list) do ids[record.id] = true end
  local found = m.by_ids(viewer, ids)
  for _, record in ipairs(list) do record.name = found[record.id] and found[record.id].name end
  return list
end

local function del(self)
  if not rawget(self, "own_name") then fail.misuse("the namespace %s has no name to delete", self.label) end
  return take_name(self.name, self)
end

--- Deletes the namespace's name; what is in it goes when its last process ends. With --host, links of hardware that
-- nsh moved into it go home first, under the names that they had there.
--- Twin: `ip netns del NAME`
---@error ENOENT when another program took the name away, or gave it to another namespace
function Netns:del()
  if self.deleted then fail.misuse("namespace %s was deleted", self.label) end
  fail.check("netns del", self.name, nil, del(self))
end

function mt.__close(self)
  if self.deleted then return end
  if not rawget(self, "own_name") and self ~= root then return forget(self) end
  local ok, message, code, detail = del(self)
  if code == "ENOENT" then return forget(self) end
  fail.check("netns del", self.name, nil, ok, message, code, detail)
end

--- Changes what can be changed of a namespace: the number that the world's root has for it.
--- Twin: `ip netns set NAME NETNSID`
---@param spec { id: integer|string } a number, or "auto": one that the kernel chooses
---@error EEXIST when it has a number already, or another one has this
function Netns:set(spec)
  spec = fail.options(spec, "set")
  for key in pairs(spec) do
    if key ~= "id" then fail.misuse("unknown key '%s' of a namespace; only id can be set", tostring(key)) end
  end
  if spec.id == nil then fail.misuse("id is needed: the number that the world's root shall have for %s", self.label) end
  local id = spec.id
  if id == "auto" then id = nil end
  fail.check("netns set", self.label, nil, core.netns.set_id(root_ns().core, self.core, id))
end

--- Lists the processes in the namespace, sorted, but for nsh itself and the init of its world. An ordinary user sees
-- only its own.
--- Twin: `ip netns pids NAME`
---@return integer[] pids as seen from outside the world
function Netns:pids()
  return setmetatable(fail.check("netns pids", self.label, nil, core.netns.pids(self.core)), show.List)
end

--- Runs a function of this process inside the namespace and returns what it returns. Sockets that it opens stay there.
---@param fn function may not yield
---@param ... any its arguments
---@return any ...
function Netns:call(fn, ...)
  if type(fn) ~= "function" then fail.misuse("call takes a function, not a %s", type(fn)) end
  return select(2, fail.check("netns call", nil, self, loop.pinned(core.netns.call, self.core, fn, ...)))
end

--- Collects the changes that a function asks of this namespace and sends them to the kernel together.
--- What it reads meanwhile is the state before. The first failure is raised; the other requests are carried out.
---@param fn fun(ns: nsh.Netns) may not yield
---@return integer requests how many were sent
function Netns:batch(fn)
  if type(fn) ~= "function" then fail.misuse("batch takes a function, not a %s", type(fn)) end
  return (fail.check("batch", nil, self, loop.pinned(core.netns.batch, self.core, fn, self)))
end

return m
