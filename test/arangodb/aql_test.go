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
		s.Insert("market", "candles", false, object{"_key": string(rune('a' + i)), "symbol": symbol, "t": i, "o": object{"a b": []int{i, -i}}})
	}
	s.Insert("market", "candles", false, object{"_key": "g", "symbol": nil, "t": "7"})
	binds := object{"@c": "candles", "n": 2, "list": []any{3, 1, 2}, "name": "t", "o": object{"x": 1}}
	type meaning struct{ query, want string }
	meanings := []meaning{
		// Literals and operators.
		{`RETURN 1`, `[1]`},
		{`return [null, TRUE, "a\"b", 'c', -1.5e1, {a: 1, "b": 2, [CONCAT("c", 1)]: 3, @name: 4}]`, `[[null,true,"a\"b","c",-15,{"a":1,"b":2,"c1":3,"t":4}]]`},
		{`LET a = 1 RETURN {a, b: a + 1}`, `[{"a":1,"b":2}]`},
		{`RETURN 1 + 2 * 3 - 4 / 2 % 3`, `[5]`},
		{`RETURN [7 / 2, 7 % 3, 1 / 0, "3" + true, null + 1, -"2", [5] * 2]`, `[[3.5,1,null,4,1,-2,10]]`},
		{`RETURN [1 == 1.0, 1 == "1", "a" != "A", [1] == [1], {a: 1} == {a: 1}]`, `[[true,false,true,true,true]]`},
		{`RETURN [1 || 2, 0 || 2, 1 && 2, NOT 1, !0, null OR "", 1 AND 0]`, `[[1,2,2,false,true,"",0]]`},
		{`RETURN [2 IN [1, 2], 3 NOT IN [1, 2], 1 IN 1, true ? 1 : 2, 0 ?: 3]`, `[[true,true,false,1,3]]`},
		{`RETURN ["abc" LIKE "a%", "abc" LIKE "_b", "a%c" LIKE "a\\%c"]`, `[[true,false,true]]`},
		{`RETURN NOT 1 == 2`, `[false]`}, // NOT holds more firmly
		{`RETURN 1 < 2 == true`, `[true]`},
		{`RETURN (1..3)[-1]`, `[3]`},
		{`FOR i IN 3..1 RETURN i`, `[3,2,1]`},
		{"RETURN {`a-b`: 1}.`a-b` // a comment\n/* and one */", `[1]`},
		// The order of types, and of strings.
		{`FOR v IN [{}, [], "", 0, true, false, null] SORT v RETURN v`, `[null,false,true,0,"",[],{}]`},
		{`RETURN [null < false, true < 0, 1e9 < "", "z" < [], [9] < {}, null == false]`, `[[true,true,true,true,true,false]]`},
		{`FOR v IN ["b", "B", "a", "A", "_", "1", "ab"] SORT v RETURN v`, `["_","1","a","A","ab","b","B"]`},
		{`FOR v IN [[2], [1, 2], [1]] SORT v DESC RETURN v`, `[[2],[1,2],[1]]`},
		{`RETURN [{a: 1} < {a: 2}, {b: 1} < {a: 1}, {a: 1} == {a: 1, b: null}]`, `[[true,true,true]]`},
		// Statements.
		{`FOR d IN @@c FILTER d.symbol == "btc" SORT d.t RETURN d.t`, `[0,2,5]`},
		{`FOR d IN candles FILTER d.t >= @n FILTER d.t < 5 SORT d.symbol DESC, d.t RETURN [d.symbol, d.t]`, `[["sol",3],["eth",4],["btc",2]]`},
		{`FOR d IN @@c SORT d._key LIMIT 2 RETURN d._key`, `["a","b"]`},
		{`FOR d IN @@c SORT d._id LIMIT 1, @n RETURN d._id`, `["candles/b","candles/c"]`},
		{`FOR x IN @list LET y = x * 2 FILTER y > 2 SORT y RETURN y`, `[4,6]`},
		{`FOR d IN @@c FILTER d[@name] == 0 RETURN [d.@name, d["o"]["a b"], d.nothing.more]`, `[[0,[0,0],null]]`},
		{`FOR a IN [1, 2] FOR b IN [a, 10] RETURN a + b`, `[2,11,4,12]`},
		{`FOR d IN @@c FILTER d.t < 1 RETURN DISTINCT d.symbol`, `["btc"]`},
		{`FOR d IN @@c COLLECT WITH COUNT INTO n RETURN n`, `[7]`},
		{`FOR d IN [] COLLECT WITH COUNT INTO n RETURN n`, `[0]`},
		{`FOR d IN @@c COLLECT s = d.symbol WITH COUNT INTO n RETURN {s, n}`, `[{"n":1,"s":null},{"n":3,"s":"btc"},{"n":2,"s":"eth"},{"n":1,"s":"sol"}]`},
		{
			`FOR d IN @@c FILTER d.symbol COLLECT s = d.symbol AGGREGATE a = MIN(d.t), b = MAX(d.t), c = SUM(d.t), n = LENGTH(1), m = AVERAGE(d.t) FILTER n > 1 RETURN [s, a, b, c, n, m]`,
			`[["btc",0,5,7,3,2.3333333333333335],["eth",1,4,5,2,2.5]]`,
		},
		{`FOR d IN @@c COLLECT AGGREGATE u = UNIQUE(d.symbol), n = COUNT_DISTINCT(d.symbol) RETURN [LENGTH(u), n]`, `[[4,4]]`},
		{`FOR d IN [] COLLECT AGGREGATE a = MIN(d), s = SUM(d) RETURN [a, s]`, `[[null,null]]`},
		// Functions.
		{`RETURN MERGE({a: 1, b: 2}, {b: 3}, @o)`, `[{"a":1,"b":3,"x":1}]`},
		{`FOR d IN @@c FILTER d._key == "a" RETURN MERGE({_key: d._key, _from: d._from}, KEEP(d, ["t", "none"]), UNSET(d, "o", "_rev", "_id"))`, `[{"_from":null,"_key":"a","symbol":"btc","t":0}]`},
		{`FOR d IN @@c FILTER d._key == "a" RETURN [ATTRIBUTES(d, true, true), LENGTH(ATTRIBUTES(d)), HAS(d, "t"), HAS(d, "u")]`, `[[["o","symbol","t"],6,true,false]]`},
		{`RETURN [LENGTH("äö"), LENGTH([1]), LENGTH({a: 1}), LENGTH(null), LENGTH(candles), COUNT(@@c)]`, `[[2,1,1,0,7,7]]`},
		{`RETURN [TO_NUMBER(" 1.5"), TO_NUMBER("x"), TO_NUMBER([2]), TO_STRING(1.0), TO_STRING(null), TO_STRING([1, "a"]), TO_BOOL("")]`, `[[1.5,0,2,"1","","[1,\"a\"]",false]]`},
		{`RETURN [IS_NULL(null), IS_NUMBER("1"), IS_STRING("1"), IS_ARRAY([]), IS_OBJECT({}), IS_BOOL(false), NOT_NULL(null, 2)]`, `[[true,false,true,true,true,true,2]]`},
		{`RETURN [CONCAT("a", 1, null, true), CONCAT(["b", "c"]), FLOOR(-1.5), CEIL(1.2), ROUND(2.5), ABS(-1), LOWER("Ä"), UPPER("a"), STARTS_WITH("abc", "ab")]`, `[["a1true","bc",-2,2,3,1,"ä","A",true]]`},
		{`RETURN [MIN([3, null, 1]), MAX([]), SUM([1, null, 2]), MAX(["a", 9])]`, `[[1,null,3,"a"]]`},
		{`RETURN [DOCUMENT("candles/b").t, DOCUMENT(candles, "c").t, DOCUMENT("candles/none"), LENGTH(DOCUMENT(candles, ["a", "none"]))]`, `[[1,2,null,1]]`},
		{
			`RETURN [PARSE_IDENTIFIER("a/b"), PARSE_KEY("a/b"), PARSE_IDENTIFIER(1), IS_SAME_COLLECTION(candles, "candles/x"), IS_SAME_COLLECTION("a", "candles/x")]`,
			`[[{"collection":"a","key":"b"},"b",null,true,false]]`,
		},
		{`FOR c IN COLLECTIONS() FILTER NOT STARTS_WITH(c.name, "_") SORT c.name RETURN c.name`, `["assets","candles","related"]`},
	}
	if !s.Real() { // an order that is not asked for is the server's own matter
		meanings = append(meanings,
			meaning{`FOR d IN @@c FILTER d.symbol == "btc" RETURN d.t`, `[0,2,5]`},
			meaning{`FOR d IN @@c LIMIT 1, @n RETURN d._id`, `["candles/b","candles/c"]`},
			meaning{`FOR d IN @@c RETURN DISTINCT d.symbol`, `["btc","eth","sol",null]`},
			meaning{`FOR d IN @@c COLLECT AGGREGATE u = UNIQUE(d.symbol) RETURN u`, `[["btc","eth","sol",null]]`},
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
		`FOR d IN`:                           1501,
		`RETURN 1 +`:                         1501,
		`RETURN "a`:                          1501,
		`RETURN {a: }`:                       1501,
		`RETURN 1 RETURN 2`:                  1501,
		`FOR d IN assets`:                    1501,
		`RETURN #`:                           1501,
		`RETURN NOSUCH(1)`:                   1540,
		`RETURN FLOOR()`:                     1541,
		`FOR a IN [1] FOR a IN [2] RETURN a`: 1511,
		`RETURN @a`:                          1551,
		`FOR d IN @@a RETURN d`:              1551,
		`FOR d IN nowhere RETURN d`:          1203,
		`RETURN nowhere`:                     1203,
		`RETURN assets`:                      1568,
		`FOR d IN 7 RETURN d`:                1563,
		`FOR d IN assets LIMIT "a" RETURN d`: 1504,
		`FOR d IN [1] COLLECT AGGREGATE a = CONCAT(d) RETURN a`: 1574,
		`FOR d IN [1] COLLECT a = d RETURN d`:                   1203, // d is gone
		`RETURN 1..1e9`:                                         32,
	}
	if !s.Real() { // what only this server does not know
		for _, query := range []string{
			`RETURN (FOR d IN assets RETURN d)`,
			`FOR d IN assets RETURN d[*].a`,
			`FOR v, e IN 1..2 OUTBOUND "a/b" related RETURN v`,
			`FOR v IN OUTBOUND "a/b" related RETURN v`,
			`FOR d IN assets REMOVE d IN assets`,
			`INSERT {} INTO assets`,
			`FOR d IN assets COLLECT a = d.a INTO g RETURN g`,
			`RETURN my::own(1)`,
		} {
			refused[query] = 1501
		}
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
	for _, seed := range []string{"FOR d IN assets FILTER d.a[0] == @x SORT d LIMIT 1, 2 RETURN {d, [d.b]: -1.5e3}", "RETURN 1..3 ? 'a' LIKE `b`", "FOR a IN", `{"a":[1.0,"\u00e9"]}`} {
		f.Add(seed)
	}
	s := fill(arangodb.New(arangodb.Options{User: user, Password: password})) // whatever a real one says
	f.Fuzz(func(t *testing.T, text string) {
		ask(t, s, "POST", "/_db/market/_api/query", jsonOf(t, object{"query": text}))
		ask(t, s, "POST", "/_db/market/_api/cursor", jsonOf(t, object{"query": text, "options": object{"stream": true, "maxRuntime": 0.1}, "batchSize": 5}))
		ask(t, s, "POST", "/_db/market/_api/import?collection=assets&type=auto&overwrite=true", text)
	})
}
