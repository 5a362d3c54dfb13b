//! What can be installed, and the user's choices about it.

use std::time::Duration;

use super::catalog::Addon;
use super::manifest::Manifest;
use super::settings::Assignment;

/// How long an add-on may take to work once its images are on the nodes.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(180);

pub(crate) enum Package {
    Addon(Box<Addon>),
    Manifest(Manifest),
}

impl Package {
    pub(crate) fn name(&self) -> &str {
        match self {
            Package::Addon(addon) => &addon.definition.name,
            Package::Manifest(manifest) => &manifest.name,
        }
    }

    /// That of an add-on; a manifest has none.
    pub(crate) fn version(&self) -> Option<&str> {
        match self {
            Package::Addon(addon) => Some(&addon.definition.version),
            Package::Manifest(_) => None,
        }
    }

    /// The name with the version, or with the path of a manifest.
    pub(crate) fn title(&self) -> String {
        match self {
            Package::Addon(addon) => format!("{} {}", self.name(), addon.definition.version),
            Package::Manifest(manifest) => format!("{} ({})", self.name(), manifest.path),
        }
    }
}

pub(crate) struct InstallOptions {
    pub set: Vec<Assignment>,
    /// Take over existing objects, and fields that another client has changed.
    pub adopt: bool,
    /// How long each package may take to work once its images are on the nodes.
    pub timeout: Duration,
}

impl Default for InstallOptions {
    fn default() -> Self {
        InstallOptions { set: Vec::new(), adopt: false, timeout: DEFAULT_TIMEOUT }
    }
}
