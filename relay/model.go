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

// The results that a game can have: those of the PGN standard (8.1.1.7), and those that an arbiter can give besides
// (FIDE Laws, 9.6, 11.7 and 12.9).
const (
	Ongoing   Result = "*"
	WhiteWins Result = "1-0"
	BlackWins Result = "0-1"
	Draw      Result = "1/2-1/2"
	BothLose  Result = "0-0"
	WhiteHalf Result = "1/2-0"
	BlackHalf Result = "0-1/2"
)

// Clock is the time left of both players after a move. A side that is unknown
// is [NoTime], and is left out in JSON.
type Clock struct {
	White Millis
	Black Millis
}

// Sides are none, one or both of the two.
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
	Deleted *Deletion `json:"-"` // nil: it is there
}

// TournamentInfo is what is said of a tournament besides; all of it may be empty.
type TournamentInfo struct {
	Format      string `json:"format,omitempty"`      // such as "9-round Swiss"
	TimeControl string `json:"timeControl,omitempty"` // in words; that of a game is its own
	TimeZone    string `json:"timeZone,omitempty"`    // as the organiser calls it
	Players     string `json:"players,omitempty"`     // some of them, in words
	Website     string `json:"website,omitempty"`     // http or https
}

// Round is a set of games that are played at the same time, each on a board
// whose number never changes. Immutable once published by [State].
type Round struct {
	ID         RoundID      `json:"id"`
	Tournament TournamentID `json:"tournament"`
	Name       string       `json:"name"`
	StartsAt   Millis       `json:"startsAt,omitempty"`
	Delay      int          `json:"delay,omitempty"` // seconds
	// Status follows from the games, unless somebody has set it; see State.statusOf.
	Status      RoundStatus `json:"status"`
	Description string      `json:"description,omitempty"`
	// Shorten: a PGN that has fewer moves than the game takes those back that it lacks.
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

	StatusSet   RoundStatus `json:"-"` // as somebody has set it; empty: nobody
	StatusSetAt uint64      `json:"-"` // the index of the command that did
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

// FieldChange is a field that was changed, as text. Of a long one it has the beginning.
type FieldChange struct {
	Name string `json:"name"` // as the HTTP API spells it, such as "white.rating"
	Was  string `json:"was"`
	Now  string `json:"now"`
}

// Tag is a PGN tag that no field of a game says, such as Event or Opening.
type Tag struct{ Name, Value string }

// Move is one ply of a game, and the position after it.
type Move struct {
	Ply   Ply    `json:"ply"`
	SAN   string `json:"san"` // of an illegal move the text that the arbiter wrote
	UCI   string `json:"uci"` // empty of an illegal move, unless its text is one
	FEN   string `json:"fen"`
	Clock Clock  `json:"clock"`
	At    Millis `json:"at"` // received, or played if the submitter said so
	Index uint64 `json:"index"`
	Term  uint64 `json:"-"`

	Request string `json:"-"` // the request that played it, if it had one
	// Carried are the sides of Clock that nobody told with the move: they are as before it.
	Carried Sides `json:"carried,omitempty"`
	// Illegal: it was played though it is not legal, and the game went on. FEN is what stood on the board then, as the arbiter
	// says; from there the moves are judged again.
	Illegal bool `json:"illegal,omitempty"`
}

// A ChangeKind is what a [Change] changed.
type ChangeKind string

// The kinds of changes, each named after its command.
const (
	ChangeTakeback   ChangeKind = "takeback"
	ChangeResult     ChangeKind = "result"
	ChangeCorrection ChangeKind = "correction"
	ChangeTags       ChangeKind = "tags"
	ChangeUnlock     ChangeKind = "unlock"
)

// Change is one line of a game's audit trail: what was taken back, corrected or set, who asked
// for it, when and why.
type Change struct {
	Kind    ChangeKind `json:"kind"`
	Index   uint64     `json:"index"`
	Term    uint64     `json:"-"`
	At      Millis     `json:"at"`
	By      string     `json:"by,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	FromPly Ply        `json:"fromPly"` // where the game stood
	ToPly   Ply        `json:"toPly"`   // where it went back to, and stood after it but for Added
	// Added is how many moves a correction played after ToPly; they bear its Index. See [Game.History].
	Added int `json:"-"`
	// Result is the result that was set; empty if none was.
	Result Result `json:"result,omitempty"`
	// Was is the result before: the one that Result replaced or that a
	// takeback removed; empty if the result stayed.
	Was     Result        `json:"was,omitempty"`
	Forfeit bool          `json:"forfeit,omitempty"` // of Result: it was not played out
	Fields  []FieldChange `json:"fields,omitempty"`  // of ChangeTags
	Source  string        `json:"source,omitempty"`  // the source that made the change; empty: a person did

	Request string `json:"-"`
	// Removed are the moves that were taken back. A late second copy
	// of one of them must not play it again, so they are remembered.
	Removed []Move `json:"-"`
}

// Pairing is who plays and where: what of a game seldom changes. Immutable: an update makes a new one.
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
	Source      string // the id of the source that the board follows, ManualSource, or empty: the first that has it
	CreatedAt   Millis
	CreatedAtIx uint64 // of the command that created it
	CreatedTerm uint64
	Request     string
	Deleted     *Deletion // nil unless the game itself was deleted, and not its round
}

// Game is one board of a round. Immutable once published by [State]: a command
// that changes a game makes a new value, and what did not change is shared. So a
// reader may keep a *Game for as long as it likes.
type Game struct {
	*Pairing
	Result  Result
	Forfeit bool // the result is one of a game that was not played, or not played out
	// Automatic: the result is that of the position, mate or stalemate, and nobody has set it.
	Automatic   bool
	lockedMoves int32 // one more than the last ply that a person has fixed; 0: the moves are not locked

	Changes []Change
	Index   uint64 // of the last command that changed this game

	moves     moveList
	clocks    *clockSet  // nil: SetClock never was
	overrides *overrides // nil: no person has set anything, and the source agrees
}

// A desk is what a person has set of a game, and what a source has instead. Immutable.
type overrides struct {
	locks    []Lock // by field, each once; that of the moves is in Game.lockedMoves
	lockedBy string // who has fixed the moves
	note     *SourceNote
}
