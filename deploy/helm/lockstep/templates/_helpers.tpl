{{- define "lockstep.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains "lockstep" $name) }}{{ $name = printf "%s-lockstep" $name }}{{ end -}}
{{- $name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "lockstep.selector" -}}
app.kubernetes.io/name: lockstep
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lockstep.labels" -}}
{{ include "lockstep.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
lockstep/tenant: {{ .Values.tenant | quote }}
{{- end }}

{{- define "lockstep.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}{{ else }}{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* lockstep.toml: what was given, and over it what only the chart knows. */}}
{{- define "lockstep.config" -}}
{{- $secrets := "/run/secrets/lockstep" -}}
{{- $salesforce := dict -}}
{{- $flow := .Values.config.salesforce.flow -}}
{{- if eq $flow "jwt" -}}
{{- $_ := set $salesforce "private_key_file" (printf "%s/salesforce.pem" $secrets) -}}
{{- end -}}
{{- if or (eq $flow "client-credentials") (and (eq $flow "refresh-token") .Values.secret.clientSecret) -}}
{{- $_ := set $salesforce "client_secret_file" (printf "%s/salesforce-secret" $secrets) -}}
{{- end -}}
{{- if eq $flow "refresh-token" -}}
{{- /* It is replaced when it rotates, so it lives on the volume. */ -}}
{{- $_ := set $salesforce "refresh_token_file" "/var/lib/lockstep/refresh-token" -}}
{{- end -}}
{{- $engage := dict "client_secret_file" (printf "%s/engage-secret" $secrets) -}}
{{- if has "webhook" .Values.config.engage.changes -}}
{{- $_ := set $engage "webhook_secret_file" (printf "%s/engage-webhook" $secrets) -}}
{{- end -}}
{{- $own := dict
  "tenant" .Values.tenant
  "mapping" "/etc/lockstep/mapping/mapping.toml"
  "salesforce" $salesforce
  "engage" $engage
  "store" (dict "path" "/var/lib/lockstep")
  "admin" (dict "listen" "0.0.0.0:8080" "token_file" (printf "%s/admin-token" $secrets))
  "webhooks" (dict "listen" "0.0.0.0:8081")
  "log" .Values.log -}}
{{- mergeOverwrite (deepCopy .Values.config) $own | toToml -}}
{{- end }}
