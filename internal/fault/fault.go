// Package fault is the error type of the project: what is wrong, where, what to
// do about it, and of which kind it is. Packages return it; logs, telemetry,
// doctor and exit codes read its fields, and nobody takes a sentence apart. It
// imports nothing of the project and writes nothing anywhere.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind says who can fix an error. It is an error itself, so that
// errors.Is(err, fault.ErrInput) holds for an Error of that kind.
type Kind string

// The kinds. An error without one counts as internal.
const (
	ErrInput     Kind = "input"     // settings or data are wrong: the user corrects them
	ErrRejected  Kind = "rejected"  // a server, a file system or a driver rejects the run: its rights, keys or set-up are wrong
	ErrTransient Kind = "transient" // it may go away by itself: a retry is worth it
	ErrInternal  Kind = "internal"  // a defect of the program, or a cause nobody foresaw
)

// Error implements error.
func (k Kind) Error() string {
	switch k {
	case ErrInput:
		return "bad input"
	case ErrTransient:
		return "temporary failure"
	case ErrInternal:
		return "internal error"
	}
	return string(k)
}

// Permanent tells whether a retry would end the same.
func (k Kind) Permanent() bool { return k == ErrInput || k == ErrRejected }

// Error is one fault. Make it with Input, Rejected, Transient or Internal:
//
//	fault.Input("line %d has %d fields", line, n).At("%s", path).Fix("write %d, as the header does", want)
//	fault.Rejected("the brokers reject the user: %w", err).Fix("check KAFKA_USER and KAFKA_PASSWORD")
//
// It must not be changed once it is returned.
type Error struct {
	Kind   Kind   `json:"kind"`
	What   string `json:"what"`   // the fault with its causes, without the remedy
	Where  string `json:"where"`  // the file, row, variable or server; empty: there is none
	Remedy string `json:"remedy"` // in the imperative; empty: none is known

	cause error
}

// Input is a fault of settings or data. As in fmt.Errorf, %w wraps a cause: the
// cause's remedy and place stand at the end of the sentence unless Fix and At
// replace them.
func Input(format string, a ...any) *Error { return newError(ErrInput, fmt.Errorf(format, a...)) }

// Rejected is a fault that a server, a file system or a driver reports; see
// Input.
func Rejected(format string, a ...any) *Error {
	return newError(ErrRejected, fmt.Errorf(format, a...))
}

// Transient is a fault that may go away by itself; see Input.
func Transient(format string, a ...any) *Error {
	return newError(ErrTransient, fmt.Errorf(format, a...))
}

// Internal is a defect of the program; see Input.
func Internal(format string, a ...any) *Error {
	return newError(ErrInternal, fmt.Errorf(format, a...))
}

// Wrap adds words around a fault, whose kind stays; see Input. An error without
// a kind becomes internal.
func Wrap(format string, a ...any) *Error { return Of(fmt.Errorf(format, a...)) }

func newError(kind Kind, err error) *Error {
	e := *Of(err)
	e.Kind, e.cause = kind, err
	return &e
}

// At is e with its place.
func (e *Error) At(format string, a ...any) *Error {
	other := *e
	other.Where = fmt.Sprintf(format, a...)
	return &other
}

// Fix is e with its remedy, in the imperative and without a full stop.
func (e *Error) Fix(format string, a ...any) *Error {
	other := *e
	other.Remedy = fmt.Sprintf(format, a...)
	return &other
}

// Found is what was found and where, without the remedy. A place that What
// names already is not repeated.
func (e *Error) Found() string {
	if strings.Contains(e.What, e.Where) {
		return e.What
	}
	return e.What + ", " + e.Where
}

// longest is how many characters a sentence may have for a reader to take it in:
// 300 with the word that an event begins with.
const longest = 290

// Error is the fault as one sentence: "what, where: remedy". What is shortened in
// its middle where a value in it makes the sentence too long.
func (e *Error) Error() string {
	sentence := e.sentence()
	if over := utf8.RuneCountInString(sentence) - longest; over > 0 && e.Kind != ErrInternal {
		short := *e
		short.What = shorten(e.What, over)
		return short.sentence()
	}
	return sentence
}

func (e *Error) sentence() string {
	if e.Remedy == "" {
		return e.Found()
	}
	return e.Found() + ": " + e.Remedy
}

// shorten takes so many characters out of the middle of a text, of which the
// beginning and the end say most.
func shorten(text string, over int) string {
	const mark, least = " ... ", 60
	runes := []rune(text)
	keep := max(len(runes)-over-len(mark), least)
	if keep+len(mark) >= len(runes) {
		return text
	}
	head := keep * 2 / 3
	return string(runes[:head]) + mark + string(runes[len(runes)-(keep-head):])
}

// Is implements what errors.Is asks: the kind of an Error matches it.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// Unwrap gives what %w wrapped.
func (e *Error) Unwrap() error { return e.cause }

// Of reads any error as a fault; nil stays nil. The words that callers put
// around a fault (fmt.Errorf("opening the store: %w", err)) become part of
// What. An error of several faults is one whose What tells all of them.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok {
		return e
	}
	e := &Error{Kind: KindOf(err), What: err.Error(), cause: err}
	if e.Kind == "" {
		e.Kind = ErrInternal
	}
	if inner := collect(err, nil); len(inner) == 1 {
		e.What = strings.Replace(e.What, inner[0].Error(), inner[0].What, 1)
		e.Where, e.Remedy = inner[0].Where, inner[0].Remedy
	}
	return e
}

// collect adds the outermost faults of err's tree to found.
func collect(err error, found []*Error) []*Error {
	switch e := err.(type) {
	case *Error:
		return append(found, e)
	case interface{ Unwrap() error }:
		return collect(e.Unwrap(), found)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			found = collect(one, found)
		}
	}
	return found
}

// Text is err for people: each fault that it holds as one sentence, a line each,
// with the words that callers put around it.
func Text(err error) string {
	var all List
	all.Add(err)
	lines := make([]string, len(all))
	for i, one := range all {
		lines[i] = Of(one).Error()
	}
	return strings.Join(lines, "\n")
}

// KindOf is the kind of the outermost fault of err; of several side by side
// the one that a retry helps least. It is empty where err holds none. Exit
// codes go by it, and not by errors.Is, which finds the kinds of causes too.
func KindOf(err error) Kind {
	switch e := err.(type) {
	case *Error:
		return e.Kind
	case Kind:
		return e
	case interface{ Unwrap() error }:
		return KindOf(e.Unwrap())
	case interface{ Unwrap() []error }:
		var worst Kind
		for _, one := range e.Unwrap() {
			if k := KindOf(one); rank(k) > rank(worst) {
				worst = k
			}
		}
		return worst
	}
	return ""
}

func rank(k Kind) int {
	for i, one := range []Kind{"", ErrTransient, ErrInternal, ErrRejected, ErrInput} {
		if k == one {
			return i
		}
	}
	return 0
}

// Permanent tells whether a retry would end the same.
func Permanent(err error) bool { return KindOf(err).Permanent() }

// List collects faults, so that a user sees all at once. Its zero value
// is empty.
type List []error

// Add adds err, or each of what it joins; nil, and what the list holds already,
// is left out.
func (l *List) Add(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && isJoined(err) {
		for _, one := range joined.Unwrap() {
			l.Add(one)
		}
		return
	}
	for _, old := range *l {
		if old.Error() == err.Error() {
			return
		}
	}
	*l = append(*l, err)
}

var joinType = fmt.Sprintf("%T", errors.Join(errors.New("")))

// isJoined tells a mere list of errors from one with words of its own.
func isJoined(err error) bool {
	_, list := err.(List)
	return list || fmt.Sprintf("%T", err) == joinType
}

// Err is nil where the list is empty, the only error where it has one, else the
// list.
func (l List) Err() error {
	switch len(l) {
	case 0:
		return nil
	case 1:
		return l[0]
	}
	return l
}

// Error tells all, a line each.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, err := range l {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the errors.
func (l List) Unwrap() []error { return l }
