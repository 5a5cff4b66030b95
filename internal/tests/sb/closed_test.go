package sb_test

import (
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/sb"
)

// TestMasterClosesBeforeWeLook is about a master that is gone when we come to read or write: that is its end of the connection,
// not ours, and what it sent before counts.
func TestMasterClosesBeforeWeLook(t *testing.T) {
	for _, test := range []struct {
		name     string
		protocol sb.Protocol
	}{{"QR2", sb.QR2}, {"QR1", sb.QR1}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, master := net.Pipe()
				require.NoError(t, master.Close())
				browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: dialling(client), Protocol: test.protocol})
				_, err := collect(t.Context(), browser, sb.Query{})
				require.NotErrorIs(t, err, net.ErrClosed)
				require.ErrorContains(t, err, "the master closed the connection")
			})
		})
	}
	t.Run("behind a list", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client, master := net.Pipe()
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: dialling(slowReader{client}), Protocol: sb.QR1, Enctype: 1})
			go func() {
				_, _ = master.Write([]byte(`\basic\\secure\ABCDEF`))
				_, _ = master.Read(make([]byte, 4096))
				_, _ = master.Write([]byte("\x0a\x00\x00\x01\x19\x64" + `\final\`)) // in clear, and too short to be told from the head of a cipher
				master.Close()
			}()
			servers, err := collect(t.Context(), browser, sb.Query{})
			require.NoError(t, err)
			require.Equal(t, []string{"10.0.0.1:6500"}, addresses(servers))
		})
	})
}

// slowReader gives the other side time to close behind each read.
type slowReader struct{ net.Conn }

func (r slowReader) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	synctest.Wait()
	return n, err
}
