package sb_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// A further list request on the same connection is answered in the same stream, without a new header (spec servers.md
// §4.2), while pushes go on.
func TestSecondListOnOneConnection(t *testing.T) {
	master := newMaster(t, sbtest.Config{})
	defer master.Close()
	conn, err := net.Dial("tcp", master.Addr())
	require.NoError(t, err)
	defer conn.Close()
	request := sbwire.ListRequest{QueryFor: game, QueryFrom: game, Challenge: [8]byte([]byte("abcdefgh")), Fields: []string{"hostname"},
		Options: sbwire.OptionFieldsForAll | sbwire.OptionPush}
	first, err := request.Append(nil)
	require.NoError(t, err)
	request.Filter, request.Fields = "numplayers > 5", []string{"mapname", "hostname"}
	second, err := request.Append(nil)
	require.NoError(t, err)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				master.Registry().Put(someServers()[2])
			}
		}
	}()
	defer func() { close(stop); <-stopped }()

	var cipher *gscrypt.EnctypeX
	var head []byte
	lists := 0
	decoder := sbwire.NewDecoder(sbwire.Limits{}, false)
	_, err = conn.Write(first)
	require.NoError(t, err)
	buf := make([]byte, 4096)
	for lists < 1 {
		n, err := conn.Read(buf)
		require.NoError(t, err)
		plain := buf[:n]
		if cipher == nil {
			head = append(head, plain...)
			h, n := sbwire.ParseCryptHeader(head)
			if n == 0 {
				continue
			}
			cipher, err = gscrypt.NewEnctypeX(request.Challenge, h.Challenge, secret)
			require.NoError(t, err)
			plain = head[n:]
		}
		cipher.Decrypt(plain, plain)
		decoder.Push(plain)
		for {
			var e sbwire.Element
			more, err := decoder.Next(&e)
			require.NoError(t, err)
			if !more {
				break
			}
			if e.Kind == sbwire.KindEnd {
				lists++
			}
		}
	}
	_, err = conn.Write(second)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	for left := 2000; left > 0 || len(master.Requests()) < 2; { // some pushes of the new list, too
		n, err := conn.Read(buf)
		require.NoError(t, err)
		left -= n
	}
}
