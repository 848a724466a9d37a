-- pcap_read_spec.lua - capture files of others: both byte orders, all kinds of blocks, and what is cut or damaged
local h = require "tests.helper"

local KEPT = "tests/faults/fuzz/corpus/captures/"
local path

local function text_of(name)
  local f = assert(io.open(name, "rb"))
  local text = f:read "a"
  f:close()
  return text
end

-- Reads a file with this text: its packets, and the error behind them.
local function read(text)
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
  local list = {}
  local ok, err = pcall(function()
    for packet in nsh.read_pcap(path) do list[#list + 1] = packet end
  end)
  return list, not ok and err or nil
end

local function times(list)
  local all = {}
  for i, packet in ipairs(list) do all[i] = ("%d %d/%d"):format(packet.nanoseconds, packet.caplen, packet.len) end
  return all
end

describe("a capture file", function()
  setup(function() path = os.tmpname() end)
  teardown(function() os.remove(path) end)

  it("is read in both byte orders, in microseconds and nanoseconds", function()
    for _, order in ipairs { "le", "be" } do
      assert.same({ "1000002000 34/34", "3999999000 10/1500" }, times((read(text_of(KEPT .. "pcap-" .. order)))))
      assert.same({ "1000000002 34/34", "3000999999 10/1500" },
        times((read(text_of(KEPT .. "pcap-" .. order .. "-nano")))))
    end
  end)

  it("may be pcapng of any section, with packets in any kind of block", function()
    for _, name in ipairs { "pcapng-le", "pcapng-be", "pcapng-both" } do
      local list = read(text_of(KEPT .. name))
      -- 2^32 + 2 ns, and 5 s; the second link counts in 1/1024 s; a simple packet has no time
      local want = { "9294967298 34/34", "4194304001953125 3/9", "9294967298 3/9", "0 5/5" }
      assert.equal(name == "pcapng-both" and 8 or 4, #list)
      for i, packet in ipairs(list) do
        local k = (i - 1) % 4 + 1
        assert.equal(want[k], times({ packet })[1])
        assert.equal(k == 2 and 101 or 1, packet.linktype)
        assert.equal(k ~= 2 and "e0" or nil, packet.link)
        assert.equal(k ~= 2 and "a" or nil, packet.netns)
        assert.equal(k == 1 and "in" or nil, packet.direction)
      end
    end
  end)

  it("gives the packets before the place where it is cut, and says so", function()
    for _, name in ipairs { "pcap-le", "pcapng-be" } do
      local text = text_of(KEPT .. name)
      local whole = times((read(text)))
      for cut = 0, #text - 1, 3 do
        local list, err = read(text:sub(1, cut))
        assert.same({ table.unpack(whole, 1, #list) }, times(list))
        if err then
          assert.equal("EBADMSG", err.code)
          assert.truthy(err.message:find "file is empty" or err.message:find "ends in the middle", err.message)
          assert.equal(path, err.target)
        else
          assert.is_true(#list < #whole and cut >= 24)
        end
      end
    end
  end)

  it("may be damaged", function()
    local pcap, ng = text_of(KEPT .. "pcap-le"), text_of(KEPT .. "pcapng-le")
    local function damage(text, at, bytes) return text:sub(1, at) .. bytes .. text:sub(at + #bytes + 1) end
    local function refused(text, packets, words)
      local list, err = read(text)
      assert.equal(packets, #list)
      assert.equal("EBADMSG", err.code)
      assert.truthy(err.message:find(words, 1, true), err.message)
    end
    refused("#!/bin/sh\n", 0, "neither pcap nor pcapng")
    refused(damage(pcap, 24 + 8, "\xff\xff\xff\x7f"), 0, "a packet of more than 16 MiB")
    refused(damage(pcap, 24 + 16 + 34 + 8, "\xff\xff\xff\x7f"), 1, "behind packet 1")
    refused(damage(ng, 4, "\xff\xff\xff\xff"), 0, "a block of impossible length")
    refused(damage(ng, 8, "oops"), 0, "unknown byte order")
    refused(ng .. "\6\0\0\0\16\0\0\0nope\16\0\0\0", 4, "a packet without its lengths")
    refused(ng .. "\6\0\0\0\16\0\0\0nope\17\0\0\0", 4, "a block with two lengths")
    refused(ng .. string.pack("<I4I4I4I4I4I4I4I4", 6, 32, 9, 0, 0, 0, 0, 32), 4, "of an interface that is not there")
    refused(ng .. string.pack("<I4I4I4I4I4I4I4I4", 6, 32, 0, 0, 0, 99, 0, 32), 4, "larger than its block")
    h.refused("ENOENT", nsh.read_pcap, "/no/such/file")
    h.refused("EISDIR", nsh.read_pcap, "/tmp")
    h.misuse("the name of a file", nsh.read_pcap)
  end)

  it("is closed behind a loop that is left early", function()
    local before = h.descriptors()
    collectgarbage "stop"
    for _ in nsh.read_pcap(KEPT .. "pcap-le") do break end -- luacheck: ignore 512
    assert.equal(before, (h.descriptors()))
    collectgarbage "restart"
  end)
end)
