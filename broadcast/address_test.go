package broadcast

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestAddress(t *testing.T) {
	c := Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	for _, tt := range []struct {
		from string
		hops []string
		want string
	}{
		{"192.0.2.7:5000", nil, "192.0.2.7"},
		{"192.0.2.7:5000", []string{"198.51.100.1"}, "192.0.2.7"}, // not a configured proxy
		{"10.1.1.1:5000", nil, "10.1.1.1"},
		{"10.1.1.1:5000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.1.1.1:5000", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"10.1.1.1:5000", []string{"203.0.113.9", "198.51.100.1 , 10.2.2.2"}, "198.51.100.1"},
		{"[fd00::1]:5000", []string{"198.51.100.1:4321,10.2.2.2"}, "198.51.100.1"},
		{"10.1.1.1:5000", []string{"10.3.3.3,10.2.2.2"}, "10.3.3.3"},
		{"10.1.1.1:5000", []string{"198.51.100.1, unknown"}, "10.1.1.1"},
		{"10.1.1.1:5000", []string{""}, "10.1.1.1"},
		{"[::ffff:10.1.1.1]:5000", []string{"2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::/64"},
		{"[2001:db8:1:2:3:4:5:6%eth0]:5000", nil, "2001:db8:1:2::/64"},
		{"[::ffff:192.0.2.7]:1", nil, "192.0.2.7"},
		{"[fe80::1%eth0]:1", nil, "fe80::/64"},
		{"@", []string{"198.51.100.1"}, "@"},
	} {
		r := &http.Request{RemoteAddr: tt.from, Header: http.Header{"X-Forwarded-For": tt.hops}}
		if got := c.address(r); got != tt.want {
			t.Errorf("%s by %q counts for %s, want %s", tt.from, tt.hops, got, tt.want)
		}
	}
}

// TestSpectatorsWithinFiles: no setting admits so many spectators that the process lacks its spare
// files.
func TestSpectatorsWithinFiles(t *testing.T) {
	files := OpenFiles()
	if files == 0 {
		t.Fatal("the limit of open files is not known")
	}
	most := files - SpareFiles(files)
	for wanted, want := range map[int]int{0: min(100_000, most), 7: 7, most + 1: most, -1: most} {
		cfg, err := Config{Cluster: testCluster, Boards: &boards{}, MaxSpectators: wanted}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		if cfg.MaxSpectators != want {
			t.Errorf("%d are wanted with %d files: %d, want %d", wanted, files, cfg.MaxSpectators, want)
		}
	}
	for files, want := range map[int]int{0: 0, 1: 1, 400: 200, 999: 500, 1000: 500, 1100: 500, 1 << 20: 500} {
		if got := SpareFiles(files); got != want {
			t.Errorf("%d of %d files are spare, want %d", got, files, want)
		}
	}
}
