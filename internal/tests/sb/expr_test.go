package sb_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

func TestBuiltFilters(t *testing.T) {
	for want, expr := range map[string]sb.Expr{
		"":                             sb.All(),
		"numplayers > 0":               sb.Where("numplayers").Greater(0),
		"numplayers >= -1":             sb.Where("numplayers").AtLeast(-1),
		"numplayers < maxplayers":      sb.Where("numplayers").LessThan("maxplayers"),
		"mapname = 'dm_bay'":           sb.Where("mapname").Is("dm_bay"),
		`hostname != "O'Brien's"`:      sb.Where("hostname").IsNot("O'Brien's"),
		"groupid is null":              sb.Where("groupid").Missing(),
		"groupid is not null":          sb.Where("groupid").Present(),
		"not (a = 1 and b <= 2)":       sb.Not(sb.All(sb.Where("a").Equal(1), sb.Where("b").AtMost(2))),
		"not a != 1":                   sb.Not(sb.Where("a").NotEqual(1)),
		"a = 1 and (b < 2 or c = 'x')": sb.All(sb.Where("a").Equal(1), sb.Expr{}, sb.Any(sb.Where("b").Less(2), sb.Where("c").Is("x"))),
		"hostname like '%war%'":        sb.Any(sb.Where("hostname").Like("%war%")),
	} {
		filter, err := expr.Filter()
		require.NoError(t, err)
		require.Equal(t, want, filter)
		require.Equal(t, want, expr.String())
		_, err = sb.ParseFilter(filter)
		require.NoError(t, err)
	}
	always, err := sb.Any(sb.Where("a").Equal(1), sb.Expr{}).Filter()
	require.NoError(t, err)
	require.Empty(t, always, "one of its conditions is always true")

	for name, expr := range map[string]sb.Expr{
		"a name that is a word":      sb.Where("and").Equal(1),
		"a name that is a number":    sb.Where("20").Is("x"),
		"a name that goes on":        sb.Where("a=1 or b").Is("x"),
		"no name":                    sb.Where("").Is("x"),
		"both quotes":                sb.Where("a").Is(`it's "x"`),
		"a backslash":                sb.Where("a").Is(`x\`),
		"a zero byte":                sb.Where("a").Is("x\x00y"),
		"a line end":                 sb.Where("a").Like("x\ny"),
		"a second name that goes on": sb.Where("a").LessThan("b or 1=1"),
		"deep inside":                sb.All(sb.Where("a").Equal(1), sb.Any(sb.Where("b").Equal(1), sb.Not(sb.Where("c d").Missing()))),
		"not of nothing":             sb.Not(sb.Expr{}),
	} {
		_, err := expr.Filter()
		typed(t, err, err)
		require.Contains(t, expr.String(), "(sb: filter: ", name)
	}
}

// Both halves of a query, at the master.
func TestWhereAndFilter(t *testing.T) {
	master := newMaster(t, sbtest.Config{})
	defer master.Close()
	browser := newBrowser(t, sb.Config{Addr: master.Addr()})
	servers, err := collect(t.Context(), browser, sb.Query{Filter: "numplayers = 0 or numplayers = 12", Where: sb.Where("hostname").Is("Quiet's")})
	require.NoError(t, err)
	require.Equal(t, []string{"Quiet's"}, names(servers))
	require.Equal(t, `(numplayers = 0 or numplayers = 12) and (hostname = "Quiet's")`, master.Requests()[0].Filter)

	_, err = collect(t.Context(), browser, sb.Query{Where: sb.Where("hostname").Is(`'"`)})
	typed(t, err, sb.ErrNotConfigured)
	require.Len(t, master.Requests(), 1, "nothing was sent")
}

// What openspy-core made of filters that were built, and what is made of them here: the same, but for what it cannot do.
func TestFiltersAtOpenSpy(t *testing.T) {
	var all sb.ServerList
	cannot := map[string]bool{"not hostname = 'Alpha'": true, "hostname is not null": true}
	lists := recordedLists(t, "openspy-filters")
	require.Len(t, lists, 23)
	for i, list := range lists {
		config := sb.Config{Game: game, Secret: secret, Addr: "192.0.2.1", Challenge: func() [8]byte { return list.request.Challenge },
			DialContext: list.play(t, [][]byte{list.reply})}
		servers, err := collect(t.Context(), newBrowser(t, config), sb.Query{Filter: list.request.Filter, Fields: list.request.Fields})
		require.NoError(t, err)
		if i == 0 {
			require.Empty(t, list.request.Filter)
			for _, server := range servers {
				require.NoError(t, all.Put(server))
			}
		}
		if cannot[list.request.Filter] {
			require.Empty(t, servers)
			continue
		}
		expr, err := sb.ParseFilter(list.request.Filter)
		require.NoError(t, err)
		var here []string
		for _, server := range all.Snapshot().Filter(expr.Match).All() {
			here = append(here, server.Name())
		}
		require.ElementsMatch(t, names(servers), here, list.request.Filter)
	}
	require.Equal(t, 3, all.Len())
}
