package internal_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// goroutines finds what starts goroutines: go statements, and the methods and functions of the
// standard library that hide one.
func (h *house) goroutines(allowed []string, timers map[string]string) (found []string) {
	for _, r := range h.rooms {
		if within(r.dir, allowed) {
			continue
		}
		groups := waitGroups(r)
		for _, f := range r.product() {
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				what := ""
				switch n := n.(type) {
				case *ast.GoStmt:
					what = "a go statement"
				case *ast.CallExpr:
					sel, ok := n.Fun.(*ast.SelectorExpr)
					if !ok {
						break
					}
					switch {
					case isSelector(sel, "time", "AfterFunc"), isSelector(sel, "context", "AfterFunc"):
						if timers[f.path] == "" {
							what = "AfterFunc"
						}
					case sel.Sel.Name == "Go" && groups[lastName(sel.X)]:
						what = "sync.WaitGroup.Go"
					}
				}
				if what != "" {
					found = append(found, fmt.Sprintf("%s: %s starts a goroutine without name and owner; use a task.Group", h.at(n), what))
				}
				return true
			})
		}
	}
	return found
}

// waitGroups returns the names of variables and fields of type sync.WaitGroup in a package.
func waitGroups(r *room) map[string]bool {
	names := map[string]bool{}
	note := func(ids []*ast.Ident, typ ast.Expr) {
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		if !isSelector(typ, "sync", "WaitGroup") {
			return
		}
		if len(ids) == 0 {
			names["WaitGroup"] = true
		}
		for _, id := range ids {
			names[id.Name] = true
		}
	}
	for _, f := range r.product() {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field:
				note(n.Names, n.Type)
			case *ast.ValueSpec:
				note(n.Names, n.Type)
			}
			return true
		})
	}
	return names
}

// isSelector reports whether e is pkg.name.
func isSelector(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pkg && sel.Sel.Name == name
}

// lastName returns the last name of a chain such as a.b.c.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// locks finds mutexes that bear no rank.
func (h *house) locks(allowed map[string]string) (found []string) {
	folders := slices.Collect(maps.Keys(allowed))
	for _, r := range h.rooms {
		if within(r.dir, folders) {
			continue
		}
		for _, f := range r.product() {
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok && (isSelector(e, "sync", "Mutex") || isSelector(e, "sync", "RWMutex")) {
					found = append(found, h.at(n)+": a mutex of package sync says nothing of its rank; use guard.Leaf or guard.RWLeaf")
				}
				return true
			})
		}
	}
	return found
}

func (h *house) inits() (found []string) {
	for _, r := range h.rooms {
		for _, f := range r.product() {
			for _, d := range f.syntax.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					found = append(found, h.at(d)+": no func init; let main or server call what has to be done, in plain code")
				}
			}
		}
	}
	return found
}

// variables finds package-level variables that are state. One passes if it is blank or a
// sync.Pool (or an array of them), is an error, is embedded, or has a value that cannot change by itself (literals, pure
// functions) and that nothing in the package writes to; exported ones but errors have to stand
// in the table.
func (h *house) variables(table map[string]string) (found []string) {
	for _, r := range h.rooms {
		declared := map[*ast.ValueSpec]string{} // why it is refused
		names := map[string]*ast.ValueSpec{}
		for _, f := range r.product() {
			for spec, doc := range variableSpecs(f) {
				for i, id := range spec.Names {
					if id.Name == "_" || table[r.dir+"."+id.Name] != "" {
						continue
					}
					names[id.Name] = spec
					if why := refused(r, spec, i, doc); why != "" {
						declared[spec] = id.Name + " " + why
					}
				}
			}
		}
		for _, f := range r.product() {
			for id, how := range written(f) {
				if spec := names[id.Name]; spec != nil && declared[spec] == "" && (id.Obj == nil || id.Obj.Decl == spec) {
					declared[spec] = fmt.Sprintf("%s %s at %s", id.Name, how, h.at(id))
				}
			}
		}
		for _, spec := range slices.SortedFunc(maps.Keys(declared), func(a, b *ast.ValueSpec) int { return int(a.Pos() - b.Pos()) }) {
			found = append(found, fmt.Sprintf("%s: package-level variable %s; give the state to a struct, or put it with a reason into "+
				"the table variables of internal/house_test.go", h.at(spec), declared[spec]))
		}
	}
	return found
}

// variableSpecs returns the package-level variables of a file with their doc comments.
func variableSpecs(f *file) map[*ast.ValueSpec]*ast.CommentGroup {
	specs := map[*ast.ValueSpec]*ast.CommentGroup{}
	for _, d := range f.syntax.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, s := range gen.Specs {
			spec := s.(*ast.ValueSpec)
			specs[spec] = spec.Doc
			if spec.Doc == nil {
				specs[spec] = gen.Doc
			}
		}
	}
	return specs
}

// refused says what is wrong about the i-th variable of a declaration, whatever is done to it.
func refused(r *room, spec *ast.ValueSpec, i int, doc *ast.CommentGroup) string {
	name := spec.Names[i].Name
	typ := spec.Type
	if array, ok := typ.(*ast.ArrayType); ok && array.Len != nil {
		typ = array.Elt
	}
	if isSelector(typ, "sync", "Pool") || embedded(doc) {
		return ""
	}
	if len(spec.Values) != len(spec.Names) {
		return "begins empty, so something fills it"
	}
	value := spec.Values[i]
	if lit, ok := value.(*ast.CompositeLit); ok && isSelector(lit.Type, "sync", "Pool") {
		return ""
	}
	isError := strings.HasPrefix(name, "Err") || strings.HasPrefix(name, "err") || isCall(value, "errors.New", "fmt.Errorf")
	if ptr, ok := value.(*ast.UnaryExpr); ok && ptr.Op == token.AND && isError {
		value = ptr.X
	}
	switch {
	case ast.IsExported(name) && !isError:
		return "is exported, so others can change it"
	case !constant(r, value):
		return "points to something that can change"
	}
	return ""
}

func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// constant reports whether an expression has a value that changes only if it is written to.
func constant(r *room, e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.Ident, *ast.SelectorExpr, *ast.FuncLit, *ast.IndexExpr:
		return true
	case *ast.ParenExpr:
		return constant(r, e.X)
	case *ast.BinaryExpr:
		return constant(r, e.X) && constant(r, e.Y)
	case *ast.UnaryExpr:
		return e.Op != token.AND && constant(r, e.X)
	case *ast.CompositeLit:
		sel, foreign := e.Type.(*ast.SelectorExpr)
		return !foreign || lastName(sel.X) != "sync" && lastName(sel.X) != "atomic"
	case *ast.CallExpr:
		return isCall(e, "errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "netip.MustParsePrefix",
			"netip.MustParseAddr", "len", "append", "slices.Concat", "time.Unix", "big.NewInt") || makesTable(r, e.Fun)
	}
	return false
}

// isCall reports whether e calls one of the functions.
func isCall(e ast.Expr, functions ...string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	name := lastName(call.Fun)
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		name = lastName(sel.X) + "." + name
	}
	return slices.Contains(functions, name)
}

// makesTable reports whether fn is a conversion to, or a function of the package that returns,
// an array, slice, map or plain value.
func makesTable(r *room, fn ast.Expr) bool {
	switch fn := fn.(type) {
	case *ast.ArrayType, *ast.MapType:
		return true
	case *ast.FuncLit:
		return returnsTable(fn.Type)
	case *ast.Ident:
		for _, f := range r.product() {
			for _, d := range f.syntax.Decls {
				if decl, ok := d.(*ast.FuncDecl); ok && decl.Recv == nil && decl.Name.Name == fn.Name {
					return returnsTable(decl.Type)
				}
			}
		}
		return slices.Contains([]string{"string", "byte", "int", "int64", "uint64", "uint32", "float64"}, fn.Name)
	}
	return false
}

func returnsTable(fn *ast.FuncType) bool {
	if fn.Results == nil || len(fn.Results.List) != 1 {
		return false
	}
	switch fn.Results.List[0].Type.(type) {
	case *ast.ArrayType, *ast.MapType:
		return true
	}
	return false
}

// written returns the identifiers at the root of what a file assigns to, or lets others assign
// to, and how. A local pointer into a table is followed: reading through it is no offence.
func written(f *file) map[*ast.Ident]string {
	roots := map[*ast.Ident]string{}
	taken := map[ast.Expr]bool{}                 // addresses that a local variable got
	pointers := map[*ast.AssignStmt]*ast.Ident{} // its declaration: what it points into
	note := func(e ast.Expr, how string) {
		id, ok := root(e).(*ast.Ident)
		if !ok {
			return
		}
		roots[id] = how
		if id.Obj != nil {
			if decl, ok := id.Obj.Decl.(*ast.AssignStmt); ok && pointers[decl] != nil && e != id {
				roots[pointers[decl]] = how
			}
		}
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					note(e, "is assigned to")
				}
			} else if ptr, ok := n.Rhs[0].(*ast.UnaryExpr); ok && ptr.Op == token.AND && len(n.Lhs) == 1 {
				if id, ok := root(ptr.X).(*ast.Ident); ok {
					taken[ptr], pointers[n] = true, id
				}
			}
		case *ast.IncDecStmt:
			note(n.X, "is assigned to")
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				note(n.Key, "is assigned to")
				note(n.Value, "is assigned to")
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND && !taken[n] {
				note(n.X, "has its address taken")
			}
		case *ast.CallExpr:
			if isCall(n, "delete", "clear", "copy") && len(n.Args) > 0 {
				note(n.Args[0], "is changed")
			}
		}
		return true
	})
	return roots
}

// homePath matches paths below somebody's home. It is put together here so as not to find
// itself.
var homePath = regexp.MustCompile(`(^|[^\w.~/-])(/` + `home/\w|/` + `Users/\w|/` + `root(/|\b)|[A-Z]:\\` + `Users\\)`)

func (h *house) homePaths() (found []string) {
	for _, p := range slices.Sorted(maps.Keys(h.texts)) {
		for i, line := range strings.Split(h.texts[p], "\n") {
			if homePath.MatchString(line) {
				found = append(found, fmt.Sprintf("%s:%d: names the path of somebody's home; say it relative to the repository", p, i+1))
			}
		}
	}
	return found
}
