package standings

import (
	"slices"

	"github.com/chessrelay/chessrelay/relay"
)

// playerIndex finds out which players are the same. A player is known by his FIDE id. A player
// without an id is the one with an id and the same name, if there is exactly one. Otherwise the
// name decides.
type playerIndex struct {
	rows    []*row
	byFIDE  map[int64]*row
	byName  map[string]*row
	fideIDs map[string][]int64 // the ids that come with a name
	keys    map[string]string  // relay.NameKey of the names seen so far
}

func newPlayerIndex() *playerIndex {
	return &playerIndex{
		byFIDE: map[int64]*row{}, byName: map[string]*row{},
		fideIDs: map[string][]int64{}, keys: map[string]string{},
	}
}

func (x *playerIndex) key(name string) string {
	key, ok := x.keys[name]
	if !ok {
		key = relay.NameKey(name)
		x.keys[name] = key
	}
	return key
}

// noteFIDEID notes a player's id. It must be called for all players before the first find, since an
// id may occur only in a later round.
func (x *playerIndex) noteFIDEID(player relay.Player) {
	if key := x.key(player.Name); player.FideID != 0 && !slices.Contains(x.fideIDs[key], player.FideID) {
		x.fideIDs[key] = append(x.fideIDs[key], player.FideID)
	}
}

// find returns the player's row; nil for nobody. A new player gets a new row. Details of a known
// player in later games replace those in earlier ones.
func (x *playerIndex) find(player relay.Player) *row {
	key, id := x.key(player.Name), player.FideID
	if id == 0 {
		if key == "" {
			return nil
		}
		if ids := x.fideIDs[key]; len(ids) == 1 {
			id = ids[0]
		}
	}
	r := x.byName[key]
	if id != 0 {
		r = x.byFIDE[id]
	}
	switch {
	case r != nil:
		r.update(player)
		return r
	case id != 0:
		r = &row{}
		x.byFIDE[id] = r
	default:
		r = &row{}
		x.byName[key] = r
	}
	r.Player = player
	x.rows = append(x.rows, r)
	return r
}

// update takes what a later game says of the player, and keeps what it does not say.
func (r *row) update(player relay.Player) {
	old := r.Player
	r.Player = player
	if player.Title == "" {
		r.Player.Title = old.Title
	}
	if player.Rating == 0 {
		r.Player.Rating = old.Rating
	}
	if player.FideID == 0 {
		r.Player.FideID = old.FideID
	}
	if player.Federation == "" {
		r.Player.Federation = old.Federation
	}
	if player.Team == "" {
		r.Player.Team = old.Team
	}
}
