package arangodb_test

import (
	"regexp"
	"testing"

	"github.com/streamforge/gnn-trainer/test/arangodb"
)

// aql runs a query, and gives its results as JSON.
func aql(t testing.TB, s *arangodb.Server, query string, binds object) (results string, errorNum int) {
	t.Helper()
	_, v := ask(t, s, "POST", "/_db/market/_api/cursor", jsonOf(t, object{"query": query, "bindVars": binds}))
	answer := v.(object)
	if answer["error"] == true {
		return "", int(answer["errorNum"].(float64))
	}
	return jsonOf(t, answer["result"]), 0
}

func TestTheSubsetOfAQLMeansWhatAQLDoes(t *testing.T) {
	s := filled(t)
	for i, symbol := range []string{"btc", "eth", "btc", "sol", "eth", "btc"} {
		s.Insert("market", "candles", false, object{"_key": string(rune('a' + i)), "symbol": symbol, "t": i})
	}
	s.Insert("market", "candles", false, object{"_key": "g", "symbol": nil, "t": "7"})
	binds := object{"@c": "candles", "n": 2, "list": []any{3, 1, 2}, "name": "t", "o": object{"x": 1}}
	type meaning struct{ query, want string }
	meanings := []meaning{
		// Literals and operators.
		{`RETURN 1`, `[1]`},
		{`return [null, TRUE, "a\"b", 'c', 1.5e1, {a: 1, "b": 2}]`, `[[null,true,"a\"b","c",15,{"a":1,"b":2}]]`},
		{`LET a = 1 RETURN {a, b: a}`, `[{"a":1,"b":1}]`},
		{`RETURN [1 == 1.0, 1 == "1", "a" != "A", [1] == [1], {a: 1} == {a: 1}]`, `[[true,false,true,true,true]]`},
		{`RETURN [1 || 2, 0 || 2, 1 && 2, null OR "", 1 AND 0]`, `[[1,2,2,"",0]]`},
		{`RETURN [2 IN [1, 2], 3 IN @list, 1 IN 1]`, `[[true,true,false]]`},
		{`RETURN 1 < 2 == true`, `[true]`},
		{`RETURN 0 == 1 AND 2 OR 3`, `[3]`},
		{`RETURN (1 OR 0) AND 0`, `[0]`},
		// The order of types.
		{`RETURN [null < false, true < 0, 1e9 < "", "z" < [], [9] < {}, null == false, null < 1]`, `[[true,true,true,true,true,false,true]]`},
		{`RETURN [[1, 2] < [2], [1] < [1, 2], {a: 1} < {a: 2}, {b: 1} < {a: 1}, {a: 1} == {a: 1, b: null}]`, `[[true,true,true,true,true]]`},
		// Statements.
		{`FOR d IN @@c FILTER d.symbol == "btc" SORT d.t RETURN d.t`, `[0,2,5]`},
		{`FOR d IN candles FILTER d.t >= @n FILTER d.t < 5 SORT d.symbol DESC, d.t RETURN [d.symbol, d.t]`, `[["sol",3],["eth",4],["btc",2]]`},
		{`FOR d IN @@c SORT d._key LIMIT 2 RETURN d._key`, `["a","b"]`},
		{`FOR d IN @@c SORT d._id LIMIT 1, @n RETURN d._id`, `["candles/b","candles/c"]`},
		{`FOR d IN @@c LET y = TO_NUMBER(d.t) FILTER y > 4 SORT y RETURN y`, `[5,7]`},
		{`FOR d IN @@c FILTER d.@name == 0 RETURN [d.@name, d.nothing.more]`, `[[0,null]]`},
		{`FOR a IN assets FOR b IN assets SORT a._key, b._key RETURN [a._key, b._key]`, `[["btc","btc"],["btc","eth"],["eth","btc"],["eth","eth"]]`},
		{`FOR d IN @@c COLLECT WITH COUNT INTO n RETURN n`, `[7]`},
		{`FOR d IN @@c FILTER d.t == "none" COLLECT WITH COUNT INTO n RETURN n`, `[0]`},
		{`FOR d IN @@c FILTER d.symbol == "btc" COLLECT AGGREGATE newest = MAX(d.t) RETURN newest`, `[5]`},
		{`FOR d IN @@c COLLECT AGGREGATE newest = MAX(d.nothing) RETURN newest`, `[null]`},
		// Functions.
		{`RETURN MERGE({a: 1, b: 2}, {b: 3}, @o)`, `[{"a":1,"b":3,"x":1}]`},
		{`FOR d IN @@c FILTER d._key == "a" RETURN MERGE({_key: d._key, _from: d._from}, KEEP(d, ["t", "none"]), UNSET(d, "t", "_rev", "_id"))`, `[{"_from":null,"_key":"a","symbol":"btc","t":0}]`},
		{`RETURN [TO_NUMBER(" 1.5"), TO_NUMBER("x"), TO_NUMBER([2]), NOT_NULL(null, 2), NOT_NULL(null)]`, `[[1.5,0,2,2,null]]`},
	}
	if !s.Real() { // an order that is not asked for is the server's own matter
		meanings = append(
			meanings,
			meaning{`FOR d IN @@c FILTER d.symbol == "btc" RETURN d.t`, `[0,2,5]`},
			meaning{`FOR d IN @@c LIMIT 1, @n RETURN d._id`, `["candles/b","candles/c"]`},
			meaning{`FOR d IN @@c LIMIT 5, null RETURN d._key`, `["f","g"]`}, // python-arango writes it
		)
	}
	for _, c := range meanings {
		used := object{}
		for name, v := range binds {
			if regexp.MustCompile("@" + name + `\b`).MatchString(c.query) {
				used[name] = v
			}
		}
		if got, num := aql(t, s, c.query, used); got != c.want {
			t.Errorf("%s\ngives %s (errorNum %d)\nin place of %s", c.query, got, num, c.want)
		}
	}
}

func TestAQLThatIsWrongOrUnknownIsRefused(t *testing.T) {
	s := filled(t)
	refused := map[string]int{
		`FOR d IN`:           1501,
		`RETURN 1 ==`:        1501,
		`RETURN "a`:          1501,
		`RETURN {a: }`:       1501,
		`RETURN 1 RETURN 2`:  1501,
		`FOR d IN assets`:    1501,
		`RETURN #`:           1501,
		`RETURN NOSUCH(1)`:   1540,
		`RETURN TO_NUMBER()`: 1541,
		`FOR a IN assets FOR a IN assets RETURN a`: 1511,
		`RETURN @a`:                          1551,
		`FOR d IN @@a RETURN d`:              1551,
		`FOR d IN nowhere RETURN d`:          1203,
		`RETURN nowhere`:                     1203,
		`RETURN assets`:                      1568,
		`FOR d IN assets LIMIT "a" RETURN d`: 1504,
		`FOR d IN assets COLLECT AGGREGATE a = CONCAT(d) RETURN a`: 1574,
		`FOR d IN assets COLLECT WITH COUNT INTO n RETURN d`:       1203, // d is gone
	}
	if !s.Real() { // what only this server does not know
		for _, query := range []string{
			`RETURN (FOR d IN assets RETURN d)`,
			`FOR d IN [1] RETURN d`,
			`FOR d IN assets RETURN d["a"]`,
			`FOR d IN assets RETURN d[*].a`,
			`FOR v, e IN 1..2 OUTBOUND "a/b" related RETURN v`,
			`FOR v IN OUTBOUND "a/b" related RETURN v`,
			`FOR d IN assets REMOVE d IN assets`,
			`INSERT {} INTO assets`,
			`FOR d IN assets COLLECT a = d.a RETURN a`,
			`FOR d IN assets RETURN DISTINCT d`,
			`RETURN 1 + 1`,
			`RETURN true ? 1 : 2`,
			`RETURN NOT 1`,
		} {
			refused[query] = 1501
		}
		refused[`RETURN LENGTH([])`] = 1540
	}
	for query, want := range refused {
		if got, num := aql(t, s, query, nil); num != want {
			t.Errorf("%s gives %s, errorNum %d in place of %d", query, got, num, want)
		}
	}
	for name, binds := range map[string]object{"unused": {"a": 1, "b": 2}, "data": {"@a": 1}} {
		query, want := `RETURN @a`, 1552
		if name == "data" {
			query, want = `FOR d IN @@a RETURN d`, 1553
		}
		if got, num := aql(t, s, query, binds); num != want {
			t.Errorf("%s gives %s, errorNum %d in place of %d", query, got, num, want)
		}
	}
}

func FuzzAQLAndJSONAreTakenOrRefusedButNeverFatal(f *testing.F) {
	for _, seed := range []string{"FOR d IN assets FILTER d.a == @x SORT d LIMIT 1, 2 RETURN {d, b: [d.b, 1.5e3]}", "COLLECT AGGREGATE a = MAX(1) RETURN 'a' IN a", "FOR a IN", `{"a":[1.0,"\u00e9"]}`} {
		f.Add(seed)
	}
	s := fill(arangodb.New(arangodb.Options{User: user, Password: password})) // whatever a real one says
	f.Fuzz(func(t *testing.T, text string) {
		ask(t, s, "POST", "/_db/market/_api/query", jsonOf(t, object{"query": text}))
		ask(t, s, "POST", "/_db/market/_api/cursor", jsonOf(t, object{"query": text, "options": object{"stream": true, "maxRuntime": 0.1}, "batchSize": 5}))
		ask(t, s, "POST", "/_db/market/_api/import?collection=assets&type=auto&overwrite=true", text)
	})
}
