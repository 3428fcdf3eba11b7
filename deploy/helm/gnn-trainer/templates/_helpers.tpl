{{- define "gnn-trainer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for what a pod's name adds to its Job's. */}}
{{- define "gnn-trainer.fullname" -}}
{{- $name := include "gnn-trainer.name" . }}
{{- if .Values.fullnameOverride }}{{ $name = .Values.fullnameOverride }}
{{- else if not (contains $name .Release.Name) }}{{ $name = printf "%s-%s" .Release.Name $name }}
{{- else }}{{ $name = .Release.Name }}
{{- end }}
{{- $name | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "gnn-trainer.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gnn-trainer.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gnn-trainer.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "gnn-trainer.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: streamforge
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "gnn-trainer.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "gnn-trainer.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "gnn-trainer.image" -}}
{{- $repository := ternary .Values.image.cudaRepository .Values.image.repository .Values.gpu.enabled }}
{{- if .Values.image.digest }}{{ $repository }}@{{ .Values.image.digest }}
{{- else }}{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* The ports that the run connects to, as env configures it. */}}
{{- define "gnn-trainer.ports" -}}
{{- $ports := list }}
{{- $env := .Values.env }}
{{- range compact (splitList "," (default "" $env.KAFKA_BOOTSTRAP_SERVERS)) }}
{{- $ports = append $ports (splitList ":" (trim .) | last) }}
{{- end }}
{{- with $env.MINIO_ENDPOINT }}
{{- $ports = append $ports (regexFind "[0-9]+$" . | default (ternary "443" "80" (eq (default "false" $env.MINIO_SECURE) "true"))) }}
{{- end }}
{{- $addresses := list }}
{{- range compact (splitList "," (default "" $env.ARANGO_URL)) }}{{ $addresses = append $addresses (trim .) }}{{ end }}
{{- $source := default "auto" $env.DATA_SOURCE }}
{{- $binance := or (eq $source "binance") (and (eq $source "auto") (not $env.ARANGO_URL) (not $env.DATA_DIR)) }}
{{- if $binance }}
{{- $addresses = append $addresses (default "https://api.binance.com" $env.BINANCE_BASE_URL) }}
{{- $addresses = append $addresses (default "https://fapi.binance.com" $env.BINANCE_FUTURES_BASE_URL) }}
{{- end }}
{{- range $addresses }}
{{- $url := urlParse . }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- $ports = append $ports ($port | default (ternary "443" "80" (hasPrefix "https" $url.scheme))) }}
{{- end }}
{{- range .Values.networkPolicy.extraPorts }}{{ $ports = append $ports (toString .) }}{{ end }}
{{- range $ports | uniq | sortAlpha }}
- protocol: TCP
  port: {{ . | int }}
{{- end }}
{{- end }}

{{/* What the Job's pods are. */}}
{{- define "gnn-trainer.podSpec" -}}
serviceAccountName: {{ include "gnn-trainer.serviceAccountName" . }}
automountServiceAccountToken: false
# The addresses of the namespace's services are no variables of this program.
enableServiceLinks: false
restartPolicy: Never
terminationGracePeriodSeconds: {{ .Values.job.terminationGracePeriodSeconds }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if and .Values.gpu.enabled .Values.gpu.runtimeClassName }}
runtimeClassName: {{ .Values.gpu.runtimeClassName }}
{{- end }}
{{- with merge (dict) .Values.nodeSelector (ternary .Values.gpu.nodeSelector (dict) .Values.gpu.enabled) }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat .Values.tolerations (ternary .Values.gpu.tolerations (list) .Values.gpu.enabled) }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: trainer
    image: {{ include "gnn-trainer.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    {{- with .Values.securityContext }}
    securityContext: {{- toYaml . | nindent 6 }}
    {{- end }}
    env:
      - {name: QUEUE_ID, value: {{ required "run.queueId is not set: set it to the pipeline run's id" .Values.run.queueId | quote }}}
      - {name: SYMBOL, value: {{ required "run.symbol is not set: set it to a symbol such as BTCUSDT" .Values.run.symbol | quote }}}
      - {name: TYPE, value: {{ .Values.run.type | quote }}}
      - {name: TELEMETRY_PRODUCER_ID, value: {{ .Values.run.telemetryProducerId | default (printf "gnn-trainer__%s" .Values.run.queueId) | quote }}}
      - {name: WORK_DIR, value: /work}
      - {name: CACHE_DIR, value: /cache}
      - {name: DEVICE, value: {{ ternary (ternary "auto" "cuda" .Values.gpu.fallback) "cpu" .Values.gpu.enabled }}}
      - {name: METRICS_ADDR, value: {{ ternary ":8080" "" .Values.metrics.enabled | quote }}}
      {{- if .Values.ca.configMap }}
      - {name: CA_PATH, value: /etc/gnn-trainer/ca/ca.crt}
      {{- end }}
      {{- range $name, $_ := .Values.secrets }}
      - {name: {{ $name }}_FILE, value: /etc/gnn-trainer/secrets/{{ $name }}}
      {{- end }}
      {{- range $name, $value := .Values.env }}
      - {name: {{ $name }}, value: {{ $value | quote }}}
      {{- end }}
      {{- with .Values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- if .Values.metrics.enabled }}
    ports:
      - {name: metrics, containerPort: 8080, protocol: TCP}
    readinessProbe:
      httpGet: {path: /readyz, port: metrics}
      periodSeconds: 5
    livenessProbe:
      httpGet: {path: /healthz, port: metrics}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    {{- end }}
    {{- $resources := deepCopy .Values.resources }}
    {{- if .Values.gpu.enabled }}
    {{- $_ := set $resources "limits" (merge (dict .Values.gpu.resource 1) (default (dict) $resources.limits)) }}
    {{- end }}
    resources: {{- toYaml $resources | nindent 6 }}
    terminationMessagePolicy: FallbackToLogsOnError
    volumeMounts:
      - {name: work, mountPath: /work}
      - {name: cache, mountPath: /cache}
      {{- if .Values.ca.configMap }}
      - {name: ca, mountPath: /etc/gnn-trainer/ca, readOnly: true}
      {{- end }}
      {{- if .Values.secrets }}
      - {name: secrets, mountPath: /etc/gnn-trainer/secrets, readOnly: true}
      {{- end }}
volumes:
  {{- range $name, $volume := dict "work" .Values.work "cache" .Values.cache }}
  - name: {{ $name }}
    {{- if $volume.existingClaim }}
    persistentVolumeClaim: {claimName: {{ $volume.existingClaim }}}
    {{- else }}
    emptyDir: {sizeLimit: {{ $volume.sizeLimit }}}
    {{- end }}
  {{- end }}
  {{- with .Values.ca }}
  {{- if .configMap }}
  - name: ca
    configMap:
      name: {{ .configMap }}
      items: [{key: {{ .key | quote }}, path: ca.crt}]
  {{- end }}
  {{- end }}
  {{- if .Values.secrets }}
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
        {{- range $name, $from := .Values.secrets }}
        - secret:
            name: {{ $from.name }}
            items: [{key: {{ $from.key | quote }}, path: {{ $name }}}]
        {{- end }}
  {{- end }}
{{- end }}
