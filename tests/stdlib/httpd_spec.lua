-- httpd_spec.lua - a web server of a namespace, and pages that others get from it
local h = require "tests.helper"
local httpd = require "stdlib.httpd"

describe("httpd", function()
  it("gives pages to another host, in both families", function()
    local web, host = h.netns(), h.netns()
    local x, y = web:add_link { "x", kind = "veth", up = true, peer = { "y", netns = host, up = true } }
    x:add_addr "10.0.0.1/24"
    y:add_addr "10.0.0.2/24"
    x:add_addr { "fd00::1/64", nodad = true }
    y:add_addr { "fd00::2/64", nodad = true }
    local server <close> = httpd.start(web, {
      pages = { ["index.html"] = "hello $DIR\n", ["a/b.txt"] = ("x"):rep(100000) } })
    assert.equal("hello $DIR\n", httpd.get(host, "http://10.0.0.1/"))
    assert.equal("hello $DIR\n", httpd.get(host, "http://[fd00::1]/index.html"))
    assert.equal(("x"):rep(100000), httpd.get(host, "http://10.0.0.1/a/b.txt"))
    assert.is_truthy(tostring(h.refused("EXIT", httpd.get, host, "http://10.0.0.1/c")):find "404")
    server:stop()
    assert.is_truthy(tostring(h.refused("EXIT", httpd.get, host, "http://10.0.0.1/")):find "refused")
  end)

  it("gives the files of a folder, at another port", function()
    local ns = h.netns()
    ns:link("lo"):set { up = true }
    local server <close> = httpd.start(ns, { dir = "stdlib", port = 8080 })
    assert.is_true(server:running())
    assert.is_truthy(httpd.get(ns, "http://127.0.0.1:8080/README.md"):find "# stdlib")
    h.refused("EADDRINUSE", httpd.start, ns, { dir = "stdlib", port = 8080 })
  end)

  it("refuses what makes no server", function()
    local ns = h.netns()
    h.misuse("either pages or dir", httpd.start, ns, {})
    h.misuse("either pages or dir", httpd.start, ns, { pages = {} })
    h.misuse("from 1 to 65535", httpd.start, ns, { dir = ".", port = 0 })
    h.misuse("texts by their names", httpd.start, ns, { pages = { ["../x"] = "" } })
    h.misuse("did you mean 'pages'", httpd.start, ns, { page = {} })
    h.misuse("the first argument of httpd.start is a namespace", httpd.start, { dir = "." })
    h.misuse("the first argument of httpd.get is a namespace", httpd.get)
    h.misuse("url is text", httpd.get, ns)
    h.misuse("url is text", httpd.get, ns, "10.0.0.1")
  end)
end)
