//! Flags, feature gates and configuration files of components: checked before there are
//! nodes, by the very programs of the node image.
//!
//! ```text
//! documents of kubeadm ─> question::Question ─> script ─> (the container) ─>
//!     script::Answer ─> answer::Judged ─> Refusal, or a field without effect
//! ```
//!
//! A definition that sets none of these costs nothing. What cannot be found out here, as
//! in images without these programs, [`crate::components`] finds out later.

mod answer;
mod question;
mod refused;
mod script;

use std::collections::BTreeMap;
use std::time::Duration;

use self::answer::{Judged, Subject, judge};
use self::question::{Question, questions};
use self::script::{Answer, answers};
use crate::bootstrap::{BootstrapError, node_config};
use crate::cluster::{Cluster, KubeadmPatches, Node};
use crate::context::RunError;
use crate::engine::Command;
use crate::kubeadm::{ConfigData, UnknownField};
use crate::node::NodeHandle;
use crate::text;
use crate::version::Version;

pub(crate) use refused::{Refusal, Refused};

/// How often programs are asked again: they name one mistake at a time.
const ROUNDS: usize = 4;
/// What takes longer is not waited for.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What programs of one image say.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The version of Kubernetes; empty if nothing was asked.
    pub version: String,
    pub refusals: Vec<Refusal>,
    /// Fields that have no effect, each with a node whose documents have it.
    pub unknown: Vec<(UnknownField, String)>,
}

/// Whether the definition sets anything of components of nodes with this image.
pub(crate) fn is_needed(cluster: &Cluster, image: &str) -> bool {
    let has = |patches: &KubeadmPatches| !patches.merge.is_empty() || !patches.json.is_empty();
    let mut nodes = cluster.nodes.iter().filter(|node| node.image.as_deref() == Some(image));
    !cluster.feature_gates.is_empty()
        || !cluster.runtime_config.is_empty()
        || has(&cluster.kubeadm)
        || nodes.any(|node| has(&node.kubeadm))
}

/// Asks the programs in a container of an image about the nodes that have this image.
/// Whatever keeps them from answering is no error.
///
/// # Errors
/// Returns [`BootstrapError::Patch`] if a patch does not apply, or
/// [`RunError::Cancelled`].
pub(crate) async fn check(
    container: &NodeHandle,
    cluster: &Cluster,
    image: &str,
    rootless: bool,
) -> Result<Checked, BootstrapError> {
    let version = container.read("/kind/version").await;
    let version = tolerate(container, version)?.and_then(|text| text.trim().parse().ok());
    let Some(version): Option<Version> = version else { return Ok(Checked::default()) };
    let mut open = all_questions(cluster, image, &version, rootless)?;
    let mut checked = Checked { version: version.to_string(), ..Checked::default() };
    for _ in 0..ROUNDS {
        if open.is_empty() {
            break;
        }
        let answers = ask(container, &open).await?;
        let judged = open.iter().enumerate().filter_map(|(number, question)| {
            Some((question, judge(question, answers.get(&number)?)))
        });
        let judged: Vec<_> = judged.collect();
        judged.iter().for_each(|(question, judged)| checked.add(cluster, question, judged));
        open = judged.into_iter().filter_map(|(_, judged)| judged.again).collect();
    }
    add_names(container, &mut checked).await?;
    Ok(checked)
}

/// The questions about all nodes with this image; what two of them have in common is
/// asked once.
fn all_questions(
    cluster: &Cluster,
    image: &str,
    version: &Version,
    rootless: bool,
) -> Result<Vec<Question>, BootstrapError> {
    let mut plain = cluster.clone();
    plain.feature_gates.clear();
    plain.runtime_config.clear();
    plain.kubeadm = KubeadmPatches::default();
    plain.nodes.iter_mut().for_each(|node| node.kubeadm = KubeadmPatches::default());
    let mut all: Vec<Question> = Vec::new();
    let mut seen: Vec<(bool, &Node)> = Vec::new();
    for (at, (name, node)) in cluster.named_nodes().enumerate() {
        let is_first = at == cluster.first_control_plane();
        let is_same = |(first, other): &(bool, &Node)| {
            *first == is_first && other.role == node.role && other.kubeadm == node.kubeadm
        };
        if node.image.as_deref() != Some(image) || seen.iter().any(is_same) {
            continue;
        }
        seen.push((is_first, node));
        let data = data(cluster, (&name, node), version, rootless);
        let failed = |reason| BootstrapError::Patch { node: name.clone(), reason };
        let patched = node_config(&data).map_err(failed)?.documents;
        let without = self::data(&plain, (&name, &plain.nodes[at]), version, rootless);
        let without = node_config(&without).map_err(failed)?.documents;
        for question in questions(&data, is_first, &patched, &without) {
            let is_new = |other: &Question| {
                (other.component, &other.flags, &other.documents)
                    != (question.component, &question.flags, &question.documents)
            };
            if all.iter().all(is_new) {
                all.push(question);
            }
        }
    }
    Ok(all)
}

/// Addresses are not known yet: those of documentation stand for them (RFC 5737,
/// RFC 3849).
fn data<'a>(
    cluster: &'a Cluster,
    node: (&'a str, &'a Node),
    version: &'a Version,
    rootless: bool,
) -> ConfigData<'a> {
    let addresses = ["192.0.2.2", "2001:db8::2"].map(|address| address.parse().expect("valid"));
    ConfigData::new(cluster, node, version, &addresses, "abcdef.0123456789abcdef", rootless)
}

impl Checked {
    fn add(&mut self, cluster: &Cluster, question: &Question, judged: &Judged) {
        for words in &judged.refusals {
            let node = &question.node;
            let named = match Subject::of(words) {
                Subject::Gate(name) => cluster.place_named(&name, node),
                // kubeadm makes a flag of them.
                Subject::Flag(name) if name == "register-with-taints" => {
                    cluster.place_named("taints", node)
                }
                Subject::Flag(name) => cluster.place_named(&name, node),
                Subject::Field(path) => {
                    cluster.place_named(path.rsplit('.').next().unwrap_or_default(), node)
                }
                Subject::Other => None,
            };
            let place = named.or_else(|| cluster.place_of(words, node));
            let is_known = |other: &Refusal| other.place == place && other.words == *words;
            if !self.refusals.iter().any(is_known) {
                let (component, words) = (question.component, words.clone());
                self.refusals.push(Refusal { place, component, words, similar: None });
            }
        }
        for field in &judged.unknown {
            if self.unknown.iter().all(|(known, _)| known != field) {
                self.unknown.push((field.clone(), question.node.clone()));
            }
        }
    }
}

/// Adds what was probably meant to what the programs do not know.
async fn add_names(container: &NodeHandle, checked: &mut Checked) -> Result<(), RunError> {
    let is_name = |refusal: &&Refusal| {
        matches!(Subject::of(&refusal.words), Subject::Gate(_) | Subject::Flag(_))
    };
    let programs = checked.refusals.iter().filter(is_name);
    let mut programs: Vec<&str> = programs.map(|r| question::program(r.component)).collect();
    programs.sort_unstable();
    programs.dedup();
    if programs.is_empty() {
        return Ok(());
    }
    let report = run(container, script::names(&programs)).await?;
    let names = script::read_names(&report);
    for refusal in &mut checked.refusals {
        let Some((gates, flags)) = names.get(question::program(refusal.component)) else {
            continue;
        };
        let similar = match Subject::of(&refusal.words) {
            Subject::Gate(gate) => text::similar(&gate, gates.iter().copied()),
            // Of one that there is, the value was wrong.
            Subject::Flag(flag) if flags.contains(&&*flag) => Vec::new(),
            Subject::Flag(flag) => text::similar(&flag, flags.iter().copied()),
            Subject::Field(_) | Subject::Other => Vec::new(),
        };
        refusal.similar = similar.first().map(|name| (*name).to_owned());
    }
    Ok(())
}

async fn ask(
    container: &NodeHandle,
    open: &[Question],
) -> Result<BTreeMap<usize, Answer>, RunError> {
    let report = run(container, script::questions(open)).await?;
    container.ctx.progress.debug(2, format!("answers of components:{report}"));
    Ok(answers(&report))
}

/// What the script prints; empty if it fails.
async fn run(container: &NodeHandle, script: String) -> Result<String, RunError> {
    let command = Command::new(["sh", "-s", "component-config"]).stdin(script);
    match tokio::time::timeout(TIMEOUT, container.run(command)).await {
        Ok(ran) => Ok(tolerate(container, ran)?.unwrap_or_default()),
        Err(_) => {
            container.ctx.progress.debug(1, "components did not answer in time");
            Ok(String::new())
        }
    }
}

/// Only an interruption is an error: a check must not make anything fail.
fn tolerate<T>(container: &NodeHandle, ran: Result<T, RunError>) -> Result<Option<T>, RunError> {
    match ran {
        Ok(done) => Ok(Some(done)),
        Err(error @ (RunError::Cancelled | RunError::CutOff(_))) => Err(error),
        Err(error) => {
            container.ctx.progress.debug(1, format!("components cannot be asked: {error}"));
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests;
