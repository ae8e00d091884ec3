# make ring     build, start three nodes on loopback, watch them converge, diverge and be resolved
# make test     every test, as continuous integration runs it
# make simulate SEED=17   replay one seed of the simulation
# make simulate SEEDS=10000   very many of them, optimized, on all processors: nightly
# make crash KILLS=1000   kill nodes of a ring at every fail point and at random moments (SEED=17: the same kills again)
# make fuzz SECONDS=600   give every decoder bytes that nobody would send, for so many seconds each (FUZZERS="a b": these)
# make test-thread, make test-address   every test under a sanitizer (TEST_TARGETS="FederationHTTPTests": these)
# make deb       the Debian package, in .build/deb; make test-deb installs it in a fresh Debian (as root)
# make size      what the program weighs and why (docs/size.md)
# make bench    catch-up, latency and idleness beside PostgreSQL, NATS, Redis and Syncthing (docs/benchmarks): half an hour
#               (SIZE=20000 PAIRS=1 OUT=.build/bench: a few minutes; WORKLOADS=unsigned,signed and PEERS=postgres,nats: these)
# make bench-scaling   how costs grow, and what that means for many nodes (docs/scaling.md)
# make bench-store   what a node with a million events costs to open, to add to and to bring up to date
# make bench-negentropy REFERENCE=PROGRAM   what set reconciliation costs (docs/benchmarks/negentropy.md)
# make faults   what goes wrong around real processes, case by case (CASES="partition clock": those of that name)
# make soak HOURS=2   a ring that works for hours with a fault a minute; what it costs in memory and descriptors
SEED ?= 1
# How many seeds of the simulation `make test` runs: as many as leave it within a quarter of an hour on two cores.
SEEDS ?= 250
TEST_TARGETS := $(notdir $(patsubst %/,%,$(filter-out Tests/Interop/ Tests/Robustness/ Tests/Sanitizers/ Tests/Vectors/,$(wildcard Tests/*/))))
# So many keep two processors busy: more make each slower and end no sooner, and nodes of all at once would have all of
# the 128 inotify instances that a user has.
TESTS_AT_ONCE ?= 8
# How long each fuzzer runs, and which: all of them.
SECONDS ?= 10
FUZZERS ?=
# How many kills `make crash` makes.
KILLS ?= 1000
# How long a soak is.
HOURS ?= 2
# How many events a benchmark catches up with, how often all take turns, and where the report goes.
SIZE ?= 200000
PAIRS ?= 5
OUT ?= docs/benchmarks
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: deb test-deb size ring test build setup simulate crash search-negentropy bench bench-scaling bench-negentropy bench-store fuzz test-thread test-address docs clean

setup:
	@.ci/setup

build: setup
	swift build

ring: setup
	swift build --product federation
	@examples/ring/ring.sh "$$(swift build --show-bin-path)/federation"

# One process a target: what works the processor in one must not starve the sockets of another of their time.
test: setup
	.ci/interop-packages
	.ci/previous-version
	swift build --build-tests
	@.ci/docs > .build/docs.log || { cat .build/docs.log; exit 1; }
	@.ci/surface
	@echo "== NegentropySearch"; swift run -c release --quiet NegentropySearch
	@echo "== fuzzers"; Fuzz/run 2 --jobs 2
	@echo "== the report of benchmarks"; python3 Benchmarks/bench/test_report.py
	@rm -f .build/test.log; for target in $(TEST_TARGETS); do \
		echo "== $$target"; FEDERATION_SEEDS=$(SEEDS) SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$(TESTS_AT_ONCE) \
			swift test --skip-build --disable-xctest --filter "^$$target\." 2>&1 | .ci/summary; \
	done

# The full search for lost differences: optimized, as a debug build would take many minutes.
search-negentropy: setup
	swift run -c release --quiet NegentropySearch

bench-negentropy: setup
	swift run -c release --quiet NegentropyBench $(if $(REFERENCE),--reference $(REFERENCE))

# Beside its peers, in turns, as the package has it.
bench: setup
	Benchmarks/bench/setup
	swift build -c release --product PagedPoll
	/usr/bin/python3 Benchmarks/bench --program "$$(packaging/program)" \
		--paged "$$(swift build -c release --show-bin-path)/PagedPoll" --size $(SIZE) --pairs $(PAIRS) --out $(OUT) \
		--commit "$$(git describe --always --dirty)" \
		$(if $(WORKLOADS),--workloads $(WORKLOADS)) $(if $(PEERS),--peers $(PEERS))

# How costs grow with events, their size, origins, clocks, peers and topology, each fitted (docs/scaling.md).
bench-scaling: setup
	Benchmarks/bench/setup
	/usr/bin/python3 Benchmarks/bench/scaling.py --program "$$(packaging/program)" \
		--commit "$$(git describe --always --dirty)" --out $(OUT)

# Opening, appending, checking and migrating, release build (docs/benchmarks/store.md).
bench-store: setup
	swift build -c release --product federation
	swift build -c release --product StoreBench
	Benchmarks/store/store.py "$$(swift build -c release --show-bin-path)/federation" \
		"$$(swift build -c release --show-bin-path)/StoreBench"

# Optimized, with AddressSanitizer and the coverage that libFuzzer steers by (docs/testing.md).
fuzz: setup
	Fuzz/run $(SECONDS) $(FUZZERS)

# Optimized, with the Swift runtime in it; lintian finds nothing.
deb: setup
	packaging/deb

test-deb: deb
	packaging/test-deb

size: deb
	packaging/size

simulate: setup
ifeq ($(origin SEEDS),command line)
	swift build -c release --product federation
	Tests/Robustness/simulate.py "$$(swift build -c release --show-bin-path)/federation" --seed $(SEED) --seeds $(SEEDS) \
		--report .build/simulation.json
else
	FEDERATION_SEED=$(SEED) swift test --filter SimulationTests
endif

# With fail points in a build of its own, for the program that is released has none of them (docs/robustness.md).
crash: setup
	FEDERATION_FAIL_POINTS=1 swift build --product federation --scratch-path .build/fail-points
	Tests/Robustness/crashes.py --fail-points .build/fail-points/debug/federation \
		--program "$$(packaging/program)" --kills $(KILLS) \
		--report .build/crashes.json $(if $(filter command,$(firstword $(origin SEED))),--seed $(SEED))

# Everything that goes wrong around real processes; as root all of it (docs/robustness.md).
.PHONY: faults soak
faults: setup
	Tests/Robustness/faults.py "$$(packaging/program)" $(CASES) --seed $(SEED) \
		--report .build/faults.json

# Of the program as the package has it: what allocates its memory, and how it is linked, is what a soak is about.
soak: setup
	@mkdir -p .build/soak
	Tests/Robustness/soak.py "$$(packaging/program)" --hours $(HOURS) --seed $(SEED) \
		--directory ".build/soak/$$(date +%Y%m%d-%H%M%S)"

# Data races, and memory errors: every test, the end-to-end tests with the program that is built beside them.
test-thread: setup
	.ci/sanitized thread $(TEST_TARGETS)

test-address: setup
	.ci/sanitized address $(TEST_TARGETS)

# The reference of the library, as a DocC archive in .build/docs; a warning is a failure.
docs: setup
	swift build --target Federation
	.ci/docs
	.ci/surface

clean:
	rm -rf .build .ring
