// Package sb1wire is the codec of version 1 of GameSpy's server browsing: the list protocol of QR1 games (1998 to about
// 2004), TCP port 28900, which community masters such as those of 333networks still speak. It only turns bytes into values
// and back; the ciphers are in gscrypt.
//
// One connection is one list:
//
//	master  \basic\\secure\ABCDEF                 six random letters; 333networks' older master has \final\ behind them
//	client  \gamename\gmtest\gamever\2\location\0\enctype\0\validate\lkI/QHIm\final\\queryid\1.1\
//	client  \list\cmp\gamename\gmtest\where\numplayers > 0\final\
//	master  the list, \final\; then it closes
//
// The first gamename is the one whose secret signs: \validate\ is gsmsalg of the six letters with that secret, in the
// variant of the enctype. The second one is the game that is listed. Nothing else is signed, and the client learns nothing
// of the master's identity. 333networks' masters read only what one segment brings, so a client writes both messages with
// one call. \where\ and its filter may be left out; 333networks ignores them.
//
// \enctype\ says how the list is encrypted: 0 not at all, 1 and 2 as in gscrypt. Refusals are always in clear:
// \fatal\1\error\Validation error, without \final\ (openspy-core); \echo\You failed to authenticate...\final\ (333networks'
// older master; the newer one closes without a word).
//
// Forms of the list, by the value of \list\:
//
//	cmp     six bytes a server: address and port, big-endian
//	(none)  \ip\1.2.3.4:7777 for each server
//	info2   \fieldcount\3\ip\hostname\numplayers, then three values for each server: \1.2.3.4:7777\A server\4
//	groups  the same for rooms, with groupid, hostname, numplayers, maxwaiting, numwaiting, numservers, password, other;
//	        other has further pairs, each name and value behind a 01
//
// A master that does not know a form sends the second one. A backslash in a value is sent as a dot. The end is \final\ where
// an entry could begin: in the form cmp the address 92.102.105.110:24940 in front of another one in 92.0.0.0/8 cannot be
// told from it.
//
// Sources: openspy-core (serverbrowsing/server/V1Peer.cpp), 333networks' masters (Masterserver-Perl, Masterserver-Qt5), both
// also measured; spec servers.md §1.1 for name and port.
package sb1wire
