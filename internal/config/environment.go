package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/spelling"
)

// maxSecret bounds in bytes a file that holds a secret.
const maxSecret = 64 << 10

// settings is what the environment sets, under the variables' own names.
type settings struct {
	values map[string]string
	as     map[string]string // the name that was used: an alias, or NAME_FILE
}

func (s settings) has(name string) bool { _, ok := s.as[name]; return ok }

// reject adds a fault of v's value; its default stands in for the checks that
// follow, so that they do not report it again.
func (s settings) reject(v variable, f *fault.Error, faults *fault.List) {
	faults.Add(f)
	delete(s.values, v.name)
}

// rename gives faults of other packages, which know a variable's own name alone,
// the name under which it is set.
func (s settings) rename(faults fault.List) {
	for i, one := range faults {
		f := *fault.Of(one)
		as, set := s.as[f.Where]
		if !set || as == f.Where {
			continue
		}
		f.What = regexp.MustCompile(`\b`+f.Where+`\b`).ReplaceAllLiteralString(f.What, as)
		f.Where = as
		faults[i] = &f
	}
}

// gather finds each variable under its names. needs tells which must be set.
func gather(environ map[string]string, needs func(variable) bool, faults *fault.List) settings {
	s := settings{values: map[string]string{}, as: map[string]string{}}
	for _, g := range groups {
		for _, v := range g.vars {
			name, value, ok := find(v, environ, faults)
			if !ok {
				if needs(v) {
					faults.Add(fault.Input("%s is not set", v.name).At("%s", v.name).Fix("set it to %s", v.want()))
				}
				continue
			}
			s.values[v.name], s.as[v.name] = value, name
			switch {
			case v.address && withoutUser(value) != value:
				s.reject(v, fault.Input("%s holds a user or password, which an address would show in logs", name).At("%s", name).Fix("leave them out of it"), faults)
			case len(v.values) > 0 && !slices.Contains(v.values, value):
				s.reject(v, v.unknown(name, value), faults)
			}
		}
	}
	return s
}

// unknown is the fault of a value that is none of an enumeration.
func (v variable) unknown(name, value string) *fault.Error {
	f := v.wrong(name, value)
	if meant := spelling.Closest(value, v.values); meant != "" && len(v.values) > 1 {
		return f.Fix("%s (did you mean %s?)", f.Remedy, meant)
	}
	return f
}

// find is the name that v is set under, and its value.
func find(v variable, environ map[string]string, faults *fault.List) (name, value string, ok bool) {
	var used []string
	for _, n := range v.names() {
		if environ[n] != "" {
			used = append(used, n)
		}
	}
	if v.secret {
		for _, n := range v.names() {
			if environ[n+"_FILE"] != "" {
				used = append(used, n+"_FILE")
			}
		}
	}
	if len(used) == 0 {
		return "", "", false
	}
	name = used[0]
	value = environ[name]
	reject := func(remedy, format string, a ...any) {
		faults.Add(fault.Input(format, a...).At("%s", name).Fix("%s", remedy))
	}
	const unsetOne = "unset one of them"
	for _, other := range used[1:] {
		switch {
		case strings.HasSuffix(other, "_FILE") && v.secret:
			reject(unsetOne, "%s and %s are both set", name, other)
		case environ[other] != value && v.secret:
			reject(unsetOne, "%s and %s are both set and differ", name, other)
		case environ[other] != value:
			reject(unsetOne, "%s is %s and its other name %s is %s", name, v.show(value), other, v.show(environ[other]))
		}
	}
	if v.secret {
		value = v.findSecret(name, value, faults)
	} else {
		value = literal(name, value, v.show, faults)
		checkPath(v, name, value, faults)
	}
	return name, value, true
}

// findSecret is a secret that is set as name: by itself, or as the file that
// NAME_FILE names.
func (v variable) findSecret(name, value string, faults *fault.List) string {
	if strings.HasSuffix(name, "_FILE") {
		// Not the value: it may be the secret itself, put there by mistake.
		path := literal(name, value, func(string) string { return "(a path)" }, faults)
		var err error
		if value, err = readSecret(path); err != nil {
			faults.Add(fault.Input("reading the file of %s: %w", name, err).At("%s", name).Fix("set it to a file that holds the secret"))
			return ""
		}
	}
	if wrong, clean := secretFault(name, value); wrong != nil {
		faults.Add(wrong)
		return clean
	}
	return value
}

// readSecret is the content of a file without the newline at its end. The
// error does not name the file.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", systemError(err)
	}
	if !info.Mode().IsRegular() { // a pipe or a device might never end
		return "", errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", systemError(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", systemError(err)
	}
	if len(b) > maxSecret {
		return "", fmt.Errorf("it has more than %d bytes", maxSecret)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if text == "" {
		return "", errors.New("it is empty")
	}
	return text, nil
}

// systemError is the operating system's error without the path.
func systemError(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// parse reads variables into a part, a pointer to a struct with env tags. A
// value that cannot be read is rejected.
func parse(part any, s settings, faults *fault.List) {
	var failed env.AggregateError
	err := env.ParseWithOptions(part, env.Options{Environment: s.values})
	if err == nil {
		return
	}
	if !errors.As(err, &failed) {
		panic(fmt.Sprintf("reading the environment into %T: %v", part, err))
	}
	for _, err := range failed.Errors {
		var wrong env.ParseError
		if !errors.As(err, &wrong) {
			panic(fmt.Sprintf("reading the environment into %T: %v", part, err))
		}
		v := lookup(variableOf(part, wrong.Name))
		name, value := s.as[v.name], s.values[v.name]
		f := v.wrong(name, value)
		if errors.Is(wrong.Err, strconv.ErrRange) {
			f = fault.Input("%s is %s, which is too large", name, v.show(value)).At("%s", name).Fix("set %s", v.want())
		}
		s.reject(v, f, faults)
	}
	reflect.ValueOf(part).Elem().SetZero()
	parse(part, s, faults)
}

// variableOf is the variable that a field of part is read from.
func variableOf(part any, field string) string {
	f, _ := reflect.TypeOf(part).Elem().FieldByName(field)
	name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
	return name
}
