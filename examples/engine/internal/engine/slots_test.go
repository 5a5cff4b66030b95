package engine

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// documented has, for each type of event, what the tables of relight.h say about it.
var documented = sync.OnceValues(func() (map[EventType]string, error) {
	header, err := os.ReadFile("../../relight.h")
	if err != nil {
		return nil, err
	}
	entry := regexp.MustCompile(`(?m)^ \*   (RELIGHT_EV_\w+) +(.*(?:\n \* {12,}\S.*)*)`)
	texts := map[string]string{}
	before := ""
	for _, found := range entry.FindAllStringSubmatch(string(header), -1) {
		text := found[2]
		if strings.Contains(text, "he same") {
			text += before // "The same slots", "The same of a team"
		}
		texts[found[1]], before = text, text
	}
	other := regexp.MustCompile(`(?:as|as in|slots of)\s+(?:\* +)?(RELIGHT_EV_\w+)`)
	tables := map[EventType]string{}
	for _, found := range regexp.MustCompile(`(?m)^#define (RELIGHT_EV_\w+) (\d+)`).FindAllStringSubmatch(string(header), -1) {
		number, _ := strconv.Atoi(found[2]) // digits
		text, ok := texts[found[1]]
		if !ok {
			continue // RELIGHT_EVENT and the like; TestEventsAreDocumented looks for those that miss
		}
		for _, reference := range other.FindAllStringSubmatch(text, -1) {
			text += texts[reference[1]]
		}
		tables[EventType(number)] = text
	}
	return tables, nil
})

// checkSlots fails the test if an event says something in a slot of which the table of its type does not speak: a programmer
// who reads only relight.h would not know of it, or take it for zero.
func checkSlots(t *testing.T, event Event) {
	t.Helper()
	tables, err := documented()
	if err != nil {
		t.Fatal(err)
	}
	text, ok := tables[event.Type]
	if !ok || event.Type == EventDone { // the slots of which the functions explain
		return
	}
	for slot, set := range map[string]bool{
		"request|answers": event.Request != 0, "code": event.Code != 0, "native": event.Native != 0, "status": event.Status != 0,
		"flags": event.Flags != 0, "id": event.ID != 0, "number": event.Number != 0, "total": event.Total != 0, "time": event.Time != 0,
		"text": event.Text != "", "name": event.Name != "", "address": event.Address != "", "data": len(event.Data) > 0,
		"fields": len(event.Fields) > 0,
	} {
		if set && !regexp.MustCompile(`\b(`+slot+`)\b`).MatchString(text) {
			t.Errorf("relight.h does not speak of %s in events of type %d: %+v", slot, event.Type, event)
		}
	}
}

func TestEventsAreDocumented(t *testing.T) {
	tables, err := documented()
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile("../../relight.h")
	if err != nil {
		t.Fatal(err)
	}
	defined := regexp.MustCompile(`(?m)^#define (RELIGHT_EV_\w+) (\d+)`).FindAllStringSubmatch(string(header), -1)
	if len(defined) < 40 {
		t.Fatalf("only %d events found", len(defined))
	}
	for _, found := range defined {
		number, _ := strconv.Atoi(found[2]) // digits
		if tables[EventType(number)] == "" {
			t.Errorf("no table of relight.h explains %s", found[1])
		}
	}
}
