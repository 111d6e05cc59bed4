//go:build tools

// Package tools pins what the cluster provider builds.
package tools

import (
	_ "helm.sh/helm/v4/cmd/helm"
)
