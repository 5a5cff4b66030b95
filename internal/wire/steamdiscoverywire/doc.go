// Package steamdiscoverywire reads and writes the packets of Steam's discovery on the local network (spec
// steamdiscovery.md §2 to §6): the frame, the header, the bodies of all 17 types, and the symmetric encryption that some
// of their fields use.
//
// [Peek] looks at a datagram without allocating: it checks the frame, the header and the body as a whole. [Parse] also
// decodes. What this package does not know (types, fields, values of enumerations) it keeps, so that a packet of a newer
// Steam survives decoding and encoding.
//
// There is no I/O, clock or randomness here.
package steamdiscoverywire
