package relay

import (
	"errors"
	"strings"
	"testing"
)

const start960 = "brkrnqnb/pppppppp/8/8/8/8/PPPPPPPP/BRKRNQNB w KQkq - 0 1"

// TestRepairFEN has what sources write as a FEN, and the start of a game that is made of it.
func TestRepairFEN(t *testing.T) {
	for _, tt := range []struct{ in, variant, want, asVariant string }{
		{StartFEN, "", StartFEN, ""},
		{"", "", StartFEN, ""},
		{"startpos", "", StartFEN, ""},

		// Fields that are missing.
		{"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR", "", StartFEN, ""},
		{"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR b", "", "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR b KQkq - 0 1", ""},
		{"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w -", "", "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w - - 0 1", ""},
		{"rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBN1 w", "", "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBN1 w - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3 b", "", "4k3/8/8/8/8/8/8/4K3 b - - 0 1", ""},
		{"r3k2r/8/8/8/8/8/8/R3K2R w KQkq", "", "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3 w - -", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3 b - - 7", "", "4k3/8/8/8/8/8/8/4K3 b - - 7 1", ""},
		{"r3k2r/8/8/8/8/8/8/R3K2R KQkq - 3 9", "", "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 3 9", ""},
		{"4k3/8/8/8/8/8/8/4K3 b 3 9", "", "4k3/8/8/8/8/8/8/4K3 b - - 3 9", ""},
		{"4k3/8/8/3pP3/8/8/8/4K3 w d6 0 2", "", "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2", ""},
		{"4k3/8/8/8/8/8/4R3/4K3", "", "4k3/8/8/8/8/8/4R3/4K3 b - - 0 1", ""}, // White could take the king
		{"4k3/4r3/8/8/8/8/8/4K3 x - -", "", "4k3/4r3/8/8/8/8/8/4K3 w - - 0 1", ""},

		// Impossible castling rights.
		{"7k/5K2/4R3/8/8/8/8/8 w KQkq - 0 1", "", "7k/5K2/4R3/8/8/8/8/8 w - - 0 1", ""},
		{"r3k2r/8/8/8/8/8/8/R4RK1 w KQkq - 0 1", "", "r3k2r/8/8/8/8/8/8/R4RK1 w kq - 0 1", ""},
		{"r3k2r/8/8/8/8/8/8/R3K3 w KQkq - 0 1", "", "r3k2r/8/8/8/8/8/8/R3K3 w Qkq - 0 1", ""},
		{"r3k2r/8/8/8/8/8/8/1R2K2R b KQkq - 0 1", "", "r3k2r/8/8/8/8/8/8/1R2K2R b KQkq - 0 1", Chess960}, // it may be meant
		{"r3k2r/8/8/8/8/8/8/R2K3R w KQkq - 0 1", "", "r3k2r/8/8/8/8/8/8/R2K3R w kq - 0 1", ""},           // both kings on one file
		{"4k3/8/8/8/8/8/8/4K1R1 w K - 0 1", "", "4k3/8/8/8/8/8/8/4K1R1 w - - 0 1", ""},
		{"r3k2r/8/8/8/8/8/8/R3K2R w KKQkq - 0 1", "", "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1", ""},
		{"r3k2r/8/8/8/8/8/8/R3K2R w HAha - 0 1", "", "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1", ""},
		{"r3k2r/8/8/8/8/8/8/R3K2R w qkQK - 0 1", "", "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1", ""},
		{"r3k2r/8/8/8/8/8/8/R3K2R w KQx9? - 0 1", "", "r3k2r/8/8/8/8/8/8/R3K2R w KQ - 0 1", ""},
		{"r3k2r/8/8/8/8/8/8/R3K2R w – – 0 1", "", "r3k2r/8/8/8/8/8/8/R3K2R w - - 0 1", ""},
		{"r3k2r/8/8/8/8/8/8/R3K2R w 0 - 0 1", "", "r3k2r/8/8/8/8/8/8/R3K2R w - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3 w KQkq - 0 1", Chess960, "4k3/8/8/8/8/8/8/4K3 w - - 0 1", Chess960},
		{"1r1k2r1/8/8/8/8/8/8/1R1K4 w KQkq - 0 1", Chess960, "1r1k2r1/8/8/8/8/8/8/1R1K4 w Qkq - 0 1", Chess960},
		{"1r1k2r1/8/8/8/8/8/8/1R1K2R1 w HBgb - 0 1", Chess960, "1r1k2r1/8/8/8/8/8/8/1R1K2R1 w Qkq - 0 1", Chess960},
		{"1r1k2r1/8/8/8/8/8/8/1R1K2R1 w GBZgb - 0 1", Chess960, "1r1k2r1/8/8/8/8/8/8/1R1K2R1 w KQkq - 0 1", Chess960},
		{"brkrnqnb/pppppppp/8/8/8/8/PPPPPPPP/BRKRNQNB w DBdb - 0 1", Chess960, start960, Chess960},
		{"brkrnqnb/pppppppp/8/8/8/8/PPPPPPPP/BRKRNQNB w DBdb - 0 1", "", start960, Chess960},
		{"brkrnqnb/pppppppp/8/8/8/8/PPPPPPPP/BRKRNQNB w KQkq - 0 1", "", start960, Chess960},
		{"brkrnqnb/pppppppp/8/8/8/8/PPPPPPPP/BRKRNQNB", "", start960, Chess960},

		// No pawn has just passed.
		{"4k3/8/8/8/8/8/8/4K3 w - e6 0 1", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
		{"4k3/8/8/3pP3/8/8/8/4K3 w - d3 0 2", "", "4k3/8/8/3pP3/8/8/8/4K3 w - - 0 2", ""},
		{"4k3/8/8/3pP3/8/8/8/4K3 w - D6 0 2", "", "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2", ""},
		{"4k3/8/8/3pP3/8/8/8/4K3 w - z9 0 2", "", "4k3/8/8/3pP3/8/8/8/4K3 w - - 0 2", ""},
		{"4k3/8/8/8/4P3/8/8/4K3 w - e3 0 2", "", "4k3/8/8/8/4P3/8/8/4K3 w - - 0 2", ""},

		// Wrong counters, and what follows them.
		{"4k3/8/8/8/8/8/8/4K3 w - - x y", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3 w - - -3 -4", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3 w - - 5000 99999", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3 w - - 99999999999999999999 7", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 7", ""},
		{"4k3/8/8/8/8/8/8/4K3 w - - 0 0", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3 w - - 1.5 3", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 3", ""},
		{`4k3/8/8/8/8/8/8/4K3 w - - bm Ke2; id "x";`, "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3 w - - 0 1 moves e1e2", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},

		// The same in other spellings.
		{"  4k3/8/8/8/8/8/8/4K3   White  -  - 0 1 ", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3_B_-_-_0_1", "", "4k3/8/8/8/8/8/8/4K3 b - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3/ w - - 0 1", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
		{"4k3/8/8/8/8/8/8/4K3[] w - - 0 1", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
		{"4kQ~2/8/8/8/8/8/8/4K3 b - - 0 1", "", "4kQ2/8/8/8/8/8/8/4K3 b - - 0 1", ""},
		{"1111k111/8/8/11111111/8/44/8/1111K3 w - - 0 1", "", "4k3/8/8/8/8/8/8/4K3 w - - 0 1", ""},
	} {
		got, variant, err := RepairFEN(tt.in, tt.variant, false)
		if err != nil || got != tt.want || variant != tt.asVariant {
			t.Errorf("%s %s:\n got %s %s, %v\nwant %s %s", tt.in, tt.variant, got, variant, err, tt.want, tt.asVariant)
			continue
		}
		if fen, _, err := startPosition(got, variant); err != nil || fen != got && got != StartFEN {
			t.Errorf("%s: a game that begins with %s gets %s, %v", tt.in, got, fen, err)
		}
	}
	if fen, variant, err := RepairFEN("4k3/8/8/8/8/8/8/1R2K3 w Q - 0 1", "", true); fen != "4k3/8/8/8/8/8/8/1R2K3 w Q - 0 1" || variant != Chess960 || err != nil {
		t.Errorf("with castling: %s %s, %v", fen, variant, err)
	}
	if fen, variant, err := RepairFEN("r3k2r/8/8/8/8/8/8/R3K3", "", true); fen != "r3k2r/8/8/8/8/8/8/R3K3 w Qkq - 0 1" || variant != "" || err != nil {
		t.Errorf("with castling, and no rights told: %s %s, %v", fen, variant, err)
	}
}

// TestNoRepair: the place of a piece is never guessed.
func TestNoRepair(t *testing.T) {
	for in, want := range map[string]string{
		"8/8/8/8/8/8/8/8 w - - 0 1": "White has 0 kings", "4k3/8/8/8/8/8/8/8 w - - 0 1": "White has 0 kings", "4k3/8/8/8/8/8/8/2K1K3 w - - 0 1": "White has 2 kings",
		"4k3/8/8/8/8/8/8 w - - 0 1": "8 ranks", "4k3/8/8/8/8/8/8/4K4 w - - 0 1": "rank 1", "4k3/8/8/8/8/8/8/4K2 w - - 0 1": "rank 1", "hello": "8 ranks",
		"4k3/8/8/8/8/8/8/4K3[Qn] w - - 0 1": "rank 1", "4k3/4R3/8/8/8/8/8/4K3 w - - 0 1": "in check", "P3k3/8/8/8/8/8/8/4K3 w - - 0 1": "pawn", "4k3/8/8/8/8/8/8/4X3 w - - 0 1": "rank 1",
		strings.Repeat("x", 1000): "too long", "qqqqkqqq/qqqqqqqq/8/8/8/8/8/4K3 w - - 0 1": "promotions",
	} {
		fen, _, err := RepairFEN(in, "", false)
		if !errors.Is(err, ErrBadCommand) || !strings.Contains(err.Error(), want) || fen != "" {
			t.Errorf("%s: %s, %v", in, fen, err)
		}
	}
}

// TestVariants has common names of variants, for callers and for sources.
func TestVariants(t *testing.T) {
	for _, name := range []string{
		"", "Standard", "standard", "Chess", "Normal", "Regular", "regular chess", "Rapid", "Blitz", "Bullet", "Classical", "From Position", "Orthodox", "?", "-", "Lichess Standard", "None",
	} {
		if v, err := ParseVariant(name); v != "" || err != nil {
			t.Errorf("%s: %q, %v", name, v, err)
		}
		if v, err := SourceVariant(name); v != "" || err != nil {
			t.Errorf("%s of a source: %q, %v", name, v, err)
		}
	}
	for _, name := range []string{
		"Chess960", "chess 960", "Chess-960", "960", "Fischerandom", "Fischer Random", "FischerRandom Chess", "Fischer random 960", "FRC", "Freestyle", "Freestyle Chess", "chess9LX",
		"Fisher Random",
	} {
		if v, err := ParseVariant(name); v != Chess960 || err != nil {
			t.Errorf("%s: %q, %v", name, v, err)
		}
		if v, err := SourceVariant(name); v != Chess960 || err != nil {
			t.Errorf("%s of a source: %q, %v", name, v, err)
		}
	}
	for name, want := range map[string]string{
		"Swiss": "", "Sicilian Dragon": "", "Sonstige": "", "Round robin": "", "Обычные": "", "Team event": "", "OTB": "", "Classical 90+30": "", "Grand Prix": "", "Dark Horse Open": "",
		"Schach960": Chess960, "Fischer-Schach": Chess960, "Ajedrez 960": Chess960, strings.Repeat("x", 5000): "",
	} {
		if _, err := ParseVariant(name); err == nil && name != "Обычные" {
			t.Errorf("%.20s: a caller may send it", name)
		}
		if v, err := SourceVariant(name); v != want || err != nil {
			t.Errorf("%.20s of a source: %q, %v", name, v, err)
		}
	}
	for _, name := range []string{
		"Crazyhouse", "crazyhouse 960", "Atomic", "Atomic Chess", "Antichess", "Anti-chess", "Suicide", "Giveaway", "Losers", "Horde", "King of the Hill", "KOTH", "Three-check", "Three Check", "3check", "3-Check",
		"Racing Kings", "Bughouse", "Fog of War", "Dark Chess", "Duck Chess", "Shogi", "Xiangqi", "Capablanca", "Lichess Atomic", "Atomic960", "Crazyhouse Blitz", "Seirawan", "S-Chess", "Torpedo",
	} {
		for _, parse := range []func(string) (string, error){ParseVariant, SourceVariant} {
			if v, err := parse(name); !errors.Is(err, ErrVariant) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %q, %v", name, v, err)
			}
		}
	}
}

func FuzzRepairFEN(f *testing.F) {
	for _, fen := range []string{StartFEN, "7k/5K2/4R3/8/8/8/8/8 w KQkq", "1rk1r3/8/8/8/8/8/8/1RK1R3 w EBeb - x", "4k3/8/8/3pP3/8/8/8/4K3_w_d6"} {
		f.Add(fen, false, true)
		f.Add(fen, true, false)
	}
	f.Fuzz(func(t *testing.T, in string, chess960, castles bool) {
		variant := ""
		if chess960 {
			variant = Chess960
		}
		fen, variant, err := RepairFEN(in, variant, castles)
		if err != nil {
			return
		}
		start, _, err := startPosition(fen, variant)
		if err != nil || start != fen && fen != StartFEN {
			t.Fatalf("%q is repaired to %s %s, which is refused: %s, %v", in, fen, variant, start, err)
		}
		if again, as, err := RepairFEN(fen, variant, castles); again != fen || as != variant || err != nil {
			t.Fatalf("%s %s is repaired to %s %s, %v", fen, variant, again, as, err)
		}
	})
}
