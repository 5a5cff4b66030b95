package keyvalues

import (
	"iter"
	"strings"
)

// Node is a pair: a text if Children is nil, else a block (which may be empty). The document itself is a block without key.
type Node struct {
	Key      string
	Value    string // of a text
	Children []Node // of a block, in the order of the document
}

// IsBlock tells a block from a text.
func (n Node) IsBlock() bool { return n.Children != nil }

// All gives the children with a key, compared without case.
func (n Node) All(key string) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for i := range n.Children {
			if strings.EqualFold(n.Children[i].Key, key) && !yield(n.Children[i]) {
				return
			}
		}
	}
}

// Find walks down a path of keys, compared without case, and gives the first node that it leads to. Where a key repeats,
// every block of that key is searched: config.vdf is put together by several programs that do not agree on capitals.
func (n Node) Find(path ...string) (Node, bool) {
	if len(path) == 0 {
		return n, true
	}
	for child := range n.All(path[0]) {
		if found, ok := child.Find(path[1:]...); ok {
			return found, true
		}
	}
	return Node{}, false
}

// Text is the text at the end of a path, as [Node.Find] walks it; false if there is none or it is a block.
func (n Node) Text(path ...string) (string, bool) {
	found, ok := n.Find(path...)
	if !ok || found.IsBlock() {
		return "", false
	}
	return found.Value, true
}
