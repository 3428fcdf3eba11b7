package nn

import (
	"strings"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// script is a TorchScript module that fill has filled; where fill panics, it is
// freed.
func script(class string, fill func(*torch.Module)) *torch.Module {
	m := torch.NewModule(class)
	filled := false
	defer func() {
		if !filled {
			m.Close()
		}
	}()
	fill(m)
	filled = true
	return m
}

// child hands a submodule over to its parent.
func child(parent *torch.Module, name string, m *torch.Module) {
	defer m.Close()
	parent.Child(name, m)
}

// scriptModule is a TorchScript module that holds the given parameters, with one
// level of submodules for each dot in their names.
func scriptModule(class, source string, parameters []Parameter) *torch.Module {
	return script(class, func(m *torch.Module) {
		var children []string
		nested := map[string][]Parameter{}
		for _, p := range parameters {
			name, rest, dotted := strings.Cut(p.Name, ".")
			if !dotted {
				m.Parameter(p.Name, p.Tensor)
				continue
			}
			if nested[name] == nil {
				children = append(children, name)
			}
			p.Name = rest
			nested[name] = append(nested[name], p)
		}
		for _, name := range children {
			child(m, name, scriptModule(class+"_"+name, "", nested[name]))
		}
		if source != "" {
			m.Define(source)
		}
	})
}
