#!/bin/bash
# The controller's Go module with the security fixes that came after it, as
# $OUT/ingress-nginx, and a go.mod that uses it.
#
#   source.sh NAME MODULE
#
# The module is v1.11.0. Each edit has the effect of the project's own fix
# (github.com/kubernetes/ingress-nginx, up to v1.15.1). An edit that does not find its
# place fails the build.
set -o errexit -o nounset -o pipefail
tools golang-1.26-go ca-certificates
export GOMODCACHE=$CACHE/go-mod GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
[ ! -s /host-ca.crt ] || export SSL_CERT_FILE=/host-ca.crt

cp "$2"/go.* "$OUT/"
cd "$OUT"
retry go mod download k8s.io/ingress-nginx
cp -r --no-preserve=mode "$(go list -m -f '{{.Dir}}' k8s.io/ingress-nginx)/." ingress-nginx
go mod edit -replace k8s.io/ingress-nginx=./ingress-nginx
cd ingress-nginx

# edit FILE LINES EXPRESSION: has sed change or add this many lines.
edit() {
  local lines
  sed -E "$3" "$1" >"$1.new"
  lines=$(diff "$1" "$1.new" | grep -c '^>' || true)
  [ "$lines" = "$2" ] || { say "$1: $lines lines instead of $2 by $3"; exit 1; }
  mv "$1.new" "$1"
}
annotations=internal/ingress/annotations
controller=internal/ingress/controller
template=$controller/template/template.go
nginx=rootfs/etc/nginx/template/nginx.tmpl

# CVE-2024-7646: the ends of lines got past the validation of annotations.
edit $template 6 's/^(\t+)case '\''\\r'\'':$/&\n\1\tif rest := in.Bytes(); len(rest) > 0 \&\& rest[0] != '\''\\n'\'' {\n\1\t\tc, needOutput = '\'' '\'', lineStarted\n\1\t}/'
edit $annotations/authtls/main.go 1 '/authVerifyClientRegex +=/s/`.*`/`^(on|off|optional|optional_no_ca)$`/'
edit $annotations/parser/validators.go 1 '/^func ValidateRegex/,/^}/s/!regex\.MatchString\(s\)/& || strings.ContainsAny(s, "\\r\\n")/'

# CVE-2025-1097, CVE-2025-1098, CVE-2025-24514: values ended the directive around them.
edit $nginx 1 '/ssl_client_s_dn !~/s/MatchCN \}\}/MatchCN | quote }}/'
edit $nginx 1 '/ mirror \{\{/s/Mirror\.Source \}\}/Mirror.Source | quote }}/'
edit $nginx 2 '/set \$target \{\{/s/ \}\};/ | quote }};/'
edit $template 3 's/(Sprintf\(`location =) %v \{$/\1 %q {/; s/^(proxy_set_header Host|proxy_pass) "%v";$/\1 %q;/'

# CVE-2025-24513: an object's UID chose the file that was written.
edit $annotations/auth/main.go 1 '/passFilename := /s/(ing|secret)\.UID/strings.ReplaceAll(string(\1.UID), "\/", "_")/g'

# CVE-2025-1974, CVE-2026-24514: the admission webhook tried out anybody's
# configuration, of any size.
edit $controller/controller.go 1 's/^\terr = n\.testTemplate\(content\)$/\terr = nil/'
edit internal/admission/controller/server.go 1 's/io\.ReadAll\(req\.Body\)/io.ReadAll(http.MaxBytesReader(w, req.Body, 9<<20))/'

# CVE-2025-15566: a header ended the quotes around it.
edit $template 1 "s/proxy_set_header '%v' '%v';/proxy_set_header %q %q;/"

# CVE-2026-1580: anything could come before and after a method.
edit $annotations/authreq/main.go 1 '/methodsRegex +=/s/"\((.*)\)"/"^(\1)$"/'

# CVE-2026-24512, CVE-2026-3288: paths and aliases ended the directive around them.
edit $template 3 '/^func buildLocation/,/^}/{ s/path := location\.Path/path := escaped(location.Path)/; s/`= %s`/`= "%s"`/; s/^\treturn path$/\treturn `"` + path + `"`/ }'
edit $template 1 's/^(%v%v %s%s;`, )path,/\1escaped(path),/'
edit $template 1 's/^\t"buildLocation": .*/&\n\t"escaped": escaped,/'
cat >>$template <<'GO'

// escaped makes a text safe between double quotes.
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
}
GO
edit $nginx 2 '/^ +server_name \{\{/{ s/(\$redirect\.From|\$server\.Hostname) \}\}/\1 | quote }}/; s/\{\{ \. \}\}/"{{ escaped . }}"/ }'
# With the second one, annotations that are too risky were taken by their other names.
edit $annotations/parser/validators.go 1 's/^\t\tif cfg, ok := config\[annPure\]; ok && cfg\.Risk > maxrisk/\t\tif riskOf(annPure, config) > maxrisk/'
cat >>$annotations/parser/validators.go <<'GO'

// riskOf is the risk of an annotation, found by its name or by another one it has.
func riskOf(name string, config AnnotationFields) (risk AnnotationRisk) {
	for key, field := range config {
		for _, known := range append([]string{key}, field.AnnotationAliases...) {
			if known == name {
				risk = max(risk, field.Risk)
			}
		}
	}
	return risk
}
GO

# CVE-2026-24513: pages for errors took the place of a refused authentication.
edit $nginx 1 's/^( +)proxy_pass_request_body +off;$/\1proxy_intercept_errors off;\n&/'

# CVE-2026-4342: a path ended the comment that it was in.
edit $nginx 2 '/## (start|end) auth upstream/s/\{\{ \$location\.Path \}\}//'
