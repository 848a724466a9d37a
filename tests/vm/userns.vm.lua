-- userns.vm.lua - an ordinary user where user namespaces are forbidden is told by what
local machine = require "tests.vm.machine"

describe("where user namespaces are forbidden by", function()
  for key, name in pairs {
    ["kernel/unprivileged_userns_clone"] = "kernel.unprivileged_userns_clone",
    ["user/max_user_namespaces"] = "user.max_user_namespaces",
  } do
    it(name .. ", an ordinary user gets exit code 4 and its name", function()
      local path = "/proc/sys/" .. key
      local before = assert(machine.read(path))
      assert(machine.write(path, 0))
      local result = machine.nsh('netns.add "a"', "user")
      local caught = machine.nsh('local ok, err = pcall(netns.add, "a") print(err.code, err.hint) print(1)', "user")
      local alone = machine.nsh("print(1)", "user")
      local doctor = machine.run(machine.as("user", { machine.program, "--doctor" }))
      local told = machine.nsh [[print(require("nsh.doctor").try("userns"))]]
      local root = machine.nsh 'netns.add "a"'
      assert(machine.write(path, before))

      assert.equal(4, result.status)
      assert.truthy(result.err:find("sysctl " .. name, 1, true), result.err)
      assert.truthy(caught.out:find "^E%u+\t" and caught.out:find(name, 1, true), caught.out)
      assert.equal("1\n", alone.out)
      assert.equal(4, doctor.status)
      assert.truthy(doctor.out:find(name, 1, true) and not doctor.out:find("\nworks", 1, true), doctor.out)
      assert.equal(0, told.status)
      assert.truthy(told.out:find(name .. " = ", 1, true), told.out)
      assert.equal(0, root.status, root.err)
    end)
  end

  it("nothing, the same user has a world", function()
    local result = machine.nsh('print(netns.add("a"):exec("id -u").out)', "user")
    assert.equal("0\n\n", result.out, result.err)
  end)
end)
