//go:build tools

// Package tools pins what the cluster provider builds.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
)
