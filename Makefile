# Backstop. `make` lists what there is to make.

BINARIES := $(or $(CARGO_TARGET_DIR),target)
TIMED := scripts/timed.sh
# Every file of integration tests but the differential one, which shows what it covered and so runs alone.
TESTS := $(sort $(filter-out differential,$(basename $(notdir $(wildcard tests/*.rs */tests/*.rs host/*/tests/*.rs)))))

.DEFAULT_GOAL := help
.PHONY: help setup build run test differential-long accept hdl route formal cocotb vm-test simulate planted fuzz lint-hdl docs bench bench-all lint mutants verify-export clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing (apt packages of the simulator); quiet if nothing is
	@scripts/setup.sh

build: setup ## Release build of all crates, simulated gateware included
	cargo build --release --workspace

run: ## The main job: the built-in crash scenario on the simulated gateware; ARGS="..." for more
	@scripts/run.sh $(ARGS)

test: setup ## All checks: lint, tests of all crates, the gateware against the model, the build without tools, the Python verifier
	@$(TIMED) "lint" $(MAKE) --no-print-directory lint
	@$(TIMED) "build of the tests" cargo test --workspace --no-run
	@$(TIMED) "tests in the crates" cargo test --workspace --lib --bins --benches
	@$(TIMED) "tests of and across the crates" cargo test --workspace $(addprefix --test ,$(TESTS))
	@$(TIMED) "gateware against model" cargo test --workspace --test differential -- --nocapture
	@$(TIMED) "examples in the documentation" cargo test --quiet --workspace --doc
	@$(TIMED) "tests of the benches' page" cargo test --quiet --workspace --example bench_page
	@$(TIMED) "tests of the scripts" python3 -m unittest discover -s scripts
	@$(TIMED) "build without the simulator" cargo build -p backstop --no-default-features --profile test
	@$(TIMED) "simulated worlds" $(BINARIES)/debug/backstop simulate --seeds 1000
	@$(TIMED) "verifier" $(MAKE) --no-print-directory verify-export
	@$(MAKE) --no-print-directory vm-test

differential-long: setup ## The gateware against the model, 10 M records on each of 1, 2 and 4 lanes (long)
	cargo test --release --test differential ten_million -- --ignored --nocapture

accept: setup ## Acceptance: both tapes on both devices with a full audit, compared (long)
	@$(TIMED) "accept" scripts/accept.sh

simulate: ## The whole system in 10,000 made-up worlds that break by plan (docs/simulation.md); SEEDS=n
	cargo build --release -p backstop --no-default-features
	@$(TIMED) "simulate" $(BINARIES)/release/backstop simulate --seeds $(or $(SEEDS),10000)

planted: ## Bugs planted in a copy of the sources, which the simulator must find within 1,000 seeds (long)
	@$(TIMED) "planted" scripts/planted_bugs.sh

fuzz: ## libFuzzer against everything that reads bytes from outside, with the nightly compiler; SECONDS=n for each
	@$(TIMED) "fuzz" scripts/fuzz.sh $(or $(SECONDS),60)

hdl: ## A build for vendors' tools, in build/hdl; TARGET=portable|ecp5|ultrascale LANES=n, and ACCOUNTS= SLOTS= INSTRUMENTS= of a lane
	@cargo run --quiet -p hdl --bin package -- build/hdl $(or $(TARGET),portable) lanes=$(or $(LANES),1) \
		$(addprefix accounts=,$(ACCOUNTS)) $(addprefix slots=,$(SLOTS)) $(addprefix instruments=,$(INSTRUMENTS))

route: ## Route the gateware for ECP5 with open tools and write docs/timing.md; ROUTE_SEEDS=n (very long)
	@scripts/setup.sh route
	@scripts/route.py

formal: ## Prove the gateware's Verilog with yosys and yices, mutants included, and write docs/verification.md (long)
	@scripts/setup.sh formal
	@scripts/formal.py

lint-hdl: ## Verilator's lint on the emitted Verilog, and Icarus against it (long)
	@scripts/setup.sh lint-hdl
	@scripts/lint_hdl.sh

docs: ## docs/records.md and docs/registers.md from the layouts, and the crates' documentation
	@mkdir -p out
	cargo run --quiet -p model --example records >out/records.md && mv out/records.md docs/records.md
	cargo run --quiet -p model --example registers >out/registers.md && mv out/registers.md docs/registers.md
	cargo doc --workspace --no-deps

bench: setup ## CPU against FPGA and against the usual ways: target/bench/index.html, a summary here; JSON=1 for all figures as JSON
	@$(TIMED) "CPU benches" cargo bench --quiet -p fast
	@$(TIMED) "pipeline bench" cargo bench --quiet -p backstop --no-default-features --bench pipeline
	@$(TIMED) "gateware bench" cargo bench --quiet -p backstop-suite --bench gateware
	@cargo run --quiet --release -p backstop --no-default-features --example bench_page -- $(BINARIES)/bench $(if $(JSON),--json)

bench-all: setup ## Every bench: journal, recovery, engine, exposure and simulator besides
	cargo bench --workspace

lint: ## Format, clippy with warnings as errors, scripts
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets -- -D warnings
	@if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh .ci/run; else echo "lint: no shellcheck here, scripts not checked"; fi

cocotb: ## Both tops on AXI buses: the bus models of cocotbext-axi under Icarus, answers from the model; BUS_TESTS="..." for some
	@scripts/setup.sh cocotb
	@$(TIMED) "cocotb" scripts/bus_tests.py $(BUS_TESTS)

vm-test: ## The host's programs in a guest of QEMU with an IOMMU, against PCI functions through its kernel's VFIO; VM_JOBS="..." for some
	@scripts/setup.sh vm-test
	@$(TIMED) "vm-test" scripts/vm_test.py $(VM_JOBS)

mutants: setup ## Edits of the Verilog that the tests must catch (long)
	cargo test --release --test mutants -- --ignored --nocapture

verify-export: ## Recompute a run with the Python verifier
	cargo build --quiet -p backstop --no-default-features --profile test
	@scripts/verify_export.sh $(BINARIES)/debug/backstop

clean: ## Remove build results, build/ and out/
	cargo clean
	rm -rf build out
