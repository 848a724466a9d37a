# Makefile - `make help` lists the targets
VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
CC := gcc
PKGS := lua5.4 libnl-3.0 libnl-route-3.0

CFLAGS ?= -O2 -g
SAN ?=
B := build$(if $(SAN),/san)
NSH := $(if $(SAN),build/san/nsh,nsh)
LIBDIR := $(PREFIX)/lib/lua/5.4
DATADIR := $(PREFIX)/share/nsh

WARN := -std=c11 -Wall -Wextra -Wshadow -Wvla -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes
DEFS := -D_GNU_SOURCE -DNSH_VERSION='"$(VERSION)"' -DNSH_DATADIR='"$(DATADIR)"'
SANFLAGS := $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
comma := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
ALL_CFLAGS = $(WARN) $(CFLAGS) $(SANFLAGS) -fPIC -fvisibility=hidden $(DEFS) $(shell pkg-config --cflags $(PKGS))
LIBS = $(shell pkg-config --libs $(PKGS)) -lm -ldl

CORE_SRC := $(wildcard src/net/*.c src/bind/*.c)
SHELL_SRC := $(wildcard src/shell/*.c)
LUA_SRC := $(wildcard lua/nsh/*.lua)
CORE_OBJ := $(CORE_SRC:src/%.c=$(B)/%.o)
SHELL_OBJ := $(SHELL_SRC:src/%.c=$(B)/%.o) $(B)/chunks.o

all: $(NSH) nsh-core

$(NSH): $(CORE_OBJ) $(SHELL_OBJ)
	@echo "LINK $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/%.o: src/%.c
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/chunks.c: $(LUA_SRC) src/shell/embed.sh
	@mkdir -p $(@D)
	$(Q)sh src/shell/embed.sh $(LUA_SRC) > $@.new && mv $@.new $@

$(B)/chunks.o: $(B)/chunks.c src/shell/chunks.h
	@echo "CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc/shell -c -o $@ $<

clean:
	rm -rf build nsh

ifneq ($(V),1)
Q := @
endif
-include $(CORE_OBJ:.o=.d) $(SHELL_SRC:src/%.c=$(B)/%.d)
.PHONY: all clean
