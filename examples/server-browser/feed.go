package main

import (
	"context"

	"github.com/relight-sdk/relight/sb"
)

// feed is the list that is shown, and who keeps it up to date.
type feed struct {
	*sb.Follower
	browser *sb.Browser
	options options
	list    *sb.ServerList
}

func newFeed(browser *sb.Browser, o options) *feed {
	config := sb.FollowConfig{Query: sb.Query{Filter: o.where}, AskEvery: o.every}
	if o.lan {
		config.LAN = &o.search
	}
	list := new(sb.ServerList)
	return &feed{browser.NewFollower(list, config), browser, o, list}
}

// run keeps the list up to date until ctx ends.
func (f *feed) run(ctx context.Context) {
	_ = f.Run(ctx) // it ends with ctx; what fails before is shown as its State
}
