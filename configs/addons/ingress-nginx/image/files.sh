#!/bin/bash
# The controller's template and Lua code, out of its Go module.
set -o errexit -o nounset -o pipefail
tools golang-1.26-go ca-certificates
export GOMODCACHE=$CACHE/go-mod
folder=$(cd module && go list -m -f '{{.Dir}}' k8s.io/ingress-nginx)/rootfs/etc/nginx
cp -r --no-preserve=mode "$folder/." "$OUT/"
rm -rf "$OUT/lua/test" "$OUT/lua/plugins"/*/test "$OUT/lua/OWNERS"

# Debian's modules are loaded at run time. It has no Lua for streams: the
# controller finds somebody who takes its list of TCP services, and no more.
template=$OUT/template/nginx.tmpl
awk '
  /^pid / { print; print "include /etc/nginx/modules.conf;"; loaded = 1; next }
  /^stream \{/ { print "stream { server { listen 127.0.0.1:{{ .StreamPort }}; return \"\"; } }"; skipping = 1 }
  !skipping { print }
  skipping && /^\}/ { skipping = 0; skipped = 1 }
  END { exit !(loaded && skipped) }
' "$template" >"$template.new"
mv "$template.new" "$template"
