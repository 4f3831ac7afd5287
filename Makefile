# make demo    build and start Mimir with a small fleet, and show a campaign catching up
# make test    every check and every test, on both engines
# make lint    formatting and clippy alone
# make gen     write the generated files that are checked in

CARGO ?= cargo
# nextest where it is installed: it runs test binaries side by side.
TESTS := $(shell command -v cargo-nextest >/dev/null 2>&1 && echo 'nextest run --no-fail-fast' || echo 'test --no-fail-fast')

.PHONY: demo test lint gen

# Optimised, without the slow last steps of a release. The first build takes five to ten minutes
# on two cores, later ones seconds. DEMO passes options on: make demo DEMO='--virtual 100'.
demo:
	scripts/setup build
	$(CARGO) build --profile quick -p mimir-cli -p mimir-agent
	$(or $(CARGO_TARGET_DIR),target)/quick/mimir demo $(DEMO)

test:
	scripts/setup test
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	$(CARGO) build --workspace --all-targets
	$(CARGO) xtask with-postgres -- $(CARGO) $(TESTS) --workspace
	$(CARGO) test --workspace --doc

lint:
	scripts/setup build
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

gen:
	scripts/setup build
	$(CARGO) xtask gen
