package remedies

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

// settingsFiles hold the messages about variables.
var settingsFiles = []string{
	"internal/config/check.go", "internal/config/environment.go", "internal/config/literal.go", "internal/config/variables.go", "store/config.go", "kafka/config.go",
	"data/arango/config.go", "data/binance/config.go", "internal/kubeflow/config.go", "internal/metrics/config.go", "data/source/exclude.go",
}

// uncovered are those of their messages that no trial has, and why.
var uncovered = map[string]string{
	"EXCLUDE names %s, which %s has not":                    "the source says so, once it has its symbols",
	"BINANCE_MARKET=%q is no market":                        "config.Load rejects what is none of an enumeration before",
	"ARANGO_URL, address %d (%s), holds a user or password": "config.Load rejects such an address before",
}

// mustCover fails where a message of these files was not among those reported.
func mustCover(t *testing.T, whats []string) {
	t.Helper()
	set, all := sources(t)
	s := scan{set: set, helpers: map[maker]bool{}, lacking: map[string]string{}}
	for _, one := range all {
		if !contains(settingsFiles, one.path) {
			continue
		}
		ast.Inspect(one.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !s.makes(one, call) && !isHelper(call) {
				return true
			}
			format := formatOf(call)
			if isHelper(call) {
				format = lastFormat(call)
			}
			if pattern := patternOf(format); pattern != nil && uncovered[format] == "" && !anyMatches(pattern, whats) {
				t.Errorf("%s: no trial has the message %q", set.Position(call.Pos()), format)
			}
			return true
		})
	}
}

// isHelper tells whether a call is that of a closure bad(variable, remedy, format)
// or reject(remedy, format).
func isHelper(call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.Ident)
	return ok && (f.Name == "bad" || f.Name == "reject")
}

// lastFormat is the last literal text of a call, which these take as their format.
func lastFormat(call *ast.CallExpr) (format string) {
	for _, a := range call.Args {
		if l, ok := a.(*ast.BasicLit); ok {
			format = unquoted(l.Value)
		}
	}
	return format
}

func unquoted(literal string) string {
	return formatOf(&ast.CallExpr{Args: []ast.Expr{&ast.BasicLit{Kind: 9, Value: literal}}})
}

var verb = regexp.MustCompile(`%(\.\d+)?[a-zA-Z]`)

// patternOf matches what a format makes; nil: it says nothing by itself.
func patternOf(format string) *regexp.Regexp {
	if strings.TrimSpace(verb.ReplaceAllString(format, "")) == "" || format == "?" {
		return nil
	}
	var b strings.Builder
	b.WriteString("(?s)")
	at := 0
	for _, m := range verb.FindAllStringIndex(format, -1) {
		b.WriteString(regexp.QuoteMeta(format[at:m[0]]) + ".*")
		at = m[1]
	}
	b.WriteString(regexp.QuoteMeta(format[at:]))
	return regexp.MustCompile(b.String())
}

func anyMatches(pattern *regexp.Regexp, whats []string) bool {
	for _, what := range whats {
		if pattern.MatchString(what) {
			return true
		}
	}
	return false
}
