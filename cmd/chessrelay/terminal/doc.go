// Package terminal has what commands print with: text from servers made harmless ([Clean],
// [CleanWriter]), tables that fit the width ([Table], [Wrap]), and pictures that are drawn again in
// place ([Display]). It has no goroutines and no locks.
package terminal
