package udpmux_test

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/udpmux"
)

// Attach, Handle, remove, release, Withdraw, Conn and Close in every order and at the same time: everything returns, and
// in the end the connection is either closed or its owner's again.
func TestEveryOrder(t *testing.T) {
	for seed := range uint64(150) {
		conn, peer := listen(t), listen(t)
		closes := seed%2 == 0 // the game closes its view at some moment; else it is withdrawn
		mux, release := udpmux.Attach(conn)
		game := mux.Conn()

		var users, readers sync.WaitGroup
		for user := range uint64(4) {
			random := rand.New(rand.NewPCG(seed, user))
			users.Go(func() {
				for range 20 {
					shared, releaseIt := udpmux.Attach(game)
					if shared != mux {
						t.Error("another mux")
					}
					remove, ok := mux.HandleOnly(user, func(b []byte, _ netip.AddrPort) bool { return len(b) > 0 && b[0] == byte(user) })
					if !ok {
						t.Error("the key is taken")
						return
					}
					_, _ = peer.WriteTo([]byte{byte(random.IntN(8))}, conn.LocalAddr())
					if closes {
						_ = mux.Conn()
					}
					steps := []func(){remove, releaseIt, releaseIt, func() { _ = mux.Err() }, func() { _ = mux.Stats() }}
					random.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
					for _, step := range steps {
						step()
					}
					remove()
				}
			})
		}
		for range 2 {
			readers.Go(func() {
				buf := make([]byte, 10)
				for {
					if _, _, err := game.ReadFrom(buf); err != nil {
						return
					}
				}
			})
		}
		random := rand.New(rand.NewPCG(seed, 99))
		finish := []func(){release, mux.Withdraw}
		if closes {
			finish = []func(){release, func() { _ = game.Close() }, func() { _ = game.Close() }}
		}
		random.Shuffle(len(finish), func(i, j int) { finish[i], finish[j] = finish[j], finish[i] })
		for _, step := range finish {
			users.Go(step)
		}
		done := make(chan struct{})
		go func() {
			users.Wait()
			if !closes {
				// Withdraw may have come after the last release, which then left the reader running for the view.
				_, last := udpmux.Attach(game)
				last()
			}
			<-mux.Done()
			readers.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("seed %d: it does not end; %+v, %v", seed, mux.Stats(), mux.Err())
		}
		require.ErrorIs(t, mux.Err(), net.ErrClosed, "seed %d", seed)
		if closes {
			_, err := conn.Write(nil)
			require.ErrorIs(t, err, net.ErrClosed)
		} else {
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
			send(t, peer, conn.LocalAddr(), "mine")
			for {
				buf := make([]byte, 10)
				n, _, err := conn.ReadFrom(buf)
				require.NoError(t, err, "seed %d", seed)
				if string(buf[:n]) == "mine" {
					break
				}
			}
		}
		require.NoError(t, peer.Close())
		_ = conn.Close()
	}
}
