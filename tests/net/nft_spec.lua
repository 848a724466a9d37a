-- nft_spec.lua - rulesets by nft(8): all or nothing, mistakes with their place, rules as data, counters
local h = require "tests.helper"

local RULES = [[
  table inet f {
    counter web { comment "visitors" }
    counter big { packets 9223372036854775807 bytes 9007199254740993 }
    set s { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90 }; }
    map actions { type ifname : verdict; elements = { "lo" : accept, "v0" : drop }; }
    chain c {
      type filter hook input priority filter; policy accept;
      tcp dport { 80, 443 } counter name web accept comment "hello world"
      tcp flags & (syn | ack) == syn counter drop comment "#1"
      ct state established,related accept
      ip saddr . tcp dport @s counter reject with icmp type host-unreachable
      iifname vmap @actions
      exthdr frag exists drop
    }
    chain n { type nat hook postrouting priority srcnat; masquerade; }
  }
]]

local function list(ns) return ns:exec({ "nft", "list", "ruleset" }).out end

describe("ns:nft", function()
  it("applies what nft lists after", function()
    local ns = h.netns()
    ns:nft "add table ip a; add chain ip a c; add rule ip a c counter accept"
    assert.equal("table ip a {\n\tchain c {\n\t\tcounter packets 0 bytes 0 accept\n\t}\n}\n", list(ns))
    ns:nft "flush ruleset"
    assert.equal("", list(ns))
    ns:nft ""
  end)

  it("says whether it is a rule or a chain that lacks its end", function()
    local ns = h.netns()
    local RULE, BLOCK = "a rule ends with its line or with ; also before }",
      "the } of a chain or set ends with its line"
    for text, words in pairs {
      ["table ip a { chain b { tcp dport 22 drop } }"] = RULE,
      ["table ip a { chain b { tcp dport { 22, 23 } } }"] = RULE,
      ["table ip a { set s { type ipv4_addr }\n}"] = RULE,
      ["table ip a { chain b { tcp dport 22 drop; } }"] = BLOCK,
      ["table ip a {\n\tchain b { tcp dport { 22, 23 } drop; } }"] = BLOCK,
      ["table ip a {\nchain b {\naccept\n} }"] = BLOCK,
      ["table ip a { set s { type ipv4_addr; } }"] = BLOCK,
      ["table ip a { chain b { } chain c { }; }"] = BLOCK,
    } do
      assert.equal(words, h.refused("NFT", ns.nft, ns, text).hint:sub(1, #words), text)
    end
    ns:nft "table ip a { chain b { tcp dport 22 drop; }; }"
  end)

  it("applies nothing of a text with a mistake, and says where it is in nft's words", function()
    local ns = h.netns()
    ns:nft "table ip kept { }"
    local before = list(ns)
    local err = h.refused("NFT", ns.nft, ns, "table ip a { }\ntable ip b {\n\tchain c { no such thing }\n}\n")
    assert.same({ 3, 26 }, { err.line, err.column })
    assert.equal("syntax error, unexpected '}'", err.said)
    assert.is_truthy(tostring(err):find("line 3, column 26: syntax error, unexpected '}' (NFT)\n" ..
      "    \tchain c { no such thing }\n    \t                        ^", 1, true), tostring(err))
    assert.equal(before, list(ns))
    err = h.raised(ns.nft, ns, "table ip broken { chain c { no such thing } }")
    assert.is_truthy(tostring(err):find "syntax error")
    assert.equal(before, list(ns))
  end)

  it("names what the kernel says no to by its errno, and applies nothing", function()
    local ns = h.netns()
    local err = h.refused("ENOENT", ns.nft, ns, "table ip a { }\nadd rule ip nosuch c counter")
    assert.same({ 2, 13, 2 }, { err.line, err.column, err.errno })
    assert.equal("Could not process rule: No such file or directory", err.said)
    err = h.refused("EEXIST", ns.nft, ns, "create table ip a; create table ip a")
    assert.is_truthy(err.said:find "File exists$")
    err = h.refused("ENOENT", ns.nft, ns, "add table ip a; delete table ip zz")
    assert.is_truthy(err.said:find "did you mean")
    assert.equal("", list(ns))
    ns:nft "table ip a { chain c { }\n chain d { jump c\n }\n}"
    h.refused("EBUSY", ns.nft, ns, "delete chain ip a c")
  end)

  it("tells the rule about the end of a rule", function()
    local ns = h.netns()
    local err = h.refused("NFT", ns.nft, ns, "table ip a { chain c { counter accept } }")
    assert.is_truthy(err.hint:find("ends with its line", 1, true))
  end)

  it("only looks when it shall check", function()
    local ns = h.netns()
    ns:nft("table ip a { }", { check = true })
    assert.equal("", list(ns))
    h.refused("NFT", ns.nft, ns, "table ip a { ", { check = true })
  end)

  it("refuses what is no ruleset", function()
    local ns = h.netns()
    h.misuse("a ruleset is text", ns.nft, ns)
    h.misuse("did you mean 'check'", ns.nft, ns, "", { chek = true })
    h.misuse("true or false", ns.nft, ns, "", { check = 1 })
    h.misuse("NUL", ns.nft, ns, "a\0b")
    h.misuse("{ nftables = {...} }", ns.nft, ns, {})
    h.misuse("no JSON", ns.nft, ns, { nftables = { print } })
    h.refused("NFT", ns.nft, ns, { nftables = { { add = { tabel = {} } } } })
    ns:nft { nftables = { { add = { table = { family = "ip", name = "a" } } },
      { add = { chain = { family = "ip", table = "a", name = "c" } } },
      { add = { rule = { family = "ip", table = "a", chain = "c",
        expr = { { counter = true }, { accept = true } } } } } } }
    assert.equal(0, ns:nft_counters()[1].packets)
    h.misuse("did you mean 'family'", ns.nft_counters, ns, { famly = "ip" })
  end)

  it("does one namespace and no other", function()
    local a, b = h.netns(), h.netns()
    a:nft "table ip a { }"
    assert.equal("", list(b))
  end)
end)

describe("ns:nft_ruleset", function()
  it("is nft's JSON, with numbers as they are", function()
    local ns = h.netns()
    ns:nft(RULES)
    local ruleset = ns:nft_ruleset()
    assert.is_truthy(ruleset.nftables[1].metainfo.version)
    local rules, counter = {}, nil
    for _, element in ipairs(ruleset.nftables) do
      if element.rule then rules[#rules + 1] = element.rule end
      if element.counter and element.counter.name == "big" then counter = element.counter end
    end
    assert.equal(7, #rules)
    assert.equal("integer", math.type(counter.packets))
    assert.same({ math.maxinteger, 9007199254740993 }, { counter.packets, counter.bytes })
    assert.same({ accept = true }, rules[3].expr[2])
    assert.same({ nftables = { ruleset.nftables[1] } }, h.netns():nft_ruleset())
  end)

  it("prints as nft lists it, however it is changed after", function()
    local ns = h.netns()
    assert.equal("(none)", tostring(ns:nft_ruleset()))
    ns:nft(RULES)
    local ruleset = ns:nft_ruleset()
    local text = list(ns):gsub("%s+$", "")
    assert.equal(text, tostring(ruleset))
    ns:nft "flush ruleset"
    assert.equal(text, tostring(ruleset))
    assert.is_nil(next(ruleset, (next(ruleset))))
  end)

  it("is taken back by nft", function()
    local a, b = h.netns(), h.netns()
    a:nft(RULES)
    b:nft(a:nft_ruleset(), { check = true })
    assert.equal("", list(b))
    b:nft(a:nft_ruleset())
    assert.equal(list(a), list(b))
  end)

  it("names the package of the module that reads JSON where it is missing", function()
    local ns = h.netns()
    local loaded, path = package.loaded.dkjson, package.path
    package.loaded.dkjson, package.path = nil, ""
    local err = h.raised(ns.nft_ruleset, ns)
    package.loaded.dkjson, package.path = loaded, path
    assert.equal("ENOENT", err.code)
    assert.is_truthy(err.hint:find "lua%-dkjson")
  end)
end)

describe("ns:nft_counters", function()
  it("reads what packets count, of counters with a name and of rules", function()
    local ns = h.wired()
    ns:nft [[
      table inet f {
        counter in_all { }
        chain c {
          type filter hook input priority filter;
          counter name in_all
          icmp type echo-request counter comment "pings"
        }
      }
    ]]
    ns:ping("10.0.0.1", { count = 3, interval = 0.01 })
    assert.equal(3, ns:nft_counters({ comment = "pings" })[1].packets)
    local named = ns:nft_counters({ name = "in_all" })[1]
    assert.equal(6, named.packets)
    assert.same({ "inet", "f" }, { named.family, named.table })
    assert.same({ 3, 3 * 84 }, { ns:nft_counters()[2].packets, ns:nft_counters()[2].bytes })
    assert.same({}, ns:nft_counters { table = "other" })
    assert.is_truthy(tostring(ns:nft_counters()):find "family  table  chain")
  end)
end)
