package steampipe

import (
	"fmt"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// localPath is a name of the manifest as os.Root takes it: with slashes, on every system.
func localPath(name string) string { return depotwire.SlashPath(name) }

// unsafeName is the error for a manifest that cannot be laid down because of a name.
func unsafeName(name string, err error) error {
	return &Error{Step: StepPlan, Path: name, Err: fmt.Errorf("%w: %w", ErrManifestUnsafe, err)}
}

// linkTarget checks where a symbolic link of the manifest leads: to a relative path that stays below the root. ".." is
// taken only at the beginning, where it climbs from the link's own folder, which is a real one; behind a name it could
// climb out of wherever that name leads, if it is itself a link (spec steampipe.md §7.5).
func linkTarget(link, target string) (string, error) {
	target = depotwire.SlashPath(target)
	if target == "" || len(target) > 4096 {
		return "", fmt.Errorf("%w: link without a usable target", ErrManifestUnsafe)
	}
	refuse := func(why string) (string, error) {
		return "", fmt.Errorf("%w: link to %.256q: %s", ErrManifestUnsafe, target, why)
	}
	if strings.HasPrefix(target, "/") || strings.Contains(target, ":") {
		return refuse("not a relative path")
	}
	if strings.ContainsFunc(target, func(r rune) bool { return r < ' ' || r == 0x7F || r == '\uFFFD' }) {
		return refuse("control characters")
	}
	depth := strings.Count(link, "/") // folders above the link, below the root
	named := false
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "..":
			if named {
				return refuse(`".." behind a name`)
			}
			if depth--; depth < 0 {
				return refuse("outside the folder")
			}
		case ".":
		case "":
			return refuse("empty part")
		default:
			named = true
		}
	}
	return target, nil
}
