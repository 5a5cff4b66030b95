package gpwire

import (
	"strconv"
	"time"
)

// Birthday is a date that may be known in part: Day and Month can be zero, and the zero Birthday is unknown (spec gp.md
// §4.4).
type Birthday struct {
	Day, Month, Year int
}

// Valid reports whether the date is possible: from 1900 to 6 June 2079, with day or month allowed to be missing.
func (d Birthday) Valid() bool {
	if d == (Birthday{}) {
		return true
	}
	if d.Year < 1900 || d.Year > 2079 || d.Month < 0 || d.Month > 12 || d.Day < 0 || d.Day > 31 {
		return false
	}
	if d.Year == 2079 && (d.Month > 6 || d.Month == 6 && d.Day > 6) {
		return false
	}
	if d.Month == 0 || d.Day == 0 {
		return true
	}
	// A day that the month does not have lands in the next month.
	return time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC).Day() == d.Day
}

// Pack gives the number that stands for the date. A date that is not valid is zero, unknown.
func (d Birthday) Pack() uint32 {
	if !d.Valid() {
		return 0
	}
	return uint32(d.Day)<<24 | uint32(d.Month)<<16 | uint32(d.Year)
}

// UnpackBirthday is the reverse of [Birthday.Pack]. An impossible date is unknown.
func UnpackBirthday(n uint32) Birthday {
	d := Birthday{Day: int(n >> 24), Month: int(n >> 16 & 0xFF), Year: int(n & 0xFFFF)}
	if !d.Valid() {
		return Birthday{}
	}
	return d
}

// field visits the key birthday, which is left out while it is unknown.
func (d *Birthday) field(f *fields) {
	if f.err != nil {
		return
	}
	if f.writing {
		if n := d.Pack(); n != 0 {
			f.put("birthday", strconv.FormatUint(uint64(n), 10))
		}
		return
	}
	var n int64
	number(f, "birthday", &n, 0)
	*d = UnpackBirthday(uint32(n))
}
