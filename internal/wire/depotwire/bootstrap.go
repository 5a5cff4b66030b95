package depotwire

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/lzma"
	"github.com/relight-sdk/relight/internal/wire/keyvalues"
)

// Limits of a client manifest (spec steampipe.md §8.3): a few times what the real ones have.
const (
	maxClientManifest = 1 << 20
	maxClientPackages = 256
	maxClientDepth    = 6
	maxClientKeys     = 16384
)

// ClientManifest lists the packages that the Steam client, or SteamCMD, is made of.
type ClientManifest struct {
	Platform   string // "win32", "linux", "osx", ...
	Version    uint64 // a Unix time; higher is newer
	OSType     string // "win10"; usually empty
	Packages   []ClientPackage
	Signatures []ClientSignature
}

// ClientPackage is a zip archive, offered as it is and often compressed as VZ too.
type ClientPackage struct {
	Name         string
	Bootstrapper bool // holds the updater itself: to be replaced last
	ClientFile
	Variants []ClientVariant // for certain systems or realms
}

// ClientVariant replaces the package's file on an operating system ("win10-64") or in a realm ("steamchina").
type ClientVariant struct {
	Name string
	ClientFile
}

// ClientFile says what to fetch and what to expect.
type ClientFile struct {
	File   string   // "<name>.zip.<sha1>": empty if there are variants only
	Size   uint64   // of the zip
	SHA1   [20]byte // of the zip, out of File or, until 2013, checksum; zero if neither has one
	SHA256 [32]byte // of the zip; zero if not given
	VZ     string   // "<name>.zip.vz.<sha1>_<bytes>"; empty if there is none
	VZSize uint64   // of the VZ file: only its name says
	VZSHA  [32]byte // SHA-256 of the VZ file; zero if not given
}

// ClientSignature is one of the signatures, which nobody knows how to verify.
type ClientSignature struct {
	Kind     string // "kvsign2", "kvsignatures"
	Platform string
	Value    []byte
}

// Select is the file for the first of the names that there is a variant for, else the plain one.
func (p *ClientPackage) Select(names ...string) ClientFile {
	for _, name := range names {
		for i := range p.Variants {
			if strings.EqualFold(p.Variants[i].Name, name) {
				return p.Variants[i].ClientFile
			}
		}
	}
	return p.ClientFile
}

func clientError(err error, field, format string, arguments ...any) error {
	return &Error{Message: "client manifest", Field: field, Reason: fmt.Sprintf(format, arguments...), Err: err}
}

// ParseClientManifest reads the text that describes an update (spec steampipe.md §8.3). Other text, such as a captive
// portal's page, is an error. File names are checked: they are single names without anything special.
func ParseClientManifest(b []byte) (*ClientManifest, error) {
	root, err := keyvalues.Parse(b, keyvalues.Limits{MaxBytes: maxClientManifest, MaxDepth: maxClientDepth, MaxKeys: maxClientKeys})
	if err != nil {
		return nil, clientError(ErrCorrupt, "", "%v", err)
	}
	m := &ClientManifest{}
	found := false
	for _, node := range root.Children {
		switch {
		case !node.IsBlock():
			return nil, clientError(ErrCorrupt, "", "%.64q is not a block", node.Key)
		case strings.EqualFold(node.Key, "kvsign2") || strings.EqualFold(node.Key, "kvsignatures"):
			for _, signature := range node.Children {
				value, err := hex.DecodeString(signature.Value)
				if err != nil || signature.IsBlock() {
					return nil, clientError(ErrCorrupt, node.Key, "not hexadecimal")
				}
				m.Signatures = append(m.Signatures, ClientSignature{Kind: strings.ToLower(node.Key), Platform: signature.Key, Value: value})
			}
		case found:
			return nil, clientError(ErrCorrupt, "", "two platforms, %.64q and %.64q", m.Platform, node.Key)
		default:
			found, m.Platform = true, node.Key
			if err := m.parsePlatform(node); err != nil {
				return nil, err
			}
		}
	}
	if !found {
		return nil, clientError(ErrTruncated, "", "no platform in it")
	}
	return m, nil
}

func (m *ClientManifest) parsePlatform(block keyvalues.Node) (err error) {
	if err := refuseRepeats(block); err != nil {
		return err
	}
	version, ok := block.Text("version")
	if !ok {
		return clientError(ErrTruncated, "version", "missing")
	}
	if m.Version, err = strconv.ParseUint(version, 10, 64); err != nil {
		return clientError(ErrCorrupt, "version", "%.64q is not a number", version)
	}
	m.OSType, _ = block.Text("ostype")
	for _, node := range block.Children {
		if !node.IsBlock() {
			continue
		}
		if len(m.Packages) == maxClientPackages {
			return clientError(ErrLimit, "", "more than %d packages", maxClientPackages)
		}
		p := ClientPackage{Name: node.Key}
		if !plainFileName(p.Name) {
			return clientError(ErrCorrupt, "package", "name %.64q", p.Name)
		}
		if p.ClientFile, err = parseClientFile(node); err != nil {
			return err
		}
		flag, _ := node.Text("IsBootstrapperPackage")
		p.Bootstrapper = flag == "1"
		for _, variant := range node.Children {
			if !variant.IsBlock() {
				continue
			}
			file, err := parseClientFile(variant)
			if err != nil {
				return err
			}
			if file.File == "" {
				return clientError(ErrTruncated, "file", "%s has no file for %.64q", p.Name, variant.Key)
			}
			p.Variants = append(p.Variants, ClientVariant{Name: variant.Key, ClientFile: file})
		}
		if p.File == "" && len(p.Variants) == 0 {
			return clientError(ErrTruncated, "file", "%s has none", p.Name)
		}
		m.Packages = append(m.Packages, p)
	}
	return nil
}

func parseClientFile(node keyvalues.Node) (f ClientFile, err error) {
	if err := refuseRepeats(node); err != nil {
		return f, err
	}
	f.File, _ = node.Text("file")
	f.VZ, _ = node.Text("zipvz")
	for _, name := range []string{f.File, f.VZ} {
		if name != "" && !plainFileName(name) {
			return f, clientError(ErrCorrupt, "file", "name %.128q", name)
		}
	}
	if size, ok := node.Text("size"); ok {
		if f.Size, err = strconv.ParseUint(size, 10, 62); err != nil {
			return f, clientError(ErrCorrupt, "size", "%.64q of %s", size, f.File)
		}
	}
	checksum, _ := node.Text("checksum")
	if checksum == "" {
		if dot := strings.LastIndexByte(f.File, '.'); len(f.File)-dot-1 == 2*len(f.SHA1) {
			checksum = f.File[dot+1:]
		}
	}
	sha2, _ := node.Text("sha2")
	sha2vz, _ := node.Text("sha2vz")
	for _, hash := range []struct {
		name, digits string
		sum          []byte
	}{{"checksum", checksum, f.SHA1[:]}, {"sha2", sha2, f.SHA256[:]}, {"sha2vz", sha2vz, f.VZSHA[:]}} {
		if hash.digits == "" {
			continue
		}
		sum, err := hex.DecodeString(hash.digits)
		if err != nil || len(sum) != len(hash.sum) {
			return f, clientError(ErrCorrupt, hash.name, "%.128q of %s", hash.digits, f.File)
		}
		copy(hash.sum, sum)
	}
	if f.VZ != "" {
		size := f.VZ[strings.LastIndexByte(f.VZ, '_')+1:]
		if f.VZSize, err = strconv.ParseUint(size, 10, 62); err != nil {
			return f, clientError(ErrCorrupt, "zipvz", "no size in %.128q", f.VZ)
		}
	}
	return f, nil
}

// refuseRepeats makes sure that nobody can read another value than we do.
func refuseRepeats(block keyvalues.Node) error {
	seen := make(map[string]bool, len(block.Children))
	for i := range block.Children {
		key := strings.ToLower(block.Children[i].Key)
		if seen[key] {
			return clientError(ErrCorrupt, "", "%.64q has two of %.64q", block.Key, key)
		}
		seen[key] = true
	}
	return nil
}

// plainFileName is true for [A-Za-z0-9._-]+ without a leading dot or two dots in a row (spec steampipe.md §8.4).
func plainFileName(name string) bool {
	if name == "" || len(name) > 255 || name[0] == '.' || strings.Contains(name, "..") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// PackageInfo is what the VZ form of a client package claims: the size of the zip in it and its time.
type PackageInfo struct {
	Size    uint32
	Created uint32 // Unix time
}

// ParsePackage reads header and footer of a client package, so that the caller can judge the size.
func ParsePackage(b []byte) (PackageInfo, error) {
	p, err := split(b)
	if err != nil {
		return PackageInfo{}, err
	}
	if p.container != ContainerVZ {
		return PackageInfo{}, &Error{Message: "client package", Reason: "is a " + p.container.String() + ", not a VZ", Err: ErrContainer}
	}
	return PackageInfo{Size: p.size, Created: p.header}, nil
}

// DecodePackage decodes a client package (spec steampipe.md §8.4) into dst, whose length is the size of the zip. It differs
// from a chunk in its header, which has a time where chunks have a checksum.
func (d *Decoder) DecodePackage(dst, b []byte) error {
	info, err := ParsePackage(b)
	if err != nil {
		return err
	}
	if uint64(info.Size) != uint64(len(dst)) {
		return &Error{Message: "client package", Field: "size", Reason: fmt.Sprintf("claims %d bytes, want %d", info.Size, len(dst)), Err: ErrCorrupt}
	}
	p, _ := split(b)
	if err := d.decodeLZMA(dst, p, lzma.Options{}); err != nil {
		return err
	}
	if crc := crc32.ChecksumIEEE(dst); crc != p.crc {
		return &Error{Message: "client package", Field: "crc", Reason: fmt.Sprintf("%08x, the container says %08x", crc, p.crc), Err: ErrChecksum}
	}
	return nil
}
