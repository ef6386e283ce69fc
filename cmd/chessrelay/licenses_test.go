package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var updateLicenses = flag.Bool("licenses.update", false, "write licenses.txt again")

// TestLicenses checks that there are the notices of each module that is linked on any system, of Go
// itself, and of what the pages contain.
func TestLicenses(t *testing.T) {
	linked := map[string]*linkedModule{}
	for _, system := range []string{"linux", "darwin", "freebsd"} {
		addLinked(t, linked, system)
	}
	want := licenseText(t, linked)
	if *updateLicenses {
		if err := os.WriteFile("licenses.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	code, got, stderr := runCommand(t.Context(), t, nil, "licenses")
	if code != exitDone || got != want {
		t.Errorf("exit %d %s; `chessrelay licenses` does not print what is linked: run `make licenses`, and read what has changed", code, stderr)
	}

	raw, err := os.ReadFile("../../web/ui/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var pages struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	if err := json.Unmarshal(raw, &pages); err != nil || len(pages.Dependencies) == 0 {
		t.Fatalf("%v, %v", pages, err)
	}
	for name := range pages.Dependencies {
		if !strings.Contains(strings.ToLower(got), filepath.Base(name)) {
			t.Errorf("the pages contain %s, whose license is missing in web/ui/LICENSES.txt", name)
		}
	}
}

// linkedModule is a module, and the folders of its packages that are linked.
type linkedModule struct {
	Path, Version, Dir string
	Main               bool
	packages           map[string]bool
}

// addLinked adds the modules that the program links on one system.
func addLinked(t *testing.T, linked map[string]*linkedModule, system string) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,Module", ".")
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	for list := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir    string
			Module *linkedModule
		}
		if err := list.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module == nil || p.Module.Main { // Go's own, and ours
			continue
		}
		m := linked[p.Module.Path]
		if m == nil {
			m = p.Module
			m.packages = map[string]bool{}
			linked[m.Path] = m
		}
		m.packages[p.Dir] = true
	}
}

// licenseText is what `chessrelay licenses` must print.
func licenseText(t *testing.T, linked map[string]*linkedModule) string {
	t.Helper()
	var b strings.Builder
	section := func(title string, text ...[]byte) {
		fmt.Fprintf(&b, "%s\n%s\n\n", title, strings.Repeat("=", len(title)))
		for _, text := range text {
			fmt.Fprintf(&b, "%s\n\n", bytes.Trim(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), "\n"))
		}
	}
	read := func(file string) []byte {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	section("chessrelay", read("../../LICENSE"))
	// Distributions move Go's own license elsewhere. It is the same as that of Go's other modules.
	section("The Go programming language and its standard library", read(filepath.Join(linked["golang.org/x/sys"].Dir, "LICENSE")))
	for _, path := range slices.Sorted(maps.Keys(linked)) {
		m := linked[path]
		var texts [][]byte
		for _, file := range m.licenses(t) {
			texts = append(texts, read(file))
		}
		if len(texts) == 0 {
			t.Errorf("no license of %s is found in %s", m.Path, m.Dir)
		}
		section(m.Path+" "+m.Version, texts...)
	}
	section("The pages", read("../../web/ui/LICENSES.txt"))
	return strings.TrimRight(b.String(), "\n") + "\n"
}

var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]es?|copying|notice|patents)([-_.].*)?$`)

// licenses are the files with the terms of the linked packages. They are in the packages' folders,
// and in those above up to the module's.
func (m *linkedModule) licenses(t *testing.T) []string {
	t.Helper()
	files := map[string]bool{}
	for dir := range m.packages {
		for ; strings.HasPrefix(dir, m.Dir); dir = filepath.Dir(dir) {
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !e.IsDir() && licenseFile.MatchString(e.Name()) && filepath.Ext(e.Name()) != ".go" {
					files[filepath.Join(dir, e.Name())] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(files))
}
