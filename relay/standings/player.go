package standings

import (
	"slices"

	"github.com/chessrelay/chessrelay/relay"
)

// people tells who is who. A player is known by his FIDE id. A player without an id is the one with
// an id and the same name, if there is exactly one, and otherwise the one with that name.
type people struct {
	rows   []*row
	byFide map[int64]*row
	byName map[string]*row
	fide   map[string][]int64 // the ids that come with a name
	keys   map[string]string  // relay.NameKey of the names seen so far
}

func newPeople() *people {
	return &people{
		byFide: map[int64]*row{}, byName: map[string]*row{},
		fide: map[string][]int64{}, keys: map[string]string{},
	}
}

func (p *people) key(name string) string {
	key, ok := p.keys[name]
	if !ok {
		key = relay.NameKey(name)
		p.keys[name] = key
	}
	return key
}

// introduce notes a player's id. All players must be introduced before the first
// one is looked up, since an id may be told in a later round only.
func (p *people) introduce(who relay.Player) {
	if key := p.key(who.Name); who.FideID != 0 && !slices.Contains(p.fide[key], who.FideID) {
		p.fide[key] = append(p.fide[key], who.FideID)
	}
}

// find returns the player's row, or nil if he is nobody. A new row is made for a new player;
// what the games tell of one who is known already replaces what those before told.
func (p *people) find(who relay.Player) *row {
	key, id := p.key(who.Name), who.FideID
	if id == 0 {
		if key == "" {
			return nil
		}
		if ids := p.fide[key]; len(ids) == 1 {
			id = ids[0]
		}
	}
	r := p.byName[key]
	if id != 0 {
		r = p.byFide[id]
	}
	switch {
	case r != nil:
		r.learn(who)
		return r
	case id != 0:
		r = &row{}
		p.byFide[id] = r
	default:
		r = &row{}
		p.byName[key] = r
	}
	r.Player = who
	p.rows = append(p.rows, r)
	return r
}

// learn takes what a later game says of the player, and keeps what it does not say.
func (r *row) learn(who relay.Player) {
	old := r.Player
	r.Player = who
	if who.Title == "" {
		r.Player.Title = old.Title
	}
	if who.Rating == 0 {
		r.Player.Rating = old.Rating
	}
	if who.FideID == 0 {
		r.Player.FideID = old.FideID
	}
	if who.Federation == "" {
		r.Player.Federation = old.Federation
	}
	if who.Team == "" {
		r.Player.Team = old.Team
	}
}
