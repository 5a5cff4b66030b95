//go:build nosteampipe

package engine

// NewDepot says that depots were left out of this library.
func (l *Library) NewDepot(DepotConfig) (Handle, error) {
	return 0, errorf(ErrUnsupported, "relight: this library was built without Steam depots")
}
