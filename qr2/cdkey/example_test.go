package cdkey_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/relight-sdk/relight/qr2/cdkey"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
)

// A player comes with a key that was sold, and another one with a key that was not.
func Example() {
	validation, err := cdkeytest.New(cdkeytest.Config{Keys: map[int][]string{11057: {"ABCD-1234"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer validation.Close()

	ctx := context.Background()
	checker, err := cdkey.Start(ctx, nil, cdkey.Config{Products: []int{11057}, Addr: validation.Addr()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer checker.Close()

	for _, key := range []string{"ABCD-1234", "WXYZ-9999"} {
		challenge := cdkey.NewChallenge()              // the game server makes it,
		response, err := cdkey.Respond(key, challenge) // the player's game answers it,
		if err != nil {
			fmt.Println(err)
			return
		}
		player, err := checker.Authenticate(ctx, cdkey.Request{ // and the game server asks
			IP: netip.MustParseAddr("192.0.2.7"), Challenge: challenge, Response: response,
		})
		switch refusal, _ := errors.AsType[*cdkey.Error](err); {
		case errors.Is(err, cdkey.ErrRefused):
			fmt.Println("refused:", refusal.Reason)
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(player.Verdict(), player.KeyHash())
		}
	}
	// Output:
	// validated bd455d85775c16fa1608b9e77ad9c3dc
	// refused: "Invalid CD Key"
}
