//go:build !unix

package gp_test

// openFiles is how many files may be open.
func openFiles() int { return 4096 }
