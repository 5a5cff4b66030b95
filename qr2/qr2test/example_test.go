package qr2test_test

import (
	"fmt"

	"github.com/relight-sdk/relight/qr2/qr2test"
)

// A master that behaves as OpenSpy's does.
func Example() {
	master, err := qr2test.New(qr2test.Config{Games: map[string]string{"gmtest": "HA6zkS"}, Family: qr2test.OpenSpy})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer master.Close()
	fmt.Println(len(master.Registry().List("gmtest")), "servers, to be reported to", master.Addr() != "")
	// Output: 0 servers, to be reported to true
}
