# Makefile - `make help` lists the targets
VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
CC := gcc
SAN ?=
CFLAGS ?= $(if $(SAN),-O1,-O2) -g
Q := $(if $(V),,@)

# what is linked; readline is loaded when a prompt needs it
PKGS := lua5.4 libnl-3.0 libnl-route-3.0
BUILD_DEPS := gcc libc6-dev pkg-config liblua5.4-dev libnl-3-dev libnl-route-3-dev libreadline-dev iproute2
TEST_DEPS := lua5.4 lua-busted lua-dkjson procps strace tmux git valgrind clang libclang-rt-dev ethtool wireguard-tools
# programs that labs and their tests run; a test without its program is skipped
LAB_DEPS := tcpdump nftables busybox-static dnsmasq-base radvd bird2 frr iperf3 openvswitch-switch passt traceroute \
	graphviz libxml2-utils chromium-headless-shell
VM_DEPS := qemu-system-x86 cpio kmod xz-utils zstd
LINT_DEPS := clang-format clang-tidy cppcheck lua-check shellcheck scdoc

# B: what is made; NSH: the program.  SAN=1 makes another one, with AddressSanitizer and UBSan, beside the first.
B := build$(if $(SAN),/san)
NSH := $(if $(SAN),build/san/nsh,nsh)
CORE := $(if $(SAN),,$(B)/lua/nsh/core.so)
LUADIR := $(PREFIX)/share/lua/5.4/nsh
LIBDIR := $(PREFIX)/lib/lua/5.4/nsh
DATADIR := $(PREFIX)/share/nsh
MANDIR := $(PREFIX)/share/man/man1

WARN := -std=c11 -Wall -Wextra -Wshadow -Wvla -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes
DEFS := -D_GNU_SOURCE -DNSH_VERSION='"$(VERSION)"' -DNSH_DATADIR='"$(DATADIR)"'
# buffer checks need optimisation, and know nothing of the sanitizers' own
HARDEN := $(if $(SAN),,$(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),-D_FORTIFY_SOURCE=2)) -fstack-protector-strong
LDHARDEN := -Wl,-z,relro,-z,now
SANFLAGS := $(if $(SAN),-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
COMPILE = $(CC) $(WARN) $(CFLAGS) $(HARDEN) $(SANFLAGS) -fPIC -fvisibility=hidden $(DEFS) $(PKG_CFLAGS)
LINK = $(CC) $(CFLAGS) $(SANFLAGS) $(LDHARDEN) $(LDFLAGS)

CORE_SRC := $(wildcard src/net/*.c src/bind/*.c)
SHELL_SRC := $(filter-out src/shell/embed.c,$(wildcard src/shell/*.c))
C_FILES := $(CORE_SRC) $(wildcard src/shell/*.c)
H_FILES := $(wildcard src/*/*.h)
LUA_SRC := $(wildcard lua/nsh/*.lua lua/nsh/*/*.lua)
RECIPES := $(wildcard stdlib/*.lua)
SH_FILES := $(wildcard .ci/run .ci/packages bench/*.sh examples/demo src/shell/*.sh tests/run tests/lane tests/*.sh tests/*/*.sh) \
	tests/vm/run tests/vm/guest tests/vm/vm-run
CORE_OBJ := $(CORE_SRC:src/%.c=$(B)/%.o)
SHELL_OBJ := $(SHELL_SRC:src/%.c=$(B)/%.o) $(B)/chunks.o

all: $(NSH) $(CORE) docs ## build ./nsh, build/lua/nsh/core.so and docs/reference.md

# the recipes are looked for beside the program
$(NSH): $(CORE_OBJ) $(SHELL_OBJ)
	@echo "LINK $@"
	$(Q)$(LINK) -o $@ $^ $(shell pkg-config --libs $(PKGS)) -lm -ldl
	$(if $(SAN),$(Q)ln -sfn ../../stdlib $(@D)/stdlib)

# for a stock lua5.4, which brings Lua itself
$(B)/lua/nsh/core.so: $(CORE_OBJ)
	@mkdir -p $(@D)
	@echo "LINK $@"
	$(Q)$(LINK) -shared -o $@ $^ $(shell pkg-config --libs $(filter-out lua%,$(PKGS))) -lm

$(B)/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(B)/chunks.o: $(B)/chunks.c $(B)/flags
	@echo "CC $<"
	$(Q)$(COMPILE) -Isrc/shell -MMD -MP -c -o $@ $<

$(B)/chunks.c: $(LUA_SRC) $(B)/embed
	$(Q)$(B)/embed $(LUA_SRC) >$@.new && mv $@.new $@

$(B)/embed: src/shell/embed.c src/shell/chunks.h $(B)/flags
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(CC) $(WARN) -O1 $(DEFS) $(PKG_CFLAGS) -o $@ $< $(shell pkg-config --libs lua5.4)

# Other flags or another PREFIX make everything anew.  What the build needs is looked for here first.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@for tool in $(CC) pkg-config; do command -v $$tool >/dev/null || \
		{ echo "make: $$tool is missing; 'make deps' installs what the build needs" >&2; exit 1; }; done
	@for pkg in $(PKGS); do pkg-config --exists $$pkg || \
		{ echo "make: the library $$pkg is missing (Debian: lib$$(echo $${pkg%.0} | sed s/^lib//)-dev); 'make deps' installs it" >&2; exit 1; }; done
	@printf '%s\n' '$(subst ','\'',$(COMPILE) $(LINK))' >$@.new; \
		if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

docs: $(B)/reference $(B)/coverage ## write docs/reference.md and docs/coverage.md; fails when a public function has no doc comment

$(B)/reference: $(NSH) docs/docgen.lua $(LUA_SRC) $(RECIPES)
	$(Q)./$(NSH) docs/docgen.lua $(LUA_SRC) $(RECIPES) >$@.new
	@if cmp -s $@.new docs/reference.md; then rm $@.new; else echo "DOC docs/reference.md"; mv $@.new docs/reference.md; fi
	@touch $@

$(B)/coverage: $(NSH) docs/coverage.lua $(wildcard docs/coverage/*) $(LUA_SRC)
	$(Q)./$(NSH) docs/coverage.lua $(LUA_SRC) >$@.new
	@if cmp -s $@.new docs/coverage.md; then rm $@.new; else echo "DOC docs/coverage.md"; mv $@.new docs/coverage.md; fi
	@touch $@

deps: ## install the Debian packages that building, testing and linting need
	@.ci/packages $(BUILD_DEPS) $(TEST_DEPS) $(LAB_DEPS) $(VM_DEPS) $(LINT_DEPS)

deps-build:
	@.ci/packages $(BUILD_DEPS)

deps-test:
	@.ci/packages $(BUILD_DEPS) $(TEST_DEPS) $(LAB_DEPS) || .ci/packages $(BUILD_DEPS) $(TEST_DEPS)

# without the emulator tests/vm/run says so and counts as skipped
deps-vm:
	-@.ci/packages $(BUILD_DEPS) $(TEST_DEPS) $(LAB_DEPS) $(VM_DEPS)

demo: deps-build ## install what is missing, build, and show a lab with layer-3 routing
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@examples/demo

test: deps-test ## install what is missing, build, and run all tests (SAN=1: with sanitizers)
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@NSH=./$(NSH) tests/run

test-vm: deps-vm ## install what is missing, build, and test on Debian's stock kernel in QEMU
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@tests/vm/run $(VM_SCRIPTS)

soak: deps-test ## the tests with their long figures: kills and errors at each change, fuzzing, thousands of cycles; 1 to 2 hours
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@NSH=./$(NSH) NSH_SOAK=1 tests/run

# libFuzzer's targets: the net layer built with clang, beside the rest
FUZZ := $(patsubst tests/faults/fuzz/%.c,build/fuzz/%,$(wildcard tests/faults/fuzz/*.c))
FUZZ_OBJ := $(patsubst src/%.c,build/fuzz/%.o,$(wildcard src/net/*.c))
FUZZ_CC = clang -std=c11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined $(DEFS) $(PKG_CFLAGS)

fuzz: $(FUZZ) ## build the fuzz targets; build/fuzz/NAME FOLDER runs one, with the inputs that are kept in FOLDER

build/fuzz/net/%.o: src/net/%.c $(H_FILES)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer-no-link -c -o $@ $<

build/fuzz/%: tests/faults/fuzz/%.c tests/faults/fuzz/fuzz.h $(FUZZ_OBJ)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer -o $@ $(filter-out %.h,$^) $(shell pkg-config --libs $(filter-out lua%,$(PKGS))) -lm

bench: all $(B)/bench/limit ## measure nsh, its peers and the kernel's own limit (BENCH=full: all sizes; ROUNDS=, ONLY=star, PEERS=0)
	@NSH=./$(NSH) ./$(NSH) bench/bench.lua $(B)/bench/limit

$(B)/bench/%: bench/%.c $(wildcard bench/*.h)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(CFLAGS) $(DEFS) -o $@ $<

lint: deps ## check the style of all sources, and look for mistakes
	@$(MAKE) --no-print-directory $(B)/flags run-lint

run-lint:
	clang-format --dry-run -Werror $(C_FILES) $(H_FILES)
	printf '%s\n' $(C_FILES) | xargs -P $$(nproc) -n 1 $(CC) -fanalyzer -Werror -O1 -c -o /dev/null $(WARN) $(DEFS) $(PKG_CFLAGS)
	printf '%s\n' $(C_FILES) | xargs -P $$(nproc) -n 4 sh -c 'clang-tidy --quiet "$$@" -- $(subst ",\",$(subst ',,$(DEFS))) -std=c11 $(PKG_CFLAGS)' tidy
	cppcheck --quiet --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --std=c11 -j $$(nproc) src
	luacheck --quiet lua docs tests examples bench stdlib
	$(if $(SH_FILES),shellcheck $(SH_FILES))

install: all $(if $(shell command -v scdoc),$(B)/nsh.1) ## install under $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LUADIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(DATADIR)/stdlib $(DESTDIR)$(MANDIR)
	install -m 755 $(NSH) $(DESTDIR)$(PREFIX)/bin/nsh
	for file in $(LUA_SRC:lua/nsh/%=%); do install -D -m 644 lua/nsh/$$file $(DESTDIR)$(LUADIR)/$$file; done
	$(if $(CORE),install -m 644 $(CORE) $(DESTDIR)$(LIBDIR))
	install -m 644 $(wildcard stdlib/*) $(DESTDIR)$(DATADIR)/stdlib
	@if [ -e $(B)/nsh.1 ]; then install -m 644 $(B)/nsh.1 $(DESTDIR)$(MANDIR); else echo "no man page: scdoc is missing"; fi

$(B)/nsh.1: docs/nsh.1.scd
	$(Q)scdoc <$< >$@.new && mv $@.new $@

clean: ## remove what was built
	rm -rf build nsh

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  %-9s %s\n' "$$name" "$$text"; done

FORCE:
.PHONY: all docs deps deps-build deps-test deps-vm demo test test-vm soak fuzz bench lint run-lint install clean help FORCE
-include $(CORE_OBJ:.o=.d) $(SHELL_OBJ:.o=.d)
