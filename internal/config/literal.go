package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Nothing between the environment and this program takes quotes off a value or
// puts a folder in the place of ~ and a value in that of $HOME: docker's
// --env-file and the manifests of Kubernetes hand on what is written. A folder
// of that literal name would be made, in WORK_DIR, and be lost with the pod. An
// invisible character makes a name that looks like another one. Both are
// rejected in every variable.

// literal reports what in value, set as name, was meant for a shell or is not
// seen. It returns the value without what can be taken off, so that the checks
// that follow look at what was meant. show quotes a value for a message.
func literal(name, value string, show func(string) string, faults *fault.List) string {
	reject := func(remedy, format string, a ...any) {
		faults.Add(fault.Input("%s is %s, %s", name, show(value), fmt.Sprintf(format, a...)).At("%s", name).Fix("%s", remedy))
	}
	if what, clean := unseen(value); what != "" {
		remedy := "remove it"
		if !utf8.ValidString(value) {
			remedy = "write it in UTF-8"
		}
		reject(remedy, "which %s", what)
		value = clean
	}
	if trimmed := strings.TrimSpace(value); trimmed != value {
		faults.Add(fault.Input("%s is %s", name, show(value)).At("%s", name).Fix("remove the space around it"))
		value = trimmed
	}
	if bare := unquoted(value); bare != value {
		reject("remove the quotes, which no shell takes off here", "in quotes")
		value = bare
	}
	if at := strings.Index(value+" ", " # "); at > 0 {
		reject("remove it, which docker's --env-file keeps", "with a comment behind it")
		value = strings.TrimSpace(value[:at])
	}
	if strings.HasPrefix(value, "~") {
		reject("write the folder itself, since no shell expands ~ here", "which begins with ~")
	}
	if reference := references.FindString(withoutUser(value)); reference != "" && !escaped.MatchString(reference) {
		reject("write the value that is meant, since nothing expands it here", "which holds %.40s", reference)
	}
	if left := placeholders.FindString(value); left != "" {
		reject("write the value that is meant in its place", "which holds the placeholder %.40s", left)
	}
	return value
}

// placeholders finds what documentation writes for a value of the reader's own.
var placeholders = regexp.MustCompile(`<[\pL_][\pL\pN _.:/-]*>`)

// paths are the variables that a file or a folder is named by.
var paths = []string{"STORE_DIR", "WORK_DIR", "DATA_DIR", "CACHE_DIR", "CA_PATH"}

var (
	scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:/`)
	drive  = regexp.MustCompile(`^[A-Za-z]:[\\/]|^\\\\`)
)

// checkPath rejects what would be a folder of that literal name as well: the
// address of a store, and a path of Windows.
func checkPath(v variable, name, value string, faults *fault.List) {
	if !slices.Contains(paths, v.name) {
		return
	}
	switch {
	case scheme.MatchString(value) && v.name == "STORE_DIR":
		faults.Add(fault.Input("%s is %s, an address and no folder", name, v.show(value)).At("%s", name).
			Fix("write a folder, and for a bucket set MINIO_ENDPOINT and MINIO_BUCKET_NAME"))
	case scheme.MatchString(value):
		faults.Add(fault.Input("%s is %s, an address and no path", name, v.show(value)).At("%s", name).Fix("write the path, where it is mounted"))
	case drive.MatchString(value):
		faults.Add(fault.Input("%s is %s, a path of Windows", name, v.show(value)).At("%s", name).Fix("write the path that it has in this system, such as /data"))
	}
}

// references finds what shells, cmd.exe, Kubernetes and templates expand:
// $VAR, ${VAR}, $(VAR), %VAR% and {{ .Var }}.
var references = regexp.MustCompile(`\$[A-Za-z_]\w*|\$\{[^}]*\}?|\$\([^)]*\)?|%[A-Za-z_]\w*%|\{\{[^}]*\}\}`)

// escaped is no reference but the escape of a byte in an address, and what
// follows it.
var escaped = regexp.MustCompile(`^%[0-9A-Fa-f]{2}%$`)

// quotes are the marks that stand around a value: those of shells, and what word
// processors make of them.
const quotes = "\"'`" + "“”„‟‘’‚‛«»‹›" + "″′＂＇「」『』"

// unquoted is value without quotes around it, or around a name of a list or a
// step of a path.
func unquoted(value string) string {
	var b strings.Builder
	for len(value) > 0 {
		end := strings.IndexAny(value, ",/")
		if end < 0 {
			end = len(value)
		}
		part := value[:end]
		inner := strings.Trim(strings.TrimSpace(part), quotes)
		if inner == strings.TrimSpace(part) {
			inner = part // its spaces are not this check's
		}
		b.WriteString(inner)
		b.WriteString(value[end:min(end+1, len(value))])
		value = value[min(end+1, len(value)):]
	}
	return b.String()
}

// secretFault is the fault of a secret that holds what is not seen: a newline at
// its end above all, which breaks every header that it is sent in. The text is
// not shown. clean is value without it.
func secretFault(name, value string) (wrong *fault.Error, clean string) {
	what, clean := unseen(value)
	if what == "" {
		return nil, value
	}
	return fault.Input("%s %s", name, what).At("%s", name).Fix("remove it (printf and echo -n write a secret without a newline)"), clean
}

// unseen describes the first character of value that a reader does not see; "":
// there is none. clean is value without all of them.
func unseen(value string) (what, clean string) {
	if !utf8.ValidString(value) {
		clean = strings.ToValidUTF8(value, "")
		_, clean = unseen(clean)
		return "is not UTF-8", clean
	}
	first := strings.IndexFunc(value, invisible)
	if first < 0 {
		return "", value
	}
	clean = strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, value)
	r, size := utf8.DecodeRuneInString(value[first:])
	rest := value[first+size:]
	verb := "holds"
	switch {
	case first == 0:
		verb = "begins with"
	case rest == "" || strings.IndexFunc(rest, func(r rune) bool { return !invisible(r) }) < 0:
		verb = "ends with"
	}
	return verb + " " + nameOf(r, strings.HasPrefix(rest, "\n")), clean
}

// invisible tells what no reader sees: control and format characters, spaces but
// U+0020, and what fonts show as nothing.
func invisible(r rune) bool {
	return !unicode.IsPrint(r) || r == brailleBlank || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

const brailleBlank = '\u2800'

// nameOf is an invisible character in words.
func nameOf(r rune, beforeNewline bool) string {
	switch {
	case r == '\n':
		return "a newline"
	case r == '\r' && beforeNewline:
		return "a carriage return and a newline"
	case r == '\r':
		return "a carriage return"
	case r == '\t':
		return "a tab"
	case r == '\ufeff':
		return "a byte order mark (U+FEFF)"
	case r == '\u200b':
		return "a zero width space (U+200B)"
	case r == '\u00a0':
		return "a no-break space (U+00A0)"
	case unicode.IsControl(r):
		return fmt.Sprintf("the control character %U", r)
	case unicode.IsSpace(r):
		return fmt.Sprintf("the space %U, which is not the ordinary one", r)
	case unicode.Is(unicode.Bidi_Control, r):
		return fmt.Sprintf("the invisible mark of direction %U", r)
	}
	return fmt.Sprintf("the invisible character %U", r)
}

// ofLibraries are variables that libraries read, with effects of their own where
// a value is in quotes: a GPU that is not found, a proxy that is not asked.
var ofLibraries = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MKL_NUM_THREADS",
}

// checkLibraries rejects the same in these.
func checkLibraries(environ map[string]string, faults *fault.List) {
	for _, name := range ofLibraries {
		literal(name, environ[name], func(value string) string { return shortQuote(withoutUser(value)) }, faults)
	}
}

// shortQuote quotes a value, whose end is left out where it is long.
func shortQuote(value string) string {
	const most = 80
	quoted := fmt.Sprintf("%q", value)
	for n := most; len(quoted) > most+4; n -= 4 {
		short := value[:min(n, len(value))]
		for !utf8.ValidString(short) && utf8.ValidString(value) {
			short = short[:len(short)-1]
		}
		quoted = fmt.Sprintf("%q", short) + "..."
	}
	return quoted
}
