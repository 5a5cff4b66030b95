package gstats_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// spoolFolder names the folder that a child of the test fills until it is killed.
const spoolFolder = "RELIGHT_TEST_SPOOL"

// fill keeps snapshots and says each time which one is kept, for ever.
func fill(folder string) error {
	spool, err := gstats.OpenSpool(folder, gstats.SpoolConfig{MaxSnapshots: 100_000, MaxBytes: 1 << 30})
	if err != nil {
		return err
	}
	session, err := gstats.Open(gstats.Config{
		Game: "gmtest", Secret: secretKey, Addr: "192.0.2.1", Spool: spool, Reconnect: &gstats.Reconnect{First: time.Hour},
		DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody there") },
	})
	if err != nil {
		return err
	}
	game, err := session.NewGame(context.Background())
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if err := game.SendSnapshot(context.Background(), `\n\`+strconv.Itoa(n), false); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// A program that is killed loses nothing that it was told is kept, and the next one gets the folder at once.
func TestSpoolOfAProgramThatIsKilled(t *testing.T) {
	if folder := os.Getenv(spoolFolder); folder != "" {
		fmt.Println(fill(folder))
		os.Exit(1)
	}
	program, err := os.Executable()
	require.NoError(t, err)
	for round := range 5 {
		folder := t.TempDir()
		child := exec.CommandContext(t.Context(), program, "-test.run=^TestSpoolOfAProgramThatIsKilled$")
		child.Env = append(os.Environ(), spoolFolder+"="+folder)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		last, lines := -1, bufio.NewScanner(out)
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			require.NoError(t, err, lines.Text())
			if last = n; n == 3+7*round {
				require.NoError(t, child.Process.Kill())
			}
		}
		_ = child.Wait()
		require.GreaterOrEqual(t, last, 3+7*round)
		synctest.Test(t, func(t *testing.T) {
			server, config := serve(t, gstatstest.Config{})
			config.Spool = openSpool(t, folder, gstats.SpoolConfig{MaxSnapshots: 100_000, MaxBytes: 1 << 30})
			require.Zero(t, config.Spool.Damaged())
			session := open(t, config)
			sent := next[*gstats.SnapshotsSent](t, session).Count
			require.Contains(t, []int{last + 1, last + 2}, sent, "the one under way may be whole")
			synctest.Wait()
			var want []string
			for n := range sent {
				want = append(want, `\n\`+strconv.Itoa(n))
			}
			require.Equal(t, want, snapshots(server.Games()[0]))
		})
	}
}
