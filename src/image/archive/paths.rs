//! Names of entries, which must not lead outside the archive.

use std::path::{Component, Path};

use super::error::ArchiveError;

/// The name of an entry without `./`.
pub(super) fn inside(path: &[u8]) -> Result<String, ArchiveError> {
    let name = String::from_utf8_lossy(path).into_owned();
    let leads_outside = Path::new(&name)
        .components()
        .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
    if leads_outside {
        Err(ArchiveError::Outside(name))
    } else {
        Ok(resolve("", &name).unwrap_or_default())
    }
}

/// The directory that an entry is in.
pub(super) fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// `path` as seen from `directory`; `None` if it leads outside.
pub(super) fn resolve(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_resolved_within_the_archive() {
        assert_eq!(resolve("l1", "../l0/layer.tar").as_deref(), Some("l0/layer.tar"));
        assert_eq!(resolve("", "./a//b").as_deref(), Some("a/b"));
        assert_eq!(resolve("a", "../../b"), None);
    }
}
