package engine

import (
	"sync"
	"testing"

	"github.com/relight-sdk/relight/qr2/qr2test"
)

// An engine may call from any thread at any time, also while another one closes the handle.
func TestHostIsClosedWhileItIsUsed(t *testing.T) {
	master := newMaster(t, qr2test.Config{})
	for range 20 {
		library := New(Platform{})
		handle, err := library.NewHost(HostConfig{
			Game: "gmtest", Secret: secret, Addr: master.Addr(), Flags: HostEngineSocket | HostNatNeg, Bind: "127.0.0.1:7777", AnswerRate: -1,
		})
		if err != nil {
			t.Fatal(err)
		}
		h, err := Find[*Host](library, handle)
		if err != nil {
			t.Fatal(err)
		}
		begun := make(chan struct{}, 4)
		var threads sync.WaitGroup
		// Whatever these return: none of them may crash, hang or race.
		for _, use := range []func(){
			func() { _, _ = h.Feed([]byte{0xfe, 0xfd, 0, 1, 2, 3, 4, 0xff, 0, 0}, "192.0.2.1:6500") },
			func() { _, _ = h.Feed([]byte{0xfd, 0xfc, 0x1e, 0x66, 0x6a, 0xb2, 3, 1, 0, 0, 0, 7}, "192.0.2.1:6500") },
			func() { _ = h.SetPlayer(0, "player_", "ann"); _ = h.Commit() },
			func() { _, _ = h.State(); _, _ = h.Stop() },
		} {
			threads.Go(func() {
				for i := range 200 {
					use()
					if o, events, err := library.Take(handle, 10); err == nil && len(events) > 0 {
						o.Release()
					}
					if i == 20 {
						begun <- struct{}{}
					}
				}
			})
		}
		for range cap(begun) {
			<-begun
		}
		if err := library.Close(handle); err != nil {
			t.Error(err)
		}
		threads.Wait()
		clean(t, library)
	}
}
