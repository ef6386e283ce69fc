//go:build !unix

package broadcast

func maxFiles() int { return 0 }
