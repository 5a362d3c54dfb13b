#!/bin/bash
# The controller's template and Lua code, out of its source.
#
#   files.sh NAME FOLDER
set -o errexit -o nounset -o pipefail
cp -r --no-preserve=mode "$2/." "$OUT/"
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
