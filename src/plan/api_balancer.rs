//! The load balancer in front of several API servers: a plain TCP proxy in a
//! container of its own. Everything it needs is known beforehand, so the plan
//! contains its complete configuration.

use serde_json::json;

use super::container::{base, published_api};
use super::settled::{ApiBalancer, PlanInput, SettledCluster};
use crate::cluster::{Family, Role};
use crate::engine::{ContainerSpec, Restart};
use crate::kubeadm::API_PORT;
use crate::labels;

/// The image that kind uses
/// (kind v0.33.0, `pkg/cluster/internal/loadbalancer/const.go`).
pub(super) const ENVOY_IMAGE: &str = "docker.io/envoyproxy/envoy:v1.36.2";

/// These programs end with 0, which would not count as a failure when the engine
/// starts again.
pub(crate) const RESTART: Restart = Restart::UnlessStopped;

pub(super) fn container(
    settled: &SettledCluster,
    program: &ApiBalancer,
    input: &PlanInput,
) -> ContainerSpec {
    let cluster = &settled.cluster;
    let planes = cluster.named_nodes().filter(|(_, node)| node.role == Role::ControlPlane);
    let planes: Vec<String> = planes.map(|(name, _)| name).collect();
    let family = cluster.networking.family;
    // A node image asks for another signal, which these programs ignore. haproxy leaves
    // SIGTERM to the kernel, which does not let it end the first process of a container.
    let (image, entrypoint, stop_signal) = match program {
        ApiBalancer::Haproxy { image } => (image.clone(), haproxy(&planes, family), "SIGUSR1"),
        ApiBalancer::Envoy => (ENVOY_IMAGE.to_owned(), envoy(&planes, family), "SIGTERM"),
    };
    ContainerSpec {
        image,
        entrypoint,
        publish: vec![published_api(&cluster.networking)],
        stop_signal: Some(stop_signal.into()),
        restart: RESTART,
        ..base(settled, cluster.api_host(), labels::LOAD_BALANCER, input)
    }
}

/// Names are resolved again all the time: a node that was restarted may have
/// another address.
fn haproxy(planes: &[String], family: Family) -> Vec<String> {
    let bind = match family {
        Family::Ipv4 => format!("bind 0.0.0.0:{API_PORT}"),
        Family::Ipv6 => format!("bind :::{API_PORT} v6only"),
        Family::Dual => format!("bind :::{API_PORT} v4v6"),
    };
    let prefer = if family == Family::Ipv6 { "ipv6" } else { "ipv4" };
    let servers: String =
        planes.iter().map(|name| format!("  server {name} {name}:{API_PORT}\n")).collect();
    let config = format!(
        "global
  log stdout format raw daemon
  # After the signal, connections may go on for so long.
  hard-stop-after 500ms
resolvers engine
  parse-resolv-conf
  resolve_retries 2
  timeout resolve 500ms
  timeout retry 500ms
  hold valid 1s
defaults
  log global
  mode tcp
  option tcplog
  option redispatch
  retries 3
  timeout connect 1s
  timeout check 3s
  timeout client 24h
  timeout server 24h
frontend api
  {bind}
  default_backend planes
backend planes
  # Connections to a node that vanished end soon. (Ending them when the check
  # fails would leave one that is being made hanging.)
  option srvtcpka
  srvtcpka-idle 5s
  srvtcpka-intvl 1s
  srvtcpka-cnt 3
  option httpchk GET /readyz
  # An API server that denies anonymous requests is healthy, too.
  http-check expect status 200,401,403
  default-server check check-ssl verify none inter 500ms fall 3 rise 1 tcp-ut 5s resolvers engine init-addr none resolve-prefer {prefer}
{servers}"
    );
    let script = "printf %s \"$0\" >/tmp/haproxy.cfg && exec haproxy -db -f /tmp/haproxy.cfg";
    ["sh", "-c", script, &config].map(str::to_owned).into()
}

/// As kind configures it (kind v0.33.0, `pkg/cluster/internal/loadbalancer/config.go`),
/// without files and open admin port.
fn envoy(planes: &[String], family: Family) -> Vec<String> {
    let listen = if family.has_v6() { "::" } else { "0.0.0.0" };
    let lookup = if family == Family::Ipv6 { "AUTO" } else { "V4_PREFERRED" };
    let socket =
        |address: &str| json!({"socket_address": {"address": address, "port_value": API_PORT}});
    let endpoints: Vec<_> =
        planes.iter().map(|name| json!({"endpoint": {"address": socket(name)}})).collect();
    let mut listen = socket(listen);
    listen["socket_address"]["ipv4_compat"] = json!(family == Family::Dual);
    let config = json!({"static_resources": {
        "listeners": [{
            "name": "api",
            "address": listen,
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.tcp_proxy",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                    "stat_prefix": "api",
                    "cluster": "planes",
                    "idle_timeout": "86400s",
                },
            }]}],
        }],
        "clusters": [{
            "name": "planes",
            "type": "STRICT_DNS",
            "dns_lookup_family": lookup,
            "connect_timeout": "0.25s",
            "load_assignment": {"cluster_name": "planes", "endpoints": [{"lb_endpoints": endpoints}]},
            // Connections are passed on as they are; only the check speaks TLS.
            "transport_socket_matches": [{
                "name": "check",
                "match": {"check": true},
                "transport_socket": {
                    "name": "envoy.transport_sockets.tls",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                    },
                },
            }],
            "health_checks": [{
                "timeout": "3s",
                "interval": "2s",
                "no_traffic_interval": "2s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "http_health_check": {"path": "/healthz"},
                "transport_socket_match_criteria": {"check": true},
            }],
        }],
    }});
    ["envoy", "--config-yaml", &config.to_string()].map(str::to_owned).into()
}
