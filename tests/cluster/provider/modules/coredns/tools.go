//go:build tools

// Package tools pins what the cluster provider builds.
package tools

import (
	_ "github.com/coredns/coredns"
)
