package lichess

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/web/base"
)

// form is the fields of a body. A field that is empty is still there.
type form struct{ url.Values }

// maxFields bounds the fields of a form.
const maxFields = 500

// readForm reads a form or a JSON object, whatever its Content-Type says. Fields of a nested object
// are named as in a form: info.format, and tiebreaks[0] in a list.
func readForm(r *http.Request) (form, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return form{}, base.BodyError(err)
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if text := bytes.TrimSpace(raw); kind == "application/json" || bytes.HasPrefix(text, []byte("{")) {
		var in map[string]any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&in); err != nil {
			return form{}, base.BodyError(err)
		}
		f := form{url.Values{}}
		return f, f.flatten("", in, 0)
	}
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return form{}, base.BadRequest("the body is not a form: %v", err)
	}
	if len(values) > maxFields {
		return form{}, base.BadRequest("the body has more than %d fields", maxFields)
	}
	return form{values}, nil
}

func (f form) flatten(prefix string, in map[string]any, depth int) error {
	if depth > 3 {
		return base.BadRequest("%s is nested too deeply", strings.TrimSuffix(prefix, "."))
	}
	for name, v := range in {
		switch v := v.(type) {
		case map[string]any:
			if err := f.flatten(prefix+name+".", v, depth+1); err != nil {
				return err
			}
		case []any:
			for i, one := range v {
				if _, nested := one.(map[string]any); !nested && i < maxFields {
					f.Set(fmt.Sprintf("%s%s[%d]", prefix, name, i), text(one))
				}
			}
			if len(v) == 0 {
				f.Set(prefix+name, "")
			}
		default:
			f.Set(prefix+name, text(v))
		}
		if len(f.Values) > maxFields {
			return base.BadRequest("the body has more than %d fields", maxFields)
		}
	}
	return nil
}

// text returns a JSON value as a form has it; null is empty.
func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// text returns the field; nil if the body does not have it.
func (f form) text(name string) *string {
	if !f.Has(name) {
		return nil
	}
	return new(strings.ReplaceAll(f.Get(name), "\r\n", "\n"))
}

// number returns the field; nil if the body does not have it. An empty field is 0, even if least is
// greater.
func (f form) number(name string, least, most int64) (*int64, error) {
	text := f.text(name)
	if text == nil || *text == "" {
		return whenSaid(text, func(string) int64 { return 0 }), nil
	}
	n, err := strconv.ParseInt(*text, 10, 64)
	if err != nil || n < least || n > most {
		return nil, base.BadRequest("%s must be a whole number from %d to %d, not %q", name, least, most, *text)
	}
	return &n, nil
}

// whenSaid returns f of the value; nil if there is none.
func whenSaid[A, B any](p *A, f func(A) B) *B {
	if p == nil {
		return nil
	}
	return new(f(*p))
}

// boolean returns the field; nil if the body does not have it.
func (f form) boolean(name string) (*bool, error) {
	text := f.text(name)
	if text == nil {
		return nil, nil
	}
	switch strings.ToLower(*text) {
	case "true", "1", "on", "yes":
		return new(true), nil
	case "false", "0", "off", "no", "":
		return new(false), nil
	}
	return nil, base.BadRequest("%s must be true or false, not %q", name, *text)
}

// list returns the values of a field that may be repeated: name, name[] or name[0]. asked reports
// whether the body has the field.
func (f form) list(name string) (values []string, asked bool) {
	for _, key := range slices.Sorted(maps.Keys(f.Values)) {
		if rest, ok := strings.CutPrefix(key, name); ok && (rest == "" || strings.HasPrefix(rest, "[") && strings.HasSuffix(rest, "]")) {
			asked = true
			values = append(values, f.Values[key]...)
		}
	}
	return slices.DeleteFunc(values, func(v string) bool { return v == "" }), asked
}

// points returns what a win and a draw are worth, in hundredths. asked reports whether the body has
// one of the fields. An empty field is nil, and means the usual points.
func (f form) points(name string) (p [2]*int32, asked bool, err error) {
	for i, field := range []string{"win", "draw"} {
		key := name + "." + field
		text := f.text(key)
		if text == nil {
			continue
		}
		asked = true
		if *text == "" {
			continue
		}
		n, err := strconv.ParseFloat(*text, 64)
		if err != nil || !(n >= 0 && n <= maxLichessPoints/100) {
			return p, false, base.BadRequest("%s must be a number from 0 to %d, not %q", key, maxLichessPoints/100, *text)
		}
		p[i] = base.Hundredths(&n)
	}
	return p, asked, nil
}
