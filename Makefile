# chessrelay. `make demo` shows it at work, `make test` runs its tests,
# `make test-long` runs the tests that take longer.
# Both install what they need from the package registries, or say what is missing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

BIN         := bin/chessrelay
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2
GOSEC       := github.com/securego/gosec/v2/cmd/gosec@v2.30.0
UI_SOURCES  := $(shell find web/ui -type f -not -path '*/node_modules/*' 2>/dev/null)
BENCH_MODULES := bench bench/node bench/etcd
FUZZTIME    ?= 10s
SEEDS       ?= 50000
CRASHES     ?= 100000
KILLS       ?= 200
# The tests that do more with -long.
LONG        := ^(TestDelayProperty|TestDuplicatesChangeNothing|TestCheckpointsOfOneGame|TestRecords|TestSumsAgree|TestNothingRecordedIsLost|$\
	TestAnyHistoryEndsAsTheLastPush|TestPerft|TestRandom960|TestRandomGames|TestLog|TestKill|TestDamagedLog|TestDamagedBoards|$\
	TestSpectatorsWander|TestDelayedSpectatorsWander)$$

.PHONY: help build ui demo test vet lint ui-test client-test go-test test-long soak browser stockfish fuzz bench bench-peers bench-live bench-pipeline bench-growth bench-fanout bench-test image generate licenses audit clean need-go need-node

help:
	@echo 'make build     bin/chessrelay with its pages'
	@echo 'make demo      a recorder and two venues on this machine, a real round replayed into them'
	@echo 'make test      vet, staticcheck, linters, unit, whole nodes, clients, browser; with -race'
	@echo 'make lint      the linters of .golangci.yml'
	@echo 'make test-long property tests in full, the hub without epoll and over TLS, thousands of simulated schedules'
	@echo 'make client-test   only other programs'\'' readers and clients, from npm'
	@echo 'make soak      SEEDS ($(SEEDS)) simulated schedules of faults that were never run before, the log crashed CRASHES ($(CRASHES)) times six,'
	@echo '               and KILLS ($(KILLS)) rounds of chess in which nodes are killed, ten minutes'
	@echo 'make fuzz      every fuzzer for FUZZTIME ($(FUZZTIME))'
	@echo 'make licenses  what `chessrelay licenses` prints, after a change of the modules or the pages'
	@echo 'make audit     known vulnerabilities and risky code: govulncheck, gosec, npm audit; docs/security.md has what is accepted'
	@echo 'make bench     the benchmarks'
	@echo 'make bench-peers   this and its peers beside each other, a quarter of an hour; results in bench/results'
	@echo 'make bench-live    from commit to the screens of a venue; results in bench/results'
	@echo 'make bench-pipeline   the pipeline beside stop-and-wait on long lines, 8 minutes; results in bench/results'
	@echo 'make bench-growth   more followers, more history: rates, joins, restarts, 10 minutes; results in bench/results'
	@echo 'make bench-fanout   many spectators beside other hubs, an hour; results in bench/results'
	@echo 'make image     the Docker image, from a program built here; a plain docker build builds it inside Docker'

need-go:
	@command -v go >/dev/null || { echo 'Go 1.26 or newer is missing: https://go.dev/dl, or apt-get install golang' >&2; exit 1; }

need-node:
	@command -v npm >/dev/null || { echo 'Node 20 or newer with npm is missing: https://nodejs.org, or apt-get install nodejs npm' >&2; exit 1; }

build: ui need-go
	CGO_ENABLED=0 go build -trimpath -o $(BIN) ./cmd/chessrelay

# The pages: TypeScript in web/ui, built into web/dist, which is embedded.
ui: web/dist/index.html

web/dist/index.html: $(UI_SOURCES) | need-node
	cd web/ui && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

demo: build
	exec $(BIN) demo $(ARGS)

test: vet ui-test client-test go-test

vet: need-go ui lint
	test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'not gofmt-ed' >&2; exit 1; }
	for m in . $(BENCH_MODULES); do (cd $$m && go vet ./... && go run $(STATICCHECK) ./... && go mod tidy -diff) || exit 1; done
	.ci/words

# The linters of .golangci.yml. The first run builds them. Each clone has a cache of its own: in a
# common one, findings have the paths of another clone, which no exclusion matches.
lint: need-go
	GOLANGCI_LINT_CACHE=$(CURDIR)/bin/lint go run $(GOLANGCI) run ./...

ui-test: ui
	cd web/ui && npm run --silent check && npm test --silent

# Other people's clients and readers against ours. Some are GPL, and none of them ships.
client-test: need-go need-node
	@for package in web/clients/*/package.json; do \
		echo "== $$(dirname $$package)"; \
		(cd $$(dirname $$package) && npm ci --no-audit --no-fund --loglevel=error && npm test --silent); \
	done

# A browser test that found no browser would be skipped, and a skipped test is none.
browser:
	@for b in chromium chromium-browser google-chrome; do command -v $$b >/dev/null && exit 0; done; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo 'installing Chromium for the browser tests'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else \
		echo 'Chromium is missing, which the browser tests drive: apt-get install chromium' >&2; exit 1; \
	fi

# The engine that the tests of evaluations run. A test without it fails.
stockfish:
	@command -v stockfish >/dev/null || [ -x /usr/games/stockfish ] || \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo 'installing Stockfish for the tests of evaluations'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends stockfish >/dev/null; \
	else \
		echo 'Stockfish is missing, which the tests of evaluations run: apt-get install stockfish' >&2; exit 1; \
	fi

# One pass of everything. `make test-long` runs the rest.
go-test: ui browser stockfish
	go test -race -timeout 30m ./...

# What CI runs after `make test`. The property tests run in full. The hub runs again as it does where
# there is no epoll, and over TLS. The simulation runs thousands of schedules without the race
# detector, which makes each one ten times as slow.
test-long: ui stockfish
	go test -race -timeout 30m -run '$(LONG)' ./relay ./relay/mirror ./relay/rules ./store ./broadcast -long
	go test -race -timeout 30m -run TestLogPowerFailure ./store -crashes 1200
	go test -race -timeout 30m -run TestCrashes ./cmd/chessrelay -crashes 6
	go test -race -timeout 30m -run 'TestSimulation$$' ./consensus -sim.seeds 400
	go test -race -timeout 30m -tags portable ./broadcast
	go test -race -timeout 30m ./broadcast -tls
	go test -timeout 30m -run 'TestSimulation' ./consensus

# Schedules that nobody has simulated before. A failure prints the seed and how to replay it.
soak: need-go
	go test -timeout 0 -v -run 'TestSimulation$$' ./consensus -sim.first=$$(date +%s)000 -sim.seeds=$(SEEDS) | grep -v history
	go test -count 1 -timeout 1h -run TestLogPowerFailure ./store -crashes $(CRASHES)
	go test -count 1 -timeout 1h -v -run TestCrashes ./cmd/chessrelay -crashes $(KILLS)

fuzz: need-go
	@for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "== $$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; \
		done; \
	done

bench: need-go
	go test -run '^$$' -bench . -benchmem ./...

# The peers are modules of their own. Of the targets above only vet looks at them.
bench-peers: need-go
	cd bench && go run . peers $(ARGS)

bench-live: need-go
	cd bench && go run . live $(ARGS)

bench-pipeline: need-go
	cd bench && go run . pipeline $(ARGS)

bench-growth: need-go
	cd bench && go run . growth $(ARGS)

bench-fanout: need-go
	cd bench && go run . fanout $(ARGS)

bench-test: need-go
	for m in $(BENCH_MODULES); do (cd $$m && go test ./...) || exit 1; done

# Rounds are pulled over https, so the image needs the certificates that this machine trusts.
image: ui need-go
	@mkdir -p bin/image
	CGO_ENABLED=0 GOOS=linux go build -trimpath -o bin/image/chessrelay ./cmd/chessrelay
	@for f in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do \
		[ ! -e $$f ] || { cat $$f >bin/image/ca-certificates.crt; exit 0; }; \
	done; echo 'no certificates of authorities: apt-get install ca-certificates' >&2; exit 1
	docker build -f Dockerfile.prebuilt -t chessrelay bin/image

generate: need-go
	go generate ./...

# What is accepted, and why, is in docs/security.md. All three run, and one that cannot reach its database fails.
ACCEPTED_RULES := G103,G104,G115,G404
ACCEPTED_PLACES := store/.*:G304;store/identity.go:G117;cmd/chessrelay/.*:G304;cmd/chessrelay/demo/demo.go:G301;$\
	cmd/chessrelay/demo/node.go:G204;web/assets.go:G705;web/edge/(forward|prove).go:G704;relay/update.go:G602;web/base/grant.go:G602;$\
	consensus/(join|credentials).go:G402
audit: need-go ui
	failed=; \
	go run $(GOSEC) -quiet -exclude-generated -exclude-dir=bench -exclude-dir=web/clients -exclude-dir=web/ui -exclude-dir=nodetest \
		-exclude=$(ACCEPTED_RULES) --exclude-rules='$(ACCEPTED_PLACES)' ./... || failed="$$failed gosec"; \
	go run $(GOVULNCHECK) ./... || failed="$$failed govulncheck"; \
	(cd web/ui && npm audit) || failed="$$failed npm-audit"; \
	[ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

# What `chessrelay licenses` prints. A test fails when it is out of date.
licenses: need-go
	go test ./cmd/chessrelay -run 'TestLicenses$$' -licenses.update

clean:
	rm -rf bin web/ui/node_modules web/clients/*/node_modules
	find web/dist -mindepth 1 -not -name .keep -delete
