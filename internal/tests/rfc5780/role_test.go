package rfc5780_test

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/rfc5780"
)

// serverVariable tells this test's binary to be a program behind a NAT, and which server to ask.
const serverVariable = "RELIGHT_RFC5780_SERVER"

// told is what it prints.
type told struct {
	Mapping, Filtering natneg.Dependency
	Hairpin, Preserved natneg.Fact
	NAT                natneg.NATType
	Step               int
	Public, Private    string
	Missing            []string
	Millis             int64
	Sentence           string
}

func play(server string) error {
	report, err := rfc5780.Detect(context.Background(), rfc5780.Config{Servers: []string{server}, Timeout: 6 * time.Second})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(told{
		report.Mapping, report.Filtering, report.Hairpin, report.PortPreservation, report.NAT, report.Step,
		report.Public.String(), report.Private.String(), report.Missing, report.Duration.Milliseconds(), report.String(),
	})
}
