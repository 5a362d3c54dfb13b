//! Manifests from URLs, kept for when they cannot be reached.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Client;

use super::content::{self, SIZE_LIMIT};
use super::error::AddonError;
use crate::cache;
use crate::context::{Context, RunError};

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Between two pieces of the body.
const READ_LIMIT: Duration = Duration::from_secs(15);

/// Downloads a URL, and keeps a copy. A copy with the expected digest is used
/// without a download; any copy is used, with a warning, if the download fails.
///
/// # Errors
/// Returns [`AddonError::Download`] if there is neither a download nor a copy, or
/// [`AddonError::Checksum`] if the download has another digest than `sha256` (64
/// hexadecimal digits).
pub(super) async fn get(
    ctx: &Context,
    url: &str,
    sha256: Option<&str>,
) -> Result<Vec<u8>, AddonError> {
    let name = content::sha256(url.as_bytes());
    let copies = cache::directories("manifests").map(|directory| directory.join(&name));
    let cached = copies.into_iter().find_map(|copy| cache::kept(&copy));
    if let (Some(bytes), Some(wanted)) = (&cached, sha256)
        && content::sha256(bytes) == wanted
    {
        return Ok(bytes.clone());
    }
    let fetched = async { Ok::<_, RunError>(fetch(url).await) };
    match (ctx.interruptible(fetched).await?, cached) {
        (Ok(bytes), _) => {
            if let Some(wanted) = sha256 {
                content::verify(url, &bytes, wanted.to_owned())?;
            }
            let directory = cache::writable(cache::directories("manifests"));
            let kept = directory.map(|directory| cache::keep(&directory.join(&name), &bytes));
            if !matches!(kept, Some(Ok(()))) {
                ctx.progress.debug(1, format!("cannot keep a copy of {url}"));
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

async fn fetch(url: &str) -> Result<Vec<u8>, String> {
    // One provider is enough for the process: a second installation fails.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .user_agent(concat!("skiff/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_LIMIT)
        .read_timeout(READ_LIMIT)
        .build()
        .map_err(|e| root_cause(&e))?;
    let response = client.get(url).send().await.map_err(|e| root_cause(&e))?;
    if !response.status().is_success() {
        return Err(format!("HTTP status {}", response.status()));
    }
    let (mut bytes, mut body) = (Vec::new(), response.bytes_stream());
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(|e| root_cause(&e))?);
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(content::too_large());
        }
    }
    Ok(bytes)
}

/// The root cause, such as a refused connection.
fn root_cause(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
