package sb

import (
	"slices"
	"strconv"
	"strings"
)

// Table is the players or teams of a server: a row for each.
type Table []Fields

// Columns are the keys that rows have, in the order in which they first come.
func (t Table) Columns() []string {
	var columns []string
	known := make(map[string]bool)
	for _, row := range t {
		for _, field := range row {
			if !known[field.Key] {
				known[field.Key] = true
				columns = append(columns, field.Key)
			}
		}
	}
	return columns
}

// Column is the values of a key, one for each row; "" where it is missing.
func (t Table) Column(key string) []string {
	values := make([]string, len(t))
	for i, row := range t {
		values[i] = row.Get(key)
	}
	return values
}

// Sort gives the rows in another order, like Snapshot.Sort: by score, say. The table itself stays as it is.
func (t Table) Sort(orders ...Order) Table {
	sorted := slices.Clone(t)
	slices.SortStableFunc(sorted, func(a, b Fields) int {
		for _, order := range orders {
			x, y := order.read(a.Get(order.key)), order.read(b.Get(order.key))
			if c := order.compare(&x, &y); c != 0 {
				return c
			}
		}
		return 0
	})
	return sorted
}

// Sum adds the numbers of a column; what is not a number does not count.
func (t Table) Sum(key string) int {
	sum := 0
	for _, row := range t {
		number, _ := row.Int(key)
		sum += number
	}
	return sum
}

// Int is the value of a key as a decimal number; ok is false if it is missing or not one.
func (f Fields) Int(key string) (number int, ok bool) {
	number, err := strconv.Atoi(strings.TrimSpace(f.Get(key)))
	return number, err == nil
}

// equalTables compares tables field by field.
func equalTables(a, b Table) bool { return slices.EqualFunc(a, b, slices.Equal[Fields]) }
