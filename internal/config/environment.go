package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caarlos0/env/v11"
)

// maxSecret bounds in bytes a file that holds a secret.
const maxSecret = 64 << 10

// settings is what the environment sets, under the variables' own names.
type settings struct {
	values map[string]string
	as     map[string]string // the name that was used: an alias, or NAME_FILE
}

func (s settings) has(name string) bool { _, ok := s.as[name]; return ok }

// gather finds each variable under its names; missing tells of one that is
// needed and not set.
func gather(environ map[string]string, needs func(variable) bool, p *problems) settings {
	s := settings{values: map[string]string{}, as: map[string]string{}}
	for _, g := range groups {
		for _, v := range g.vars {
			name, value, ok := find(v, environ, p)
			if ok && v.address && withoutUser(value) != value {
				p.add("%s holds a user or password, which an address would show in logs: leave them out of it", name)
				s.as[v.name] = name // told: its default stands in
			} else if ok {
				s.values[v.name], s.as[v.name] = value, name
			} else if needs(v) {
				p.add("%s is not set: set it to %s", v.name, v.want)
			}
		}
	}
	return s
}

// find is the name that v is set under, and its value.
func find(v variable, environ map[string]string, p *problems) (name, value string, ok bool) {
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
	for _, other := range used[1:] {
		switch {
		case strings.HasSuffix(other, "_FILE") && v.secret:
			p.add("%s and %s are both set: unset one of them", name, other)
		case environ[other] != value && v.secret:
			p.add("%s and %s are both set and differ: unset one of them", name, other)
		case environ[other] != value:
			p.add("%s is %s and its other name %s is %s: unset one of them", name, v.show(value), other, v.show(environ[other]))
		}
	}
	if v.secret {
		if strings.HasSuffix(name, "_FILE") {
			var err error
			if value, err = readSecret(value); err != nil {
				// not the value: it may be the secret itself, put there by mistake
				p.add("%s must name a file that holds the secret: %w", name, err)
			}
		}
		return name, value, true
	}
	switch {
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		p.add("%s is %s: remove what is not printable", name, v.show(value))
	case strings.TrimSpace(value) != value:
		p.add("%s is %s: remove the space around it", name, v.show(value))
	}
	return name, value, true
}

// readSecret is the content of a file without the newline at its end. The
// error does not name the file.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", reason(err)
	}
	if !info.Mode().IsRegular() { // a pipe or a device might never end
		return "", errors.New("that is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", reason(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", reason(err)
	}
	if len(b) > maxSecret {
		return "", fmt.Errorf("that file has more than %d bytes", maxSecret)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if text == "" {
		return "", errors.New("that file is empty")
	}
	return text, nil
}

// reason is what the operating system said, without the path.
func reason(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// refuseLater tells of all that is set which only a later version knows.
func refuseLater(s settings, p *problems) {
	for _, g := range groups {
		if g.later == "" {
			continue
		}
		var set []string
		for _, v := range g.vars {
			if s.has(v.name) {
				set = append(set, s.as[v.name])
			}
		}
		if len(set) > 0 {
			p.add("%s set, but %s is not in this version yet: unset %s, and %s", are(set), g.title, them(set), g.later)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(laterValues)) {
		if value := s.values[name]; slices.Contains(laterValues[name], value) {
			p.add("%s=%s is not in this version yet: set %s", name, value, lookup(name).want)
			delete(s.values, name) // told: its default stands in
		}
	}
}

func are(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + " are"
}

func them(names []string) string {
	if len(names) == 1 {
		return "it"
	}
	return "them"
}

// parse reads variables into a part, a pointer to a struct with env tags. What
// cannot be read is told, and its default stands in, so that the checks that
// follow do not tell it again.
func parse(part any, values map[string]string, p *problems) {
	var failed env.AggregateError
	err := env.ParseWithOptions(part, env.Options{Environment: values})
	if err == nil {
		return
	}
	if !errors.As(err, &failed) {
		panic(fmt.Sprintf("reading the environment into %T: %v", part, err))
	}
	rest := maps.Clone(values)
	for _, err := range failed.Errors {
		var wrong env.ParseError
		if !errors.As(err, &wrong) {
			panic(fmt.Sprintf("reading the environment into %T: %v", part, err))
		}
		name := variableOf(part, wrong.Name)
		if errors.Is(wrong.Err, strconv.ErrRange) {
			p.add("%s is %s, which is too large: set %s", name, lookup(name).show(values[name]), lookup(name).want)
		} else {
			p.wrong(lookup(name), values[name])
		}
		delete(rest, name)
	}
	reflect.ValueOf(part).Elem().SetZero()
	parse(part, rest, p)
}

// variableOf is the variable that a field of part is read from.
func variableOf(part any, field string) string {
	f, _ := reflect.TypeOf(part).Elem().FieldByName(field)
	name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
	return name
}
