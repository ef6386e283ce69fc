package relay

// Ids are 8 characters of [A-Za-z0-9], chosen at random by the node that
// receives the creation and carried in the command, so that every node has the
// same ones. See [FormatID].
type (
	TournamentID string
	RoundID      string
	GameID       string
)

// A Ply is a half-move, counted from 1. Ply 0 is the position at the start.
type Ply int

// Millis is a time or a duration in milliseconds: Unix time where it is a
// point in time, time left where it is a clock.
type Millis int64

// NoTime is a clock that nobody has told us about. A clock is never negative
// otherwise.
const NoTime Millis = -1

// A Result is how a game ended, in PGN's spelling, or [Ongoing].
type Result string

// The results that a game can have (PGN standard, 8.1.1.7).
const (
	Ongoing   Result = "*"
	WhiteWins Result = "1-0"
	BlackWins Result = "0-1"
	Draw      Result = "1/2-1/2"
)

// Clock is the time left of both players after a move. A side that is unknown
// is [NoTime], and is left out in JSON.
type Clock struct {
	White Millis
	Black Millis
}

// Player is one of the two at a board. Only the name is required.
type Player struct {
	Name       string `json:"name"`
	Title      string `json:"title,omitempty"`
	Rating     int    `json:"rating,omitempty"`
	FideID     int64  `json:"fideId,omitempty"`
	Federation string `json:"federation,omitempty"`
	Team       string `json:"team,omitempty"`
}

// Tournament is an event: a list of rounds. Immutable once published by [State].
type Tournament struct {
	ID          TournamentID `json:"id"`
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	Location    string       `json:"location,omitempty"`
	CreatedAt   Millis       `json:"createdAt"`
	Index       uint64       `json:"index"` // of the command that created it
	Term        uint64       `json:"-"`

	Request string    `json:"-"` // the request that created it
	Rounds  []RoundID `json:"-"` // in order of creation
}

// Round is a set of games that are played at the same time, each on a board
// whose number never changes. Immutable once published by [State].
type Round struct {
	ID         RoundID      `json:"id"`
	Tournament TournamentID `json:"tournament"`
	Name       string       `json:"name"`
	StartsAt   Millis       `json:"startsAt,omitempty"`
	Delay      int          `json:"delay,omitempty"` // seconds
	CreatedAt  Millis       `json:"createdAt"`
	Index      uint64       `json:"index"` // of the command that created it
	Term       uint64       `json:"-"`

	Request string   `json:"-"`
	Games   []GameID `json:"-"` // by board number
}

// Move is one ply of a game, and the position after it.
type Move struct {
	Ply   Ply    `json:"ply"`
	SAN   string `json:"san"`
	UCI   string `json:"uci"`
	FEN   string `json:"fen"`
	Clock Clock  `json:"clock"`
	At    Millis `json:"at"` // received, or played if the submitter said so
	Index uint64 `json:"index"`
	Term  uint64 `json:"-"`

	Request string `json:"-"` // the request that played it, if it had one
}

// Change is one line of a game's audit trail: a takeback or a result, who asked
// for it, when and why.
type Change struct {
	Index   uint64 `json:"index"`
	Term    uint64 `json:"-"`
	At      Millis `json:"at"`
	By      string `json:"by,omitempty"`
	Reason  string `json:"reason,omitempty"`
	FromPly Ply    `json:"fromPly"` // where the game stood
	ToPly   Ply    `json:"toPly"`   // where it stands after it
	// Result is the result that was set; empty if the change is a takeback.
	Result Result `json:"result,omitempty"`
	// Was is the result before: of a result, the one it replaced; of a
	// takeback, the one it removed, empty if the game was going on.
	Was Result `json:"was,omitempty"`

	Request string `json:"-"`
	// Removed are the moves that a takeback took back. A late second copy
	// of one of them must not play it again, so they are remembered.
	Removed []Move `json:"-"`
}

// Pairing is what of a game stands from its creation on and never changes.
type Pairing struct {
	ID          GameID
	Round       RoundID
	Board       int
	White       Player
	Black       Player
	StartFEN    string // empty: the standard position
	Variant     string // empty: standard chess, and nothing else exists yet
	TimeControl string
	CreatedAt   Millis
	CreatedAtIx uint64 // of the command that created it
	CreatedTerm uint64
	Request     string
}

// Game is one board of a round. Immutable once published by [State]: a command
// that changes a game makes a new value, and what did not change is shared. So a
// reader may keep a *Game for as long as it likes.
type Game struct {
	*Pairing
	Result  Result
	Changes []Change
	Index   uint64 // of the last command that changed this game

	moves moveList
}
