//! Manifests from URLs, kept for when they cannot be reached.
//!
//! Their objects get the rights of an administrator. So a manifest must not be
//! changed on its way: it comes over https all the way, or has a known digest.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Client, StatusCode, Url, redirect};
use tokio_rustls::rustls;

use super::content::{self, SIZE_LIMIT};
use super::error::AddonError;
use crate::cache;
use crate::context::{Context, RunError};

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Between two pieces of the body.
const READ_LIMIT: Duration = Duration::from_secs(15);
const MAX_REDIRECTS: usize = 10;

/// Why there is no download.
enum Failure {
    /// Nobody answers there, or not now: the last copy is as good as it gets.
    Unreachable(String),
    /// What answers is not what was asked for. A copy would hide that.
    Refused(String),
}

/// Whether a text is a URL that can be downloaded.
pub(super) fn is_url(text: &str) -> bool {
    is_plain(text) || has_scheme(text, "https://")
}

/// Whether what is downloaded from a URL can be changed on its way.
fn is_plain(url: &str) -> bool {
    has_scheme(url, "http://")
}

fn has_scheme(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// Downloads a URL, and keeps a copy. A copy with the expected digest is used
/// without a download; any copy is used, with a warning, if nobody answers.
///
/// # Errors
/// Returns [`AddonError::Unprotected`] for plain http without a digest,
/// [`AddonError::Download`] if there is neither a download nor a copy, or
/// [`AddonError::Checksum`] if the content has another digest than `sha256` (64
/// hexadecimal digits).
pub(super) async fn get(
    ctx: &Context,
    url: &str,
    sha256: Option<&str>,
) -> Result<Vec<u8>, AddonError> {
    let copies: Vec<PathBuf> = cache::directories("manifests").collect();
    get_or_copy(ctx, &copies, url, sha256).await
}

/// As [`get`], with the directories that copies are kept in, best first.
async fn get_or_copy(
    ctx: &Context,
    copies: &[PathBuf],
    url: &str,
    sha256: Option<&str>,
) -> Result<Vec<u8>, AddonError> {
    if is_plain(url) && sha256.is_none() {
        return Err(AddonError::Unprotected { url: url.to_owned() });
    }
    let verify = |bytes: &[u8]| match sha256 {
        Some(wanted) => content::verify(url, bytes, wanted.to_owned()),
        None => Ok(()),
    };
    let name = content::sha256(url.as_bytes());
    let cached = copies.iter().find_map(|directory| cache::kept(&directory.join(&name)));
    if let Some(bytes) = cached.as_ref().filter(|bytes| sha256.is_some() && verify(bytes).is_ok()) {
        return Ok(bytes.clone());
    }
    let fetched = async { Ok::<_, RunError>(fetch(url).await) };
    match (ctx.interruptible(fetched).await?, cached) {
        (Ok(bytes), _) => {
            verify(&bytes)?;
            let directory = cache::writable(copies.iter().cloned());
            let kept = directory.map(|directory| cache::keep(&directory.join(&name), &bytes));
            if !matches!(kept, Some(Ok(()))) {
                ctx.progress.debug(1, format!("cannot keep a copy of {url}"));
            }
            Ok(bytes)
        }
        (Err(Failure::Unreachable(reason)), Some(bytes)) => {
            verify(&bytes)?;
            ctx.progress
                .warn(format!("cannot download {url} ({reason}); using the last copy of it"));
            Ok(bytes)
        }
        (Err(Failure::Unreachable(reason) | Failure::Refused(reason)), _) => {
            Err(AddonError::Download { url: url.to_owned(), reason })
        }
    }
}

async fn fetch(url: &str) -> Result<Vec<u8>, Failure> {
    // One provider is enough for the process: a second installation fails.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .user_agent(concat!("skiff/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_LIMIT)
        .read_timeout(READ_LIMIT)
        .redirect(redirect::Policy::custom(follow))
        .build()
        .map_err(|e| Failure::Refused(root_cause(&e)))?;
    let response = client.get(url).send().await.map_err(failure)?;
    let status = response.status();
    if !status.is_success() {
        let reason = format!("HTTP status {status}");
        let failure = if is_temporary(status) { Failure::Unreachable } else { Failure::Refused };
        return Err(failure(reason));
    }
    let (mut bytes, mut body) = (Vec::new(), response.bytes_stream());
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(failure)?);
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(Failure::Refused(content::too_large()));
        }
    }
    Ok(bytes)
}

/// Whether the same request may succeed later. Who downloads often is asked to wait.
fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

fn follow(attempt: redirect::Attempt) -> redirect::Action {
    match check_redirect(attempt.previous(), attempt.url()) {
        Ok(()) => attempt.follow(),
        Err(reason) => attempt.error(reason),
    }
}

/// A redirect must not leave https, not even with a digest: no honest server does it.
fn check_redirect(previous: &[Url], next: &Url) -> Result<(), String> {
    if next.scheme() != "https" && previous.iter().any(|url| url.scheme() == "https") {
        return Err(format!("it is redirected from https to {next}"));
    }
    match previous.len() > MAX_REDIRECTS {
        true => Err(format!("it is redirected more than {MAX_REDIRECTS} times")),
        false => Ok(()),
    }
}

fn failure(error: reqwest::Error) -> Failure {
    let reason = root_cause(&error);
    // Somebody answers, but not with the right certificate.
    let is_tls = causes(&error).any(is_tls);
    match error.is_redirect() || error.is_builder() || is_tls {
        true => Failure::Refused(reason),
        false => Failure::Unreachable(reason),
    }
}

/// An error of rustls, perhaps in one of I/O, whose source leaves it out.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || inner.is_some_and(|inner| is_tls(inner))
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// The root cause, such as a refused connection.
fn root_cause(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests;
