// Package steampb holds the protobuf messages of Steam's discovery protocol: discovery.proto, written for Relight from
// spec steamdiscovery.md §4, and the Go code that is generated from it. The plugin is pinned in internal/tools, the
// compiler is Debian 12's (protoc 3.21.12). To generate anew, with protoc installed:
//
//	go generate ./internal/steampb
//
// The code is current when `git diff --exit-code internal/steampb` says nothing afterwards.
package steampb

//go:generate go build -C ../tools -o ../steampb/.bin/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
//go:generate protoc --plugin=protoc-gen-go=.bin/protoc-gen-go --proto_path=../.. --go_out=../.. --go_opt=module=github.com/relight-sdk/relight internal/steampb/discovery.proto
