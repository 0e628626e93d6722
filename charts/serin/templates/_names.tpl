{{- define "serin.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "serin.serviceAccount" -}}
{{- if not (or .Values.serviceAccount.create .Values.serviceAccount.name) }}
{{- fail "serviceAccount.create is false and serviceAccount.name is empty: name the account that is there" }}
{{- end -}}
{{ .Values.serviceAccount.name | default (include "serin.fullname" .) }}
{{- end }}

{{- define "serin.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* A label's value may not have the "+" that a version may have. */ -}}
{{- define "serin.chart" -}}
{{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- end }}

{{- define "serin.testSelector" -}}
app.kubernetes.io/component: test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Labels of ours win over commonLabels: selectors ask for them. */ -}}
{{- define "serin.labels" -}}
{{ merge (include "serin.ownLabels" . | fromYaml) .Values.commonLabels | toYaml }}
{{- end }}

{{- define "serin.ownLabels" -}}
{{ include "serin.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ include "serin.chart" . }}
{{- end }}

{{- /* A name of its own: what selects the operator's pods must not select these. */ -}}
{{- define "serin.dashboardSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-dashboard
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "serin.dashboardLabels" -}}
{{ merge (include "serin.dashboardSelector" . | fromYaml) (include "serin.labels" . | fromYaml) | toYaml }}
{{- end }}

{{- define "serin.image" -}}
{{- with .Values.image -}}
{{- if not .repository }}
{{- fail "image.repository is empty: give the image with its registry, e.g. --set image.repository=registry.example.com/serin" }}
{{- end }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- /* What the restricted pod security standard asks of a container, and a read-only root. */ -}}
{{- define "serin.restricted" -}}
{{- $own := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) }}
{{- mergeOverwrite $own (deepCopy .Values.securityContext) | toYaml }}
{{- end }}

{{- /* Where a pod of this release may be put, and with what its image is pulled. */ -}}
{{- define "serin.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "serin.podSecurity" -}}
{{- $own := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") }}
{{- with .Values.userId }}
{{- $own = merge $own (dict "runAsUser" (int .) "runAsGroup" (int .) "fsGroup" (int .)) }}
{{- end }}
{{- mergeOverwrite $own (deepCopy .Values.podSecurityContext) | toYaml }}
{{- end }}
