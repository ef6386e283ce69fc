package lcc

// Tournament is tournament.json.
type Tournament struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Location    string  `json:"location"`
	Country     *string `json:"country"` // two letters of ISO 3166; unknown here
	Website     *string `json:"website"`
	Rules       string  `json:"rules"`    // STANDARD
	Chess960    string  `json:"chess960"` // STANDARD, or ANY if some game has another start
	TimeControl string  `json:"timecontrol"`
	Rounds      []Round `json:"rounds"`
	EBoards     []any   `json:"eboards"` // serial numbers of electronic boards; unknown here
	UUID        string  `json:"uuid"`    // ours, for readers that take only a UUID
}

// Round is the number of games of a round, and how many of them are live.
type Round struct {
	Count int `json:"count"`
	Live  int `json:"live"`
}

// Index is index.json.
type Index struct {
	Date     string    `json:"date"` // 2006-01-02, UTC
	Pairings []Pairing `json:"pairings"`
}

// Pairing is a board. Its place in the list is its number.
type Pairing struct {
	White  *Player `json:"white"`
	Black  *Player `json:"black"`
	Result string  `json:"result"` // as PGN has it
	Live   bool    `json:"live"`
}

// Player is one of the two at a board. Unknown fields are null.
type Player struct {
	FirstName  *string `json:"fname"`
	MiddleName *string `json:"mname"`
	LastName   *string `json:"lname"`
	Title      *string `json:"title"`
	Federation *string `json:"federation"`
	Gender     *string `json:"gender"`
	FideID     *int64  `json:"fideid"`
}

// Game is game.json.
type Game struct {
	Live         bool    `json:"live"`
	SerialNumber *string `json:"serialNr"`
	FirstMove    *int64  `json:"firstMove"` // Unix milliseconds
	Chess960     *int    `json:"chess960"`  // see StartNumber; null if there is none
	Result       *string `json:"result"`    // WHITEWIN, BLACKWIN, DRAW; null for others
	Comment      *string `json:"comment"`
	Clock        *Clock  `json:"clock"` // null if it is unknown, or no longer runs
	// Moves are "e4 5436+23": the move in SAN, the mover's seconds left, and the seconds it took.
	Moves []string `json:"moves"`
	FEN   string   `json:"fen,omitempty"` // ours: the start position, if it has no number
}

// Clock is both clocks at one time.
type Clock struct {
	White *int64 `json:"white"` // seconds
	Black *int64 `json:"black"`
	Run   *bool  `json:"run"`  // true: White's runs; false: Black's; null: neither
	Time  int64  `json:"time"` // Unix milliseconds
}
