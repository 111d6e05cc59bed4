//go:build tools

// Package tools pins what the cluster provider builds.
package tools

import (
	_ "sigs.k8s.io/kind"
)
