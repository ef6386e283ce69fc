package relay

import (
	"encoding/json"
	"fmt"
)

// NoClock is the clock of which neither side is known.
func NoClock() Clock { return Clock{NoTime, NoTime} }

// Known reports whether at least one side is known.
func (c Clock) Known() bool { return c.White >= 0 || c.Black >= 0 }

// clockJSON is the form outside: a side that is unknown is left out.
type clockJSON struct {
	White *Millis `json:"white,omitempty"`
	Black *Millis `json:"black,omitempty"`
}

// MarshalJSON writes {"white":ms,"black":ms}, without the sides that are unknown.
func (c Clock) MarshalJSON() ([]byte, error) {
	var out clockJSON
	if c.White >= 0 {
		out.White = &c.White
	}
	if c.Black >= 0 {
		out.Black = &c.Black
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes. A side that is absent becomes
// [NoTime]; a negative time is an error.
func (c *Clock) UnmarshalJSON(data []byte) error {
	var in clockJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*c = NoClock()
	for _, side := range []struct {
		from *Millis
		to   *Millis
		name string
	}{{in.White, &c.White, "white"}, {in.Black, &c.Black, "black"}} {
		if side.from == nil {
			continue
		}
		if *side.from < 0 {
			return fmt.Errorf("clock: %s is negative", side.name)
		}
		*side.to = *side.from
	}
	return nil
}
