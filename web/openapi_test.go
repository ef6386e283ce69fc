package web

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chessrelay/chessrelay/broadcast"
	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/chain"
	"github.com/chessrelay/chessrelay/web/base"
)

// These tests check openapi.json against the routes and the errors of this package, and against
// itself. cmd/chessrelay/node, which has whole nodes, tests that real answers fit it.

type object = map[string]any

// noBoards is a view that nobody reads.
type noBoards struct{}

func (noBoards) Read(func(uint64, *relay.State)) {}

// document is openapi.json, with numbers as json.Number.
func document(t *testing.T) object {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(openAPIDocument))
	if err != nil {
		t.Fatal(err)
	}
	return v.(object)
}

// operations returns the document's operations as "GET /api/…".
func operations(doc object) map[string]object {
	out := map[string]object{}
	for path, item := range doc["paths"].(object) {
		for method, op := range item.(object) {
			out[strings.ToUpper(method)+" "+path] = op.(object)
		}
	}
	return out
}

// TestOpenAPIRoutes wants every route in the document, except the pages, and no others.
func TestOpenAPIRoutes(t *testing.T) {
	s, err := New(Config{Config: base.Config{Node: new(consensus.Node), Boards: noBoards{}}, Hub: new(broadcast.Hub)})
	if err != nil {
		t.Fatal(err)
	}
	got := routesOf(t, s.handler.(chi.Routes))
	p, err := newPages()
	if err != nil {
		t.Fatal(err)
	}
	pages := chi.NewRouter()
	p.mount(pages)
	s.lichess.Pages(pages)
	for route := range routesOf(t, pages) {
		delete(got, route)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(operations(document(t)))), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("openapi.json (-) and the router (+) differ:\n%s", diff)
	}
}

func routesOf(t *testing.T, r chi.Routes) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := chi.Walk(r, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		out[method+" "+route] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestOpenAPIErrors wants every error of the table in the document, under its status.
func TestOpenAPIErrors(t *testing.T) {
	doc := document(t)
	told := map[string]bool{} // "409 ply_conflict"
	for _, op := range operations(doc) {
		for status, r := range op["responses"].(object) {
			for code := range codesIn(doc, r) {
				told[status+" "+code] = true
			}
		}
	}
	listed := resolve(doc, "#/components/schemas/ErrorCode").(object)["enum"].([]any)
	for _, entry := range base.Codes() {
		_, code, _ := strings.Cut(entry, " ")
		if !slices.Contains(listed, any(code)) {
			t.Errorf("the schema ErrorCode does not list %s", code)
		}
		// id_taken makes the node draw another id: no client sees it.
		if !told[entry] && code != "id_taken" {
			t.Errorf("no operation has the answer %s", entry)
		}
	}
	for _, code := range []string{"internal", "unauthorized", "forbidden", "method_not_allowed", "batch_refused"} {
		if !slices.Contains(listed, any(code)) {
			t.Errorf("the schema ErrorCode does not list %s", code)
		}
	}
}

// codesIn returns the error codes that v allows, also by references.
func codesIn(doc object, v any) map[string]bool {
	out := map[string]bool{}
	walk(v, "", func(_ string, o object) {
		if target, ok := o["$ref"].(string); ok {
			maps.Copy(out, codesIn(doc, resolve(doc, target)))
		}
		props, _ := o["properties"].(object)
		code, _ := props["code"].(object)
		if c, ok := code["const"].(string); ok {
			out[c] = true
		}
		enum, _ := code["enum"].([]any)
		for _, c := range enum {
			out[c.(string)] = true
		}
	})
	return out
}

// TestDocsNameEveryRoute wants docs/api.md to name every route and every error code.
func TestDocsNameEveryRoute(t *testing.T) {
	page, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := document(t)
	for path := range doc["paths"].(object) {
		if !bytes.Contains(page, []byte(path)) {
			t.Errorf("docs/api.md does not name %s", path)
		}
	}
	for _, code := range resolve(doc, "#/components/schemas/ErrorCode").(object)["enum"].([]any) {
		if code != "id_taken" && !bytes.Contains(page, []byte("`"+code.(string)+"`")) {
			t.Errorf("docs/api.md does not name the error %s", code)
		}
	}
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

// TestOpenAPIDocument checks what OpenAPI 3.1 requires, as far as this document can break it:
// references, operation ids, parameters, responses, schemas, examples.
func TestOpenAPIDocument(t *testing.T) {
	doc := document(t)
	if v := doc["openapi"]; v != "3.1.1" {
		t.Errorf("openapi is %v", v)
	}
	used := map[string]bool{}
	walk(doc, "#", func(at string, o object) {
		if target, ok := o["$ref"].(string); ok {
			used[target] = true
			if resolve(doc, target) == nil {
				t.Errorf("%s: %s leads nowhere", at, target)
			}
		}
	})
	for kind, components := range doc["components"].(object) {
		for name := range components.(object) {
			if kind != "securitySchemes" && !used["#/components/"+kind+"/"+name] {
				t.Errorf("%s %s is never used", kind, name)
			}
		}
	}
	ids := map[any]bool{}
	for name, op := range operations(doc) {
		if id := op["operationId"]; id == nil || ids[id] {
			t.Errorf("%s: the operationId %v is missing or taken", name, id)
		} else {
			ids[id] = true
		}
		want := map[string]bool{}
		for _, m := range pathParameter.FindAllStringSubmatch(name, -1) {
			want[m[1]] = true
		}
		list, _ := op["parameters"].([]any)
		for _, p := range list {
			p := deref(doc, p)
			if p["in"] == "path" && (p["required"] != true || !want[p["name"].(string)]) {
				t.Errorf("%s: the parameter %v is not one of this path, or not required", name, p["name"])
			}
			delete(want, p["name"].(string))
		}
		if len(want) > 0 {
			t.Errorf("%s: %v is not described", name, slices.Collect(maps.Keys(want)))
		}
		for status, r := range op["responses"].(object) {
			if text, _ := deref(doc, r)["description"].(string); text == "" {
				t.Errorf("%s: %s has no description", name, status)
			}
		}
	}
}

// TestOpenAPIExamples compiles every schema, which checks it against JSON Schema 2020-12. It wants
// every example to fit its schema.
func TestOpenAPIExamples(t *testing.T) {
	doc := document(t)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	check := func(at, schema string, examples ...any) {
		s, err := c.Compile("openapi.json" + schema)
		if err != nil {
			t.Errorf("%s: %v", schema, err)
			return
		}
		for _, example := range examples {
			if err := s.Validate(example); err != nil {
				t.Errorf("%s: the example %v does not fit: %v", at, example, err)
			}
		}
	}
	for name, s := range doc["components"].(object)["schemas"].(object) {
		examples, _ := s.(object)["examples"].([]any)
		check(name, "#/components/schemas/"+name, examples...)
	}
	walk(doc, "#", func(at string, o object) {
		if strings.Contains(at, "/schemas/") {
			return
		}
		if at := at + "/schema"; o["schema"] != nil {
			if example, ok := o["example"]; ok {
				check(at, at, example)
			}
			more, _ := o["examples"].(object)
			for _, e := range more {
				check(at, at, e.(object)["value"])
			}
		}
		for _, kind := range []string{"x-websocket", "x-stream"} {
			if frames, ok := o[kind].(object); ok {
				examples, _ := frames["examples"].([]any)
				check(at, at+"/"+kind+"/message", examples...)
			}
		}
	})
}

// walk calls f with every object in v and the JSON pointer to it. It skips examples, which are
// data.
func walk(v any, at string, f func(at string, o object)) {
	switch v := v.(type) {
	case object:
		f(at, v)
		for key, child := range v {
			if key != "example" && key != "examples" {
				walk(child, at+"/"+strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(key), f)
			}
		}
	case []any:
		for i, child := range v {
			walk(child, at+"/"+strconv.Itoa(i), f)
		}
	}
}

// resolve returns what a reference within the document leads to, or nil.
func resolve(doc object, ref string) any {
	var v any = doc
	for _, key := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		o, ok := v.(object)
		if !ok {
			return nil
		}
		v = o[key]
	}
	return v
}

func deref(doc object, v any) object {
	if target, ok := v.(object)["$ref"].(string); ok {
		return resolve(doc, target).(object)
	}
	return v.(object)
}

// TestHistoryExamples wants the hashes in the document's examples to be right. Another program made
// them, by the rules of package chain.
func TestHistoryExamples(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Example json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal(openAPIDocument, &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/tournaments/{tid}/history", "/api/rounds/{rid}/history", "/api/games/{gid}/history"} {
		d, err := chain.Parse(doc.Paths[path]["get"].Responses["200"].Content["application/json"].Example)
		if err != nil {
			t.Fatal(path, err)
		}
		if faults := d.Check(); faults != nil || d.Len() == 0 {
			t.Errorf("%s: %d entries, %v", path, d.Len(), faults)
		}
	}
}
