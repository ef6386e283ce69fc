package relay

import (
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestNameKey(t *testing.T) {
	for _, names := range [][]string{
		{
			"Vachier-Lagrave, Maxime", "Maxime Vachier-Lagrave", "VACHIER LAGRAVE Maxime", "vachier-lagrave,maxime",
			"  Vachier\u00a0Lagrave ,\tMaxime", "Vachier\u200bLagrave, Maxime", "\ufeffVachier-La\u00adgrave, Maxime",
		},
		{"Müller, Jürgen", norm.NFD.String("Müller, Jürgen"), norm.NFD.String("JÜRGEN MÜLLER"), "Ｍüller Jürgen"},
		{"Groß, Anna", "GROSS, Anna", "Anna GROẞ"},
		{"Kılıç, Işıl", "KILIÇ, IŞIL", norm.NFD.String("Kılıç, Işıl")},
		{"Ζήσης, Νίκος", "ΖΉΣΗΣ ΝΊΚΟΣ"},
		{"O'Kelly, A.", "O’Kelly A", "o`kelly, a"},
		{"12"},
		{"N"},
	} {
		want := NameKey(names[0])
		if want == "" {
			t.Errorf("%q has no key", names[0])
		}
		for _, name := range names {
			if got := NameKey(name); got != want {
				t.Errorf("NameKey(%q) = %q, and of %q it is %q", name, got, names[0], want)
			}
		}
	}
	different := []string{
		"Carlsen, Magnus", "Carlsen, M.", "Carlsen", "Müller", "Mueller", "Muller", "Müller, Müller",
		"Wei, Yi", "Wei, Yi 2", "Bye, Erik", "Unknown, Erik", "Null, Eva", "Player 1", "Player 2", "N", "M",
	}
	seen := map[string]string{}
	for _, name := range different {
		key := NameKey(name)
		if other, taken := seen[key]; taken || key == "" {
			t.Errorf("%q has the key %q, as has %q", name, key, other)
		}
		seen[key] = name
	}
}

func TestNobody(t *testing.T) {
	for _, name := range []string{
		"", " ", "?", "?, ?", "-", "…", "NN", "N.N.", "N. N.", "n n", "N,N", "NN, NN", "N.N., N.N.", "NN 2", "NN1",
		"Bye", "bye", "BYE", "(bye)", "- bye -", "Bye 3", "bye, bye", "Half-point bye",
		"unknown", "Unknown, Unknown", "UNKNOWN PLAYER", "Player, Unknown",
		"no player", "Player, No", "vacant", "Vacant ", "TBD", "N/A", "none",
	} {
		if !Nobody(name) || NameKey(name) != "" {
			t.Errorf("%q is somebody, with the key %q", name, NameKey(name))
		}
	}
	for _, name := range []string{"Bye, Erik", "N", "N, M", "Ng, N", "1", "Player", "Player, No2", "Player No. 2", "No, Min", "Na, Li", "Unknown Soldier", "Zorn, A"} {
		if Nobody(name) || NameKey(name) == "" {
			t.Errorf("%q is nobody", name)
		}
	}
}

func TestTeamKey(t *testing.T) {
	if a, b := TeamKey("SK Zürich  1"), TeamKey(norm.NFD.String("sk ZÜRICH 1")); a != b || a == "" {
		t.Errorf("the keys are %q and %q", a, b)
	}
	if a, b := TeamKey("Werder Bremen"), TeamKey("Bremen Werder"); a == b {
		t.Errorf("two teams have the key %q", a)
	}
	for _, name := range []string{"", "?", " - "} {
		if got := TeamKey(name); got != "" {
			t.Errorf("TeamKey(%q) = %q", name, got)
		}
	}
}

func FuzzNameKey(f *testing.F) {
	for _, name := range []string{"Carlsen, Magnus", "Ｍu\u0308ller", "İ", "n n", "ẞ\u0345", "\xff"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		key := NameKey(name)
		if (key == "") != Nobody(name) {
			t.Errorf("NameKey(%q) = %q, and Nobody says %v", name, key, Nobody(name))
		}
		if again := NameKey(key); again != key {
			t.Errorf("NameKey(%q) = %q, whose key is %q", name, key, again)
		}
		for _, form := range []norm.Form{norm.NFC, norm.NFD} {
			if other := NameKey(form.String(name)); other != key {
				t.Errorf("NameKey(%q) = %q, and of another form it is %q", name, key, other)
			}
		}
	})
}
