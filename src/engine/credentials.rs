//! Credentials for registries, as `docker login` stores them: in `config.json`
//! itself, or in a program that it names
//! (<https://docs.docker.com/reference/cli/docker/login/>).

use std::ffi::OsStr;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::client_config::ClientConfig;
use crate::secret::Secret;

/// What the client calls Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";
/// The user name that says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// How a user is known to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    Password { user: String, password: Secret },
    IdentityToken(Secret),
}

/// The credentials for a registry such as `ghcr.io` or `localhost:5000`; `None` if
/// there are none.
///
/// # Errors
/// The reason why the program that keeps them does not answer.
pub(super) async fn find(
    config: &ClientConfig,
    registry: &str,
) -> Result<Option<Credentials>, String> {
    let key = if registry == "docker.io" { DOCKER_HUB } else { registry };
    match helper(config, key) {
        Some(name) => ask(OsStr::new(&format!("docker-credential-{name}")), key).await,
        None => Ok(stored(config.section("auths"), key)),
    }
}

/// The program that keeps the credentials of a registry, if one does.
fn helper(config: &ClientConfig, key: &str) -> Option<String> {
    let own = config.section("credHelpers").and_then(|helpers| helpers.get(key)?.as_str());
    let name = own.or_else(|| config.section("credsStore")?.as_str())?;
    (!name.is_empty()).then(|| name.to_owned())
}

fn stored(auths: Option<&Value>, key: &str) -> Option<Credentials> {
    let auths = auths?.as_object()?;
    let same = |name: &&String| host(name) == host(key);
    let entry = auths.get(key).or_else(|| auths.get(auths.keys().find(same)?))?;
    let text = |field: &str| entry.get(field)?.as_str().filter(|text| !text.is_empty());
    if let Some(token) = text("identitytoken") {
        return Some(Credentials::IdentityToken(Secret::new(token)));
    }
    let decoded = text("auth").and_then(|auth| STANDARD.decode(auth).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let (user, password) = match decoded.as_deref().and_then(|auth| auth.split_once(':')) {
        Some((user, password)) => (user, password.trim_end_matches('\0')),
        None => (text("username")?, text("password")?),
    };
    Some(Credentials::Password { user: user.to_owned(), password: Secret::new(password) })
}

/// The host of a key, which may be a URL.
fn host(key: &str) -> &str {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest);
    key.split('/').next().unwrap_or(key)
}

/// Asks a credential helper
/// (<https://github.com/docker/docker-credential-helpers>, "Development").
async fn ask(program: &OsStr, key: &str) -> Result<Option<Credentials>, String> {
    let failed = |reason: String| format!("{}: {reason}", program.display());
    let mut command = Command::new(program);
    command.arg("get").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // If it does not read, its answer tells why.
        let _ = stdin.write_all(key.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(|e| failed(e.to_string()))?;
    let answer = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return match answer.contains("credentials not found") {
            true => Ok(None),
            // It should be a sentence. Credentials after all are not for an error.
            false if answer.trim_start().starts_with('{') => Err(failed(output.status.to_string())),
            false => Err(failed(answer.trim().to_owned())),
        };
    }
    let answer: Value = serde_json::from_str(&answer).map_err(|e| failed(e.to_string()))?;
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    Ok(Some(match text("Username") {
        user if user == TOKEN_USER => Credentials::IdentityToken(Secret::new(text("Secret"))),
        user => Credentials::Password { user, password: Secret::new(text("Secret")) },
    }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;

    fn password(user: &str, password: &str) -> Option<Credentials> {
        Some(Credentials::Password { user: user.into(), password: Secret::new(password) })
    }

    #[test]
    fn stored_credentials_are_found_by_the_registrys_host() {
        let auths = json!({
            "https://index.docker.io/v1/": {"auth": STANDARD.encode("me:hub")},
            "ghcr.io": {"auth": STANDARD.encode("me:a:b")},
            "https://reg.example.com/v2/": {"username": "me", "password": "plain"},
            "localhost:5000": {"auth": "", "identitytoken": "t"},
            "broken": {"auth": "%%"},
            "empty": {},
        });
        for (key, expected) in [
            (DOCKER_HUB, password("me", "hub")),
            ("ghcr.io", password("me", "a:b")),
            ("reg.example.com", password("me", "plain")),
            ("localhost:5000", Some(Credentials::IdentityToken(Secret::new("t")))),
            ("localhost", None),
            ("broken", None),
            ("empty", None),
        ] {
            assert_eq!(stored(Some(&auths), key), expected, "{key}");
        }
        assert_eq!(stored(None, "ghcr.io"), None);
    }

    #[test]
    fn a_registrys_own_helper_comes_before_the_store() {
        let directory = tempfile::tempdir().unwrap();
        let text = json!({"credHelpers": {"gcr.io": "gcloud"}, "credsStore": "desktop"});
        std::fs::write(directory.path().join("config.json"), text.to_string()).unwrap();
        let config = ClientConfig::read(directory.path());
        assert_eq!(helper(&config, "gcr.io").as_deref(), Some("gcloud"));
        assert_eq!(helper(&config, "ghcr.io").as_deref(), Some("desktop"));
        assert_eq!(helper(&ClientConfig::read("/nowhere".as_ref()), "ghcr.io"), None);
    }

    #[tokio::test]
    async fn helpers_are_asked_as_docker_asks_them() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("helper");
        let answered = async |body: &str| {
            let text = format!("#!/bin/sh\n[ \"$1\" = get ] || exit 9\nread -r url\n{body}\n");
            std::fs::write(&program, text).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            ask(program.as_os_str(), "ghcr.io\n").await
        };
        let good = answered(r#"echo "{\"Username\": \"me\", \"Secret\": \"$url\"}""#).await;
        assert_eq!(good.unwrap(), password("me", "ghcr.io"));
        let token = answered(r#"echo '{"Username": "<token>", "Secret": "t"}'"#).await;
        assert_eq!(token.unwrap(), Some(Credentials::IdentityToken(Secret::new("t"))));
        let none = answered("echo credentials not found in native keychain; exit 1").await;
        assert_eq!(none.unwrap(), None);
        assert!(answered("echo locked; exit 1").await.unwrap_err().ends_with("locked"));
        assert!(answered("echo no json").await.is_err());
        for broken in ["exit 1", "echo '}'"] {
            let body = format!(r#"echo '{{"Username": "me", "Secret": "s3cret"}}'; {broken}"#);
            let error = answered(&body).await.unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
        assert!(ask("/nowhere/helper".as_ref(), "x").await.is_err());
    }
}
