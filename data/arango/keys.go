package arango

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// longestKey leaves room for two in an edge's key: ArangoDB's limit is 254
// bytes.
const longestKey = 110

// vertexKeys are unique keys of symbols: what a key may not hold is
// written as % and two hexadecimal digits.
func vertexKeys(symbols []string) []string {
	keys := make([]string, len(symbols))
	for i, s := range symbols {
		var b strings.Builder
		for _, c := range []byte(s) {
			if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		if b.Len() == 0 {
			b.WriteByte('%') // no key is empty
		}
		if keys[i] = b.String(); len(keys[i]) > longestKey {
			sum := sha256.Sum256([]byte(s))
			keys[i] = keys[i][:longestKey-33] + "." + hex.EncodeToString(sum[:16])
		}
	}
	return keys
}

// edgeKeys are made of the keys of the ends, with a number where the same two
// nodes are joined again. No vertex key holds a colon.
func edgeKeys(g Saved, nodes []string) []string {
	keys := make([]string, g.Data.NumEdges())
	taken := make(map[string]bool, len(keys))
	for k, source := range g.Data.Sources() {
		pair := nodes[source] + ":" + nodes[g.Data.Targets()[k]]
		key := pair
		for n := 2; taken[key]; n++ {
			key = pair + ":" + strconv.Itoa(n)
		}
		keys[k], taken[key] = key, true
	}
	return keys
}
