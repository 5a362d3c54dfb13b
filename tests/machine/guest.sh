#!/usr/bin/env bash
# What tests/machine.sh runs inside the machine, as a user in the group docker
# who has skiff and nothing else: guest.sh STEP. Each step fails with a reason.
set -euo pipefail
cd "$HOME"
CLUSTER=machine
# What step create wrote down.
mapfile -t NODES < <(cat nodes 2>/dev/null)
MODE=$(cat mode 2>/dev/null || true)
PATIENCE=1800 # seconds; an emulated machine is slow

fail() { echo "guest: $*" >&2; exit 1; }
seen() { echo "    ok: $*"; }
kubectl() { ./skiff kubectl --name "$CLUSTER" -- "$@"; }

# eventually WHAT COMMAND...: until the command succeeds; its last words if never.
eventually() {
  local what=$1 start=$SECONDS words
  shift
  until words=$("$@" 2>&1); do
    [ $((SECONDS - start)) -lt "$PATIENCE" ] || fail "not within $PATIENCE s: $what; last seen: $words"
    sleep 3
  done
  seen "$what (after $((SECONDS - start)) s)"
}

# --- what is true of a cluster that works ------------------------------------

# same TEXT EXPECTED
same() { [ "$1" = "$2" ] || { echo "expected: $2; is: $1"; return 1; }; }

unified_cgroups() { same "$(stat -fc %T /sys/fs/cgroup) $(docker exec "$1" stat -fc %T /sys/fs/cgroup)" "cgroup2fs cgroup2fs"; }

no_failed_units() { same "$(docker exec "$1" systemctl is-system-running || true) $(docker exec "$1" systemctl --failed --plain --no-legend)" "running "; }

# With the certificates of the user's kubeconfig, as any client does it.
kubeconfig_valid() {
  local field
  for field in certificate-authority client-certificate client-key; do
    sed -n "s/^ *$field-data: //p" .kube/config | head -n 1 | base64 -d >"$field.pem"
  done
  same "$(curl -sS --max-time 30 --cacert certificate-authority.pem --cert client-certificate.pem --key client-key.pem \
    "$(sed -n 's/^ *server: //p' .kube/config | head -n 1)/readyz")" ok
}

# Since a reboot: what the API server remembers from before it does not count.
nodes_ready_since() {
  local ready leases
  ready=$(kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}') || return
  same "$ready" "$(printf '%s=True ' "${NODES[@]}")" || return
  leases=$(kubectl -n kube-node-lease get leases -o jsonpath='{range .items[*]}{.metadata.name} {.spec.renewTime}{"\n"}{end}') || return
  awk -v since="$1" '$2 < since { print $1 " not heard of since " since; bad = 1 } END { exit bad }' <<<"$leases"
}

pods_running_since() {
  local pods
  pods=$(kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.name} {.status.phase}{range .status.containerStatuses[*]} {.ready} {.state.running.startedAt}{end}{"\n"}{end}') || return
  awk -v since="$1" '{ for (i = 3; i < NF; i += 2) if ($2 != "Running" || $i != "true" || $(i+1) < since) bad = bad "\n" $0 }
    NF < 4 { bad = bad "\n" $0 } END { if (bad) print "of " NR " pods:" bad; exit bad != "" }' <<<"$pods"
}

# The address that a node has told the API server is the one that it has.
addresses() { docker inspect -f '{{slice .Name 1}} {{.NetworkSettings.Networks.kind.IPAddress}}' "${NODES[@]}"; }
addresses_known() {
  same "$(kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name} {.status.addresses[?(@.type=="InternalIP")].address}{"\n"}{end}')" "$(addresses)"
}

proxy_mode() { same "$(docker exec "$1" curl -sS http://127.0.0.1:10249/proxyMode)" "$MODE"; }

# Every pod of the DaemonSet answers through the mapped port.
answers() {
  local page pages=""
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    page=$(curl -sS --max-time 10 http://127.0.0.1:8080/) || return
    pages+="$page"$'\n'
  done
  same "$(sort -u <<<"$pages" | grep .)" "$(pods web | sort)"
}

in_pod() { kubectl exec "$1" -- busybox sh -c "$2"; }
# get FROM TO: what the pod TO answers the pod FROM.
get() { in_pod "$1" "busybox wget -T 10 -qO- http://$(kubectl get pod "$2" -o jsonpath='{.status.podIP}'):8080/"; }
pods() { kubectl get pods -l "app=$1" -o jsonpath='{range .items[*]}{.metadata.name}{"\n"}{end}'; }

pods_reach_each_other() {
  local pods from to
  mapfile -t pods < <(pods web)
  for from in "${pods[@]}"; do
    for to in "${pods[@]}"; do same "$(get "$from" "$to")" "$to" || return; done
  done
}

closed_to_others() {
  local web
  web=$(pods web | head -n 1)
  same "$(in_pod closed 'busybox wget -qO- http://127.0.0.1:8080/')" closed || return
  ! get "$web" closed || { echo "the policy lets it through"; return 1; }
}

works_since() {
  local node
  eventually "the kubeconfig is valid" kubeconfig_valid
  eventually "all nodes are Ready" nodes_ready_since "$1"
  eventually "every pod is Running and ready" pods_running_since "$1"
  eventually "the API server knows the nodes' addresses" addresses_known
  eventually "the pods of every worker answer through the port mapping" answers
  eventually "pods reach each other across nodes" pods_reach_each_other
  eventually "a NetworkPolicy is enforced" closed_to_others
  for node in "${NODES[@]}"; do
    eventually "no failed unit in $node" no_failed_units "$node"
    eventually "cgroup v2 in $node" unified_cgroups "$node"
    eventually "kube-proxy in mode $MODE in $node" proxy_mode "$node"
  done
}

# --- steps -------------------------------------------------------------------

# create IMAGE WORKERS MODE; MODE is kube-proxy's
step_create() {
  local worker
  NODES=(machine-control-plane machine-worker)
  for ((worker = 2; worker <= $2; worker++)); do NODES+=("machine-worker$worker"); done
  printf '%s\n' "${NODES[@]:0:$(($2 + 1))}" >nodes
  echo "$3" >mode
  # kubeadm's own patience is too short for an emulated machine with other work.
  local patience='{controlPlaneComponentHealthCheck: 30m, kubeletHealthCheck: 30m, kubernetesAPICall: 30m, etcdAPICall: 30m, tlsBootstrap: 30m, discovery: 30m}'
  # Nor may controllers end themselves because a lease was renewed late, or be ended
  # because they are slow to say that they live.
  local lease='extraArgs: [{name: leader-elect-lease-duration, value: 120s}, {name: leader-elect-renew-deadline, value: 100s}]'
  local component
  mkdir -p patches
  for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    echo "spec: {containers: [{name: $component, livenessProbe: {timeoutSeconds: 120, failureThreshold: 30}, startupProbe: {timeoutSeconds: 120, failureThreshold: 200}}]}" >"patches/$component.yaml"
  done
  cat >cluster.yaml <<END
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {kubeProxyMode: $3}
kubeadmConfigPatches:
- '{kind: InitConfiguration, timeouts: $patience}'
- '{kind: JoinConfiguration, timeouts: $patience}'
# An RSA handshake takes an emulated processor many times as long.
- '{kind: ClusterConfiguration, encryptionAlgorithm: ECDSA-P256, controllerManager: {$lease}, scheduler: {$lease}}'
nodes:
- role: control-plane
  extraPortMappings: [{containerPort: 30080, hostPort: 8080, listenAddress: 127.0.0.1}]
  extraMounts:
$(for component in patches/*; do echo "  - {hostPath: $component, containerPath: /kind/$component}"; done)
END
  for ((worker = 1; worker <= $2; worker++)); do echo "- role: worker" >>cluster.yaml; done
  ./skiff create cluster --name "$CLUSTER" --config cluster.yaml --image "$1" --wait 30m
}

# An image that only this machine has.
web_image() {
  [ -z "$(docker images -q machine/web:1)" ] || return 0
  mkdir -p image/bin image/www image/tmp
  cp /bin/busybox image/bin/busybox
  ln -sf busybox image/bin/sh
  # shellcheck disable=SC2016
  tar -C image -c . | docker import --change 'CMD ["/bin/sh", "-c", "echo $HOSTNAME >/www/index.html; exec busybox httpd -f -p 8080 -h /www"]' - machine/web:1 >/dev/null
}

step_load() {
  web_image
  ./skiff load docker-image machine/web:1 --name "$CLUSTER"
}

workload() {
  cat <<'END'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: machine/web:1, imagePullPolicy: Never}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: closed, labels: {app: closed}}
spec: {containers: [{name: web, image: machine/web:1, imagePullPolicy: Never}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: closed}}, policyTypes: [Ingress]}
END
}

step_works() {
  workload >workload.yaml
  kubectl apply -f workload.yaml
  kubectl rollout status daemonset/web --timeout "${PATIENCE}s"
  works_since 0
  addresses | tee addresses-before
}

# A pod writes into a directory that the machine exports.
step_nfs() {
  local server
  server=$(docker network inspect kind -f '{{range .IPAM.Config}}{{.Gateway}} {{end}}' | tr ' ' '\n' | grep -F . | head -n 1)
  kubectl apply -f - <<END
apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  volumes: [{name: share, nfs: {server: $server, path: /srv/nfs}}]
  containers:
  - name: web
    image: machine/web:1
    imagePullPolicy: Never
    command: [/bin/sh, -c, 'echo written by a pod >/share/page; exec busybox sleep 1000000']
    volumeMounts: [{name: share, mountPath: /share}]
END
  PATIENCE=600 eventually "a pod writes into an NFS volume" nfs_written
  kubectl delete pod writer --now
}
nfs_written() {
  grep -qx "written by a pod" /srv/nfs/page ||
    { kubectl get events --field-selector involvedObject.name=writer -o jsonpath='{.items[-1:].message}'; return 1; }
}

# The engine starts the nodes again, and Kubernetes what ran on them.
step_comes_back() {
  local booted
  booted=$(date -u -d "$(uptime -s)" +%Y-%m-%dT%H:%M:%SZ)
  eventually "all nodes are running" same_states
  addresses >addresses-after
  if diff addresses-before addresses-after >/dev/null; then
    seen "the nodes have the addresses that they had"
  else
    echo "    the nodes have other addresses than before the reboot:"
    paste -d ' ' addresses-before addresses-after | awk '{ print "      " $1 ": " $2 " before, " $4 " now" }'
  fi
  works_since "$booted"
}
same_states() { same "$(docker inspect -f '{{.State.Status}}' "${NODES[@]}" | sort -u)" running; }

step_delete() {
  ./skiff delete cluster --name "$CLUSTER"
  same "$(docker ps -aq)" ""
}

step_diagnose() {
  docker ps -a
  addresses
  kubectl get nodes,pods,events -A -o wide || docker exec "${NODES[0]}" journalctl --no-pager -n 40
}

step=step_$1
shift
"$step" "$@"
