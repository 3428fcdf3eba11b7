package config

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/caarlos0/env/v11"
)

// Public is the effective value of every variable that has one in this run,
// defaults included, as it could be set: what manifest.json holds. Secrets,
// unset variables and those without effect are not in it.
func (c Config) Public() map[string]string {
	return c.values(func(variable) bool { return true })
}

// Settings are those of Public that affect the result: two runs with the
// same ones, on the same data, train the same model.
func (c Config) Settings() map[string]string {
	return c.values(func(v variable) bool { return !v.operational })
}

// Deciding are those of an earlier run's Public values that Settings would be
// made of.
func Deciding(public map[string]string) map[string]string {
	deciding := map[string]string{}
	for _, g := range groups {
		for _, v := range g.vars {
			if value, ok := public[v.name]; ok && !v.operational {
				deciding[v.name] = value
			}
		}
	}
	return deciding
}

func (c Config) values(want func(variable) bool) map[string]string {
	ineffective := c.ineffective()
	fields := c.fields()
	public := map[string]string{}
	for _, g := range groups {
		for _, v := range g.vars {
			field, ok := fields[v.name]
			if _, idle := ineffective[v.name]; !ok || idle || v.secret || !want(v) {
				continue
			}
			if text := format(field); text != "" {
				public[v.name] = withoutUser(text)
			}
		}
	}
	return public
}

// fields are the struct fields by the variable they are read from.
func (c *Config) fields() map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for _, part := range c.parts() {
		v := reflect.ValueOf(part).Elem()
		for i := range v.NumField() {
			if name := variableOf(part, v.Type().Field(i).Name); name != "-" { // a part of its own
				fields[name] = v.Field(i)
			}
		}
	}
	return fields
}

// defaults are the variables' defaults, from the tags of the structs.
func defaults() map[string]string {
	d := map[string]string{}
	for _, part := range new(Config).parts() {
		params, err := env.GetFieldParams(part)
		if err != nil {
			panic(fmt.Sprintf("reading the tags of %T: %v", part, err))
		}
		for _, p := range params {
			d[p.Key] = p.DefaultValue
		}
	}
	return d
}

// format writes a field as its variable is written; "" where it is unset.
func format(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.Format(time.RFC3339)
	default:
		return fmt.Sprint(x)
	}
}
