//! `addon`: add-ons and manifests in a cluster.

use std::time::Duration;

use serde_json::json;

use super::flags::ClusterName;
use super::invocation::Invocation;
use super::output::{FormatFlag, print_json, print_stdout, print_table};
use crate::addon::{self, Assignment, DEFAULT_TIMEOUT, InstallOptions, Installed, Package, State};
use crate::diagnose::{Failure, Kind};
use crate::duration;
use crate::yaml;

#[derive(clap::Subcommand)]
pub(super) enum Addon {
    /// List the available add-ons, and what is installed in the cluster
    ///
    /// Below it come the known issues of the images: vulnerabilities, and projects
    /// that have ended. Warnings of `addon install` name those that are open.
    List {
        #[command(flatten)]
        name: ClusterName,
        #[command(flatten)]
        format: FormatFlag,
    },
    /// Install add-ons or a manifest, and wait until they work
    ///
    /// An add-on that is installed already is changed to what the options say.
    /// Images come from the nodes if they have them, else from the local
    /// engine, else from their registry.
    Install(Install),
    /// Remove add-ons, with all of their objects
    Remove {
        /// Names, as `addon status` lists them
        #[arg(value_name = "ADDON", required = true)]
        addons: Vec<String>,
        #[command(flatten)]
        name: ClusterName,
        #[command(flatten)]
        format: FormatFlag,
    },
    /// Check whether the installed add-ons work
    Status {
        /// Check only these add-ons
        #[arg(value_name = "ADDON")]
        addons: Vec<String>,
        #[command(flatten)]
        name: ClusterName,
        #[command(flatten)]
        format: FormatFlag,
    },
}

#[derive(clap::Args)]
pub(super) struct Install {
    /// Names, as `addon list` shows them; a path with a / is a directory of your own
    #[arg(value_name = "ADDON", required_unless_present = "manifest")]
    addons: Vec<String>,
    #[command(flatten)]
    name: ClusterName,
    /// A setting, KEY=VALUE; with several add-ons ADDON.KEY=VALUE
    #[arg(long, value_name = "KEY=VALUE", value_parser = Assignment::parse)]
    set: Vec<Assignment>,
    /// A manifest to install: a file, - for stdin, or an http(s) URL
    #[arg(long, value_name = "FILE|URL", conflicts_with_all = ["addons", "set"])]
    manifest: Option<String>,
    /// The name of the manifest's installation [default: the name of the file]
    #[arg(long = "as", value_name = "NAME", requires = "manifest")]
    manifest_name: Option<String>,
    /// The SHA-256 digest that the manifest must have
    #[arg(long, value_name = "HEX", requires = "manifest")]
    sha256: Option<String>,
    /// Take over existing objects, and fields that another client has changed
    #[arg(long)]
    adopt: bool,
    /// How long to wait for each add-on, once its images are on the nodes [default: 3m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Print the manifests without applying them
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatFlag,
}

impl Addon {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        match self {
            Addon::List { name, format } => list(invocation, &name.get(), &format).await,
            Addon::Install(install) => install.run(invocation).await,
            Addon::Remove { addons, name, format } => {
                remove(invocation, &name.get(), addons, &format).await
            }
            Addon::Status { addons, name, format } => {
                let cluster = name.get();
                let found = addon::status(&invocation.context()?, &cluster, &addons).await?;
                for name in addons.iter().filter(|name| !found.iter().any(|f| f.name == **name)) {
                    invocation
                        .progress
                        .info(format!("{name} is not installed in cluster {cluster:?}."));
                }
                print_status(invocation, &found, &format)
            }
        }
    }
}

impl Install {
    async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let mut packages = named(&self.addons)?;
        self.set.iter().try_for_each(|assignment| check_addon_of(assignment, &packages))?;
        let ctx = invocation.context()?;
        if let Some(path) = &self.manifest {
            let (name, sha256) = (self.manifest_name.as_deref(), self.sha256.as_deref());
            packages.push(Package::Manifest(addon::fetch(&ctx, path, name, sha256).await?));
        }
        let timeout = self.timeout.unwrap_or(DEFAULT_TIMEOUT);
        let options = InstallOptions { set: self.set, adopt: self.adopt, timeout };
        let cluster = self.name.get();
        if self.dry_run {
            let text = addon::preview(&ctx, &cluster, &packages, &options).await?;
            if self.format.is_json() {
                let objects = yaml::documents(&text);
                return print_json(&objects.map_err(|e| Failure::new(Kind::Definition, e))?);
            }
            return print_stdout(text.trim_end());
        }
        addon::install(&ctx, &cluster, &packages, &options).await?;
        if self.format.is_json() {
            let installed = packages.iter().map(|package| {
                json!({"name": package.name(), "version": package.version(), "cluster": cluster})
            });
            return print_json(&installed.collect::<Vec<_>>());
        }
        Ok(())
    }
}

async fn remove(
    invocation: &Invocation,
    cluster: &str,
    addons: Vec<String>,
    format: &FormatFlag,
) -> Result<(), Failure> {
    let (ctx, mut all) = (invocation.context()?, Vec::new());
    for addon in addons {
        let installed = addon::remove(&ctx, cluster, &addon).await?;
        if !installed {
            invocation.progress.info(format!(
                "{addon} is not installed in cluster {cluster:?}: nothing to remove."
            ));
        }
        all.push(json!({"name": addon, "cluster": cluster, "removed": installed}));
    }
    if format.is_json() { print_json(&all) } else { Ok(()) }
}

/// A setting must be for one add-on, and one of this command.
fn check_addon_of(assignment: &Assignment, packages: &[Package]) -> Result<(), Failure> {
    let key = &assignment.key;
    match &assignment.addon {
        Some(addon) if !packages.iter().any(|package| package.name() == addon) => {
            let problem = format!("--set {addon}.{key}: no such add-on in this command");
            Err(Failure::new(Kind::Usage, problem).hint("write ADDON.KEY=VALUE"))
        }
        None if packages.len() != 1 => {
            let problem = format!("--set {key}: there are several add-ons in this command");
            Err(Failure::new(Kind::Usage, problem).hint("write ADDON.KEY=VALUE"))
        }
        _ => Ok(()),
    }
}

/// Add-ons by name, each once.
pub(super) fn named(names: &[String]) -> Result<Vec<Package>, Failure> {
    let mut seen = std::collections::BTreeSet::new();
    let names = names.iter().filter(|name| seen.insert(*name));
    names.map(|name| Ok(Package::Addon(Box::new(addon::find(name)?)))).collect()
}

async fn list(invocation: &Invocation, cluster: &str, format: &FormatFlag) -> Result<(), Failure> {
    // The catalog can be listed without a cluster, and without an engine.
    let installed = match invocation.context() {
        Ok(ctx) => match addon::installed(&ctx, cluster).await.map_err(Failure::from) {
            Err(failure) if failure.is_interruption() => return Err(failure),
            found => found.unwrap_or_default(),
        },
        Err(_) => Vec::new(),
    };
    let version_of = |name: &str| {
        installed.iter().find(|(other, _)| other == name).map(|(_, version)| version.as_str())
    };
    let all = addon::all();
    if format.is_json() {
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
                "retired": d.retired, "knownIssues": addon::known_issues(d),
            })
        });
        return print_json(&serde_json::Value::from_iter(entries));
    }
    let header = ["NAME", "VERSION", "KUBERNETES", "INSTALLED", "SUMMARY"].map(str::to_owned);
    let rows = all.iter().map(|addon| {
        let d = &addon.definition;
        let installed = version_of(&d.name).unwrap_or("-").to_owned();
        [d.name.clone(), d.version.clone(), d.kubernetes.to_string(), installed, d.summary.clone()]
    });
    print_table(&[header].into_iter().chain(rows).collect::<Vec<_>>())?;
    print_stdout("")?;
    let header = ["ISSUE", "STATE", "IMAGE", "ABOUT"].map(str::to_owned);
    let rows = all.iter().flat_map(|addon| addon::known_issues(&addon.definition)).map(|known| {
        let state = known.closed.map_or("open".to_owned(), |how| format!("closed: {how}"));
        [known.issue, state, known.image, known.about]
    });
    print_table(&[header].into_iter().chain(rows).collect::<Vec<_>>())
}

fn print_status(
    invocation: &Invocation,
    found: &[Installed],
    format: &FormatFlag,
) -> Result<(), Failure> {
    if format.is_json() {
        return print_json(&found);
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
    print_table(&[header].into_iter().chain(rows).collect::<Vec<_>>())
}
