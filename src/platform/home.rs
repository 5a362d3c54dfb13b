//! The user's home directory.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::environment;

/// `HOME`; on Windows the place that kind and kubectl choose (kind v0.33.0,
/// `pkg/cluster/internal/kubeconfig/internal/kubeconfig/paths.go`, `homeDir`).
pub(crate) fn home() -> Option<OsString> {
    match super::IS_WINDOWS {
        false => environment::path_variable("HOME"),
        true => of_windows(&environment::path_variable),
    }
}

fn of_windows(get: &dyn Fn(&str) -> Option<OsString>) -> Option<OsString> {
    let set = |name: &str| get(name).filter(|value| !value.is_empty());
    let (home, profile) = (set("HOME"), set("USERPROFILE"));
    let drive = set("HOMEDRIVE").zip(set("HOMEPATH")).map(|(mut drive, path)| {
        drive.push(path);
        drive
    });
    let has_kubeconfig = |path: &&OsString| Path::new(path).join(".kube").join("config").exists();
    let with_kubeconfig = [&home, &drive, &profile].into_iter().flatten().find(has_kubeconfig);
    let best = || [&home, &profile, &drive].into_iter().flatten().min_by_key(|path| rank(path));
    with_kubeconfig.or_else(best).cloned()
}

/// Writable directories first, then what exists.
fn rank(path: &OsString) -> u8 {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() && !found.permissions().readonly() => 0,
        Ok(_) => 1,
        Err(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_has_several_home_directories() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name).into_os_string();
        let file = path("file");
        fs::write(&file, "").unwrap();
        for name in ["plain", "other", "with"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::create_dir(root.path().join("with/.kube")).unwrap();
        fs::write(root.path().join("with/.kube/config"), "").unwrap();
        // HOME, HOMEPATH on the drive that is the root, USERPROFILE.
        let cases: [(&str, &str, &str, &str); 7] = [
            ("plain", "other", "other", "plain"),
            ("", "other", "plain", "plain"),
            ("", "other", "", "other"),
            ("plain", "other", "with", "with"),
            ("nowhere", "other", "", "other"),
            ("nowhere", "", "file", "file"),
            ("nowhere", "", "nothing", "nowhere"),
        ];
        for (home, drive, profile, expected) in cases {
            let get = |name: &str| match name {
                "HOME" if !home.is_empty() => Some(path(home)),
                "USERPROFILE" if !profile.is_empty() => Some(path(profile)),
                "HOMEDRIVE" => Some(root.path().into()),
                "HOMEPATH" if !drive.is_empty() => Some(format!("/{drive}").into()),
                _ => None,
            };
            assert_eq!(of_windows(&get), Some(path(expected)), "{home:?} {drive:?} {profile:?}");
        }
        assert_eq!(of_windows(&|_| None), None);
    }
}
