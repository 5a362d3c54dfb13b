//! What would stop a creation, found before anything is made.
//!
//! [`gather`] asks the engine and, if the engine's containers run on its kernel, this
//! machine. [`checks`] turns the answers and the definition into checks. It has no
//! effects. What fails for sure is an error, and all errors are reported together; what
//! may fail is a warning.

mod definition;
mod engine;
mod facts;
#[cfg(test)]
mod fixtures;
mod kernel;
mod machine;
mod network;
mod ports;
mod resources;
mod routes;
mod subnet;

use std::time::SystemTime;

use crate::check::{self, Check, Outcome};
use crate::cluster::Cluster;
use crate::context::{Context, RunError};
use crate::inventory;
use crate::plan::proxy;
use crate::progress::Progress;

#[cfg(test)]
pub(crate) use facts::Machine;
pub(crate) use facts::{Facts, Input, Probe};
pub(crate) use kernel::is_open as must_ask_node_for_ipvs;
pub(crate) use machine::of_this_process;

/// The checks that failed, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", check::failed(.0))]
pub(crate) struct Refused(pub Vec<Check>);

impl Refused {
    /// Whether only the definition itself is wrong, whatever the host.
    pub(crate) fn is_of_definition(&self) -> bool {
        self.0.iter().all(|check| definition::TITLES.contains(&check.title.as_str()))
    }
}

/// Asks the engine and this machine.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn gather(ctx: &Context, input: &Input<'_>) -> Result<Facts, RunError> {
    let asked = (input.probe.clock)();
    let host = ctx.interruptible(ctx.engine.host()).await?;
    let answered = (input.probe.clock)();
    let networks = ctx.interruptible(ctx.engine.networks(input.network)).await?;
    let network = networks.into_iter().next();
    let subnets = network.as_ref().map_or(&[][..], |network| &network.subnets);
    Ok(Facts {
        clock_ahead: host.clock.map(|there| ahead((asked, answered), there)),
        machine: (input.probe.machine)(&host, input.cluster),
        existing: inventory::clusters(ctx).await?,
        network_name: input.network.to_owned(),
        proxy: proxy::settings(input.cluster, subnets, &input.get_env),
        taken: match host.local {
            true => ports::taken(ctx, input.cluster).await?,
            false => Vec::new(),
        },
        network,
        host,
    })
}

/// How many seconds the clock here is ahead of the one `there`, which was read at some time
/// between the two.
fn ahead((from, to): (SystemTime, SystemTime), there: SystemTime) -> i64 {
    let seconds = |later: SystemTime, earlier: SystemTime| {
        later.duration_since(earlier).map_or(0, |duration| duration.as_secs() as i64)
    };
    seconds(from, there) - seconds(there, to)
}

/// Every check, also those that found all to be well.
pub(crate) fn checks(cluster: &Cluster, facts: &Facts) -> Vec<Check> {
    let mut checks = engine::checks(facts);
    checks.extend(resources::checks(cluster, facts));
    checks.extend(kernel::proxy_mode(cluster, facts));
    checks.extend(of_definition(cluster));
    checks.extend(network::checks(cluster, facts));
    checks.extend(ports::checks(cluster, facts));
    checks
}

/// Those that need no engine.
pub(crate) fn of_definition(cluster: &Cluster) -> Vec<Check> {
    definition::checks(cluster)
}

/// Reports each warning in a line.
///
/// # Errors
/// Returns [`Refused`] with every error.
pub(crate) fn report(progress: &Progress, checks: Vec<Check>) -> Result<(), Refused> {
    for check in checks.iter().filter(|check| check.outcome == Outcome::Warning) {
        progress.warn(check.to_string());
    }
    let failed = checks.into_iter().filter(|check| check.outcome == Outcome::Error);
    match failed.collect::<Vec<_>>() {
        failed if failed.is_empty() => Ok(()),
        failed => Err(Refused(failed)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_of_the_question_is_no_difference_of_clocks() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (from, to, there, expected) in [
            (1000, 1000, 1000, 0),
            (1000, 1060, 1030, 0),
            (1000, 1060, 1000, 0),
            (1000, 1060, 990, 10),
            (1000, 1060, 1090, -30),
        ] {
            assert_eq!(ahead((at(from), at(to)), at(there)), expected, "{from} {to} {there}");
        }
    }
}
