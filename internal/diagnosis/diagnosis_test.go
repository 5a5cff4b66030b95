package diagnosis

import (
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	report := Report{Subject: "qr2 host of mygame"}
	report.Add(Step{Name: "resolve the master", Peer: "mygame.master.example.net", Outcome: Passed, Found: "192.0.2.7", Took: 1500 * time.Microsecond})
	if !report.OK() {
		t.Fatal(report.Err())
	}
	report.Add(Step{Name: "answer the challenge", Peer: "192.0.2.7:27900", Outcome: Failed, Err: io.ErrUnexpectedEOF, Advice: "check the secret key"})
	report.Add(Step{Name: "be listed", Outcome: Skipped})
	if err := report.Err(); err == nil || err.Error() != "qr2 host of mygame: answer the challenge (192.0.2.7:27900): unexpected EOF" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	const want = `qr2 host of mygame
  ok      resolve the master (mygame.master.example.net): 192.0.2.7 [1.5ms]
  failed  answer the challenge (192.0.2.7:27900)
          unexpected EOF
          try: check the secret key
  skipped be listed
`
	if got := report.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	b, err := json.Marshal(report)
	const line = `{"subject":"qr2 host of mygame","steps":[{"name":"resolve the master","peer":"mygame.master.example.net","outcome":"ok","seconds":0.0015,"found":"192.0.2.7"},` +
		`{"name":"answer the challenge","peer":"192.0.2.7:27900","outcome":"failed","seconds":0,"advice":"check the secret key","error":"unexpected EOF"},{"name":"be listed","outcome":"skipped","seconds":0}]}`
	if err != nil || string(b) != line {
		t.Errorf("%v\n%s", err, b)
	}
}
