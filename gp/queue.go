package gp

import "github.com/relight-sdk/relight/internal/eventqueue"

// maxQueueBytes bounds the texts that wait, since a server can make each as long as Config.MaxMessage. It is enough for
// 1024 messages of the longest that the original takes (spec gp.md §3).
const maxQueueBytes = 4 << 20

func newQueue(limit int) *eventqueue.Queue[Event] {
	return eventqueue.New(eventqueue.Limits[Event]{
		Events: limit, Bytes: maxQueueBytes, Size: textOf, Lost: func(count uint64) Event { return &EventsLost{Count: count} },
	})
}

// textOf is how much memory an event holds beyond itself, as far as the server decides it.
func textOf(event Event) int {
	switch e := event.(type) {
	case *Message:
		return len(e.Text)
	case *GameMessage:
		return len(e.Data)
	case *BuddyRequest:
		return len(e.Reason)
	case *Invitation:
		return len(e.Location)
	case *TicketRenewed:
		return len(e.Ticket)
	case *BuddyList:
		return 8 * len(e.ProfileIDs)
	case *BlockList:
		return 8 * len(e.ProfileIDs)
	}
	return 0 // the texts of statuses and errors are cut when they arrive
}
