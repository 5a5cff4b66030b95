package depotwire

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

var fuzzLimits = Limits{MaxManifest: 1 << 20, MaxFiles: 1000, MaxChunks: 1000, MaxChunk: 1 << 20}

// sample is a small manifest with a bit of everything.
func sample() *Manifest {
	content := []byte("the contents")
	file := File{Name: `bin\server`, Size: uint64(len(content)), Flags: FlagExecutable, NameSHA: HashName(`bin\server`), ContentSHA: IDOf(content),
		Chunks: []Chunk{{ID: IDOf(content), Adler: Adler0(content), Size: uint32(len(content)), StoredSize: 64}}}
	return &Manifest{DepotID: 7, ManifestID: 1 << 60, Created: time.Unix(1700000000, 0).UTC(), Size: file.Size, CompressedSize: 64, UniqueChunks: 1,
		Files: []File{file, {Name: "link", Flags: FlagSymlink, LinkTarget: "bin/server"}, {Name: "bin", Flags: FlagDirectory}}, Signature: bytes.Repeat([]byte{7}, 128)}
}

func sampleKey() []byte { return bytes.Repeat([]byte{0x42}, KeySize) }

func FuzzParseManifest(f *testing.F) {
	m := sample()
	f.Add(m.Append(nil))
	f.Add(m.AppendV4(nil))
	zipped, err := Wrap(m.Append(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(zipped)
	if err := m.EncryptNames(sampleKey(), bytes.NewReader(make([]byte, 1000))); err != nil {
		f.Fatal(err)
	}
	f.Add(m.Append(nil))
	f.Add(m.AppendV4(nil))
	f.Add(binary.LittleEndian.AppendUint32(nil, magicV4))
	f.Add([]byte("\xD0\x17\xF6\x71\xFF\xFF\xFF\xFF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b, err := Unwrap(b, fuzzLimits)
		if err != nil {
			return
		}
		m, err := ParseManifest(b, fuzzLimits)
		if err != nil {
			return
		}
		again, err := ParseManifest(m.Append(nil), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		m.V4, again.CRCClear, again.CRCEncrypted = false, m.CRCClear, m.CRCEncrypted
		if m.Created.IsZero() {
			again.Created = time.Time{}
		}
		if len(m.Signature) == 0 {
			m.Signature = nil
		}
		if !reflect.DeepEqual(m, again) {
			t.Fatalf("%+v became %+v", m, again)
		}
		if m.NamesEncrypted && m.DecryptNames(sampleKey()) != nil {
			return
		}
		fatal := false
		for _, problem := range Check(m, fuzzLimits) {
			fatal = fatal || problem.Kind.Fatal()
		}
		if fatal != (Validate(m, fuzzLimits) != nil) {
			t.Fatal("Check and Validate do not agree")
		}
	})
}

// FuzzParsePayload frames mutated parts, so that no checksum stands in the way.
func FuzzParsePayload(f *testing.F) {
	m := sample()
	f.Add(m.appendPayload(nil), m.appendMetadata(nil, 0), []byte{})
	f.Add(bytes.Repeat([]byte{0x0A, 0x00}, 20), []byte{0x20, 0x01}, []byte{0x0A, 0x01, 0x00})
	f.Add([]byte{0x0A, 0x04, 0x32, 0x02, 0x0A, 0x00}, []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, payload, metadata, signature []byte) {
		b := appendSection(nil, magicSignature, signature)
		b = appendSection(b, magicMetadata, append(bytes.Clone(metadata), 0x40, 0, 0x48, 0)) // no checksums
		b = appendSection(b, magicPayload, payload)
		b = binary.LittleEndian.AppendUint32(b, magicEnd)
		m, err := ParseManifest(b, fuzzLimits)
		if err != nil {
			return
		}
		again, err := ParseManifest(m.Append(nil), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(m.Files, again.Files) {
			t.Fatalf("%+v became %+v", m.Files, again.Files)
		}
		m.NamesEncrypted = false
		fatal := false
		for _, problem := range Check(m, fuzzLimits) {
			fatal = fatal || problem.Kind.Fatal()
			_ = problem.Error()
		}
		if fatal != (Validate(m, fuzzLimits) != nil) {
			t.Fatal("Check and Validate do not agree")
		}
		if fatal {
			return
		}
		for i := range m.Files {
			if path := m.Files[i].Path(); !filepath.IsLocal(path) {
				t.Fatalf("%q is let through", path)
			}
		}
	})
}

func FuzzParseV4(f *testing.F) {
	f.Add(sample().AppendV4(nil)[v4Header:], uint32(3))
	f.Add([]byte{0}, uint32(1))
	f.Fuzz(func(t *testing.T, mappings []byte, files uint32) {
		// With a right header, so that the mutations reach the records.
		b := (&Manifest{}).AppendV4(nil)[:v4Header]
		binary.LittleEndian.PutUint32(b[48:], files)
		binary.LittleEndian.PutUint32(b[52:], uint32(len(mappings)))
		binary.LittleEndian.PutUint32(b[60:], 0)
		b = binary.LittleEndian.AppendUint32(append(b, mappings...), magicV4)
		m, err := ParseManifest(b, fuzzLimits)
		if err == nil && len(m.Files) != int(files) {
			t.Fatalf("%d files, want %d", len(m.Files), files)
		}
	})
}

func FuzzDecode(f *testing.F) {
	plain := []byte("the contents, the contents, the contents")
	zip, err := EncodeZip(nil, plain)
	if err != nil {
		f.Fatal(err)
	}
	vsz, err := EncodeVSZ(nil, plain)
	if err != nil {
		f.Fatal(err)
	}
	delta, err := EncodeVSZDelta(nil, plain, []byte("the contents"))
	if err != nil {
		f.Fatal(err)
	}
	vz, err := EncodeVZ(nil, plain, func([]byte) ([5]byte, []byte, error) {
		return [5]byte{0x5D, 0, 0, 1, 0}, make([]byte, 20), nil // not the right data, but the right frame
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range [][]byte{zip, vsz, delta, vz, append([]byte("VZd"), vz[3:]...)} {
		f.Add(b, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, repair bool) {
		var decoder Decoder
		dst := make([]byte, 1000)
		n, err := decoder.Decode(dst, b)
		if size, sizeErr := PlainSize(b); err == nil && (sizeErr != nil || int(size) != n) {
			t.Fatalf("%d bytes, claims %d, %v", n, size, sizeErr)
		}
		source := []byte("the contents")
		if n, err := decoder.DecodeDelta(dst, b, source); n > len(dst) || err == nil && n < 0 {
			t.Fatal(n)
		}
		if repair && len(b) > 100 {
			return
		}
		if info, err := ParsePackage(b); err == nil && info.Size <= 1000 {
			_ = decoder.DecodePackage(dst[:info.Size], b)
		}
		// A decoder that failed is good for the next one.
		if n, err := decoder.Decode(dst, vsz); err != nil || string(dst[:n]) != string(plain) {
			t.Fatal(err)
		}
		if n, err := decoder.Decode(dst, zip); err != nil || string(dst[:n]) != string(plain) {
			t.Fatal(err)
		}
	})
}

func FuzzDecryptChunk(f *testing.F) {
	key, err := NewKey(sampleKey())
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{}, []byte("contents"))
	f.Add(make([]byte, 32), make([]byte, 16))
	f.Fuzz(func(t *testing.T, stored, plain []byte) {
		_, _ = DecryptChunk(nil, stored, key)
		sealed := EncryptChunk(nil, plain, key, [16]byte{1, 2, 3})
		got, err := DecryptChunk([]byte("before"), sealed, key)
		if err != nil || string(got) != "before"+string(plain) {
			t.Fatalf("%q, %v", got, err)
		}
		if got, err = DecryptChunk(sealed[:0], sealed, key); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("in place: %q, %v", got, err)
		}
	})
}

func FuzzParsePatch(f *testing.F) {
	p := Patch{DepotID: 7, SourceManifest: 1, TargetManifest: 2, Deltas: []Delta{{Source: IDOf([]byte("a")), Target: IDOf([]byte("b")), Size: 9, Method: 1, Data: []byte("VSZd")},
		{Source: IDOf([]byte("c")), Target: IDOf([]byte("d")), Size: 9, Data: []byte("VZd")}}}
	f.Add(p.Append(nil))
	p.After = true
	f.Add(p.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePatch(b, fuzzLimits)
		if err != nil {
			return
		}
		again, err := ParsePatch(p.Append(nil), fuzzLimits)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Deltas { // nil and empty are the same
			if !bytes.Equal(p.Deltas[i].Data, again.Deltas[i].Data) {
				t.Fatal("data differ")
			}
			p.Deltas[i].Data, again.Deltas[i].Data = nil, nil
		}
		if !reflect.DeepEqual(p, again) {
			t.Fatalf("%+v became %+v", p, again)
		}
	})
}

func FuzzParseClientManifest(f *testing.F) {
	f.Add([]byte(`"linux" { "version" "17" "a" { "file" "a.zip.0f58d386fdc901fee6a04040e92b9ea56146b78a" "size" "9" "zipvz" "a.zip.vz.0f58d386fdc901fee6a04040e92b9ea56146b78a_8" "win7" { "file" "b" } } } "kvsign2" { "linux" "00ff" }`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseClientManifest(b)
		if err != nil {
			return
		}
		for _, p := range m.Packages {
			for _, name := range []string{p.Select("win7").File, p.File, p.VZ} {
				if name != "" && !plainFileName(name) {
					t.Fatalf("file %q", name)
				}
			}
		}
	})
}

func FuzzParseInstalledList(f *testing.F) {
	list := InstalledList{OSType: -203, Version: 3, Files: []InstalledFile{
		{Path: "linux32/steamcmd", Size: 7_922_313, Time: 1_785_787_271, CRC: 0xDEADBEEF},
		{Path: "public", Size: InstalledDirectory, Time: 1}, {Path: "a,1;2;3/b", Size: InstalledLink, Time: -5},
	}}
	f.Add(list.Append(nil))
	f.Add([]byte("a,1;2;3\r\nOSVER=10\r\nVERSION=3\r\nSHA1=\r\n"))
	f.Add([]byte("a,-3;2;3\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseInstalledList(b)
		if err != nil {
			return
		}
		again, err := ParseInstalledList(list.Append(nil))
		if err != nil || !reflect.DeepEqual(list, again) {
			t.Fatalf("%+v\n%+v\n%v", list, again, err)
		}
	})
}
