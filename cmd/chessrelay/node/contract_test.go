package node_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node/nodetest"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is a node's OpenAPI document, and calls that are checked against it.
type contract struct {
	t    *testing.T
	doc  nodetest.Object
	comp *jsonschema.Compiler

	base   string            // the node that is called
	ids    map[string]string // for the parameters in paths
	header http.Header       // of the calls
	token  string            // of the calls; empty: none
	last   http.Header       // of the last answer

	called map[string]bool // operations
	seen   map[string]bool // properties of components, such as "Move.san": whether one came
}

// newContract reads the document, and closes its schemas. The document promises that answers may
// get more fields, but a field that comes and is not described is a mistake.
func newContract(t *testing.T, base string) *contract {
	t.Helper()
	res, err := http.Get(base + "/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	v, err := jsonschema.UnmarshalJSON(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{
		t: t, doc: v.(nodetest.Object), comp: jsonschema.NewCompiler(), base: base,
		ids: map[string]string{}, called: map[string]bool{}, seen: map[string]bool{},
	}
	closeSchemas(c.doc, false)
	c.comp.DefaultDraft(jsonschema.Draft2020)
	if err := c.comp.AddResource("openapi.json", c.doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// closeSchemas forbids undescribed fields wherever a schema is used as a whole. It skips a schema
// that is part of another one: there the whole decides.
func closeSchemas(v any, isSchema bool) {
	o, _ := v.(nodetest.Object)
	for key, child := range o {
		switch key {
		case "example", "examples", "enum", "const", "required":
		case "schema", "items", "message":
			closeSchemas(child, true)
		case "properties":
			for _, p := range child.(nodetest.Object) {
				closeSchemas(p, true)
			}
		case "allOf", "oneOf":
			for _, part := range child.([]any) {
				closeSchemas(part, false)
			}
		default:
			closeSchemas(child, false)
		}
	}
	// A schema for an object that may hold anything describes nothing.
	described := o["$ref"] != nil || o["properties"] != nil || o["allOf"] != nil || o["oneOf"] != nil
	if isSchema && described && o["additionalProperties"] == nil {
		o["unevaluatedProperties"] = false
	}
}

func (c *contract) get(status int, path string) nodetest.Object {
	c.t.Helper()
	return c.call(status, http.MethodGet, path, nil)
}

func (c *contract) post(status int, path string, body any) nodetest.Object {
	c.t.Helper()
	return c.call(status, http.MethodPost, path, body)
}

// notRedirected is a client that returns redirects instead of following them.
var notRedirected = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// call sends a request, with a body of text or JSON, to a path of the document. It wants the
// status, and an answer that the document describes.
func (c *contract) call(status int, method, path string, body any) nodetest.Object {
	c.t.Helper()
	template, query, _ := strings.Cut(path, "?")
	url := template
	for name, id := range c.ids {
		url = strings.ReplaceAll(url, "{"+name+"}", id)
	}
	raw, isText := []byte(nil), false
	if text, ok := body.(string); ok {
		raw, isText = []byte(text), true
	} else if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			c.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, c.base+url+"?"+query, bytes.NewReader(raw))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	res, err := notRedirected.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	c.last = res.Header
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	what := method + " " + path + ": " + strconv.Itoa(res.StatusCode)
	if res.StatusCode != status {
		c.t.Fatalf("%s %s, want %d", what, answer, status)
	}
	pointer := "#/paths/" + escapePointer(template) + "/" + strings.ToLower(method)
	if c.at(pointer) == nil {
		c.t.Fatalf("%s: the document has no such operation", what)
	}
	c.called[pointer] = true
	if body != nil && !isText && status < 300 {
		c.fits(what+", the request", pointer+"/requestBody/content/application~1json/schema", raw)
	}
	return c.fitsResponse(what, pointer+"/responses/"+strconv.Itoa(status), res, answer)
}

// fitsResponse checks that the answer's headers and body are as described. It returns the body if
// it is a JSON object.
func (c *contract) fitsResponse(what, pointer string, res *http.Response, body []byte) nodetest.Object {
	c.t.Helper()
	pointer, response := c.deref(pointer)
	if response == nil {
		c.t.Fatalf("%s is not in the document", what)
	}
	headers, _ := response["headers"].(nodetest.Object)
	for name := range headers {
		if res.Header.Get(name) == "" {
			c.t.Errorf("%s lacks the header %s", what, name)
		}
	}
	if headers["X-Chessrelay-Index"] == nil && res.Header.Get("X-Chessrelay-Index") != "" {
		c.t.Errorf("%s has an index, which the document does not say", what)
	}
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	content, _ := response["content"].(nodetest.Object)
	if content == nil && len(body) == 0 {
		return nil
	}
	if content[kind] == nil && kind != "" {
		c.t.Errorf("%s is of the type %s, which the document does not say", what, kind)
	}
	if kind != "application/json" {
		return nil
	}
	c.fits(what, pointer+"/content/application~1json/schema", body)
	if bytes.HasPrefix(body, []byte("[")) {
		return nil
	}
	var out nodetest.Object
	if err := json.Unmarshal(body, &out); err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
	return out
}

// fitsMessage checks that a message of /live is as described.
func (c *contract) fitsMessage(message []byte) {
	c.t.Helper()
	c.called["#/paths/~1live/get"] = true
	c.fits("/live", "#/paths/~1live/get/x-websocket/message", message)
}

// fits checks that the JSON fits the schema.
func (c *contract) fits(what, schema string, data []byte) {
	c.t.Helper()
	s, err := c.comp.Compile("openapi.json" + schema)
	if err != nil {
		c.t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		c.t.Fatalf("%s: %v: %s", what, err, data)
	}
	if err := s.Validate(v); err != nil {
		c.t.Errorf("%s does not fit the document: %v\n%s", what, err, data)
	}
	c.note(schema, "", v)
}

// note remembers which properties of the schema were in v. component is the schema's name, or empty
// if it has none.
func (c *contract) note(pointer, component string, v any) {
	s, _ := c.at(pointer).(nodetest.Object)
	if target, ok := s["$ref"].(string); ok {
		c.note(target, target[strings.LastIndex(target, "/")+1:], v)
	}
	for _, key := range []string{"allOf", "oneOf"} {
		parts, _ := s[key].([]any)
		for i := range parts {
			c.note(pointer+"/"+key+"/"+strconv.Itoa(i), component, v)
		}
	}
	if list, ok := v.([]any); ok && s["items"] != nil {
		for _, item := range list {
			c.note(pointer+"/items", component, item)
		}
	}
	o, isObject := v.(nodetest.Object)
	props, _ := s["properties"].(nodetest.Object)
	for name := range props {
		if !isObject {
			break
		}
		if _, there := c.seen[component+"."+name]; !there {
			c.seen[component+"."+name] = false
		}
		if value, there := o[name]; there {
			c.seen[component+"."+name] = true
			c.note(pointer+"/properties/"+name, component, value)
		}
	}
}

// wantAllSeen checks that every operation was called, and that every property of the answers came
// at least once, with these exceptions.
func (c *contract) wantAllSeen(except ...string) {
	c.t.Helper()
	for path, item := range c.doc["paths"].(nodetest.Object) {
		for method := range item.(nodetest.Object) {
			if !c.called["#/paths/"+escapePointer(path)+"/"+method] {
				c.t.Errorf("%s %s was not called", method, path)
			}
		}
	}
	for property, there := range c.seen {
		if !there && !slices.Contains(except, property) {
			c.t.Errorf("the document describes %s, which no node sent", property)
		}
	}
}

// requestExample is what the document suggests to send to the path. name is that of one of several
// examples, or empty.
func (c *contract) requestExample(path, name string) nodetest.Object {
	c.t.Helper()
	pointer := "#/paths/" + escapePointer(path) + "/post"
	if c.at(pointer) == nil {
		pointer = strings.TrimSuffix(pointer, "post") + "patch"
	}
	pointer += "/requestBody/content/application~1json/"
	if name == "" {
		pointer += "example"
	} else {
		pointer += "examples/" + name + "/value"
	}
	example, ok := c.at(pointer).(nodetest.Object)
	if !ok {
		c.t.Fatalf("the document has no example at %s", pointer)
	}
	return example
}

// at returns what a JSON pointer leads to, or nil.
func (c *contract) at(pointer string) any {
	var v any = c.doc
	for _, key := range strings.Split(strings.TrimPrefix(pointer, "#/"), "/") {
		switch in := v.(type) {
		case nodetest.Object:
			v = in[strings.NewReplacer("%7B", "{", "%7D", "}", "~1", "/", "~0", "~").Replace(key)]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// deref follows a reference, if there is one.
func (c *contract) deref(pointer string) (string, nodetest.Object) {
	o, _ := c.at(pointer).(nodetest.Object)
	if target, ok := o["$ref"].(string); ok {
		return c.deref(target)
	}
	return pointer, o
}

// escapePointer makes a path a part of a JSON pointer in a URL.
func escapePointer(path string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(path)
}
