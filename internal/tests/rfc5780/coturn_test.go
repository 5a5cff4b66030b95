package rfc5780_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/netlab"
	"github.com/relight-sdk/relight/internal/tests/peers"
	"github.com/relight-sdk/relight/natneg"
)

// coturn starts Debian's STUN server on two addresses of a host, which RFC 5780 needs.
func coturn(t *testing.T, lab *netlab.Lab, host, one, two string) {
	t.Helper()
	program := peers.Program(t, "turnserver")
	folder := t.TempDir()
	lines := []string{
		"listening-ip=" + one, "listening-ip=" + two, "listening-port=3478", "alt-listening-port=3479",
		"stun-only", "no-tls", "no-dtls", "no-cli", "no-software-attribute", "log-file=stdout", "simple-log",
		"pidfile=" + filepath.Join(folder, "pid"), "userdb=" + filepath.Join(folder, "db"),
	}
	if help := lab.Run(host, "sh", "-c", program+" --help 2>&1 || true"); strings.Contains(help, "--rfc5780") {
		lines = append(lines, "rfc5780") // newer versions have it off at first
	}
	config := filepath.Join(folder, "turnserver.conf")
	require.NoError(t, os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	lab.Daemon(host, "Total General servers", program, "-c", config)
}

// detect runs Detect as a program on a host.
func detect(t *testing.T, lab *netlab.Lab, host, server string) (answer told, err error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := lab.Command(t.Context(), host, self)
	command.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", serverVariable+"="+server)
	var words strings.Builder
	command.Stderr = &words
	output, err := command.Output()
	if err != nil {
		return answer, fmt.Errorf("%w: %s", err, words.String())
	}
	require.NoError(t, json.Unmarshal(output, &answer), "%s", output)
	return answer, nil
}

// Coturn on two loopback addresses, in a namespace of its own.
func TestCoturnLoopback(t *testing.T) {
	t.Parallel() // it mostly waits, as the others here
	lab := netlab.New(t)
	lab.Host("host")
	coturn(t, lab, "host", "127.0.0.1", "127.0.0.2")
	answer, err := detect(t, lab, "host", "127.0.0.1")
	require.NoError(t, err)
	require.Equal(t, natneg.NATNone, answer.NAT, "%+v", answer)
	require.Empty(t, answer.Missing)

	// Asked at its second address, coturn names that one again (spec nat.md §6): no RFC 5780 there, and no nonsense.
	answer, err = detect(t, lab, "host", "127.0.0.2")
	require.NoError(t, err)
	require.Equal(t, natneg.DependencyUnknown, answer.Filtering)
	require.NotEmpty(t, answer.Missing)
}

// home is a machine behind a router, and a server.
//
//	inside 192.168.1.11 --- 192.168.1.1 router 20.20.20.11 --- 20.20.20.110, .111 stun
func home(t *testing.T) *netlab.Lab {
	t.Helper()
	lab := netlab.New(t)
	peers.Program(t, "nft")
	lab.Host("inside", "router", "stun")
	lab.Cable("inside", "eth0", "192.168.1.11/24", "router", "lan", "192.168.1.1/24")
	lab.Cable("router", "wan", "20.20.20.11/24", "stun", "eth0", "20.20.20.110/24")
	lab.Run("stun", "ip", "addr", "add", "20.20.20.111/24", "dev", "eth0")
	lab.Run("inside", "ip", "route", "add", "default", "via", "192.168.1.1")
	return lab
}

// Each kind of NAT is told right, in network namespaces, by coturn's answers.
func TestCoturnNATs(t *testing.T) {
	const (
		eif  = natneg.EndpointIndependent
		adf  = natneg.AddressDependent
		apdf = natneg.AddressAndPortDependent
	)
	tests := []struct {
		name               string
		nat                netlab.NAT
		mapping, filtering natneg.Dependency
		want               natneg.NATType
		hairpin, preserved natneg.Fact
		step               int
	}{
		{"linux", netlab.NAT{}, eif, apdf, natneg.NATPortRestricted, natneg.FactNo, natneg.FactYes, 0},
		{"full cone", netlab.NAT{Mapping: netlab.EndpointIndependent, Filtering: netlab.EndpointIndependent}, eif, eif, natneg.NATFullCone, natneg.FactNo, natneg.FactYes, 0},
		{"full cone, other ports", netlab.NAT{Mapping: netlab.EndpointIndependent, Filtering: netlab.EndpointIndependent, Allocation: netlab.Random}, eif, eif, natneg.NATFullCone, natneg.FactNo, natneg.FactNo, 0},
		{"address restricted", netlab.NAT{Mapping: netlab.EndpointIndependent, Filtering: netlab.AddressDependent}, eif, adf, natneg.NATRestrictedCone, natneg.FactNo, natneg.FactYes, 0},
		{"port restricted", netlab.NAT{Mapping: netlab.EndpointIndependent, Filtering: netlab.AddressAndPortDependent}, eif, apdf, natneg.NATPortRestricted, natneg.FactNo, natneg.FactYes, 0},
		{"symmetric by address", netlab.NAT{Mapping: netlab.AddressDependent, Filtering: netlab.AddressAndPortDependent, Allocation: netlab.Random}, adf, apdf, natneg.NATSymmetric, natneg.FactUnknown, natneg.FactNo, 0},
		{"symmetric, counting", netlab.NAT{Mapping: netlab.AddressAndPortDependent, Filtering: netlab.AddressAndPortDependent, Allocation: netlab.Sequential}, apdf, apdf, natneg.NATSymmetric, natneg.FactUnknown, natneg.FactNo, 1},
		{"symmetric, random", netlab.NAT{Mapping: netlab.AddressAndPortDependent, Filtering: netlab.AddressAndPortDependent, Allocation: netlab.Random}, apdf, apdf, natneg.NATSymmetric, natneg.FactUnknown, natneg.FactNo, 0},
		{"full cone, hairpin", netlab.NAT{Mapping: netlab.EndpointIndependent, Filtering: netlab.EndpointIndependent, Hairpin: true}, eif, eif, natneg.NATFullCone, natneg.FactYes, natneg.FactYes, 0},
		{"port restricted, hairpin", netlab.NAT{Mapping: netlab.EndpointIndependent, Filtering: netlab.AddressAndPortDependent, Hairpin: true}, eif, apdf, natneg.NATPortRestricted, natneg.FactYes, natneg.FactYes, 0},
	}
	const labs = 2 // at the same time
	for first := range labs {
		t.Run(fmt.Sprintf("lab %d", first+1), func(t *testing.T) {
			t.Parallel()
			lab := home(t)
			coturn(t, lab, "stun", "20.20.20.110", "20.20.20.111")
			for i := first; i < len(tests); i += labs {
				test := tests[i]
				t.Run(test.name, func(t *testing.T) {
					lab.Translate("router", test.nat, "192.168.1.0/24", "20.20.20.11")
					answer, err := detect(t, lab, "inside", "20.20.20.110")
					require.NoError(t, err)
					t.Logf("%d ms: %s", answer.Millis, answer.Sentence)
					require.Equal(t, test.mapping, answer.Mapping)
					require.Equal(t, test.filtering, answer.Filtering)
					require.Equal(t, test.want, answer.NAT)
					require.Equal(t, test.hairpin, answer.Hairpin)
					require.Equal(t, test.preserved, answer.Preserved)
					require.Equal(t, test.step, answer.Step)
					require.True(t, strings.HasPrefix(answer.Public, "20.20.20.11:"))
					require.True(t, strings.HasPrefix(answer.Private, "192.168.1.11:"))
				})
			}
		})
	}
}

// Where UDP is dropped, that is what is said.
func TestBlocked(t *testing.T) {
	t.Parallel()
	lab := home(t)
	lab.Translate("router", netlab.NAT{Blocked: true}, "192.168.1.0/24", "20.20.20.11")
	_, err := detect(t, lab, "inside", "20.20.20.110")
	require.ErrorContains(t, err, "no STUN server answers")
}
