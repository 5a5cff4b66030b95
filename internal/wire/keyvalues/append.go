package keyvalues

// Append writes the children of n as a document, as Valve's programs write them: tabs, every token in quotes, \n, \t, \\
// and \" escaped. [Parse] gives the same nodes again.
func (n Node) Append(b []byte) []byte {
	return appendNodes(b, n.Children, 0)
}

func appendNodes(b []byte, nodes []Node, depth int) []byte {
	for i := range nodes {
		b = appendTabs(b, depth)
		b = appendQuoted(b, nodes[i].Key)
		if !nodes[i].IsBlock() {
			b = append(b, "\t\t"...)
			b = appendQuoted(b, nodes[i].Value)
			b = append(b, '\n')
			continue
		}
		b = append(b, '\n')
		b = append(appendTabs(b, depth), "{\n"...)
		b = appendNodes(b, nodes[i].Children, depth+1)
		b = append(appendTabs(b, depth), "}\n"...)
	}
	return b
}

func appendTabs(b []byte, n int) []byte {
	for range n {
		b = append(b, '\t')
	}
	return b
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '\n':
			b = append(b, `\n`...)
		case '\t':
			b = append(b, `\t`...)
		case '\\', '"':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
