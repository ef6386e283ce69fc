package standings

// number is points, or a sum or product of points, in ten-thousandths. Points come in hundredths,
// so a product of two is exact, and sums gather no errors of binary fractions.
type number int64

// one is a whole point.
const one number = 10_000

// hundredths returns n hundredths of a point, the unit of [relay.Points].
func hundredths(n int) number { return number(n) * (one / 100) }

// times multiplies two numbers that are whole hundredths.
func (n number) times(m number) number { return n * m / one }

// float is the nearest float64. So JSON and text show no more digits than the number has: 2.5, 3,
// 0.33.
func (n number) float() float64 { return float64(n) / float64(one) }

func floats(numbers []number) []float64 {
	out := make([]float64, len(numbers))
	for i, n := range numbers {
		out[i] = n.float()
	}
	return out
}
