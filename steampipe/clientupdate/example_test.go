package clientupdate_test

import (
	"context"
	"fmt"
	"os"

	"github.com/relight-sdk/relight/steampipe/clientupdate"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// SteamCMD looks for an update of itself, and installs it.
func Example() {
	ctx := context.Background()
	server, err := depottest.NewUpdates(depottest.UpdateConfig{Version: 1785787271, Redirect: true, Packages: []depottest.UpdatePackage{
		{Name: "steamcmd_linux", Compressed: true, Bootstrapper: true, Files: []depottest.UpdateFile{{Name: `linux32\steamcmd`, Data: []byte("the program"), Executable: true}}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	dir, err := os.MkdirTemp("", "steamcmd")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	config := clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{server.URL()}, Installed: 1718904263}
	result, err := clientupdate.Check(ctx, config)
	if err != nil {
		fmt.Println(err) // go on with the installed version
		return
	}
	fmt.Println(result.Status, result.Version)
	report, err := clientupdate.Install(ctx, config, result.Text, dir, clientupdate.Options{})
	fmt.Println(report.Fetched, "package,", report.Files, "file, error", err)

	config.Installed = result.Version
	result, err = clientupdate.Check(ctx, config)
	fmt.Println(result.Status, "says the", result.Evidence, err)
	// Output:
	// update available 1785787271
	// 1 package, 1 file, error <nil>
	// current says the query of a redirect <nil>
}
