//! A manifest that is not an add-on: a file, stdin or a URL.

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::content::{self, SIZE_LIMIT};
use super::download;
use super::error::AddonError;
use crate::context::Context;
use crate::environment;
use crate::kube::object;
use crate::secret;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    pub name: String,
    /// The path or URL, as the user wrote it, without passwords: it is kept in the cluster.
    pub path: String,
    /// The SHA-256 of its bytes, as 64 hexadecimal digits.
    pub sha256: String,
    pub objects: Vec<Value>,
}

/// Reads a manifest from a file, from stdin (`-`), or from an `http(s)` URL. Its
/// name is that of the file unless `name` is given. With `sha256` (64 hexadecimal
/// digits) it must have that digest; with plain `http` this is required.
///
/// # Errors
/// Returns [`AddonError::Manifest`] if the text cannot be read or has no valid
/// objects, [`AddonError::Checksum`], or the errors of [`download::get`].
pub(crate) async fn fetch(
    ctx: &Context,
    path: &str,
    name: Option<&str>,
    sha256: Option<&str>,
) -> Result<Manifest, AddonError> {
    let invalid = |reason: String| AddonError::Manifest { path: path.to_owned(), reason };
    let sha256 = sha256.map(|hex| hex.trim_start_matches("sha256:").to_lowercase());
    let bytes = if download::is_url(path) {
        download::get(ctx, path, sha256.as_deref()).await?
    } else {
        read(path).map_err(invalid)?
    };
    if let Some(wanted) = sha256 {
        content::verify(path, &bytes, wanted)?;
    }
    let sha256 = content::sha256(&bytes);
    let text = String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8 text".into()))?;
    let objects = object::parse(&text).map_err(invalid)?;
    if objects.is_empty() {
        return Err(invalid("it contains no objects".into()));
    }
    Ok(Manifest {
        name: name.map_or_else(|| default_name(path), str::to_owned),
        path: secret::conceal(path).into_owned(),
        sha256,
        objects,
    })
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let done = if path == "-" {
        environment::stdin().take(SIZE_LIMIT + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes))
    };
    match done {
        Err(error) => Err(error.to_string()),
        Ok(length) if length as u64 > SIZE_LIMIT => Err(content::too_large()),
        Ok(_) => Ok(bytes),
    }
}

/// The name of a file, as far as the name of an add-on can contain it.
fn default_name(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let valid = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = stem.chars().map(valid).take(40).collect();
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
    fn a_manifest_has_the_name_of_its_file() {
        for (path, name) in [
            ("cert-manager.yaml", "cert-manager"),
            ("https://example.org/v1.2/Install_all.yaml?raw=1", "install-all"),
            ("-", "manifest"),
            ("/x/.yaml", "yaml"),
        ] {
            assert_eq!(default_name(path), name, "{path}");
        }
    }

    #[tokio::test]
    async fn files_are_read_and_checked() {
        let ctx = Context::new(
            std::sync::Arc::new(FakeEngine::default()),
            Progress::silent(),
            CancellationToken::new(),
        );
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.yaml");
        let path = file.to_str().unwrap();
        let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
        std::fs::write(&file, text).unwrap();
        let digest = content::sha256(text.as_bytes()).to_uppercase();
        let manifest = fetch(&ctx, path, None, Some(&digest)).await.unwrap();
        assert_eq!((manifest.name.as_str(), manifest.objects.len()), ("a", 1));
        assert_eq!(manifest.sha256, digest.to_lowercase());
        let with_token = format!("{path}?token=s3cret");
        std::fs::write(&with_token, text).unwrap();
        let manifest = fetch(&ctx, &with_token, None, None).await.unwrap();
        assert_eq!(manifest.path, format!("{path}?token=xxxxx"));
        let error = fetch(&ctx, path, None, Some("00")).await.unwrap_err();
        assert!(matches!(error, AddonError::Checksum { .. }), "{error}");
        for (text, word) in [("", "no objects"), ("a: b", "has no kind"), ("a: [", "line")] {
            std::fs::write(&file, text).unwrap();
            let error = fetch(&ctx, path, None, None).await.unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        std::fs::File::create(&file).unwrap().set_len(SIZE_LIMIT + 1).unwrap();
        let error = fetch(&ctx, path, None, None).await.unwrap_err().to_string();
        assert!(error.contains("larger than 16 MiB"), "{error}");
    }
}
