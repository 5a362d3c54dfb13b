//! Anybody's manifest: a file, stdin or an address.

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::AddonError;
use super::download;
use super::plan;
use crate::context::Context;

/// Larger ones are refused; the largest in use have 2 MB.
pub const LIMIT: u64 = 16 << 20;

#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    pub name: String,
    /// As it was given.
    pub path: String,
    pub objects: Vec<Value>,
}

/// Reads a manifest from a file, `-` for stdin, or an `http(s)` address; its
/// name is the file's, unless another one is given. With `sha256` (64 hex
/// digits) it must have that digest.
///
/// # Errors
/// [`AddonError::Manifest`], [`AddonError::Download`], [`AddonError::Checksum`].
pub async fn fetch(
    ctx: &Context,
    path: &str,
    name: Option<&str>,
    sha256: Option<&str>,
) -> Result<Manifest, AddonError> {
    let wrong = |reason: String| AddonError::Manifest { path: path.to_owned(), reason };
    let sha256 = sha256.map(|hex| hex.trim_start_matches("sha256:").to_lowercase());
    let bytes = if path.starts_with("http://") || path.starts_with("https://") {
        download::get(ctx, path, sha256.as_deref()).await?
    } else {
        read(path).map_err(wrong)?
    };
    if let Some(wanted) = sha256 {
        check(path, &bytes, wanted)?;
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not text".into()))?;
    let objects = plan::read(&text).map_err(wrong)?;
    if objects.is_empty() {
        return Err(wrong("it holds no objects".into()));
    }
    Ok(Manifest {
        name: name.map_or_else(|| name_of(path), str::to_owned),
        path: path.to_owned(),
        objects,
    })
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let done = if path == "-" {
        crate::environment::stdin().take(LIMIT + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
    };
    match done {
        Err(error) => Err(error.to_string()),
        Ok(length) if length as u64 > LIMIT => Err(too_large()),
        Ok(_) => Ok(bytes),
    }
}

pub fn too_large() -> String {
    format!("it is larger than {} MiB", LIMIT >> 20)
}

/// # Errors
/// [`AddonError::Checksum`].
pub fn check(path: &str, bytes: &[u8], wanted: String) -> Result<(), AddonError> {
    let found = hex(bytes);
    match found == wanted {
        true => Ok(()),
        false => Err(AddonError::Checksum { path: path.to_owned(), found, wanted }),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name made of a file's.
fn name_of(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = stem.chars().map(plain).take(40).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "manifest".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::engine::fake::FakeEngine;
    use crate::progress::Progress;

    #[test]
    fn a_manifest_is_called_as_its_file() {
        for (path, name) in [
            ("cert-manager.yaml", "cert-manager"),
            ("https://example.org/v1.2/Install_all.yaml?raw=1", "install-all"),
            ("-", "manifest"),
            ("/x/.yaml", "yaml"),
        ] {
            assert_eq!(name_of(path), name, "{path}");
        }
    }

    #[tokio::test]
    async fn files_are_read_and_checked() {
        let ctx = Context::new(
            std::sync::Arc::new(FakeEngine::default()),
            Progress::silent(),
            CancellationToken::new(),
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        let path = file.to_str().unwrap();
        let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
        std::fs::write(&file, text).unwrap();
        let digest = hex(text.as_bytes()).to_uppercase();
        let manifest = fetch(&ctx, path, None, Some(&digest)).await.unwrap();
        assert_eq!((manifest.name.as_str(), manifest.objects.len()), ("a", 1));
        let error = fetch(&ctx, path, None, Some("00")).await.unwrap_err();
        assert!(matches!(error, AddonError::Checksum { .. }), "{error}");
        for (text, word) in [("", "no objects"), ("a: b", "has no kind"), ("a: [", "line")] {
            std::fs::write(&file, text).unwrap();
            let error = fetch(&ctx, path, None, None).await.unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        std::fs::File::create(&file).unwrap().set_len(LIMIT + 1).unwrap();
        let error = fetch(&ctx, path, None, None).await.unwrap_err().to_string();
        assert!(error.contains("larger than 16 MiB"), "{error}");
    }
}
