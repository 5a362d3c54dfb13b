//! `doctor`: whether clusters can be created, and whether one that exists works.

use std::path::PathBuf;

use serde::Serialize;

use super::create::{PROBE, node_env};
use super::definition;
use super::flags::path;
use super::invocation::Invocation;
use super::kind::provider;
use super::output::{FormatFlag, print_json, print_stdout};
use crate::check::{self, Check, Outcome};
use crate::cluster::Cluster;
use crate::context::RunError;
use crate::diagnose::{Failure, Kind};
use crate::environment;
use crate::health;
use crate::preflight::{self, Input};
use crate::provision::network;
use crate::report;
use crate::secret::conceal;
use crate::text;

/// What the list is wrapped at, for terminals of 80 columns.
const WIDTH: usize = 78;

#[derive(clap::Args)]
pub(super) struct Doctor {
    /// Examine this cluster, which exists
    #[arg(short, long, conflicts_with = "config")]
    name: Option<String>,
    /// The definition of the cluster to be created, a YAML file; - reads stdin
    /// [default: a single node]
    #[arg(long, value_name = "FILE", value_parser = path())]
    config: Option<PathBuf>,
    #[command(flatten)]
    format: FormatFlag,
}

/// The JSON that programs rely on, in which fields may be added.
#[derive(Serialize)]
struct View<'a> {
    /// The worst of all.
    outcome: Outcome,
    checks: &'a [Check],
}

impl Doctor {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let checks = match &self.name {
            Some(name) => health::examine(&invocation.context()?, name, environment::now()).await?,
            None => {
                let cluster = definition::read(self.config.as_deref())?;
                before_creation(invocation, &cluster).await?
            }
        };
        print(&checks, &self.format)?;
        let failed = checks.iter().filter(|check| check.outcome == Outcome::Error);
        match check::worst(&checks) {
            Outcome::Error => Err(Failure::new(Kind::Other, check::failed(failed))),
            Outcome::Ok | Outcome::Warning => Ok(()),
        }
    }
}

/// What would stop the creation of a cluster.
async fn before_creation(
    invocation: &Invocation,
    cluster: &Cluster,
) -> Result<Vec<Check>, Failure> {
    let network = provider::network().map(|(network, _)| network);
    let network = network.unwrap_or_else(|| network::DEFAULT.to_owned());
    let gathered = match invocation.context() {
        Err(failure) => Err(failure),
        Ok(ctx) => {
            let input = Input { cluster, network: &network, get_env: node_env, probe: PROBE };
            // Other questions wait for an answer much longer.
            let answer = ctx.interruptible(ctx.engine.ping()).await;
            let gathered = match answer {
                Ok(()) => preflight::gather(&ctx, &input).await,
                Err(error) => Err(error),
            };
            match gathered {
                Err(RunError::Cancelled) => return Err(RunError::Cancelled.into()),
                gathered => gathered.map_err(Failure::from),
            }
        }
    };
    Ok(match gathered {
        Ok(facts) => preflight::checks(cluster, &facts),
        Err(failure) => {
            let mut checks = vec![no_engine(failure)];
            checks.extend(preflight::of_definition(cluster));
            checks
        }
    })
}

/// The check that fails when no engine can be asked.
fn no_engine(failure: Failure) -> Check {
    let heading = conceal(&failure.heading).into_owned();
    let check = Check::error("container engine", heading).needed("an engine that answers");
    match failure.hints.is_empty() {
        true => check,
        false => check.remedy(failure.hints.join("; ")),
    }
}

fn print(checks: &[Check], format: &FormatFlag) -> Result<(), Failure> {
    if format.is_json() {
        return print_json(&View { outcome: check::worst(checks), checks });
    }
    let marks = Marks::of(report::stdout_look());
    for check in checks {
        print_stdout(shown(check, &marks))?;
    }
    Ok(())
}

/// What stands before each check.
struct Marks {
    ok: &'static str,
    warning: &'static str,
    error: &'static str,
    /// How wide each is.
    width: usize,
}

impl Marks {
    fn of(look: report::Look) -> Marks {
        match look {
            report::Look::Plain => {
                Marks { ok: "ok      ", warning: "warning ", error: "error   ", width: 8 }
            }
            report::Look::Terminal { colour: false } => {
                Marks { ok: "✓ ", warning: "! ", error: "✗ ", width: 2 }
            }
            report::Look::Terminal { colour: true } => Marks {
                ok: "\u{1b}[32m✓\u{1b}[0m ",
                warning: "\u{1b}[33m!\u{1b}[0m ",
                error: "\u{1b}[31m✗\u{1b}[0m ",
                width: 2,
            },
        }
    }
}

/// A check where all is well in a line, another one with what mends it. What was found may
/// come from elsewhere, so it is made printable.
fn shown(check: &Check, marks: &Marks) -> String {
    let mark = match check.outcome {
        Outcome::Ok => marks.ok,
        Outcome::Warning => marks.warning,
        Outcome::Error => marks.error,
    };
    let lines = match check.outcome {
        Outcome::Ok => {
            let line = text::printable(&format!("{}: {}", check.title, check.found));
            let lines = text::wrapped(&line, WIDTH - marks.width);
            lines.join(&format!("\n{}", " ".repeat(marks.width)))
        }
        Outcome::Warning | Outcome::Error => {
            let mut lines = vec![check.title.clone()];
            lines.extend(check.facts());
            text::printable(&lines.join("\n"))
        }
    };
    format!("{mark}{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> [Check; 3] {
        [
            Check::ok(
                "memory",
                "12.0 GB of 16.0 GB available, \u{1b}[2J, and so on until this line is full, and another",
            ),
            Check::warning("clock", "behind").needed("the same").remedy("set it"),
            Check::error("disk space", "1 B").needed("2 B").remedy("sudo rm"),
        ]
    }

    #[test]
    fn a_list_can_be_read_everywhere() {
        let list = |look| {
            let marks = Marks::of(look);
            checks().iter().map(|check| shown(check, &marks)).collect::<Vec<_>>().join("\n")
        };
        let plain = "ok      memory: 12.0 GB of 16.0 GB available, \\u{1b}[2J, and so on until this
        line is full, and another
warning clock
    found:  behind
    needed: the same
    remedy: set it
error   disk space
    found:  1 B
    needed: 2 B
    remedy: sudo rm";
        assert_eq!(list(report::Look::Plain), plain);
        let terminal = list(report::Look::Terminal { colour: false });
        assert!(terminal.contains("! clock\n") && terminal.contains("✗ disk space\n"));
        assert!(terminal.starts_with("✓ memory: ") && !terminal.contains('\u{1b}'), "{terminal}");
        let coloured = list(report::Look::Terminal { colour: true });
        assert!(coloured.contains("\u{1b}[31m✗\u{1b}[0m disk space\n"), "{coloured}");
        assert!(!coloured.contains("[2J\n") && coloured.contains("\\u{1b}[2J"), "{coloured}");
    }

    #[test]
    fn an_engine_that_does_not_answer_is_a_failed_check() {
        let failure = Failure::new(Kind::Engine, "cannot reach it");
        let failure = failure.hint("start Docker").hint("or Podman");
        let check = no_engine(failure);
        assert_eq!((check.outcome, &*check.found), (Outcome::Error, "cannot reach it"));
        assert_eq!(check.remedy.as_deref(), Some("start Docker; or Podman"));
    }
}
