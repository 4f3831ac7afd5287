# make demo    build and start Mimir with a small fleet, and show a campaign catching up
# make test    every check and every test, on both engines
# make lint    formatting and clippy alone
# make gen     write the generated files that are checked in
# make web     build the console, which the server then carries
# make e2e     the console's end-to-end tests alone
# make shots   screenshots of every page into web/screenshots
# make deb     the Debian package of mimir-agent, in target/deb

CARGO ?= cargo
# nextest where it is installed: it runs test binaries side by side.
TESTS := $(shell command -v cargo-nextest >/dev/null 2>&1 && echo 'nextest run --no-fail-fast' || echo 'test --no-fail-fast')

.PHONY: demo test lint gen web web-check e2e shots deb

# Optimised, without the slow last steps of a release. The first build takes five to ten minutes
# on two cores, later ones seconds. DEMO passes options on: make demo DEMO='--virtual 100'.
demo:
	scripts/setup demo
	$(MAKE) --no-print-directory web
	$(CARGO) build --profile quick -p mimir-cli -p mimir-agent
	$(or $(CARGO_TARGET_DIR),target)/quick/mimir demo $(DEMO)

test:
	scripts/setup test
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	$(CARGO) build --workspace --all-targets
	$(MAKE) --no-print-directory web-check web e2e
	$(CARGO) xtask with-postgres -- $(CARGO) $(TESTS) --workspace
	$(CARGO) test --workspace --doc

lint:
	scripts/setup build
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

gen:
	scripts/setup build
	$(CARGO) xtask gen
	cd web && npm run gen --silent

# Installed packages are as old as the last change of the lock file, not older. Not `npm ci`: it
# insists on packages of all platforms, also those that a mirror of the registry leaves out.
web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm install --no-audit --no-fund --loglevel=error
	@touch $@

# Without Node.js the server is complete but for its console.
web:
	@if scripts/setup has-node; then $(MAKE) --no-print-directory web/dist/index.html; \
	else echo 'No Node.js 20.19 or newer: the console is left out; the command line does everything.'; fi

web/dist/index.html: web/node_modules/.package-lock.json web/index.html web/vite.config.ts \
		$(shell find web/src web/public -type f 2>/dev/null)
	cd web && npm run build --silent

web-check: web/node_modules/.package-lock.json
	cd web && npm run check --silent && npm test --silent

e2e: web
	cd web && npm run e2e --silent

shots: web
	$(CARGO) build -p mimir-cli -p mimir-agent
	$(CARGO) build -p mimir-sim --example fleet
	cd web && npm run screenshots --silent

# Function names stay in the program, for panics; line tables would make it five times as large.
TARGET := $(or $(CARGO_TARGET_DIR),target)
deb:
	scripts/setup build
	$(CARGO) build --release --config 'profile.release.strip="debuginfo"' -p mimir-agent
	packaging/deb/build $(TARGET)/release/mimir-agent $(TARGET)/deb
