//! Driving the build: base, builder container, recipe, result.

use std::sync::Mutex;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio_util::io::ReaderStream;

use super::{BuildError, recipe};
use crate::engine::{Command, ContainerSpec, EngineError, Image, Said};
use crate::existing::CREATED_BY_LABEL;
use crate::images;
use crate::work::{Work, WorkError};

const RECIPE_LABEL: &str = "io.skiff.recipe";
/// Compilers' caches and finished parts; survives builds.
const CACHE_VOLUME: &str = "skiff-build-cache";
const PULLED_BASE: &str = "debian:trixie-slim";
const OWN_BASE: &str = "skiff/debian:trixie";
/// Where systems keep the authorities that TLS connections are checked against.
const CA_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Settings of the caller that downloads in the builder need as well.
const PASSED_ENV: [&str; 10] = [
    "GOPROXY",
    "GONOSUMDB",
    "GONOPROXY",
    "GOPRIVATE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

pub struct Options {
    pub version: String,
    /// As in GOARCH; `None`: the engine's.
    pub arch: Option<String>,
    /// The image's name.
    pub image: String,
    /// Where Debian packages come from, instead of Debian's own mirror.
    pub mirror: Option<String>,
    /// Build even when the image is up to date.
    pub force: bool,
    /// Use the published image instead if it is here or can be pulled.
    pub prefer_pull: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Built,
    UpToDate,
    /// The published image is there instead.
    Published,
}

/// Builds a node image unless it is there already.
///
/// # Errors
/// An unknown version, no base to build in, or the failing step's output.
pub async fn build(work: &Work, options: &Options) -> Result<Outcome, BuildError> {
    if !recipe::versions().contains(&options.version) {
        return Err(BuildError::UnknownVersion { version: options.version.clone() });
    }
    let host = work.interruptible(work.engine.host()).await?;
    let arch = options.arch.clone().unwrap_or_else(|| host.arch.clone());
    if arch != host.arch {
        return Err(BuildError::OtherArchitecture { host: host.arch, wanted: arch });
    }
    let recipe = recipe::digest(&options.version, &arch, options.mirror.as_deref());
    let present = work.interruptible(work.engine.image(&options.image)).await?;
    let is_current = |image: &Image| image.labels.get(RECIPE_LABEL) == Some(&recipe);
    if !options.force && present.as_ref().is_some_and(is_current) {
        return Ok(Outcome::UpToDate);
    }
    if options.prefer_pull {
        match images::ensure(work, images::PUBLISHED).await {
            Ok(()) => return Ok(Outcome::Published),
            Err(images::ImageError::Missing { reason, .. }) => {
                work.progress.info(format!(
                    "{} cannot be pulled ({reason}); building an image instead",
                    images::friendly(images::PUBLISHED)
                ));
            }
            Err(images::ImageError::Work(error)) => return Err(error.into()),
        }
    }
    let base = base(work, options.mirror.as_deref()).await?;
    let random = getrandom::u32().unwrap_or_default();
    let builder = format!("skiff-build-{random:08x}");
    let built = in_builder(work, options, &arch, &base, &builder, &recipe).await;
    work.settle().await;
    let removed = work.engine.remove_container(&builder).await;
    built?;
    removed?;
    if let Some(old) = present
        && let Err(error) = work.engine.remove_image(&old.id).await
    {
        // A node may still be running it.
        work.progress.debug(1, format!("the image before stays: {error}"));
    }
    Ok(Outcome::Built)
}

async fn in_builder(
    work: &Work,
    options: &Options,
    arch: &str,
    base: &str,
    builder: &str,
    recipe: &str,
) -> Result<(), BuildError> {
    let step = work.progress.step(format!("Building node image {} 🔨", options.image));
    let mut env: Vec<String> = PASSED_ENV
        .iter()
        .filter_map(|name| Some(format!("{name}={}", std::env::var(name).ok()?)))
        .collect();
    env.extend(options.mirror.iter().map(|mirror| format!("DEBIAN_MIRROR={mirror}")));
    let spec = ContainerSpec {
        name: builder.to_owned(),
        hostname: "builder".into(),
        image: base.to_owned(),
        labels: [(CREATED_BY_LABEL.to_owned(), format!("skiff-{}", env!("CARGO_PKG_VERSION")))]
            .into(),
        env,
        privileged: true, // mounts, for making a root file system
        binds: vec![format!("{CACHE_VOLUME}:/cache")],
        // Should nobody be left to remove it, it ends by itself.
        command: vec!["sleep".into(), "2h".into()],
        auto_remove: true,
        ..ContainerSpec::default()
    };
    let (engine, name) = (work.engine.clone(), builder.to_owned());
    work.whole(async move {
        engine.create_container(&spec).await?;
        engine.start_container(&name).await
    })
    .await?;

    let recipe_archive =
        recipe::archive().map_err(|e| EngineError::other("packing the recipe", e))?;
    let unpack = Command::new(["sh", "-c", "mkdir -p /src && tar -C /src -x"]);
    work.run(builder, unpack.stdin(recipe_archive)).await?;
    // What the host trusts, a company's own authority for example, the builder
    // must trust as well; nothing of it gets into the image.
    let bundle = std::env::var("SSL_CERT_FILE")
        .ok()
        .into_iter()
        .chain(CA_BUNDLES.map(str::to_owned))
        .find_map(|p| std::fs::read(p).ok());
    if let Some(bundle) = bundle {
        work.run(builder, Command::new(["sh", "-c", "cat >/host-ca.crt"]).stdin(bundle)).await?;
    }

    let said = Mutex::new(Vec::new());
    let told = |line: &str| {
        step.detail(line);
        work.progress.debug(1, line);
        let mut said = said.lock().expect("no holder panics");
        said.push(line.to_owned());
    };
    let script = Command::new(["bash", "/src/build.sh", &options.version, arch]);
    if let Err(error) = work.run_told(builder, script, told).await {
        let WorkError::Command { output, .. } = error else { return Err(error.into()) };
        let last = said.lock().expect("no holder panics").last().cloned().unwrap_or_default();
        return Err(BuildError::Failed { last, output });
    }

    step.detail("importing");
    let file_system =
        work.interruptible(work.engine.exec(builder, Command::new(["cat", "/rootfs.tar"]))).await?;
    let bytes = file_system.filter_map(|said| async {
        match said {
            Ok(Said::Stdout(bytes)) => Some(Ok::<Bytes, std::io::Error>(bytes)),
            Ok(Said::Exit(0) | Said::Stderr(_)) => None,
            Ok(Said::Exit(code)) => {
                Some(Err(std::io::Error::other(format!("reading the file system: exit {code}"))))
            }
            Err(error) => Some(Err(std::io::Error::other(error))),
        }
    });
    let changes = [
        r#"ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]"#.to_owned(),
        "ENV container=docker".to_owned(),
        "STOPSIGNAL SIGRTMIN+3".to_owned(),
        format!("LABEL {RECIPE_LABEL}={recipe}"),
        format!("LABEL io.skiff.kubernetes={}", options.version),
        format!("LABEL {}=haproxy", images::BALANCER_LABEL),
    ];
    work.interruptible(work.engine.import_image(&options.image, &changes, bytes.boxed())).await?;
    step.done();
    Ok(())
}

/// A Debian to build in: one that is here, else pulled, else made by the
/// host's mmdebstrap.
async fn base(work: &Work, mirror: Option<&str>) -> Result<String, BuildError> {
    for image in [OWN_BASE, PULLED_BASE] {
        if work.interruptible(work.engine.image(image)).await?.is_some() {
            return Ok(image.to_owned());
        }
    }
    let pull_failed = match images::ensure(work, PULLED_BASE).await {
        Ok(()) => return Ok(PULLED_BASE.to_owned()),
        Err(images::ImageError::Missing { reason, .. }) => reason,
        Err(images::ImageError::Work(error)) => return Err(error.into()),
    };
    let step = work.progress.step("Making a Debian to build in with mmdebstrap");
    let no_base = |reason: String| BuildError::NoBase {
        reason: format!("pulling {PULLED_BASE} failed ({pull_failed}), and mmdebstrap {reason}"),
    };
    let mut command = tokio::process::Command::new("mmdebstrap");
    command
        .args(["--quiet", "--variant=minbase", r#"--aptopt=Acquire::Retries "3""#, "trixie", "-"])
        .args(mirror);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| no_base(format!("does not run here: {e}")))?;
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(no_base("has no output".into()));
    };
    let said = tokio::spawn(async move {
        let mut text = String::new();
        let _ = tokio::io::AsyncReadExt::read_to_string(&mut stderr, &mut text).await;
        text
    });
    let imported = work
        .interruptible(work.engine.import_image(OWN_BASE, &[], ReaderStream::new(stdout).boxed()))
        .await;
    let status = child.wait().await;
    let said = said.await.unwrap_or_default();
    if !status.is_ok_and(|s| s.success()) {
        // Half an archive makes an image, too.
        let _ = work.engine.remove_image(OWN_BASE).await;
        imported.or(Err(no_base(format!("failed: {}", said.trim()))))?;
        return Err(no_base(format!("failed: {}", said.trim())));
    }
    imported?;
    step.done();
    Ok(OWN_BASE.to_owned())
}
