//! The files under `node-image/`, embedded, and what identifies them.

use include_dir::{Dir, DirEntry, File, include_dir};
use sha2::{Digest, Sha256};

static FILES: Dir = include_dir!("$CARGO_MANIFEST_DIR/node-image");

/// Kubernetes versions with a recipe, newest first.
pub fn versions() -> Vec<String> {
    let found = FILES.get_dir("versions").into_iter().flat_map(|dir| dir.files());
    let mut names: Vec<String> =
        found.filter_map(|f| Some(f.path().file_name()?.to_str()?.to_owned())).collect();
    names.sort_by(|a, b| b.cmp(a));
    names
}

/// Identifies what an image is made from, so that equal recipes are built once.
pub fn digest(version: &str, arch: &str, mirror: Option<&str>) -> String {
    let mut hash = Sha256::new();
    for part in [version, arch, mirror.unwrap_or_default()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    for file in sorted(&FILES) {
        hash.update(file.path().to_string_lossy().as_bytes());
        hash.update([0]);
        hash.update(file.contents());
        hash.update([0]);
    }
    hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// The recipe as a tar archive.
///
/// # Errors
/// None in practice: everything is in memory.
pub fn archive() -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in sorted(&FILES) {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.contents().len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, file.path(), file.contents())?;
    }
    archive.into_inner()
}

fn sorted(dir: &'static Dir) -> Vec<&'static File<'static>> {
    let mut files = Vec::new();
    let mut folders = vec![dir];
    while let Some(folder) = folders.pop() {
        for entry in folder.entries() {
            match entry {
                DirEntry::Dir(dir) => folders.push(dir),
                DirEntry::File(file) => files.push(file),
            }
        }
    }
    // What is for people makes no other image.
    files.retain(|file| file.path().extension().is_none_or(|extension| extension != "md"));
    files.sort_by_key(|file| file.path());
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_its_parts() {
        assert!(versions().contains(&super::super::DEFAULT_VERSION.to_owned()));
        for version in versions() {
            assert!(FILES.get_file(format!("kubernetes/{version}/go.sum")).is_some(), "{version}");
        }
    }

    #[test]
    fn the_digest_depends_on_every_input() {
        let of = |v, a, m| digest(v, a, m);
        let all = [
            of("v1", "amd64", None),
            of("v2", "amd64", None),
            of("v1", "arm64", None),
            of("v1", "amd64", Some("m")),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| other != one));
        }
        assert_eq!(of("v1", "amd64", None), all[0]);
    }
}
