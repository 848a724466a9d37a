-- wireguard_spec.lua - wireguard links: their keys, ports and peers against wg(8), and a tunnel
local h = require "tests.helper"
local oracle = require "tests.net.oracle"

local KEY = "jdNhT2KWjYh3A7R2lCn0dt2rJTsZEtZwu7w8GuOC914="
local OTHER = "eCo5N3Z8lWtl1v9foQeE6ainXIvMzgflr4kke5KLOX0="
local key = nsh.wireguard_key

-- Why no such link can be made here; nil where it can.
local function lack()
  local ns = netns.add(h.name "wg")
  local ok, err = pcall(ns.add_link, ns, { "wg0", kind = "wireguard" })
  ns:del()
  if ok then return nil end
  assert(err.code == "EOPNOTSUPP" and err.hint:find("CONFIG_WIREGUARD", 1, true), tostring(err))
  return "this kernel has no wireguard (CONFIG_WIREGUARD)"
end
local lacks = lack()

describe("bad input of a wireguard link", function()
  it("is refused before the kernel is asked, and secrets are not repeated", function()
    local ns = h.netns()
    local function peer(with)
      with[1] = KEY
      return { peers = { with } }
    end
    for _, case in ipairs {
      { { private_key = "x" }, "44 characters" }, { { private_key = KEY .. "=" }, "44 characters" },
      { { private_key = (KEY:gsub("4=$", "5=")) }, "32 bytes" },
      { { private_key = (KEY:gsub("d", "!", 1)) }, "base64" },
      { { private_key = 7 }, "key in base64" }, { { private_key = true }, "key in base64" },
      { { listen_port = 65536 }, "0 to 65535" }, { { listen_port = "any" }, "whole number" },
      { { fwmark = -1 }, "0 to 4294967295" }, { { peers = KEY }, "table" }, { { peers = { 7 } }, "peers[1]" },
      { { peers = { { endpoint = "192.0.2.1:1" } } }, "public_key" },
      { { peers = { { KEY }, { KEY } } }, "two of the" },
      { { peers = { { false } } }, "key in base64" }, { { peers = { { KEY, public_key = KEY } } }, "given twice" },
      { peer { endpoint = "192.0.2.1" }, "192.0.2.1:51820" }, { peer { endpoint = "fd00::1:51820" }, "[fd00::1]" },
      { peer { endpoint = "192.0.2.1:0" }, "endpoint" }, { peer { endpoint = "[192.0.2.1]:9" }, "endpoint" },
      { peer { endpoint = "192.0.2.1:65536" }, "endpoint" }, { peer { endpoint = "host:9" }, "endpoint" },
      { peer { endpoint = "[fe80::1%eth0]:9" }, "endpoint" }, { peer { endpoint = ":9" }, "endpoint" },
      { peer { endpoint = "" }, "endpoint" }, { peer { endpoint = "[:9" }, "endpoint" },
      { peer { persistent_keepalive = 65536 }, "65535" }, { peer { persistent_keepalive = "soon" }, "seconds" },
      { peer { allowed_ips = { "10.0.0.0/33" } }, "at most 32" }, { peer { allowed_ips = { "default" } }, "0.0.0.0/0" },
      { peer { allowed_ips = "10.0.0.0/8" }, "table" }, { peer { allowed_ips = { 10 } }, "list of strings" },
      { peer { preshared_key = "short" }, "44 characters" }, { peer { alowed_ips = {} }, "allowed_ips" },
      { { privat_key = KEY }, "private_key" },
    } do
      local spec = case[1]
      spec[1], spec.kind = "wg0", "wireguard"
      h.misuse(case[2], ns.add_link, ns, spec)
      local err = h.raised(ns.add_link, ns, spec)
      assert.is_nil(err:find("short", 1, true))
      assert.is_nil(err:find(KEY:sub(1, 20), 1, true))
    end
    h.misuse("unknown key 'private_key'", ns.add_link, ns, { "v0", kind = "veth", private_key = KEY })
    h.misuse("no wireguard link", function() ns:link("lo"):peers() end)
    h.misuse("takes a table of keys", function() ns:link("lo"):peers(7) end)
    h.misuse("no wireguard link", function() ns:link("lo"):add_peer { KEY } end)
    h.misuse("no wireguard link", function() ns:link("lo"):flush_peers() end)
    h.misuse("has no field 'private_key'", function() return ns:link("lo").private_key end)
    assert.equal(1, #ns:links())
  end)

  it("makes no key twice, and each is one of X25519", function()
    local seen = {}
    for _ = 1, 100 do
      local text = key()
      assert.equal(44, #text)
      assert.is_nil(seen[text])
      seen[text] = true
      assert.is_truthy(text:sub(1, 2):find "^.[AgIoQwY4BhJpRxZ5CiKqSyaDjLrTzb6EkMsU0c7FlNtV1d8GmOuW2eHnPvX3f9+/]")
    end
  end)
end)

if lacks then
  describe("wireguard links", function()
    it("are made", function() h.pending(lacks) end)
  end)
  return
end

-- `wg show NAME dump`: what a link has, in our words.
local function theirs(ns, name)
  local record = { peers = {} }
  local function value(s, none) return s ~= none and s or nil end
  for line in ns:exec(("wg show %s dump"):format(name)).out:gmatch "[^\n]+" do
    local words = {}
    for word in line:gmatch "[^\t]+" do words[#words + 1] = word end
    if not record.listen_port then
      record.private_key, record.public_key = value(words[1], "(none)"), value(words[2], "(none)")
      record.listen_port = math.tointeger(words[3])
      record.fwmark = words[4] ~= "off" and math.tointeger(tonumber(words[4])) or nil
    else
      local ips = {}
      for prefix in words[4]:gmatch "[^,]+" do ips[#ips + 1] = value(prefix, "(none)") end
      record.peers[#record.peers + 1] = {
        public_key = words[1], preshared_key = value(words[2], "(none)"), endpoint = value(words[3], "(none)"),
        allowed_ips = #ips > 0 and ips or nil, last_handshake = math.tointeger(value(words[5], "0")),
        rx_bytes = math.tointeger(words[6]), tx_bytes = math.tointeger(words[7]),
        persistent_keepalive = math.tointeger(value(words[8], "off")), protocol_version = 1,
      }
    end
  end
  return record
end

local function ours(link)
  local record = link:record()
  local plain = { peers = {} }
  for _, k in ipairs { "private_key", "public_key", "listen_port", "fwmark" } do plain[k] = record[k] end
  for i, peer in ipairs(record.peers) do
    local copy = {}
    for k, v in pairs(peer) do copy[k] = v end
    plain.peers[i] = copy
  end
  return plain
end

local function agree(link)
  local record = ours(link)
  assert.same(theirs(link.netns, link.name), record)
  return record
end

describe("a wireguard link", function()
  it("has every key that it is made with, as wg(8) says", function()
    local ns = h.netns()
    local values = {
      private_key = { key(), key() }, listen_port = { 51820, 1 }, fwmark = { 7, 0xffffffff },
      peers = { { { KEY, endpoint = "[fd00::1]:1" } }, { { OTHER } } },
    }
    for i, row in ipairs(oracle.table_of("wireguard").rows) do
      if not row.readonly then
        local name = "w" .. i
        local first, second = table.unpack(values[row.key] or error("say which value is tried for " .. row.key))
        local link = ns:add_link { name, kind = "wireguard", [row.key] = first }
        local record = agree(link)
        if type(first) ~= "table" then assert.equal(first, record[row.key]) end
        link:set { [row.key] = second }
        record = agree(link)
        if type(first) ~= "table" then
          assert.equal(second, record[row.key])
          assert.equal(second, link[row.key])
        end
        link:set { [row.key] = false }
        assert.is_true(#agree(link).peers == 0)
      end
    end
    h.misuse("what the kernel tells", ns:link("w1").set, ns:link "w1", { public_key = KEY })
  end)

  it("is made again from its record", function()
    local ns, other = h.netns(), h.netns()
    local link = ns:add_link { "wg0", kind = "wireguard", private_key = key(), listen_port = 5000, fwmark = 3,
      mtu = 1300, peers = {
        { KEY, preshared_key = key(), endpoint = "192.0.2.1:51820", persistent_keepalive = "25s",
          allowed_ips = { "10.0.0.1", "10.1.0.7/16", "fd00::/64", "0.0.0.0/0" } },
        { public_key = OTHER, endpoint = "[fe80::1%7]:9" },
      } }
    local record, before = link:record(), agree(link)
    assert.same({ "10.1.0.0/16", "[fe80::1%7]:9", 25 },
      { h.sorted(before.peers[1].allowed_ips)[3], before.peers[2].endpoint, before.peers[1].persistent_keepalive })
    link:del()
    link = ns:add_link(record)
    assert.same(before, agree(link))
    assert.equal(1300, link.mtu)
    link:set { netns = other, listen_port = 5001 }
    before.listen_port = 5001
    assert.same(before, agree(link))
    link:set { peers = record.peers, private_key = false }
    assert.same({ before.peers, nil }, { agree(link).peers, link.private_key })
  end)

  it("is set by wg and read, with peers that come and go", function()
    local ns = h.netns()
    local link = ns:add_link { "wg0", kind = "wireguard" }
    ns:exec(("wg set wg0 listen-port 99 fwmark 0x10 peer %s allowed-ips 10.0.0.0/24,::/0 endpoint 192.0.2.9:1 "
      .. "persistent-keepalive 5"):format(KEY))
    local record = agree(link)
    assert.same({ 99, 16, "192.0.2.9:1", 5 },
      { record.listen_port, record.fwmark, record.peers[1].endpoint, record.peers[1].persistent_keepalive })
    h.refused("EEXIST", link.add_peer, link, { KEY, allowed_ips = {} })
    h.refused("ENOENT", link.del_peer, link, OTHER)
    h.refused("ENOENT", link.set_peer, link, { OTHER, endpoint = "192.0.2.1:1" })
    assert.same(record, agree(link))
    link:set_peer { KEY, endpoint = "[fd00::9]:2" }
    record.peers[1].endpoint = "[fd00::9]:2"
    assert.same(record, agree(link))
    link:set_peer { KEY, allowed_ips = { "10.9.0.0/16" }, preshared_key = OTHER }
    assert.same({ { "10.9.0.0/16" }, OTHER, 5 }, (function(peer)
      return { peer.allowed_ips, peer.preshared_key, peer.persistent_keepalive }
    end)(agree(link).peers[1]))
    link:replace_peer { KEY, allowed_ips = { "10.8.0.0/16" } }
    assert.same({ public_key = KEY, endpoint = "[fd00::9]:2", allowed_ips = { "10.8.0.0/16" }, rx_bytes = 0,
      tx_bytes = 0, protocol_version = 1 }, agree(link).peers[1])
    link:replace_peer(OTHER)
    link:add_peer { public_key = key(), allowed_ips = { "10.7.0.0/16" } }
    assert.equal(3, #agree(link).peers)
    assert.equal(1, #link:peers { public_key = OTHER })
    h.misuse("did you mean 'public_key'", link.peers, link, { publik_key = OTHER })
    h.misuse("allowed_ips", link.peers, link, { allowed_ips = {} })
    link:del_peer(link:peers({ public_key = OTHER })[1])
    link:del_peer { KEY }
    assert.equal(1, #agree(link).peers)
    link:flush_peers()
    assert.equal(0, #agree(link).peers)
    h.misuse("public_key", link.add_peer, link, { endpoint = "192.0.2.1:1" })
    h.misuse("a peer is a table", link.add_peer, link, 7)
  end)

  it("takes more peers, and more prefixes of one, than a message does", function()
    local ns = h.netns()
    local peers, many = {}, {}
    for i = 1, 1500 do many[i] = ("10.%d.%d.0/24"):format(i // 256, i % 256) end
    for i = 1, 150 do
      peers[i] = { public_key = key(),
        allowed_ips = { ("fd00:%x::/32"):format(i), ("172.16.%d.%d/32"):format(i // 256, i % 256) } }
    end
    peers[70].allowed_ips = many
    local link = ns:add_link { "wg0", kind = "wireguard", peers = peers }
    local record = agree(link)
    assert.equal(150, #record.peers)
    for i, peer in ipairs(peers) do
      assert.equal(peer.public_key, record.peers[i].public_key)
      assert.same(h.sorted(peer.allowed_ips), h.sorted(record.peers[i].allowed_ips))
    end
    link:set { peers = { peers[70] } }
    assert.equal(1500, #agree(link).peers[1].allowed_ips)
  end)

  it("is made with all that is asked or not at all, and changed so", function()
    local ns = h.netns()
    local first = ns:add_link { "wg0", kind = "wireguard", private_key = key(), listen_port = 5000, up = true }
    h.refused("EADDRINUSE", ns.add_link, ns, { "wg1", kind = "wireguard", listen_port = 5000, up = true })
    assert.equal(2, #ns:links())
    local link = ns:add_link { "wg1", kind = "wireguard", private_key = key(), listen_port = 5001, fwmark = 5,
      up = true, peers = { { KEY, allowed_ips = { "10.0.0.0/8" } } } }
    local before = agree(link)
    h.refused("EADDRINUSE", link.set, link, { mtu = 1300, fwmark = 6, listen_port = 5000, peers = { { OTHER } } })
    assert.same(before, agree(link))
    assert.equal(1420, link.mtu)
    local own = link.public_key
    local err = h.refused("EINVAL", link.set, link, { peers = { { OTHER }, { own } } })
    assert.is_truthy(tostring(err):find("link's own", 1, true))
    h.refused("EINVAL", link.add_peer, link, { own })
    assert.same(before, agree(link))
    h.refused("EINVAL", ns.add_link, ns, { "wg2", kind = "wireguard", private_key = first.private_key,
      peers = { { first.public_key } } })
    assert.equal(3, #ns:links())
  end)

  it("shows no secret in what is printed", function()
    local ns = h.netns()
    local secret, shared = key(), key()
    local link = ns:add_link { "wg0", kind = "wireguard", private_key = secret,
      peers = { { KEY, preshared_key = shared } } }
    local err = h.refused("EEXIST", link.add_peer, link, { KEY, preshared_key = shared })
    local show = require "nsh.show"
    for _, text in ipairs { tostring(link:record()), show.inspect(link:record()), tostring(link:peers()),
      show.repl(link), show.inspect { private_key = secret }, tostring(link:peers()[1]), tostring(err) } do
      assert.is_nil(text:find(secret, 1, true))
      assert.is_nil(text:find(shared, 1, true))
    end
    assert.is_truthy(tostring(link:record()):find("(hidden)", 1, true))
    assert.same({ secret, shared }, { link:record().private_key, link:peers()[1].preshared_key })
  end)

  it("carries packets to its peer, and counts them", function()
    local a, b = h.netns(), h.netns()
    a:add_link { "e0", kind = "veth", up = true, peer = { "e0", netns = b, up = true } }
    a:link("e0"):add_addr "192.0.2.1/24"
    b:link("e0"):add_addr "192.0.2.2/24"
    local shared = key()
    local one = a:add_link { "wg0", kind = "wireguard", private_key = key(), listen_port = 51820, up = true }
    local two = b:add_link { "wg0", kind = "wireguard", private_key = key(), up = true, peers = { { one.public_key,
      endpoint = "192.0.2.1:51820", preshared_key = shared, allowed_ips = { "10.0.0.1/32" } } } }
    one:add_peer { two.public_key, allowed_ips = { "10.0.0.2/32" }, preshared_key = shared }
    one:add_addr "10.0.0.1/24"
    two:add_addr "10.0.0.2/24"
    assert.is_true(b:reaches("10.0.0.1", { timeout = 5 }))
    local peer = one:peers()[1]
    assert.equal(("192.0.2.2:%d"):format(two.listen_port), peer.endpoint)
    assert.is_true(peer.rx_bytes > 0 and peer.tx_bytes > 0)
    assert.near(os.time(), peer.last_handshake, 10)
    one:set_peer { two.public_key, allowed_ips = {} }
    assert.is_false(b:reaches("10.0.0.1", { timeout = 0.5 }))
  end)
end)
