package depotwire

import (
	"strings"
	"unicode/utf8"
)

// SlashPath turns the name of a manifest, which has \ between its parts, into a path with /.
func SlashPath(name string) string {
	return strings.ReplaceAll(name, `\`, "/")
}

// ManifestName turns a path with / into the name of a manifest.
func ManifestName(path string) string {
	return strings.ReplaceAll(path, "/", `\`)
}

// maxParts is the deepest that a file may lie: looking up the folders above a million files must not take minutes.
const maxParts = 128

// nameFault is what is wrong with a name; "" means nothing.
type nameFault struct {
	reason  string
	windows bool // it harms on Windows only
}

// checkName looks at the name of a file: it must be a plain relative path (spec steampipe.md §7.5).
func checkName(name string, limit int) nameFault {
	switch {
	case name == "":
		return nameFault{reason: "empty"}
	case len(name) > limit:
		return nameFault{reason: "longer than the limit"}
	case !utf8.ValidString(name):
		return nameFault{reason: "not UTF-8"}
	case isSeparator(name[0]):
		return nameFault{reason: "absolute"}
	case hasDrive(name):
		return nameFault{reason: "has a drive letter"}
	}
	fault := nameFault{}
	start, parts := 0, 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && !isSeparator(name[i]) {
			if name[i] < ' ' || name[i] == 0x7F {
				return nameFault{reason: "has a control character"}
			}
			continue
		}
		if parts++; parts > maxParts {
			return nameFault{reason: "has too many parts"}
		}
		switch part := name[start:i]; part {
		case "":
			return nameFault{reason: "has an empty part"}
		case ".", "..":
			return nameFault{reason: "has a part " + part}
		default:
			if fault.reason == "" {
				fault = nameFault{reason: checkWindowsPart(part), windows: true}
			}
		}
		start = i + 1
	}
	return fault
}

// checkWindowsPart says why Windows would not make, or would misunderstand, a part of a path.
func checkWindowsPart(part string) string {
	if i := strings.IndexAny(part, `:*?"<>|`); i >= 0 {
		if part[i] == ':' {
			return "has a colon, which names an alternate stream on Windows"
		}
		return "has the character " + part[i:i+1] + ", which Windows does not allow"
	}
	if last := part[len(part)-1]; last == '.' || last == ' ' {
		return "ends in a dot or space, which Windows drops"
	}
	// A device is meant with any extension, and with spaces before it.
	base, _, _ := strings.Cut(part, ".")
	if isDevice(strings.TrimRight(base, " ")) {
		return "is the name of a device on Windows"
	}
	return ""
}

func isDevice(name string) bool {
	switch len(name) {
	case 3:
		return strings.EqualFold(name, "CON") || strings.EqualFold(name, "PRN") || strings.EqualFold(name, "AUX") || strings.EqualFold(name, "NUL")
	case 4, 5: // Windows takes superscript digits for digits: ¹ ² ³ have two bytes
		if !strings.EqualFold(name[:3], "COM") && !strings.EqualFold(name[:3], "LPT") {
			return false
		}
		digit := name[3:]
		return len(digit) == 1 && digit >= "0" && digit <= "9" || digit == "¹" || digit == "²" || digit == "³"
	case 6, 7:
		return strings.EqualFold(name, "CONIN$") || strings.EqualFold(name, "CONOUT$")
	}
	return false
}

func isSeparator(c byte) bool { return c == '/' || c == '\\' }

func hasDrive(name string) bool {
	return len(name) >= 2 && name[1] == ':' && (name[0]|0x20 >= 'a' && name[0]|0x20 <= 'z')
}

// checkLink looks at the target of a link at path, both with /: resolved, it must stay inside the root.
func checkLink(path, target string, limit int) string {
	switch {
	case target == "":
		return "empty target"
	case len(target) > limit:
		return "target longer than the limit"
	case !utf8.ValidString(target):
		return "target is not UTF-8"
	case isSeparator(target[0]):
		return "absolute target"
	case hasDrive(target):
		return "target with a drive letter"
	}
	depth := strings.Count(path, "/") // folders above the link
	descended := false
	for part := range strings.SplitSeq(strings.TrimSuffix(SlashPath(target), "/"), "/") {
		for i := range len(part) {
			if part[i] < ' ' || part[i] == 0x7F {
				return "target has a control character"
			}
			if part[i] == ':' {
				return "target has a colon"
			}
		}
		switch part {
		case "":
			return "target has an empty part"
		case ".":
		case "..":
			// Behind a name it is not known what .. leads to: the name may be another link.
			if descended {
				return "target goes up again after a name"
			}
			if depth--; depth < 0 {
				return "target leaves the root"
			}
		default:
			descended = true
		}
	}
	return ""
}

// foldName gives names that a case-insensitive system takes for the same file the same key, with / between the parts. It
// writes it to the slab, which has room unless the name is not ASCII.
func foldName(slab *strings.Builder, name string) string {
	start := slab.Len()
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= utf8.RuneSelf:
			return strings.ToLower(strings.ToUpper(SlashPath(name)))
		case c == '\\':
			c = '/'
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		slab.WriteByte(c)
	}
	return slab.String()[start:]
}
