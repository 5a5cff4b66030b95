package engine

// start is open for a subsystem that can fail at once, as when its configuration makes no sense.
func start[T subsystem](l *Library, options Options, classify classifier, create func(*Object) (T, error)) (Handle, error) {
	var failure error
	handle, err := open(l, options, classify, func(o *Object) subsystem {
		created, err := create(o)
		if err != nil {
			failure = describe(err, classify)
			return bare{o}
		}
		return created
	})
	if err == nil && failure != nil {
		_ = l.Close(handle) // nobody else knows it
		return 0, failure
	}
	return handle, err
}

// bare is an object that did not become anything.
type bare struct{ *Object }
