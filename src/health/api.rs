//! What the API server says about the cluster.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::context::{Context, RunError};
use crate::inventory::{ExistingCluster, ExistingNode, NodeRole};
use crate::kube::{KubeClient, condition, object};
use crate::node::NodeHandle;
use crate::pods::{self, NotReady};

/// A control-plane that takes longer does not answer.
const LIMIT: Duration = Duration::from_secs(8);
/// Crashes before that are over.
const RECENT: Duration = Duration::from_secs(10 * 60);
/// In this time a pod may become ready.
const START: Duration = Duration::from_secs(60);
const NODES: &str = "/api/v1/nodes";
const SERVICE: &str = "/api/v1/namespaces/default/services/kubernetes";

/// The answers of one API server.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The Node objects.
    pub nodes: Vec<Value>,
    /// How many pods there are.
    pub pods: usize,
    /// Pods on nodes that run, or on none, and whether they may still be starting.
    pub not_ready: Vec<(NotReady, bool)>,
    /// Pods, as `NAMESPACE/NAME`, that are ready and crash again and again; and how.
    pub often: Vec<(String, String)>,
    /// The address of the Service `kubernetes`.
    service: String,
}

impl Answers {
    /// Whether the node of this name is Ready.
    pub(super) fn is_ready(&self, node: &str) -> bool {
        is_ready(&self.nodes, node)
    }
}

fn is_ready(nodes: &[Value], name: &str) -> bool {
    let node = nodes.iter().find(|node| object::name(node) == name);
    node.is_some_and(|node| condition::is_true(node, "Ready").is_none())
}

#[derive(Debug)]
pub(super) enum Answer {
    Given(Answers),
    /// No control-plane runs.
    NobodyToAsk,
    /// The reason of the last control-plane that was asked.
    Refused {
        node: String,
        reason: String,
    },
}

impl Answer {
    /// The address of the Service `kubernetes`, if it is known.
    pub(super) fn service(&self) -> Option<&str> {
        match self {
            Answer::Given(answers) => {
                Some(&answers.service).filter(|address| !address.is_empty()).map(String::as_str)
            }
            Answer::NobodyToAsk | Answer::Refused { .. } => None,
        }
    }
}

/// Asks one control-plane after the other, until one answers.
///
/// # Errors
/// Returns [`RunError::Cancelled`]; whatever else goes wrong is an answer.
pub(super) async fn ask(
    ctx: &Context,
    cluster: &ExistingCluster,
    now: SystemTime,
) -> Result<Answer, RunError> {
    let mut answer = Answer::NobodyToAsk;
    let planes = cluster.nodes.iter().filter(|node| node.role == NodeRole::ControlPlane);
    for plane in planes.filter(|plane| plane.is_running()) {
        let node = plane.name.clone();
        let ask = ask_one(ctx, cluster, plane, now);
        let reason = match tokio::time::timeout(LIMIT, ask).await {
            Ok(Ok(answers)) => return Ok(Answer::Given(answers)),
            Ok(Err(RunError::Cancelled)) => return Err(RunError::Cancelled),
            Ok(Err(RunError::Command { output, .. })) => {
                output.lines().last().unwrap_or("no answer").to_owned()
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", LIMIT.as_secs()),
        };
        answer = Answer::Refused { node, reason };
    }
    Ok(answer)
}

async fn ask_one(
    ctx: &Context,
    cluster: &ExistingCluster,
    plane: &ExistingNode,
    now: SystemTime,
) -> Result<Answers, RunError> {
    let kube = KubeClient::new(NodeHandle::new(ctx, &plane.name));
    let [pods, events] = &pods::paths(None);
    let lists = kube.get_raw_all(&[NODES, SERVICE, pods, events]).await?;
    let list = |at: usize| lists.get(at).unwrap_or(&Value::Null);
    let all = object::items(list(2));
    let looked_at: Vec<Value> =
        all.iter().filter(|pod| !is_on_stopped(pod, cluster)).cloned().collect();
    let since = moment(now - RECENT);
    let often = looked_at.iter().filter_map(|pod| {
        let name = format!("{}/{}", object::namespace(pod), object::name(pod));
        Some((name, pods::crashes_often(pod, &since)?))
    });
    let mut not_ready = pods::explain(&kube, &looked_at, object::items(list(3))).await;
    // On a node that is not Ready no pod is.
    let nodes = object::items(list(0));
    let is_on_ready =
        |node: &Option<String>| node.as_ref().is_none_or(|node| is_ready(nodes, node));
    not_ready.retain(|pod| pod.is_failing || is_on_ready(&pod.node));
    let often = often.filter(|(name, _)| !not_ready.iter().any(|pod| pod.pod == *name)).collect();
    let begun = moment(now - START);
    let starts = |pod: &NotReady| !pod.is_failing && pod.since > begun;
    Ok(Answers {
        nodes: nodes.to_vec(),
        pods: all.len(),
        not_ready: not_ready.into_iter().map(|pod| (pod.clone(), starts(&pod))).collect(),
        often,
        service: list(1)["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned(),
    })
}

/// Whether the pod is on a node of which the container does not run: nothing can be said
/// of it but that.
fn is_on_stopped(pod: &Value, cluster: &ExistingCluster) -> bool {
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
    cluster.nodes.iter().any(|other| other.name == node && !other.is_running())
}

/// In RFC 3339 and UTC: such texts sort by time.
fn moment(time: SystemTime) -> String {
    let moment = OffsetDateTime::from(time).replace_nanosecond(0).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}
