//go:build !windows

package steampipe

import "os"

// hide does nothing: other systems hide by name, and names are the manifest's.
func hide(*os.Root, string) error { return nil }
