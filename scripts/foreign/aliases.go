package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Modules and packages: what suites import, and what they get.
const (
	imported = "github.com/nats-io/nats-server/v2"
	given    = "github.com/baridmq/barid"
)

// aliased are the packages, by their path below both modules.
var aliased = [...]string{"server", "test"}

// writeAliases makes a module in dir that passes on what the packages of barid below root export.
func writeAliases(dir, root string) error {
	mod := fmt.Sprintf("module %s\n\ngo 1.26.0\n\nrequire %s v0.0.0\n", imported, given)
	if err := writeFile(filepath.Join(dir, "go.mod"), []byte(mod)); err != nil {
		return err
	}
	for _, name := range aliased {
		source, err := alias(filepath.Join(root, name), given+"/"+name)
		if err != nil {
			return fmt.Errorf("aliases for package %s: %w", name, err)
		}
		if err := writeFile(filepath.Join(dir, name, "aliases.go"), source); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// alias returns the source of a package of aliases for what the package in dir exports, which is
// imported by path. Functions become variables that are called alike; generic ones are left out.
func alias(dir, path string) ([]byte, error) {
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	found := map[string]string{} // name to keyword
	for _, file := range pkg.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, file), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			exported(d, found)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "package %s\n\nimport barid %q\n\n", pkg.Name, path)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(&b, "%s %s = barid.%s\n", found[name], name, name)
	}
	return format.Source(b.Bytes())
}

// exported notes the names that a declaration exports, and the keyword that declares an alias.
func exported(d ast.Decl, into map[string]string) {
	note := func(id *ast.Ident, keyword string) {
		if id.IsExported() {
			into[id.Name] = keyword
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Type.TypeParams == nil {
			note(d.Name, "var")
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.TypeParams == nil {
					note(spec.Name, "type")
				}
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					note(id, d.Tok.String())
				}
			}
		}
	}
}
