#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Renders charts/kustomize/install.yaml from the chart, or to the file given. CRDs come from crds/ directly.
# Needs Helm 4: $HELM, else the one in PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-charts/kustomize/install.yaml}
helm=${HELM:-helm}
{
  printf '# SPDX-License-Identifier: Apache-2.0\n# Rendered from charts/dromos by hack/render-install.sh: change that, then run this again.\n'
  # not Helm's objects: a later `helm install` must not take them for its own
  "$helm" template dromos charts/dromos --namespace dromos-system --set crds.enabled=false 2>/dev/null |
    sed -e 's/^\( *app.kubernetes.io\/managed-by:\) Helm$/\1 kustomize/' -e '/^ *helm.sh\/chart:/d'
} >"$out.part"
mv "$out.part" "$out"
