package cdkeytest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/relight-sdk/relight/qr2/cdkey"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
)

// What a game does about a key that was sold, about one that was not, and when nothing answers.
func Example() {
	validation, err := cdkeytest.New(cdkeytest.Config{Keys: map[int][]string{11057: {"ABCD-1234"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer validation.Close()

	ctx := context.Background()
	checker, err := cdkey.Start(ctx, nil, cdkey.Config{
		Products: []int{11057}, Addr: validation.Addr(), OnTimeout: cdkey.RejectOnTimeout, Transmissions: 1, RetryInterval: 50 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer checker.Close()
	check := func(key string) error {
		challenge := cdkey.NewChallenge()
		response, err := cdkey.Respond(key, challenge)
		if err != nil {
			return err
		}
		_, err = checker.Authenticate(ctx, cdkey.Request{Challenge: challenge, Response: response})
		return err
	}

	fmt.Println(check("ABCD-1234"), validation.Online(11057, "ABCD-1234").IsValid())
	fmt.Println("not sold:", errors.Is(check("WXYZ-9999"), cdkey.ErrRefused))
	validation.SetFaults(cdkeytest.Faults{Silent: true})
	fmt.Println("silent:", errors.Is(check("EFGH-5678"), cdkey.ErrNoAnswer))
	// Output:
	// <nil> true
	// not sold: true
	// silent: true
}

// A validation server as OpenSpy's: any key is good.
func Example_openSpy() {
	validation, err := cdkeytest.New(cdkeytest.Config{Family: "openspy"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer validation.Close()
	report, err := cdkey.Diagnose(context.Background(), nil, cdkey.Config{Products: []int{11057}, Addr: validation.Addr()})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.OK(), report.Steps[1].Found)
	// Output: true it accepts any key
}
