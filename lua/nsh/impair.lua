--- impair.lua - bad networks: delay, loss, a low rate, on what a link sends.
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local fail = require "nsh.error"
local features = require "nsh.features"
local Link = require("nsh.link").Link

local m = {}

-- The handle by which impair knows its own qdisc again: "ns" in ASCII.
local HANDLE = "6e73:"

-- What the link has at its root: the record, and whether it is impair's own. The kernel's default has no handle.
local function root_of(self)
  local root
  for _, record in ipairs(self:qdiscs { parent = "root" }) do root = record.handle and record or root end
  return root, root ~= nil and root.handle == HANDLE and (root.kind == "netem" or root.kind == "tbf")
end

-- The options of a record that can be given to impair again; tbf is there for the sake of its rate alone.
local function options_of(record)
  if record.kind == "tbf" then return setmetatable({ rate = record.rate }, getmetatable(record)) end
  local copy = setmetatable({}, getmetatable(record))
  for _, row in ipairs(attrs.kind("qdisc", "netem").rows) do copy[row.key] = record[row.key] end
  return copy
end

local function refuse_foreign(self, root)
  fail.raise {
    op = "impair", target = self.last_name, netns = self.netns.label, code = "EBUSY", errno = 16,
    message = ("its root qdisc is %s %s, which impair didn't make"):format(root.kind, root.handle),
    hint = "link:del_qdisc() takes it away; or put netem below one of its classes: "
      .. 'link:add_qdisc { "netem", parent = "1:10", delay = "20ms" }',
  }
end

local function remove(self, root, own)
  if own then self:del_qdisc { parent = "root", handle = HANDLE } elseif root then refuse_foreign(self, root) end
end

-- What only netem can do, on a kernel that lacks it.
local function lacks_netem(self, spec, key)
  fail.raise {
    op = "impair", target = self.last_name, netns = self.netns.label, code = "ENOENT", errno = 2, spec = spec,
    message = ("%s is not to be had without netem"):format(key),
    hint = features.kind("qdisc", "netem") .. "; without it rate is all that impair can do",
  }
end

-- Sets a qdisc at once, batch or not: what the kernel says to it counts here.
local function set_now(self, qdisc)
  self:set_qdisc(qdisc)
  fail.check_spec(qdisc, "qdisc set", ("root dev %s"):format(self.last_name), self.netns,
    core.netns.flush(self.netns.core))
end

-- A rate alone is what tbf can do as well: a queue of at most 0.4 s, and bursts of two packets or 10 ms.
local function shape(self, spec)
  for key in pairs(spec) do
    if key ~= "rate" then lacks_netem(self, spec, key) end
  end
  if not spec.rate then return remove(self, root_of(self)) end
  local least = 2 * (self.mtu + 14)
  set_now(self, { "tbf", handle = HANDLE, rate = spec.rate, burst = least, latency = 0.4 })
  local rate = root_of(self).rate
  if rate // 800 > least then set_now(self, { "tbf", burst = rate // 800, latency = 0.4 }) end
end

local function check(spec)
  if type(spec) ~= "table" then
    fail.misuse("impair takes a table as { delay = \"20ms\", loss = \"1%%\" } or false, not a %s", type(spec))
  end
  local rows = attrs.kind("qdisc", "netem").rows
  local known = {}
  for i, row in ipairs(rows) do known[i] = row.key end
  for key in pairs(spec) do
    if not attrs.find(rows, key) then
      local nearest = core.nearest(tostring(key), known)
      local meant = nearest and ("; did you mean '%s'?"):format(nearest) or ""
      fail.misuse("unknown key '%s' of impair%s", tostring(key), meant)
    end
  end
end

--- Returns the record of the qdisc that impair makes of its options.
---@private
---@param spec table
---@return table
function m.read(spec)
  check(spec)
  local netem = fail.options(spec, "impair")
  netem.kind, netem.handle, netem.parent = "netem", HANDLE, "root"
  return core.qdisc.read(netem)
end

--- Makes what the link sends as bad as it is told: delayed, lost, doubled, damaged, slow. What isn't given stays, false
--- switches one thing off, and the packets that are on their way stay there. For the other direction impair the peer.
--- Without an argument it tells what is set; the kernel doesn't tell the distribution.
--- Twin: `tc qdisc replace dev NAME root netem delay 20ms 5ms loss 1% rate 10mbit`
---@param spec? table|false { delay = "20ms", jitter = "5ms", loss = "1%", duplicate = , corrupt = , reorder = ,
--- rate = "10mbit", limit = packets, ... }, the keys of the qdisc kind netem; false takes all away
---@return table? record what is set; nil: nothing
---@error EBUSY when somebody else gave the link a root qdisc
---@error ENOENT when the kernel lacks netem, and more than a rate is asked for
function Link:impair(spec)
  if spec ~= nil then fail.check("batch", nil, self.netns, core.netns.flush(self.netns.core)) end
  local root, own = root_of(self)
  if spec == nil then return own and options_of(root) or nil end
  if spec == false then return remove(self, root, own) end
  check(spec)
  if root and not own then refuse_foreign(self, root) end
  local netem = fail.options(spec, "impair")
  netem.kind, netem.handle, netem.parent = "netem", HANDLE, "root"
  local ok, err = true, nil
  if not own or root.kind == "netem" then ok, err = pcall(set_now, self, netem) end
  if not ok and not (type(err) == "table" and err.code == "ENOENT" and (err.extack or ""):find "unknown") then
    error(err, 0)
  end
  if not ok or own and root.kind == "tbf" then shape(self, spec) end
  return self:impair()
end

--- What impair has set; nil: nothing.
---@return table?
function Link.get.impairment(self) return self:impair() end

return m
