//go:build unix

package gp_test

import "syscall"

// openFiles is how many files may be open, after asking for as many as are allowed.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	const enough = 1 << 16
	for _, wanted := range []syscall.Rlimit{{Cur: enough, Max: max(limit.Max, enough)}, {Cur: limit.Max, Max: limit.Max}} {
		if limit.Cur < wanted.Cur && syscall.Setrlimit(syscall.RLIMIT_NOFILE, &wanted) == nil {
			limit = wanted
		}
	}
	return int(min(limit.Cur, enough))
}
