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

// A key that is in use turns up on a second game server: the validation server has its player prove it anew, and then refuses
// the newcomer.
func ExampleChecker_ProofRequests() {
	validation, err := cdkeytest.New(cdkeytest.Config{Keys: map[int][]string{11057: {"ABCD-1234"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer validation.Close()
	ctx := context.Background()
	config := cdkey.Config{Products: []int{11057}, Addr: validation.Addr()}
	come := func(checker *cdkey.Checker) error {
		challenge := cdkey.NewChallenge()
		response, err := cdkey.Respond("ABCD-1234", challenge)
		if err != nil {
			return err
		}
		_, err = checker.Authenticate(ctx, cdkey.Request{Challenge: challenge, Response: response})
		return err
	}

	first, err := cdkey.Start(ctx, nil, config)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer first.Close()
	fmt.Println("first:", come(first))
	go func() {
		for request := range first.ProofRequests() { // until Close
			// The game server sends the challenge to the game of request.Player, which calls Prove and sends the proof back.
			proof, err := cdkey.Prove("ABCD-1234", request.Challenge)
			if err == nil {
				err = request.Answer(proof)
			}
			if err != nil {
				fmt.Println(err)
			}
		}
	}()

	second, err := cdkey.Start(ctx, nil, config)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer second.Close()
	if failure, ok := errors.AsType[*cdkey.Error](come(second)); ok {
		fmt.Println("second:", failure.Reason)
	}
	// Output:
	// first: <nil>
	// second: "CD Key is already in use"
}
