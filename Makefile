# What one does with barid's source. `make test` is the test command.
#
#   build          bin/barid and the tools of scripts/
#   test           all tests, with the race detector (needs gcc); race is the same
#   lint           gofmt, go vet, staticcheck, each also with the build tag guard
#   guard          the tests of everything that locks, with the lock rules checked at run time
#   fuzz           every fuzz target for FUZZTIME seconds
#   bench          benchmarks: BENCH=pattern, BENCHTIME=2s or 10x, COUNT=10 for benchstat
#   versus         barid and a peer server side by side: ARGS="-quick", PEER=path
#   foreign        the Go client's own tests against barid: ARGS="-all"; needs fixed ports
#   dist           the archives of a release in dist/; ARGS="-platforms linux/amd64" for one
#   image          the container image, checked by running it
#   all-platforms  builds and vets for every platform of PLATFORMS
#   ci             what runs for a change; make ci STAGES="lint test" runs some of it

SHELL     := /bin/bash
.DEFAULT_GOAL := build

FUZZTIME  ?= 60
BENCH     ?= .
BENCHTIME ?= 1s
COUNT     ?= 1
PLATFORMS ?= linux/amd64 linux/arm64 linux/386 linux/arm linux/riscv64 linux/s390x darwin/amd64 darwin/arm64 \
             freebsd/amd64 openbsd/amd64 windows/amd64 windows/arm64

# Packages that take locks or run what does.
GUARDED := ./internal/core/... ./internal/bus/... ./internal/transport/... ./internal/trust/... ./internal/doors/... \
           ./internal/observe/... ./server/... ./test/...

.PHONY: build test race lint guard fuzz bench versus foreign dist image all-platforms ci clean

build:
	@mkdir -p bin
	go build -trimpath -o bin/ $$(go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./...)

test:
	go test -race -timeout 10m ./...

race: test

lint:
	.ci/run format vet staticcheck

guard:
	go test -tags guard -timeout 10m $(GUARDED)

fuzz:
	.ci/fuzz $(FUZZTIME)

# Only packages with benchmarks: the others would be built for nothing.
bench:
	@packages=$$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r -n1 dirname | sort -u); \
	[ -z "$$packages" ] || go test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -count $(COUNT) $$packages

versus:
	go run ./scripts/versus $(ARGS)

foreign:
	go run ./scripts/foreign $(ARGS)

# SOURCE_DATE_EPOCH is heeded; else the commit gives the date.
dist:
	go run ./scripts/dist $(ARGS)

image:
	docker/build

all-platforms:
	@for platform in $(PLATFORMS); do \
		echo "$$platform"; \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} CGO_ENABLED=0 go build ./... && \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} CGO_ENABLED=0 go vet ./... || exit 1; \
	done

ci:
	.ci/run $(STAGES)

clean:
	rm -rf bin dist
