package lichess

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/web/base"
)

// This file serves the addresses of lichess's pages. At each of them a browser gets a page, and any
// other program the JSON. The broadcaster app opens them in a browser. It also takes addresses of
// tournaments and rounds that are pasted into it.

// Pages adds the routes that answer a browser.
func (s *Server) Pages(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(s.anyOrigin, base.VaryByToken, s.Consistency)
		r.Get("/broadcast", s.pageOr(s.Shared(s.getTop)))
		r.Get("/broadcast/by/{user}", s.pageOr(s.Shared(s.getByUser)))
		r.Get("/broadcast/{tourId}", s.tourRedirect)
		r.Get("/broadcast/{tourSlug}/{tourId}", s.pageOr(s.Shared(s.getTour)))
		r.With(base.Compressed).Get("/broadcast/{tourSlug}/{roundSlug}/{roundId}", s.pageOr(s.AskMember(s.Handle(s.getRound)).ServeHTTP))
	})
	r.Get("/broadcast/new", s.newTourPage)
	r.Get("/broadcast/{tourId}/new", s.newRoundPage)
}

// wantsPage reports whether the client is a browser that shows the answer.
func wantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// pageOr answers a browser with the pages' document. The document finds out by its address what to
// show.
func (s *Server) pageOr(json http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		if wantsPage(r) {
			s.cfg.Page(w, r)
			return
		}
		json(w, r)
	}
}

// tourRedirect redirects to the address with the slug.
func (s *Server) tourRedirect(w http.ResponseWriter, r *http.Request) {
	t, err := s.tournamentOf(r)
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	w.Header().Set("Location", "/broadcast/"+slug(t.Name)+"/"+string(t.ID))
	w.WriteHeader(http.StatusSeeOther)
}

func (s *Server) tournamentOf(r *http.Request) (t *relay.Tournament, err error) {
	id := relay.TournamentID(chi.URLParam(r, "tourId"))
	s.SeenBy(r)(func(b relay.Reader) { t, _ = b.Tournament(id) })
	if t == nil {
		return nil, &relay.NotFoundError{What: "tournament", ID: string(id)}
	}
	return t, nil
}

// newPage is one of the two forms.
type newPage struct {
	Title, Of, Problem string
	Token              bool // the form asks for a token
	Round              bool // for a round; otherwise for a tournament
	Values             url.Values
}

func (s *Server) newTourPage(w http.ResponseWriter, r *http.Request) {
	s.showForm(w, http.StatusOK, newPage{Title: "New tournament", Values: r.URL.Query()})
}

func (s *Server) newRoundPage(w http.ResponseWriter, r *http.Request) {
	t, err := s.tournamentOf(r)
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	values := url.Values{"name": {fmt.Sprintf("Round %d", len(t.Rounds)+1)}}
	s.showForm(w, http.StatusOK, newPage{Title: "New round", Of: t.Name, Round: true, Values: values})
}

func (s *Server) showForm(w http.ResponseWriter, status int, p newPage) {
	p.Token = s.Access.Needed()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = newForm.Execute(w, p)
}

var newForm = template.Must(template.New("new").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>chessrelay: {{.Title}}</title>
<style>
:root { color-scheme: light dark } body { font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 5vh auto; padding: 0 1rem }
label { display: block; margin-top: 1rem } small { opacity: .75 } [role=alert] { color: #c33 }
input, textarea, button { font: inherit; padding: .5rem; width: 100%; box-sizing: border-box } input[type=checkbox] { width: auto } button { margin-top: 1.5rem }
</style>
<h1>{{.Title}}</h1>
{{with .Of}}<p>In <b>{{.}}</b>.</p>{{end}}
{{with .Problem}}<p role="alert">{{.}}</p>{{end}}
<form method="post">
<label>Name <input name="name" value="{{.Values.Get "name"}}" required minlength="3" maxlength="80" autofocus></label>
{{if .Round}}
<label>Where the games come from <input name="syncUrl" type="url" value="{{.Values.Get "syncUrl"}}" placeholder="https://club.example/live.pgn">
<small>The address of a PGN, of a LiveChess Cloud's tournament or of another chessrelay. Leave it empty if a program pushes the games.</small></label>
<label>Only this round of the source <input name="onlyRound" type="number" min="1" max="999" value="{{.Values.Get "onlyRound"}}">
<small>If the source has the games of several rounds.</small></label>
<label>Begins at, in UTC <input name="startsAt" type="datetime-local" value="{{.Values.Get "startsAt"}}"></label>
<label>Delay in seconds <input name="delay" type="number" min="0" max="3600" value="{{.Values.Get "delay"}}">
<small>The public sees the moves this much later.</small></label>
{{else}}
<label>Place <input name="info.location" value="{{.Values.Get "info.location"}}" maxlength="80"></label>
<label>Format <input name="info.format" value="{{.Values.Get "info.format"}}" maxlength="80" placeholder="9-round Swiss"></label>
<label>Time control <input name="info.tc" value="{{.Values.Get "info.tc"}}" maxlength="80" placeholder="90 min + 30 sec"></label>
<label>Website <input name="info.website" type="url" value="{{.Values.Get "info.website"}}"></label>
<label>Description <textarea name="markdown" rows="4">{{.Values.Get "markdown"}}</textarea></label>
<label>Who sees it <select name="visibility">{{$is := .Values.Get "visibility"}}
<option value="public">everybody</option>
<option value="unlisted"{{if eq $is "unlisted"}} selected{{end}}>anybody who has the address; it is in no list</option>
<option value="private"{{if eq $is "private"}} selected{{end}}>anybody who has a token or a viewing link for it</option>
</select></label>
{{end}}
{{if .Token}}<label>Your token <input type="password" name="token" autocomplete="current-password" required></label>{{end}}
<button>Create</button>
</form>
</html>
`))

// sentByPage takes the pages' forms, which a browser sends without a script: the token is a field,
// and a page is the answer. All other requests pass through. The request goes on as if a program
// had sent it, so an edge passes it on too.
func (s *Server) sentByPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !wantsPage(r) {
			next.ServeHTTP(w, r)
			return
		}
		p := newPage{Title: "New tournament"}
		if chi.URLParam(r, "tourId") != "" {
			t, err := s.tournamentOf(r)
			if err != nil {
				s.Fail(w, r, err)
				return
			}
			p = newPage{Title: "New round", Of: t.Name, Round: true}
		}
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, base.MaxBody))
		if err != nil {
			s.Fail(w, r, base.BodyError(err))
			return
		}
		if p.Values, err = url.ParseQuery(string(raw)); err != nil {
			s.Fail(w, r, base.BadRequest("the body is not a form: %v", err))
			return
		}
		got := &answerBuffer{header: http.Header{}}
		s.Access.Identify(next).ServeHTTP(got, asProgram(r, p.Values)) // judged by the form's token
		if got.status == http.StatusOK {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Location", got.page())
			w.WriteHeader(http.StatusSeeOther)
			return
		}
		for _, name := range []string{"Retry-After", "WWW-Authenticate"} {
			if value := got.header.Get(name); value != "" {
				w.Header().Set(name, value)
			}
		}
		p.Problem = got.problem()
		p.Values.Del("token")
		s.showForm(w, got.status, p)
	})
}

// asProgram returns the request as a program would send it.
func asProgram(r *http.Request, values url.Values) *http.Request {
	out := r.Clone(r.Context())
	out.Header.Set("Accept", "application/json")
	body := url.Values{}
	for name, v := range values {
		switch {
		case name == "token":
			if token := values.Get("token"); token != "" {
				out.Header.Set("Authorization", "Bearer "+token)
			}
		case name == "startsAt":
			body[name] = v
			if at, err := time.Parse("2006-01-02T15:04", values.Get(name)); err == nil {
				body.Set(name, fmt.Sprint(at.UnixMilli()))
			}
		default:
			body[name] = v
		}
	}
	out.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	text := body.Encode()
	out.Body, out.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return out
}

// answerBuffer is an answer from which a page is made.
type answerBuffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answerBuffer) Header() http.Header { return a.header }

func (a *answerBuffer) WriteHeader(status int) { a.status = status }

func (a *answerBuffer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.body.Write(b)
}

// page returns where to go next: from a new tournament to its first round, from a new round to its
// boards.
func (a *answerBuffer) page() string {
	var made struct{ Tour, Round struct{ ID, Slug string } }
	_ = json.Unmarshal(a.body.Bytes(), &made)
	if made.Round.ID == "" {
		return "/broadcast/" + made.Tour.ID + "/new"
	}
	return "/broadcast/" + made.Tour.Slug + "/" + made.Round.Slug + "/" + made.Round.ID
}

func (a *answerBuffer) problem() string {
	var refused struct{ Error string }
	if json.Unmarshal(a.body.Bytes(), &refused) != nil || refused.Error == "" {
		return "This did not work: " + http.StatusText(a.status) + "."
	}
	return strings.ToUpper(refused.Error[:1]) + refused.Error[1:] + "."
}
