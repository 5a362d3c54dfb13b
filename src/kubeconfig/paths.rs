//! Which files are read and written: the rules of kubectl and kind
//! (kind v0.33.0, `pkg/cluster/internal/kubeconfig/internal/kubeconfig/paths.go`).

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;

/// The file that a new cluster is written to: the first candidate that exists
/// and is not a directory, or else the last candidate.
///
/// # Errors
/// Returns [`Error::Home`] if there is no candidate.
pub(crate) fn write_target(
    flag: Option<&Path>,
    env: Option<&OsStr>,
    home: Option<&Path>,
) -> Result<PathBuf, Error> {
    let paths = read_paths(flag, env, home);
    let is_file = |path: &&PathBuf| fs::metadata(path).is_ok_and(|m| !m.is_dir());
    paths.iter().find(is_file).or(paths.last()).cloned().ok_or(Error::Home)
}

/// Every file that may have a cluster: only that of the flag, else those of
/// `KUBECONFIG`, else `HOME/.kube/config`. Empty if none of them is set.
pub(crate) fn read_paths(
    flag: Option<&Path>,
    env: Option<&OsStr>,
    home: Option<&Path>,
) -> Vec<PathBuf> {
    let given = |path: &&Path| !path.as_os_str().is_empty();
    if let Some(flag) = flag.filter(given) {
        return vec![flag.to_owned()];
    }
    let mut listed = Vec::new();
    for path in env.iter().flat_map(env::split_paths) {
        if given(&path.as_path()) && !listed.contains(&path) {
            listed.push(path);
        }
    }
    if listed.is_empty() {
        listed.extend(home.filter(given).map(|home| home.join(".kube").join("config")));
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_come_from_the_first_source_that_names_any() {
        for (flag, env, home, expected) in [
            (Some("f"), Some("a:b"), Some("/h"), vec!["f"]),
            (Some(""), Some("a:b"), Some("/h"), vec!["a", "b"]),
            (None, Some(":a::b:a:"), Some("/h"), vec!["a", "b"]),
            (None, Some("::"), Some("/h"), vec!["/h/.kube/config"]),
            (None, None, Some("/h"), vec!["/h/.kube/config"]),
            (None, None, Some(""), vec![]),
            (None, None, None, vec![]),
        ] {
            let found = read_paths(flag.map(Path::new), env.map(OsStr::new), home.map(Path::new));
            let expected: Vec<PathBuf> = expected.into_iter().map(PathBuf::from).collect();
            assert_eq!(found, expected, "{flag:?} {env:?} {home:?}");
        }
    }

    #[test]
    fn the_target_is_the_first_file_there_is() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("directory")).unwrap();
        for (names, expected) in [
            (&["missing", "directory", "file", "last"][..], "file"),
            (&["missing", "last"], "last"),
            (&["directory"], "directory"),
        ] {
            let env = env::join_paths(names.iter().map(|name| at(name))).unwrap();
            let target = write_target(None, Some(&env), None).unwrap();
            assert_eq!(target, at(expected), "{names:?}");
        }
        assert!(matches!(write_target(None, None, None), Err(Error::Home)));
    }
}
