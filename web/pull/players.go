package pull

import (
	"fmt"
	"hash/fnv"
	"io"
	"sync"

	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/mirror"
)

// Players parses the tournaments' replacements and team lists, each version once. A text may have
// thousands of lines, and a push or poll may come every second. The zero value is ready. It is safe
// for concurrent use.
type Players struct {
	mu     sync.Mutex
	parsed map[relay.TournamentID]parsed // guarded by mu
}

// parsed is the two texts and their meaning.
type parsed struct {
	replacements, teams string
	players             *mirror.Replacements
}

// maxParsed bounds the number of tournaments that are kept.
const maxParsed = 64

// Of returns the tournament's replacements; nil if it has none. It ignores lines that cannot be
// read: the API refuses them, so only other programs can have set them.
func (p *Players) Of(t *relay.Tournament) *mirror.Replacements {
	if t == nil || t.Replacements == "" && t.Teams == "" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if is, ok := p.parsed[t.ID]; ok && is.replacements == t.Replacements && is.teams == t.Teams {
		return is.players
	}
	if p.parsed == nil || len(p.parsed) >= maxParsed {
		p.parsed = make(map[relay.TournamentID]parsed)
	}
	players, _ := mirror.ParseReplacements(t.Replacements, t.Teams)
	p.parsed[t.ID] = parsed{t.Replacements, t.Teams, players}
	return players
}

// settingsChanged reports whether the replacements or the locks have changed since the last
// comparison. Then a source without news must be compared again.
func (r *roundPuller) settingsChanged() bool {
	view := r.view()
	r.mu.Lock()
	defer r.mu.Unlock()
	return view.Players != r.playersCompared || lockHash(view.Games) != r.locksCompared
}

// lockHash changes when a lock of a game comes or goes, or a board leaves its source.
func lockHash(games []*relay.Game) uint64 {
	h := fnv.New64a()
	for _, g := range games {
		fmt.Fprintf(h, "%s%s%d", g.ID, g.Source, g.LockedPly())
		for _, l := range g.Locks() {
			_, _ = io.WriteString(h, l.Field) // a hash takes all
		}
	}
	return h.Sum64()
}
