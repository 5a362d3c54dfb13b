//! `create cluster --dry-run`: what `create` would make, as text or JSON.

mod planned;
mod view;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::bootstrap;
use crate::check::Check;
use crate::cluster::{Cluster, Family};
use crate::context::{Context, RunError};
use crate::engine::ContainerSpec;
use crate::kubeadm::ConfigData;
use crate::node_image;
use crate::plan::{self, PlanInput, PlannedNode, SettledCluster, proxy};
use crate::preflight::{self, Input};
use crate::provision::network;
use crate::pull;
use crate::secret;
use crate::settle;
use crate::version::Version;
use crate::yaml;

use planned::Planned;

/// How long the engine may take to answer.
const ENGINE_LIMIT: Duration = Duration::from_secs(5);

/// What a dry run depends on besides the definition.
pub struct DryRunInput<'a> {
    /// The name of the cluster's network.
    pub network: &'a str,
    /// What relative host paths of mounts are relative to.
    pub directory: &'a Path,
    /// A variable for nodes.
    pub get_env: fn(&str) -> Option<String>,
}

/// A settled cluster, and how it was settled.
pub struct DryRun {
    settled: SettledCluster,
    /// Of the cluster's network, if it exists.
    subnets: Vec<String>,
    /// Of the network, if it is to be created.
    mtu: Option<u32>,
    /// For the reader, one line each.
    notes: Vec<String>,
    /// What would stop the creation.
    pub(crate) checks: Vec<Check>,
}

/// Settles a cluster as `create` would, but pulls and creates nothing. Where
/// no engine answers it reports that, and assumes what holds on most machines.
///
/// # Errors
/// Returns only [`RunError::Cancelled`].
pub(crate) async fn settle(
    ctx: Result<Context, String>,
    input: &Input<'_>,
) -> Result<DryRun, RunError> {
    let asked = match ctx {
        Ok(ctx) => ask(&ctx, input).await?,
        Err(reason) => Err(reason),
    };
    Ok(asked.unwrap_or_else(|reason| DryRun::without_engine(input.cluster.clone(), &reason)))
}

async fn ask(ctx: &Context, input: &Input<'_>) -> Result<Result<DryRun, String>, RunError> {
    let mut cluster = input.cluster.clone();
    let asked = async {
        let facts = preflight::gather(ctx, input).await?;
        let checks = preflight::checks(&cluster, &facts);
        let mut notes = Vec::new();
        if let Some(choice) = settle::choose_images(ctx, &mut cluster).await? {
            let image = pull::without_digest(&choice.image);
            notes.push(format!("node image: {image} ({})", choice.reason));
        }
        let subnets = facts.network.map(|network| network.subnets).unwrap_or_default();
        let settled = settle::settle(ctx, cluster, facts.host).await?;
        let mtu = network::default_mtu(ctx).await?;
        Ok::<_, RunError>(DryRun { settled, subnets, mtu, notes, checks })
    };
    match tokio::time::timeout(ENGINE_LIMIT, asked).await {
        Ok(Err(RunError::Cancelled)) => Err(RunError::Cancelled),
        Ok(asked) => Ok(asked.map_err(|error| error.to_string())),
        Err(_) => Ok(Err(format!("no answer within {} s", ENGINE_LIMIT.as_secs()))),
    }
}

impl DryRun {
    /// For where no engine answers, for this reason.
    pub fn without_engine(cluster: Cluster, reason: &str) -> DryRun {
        let image = pull::without_digest(node_image::PUBLISHED);
        let mut notes = vec![format!("no container engine was asked: {reason}")];
        notes.push(format!("assumed: node image {image}, load balancer Envoy, cgroup v2"));
        let checks = preflight::of_definition(&cluster);
        DryRun { settled: settle::assume(cluster), subnets: Vec::new(), mtu: None, notes, checks }
    }

    /// A YAML stream: first network and containers, then each node's kubeadm
    /// configuration. What only comes into being with the containers (addresses,
    /// picked ports, tokens) stands as a placeholder.
    ///
    /// # Errors
    /// Returns the reason why a kubeadm patch does not apply.
    pub fn render(&self, input: &DryRunInput) -> Result<String, String> {
        #[derive(Serialize)]
        struct Printed<'a> {
            cluster: &'a str,
            network: Value,
            containers: Vec<Value>,
        }
        let planned = self.planned(input)?;
        let value =
            |spec: &ContainerSpec| without_empty(serde_json::to_value(spec).unwrap_or_default());
        let printed = Printed {
            cluster: &self.settled.cluster.name,
            network: without_empty(serde_json::to_value(&planned.network).unwrap_or_default()),
            containers: planned.plan.containers().map(value).collect(),
        };
        let mut text: String = self.notes.iter().map(|note| format!("# {note}\n")).collect();
        text.push_str(&yaml::to_string(&printed));
        for (node, documents) in planned.plan.nodes.iter().zip(&planned.kubeadm) {
            text.push_str(&format!("---\n# kubeadm on {}\n{documents}", node.container.name));
        }
        // Patches of the user may have some, too.
        Ok(secret::conceal(&text).into_owned())
    }

    /// The same for programs; [`view`] has the form.
    ///
    /// # Errors
    /// Returns the reason why a kubeadm patch does not apply.
    pub fn to_json(&self, input: &DryRunInput, addons: &[String]) -> Result<Value, String> {
        let planned = self.planned(input)?;
        view::of(&self.settled.cluster.name, &planned, &self.notes, addons)
    }

    fn planned(&self, input: &DryRunInput) -> Result<Planned, String> {
        let DryRunInput { network, directory, get_env } = input;
        let cluster = &self.settled.cluster;
        let mut plan = plan::plan(
            &self.settled,
            &PlanInput {
                network,
                creation: "dry-run",
                proxy: &proxy::settings(cluster, &self.subnets, get_env),
                directory,
                get_env,
            },
        );
        let kubeadm = plan.nodes.iter().enumerate();
        let kubeadm = kubeadm.map(|(index, node)| self.kubeadm(index, node));
        let kubeadm = kubeadm.collect::<Result<_, _>>()?;
        for container in plan.containers_mut() {
            let env = container.env.iter().map(|entry| secret::conceal_variable(entry));
            container.env = env.collect();
        }
        let network = network::spec(network, Some(0), self.mtu);
        Ok(Planned { plan, network, subnets: self.subnets.clone(), kubeadm })
    }

    /// What kubeadm reads on a node: documents, and comments with what they lack.
    fn kubeadm(&self, index: usize, node: &PlannedNode) -> Result<String, String> {
        let cluster = &self.settled.cluster;
        let version = version_of(&node.container.image)?;
        let data = ConfigData::new(
            cluster,
            (&node.container.name, &node.node),
            &version,
            &placeholders(cluster.networking.family, index),
            "abcdef.0123456789abcdef",
            self.settled.host.rootless,
        );
        let data = ConfigData { provider: self.settled.host.product.as_str(), ..data };
        let config = bootstrap::node_config(&data)?;
        let warnings = config.warnings.iter().map(|warning| format!("# warning: {warning}\n"));
        let patches = config.patches.iter().map(|(file, patch)| format!("# {file}: {patch}\n"));
        Ok(warnings.chain(patches).chain([config.text()]).collect())
    }
}

/// Addresses for documentation (RFC 5737, RFC 3849), which no network has.
fn placeholders(family: Family, index: usize) -> Vec<IpAddr> {
    let last = (index % 250) as u8 + 2;
    let v4 = IpAddr::from(Ipv4Addr::new(192, 0, 2, last));
    let v6 = IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)));
    match family {
        Family::Ipv4 => vec![v4],
        Family::Ipv6 => vec![v6],
        Family::Dual => vec![v4, v6],
    }
}

/// The Kubernetes version that an image's tag names, else the one built by default.
fn version_of(image: &str) -> Result<Version, String> {
    let tag = pull::without_digest(image).rsplit_once(':').map_or("", |(_, tag)| tag);
    tag.parse().or_else(|_| node_image::DEFAULT_VERSION.parse())
}

fn without_empty(value: Value) -> Value {
    let empty = |v: &Value| {
        *v == json!(null)
            || *v == json!("")
            || *v == json!([])
            || *v == json!({})
            || *v == json!(false)
    };
    match value {
        Value::Object(map) => Value::Object(map.into_iter().filter(|(_, v)| !empty(v)).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::check::Outcome;
    use crate::engine::Image;
    use crate::engine::fake::{FakeEngine, Fault, Script};
    use crate::labels;
    use crate::preflight::Probe;
    use crate::progress::Progress;

    fn cluster(nodes: &str) -> Cluster {
        let text =
            format!("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: lab\nnodes: {nodes}");
        crate::config::parse(&text).unwrap()
    }

    fn input(get_env: fn(&str) -> Option<String>) -> DryRunInput<'static> {
        DryRunInput { network: "kind", directory: Path::new("/"), get_env }
    }

    fn asked(cluster: &Cluster) -> Input<'_> {
        let probe = Probe { clock: || SystemTime::UNIX_EPOCH, machine: |_, _| None };
        Input { cluster, network: "kind", get_env: |_| None, probe }
    }

    async fn rendered(ctx: Result<Context, String>, cluster: &Cluster) -> String {
        let dry_run = settle(ctx, &asked(cluster)).await.unwrap();
        dry_run.render(&input(|_| None)).unwrap()
    }

    fn context(engine: FakeEngine) -> Result<Context, String> {
        Ok(Context::new(Arc::new(engine), Progress::silent(), CancellationToken::new()))
    }

    #[tokio::test]
    async fn the_plan_shows_containers_and_kubeadm_documents() {
        let mut cluster = cluster("[{role: control-plane}, {role: worker, labels: {tier: web}}]");
        cluster.set_image("node:v1.36.4");
        let out = rendered(Err("none here".into()), &cluster).await;
        assert!(out.starts_with("# no container engine was asked: none here\n"), "{out}");
        let documents = yaml::documents(&out).unwrap();
        assert_eq!(documents[0]["containers"][1]["name"], "lab-worker");
        assert_eq!(documents[0]["network"]["ipv6_subnet"], "fc00:f853:ccd:e793::/64");
        let kinds: Vec<_> = documents[1..].iter().map(|d| d["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds.iter().filter(|k| **k == "InitConfiguration").count(), 2);
        assert_eq!(documents[1]["kubernetesVersion"], "v1.36.4");
        assert!(out.contains("tier=web"));
    }

    #[tokio::test]
    async fn what_would_stop_the_creation_is_found_and_shown_with_the_plan() {
        let mut long = cluster("[{}]");
        long.name = "a".repeat(50);
        let failed = |dry_run: &DryRun| {
            let failed = dry_run.checks.iter().filter(|check| check.outcome == Outcome::Error);
            failed.map(|check| check.title.clone()).collect::<Vec<_>>()
        };
        let old = Script::parse("host: {version: 19.3.1}").unwrap();
        let ctx = context(old.engine(&CancellationToken::new()));
        let settled = settle(ctx, &asked(&long)).await.unwrap();
        assert_eq!(failed(&settled), ["container engine", "cluster name"]);
        let without = settle(Err("none".into()), &asked(&long)).await.unwrap();
        assert_eq!(failed(&without), ["cluster name"]);
    }

    #[tokio::test]
    async fn proxies_are_shown_without_their_passwords() {
        let dry_run = DryRun::without_engine(cluster("[{}]"), "none is needed");
        fn proxy(name: &str) -> Option<String> {
            (name == "HTTPS_PROXY").then(|| "http://me:s3cret@proxy:1".into())
        }
        let out = dry_run.render(&input(proxy)).unwrap();
        assert!(out.contains("HTTPS_PROXY=http://xxxxx@proxy:1"), "{out}");
        assert!(out.contains("https_proxy=http://xxxxx@proxy:1"), "{out}");
        assert!(!out.contains("s3cret"), "{out}");
        let out = dry_run.to_json(&input(proxy), &[]).unwrap().to_string();
        assert!(out.contains("HTTPS_PROXY=http://xxxxx@proxy:1"), "{out}");
        assert!(!out.contains("s3cret"), "{out}");
    }

    #[tokio::test]
    async fn the_engine_decides_on_image_and_balancer() {
        let cluster = cluster("[{role: control-plane}, {role: control-plane}]");
        let labels = [(labels::API_BALANCER.to_owned(), labels::HAPROXY.to_owned())].into();
        let image = Image { labels, ..Image::default() };
        let engine = FakeEngine::default().with_image(image, Vec::new());
        let out = rendered(context(engine.clone()), &cluster).await;
        let plan = &yaml::documents(&out).unwrap()[0];
        let balancer = &plan["containers"][2];
        assert_eq!(balancer["name"], "lab-external-load-balancer");
        assert_eq!(balancer["image"], node_image::PUBLISHED);
        assert!(balancer["entrypoint"].to_string().contains("haproxy"), "{balancer}");
        // It only asked.
        let questions = ["host", "image", "networks", "containers"];
        assert!(engine.calls().iter().all(|call| questions.contains(&call.as_str())));

        let broken = FakeEngine::armed(0, Fault::Fails);
        let out = rendered(context(broken), &cluster).await;
        assert!(out.contains("was asked: host: fault at call 0"), "{out}");
        assert!(out.contains("envoy"), "{out}");
    }
}
