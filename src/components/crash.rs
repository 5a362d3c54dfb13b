//! A component that cannot come up, as it is reported.

use super::cause::Cause;
use super::component::Component;
use super::words::LastWords;
use crate::cluster::{Cluster, Place};

/// Why a component of a node cannot come up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{component} {} on {node}", if *.component == Component::Kubeadm { "failed" } else { "cannot start" })]
pub(crate) struct Crash {
    pub node: String,
    pub component: Component,
    /// Its last words, oldest first.
    pub words: Vec<String>,
    pub cause: Cause,
    /// The field of the definition that caused it, if that can be told.
    pub setting: Option<Place>,
    /// What kubeadm wrote, if it has ended: hundreds of lines.
    pub output: Option<String>,
    /// That and everything else that may explain it further, many lines.
    pub log: String,
}

impl Crash {
    pub(super) fn new(
        node: &str,
        component: Component,
        words: LastWords,
        cluster: &Cluster,
        log: String,
    ) -> Box<Crash> {
        let all = words.lines.join("\n");
        let fatal = words.fatal.as_deref().unwrap_or(&all);
        Box::new(Crash {
            node: node.to_owned(),
            component,
            cause: Cause::of(&all),
            setting: cluster.place_of(fatal, node),
            words: words.lines,
            output: None,
            log,
        })
    }
}
