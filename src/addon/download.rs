//! Manifests from the net, kept for when there is none.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Client;

use super::AddonError;
use super::manifest::{LIMIT, check, hex, too_large};
use crate::cache;
use crate::context::{Context, RunError};

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Between two pieces, not for the whole.
const READ_LIMIT: Duration = Duration::from_secs(15);

/// What an address holds. A copy is kept: with the digest that is wanted it is
/// taken at once, and any copy serves when the address does not answer.
///
/// # Errors
/// [`AddonError::Download`], [`AddonError::Checksum`].
pub async fn get(ctx: &Context, url: &str, sha256: Option<&str>) -> Result<Vec<u8>, AddonError> {
    let copy = cache::directory("manifests").join(hex(url.as_bytes()));
    let kept = std::fs::read(&copy).ok();
    if let (Some(bytes), Some(wanted)) = (&kept, sha256)
        && hex(bytes) == wanted
    {
        return Ok(bytes.clone());
    }
    let fetched = async { Ok::<_, RunError>(fetch(url).await) };
    match (ctx.interruptible(fetched).await?, kept) {
        (Ok(bytes), _) => {
            if let Some(wanted) = sha256 {
                check(url, &bytes, wanted.to_owned())?;
            }
            if let Err(error) = keep(&copy, &bytes) {
                ctx.progress.debug(1, format!("no copy of {url} is kept: {error}"));
            }
            Ok(bytes)
        }
        (Err(reason), Some(bytes)) => {
            ctx.progress
                .warn(format!("cannot download {url} ({reason}); using the last copy of it"));
            Ok(bytes)
        }
        (Err(reason), None) => Err(AddonError::Download { url: url.to_owned(), reason }),
    }
}

fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let file = tempfile::NamedTempFile::new_in(folder)?;
    std::fs::write(file.path(), bytes)?;
    file.persist(path)?;
    Ok(())
}

async fn fetch(url: &str) -> Result<Vec<u8>, String> {
    // One is enough for the process; a second time it is there already.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .user_agent(concat!("skiff/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_LIMIT)
        .read_timeout(READ_LIMIT)
        .build()
        .map_err(|e| innermost(&e))?;
    let answer = client.get(url).send().await.map_err(|e| innermost(&e))?;
    if !answer.status().is_success() {
        return Err(format!("the answer is {}", answer.status()));
    }
    let (mut bytes, mut body) = (Vec::new(), answer.bytes_stream());
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(|e| innermost(&e))?);
        if bytes.len() as u64 > LIMIT {
            return Err(too_large());
        }
    }
    Ok(bytes)
}

/// The cause of the cause: what people can do something about.
fn innermost(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
