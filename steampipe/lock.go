package steampipe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"github.com/relight-sdk/relight/internal/filelock"
)

// ErrLocked says that another run works in the folder. The [LockError] around it may say which.
var ErrLocked = errors.New("another download works in this folder")

// LockError says who works in a folder. Fields that are not known are zero.
type LockError struct {
	PID      int
	Host     string
	Since    time.Time
	Depot    DepotID
	Manifest ManifestID
}

// Error names the holder.
func (e *LockError) Error() string {
	if e.PID == 0 {
		return ErrLocked.Error()
	}
	return fmt.Sprintf("%v: process %d of %q, since %s, manifest %v of depot %v", ErrLocked, e.PID, e.Host, e.Since.Format(time.DateTime), e.Manifest, e.Depot)
}

// Unwrap gives [ErrLocked].
func (e *LockError) Unwrap() error { return ErrLocked }

// lockName is the file that is locked. It stays: taking it away would let two others lock two files of that name.
var lockName = path.Join(stateFolder, "lock")

// lock keeps other runs out of the folder until the file is closed. The system lets go of it when the process ends, however it
// ends: a lock left by one that was killed is none.
func (j *Job) lock() (*os.File, error) {
	if info, err := j.root.Lstat(lockName); err == nil && !info.Mode().IsRegular() {
		return nil, &Error{Step: StepPrepare, Path: lockName, Err: fmt.Errorf("there is a %s where the lock should be", kindOf(info.Mode()))}
	}
	file, err := j.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	switch err := filelock.Lock(file); {
	case err == nil:
	case errors.Is(err, filelock.ErrHeld):
		defer file.Close()
		holder := &LockError{}
		if b, err := io.ReadAll(io.LimitReader(file, 4<<10)); err != nil || json.Unmarshal(b, holder) != nil {
			holder = &LockError{}
		}
		return nil, holder
	default:
		// Some network file systems have no locks. That is no reason not to download.
		j.problem(lockName, fmt.Errorf("folder is not locked: %w", err))
		return file, nil
	}
	host, _ := os.Hostname() // only told to others
	m := j.plan.manifest
	b, err := json.Marshal(LockError{PID: os.Getpid(), Host: host, Since: time.Now().UTC().Truncate(time.Second), Depot: DepotID(m.DepotID), Manifest: ManifestID(m.ManifestID)})
	if err == nil {
		err = errors.Join(file.Truncate(0), writeAt(file, b))
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func writeAt(file *os.File, b []byte) error {
	_, err := file.WriteAt(b, 0)
	return err
}
