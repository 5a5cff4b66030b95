package depotwire

import "strings"

// SlashPath turns the name of a manifest, which has \ between its parts, into a path with /.
func SlashPath(name string) string {
	return strings.ReplaceAll(name, `\`, "/")
}

// ManifestName turns a path with / into the name of a manifest.
func ManifestName(path string) string {
	return strings.ReplaceAll(path, "/", `\`)
}
