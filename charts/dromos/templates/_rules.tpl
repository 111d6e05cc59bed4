{{/*
What the operator may do in the namespaces it watches: read the API and what it refers to, write the objects of the
gateways, and statuses. Every verb is spelled out. Server-side apply needs `patch`, and `create` for a new object.
*/}}
{{- define "dromos.namespacedRules" -}}
- apiGroups: [dromos.dev]
  resources: [forwardnodes, destinations, projects]
  verbs: [get, list, watch]
- apiGroups: [dromos.dev]
  resources: [forwardnodes/status, destinations/status, projects/status]
  verbs: [get, patch, update]
- apiGroups: [""]
  resources: [configmaps, secrets, services, serviceaccounts]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims] # made by the StatefulSet; grown here
  verbs: [get, list, watch, patch, update, delete]
- apiGroups: [""]
  resources: [pods] # acknowledgements; an annotation makes the kubelet refresh mounted files
  verbs: [get, list, watch, patch]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* What no namespace holds: whether the CRDs are there and new enough, and the namespaces themselves. */}}
{{- define "dromos.clusterRules" -}}
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
{{- end -}}
