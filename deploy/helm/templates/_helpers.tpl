{{/* A component's name: the release, and what it is. */}}
{{- define "ocellus.name" -}}
{{- printf "%s-%s" (.root.Release.Name | trunc 40 | trimSuffix "-") .component -}}
{{- end }}

{{- define "ocellus.selector" -}}
app.kubernetes.io/name: ocellus
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "ocellus.labels" -}}
{{ include "ocellus.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "ocellus.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* What every pod of ours is allowed: nothing beyond its volumes. */}}
{{- define "ocellus.podSecurity" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "ocellus.containerSecurity" -}}
image: {{ include "ocellus.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{/* The address of the store has a password: from a Secret, never from values. */}}
{{- define "ocellus.stores" -}}
{{- with .Values.secrets.stores }}
- name: OCELLUS_REDIS_URL
  valueFrom: { secretKeyRef: { name: {{ . }}, key: redis-url, optional: true } }
{{- end }}
{{- end }}

{{/* Of `ocellus serve`: keys, stores, settings. */}}
{{- define "ocellus.serveEnvironment" -}}
- name: OCELLUS_KEYS_FILE
  value: /run/keys/keys.json
{{- include "ocellus.stores" . }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "ocellus.probes" -}}
startupProbe:
  httpGet: { path: /health/ready, port: http }
  periodSeconds: 5
  failureThreshold: 360 # half an hour: a model may be pulled and packed first
readinessProbe:
  httpGet: { path: /health/ready, port: http }
  periodSeconds: 5
livenessProbe:
  httpGet: { path: /health/live, port: http }
  periodSeconds: 10
  failureThreshold: 6
{{- end }}

{{/* Who may ask. */}}
{{- define "ocellus.askers" -}}
{{- if .Values.networkPolicy.from }}
{{- toYaml .Values.networkPolicy.from }}
{{- else }}
- podSelector: {}
{{- end }}
{{- end }}

{{- define "ocellus.backends" -}}
{{- if .Values.gateway.backends }}
{{- toPrettyJson .Values.gateway.backends }}
{{- else }}
{{- /* Each pod by its own name: images are routed to the engine that has them. */}}
{{- $service := include "ocellus.name" (dict "root" . "component" "vllm") }}
{{- $backends := list }}
{{- range $i := until (int .Values.vllm.replicas) }}
{{- $pod := printf "%s-%d" $service $i }}
{{- $url := printf "http://%s.%s:8000" $pod $service }}
{{- $backends = append $backends (dict "name" $pod "kind" "vllm" "url" $url "model" $.Values.vllm.model) }}
{{- end }}
{{- toPrettyJson (dict "models" (dict .Values.vllm.model (dict "backends" $backends))) }}
{{- end }}
{{- end }}
