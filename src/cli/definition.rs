//! The cluster definition that a command is given.

use std::io::Read;
use std::path::Path;

use crate::cluster::Cluster;
use crate::config::{self, Surroundings};
use crate::diagnose::{Failure, Kind};
use crate::environment;
use crate::platform;

/// The definition in a file, of which `-` is stdin; without one, the default.
///
/// # Errors
/// Fails if the file cannot be read, or with every problem of the definition.
pub(super) fn read(path: Option<&Path>) -> Result<Cluster, Failure> {
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
        return Ok(config::default_cluster());
    };
    let text = text(path).map_err(|reason| {
        Failure::new(Kind::Definition, format!("error reading {}: {reason}", path.display()))
    })?;
    let home = platform::home().and_then(|home| home.into_string().ok());
    let surroundings = Surroundings {
        variable: &environment::variable,
        home: home.as_deref().filter(|home| !home.is_empty()),
        exists: &|path| path.exists(),
    };
    let mut cluster = config::parse_in(&text, &surroundings)
        .map_err(|problems| Failure::from(problems).during(path.display()))?;
    let is_file = path.as_os_str() != "-";
    cluster.source.file = is_file.then(|| path.display().to_string());
    Ok(cluster)
}

fn text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let done = if path.as_os_str() == "-" {
        environment::stdin().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(path).map(|read| bytes = read)
    };
    done.map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not valid UTF-8".to_owned())
}
