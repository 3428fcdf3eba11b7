package pyg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// namedClasses are the classes that words of people who trade mean.
var namedClasses = map[string]int{
	"down": 0, "sell": 0, "short": 0, "bear": 0, "bearish": 0, "negative": 0, "neg": 0, "fall": 0, "loss": 0,
	"flat": 1, "hold": 1, "neutral": 1, "same": 1, "sideways": 1, "stable": 1, "unchanged": 1,
	"up": 2, "buy": 2, "long": 2, "bull": 2, "bullish": 2, "positive": 2, "pos": 2, "rise": 2, "gain": 2,
}

// textLabels rejects a y of texts, with what makes classes of them; nil: it is none.
func textLabels(v any) *fault.Error {
	if o, ok := v.(*object); ok && o.class.name == "ndarray" {
		_, kind := o.shapeAndType()
		if kind = strings.TrimLeft(kind, "<>|="); strings.HasPrefix(kind, "U") || strings.HasPrefix(kind, "O") {
			return invalid("y is a numpy.ndarray of strings or objects, and numbers are needed: 0 (down), 1 (flat), 2 (up)").
				Fix("save torch.tensor([{'down': 0, 'flat': 1, 'up': 2}[v] for v in y]), with your three names")
		}
		return nil
	}
	texts, ok := textsOf(v)
	if !ok {
		return nil
	}
	kinds := distinct(texts)
	slices.Sort(kinds)
	none := kinds[0] == ""
	if none {
		kinds = kinds[1:]
	}
	if len(kinds) == 0 {
		kinds = []string{""}
	}
	expression, note := classOf(kinds, none)
	return invalid("y is a list of strings such as %.20q, and numbers are needed: 0 (down), 1 (flat), 2 (up)", kinds[0]).
		Fix("save torch.tensor([%s for v in y])%s", expression, note)
}

// classOf is the expression that makes a class of the text v, one of kinds, or
// none, and what somebody has to know of it.
func classOf(kinds []string, none bool) (expression, note string) {
	if !slices.ContainsFunc(kinds, func(k string) bool { _, err := strconv.Atoi(k); return err != nil }) {
		if none {
			return "int(v or -100)", ""
		}
		return "int(v)", ""
	}
	known := !slices.ContainsFunc(kinds, func(k string) bool { _, ok := namedClasses[strings.ToLower(k)]; return !ok })
	short := !slices.ContainsFunc(kinds, func(k string) bool { return len(k) > 12 || strings.ContainsAny(k, `'\`) })
	class := func(k string) int { return namedClasses[strings.ToLower(k)] }
	switch {
	case known && len(kinds) <= 4:
		slices.SortStableFunc(kinds, func(a, b string) int { return class(a) - class(b) })
	case len(kinds) == 3 && short:
		class = func(k string) int { return slices.Index(kinds, k) }
		note = ", in the order down, flat, up"
	default:
		kinds = []string{"down", "flat", "up"}
		note = ", with your names"
	}
	var pairs []string
	for _, k := range kinds {
		pairs = append(pairs, fmt.Sprintf("'%s': %d", k, class(k)))
	}
	if none {
		return "{" + strings.Join(pairs, ", ") + "}.get(v, -100)", note
	}
	return "{" + strings.Join(pairs, ", ") + "}[v]", note
}
