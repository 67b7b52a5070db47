# SPDX-License-Identifier: GPL-2.0-or-later
# `make demo` and `make test` set everything up by themselves; `make help` lists the rest.

PREFIX  ?= /usr/local
DESTDIR ?=
BINDIR  ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/iceberg-offload-agent
MANDIR  ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc
ZSHDIR  ?= $(PREFIX)/share/zsh/vendor-completions
BUILD   ?= build
CFLAGS  ?= -O2 -g
PKG_CONFIG ?= pkg-config
# Where file events come from: `tools` is libinotifytools, `kernel` the kernel's own calls. README.md says what that means for the licence.
INOTIFY ?= tools
# no: a build for hosts without systemd, which does not ask it about the scheduler.
SYSTEMD ?= yes
# A cross build, with CC and PKG_CONFIG of the other architecture: the compiler of this machine, such as cc. See NATIVE below.
CC_FOR_BUILD ?=
SANITIZE ?=
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?=
FUZZ_SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
BENCH_MB ?= 100
BENCH_IDLE ?= 60

# A text as one word of the shell, whatever is in it.
quote = '$(subst ','\'',$(1))'
comma := ,
# make takes no target with a space in its name. The path to the sources and DESTDIR may have spaces, apostrophes and dollars.
ifneq ($(words $(BUILD))$(findstring ',$(BUILD)),1)
$(error BUILD must be one path without a space or an apostrophe, such as a relative one, and not "$(BUILD)")
endif
ifeq ($(filter tools kernel,$(INOTIFY)),)
$(error INOTIFY must be tools or kernel, and not "$(INOTIFY)")
endif
ifeq ($(filter yes no,$(SYSTEMD)),)
$(error SYSTEMD must be yes or no, and not "$(SYSTEMD)")
endif
export PKG_CONFIG INOTIFY SYSTEMD

# The package's changelog is the one place of the version, and says what is new in it. The number behind the hyphen is Debian's own.
VERSION  := $(shell sed -n '1s/.*(\([^)-]*\).*/\1/p' agent/package/debian/changelog)
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wundef -Wformat=2
# The fortified library functions need the optimiser, and get in a sanitizer's way. A level that the caller's flags name is kept.
FORTIFY   = $(if $(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS)),,$(if $(filter-out -O0,$(filter -O%,$(CFLAGS))),\
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
HARDEN    = $(FORTIFY) -fstack-protector-strong -fstack-clash-protection
# Logs over 2 GB and times after 2038 on 32-bit machines too.
LARGE     = -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
DEFINES   = -D_GNU_SOURCE $(LARGE) -DAGENT_VERSION='"$(VERSION)"' -DAGENT_SYSCONFDIR=$(call quote,"$(SYSCONFDIR)") \
    -DAGENT_LIBEXECDIR=$(call quote,"$(LIBEXECDIR)") -Iinclude -I. -I$(BUILD)/made
ALL_CPPFLAGS = $(DEFINES) -MMD -MP $(LIBRARY_CFLAGS) $(CPPFLAGS)
# Nothing throws here, so the tables that unwind the stack are left to the debug information.
SMALL     = -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
# No path of this machine goes into the binary, so that two builds are the same bytes.
# The caller's CFLAGS come behind ours and win, such as a distribution's unwind tables.
ALL_CFLAGS   = -std=c11 $(WARNINGS) $(SMALL) $(if $(SANITIZE),$(SANITIZE),$(HARDEN)) $(CFLAGS) -fPIE -pthread \
    -ffile-prefix-map="$$PWD"=.
# noseparate-code saves two pages' worth of padding; the constants then lie in the code's mapping: executable, but never writable.
ALL_LDFLAGS  = -pie -pthread -Wl,-z,relro,-z,now,-z,noseparate-code,-z,pack-relative-relocs -Wl,--as-needed,--gc-sections \
    $(SANITIZE) $(LDFLAGS)
LIBRARIES   := libpcre2-8 libcurl sqlite3 inih zlib $(if $(filter yes,$(SYSTEMD)),libsystemd)
# Asked late: on a fresh machine pkg-config itself may be missing until `deps` has run. Asked once: each then expands to its answer.
LIBRARY_CFLAGS = $(eval LIBRARY_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2>/dev/null))$(LIBRARY_CFLAGS)
LIBRARY_LIBS = $(eval LIBRARY_LIBS := $(shell $(PKG_CONFIG) --libs $(LIBRARIES)))$(LIBRARY_LIBS)
# agent-watermark alone is linked with libpq, whose OpenSSL 3 does not go with libinotifytools. Without libpq it is not built.
LIBPQ       := $(shell $(PKG_CONFIG) --exists libpq 2>/dev/null && echo libpq)
LIBPQ_CFLAGS = $(eval LIBPQ_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LIBPQ)))$(LIBPQ_CFLAGS)
# agent-web alone is linked with libmicrohttpd, so that the agent neither starts more slowly for it nor shares a process with a web server.
LIBMICROHTTPD := $(shell $(PKG_CONFIG) --exists libmicrohttpd 2>/dev/null && echo libmicrohttpd)
LDLIBS       = $(if $(filter tools,$(INOTIFY)),-linotifytools) $(LIBRARY_LIBS) -lm

ROOMS   := parsers $(addprefix agent/,base core follow history notify config witness metrics daemon \
    commands commands/report commands/status commands/doctor commands/show)
# Sorted, since the order of wildcards depends on the locale and that of the objects makes the binary's bytes.
EVERY_SOURCE := $(sort $(wildcard $(ROOMS:%=%/*.c)))
SOURCES := $(filter-out $(patsubst %,agent/follow/inotify_%.c,$(filter-out $(INOTIFY),tools kernel)) \
    agent/witness/unit_bus$(if $(filter yes,$(SYSTEMD)),_none).c,$(EVERY_SOURCE))
OBJ     := $(BUILD)/obj
OBJECTS := $(SOURCES:%.c=$(OBJ)/%.o)
# The way of a line through many small functions of several files, each of which is called for every line. gcc inlines them across these files
# when it links the agent, at the level of the caller's flags, which takes a tenth off a replay. The objects hold their ordinary code
# as well: what is linked for the tests is linked without. One job links (-flto-partition=one): several are a make of gcc's own, which takes no path with an apostrophe. Where the caller's flags ask for -flto or not to inline, they stay as they are.
ifeq ($(origin LTO),undefined)
LTO := $(if $(SANITIZE)$(filter -O0 -flto% -fno-lto -fanalyzer --coverage,$(CFLAGS))$(findstring clang,$(shell $(CC) --version 2>/dev/null)),no,yes)
endif
HOT := $(filter parsers/% agent/core/% $(addprefix agent/,daemon/ingest.c daemon/scrub.c daemon/stamps%.c commands/stream.c),$(SOURCES))
WATERMARK         := $(if $(LIBPQ),$(BUILD)/agent-watermark)
WATERMARK_SOURCES := $(sort $(wildcard agent/watermark/*.c))
WATERMARK_OBJECTS := $(WATERMARK_SOURCES:%.c=$(OBJ)/%.o)
WEB         := $(if $(LIBMICROHTTPD),$(BUILD)/agent-web)
WEB_SOURCES := $(sort $(wildcard agent/serve/*.c))
WEB_OBJECTS := $(WEB_SOURCES:%.c=$(OBJ)/%.o)
PAGES   := agent.1 agent.conf.5 iceberg-offload-history.5 iceberg-offload-agent.7
SHARE   := $(addprefix $(BUILD)/share/,$(PAGES) agent.bash _agent agent.conf)
UNIT    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*/test_*.c tests/unit/commands/*/test_*.c))
PROBES  := $(patsubst tests/faults/%.c,$(BUILD)/tests/%,$(wildcard tests/faults/*_probe.c))
SHIMS   := $(patsubst tests/faults/%.c,$(BUILD)/tests/%.so,$(wildcard tests/faults/*_shim.c))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
DEPENDS := $(OBJECTS:.o=.d) $(WATERMARK_OBJECTS:.o=.d) $(WEB_OBJECTS:.o=.d) $(patsubst %.c,$(OBJ)/%.d,agent/main.c $(wildcard tests/*/*.c tests/unit/*/*.c tests/unit/commands/*/*.c))

# A make of its own for what follows `deps`: as many jobs as there are processors, unless the caller said -j.
REMAKE = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
DEPS   = @tests/install-deps.sh

all: $(BUILD)/agent $(or $(WATERMARK),no-watermark) $(or $(WEB),no-web) ## build the agent (as build/agent; another place: BUILD=dir)

no-web:
	@echo 'agent-web is not built, since libmicrohttpd (libmicrohttpd-dev) is not here: there is no `agent serve` without it'
no-watermark:
	@echo 'agent-watermark is not built, since libpq (libpq-dev) is not here: the agent cannot ask [watermark] without it'

# What is made is said in a word each; V=1 shows the whole commands.
V ?=
Q  = $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))

# --- Compiling -------------------------------------------------------------------------------------------------------

$(BUILD)/agent: $(OBJ)/agent/main.o $(BUILD)/libagent.a
	@test ! -d $@ || rm -rf $@
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

$(WATERMARK_OBJECTS): ALL_CPPFLAGS += $(LIBPQ_CFLAGS)
$(BUILD)/agent-watermark: $(WATERMARK_OBJECTS) $(BUILD)/libagent.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(OTHER_LTO) -o $@ $^ $(shell $(PKG_CONFIG) --libs libpq)

$(BUILD)/agent-web: $(WEB_OBJECTS) $(BUILD)/libagent.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(OTHER_LTO) -o $@ $^ $(LIBRARY_LIBS) $(shell $(PKG_CONFIG) --libs libmicrohttpd) -lm

# The rooms themselves are prerequisites, so that a source that went away leaves the archive too.
$(BUILD)/libagent.a: $(OBJECTS) $(ROOMS)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcsD $@ $(OBJECTS)

ifeq ($(LTO),yes)
$(HOT:%.c=$(OBJ)/%.o): private ALL_CFLAGS += -flto -ffat-lto-objects
$(BUILD)/agent: private ALL_CFLAGS += -flto -flto-partition=one
# What is not the agent is linked without.
OTHER_LTO = -fno-lto
$(BUILD)/bench/floors: private OTHER_LTO = -flto -flto-partition=one
endif
$(OBJ)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(OBJ)/tests/unit/%.o: private ALL_CPPFLAGS += -include tests/unit/cmocka_more.h

# The built-in tables of causes and patterns, as numbers for C arrays. Their comments are left out, and their lines keep their numbers.
TABLE_FILES := $(addprefix $(BUILD)/made/,causes/k2.inc causes/k2-prefect.inc patterns/k2-prefect.inc)
$(TABLE_FILES): $(BUILD)/made/%.inc: fixtures/%.conf
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)sed 's/^#.*//' $< | od -An -v -tx1 | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g' >$@.new && mv $@.new $@
$(OBJ)/agent/config/causes.o $(OBJ)/parsers/patterns_file.o: $(TABLE_FILES)
# What agent-web sends as it is, as numbers for a C array too.
WEB_FILES := $(addprefix $(BUILD)/made/,style.css.inc refresh.js.inc icon.svg.inc openapi.json.inc)
$(WEB_FILES): $(BUILD)/made/%.inc: agent/serve/%
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)od -An -v -tx1 $< | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g' >$@.new && mv $@.new $@
$(OBJ)/agent/serve/files.o: $(WEB_FILES)

$(UNIT):    $(BUILD)/tests/unit/%: $(OBJ)/tests/unit/%.o
$(PROBES):  $(BUILD)/tests/%: $(OBJ)/tests/faults/%.o
$(BENCHES): $(BUILD)/bench/%: $(OBJ)/tests/bench/%.o
$(FUZZERS): $(BUILD)/fuzz/%:  $(OBJ)/tests/fuzz/%.o $(OBJ)/tests/fuzz/cost.o
$(REPLAYS): $(BUILD)/tests/%: $(OBJ)/tests/fuzz/%.o $(OBJ)/tests/fuzz/cost.o $(OBJ)/tests/fuzz/replay.o
$(UNIT):    LDLIBS += -lcmocka
$(BUILD)/tests/unit/follow/test_follow_unreadable: LDLIBS += -Wl,--wrap=pread64
$(BUILD)/tests/unit/daemon/test_reload_keys: LDLIBS += $(patsubst %,-Wl$(comma)--wrap=%,dispatch_open witnesses_open table_witnesses_open \
    unit_open host_open prefect_open config_causes engine_new engine_configure engine_silence parser_open parser_change_patterns follow_open history_open)
$(BUILD)/tests/unit/follow/test_follow_between: LDLIBS += -Wl,--wrap=opendir
$(BUILD)/tests/unit/follow/test_listing: LDLIBS += -Wl,--wrap=clock_running_us
# Linked before the archive, so that the archive's own source of events is left out.
KERNEL := $(addprefix $(BUILD)/tests/,unit/follow/test_inotify_kernel unit/follow/test_follow_kernel agent_kernel)
$(KERNEL): $(OBJ)/agent/follow/inotify_kernel.o
$(BUILD)/tests/agent_kernel: $(OBJ)/agent/main.o
$(BUILD)/tests/unit/witness/test_left_behind: LDLIBS += -Wl,--wrap=iceberg_ask
# The pure parts of agent-web, which are no part of the archive. They need no libmicrohttpd.
$(foreach part,request listen kept accept lag_line,$(eval $(BUILD)/tests/unit/serve/test_$(part): $(OBJ)/agent/serve/$(part).o))
$(BUILD)/fuzz/fuzz_request $(BUILD)/tests/fuzz_request: $(addprefix $(OBJ)/agent/serve/,request.o accept.o)
$(FUZZERS): LDLIBS += -fsanitize=fuzzer
$(UNIT) $(REPLAYS) $(PROBES) $(BENCHES) $(FUZZERS) $(BUILD)/tests/agent_kernel: $(BUILD)/libagent.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(OTHER_LTO) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libagent.a $(LDLIBS)

# Preloaded into the agent; never sanitized, since the agent is not told to expect it. Without LARGE, so that the names of the
# functions that it replaces are the ones that it says.
$(SHIMS): $(BUILD)/tests/%.so: tests/faults/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) -U_FILE_OFFSET_BITS -U_TIME_BITS -std=c11 $(WARNINGS) -O2 -g -fPIC -shared -o $@ $<

# Rewritten only when the flags differ from the last build's: then everything is compiled again.
$(BUILD)/flags: export FLAGS = $(INOTIFY) $(SYSTEMD) $(LTO) $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(BUILD)/flags: FORCE
	@test -e $@ || tests/install-deps.sh check build
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS" | cmp -s - $@ || printf '%s\n' "$$FLAGS" >$@

# The manual pages and completions take their lists from the binary's own tables. In a cross build a second agent, built for this
# machine by CC_FOR_BUILD with PKG_CONFIG_FOR_BUILD and thus with the libraries of this machine, tells them.
NATIVE = $(if $(CC_FOR_BUILD),$(BUILD)/native/agent,$(BUILD)/agent)
PKG_CONFIG_FOR_BUILD ?= pkg-config
ifneq ($(CC_FOR_BUILD),)
$(BUILD)/native/agent: FORCE
	+$(Q)$(REMAKE) BUILD=$(BUILD)/native CC=$(call quote,$(CC_FOR_BUILD)) PKG_CONFIG=$(call quote,$(PKG_CONFIG_FOR_BUILD)) \
	    CC_FOR_BUILD= CFLAGS=-O CPPFLAGS= LDFLAGS= SANITIZE= all
endif

$(BUILD)/share/%: agent/manual/%.in agent/manual/generate.py $(NATIVE)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)PYTHONUTF8=1 python3 agent/manual/generate.py $(NATIVE) $< >$@.new && mv $@.new $@

$(BUILD)/share/agent.conf: $(NATIVE)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(NATIVE) check-config --sample >$@.new && mv $@.new $@

.SECONDARY:
share: $(SHARE) ; @:
unit: $(UNIT) $(REPLAYS) ; @:
# What the tests that drive the programs need beside them.
probes: $(PROBES) $(SHIMS) $(BUILD)/tests/agent_kernel $(SHARE) ; @:
benches: $(BENCHES) ; @:
fuzzers: $(FUZZERS) ; @:
-include $(DEPENDS)

# --- Running ---------------------------------------------------------------------------------------------------------

.PHONY: all no-watermark no-web FORCE share unit probes benches fuzzers deps demo run install install-built uninstall install-conf list-installed dist deb deb-sources
deps: ## install what is missing to build (says what; nothing missing: no apt-get)
	$(DEPS) build watermark web

demo: deps ## build, break a pipeline in a hurry and watch the agent page for it
	@+$(REMAKE) all
	python3 tests/demo.py $(BUILD)/agent

run: deps ## tail the real log, keep the history in an embedded SQLite file, print notifications here
	@+$(REMAKE) all
	$(BUILD)/agent run

# The template for several logs on one host is the unit itself, with its own configuration and state directory.
UNIT_SED    = -e $(call quote,s|@BINDIR@|$(BINDIR)|)
AS_TEMPLATE = -e $(call quote,s|/agent run$$|& --config $(SYSCONFDIR)/iceberg-offload-agent/%i.conf|) \
    -e 's,^StateDirectory=.*,&/%i,' -e 's,^Description=.*,& (%i),'
# Where something goes, as one word of the shell. DESTDIR as it was said: a dollar in it is one.
to      = $(call quote,$(value DESTDIR)$(1))
to_page = $(call to,$(MANDIR)/man$(subst .,,$(suffix $(1)))/$(1))
TO_AGENT    = $(call to,$(BINDIR)/agent)
TO_WATERMARK = $(call to,$(LIBEXECDIR)/agent-watermark)
TO_WEB      = $(call to,$(LIBEXECDIR)/agent-web)
TO_UNIT     = $(call to,$(UNITDIR)/iceberg-offload-agent.service)
TO_TEMPLATE = $(call to,$(UNITDIR)/iceberg-offload-agent@.service)
TO_WEB_UNIT = $(call to,$(UNITDIR)/iceberg-offload-agent-web.service)
TO_WEB_SOCKET = $(call to,$(UNITDIR)/iceberg-offload-agent-web.socket)
TO_API      = $(call to,$(PREFIX)/share/iceberg-offload-agent/openapi.json)
TO_USERS    = $(call to,$(PREFIX)/lib/sysusers.d/iceberg-offload-agent.conf)
TO_BASH     = $(call to,$(PREFIX)/share/bash-completion/completions/agent)
TO_ZSH      = $(call to,$(ZSHDIR)/_agent)

# By `install`, which does not ask the umask: what the caller's own files may not be read by, a service's must. What sed makes is written
# into a file that `install` has begun. `install-built` takes what is built as it is, whatever the flags were: tests install beside others
# that use the programs.
INSTALL_FILE = install -D -m 644 /dev/null $(1) && sed $(2) >$(1)
install: all share ## install below PREFIX (/usr/local); DESTDIR, BINDIR, LIBEXECDIR, MANDIR, SYSCONFDIR (/etc) and UNITDIR are honoured
install install-built:
	install -D -m 755 $(BUILD)/agent $(TO_AGENT)
	$(if $(WATERMARK),install -D -m 755 $(WATERMARK) $(TO_WATERMARK))
	$(if $(WEB),install -D -m 755 $(WEB) $(TO_WEB))
	$(foreach page,$(PAGES),install -D -m 644 $(BUILD)/share/$(page) $(call to_page,$(page)) &&) :
	install -D -m 644 $(BUILD)/share/agent.bash $(TO_BASH)
	install -D -m 644 $(BUILD)/share/_agent $(TO_ZSH)
	install -D -m 644 agent/iceberg-offload-agent.sysusers $(TO_USERS)
	$(call INSTALL_FILE,$(TO_UNIT),$(UNIT_SED) agent/iceberg-offload-agent.service)
	$(call INSTALL_FILE,$(TO_TEMPLATE),$(UNIT_SED) $(AS_TEMPLATE) agent/iceberg-offload-agent.service)
	$(if $(WEB),$(call INSTALL_FILE,$(TO_WEB_UNIT),$(UNIT_SED) agent/iceberg-offload-agent-web.service))
	$(if $(WEB),install -D -m 644 agent/serve/openapi.json $(TO_API) && install -D -m 644 agent/iceberg-offload-agent-web.socket $(TO_WEB_SOCKET))
TO_WEBS = $(TO_WEB) $(TO_WEB_UNIT) $(TO_WEB_SOCKET) $(TO_API)
# What install puts there, but for the configuration, which is the administrator's.
INSTALLED = $(TO_AGENT) $(if $(WATERMARK),$(TO_WATERMARK)) $(if $(WEB),$(TO_WEBS)) $(TO_UNIT) $(TO_TEMPLATE) $(TO_USERS) $(TO_BASH) $(TO_ZSH) $(foreach page,$(PAGES),$(call to_page,$(page)))

uninstall: ## remove what install put there
	rm -f $(INSTALLED) $(TO_WATERMARK) $(TO_WEBS)

# For packagers: the sample as the service's configuration, but for one key, so that `agent status` on a terminal finds the service's
# history. It will hold secrets, so that others may not read it.
install-conf: share
	sed 's,^# db =$$,db = /var/lib/iceberg-offload-agent/history.db,' $(BUILD)/share/agent.conf >$(BUILD)/share/installed.conf
	install -D -m 640 $(BUILD)/share/installed.conf $(call to,$(SYSCONFDIR)/iceberg-offload-agent/agent.conf)
	@rm -f $(BUILD)/share/installed.conf

list-installed:
	@printf '%s\n' $(INSTALLED)

# The lists of files in the other distributions' files are those of `install` where libpq and libmicrohttpd are, also if they are not here.
dist: ## the release's tarball of the last commit, and the files for RPM, Arch and Alpine, in build/dist
	@$(MAKE) --no-print-directory -s list-installed LIBPQ=libpq LIBMICROHTTPD=libmicrohttpd DESTDIR= PREFIX=/usr BINDIR=/usr/bin MANDIR=/usr/share/man \
	    UNITDIR=/usr/lib/systemd/system ZSHDIR=/usr/share/zsh/site-functions | agent/package/dist.sh $(VERSION) $(BUILD)/dist

# The layout of agent/package/debian joins a copy of what is compiled, so that nothing is built among the sources. The variables
# of this make are not that build's.
DEB = $(BUILD)/deb/iceberg-offload-agent-$(VERSION)
COMPILED = Makefile README.md LICENSE agent include parsers tests/install-deps.sh $(TABLE_FILES:$(BUILD)/made/%.inc=fixtures/%.conf)
deb-sources:
	rm -rf $(BUILD)/deb && mkdir -p $(DEB)
	cp -a --parents $(COMPILED) $(DEB) && cp -a agent/package/debian $(DEB)
deb: ## build the Debian package, as build/deb/iceberg-offload-agent_VERSION_ARCHITECTURE.deb
	$(DEPS) build deb
	@+$(MAKE) --no-print-directory deb-sources
	cd $(DEB) && env -u MAKEFLAGS -u MAKEOVERRIDES -u MFLAGS dpkg-buildpackage --build=binary -us -uc
	@ls $(BUILD)/deb/*.deb

# --- Testing ---------------------------------------------------------------------------------------------------------

.PHONY: test check clean help
test: ## every test: unit, fuzzing's findings, layers, analysers, end to end, faults
	$(DEPS) build test analyse valgrind
	@+$(REMAKE) all unit probes
	@python3 tests/run.py $(BUILD)

# What a packager's build can run: nothing is installed, nothing is asked of any network, not even of this machine's own, and what needs
# root or a missing program is skipped.
check: ## the tests that need no network, root or apt: unit, fuzzing's findings, layers, and the commands (1 minute)
	@tests/install-deps.sh check build check
	@+$(REMAKE) all unit share
	@python3 tests/run.py $(BUILD) unit fuzz layers $(CHECKED)
CHECKED = $(addprefix e2e/test_,command_line escape fixtures manual report_golden)

-include tests/targets.mk

clean: ## remove what was built
	rm -rf $(BUILD) build-asan build-tsan build-coverage build-fuzz build-analyse

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(wildcard Makefile tests/targets.mk) | awk -F'|' '{ printf "%-22s%s\n", $$1, $$2 }'
