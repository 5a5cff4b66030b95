package depottest_test

import (
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/relight-sdk/relight/steampipe/depottest"
)

// A server is asked for its server list, and for a chunk under a name that it does not answer to.
func Example() {
	depot, err := depottest.NewDepot(depottest.DepotConfig{Files: []depottest.File{{Name: "readme.txt", Data: []byte("hello")}}})
	if err != nil {
		log.Fatal(err)
	}
	server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{depot}, Hosts: []string{"cache1.example.net"}})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	for _, path := range []string{"/serverlist/0/20/", fmt.Sprintf("/depot/%d/chunk/%v", depot.ID, depot.Chunks()[0])} {
		response, err := http.Get(server.URL() + path)
		if err != nil {
			log.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		fmt.Println(response.Status)
	}
	// Output:
	// 200 OK
	// 421 Misdirected Request
}
