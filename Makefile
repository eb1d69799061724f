# qtune's chores. `make help` lists them.

SHELL = /bin/sh

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS   = -s -w -X main.version=$(VERSION)
FUZZTIME ?= 1m

# NVML's header marks old functions as deprecated, and cgo names each of them in
# every build that links it.
CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations
export CGO_CFLAGS
export GO

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: ## bin/qtune, one static file (no NVML)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/qtune ./cmd/qtune

.PHONY: build-nvml
build-nvml: ## bin/qtune-nvml, with cgo, so that it sees NVIDIA GPUs (needs gcc)
	CGO_ENABLED=1 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/qtune-nvml ./cmd/qtune

.PHONY: demo
demo: build ## builds, then tunes examples.hcl on simulated engines: no GPU, no Docker
	bin/qtune apply examples.hcl --simulate

.PHONY: test
test: ## sets up what the tests need, then runs all of them with the race detector
	@scripts/test.sh

.PHONY: lint
lint: ## formatting, module sums, vet, golangci-lint, builds without cgo and for macOS, CI example, Kubernetes' types
	@scripts/lint.sh

.PHONY: engines
engines: ## real vLLM, real SGLang and a small real model for CPU, into .engines (10 GB)
	@scripts/engines.sh

.PHONY: e2e
e2e: build ## tunes real vLLM against real SGLang in real containers (examples/cpu.hcl)
	@scripts/e2e.sh

.PHONY: audit
audit: ## module sums, two builds compared, known weaknesses (govulncheck)
	@scripts/audit.sh

.PHONY: fuzz
fuzz: ## each fuzz test for a minute (FUZZTIME=10s changes that)
	@scripts/fuzz.sh $(FUZZTIME)

.PHONY: chaos
chaos: ## kills runs, fills disks, ends daemons, 200, 50 and 50 times, and 1,000 trials in one process (an hour)
	@scripts/chaos.sh full

.PHONY: chaos-short
chaos-short: ## the same, a few times of each kind: a minute or two
	@scripts/chaos.sh short

.PHONY: bench
bench: build ## the benchmarks, and the size of the binary
	$(GO) test -run '^$$' -bench . -benchmem ./...
	@ls -l bin/qtune | awk '{ printf "bin/qtune: %.1f MB\n", $$5 / 1e6 }'

.PHONY: bench-sampling
bench-sampling: ## what looking at an engine takes from its measurement on a CPU: five minutes
	@scripts/sampling.sh

.PHONY: compare-clients
compare-clients: build ## vllm bench serve and qtune bench with the same requests at one real vLLM, side by side
	@scripts/compare-clients.sh

.PHONY: client-cost
client-cost: build ## what load clients cost in CPU time, side by side: qtune, vllm bench serve, SGLang's, AIPerf, GuideLLM
	@scripts/client-cost.sh

.PHONY: bench-search
bench-search: ## the search strategies against their goals: minutes (QTUNE_DATA has the measured pools)
	$(GO) test ./tuner/search/searchbench -run 'Figures' -full -v -count=1 -timeout 60m
	$(GO) test ./tuner/finish -run 'Figures' -full -v -count=1
	$(GO) test ./tuner/search -run '^$$' -bench Next

.PHONY: pictures
pictures: build ## the README's pictures, made anew by the program (needs Python and a Chromium)
	@scripts/pictures.sh

.PHONY: release
release: ## archives for Linux and macOS, checksums and a container image of qtune, into dist/
	@VERSION='$(VERSION)' scripts/release.sh

.PHONY: validate
validate: build ## the simulator against reality; RUN=.qtune/runs/ID adds a run of real engines (QTUNE_DATA has the rest)
	@scripts/validate.sh

.PHONY: clean
clean: ## removes what build and lint made; engines and runs stay
	rm -rf bin dist
