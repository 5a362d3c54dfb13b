#!/bin/bash
# The ingress-nginx controller on Debian's nginx: its programs, template and Lua
# from its Go module with security fixes, the Lua libraries that Debian lacks from lua/.
. /builder/common.sh

module=k8s.io/ingress-nginx
source=$module/version
part ingress-nginx-base "$BUILDER/debian.sh" extract packages
part ingress-nginx-source source.sh module
patched=$(built ingress-nginx-source)
# The go.mod there comes last and takes the place of the module's own.
part ingress-nginx "$BUILDER/go.sh" \
  "-X $source.RELEASE=v1.11-debian.2 -X $source.COMMIT=52c50467d67d -X $source.REPO=$module" module "$patched"
part ingress-nginx-files files.sh "$patched/ingress-nginx/rootfs/etc/nginx"
dated ingress-nginx-base

root=$WORK/rootfs
rm -rf "$root"
mkdir -p "$root"/{tmp/nginx,run,proc,sys,dev,root,usr/{bin,sbin,lib}} "$root"/etc/ingress-controller/{ssl,auth,geoip,telemetry} \
  "$root"/var/{log/nginx,lib/nginx,tmp}

# --- Debian ------------------------------------------------------------------
tar -C "$root" -xf "$(built ingress-nginx-base)/base.tar" --wildcards --no-wildcards-match-slash \
  './usr/bin/bash' './usr/bin/busybox' './usr/bin/diff' './usr/bin/dumb-init' './usr/bin/pgrep' './usr/bin/pkill' './usr/sbin/nginx' \
  ./usr/lib/nginx ./usr/share/lua/5.1 './usr/lib/*-linux-gnu/lua/5.1' './usr/lib/*-linux-gnu/*.so*' './usr/lib*/ld-linux*' \
  './etc/nginx/mime.types' './etc/nginx/fastcgi_params' './usr/share/doc/*/copyright'
for folder in bin sbin lib lib64; do [ ! -d "$root/usr/$folder" ] || ln -s "usr/$folder" "$root/$folder"; done
for name in $(chroot "$root" /bin/busybox --list); do
  [ -e "$root/usr/bin/$name" ] || [ "$name" = nginx ] || ln -s busybox "$root/usr/bin/$name"
done
# As in the official image: its files, its user.
ln -s ../sbin/nginx "$root/usr/bin/nginx"
printf 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:101:82:www-data:/var/www:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nwww-data:x:82:\n' >"$root/etc/group"
ln -s /usr/lib/nginx/modules "$root/etc/nginx/modules"
for name in ndk_http ngx_http_lua ngx_http_headers_more_filter ngx_stream; do
  echo "load_module /etc/nginx/modules/${name}_module.so;"
done >"$root/etc/nginx/modules.conf"

# --- the controller ----------------------------------------------------------
cp -r "$(built ingress-nginx-files)/." "$root/etc/nginx/"
cp -r lua/. "$root/etc/nginx/lua/"
programs=$(built ingress-nginx)/bin
cp "$programs/nginx" "$root/nginx-ingress-controller"
cp "$programs/waitshutdown" "$root/wait-shutdown"
cp "$programs/dbg" "$root/dbg"
ln -s /dev/stdout "$root/var/log/nginx/access.log"
ln -s /dev/stderr "$root/var/log/nginx/error.log"

# What the controller writes: configuration, certificates, temporary files.
chown -R 101:82 "$root"/etc/{nginx,ingress-controller} "$root"/var/{log,lib}/nginx "$root/tmp/nginx"
chmod 1777 "$root/tmp" "$root/var/tmp"
sbom "$root" ingress-nginx v1.11-debian.2 ingress-nginx-base ingress-nginx
pack "$root"
