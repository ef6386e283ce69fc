package pgn

import (
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestCharset(t *testing.T) {
	for in, want := range map[string]string{
		"text/plain; charset=Windows-1251": "windows-1251", `text/plain; charset="koi8-r"`: "koi8-r", "text/plain": "", "": "",
		"application/x-chess-pgn;CHARSET=utf-8": "utf-8", "text/plain; charset=windows-1251;; x": "windows-1251", "text/plain; charset='latin1'; q": "latin1",
		"charset=big5": "big5", "text/plain; charset=": "",
	} {
		if got := strings.Trim(Charset(in), "'"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestUTF16 is told by the text.
func TestUTF16(t *testing.T) {
	for _, e := range []encoding.Encoding{unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)} {
		in, _ := e.NewEncoder().String("[White \"Żak\"]\r\n\r\n1. e4 *")
		if g := readOne(t, in); g.Tag("White") != "Żak" || sans(g) != "e4" {
			t.Errorf("%+v", g)
		}
	}
}

func TestReadCharsets(t *testing.T) {
	utf16 := func(e unicode.Endianness, b unicode.BOMPolicy) encoding.Encoding { return unicode.UTF16(e, b) }
	for _, tt := range []struct {
		charset string
		as      encoding.Encoding
		name    string
	}{
		{"windows-1251", charmap.Windows1251, "Волков, Пётр"}, {"cp1251", charmap.Windows1251, "Волков"}, {" \"WINDOWS-1251\"", charmap.Windows1251, "Волков"},
		{"koi8-r", charmap.KOI8R, "Волков"}, {"koi8-u", charmap.KOI8U, "Ївга"}, {"iso-8859-5", charmap.ISO8859_5, "Волков"}, {"ibm866", charmap.CodePage866, "Волков"},
		{"iso-8859-2", charmap.ISO8859_2, "Šafařík, Łukasz"}, {"windows-1250", charmap.Windows1250, "Šafařík"}, {"ibm852", charmap.CodePage852, "Šafařík"},
		{"iso-8859-7", charmap.ISO8859_7, "Παπάς"}, {"windows-1253", charmap.Windows1253, "Παπάς"}, {"iso-8859-9", charmap.ISO8859_9, "Şahin"},
		{"windows-1255", charmap.Windows1255, "לוי"}, {"windows-1256", charmap.Windows1256, "علي"}, {"windows-1257", charmap.Windows1257, "Ķīsis"},
		{"iso-8859-1", charmap.ISO8859_1, "Müller"}, {"iso-8859-15", charmap.ISO8859_15, "Œuvre"}, {"windows-1252", charmap.Windows1252, "O’Neil"},
		{"gb18030", simplifiedchinese.GB18030, "丁立人"}, {"gb2312", simplifiedchinese.GBK, "丁立人"}, {"shift_jis", japanese.ShiftJIS, "ポ ソ能"}, {"euc-kr", korean.EUCKR, "김"},
		{"utf-16", utf16(unicode.LittleEndian, unicode.UseBOM), "Волков"}, {"utf-16be", utf16(unicode.BigEndian, unicode.IgnoreBOM), "Волков"},
		{"", utf16(unicode.BigEndian, unicode.UseBOM), "Волков"}, {"", utf16(unicode.LittleEndian, unicode.IgnoreBOM), "Müller"},
		{"windows-1251", utf16(unicode.LittleEndian, unicode.UseBOM), "丁"},
		{"utf-8", unicode.UTF8, "Волков"}, {"", unicode.UTF8, "Волков"}, {"", charmap.Windows1252, "Müller"}, {"utf-8", charmap.Windows1252, "Müller"},
		{"no-such-charset", unicode.UTF8, "Волков"}, {"iso-8859-1", unicode.UTF8, "Волков"}, {"us-ascii", unicode.UTF8, "Müller"},
		{"windows-1251", unicode.UTF8BOM, "Волков"}, {"iso-2022-cn", unicode.UTF8, "丁"},
	} {
		text := "[White \"" + tt.name + "\"]\n\n1. e4 {" + tt.name + "} *\n"
		in, err := tt.as.NewEncoder().String(text)
		if err != nil {
			t.Fatal(tt.charset, err)
		}
		g, err := NewReaderCharset(iotest.HalfReader(strings.NewReader(in)), tt.charset).Next()
		if err != nil || g.Tag("White") != tt.name || sans(g) != "e4" || g.Moves[0].Comment != tt.name {
			t.Errorf("%s: %+v, %v", tt.charset, g, err)
		}
	}
}

// TestMarkBeforeCharset: a byte order mark is believed only if what follows is UTF-8.
func TestMarkBeforeCharset(t *testing.T) {
	in, _ := charmap.Windows1251.NewEncoder().String("[White \"Волков\"]\n\n*")
	g, err := NewReaderCharset(strings.NewReader(string(byteOrderMark)+in), "windows-1251").Next()
	if err != nil || g.Tag("White") != "Волков" {
		t.Errorf("%+v, %v", g, err)
	}
}
