#!/bin/sh
# Writes relay.pb.go again from ../relay.proto. Run it by `go generate ./relay`.
#
# It needs protoc (Debian and Ubuntu: apt-get install protobuf-compiler; macOS:
# brew install protobuf). The Go plugin is built from the very module version
# that go.mod names, so the generated code and the runtime always match.
set -eu
cd "$(dirname "$0")/.."
command -v protoc >/dev/null || { echo "protoc is missing: install protobuf-compiler" >&2; exit 1; }
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go
PATH="$bin:$PATH" protoc --go_out=relaypb --go_opt=paths=source_relative relay.proto
