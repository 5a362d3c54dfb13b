//! `addon`: what can be installed on top of a cluster.

use std::time::Duration;

use serde_json::json;

use super::{ClusterName, Invocation, say};
use crate::addon::{self, Assignment, DEFAULT_LIMIT, Installed, Options, Package, State};
use crate::diagnose::Failure;
use crate::duration;

#[derive(clap::Subcommand)]
pub enum Addon {
    /// List the add-ons there are, and which the cluster has
    List {
        #[command(flatten)]
        name: ClusterName,
        /// How to print it: json, or text for people
        #[arg(short, long, value_name = "FORMAT", default_value = "text")]
        output: Output,
    },
    /// Install add-ons, or a manifest of anybody's; done when they work
    ///
    /// What is installed already is brought to what the options say. Images
    /// come from the nodes if they have them, else from the local engine, else
    /// from their registry.
    Install(Install),
    /// Remove add-ons, with everything they made
    Remove {
        /// As `addon status` lists them
        #[arg(value_name = "ADDON", required = true)]
        addons: Vec<String>,
        #[command(flatten)]
        name: ClusterName,
    },
    /// Look whether what is installed works
    Status {
        /// Only these
        #[arg(value_name = "ADDON")]
        addons: Vec<String>,
        #[command(flatten)]
        name: ClusterName,
        /// How to print it: json, or text for people
        #[arg(short, long, value_name = "FORMAT", default_value = "text")]
        output: Output,
    },
}

#[derive(clap::Args)]
pub struct Install {
    /// Names, as `addon list` shows them; one with a / is a folder of your own
    #[arg(value_name = "ADDON", required_unless_present = "manifest")]
    addons: Vec<String>,
    #[command(flatten)]
    name: ClusterName,
    /// A setting, KEY=VALUE; ADDON.KEY=VALUE beside several add-ons
    #[arg(long, value_name = "KEY=VALUE", value_parser = Assignment::parse)]
    set: Vec<Assignment>,
    /// A manifest to install: a file, - for stdin, or an http(s) address
    #[arg(long, value_name = "FILE|URL", conflicts_with_all = ["addons", "set"])]
    manifest: Option<String>,
    /// What to call the manifest's installation [default: the file's name]
    #[arg(long = "as", value_name = "NAME", requires = "manifest")]
    called: Option<String>,
    /// The digest the manifest must have
    #[arg(long, value_name = "HEX", requires = "manifest")]
    sha256: Option<String>,
    /// Take over what was installed or changed by others
    #[arg(long)]
    adopt: bool,
    /// How long each may take until it works [default: 3m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Print the manifests, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    Text,
    Json,
}

impl Addon {
    pub async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        match self {
            Addon::List { name, output } => list(invocation, &name.get(), output).await,
            Addon::Install(install) => install.run(invocation).await,
            Addon::Remove { addons, name } => {
                let (ctx, cluster) = (invocation.context()?, name.get());
                for addon in addons {
                    let was_there = addon::remove(&ctx, &cluster, &addon).await?;
                    if !was_there {
                        invocation.progress.info(format!(
                            "{addon} is not installed in cluster {cluster:?}: nothing to remove."
                        ));
                    }
                }
                Ok(())
            }
            Addon::Status { addons, name, output } => {
                let cluster = name.get();
                let found = addon::status(&invocation.context()?, &cluster, &addons).await?;
                for name in addons.iter().filter(|name| !found.iter().any(|f| f.name == **name)) {
                    invocation
                        .progress
                        .info(format!("{name} is not installed in cluster {cluster:?}."));
                }
                print_status(invocation, &found, output)
            }
        }
    }
}

impl Install {
    async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let mut packages = named(&self.addons)?;
        for assignment in &self.set {
            let one = packages.len() == 1;
            let fits = assignment.addon.as_ref().map_or(one, |name| self.addons.contains(name));
            if !fits {
                return Err(Failure::new(format!(
                    "--set {} says no add-on of these",
                    assignment.key
                ))
                .hint("write ADDON.KEY=VALUE"));
            }
        }
        let ctx = invocation.context()?;
        if let Some(path) = &self.manifest {
            let (called, sha256) = (self.called.as_deref(), self.sha256.as_deref());
            packages.push(Package::Manifest(addon::fetch(&ctx, path, called, sha256).await?));
        }
        let limit = self.timeout.unwrap_or(DEFAULT_LIMIT);
        let options = Options { set: self.set, adopt: self.adopt, limit };
        let cluster = self.name.get();
        if self.dry_run {
            let text = addon::preview(&ctx, &cluster, &packages, &options).await?;
            return say(text.trim_end());
        }
        Ok(addon::install(&ctx, &cluster, &packages, &options).await?)
    }
}

/// Add-ons by name, each once.
pub fn named(names: &[String]) -> Result<Vec<Package>, Failure> {
    let mut seen = std::collections::BTreeSet::new();
    let names = names.iter().filter(|name| seen.insert(*name));
    names.map(|name| Ok(Package::Addon(Box::new(addon::find(name)?)))).collect()
}

async fn list(invocation: &Invocation, cluster: &str, output: Output) -> Result<(), Failure> {
    // The catalogue can be read without a cluster, and without an engine.
    let installed = match invocation.context() {
        Ok(ctx) => addon::installed(&ctx, cluster).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let version_of = |name: &str| {
        installed.iter().find(|(other, _)| other == name).map(|(_, version)| version.as_str())
    };
    let all = addon::all();
    if output == Output::Json {
        let entries = all.iter().map(|addon| {
            let d = &addon.definition;
            let settings = d.settings.iter().map(|(key, setting)| {
                (key.clone(), json!({"default": setting.default, "about": setting.about}))
            });
            json!({
                "name": d.name, "version": d.version, "kubernetes": d.kubernetes.to_string(),
                "summary": d.summary, "installed": version_of(&d.name),
                "settings": settings.collect::<serde_json::Map<_, _>>(),
                "images": d.images.values().map(|i| &i.official).collect::<Vec<_>>(),
            })
        });
        return say(serde_json::Value::from_iter(entries));
    }
    let header = ["NAME", "VERSION", "KUBERNETES", "INSTALLED", "WHAT IT IS"].map(str::to_owned);
    let rows = all.iter().map(|addon| {
        let d = &addon.definition;
        let installed = version_of(&d.name).unwrap_or("-").to_owned();
        [d.name.clone(), d.version.clone(), d.kubernetes.to_string(), installed, d.summary.clone()]
    });
    table([header].into_iter().chain(rows).collect())
}

fn print_status(
    invocation: &Invocation,
    found: &[Installed],
    output: Output,
) -> Result<(), Failure> {
    if output == Output::Json {
        return say(serde_json::to_string(found).map_err(Failure::new)?);
    }
    if found.is_empty() {
        invocation.progress.info("No add-ons are installed.");
        return Ok(());
    }
    let header = ["NAME", "VERSION", "STATE", "IMAGES", "MISSING"].map(str::to_owned);
    let rows = found.iter().map(|addon| {
        let state = match addon.state {
            State::Works => "works",
            State::Broken => "broken",
            State::Incomplete => "incomplete",
        };
        let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        [
            addon.name.clone(),
            addon.version.clone(),
            state.to_owned(),
            or_dash(addon.images.join(",")),
            or_dash(addon.missing.join("; ")),
        ]
    });
    table([header].into_iter().chain(rows).collect())
}

fn table<const N: usize>(rows: Vec<[String; N]>) -> Result<(), Failure> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        say(cells.join("   ").trim_end())?;
    }
    Ok(())
}
