package gstats_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

type bucketCase struct {
	ID       string
	Snapshot string
	Steps    []struct {
		Do, Type, Op, Level, Name, Value, Result string
		Index                                    int
	}
}

// bucketCases are what the original's buckets compute.
func bucketCases(t *testing.T) []bucketCase {
	text, err := os.ReadFile("testdata/buckets.json")
	require.NoError(t, err)
	var file struct{ Cases []bucketCase }
	require.NoError(t, json.Unmarshal(text, &file))
	require.NotEmpty(t, file.Cases)
	return file.Cases
}

// Every result, and the snapshot at the end, is that of the original. What it does by mistake is left out: names with a backslash,
// which become two, and players who do not exist, who share a bucket.
func TestBucketsOfTheOriginal(t *testing.T) {
	for _, test := range bucketCases(t) {
		if test.ID == "string-backslash" || test.ID == "unknown-player" {
			continue
		}
		t.Run(test.ID, func(t *testing.T) {
			results := gstats.NewResults()
			players, teams := map[int]gstats.PlayerResults{}, map[int]gstats.TeamResults{}
			for i, step := range test.Steps {
				scope := results.Scope
				switch step.Level {
				case "player":
					scope = players[step.Index].Scope
				case "team":
					scope = teams[step.Index].Scope
				}
				var got string
				switch step.Do + step.Type {
				case "player":
					players[step.Index] = results.NewPlayer(step.Name)
				case "team":
					teams[step.Index] = results.NewTeam(step.Name)
				case "gone":
					players[step.Index].Remove()
				case "teamgone":
					teams[step.Index].Remove()
				case "int":
					value, err := strconv.ParseInt(step.Value, 10, 32)
					require.NoError(t, err)
					bucket := scope.Int(step.Name)
					map[string]func(int32){
						"set": bucket.Set, "add": bucket.Add, "sub": bucket.Subtract, "mult": bucket.Multiply, "div": bucket.Divide, "avg": bucket.Average,
					}[step.Op](int32(value))
					got = strconv.Itoa(int(bucket.Value()))
				case "float":
					value, err := strconv.ParseFloat(step.Value, 64)
					require.NoError(t, err)
					bucket := scope.Float(step.Name)
					map[string]func(float64){
						"set": bucket.Set, "add": bucket.Add, "sub": bucket.Subtract, "mult": bucket.Multiply, "div": bucket.Divide, "avg": bucket.Average,
					}[step.Op](value)
					want, err := strconv.ParseFloat(step.Result, 64)
					require.NoError(t, err)
					require.Equal(t, want, bucket.Value(), "step %d", i)
					continue
				case "string":
					bucket := scope.Text(step.Name)
					switch step.Op {
					case "set":
						bucket.Set(step.Value)
					case "concat", "add":
						bucket.Concat(step.Value)
					default: // what a text has no such operation for leaves it as it is, if it is there; ours has none
						if bucket.Value() == "" {
							bucket.Set(step.Value)
						}
					}
					got = bucket.Value()
				default:
					require.Fail(t, "unknown step", "%+v", step)
				}
				require.Equal(t, step.Result, got, "step %d", i)
			}
			require.NoError(t, results.Err())
			require.Equal(t, pairsOf(test.Snapshot), pairsOf(results.String()))
		})
	}
}

// pairsOf are the pairs of a snapshot, in any order.
func pairsOf(text string) map[string]string {
	pairs := map[string]string{}
	for key, value := range kv.All([]byte(text)) {
		pairs[string(key)] = string(value)
	}
	return pairs
}

func TestResultsThatCannotBe(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(*gstats.Results)
		err  error
		text string
	}{
		{"another type", func(r *gstats.Results) { r.Int("a").Set(1); r.Float("A").Add(2); r.Text("a").Set("x") }, gstats.ErrBucketType, `\a\1`},
		{"by zero", func(r *gstats.Results) { r.Int("a").Set(7); r.Int("a").Divide(0) }, gstats.ErrDivideByZero, `\a\7`},
		{"the smallest by -1", func(r *gstats.Results) { r.Int("a").Set(-1 << 31); r.Int("a").Divide(-1) }, nil, `\a\-2147483648`},
		{"a backslash in a name", func(r *gstats.Results) { r.Int(`a\b`).Set(7) }, gstats.ErrInvalidText, ``},
		{"what stands for a backslash", func(r *gstats.Results) { r.Int("a\x01b").Set(7); r.Text("x").Set("a\x01b") }, gstats.ErrInvalidText, `\x\a/b`},
		{"no name", func(r *gstats.Results) { r.NewPlayer("ann").Int("").Set(7) }, gstats.ErrInvalidText, `\ctime_0\0\player_0\ann`},
		{"an end in a text", func(r *gstats.Results) { r.Text("a").Set(`\final\`) }, nil, `\a\/final/`},
	} {
		t.Run(test.name, func(t *testing.T) {
			results := gstats.NewResults()
			test.do(results)
			require.ErrorIs(t, results.Err(), test.err)
			require.Equal(t, test.text, results.String())
		})
	}
	results := gstats.NewResults()
	for i := range 70_000 {
		results.Int("n" + strconv.Itoa(i)).Set(1)
	}
	require.ErrorIs(t, results.Err(), gstats.ErrTooManyNames)
	require.Equal(t, 65536, strings.Count(results.String(), `\`)/2)
}
