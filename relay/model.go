package relay

// Ids are 8 characters of [A-Za-z0-9]. The node that receives a creation draws one at random and
// puts it into the command, so that every node has the same. See [FormatID].

// TournamentID is the id of a tournament.
type TournamentID string

// RoundID is the id of a round.
type RoundID string

// GameID is the id of a game.
type GameID string

// A Ply is a half-move, counted from 1. Ply 0 is the position at the start.
type Ply int

// Millis is a time or a duration in milliseconds: Unix time for a point in time, the time left for
// a clock.
type Millis int64

// NoTime is a clock that nobody has told. No other clock is negative.
const NoTime Millis = -1

// A Result is how a game ended, in PGN's spelling, or [Ongoing].
type Result string

// The results that a game can have: those of the PGN standard (8.1.1.7), and those that an arbiter
// can give besides (FIDE Laws, 9.6, 11.7 and 12.9).
const (
	Ongoing   Result = "*"
	WhiteWins Result = "1-0"
	BlackWins Result = "0-1"
	Draw      Result = "1/2-1/2"
	BothLose  Result = "0-0"
	WhiteHalf Result = "1/2-0"
	BlackHalf Result = "0-1/2"
)

// Clock is both players' time left after a move. An unknown side is [NoTime], and is left out in
// JSON.
type Clock struct {
	White Millis
	Black Millis
}

// Sides is a set of sides: none, White, Black or both.
type Sides uint8

// The two sides.
const (
	WhiteSide Sides = 1 << iota
	BlackSide
)

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
	TournamentInfo
	TournamentSettings
	CreatedAt Millis `json:"createdAt"`
	Index     uint64 `json:"index"` // of the command that created it
	Term      uint64 `json:"-"`

	Request string    `json:"-"` // the request that created it
	Updates []Update  `json:"-"` // what was changed since, in order
	Rounds  []RoundID `json:"-"` // in order of creation, without those that were deleted
	Deleted *Deletion `json:"-"` // nil: it was not deleted
}

// TournamentInfo has a tournament's other fields; all of them may be empty.
type TournamentInfo struct {
	Format      string `json:"format,omitempty"`      // such as "9-round Swiss"
	TimeControl string `json:"timeControl,omitempty"` // in words; a game has its own
	TimeZone    string `json:"timeZone,omitempty"`    // as the organiser calls it
	Players     string `json:"players,omitempty"`     // some of them, in words
	Website     string `json:"website,omitempty"`     // http or https
}

// Round is a set of games that are played at the same time, each on a board whose number never
// changes. Immutable once published by [State].
type Round struct {
	ID         RoundID      `json:"id"`
	Tournament TournamentID `json:"tournament"`
	Name       string       `json:"name"`
	StartsAt   Millis       `json:"startsAt,omitempty"`
	Delay      int          `json:"delay,omitempty"` // seconds
	// Status follows from the games, unless a person has set it; see State.statusOf.
	Status      RoundStatus `json:"status"`
	Description string      `json:"description,omitempty"`
	// Shorten: a PGN with fewer moves than the game takes the missing ones back.
	Shorten bool `json:"shorten,omitempty"`
	RoundSettings
	CreatedAt Millis `json:"createdAt"`
	Index     uint64 `json:"index"` // of the command that created it
	Term      uint64 `json:"-"`

	Request string   `json:"-"`
	Updates []Update `json:"-"` // what was changed since, in order
	Games   []GameID `json:"-"` // by board number, without those that were deleted
	// Deleted is nil unless the round itself was deleted, and not its tournament.
	Deleted *Deletion `json:"-"`

	StatusSet   RoundStatus `json:"-"` // the status that was set; empty: none
	StatusSetAt uint64      `json:"-"` // the index of the command that set it
}

// A RoundStatus is how far a round is.
type RoundStatus string

// The statuses of a round.
const (
	RoundNew      RoundStatus = "new"
	RoundStarted  RoundStatus = "started"
	RoundFinished RoundStatus = "finished"
)

// Update is one change of a tournament's or a round's fields: who asked for it, when and why.
type Update struct {
	Index   uint64        `json:"index"`
	Term    uint64        `json:"-"`
	At      Millis        `json:"at"`
	By      string        `json:"by,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Fields  []FieldChange `json:"fields"`
	Request string        `json:"-"`
}

// FieldChange is a field that was changed, as text. A long text is cut.
type FieldChange struct {
	Name string `json:"name"` // as the HTTP API spells it, such as "white.rating"
	Was  string `json:"was"`
	Now  string `json:"now"`
}

// Tag is a PGN tag that has no field of its own in a game, such as Event or Opening.
type Tag struct{ Name, Value string }

// Move is one ply of a game, and the position after it.
type Move struct {
	Ply   Ply    `json:"ply"`
	SAN   string `json:"san"` // of an illegal move, the arbiter's text
	UCI   string `json:"uci"` // empty of an illegal move, unless its text is one
	FEN   string `json:"fen"`
	Clock Clock  `json:"clock"`
	At    Millis `json:"at"` // received, or played if the submitter said so
	Index uint64 `json:"index"`
	Term  uint64 `json:"-"`

	Request string `json:"-"` // the request that played it, if it had one
	// Carried are the sides of Clock that nobody told with the move: their time is that before it.
	Carried Sides `json:"carried,omitempty"`
	// Illegal: the move was played though it is not legal, and the game went on. FEN is the
	// position on the board then, as the arbiter says. From there, moves are judged again.
	Illegal bool `json:"illegal,omitempty"`
}

// A ChangeKind is the kind of a [Change].
type ChangeKind string

// The kinds of changes, each named after its command.
const (
	ChangeTakeback   ChangeKind = "takeback"
	ChangeResult     ChangeKind = "result"
	ChangeCorrection ChangeKind = "correction"
	ChangeTags       ChangeKind = "tags"
	ChangeUnlock     ChangeKind = "unlock"
)

// Change is one line of a game's audit trail: what was taken back, corrected or set, who asked for
// it, when and why.
type Change struct {
	Kind    ChangeKind `json:"kind"`
	Index   uint64     `json:"index"`
	Term    uint64     `json:"-"`
	At      Millis     `json:"at"`
	By      string     `json:"by,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	FromPly Ply        `json:"fromPly"` // the game's ply before
	ToPly   Ply        `json:"toPly"`   // the ply to which it went back
	// Added is how many moves a correction played after ToPly. They have its Index. See
	// [Game.History].
	Added int `json:"-"`
	// Result is the result that was set; empty if none was.
	Result Result `json:"result,omitempty"`
	// Was is the result before, which Result replaced or a takeback removed; empty if the result
	// stayed.
	Was     Result        `json:"was,omitempty"`
	Forfeit bool          `json:"forfeit,omitempty"` // of Result: it was not played out
	Fields  []FieldChange `json:"fields,omitempty"`  // of ChangeTags
	Source  string        `json:"source,omitempty"`  // that made the change; empty: a person

	Request string `json:"-"`
	// Removed are the moves that were taken back. They are kept, so that a late copy of a move's
	// command cannot play it again.
	Removed []Move `json:"-"`
}

// Pairing is who plays and where: the part of a game that seldom changes. Immutable.
type Pairing struct {
	ID          GameID
	Round       RoundID
	Board       int
	White       Player
	Black       Player
	StartFEN    string // empty: the standard position
	Variant     string // empty: standard chess; or Chess960
	TimeControl string
	Tags        []Tag  // by name, each name once
	Source      string // a source's id or ManualSource; empty: the first source that has the board
	CreatedAt   Millis
	CreatedAtIx uint64 // of the command that created it
	CreatedTerm uint64
	Request     string
	Deleted     *Deletion // nil unless the game itself was deleted
}

// Game is one board of a round. Immutable once published by [State]: a command that changes a game
// makes a new value, which shares what did not change. So a reader may keep a *Game as long as it
// likes.
type Game struct {
	*Pairing
	Result  Result
	Forfeit bool // the game was not played, or not to its end
	// Automatic: the result is that of the position, mate or stalemate, and nobody has set it.
	Automatic   bool
	lockedMoves int32 // LockedPly()+1; 0: the moves are not locked

	Changes []Change
	Index   uint64 // of the last command that changed this game

	moves     moveList
	clocks    *clockSet  // nil: there was no SetClock
	overrides *overrides // nil: no person has set anything, and the source agrees
}

// overrides is what a person has set of a game, and what a source has instead. Immutable.
type overrides struct {
	locks    []Lock // by field, each once; that of the moves is in Game.lockedMoves
	lockedBy string // who has fixed the moves
	note     *SourceNote
}
