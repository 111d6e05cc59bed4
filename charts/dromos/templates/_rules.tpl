{{/*
What the operator may do in the namespaces it watches: read the API and what it refers to, apply the objects of the
gateways, and statuses. Every verb is spelled out. Server-side apply needs `patch`, and `create` for a new object.
No `delete`: owner references take the objects of a deleted ForwardNode away.
*/}}
{{- define "dromos.namespacedRules" -}}
- apiGroups: [dromos.dev]
  resources: [forwardnodes, destinations, projects]
  verbs: [get, list, watch]
- apiGroups: [dromos.dev]
  resources: [forwardnodes/status, destinations/status, projects/status]
  verbs: [get, patch]
- apiGroups: [""]
  resources: [configmaps, secrets, services, serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [persistentvolumeclaims] # made by the StatefulSet; grown here
  verbs: [get, list, watch, patch]
- apiGroups: [""]
  resources: [pods] # an annotation makes the kubelet refresh mounted files
  verbs: [get, list, watch, patch]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
