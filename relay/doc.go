// Package relay is the domain: tournaments, rounds, games, moves, clocks and corrections, and the
// state machine that the log drives. It is pure. It does no I/O, starts no goroutine, reads no
// clock, draws no random number and takes no lock, so that every node makes the same of the same
// log, for ever.
//
// # The state machine
//
// A [relaypb.Command] says what somebody wants. The node that receives it adds what must be the
// same everywhere (the time, a new id, who asked, a request id), and [EncodeCommand] makes a log
// entry of it. When the entry is committed, every node calls
//
//	out := state.Apply(index, term, entry)
//
// and gets an [Outcome]: what the command was about as it stands now, the events for spectators, or
// a refusal. Apply is the one judge of what is legal; whatever was checked before was a courtesy.
// It never panics, on any bytes, and a refused command leaves everything as it was. The refusals
// stand in errors.go, and their messages are written for the person who gets them.
//
//	create.go   tournaments, rounds, games
//	play.go     moves
//	correct.go  takebacks and results
//	names.go    which names are one player's, and which are nobody's
//	clock.go    clocks that are told without a move
//	correction.go  many moves corrected at once; history.go the audit trail that all of them leave
//	update.go   what is changed of a tournament, a round and a game later
//	chess960.go start positions of Chess960
//	lock.go     what a person has set, and a source cannot change
//	note.go     what the source has instead
//	settings.go how a tournament and a round are shown, fetched and counted
//	source.go   where the games of a round are fetched from
//	delete.go   what is deleted, and restored; deleted.go what is gone for readers
//	delay.go    held commands and their release; sight.go the tiers; public.go how views are read;
//	            shown.go the public's index; held.go what a checkpoint stores of them
//	token.go    who may change something, and for how long; audit.go who has changed what
//	limits.go   how long and how many of everything
//	decode.go   the quick way to read a command that plays a move
//
// # Exactly once
//
// A submitter that does not know what became of its command sends it again, so an entry may come
// twice in the log with others between. The second one must change nothing and be answered as the
// first was. Two things see to that:
//
//   - What a command asks for may stand already: the same move at the same ply (in
//     any spelling), the same result, the takeback that led to where the game is.
//   - Everything that changes something keeps the request that did it: a tournament, round and
//     game the one that created it, a move the one that played it, a [Change] the one that
//     asked for it. A move that is taken back stays in [Change.Removed], so a late
//     copy of its command cannot bring it back. Clocks without a move are too many to keep their requests, but for the last one:
//     a game takes no clocks that were not read later than the last ones it took.
//
// Either way the outcome is a Duplicate, with the index and term of the entry that made the change.
// So a request must be new for each new intent, and all commands but moves must have one. A refusal
// is not remembered: a command that was refused may be accepted when it comes again later.
//
// # Rules
//
// A move is played by [Game.Ply]+1 and must be legal. SAN and UCI are read as they are met in the
// wild; SAN goes out as the PGN standard writes it. Package rules decides whether the move is
// legal, and only rules.go knows it; what a game may start from is decided here (fen.go,
// fencheck.go). Standard chess and Chess960 are known. A FEN after a double step of a pawn always
// has its en passant square.
//
// Mate and stalemate end a game with an automatic result, which the arbiter or a source may
// overrule. Every other result is somebody's word. A game with a result takes no move. To take one
// back reopens it, since the result belonged to moves that no longer stand; a correction leaves the
// result as it is unless it names another; a new result, also "*", may be set at any time.
//
// A clock that a move does not tell is carried over from the move before, and the move knows that
// ([Move.Carried]). Clocks may be told without a move too, at any time: they are those after the
// last move then, or those that the game starts with.
//
// # A person and a source
//
// A command says whether a person asks or a program that speaks for a source of games. What a
// person sets is locked: the name, the result, the moves up to a ply. A source cannot change it, on
// any node, until the lock is given up (lock.go). What the source has instead is kept beside the
// game, for the person to see and to accept (note.go).
//
// # Tokens
//
// Once there is a token, changes need one. Package web decides what the bearer of a token may do,
// by its role and scope. A command names the token that it came with, and Apply refuses it if that
// was revoked by then, whatever the node that took it knew. The name of the token is the author of
// the change.
//
// # Reading
//
// [State.Tournaments], [State.Tournament], [State.Round] and [State.Game] return values that are
// immutable: a command that changes a game publishes a new [Game], and the two share what did not
// change. A game keeps each move as its record of a checkpoint; SAN and FEN are made when somebody
// asks for them ([Game.LastMove], [Game.Moves]), from the nearest position that is kept. State
// itself is for one goroutine at a time, so its owner holds a lock to fetch a pointer, and none to
// read what it points to.
//
// # Delay
//
// A round may have a delay of up to an hour. The State is the truth, and a delay changes none of
// the above. Besides, the State keeps the public's view of such a round: the round after the first
// of its commands. The commands behind them are held, until the delay has passed since their own
// time and all commands before them are released. The node that leads the log stamps that time.
//
//	the round's commands   1 2 3 4 5 6 7 8 9
//	                       └public─┘ └held─┘
//	                       └── a tier ─┘
//	                       └──── truth ────┘
//
// [State.Release] is told the time, and releases what is due. So the public's view is a function of
// the log and the time, and of nothing that one node remembers. [State.Public] shows it. A round
// without a delay has the truth as its only view.
//
// A command that changes the delay first releases what is due under the old delay. So a longer
// delay hides nothing again, also when the log is replayed. The command itself is held, too. The
// public has a round and its tournament from the beginning. What happens in the round is held,
// including the creation of its games.
//
// A viewer's token may have a shorter delay than the round. So there is a tier for each such delay:
// the public's view and the first held commands on top (sight.go). [State.ReaderFor] shows the view
// of a [Sight], and hides private tournaments from clients whose tokens do not cover them.
//
// The public has an index of its own, [State.Shown]: the newest index whose effect it may see. No
// held command moves it, so no index that the public is told tells what is held.
//
// # Deletion
//
// Readers do not find a tournament, round or game that was deleted, nor anything in it. It takes no
// command but its own restoration, for 30 days. It stays in the state, in checkpoints and in the
// hash; see delete.go. The public loses it at once, whatever is held back. So the public may have
// less at an index than before; [Event.Renews] says when.
//
// # Checkpoints
//
// [State.TakeDirty] returns the records that have changed since the last call, by key:
//
//	t/<id>                  a tournament
//	r/<id>                  a round
//	g/<created>/<id>        the head of a game: its tags, its result, and its last moves, up to 127
//	g/<created>/<id>/m0000  its first 128 moves; m0001 the next 128, and so on
//	g/<created>/<id>/c0000  the first line of its audit trail, with the moves that it took back
//	p/r/<id> …              a round with a delay, and its games, as the public has them
//	h/<round>/<index>       a command that is held, since the log may be cut behind it
//	k/<id>                  a token, with a salted hash of its secret
//	a/m/<block>             lines of the audit trail, of moves, clocks and sources; a/c/<block> of everything else
//	s/sum                   the rolling sum, see [State.Sum]
//
// Where <created> is the index of the command that created the game, in 16 hexadecimal digits:
// games that are played at the same time lie side by side in the file.
//
// So of a game that goes on, however long it is, only the head is written again. A takeback removes
// the records of moves that are no more; a checkpoint has those records that the state makes,
// whatever checkpoints there were before. Of a move no SAN and no position is stored.
//
// TakeDirty itself does next to nothing: everything published is immutable, so the records can be
// made later, beside Apply, when the sequence that it returns is read.
//
// [State.Load] takes the records in again, in any order, and [State.Loaded] joins and replays the
// games, derives the rest and checks that all belong together. [State.Hash] is one number over
// everything that is true, by which nodes find out that they differ; it does not depend on how the
// records are cut, nor on what the public has by the clock of a node. Load applies what is held to
// what the public has, and checks that it becomes the truth.
//
// # Changing it
//
// What a command of an old log asks for it must go on to do, and be refused if it was refused. A
// command that is to mean something else gets another [CommandVersion].
//
// The formats stand in relay.proto. testdata/golden*.log are logs that each version must replay to
// the same hash, so a change of what Apply makes of an old log does not pass the tests.
// golden-sums.txt has their rolling sums, by which the nodes of a cluster compare what they have
// done ([State.Sum]). A new operation or a new limit is known to new nodes only: all nodes of a
// cluster must have it before the first command that needs it.
package relay

//go:generate ./relaypb/generate.sh
