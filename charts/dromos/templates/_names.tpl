{{/* Names and labels that every template shares. */}}

{{- define "dromos.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "dromos" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-dromos" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dromos.serviceAccount" -}}
{{- default (include "dromos.name" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "dromos.image" -}}
{{- printf "%s:%s" .Values.image.repository .Values.image.tag -}}
{{- end -}}

{{/* What selects the operator's pod. It never changes: a Deployment's selector is immutable. */}}
{{- define "dromos.selector" -}}
app.kubernetes.io/name: dromos
app.kubernetes.io/component: operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "dromos.labels" -}}
{{ include "dromos.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}
