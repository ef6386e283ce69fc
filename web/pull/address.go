package pull

import (
	"cmp"
	"errors"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

// Check refuses an address that no source can have, and fills in a missing kind. It knows the
// addresses that people copy from their browsers: a page of LiveChess Cloud, a lichess round, a
// round of another chessrelay. The fetch shows whether the host may be asked.
func Check(s *relay.Source) error {
	s.URL = strings.TrimSpace(s.URL)
	u, err := url.Parse(s.URL)
	if err != nil {
		return errors.New("it cannot be read")
	}
	if err := checkURL(u); err != nil {
		return err
	}
	cloud, isCloud := parseCloud(u)
	if s.Kind == "" {
		s.Kind = relay.SourcePGN
		switch {
		case isCloud || isCloudPage(u):
			s.Kind = relay.SourceLCC
		case isIndex(u):
			s.Kind = relay.SourceFolder
		}
	}
	switch {
	case s.Kind == relay.SourceLCC && !isCloud:
		return errors.New("an address of a LiveChess Cloud ends in /get/ and a UUID, or is view.livechesscloud.com/#UUID")
	case s.Kind == relay.SourceLCC && s.Round == 0:
		s.Round = cloud.round
	case s.Kind == relay.SourcePGN && s.OnlyRound == 0 && tournamentPGNOf(u) != "":
		return errors.New("it is the address of a whole tournament: give that of one of its rounds, or set onlyRound, too")
	}
	return nil
}

// newReader returns the reader of a source that Check has accepted.
func newReader(t target, lookup string, memory *Memory) sourceReader {
	u, err := url.Parse(t.URL)
	if err != nil {
		return &pgnSource{url: t.URL, memory: memory} // the poll reports the error
	}
	switch t.Kind {
	case relay.SourceLCC:
		if c, ok := parseCloud(u); ok {
			c.lookup, c.round = lookup, t.Round
			return c
		}
	case relay.SourceFolder:
		return folderOf(u, t.Round)
	}
	if pgnURL := cmp.Or(pgnURLOf(u), tournamentPGNOf(u)); pgnURL != "" {
		return &pgnSource{url: pgnURL, memory: memory}
	}
	out := &pgnSource{url: t.URL, memory: memory}
	if isFolder(u) {
		return &pgnOrFolder{pgn: out, folder: folderOf(u, t.Round)}
	}
	return out
}

// isIndex reports whether the address is the index of a LiveChess folder.
func isIndex(u *url.URL) bool {
	name := strings.ToLower(path.Base(u.Path))
	return name == "index.json" || name == "round.json"
}

// isFolder reports whether the address may be a LiveChess folder, or the page in it.
func isFolder(u *url.URL) bool {
	switch strings.ToLower(path.Base(u.Path)) {
	case "index.html", "index.htm":
		return true
	}
	return u.Path == "" || strings.HasSuffix(u.Path, "/")
}

// folderOf returns the reader of the folder at the address, or of the folder that contains it.
func folderOf(u *url.URL, round int) *cloudSource {
	index := *u
	index.Fragment, index.RawFragment = "", ""
	if !isIndex(u) {
		if !strings.HasSuffix(u.Path, "/") && path.Ext(u.Path) == "" {
			index = *index.JoinPath("/")
		}
		index = *index.ResolveReference(&url.URL{Path: "index.json"})
	}
	return &cloudSource{folder: &index, round: round, games: map[int]*cloudGame{}}
}

// pgnURLOf returns the address of a round's PGN, if u is the round's page or JSON; otherwise it is
// empty. Lichess's paths count on every host. chessrelay has them too, and other sites have no such
// paths.
func pgnURLOf(u *url.URL) string {
	at := func(path string) string {
		return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}).String()
	}
	p := strings.TrimRight(u.Path, "/")
	if isLichess(u) {
		if m := studyPath.FindStringSubmatch(p); m != nil {
			return at("/api/study/" + m[1] + ".pgn")
		}
	} else {
		if m := roundPath.FindStringSubmatch(p); m != nil {
			return at("/api/rounds/" + m[1] + m[2] + ".pgn")
		}
		if m := gamePath.FindStringSubmatch(p); m != nil {
			return at("/api/games/" + m[1] + ".pgn")
		}
	}
	if m := broadcastPath.FindStringSubmatch(p); m != nil {
		return at("/api/broadcast/round/" + m[1] + m[2] + ".pgn")
	}
	return ""
}

// tournamentPGNOf returns the address of the PGN of all rounds, if u is the tournament's page or
// JSON; otherwise it is empty.
func tournamentPGNOf(u *url.URL) string {
	p := strings.TrimRight(u.Path, "/")
	m := tourPath.FindStringSubmatch(p)
	if strings.HasPrefix(p, "/broadcast/by/") {
		m = nil // the broadcasts of a user
	}
	if m == nil && !isLichess(u) { // on lichess, /tournament is an arena
		m = tournamentPath.FindStringSubmatch(p)
	}
	if m == nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/api/broadcast/" + m[1] + ".pgn"}).String()
}

// Paths without the slash at the end. The group is the id.
var (
	// broadcastPath is a lichess round: its page with or without a board's id, its JSON or its
	// stream.
	broadcastPath = regexp.MustCompile(`^(?:(?:/embed|/api)?/broadcast/[^/]+/[^/]+/([0-9A-Za-z]{8})(?:/[0-9A-Za-z]{8})?|` +
		`(?:/api(?:/stream)?)?/broadcast/round/([0-9A-Za-z]{8})(?:\.pgn|/edit)?)$`)
	tourPath       = regexp.MustCompile(`^/(?:broadcast/(?:[^/]+/)?|api/broadcast/)([0-9A-Za-z]{8})$`)
	studyPath      = regexp.MustCompile(`^(?:/api)?/study/(?:embed/)?([0-9A-Za-z]{8})(?:/[0-9A-Za-z]{8})?$`)
	roundPath      = regexp.MustCompile(`^/(?:(?:round|hall)/([0-9A-Za-z]{8})(?:/[0-9]+)?|api/rounds/([0-9A-Za-z]{8}))$`)
	gamePath       = regexp.MustCompile(`^/api/games/([0-9A-Za-z]{8})$`)
	tournamentPath = regexp.MustCompile(`^/(?:tournament|api/tournaments)/([0-9A-Za-z]{8})$`)
)

func isLichess(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	return host == "lichess.org" || strings.HasSuffix(host, ".lichess.org") || host == "lichess.dev"
}

var (
	uuidForm  = regexp.MustCompile(`^(?i:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	cloudPath = regexp.MustCompile(`^(.*/get/([0-9A-Za-z-]{8,36}))(?:/(?:round-([0-9]{1,4})(?:/.*)?|tournament\.json)?)?$`)
	cloudHost = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.livechesscloud\.com$`)
)

// isCloudPage reports whether the address is a page of LiveChess Cloud.
func isCloudPage(u *url.URL) bool {
	switch strings.ToLower(u.Hostname()) {
	case "view.livechesscloud.com", "www.livechesscloud.com", "livechesscloud.com":
		return !strings.HasPrefix(u.Path, "/get/")
	}
	return false
}

// parseCloud reads the address of a tournament's documents, or of its page in the cloud.
func parseCloud(u *url.URL) (c *cloudSource, ok bool) {
	c = &cloudSource{games: map[int]*cloudGame{}}
	if isCloudPage(u) {
		c.uuid, c.round, ok = parsePage(u)
		return c, ok
	}
	m := cloudPath.FindStringSubmatch(u.EscapedPath())
	if m == nil || !relay.ValidID(m[2]) && !uuidForm.MatchString(m[2]) {
		return c, false
	}
	c.base, c.uuid = u.Scheme+"://"+u.Host+m[1], m[2]
	c.round, _ = strconv.Atoi(m[3])
	return c, true
}

// parsePage reads #UUID, #UUID/ROUND and #UUID/ROUND/BOARD. It ignores a question mark and what
// follows.
func parsePage(u *url.URL) (uuid string, round int, ok bool) {
	where, _, _ := strings.Cut(u.Fragment, "?")
	parts := strings.Split(strings.Trim(path.Clean("/"+u.Path+"/"+where), "/"), "/")
	if len(parts) > 3 || !uuidForm.MatchString(parts[0]) {
		return "", 0, false
	}
	for i, text := range parts[1:] {
		n, err := strconv.ParseUint(text, 10, 10)
		if err != nil {
			return "", 0, false
		}
		if i == 0 {
			round = int(n)
		}
	}
	return parts[0], round, true
}
