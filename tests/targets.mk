# SPDX-License-Identifier: GPL-2.0-or-later
# The tests and measurements that take longer than `make test`, or need what it does not. Included by the Makefile.

.PHONY: frames-month test-faults test-servers test-grafana test-browser test-deb test-platforms pictures test-asan test-tsan test-valgrind \
        coverage fuzz analyse cppcheck clang-tidy gcc-analyser bench bench-floors bench-growth bench-years bench-lead bench-serve bench-life soak

test-faults: ## only the faults: kills, full disks, rotations, deaf receivers
	$(DEPS) build test
	@+$(REMAKE) all probes
	@python3 tests/run.py --held $(BUILD) faults

frames-month: ## a month of a container's log in each format, rotated, with the agent killed all the time: nothing lost or doubled (5 minutes)
	$(DEPS) build test
	@+$(REMAKE) all
	@FRAMES_DAYS=30 FLOW_DAYS=30 python3 tests/run.py --held $(BUILD) e2e/test_frames e2e/test_flow_counts

test-browser: ## the HTML report and the web pages in headless Chromium: valid, both themes, phone, paper, and silent
	$(DEPS) build test browser web
	@+$(REMAKE) all
	@python3 tests/run.py $(BUILD) browser

# P: platforms such as 13-i386, all without it. T: fewer tests than all, such as "unit layers". PLATFORMS: where the chroots are kept.
PLATFORMS ?= $(BUILD)/platforms
test-platforms: all ## other releases of Debian, i386, arm64 and s390x, in chroots (root, debootstrap; half an hour each)
	@python3 tests/platforms.py --place $(call quote,$(PLATFORMS)) --tests $(call quote,$(T)) $(P)

pictures: ## make fixtures/pictures anew, which README.md shows
	$(DEPS) build browser web
	@+$(REMAKE) all
	AGENT="$$(realpath $(BUILD))/agent" python3 tests/browser/pictures.py

test-deb: deb ## the Debian package: lintian, the same bytes twice; installed, upgraded, purged, and README's three commands (10 minutes)
	$(DEPS) build deb package
	@python3 tests/run.py $(BUILD) package

test-servers: ## beside real servers of Debian's packages: Docker's engine, ClickHouse, Postfix (2 minutes, 100 MB to fetch)
	$(DEPS) build servers
	@+$(REMAKE) all
	@python3 tests/run.py $(BUILD) servers

test-grafana: ## the dashboard against Grafana's published types (npm: @grafana/schema, typescript; 33 MB to fetch)
	$(DEPS) grafana
	@python3 tests/run.py $(BUILD) grafana

test-asan: ## unit and end-to-end tests under the address and undefined-behaviour sanitizers
	$(DEPS) build test
	@+$(REMAKE) BUILD=build-asan SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" all unit probes
	@AGENT_CONFINE=no python3 tests/run.py build-asan unit fuzz e2e

test-valgrind: ## unit tests, replays and a live agent with its receiver, a rotation and its reports under valgrind
	$(DEPS) build test valgrind
	@+$(REMAKE) all unit
	@python3 tests/run.py --valgrind $(BUILD) unit replay e2e/test_valgrind

test-tsan: ## the threads of the sender, the witnesses and the checkpoint under the thread sanitizer
	$(DEPS) build test
	@+$(REMAKE) BUILD=build-tsan SANITIZE=-fsanitize=thread all unit probes
	@AGENT_CONFINE=no TSAN_OPTIONS=halt_on_error=1:exitcode=66 python3 tests/run.py build-tsan unit/follow/test_wake_timer unit/history/test_checkpoint faults/test_sender unit/witness/test_left_behind e2e/test_live e2e/test_probes_live e2e/test_bad_witnesses e2e/test_witnesses e2e/test_watermark e2e/test_unit_state e2e/test_host_state e2e/test_serve e2e/test_serve_api

# Everything anew, so that no counter of an older source is left. Not confined, since Landlock would keep the agent from writing its
# counters: confine.c shows as unreached (tests/e2e/test_confine.py holds it from outside). What a test kills loses its counts.
# The figures are said whether or not a test failed.
coverage: ## lines that the tests reach: at least 90 % of the core and the parsers, 80 % of all
	$(DEPS) build test coverage
	@rm -rf build-coverage
	@+$(REMAKE) BUILD=build-coverage CFLAGS="-O0 -g --coverage" LDFLAGS=--coverage all unit probes
	@AGENT_CONFINE=no python3 tests/run.py build-coverage unit fuzz e2e faults; tested=$$?; \
	$(GCOVR) --filter parsers/ --filter agent/ --sort-percentage --fail-under-line 80; all=$$?; \
	echo "The core and the parsers:"; \
	$(GCOVR) --filter parsers/ --filter agent/core/ --fail-under-line 90 && test $$tested$$all = 00
GCOVR = gcovr --root . --object-directory build-coverage --print-summary

# Comparisons with constants are not traced: the seeds hold the words, and inputs run twice as fast. FUZZ_SANITIZE= FUZZ_BYTES=65536 looks
# for inputs that cost too much (tests/fuzz/fuzz.h), which no sanitizer allows to be measured.
fuzz: ## every harness in tests/fuzz, on all processors, for FUZZ_SECONDS (60) or FUZZ_RUNS inputs each; needs clang
	$(DEPS) build fuzz
	@+$(REMAKE) BUILD=build-fuzz CC=clang SANITIZE="-fsanitize=fuzzer-no-link $(FUZZ_SANITIZE) -fno-sanitize-coverage=trace-cmp" fuzzers
	@+$(REMAKE) all
	@tests/fuzz/seeds.sh $(BUILD)/agent build-fuzz/seeds
	@python3 tests/fuzz/fuzz.py build-fuzz $(if $(FUZZ_RUNS),--runs $(FUZZ_RUNS),--seconds $(FUZZ_SECONDS)) $(if $(FUZZ_BYTES),--bytes $(FUZZ_BYTES))

# Each analyser is a target, and a test of `make test` (`tests/run.py BUILD analyse`). What clang-tidy asks, and why: .clang-tidy. Its path-sensitive checks take minutes, so that `make test`, where gcc's analyser walks the paths, leaves them to this.
# --suppress=missingIncludeSystem: cppcheck is not shown the system's headers, which it does not need.
# --suppress=normalCheckLevelMaxBranches: from 2.17 on it says as an error that long functions are not walked through to the end.
analyse: ## cppcheck, clang-tidy and gcc's analyser: nothing to complain of (3 minutes)
	$(DEPS) build analyse
	@+$(REMAKE) cppcheck clang-tidy gcc-analyser TIDY_CHECKS=

ANALYSED = $(EVERY_SOURCE) $(if $(LIBPQ),$(WATERMARK_SOURCES)) $(if $(LIBMICROHTTPD),$(WEB_SOURCES)) agent/main.c
TIDY_CHECKS ?= --checks=-clang-analyzer-*
# What an analyser had nothing to say of is not looked at again until it changes, or a header, or what is asked.
cppcheck: $(TABLE_FILES) $(WEB_FILES)
	@mkdir -p build-analyse/cppcheck
	cppcheck --quiet -j $(shell nproc) --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,portability,performance \
	    --cppcheck-build-dir=build-analyse/cppcheck \
	    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches $(DEFINES) $(ANALYSED)
TIDIED = $(ANALYSED:%=build-analyse/$(if $(TIDY_CHECKS),tidy,tidy-paths)/%)
clang-tidy: $(TABLE_FILES) $(WEB_FILES)
	@+$(REMAKE) -s $(TIDIED)
# -DCURL_DISABLE_TYPECHECK: clang-tidy counts the statements into which libcurl's macros expand as the function's own. The compilers check the types.
HEADERS := $(shell find include agent parsers -name '*.h')
$(TIDIED): build-analyse/$(if $(TIDY_CHECKS),tidy,tidy-paths)/%: % .clang-tidy $(HEADERS)
	@mkdir -p $(@D)
	@clang-tidy --quiet $(TIDY_CHECKS) $< -- -std=c11 $(WARNINGS) -D_GNU_SOURCE \
	    $(LARGE) -DCURL_DISABLE_TYPECHECK -DAGENT_VERSION=\"$(VERSION)\" -DAGENT_SYSCONFDIR=\"/etc\" -DAGENT_LIBEXECDIR=\"/usr/libexec\" $(LIBPQ_CFLAGS) -Iinclude -I. -I$(BUILD)/made 2>&1
	@touch $@
gcc-analyser:
	@+$(REMAKE) BUILD=build-analyse CC=gcc CFLAGS="-O2 -g -fanalyzer -Werror" all build-analyse/obj/agent/follow/inotify_kernel.o

bench: ## speed, memory and latency beside ripgrep, mtail, grep and gawk (BENCH_MB=1000: a bigger log; BENCH_IDLE=600 seconds)
	$(DEPS) build bench
	@+$(REMAKE) all benches
	@python3 tests/bench/bench.py $(BUILD) --mb $(BENCH_MB) --idle $(BENCH_IDLE)

# Each part of a replay is measured by a program that is linked as the agent is.
bench-floors: ## where a replay's CPU goes, part by part, beside ripgrep, mtail and SQLite alone (1 GB; FLOORS_MB, BEFORE=AGENT)
	$(DEPS) build bench
	@+$(REMAKE) all benches
	@python3 tests/bench/floors.py $(BUILD) --mb $(or $(FLOORS_MB),1000) $(if $(BEFORE),--before $(BEFORE))

bench-serve: ## the web pages at 1,000 requests a second beside a live agent: its latency, theirs, their memory (2 minutes)
	$(DEPS) build web
	@+$(REMAKE) all benches
	python3 tests/bench/serve.py $(BUILD)

soak: ## an hour of cycles behind ten years of history, 64 tables, all witnesses and the web server: memory, descriptors, files stay flat
	$(DEPS) build web watermark
	@+$(REMAKE) all probes
	BUILD=$(call quote,$(BUILD)) python3 tests/bench/soak.py $(BUILD)/agent --minutes $(SOAK_MINUTES) --json $(BUILD)/soak.json
SOAK_MINUTES ?= 60

bench-growth: ## what a line costs with 2 to 10,000 tables, 1,000 incidents, 100 webhooks, 20 logs (BEFORE=AGENT: beside another agent; 20 minutes)
	$(DEPS) build web
	@+$(REMAKE) all
	python3 tests/bench/growth_tables.py $(BEFORE) $(BUILD)/agent --json $(BUILD)/growth.json

bench-years: ## a cycle with ten years of history beside one with a month, in pairs until the noise is below 2 % (10 minutes)
	$(DEPS) build
	@+$(REMAKE) all
	python3 tests/bench/growth.py $(BUILD)/agent --json $(BUILD)/years.json

bench-lead: ## how long before Prometheus the agent pages, incident by incident
	$(DEPS) build
	@+$(REMAKE) all
	python3 tests/bench/lead.py $(BUILD)/agent

# Both are run, and either can fail the target.
bench-life: ## what is told in everyday situations and over real series, against what is due
	$(DEPS) build
	@+$(REMAKE) all
	@python3 tests/bench/life_series.py --agent $(BUILD)/agent; series=$$?; \
	python3 tests/bench/life.py --agent $(BUILD)/agent --markdown && test $$series = 0
