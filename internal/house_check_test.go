package internal_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// modulePath is the prefix of barid's own import paths.
const modulePath = "github.com/baridmq/barid"

// floor is a folder and what it may import; module is a module and who may import it.
type (
	floor  []string
	module []string
)

type budget struct {
	fileLines, longest, funcLines, packageLines, wideLines, fields int

	tables                    map[string]string
	widePackages, wideStructs []string
}

// house is the source of the repository.
type house struct {
	fset  *token.FileSet
	rooms []*room
	texts map[string]string // every text file by path
}

// room is a folder with Go files.
type room struct {
	dir   string // relative to the root, with slashes; "." is the root
	files []*file
}

type file struct {
	path   string
	test   bool
	lines  int
	syntax *ast.File
}

// open reads the repository at root. Folders that begin with a dot are left out, but for the
// CI's, and so is what a build leaves behind.
func open(root string) (*house, error) {
	texts := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			hidden := strings.HasPrefix(name, ".") && p != root && name != ".ci"
			if hidden || name == "node_modules" || name == "bin" || name == "dist" {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if bytes.IndexByte(text[:min(len(text), 8000)], 0) < 0 {
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			texts[filepath.ToSlash(rel)] = string(text)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return build(texts)
}

// build makes a house of files, given as text by path.
func build(texts map[string]string) (*house, error) {
	h := &house{fset: token.NewFileSet(), texts: texts}
	rooms := map[string]*room{}
	for _, p := range slices.Sorted(maps.Keys(texts)) {
		if !strings.HasSuffix(p, ".go") || strings.Contains("/"+p, "/testdata/") {
			continue
		}
		parsed, err := parser.ParseFile(h.fset, p, texts[p], parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("no Go file, correct it or take it away: %w", err)
		}
		dir := path.Dir(p)
		if rooms[dir] == nil {
			rooms[dir] = &room{dir: dir}
			h.rooms = append(h.rooms, rooms[dir])
		}
		rooms[dir].files = append(rooms[dir].files, &file{
			path: p, test: strings.HasSuffix(p, "_test.go"), lines: strings.Count(texts[p], "\n"), syntax: parsed,
		})
	}
	return h, nil
}

// product returns the files that are no tests.
func (r *room) product() (files []*file) {
	for _, f := range r.files {
		if !f.test {
			files = append(files, f)
		}
	}
	return files
}

// within reports whether dir is one of the folders or stands in one.
func within(dir string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return dir == f || strings.HasPrefix(dir, f+"/") })
}

// imported calls f with each import of the files; own imports are given as folders.
func (h *house) imported(files []*file, f func(at, path string, own bool)) {
	for _, file := range files {
		for _, spec := range file.syntax.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			at := h.at(spec)
			switch rest, ok := strings.CutPrefix(p, modulePath+"/"); {
			case p == modulePath:
				f(at, ".", true)
			case ok:
				f(at, rest, true)
			default:
				f(at, p, false)
			}
		}
	}
}

func (h *house) at(n ast.Node) string {
	p := h.fset.Position(n.Pos())
	return p.Filename + ":" + strconv.Itoa(p.Line)
}

func (h *house) floors(table []floor) (found []string) {
	for _, r := range h.rooms {
		files := r.product()
		if len(files) == 0 {
			continue
		}
		row := rowOf(r.dir, table)
		if row == nil {
			found = append(found, r.dir+": has no row in the table floors of internal/house_test.go; "+
				"find its floor in docs/architecture.md and add one")
			continue
		}
		h.imported(files, func(at, dir string, own bool) {
			if own && !within(dir, row[1:]) {
				found = append(found, fmt.Sprintf("%s: %s may not import %s; imports run down the floors and never to a sibling: "+
					"take a small interface or a value from above instead", at, r.dir, dir))
			}
		})
	}
	return found
}

// rowOf returns the row with the longest prefix of dir. The root's row is for the root alone.
func rowOf(dir string, table []floor) floor {
	var best floor
	for _, row := range table {
		if within(dir, row[:1]) && (best == nil || len(row[0]) > len(best[0])) {
			best = row
		}
	}
	return best
}

func (h *house) testOnly(folders []string) (found []string) {
	for _, r := range h.rooms {
		if within(r.dir, folders) || within(r.dir, []string{"scripts"}) {
			continue
		}
		h.imported(r.product(), func(at, dir string, own bool) {
			if own && within(dir, folders) {
				found = append(found, fmt.Sprintf("%s: only tests may import %s; move what the product needs out of it", at, dir))
			}
		})
	}
	return found
}

func (h *house) modules(table []module) (found []string) {
	for _, r := range h.rooms {
		h.imported(r.product(), func(at, p string, own bool) {
			first, _, _ := strings.Cut(p, "/")
			if own || !strings.Contains(first, ".") {
				return
			}
			i := slices.IndexFunc(table, func(m module) bool { return within(p, m[:1]) })
			switch {
			case i < 0:
				found = append(found, fmt.Sprintf("%s: %s is not in the table modules of internal/house_test.go; "+
					"do without it, or add it there and to docs/dependencies.md", at, p))
			case !within(r.dir, table[i][1:]):
				found = append(found, fmt.Sprintf("%s: %s may not import %s; only tests and %v do", at, r.dir, p, table[i][1:]))
			}
		})
	}
	return found
}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func (h *house) budgets(b budget) (found []string) {
	for _, r := range h.rooms {
		sum := 0
		for _, f := range r.files {
			limit := b.fileLines
			if f.test || b.tables[f.path] != "" || generated.MatchString(h.texts[f.path]) {
				limit = b.longest
			}
			if f.lines > limit {
				found = append(found, fmt.Sprintf("%s: %d lines, allowed are %d; a file is one noun: split it", f.path, f.lines, limit))
			}
			if !f.test {
				sum += f.lines
				found = append(found, h.declBudgets(r, f, b)...)
			}
		}
		limit := b.packageLines
		if within(r.dir, b.widePackages) {
			limit = b.wideLines
		}
		if sum > limit {
			found = append(found, fmt.Sprintf("%s: %d lines, allowed are %d; find the second purpose and give it a package", r.dir, sum, limit))
		}
	}
	return found
}

// declBudgets looks at the functions and structs of a file.
func (h *house) declBudgets(r *room, f *file, b budget) (found []string) {
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			lines := h.fset.Position(n.End()).Line - h.fset.Position(n.Pos()).Line + 1
			if lines > b.funcLines {
				found = append(found, fmt.Sprintf("%s: %s has %d lines, allowed are %d; split it", h.at(n), n.Name.Name, lines, b.funcLines))
			}
		case *ast.TypeSpec:
			s, ok := n.Type.(*ast.StructType)
			if !ok || within(r.dir, b.wideStructs) || jsonShape(s) {
				break
			}
			if fields := countFields(s); fields > b.fields {
				found = append(found, fmt.Sprintf("%s: %s has %d fields, allowed are %d; find the things in it that belong together",
					h.at(n), n.Name.Name, fields, b.fields))
			}
		}
		return true
	})
	return found
}

// countFields counts the fields of a struct, with those of structs written inside it.
func countFields(s *ast.StructType) (n int) {
	for _, f := range s.Fields.List {
		if inner, ok := f.Type.(*ast.StructType); ok {
			n += countFields(inner) * max(1, len(f.Names))
		} else {
			n += max(1, len(f.Names))
		}
	}
	return n
}

// jsonShape reports whether all fields of a struct have names for JSON; embedded ones need none.
func jsonShape(s *ast.StructType) bool {
	for _, f := range s.Fields.List {
		if len(f.Names) > 0 && (f.Tag == nil || !strings.Contains(f.Tag.Value, `json:"`)) {
			return false
		}
	}
	return len(s.Fields.List) > 0
}

func (h *house) comments() (found []string) {
	for _, r := range h.rooms {
		files := r.product()
		if len(files) == 0 {
			continue
		}
		var with []*file
		for _, f := range files {
			if f.syntax.Doc != nil {
				with = append(with, f)
			}
			found = append(found, h.undocumented(f)...)
		}
		switch name := files[0].syntax.Name.Name; {
		case len(with) == 0:
			found = append(found, fmt.Sprintf("%s: package %s has no package comment; say what it is for, what it knows nothing of, "+
				"which goroutines and locks it owns", r.dir, name))
		case len(with) > 1:
			found = append(found, fmt.Sprintf("%s: package %s has %d package comments; keep one", with[1].path, name, len(with)))
		case name != "main" && !strings.HasPrefix(with[0].syntax.Doc.Text(), "Package "+name+" "):
			found = append(found, fmt.Sprintf("%s: the package comment has to begin with %q", with[0].path, "Package "+name+" "))
		}
	}
	return found
}

// undocumented lists the exported identifiers of a file that have no doc comment.
func (h *house) undocumented(f *file) (found []string) {
	miss := func(n ast.Node, name string, docs ...*ast.CommentGroup) {
		if ast.IsExported(name) && !slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d.Text() != "" }) {
			found = append(found, fmt.Sprintf("%s: exported %s has no comment; tell units, ranges, errors and who may call it", h.at(n), name))
		}
	}
	for _, d := range f.syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d)) {
				miss(d, d.Name.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					docs := []*ast.CommentGroup{s.Doc, s.Comment}
					if len(d.Specs) == 1 || s.Assign.IsValid() { // the aliases of a group may share a comment
						docs = append(docs, d.Doc)
					}
					miss(s, s.Name.Name, docs...)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						miss(s, n.Name, s.Doc, s.Comment, d.Doc)
					}
				}
			}
		}
	}
	return found
}

// receiver returns the name of a method's type.
func receiver(d *ast.FuncDecl) string {
	switch root := root(d.Recv.List[0].Type).(type) {
	case *ast.Ident:
		return root.Name
	default:
		return ""
	}
}

// root strips an expression of indices, selections, stars and parentheses.
func root(e ast.Expr) ast.Expr {
	for {
		switch x := e.(type) {
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return e
		}
	}
}
