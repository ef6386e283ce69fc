package store

// (only while both logs exist)

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func BenchmarkBothLogs(b *testing.B) {
	for _, n := range []uint64{1, 64, 1024} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			wal := benchLog(b)
			floor := benchSync(b)
			bl := mustOpenLog(b, filepath.Join(b.TempDir(), "log"), LogOptions{})
			var took [3][]time.Duration
			var wrote [3]uint64
			bytesWritten := diskWrites(b, b.TempDir())
			next := uint64(1)
			for b.Loop() {
				ents := smallEntries(next, n)
				next += n
				hs := hardState(1, 1, next-1)
				for k := range 3 {
					i := (k + int(next)) % 3
					if i == 0 {
						if last := bl.LastIndex(); last+1-bl.FirstIndex() > 2*keep {
							if err := bl.Compact(last - keep); err != nil {
								b.Fatal(err)
							}
						}
					}
					w, start := bytesWritten(), time.Now()
					var err error
					switch i {
					case 0:
						err = bl.Append(hs, ents)
					case 1:
						err = wal(hs, ents)
					case 2:
						err = floor(hs, ents)
					}
					if err != nil {
						b.Fatal(err)
					}
					took[i] = append(took[i], time.Since(start))
					wrote[i] += bytesWritten() - w
				}
			}
			var med [3]float64
			for i, name := range []string{"bboltlog", "wal", "sync"} {
				slices.Sort(took[i])
				med[i] = float64(took[i][len(took[i])/2].Nanoseconds()) / 1e3
				b.ReportMetric(med[i], name+"-µs")
				b.ReportMetric(float64(took[i][len(took[i])*99/100].Nanoseconds())/1e3, name+"-p99-µs")
				b.ReportMetric(float64(wrote[i])/1024/float64(len(took[i])), name+"-KB")
			}
			b.ReportMetric(med[0]/med[1], "bboltlog/wal")
			b.ReportMetric(med[1]/med[2], "wal/sync")
			b.ReportMetric(0, "ns/op")
		})
	}
}
