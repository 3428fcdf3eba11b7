package remedies

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the module's.
const root = "../.."

// parsed is one file, with the node above each.
type parsed struct {
	path   string
	file   *ast.File
	parent map[ast.Node]ast.Node
}

// sources are the module's own files, without tests and what is built.
func sources(t *testing.T) (*token.FileSet, []parsed) {
	t.Helper()
	set := token.NewFileSet()
	var all []parsed
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		switch {
		case d.IsDir() && (name == "test" || name == "build" || name == "bench" || name == "examples" || name == "python" || path != root && strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(path, "internal/fault/fault.go"):
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		s := parsed{path: strings.TrimPrefix(path, root+"/"), file: file, parent: map[ast.Node]ast.Node{}}
		var above []ast.Node
		ast.Inspect(file, func(n ast.Node) bool {
			if n == nil {
				above = above[:len(above)-1]
				return true
			}
			if len(above) > 0 {
				s.parent[n] = above[len(above)-1]
			}
			above = append(above, n)
			return true
		})
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return set, all
}

// maker is what makes a fault of input: the two functions of package fault, and
// helpers of a package that return what these make without a remedy.
type maker struct{ folder, name string }

// scan looks at every call that makes a fault of input.
type scan struct {
	set     *token.FileSet
	helpers map[maker]bool
	lacking map[string]string // place by "path: format"
}

// TestEveryFaultOfInputHasARemedy reads the source: each call of fault.Input and
// fault.Rejected, and of each helper around them, is followed by Fix, by itself or
// in the function that calls it. Those that take their remedy from what they wrap,
// and those that no input leads to, are listed with their reason.
func TestEveryFaultOfInputHasARemedy(t *testing.T) {
	set, all := sources(t)
	s := scan{set: set, helpers: map[maker]bool{}, lacking: map[string]string{}}
	for before := -1; before != len(s.helpers); { // helpers of helpers
		before = len(s.helpers)
		clear(s.lacking)
		for _, one := range all {
			ast.Inspect(one.file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && s.makes(one, call) {
					s.look(one, call)
				}
				return true
			})
		}
	}
	for key, place := range s.lacking {
		if accepted[key] == "" && !strings.HasPrefix(key, "pyg/") { // readPyG adds one where there is none
			t.Errorf("%s has no remedy: add Fix, or its reason to accepted: %q", place, key)
		}
	}
	for key := range accepted {
		if s.lacking[key] == "" {
			t.Errorf("accepted[%q] is about nothing any more: remove it", key)
		}
	}
}

// makes tells whether a call makes a fault.
func (s *scan) makes(in parsed, call *ast.CallExpr) bool {
	folder := filepath.Dir(in.path)
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return s.helpers[in.named(f)]
	case *ast.SelectorExpr:
		if of, ok := f.X.(*ast.Ident); ok && of.Name == "fault" {
			return f.Sel.Name == "Input" || f.Sel.Name == "Rejected"
		}
		return s.helpers[maker{folder, f.Sel.Name}]
	}
	return false
}

// look records a call that gets no remedy, or makes a helper of the function that
// returns it.
func (s *scan) look(in parsed, call *ast.CallExpr) {
	top, fixed := in.chain(call)
	if fixed {
		return
	}
	function := in.function(call)
	switch above := in.parent[top].(type) {
	case *ast.ReturnStmt:
		if name := in.helper(function); name != nil {
			s.helpers[in.named(name)] = true
			return
		}
	case *ast.CallExpr:
		if f, ok := above.Fun.(*ast.Ident); ok && f.Name == "orRemedy" { // which adds one
			return
		}
	case *ast.AssignStmt:
		if len(above.Lhs) == len(above.Rhs) {
			if to, ok := above.Lhs[slices.Index(above.Rhs, top.(ast.Expr))].(*ast.Ident); ok && in.fixesLater(function, to.Name) {
				return
			}
		}
	}
	s.lacking[in.path+": "+formatOf(call)] = s.set.Position(call.Pos()).String()
}

// chain is the expression that a call's methods are called on and end in, and
// whether Fix is among them.
func (in parsed) chain(call *ast.CallExpr) (top ast.Node, fixed bool) {
	top = call
	for {
		method, ok := in.parent[top].(*ast.SelectorExpr)
		if !ok {
			return top, fixed
		}
		outer, ok := in.parent[method].(*ast.CallExpr)
		if !ok {
			return top, fixed
		}
		fixed = fixed || method.Sel.Name == "Fix"
		top = outer
	}
}

// function is the innermost one around a node.
func (in parsed) function(n ast.Node) ast.Node {
	for n = in.parent[n]; n != nil; n = in.parent[n] {
		switch n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			return n
		}
	}
	return nil
}

// named is what a function is known by: of a package, or a variable of a function.
func (in parsed) named(name *ast.Ident) maker {
	if name.Obj != nil && name.Obj.Kind == ast.Var {
		return maker{in.path, fmt.Sprint(name.Name, " at ", name.Obj.Pos())}
	}
	return maker{filepath.Dir(in.path), name.Name}
}

// helper is the name of a function that returns a *fault.Error; nil: it does not,
// or has none.
func (in parsed) helper(function ast.Node) *ast.Ident {
	var kind *ast.FuncType
	var name *ast.Ident
	switch f := function.(type) {
	case *ast.FuncDecl:
		kind, name = f.Type, f.Name
	case *ast.FuncLit:
		kind = f.Type
		if to, ok := in.parent[f].(*ast.AssignStmt); ok {
			name, _ = to.Lhs[0].(*ast.Ident)
		}
	}
	if kind == nil || kind.Results == nil || len(kind.Results.List) != 1 {
		return nil
	}
	pointer, ok := kind.Results.List[0].Type.(*ast.StarExpr)
	if !ok {
		return nil
	}
	if of, ok := pointer.X.(*ast.SelectorExpr); !ok || of.Sel.Name != "Error" {
		return nil
	}
	return name
}

// fixesLater tells whether a function calls Fix on a variable, and never returns
// it as it is.
func (in parsed) fixesLater(function ast.Node, name string) bool {
	fixes, bare := false, false
	ast.Inspect(function, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.CallExpr:
			if f, ok := x.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Fix" {
				ast.Inspect(f.X, func(n ast.Node) bool {
					if v, ok := n.(*ast.Ident); ok && v.Name == name {
						fixes = true
					}
					return true
				})
			}
		case *ast.ReturnStmt:
			for _, r := range x.Results {
				if v, ok := r.(*ast.Ident); ok && v.Name == name && name != "err" {
					bare = true
				}
			}
		}
		return true
	})
	return fixes && !bare
}

// formatOf is the text of a call: its first argument that is one.
func formatOf(call *ast.CallExpr) string {
	for _, a := range call.Args {
		text := ""
		ast.Inspect(a, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && text == "" {
				text, _ = strconv.Unquote(l.Value)
			}
			return true
		})
		if text != "" {
			return text
		}
	}
	return "?"
}
