// Package steampipe downloads from Steam's content network, from a LAN cache, a mirror on disk, or a server of one's own:
// a player gets a depot's files in a folder, each byte checked, and only what is missing or broken is fetched the next time.
//
//	cdn, err := steampipe.NewCDN(steampipe.Config{Directory: steampipe.WebAPI{}})
//	defer cdn.Close()
//	manifest, err := steampipe.FetchManifest(ctx, cdn, depot, manifestID, key)
//	report, err := steampipe.Download(ctx, cdn, manifest, "game", steampipe.Options{Key: key})
//
// A depot is a set of files at one version; its manifest lists them and the chunks that they are made of. A [Directory] says
// which servers there are: [WebAPI] asks today's service, [ServerList] asks the way clients did until 2019 and private caches
// still serve, with [ParseInstallConfig] to find whom to ask, and [Servers] is a fixed list. The servers' host is connected to
// and their vhost is sent in the Host header, so that a LAN cache that puts itself into the list works. A cache that the name
// service knows is found as Steam's clients find it ([Config.DetectCache]), or named ([Config.Cache]). Entries that are proxies
// for the others are asked in their place.
//
// Manifests, chunks and servers are not trusted: a manifest is validated as a whole before anything is written, names cannot
// leave the folder, sizes are bounded before memory is taken, and a chunk is what its SHA-1 says or is not written. A
// symbolic link that would lead out of the folder is left out and reported; the rest is downloaded. Names that Windows
// cannot hold are refused there, and elsewhere if [Limits] say so. Of names that differ in case only, the last is kept where
// the file system does not tell them apart.
//
// A download into a folder that has an older version is an update: chunks are reused wherever they lie in old files, files that
// have another name now are renamed, and those that are gone from the depot are removed, never any that it did not lay down. For
// that the folder remembers the manifest, in a subfolder ".steampipe", or the program names it ([Options.Previous]). A delta
// patch is used where the source is a [Patcher] and has one. [Compare] says what it takes to go from one manifest to another,
// [Job.Plan] what a download would do to a folder, [Verify] what is right in it, and [Diagnose] why a download does not work. A [Filter]
// picks files.
//
// One run at a time works in a folder: another one gets [ErrLocked], and a lock that a killed process left is none. A run that was
// stopped at any instant is continued by the next: files are read again, at the speed of SHA-1, rather than trusted to a
// journal, so that what another program did to them meanwhile is seen too, and what a power cut left of them. What was put
// together in part is kept. A download that the disk has no room for is refused before it begins ([SpaceError]); one that fills
// the disk all the same fails, and the next run goes on.
//
// Beside others, by what is known of them (spec steampipe.md); - is what is not known:
//
//	                            this           SteamCMD  DepotDownloader   steam-user       envelop
//	logs on to Steam            no             yes       yes               yes              yes
//	chunk that is in many files fetched once   -         for each          -                -
//	each chunk is checked by    SHA-1          -         Adler-32          SHA-1            -
//	delta patches               where offered  -         no                no               no
//	a server answers 401        token, next    -         ends all          -                is not seen
//	servers keep failing        later, bounded -         tries for ever    stops after four -
//	LAN cache of a server list  is used        -         is passed by      is used          -
//	LAN cache fails             is said        silent    -                 -                -
//	disk is too small           said before    -         fails half-way    -                -
//	damaged chunks              an error       -         an error          throws           panics
//	manifests of version 4      yes            -         -                 -                panics
//	hostile names               refused        -         no check          no check         no check
//
// The package does not log on to Steam. The depot's key, and on the live network the manifest's request code and tokens, come
// from the program: see [Config.RequestCode], [Config.Token], and [InstallConfig.DepotKeys] for keys that a Steam installation
// has. It does not run install scripts, and does not check the manifest's signature, whose key is not public.
//
// Package depottest serves made-up depots for tests, package clientupdate keeps Steam's own client and SteamCMD up to date.
package steampipe
