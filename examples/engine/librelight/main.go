// Command librelight is the C interface of Relight: a shared library that game engines load, see ../relight.h. Here is only
// what crosses the border between C and Go; everything else is in ../internal/engine.
package main

// #include "../relight.h"
import "C"

import "github.com/relight-sdk/relight/examples/engine/internal/engine"

// library is all that is behind the interface. A shared library has one, because C has no place to keep it.
var library = engine.New(engine.Platform{Counter: newCounter, Discard: discardCounter, Memory: newMemory})

func main() {}
