// Package clientupdate is the check that the Steam client and SteamCMD make of themselves when they start, and what follows from
// it: is my version current, which packages are there, fetch what is missing, lay it down.
//
//	config := clientupdate.Config{Product: "steam_cmd_linux", Installed: installed}
//	result, err := clientupdate.Check(ctx, config)
//	if errors.Is(err, clientupdate.ErrOffline) {
//		// no host answered: go on with the version that is installed
//	}
//	if result.Status == clientupdate.Available {
//		report, err := clientupdate.Install(ctx, config, result.Text, dir, clientupdate.Options{})
//	}
//
// A check asks one host after the other, as in the founding capture: a GET with Valve's User-Agent, a redirect whose query is the
// version that is current, an ETag with the same number, and a manifest in text KeyValues. Whatever of these says that the
// installed version is current ends it. A host that sends something else, such as the page of a captive portal, has failed, and
// the next one is asked; every host's answer stands in [Result.Attempts]. [Diagnose] says in words what is wrong.
//
// [Install] keeps packages in the folder "package" below the target, as Steam does, checks each by its size and SHA-256, unpacks
// all of them beside the target, and moves files into place only when every one is there and right: the package with the updater
// itself last, links after that. What an older list of installed files owned and the new one does not is removed. Names are
// checked as in a depot: nothing is written outside the target. [Verify] compares a folder with its list.
//
// Manifests are signed, with a key and an algorithm that Valve has not published: what makes them trustworthy is https alone,
// so a redirect from https to http is refused. The hosts that a logged-on client is told by Steam, with weights and realms, are
// for the program to fill in: [DefaultHosts] has the ones that are built into the updater.
//
// Package depottest has a server that behaves as the founding capture shows, for tests.
//
// Sources: spec steampipe.md §8, which was measured on real manifests of 2013 to 2026.
package clientupdate
